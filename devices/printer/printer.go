// Package printer is what the two printers of a terminal do: the roll of receipts, and the sheets
// that licenses are printed on.
//
// A successful write is not a print. Both classes say "printed" only when the device itself has said
// so, and say Doubtful when it cannot.
package printer

import (
	"context"
	"time"

	"yichuang/devices/fault"
)

// Strip is a receipt: what comes out of the roll before one cut, from the top down.
type Strip struct {
	Lines []Line
}

// Line is one element of a strip; exactly one of Text, Dots, QR and Feed is set.
type Line struct {
	Text  string // printed with the printer's own font; only characters for which Roll.Has is true
	Align Align
	Wide  bool // double width
	High  bool // double height
	Bold  bool
	Dots  *Dots  // a picture
	QR    string // a QR symbol with this text, error correction M
	Feed  int    // blank dots
}

// Align is where a line stands.
type Align string

// The three places.
const (
	Left   Align = "left"
	Centre Align = "centre"
	Right  Align = "right"
)

// Dots is a picture one bit deep, row after row, each row padded to whole bytes; the highest bit is
// the leftmost dot, 1 is black.
type Dots struct {
	Width, Height int // in dots; 8 dots are 1 mm at 203 dpi
	Bits          []byte
}

// RollInfo is what a receipt printer is.
type RollInfo struct {
	Protocol, Maker, Model, Serial string
	WidthDots                      int  // printable width, 576 for 80 mm paper
	Columns                        int  // characters of the printer's font in a line; a Chinese one takes two
	Presents                       bool // holds strips out in a mouth, and draws in what nobody takes
}

// Mouth is what is in the mouth of a printer that has one.
type Mouth string

// Empty, or a strip waits there to be taken.
const (
	MouthEmpty Mouth = "empty"
	MouthHeld  Mouth = "held"
)

// RollState is a receipt printer now.
type RollState struct {
	Online  bool
	NearEnd bool         // the paper is nearly used up
	Fault   *fault.Error // nil when fit to print

	// Unfinished: part of a strip hangs in the printer. Print answers Busy until it is cleared (Clearer).
	Unfinished bool

	// Of a printer that presents: what is in its mouth, and how many strips of this program were taken out of it
	// or, because nobody took them in time, drawn in again. One that was told to be drawn in never counts as taken.
	Mouth            Mouth
	Taken, Retracted int
}

// Roll is a receipt printer.
type Roll interface {
	// Run opens the printer, asks its state every second and heals unplugs until ctx ends.
	Run(ctx context.Context) error
	// Print puts a strip on paper and cuts it. nil: the printer has said that all of it was printed and cut and,
	// where it presents, that it is held out. Then it waits first until the strip before is out of the mouth.
	// A fault of kind Doubtful: the bytes were sent and it cannot be told whether all came out. Any other
	// fault: nobody gets anything of this strip; it may be printed again.
	Print(ctx context.Context, strip Strip) error
	// Has says whether the printer's own font has this character.
	Has(r rune) bool
	// Cuts is the printer's lifetime count of cuts, ok when it keeps one: the mark by which a restarted
	// program learns whether the strip that it had begun was finished.
	Cuts(ctx context.Context) (n int64, ok bool, err error)
	Info() RollInfo
	State() RollState
}

// Clearer is a Roll that can cut off what an unfinished strip left hanging, so that the next person does
// not take it home. This cut counts in Cuts too; so the owner always reads Cuts, writes down what became of
// the unfinished strip, and only then clears.
type Clearer interface {
	// Clear throws away what is left of an unfinished strip and cuts. nil: the paper is clean.
	Clear(ctx context.Context) error
}

// Tray is a paper tray of a sheet printer.
type Tray struct {
	Name  string // the printer's media-source keyword: "tray-1"
	Media string // PWG 5101.1: "iso_a3_297x420mm"
	Ready bool   // paper of this size is loaded
}

// SheetInfo is what a sheet printer is.
type SheetInfo struct {
	Protocol, Maker, Model, UUID string
	Counts                       bool // it counts sheets itself, so that "printed" can be proven
	Queue                        bool // it is a spooler and not a device: proofs and receipts, no originals
}

// SheetState is a sheet printer now.
type SheetState struct {
	Online   bool
	Stopped  bool
	Reasons  []string // printer-state-reasons as they came
	Trays    []Tray
	TonerLow bool
	Fault    *fault.Error // nil when fit to print
}

// Job is one document to be printed on one kind of paper from one tray.
type Job struct {
	Name     string // unique for ever (the permit): by it the job is found again after a power cut
	Document []byte // application/pdf
	Media    string
	Source   string // the tray
	Sides    Sides  // "" is one side
	Sheets   int    // how many sheets it must take
	Proof    bool   // a proof, receipt or slip: it is not proven that it came out, so that a queue may take it

	// Sending, if any, is called before the document leaves. On its error nothing leaves, and no sheet comes of the job.
	// It may be called again when the document is sent again.
	Sending func() error
}

// Sides is which sides of a sheet are printed on.
type Sides string

// The two ways of printing on both, by the edge at which the sheets are turned like a book's.
const (
	LongEdge  Sides = "long-edge"
	ShortEdge Sides = "short-edge"
)

// JobPhase is how far a job is.
type JobPhase string

// The phases. The last four are final.
const (
	JobWaiting  JobPhase = "waiting"  // accepted, not begun
	JobPrinting JobPhase = "printing" // at work, or held up by a fault that may be mended
	JobPrinted  JobPhase = "printed"  // completed, and the printer's counters say that every sheet is out
	JobFailed   JobPhase = "failed"   // ended, and the counters say that no sheet was marked
	JobSpoiled  JobPhase = "spoiled"  // ended with some sheets marked, not all, with a jam, or on other paper than asked
	JobUnknown  JobPhase = "unknown"  // the printer cannot say (it was switched off since, has forgotten the job, or does not count)
)

// JobState is a job now.
type JobState struct {
	ID      int
	Name    string
	Phase   JobPhase
	Sheets  int          // sheets completed, as the printer counts
	Reasons []string     // job-state-reasons as they came
	Fault   *fault.Error // what holds the printer up, if anything
	Media   string       // what it was really printed on, "" when the printer does not tell
	Tray    string       // where that paper was drawn from, "" when the printer does not tell
}

// Final says whether the job is over.
func (p JobPhase) Final() bool {
	return p == JobPrinted || p == JobFailed || p == JobSpoiled || p == JobUnknown
}

// Sheets is a sheet printer.
type Sheets interface {
	// Run asks the printer's state every few seconds until ctx ends.
	Run(ctx context.Context) error
	// Submit hands the job over. When the answer is lost it looks for the job by its name before it
	// sends it once more. fault.Invalid: the printer cannot do this (paper, format) and nothing was begun.
	// fault.Doubtful: it was sent and cannot be asked about; Job will tell. After any other error no sheet
	// comes of it, and none ever before Job.Sending was called. A queue takes Proof jobs alone, and their end is
	// JobUnknown or JobFailed.
	Submit(ctx context.Context, job Job) (id int, err error)
	// Job is how far the job is. An id of 0 looks for it by name. since is when it was submitted, by this program; the zero
	// time when another one did. ok is false when the printer knows no such job and surely never did: it had no
	// number, and the printer has been on since `since`, which is not longer ago than it remembers what has ended. Of
	// any other job that it does not know the phase is JobUnknown.
	Job(ctx context.Context, id int, name string, since time.Time) (state JobState, ok bool, err error)
	// Cancel asks the printer to give the job up. It may print all the same: look at Job until it is final.
	Cancel(ctx context.Context, id int) error
	Info() SheetInfo
	State() SheetState
}

// AbsentRoll is the receipt printer of a terminal that has none.
type AbsentRoll struct{}

func absent(class, op string) *fault.Error {
	return &fault.Error{Kind: fault.Absent, Device: class, Op: op}
}

// Run waits for the end of ctx.
func (AbsentRoll) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Print refuses.
func (AbsentRoll) Print(context.Context, Strip) error { return absent("receipt", "print") }

// Has is false.
func (AbsentRoll) Has(rune) bool { return false }

// Cuts does not count.
func (AbsentRoll) Cuts(context.Context) (int64, bool, error) { return 0, false, nil }

// Info is empty.
func (AbsentRoll) Info() RollInfo { return RollInfo{} }

// State says that it is absent.
func (AbsentRoll) State() RollState { return RollState{Fault: absent("receipt", "open")} }

// AbsentSheets is the license printer of a terminal that has none.
type AbsentSheets struct{}

// Run waits for the end of ctx.
func (AbsentSheets) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Submit refuses.
func (AbsentSheets) Submit(context.Context, Job) (int, error) { return 0, absent("license", "print") }

// Job knows none.
func (AbsentSheets) Job(context.Context, int, string, time.Time) (JobState, bool, error) {
	return JobState{}, false, absent("license", "job")
}

// Cancel refuses.
func (AbsentSheets) Cancel(context.Context, int) error { return absent("license", "cancel") }

// Info is empty.
func (AbsentSheets) Info() SheetInfo { return SheetInfo{} }

// State says that it is absent.
func (AbsentSheets) State() SheetState { return SheetState{Fault: absent("license", "open")} }
