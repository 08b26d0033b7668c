package sweep

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"yichuang/cmd/world"
	"yichuang/kiosk/store/cutdisk"
)

// journey tapes one for a test.
func journey(t *testing.T, name string) *recording {
	at := slices.IndexFunc(world.Journeys, func(j world.Journey) bool { return j.Name == name })
	tp, err := tape(t, taped{freshSeed(t), 0, name}, world.Journeys[at])
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

// Cuts that are said to leave the same do: what comes after is the same.
func TestAlikeCutsEndAlike(t *testing.T) {
	tp := journey(t, "offline")
	d := tp.deck()
	groups := map[remains][]cut{}
	for point := range tp.points {
		for _, c := range allWays() {
			c.point, c.seed = point, 7
			groups[d.leaves(c)] = append(groups[d.leaves(c)], c)
		}
	}
	var pairs [][2]cut // of different points, or of one
	for _, cuts := range groups {
		if n := len(cuts); n > 1 {
			pairs = append(pairs, [2]cut{cuts[0], cuts[n-1]})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]cut) int { return compareCuts(a[0], b[0]) })
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as a worker has: what comes at one instant comes in one order
	ends := func(c cut) (trace string, bad []world.Violation) {
		v := tp.play(t, c, tp.images())
		return v.trace, v.bad
	}
	for i := 0; i < len(pairs); i += len(pairs)/8 + 1 {
		traces := [2]map[string]bool{{}, {}}
		for range 4 { // whether two records that come at one instant share a sync is left to the machine
			for n, c := range pairs[i] {
				trace, bad := ends(c)
				if traces[n][trace] = true; len(bad) > 0 {
					t.Errorf("%s: %v", tp.name(c), bad)
				}
			}
			if shared(traces) {
				break
			}
		}
		if !shared(traces) {
			t.Errorf("%s and %s end differently", tp.name(pairs[i][0]), tp.name(pairs[i][1]))
		}
	}
}

// TestLongRunsTakeJourneysWhole: from a million on no instant is left out, and each is cut in all ways; before that all journeys and acceptors come.
func TestLongRunsTakeJourneysWhole(t *testing.T) {
	for _, tt := range []struct{ schedules, round, want int }{
		{wholeRun, 0, math.MaxInt}, {longRun, 0, longRun / 36}, {longRun, 7, longRun / 36}, {longRun - 1, 0, roundMax}, {5000, firstRounds, roundMax}, {5000, firstRounds + 6, 2 * roundMax}, {5000, 99, 32 * roundMax},
	} {
		if got := (plan{schedules: tt.schedules}).most(tt.round, 6); got != tt.want {
			t.Errorf("of %d, in round %d: %d cuts of a journey, want %d", tt.schedules, tt.round, got, tt.want)
		}
	}
	tp := &recording{points: make([]point, 7)}
	for i := range tp.points {
		tp.points[i].devices = &world.Frozen{}
	}
	times := map[int]int{}
	for _, c := range tp.choose(math.MaxInt, true, rand.New(rand.NewPCG(1, 1))) {
		for _, p := range append(c.alike, c.point) {
			times[p]++
		}
	}
	for p := range tp.points {
		if times[p] != 24 {
			t.Errorf("point %d is cut %d times, want in all 24 ways", p, times[p])
		}
	}
}

// shared says whether the two have one in common.
func shared(traces [2]map[string]bool) bool {
	for trace := range traces[0] {
		if traces[1][trace] {
			return true
		}
	}
	return false
}

func TestChooses(t *testing.T) {
	tp := journey(t, "offline")
	const each = 8 // so many cuts of an instant leave each something else, also at a terminal without cash
	tests := []struct {
		n    int
		long bool
	}{{20, false}, {each * len(tp.points), false}, {1 << 30, false}, {24*10 + 7, true}, {1 << 30, true}}
	for _, tt := range tests {
		cuts := tp.choose(tt.n, tt.long, rand.New(rand.NewPCG(1, 2)))
		sum, seen, d := 0, map[remains]bool{}, tp.deck()
		for i, c := range cuts {
			sum += 1 + len(c.alike)
			if left := d.leaves(c); seen[left] {
				t.Fatalf("%+v: two cuts leave %+v", tt, left)
			} else {
				seen[left] = true
			}
			if i > 0 && cuts[i-1].point > c.point {
				t.Fatalf("%+v: point %d comes after point %d", tt, c.point, cuts[i-1].point)
			}
		}
		all := 24 * len(tp.points)
		switch {
		case tt.long && sum != min(tt.n, all):
			t.Errorf("%+v: %d schedules of %d", tt, sum, all)
		case !tt.long && tt.n < 1<<30 && len(cuts) != tt.n:
			t.Errorf("%+v: %d cuts", tt, len(cuts))
		case tt.n == 1<<30 && (len(cuts) >= all || len(cuts) < len(tp.points)):
			t.Errorf("%+v: %d cuts of %d, that leave each something else", tt, len(cuts), all)
		}
	}
}

func TestFollowsADisk(t *testing.T) {
	write := func(name string) cutdisk.Op { return cutdisk.Op{Kind: cutdisk.Write, Name: name} }
	ops := []cutdisk.Op{{Kind: cutdisk.Create, Name: "a"}, write("a"), {Kind: cutdisk.Sync, Name: "a"}, write("a"), write("b"), {Kind: cutdisk.Sync, Name: "a"}, {Kind: cutdisk.Sync, Name: "b"}}
	kept := func(n int) platter { return platter{cutdisk.All, n} }
	synced := []platter{kept(0), kept(0), kept(0), kept(2), kept(2), kept(2), {cutdisk.Synced, 6}, kept(4)}
	all := []platter{kept(0), kept(1), kept(2), kept(2), kept(3), kept(4), kept(4), kept(4)}
	for i, at := range follow(ops) {
		if got := at.after(cutdisk.Synced); got != synced[i] {
			t.Errorf("%d: synced: %v, want %v", i, got, synced[i])
		}
		if got := at.after(cutdisk.All); got != all[i] {
			t.Errorf("%d: all: %v, want %v", i, got, all[i])
		}
		if got := at.after(cutdisk.Sectors); at.clean != (got == all[i]) {
			t.Errorf("%d: sectors: %v", i, got)
		}
	}
}
