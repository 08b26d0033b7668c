package ippsim

import (
	"fmt"
	"time"

	"github.com/OpenPrinting/goipp"
)

// The job states of RFC 8011, 5.3.7.
const (
	jobPending    = 3
	jobHeld       = 4
	jobProcessing = 5
	jobStopped    = 6
	jobCanceled   = 7
	jobAborted    = 8
	jobCompleted  = 9
)

// job is one print job in the printer's memory.
type job struct {
	id            int
	uri           string
	name, user    string
	state         int
	reasons       []string
	media, source string
	copies        int
	twoSided      bool
	format        string
	document      []byte
	ranges        []goipp.Range // page-ranges; none is all
	pages         []int         // the document's pages that are printed, from 1
	sheetsDone    int
	sidesDone     int
	inside        *Print // the sheet that is half-way
	actual        *tray  // where the last sheet came from
	cancel        bool
	created       time.Time
	processing    time.Time
	ended         time.Time
	timer         *time.Timer // until the document must have come
}

func (j *job) stopTimer() {
	if j.timer != nil {
		j.timer.Stop()
	}
}

// onSheet is how many pages go on one sheet.
func (j *job) onSheet() int {
	if j.twoSided {
		return 2
	}
	return 1
}

// perCopy is the sheets of one copy: a copy begins on a sheet of its own.
func (j *job) perCopy() int { return (len(j.pages) + j.onSheet() - 1) / j.onSheet() }

// sheets is all that the job takes.
func (j *job) sheets() int { return j.perCopy() * j.copies }

func (j *job) over() bool { return j.state >= jobCanceled }

// end puts a job into its last state.
func (j *job) end(state int, reasons ...string) {
	j.stopTimer()
	j.state, j.reasons, j.ended = state, reasons, time.Now()
}

// current is the job that the engine works at. The caller holds the lock.
func (p *Printer) current() *job {
	for _, j := range p.jobs {
		if j.state == jobProcessing || j.state == jobStopped {
			return j
		}
	}
	return nil
}

// kick starts the engine, if it is not running. The caller holds the lock.
func (p *Printer) kick() {
	if p.working || !p.power || p.waiting() == nil {
		return
	}
	p.working = true
	go p.work()
}

func (p *Printer) waiting() *job {
	for _, j := range p.jobs {
		if j.state == jobPending {
			return j
		}
	}
	return nil
}

// work prints one job after the other.
func (p *Printer) work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.working = false }()
	for p.power {
		life := p.life
		if !p.sleep(warmUp) && !p.power {
			return
		}
		j := p.waiting()
		if j == nil {
			return
		}
		if p.life == life {
			p.print(j)
		}
	}
}

// sleep gives the lock up for a while; false when the power went meanwhile.
func (p *Printer) sleep(d time.Duration) bool {
	life := p.life
	p.mu.Unlock()
	time.Sleep(d)
	p.mu.Lock()
	return p.life == life
}

// print takes a job through its sheets.
func (p *Printer) print(j *job) {
	j.state, j.reasons, j.processing = jobProcessing, []string{"job-printing"}, time.Now()
	p.opts.Log.Add(device, "device", nil, fmt.Sprintf("job %d %q: begins, %d sheets of %s", j.id, j.name, j.sheets(), j.media))
	if p.faults.Take("abort") {
		j.end(jobAborted, "aborted-by-system")
		return
	}
	for j.sheetsDone < j.sheets() {
		if j.inside == nil {
			if !p.ready(j) || !p.draw(j) {
				return
			}
		}
		if !p.mark(j) {
			return
		}
	}
	j.end(jobCompleted, "job-completed-successfully")
	p.opts.Log.Add(device, "device", nil, fmt.Sprintf("job %d: completed", j.id))
}

// ready waits until nothing stops the printer; false when the job is over or forgotten meanwhile.
func (p *Printer) ready(j *job) bool {
	for life := p.life; ; {
		if j.cancel {
			j.end(jobCanceled, "job-canceled-by-user")
			return false
		}
		if _, stops := p.reasons(); !stops && p.paper(j) != nil {
			j.state, j.reasons = jobProcessing, []string{"job-printing"}
			return true
		}
		j.state, j.reasons = jobStopped, []string{"printer-stopped"}
		changed := p.changed
		p.mu.Unlock()
		<-changed // every fault, tray, cancel and power switch wakes
		p.mu.Lock()
		if p.life != life {
			return false
		}
	}
}

// draw takes one blank in and marks its first half; false when that ended the job.
func (p *Printer) draw(j *job) bool {
	t := p.paper(j)
	if p.faults.Take("wrong_media") {
		t = p.other(t)
	}
	j.actual = t
	first := j.sheetsDone % j.perCopy() * j.onSheet()
	s := &Print{N: p.nextPrint(), Media: t.Media, Pages: 1, Serial: t.Next, Document: j.document, Format: j.format, Page: j.pages[first]}
	j.inside = s
	t.Sheets--
	t.Next, _ = nextSerial(t.Next) // checked when the tray was loaded; plain paper has none
	p.prints = append(p.prints, s)
	if len(p.prints) > printsMax {
		p.prints = append([]*Print(nil), p.prints[len(p.prints)/10:]...)
	}
	if !p.sleep(p.opts.SheetTime / 2) {
		return false
	}
	life := p.life
	if fn := p.onPoint; fn != nil {
		p.mu.Unlock()
		fn("license.half")
		p.mu.Lock()
	}
	return p.life == life
}

// mark finishes the sheet that is inside; false when that ended the job.
func (p *Printer) mark(j *job) bool {
	s := j.inside
	if p.faults.On("jam") {
		p.jammed = true
		p.opts.Log.Add(device, "device", nil, "sheet "+s.Serial+" is stuck")
		p.cleared(j)
		return false
	}
	if !p.sleep(p.opts.SheetTime / 2) {
		return false
	}
	s.Pages = min(j.onSheet(), len(j.pages)-j.sheetsDone%j.perCopy()*j.onSheet())
	s.Complete, j.inside = true, nil
	j.sheetsDone++
	j.sidesDone += s.Pages
	p.opts.Log.Add(device, "device", nil, fmt.Sprintf("sheet %s of %s is out", s.Serial, s.Media))
	if j.cancel && j.sheetsDone < j.sheets() {
		j.end(jobCanceled, "job-canceled-by-user")
		return false
	}
	return true
}

// cleared waits until a hand has taken the stuck sheet out; the job is then given up: this printer does not
// draw another numbered blank by itself.
func (p *Printer) cleared(j *job) {
	for life := p.life; p.jammed; {
		j.state, j.reasons = jobStopped, []string{"printer-stopped"}
		if j.cancel {
			j.reasons = append(j.reasons, "processing-to-stop-point")
		}
		changed := p.changed
		p.mu.Unlock()
		<-changed
		p.mu.Lock()
		if p.life != life {
			return
		}
	}
	if j.cancel {
		j.end(jobCanceled, "job-canceled-by-user", "job-completed-with-errors")
		return
	}
	j.end(jobAborted, "aborted-by-system", "job-completed-with-errors")
}

// other is another tray with paper, for the fault that draws from the wrong one.
func (p *Printer) other(t *tray) *tray {
	for _, o := range p.trays {
		if o != t && o.Sheets > 0 {
			return o
		}
	}
	return t
}

func (p *Printer) nextPrint() int {
	if n := len(p.prints); n > 0 {
		return p.prints[n-1].N + 1
	}
	return 1
}
