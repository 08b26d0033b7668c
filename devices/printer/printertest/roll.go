// Package printertest is what every receipt printer and every sheet printer must do, whatever it speaks.
//
// A driver's tests call ExerciseRoll or ExerciseSheets with a bench: the driver, and hands that can break
// the mechanism behind it. Each case runs in a bubble of virtual time, so that minutes of waiting cost
// nothing. The mechanism's own account of paper is the judge, never the driver's word.
package printertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// RollBench is a receipt printer with its mechanism. Its functions are for the suite alone.
type RollBench struct {
	Roll    printer.Roll             // Run is running
	Restart func() printer.Roll      // the program is killed and a new one started; the mechanism goes on
	Arm     func(name string, n int) // arms a fault of the mechanism; 0 mends it
	Has     func(name string) bool   // whether the mechanism knows this fault
	Power   func(on bool)            // the mains of the printer alone
	AtHalf  func(do func())          // do runs once, when half a strip is on paper
	Strips  func() []Strip           // the paper so far
	Counts  bool                     // keeps a count of cuts
	Forgets bool                     // drops the rest of an abandoned strip
	Log     func() string            // what has been told; for ExercisePresenter
	Close   func()                   // ends Run and waits for it; may be called twice
}

// Strip is one piece of paper.
type Strip struct {
	Text string
	Cut  bool
	Fate string // where there is a presenter: inside, mouth, taken, retracted, dropped or removed
}

// LongTime is more than any print may take, with every retry.
const LongTime = 3 * time.Minute

// ExerciseRoll runs the suite. open is called in a new bubble for each case.
func ExerciseRoll(t *testing.T, open func(t *testing.T) *RollBench, inARow ...int) {
	if len(inARow) == 0 {
		inARow = []int{1, 3, 12}
	}
	cases := []struct {
		name string
		run  func(t *testing.T, b *RollBench)
	}{
		{"prints and counts", rollPrints},
		{"refuses what it cannot print", rollRefuses},
		{"says what is wrong before it begins", rollUnfit},
		{"paper runs out in the middle", func(t *testing.T, b *RollBench) { rollStops(t, b, "paper_out", fault.Empty) }},
		{"cover is opened in the middle", func(t *testing.T, b *RollBench) { rollStops(t, b, "cover_open", fault.Open) }},
		{"paper jams in the middle", func(t *testing.T, b *RollBench) { rollStops(t, b, "jam", fault.Jammed) }},
		{"cutter sticks", rollCutter},
		{"plug is pulled in the middle", rollUnplug},
		{"program dies in the middle", rollProgramDies},
		{"program dies at the end", rollProgramDiesLate},
		{"power fails in the middle", rollPowerCut},
		{"printer restarts in the middle", rollResets},
		{"paper is nearly used up", rollNearEnd},
		{"gives up when told", rollGivesUp},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { bubble(t, open, c.run) })
	}
	for _, name := range []string{"late", "double", "split", "truncate", "garble", "silence", "lost_reply"} {
		for _, n := range inARow {
			for _, when := range []string{"before", "half"} {
				t.Run(fmt.Sprintf("%s x%d %s", name, n, when), func(t *testing.T) {
					bubble(t, open, func(t *testing.T, b *RollBench) { rollLine(t, b, name, n, when) })
				})
			}
		}
	}
}

func bubble(t *testing.T, open func(t *testing.T) *RollBench, run func(t *testing.T, b *RollBench)) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t)
		defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
		defer b.Close()
		awaitRoll(t, b.Roll, "")
		run(t, b)
		b.Close()
		if s := b.Roll.State(); s.Online || s.Fault == nil {
			t.Errorf("after the end of Run: got %+v, want a fault", s)
		}
	})
}

// awaitRoll waits until the state shows this kind of fault; "" is fit.
func awaitRoll(t *testing.T, r printer.Roll, kind fault.Kind) {
	t.Helper()
	for range 600 {
		s := r.State()
		if kind == "" && s.Online && s.Fault == nil || kind != "" && s.Fault != nil && s.Fault.Kind == kind {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("state after a minute: got %+v, want fault %q", r.State(), kind)
}

// item is one line of a receipt as it is sent and as it reads on paper. A printer without a Chinese font gets another.
func item(r printer.Roll, name string, i int) (sent, paper string) {
	if r.Has('水') {
		return fmt.Sprintf("%s 水费 %d ¥1.00", name, i), fmt.Sprintf("%s 水费 %d ￥1.00", name, i)
	}
	plain := fmt.Sprintf("%s water %d 1.00", name, i)
	return plain, plain
}

// strip is a receipt long enough to be cut in halves, with a mark at each end.
func strip(r printer.Roll, name string) printer.Strip {
	s := printer.Strip{Lines: []printer.Line{{Text: "begin " + name, Align: printer.Centre, Wide: true, High: true, Bold: true}}}
	for i := range 30 {
		sent, _ := item(r, name, i)
		s.Lines = append(s.Lines, printer.Line{Text: sent})
	}
	bits := make([]byte, 48*100)
	for i := range bits {
		bits[i] = []byte{0x10, 0x04, 0x01, 0x10, 0x05, 0x02}[i%6] // looks like real-time requests
	}
	s.Lines = append(s.Lines, printer.Line{Dots: &printer.Dots{Width: 384, Height: 100, Bits: bits}},
		printer.Line{Feed: 40}, printer.Line{QR: "YC1:" + name, Align: printer.Centre}, printer.Line{Text: "end " + name})
	return s
}

// whole counts the pieces of paper with all of this strip on it and cut off; part those cut off with some of
// it; merged those with another strip on the same piece.
func count(b *RollBench, name string) (whole, part, merged int) {
	for _, s := range b.Strips() {
		first, last := strings.Contains(s.Text, "begin "+name+"\n"), strings.HasSuffix(s.Text, "end "+name)
		lines := 0
		for i := range 30 {
			if _, paper := item(b.Roll, name, i); strings.Contains(s.Text, paper+"\n") {
				lines++
			}
		}
		all := first && last && lines == 30 && strings.Contains(s.Text, "[image 384x100]")
		switch {
		case all && s.Cut:
			whole++
		case s.Cut && (first || last || lines > 0):
			part++
		}
		if (first || last || lines > 0) && strings.Count(s.Text, "begin ") > 1 {
			merged++
		}
	}
	return whole, part, merged
}

func printStrip(r printer.Roll, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), LongTime)
	defer cancel()
	err := r.Print(ctx, strip(r, name))
	if f, is := err.(*fault.Error); err != nil && (!is || f.Device != "receipt" || f.Op != "print") {
		return fmt.Errorf("not a fault of the receipt printer at print: %#v", err)
	}
	return err
}

func cuts(t *testing.T, r printer.Roll) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), LongTime)
	defer cancel()
	n, ok, err := r.Cuts(ctx)
	if err != nil {
		t.Fatalf("cuts: %v", err)
	}
	if !ok {
		return -1
	}
	return n
}

// clear cuts off what hangs there.
func clearRoll(t *testing.T, r printer.Roll) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), LongTime)
	defer cancel()
	if err := r.(printer.Clearer).Clear(ctx); err != nil {
		t.Fatalf("clear: %v", err)
	}
	if r.State().Unfinished {
		t.Fatalf("unfinished after clear: %+v", r.State())
	}
}

// goesOn checks that after a strip named old the printer prints another, whole and on paper of its own.
func goesOn(t *testing.T, b *RollBench, r printer.Roll, old string) {
	t.Helper()
	awaitRoll(t, r, "")
	if r.State().Unfinished {
		if err := printStrip(r, "early"); !fault.Is(err, fault.Busy) {
			t.Fatalf("print while a strip hangs: got %v, want busy", err)
		}
		clearRoll(t, r)
	}
	before := cuts(t, r)
	if err := printStrip(r, "after"); err != nil {
		t.Fatalf("print after %s: %v", old, err)
	}
	if after := cuts(t, r); before >= 0 && after != before+1 {
		t.Errorf("cuts: got %d, want %d", after, before+1)
	}
	whole, part, merged := count(b, "after")
	if whole != 1 || part != 0 || merged != 0 {
		t.Errorf("strip after: whole %d part %d merged %d in %+v", whole, part, merged, b.Strips())
	}
	if whole, part, _ := count(b, "early"); whole+part != 0 {
		t.Errorf("a refused strip came out: %+v", b.Strips())
	}
}

func rollPrints(t *testing.T, b *RollBench) {
	if b.Roll.State().Unfinished {
		t.Fatalf("a new printer is unfinished: %+v", b.Roll.State())
	}
	before := cuts(t, b.Roll)
	if (before >= 0) != b.Counts {
		t.Errorf("cuts: got %d, counts %v", before, b.Counts)
	}
	for i, name := range []string{"one", "two"} {
		if err := printStrip(b.Roll, name); err != nil {
			t.Fatalf("print %s: %v", name, err)
		}
		if whole, part, merged := count(b, name); whole != 1 || part != 0 || merged != 0 {
			t.Errorf("%s: whole %d part %d merged %d in %+v", name, whole, part, merged, b.Strips())
		}
		if got := cuts(t, b.Roll); before >= 0 && got != before+int64(i)+1 {
			t.Errorf("cuts after %s: got %d, want %d", name, got, before+int64(i)+1)
		}
		if !strings.Contains(b.Strips()[i].Text, "YC1:"+name) && !strings.Contains(b.Strips()[i].Text, "[image ") {
			t.Errorf("%s has no symbol: %q", name, b.Strips()[i].Text)
		}
	}
	info := b.Roll.Info()
	if info.Protocol == "" || info.WidthDots < 384 || info.Columns < 32 {
		t.Errorf("info: got %+v", info)
	}
}

func rollRefuses(t *testing.T, b *RollBench) {
	if b.Roll.Has('🙂') || !b.Roll.Has('5') || b.Roll.Has('水') != b.Roll.Has('¥') || b.Roll.Has('\n') || b.Roll.Has('\uE000') {
		t.Errorf("has: 🙂 %v, 水 %v, ¥ %v", b.Roll.Has('🙂'), b.Roll.Has('水'), b.Roll.Has('¥'))
	}
	bad := []printer.Line{
		{Text: "a🙂"}, {Text: "a\x10\x04"}, {Text: "a", QR: "b"}, {QR: strings.Repeat("x", 4000)}, {QR: "a\x10"}, {Feed: -1}, {Text: "a", Align: "up"},
		{Dots: &printer.Dots{Width: 8, Height: 2, Bits: []byte{1}}}, {Dots: &printer.Dots{Width: 8000, Height: 1, Bits: make([]byte, 1000)}},
	}
	for _, line := range bad {
		err := b.Roll.Print(context.Background(), printer.Strip{Lines: []printer.Line{{Text: "first"}, line}})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("print %+v: got %v, want invalid", line, err)
		}
	}
	if got := b.Strips(); len(got) != 0 || b.Roll.State().Unfinished {
		t.Errorf("paper moved for refused strips: %+v", got)
	}
	goesOn(t, b, b.Roll, "refused")
}

func rollUnfit(t *testing.T, b *RollBench) {
	for name, kind := range map[string]fault.Kind{"paper_out": fault.Empty, "cover_open": fault.Open, "jam": fault.Jammed} {
		b.Arm(name, 1)
		if err := printStrip(b.Roll, "unfit"); !fault.Is(err, kind) {
			t.Errorf("print with %s: got %v, want %s", name, err, kind)
		}
		awaitRoll(t, b.Roll, kind)
		b.Arm(name, 0)
		awaitRoll(t, b.Roll, "")
	}
	if got := b.Strips(); len(got) != 0 {
		t.Errorf("paper moved: %+v", got)
	}
	goesOn(t, b, b.Roll, "unfit")
}

func rollStops(t *testing.T, b *RollBench, name string, kind fault.Kind) {
	before := cuts(t, b.Roll)
	b.AtHalf(func() { b.Arm(name, 1) })
	err := printStrip(b.Roll, "old")
	if !fault.Is(err, kind) {
		t.Fatalf("print: got %v, want %s", err, kind)
	}
	if st := b.Roll.State(); !st.Unfinished || !fault.Is(st.Fault, kind) {
		t.Errorf("state: %+v, want unfinished and %s", st, kind)
	}
	awaitRoll(t, b.Roll, kind)
	b.Arm(name, 0)
	awaitRoll(t, b.Roll, "")
	if got := cuts(t, b.Roll); got != before {
		t.Errorf("cuts: got %d, want %d: nothing was cut", got, before)
	}
	goesOn(t, b, b.Roll, "old")
	if whole, _, _ := count(b, "old"); whole != 0 && b.Forgets {
		t.Errorf("an abandoned strip is whole: %+v", b.Strips())
	}
}

func rollCutter(t *testing.T, b *RollBench) {
	b.Arm("cutter", 1)
	if err := printStrip(b.Roll, "old"); !fault.Is(err, fault.Jammed) {
		t.Fatalf("print: got %v, want jammed", err)
	}
	awaitRoll(t, b.Roll, fault.Jammed)
	b.Arm("cutter", 0)
	goesOn(t, b, b.Roll, "old")
}

func rollUnplug(t *testing.T, b *RollBench) {
	before := cuts(t, b.Roll)
	b.AtHalf(func() { b.Arm("unplug", 1) })
	err := printStrip(b.Roll, "old")
	if err == nil || fault.Is(err, fault.Doubtful) {
		t.Fatalf("print: got %v, want a fault before the cut", err)
	}
	awaitRoll(t, b.Roll, fault.Absent)
	b.Arm("unplug", 0)
	awaitRoll(t, b.Roll, "")
	if got := cuts(t, b.Roll); got != before {
		t.Errorf("cuts: got %d, want %d", got, before)
	}
	goesOn(t, b, b.Roll, "old")
}

func rollProgramDies(t *testing.T, b *RollBench) {
	before := cuts(t, b.Roll)
	half := make(chan struct{})
	b.AtHalf(func() { close(half) })
	gone := make(chan error, 1)
	old := b.Roll
	go func() { gone <- printStrip(old, "old") }()
	<-half
	r := b.Restart()
	<-gone // the word of a dead program counts for nothing
	awaitRoll(t, r, "")
	got := cuts(t, r)
	whole, part, _ := count(b, "old")
	if before >= 0 && (got == before+1) != (whole == 1) || got > before+1 || part != 0 {
		t.Fatalf("cuts: %d before, %d after; whole %d part %d", before, got, whole, part)
	}
	if got == before {
		clearRoll(t, r)
	}
	goesOn(t, b, r, "old")
}

func rollProgramDiesLate(t *testing.T, b *RollBench) {
	before := cuts(t, b.Roll)
	if err := printStrip(b.Roll, "old"); err != nil {
		t.Fatalf("print: %v", err)
	}
	r := b.Restart() // before it could write down that the strip was done
	awaitRoll(t, r, "")
	if got := cuts(t, r); before >= 0 && got != before+1 {
		t.Errorf("cuts: got %d, want %d", got, before+1)
	}
	goesOn(t, b, r, "old")
}

func rollPowerCut(t *testing.T, b *RollBench) {
	before := cuts(t, b.Roll)
	b.AtHalf(func() { b.Power(false) })
	err := printStrip(b.Roll, "old")
	if err == nil || fault.Is(err, fault.Doubtful) {
		t.Fatalf("print: got %v, want a fault before the cut", err)
	}
	awaitRoll(t, b.Roll, fault.Silent)
	b.Power(true)
	awaitRoll(t, b.Roll, "")
	if got := cuts(t, b.Roll); got != before {
		t.Errorf("cuts: got %d, want %d", got, before)
	}
	goesOn(t, b, b.Roll, "old")
}

func rollResets(t *testing.T, b *RollBench) {
	b.AtHalf(func() { b.Arm("reset", 1) })
	err := printStrip(b.Roll, "old")
	if whole, _, _ := count(b, "old"); err == nil || fault.Is(err, fault.Doubtful) || whole != 0 {
		t.Fatalf("print: got %v, want a fault before the cut (whole %d)", err, whole)
	}
	goesOn(t, b, b.Roll, "old")
}

func rollNearEnd(t *testing.T, b *RollBench) {
	b.Arm("paper_near_end", 1)
	for range 50 {
		if b.Roll.State().NearEnd {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if s := b.Roll.State(); !s.NearEnd || s.Fault != nil {
		t.Errorf("state: got %+v, want near end and fit", s)
	}
	goesOn(t, b, b.Roll, "near end")
}

func rollGivesUp(t *testing.T, b *RollBench) {
	ctx, cancel := context.WithCancel(context.Background())
	b.AtHalf(cancel)
	err := b.Roll.Print(ctx, strip(b.Roll, "old"))
	whole, _, _ := count(b, "old")
	if (err == nil) != (whole == 1) || fault.Is(err, fault.Doubtful) {
		t.Fatalf("print given up: got %v, whole %d", err, whole)
	}
	goesOn(t, b, b.Roll, "old")
}

// rollLine lets a fault of the line befall n answers: whatever happens, the driver's word and the paper agree.
func rollLine(t *testing.T, b *RollBench, name string, n int, when string) {
	if !b.Has(name) {
		t.Skipf("this mechanism has no %s", name)
	}
	if when == "half" {
		b.AtHalf(func() { b.Arm(name, n) })
	} else {
		b.Arm(name, n)
	}
	err := printStrip(b.Roll, "old")
	whole, part, merged := count(b, "old")
	switch {
	case err == nil && whole != 1:
		t.Errorf("said printed, paper says whole %d part %d: %+v", whole, part, b.Strips())
	case err != nil && !fault.Is(err, fault.Doubtful) && whole != 0:
		t.Errorf("said %v, the strip was cut off whole", err)
	case merged != 0 || part != 0:
		t.Errorf("part %d merged %d: %+v", part, merged, b.Strips())
	case name == "double" && err != nil, name == "split" && err != nil:
		t.Errorf("%s is harmless: got %v", name, err)
	}
	b.Arm(name, 0)
	goesOn(t, b, b.Roll, "old")
	if whole, _, _ := count(b, "old"); whole > 1 {
		t.Errorf("the strip came out %d times", whole)
	}
}
