package ipp_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/printertest"
)

// plugged is a connection that breaks when so many bytes have passed on all of them, in the middle of whatever that is.
type plugged struct {
	net.Conn
	left *atomic.Int64
	pull func()
}

func (p plugged) pass(n int) (before int, broken bool) {
	left := p.left.Add(-int64(n)) + int64(n)
	if left <= 0 || left > int64(n) {
		return n, false
	}
	p.pull()
	p.Conn.Close()
	return int(left), true
}

func (p plugged) Write(b []byte) (int, error) {
	n := len(b)
	if left := p.left.Load(); left > 0 && left <= int64(n) { // what is before it gets there
		p.Conn.Write(b[:left])
	}
	if at, broken := p.pass(n); broken {
		return at, errors.New("connection reset")
	}
	return p.Conn.Write(b)
}

func (p plugged) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if at, broken := p.pass(n); broken {
		return at, errors.New("connection reset")
	}
	return n, err
}

// TestUnpluggedAnywhere breaks the line at random bytes of a job, in heads, documents and answers, for a while or for
// longer than the driver asks. Never do two sheets come out, and what is said agrees with the paper.
func TestUnpluggedAnywhere(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, seed))
	moments := 200
	if testing.Short() {
		moments = 40
	}
	for range moments {
		at, out := 1+rng.Int64N(16000), time.Duration(rng.Int64N(int64(40*time.Second)))
		synctest.Test(t, func(t *testing.T) { unplugAt(t, at, out) })
		if t.Failed() {
			t.Fatalf("unplugged at byte %d for %v, seed %d", at, out, seed)
		}
	}
}

func unplugAt(t *testing.T, at int64, out time.Duration) {
	sim := ippsim.New(ippsim.Options{})
	if err := sim.LoadTray("tray-1", printertest.A3, 9, "A1"); err != nil {
		t.Fatal(err)
	}
	network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: sim.Handler()}
	served := make(chan struct{})
	go func() { server.Serve(network); close(served) }()
	left := new(atomic.Int64)
	pull := func() {
		if err := sim.Faults().Arm("unplug", 1); err != nil {
			t.Error(err)
		}
		time.AfterFunc(out, func() { sim.Faults().Arm("unplug", 0) })
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
		c, err := network.dial(ctx, n, a)
		if err != nil {
			return nil, err
		}
		return plugged{c, left, pull}, nil
	}}
	p := ipp.New("ipp://printer/ipp/print", ipp.Options{Client: &http.Client{Transport: transport}})
	defer func() {
		sim.Power(false)
		transport.CloseIdleConnections()
		server.Close()
		<-served
		time.Sleep(time.Minute)
	}()
	time.Sleep(time.Minute) // long enough on that "it never arrived" can be told
	since := time.Now()
	left.Store(at)
	id, err := p.Submit(t.Context(), printer.Job{Name: "LIC", Document: printertest.PDF(printertest.A3, 1, true), Media: printertest.A3, Source: "tray-1", Sheets: 1})
	left.Store(0)
	time.Sleep(3 * time.Minute)
	st, ok, ask := p.Job(t.Context(), id, "LIC", since)
	complete := 0
	b := bench{t: t, sim: sim}
	for _, s := range b.out() {
		if s.Complete {
			complete++
		}
	}
	switch {
	case ask != nil:
		t.Errorf("job: %v", ask)
	case complete > 1, err == nil && complete != 1:
		t.Errorf("said %v, %d sheets came out", err, complete)
	case err != nil && !fault.Is(err, fault.Doubtful) && complete != 0:
		t.Errorf("said %v, and a sheet came out", err)
	case ok && (st.Phase == printer.JobPrinted) != (complete == 1), !ok && complete != 0:
		t.Errorf("said %+v %v, %d sheets came out", st, ok, complete)
	}
	if again, err := p.Submit(t.Context(), printer.Job{Name: "LIC-2", Document: printertest.PDF(printertest.A3, 1, true), Media: printertest.A3, Source: "tray-1", Sheets: 1}); err != nil || again == 0 {
		t.Errorf("the next job: %d, %v", again, err)
	}
	time.Sleep(time.Minute)
}
