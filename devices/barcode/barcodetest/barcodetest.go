// Package barcodetest is what every code scanner must do, whatever its protocol.
//
// The tests of a driver call Exercise with a way to set up a bench: the scanner under test and a hand that
// shows it codes. With a simulator the trials run in virtual time; at a real bench the hand is a person.
package barcodetest

import (
	"context"
	_ "embed" // the vectors that pin driver and simulator
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"yichuang/devices/barcode"
	"yichuang/devices/fault"
)

//go:embed testdata/frames.txt
var framesText string

// Frame is one vector: a command and its answer, nil when there is none.
type Frame struct{ Command, Answer []byte }

// Frames are the vectors of a dialect by name.
func Frames(t testing.TB, dialect string) map[string]Frame {
	t.Helper()
	frames := map[string]Frame{}
	for line := range strings.Lines(framesText) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] != dialect {
			continue
		}
		command, err := hex.DecodeString(strings.ReplaceAll(f[2], " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var answer []byte
		if f[3] != "-" {
			if answer, err = hex.DecodeString(strings.ReplaceAll(f[3], " ", "")); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		frames[f[1]] = Frame{command, answer}
	}
	return frames
}

// Bench is one scanner, not yet running, and the hand beside it.
type Bench struct {
	Scanner barcode.Scanner
	// Show holds a code before the window and says whether it looked; wait says to wait until it looks.
	Show   func(code string, wait bool) bool
	Unplug func() // nil when nobody can
	Plug   func()
}

// Patience is how long a trial waits for what must come.
const Patience = time.Minute

// Exercise runs every trial. setup makes a bench and calls trial with it, in a bubble of virtual time when
// the bench allows that; it cleans up after the trial has returned.
func Exercise(t *testing.T, setup func(t *testing.T, trial func(t *testing.T, b Bench))) {
	trials := []struct {
		name string
		run  func(t *testing.T, b Bench)
	}{
		{"reads what is shown", reads},
		{"looks only while it is asked", looksWhenAsked},
		{"waits as long as it must", waits},
		{"takes one showing once", once},
		{"is fit only while it is plugged in", unplugged},
	}
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			setup(t, func(t *testing.T, b Bench) {
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.Scanner.Run(ctx) }()
				tr.run(t, b)
				stop()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("Run returned %v, want its context's error", err)
				}
				if _, err := b.Scanner.Scan(t.Context()); fault.KindOf(err) == "" {
					t.Errorf("Scan after Run ended: %v, want a fault", err)
				}
			})
		})
	}
}

// scan shows a code while Scan waits.
func scan(t *testing.T, b Bench, code string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	go b.Show(code, true)
	return b.Scanner.Scan(ctx)
}

// pause passes time.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func reads(t *testing.T, b Bench) {
	for _, want := range []string{"134567890123456789", "YC1:case:CODE", "https://example.invalid/v?a=1", "水费账单 20261101", "𠮷", "0", strings.Repeat("9", 2900)} {
		if got, err := scan(t, b, want); err != nil || got != want {
			t.Errorf("shown %.40q: got %.40q, %v", want, got, err)
		}
	}
	if f := b.Scanner.Fault(); f != nil {
		t.Errorf("fault after good scans: %v", f)
	}
	if b.Scanner.Info().Protocol == "" {
		t.Error("the scanner does not say what it is")
	}
}

func looksWhenAsked(t *testing.T, b Bench) {
	if _, err := scan(t, b, "first"); err != nil {
		t.Fatalf("first: %v", err)
	}
	for range 20 {
		pause(t, time.Second) // the order to stop takes its time on the line
		if b.Show("stale", false) {
			t.Error("the scanner looks while nobody asks")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got, err := b.Scanner.Scan(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a scan without a code: %q, %v, want the context's error", got, err)
	}
	pause(t, time.Second)
	if b.Show("stale", false) {
		t.Error("the scanner looks after a scan that was given up")
	}
	if got, err := scan(t, b, "second"); err != nil || got != "second" {
		t.Errorf("got %q, %v", got, err)
	}
}

func waits(t *testing.T, b Bench) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	shown := make(chan bool, 1)
	go func() {
		pause(t, 40*time.Second)
		shown <- b.Show("late", false)
	}()
	if got, err := b.Scanner.Scan(ctx); err != nil || got != "late" {
		t.Errorf("got %q, %v", got, err)
	}
	if !<-shown {
		t.Error("the scanner had stopped looking")
	}
}

func once(t *testing.T, b Bench) {
	if got, err := scan(t, b, "code"); err != nil || got != "code" {
		t.Fatalf("got %q, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	go b.Show("code", true)
	if got, err := b.Scanner.Scan(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the same showing: %q, %v", got, err)
	}
	pause(t, 2*time.Second)
	if got, err := scan(t, b, "code"); err != nil || got != "code" {
		t.Errorf("shown again later: %q, %v", got, err)
	}
}

func unplugged(t *testing.T, b Bench) {
	if b.Unplug == nil {
		t.Skip("nobody can pull the plug here")
	}
	if _, err := scan(t, b, "first"); err != nil {
		t.Fatalf("first: %v", err)
	}
	b.Unplug()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	_, err := b.Scanner.Scan(ctx)
	if f, is := err.(*fault.Error); !is || f.Kind != fault.Absent && f.Kind != fault.Silent || f.Device == "" || f.Op == "" {
		t.Errorf("Scan while unplugged: %#v, want absent or silent, and where it befell", err)
	}
	if b.Scanner.Fault() == nil {
		t.Error("Fault is nil while the plug is out")
	}
	b.Plug()
	for end := time.Now().Add(Patience); b.Scanner.Fault() != nil && time.Now().Before(end); {
		pause(t, time.Second)
	}
	if got, err := scan(t, b, "second"); err != nil || got != "second" {
		t.Errorf("after the plug: %q, %v", got, err)
	}
}
