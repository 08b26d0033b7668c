package ipp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// jobAttributes are what phase needs.
var jobAttributes = []string{"job-id", "job-name", "job-state", "job-state-reasons", "job-media-sheets", "job-media-sheets-completed",
	"job-impressions", "job-impressions-completed", "media-col-actual", "time-at-processing"}

// Job is how far the job is; see printer.Sheets.
func (p *Printer) Job(ctx context.Context, id int, name string, since time.Time) (printer.JobState, bool, error) {
	s, err := p.refresh(ctx, "job")
	if err != nil {
		return printer.JobState{}, false, err
	}
	j, found, err := p.byID(ctx, id, name)
	if err == nil && !found && name != "" {
		j, found, err = p.byName(ctx, name)
	}
	if err != nil {
		return printer.JobState{}, false, err
	}
	if !found {
		if s.neverCame(id, since) {
			return printer.JobState{}, false, nil
		}
		return printer.JobState{ID: id, Name: name, Phase: printer.JobUnknown}, true, nil
	}
	return p.jobState(s, j), true, nil
}

// neverCame says whether a job that the printer does not know never reached it. A job with a number did: the printer was
// off since, or has forgotten it. Without printer-up-time it cannot say that it has been on all the while; that of a queue
// is the time of day. Both ends of the time since are this program's, so that no clock that is set makes it shorter.
func (s snapshot) neverCame(id int, since time.Time) bool {
	age := s.at.Sub(since) // the longest duration that there is, for the zero time
	return id == 0 && !s.info.Queue && 0 <= age && age <= remembers && age+upTimeSlack <= s.upTime
}

// jobState measures the job by what was expected of it, and remembers a jam that befalls it.
func (p *Printer) jobState(s snapshot, j jobFacts) printer.JobState {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.known[j.name]
	if hasJam(s.reasons) && !e.over {
		e.jammed = true
		p.known[j.name] = e
	}
	if j.counted && !p.info.Queue {
		p.counts, p.info.Counts = true, true
	}
	if !slices.ContainsFunc(s.trays, func(t printer.Tray) bool { return t.Name == j.source }) {
		j.source = "" // a word that names no tray, such as auto, tells nothing
	}
	st := printer.JobState{ID: j.id, Name: j.name, Phase: j.phase(e), Sheets: j.sheets(e), Reasons: j.reasons, Media: j.media, Tray: j.source}
	if p.info.Queue && (st.Phase == printer.JobPrinted || st.Phase == printer.JobSpoiled || st.Phase == printer.JobFailed && j.begun) {
		st.Phase = printer.JobUnknown // a queue counts what it has sent
	}
	switch {
	case st.Phase == printer.JobPrinting:
		st.Fault = s.fault("job", true)
	case st.Phase == printer.JobWaiting:
		st.Fault = s.fault("job", false)
	case st.Phase.Final():
		if e, ok := p.known[j.name]; ok {
			e.over = true // a jam from now on is not this job's
			p.known[j.name] = e
		}
	}
	return st
}

// byID asks for one job; a job of that number with another name is none of ours.
func (p *Printer) byID(ctx context.Context, id int, name string) (jobFacts, bool, error) {
	if id <= 0 {
		return jobFacts{}, false, nil
	}
	m := p.request(goipp.OpGetJobAttributes)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(id)))
	m.Operation.Add(keyword("requested-attributes", jobAttributes...))
	a, err := p.call(ctx, "job", m, nil, answerLimit)
	if err != nil {
		return jobFacts{}, false, err
	}
	switch goipp.Status(a.Code) {
	case goipp.StatusErrorNotFound, goipp.StatusErrorGone, goipp.StatusErrorNotPossible:
		return jobFacts{}, false, nil
	}
	if err := p.accepted(a, "job"); err != nil {
		return jobFacts{}, false, err
	}
	j := readJob(a.Job)
	if j.state < 3 || j.state > 9 {
		return jobFacts{}, false, p.fail(fault.Garbled, "job", fmt.Sprintf("job-state %d", j.state), nil)
	}
	if j.id == 0 {
		j.id = id
	}
	if name != "" && j.name != name {
		return jobFacts{}, false, nil
	}
	return j, true, nil
}

// byName looks through the jobs at work and those that are over.
func (p *Printer) byName(ctx context.Context, name string) (jobFacts, bool, error) {
	for _, which := range []string{"not-completed", "completed"} {
		m := p.request(goipp.OpGetJobs)
		m.Operation.Add(goipp.MakeAttribute("limit", goipp.TagInteger, goipp.Integer(jobsMax)))
		m.Operation.Add(keyword("which-jobs", which))
		m.Operation.Add(keyword("requested-attributes", "job-id", "job-name"))
		a, err := p.call(ctx, "job", m, nil, answerLimit)
		if err != nil {
			return jobFacts{}, false, err
		}
		if err := p.accepted(a, "job"); err != nil {
			return jobFacts{}, false, err
		}
		for _, g := range a.Groups {
			if g.Tag != goipp.TagJobGroup || text(g.Attrs, "job-name") != name {
				continue
			}
			if id, ok := number(g.Attrs, "job-id"); ok {
				return p.byID(ctx, id, name)
			}
		}
	}
	return jobFacts{}, false, nil
}

// Cancel asks the printer to give the job up. A job that is over cannot be cancelled, which is no error here:
// Job tells how it ended.
func (p *Printer) Cancel(ctx context.Context, id int) error {
	m := p.request(goipp.OpCancelJob)
	m.Operation.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(id)))
	a, err := p.call(ctx, "cancel", m, nil, answerLimit)
	if err != nil {
		return err
	}
	switch goipp.Status(a.Code) {
	case goipp.StatusErrorNotPossible, goipp.StatusErrorNotFound:
		return nil
	}
	return p.accepted(a, "cancel")
}
