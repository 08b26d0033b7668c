package visit

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
)

// After a power cut the program is there before the acceptor, which does not say for a while what became of the note on its way. Whoever
// still stands there is kept until then, and has all that he put in on slips.
func TestAcceptorIsSlowAfterAPowerCut(t *testing.T) {
	for name, slow := range map[string]time.Duration{"it tests itself": 12 * time.Second, "it is dead": 2 * endMax} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, dir, false, cash.AbsentPayer{})
				defer m.end()
				m.cash.Power(false, true)
				m.breakOff()
				time.AfterFunc(slow, func() { m.cash.Power(true, true) })
				settled := make(chan error, 1)
				go func() { settled <- m.kiosk.Settle(context.Background()) }()
				for range 2 {
					m.page("slip")
					m.touch("form.next")
				}
				if err := <-settled; err != nil {
					t.Error(err)
				}
				m.came("50.00", "100.00")
				m.until("the taking of notes has ended", func() (ended bool) {
					m.journal.Book(func(b *casefile.Book) { ended = b.CashOpen == "" })
					return ended
				})
			})
		})
	}
}

// After a power cut the line may come back later than the program. Whoever stands there with his phone is told that it is not clear yet whether
// he has paid, and where he can look.
func TestOrderIsUnknownAfterAPowerCut(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, false, cash.AbsentPayer{})
		defer m.end()
		m.hall.set(func(h *hall) { h.up = false })
		m.choose()
		m.write(casefile.OrderBegun, brokenOff, casefile.Header{Attempt: "Y900000000001N01", Amount: 20000, Mode: "show", Expires: m.journal.Now().Add(showFor)})
		settled := make(chan error, 1)
		go func() { settled <- m.kiosk.Settle(context.Background()) }()
		v := m.page("slip")
		m.says(front.SayOrderUnknown)
		if len(v.Rows) != 1 || v.Rows[0].Value.Text != brokenOff {
			t.Errorf("rows %+v, want the number of the case", v.Rows)
		}
		m.touch("form.next")
		if err := <-settled; err != nil {
			t.Error(err)
		}
		m.came()
		tended, stop := context.WithCancel(t.Context())
		go m.kiosk.Tend(tended)
		m.hall.set(func(h *hall) { h.up, h.closed = true, office.Order{State: "paid", Definite: true} })
		m.until("the payment is booked", func() (booked bool) { return m.placed().Bills == 20000 })
		stop()
	})
}

// The power goes again before the slips are out. Who stood there has them after the next start, and nobody has after a visit that came to its end.
func TestPowerGoesAgainBeforeTheSlips(t *testing.T) {
	for name, row := range map[string]struct {
		ends  []string // how the visits after the first ended; "" is open still
		slips []string
	}{
		"at once":                   {nil, []string{"50.00"}},
		"while they are printed":    {[]string{""}, []string{"50.00"}},
		"three times":               {[]string{"power", ""}, []string{"50.00"}},
		"when the person has gone":  {[]string{"timeout"}, nil},
		"when the next one is here": {[]string{"done", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, dir, false, cash.AbsentPayer{})
				defer m.end()
				m.owe()
				m.start(time.Now())
				m.write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "power"})
				for i, end := range row.ends {
					id := fmt.Sprint("v", i+2)
					m.write(casefile.VisitBegun, "", casefile.Header{Visit: id, Language: "zh"})
					if end == "power" {
						m.start(time.Now())
					}
					if end != "" {
						m.write(casefile.VisitEnded, "", casefile.Header{Visit: id, Reason: end})
					}
				}
				m.start(time.Now())
				settled := make(chan error, 1)
				go func() { settled <- m.kiosk.Settle(context.Background()) }()
				for range row.slips {
					m.page("slip")
					m.touch("form.next")
				}
				if err := <-settled; err != nil {
					t.Error(err)
				}
				m.came(row.slips...)
			})
		})
	}
}

// Who the power found at the machine stands there for some minutes and not for a night, whatever the starts since have written. After a night there is no
// slip: whoever passes by would take it, and its code is as good as money.
func TestStandsThereForMinutes(t *testing.T) {
	const night = 20 * time.Minute // a short one: the mechanisms go on
	own := func(m *machine) { m.write(casefile.AcceptorReset, "", casefile.Header{Asked: "it had no power"}) }
	for name, row := range map[string]struct {
		away  time.Duration
		since func(m *machine, left time.Time) // what starts have written
		slips []string
	}{
		"some minutes":                 {4 * time.Minute, func(m *machine, left time.Time) { own(m); m.start(left); own(m) }, []string{"50.00"}},
		"a night":                      {night, func(m *machine, left time.Time) { own(m); m.start(left) }, nil},
		"a night, told later":          {night, func(m *machine, left time.Time) { m.start(left); own(m) }, nil},
		"a night, and the power fails": {night, func(m *machine, left time.Time) { m.start(left); own(m); m.start(time.Now()) }, nil},
		"a night, and it fails twice": {night, func(m *machine, left time.Time) {
			own(m)
			m.start(left)
			own(m)
			m.start(time.Now())
			own(m)
			m.start(time.Now())
		}, nil},
		"a night, and a branch": {night, func(m *machine, left time.Time) {
			m.write(casefile.TerminalStarted, "", casefile.Header{Reason: "the disk is an older one"})
			m.start(left)
		}, nil},
		"a night, and the visit is ended": {night, func(m *machine, left time.Time) {
			m.start(left)
			m.write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "power"})
			m.start(time.Now())
		}, nil},
		"a night, and another person": {night, func(m *machine, left time.Time) {
			m.start(left)
			m.write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "power"})
			m.write(casefile.VisitBegun, "", casefile.Header{Visit: "v2", Language: "zh"})
			m.start(time.Now())
		}, nil},
		"some minutes, of an earlier release": {4 * time.Minute, func(m *machine, _ time.Time) { m.start(time.Time{}) }, []string{"50.00"}},
		"a night, of an earlier release":      {night, func(m *machine, _ time.Time) { m.start(time.Time{}); own(m) }, nil},
		"ended by an earlier release": {time.Minute, func(m *machine, _ time.Time) {
			m.start(time.Time{})
			m.write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "power"})
			m.start(time.Now())
		}, []string{"50.00"}},
		"a clock that lost its time":  {0, func(m *machine, _ time.Time) { m.start(time.Now().Add(20 * 365 * 24 * time.Hour)) }, nil},
		"a clock that was set a bit":  {0, func(m *machine, _ time.Time) { m.start(time.Now().Add(20 * time.Second)) }, []string{"50.00"}},
		"a clock that stood still":    {0, func(m *machine, left time.Time) { m.start(left) }, []string{"50.00"}},
		"a clock that was years back": {0, func(m *machine, _ time.Time) { m.start(time.Now().Add(-20 * 365 * 24 * time.Hour)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, dir, false, cash.AbsentPayer{})
				defer m.end()
				m.owe()
				left := time.Now()
				time.Sleep(row.away) // virtual
				row.since(m, left)
				settled := make(chan error, 1)
				go func() { settled <- m.kiosk.Settle(context.Background()) }()
				for range row.slips {
					m.page("slip")
					m.touch("form.next")
				}
				m.until("it is settled", func() bool { return len(settled) == 1 })
				if err := <-settled; err != nil {
					t.Error(err)
				}
				m.came(row.slips...)
			})
		})
	}
}

// Whoever stands there has the slip of his oldest debt first: which one comes out next is not left to chance.
func TestSlipsComeInTheirOrder(t *testing.T) {
	for name, settled := range map[string]bool{"debts": true, "doubts": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, dir, false, cash.AbsentPayer{})
				defer m.end()
				m.choose()
				m.write(casefile.CashOpened, brokenOff, casefile.Header{})
				var slips []string
				for i, face := range []money.Fen{500, 1000, 2000, 5000, 10000} {
					note := casefile.Header{Note: int64(i + 1), Face: face, Currency: money.CNY}
					m.write(casefile.NoteEscrowed, brokenOff, note)
					m.write(casefile.NoteStacking, brokenOff, note)
					note.Owed = fmt.Sprint("O", 9-i, "AAAAAAAAAAA")
					note.Claim = casefile.ClaimHash(note.Owed, "never given out")
					m.write(casefile.NoteDoubtful, brokenOff, note)
					if note.Owed, note.Claim, note.As = "", "", "stacked"; settled {
						m.journal.Book(func(b *casefile.Book) { note.Box = b.Box.ID })
						m.write(casefile.NoteSettled, brokenOff, note)
					}
					slips = append(slips, face.String())
					time.Sleep(time.Second) // virtual
				}
				m.write(casefile.CashClosed, brokenOff, casefile.Header{})
				m.start(time.Now())
				done := make(chan error, 1)
				go func() { done <- m.kiosk.Settle(context.Background()) }()
				for range slips {
					m.page("slip")
					m.touch("form.next")
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				m.came(slips...)
			})
		})
	}
}

// start writes down a start that found the journal as it was left at some time; of an earlier release, which did not say so, with the zero time.
func (m *machine) start(left time.Time) {
	m.write(casefile.TerminalStarted, "", casefile.Header{Version: "1", Written: left})
}

// While the page of one slip stands, others end what the next one would be for: staff pay a debt, the acceptor says where the note in doubt went. Then there
// is no slip for it, and the program goes on.
func TestIsPaidWhileAnotherSlipStands(t *testing.T) {
	for name, doubtful := range map[string]bool{"a debt": false, "a doubt": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(t, dir, false, cash.AbsentPayer{})
				defer m.end()
				m.breakOff()
				doubt := casefile.Header{Note: 2, Face: 10000, Currency: money.CNY, Owed: "OBBBBBBBBBBBB", Claim: casefile.ClaimHash("OBBBBBBBBBBBB", "never given out")}
				m.write(casefile.NoteDoubtful, brokenOff, doubt)
				m.write(casefile.CashClosed, brokenOff, casefile.Header{})
				found := casefile.Header{Note: 2, Face: 10000, Currency: money.CNY, As: "returned", Reason: "seen", Who: "staff"}
				if !doubtful {
					found.As = "stacked"
					m.journal.Book(func(b *casefile.Book) { found.Box = b.Box.ID })
					m.write(casefile.NoteSettled, brokenOff, found)
				}
				settled := make(chan error, 1)
				go func() { settled <- m.kiosk.Settle(context.Background()) }()
				m.page("slip")
				if doubtful {
					m.write(casefile.NoteSettled, brokenOff, found)
				} else {
					m.journal.Book(func(b *casefile.Book) {
						for _, o := range b.Owed {
							if o.Slip == "" {
								found = casefile.Header{Owed: o.ID, Amount: o.Amount, Reason: "paid", Who: "staff"}
							}
						}
					})
					m.write(casefile.OwedPaid, brokenOff, found)
				}
				m.touch("form.next")
				if err := <-settled; err != nil {
					t.Error(err)
				}
				if n := len(m.strips()); n != 1 {
					t.Errorf("%d slips came out, want 1", n)
				}
			})
		})
	}
}

// brokenOff is the case that a power cut has broken off.
const brokenOff = "900000000001"

// choose writes down a visit with a bill that was chosen.
func (m *machine) choose() {
	m.write(casefile.VisitBegun, "", casefile.Header{Visit: "v1", Language: "zh"})
	m.write(casefile.CaseOpened, brokenOff, casefile.Header{Visit: "v1", Service: "pay.water", Language: "zh"})
	chosen := casefile.Event{Kind: casefile.BillChosen, Case: brokenOff, Header: casefile.Header{Biller: "water", Due: 20000, Rule: "owed"}}
	if err := m.journal.Append(context.Background(), store.Entry{Event: chosen, Secret: "an account"}); err != nil {
		m.t.Fatal(err)
	}
}

// owe writes down a visit whose only note, of 50.00, became what is owed to its person.
func (m *machine) owe() {
	m.choose()
	note := casefile.Header{Note: 1, Face: 5000, Currency: money.CNY}
	m.write(casefile.CashOpened, brokenOff, casefile.Header{})
	m.write(casefile.NoteEscrowed, brokenOff, note)
	m.write(casefile.NoteStacking, brokenOff, note)
	m.journal.Book(func(b *casefile.Book) { note.Box = b.Box.ID })
	m.write(casefile.NoteStacked, brokenOff, note)
	m.write(casefile.CashClosed, brokenOff, casefile.Header{})
	m.write(casefile.PaymentSettled, brokenOff, casefile.Header{Reason: "power", Owes: 5000, Owed: "OAAAAAAAAAAAA", Claim: casefile.ClaimHash("OAAAAAAAAAAAA", "never given out")})
}

// breakOff writes down what a power cut leaves of a payment: a note of 50.00 in the box, and one of 100.00 on its way into it.
func (m *machine) breakOff() {
	var box string
	m.journal.Book(func(b *casefile.Book) { box = b.Box.ID })
	first, second := casefile.Header{Note: 1, Face: 5000, Currency: money.CNY}, casefile.Header{Note: 2, Face: 10000, Currency: money.CNY}
	m.choose()
	m.write(casefile.CashOpened, brokenOff, casefile.Header{})
	m.write(casefile.NoteEscrowed, brokenOff, first)
	m.write(casefile.NoteStacking, brokenOff, first)
	first.Box = box
	m.write(casefile.NoteStacked, brokenOff, first)
	m.write(casefile.NoteEscrowed, brokenOff, second)
	m.write(casefile.NoteStacking, brokenOff, second)
}
