package visit

import (
	"context"
	"errors"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
)

const (
	receiptTitle = "缴费回执"
	slipTitle    = "待退款凭条"
)

// A citizen pays the whole bill, and takes both of what comes out.
func TestBillIsPaidInFull(t *testing.T) {
	for rule, row := range map[string]struct {
		settled string
		papers  []string
	}{
		"balance": {"payment.settled bill_fen=13340 extra_fen=660 reason=paid", []string{receiptTitle}},
		"owed":    {"payment.settled bill_fen=13340 owed_fen=660 reason=paid", []string{receiptTitle, slipTitle}},
	} {
		t.Run(rule, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Surplus = rule })
				m.toCash()
				m.insert(10000, 2000, 2000)
				if rule == "owed" {
					m.page("slip")
					m.touch("form.next")
				}
				m.page("take")
				m.touch("form.next")
				m.page("rate")
				m.touch("rate.5")
				m.page("goodbye")
				m.home()
				m.tells("visit.begun", row.settled, "bill.posted amount_fen="+map[string]string{"balance": "14000", "owed": "13340"}[rule], "visit.ended reason=done")
				m.came(row.papers...)
			})
		})
	}
}

// Somebody walks away with money in the box: it pays a part where the biller takes parts, else it is owed.
func TestWalksAwayWithMoneyInside(t *testing.T) {
	for name, row := range map[string]struct {
		part    bool
		settled string
		papers  []string
	}{
		"part":    {true, "payment.settled bill_fen=5000 reason=walked_away", []string{receiptTitle}},
		"no part": {false, "payment.settled owed_fen=5000 reason=walked_away", nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = row.part })
				m.toCash()
				m.insert(5000)
				m.home()
				m.tells("visit.begun", row.settled, "visit.ended reason=timeout")
				m.came(row.papers...)
			})
		})
	}
}

// A note that is offered in the instant in which the visit ends is in no doubt: what the journal knows to be
// inside is inside.
func TestWalksAwayWithANoteOnItsWay(t *testing.T) {
	for _, before := range []time.Duration{1200, 900, 600, 300, 100} {
		bubble(t, func(t *testing.T, m *machine) {
			m.toCash()
			m.insert(5000)
			m.until("the time is nearly over", func() bool {
				v := m.view()
				return v.Left != nil && time.Until(v.Left.Ends) < before*time.Millisecond
			})
			m.note(2000)
			m.home()
			var box money.Fen
			for _, row := range m.cash.Path().World().Box {
				box = box.Add(money.Fen(row.Face).Times(int64(row.Count)))
			}
			if in := m.inside(); in != box {
				t.Errorf("%v before the end: %s inside, the journal knows of %s", before*time.Millisecond, box, in)
			}
		})
	}
}

// Home is pressed with money inside: it is asked what is to become of it. Pressed again, the money goes by its rule; the
// person stands there, and the papers come at once.
func TestHomeWithMoneyInside(t *testing.T) {
	for name, part := range map[string]bool{"part": true, "no part": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = part })
				m.toCash()
				m.insert(2000, 1000)
				m.touch("nav.home")
				m.until("the page asks", func() bool { v := m.view(); return v.Can("choice.rest.owed") && v.Can("choice.rest.more") })
				m.touch("nav.home") // and does not want to be asked
				if part {
					m.page("take")
					m.home()
					m.tells("payment.settled bill_fen=3000 reason=walked_away", "visit.ended reason=home")
					m.came(receiptTitle)
					return
				}
				m.page("slip")
				m.touch("form.next")
				m.page("take")
				m.touch("nav.home")
				m.home()
				m.tells("payment.settled owed_fen=3000 reason=walked_away", "paper.printed what=receipt way=receipt", "paper.printed what=slip way=receipt", "visit.ended reason=home")
				m.came(receiptTitle, slipTitle)
			})
		})
	}
}

// After home the slip's page is a page like any other: language, type and more time do not end it.
func TestTouchesOnTheSlipAfterHome(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Part = false })
		m.toCash()
		m.insert(2000)
		m.roll.Faults().Arm("paper_out", 1) // the code is on the screen alone
		m.until("the page asks", func() bool { v := m.view(); return v.Can("choice.rest.owed") })
		if v := m.view(); v.Can("choice.rest.more") {
			t.Error("without paper the page offers to go on with notes")
		}
		m.touch("nav.home")
		code := m.page("slip").Code
		if code == "" {
			t.Fatal("there is no code on the page")
		}
		m.touch("home.language", "home.elder")
		m.until("the warning", func() bool { v := m.view(); return v.Can("timeout.more") })
		m.touch("timeout.more")
		if v := m.view(); v.Page != "slip" || v.Code != code || v.Language != "en" || !v.Elder {
			t.Errorf("the page is %s in %s, elder %v, with code %q; want the slip with %q", v.Page, v.Language, v.Elder, v.Code, code)
		}
		m.touch("form.next")
		m.tells("paper.begun what=slip way=screen", "paper.printed what=slip way=screen")
	})
}

// The payment is ended early: what becomes of the money is the citizen's choice.
func TestPaymentIsStopped(t *testing.T) {
	for choice, row := range map[string]struct {
		settled string
		papers  []string
	}{
		"choice.rest.part": {"payment.settled bill_fen=5000 reason=stopped", []string{receiptTitle}},
		"choice.rest.owed": {"payment.settled owed_fen=5000 reason=stopped", []string{receiptTitle, slipTitle}},
	} {
		t.Run(choice, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.toCash()
				m.insert(5000)
				m.touch("pay.cancel", choice)
				if len(row.papers) == 2 {
					m.page("slip")
					m.touch("form.next")
				}
				m.page("take")
				m.touch("nav.home")
				m.home()
				m.tells(row.settled, "visit.ended reason=home")
				m.came(row.papers...)
			})
		})
	}
}

// With an empty box pay.cancel goes back to the ways to pay; nothing is printed and nothing is owed.
func TestPaymentIsStoppedBeforeTheFirstNote(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.touch("pay.cancel")
		m.page("method")
		m.touch("nav.home")
		m.home()
		m.tells("cash.opened", "cash.closed", "visit.ended reason=home")
		m.came()
	})
}

// pay.finish pays the part, or asks where the biller takes none.
func TestPaymentIsFinishedEarly(t *testing.T) {
	for name, part := range map[string]bool{"part": true, "no part": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = part })
				m.toCash()
				m.insert(5000)
				m.touch("pay.finish")
				if part {
					m.page("take")
					m.tells("payment.settled bill_fen=5000 reason=finished")
					return
				}
				if v := m.view(); v.Can("choice.rest.part") {
					t.Error("a part is offered that the biller does not take")
				}
				m.touch("choice.rest.owed")
				m.page("slip")
				m.tells("payment.settled owed_fen=5000 reason=stopped")
				m.touch("form.next")
			})
		})
	}
}

// The biller does not book what was paid: every fen of it is owed, on slips whose amounts add up.
func TestBillerRefusesToBook(t *testing.T) {
	for rule, slips := range map[string]int{"balance": 1, "owed": 2} {
		t.Run(rule, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Surplus, h.posting = rule, office.Posting{State: "refused"} })
				m.toCash()
				m.insert(10000, 5000)
				m.page("slip")
				m.says(front.SayPostRefused)
				for range slips {
					m.touch("form.next")
				}
				m.page("take")
				m.touch("nav.home")
				m.home()
				var owed money.Fen
				m.journal.Book(func(b *casefile.Book) {
					for _, o := range b.Owed {
						if o.Slip != "receipt" {
							t.Errorf("%s is owed without a slip", o.Amount)
						}
						owed = owed.Add(o.Amount)
					}
					if len(b.Owed) != slips {
						t.Errorf("%d are owed, want %d", len(b.Owed), slips)
					}
				})
				if owed != 15000 {
					t.Errorf("%s is owed, want 150.00", owed)
				}
				papers := []string{receiptTitle, "150.00"}
				if slips == 2 {
					papers = []string{receiptTitle, "16.60", "133.40"}
				}
				m.came(papers...)
			})
		})
	}
}

// The biller says nothing for a while: the receipt comes all the same, and Tend books it later.
func TestBillerBooksLater(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.posting = office.Posting{} })
		m.toCash()
		began := time.Now()
		m.insert(10000, 5000)
		m.page("take")
		if took := time.Since(began); took > postingMax+30*time.Second {
			t.Errorf("the page came after %v", took)
		}
		m.came(receiptTitle)
		m.touch("nav.home")
		m.home()
		m.hall.set(func(h *hall) { h.posting = office.Posting{State: "posted"} })
		if err := m.kiosk.tendPostings(t.Context()); err != nil {
			t.Fatal(err)
		}
		m.tells("bill.posted amount_fen=15000")
	})
}

// The bill changed between the page that showed it and the first note: it is shown again, and nothing has begun.
func TestBillChangesBeforeTheFirstNote(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toBill()
		m.touch("form.next")
		m.page("method")
		m.hall.set(func(h *hall) {
			h.bill.Periods = []office.Period{{Period: "2026-10", Due: 5000}, {Period: "2026-11", Due: 340}}
		})
		m.touch("pay.cash")
		m.page("bill")
		m.says(front.SayBillChanged)
		m.tells("visit.begun")
		m.touch("form.next", "pay.cash")
		if v := m.page("pay"); v.Money.Due != 5340 {
			t.Errorf("due %d, want 5340", v.Money.Due)
		}
		m.insert(5000, 500)
		m.page("take")
		m.tells("payment.settled bill_fen=5340 extra_fen=160 reason=paid")
	})
}

// The line is cut before the first note: no note is taken.
func TestLineIsCutBeforeTheFirstNote(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toBill()
		m.touch("form.next")
		m.page("method")
		m.hall.set(func(h *hall) { h.bill.Status = "garbled" })
		m.touch("pay.cash")
		m.page("method")
		m.says(front.SayHallGarbled)
		m.tells("visit.begun")
	})
}

// Only one of two bills is chosen; with none there is no way on.
func TestBillsAreChosen(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toBill()
		m.touch("choice.bill.2026-10", "choice.bill.2026-11", "form.next")
		m.page("bill")
		m.says(front.SayBillNoneChosen)
		m.touch("choice.bill.2026-10", "form.next", "pay.cash")
		m.page("pay")
		m.insert(5000)
		m.page("take")
		m.tells("payment.settled bill_fen=5000 reason=paid")
	})
}

// A coin is told of when its person has gone: it is owed to them. What the one who stands there has put in is left alone.
func TestCoinToldLate(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.kiosk.Tend(ctx) }()
		m.hall.set(func(h *hall) { h.up = false })
		m.write(casefile.CaseOpened, "900000000001", casefile.Header{Service: "cash.stray"})
		m.write(casefile.CoinTaken, "900000000001", casefile.Header{Face: 100, Currency: money.CNY})
		m.until("the coin is owed", func() bool { return m.placed() == casefile.Places{Owed: 100} })
		m.hall.set(func(h *hall) { h.up = true })
		m.toCash()
		m.insert(5000)
		m.until("the note is in", func() bool { return m.placed().Visit == 5000 })
		time.Sleep(3 * tendEvery) // virtual
		if got := m.placed(); got.Visit != 5000 {
			t.Errorf("while somebody pays: placed %+v", got)
		}
		m.insert(10000)
		m.page("take")
		m.touch("nav.home")
		m.home()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A coin has fallen past the sensor that counts it: the person leaves with a slip that has the number of the case.
func TestCoinThatNobodySaw(t *testing.T) {
	for _, way := range []string{"paid", "home", "stop"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = false })
				m.toCash()
				id := ""
				m.journal.Book(func(b *casefile.Book) { id = b.CashOpen })
				m.write(casefile.CoinsReset, id, casefile.Header{Reason: "while coins were taken", Asked: "a good coin was swallowed without credit", Owed: "OAAAAAAAAAAAA"})
				slip := "凭条"
				switch way {
				case "paid":
					m.insert(10000, 5000)
					m.page("take")
					m.came(receiptTitle, slip)
				case "home":
					m.touch("nav.home")
					m.home()
					m.came(slip)
				case "stop":
					m.end()
					m.came(slip)
				}
			})
		})
	}
}

func (m *machine) write(kind casefile.Kind, caseID string, h casefile.Header) {
	m.t.Helper()
	if err := m.journal.Append(context.Background(), store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) placed() (p casefile.Places) {
	m.journal.Book(func(b *casefile.Book) { p = b.Placed })
	return p
}
