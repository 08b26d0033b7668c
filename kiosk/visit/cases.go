package visit

import (
	"context"
	"strconv"
	"strings"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
)

// caseDigits is the length of a case number.
const caseDigits = 12

// lookUp asks for the card, or for the case number from a slip.
func (v *visit) lookUp() step {
	v.service = nil
	return v.readCard(v.again, func() step { return v.findCases("") })
}

// askCaseNumber takes the number from the keypad, or the slip's symbol from the scanner.
func (v *visit) askCaseNumber() step {
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	codes, stirs := v.scanning(ctx)
	typed := ""
	for {
		v.back = v.lookUp
		m := v.await(func() front.View {
			view := v.page("account", say(front.TitleLook))
			view.Keys = "digits"
			view.Fields = []front.Field{{Name: "case", Label: say(front.LabelCase), Value: typed, Focus: true, Group: 4, Max: caseDigits}}
			view.Acts = append(digitKeys(), "field.case")
			return view
		}, stirs)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.stirred:
			if id, _, ok := document.ParseQR((<-codes).text); ok {
				done()
				return v.findCases(id)
			}
			v.say(front.SayNotBillCode)
		case m.act.ID == "key.delete":
			typed = chop(typed)
		case m.act.ID == "key.ok":
			if len(typed) == caseDigits {
				done()
				return v.findCases(typed)
			}
			v.say(front.SayAccountShort, "want", strconv.Itoa(caseDigits))
		case strings.HasPrefix(m.act.ID, "key.") && len(typed) < caseDigits:
			typed += after(m.act.ID, "key.")
		}
	}
}

// findCases asks the hall for this person's cases. What it tells lives in memory for this visit.
func (v *visit) findCases(caseID string) step {
	var found []office.CaseLine
	var err error
	v.back = nil
	number, name := "", ""
	if v.person != nil && caseID == "" {
		number, name = v.person.Number, v.person.Name
	}
	v.working(say(front.TitleLook), say(front.WaitCases), casesMax, func(ctx context.Context) {
		found, err = v.Hall.Cases(ctx, number, name, caseID)
	})
	if err != nil {
		v.Log.Info("cases", "error", err)
		found = nil
		if own := v.ownCase(caseID); own != nil {
			found = []office.CaseLine{*own}
		} else {
			v.say(front.SayNoLineCases)
			return v.acknowledgeCases
		}
	}
	v.cases = found
	if len(found) == 0 {
		v.say(front.SayNoCases)
	}
	return v.showCases(0)
}

// ownCase is what this terminal itself knows of a case, when the hall cannot be asked.
func (v *visit) ownCase(id string) (line *office.CaseLine) {
	v.Journal.Book(func(b *casefile.Book) {
		c := b.Cases[id]
		if c == nil {
			return
		}
		line = &office.CaseLine{Case: c.ID, Service: c.Service, State: "submitted", Time: c.Opened.Format("2006-01-02T15:04:05Z07:00"), Amount: c.Bill}
		if c.Settled {
			line.State = "taken"
		}
	})
	return line
}

func (v *visit) acknowledgeCases() step {
	v.back = v.again
	m := v.await(func() front.View {
		view := v.page("cases", say(front.TitleCases))
		return view
	}, nil)
	return v.orEnd(m)
}

// showCases lists them; one can be chosen, and printed when there is something to print.
func (v *visit) showCases(at int) step {
	chosen := -1
	if len(v.cases) == 1 {
		chosen = 0
	}
	return func() step {
		for {
			v.back = v.again
			m := v.await(func() front.View { return v.drawCases(at, chosen) }, nil)
			switch {
			case m.over:
				return nil
			case m.act.ID == "nav.back":
				return v.back
			case m.act.ID == "list.next":
				at++
			case m.act.ID == "list.prev":
				at--
			case m.act.ID == "case.print":
				if next := v.printCase(v.cases[chosen]); next != nil {
					return next
				}
			default:
				if n, err := strconv.Atoi(after(m.act.ID, "case.")); err == nil && n >= 1 && n <= len(v.cases) {
					chosen = n - 1
				}
			}
		}
	}
}

// casesPage is how many cases stand on a page.
const casesPage = 5

func (v *visit) drawCases(at, chosen int) front.View {
	view := v.page("cases", say(front.TitleCases))
	pages := max(1, (len(v.cases)+casesPage-1)/casesPage)
	if pages > 1 {
		view.Pager = &front.Pager{At: at + 1, Of: pages}
		if at > 0 {
			view.Acts = append(view.Acts, "list.prev")
		}
		if at < pages-1 {
			view.Acts = append(view.Acts, "list.next")
		}
	}
	for i, c := range v.cases {
		if i/casesPage != at {
			continue
		}
		line := front.Case{Case: c.Case, Service: v.nameOf(c.Service), State: stateSays(c), When: dayOf(c.Time), Line: v.lineSays(c), Print: v.printable(c), Chosen: i == chosen}
		view.Cases = append(view.Cases, line)
		view.Acts = append(view.Acts, "case."+strconv.Itoa(i+1))
	}
	if chosen >= 0 && v.printable(v.cases[chosen]) {
		view.Acts = append(view.Acts, "case.print")
	}
	return view
}

func (v *visit) nameOf(code string) string {
	if v.catalog != nil {
		if s, ok := v.catalog.Find(code); ok {
			return s.Name.In(v.lang)
		}
	}
	return code
}

// companyOf is who a fee is collected for; a catalogue that does not say it has at least the service's name.
func (v *visit) companyOf(code string) string {
	if v.catalog != nil {
		if s, ok := v.catalog.Find(code); ok && s.Company.In(v.lang) != "" {
			return s.Company.In(v.lang)
		}
	}
	return v.nameOf(code)
}

func stateSays(c office.CaseLine) front.Say {
	switch c.State {
	case "waiting":
		return say(front.StateWaiting)
	case "approved":
		return say(front.StateApproved)
	case "refused":
		return say(front.StateRefused)
	case "printed":
		return say(front.StatePrinted)
	case "owed":
		return say(front.StateOwed)
	case "taken", "posted", "part", "refunded":
		return say(front.StatePaid)
	}
	return say(front.StateSubmitted)
}

// lineSays is what can be done, or why not.
func (v *visit) lineSays(c office.CaseLine) front.Say {
	out := v.payingOut(c.Case)
	switch {
	case out > 0:
		return say(front.SayChangeUnclear, "amount", out.String())
	case c.PrintedAt != "":
		return say(front.SayLicensePrinted, "date", dayOf(c.PrintedAt), "place", v.placeSays(c.PrintedWhere))
	case c.State == "refused":
		return say(front.SayRefusedBecause, "reason", c.Reason)
	case c.State == "waiting":
		return say(front.SayWaitingPerson)
	case c.State == "submitted":
		return say(front.SayDeciding)
	}
	return front.Say{}
}

// payingOut is what the payer has begun to pay in a case, and not said yet whether it came out.
func (v *visit) payingOut(caseID string) (amount money.Fen) {
	v.Journal.Book(func(b *casefile.Book) {
		if p := b.OpenPayout(); p != nil && p.Case == caseID {
			amount = p.Amount
		}
	})
	return amount
}

// placeSays is where a terminal stands, as far as it is known here: this one by the number on its screen.
func (v *visit) placeSays(terminal string) string {
	switch {
	case terminal != v.Journal.Terminal():
		return terminal
	case v.lang == "en":
		return "this terminal (" + v.Number + ")"
	}
	return "本机（" + v.Number + " 号机）"
}

// printable: an approved license that is not out, or a slip that is still owed one. A case asked for by
// its number alone, without the card, prints no license.
func (v *visit) printable(c office.CaseLine) bool {
	return (c.Printable && v.person != nil) || len(v.slipless(c.Case)) > 0
}

// slipless is what this terminal owes in a case and has given no slip for that anybody took. What the payer has begun to pay has none before
// it says what came out.
func (v *visit) slipless(caseID string) (out []casefile.Owed) {
	v.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.OwedOf(caseID) {
			if !o.Paid && o.Slip == "" && !paying(b, o.ID) {
				out = append(out, *o)
			}
		}
	})
	return out
}

// printCase prints what there is to print of a case, here and now; nil stays on the page.
func (v *visit) printCase(c office.CaseLine) step {
	if !v.printable(c) {
		return nil // not any more
	}
	if owed := v.slipless(c.Case); len(owed) > 0 {
		return v.owedSlip(c.Case, owed[0].ID, owed[0].Amount, v.rate)
	}
	v.caseID, v.form.license = c.Case, c.License
	if s, ok := v.catalog.Find(c.Service); ok {
		v.service = s
	}
	if fit := v.canPrint(); !fit.Open {
		v.note = &fit.Why
		return nil
	}
	return v.printLicense
}
