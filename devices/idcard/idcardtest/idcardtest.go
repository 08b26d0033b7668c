// Package idcardtest is what every identity card reader must do, whatever its protocol.
//
// The tests of a driver call Exercise with a way to set up a bench: the reader under test and a hand that
// lays cards down and takes them away. With a simulator the trials run in virtual time; at a real bench
// the hand is a person who is told what to do.
package idcardtest

import (
	"context"
	_ "embed" // the vectors that pin drivers and simulators
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
)

//go:embed testdata/cards.json
var cardsJSON []byte

//go:embed testdata/frames.txt
var framesText string

// Bench is one reader, not yet running, and the hand beside it.
type Bench struct {
	Reader idcard.Reader
	Lay    func(c idcard.Card)
	Take   func()
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
		{"reads every kind of card as it is", readsEveryKind},
		{"waits for a card and stops when told", stopsWhenTold},
		{"reads a card once for each time it is laid down", onceEach},
		{"is fit only while it is plugged in", unplugged},
		{"lets a reading citizen go", letsGo},
	}
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			setup(t, func(t *testing.T, b Bench) {
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.Reader.Run(ctx) }()
				tr.run(t, b)
				stop()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("Run returned %v, want its context's error", err)
				}
				if _, err := b.Reader.Read(t.Context()); fault.KindOf(err) == "" {
					t.Errorf("Read after Run ended: %v, want a fault", err)
				}
			})
		})
	}
}

// Cards are the invented people of testdata, by name.
func Cards(t testing.TB) map[string]idcard.Card {
	t.Helper()
	cards := map[string]idcard.Card{}
	if err := json.Unmarshal(cardsJSON, &cards); err != nil {
		t.Fatal(err)
	}
	return cards
}

// Frames are the vectors of testdata: direction, name and bytes.
func Frames(t testing.TB) map[string]map[string][]byte {
	t.Helper()
	frames := map[string]map[string][]byte{"request": {}, "reply": {}}
	for line := range strings.Lines(framesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		var b []byte
		if _, err := fmt.Sscanf(f[2], "%X", &b); err != nil {
			t.Fatalf("%s %s: %v", f[0], f[1], err)
		}
		frames[f[0]][f[1]] = b
	}
	return frames
}

// Same says whether two cards say the same; photos are not compared.
func Same(a, b idcard.Card) bool {
	x, _ := json.Marshal(a) // a struct of strings always marshals
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// read reads one card within the bench's patience.
func read(t *testing.T, b Bench) (idcard.Card, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	return b.Reader.Read(ctx)
}

func readsEveryKind(t *testing.T, b Bench) {
	for name, want := range Cards(t) {
		b.Lay(want)
		got, err := read(t, b)
		if err != nil || !Same(got, want) {
			t.Errorf("%s: got %#v (%v), which differs from what was laid down", name, got, err)
		}
		if len(got.Photo) == 0 {
			t.Errorf("%s: no photo block", name)
		}
		b.Take()
	}
	if f := b.Reader.Fault(); f != nil {
		t.Errorf("fault after good reads: %v", f)
	}
	if b.Reader.Info().Protocol == "" || b.Reader.Info().SAM == "" {
		t.Errorf("the reader does not say who it is: %+v", b.Reader.Info())
	}
}

func stopsWhenTold(t *testing.T, b Bench) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := b.Reader.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read of an empty plate: %v, want the context's error", err)
	}
	if f := b.Reader.Fault(); f != nil {
		t.Errorf("an empty plate is a fault: %v", f)
	}
	want := Cards(t)["citizen"]
	b.Lay(want)
	if got, err := read(t, b); err != nil || !Same(got, want) {
		t.Errorf("Read after an abandoned one: %v, %v", got, err)
	}
}

func onceEach(t *testing.T, b Bench) {
	want := Cards(t)["citizen"]
	b.Lay(want)
	if _, err := read(t, b); err != nil {
		t.Fatalf("first read: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if c, err := b.Reader.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second read of a resting card: %v, %v, want to wait", c, err)
	}
	b.Take()
	other := Cards(t)["hmt"]
	b.Lay(other)
	if got, err := read(t, b); err != nil || !Same(got, other) {
		t.Errorf("read of the next card: %v, %v", got, err)
	}
}

func unplugged(t *testing.T, b Bench) {
	if b.Unplug == nil {
		t.Skip("nobody can pull the plug here")
	}
	want := Cards(t)["citizen"]
	b.Lay(want)
	if _, err := read(t, b); err != nil {
		t.Fatalf("first read: %v", err)
	}
	b.Take()
	b.Unplug()
	_, err := read(t, b)
	if f, is := err.(*fault.Error); !is || f.Kind != fault.Absent && f.Kind != fault.Silent || f.Device == "" || f.Op == "" {
		t.Errorf("Read while unplugged: %#v, want absent or silent, and where it befell", err)
	}
	if b.Reader.Fault() == nil {
		t.Error("Fault is nil while the plug is out")
	}
	b.Plug()
	b.Lay(want)
	end := time.Now().Add(Patience)
	for {
		got, err := read(t, b)
		if err == nil {
			if !Same(got, want) {
				t.Errorf("read after the plug: got another card")
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not fit again after the plug: %v", err)
		}
		pause(t, b)
	}
}

// pause lets the reader heal: a Read that finds it unfit returns at once.
func pause(t *testing.T, b Bench) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	<-ctx.Done()
}

func letsGo(t *testing.T, b Bench) {
	answered := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := b.Reader.Read(ctx)
		answered <- err
	}()
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("Read of a cancelled context: %v", err)
	}
}
