package ippsim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/OpenPrinting/goipp"
)

// operations is what the printer can be told. Each answers with a status and a note for people.
var operations map[goipp.Op]func(p *Printer, r *request, answer *goipp.Message) (goipp.Status, string)

func init() { // the table and its functions name each other
	operations = map[goipp.Op]func(p *Printer, r *request, answer *goipp.Message) (goipp.Status, string){
		goipp.OpPrintJob:             (*Printer).printJob,
		goipp.OpValidateJob:          (*Printer).validateJob,
		goipp.OpCreateJob:            (*Printer).createJob,
		goipp.OpSendDocument:         (*Printer).sendDocument,
		goipp.OpCloseJob:             (*Printer).closeJob,
		goipp.OpCancelJob:            (*Printer).cancelJob,
		goipp.OpGetJobAttributes:     (*Printer).getJobAttributes,
		goipp.OpGetJobs:              (*Printer).getJobs,
		goipp.OpGetPrinterAttributes: (*Printer).getPrinterAttributes,
		goipp.OpIdentifyPrinter:      (*Printer).identify,
		goipp.OpCancelMyJobs:         (*Printer).cancelMyJobs,
	}
}

func sortInts(list []int) { slices.Sort(list) }

func (p *Printer) getPrinterAttributes(r *request, answer *goipp.Message) (goipp.Status, string) {
	answer.Printer = wanted(p.printerAttributes(r.host), r.msg.Operation, []string{"all"}, "media-col-database")
	return goipp.StatusOk, ""
}

func (p *Printer) identify(*request, *goipp.Message) (goipp.Status, string) {
	p.opts.Log.Add(device, "device", nil, "says here I am")
	return goipp.StatusOk, ""
}

// ticket is what the job template attributes of a request come to.
type ticket struct {
	media, source string
	copies        int
	twoSided      bool
	ranges        []goipp.Range
}

// The values of sides (RFC 8011, 5.2.8).
var sides = []string{"one-sided", "two-sided-long-edge", "two-sided-short-edge"}

// read checks the job template attributes. What cannot be done is named in the unsupported group; with
// ipp-attribute-fidelity that refuses the job (RFC 8011, 4.1.7).
func (p *Printer) read(r *request, answer *goipp.Message) (ticket, goipp.Status, string) {
	t := ticket{media: mediaA4, copies: 1}
	if f := text(r.msg.Operation, "document-format"); f != "" && !slices.Contains(formats, f) {
		answer.Unsupported.Add(strs("document-format", goipp.TagMimeType, f))
		return t, goipp.StatusErrorDocumentFormatNotSupported, formatsOnly
	}
	if c := text(r.msg.Operation, "compression"); c != "" && c != "none" {
		answer.Unsupported.Add(keyword("compression", c))
		return t, goipp.StatusErrorCompressionNotSupported, "no compression"
	}
	_, hasMedia := find(r.msg.Job, "media")
	_, hasCol := find(r.msg.Job, "media-col")
	if hasMedia && hasCol {
		return t, goipp.StatusErrorBadRequest, "media and media-col exclude each other"
	}
	for _, a := range r.msg.Job {
		if known, ok := p.template(a, &t); !known {
			answer.Unsupported.Add(goipp.MakeAttribute(a.Name, goipp.TagUnsupportedValue, goipp.Void{}))
		} else if !ok {
			answer.Unsupported.Add(a)
		}
	}
	if len(answer.Unsupported) == 0 {
		return t, goipp.StatusOk, ""
	}
	if text(r.msg.Operation, "ipp-attribute-fidelity") == "true" {
		return t, goipp.StatusErrorAttributesOrValues, "cannot be done as asked"
	}
	return t, goipp.StatusOkIgnoredOrSubstituted, ""
}

// template reads one job template attribute: is it known, and can its value be done.
func (p *Printer) template(a goipp.Attribute, t *ticket) (known, ok bool) {
	if a.Name == "page-ranges" {
		return true, t.readRanges(a)
	}
	if len(a.Values) != 1 {
		return true, false
	}
	v := a.Values[0]
	choice := func(tag goipp.Tag, allowed ...string) bool {
		return v.T == tag && slices.Contains(allowed, v.V.String())
	}
	switch a.Name {
	case "copies":
		n, isInt := v.V.(goipp.Integer)
		if v.T != goipp.TagInteger || !isInt || n < 1 || n > 99 {
			return true, false
		}
		t.copies = int(n)
		return true, true
	case "media":
		if !choice(goipp.TagKeyword, mediaA3, mediaA4) || !p.holdsMedia(v.V.String(), "") {
			return true, false
		}
		t.media = v.V.String()
		return true, true
	case "media-col":
		return true, p.mediaCol(v, t)
	case "sides":
		ok := choice(goipp.TagKeyword, sides...)
		t.twoSided = ok && v.V.String() != sides[0]
		return true, ok
	case "finishings":
		return true, choice(goipp.TagEnum, "3")
	case "print-content-optimize", "print-rendering-intent":
		return true, choice(goipp.TagKeyword, "auto")
	case "print-scaling":
		return true, choice(goipp.TagKeyword, "none")
	case "print-color-mode":
		return true, choice(goipp.TagKeyword, "monochrome")
	case "print-quality":
		return true, choice(goipp.TagEnum, "4", "5")
	case "orientation-requested":
		return true, choice(goipp.TagEnum, "3", "4")
	case "output-bin":
		return true, choice(goipp.TagKeyword, "face-down")
	case "printer-resolution":
		return true, goipp.ValueEqual(v.V, goipp.Resolution{Xres: 600, Yres: 600, Units: goipp.UnitsDpi})
	}
	return false, false
}

// readRanges reads page-ranges: ascending, apart from each other (RFC 8011, 5.2.7).
func (t *ticket) readRanges(a goipp.Attribute) bool {
	var ranges []goipp.Range
	last := 0
	for _, v := range a.Values {
		r, ok := v.V.(goipp.Range)
		if !ok || r.Lower <= last || r.Upper < r.Lower {
			return false
		}
		ranges, last = append(ranges, r), r.Upper
	}
	t.ranges = ranges
	return true
}

// mediaCol reads the collection: a size that a tray holds, and perhaps which tray.
func (p *Printer) mediaCol(v struct {
	T goipp.Tag
	V goipp.Value
}, t *ticket) bool {
	c, isCol := v.V.(goipp.Collection)
	if !isCol {
		return false
	}
	attrs := goipp.Attributes(c)
	media, source := "", text(attrs, "media-source")
	for _, a := range attrs {
		switch a.Name {
		case "media-size":
			size, isCol := a.Values[0].V.(goipp.Collection)
			if !isCol {
				return false
			}
			x, _ := number(goipp.Attributes(size), "x-dimension")
			y, _ := number(goipp.Attributes(size), "y-dimension")
			for _, m := range []string{mediaA3, mediaA4} {
				if mx, my := dimensions(m); mx == x && my == y {
					media = m
				}
			}
		case "media-source":
			if p.tray(source) == nil {
				return false
			}
		case "media-type":
			if a.Values[0].V.String() != "stationery" {
				return false
			}
		case "media-bottom-margin", "media-left-margin", "media-right-margin", "media-top-margin":
		default:
			return false
		}
	}
	if media == "" || !p.holdsMedia(media, source) {
		return false
	}
	t.media, t.source = media, source
	return true
}

// holdsMedia says whether a tray is set to this medium, with or without paper in it.
func (p *Printer) holdsMedia(media, source string) bool {
	for _, t := range p.trays {
		if t.Media == media && (source == "" || source == t.Name) {
			return true
		}
	}
	return false
}

func (p *Printer) validateJob(r *request, answer *goipp.Message) (goipp.Status, string) {
	_, status, note := p.read(r, answer)
	return status, note
}

// newJob puts a job into memory; the oldest ones that are over are forgotten.
func (p *Printer) newJob(r *request, t ticket) *job {
	name := text(r.msg.Operation, "job-name")
	if name == "" {
		name = "untitled"
	}
	j := &job{id: p.nextJob, uri: fmt.Sprintf("ipp://%s%s/%d", r.host, path, p.nextJob), name: name,
		user: text(r.msg.Operation, "requesting-user-name"), media: t.media, source: t.source, copies: t.copies, twoSided: t.twoSided, ranges: t.ranges,
		format: cmp.Or(text(r.msg.Operation, "document-format"), formats[0]), created: time.Now()}
	p.nextJob++
	p.jobs = append(p.jobs, j)
	if len(p.jobs) > jobsMax && p.jobs[0].over() {
		p.jobs = append([]*job(nil), p.jobs[1:]...)
	}
	return j
}

// forget drops the jobs that have ended longer ago than the printer remembers. The caller holds the lock.
func (p *Printer) forget() {
	if p.opts.Forgets > 0 {
		p.jobs = slices.DeleteFunc(p.jobs, func(j *job) bool { return j.over() && time.Since(j.ended) >= p.opts.Forgets })
	}
}

// accept checks a document against its job and puts the job into the queue.
func (p *Printer) accept(j *job, doc []byte) (goipp.Status, string) {
	if status, note := p.check(j, doc); status != goipp.StatusOk {
		return status, note
	}
	j.document = append([]byte(nil), doc...)
	j.stopTimer()
	j.state, j.reasons = jobPending, []string{"none"}
	p.kick()
	return goipp.StatusOk, ""
}

func (p *Printer) printJob(r *request, answer *goipp.Message) (goipp.Status, string) {
	t, status, note := p.read(r, answer)
	if status >= goipp.StatusErrorBadRequest {
		return status, note
	}
	probe := &job{media: t.media, ranges: t.ranges, format: cmp.Or(text(r.msg.Operation, "document-format"), formats[0])}
	if s, note := p.check(probe, r.doc); s != goipp.StatusOk {
		return s, note
	}
	j := p.newJob(r, t)
	p.accept(j, r.doc) // checked just now
	p.brief(j, r, answer)
	return status, note
}

// check says whether a document can be printed for this job, and which of its pages are.
func (p *Printer) check(j *job, doc []byte) (goipp.Status, string) {
	pages, sizes, err := inspect(j.format, doc)
	if err != nil {
		return goipp.StatusErrorDocumentFormatError, err.Error()
	}
	for _, s := range sizes {
		if !s.fits(j.media) {
			return goipp.StatusErrorDocumentFormatError, fmt.Sprintf("a page of %.0fx%.0f points does not fit %s", s.width, s.height, j.media)
		}
	}
	j.pages = nil
	for n := 1; n <= pages; n++ {
		if len(j.ranges) == 0 || slices.ContainsFunc(j.ranges, func(r goipp.Range) bool { return r.Lower <= n && n <= r.Upper }) {
			j.pages = append(j.pages, n)
		}
	}
	if len(j.pages) == 0 {
		return goipp.StatusErrorDocumentFormatError, "none of its pages is asked for"
	}
	return goipp.StatusOk, ""
}

func (p *Printer) createJob(r *request, answer *goipp.Message) (goipp.Status, string) {
	t, status, note := p.read(r, answer)
	if status >= goipp.StatusErrorBadRequest {
		return status, note
	}
	j := p.newJob(r, t)
	j.state, j.reasons = jobHeld, []string{"job-incoming", "job-data-insufficient"}
	j.timer = time.AfterFunc(incomingLimit, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if j.state == jobHeld {
			j.end(jobAborted, "aborted-by-system")
			p.opts.Log.Add(device, "device", nil, fmt.Sprintf("job %d: no document came", j.id))
		}
	})
	p.brief(j, r, answer)
	return status, note
}

// target is the job that a request names by job-id or job-uri.
func (p *Printer) target(r *request) *job {
	id, ok := number(r.msg.Operation, "job-id")
	if uri := text(r.msg.Operation, "job-uri"); uri != "" {
		n, err := strconv.Atoi(uri[strings.LastIndexByte(uri, '/')+1:])
		id, ok = n, err == nil
	}
	for _, j := range p.jobs {
		if ok && j.id == id {
			return j
		}
	}
	return nil
}

func (p *Printer) sendDocument(r *request, answer *goipp.Message) (goipp.Status, string) {
	j := p.target(r)
	last, hasLast := find(r.msg.Operation, "last-document")
	switch {
	case j == nil:
		return goipp.StatusErrorNotFound, "no such job"
	case !hasLast || last.Values[0].T != goipp.TagBoolean:
		return goipp.StatusErrorBadRequest, "last-document is missing"
	case j.state != jobHeld:
		return goipp.StatusErrorNotPossible, "the job takes no document"
	}
	f := text(r.msg.Operation, "document-format")
	if f != "" && !slices.Contains(formats, f) {
		answer.Unsupported.Add(strs("document-format", goipp.TagMimeType, f))
		return goipp.StatusErrorDocumentFormatNotSupported, formatsOnly
	}
	if f != "" {
		j.format = f
	}
	status, note := p.accept(j, r.doc)
	if status != goipp.StatusOk {
		j.end(jobAborted, "aborted-by-system", "document-format-error")
	}
	p.brief(j, r, answer)
	return status, note
}

// closeJob ends a job that gets no document any more.
func (p *Printer) closeJob(r *request, answer *goipp.Message) (goipp.Status, string) {
	j := p.target(r)
	if j == nil {
		return goipp.StatusErrorNotFound, "no such job"
	}
	if j.state == jobHeld {
		j.end(jobAborted, "aborted-by-system")
	}
	p.brief(j, r, answer)
	return goipp.StatusOk, ""
}

// cancelJob takes one job back.
func (p *Printer) cancelJob(r *request, _ *goipp.Message) (goipp.Status, string) {
	j := p.target(r)
	switch {
	case j == nil:
		return goipp.StatusErrorNotFound, "no such job"
	case j.over() || j.cancel:
		return goipp.StatusErrorNotPossible, "the job is over"
	}
	p.takeBack(j)
	return goipp.StatusOk, ""
}

// takeBack ends a job that waits; one at work goes on to the end of its sheet.
func (p *Printer) takeBack(j *job) {
	if j.state == jobProcessing || j.state == jobStopped {
		j.cancel = true
		j.reasons = append(j.reasons, "processing-to-stop-point")
		p.wake()
		return
	}
	j.end(jobCanceled, "job-canceled-by-user")
}

// cancelMyJobs takes back the jobs of this user, all or those that job-ids names; of these all or none (PWG 5100.11).
func (p *Printer) cancelMyJobs(r *request, answer *goipp.Message) (goipp.Status, string) {
	user := text(r.msg.Operation, "requesting-user-name")
	mine := func(j *job) bool { return j.user == user && !j.over() && !j.cancel }
	named, some := find(r.msg.Operation, "job-ids")
	var list []*job
	for _, j := range p.jobs {
		asked := slices.ContainsFunc(named.Values, func(v struct {
			T goipp.Tag
			V goipp.Value
		}) bool {
			return goipp.ValueEqual(v.V, goipp.Integer(j.id))
		})
		if mine(j) && (asked || !some) {
			list = append(list, j)
		}
	}
	if some && len(list) != len(named.Values) {
		answer.Unsupported.Add(named)
		return goipp.StatusErrorNotPossible, "not all of these jobs can be cancelled"
	}
	for _, j := range list {
		p.takeBack(j)
	}
	return goipp.StatusOk, ""
}

func (p *Printer) getJobAttributes(r *request, answer *goipp.Message) (goipp.Status, string) {
	j := p.target(r)
	if j == nil {
		return goipp.StatusErrorNotFound, "no such job"
	}
	answer.Job = wanted(p.jobAttributes(j, r.host), r.msg.Operation, []string{"all"}, "")
	return goipp.StatusOk, ""
}

// brief is what the creating operations tell of a job.
func (p *Printer) brief(j *job, r *request, answer *goipp.Message) {
	for _, a := range p.jobAttributes(j, r.host) {
		switch a.Name {
		case "job-id", "job-uri", "job-state", "job-state-reasons", "job-state-message":
			answer.Job.Add(a)
		}
	}
}

// getJobs lists those at work in their order, those that are over from the newest.
func (p *Printer) getJobs(r *request, answer *goipp.Message) (goipp.Status, string) {
	over := false
	switch which := text(r.msg.Operation, "which-jobs"); which {
	case "", "not-completed":
	case "completed":
		over = true
	default:
		answer.Unsupported.Add(keyword("which-jobs", which))
		return goipp.StatusErrorAttributesOrValues, "which-jobs"
	}
	limit, limited := number(r.msg.Operation, "limit")
	mine, user := text(r.msg.Operation, "my-jobs") == "true", text(r.msg.Operation, "requesting-user-name")
	list := append([]*job(nil), p.jobs...)
	if over {
		slices.Reverse(list)
	}
	groups := goipp.Groups{{Tag: goipp.TagOperationGroup, Attrs: answer.Operation}}
	for _, j := range list {
		if j.over() != over || mine && j.user != user || limited && len(groups) > limit {
			continue
		}
		groups.Add(goipp.Group{Tag: goipp.TagJobGroup, Attrs: wanted(p.jobAttributes(j, r.host), r.msg.Operation, []string{"job-uri", "job-id"}, "")})
	}
	answer.Groups = groups
	return goipp.StatusOk, ""
}
