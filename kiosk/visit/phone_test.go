package visit

import (
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
)

var (
	placed = office.Order{State: "placed", CodeURL: "weixin://example/1"}
	paid   = office.Order{State: "paid", Paid: 13340, Definite: true}
	gone   = office.Order{State: "closed", Definite: true}
)

// toPhone goes to the page of a way to pay by phone.
func (m *machine) toPhone(way string) {
	m.t.Helper()
	m.toBill()
	m.touch("form.next")
	m.page("method")
	m.touch(way)
}

// shown waits until the code is on the screen.
func (m *machine) shown() {
	m.t.Helper()
	m.until("the code", func() bool { return m.view().Code == placed.CodeURL })
}

func TestPhoneScansTheScreen(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.placed, h.order = placed, placed })
		m.toPhone("pay.show")
		m.shown()
		m.hall.set(func(h *hall) { h.order = office.Order{State: "paying"} })
		m.until("the payer is asked", func() bool { v := m.view(); return v.Message != nil && v.Message.Phrase == front.WaitPaying })
		m.shown() // the code stays
		m.hall.set(func(h *hall) { h.order = paid })
		m.page("take")
		m.tells("order.begun amount_fen=13340", "order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason=paid", "bill.posted amount_fen=13340")
		m.came(receiptTitle)
		if a := m.hall.attempts; len(a) != 1 || a[0].Amount != 13340 || a[0].Mode != "show" || a[0].Attempt == "" {
			t.Errorf("placed %+v", a)
		}
	})
}

// The line is lost while somebody may be paying: the screen says so, shows no code to begin with, and whoever leaves, or is thought to have left,
// is told where he can look. What he has paid is booked later.
func TestLineIsLostWhileThePhonePays(t *testing.T) {
	for _, way := range []string{"nav.home", "pay.cancel", "waits"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				lost := func() bool {
					v := m.view()
					return v.Message != nil && v.Message.Phrase == front.WaitLine && v.Code == ""
				}
				m.hall.set(func(h *hall) { h.placed, h.order = placed, placed })
				m.toPhone("pay.show")
				m.shown()
				m.hall.set(func(h *hall) { h.up = false })
				m.until("the screen says that there is no line", lost)
				m.hall.set(func(h *hall) { h.up = true })
				m.shown()
				m.hall.set(func(h *hall) { h.up = false })
				m.until("the screen says that there is no line", lost)
				if way != "waits" {
					m.touch(way)
				}
				v := m.page("slip")
				m.says(front.SayOrderUnknown)
				if len(v.Rows) == 0 || len(v.Rows[0].Value.Text) != caseDigits {
					t.Errorf("the case number is not on the page: %+v", v.Rows)
				}
				m.touch("form.next")
				m.home()
				m.hall.set(func(h *hall) { h.up, h.closed = true, paid })
				if err := m.kiosk.tendOrders(t.Context()); err != nil {
					t.Fatal(err)
				}
				m.tells("order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason=paid_late")
			})
		})
	}
}

// The payment is given up: the order is made definite before anything else can be tried.
func TestPhonePaymentIsGivenUp(t *testing.T) {
	for name, row := range map[string]struct {
		closed office.Order
		says   front.Phrase
		record string
	}{
		"closed":   {gone, front.SayOrderFailed, "order.closed"},
		"reversed": {office.Order{State: "reversed", Definite: true}, front.SayOrderReversed, "order.closed"},
		"refunded": {office.Order{State: "refunded", Definite: true}, front.SayOrderReversed, "order.closed"},
		"refused":  {office.Order{State: "refused", Definite: true}, front.SayOrderRefused, "order.closed"},
		"none":     {office.Order{State: "none", Definite: true}, front.SayOrderFailed, "order.closed"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, row.closed })
				m.toPhone("pay.show")
				m.shown()
				m.touch("pay.cancel")
				m.page("method")
				m.says(row.says)
				m.tells("order.begun amount_fen=13340", row.record)
				m.came()
				// The next attempt has a number of its own.
				m.hall.set(func(h *hall) { h.order = paid })
				m.touch("pay.show")
				m.page("take")
				if a := m.hall.attempts; len(a) != 2 || a[0].Attempt == a[1].Attempt {
					t.Errorf("attempts %+v", a)
				}
			})
		})
	}
}

// The payer confirms in the instant in which the payment is given up, or its person walks away: it pays the bill.
func TestPhonePaysInTheLastInstant(t *testing.T) {
	for name, leaves := range map[string]func(m *machine){
		"cancel": func(m *machine) { m.touch("pay.cancel"); m.page("take") },
		"home":   func(m *machine) { m.touch("nav.home"); m.page("take") },
		"away":   func(m *machine) { m.home() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, paid })
				m.toPhone("pay.show")
				m.shown()
				leaves(m)
				reason := map[string]string{"cancel": "paid", "home": "walked_away", "away": "walked_away"}[name]
				m.tells("order.begun amount_fen=13340", "order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason="+reason)
				m.came(receiptTitle)
			})
		})
	}
}

// Nobody scans the code: after its time the order is closed and the ways to pay are offered again.
func TestCodeIsNotScanned(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, gone })
		m.toPhone("pay.show")
		m.shown()
		m.home() // the visit's own time-out comes first
		m.tells("order.begun amount_fen=13340", "order.closed", "visit.ended reason=timeout")
	})
}

// The answer to the order is lost: it is closed before anything else, and not placed again.
func TestAnswerToTheOrderIsLost(t *testing.T) {
	for name, row := range map[string]struct {
		closed office.Order
		page   string
	}{"paid": {paid, "take"}, "closed": {gone, "method"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.closed = row.closed })
				m.toPhone("pay.show")
				m.until("the page "+row.page, func() bool { return m.view().Page == row.page && len(m.hall.attempts) == 1 })
				if n := len(m.hall.attempts); n != 1 {
					t.Errorf("placed %d times", n)
				}
			})
		})
	}
}

// Nobody can say what became of the order: no other attempt begins, the case number stands on the screen, and
// what the hall says later is written down, once.
func TestOrderStaysUncertain(t *testing.T) {
	for name, later := range map[string]office.Order{"paid": paid, "closed": gone} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.placed, h.order = placed, placed })
				m.toPhone("pay.show")
				m.shown()
				began := time.Now()
				m.touch("pay.cancel")
				v := m.page("slip")
				m.says(front.SayOrderUnknown)
				if took := time.Since(began); took > closeMax+time.Second {
					t.Errorf("the page came after %v", took)
				}
				if len(v.Rows) == 0 || len(v.Rows[0].Value.Text) != caseDigits {
					t.Errorf("the case number is not on the page: %+v", v.Rows)
				}
				if err := m.kiosk.tendOrders(t.Context()); err != nil { // its person is still here
					t.Fatal(err)
				}
				m.touch("form.next")
				m.page("goodbye")
				m.home()
				m.hall.set(func(h *hall) { h.closed = later })
				for range 2 {
					if err := m.kiosk.tendOrders(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if name == "paid" {
					m.tells("order.begun amount_fen=13340", "order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason=paid_late")
				} else {
					m.tells("order.begun amount_fen=13340", "order.closed")
				}
			})
		})
	}
}

// show holds a code under the scanner as soon as it looks.
func (m *machine) show(code string) {
	m.t.Helper()
	m.until("the scanner looks", func() bool { return m.scanner.Show([]byte(code)) == nil })
}

// payCode is shaped as a code of a payer's phone is.
const payCode = "134567890123456789"

// Codes that are none of a phone are told apart in a sentence; then the right one pays.
func TestPhoneIsScanned(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.placed, h.order = office.Order{State: "paying"}, office.Order{State: "paying"} })
		m.toPhone("pay.scan")
		m.page("pay")
		m.show(person("").Number)
		m.until("a sentence", func() bool { return m.view().Message != nil })
		m.says(front.SayIDLikeCode)
		m.show("YCB:water:" + account)
		m.until("another sentence", func() bool { v := m.view(); return v.Message != nil && v.Message.Phrase == front.SayNotPayCode })
		m.show(payCode)
		m.until("the payer is asked", func() bool { v := m.view(); return v.Message != nil && v.Message.Phrase == front.WaitPaying })
		m.hall.set(func(h *hall) { h.order = paid })
		m.page("take")
		m.tells("order.begun amount_fen=13340", "order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason=paid")
		if a := m.hall.attempts; len(a) != 1 || a[0].AuthCode != payCode || a[0].Mode != "scan" {
			t.Errorf("placed %d attempts", len(a))
		}
	})
}

// The payer does not confirm, or refuses.
func TestPayerDoesNotConfirm(t *testing.T) {
	for name, row := range map[string]struct {
		then office.Order
		says front.Phrase
	}{
		"never":   {office.Order{State: "paying"}, front.SayOrderReversed},
		"refuses": {office.Order{State: "refused", Definite: true}, front.SayOrderRefused},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				paying := office.Order{State: "paying"}
				m.hall.set(func(h *hall) {
					h.placed, h.order, h.closed = paying, paying, office.Order{State: "reversed", Definite: true}
				})
				m.toPhone("pay.scan")
				m.page("pay")
				m.show(payCode)
				m.until("the payer is asked", func() bool { v := m.view(); return v.Message != nil && v.Message.Phrase == front.WaitPaying })
				m.hall.set(func(h *hall) { h.order = row.then })
				if name == "never" {
					for range 3 { // somebody stands there and asks for more time
						m.until("the warning or the end", func() bool { v := m.view(); return v.Can("timeout.more") || v.Page == "method" })
						if m.view().Page == "method" {
							break
						}
						m.touch("timeout.more")
					}
				}
				m.page("method")
				m.says(row.says)
				m.tells("order.begun amount_fen=13340", "order.closed")
			})
		})
	}
}

// The biller refuses what was paid by phone: it goes back to the phone, and nothing is owed.
func TestPhonePaymentIsRefunded(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.placed, h.order, h.posting = placed, placed, office.Posting{State: "refunded"} })
		m.toPhone("pay.show")
		m.shown()
		m.hall.set(func(h *hall) { h.order = paid })
		m.page("take")
		m.says(front.SayOrderReversed)
		m.tells("order.begun amount_fen=13340", "order.paid amount_fen=13340", "bill.refunded amount_fen=13340 reason=refused by the biller")
		m.journal.Book(func(b *casefile.Book) {
			if len(b.Owed) > 0 || b.Placed.Refunded != 13340 {
				t.Errorf("owed %d, refunded %s", len(b.Owed), b.Placed.Refunded)
			}
		})
	})
}

// A stop order while the code is shown: the order is left to Tend, which makes it definite after the start.
func TestStopOrderWhileACodeIsShown(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, paid })
		m.toPhone("pay.show")
		m.shown()
		m.stopVisits()
		m.until("the visit is over", func() (over bool) {
			m.journal.Book(func(b *casefile.Book) { over = b.Visit == "" })
			return over
		})
		if err := m.kiosk.tendOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.tells("order.begun amount_fen=13340", "visit.ended reason=stop", "order.paid amount_fen=13340", "payment.settled bill_fen=13340 reason=paid_late")
	})
}

// The copy of a receipt after a power cut says how it was paid, and nothing that cannot be known any more.
func TestCopyOfAReceipt(t *testing.T) {
	for name, pay := range map[string]func(m *machine){
		"phone": func(m *machine) {
			m.hall.set(func(h *hall) { h.placed, h.order = placed, paid })
			m.toPhone("pay.show")
		},
		"notes": func(m *machine) {
			m.toCash()
			m.insert(10000, 2000, 2000)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				pay(m)
				m.page("take")
				var c casefile.Case
				attempt := ""
				m.journal.Book(func(b *casefile.Book) {
					for _, found := range b.Cases {
						c = *found
					}
					for no := range b.Orders {
						attempt = no
					}
				})
				v := &visit{Kiosk: m.kiosk, lang: "zh", catalog: m.kiosk.Catalog()}
				paper := v.copyOf(c, nil).Paper("zh")
				if err := paper.Err(); err != nil {
					t.Fatal(err)
				}
				text := paper.String()
				for _, not := range []string{"账期", "户号", "户名"} {
					if strings.Contains(text, not) {
						t.Errorf("the copy says %s, which nobody knows any more:\n%s", not, text)
					}
				}
				for _, want := range []string{"133.40", "供水公司", c.ID, map[string]string{"phone": attempt, "notes": "100元×1"}[name]} {
					if !strings.Contains(text, want) || want == "" {
						t.Errorf("the copy does not say %q:\n%s", want, text)
					}
				}
			})
		})
	}
}

// Each refusal has a sentence of its own: what to do next is another thing.
func TestPaymentCodeIsRefused(t *testing.T) {
	for reason, says := range map[string]front.Phrase{"not_enough": front.SayOrderShort, "code_expired": front.SayOrderExpired,
		"code_invalid": front.SayOrderExpired, "system": front.SayOrderRefused} {
		t.Run(reason, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.placed = office.Order{State: "refused", Reason: reason, Definite: true} })
				m.toPhone("pay.show")
				m.page("method")
				m.says(says)
			})
		})
	}
}

// A coin is told of while a phone pays: it is no part of what the phone pays, and its person, who stands there, has a slip for it.
func TestCoinIsToldWhileAPhonePays(t *testing.T) {
	for _, way := range []string{"paid", "home", "behind the papers"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, gone })
				m.toPhone("pay.show")
				m.shown()
				tell := func() {
					visit := ""
					m.journal.Book(func(b *casefile.Book) { visit = b.Visit })
					m.write(casefile.CaseOpened, "900000000001", casefile.Header{Service: casefile.Stray, Visit: visit})
					m.write(casefile.CoinTaken, "900000000001", casefile.Header{Face: 100, Currency: money.CNY})
				}
				if way == "behind the papers" {
					m.hall.set(func(h *hall) { h.order = paid })
					m.page("take")
					tell()
					m.touch("form.next")
					m.page("rate")
					m.touch("rate.skip")
					m.home()
					m.came(receiptTitle, slipTitle)
					return
				}
				tell()
				strips := []string{receiptTitle, slipTitle}
				if way == "paid" {
					m.hall.set(func(h *hall) { h.order = paid })
				} else {
					m.touch("nav.home")
					strips = strips[1:]
				}
				m.page("slip")
				if got := m.row(front.LabelCase); got != "900000000001" {
					t.Errorf("the slip is of case %q", got)
				}
				m.touch("form.next")
				if way == "paid" {
					m.page("take")
					m.touch("nav.home")
				}
				m.home()
				m.came(strips...)
				if got := m.placed(); got.Visit != 0 || got.Owed != 100 {
					t.Errorf("placed %+v", got)
				}
			})
		})
	}
}
