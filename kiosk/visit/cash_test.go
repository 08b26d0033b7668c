package visit

import (
	"context"
	"strings"
	"testing"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
)

// sees waits until the page says this.
func (m *machine) sees(phrase front.Phrase) {
	m.t.Helper()
	m.until("the page says "+string(phrase), func() bool { v := m.view(); return v.Message != nil && v.Message.Phrase == phrase })
}

// What the acceptor does with a note is told in a sentence, and the next note is as welcome as the first.
func TestNoteIsTurnedAway(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		if _, err := m.cash.Path().Offer(5000, money.CNY, "foreign"); err != nil {
			t.Fatal(err)
		}
		m.sees(front.SayNoteRefused)
		m.insert(10000)
		if v := m.view(); v.Message != nil {
			t.Errorf("after a good note the page still says %+v", v.Message)
		}
		if v := m.view(); v.Money.Inserted != 10000 || v.Money.Remaining != 3340 || v.Can("nav.back") {
			t.Errorf("money %+v, back offered %v", v.Money, v.Can("nav.back"))
		}
		m.touch("pay.finish")
		m.page("take")
	})
}

// The box is full, or somebody takes it out: no note is taken, the page says why, and what is inside is placed.
func TestAcceptorIsNotFit(t *testing.T) {
	for fault, says := range map[string]front.Phrase{"box_full": front.SayBoxFull, "box_removed": front.SayCashClosed} {
		t.Run(fault, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.toCash()
				m.insert(5000)
				m.cash.Faults().Arm(fault, 1) // from its own table
				m.sees(says)
				if m.view().Money.Taking {
					t.Error("the mouth is shown green")
				}
				m.touch("pay.finish")
				m.page("take")
				m.tells("payment.settled bill_fen=5000 reason=finished")
			})
		})
	}
}

// A note is stuck on its way into the box: it is waited for so long and no longer, and then it is doubtful.
func TestNoteIsStuck(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.insert(2000)
		m.cash.Path().OnPoint(func(point string) {
			if point == "cash.escrow" {
				go m.cash.Faults().Arm("jam", 1) // a hand, while the mechanism stands still
			}
		})
		m.note(5000)
		m.sees(front.SayNoteJam)
		m.until("the note is doubtful", func() (is bool) {
			m.journal.Book(func(b *casefile.Book) { is = len(b.Doubtful) > 0 })
			if v := m.view(); !is && v.Can("timeout.more") {
				m.touch("timeout.more") // its person stands there
			}
			return is
		})
		m.touch("pay.finish")
		m.page("slip")
		m.touch("form.next")
		m.page("take")
		m.came(receiptTitle, "50.00")
	})
}

// The acceptor draws a note in although it was told to shut, while the person decides what is to become of the money: the
// page says that the note is waited for, it goes back, and the visit goes on.
func TestNoteIsDrawnInLate(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.insert(5000)
		m.touch("pay.cancel")
		m.sees(front.SayStopAsk)
		if err := m.kiosk.Station.Cash.Accept(context.Background(), payment.Faces); err != nil {
			t.Fatal(err)
		}
		m.note(2000)
		m.until("the note is held", func() (held bool) {
			m.journal.Book(func(b *casefile.Book) { held = b.OpenNote() != nil })
			return held
		})
		m.touch("choice.rest.part")
		m.sees(front.WaitNote)
		m.page("take")
		m.tells("note.returned", "payment.settled bill_fen=5000 reason=stopped")
	})
}

// A terminal without an acceptor does not offer cash.
func TestThereIsNoAcceptor(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.kiosk.Station.Cash = cash.Absent{}
		m.toBill()
		m.touch("form.next")
		if v := m.page("method"); v.Can("pay.cash") || !v.Can("pay.show") {
			t.Errorf("offered: %v", v.Acts)
		}
	})
}

// Account numbers that cannot be are told apart before anybody is asked.
func TestAccountIsMistyped(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("home.pay", "service.pay.water", "key.ok")
		m.says(front.SayAccountShort)
		for _, d := range "3102005531" {
			m.touch("key." + string(d))
		}
		m.touch("key.ok")
		m.says(front.SayAccountCheck)
		if m.hall.asked != 0 {
			t.Error("the biller was asked about a number that cannot be")
		}
		m.touch("key.delete", "key.delete", "key.1", "key.3")
		for status, says := range map[string]front.Phrase{"unknown_account": front.SayAccountUnknown, "garbled": front.SayHallGarbled, "silent": front.SayHallSilent, "closed": front.SayHallSilent} {
			m.hall.set(func(h *hall) { h.bill.Status = status })
			m.touch("key.ok")
			m.page("account")
			m.says(says)
		}
		m.hall.set(func(h *hall) { h.up = false })
		m.touch("key.ok")
		m.page("account")
		m.says(front.SayNoLineBills)
	})
}

// The code of the paper bill stands for its number; another code is told apart.
func TestPaperBillUnderTheScanner(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("home.pay", "service.pay.water")
		m.page("account")
		m.show("https://example.com/")
		m.sees(front.SayNotBillCode)
		m.show("YCB:water:" + account)
		m.page("bill")
		m.hall.set(func(h *hall) { h.bill.Status = "bad_code" })
		m.touch("nav.back")
		m.page("account")
		m.show("YCB:water:1")
		m.sees(front.SayNotBillCode)
	})
}

// The paper ends while notes are taken: no more are, the page says why, and what is inside is the person's to decide
// about. With nothing inside the other ways to pay are offered.
func TestPaperEndsWhileNotesAreTaken(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.roll.Faults().Arm("paper_out", 1) // from its own table
		v := m.page("method")
		m.says(front.SayNoPaper)
		if v.Can("pay.cash") || !v.Can("pay.show") {
			t.Errorf("without paper one can %v", v.Acts)
		}
		m.roll.Faults().Arm("paper_out", 0)
		m.until("cash is offered again", func() bool { v := m.view(); return v.Can("pay.cash") })
		m.touch("pay.cash")
		m.page("pay")
		m.insert(5000)
		m.roll.Faults().Arm("paper_out", 1)
		m.until("the page asks", func() bool { v := m.view(); return v.Can("choice.rest.part") })
		m.sees(front.SayStopAsk)
		if v := m.view(); v.Money.Taking || len(v.Notes) != 1 || v.Notes[0].Phrase != front.SayNoPaper {
			t.Errorf("the page shows %+v and says %+v", v.Money, v.Notes)
		}
		if _, err := m.cash.Path().Offer(1000, money.CNY, "genuine"); err == nil && m.cash.Path().World().Mouth != nil {
			t.Error("the rollers take a note")
		}
		m.touch("choice.rest.part")
		m.page("take")
		for _, n := range m.view().Notes {
			if n.Phrase == front.HintTakeReceipt {
				t.Error("the page speaks of a receipt that did not come out")
			}
		}
		m.tells("payment.settled bill_fen=5000 reason=stopped")
		m.came()
	})
}

// toOther goes back from the ways to pay, and on to the bill of another account.
func (m *machine) toOther() {
	m.t.Helper()
	const other = "3102005521"
	m.hall.set(func(h *hall) { h.bill.Account, h.bill.Periods = other, h.bill.Periods[:1] })
	m.touch("nav.back", "nav.back")
	m.page("account")
	for range account {
		m.touch("key.delete")
	}
	for _, d := range other {
		m.touch("key." + string(d))
	}
	m.touch("key.ok")
	m.page("bill")
}

// The coin acceptor's line dropped as a coin fell, and who put it in has gone back to the ways to pay. When the coin is told he is asked what is to become of
// it, wherever he has gone meanwhile, and what is printed is of the bill that it was put in for.
func TestCoinIsToldWhenNothingIsTakenAnyMore(t *testing.T) {
	for name, goes := range map[string]func(m *machine, told func()){
		"at the ways to pay": func(_ *machine, told func()) { told() },
		"a way is chosen":    func(m *machine, told func()) { told(); m.touch("pay.cash") },
		"while the company is asked": func(m *machine, told func()) {
			m.hall.set(func(h *hall) { h.befalls = told })
			m.touch("pay.cash")
		},
		"while the company is asked, before a code": func(m *machine, told func()) {
			m.hall.set(func(h *hall) { h.befalls = told })
			m.touch("pay.show")
		},
		"behind a phone": func(m *machine, told func()) {
			m.hall.set(func(h *hall) { h.placed, h.order, h.closed = placed, placed, gone })
			m.touch("pay.show")
			m.shown()
			m.touch("pay.cancel")
			m.page("method")
			told()
		},
		"at another bill":        func(m *machine, told func()) { m.toOther(); told(); m.touch("form.next") },
		"home from another bill": func(m *machine, told func()) { m.toOther(); told(); m.touch("nav.home") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.toCash()
				m.touch("pay.cancel")
				m.page("method")
				id := ""
				m.journal.Book(func(b *casefile.Book) { id = b.LastPaying })
				goes(m, func() {
					if m.placed().Visit == 0 {
						m.write(casefile.CoinTaken, id, casefile.Header{Face: 100, Currency: money.CNY})
					}
				})
				reason := "walked_away"
				if name != "home from another bill" {
					reason = "stopped"
					m.until("it is asked", func() bool { v := m.view(); return v.Can("choice.rest.part") })
					if v := m.view(); v.Money.Due != 13340 || v.Money.Inserted != 100 {
						t.Errorf("the page says %+v, want 1.00 of 133.40", v.Money)
					}
					m.touch("choice.rest.part")
				}
				m.page("take")
				m.touch("nav.home")
				m.home()
				m.tells("coin.taken", "payment.settled bill_fen=100 reason="+reason, "visit.ended reason=home")
				m.came(receiptTitle)
				if strip := m.strips()[0]; !strings.Contains(strip, maskAccount(account)) || strings.Contains(strip, "微信") || !strings.Contains(strip, "1.00") {
					t.Errorf("the receipt says %q", strip)
				}
			})
		})
	}
}
