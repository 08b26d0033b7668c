package cctalkhopper_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// A real pseudo terminal under the real serial library.
func TestSerialLine(t *testing.T) {
	rack := cctalkhoppersim.New(cctalkhoppersim.Options{Echo: true})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	link := filepath.Join(t.TempDir(), "payout")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go rack.Serve(ctx, readWriter{master, master})
	p := cctalkhopper.New(func() (wire.Port, error) { return serialport.Open(link, serialport.Options{}) }, cctalkhopper.Options{Hoppers: map[byte]int64{3: 0}})
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s := p.State(); !s.Online || s.Fault != nil; s = p.State() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never fit: %+v", s)
		}
	}
	m, err := p.Before(ctx)
	if err != nil {
		t.Fatal(err)
	}
	paid, err := p.Pay(ctx, m, piles(yuan, 2))
	if err != nil || sum(paid.Out, yuan) != 2 {
		t.Errorf("got %+v, %v, want two coins", paid, err)
	}
	if got := rack.World()[0].Out; got != 2 {
		t.Errorf("in the tray: got %d, want 2", got)
	}
	cancel()
	<-ended
}

// readWriter hides the deadlines of a terminal's master, which are not for it.
type readWriter struct {
	io.Reader
	io.Writer
}

// An unplugged line is told as lost once, also when the hoppers meet its end one after the other and the first has joined the new line by then.
func TestLostLineIsToldOnce(t *testing.T) {
	usual(t, func(b *bench) {
		for i := range 40 {
			// The hoppers are asked at different instants: a hopper whose port takes a while to open puts its own off.
			time.Sleep(time.Duration(i) * 53 * time.Millisecond) // virtual
			b.Plug(false)
			b.Plug(true)
			told, was := 0, false
			for well := 0; well < 3000; well++ { // milliseconds in a row
				time.Sleep(time.Millisecond) // virtual
				lost := b.p.State().Fault != nil
				if lost && !was {
					told++
				}
				if was = lost; lost {
					well = 0
				}
			}
			if told > 1 {
				t.Errorf("round %d: the line was told as lost %d times", i, told)
			}
		}
	})
}

// Who pays out as soon as the line is there again has all hoppers, also those that have not met the new line yet.
func TestBeforeJoinsTheNewLine(t *testing.T) {
	usual(t, func(b *bench) {
		all, err := b.p.Before(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			time.Sleep(time.Duration(i) * 53 * time.Millisecond) // virtual
			b.Plug(false)
			b.Plug(true)
			was := false
			for s := b.p.State(); !was || !s.Online || s.Fault != nil; s = b.p.State() {
				was = was || s.Fault != nil
				time.Sleep(time.Millisecond) // virtual
			}
			if m, err := b.p.Before(context.Background()); err != nil || len(m.Parts) != len(all.Parts) {
				t.Errorf("round %d: got the memory of %d hoppers (%v), want %d", i, len(m.Parts), err, len(all.Parts))
			}
			if f := b.p.State().Fault; f != nil {
				t.Errorf("round %d: the line was told as lost once more: %v", i, f)
			}
		}
	})
}
