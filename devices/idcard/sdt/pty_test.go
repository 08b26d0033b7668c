package sdt_test

import (
	"context"
	"os"
	"testing"

	"github.com/creack/pty"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/wire"
)

// TestOverAPty is the smoke test of the real transport: a pseudo terminal in raw mode.
func TestOverAPty(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer master.Close()
	raw(t, slave)
	sim := sdtsim.New(sdtsim.Options{ReadTime: -1})
	want := idcardtest.Cards(t)["rare"]
	d := &desk{t: t, sim: sim}
	d.lay(want)
	ctx, cancel := context.WithTimeout(t.Context(), idcardtest.Patience)
	defer cancel()
	go sim.Serve(ctx, master) // ends with the test's context
	r := sdt.New(func(int) (wire.Port, error) { return pollable(t, slave), nil }, sdt.Options{})
	ended := make(chan struct{})
	go func() { r.Run(ctx); close(ended) }()
	got, err := r.Read(ctx)
	if err != nil || !idcardtest.Same(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got.Kind != idcard.Citizen {
		t.Errorf("kind %q", got.Kind)
	}
	cancel()
	<-ended
}

// pollable opens the terminal once more in a way that knows read deadlines.
func pollable(t *testing.T, slave *os.File) wire.Port {
	t.Helper()
	f, err := os.OpenFile(slave.Name(), os.O_RDWR|openFlags, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
