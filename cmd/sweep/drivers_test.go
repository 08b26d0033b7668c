package sweep

import (
	"os"
	"slices"
	"testing"

	"yichuang/devices/cash/rigtest"
)

// Each driver of cash is told the suite of its class, by one of all workers.
func TestDriversSuites(t *testing.T) {
	entries, err := os.ReadDir("../../devices/cash")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := os.Stat("../../devices/cash/" + e.Name() + "sim"); err != nil {
			continue // what several drivers share
		}
		if !slices.ContainsFunc(rigtest.Suites, func(s rigtest.Suite) bool { return s.Driver == e.Name() }) {
			t.Errorf("no suite is told to %s", e.Name())
		}
	}
	told := newResult(1)
	for first := range 2 {
		r := newResult(1)
		if err := r.drivers(t, plan{seed: freshSeed(t), first: first, every: 2}); err != nil {
			t.Fatal(err)
		}
		told.add(*r)
	}
	if len(told.Violations) != 0 || len(told.Invariants) != 1 || told.Invariants[0].Checked != int64(len(rigtest.Suites)) {
		t.Errorf("got %+v and %v, want %d suites and no violation", told.Invariants, told.Violations, len(rigtest.Suites))
	}
}
