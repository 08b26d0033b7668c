package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
)

var _ ctl.Desk = (*Daemon)(nil)

// ready refuses what needs the journal while it cannot be opened.
func (d *Daemon) ready() error {
	if d.journal == nil {
		return &ctl.Refused{Text: fmt.Sprintf("the journal cannot be opened: %v", d.broken)}
	}
	return nil
}

// Status tells what is open, and what to do about what is closed.
func (d *Daemon) Status(ctx context.Context) (ctl.Status, error) {
	st := ctl.Status{Version: d.Version, Commit: d.Commit, Terminal: d.Config.Terminal.ID, Hall: "down", Page: d.Stage.View().Page,
		Services: []ctl.Service{}, Devices: []ctl.Device{}, Journal: "ok"}
	if d.journal == nil {
		st.Journal = d.broken.Error()
		return st, nil
	}
	st.Epoch = d.journal.Epoch()
	if err := d.journal.Health(); err != nil {
		st.Journal = err.Error()
	}
	if d.station == nil {
		return st, nil
	}
	if d.link.Up() {
		st.Hall = "up"
	} else {
		st.Uplink = d.link.Trouble()
	}
	d.journal.Book(func(b *casefile.Book) {
		if b.Visit == "" {
			return
		}
		st.Visit = &ctl.Visit{Step: st.Page}
		var last time.Time
		for _, c := range b.Cases {
			if c.Visit == b.Visit && !c.Opened.Before(last) {
				st.Visit.Case, last = c.ID, c.Opened
			}
		}
	})
	if c := d.link.Catalog(); c != nil {
		for i := range c.Services {
			st.Services = append(st.Services, service(d.station.Offer(&c.Services[i], d.journal.Now())))
		}
	}
	for _, dev := range d.station.Devices() {
		st.Devices = append(st.Devices, device(dev, d.Config))
	}
	queue, err := d.queue(ctx)
	st.Queue = queue
	return st, err
}

func service(o station.Offer) ctl.Service {
	s := offer(o)
	s.Ways = []ctl.Service{}
	for _, w := range o.Ways {
		s.Ways = append(s.Ways, offer(w))
	}
	return s
}

// offer is a service or a way to pay, without the ways.
func offer(o station.Offer) ctl.Service {
	return ctl.Service{Code: o.Code, Open: o.Open, Why: string(o.Why.Phrase), Todo: o.Todo}
}

func device(dev station.Device, c *config.Config) ctl.Device {
	spec, ok := c.Spec(dev.Class)
	out := ctl.Device{Class: dev.Class, Protocol: spec.Protocol, Address: spec.Address, State: dev.State, Fault: dev.Fault, Serial: dev.Serial, SAM: dev.SAM, Photo: dev.Photo}
	if !ok {
		out.State, out.Fault = "absent", ""
	}
	return out
}

func (d *Daemon) queue(ctx context.Context) (ctl.Queue, error) {
	head, _ := d.journal.Head()
	cursor, err := d.journal.Cursor(ctx)
	if err != nil {
		return ctl.Queue{}, err
	}
	q := ctl.Queue{Records: head - cursor, Cursor: cursor, Head: head}
	if q.Records > 0 {
		if first, err := d.journal.Read(ctx, cursor, 1); err == nil && len(first) == 1 {
			q.Oldest = first[0].Time
		}
	}
	return q, nil
}

// Ledger tells where money, blanks and licenses are.
func (d *Daemon) Ledger(ctx context.Context) (ctl.Ledger, error) {
	var l ctl.Ledger
	if err := d.ready(); err != nil {
		return l, err
	}
	d.journal.Book(func(b *casefile.Book) { l = ctl.LedgerOf(b) })
	l.Journal.Head, l.Journal.Hash = d.journal.Head()
	l.Journal.Chain = "ok"
	if err := d.chain(ctx, nil); err != nil {
		l.Journal.Chain = err.Error()
	}
	return l, nil
}

// chain reads the journal from the disk and checks that each record follows the one before; each gets every event.
func (d *Daemon) chain(ctx context.Context, each func(casefile.Record) error) error {
	prev := casefile.Genesis(d.journal.Terminal(), d.journal.Origin())
	for last := int64(0); ; {
		records, err := d.journal.Read(ctx, last, 1000)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := r.Check(last+1, prev); err != nil {
				return err
			}
			if each != nil {
				if err := each(r); err != nil {
					return err
				}
			}
			last, prev = r.Seq, r.Hash
		}
	}
}

// needReason refuses an act of staff without a reason, and one whose reason has a number of a person in it: it would stand
// in the journal in the clear, for ever.
func needReason(act, want, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return &ctl.Refused{Text: act + ": a reason is needed: " + want}
	}
	if what := invariant.Personal(reason); what != "" {
		return &ctl.Refused{Text: act + ": the reason has " + what + " in it, and is kept for everybody to read; say it without"}
	}
	return nil
}

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

// Owed lists what people get back, paid or not.
func (d *Daemon) Owed(context.Context) ([]ctl.Owed, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	out := []ctl.Owed{}
	d.journal.Book(func(b *casefile.Book) {
		for _, o := range b.Owed {
			out = append(out, owedRow(o))
		}
	})
	slices.SortFunc(out, func(x, y ctl.Owed) int { return strings.Compare(x.Since+x.ID, y.Since+y.ID) })
	return out, nil
}

func owedRow(o *casefile.Owed) ctl.Owed {
	row := ctl.Owed{ID: o.ID, Case: o.Case, Amount: o.Amount, Since: stamp(o.Since), State: "open", Days: int(time.Since(o.Since) / (24 * time.Hour))}
	if o.Paid {
		row.State, row.Days, row.Where = "paid", 0, o.Where
	}
	row.Aged = row.Days >= agedAfter
	return row
}

// agedAfter is after how many days a slip that nobody brought is listed as aged: then staff look for its person.
const agedAfter = 30

// claimMax bounds asking the hall: staff and citizen stand there.
const claimMax = 20 * time.Second

// PayOwed redeems a claim code. The hall decides first, once for the whole fleet; then it is written down.
func (d *Daemon) PayOwed(ctx context.Context, p ctl.Pay) (ctl.Owed, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Owed{}, err
	}
	if err := needReason("owed pay", "where and how it is paid out", p.Reason); err != nil {
		return ctl.Owed{}, err
	}
	var found *casefile.Owed
	d.journal.Book(func(b *casefile.Book) {
		for _, o := range b.Owed {
			if o.Claim == casefile.ClaimHash(o.ID, p.Code) {
				c := *o
				found = &c
			}
		}
	})
	if found != nil && found.Paid {
		return ctl.Owed{}, &ctl.Refused{Text: paidBefore(found.PaidAt, cmp.Or(found.Where, d.journal.Terminal()))}
	}
	ctx, cancel := context.WithTimeout(ctx, claimMax)
	defer cancel()
	if err := d.link.Flush(ctx); err != nil {
		return ctl.Owed{}, &ctl.Refused{Text: "owed pay: the hall does not answer, and only it can say that a code was not paid elsewhere; try again when the line is back"}
	}
	claim, err := d.link.Claim(ctx, p.Code, p.Reason, "technician")
	if err != nil {
		return ctl.Owed{}, &ctl.Refused{Text: "owed pay: the hall does not answer; try again when the line is back: the same code is then paid once"}
	}
	if !claim.Paid {
		return ctl.Owed{}, &ctl.Refused{Text: refusal(claim)}
	}
	h := casefile.Header{Owed: claim.Owed, Amount: claim.Amount, Reason: p.Reason, Who: "technician"}
	e := casefile.Event{Kind: casefile.OwedPaid, Case: claim.Case, Header: h}
	if found == nil {
		// The slip is of another terminal, whose journal hears of it from the hall. That it was paid is written down here, so that the
		// hall does not take the next one with the same slip for this one, who has lost the answer.
		e.Kind = casefile.OwedRedeemed
		found = &casefile.Owed{ID: claim.Owed, Case: claim.Case, Amount: claim.Amount, Since: d.journal.Now()}
	}
	if err := d.journal.Append(ctx, store.Entry{Event: e}); err != nil {
		return ctl.Owed{}, err
	}
	found.Paid = true
	return owedRow(found), nil
}

// paidBefore is the sentence for whoever brings a slip a second time, or a copy of it.
func paidBefore(at time.Time, where string) string {
	if where == casefile.AtHall {
		where = "the hall"
	}
	return fmt.Sprintf("owed pay: this code was paid on %s at %s; it is good only once", at.In(beijing).Format("2006-01-02 15:04"), where)
}

// beijing is the time that staff read.
var beijing = time.FixedZone("CST", 8*60*60)

func refusal(c office.Claim) string {
	switch c.Refused {
	case "paid":
		at, err := time.Parse(time.RFC3339, c.When)
		if err != nil { // a hall of an earlier version does not say when
			return "owed pay: this code was paid before; it is good only once"
		}
		return paidBefore(at, c.Where)
	case "superseded":
		return "owed pay: a later slip has taken the place of this one; ask for that"
	}
	return "owed pay: there is no such code; look at the slip again"
}

// LoadBlanks writes down blanks that were put into a tray.
func (d *Daemon) LoadBlanks(ctx context.Context, l ctl.Load) (casefile.Blanks, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return casefile.Blanks{}, err
	}
	if err := d.checkLoad(l); err != nil {
		return casefile.Blanks{}, err
	}
	media := ""
	for _, t := range d.Sheets.State().Trays {
		if t.Name == l.Tray {
			media = t.Media
		}
	}
	if media == "" {
		return casefile.Blanks{}, &ctl.Refused{Text: fmt.Sprintf("blanks load: the printer has no tray %q with paper in it now", l.Tray)}
	}
	h := casefile.Header{Tray: l.Tray, Media: media, First: l.First, Count: l.Count, Who: "technician"}
	if err := d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.BlanksLoaded, Header: h}}); err != nil {
		return casefile.Blanks{}, err
	}
	var k casefile.Blanks
	d.journal.Book(func(b *casefile.Book) { k = b.Blanks })
	return k, nil
}

// serialDigitsMax keeps the number at the end of a serial within an int64.
const serialDigitsMax = 18

func (d *Daemon) checkLoad(l ctl.Load) error {
	number := l.First[len(strings.TrimRight(l.First, "0123456789")):]
	switch {
	case l.Tray == d.Config.Paper.PlainTray && l.Tray != "":
		return &ctl.Refused{Text: fmt.Sprintf("blanks load: %s is the tray for paper without numbers (paper.plain_tray in kiosk.toml)", l.Tray)}
	case l.Count < 1 || l.Count > 10000:
		return &ctl.Refused{Text: "blanks load: want a count from 1 to 10000"}
	case number == "" || len(number) > serialDigitsMax || len(l.First) > 32:
		return &ctl.Refused{Text: fmt.Sprintf("blanks load: a serial ends in digits, such as A00000001; %q does not", l.First)}
	}
	if n, _ := strconv.ParseInt(number, 10, 64); len(strconv.FormatInt(n+l.Count-1, 10)) > len(number) { // it is all digits
		return &ctl.Refused{Text: "blanks load: the serials run over their digits"}
	}
	clash := ""
	d.journal.Book(func(b *casefile.Book) {
		for _, p := range b.Received {
			clash = cmp.Or(clash, p.Overlap(casefile.Pack{First: l.First, Count: l.Count}))
		}
	})
	if clash != "" {
		return &ctl.Refused{Text: "blanks load: blank " + clash + " is in a tray or was used before"}
	}
	return nil
}

// VoidBlank takes the next blank of a tray out of use: torn, crumpled or lost by hand. Sheets come out in their
// order, so only the next one can be taken out and its number be known for sure.
func (d *Daemon) VoidBlank(ctx context.Context, v ctl.Void) (casefile.Blanks, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return casefile.Blanks{}, err
	}
	if err := needReason("blanks void", "what became of the sheet", v.Reason); err != nil {
		return casefile.Blanks{}, err
	}
	next, busy := "", false
	d.journal.Book(func(b *casefile.Book) {
		next, _ = b.Trays[v.Tray].Next()
		for _, s := range b.Sheets {
			busy = busy || s.State == casefile.LicensePrinting && s.Tray == v.Tray
		}
	})
	switch {
	case busy:
		return casefile.Blanks{}, &ctl.Refused{Text: "blanks void: a sheet of " + v.Tray + " is being printed; wait until it has ended"}
	case next == "":
		return casefile.Blanks{}, &ctl.Refused{Text: fmt.Sprintf("blanks void: there are no blanks in tray %q", v.Tray)}
	case next != v.Serial:
		return casefile.Blanks{}, &ctl.Refused{Text: fmt.Sprintf("blanks void: the next blank in %s is %s; void it first, or look at the number again", v.Tray, next)}
	}
	h := casefile.Header{Tray: v.Tray, Serial: v.Serial, Reason: v.Reason, Who: "technician"}
	if err := d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.BlankVoided, Header: h}}); err != nil {
		return casefile.Blanks{}, err
	}
	var k casefile.Blanks
	d.journal.Book(func(b *casefile.Book) { k = b.Blanks })
	return k, nil
}

// ExchangeBox compares the box, counted by hand, with the journal, and begins a new one.
func (d *Daemon) ExchangeBox(ctx context.Context, c ctl.Count) (ctl.Exchange, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Exchange{}, err
	}
	counted, err := parsePile(c.Counted)
	if err != nil {
		return ctl.Exchange{}, err
	}
	var box casefile.Box
	var busy, doubt bool
	d.journal.Book(func(b *casefile.Book) {
		box = b.Box
		box.Notes = slices.Clone(b.Box.Notes)
		busy, doubt = b.OpenNote() != nil, len(b.Doubtful) > 0
		for _, u := range b.Unknown {
			doubt = doubt || !u.Coin
		}
	})
	switch {
	case busy:
		return ctl.Exchange{}, &ctl.Refused{Text: "cashbox exchange: a note is on its way; wait until it has arrived"}
	case doubt:
		return ctl.Exchange{}, doubtInBox("cashbox exchange", "a note", counted.Minus(box.Counts()))
	}
	out := ctl.Exchange{Box: box.Full(), Expected: ctl.Pile(box.Counts()), Counted: counted, Difference: differences(counted, box)}
	exchanged := casefile.Event{Kind: casefile.BoxExchanged, Header: casefile.Header{Box: box.Full(), Expected: out.Expected, Counted: counted, Who: "technician"}}
	if box.New {
		return out, d.journal.Append(ctx, store.Entry{Event: exchanged})
	}
	// The acceptor has not told of another box: it cannot, or the box was changed while it had no power. Then this is the word for it.
	fresh := casefile.Event{Kind: casefile.BoxIn, Header: casefile.Header{Box: payment.NewBoxName()}}
	return out, d.journal.Append(ctx, store.Entry{Event: fresh}, store.Entry{Event: exchanged})
}

// doubtInBox refuses to begin a new box while it is in doubt whether something lies in this one: settled afterwards, it would be looked for in the next.
func doubtInBox(act, what string, more money.Counts) error {
	found := "no more and no less"
	if len(more) > 0 {
		found = fmt.Sprintf("%v against the journal", more)
	}
	return &ctl.Refused{Text: fmt.Sprintf("%s: of %s it is in doubt whether it is in the box; settle that first (doubtful settle), as stacked when it is and as returned when not: you counted %s", act, what, found)}
}

// parsePile reads what was counted, or put in, by hand; a figure that no machine can have is a slip of the finger.
func parsePile(text string) (money.Counts, error) {
	pile, err := money.ParseCounts(text)
	if err != nil {
		return nil, &ctl.Refused{Text: err.Error()}
	}
	if what := (&casefile.Header{Counted: pile}).Uncountable(); what != "" {
		return nil, &ctl.Refused{Text: fmt.Sprintf("count %q: %s: no machine holds that; look at it again", text, what)}
	}
	return pile, nil
}

// ExportLog writes the journal's clear part.
func (d *Daemon) ExportLog(ctx context.Context, w io.Writer) error {
	if err := d.ready(); err != nil {
		return errors.Join(err)
	}
	return d.journal.Export(ctx, w)
}
