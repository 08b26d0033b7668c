package press

import (
	"context"
	"errors"
	"slices"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
)

// plainMedia is the paper of the plain tray.
const plainMedia = "iso_a4_210x297mm"

// plainMax bounds a slip on a plain sheet: a person stands there, and the screen is the next way out.
const plainMax = 45 * time.Second

// Plain prints one paper of a case on a plain sheet of the license printer: the second way out of a slip,
// when the roll cannot. The fault is Absent when there is no such tray. An error says that the sheet did
// not come out, or not surely.
func (p *Press) Plain(ctx context.Context, caseID, what, owed string, paper document.Paper) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.HasPlain() {
		return &fault.Error{Kind: fault.Absent, Device: "license", Op: "plain paper"}
	}
	ctx = context.WithoutCancel(ctx)
	bounded, cancel := context.WithTimeout(ctx, plainMax+giveUpMax) // the printer's time, as in Paper
	defer cancel()
	began := time.Now()
	pdf, err := p.Type.PlainPDF(paper, what, began)
	if err != nil {
		return err
	}
	id := "P" + random(10)
	h := casefile.Header{Paper: id, What: what, Way: wayTray, Owed: owed}
	if err := p.append(ctx, casefile.PaperBegun, caseID, h); err != nil {
		return err
	}
	job, err := p.Sheets.Submit(bounded, printer.Job{Name: id, Document: pdf, Media: plainMedia, Source: p.PlainTray, Sheets: 1, Proof: true})
	out, state := false, printer.JobState{}
	if err == nil || fault.Is(err, fault.Doubtful) { // after any other error no sheet comes of it
		out, state = p.plainOut(bounded, id, job, began)
	}
	if out {
		return p.append(ctx, casefile.PaperPrinted, caseID, h)
	}
	if err == nil {
		err = &fault.Error{Kind: fault.Doubtful, Device: "license", Op: "plain paper"}
		if state.Fault != nil {
			err = state.Fault
		}
	}
	h.Way, h.Fault = "", string(fault.KindOf(err))
	return errors.Join(err, p.write(ctx, append(p.drawnInstead(state), casefile.Event{Kind: casefile.PaperFailed, Case: caseID, Header: h})...))
}

// drawnInstead voids the numbered blank that a printer took for a slip in place of plain paper. Where several trays hold
// such blanks and the printer does not tell which it was, none is void by guessing: a person has to look.
func (p *Press) drawnInstead(state printer.JobState) []casefile.Event {
	var serial string
	from := p.plainFrom(state)
	if len(from) == 1 {
		p.Journal.Book(func(b *casefile.Book) { serial, _ = b.Trays[from[0]].Next() })
	}
	switch {
	case len(from) > 1:
		p.Log.Error("a slip was printed on a blank, and the printer does not say of which tray", "media", state.Media, "trays", from)
	case serial != "" && from[0] != p.PlainTray:
		h := casefile.Header{Tray: from[0], Serial: serial, Reason: "the printer drew it for a slip", Who: "printer"}
		return []casefile.Event{{Kind: casefile.BlankVoided, Header: h}}
	}
	return nil
}

// plainFrom is which trays a slip may have been drawn from.
func (p *Press) plainFrom(state printer.JobState) (from []string) {
	p.Journal.Book(func(b *casefile.Book) { from = drawnFrom(b, state, p.PlainTray, plainMedia) })
	return from
}

// HasPlain says whether there is plain paper. A tray that the journal knows to hold numbered blanks is none,
// whatever the set-up says. A queue does not tell trays, only paper.
func (p *Press) HasPlain() bool {
	numbered := false
	p.Journal.Book(func(b *casefile.Book) { numbered = b.Trays[p.PlainTray].Left() > 0 })
	if p.PlainTray == "" || numbered || p.Sheets.State().Fault != nil {
		return false
	}
	for _, t := range p.Sheets.State().Trays {
		if (t.Name == p.PlainTray || t.Name == "" && p.Sheets.Info().Queue) && t.Media == plainMedia && t.Ready {
			return true
		}
	}
	return false
}

// plainOut follows a plain sheet until it has ended, gives it up after its time, and says whether it is out.
// A sheet of which that cannot be told, as it is with a printer that has forgotten the job, counts as not out: its code is
// replaced by a new one.
func (p *Press) plainOut(ctx context.Context, name string, id int, since time.Time) (bool, printer.JobState) {
	state, known := p.await(ctx, name, id, since, plainMax, nil)
	if known && !state.Phase.Final() {
		if err := p.Sheets.Cancel(ctx, state.ID); err != nil {
			p.Log.Warn("plain paper cancel", "error", err)
		}
		state, _ = p.await(ctx, name, state.ID, since, giveUpMax, nil)
	}
	return state.Phase == printer.JobPrinted && slices.Equal(p.plainFrom(state), []string{p.PlainTray}), state
}
