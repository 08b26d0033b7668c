package escpos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
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
	said    bytes.Buffer

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

// Write takes what is logged.
func (b *bench) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.Write(line)
}

func (b *bench) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said.String()
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
	p := escpos.New(b.open, b.profile).Tell(slog.New(slog.NewTextHandler(b, nil)))
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
		out = append(out, printertest.Strip{Text: text, Cut: b.sim.IsCut(p.N), Fate: b.sim.Fate(p.N)})
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
			Counts:  profile.HasCuts && profile.Presenter == nil,
			Forgets: profile.HasClear,
			Log:     b.log,
			Close:   func() { b.stop() },
		}
	}
}

// TestIdle: an idle printer is asked two bytes a second and no more.
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
		if asked < 17 || asked > 21 {
			t.Errorf("asked %d times in 10 s, want about 19", asked)
		}
		if got := p.Info(); got.Maker != "YICHUANG" || got.Model != "DESK-80" || got.Serial != "D0000001" || got.WidthDots != 576 || got.Columns != 48 {
			t.Errorf("info: got %+v", got)
		}
	})
}

// simulated is the mechanism that a row of models is about.
func simulated(m escpos.Model) escpossim.Options {
	p := m.Profile
	return escpossim.Options{Pace: true, WidthDots: p.WidthDots, NoCuts: !p.HasCuts, NoClear: !p.HasClear, NoChinese: p.Charset == escpos.ASCII,
		FeedBit: p.FeedBit, Presenter: p.Presenter != nil}
}

func model(t *testing.T, name string) escpos.Model {
	for _, m := range escpos.Models {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no model %q", name)
	return escpos.Model{}
}

// TestRoll runs the suite with every model that differs in how it talks.
func TestRoll(t *testing.T) {
	names := []string{"", "presenter", "58", "80-latin"}
	if testing.Short() {
		names = names[:2] // the others are of the same code without something
	}
	for _, name := range names {
		t.Run("model "+name, func(t *testing.T) {
			m := model(t, name)
			printertest.ExerciseRoll(t, rollBench(m.Profile, simulated(m)))
		})
	}
}

func TestRollWithoutTime(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(model(t, "").Profile, escpossim.Options{}))
}

func TestRollSmallBuffer(t *testing.T) {
	printertest.ExerciseRoll(t, rollBench(model(t, "").Profile, escpossim.Options{Pace: true, Buffer: 4096}))
}

// TestPresenter runs the suite of the mouth, also with a printer that could clear its buffers and counts cuts.
func TestPresenter(t *testing.T) {
	kpm := model(t, "presenter-kpm")
	rich := model(t, "presenter")
	rich.Profile.HasCuts, rich.Profile.HasClear = true, true
	for name, m := range map[string]escpos.Model{"gs e": model(t, "presenter"), "kpm": kpm, "counting": rich} {
		t.Run(name, func(t *testing.T) { printertest.ExercisePresenter(t, rollBench(m.Profile, simulated(m))) })
	}
}

// watched lets a hand in when the host sends the cut.
type watched struct {
	net.Conn
	atCut func()
}

func (w watched) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if string(p) == "\x1DVB\x00" {
		w.atCut()
	}
	return n, err
}

// TestTroubleAtTheCut: whoever did not hear of the cut says so, for a strip and for a leftover, and what hangs
// there is still known to hang.
func TestTroubleAtTheCut(t *testing.T) {
	for _, profile := range []escpos.Profile{{}, {HasCuts: true, HasClear: true}} {
		for _, trouble := range []string{"unplug", "power", "silence"} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, profile, escpossim.Options{Pace: true, NoCuts: !profile.HasCuts, NoClear: !profile.HasClear})
				armed, plain := true, b.open
				p := escpos.New(func() (wire.Port, error) {
					port, err := plain()
					if err != nil {
						return nil, err
					}
					return watched{port.(net.Conn), func() {
						switch {
						case !armed:
						case trouble == "power":
							b.sim.Power(false)
						default:
							b.sim.Faults().Arm(trouble, 100)
						}
					}}, nil
				}, profile)
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- p.Run(ctx) }()
				defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
				defer func() { cancel(); <-ended }()
				fit := func() {
					t.Helper()
					for range 60 {
						if s := p.State(); s.Online && s.Fault == nil {
							return
						}
						time.Sleep(time.Second)
					}
					t.Fatalf("%s: state %+v, want fit", trouble, p.State())
				}
				mend := func() {
					t.Helper()
					if trouble == "power" {
						b.sim.Power(true)
					} else {
						b.sim.Faults().Arm(trouble, 0)
					}
					time.Sleep(10 * time.Second)
					fit()
				}
				fit()
				strip := printer.Strip{Lines: []printer.Line{{Text: "one"}}}
				for _, op := range []string{"print", "clear"} {
					err := error(nil)
					if op == "print" {
						err = p.Print(ctx, strip)
					} else {
						err = p.Clear(ctx)
					}
					if f, is := err.(*fault.Error); !is || f.Kind != fault.Doubtful || f.Op != op {
						t.Errorf("%s at the cut of %s: got %v, want %s", trouble, op, err, fault.Doubtful)
					}
					if !p.State().Unfinished {
						t.Errorf("%s at the cut of %s: nothing is known to hang there", trouble, op)
					}
					mend()
				}
				armed = false
				if err := p.Clear(ctx); err != nil || p.State().Unfinished {
					t.Errorf("%s: clear: %v, state %+v", trouble, err, p.State())
				}
				if err := p.Print(ctx, strip); err != nil {
					t.Errorf("%s: the next strip: %v", trouble, err)
				}
			})
		}
	}
}

// TestTroubleAtTheMouth: the strip is cut and the order to hold it out is lost, or its answer. Then it is Doubtful and
// what is between the rollers is known to hang there; clearing draws it in, and nobody gets it after that.
func TestTroubleAtTheMouth(t *testing.T) {
	m := model(t, "presenter")
	for _, trouble := range []string{"unplug", "power", "silence"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, m.Profile, simulated(m))
			b.sim.HoldPaper(true)
			armed, plain := true, b.open
			p := escpos.New(func() (wire.Port, error) {
				port, err := plain()
				if err != nil {
					return nil, err
				}
				return present{port.(net.Conn), func() {
					switch {
					case !armed:
					case trouble == "power":
						b.sim.Power(false)
					default:
						b.sim.Faults().Arm(trouble, 100)
					}
				}}, nil
			}, m.Profile)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
			defer func() { cancel(); <-ended }()
			time.Sleep(20 * time.Second)
			strip := printer.Strip{Lines: []printer.Line{{Text: "one"}}}
			if err := p.Print(ctx, strip); !fault.Is(err, fault.Doubtful) || !p.State().Unfinished {
				t.Errorf("%s: %v, %+v; want doubtful and unfinished", trouble, err, p.State())
			}
			armed = false
			b.sim.Faults().MendAll()
			b.sim.Power(true)
			time.Sleep(20 * time.Second)
			if err := p.Print(ctx, strip); !fault.Is(err, fault.Busy) {
				t.Errorf("%s: print over a leftover: %v, want busy", trouble, err)
			}
			if err := p.Clear(ctx); err != nil || p.State().Unfinished {
				t.Errorf("%s: clear: %v, %+v", trouble, err, p.State())
			}
			if got := b.sim.Fate(1); got != "retracted" && got != "taken" || got == "taken" && trouble != "silence" {
				t.Errorf("%s: the strip is %s: %s", trouble, got, b.sim.World())
			}
			if s := p.State(); s.Taken != 0 {
				t.Errorf("%s: counted as taken: %+v", trouble, s)
			}
			if err := p.Print(ctx, strip); err != nil {
				t.Errorf("%s: the next strip: %v", trouble, err)
			}
		})
	}
}

// present lets a hand in when the host sends the order to hold the strip out.
type present struct {
	net.Conn
	atPresent func()
}

func (w present) Write(p []byte) (int, error) {
	if string(p) == "\x1De\x03\x0C" {
		w.atPresent()
	}
	return w.Conn.Write(p)
}

// buffered is a port as a computer has it: what is written is taken at once, up to 4 KiB, and waits for the line.
type buffered struct {
	net.Conn
	queue chan byte
	ended chan struct{}
	once  *sync.Once
}

func newBuffered(c net.Conn) buffered {
	b := buffered{c, make(chan byte, 4096), make(chan struct{}), new(sync.Once)}
	go func() {
		for {
			select {
			case one := <-b.queue:
				if _, err := c.Write([]byte{one}); err != nil {
					return
				}
			case <-b.ended:
				return
			}
		}
	}()
	return b
}

func (b buffered) Write(p []byte) (int, error) {
	for i, one := range p {
		select {
		case b.queue <- one:
		case <-b.ended:
			return i, net.ErrClosed
		}
	}
	return len(p), nil
}

func (b buffered) Close() error {
	b.once.Do(func() { close(b.ended) })
	return b.Conn.Close()
}

// TestSlowLine: at 9600 baud a question waits behind a second and a half of content, and is no lost one for that;
// a printer that loses power then is still noticed.
func TestSlowLine(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := escpossim.Options{Pace: true, Baud: 9600}
			b := newBench(t, model(t, "").Profile, o)
			p := escpos.New(func() (wire.Port, error) {
				port, err := b.open()
				if err != nil {
					return nil, err
				}
				return newBuffered(port.(net.Conn)), nil
			}, b.profile)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
			defer func() { cancel(); <-ended }()
			time.Sleep(30 * time.Second)
			if fails {
				b.sim.OnPoint(func(string) { b.sim.Power(false) })
			}
			strip := printer.Strip{}
			for range 60 {
				strip.Lines = append(strip.Lines, printer.Line{Text: "水费 2026-10 户号 3102****5518 元 133.40"})
			}
			began := time.Now()
			err := p.Print(ctx, strip)
			if took := time.Since(began); fails != fault.Is(err, fault.Silent) || !fails && err != nil || took > 20*time.Second {
				t.Errorf("power fails %v: got %v after %v", fails, err, took)
			}
		})
	}
}

// carried counts what passes a port.
type carried struct {
	buffered
	bytes *atomic.Int64
}

func (c carried) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return c.buffered.Write(p)
}

func (c carried) Read(p []byte) (int, error) {
	n, err := c.buffered.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// TestTimeOnTheLine: a receipt of 40 lines takes hardly more than its bytes need, at each rate, as text and as dots. The
// printer takes no time of its own here.
func TestTimeOnTheLine(t *testing.T) {
	text, dots := printer.Strip{}, printer.Strip{}
	for range 40 {
		text.Lines = append(text.Lines, printer.Line{Text: "水费 2026-10 户号 3102****5518 元 133.40"})
		dots.Lines = append(dots.Lines, printer.Line{Dots: &printer.Dots{Width: 576, Height: 30, Bits: bytes.Repeat([]byte{0xAA}, 72*30)}})
	}
	for name, c := range map[string]struct {
		strip printer.Strip
		baud  int
		limit float64
	}{"text fast": {text, 115200, 1.01}, "text slow": {text, 9600, 1.01}, "dots": {dots, 115200, 1.01}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, model(t, "").Profile, escpossim.Options{Baud: c.baud})
			passed := new(atomic.Int64)
			p := escpos.New(func() (wire.Port, error) {
				port, err := b.open()
				if err != nil {
					return nil, err
				}
				return carried{newBuffered(port.(net.Conn)), passed}, nil
			}, b.profile)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			defer time.Sleep(time.Minute) // what the mechanism still does ends before the bubble
			defer func() { cancel(); <-ended }()
			time.Sleep(30*time.Second + 300*time.Millisecond) // between two polls
			began, before := time.Now(), passed.Load()
			if err := p.Print(ctx, c.strip); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			took, need := time.Since(began), time.Duration(passed.Load()-before)*10*time.Second/time.Duration(c.baud)
			if ratio := took.Seconds() / need.Seconds(); ratio > c.limit {
				t.Errorf("%s: %v for bytes that need %v: %.3f, want at most %.2f", name, took, need, ratio, c.limit)
			}
		})
	}
}
