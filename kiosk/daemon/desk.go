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

// Doubtful lists what the devices could not tell.
func (d *Daemon) Doubtful(context.Context) ([]ctl.Doubt, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	out := []ctl.Doubt{}
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful {
				out = append(out, ctl.Doubt{ID: fmt.Sprintf("note-%d", n.Number), Case: n.Case, What: "note", Amount: n.Face, Since: stamp(n.Since), Asked: n.Asked, Owed: n.Owed})
			}
		}
		for _, u := range b.Unknown {
			what := "note"
			if u.Coin {
				what = "coin"
			}
			out = append(out, ctl.Doubt{ID: "unseen-" + u.ID, Case: u.Case, What: what, Since: stamp(u.Since), Asked: u.Asked, Owed: u.ID})
		}
		out = append(out, payoutDoubts(b)...)
		for _, s := range b.Sheets {
			if s.State == casefile.LicenseDoubtful {
				out = append(out, ctl.Doubt{ID: "sheet-" + s.Serial, Case: s.Case, What: s.Form, Since: stamp(s.Since), Asked: s.Asked})
			}
		}
	})
	slices.SortFunc(out, func(x, y ctl.Doubt) int { return strings.Compare(x.Since+x.ID, y.Since+y.ID) })
	return out, nil
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

// SettleDoubt writes down what a person has found. A doubt of another terminal is named by what would be owed, or a sheet by its serial,
// and goes to it through the hall.
func (d *Daemon) SettleDoubt(ctx context.Context, s ctl.Settle) (ctl.Doubt, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Doubt{}, err
	}
	if err := needReason("settle", "what was found, and where", s.Reason); err != nil {
		return ctl.Doubt{}, err
	}
	doubt, here, err := d.settleHere(ctx, s)
	if here || err != nil {
		return doubt, err
	}
	owed := strings.TrimPrefix(s.ID, "unseen-")
	if sheet := strings.HasPrefix(owed, "sheet-"); !sheet && (strings.Contains(owed, "-") || !strings.HasPrefix(owed, "O")) {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: nothing of this number is doubtful; kioskctl doubtful lists what is", s.ID)}
	}
	return d.settleElsewhere(ctx, owed, s)
}

// settleHere ends a doubt of this terminal; here is false when it has none of this name.
func (d *Daemon) settleHere(ctx context.Context, s ctl.Settle) (doubt ctl.Doubt, here bool, err error) {
	d.settling.Lock()
	defer d.settling.Unlock()
	doubts, err := d.Doubtful(ctx)
	i := slices.IndexFunc(doubts, func(x ctl.Doubt) bool { return x.ID == s.ID || x.Owed != "" && x.Owed == s.ID })
	if err != nil || i < 0 {
		return ctl.Doubt{}, false, err
	}
	doubt, s.ID = doubts[i], doubts[i].ID
	entries, err := d.found(doubt, s)
	if err != nil {
		return ctl.Doubt{}, true, err
	}
	return doubt, true, d.journal.Append(ctx, entries...)
}

// found is the end of a doubt by the word of a technician.
func (d *Daemon) found(doubt ctl.Doubt, s ctl.Settle) ([]store.Entry, error) {
	if !strings.HasPrefix(doubt.ID, "unseen-") {
		e, err := d.finding(doubt, s)
		return []store.Entry{{Event: e}}, err
	}
	face, err := money.Parse(s.Face)
	if s.As != "returned" && (s.As != "stacked" || err != nil || face <= 0) {
		return nil, &ctl.Refused{Text: "settle " + s.ID + ": nobody saw this " + doubt.What + "; settle it as returned, or as stacked with --face FACE when the box holds one more than the journal"}
	}
	entries, err := d.unseenFound(doubt.Owed, s.As, face, s.Reason, "technician")
	if errors.Is(err, errMoving) {
		return nil, &ctl.Refused{Text: "settle " + s.ID + ": a note is on its way; wait until it has arrived"}
	}
	return entries, err
}

// errMoving says that a note has to arrive first.
var errMoving = errors.New("a note is on its way")

// unseenFound ends the doubt about a note or coin that nobody saw, and is nothing when it has ended. Found in the box, it gets its
// face now, and is owed to the person of that case.
func (d *Daemon) unseenFound(owed, as string, face money.Fen, reason, who string) (entries []store.Entry, err error) {
	d.journal.Book(func(b *casefile.Book) {
		u := b.Unknown[owed]
		if u == nil {
			return
		}
		event := func(kind casefile.Kind, h casefile.Header) {
			entries = append(entries, store.Entry{Event: casefile.Event{Kind: kind, Case: u.Case, Header: h}})
		}
		claim := casefile.ClaimHash(owed, payment.NewClaimCode()+payment.NewClaimCode())
		h := casefile.Header{Face: face, Currency: money.CNY}
		switch {
		case as == "returned":
			event(casefile.AcceptorSettled, casefile.Header{Owed: owed, As: as, Reason: reason, Who: who})
		case u.Coin:
			h.Owed, h.Claim, h.Reason, h.Who = owed, claim, reason, who
			event(casefile.CoinFound, h)
		case b.OpenNote() != nil:
			err = errMoving
		default:
			h.Note = b.NextNote
			event(casefile.NoteEscrowed, h)
			doubtful, settled := h, h
			doubtful.Asked, doubtful.Owed, doubtful.Claim = u.Asked, owed, claim
			event(casefile.NoteDoubtful, doubtful)
			settled.As, settled.Reason, settled.Who, settled.Box = "stacked", reason, who, b.Box.ID
			event(casefile.NoteSettled, settled)
		}
	})
	return entries, err
}

// settleElsewhere hands a finding over to the terminal whose doubt it is, through the hall, which takes one for each doubt.
func (d *Daemon) settleElsewhere(ctx context.Context, owed string, s ctl.Settle) (ctl.Doubt, error) {
	f := office.Finding{Owed: owed, As: s.As, Reason: s.Reason}
	if s.Face != "" {
		var err error
		if f.Face, err = money.Parse(s.Face); err != nil {
			return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: %v", s.ID, err)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, claimMax)
	defer cancel()
	found, err := d.link.Find(ctx, f)
	if err != nil {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: it is none of this terminal, and the hall does not answer; try again when the line is back", s.ID)}
	}
	if found.Refused != "" {
		return ctl.Doubt{}, &ctl.Refused{Text: fmt.Sprintf("settle %s: %s", s.ID, found.Refused)}
	}
	return ctl.Doubt{ID: s.ID, Case: found.Case, Amount: found.Amount, Owed: owed, Where: found.Terminal}, nil
}

func (d *Daemon) finding(doubt ctl.Doubt, s ctl.Settle) (casefile.Event, error) {
	var e casefile.Event
	d.journal.Book(func(b *casefile.Book) {
		for _, n := range b.Notes {
			if fmt.Sprintf("note-%d", n.Number) == s.ID && (s.As == "stacked" || s.As == "returned") {
				e = casefile.Event{Kind: casefile.NoteSettled, Case: n.Case, Header: casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, As: s.As, Reason: s.Reason, Who: "technician", Box: b.Box.ID}}
			}
		}
		if p, ok := payoutFinding(b, s); ok {
			e = p
		}
		for _, sh := range b.Sheets {
			if "sheet-"+sh.Serial == s.ID && sh.State == casefile.LicenseDoubtful && (s.As == "printed" || s.As == "spoiled") {
				e = casefile.Event{Kind: casefile.LicenseSettled, Case: sh.Case, Header: casefile.Header{Permit: sh.Permit, Serial: sh.Serial, As: s.As, Reason: s.Reason, Who: "technician"}}
			}
		}
	})
	if e.Kind == "" {
		return e, &ctl.Refused{Text: fmt.Sprintf("settle %s: a note is settled as stacked or returned, a sheet as printed or spoiled, a payout as paid or kept, not as %q", doubt.ID, s.As)}
	}
	return e, nil
}

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
	counted, err := money.ParseCounts(c.Counted)
	if err != nil {
		return ctl.Exchange{}, &ctl.Refused{Text: err.Error()}
	}
	var box casefile.Box
	var busy bool
	d.journal.Book(func(b *casefile.Book) {
		box = b.Box
		box.Notes = slices.Clone(b.Box.Notes)
		busy = b.OpenNote() != nil
	})
	if busy {
		return ctl.Exchange{}, &ctl.Refused{Text: "cashbox exchange: a note is on its way; wait until it has arrived"}
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

// ExportLog writes the journal's clear part.
func (d *Daemon) ExportLog(ctx context.Context, w io.Writer) error {
	if err := d.ready(); err != nil {
		return errors.Join(err)
	}
	return d.journal.Export(ctx, w)
}
