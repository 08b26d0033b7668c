package visit

import (
	"context"
	"slices"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
)

// drawer is a payer that holds pieces and gives what a story says.
type drawer struct {
	levels []cash.Pile
	pays   func(asked []cash.Pile) (cash.Paid, error)
}

func (d *drawer) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (d *drawer) Before(context.Context) (cash.Memory, error) {
	return cash.Memory{Serial: "1", Levels: d.levels, Known: true}, nil
}

func (d *drawer) Pay(_ context.Context, _ cash.Memory, p []cash.Pile) (cash.Paid, error) {
	return d.pays(p)
}

func (d *drawer) Settle(context.Context, cash.Memory, []cash.Pile) (cash.Paid, error) {
	return cash.Paid{}, &fault.Error{Kind: fault.Silent, Device: "payout", Op: "settle"}
}

func (d *drawer) State() cash.PayerState { return cash.PayerState{Online: true, Levels: d.levels} }

func (d *drawer) Info() cash.PayerInfo {
	info := cash.PayerInfo{Counts: true}
	for _, l := range d.levels {
		info.Faces = append(info.Faces, l.Note)
	}
	return info
}

func coins(face, count int64) cash.Pile {
	return cash.Pile{Note: cash.Note{Face: face, Currency: money.CNY}, Count: count}
}

func all(p []cash.Pile) (cash.Paid, error) { return cash.Paid{Out: p}, nil }

// row is what stands beside a label of the page.
func (m *machine) row(label front.Phrase) string {
	for _, r := range m.view().Rows {
		if r.Label.Phrase == label {
			return r.Value.Text
		}
	}
	return ""
}

// again is the receipt as it would be printed after a power cut, from the journal alone.
func (m *machine) again() document.Receipt {
	var paid casefile.Case
	m.journal.Book(func(b *casefile.Book) {
		for _, c := range b.Cases {
			paid = *c
		}
	})
	v := &visit{Kiosk: m.kiosk, lang: "zh", catalog: m.kiosk.Catalog()}
	return v.copyOf(paid, nil)
}

// notes checks which of the sentences about change a page says.
func (m *machine) notes(v front.View, want ...front.Phrase) {
	m.t.Helper()
	var got []front.Phrase
	for _, n := range v.Notes {
		switch n.Phrase {
		case front.HintNoChange, front.HintChange, front.HintChangeSome, front.HintSurplusKept, front.HintSurplusOwed, front.HintFewFaces,
			front.HintStopChange, front.HintCancelPart, front.HintCancelChange, front.HintCancelOwed, front.HintTakeChange:
			got = append(got, n.Phrase)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("the page %s says %v, want %v", v.Page, got, want)
	}
}

// What is said about change before the first note is what the machine can do.
func TestChangeIsPromisedAsItCanBeGiven(t *testing.T) {
	for name, tt := range map[string]struct {
		levels  []cash.Pile
		rule    string
		part    bool
		home    []front.Phrase
		surplus front.Phrase
		stop    front.Phrase
		few     bool
	}{
		"nothing inside":        {rule: "owed", home: []front.Phrase{front.HintNoChange}, surplus: front.HintSurplusOwed, stop: front.HintCancelOwed},
		"to the jiao":           {levels: []cash.Pile{coins(10, 9), coins(100, 200)}, rule: "owed", surplus: front.HintChange, stop: front.HintStopChange},
		"little of it":          {levels: []cash.Pile{coins(10, 9), coins(100, 5)}, rule: "owed", surplus: front.HintChange, stop: front.HintStopChange},
		"whole yuan only":       {levels: []cash.Pile{coins(100, 200)}, rule: "owed", surplus: front.HintChangeSome, stop: front.HintStopChange},
		"a part may be paid":    {levels: []cash.Pile{coins(100, 200)}, rule: "owed", part: true, surplus: front.HintChangeSome, stop: front.HintCancelChange},
		"the company keeps it":  {levels: []cash.Pile{coins(10, 9), coins(100, 200)}, rule: "balance", part: true, surplus: front.HintSurplusKept, stop: front.HintCancelChange},
		"nothing inside, parts": {rule: "balance", part: true, home: []front.Phrase{front.HintNoChange}, surplus: front.HintSurplusKept, stop: front.HintCancelPart},
	} {
		t.Run(name, func(t *testing.T) {
			playing(t, false, &drawer{levels: tt.levels, pays: all}, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Surplus, h.bill.Part = tt.rule, tt.part })
				m.notes(m.view(), tt.home...)
				v := m.toCash()
				want := []front.Phrase{tt.surplus, tt.stop}
				if name == "little of it" {
					m.insert(10000, 2000, 1000) // 3.40 are left
					v = m.view()
					want = append(want, front.HintFewFaces)
				}
				m.notes(v, want...)
			})
		})
	}
}

// Too much is put in: what the machine has comes out, and the person is told to take it. The rest, and what may have come
// out, have slips that say so.
func TestChangeComesOut(t *testing.T) {
	jam := &fault.Error{Kind: fault.Jammed, Device: "payout", Op: "pay"}
	for name, tt := range map[string]struct {
		pays                func([]cash.Pile) (cash.Paid, error)
		says                []front.Phrase // a slip's page each
		given, doubt, still string
		unsure              int64
		strips              []string
	}{
		"as far as it goes": {pays: all, says: []front.Phrase{front.SayChangeShort}, given: "16.00", still: "0.60", strips: []string{receiptTitle, slipTitle}},
		"a jam": {pays: func([]cash.Pile) (cash.Paid, error) { return cash.Paid{Out: []cash.Pile{coins(100, 10)}}, jam },
			says: []front.Phrase{front.SayChangeShort}, given: "10.00", still: "6.60", strips: []string{receiptTitle, slipTitle}},
		"some of it unclear": {pays: func([]cash.Pile) (cash.Paid, error) {
			return cash.Paid{Out: []cash.Pile{coins(100, 10)}, Unsure: []cash.Pile{coins(100, 6)}}, nil
		}, says: []front.Phrase{front.SayChangeUnclear, front.SayChangeUnclear}, given: "10.00", doubt: "6.00", unsure: 600, still: "0.60", strips: []string{receiptTitle, slipTitle, "退款待核实凭条"}},
	} {
		t.Run(name, func(t *testing.T) {
			playing(t, false, &drawer{levels: []cash.Pile{coins(100, 200)}, pays: tt.pays}, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Surplus = "owed" })
				m.toCash()
				m.insert(10000, 5000)
				for i, phrase := range tt.says {
					m.until("the slip", func() bool { return m.view().Page == "slip" && len(m.strips()) == i+2 })
					m.says(phrase)
					if v := m.view(); len(v.Notes) > 0 && v.Notes[0].Phrase == phrase {
						t.Error("the page says it twice")
					}
					m.touch("form.next")
				}
				v := m.page("take")
				m.notes(v, front.HintTakeChange)
				if given, doubt, still := m.row(front.LabelChange), m.row(front.LabelUnclear), m.row(front.LabelOwed); given != tt.given || doubt != tt.doubt || still != tt.still {
					t.Errorf("given %q, unclear %q, owed %q, want %q, %q and %q", given, doubt, still, tt.given, tt.doubt, tt.still)
				}
				m.came(tt.strips...)
				again := m.again()
				if err := again.Paper(document.Chinese).Err(); err != nil || again.Unsure != money.Fen(tt.unsure) || again.Change.String() != tt.given || again.Owed.String() != tt.still {
					t.Errorf("the copy tells of %s given, %s unclear and %s owed: %v", again.Change, again.Unsure, again.Owed, err)
				}
				m.touch("nav.home")
				m.home()
			})
		})
	}
}

// Who stops gets the money back at once, and the choice says so. It is no change: nothing was paid.
func TestStoppingPaysBack(t *testing.T) {
	playing(t, false, &drawer{levels: []cash.Pile{coins(1000, 2), coins(100, 200)}, pays: all}, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Surplus, h.bill.Part = "owed", false })
		m.toCash()
		m.insert(2000)
		m.touch("pay.cancel")
		m.until("it is asked", func() bool { v := m.view(); return v.Can("choice.rest.owed") })
		for _, c := range m.view().Choices {
			if c.ID == "choice.rest.owed" && (c.Text.Phrase != front.LabelPayBack || c.Text.Args["amount"] != "20.00" || c.Sub.Phrase != front.HintPayBack) {
				t.Errorf("the choice says %+v", c)
			}
		}
		m.touch("choice.rest.owed")
		m.notes(m.page("take"), front.HintTakeChange)
		if got := m.row(front.LabelReturned); got != "20.00" || m.row(front.LabelChange) != "" {
			t.Errorf("given back %q, change %q, want 20.00 and none", got, m.row(front.LabelChange))
		}
		m.came("已退给您")
		m.touch("nav.home")
		m.home()
	})
}

// The power went while the change was paid, and the hopper does not come back. Who looks the case up is told that it is not clear what came out, and has
// a slip for the rest when it is.
func TestLooksUpWhatTheHopperHasNotSaid(t *testing.T) {
	for name, early := range map[string]bool{"the page is open already": false, "before the page": true} {
		t.Run(name, func(t *testing.T) {
			playing(t, false, &drawer{levels: []cash.Pile{coins(100, 200)}, pays: all}, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.up = false })
				pieces := money.Counts{{Face: 100, Currency: money.CNY, Count: 50}}
				payout := casefile.Header{Payout: "Y1", Owed: "OAAAAAAAAAAAA", Amount: 5000, Pieces: pieces}
				m.owe()
				m.write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "power"})
				m.write(casefile.StockLoaded, "", casefile.Header{Pieces: pieces, Who: "staff"})
				if early {
					m.write(casefile.PayoutBegun, brokenOff, payout)
				}
				v := m.lookUp(brokenOff)
				if v.Can("case.print") == early {
					t.Errorf("with a payout that has not ended %v: a slip is offered %v", early, v.Can("case.print"))
				}
				if !early {
					m.write(casefile.PayoutBegun, brokenOff, payout)
					m.touch("case.print")
				}
				if v := m.page("cases"); len(v.Cases) != 1 || v.Cases[0].Line.Phrase != front.SayChangeUnclear || v.Cases[0].Line.Args["amount"] != "50.00" || v.Cases[0].Print {
					t.Errorf("the page says %+v", v.Cases)
				}
				m.came()
				m.write(casefile.PayoutEnded, brokenOff, casefile.Header{Payout: "Y1", Amount: 1000, Pieces: money.Counts{{Face: 100, Currency: money.CNY, Count: 10}}})
				m.touch("case.1", "case.print")
				m.page("slip")
				m.touch("form.next", "nav.home")
				m.home()
				m.came("40.00")
			})
		})
	}
}
