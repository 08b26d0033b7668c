package cctalkcoin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/cointest"
	"yichuang/devices/fault"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// run runs a driver until the test's story is told.
func run(t *testing.T, a *cctalkcoin.Acceptor, tell func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	tell(ctx)
	cancel()
	<-ended
}

// next gives the next signal.
func next(t *testing.T, a *cctalkcoin.Acceptor) cash.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := a.Next(ctx)
	if err != nil {
		t.Fatalf("no signal: %v; state %+v", err, a.State())
	}
	return s
}

// await passes over news of faults until the signal comes.
func await(t *testing.T, a *cctalkcoin.Acceptor, want cash.Happening) cash.Signal {
	t.Helper()
	for {
		s := next(t, a)
		if s.What == want {
			return s
		}
		if s.What == cash.Stacked || s.What == cash.Lost {
			t.Fatalf("got %s of %v (%v), want %s", s.What, s.Note, s.Fault, want)
		}
	}
}

func TestEchoAndChecksum(t *testing.T) {
	for _, crc := range []bool{false, true} {
		for _, echo := range []bool{false, true} {
			right, wrong := ccbus.Simple, ccbus.CRC
			if crc {
				right, wrong = wrong, right
			}
			for o, want := range map[[2]any]cash.Happening{{byte(0), ccbus.Auto}: cash.Ready, {byte(2), right}: cash.Ready, {byte(0), wrong}: cash.Faulty, {byte(11), ccbus.Auto}: cash.Faulty} {
				synctest.Test(t, func(t *testing.T) {
					_, b := newBench(cctalkcoinsim.Options{CRC: crc, Echo: echo})
					defer b.Close()
					a := cctalkcoin.New(b.Open, cctalkcoin.Options{Address: o[0].(byte), Checksum: o[1].(ccbus.Checksum)})
					run(t, a, func(context.Context) {
						if s := next(t, a); s.What != want {
							t.Errorf("%v against crc %v echo %v: got %s (%v), want %s", o, crc, echo, s.What, s.Fault, want)
						}
					})
				})
			}
		}
	}
}

func TestEncryptedAcceptorIsNamed(t *testing.T) {
	for _, o := range []cctalkcoinsim.Options{{Encrypted: true}, {Encrypted: true, CRC: true}, {Scrambled: true}} {
		synctest.Test(t, func(t *testing.T) {
			_, b := newBench(o)
			defer b.Close()
			a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
			run(t, a, func(context.Context) {
				s := next(t, a)
				if s.What != cash.Faulty || s.Fault.Kind != fault.Broken || !strings.Contains(s.Fault.Error(), "set it to plain CRC or simple checksum") {
					t.Errorf("%+v: got %s (%v), want a fault that says how to end encryption", o, s.What, s.Fault)
				}
			})
		})
	}
}

// answering gives another answer to one question.
func answering(header byte, with []byte) func(bool, []byte) []byte {
	asked := byte(0)
	return func(fromHost bool, p []byte) []byte {
		if fromHost {
			asked = p[3]
			return p
		}
		if asked == header {
			return with
		}
		return p
	}
}

func reply(header byte, data ...byte) []byte { return ccslave.Pack(1, 2, header, data, false) }

// A device that says no, one that is something else, one that does not know a header.
func TestOddDevices(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(bool, []byte) []byte
		want   cash.Happening
		kind   fault.Kind
	}{
		{"a hopper", answering(245, reply(0, []byte("Payout")...)), cash.Faulty, fault.Invalid},
		{"no name of the maker", answering(246, reply(5)), cash.Ready, ""},
		{"no serial number", answering(242, reply(5)), cash.Faulty, fault.Refused},
		{"a coin id without a value", answering(184, reply(0, []byte("CN1x0A")...)), cash.Faulty, fault.Garbled},
		{"no coin ids at all", answering(184, reply(5)), cash.Ready, ""},
		{"no answer to any coin id", answering(184, nil), cash.Faulty, fault.Silent},
		{"no inhibits to read", answering(230, reply(5)), cash.Ready, ""},
		{"no self-check", answering(232, reply(5)), cash.Ready, ""},
		{"a door open", answering(232, reply(0, 51)), cash.Faulty, fault.Open},
		{"no status", answering(248, reply(5)), cash.Ready, ""},
		{"a string seen", answering(248, reply(0, 2)), cash.Faulty, fault.Tampered},
		{"garbage for a status", answering(248, []byte{1, 200, 2, 0, 1}), cash.Faulty, fault.Garbled},
		{"no answer to the inhibits", answering(231, nil), cash.Faulty, fault.Silent},
		{"always busy", answering(229, reply(6)), cash.Faulty, fault.Busy},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, b := newBench(cctalkcoinsim.Options{})
			defer b.Close()
			b.Between(tt.change)
			a := cctalkcoin.New(b.Open, cctalkcoin.Options{Checksum: ccbus.Simple})
			run(t, a, func(context.Context) {
				if s := next(t, a); s.What != tt.want || s.Fault != nil && s.Fault.Kind != tt.kind {
					t.Errorf("%s: got %s (%v), want %s %s", tt.name, s.What, s.Fault, tt.want, tt.kind)
				}
			})
		})
	}
}

// An acceptor that stays silent to what it does not know: header 248, and types that it has not.
func TestSilentToTheUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, b := newBench(cctalkcoinsim.Options{NoStatus: true})
		defer b.Close()
		b.Between(func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 184 && p[4] > 3 {
				return nil
			}
			return p
		})
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		run(t, a, func(ctx context.Context) {
			await(t, a, cash.Ready)
			if got := a.Info().Faces; len(got) != 3 {
				t.Errorf("faces: got %v, want %v", got, cointest.Faces)
			}
			if err := a.Accept(ctx, cointest.Faces); err != nil {
				t.Fatal(err)
			}
			sim.Path().Insert(100, "CNY", coinpath.Genuine)
			await(t, a, cash.Stacked)
		})
	})
}

// A type that noise hid in one set-up is there after the next.
func TestNoiseHidesNoType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		lost := 0
		b.Between(func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 184 && p[4] == 3 && lost < 3 {
				lost++
				return nil
			}
			return p
		})
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		run(t, a, func(context.Context) {
			if s := await(t, a, cash.Faulty); s.Fault.Kind != fault.Silent {
				t.Errorf("got %v, want %s", s.Fault, fault.Silent)
			}
			await(t, a, cash.Ready)
			if got := a.Info().Faces; len(got) != 3 {
				t.Errorf("faces: got %v, want %v", got, cointest.Faces)
			}
		})
	})
}

// A set-up that is broken off before the first settings is no restart of the device.
func TestSetUpBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		lost := 0
		b.Between(func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 231 && lost < 3 {
				lost++
				return nil
			}
			return p
		})
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		run(t, a, func(context.Context) {
			if s := await(t, a, cash.Faulty); s.Mark.Known {
				t.Errorf("before the first settings: mark %+v, want none", s.Mark)
			}
			if s := await(t, a, cash.Ready); !s.Mark.Known {
				t.Errorf("ready: mark %+v", s.Mark)
			}
		})
	})
}

// Another acceptor is put in: its counter says nothing of the coins of the first.
func TestAnotherAcceptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		a.Resume(cash.Mark{Serial: "77", Counter: 250, Known: true})
		run(t, a, func(context.Context) {
			if s := next(t, a); s.What != cash.Lost || s.Mark.Serial != "234567" || s.Mark.Counter != 0 {
				t.Errorf("got %+v, want %s with the new mark", s, cash.Lost)
			}
			await(t, a, cash.Ready)
		})
	})
}

// The host hears that the acceptor has lost its memory and dies before it has written that down: the next start hears it again.
func TestHostDiesBeforeTheLossIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		for range 3 {
			a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
			a.Resume(cash.Mark{Serial: "234567", Counter: 0, Known: true})
			run(t, a, func(context.Context) {
				if s := next(t, a); s.What != cash.Lost {
					t.Errorf("got %+v, want %s", s, cash.Lost)
				}
				time.Sleep(time.Second) // virtual: who writes does not ask for the next
			})
		}
	})
}

// An acceptor that restarts while the line is silent, and whose counter then stands just ahead of the mark.
func TestRestartBetweenPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		run(t, a, func(ctx context.Context) {
			await(t, a, cash.Ready)
			sim.Faults().Arm("reset", 1)
			time.Sleep(1100 * time.Millisecond) // virtual: it is back before the line is given up
			if s := await(t, a, cash.Lost); s.Mark.Counter != 0 {
				t.Errorf("mark: got %+v", s.Mark)
			}
			await(t, a, cash.Ready)
			if err := a.Accept(ctx, cointest.Faces[:1]); err != nil {
				t.Fatal(err)
			}
			sim.Path().Insert(10, "CNY", coinpath.Genuine)
			await(t, a, cash.Stacked)
		})
	})
}

// An acceptor that lost its settings in silence gets them again.
func TestSettingsAreVerified(t *testing.T) {
	for _, lost := range []byte{227, 230} {
		synctest.Test(t, func(t *testing.T) {
			sim, b := newBench(cctalkcoinsim.Options{})
			defer b.Close()
			a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
			run(t, a, func(ctx context.Context) {
				await(t, a, cash.Ready)
				if err := a.Accept(ctx, cointest.Faces[1:2]); err != nil {
					t.Fatal(err)
				}
				given := 0
				asked := byte(0)
				b.Between(func(fromHost bool, p []byte) []byte {
					switch {
					case fromHost:
						asked = p[3]
						if asked == 231 {
							given++
						}
					case asked == lost && given == 0:
						return reply(0, make([]byte, int(p[1]))...)
					}
					return p
				})
				time.Sleep(6 * time.Second) // virtual
				b.Hold(func() {
					if given != 1 {
						t.Errorf("header %d said that all is off: inhibits were given %d times, want once", lost, given)
					}
				})
				b.Between(nil)
				sim.Path().Insert(50, "CNY", coinpath.Genuine)
				await(t, a, cash.Stacked)
			})
		})
	}
}

// The device does not take a setting: the owner is told, and the line goes on.
func TestSettingsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{})
		defer b.Close()
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{Paths: map[int64]byte{10: 99, 100: 2}})
		run(t, a, func(ctx context.Context) {
			await(t, a, cash.Ready) // the path that the sorter has not is passed over
			b.Between(answering(231, reply(5)))
			if err := a.Accept(ctx, cointest.Faces); !fault.Is(err, fault.Refused) {
				t.Errorf("accept: got %v, want %s", err, fault.Refused)
			}
			b.Between(nil)
			if err := a.Accept(ctx, cointest.Faces); err != nil {
				t.Errorf("accept: got %v", err)
			}
		})
	})
}

// A device that never answers leaves Run free to end.
func TestDeafLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := cctalkcoin.New(func() (wire.Port, error) {
			opened++
			host, far := net.Pipe() // nobody reads: the write blocks
			_ = far
			return host, nil
		}, cctalkcoin.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := a.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("run: got %v", err)
		}
		if took := time.Since(began); took > time.Minute+5*time.Second {
			t.Errorf("run ended after %v, want a minute and a little", took)
		}
		if opened != 1 {
			t.Errorf("opened %d times, want once", opened)
		}
	})
}

func TestReopenBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := cctalkcoin.New(func() (wire.Port, error) { opened++; return nil, errors.New("none") }, cctalkcoin.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		a.Run(ctx)
		if opened < 25 || opened > 40 {
			t.Errorf("opened %d times in a minute, want some 33", opened)
		}
		if s := a.State(); s.Online || s.Fault == nil || s.Fault.Kind != fault.Absent {
			t.Errorf("state: got %+v, want %s", s, fault.Absent)
		}
	})
}

// On a line at 9600 baud polls do not follow each other faster than they need.
func TestPollsAreKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newBench(cctalkcoinsim.Options{BaudPace: true})
		defer b.Close()
		polls := 0
		a := cctalkcoin.New(b.Open, cctalkcoin.Options{})
		run(t, a, func(context.Context) {
			await(t, a, cash.Ready)
			b.Between(func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 229 {
					polls++
				}
				return p
			})
			time.Sleep(time.Minute) // virtual
		})
		b.Hold(func() {
			if polls < 250 || polls > 300 {
				t.Errorf("%d polls in a minute, want some 270", polls)
			}
		})
	})
}

// A real pseudo terminal under the real serial library.
func TestSerialLine(t *testing.T) {
	sim := cctalkcoinsim.New(cctalkcoinsim.Options{Echo: true})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	link := filepath.Join(t.TempDir(), "coins")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go sim.Serve(ctx, readWriter{master, master})
	a := cctalkcoin.New(func() (wire.Port, error) { return serialport.Open(link, serialport.Options{}) }, cctalkcoin.Options{})
	run(t, a, func(ctx context.Context) {
		await(t, a, cash.Ready)
		if err := a.Accept(ctx, cointest.Faces); err != nil {
			t.Fatal(err)
		}
		sim.Path().Insert(100, "CNY", coinpath.Genuine)
		if s := await(t, a, cash.Stacked); s.Note.Face != 100 || fmt.Sprint(s.Mark) != "{234567 1 true}" {
			t.Errorf("got %+v, want the coin of 100 and the mark 1", s)
		}
	})
}

// readWriter hides the deadlines of a terminal's master, which are not for it.
type readWriter struct {
	io.Reader
	io.Writer
}
