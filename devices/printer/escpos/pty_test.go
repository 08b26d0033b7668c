package escpos_test

import (
	"context"
	"testing"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// TestSerialLine prints once over a pseudo terminal.
func TestSerialLine(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer slave.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open := func() (wire.Port, error) { return serialport.Open(slave.Name(), serialport.Options{Baud: 115200}) }
	first, err := open() // so that the line is raw before the printer says a word
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	sim := escpossim.New(escpossim.Options{})
	go sim.Serve(ctx, master)
	opened := false
	p := escpos.New(func() (wire.Port, error) {
		if !opened {
			opened = true
			return first, nil
		}
		return open()
	}, escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
	done := make(chan struct{})
	runCtx, stop := context.WithCancel(ctx)
	go func() { p.Run(runCtx); close(done) }()
	defer func() { stop(); <-done }()
	strip := printer.Strip{Lines: []printer.Line{{Text: "水费 ¥1.00"}}}
	n := 1
	for err = p.Print(ctx, strip); err != nil; err = p.Print(ctx, strip) {
		if ctx.Err() != nil {
			t.Fatalf("print: %v", err)
		}
		if p.State().Unfinished { // a slow machine misses an answer; the next strip is on paper of its own
			if p.Clear(ctx) == nil {
				n++
			}
			continue
		}
		select { // not opened yet
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	if text, err := sim.Text(n); text != "水费 ￥1.00" || !sim.IsCut(n) {
		t.Errorf("paper: got %q cut %v, %v", text, sim.IsCut(n), err)
	}
}
