package printertest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// ExercisePresenter is what a roll that presents must do besides: what becomes of a strip that nobody takes. The
// bench knows the faults paper_held (nobody takes the strip), presenter (it gets stuck between the rollers) and
// no_retract (it is not drawn in); without them a hand takes each strip a moment after it came.
func ExercisePresenter(t *testing.T, open func(t *testing.T) *RollBench) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, b *RollBench)
	}{
		{"strip is taken", mouthTaken},
		{"nobody takes the strip", mouthLeft},
		{"next strip waits for the one in the mouth", mouthWaits},
		{"next strip waits until the one in the mouth is drawn in", mouthWaitsLong},
		{"gives up waiting when told", mouthGivesUp},
		{"presenter sticks", mouthSticks},
		{"strip is not drawn in", mouthStays},
		{"strip is pulled while it is drawn in", mouthPulledLate},
		{"program dies with a strip in the mouth", mouthProgramDies},
		{"power fails with a strip in the mouth", mouthPowerCut},
		{"plug is pulled with a strip in the mouth", mouthUnplug},
		{"leftover is never held out", mouthLeftover},
	} {
		t.Run(c.name, func(t *testing.T) { bubble(t, open, c.run) })
	}
}

// takeMax is more than the time that a strip is held out, with all orders to draw it in.
const takeMax = time.Minute

// awaitMouth waits until the state shows this.
func awaitMouth(t *testing.T, r printer.Roll, want printer.Mouth) {
	t.Helper()
	for range 900 {
		if r.State().Mouth == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("mouth: %+v, want %s", r.State(), want)
}

// fate is where the strips of this name are.
func fate(b *RollBench, name string) []string {
	var out []string
	for _, s := range b.Strips() {
		if strings.Contains(s.Text, "begin "+name+"\n") {
			out = append(out, s.Fate)
		}
	}
	return out
}

func wantFate(t *testing.T, b *RollBench, name string, want ...string) {
	t.Helper()
	if got := fate(b, name); !slices.Equal(got, want) {
		t.Errorf("strip %s is %v, want %v; state %+v", name, got, want, b.Roll.State())
	}
}

func wantCounts(t *testing.T, r printer.Roll, taken, retracted int) {
	t.Helper()
	if s := r.State(); s.Taken != taken || s.Retracted != retracted {
		t.Errorf("counted %d taken and %d drawn in, want %d and %d", s.Taken, s.Retracted, taken, retracted)
	}
}

func printOne(t *testing.T, r printer.Roll, name string) {
	t.Helper()
	if err := printStrip(r, name); err != nil {
		t.Fatalf("print %s: %v", name, err)
	}
}

func mouthTaken(t *testing.T, b *RollBench) {
	if !b.Roll.Info().Presents || b.Roll.State().Mouth != printer.MouthEmpty {
		t.Errorf("before: %+v %+v", b.Roll.Info(), b.Roll.State())
	}
	printOne(t, b.Roll, "one")
	wantFate(t, b, "one", "mouth")
	if s := b.Roll.State(); s.Mouth != printer.MouthHeld || s.Unfinished || s.Fault != nil {
		t.Errorf("state: %+v, want held and fit", s)
	}
	awaitMouth(t, b.Roll, printer.MouthEmpty)
	wantFate(t, b, "one", "taken")
	wantCounts(t, b.Roll, 1, 0)
	time.Sleep(takeMax)
	wantCounts(t, b.Roll, 1, 0)
	if _, ok, err := b.Roll.Cuts(context.Background()); ok || err != nil {
		t.Errorf("cuts: %v %v, want none: a cut is not the end of a strip", ok, err)
	}
}

func mouthLeft(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	time.Sleep(25 * time.Second)
	wantFate(t, b, "one", "mouth")
	awaitMouth(t, b.Roll, printer.MouthEmpty)
	wantFate(t, b, "one", "retracted")
	wantCounts(t, b.Roll, 0, 1)
	if said := b.Log(); !strings.Contains(said, "nobody took it") || !strings.Contains(said, "drawn in") || strings.Contains(said, "was taken") {
		t.Errorf("the log says:\n%s", said)
	}
	b.Arm("paper_held", 0)
	goesOn(t, b, b.Roll, "one")
	time.Sleep(takeMax)
	wantCounts(t, b.Roll, 1, 1)
}

func mouthWaits(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	time.AfterFunc(10*time.Second, func() { b.Arm("paper_held", 0) })
	began := time.Now()
	printOne(t, b.Roll, "two")
	if took := time.Since(began); took < 10*time.Second {
		t.Errorf("the second strip took %v, with the first one in the mouth", took)
	}
	time.Sleep(takeMax)
	wantFate(t, b, "one", "taken")
	wantFate(t, b, "two", "taken")
	wantCounts(t, b.Roll, 2, 0)
}

func mouthWaitsLong(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	printOne(t, b.Roll, "two")
	wantFate(t, b, "one", "retracted")
	wantFate(t, b, "two", "mouth")
	time.Sleep(takeMax)
	wantFate(t, b, "two", "retracted")
	wantCounts(t, b.Roll, 0, 2)
}

func mouthGivesUp(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.Roll.Print(ctx, strip(b.Roll, "two")); !fault.Is(err, fault.Busy) {
		t.Errorf("print with a strip in the mouth: %v, want busy", err)
	}
	wantFate(t, b, "two")
	if b.Roll.State().Unfinished {
		t.Errorf("state: %+v, want nothing unfinished", b.Roll.State())
	}
	b.Arm("paper_held", 0)
	goesOn(t, b, b.Roll, "two")
}

func mouthSticks(t *testing.T, b *RollBench) {
	b.Arm("presenter", 1)
	if err := printStrip(b.Roll, "old"); !fault.Is(err, fault.Jammed) {
		t.Fatalf("print: %v, want jammed", err)
	}
	awaitRoll(t, b.Roll, fault.Jammed)
	if err := printStrip(b.Roll, "early"); !fault.Is(err, fault.Jammed) {
		t.Errorf("print with the presenter stuck: %v, want jammed", err)
	}
	if err := b.Roll.(printer.Clearer).Clear(context.Background()); !fault.Is(err, fault.Jammed) {
		t.Errorf("clear with the presenter stuck: %v, want jammed", err)
	}
	b.Arm("presenter", 0)
	goesOn(t, b, b.Roll, "old")
	if got := fate(b, "old"); slices.Contains(got, "mouth") || slices.Contains(got, "taken") || slices.Contains(got, "dropped") {
		t.Errorf("the strip that got stuck is %v", got)
	}
	time.Sleep(takeMax)
	wantCounts(t, b.Roll, 1, 0)
}

func mouthStays(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	b.Arm("no_retract", 1)
	printOne(t, b.Roll, "one")
	time.Sleep(takeMax)
	awaitRoll(t, b.Roll, fault.Jammed)
	if err := printStrip(b.Roll, "early"); !fault.Is(err, fault.Jammed) {
		t.Errorf("print with a strip that stays: %v, want jammed", err)
	}
	b.Arm("paper_held", 0) // somebody pulls it, long after
	awaitRoll(t, b.Roll, "")
	wantFate(t, b, "one", "taken")
	wantCounts(t, b.Roll, 0, 0)
	b.Arm("no_retract", 0)
	goesOn(t, b, b.Roll, "one")
	time.Sleep(takeMax)
	wantCounts(t, b.Roll, 1, 0)
}

func mouthPulledLate(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	b.Arm("no_retract", 1)
	printOne(t, b.Roll, "one")
	time.Sleep(33 * time.Second) // it was told once to go in
	b.Arm("paper_held", 0)
	awaitMouth(t, b.Roll, printer.MouthEmpty)
	if s := b.Roll.State(); s.Taken != 0 {
		t.Errorf("counted as taken though it was to be drawn in: %+v", s)
	}
	b.Arm("no_retract", 0)
	goesOn(t, b, b.Roll, "one")
}

func mouthProgramDies(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	r := b.Restart()
	awaitMouth(t, r, printer.MouthHeld)
	awaitMouth(t, r, printer.MouthEmpty)
	wantFate(t, b, "one", "retracted")
	wantCounts(t, r, 0, 1)
	printOne(t, r, "two")
	r = b.Restart()
	awaitMouth(t, r, printer.MouthHeld)
	b.Arm("paper_held", 0)
	awaitMouth(t, r, printer.MouthEmpty)
	wantFate(t, b, "two", "taken")
	wantCounts(t, r, 0, 0) // whose strip that was it does not know
	goesOn(t, b, r, "two")
}

func mouthPowerCut(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	b.Power(false)
	awaitRoll(t, b.Roll, fault.Silent)
	b.Power(true)
	awaitRoll(t, b.Roll, "")
	awaitMouth(t, b.Roll, printer.MouthEmpty)
	wantFate(t, b, "one", "retracted")
	wantCounts(t, b.Roll, 0, 1)
	b.Arm("paper_held", 0)
	goesOn(t, b, b.Roll, "one")
}

func mouthUnplug(t *testing.T, b *RollBench) {
	b.Arm("paper_held", 1)
	printOne(t, b.Roll, "one")
	b.Arm("unplug", 1)
	awaitRoll(t, b.Roll, fault.Absent)
	time.Sleep(takeMax)
	wantFate(t, b, "one", "mouth")
	b.Arm("unplug", 0)
	awaitRoll(t, b.Roll, "")
	awaitMouth(t, b.Roll, printer.MouthEmpty)
	wantFate(t, b, "one", "retracted")
	wantCounts(t, b.Roll, 0, 1)
	b.Arm("paper_held", 0)
	goesOn(t, b, b.Roll, "one")
}

// mouthLeftover: what is cut off after a strip broke off goes into the bin, and into nobody's hand.
func mouthLeftover(t *testing.T, b *RollBench) {
	b.AtHalf(func() { b.Arm("jam", 1) })
	if err := printStrip(b.Roll, "old"); !fault.Is(err, fault.Jammed) {
		t.Fatalf("print: %v, want jammed", err)
	}
	b.Arm("jam", 0)
	goesOn(t, b, b.Roll, "old")
	time.Sleep(takeMax)
	wantFate(t, b, "old", "retracted")
	wantFate(t, b, "after", "taken")
	wantCounts(t, b.Roll, 1, 0)
}
