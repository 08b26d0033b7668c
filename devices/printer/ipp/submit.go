package ipp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// Submit hands the job over. A job of this name that the printer already has is that job: its number is
// given and nothing is sent again. Doubtful: it was sent and the printer cannot be asked; Job will tell.
func (p *Printer) Submit(ctx context.Context, job printer.Job) (id int, err error) {
	if err := p.checkJob(job); err != nil {
		return 0, err
	}
	s, err := p.refresh(ctx, "print")
	if err != nil {
		return 0, err
	}
	if err := p.fit(s, job); err != nil {
		return 0, err
	}
	if j, ok, err := p.byName(ctx, job.Name); err != nil {
		return 0, err
	} else if ok && !j.incoming() {
		p.expect(job)
		return j.id, nil
	} else if ok {
		p.expect(job)
		return p.send(ctx, s, job, j.id)
	}
	p.expect(job)
	if !s.has(goipp.OpCreateJob) || !s.has(goipp.OpSendDocument) {
		return p.printJob(ctx, s, job)
	}
	id, err = p.create(ctx, s, job)
	if err != nil {
		return 0, err
	}
	return p.send(ctx, s, job, id)
}

func (s snapshot) has(op goipp.Op) bool { return slices.Contains(s.ops, op) }

// takes says whether a job template attribute may be sent; printers that do not tell are asked.
func (s snapshot) takes(name string) bool {
	return len(s.template) == 0 || slices.Contains(s.template, name)
}

// sides is what the protocol calls them (RFC 8011, 5.2.8).
var sides = map[printer.Sides]string{"": "one-sided", printer.LongEdge: "two-sided-long-edge", printer.ShortEdge: "two-sided-short-edge"}

// checkJob looks at the job itself.
func (p *Printer) checkJob(job printer.Job) error {
	switch {
	case job.Name == "" || len(job.Name) > 255: // RFC 8011: name(MAX)
		return p.fail(fault.Invalid, "print", fmt.Sprintf("a job name of %d bytes", len(job.Name)), nil)
	case !bytes.HasPrefix(job.Document, []byte("%PDF-")) || len(job.Document) > documentMax:
		return p.fail(fault.Invalid, "print", "the document is no PDF", nil)
	case job.Sheets < 1:
		return p.fail(fault.Invalid, "print", fmt.Sprintf("a job of %d sheets", job.Sheets), nil)
	case mediaSizes[job.Media] == [2]int{}:
		return p.fail(fault.Invalid, "print", fmt.Sprintf("media %q is not known", job.Media), nil)
	case sides[job.Sides] == "":
		return p.fail(fault.Invalid, "print", fmt.Sprintf("sides %q are not known", job.Sides), nil)
	}
	return nil
}

// fit looks whether this printer can print this job now.
func (p *Printer) fit(s snapshot, job printer.Job) error {
	if s.info.Queue && !job.Proof {
		return p.fail(fault.Invalid, "print", "this is a spooler and not a printer: what it says proves nothing", nil)
	}
	if !slices.Contains(s.formats, "application/pdf") {
		return p.fail(fault.Invalid, "print", fmt.Sprintf("the printer takes no PDF, only %v", s.formats), nil)
	}
	if job.Sides != "" && !(s.takes("sides") && slices.Contains(s.sides, sides[job.Sides])) {
		return p.fail(fault.Invalid, "print", fmt.Sprintf("the printer cannot be told to print %s, only %v", sides[job.Sides], s.sides), nil)
	}
	if f := s.fault("print", false); f != nil {
		return f
	}
	found := false
	for _, t := range s.trays {
		if t.Name != "" && job.Source != "" && t.Name != job.Source {
			continue
		}
		found = true
		switch {
		case t.Ready && t.Media == job.Media:
			return nil
		case t.Ready && t.Name == job.Source && t.Name != "":
			return p.fail(fault.Invalid, "print", fmt.Sprintf("%s holds %s, not %s", t.Name, t.Media, job.Media), nil)
		}
	}
	if !found && job.Source != "" {
		return p.fail(fault.Invalid, "print", fmt.Sprintf("there is no tray %s", job.Source), nil)
	}
	return p.fail(fault.Empty, "print", fmt.Sprintf("no %s in the trays", job.Media), nil)
}

// expect remembers what the job's end will be measured by.
func (p *Printer) expect(job printer.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, e := range p.known {
		if len(p.known) > jobsMax && e.over {
			delete(p.known, name)
		}
	}
	e := p.known[job.Name]
	e.sheets, e.turned, e.media, e.source = job.Sheets, job.Sides != "", job.Media, job.Source
	p.known[job.Name] = e
}

// ticket adds the operation and job template attributes of a new job. plain names the medium by keyword only.
func (p *Printer) ticket(m *goipp.Message, s snapshot, job printer.Job, plain bool) {
	m.Operation.Add(goipp.MakeAttribute("job-name", goipp.TagName, goipp.String(job.Name)))
	m.Operation.Add(goipp.MakeAttribute("ipp-attribute-fidelity", goipp.TagBoolean, goipp.Boolean(true)))
	if goipp.Op(m.Code) == goipp.OpPrintJob {
		m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String("application/pdf")))
	}
	col, ok := mediaCol(job.Media, job.Source)
	if plain || !ok || !s.takesCol(job) {
		m.Job.Add(keyword("media", job.Media))
	} else {
		m.Job.Add(col)
	}
	if want := sides[job.Sides]; s.takes("sides") && (len(s.sides) == 0 || slices.Contains(s.sides, want)) {
		m.Job.Add(keyword("sides", want))
	}
	if slices.Contains(s.scaling, "none") {
		m.Job.Add(keyword("print-scaling", "none"))
	}
}

// takesCol says whether the printer knows a medium by size and tray.
func (s snapshot) takesCol(job printer.Job) bool {
	return s.takes("media-col") && slices.Contains(s.colParts, "media-size") && (job.Source == "" || slices.Contains(s.colParts, "media-source"))
}

// oneTray says whether the keyword alone leaves no choice of tray.
func (s snapshot) oneTray(media string) bool {
	n := 0
	for _, t := range s.trays {
		if t.Ready && t.Media == media {
			n++
		}
	}
	return n == 1
}

// order sends a request that makes a job. When the answer is lost the job is looked for by its name; it is
// sent once more only when the printer says that there is none. One that has its document with it may have been printed
// and forgotten since: it is sent once more only when it surely never came.
func (p *Printer) order(ctx context.Context, s snapshot, job printer.Job, op goipp.Op, doc []byte, limit time.Duration) (int, error) {
	plain := false
	if !s.takesCol(job) && !s.oneTray(job.Media) {
		return 0, p.fail(fault.Invalid, "print", "the printer cannot be told which tray to take", nil)
	}
	for try := 1; ; try++ {
		m := p.request(op)
		p.ticket(m, s, job, plain)
		sent := time.Now()
		a, err := p.call(ctx, "print", m, doc, limit)
		if err == nil {
			if refusesCol(a) && !plain && s.oneTray(job.Media) {
				plain, try = true, try-1 // once: plain stays set
				continue
			}
			return p.madeJob(ctx, a)
		}
		if kind := fault.KindOf(err); kind != fault.Silent && kind != fault.Garbled {
			return 0, err // it did not get there, or was refused below IPP
		}
		j, found, lookup := p.search(ctx, job.Name)
		if lookup == nil && !found && doc != nil {
			var now snapshot
			if now, lookup = p.refresh(ctx, "print"); lookup == nil && !now.neverCame(0, sent) {
				return 0, p.fail(fault.Doubtful, "print", "the answer was lost and the printer may have forgotten the job", err)
			}
		}
		switch {
		case lookup != nil:
			return 0, p.fail(fault.Doubtful, "print", "the answer was lost and the printer cannot be asked", lookup)
		case found:
			return j.id, nil
		case try == 2:
			return 0, err // asked twice, and it has none
		}
	}
}

// refusesCol says that media-col, and nothing else, was in the way.
func refusesCol(a *goipp.Message) bool {
	return goipp.Status(a.Code) == goipp.StatusErrorAttributesOrValues && len(a.Unsupported) == 1 && a.Unsupported[0].Name == "media-col"
}

// madeJob reads the answer to Create-Job or Print-Job. A job that was accepted with substitutes is given up.
func (p *Printer) madeJob(ctx context.Context, a *goipp.Message) (int, error) {
	id, ok := number(a.Job, "job-id")
	if err := p.accepted(a, "print"); err != nil {
		if ok && goipp.Status(a.Code) < goipp.StatusErrorBadRequest {
			if e := p.Cancel(ctx, id); e != nil {
				return id, p.fail(fault.Doubtful, "print", "accepted with other paper, and cannot be cancelled", e)
			}
		}
		return 0, err
	}
	if !ok {
		return 0, p.fail(fault.Doubtful, "print", "accepted without a job number", nil)
	}
	return id, nil
}

func (p *Printer) create(ctx context.Context, s snapshot, job printer.Job) (int, error) {
	return p.order(ctx, s, job, goipp.OpCreateJob, nil, answerLimit)
}

func (p *Printer) printJob(ctx context.Context, s snapshot, job printer.Job) (int, error) {
	if err := p.leaves(job); err != nil {
		return 0, err
	}
	return p.order(ctx, s, job, goipp.OpPrintJob, job.Document, documentLimit)
}

// leaves tells the job's owner that the document is about to leave.
func (p *Printer) leaves(job printer.Job) error {
	if job.Sending == nil {
		return nil
	}
	if err := job.Sending(); err != nil {
		return p.fail(fault.Broken, "print", "the document was held back", err)
	}
	return nil
}

// send puts the document into job id. When the answer is lost the job itself says whether it has it.
func (p *Printer) send(ctx context.Context, s snapshot, job printer.Job, id int) (int, error) {
	if err := p.leaves(job); err != nil {
		return id, err // the printer gives the job up when no document comes
	}
	for try := 1; ; try++ {
		m := p.request(goipp.OpSendDocument)
		m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(id)))
		m.Operation.Add(goipp.MakeAttribute("document-format", goipp.TagMimeType, goipp.String("application/pdf")))
		m.Operation.Add(goipp.MakeAttribute("last-document", goipp.TagBoolean, goipp.Boolean(true)))
		a, err := p.call(ctx, "print", m, job.Document, documentLimit)
		if err == nil {
			if err = p.accepted(a, "print"); err == nil {
				return id, nil
			}
			if goipp.Status(a.Code) != goipp.StatusErrorNotPossible && goipp.Status(a.Code) != goipp.StatusErrorNotFound {
				return id, err
			}
		}
		j, found, lookup := p.search(ctx, job.Name)
		switch {
		case lookup != nil:
			return id, p.fail(fault.Doubtful, "print", "the document was sent and the printer cannot be asked", lookup)
		case !found:
			return id, p.fail(fault.Doubtful, "print", "the document was sent and the printer does not know the job any more", err)
		case (j.state == 7 || j.state == 8) && !j.begun:
			return id, p.fail(fault.Silent, "print", "the printer gave the job up before it had the document", err)
		case !j.incoming():
			return j.id, nil
		case try == 2:
			return id, err // asked twice, and the printer still waits: it will give the job up
		}
	}
}

// search looks for a job by name until the printer answers, a bounded number of times.
func (p *Printer) search(ctx context.Context, name string) (j jobFacts, found bool, err error) {
	for try := range lookupsMax {
		if try > 0 {
			pause(ctx, lookupGap)
		}
		if j, found, err = p.byName(ctx, name); err == nil {
			return j, found, nil
		}
	}
	return jobFacts{}, false, err
}
