// Package press puts papers and licenses on paper, and writes into the journal what came of it.
//
// Each printing is begun in the journal before the printer is told, and ended there by what the printer
// itself says: printed, not printed, spoiled, or doubtful. "Printed" is never concluded from a write that
// went well. What was begun and not ended when the power went is settled at the next start by asking the
// printer: the roll by its count of cuts, the sheet printer by the job's name.
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
	"sync"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/store"
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

	mu sync.Mutex // one paper at a time: two writers would mix their lines
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
	// jobEvery is the pace of asking how far a job is.
	jobEvery = 500 * time.Millisecond
)

// Paper prints one paper of a case on the roll. what is receipt, slip, next, doubtful, refused or
// waiting; owed names what the slip is for. An error says that it did not come out, or not surely.
func (p *Press) Paper(ctx context.Context, caseID, what, owed string, paper document.Paper, again bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollMax)
	defer cancel()
	if err := p.clear(ctx); err != nil {
		return err
	}
	if state := p.Roll.State(); state.Fault != nil {
		return state.Fault
	}
	strip, err := p.Type.Strip(paper, p.Roll.Info(), p.Roll.Has)
	if err != nil {
		return err
	}
	cuts, _, err := p.Roll.Cuts(ctx)
	if err != nil {
		return err
	}
	id := "P" + random(10)
	h := casefile.Header{Paper: id, What: what, Way: wayRoll, Owed: owed, Cuts: cuts, Copy: again}
	if err := p.append(ctx, casefile.PaperBegun, caseID, h); err != nil {
		return err
	}
	err = p.Roll.Print(ctx, strip)
	if fault.Is(err, fault.Doubtful) && p.wasCut(ctx, cuts) {
		err = nil
	}
	end := casefile.Header{Paper: id, What: what, Owed: owed}
	if err == nil {
		end.Way = wayRoll
		return p.append(ctx, casefile.PaperPrinted, caseID, end)
	}
	end.Fault = string(fault.KindOf(err))
	return errors.Join(err, p.append(ctx, casefile.PaperFailed, caseID, end))
}

// OnScreen notes that a code was shown on the screen and acknowledged, because there was no paper. Both
// halves are one commit: nothing moves between them, and half of it would be settled by asking a printer.
func (p *Press) OnScreen(ctx context.Context, caseID, what, owed string) error {
	h := casefile.Header{Paper: "P" + random(10), What: what, Owed: owed, Way: wayScreen}
	entry := func(kind casefile.Kind) store.Entry {
		return store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}}
	}
	if err := p.Journal.Append(context.WithoutCancel(ctx), entry(casefile.PaperBegun), entry(casefile.PaperPrinted)); err != nil {
		return fmt.Errorf("press: %w", err)
	}
	return nil
}

// clear cuts off what an unfinished strip left hanging, so that nobody takes home half of another's paper.
func (p *Press) clear(ctx context.Context) error {
	if c, ok := p.Roll.(printer.Clearer); ok && p.Roll.State().Unfinished {
		return c.Clear(ctx)
	}
	return nil
}

// wasCut asks the printer whether the strip that was begun at this count has been cut off.
func (p *Press) wasCut(ctx context.Context, before int64) bool {
	n, ok, err := p.Roll.Cuts(ctx)
	return err == nil && ok && n > before
}

// SettlePapers ends the papers that were begun when the program went down. A paper of which it cannot
// be told is written down as failed: it is printed again as a copy, and a slip gets a new code.
func (p *Press) SettlePapers(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []casefile.Paper
	p.Journal.Book(func(b *casefile.Book) {
		for _, paper := range b.Papers {
			open = append(open, *paper)
		}
	})
	hanging := false
	for _, paper := range open {
		h := casefile.Header{Paper: paper.ID, What: paper.What, Owed: paper.Owed}
		out := false
		if paper.Way == wayTray {
			out, _ = p.plainOut(ctx, paper.ID, 0, paper.Since)
		} else if out = p.wasCut(ctx, paper.Cuts); !out {
			hanging = true
		}
		kind := casefile.PaperFailed
		h.Fault = "power"
		if out {
			kind, h.Fault, h.Way = casefile.PaperPrinted, "", cmp.Or(paper.Way, wayRoll)
		}
		if err := p.append(ctx, kind, paper.Case, h); err != nil {
			return err
		}
	}
	// Only the journal knows, after a restart, that half a strip may hang in the printer. It is cut off
	// after its fate is written down, because that cut counts too.
	if c, ok := p.Roll.(printer.Clearer); ok && hanging {
		return c.Clear(ctx)
	}
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
		Serial: l.License.Serial, Document: hex.EncodeToString(digest[:])}
	began := time.Now()
	if err := p.append(ctx, casefile.LicensePrinting, l.Case, h); err != nil {
		return Outcome{}, err
	}
	submit, cancel := context.WithTimeout(ctx, giveUpMax)
	id, err := p.Sheets.Submit(submit, printer.Job{Name: l.Permit, Document: pdf, Media: l.Media, Source: l.Tray, Sheets: 1})
	cancel()
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Absent) || fault.Is(err, fault.Empty) {
		return p.endSheet(ctx, l.Permit, Outcome{Kind: casefile.LicenseFailed, Fault: asFault(err)})
	}
	if err != nil {
		p.Log.Warn("license submit", "error", err)
	}
	return p.follow(ctx, l.Permit, id, began, sheetMax, watch)
}

// follow asks how the job is until it has ended, gives it up after bound, and writes down what came out.
func (p *Press) follow(ctx context.Context, permit string, id int, since time.Time, bound time.Duration, watch func(printer.JobState)) (Outcome, error) {
	state, known := p.await(ctx, permit, id, since, bound, watch)
	if known && !state.Phase.Final() {
		cancel, done := context.WithTimeout(ctx, giveUpMax)
		if err := p.Sheets.Cancel(cancel, state.ID); err != nil {
			p.Log.Warn("license cancel", "error", err)
		}
		done()
		state, known = p.await(ctx, permit, state.ID, since, giveUpMax, watch)
	}
	out := Outcome{Kind: casefile.LicenseDoubtful, Fault: state.Fault, Asked: "the printer does not say what became of the sheet"}
	switch {
	case !known && state.Phase == JobNeverCame:
		out = Outcome{Kind: casefile.LicenseFailed, Asked: "the job never reached the printer"}
	case state.Phase == printer.JobPrinted:
		out = Outcome{Kind: casefile.LicensePrinted}
	case state.Phase == printer.JobFailed:
		out = Outcome{Kind: casefile.LicenseFailed, Fault: state.Fault}
	case state.Phase == printer.JobSpoiled:
		out = Outcome{Kind: casefile.LicenseSpoiled, Fault: state.Fault}
	case len(state.Reasons) > 0:
		out.Asked = strings.Join(state.Reasons, " ")
	}
	return p.endSheet(ctx, permit, out)
}

// JobNeverCame is the phase of a job that the printer, on all the time, knows nothing of.
const JobNeverCame printer.JobPhase = "never came"

// await polls the job until it is final or bound is over.
func (p *Press) await(ctx context.Context, permit string, id int, since time.Time, bound time.Duration, watch func(printer.JobState)) (last printer.JobState, known bool) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(jobEvery)
	defer tick.Stop()
	for {
		state, ok, err := p.Sheets.Job(ctx, id, permit, since)
		switch {
		case err == nil && !ok:
			return printer.JobState{Phase: JobNeverCame}, false
		case err == nil:
			last, known = state, true
			if watch != nil {
				watch(state)
			}
			if state.Phase.Final() {
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
		h.Fault = string(fault.Silent)
		if out.Fault != nil {
			h.Fault = string(out.Fault.Kind)
		}
	}
	return out, p.append(ctx, out.Kind, s.Case, h)
}

// SettleSheets ends the sheets that were on their way when the program went down. bound is how long a
// job that is still at work may take.
func (p *Press) SettleSheets(ctx context.Context, bound time.Duration) error {
	var open []casefile.Sheet
	p.Journal.Book(func(b *casefile.Book) {
		for _, s := range b.Sheets {
			if s.State == casefile.LicensePrinting {
				open = append(open, *s)
			}
		}
	})
	for _, s := range open {
		if _, err := p.follow(ctx, s.Permit, 0, s.Since, bound, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *Press) append(ctx context.Context, kind casefile.Kind, caseID string, h casefile.Header) error {
	err := p.Journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}})
	if err != nil {
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
