// Package press puts papers and licenses on paper, and writes into the journal what came of it.
//
// Each printing is begun in the journal before the printer is told, and ended there by what the printer
// itself says: printed, not printed, spoiled, or doubtful. "Printed" is never concluded from a write that
// went well, nor "not printed" from a job that the printer does not know: it may have forgotten it. What was
// begun and not ended when the power went is settled at the next start: the roll is asked for its count of cuts;
// of a sheet whose document never left nothing can have come, and of any other the printer is asked by the job's name.
package press

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/store"
	"yichuang/kiosk/turn"
	"yichuang/kiosk/typeset"
)

// Press is both printers of a terminal and the type that is set for them.
type Press struct {
	Journal   *store.Store
	Roll      printer.Roll
	Sheets    printer.Sheets
	PlainTray string // tray of the sheet printer with A4 paper that has no numbers; "" for none
	Type      *typeset.Setter
	Log       *slog.Logger

	mu turn.Turn // one paper at a time: two writers would mix their lines
}

// The ways that a paper goes out.
const (
	wayRoll   = "receipt" // of the receipt printer
	wayTray   = "tray"    // a plain sheet of the license printer
	wayScreen = "screen"  // shown until it was acknowledged
)

const (
	// rollMax bounds a receipt: printed in seconds, even when the line is 9600 baud.
	rollMax = 60 * time.Second
	// sheetMax bounds a license; after it the job is given up and the printer is asked what came out.
	sheetMax = 3 * time.Minute
	// giveUpMax bounds how long a given-up job may take to end.
	giveUpMax = 30 * time.Second
	// unsentMax is how long a job is looked for whose document never left, to be cancelled: nothing will be printed of it.
	unsentMax = 5 * time.Second
	// cutsMax bounds the question whether a strip was cut after all.
	cutsMax = 10 * time.Second
	// heldMax is how long a job may be held up, by a jam, an open door or missing paper, before it is given up: at night
	// nobody comes, and a person stands there. Somebody who does stand by has mended it by then.
	heldMax = 45 * time.Second
	// jobEvery is the pace of asking how far a job is.
	jobEvery = 500 * time.Millisecond
)

// Paper prints one paper of a case on the roll. what is receipt, slip, next, doubtful, refused or
// waiting; owed names what the slip is for. An error says that it did not come out, or not surely.
func (p *Press) Paper(ctx context.Context, caseID, what, owed string, paper document.Paper, again bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	bounded, cancel := context.WithTimeout(ctx, rollMax) // the printer's time; what came of it is written down however late it is
	defer cancel()
	// What was begun before the program started, and is not settled yet, would be taken for this one: both are cut off together.
	if err := p.settlePapers(bounded); err != nil {
		return err
	}
	if state := p.Roll.State(); state.Fault != nil {
		return state.Fault
	}
	strip, err := p.Type.Strip(paper, p.Roll.Info(), p.Roll.Has)
	if err != nil {
		return err
	}
	cuts, _, err := p.Roll.Cuts(bounded)
	if err != nil {
		return err
	}
	id := "P" + random(10)
	h := casefile.Header{Paper: id, What: what, Way: wayRoll, Owed: owed, Cuts: cuts, Copy: again}
	if err := p.append(ctx, casefile.PaperBegun, caseID, h); err != nil {
		return err
	}
	err = p.Roll.Print(bounded, strip)
	if fault.Is(err, fault.Doubtful) && p.wasCut(ctx, cuts) {
		err = nil
	}
	end := casefile.Header{Paper: id, What: what, Owed: owed}
	if err == nil {
		end.Way = wayRoll
		return p.append(ctx, casefile.PaperPrinted, caseID, end)
	}
	end.Fault = string(fault.KindOf(err))
	if p.Roll.State().Unfinished {
		err = errors.Join(err, p.hangs(ctx))
	}
	return errors.Join(err, p.append(ctx, casefile.PaperFailed, caseID, end))
}

// OnScreen notes that a code was shown on the screen and acknowledged, because there was no paper. Both
// halves are one commit: nothing moves between them, and half of it would be settled by asking a printer.
func (p *Press) OnScreen(ctx context.Context, caseID, what, owed string) error {
	h := casefile.Header{Paper: "P" + random(10), What: what, Owed: owed, Way: wayScreen}
	begun := casefile.Event{Kind: casefile.PaperBegun, Case: caseID, Header: h}
	shown := casefile.Event{Kind: casefile.PaperPrinted, Case: caseID, Header: h}
	return p.write(context.WithoutCancel(ctx), begun, shown)
}

// hangsKey is where it is kept that part of a strip may hang in the printer: neither the driver of a new
// program nor a printer that was without power knows of it.
const hangsKey = "press.strip_hangs"

// hangs keeps that part of a strip may hang in the printer, until clear has cut it off.
func (p *Press) hangs(ctx context.Context) error {
	return p.Journal.Keep(ctx, map[string][]byte{hangsKey: []byte("1")})
}

// clear cuts off what an unfinished strip left hanging, so that nobody takes home half of another's paper.
func (p *Press) clear(ctx context.Context) error {
	c, ok := p.Roll.(printer.Clearer)
	if !ok {
		return nil
	}
	kept, err := p.Journal.Kept(ctx, hangsKey)
	if err != nil {
		return err
	}
	if len(kept) == 0 && !p.Roll.State().Unfinished {
		return nil
	}
	if err := c.Clear(ctx); err != nil {
		return err
	}
	return p.Journal.Keep(ctx, map[string][]byte{hangsKey: {}})
}

// wasCut asks the printer whether the strip that was begun at this count has been cut off.
func (p *Press) wasCut(ctx context.Context, before int64) bool {
	ctx, cancel := context.WithTimeout(ctx, cutsMax)
	defer cancel()
	n, ok, err := p.Roll.Cuts(ctx)
	return err == nil && ok && n > before
}

// SettlePapers ends the papers that were begun when the program went down. A paper of which it cannot
// be told is written down as failed: it is printed again as a copy, and a slip gets a new code.
func (p *Press) SettlePapers(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settlePapers(ctx)
}

func (p *Press) settlePapers(ctx context.Context) error {
	var open []casefile.Paper
	p.Journal.Book(func(b *casefile.Book) {
		for _, paper := range b.Papers {
			open = append(open, *paper)
		}
	})
	for _, paper := range open {
		h := casefile.Header{Paper: paper.ID, What: paper.What, Owed: paper.Owed}
		out := false
		var events []casefile.Event
		if paper.Way == wayTray {
			var state printer.JobState
			out, state = p.plainOut(ctx, paper.ID, 0, time.Time{})
			events = p.drawnInstead(state)
		} else if out = p.wasCut(ctx, paper.Cuts); !out {
			if err := p.hangs(ctx); err != nil {
				return err
			}
		}
		kind := casefile.PaperFailed
		h.Fault = "power"
		if out {
			kind, h.Fault, h.Way = casefile.PaperPrinted, "", cmp.Or(paper.Way, wayRoll)
		}
		if err := p.write(ctx, append(events, casefile.Event{Kind: kind, Case: paper.Case, Header: h})...); err != nil {
			return err
		}
	}
	// The half strip is cut off after its fate is written down, because that cut counts too.
	return p.clear(ctx)
}

// Leave is the hall's leave to print one form of a license on one blank.
type Leave struct {
	Case, Permit, Number, Tray, Media string
	License                           document.License
}

// Outcome is what became of a sheet.
type Outcome struct {
	Kind  casefile.Kind // LicensePrinted, LicenseFailed, LicenseSpoiled or LicenseDoubtful
	Fault *fault.Error  // what hindered it, if the printer says
	Asked string
	Tray  string // of a spoiled sheet that was drawn from another tray: that one
}

// License prints one sheet on the numbered blank that the permit names. The error is the journal's or
// the type's; what the printer did is in the outcome. watch, if any, is told each state of the job.
func (p *Press) License(ctx context.Context, l Leave, watch func(printer.JobState)) (Outcome, error) {
	ctx = context.WithoutCancel(ctx)
	pdf, err := p.Type.LicensePDF(l.License)
	if err != nil {
		return Outcome{}, err
	}
	digest := sha256.Sum256(pdf)
	h := casefile.Header{Permit: l.Permit, License: l.Number, Form: string(l.License.Kind), Tray: l.Tray, Media: l.Media,
		Serial: l.License.Serial, Document: hex.EncodeToString(digest[:]), Registered: l.License.Registered.Format(time.DateOnly)}
	if err := p.unsent(ctx, l.Permit); err != nil {
		return Outcome{}, err
	}
	began := time.Now()
	if err := p.append(ctx, casefile.LicensePrinting, l.Case, h); err != nil {
		return Outcome{}, err
	}
	sent := false
	sending := func() error {
		sent = true
		return p.unsent(ctx, "")
	}
	submit, cancel := context.WithTimeout(ctx, giveUpMax)
	id, err := p.Sheets.Submit(submit, printer.Job{Name: l.Permit, Document: pdf, Media: l.Media, Source: l.Tray, Sheets: 1, Sending: sending})
	cancel()
	if err != nil {
		p.Log.Warn("license submit", "error", err)
	}
	if err != nil && !fault.Is(err, fault.Doubtful) {
		return p.endSheet(ctx, l.Permit, Outcome{Kind: casefile.LicenseFailed, Fault: asFault(err)}) // no sheet will come of it
	}
	return p.follow(ctx, job{permit: l.Permit, id: id, since: began, sent: sent || err == nil}, sheetMax, watch)
}

// unsentKey is where it is kept whose document has not left yet. A printer that does not know a job may have forgotten
// it or its power may have been off, and clocks can be wrong; a document that never left was not printed in any case.
const unsentKey = "press.sheet_unsent"

// unsent keeps that the document of this permit's sheet has not left; with "", that it may have from now on.
func (p *Press) unsent(ctx context.Context, permit string) error {
	if err := p.Journal.Keep(ctx, map[string][]byte{unsentKey: []byte(permit)}); err != nil {
		return fmt.Errorf("press: %w", err)
	}
	return nil
}

// job is a sheet's way through the license printer.
type job struct {
	permit string
	id     int       // 0 when the printer has not told it
	since  time.Time // when this program submitted it; zero when another one did
	sent   bool      // its document may have left
}

// follow asks how the job is until it has ended, gives it up after bound, and writes down what came out.
func (p *Press) follow(ctx context.Context, j job, bound time.Duration, watch func(printer.JobState)) (Outcome, error) {
	state, known := p.await(ctx, j.permit, j.id, j.since, bound, watch)
	if known && !state.Phase.Final() {
		cancel, done := context.WithTimeout(ctx, giveUpMax)
		if err := p.Sheets.Cancel(cancel, state.ID); err != nil {
			p.Log.Warn("license cancel", "error", err)
		}
		done()
		held := state.Fault
		if state, known = p.await(ctx, j.permit, state.ID, j.since, giveUpMax, watch); state.Fault == nil {
			state.Fault = held
		}
	}
	out := Outcome{Kind: casefile.LicenseDoubtful, Fault: state.Fault, Asked: "the printer does not say what became of the sheet"}
	switch {
	case state.Phase == printer.JobPrinted:
		out = Outcome{Kind: casefile.LicensePrinted}
	case state.Phase == printer.JobSpoiled:
		out = Outcome{Kind: casefile.LicenseSpoiled, Fault: state.Fault}
	case state.Phase == printer.JobFailed:
		out = Outcome{Kind: casefile.LicenseFailed, Fault: state.Fault}
	case !j.sent, !known && state.Phase == JobNeverCame:
		out = Outcome{Kind: casefile.LicenseFailed, Fault: broke(fault.Silent, "the document never reached the printer")}
	case len(state.Reasons) > 0:
		out.Asked = strings.Join(state.Reasons, " ")
	}
	if out.Kind == casefile.LicensePrinted || out.Kind == casefile.LicenseSpoiled {
		out = p.fromWhere(j.permit, state, out)
	}
	return p.endSheet(ctx, j.permit, out)
}

// fromWhere looks whether the sheet is the blank that was meant. One that was drawn from another tray is void, and so is
// the number that now stands on it; the blank that was meant is still in its tray. The journal is asked what was meant,
// because after a restart the driver does not know it any more.
func (p *Press) fromWhere(permit string, state printer.JobState, out Outcome) Outcome {
	var meant string
	var from []string
	p.Journal.Book(func(b *casefile.Book) {
		meant = b.Sheets[permit].Tray
		from = drawnFrom(b, state, meant, b.Trays[meant].Media)
	})
	switch {
	case len(from) != 1:
		return Outcome{Kind: casefile.LicenseDoubtful, Fault: out.Fault, Asked: "it was printed on " + state.Media + ", and the printer does not say from which tray"}
	case from[0] != meant:
		return Outcome{Kind: casefile.LicenseSpoiled, Fault: broke(fault.Invalid, "the sheet was drawn from "+from[0]), Tray: from[0]}
	}
	return out
}

// drawnFrom is which trays a sheet may have been drawn from, by what the printer tells of it: the one that was meant, or
// another one with blanks. None, or several, are said when it tells the paper and not the tray.
func drawnFrom(b *casefile.Book, state printer.JobState, meant, media string) (from []string) {
	switch {
	case state.Tray != "":
		return []string{state.Tray}
	case state.Media == "" || state.Media == media:
		return []string{meant}
	}
	for name, t := range b.Trays {
		if t.Media == state.Media && t.Left() > 0 {
			from = append(from, name)
		}
	}
	return from
}

// JobNeverCame is the phase of a job of this program that the printer surely never had.
const JobNeverCame printer.JobPhase = "never came"

// broke is the fault of a job of which the printer tells no cause.
func broke(kind fault.Kind, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "license", Op: "print", Detail: detail}
}

// await polls the job until it is final or bound is over. A job that has ended tells no fault any more: what
// held it up last is put there. One that was seen is asked for by its number from then on: it came, and if the printer
// does not know it later it has forgotten it.
func (p *Press) await(ctx context.Context, permit string, id int, since time.Time, bound time.Duration, watch func(printer.JobState)) (last printer.JobState, known bool) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(jobEvery)
	defer tick.Stop()
	var held *fault.Error
	var heldSince time.Time
	for {
		state, ok, err := p.Sheets.Job(ctx, id, permit, since)
		switch {
		case err == nil && !ok:
			return printer.JobState{Phase: JobNeverCame}, false
		case err == nil:
			switch {
			case state.Fault == nil:
				heldSince = time.Time{}
			case heldSince.IsZero():
				held, heldSince = state.Fault, time.Now()
			default:
				held = state.Fault
			}
			if state.Phase.Final() {
				state.Fault = held
			}
			last, known, id = state, true, state.ID
			if watch != nil {
				watch(state)
			}
			if state.Phase.Final() || !heldSince.IsZero() && time.Since(heldSince) >= heldMax {
				return last, true
			}
		}
		select {
		case <-ctx.Done():
			return last, known
		case <-tick.C:
		}
	}
}

func (p *Press) endSheet(ctx context.Context, permit string, out Outcome) (Outcome, error) {
	var s casefile.Sheet
	p.Journal.Book(func(b *casefile.Book) { s = *b.Sheets[permit] })
	h := casefile.Header{Permit: permit, Serial: s.Serial}
	switch out.Kind {
	case casefile.LicensePrinted:
		h.License, h.Form = s.License, s.Form
	case casefile.LicenseDoubtful:
		h.Asked = out.Asked
	default:
		if out.Fault == nil {
			out.Fault = broke(fault.Broken, "the printer gave the job up")
		}
		h.Fault, h.Tray = string(out.Fault.Kind), out.Tray
	}
	return out, p.append(ctx, out.Kind, s.Case, h)
}

// SettleSheets ends the sheets that were on their way when the program went down. bound is how long a
// job that is still at work may take. Of a document that had not left nothing was printed, whatever the printer knows. Of
// one that may have left only the printer's own word counts: that it knows no such job is none.
func (p *Press) SettleSheets(ctx context.Context, bound time.Duration) error {
	unsent, err := p.Journal.Kept(ctx, unsentKey)
	if err != nil {
		return fmt.Errorf("press: %w", err)
	}
	var open []casefile.Sheet
	p.Journal.Book(func(b *casefile.Book) {
		for _, s := range b.Sheets {
			if s.State == casefile.LicensePrinting {
				open = append(open, *s)
			}
		}
	})
	for _, s := range open {
		j, most := job{permit: s.Permit, sent: string(unsent) != s.Permit}, bound
		if !j.sent {
			most = min(bound, unsentMax)
		}
		if _, err := p.follow(ctx, j, most, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *Press) append(ctx context.Context, kind casefile.Kind, caseID string, h casefile.Header) error {
	return p.write(ctx, casefile.Event{Kind: kind, Case: caseID, Header: h})
}

// write appends events in one commit.
func (p *Press) write(ctx context.Context, events ...casefile.Event) error {
	var entries []store.Entry
	for _, e := range events {
		entries = append(entries, store.Entry{Event: e})
	}
	if err := p.Journal.Append(ctx, entries...); err != nil {
		return fmt.Errorf("press: %w", err)
	}
	return nil
}

func asFault(err error) *fault.Error {
	var f *fault.Error
	errors.As(err, &f) // nil when it is none
	return f
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[:n]
}
