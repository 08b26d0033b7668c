package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/devsim/world"
)

// clock is a side that takes the times it is told.
type clock struct {
	per    time.Duration
	calls  *[]string
	name   string
	closed *int
	err    error
}

func (c clock) turn(_ context.Context, n int) (time.Duration, error) {
	*c.calls = append(*c.calls, c.name)
	return time.Duration(n) * c.per, c.err
}

func (c clock) close() error { *c.closed++; return nil }

// made is a row of three sides with these times for a piece of work, in milliseconds.
func made(better string, limit float64, calls *[]string, closed *int, ms ...int) row {
	r := row{name: "a.b", unit: "u", better: better, rounds: 3, turns: 2, per: 5}
	for i, one := range ms {
		c := clock{per: time.Duration(one) * time.Millisecond, calls: calls, name: string(rune('a' + i)), closed: closed}
		r.sides = append(r.sides, side{name: c.name, limit: limit, open: func(context.Context, string) (runner, error) { return c, nil }})
	}
	return r
}

func TestRowsAreJudged(t *testing.T) {
	for _, c := range []struct {
		better            string
		limit             float64
		ms                []int
		ours, peer, ratio float64
		holds             bool
	}{
		{"more", 0.9, []int{10, 9, 20}, 100, 111.1, 0.9, true},
		{"more", 0.91, []int{10, 9, 20}, 100, 111.1, 0.9, false},
		{"more", 0.9, []int{10, 20, 8}, 100, 50, 2, false}, // the second peer is missed
		{"less", 2, []int{10, 5, 5}, 10, 5, 2, true},
		{"less", 1.9, []int{10, 5, 6}, 10, 5, 2, false},
		{"less", 1.9, []int{10, 6, 5}, 10, 6, 1.667, false},
	} {
		var calls []string
		closed := 0
		got, err := made(c.better, c.limit, &calls, &closed, c.ms...).measure(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if got.Ours != c.ours || got.Peer != c.peer || got.Ratio != c.ratio || got.Holds != c.holds || len(got.Also) != 1 {
			t.Errorf("%+v: got %+v", c, got)
		}
		// Four rounds of two turns, of which the first is for the warmth and every other turn goes backwards.
		if want := slices.Repeat([]string{"a", "b", "c", "c", "b", "a"}, 4); !slices.Equal(calls, want) {
			t.Errorf("%+v: turns %v, want %v", c, calls, want)
		}
		if closed != 3 {
			t.Errorf("%+v: %d sides were closed, want 3", c, closed)
		}
	}
}

// TestArithmeticIsKept: a number is no peer in rounds in which even the bare one could not keep it.
func TestArithmeticIsKept(t *testing.T) {
	for _, c := range []struct {
		ms          []int
		peer, ratio float64
	}{{[]int{10, 5, 8}, 8, 1.25}, {[]int{10, 8, 5}, 8, 1.25}} {
		var calls []string
		closed := 0
		r := made("less", 1.25, &calls, &closed, c.ms...)
		r.arithmetic = true
		if got, err := r.measure(t.Context(), t.TempDir()); err != nil || got.Peer != c.peer || got.Ratio != c.ratio || got.Also[0].Peer != float64(c.ms[2]) {
			t.Errorf("%v: got %+v, %v", c.ms, got, err)
		}
	}
}

// TestPairs: each of ours is judged by its own peer, and all must hold.
func TestPairs(t *testing.T) {
	for _, c := range []struct {
		ms    []int
		ratio float64
		holds bool
	}{{[]int{10, 10, 1, 1}, 1, true}, {[]int{10, 10, 2, 1}, 0.5, false}, {[]int{20, 10, 1, 1}, 1, false}} {
		var calls []string
		closed := 0
		r := made("more", 0.95, &calls, &closed, c.ms...)
		r.pairs = true
		got, err := r.measure(t.Context(), t.TempDir())
		if err != nil || got.PeerName != "b" || len(got.Also) != 1 || got.Also[0].PeerName != "d" || got.Also[0].Ratio != c.ratio || got.Holds != c.holds {
			t.Errorf("%v: got %+v (%v)", c.ms, got, err)
		}
	}
}

// TestCountsAreBounded: a row holds only when what is counted beside the clock is within its bounds too.
func TestCountsAreBounded(t *testing.T) {
	for _, c := range []struct {
		counted, most float64
		holds         bool
	}{{1.02, 1.02, true}, {1.03, 1.02, false}} {
		var calls []string
		closed := 0
		r := made("more", 0.5, &calls, &closed, 1, 1)
		r.count = func(context.Context, string) (map[string]float64, error) {
			return map[string]float64{"x": c.counted}, nil
		}
		r.most = map[string]float64{"x": c.most}
		got, err := r.measure(t.Context(), t.TempDir())
		if err != nil || got.Holds != c.holds || got.Parts["x"] != c.counted || got.Most["x"] != c.most {
			t.Errorf("got %+v (%v), want holds %v", got, err, c.holds)
		}
	}
	if n, err := calls("% time     seconds  usecs/call     calls    errors syscall\n------\n 60.00    0.1         100      1000         1 fsync\n 40.00    0.1         100         7           fdatasync\n100.00    0.2         100      1007           total\n"); err != nil || n != 1007 {
		t.Errorf("got %v calls (%v), want 1007", n, err)
	}
	if _, err := calls(""); err == nil {
		t.Error("an empty table was believed")
	}
}

// waiter is a side that takes the times it is told, and lets one piece in a hundred wait longer.
type waiter struct {
	clock
	all *waits
}

func (w waiter) turn(ctx context.Context, n int) (time.Duration, error) {
	for i := range 100 {
		*w.all = append(*w.all, time.Duration(100-i)*w.per) // the longest first: what is told is told in order
	}
	return w.clock.turn(ctx, n)
}

func (w waiter) waited() *waits { return w.all }

// TestLongWaitsAreTold: of ours and of the last peer, when both tell them, and bounded like all that is counted.
func TestLongWaitsAreTold(t *testing.T) {
	for _, c := range []struct {
		ours, peer int
		most       float64
		holds      bool
	}{{4, 2, 2, true}, {4, 2, 1.99, false}, {1, 2, 0.5, true}} {
		var calls []string
		closed := 0
		r := made("more", 0, &calls, &closed, c.ours, 1, c.peer)
		for _, i := range []int{0, 2} {
			side, open := &r.sides[i], r.sides[i].open
			side.open = func(ctx context.Context, dir string) (runner, error) {
				run, err := open(ctx, dir)
				return waiter{run.(clock), new(waits)}, err
			}
		}
		r.most = map[string]float64{tailToPeer: c.most}
		got, err := r.measure(t.Context(), t.TempDir())
		// Of two turns a hundred pieces each: the 198th of 200 is the 99th of a hundred.
		if want := 99_000 * float64(c.ours); err != nil || got.Holds != c.holds || got.Parts[tailOurs] != want || got.Parts[tailPeer] != 99_000*float64(c.peer) || got.Parts[tailToPeer] != float64(c.ours)/float64(c.peer) {
			t.Errorf("%+v: got %+v (%v), want %v of ours", c, got, err, want)
		}
	}
	if w := new(waits); !math.IsNaN(w.tail()) {
		t.Error("nobody waited, and that has a tail")
	}
}

// TestQueuesTakeIn plays each side of the queue's rows once: what a side gives back must be what was put in.
func TestQueuesTakeIn(t *testing.T) {
	for _, r := range []row{enqueueOne, enqueueMany, drain, backlogOf("queue.backlog.1", 4000), sealRecord} {
		r.rounds, r.turns, r.count = 1, 1, nil
		if r.per > 40 {
			r.per = 40
		}
		got, err := r.measure(t.Context(), t.TempDir())
		if err != nil || got.Ours <= 0 || got.Peer <= 0 || got.Ratio <= 0 {
			t.Errorf("%s: got %+v (%v)", r.name, got, err)
		}
	}
}

func TestASideThatFailsIsNamed(t *testing.T) {
	var calls []string
	closed := 0
	r := made("more", 1, &calls, &closed, 1, 1)
	broken := clock{calls: &calls, closed: &closed, err: errors.New("no disk")}
	r.sides[1].open = func(context.Context, string) (runner, error) { return broken, nil }
	if _, err := r.measure(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "b: no disk") {
		t.Errorf("got %v, want b: no disk", err)
	}
	if closed != 2 {
		t.Errorf("%d sides were closed, want 2", closed)
	}
}

func TestMedianAndFigures(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median %v: got %v, want %v", c.in, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing: got %v, want NaN", got)
	}
	for in, want := range map[float64]float64{1234.56: 1235, 0.123456: 0.1235, -12.3456: -12.35, 0: 0, 1000: 1000} {
		if got := round(in); got != want {
			t.Errorf("round %v: got %v, want %v", in, got, want)
		}
	}
}

func TestLineHasTheContractsFields(t *testing.T) {
	var calls []string
	closed := 0
	got, err := made("more", 0.5, &calls, &closed, 1, 1).measure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"a.b","ours":1000,"peer":1000,"peer_name":"b","ratio":1,"limit":0.5,"unit":"u","better":"more","rounds":3,"holds":true}`
	if string(line) != want {
		t.Errorf("got %s, want %s", line, want)
	}
}

func TestCommandLine(t *testing.T) {
	all := ""
	for _, r := range rows {
		all += r.name + "\n"
	}
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"--list"}, 0, all},
		{[]string{"--list", "--only", "paper.*"}, 0, "paper.license.warm\n"},
		{[]string{"--only", "nothing"}, 2, ""},
		{[]string{"--only", "["}, 2, ""},
		{[]string{"more"}, 2, ""},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), c.args, &stdout, &stderr); status != c.status || stdout.String() != c.out {
			t.Errorf("bench %v: got %d %q (%s), want %d %q", c.args, status, stdout.String(), stderr.String(), c.status, c.out)
		}
	}
}

// TestIdleHasEveryDriver: the row of idle polling knows what every serial device of a desk is driven by.
func TestIdleHasEveryDriver(t *testing.T) {
	for class, protocols := range world.Protocols {
		for _, protocol := range protocols {
			if d := driver(world.Port{Class: class, Protocol: protocol, Address: "serial:/dev/null"}); !strings.HasSuffix(protocol, "-usb") && (d.run == nil || d.fit()) {
				t.Errorf("%s: no driver, or one that is fit before it runs", protocol)
			}
		}
	}
}

// TestPeerDrawsOurPage: a peer that draws less would be no yardstick.
func TestPeerDrawsOurPage(t *testing.T) {
	l := sample()
	sheet, err := l.Sheet()
	if err != nil {
		t.Fatal(err)
	}
	text, err := describe(l)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(text, "\nmark "), len(sheet.Marks); got != want || want < 20 {
		t.Errorf("%d texts are described, want %d", got, want)
	}
	for _, want := range []string{"page 420 297\n", "营业执照\n", l.Name + "\n", l.Scope + "\n", "No. " + l.Serial + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description lacks %q", want)
		}
	}
}
