package escpos_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/mechanism"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/printertest"
	"yichuang/devices/wire"
)

// bench joins the driver to the simulator over net.Pipe.
type bench struct {
	t       *testing.T
	sim     *escpossim.Printer
	profile escpos.Profile

	mu      sync.Mutex
	plugged bool
	ends    []net.Conn

	stop func()
}

func newBench(t *testing.T, profile escpos.Profile, o escpossim.Options) *bench {
	b := &bench{t: t, sim: escpossim.New(o), profile: profile, plugged: true}
	b.sim.OnPlug(func(in bool) {
		b.mu.Lock()
		b.plugged = in
		ends := b.ends
		b.ends = nil
		b.mu.Unlock()
		if !in {
			for _, e := range ends {
				e.Close()
			}
		}
	})
	return b
}

// open is the wire.Opener.
func (b *bench) open() (wire.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.plugged {
		return nil, errors.New("no such device")
	}
	host, dev := net.Pipe()
	b.ends = append(b.ends, host, dev)
	go b.sim.Serve(context.Background(), dev)
	return host, nil
}

// start runs a new program.
func (b *bench) start() *escpos.Printer {
	p := escpos.New(b.open, b.profile)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	b.stop = func() { cancel(); <-done }
	return p
}

func (b *bench) strips() []printertest.Strip {
	var w struct{ Prints []struct{ N int } }
	if err := json.Unmarshal(b.sim.World(), &w); err != nil {
		b.t.Fatalf("world: %v", err)
	}
	var out []printertest.Strip
	for _, p := range w.Prints {
		text, err := b.sim.Text(p.N)
		if err != nil {
			b.t.Fatalf("text %d: %v", p.N, err)
		}
		out = append(out, printertest.Strip{Text: text, Cut: b.sim.IsCut(p.N)})
	}
	return out
}

func rollBench(profile escpos.Profile, o escpossim.Options) func(t *testing.T) *printertest.RollBench {
	return func(t *testing.T) *printertest.RollBench {
		b := newBench(t, profile, o)
		return &printertest.RollBench{
			Roll: b.start(),
			Restart: func() printer.Roll {
				b.stop()
				return b.start()
			},
			Arm: func(name string, n int) {
				if err := b.sim.Faults().Arm(name, n); err != nil {
					t.Errorf("arm %s: %v", name, err)
				}
			},
			Has: func(name string) bool {
				for _, f := range b.sim.Faults().List() {
					if f.Name == name {
						return true
					}
				}
				return false
			},
			Power: b.sim.Power,
			AtHalf: func(do func()) {
				var once sync.Once
				b.sim.OnPoint(func(string) { once.Do(do) })
			},
			Strips:  b.strips,
			Counts:  profile.HasCuts,
			Forgets: profile.HasClear,
			Close:   func() { b.stop() },
		}
	}
}

// TestIdle: an idle printer is asked four bytes a second and no more.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := mechanism.NewLog()
		b := newBench(t, escpos.Profile{}, escpossim.Options{Log: log})
		p := b.start()
		defer b.stop()
		time.Sleep(10 * time.Second)
		before := int64(len(log.After(t.Context(), 0)))
		time.Sleep(10 * time.Second)
		asked := 0
		for _, e := range log.After(t.Context(), before) {
			if e.From == "host" {
				asked++
			}
		}
		if asked < 32 || asked > 40 {
			t.Errorf("asked %d times in 10 s, want about 36", asked)
		}
		if got := p.Info(); got.Maker != "YICHUANG" || got.Model != "DESK-80" || got.Serial != "D0000001" || got.WidthDots != 576 || got.Columns != 48 {
			t.Errorf("info: got %+v", got)
		}
	})
}

func TestRoll(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(escpos.Profile{HasQR: true, HasCuts: true, HasClear: true}, escpossim.Options{Pace: true}))
}

func TestRollWithoutTime(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(escpos.Profile{HasQR: true, HasCuts: true, HasClear: true}, escpossim.Options{}))
}

func TestRollPlainModel(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(escpos.Profile{}, escpossim.Options{Pace: true, NoCuts: true, NoClear: true}))
}

func TestRollSmallBuffer(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(escpos.Profile{HasQR: true, HasCuts: true, HasClear: true}, escpossim.Options{Pace: true, Buffer: 4096}))
}
