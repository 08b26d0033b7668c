package press

import (
	"context"
	"strings"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/money"
)

// takes lets a person pay with notes, a coin and a phone: 25.34 more was taken in.
func (m *machine) takes(caseID string) error {
	m.t.Helper()
	var number int64
	m.program.journal.Book(func(b *casefile.Book) { number = b.NextNote })
	note := casefile.Header{Note: number, Face: 2000, Currency: money.CNY}
	events := []casefile.Event{
		{Kind: casefile.CaseOpened, Header: casefile.Header{Service: "pay.water"}},
		{Kind: casefile.NoteEscrowed, Header: note}, {Kind: casefile.NoteStacking, Header: note}, {Kind: casefile.NoteStacked, Header: note},
		{Kind: casefile.CoinTaken, Header: casefile.Header{Face: 100, Currency: money.CNY}},
		{Kind: casefile.OrderBegun, Header: casefile.Header{Attempt: "Y" + caseID, Amount: 434}},
		{Kind: casefile.OrderPaid, Header: casefile.Header{Attempt: "Y" + caseID, Amount: 434}},
		{Kind: casefile.PaymentSettled, Header: casefile.Header{Bill: 2000, Surplus: 234, Owes: 300, Owed: "O" + caseID, Claim: "x"}},
	}
	for i := range events {
		events[i].Case = caseID
	}
	return m.program.press.write(context.Background(), events...)
}

// close closes the day.
func (m *machine) close() (casefile.Closing, bool, error) {
	return m.program.press.Close(context.Background(), document.Head{Hall: "青山区市民服务中心", Terminal: "03"}, document.Chinese, "technician")
}

// closings are the strips of closings that came out whole: the first ones, and copies.
func (m *machine) closings() (first, copies int) {
	m.t.Helper()
	for _, s := range m.strips() {
		switch {
		case !strings.Contains(s, "日结编号") || !strings.Contains(s, "不清零") || strings.HasSuffix(s, "..."):
		case strings.Contains(s, "补打"):
			copies++
		default:
			first++
		}
	}
	return first, copies
}

// closed is how often the journal closes a day.
func (m *machine) closed() (n int) {
	for _, line := range m.story(1) {
		if strings.HasPrefix(line, string(casefile.DayClosed)) {
			n++
		}
	}
	return n
}

func TestDaysAreClosed(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		if err := m.takes("400000000001"); err != nil {
			t.Fatal(err)
		}
		first := m.next()
		c, again, err := m.close()
		if err != nil || again || c.Number != 1 || c.Taken != 2534 || c.Total != 2534 || !c.Printed || c.Phone != 434 || c.Moved.Owed != 300 || c.Moved.Bills != 2000 || c.Moved.Surplus != 234 || !c.From.IsZero() {
			t.Errorf("the first day: got %+v, %t, %v", c, again, err)
		}
		m.tells(first, "day.closed", "paper.begun what=closing way=receipt", "paper.printed what=closing way=receipt")
		strip := m.strips()[0]
		for _, want := range []string{"日结单", "20.00元 × 1", "1.00元 × 1", "4.34元", "25.34元", "累计收入"} {
			if !strings.Contains(strip, want) {
				t.Errorf("the closing does not say %q: %s", want, strip)
			}
		}
		if c, again, err := m.close(); err != nil || !again || c.Number != 1 || m.closed() != 1 || len(m.strips()) != 1 {
			t.Errorf("closed again on the same day: got %+v, %t, %v", c, again, err)
		}
		if err := m.program.press.append(context.Background(), casefile.OwedPaid, "400000000001", casefile.Header{Owed: "O400000000001", Amount: 300}); err != nil {
			t.Fatal(err)
		}
		c, again, err = m.close()
		if err != nil || again || c.Number != 2 || c.Taken != 0 || c.Total != 2534 || c.Moved.Owed != -300 || c.Moved.PaidOut != 300 || c.From.IsZero() {
			t.Errorf("something was paid out: got %+v, %t, %v", c, again, err)
		}
		if err := m.takes("400000000002"); err != nil {
			t.Fatal(err)
		}
		if c, _, err = m.close(); err != nil || c.Number != 3 || c.Taken != 2534 || c.Total != 5068 {
			t.Errorf("the next day: got %+v, %v", c, err)
		}
		m.holds()
	})
}

// TestADayIsClosedOnce: another day is closed also when nothing was taken in.
func TestADayIsClosedOnce(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	out := casefile.Closing{Number: 3, At: at, Printed: true}
	hangs, never := out, out
	hangs.Printed, never.Number = false, 0
	for what, row := range map[string]struct {
		last, next casefile.Closing
		want       bool
	}{
		"again":         {out, casefile.Closing{At: at.Add(time.Hour)}, true},
		"the next day":  {out, casefile.Closing{At: at.Add(6 * time.Hour)}, false},
		"money came in": {out, casefile.Closing{At: at, Taken: 1}, false},
		"money moved":   {out, casefile.Closing{At: at, Moved: casefile.Places{PaidOut: 1}}, false},
		"not on paper":  {hangs, casefile.Closing{At: at}, false},
		"never closed":  {never, casefile.Closing{At: at}, false},
	} {
		if got := closed(row.last, row.next); got != row.want {
			t.Errorf("%s: got %t, want %t", what, got, row.want)
		}
	}
}

// TestClosingWithoutPaper: it is written down and stands; when there is paper again it is that one that comes out, and no other.
func TestClosingWithoutPaper(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		if err := m.takes("400000000001"); err != nil {
			t.Fatal(err)
		}
		m.arm(m.roll.Faults(), "paper_out", 1)
		time.Sleep(3 * time.Second) // virtual: until the driver has heard of it
		for range 2 {
			if c, again, err := m.close(); !fault.Is(err, fault.Empty) || again || c.Number != 1 || c.Printed {
				t.Errorf("without paper: got %+v, %t, %v", c, again, err)
			}
		}
		if err := m.takes("400000000002"); err != nil {
			t.Fatal(err)
		}
		m.arm(m.roll.Faults(), "paper_out", 0)
		m.fit()
		if c, _, err := m.close(); err != nil || c.Number != 1 || c.Total != 2534 || !c.Printed {
			t.Errorf("with paper again: got %+v, %v", c, err)
		}
		if c, _, err := m.close(); err != nil || c.Number != 2 || c.Taken != 2534 || c.Total != 5068 {
			t.Errorf("and the rest: got %+v, %v", c, err)
		}
		if first, copies := m.closings(); first != 2 || copies != 0 {
			t.Errorf("%d closings and %d copies came out: %q", first, copies, m.strips())
		}
		m.holds()
	})
}

// TestPowerCutWhileADayIsClosed: at every write to the disk and the printer. However often it is closed after that, the journal has one
// closing, and its paper came out; a second one is a copy and says so.
func TestPowerCutWhileADayIsClosed(t *testing.T) {
	for name, befalls := range map[string]func(m *machine){
		"computer":             nil,
		"computer and printer": func(m *machine) { m.roll.Power(false) },
	} {
		t.Run(name, func(t *testing.T) {
			sweep(t, []string{"sync", "command"}, func(m *machine) error {
				if err := m.takes("400000000001"); err != nil {
					return err
				}
				_, _, err := m.close()
				return err
			}, outage{befalls: befalls}, func(m *machine, _ int) {
				before, _ := m.closings()
				var settled casefile.Closing
				total := money.Fen(0)
				m.program.journal.Book(func(b *casefile.Book) { settled, total = b.Closing, b.Total() })
				if settled.Printed && before != 1 {
					t.Errorf("the journal says that it came out, and %d did", before)
				}
				m.fit()
				c, again, err := m.close()
				if err != nil || !c.Printed || c.Total != total || settled.Printed != again {
					t.Errorf("closed again: got %+v, %t, %v", c, again, err)
				}
				if first, copies := m.closings(); m.closed() != 1 || c.Number != 1 || first > 1 || first+copies < 1 || first == 1 && copies == 1 && settled.Printed {
					t.Errorf("%d closings in the journal, %d papers and %d copies: %q", m.closed(), first, copies, m.strips())
				}
			})
		})
	}
}

// A day is closed in the seconds after a power cut, before anybody has asked what became of the strip that was being printed: that one is settled first,
// for the closing's cut would be taken for its.
func TestADayIsClosedBeforeWhatWasPrintedIsSettled(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		if err := m.takes("400000000001"); err != nil {
			t.Fatal(err)
		}
		p := m.program.press
		cuts, _, err := p.Roll.Cuts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h := casefile.Header{Paper: "P1", What: "slip", Way: wayRoll, Owed: "O400000000001", Cuts: cuts}
		if err := p.append(t.Context(), casefile.PaperBegun, "400000000001", h); err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.close(); err != nil {
			t.Fatal(err)
		}
		m.program.journal.Book(func(b *casefile.Book) {
			if o := b.Owed["O400000000001"]; o.Slip != "" || len(b.Papers) > 0 || !b.Closing.Printed {
				t.Errorf("the slip went the way %q, papers %v, closing %+v", o.Slip, b.Papers, b.Closing)
			}
		})
	})
}
