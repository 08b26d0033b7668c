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
		if err := r.drivers(plan{seed: freshSeed(t), first: first, every: 2}); err != nil {
			t.Fatal(err)
		}
		told.add(*r)
	}
	if len(told.Violations) != 0 || len(told.Invariants) != 1 || told.Invariants[0].Checked != int64(len(rigtest.Suites)) {
		t.Errorf("got %+v and %v, want %d suites and no violation", told.Invariants, told.Violations, len(rigtest.Suites))
	}
}

// What a suite finds is a violation with its words, and so is a process that it ends.
func TestFailureOfASuite(t *testing.T) {
	for said, want := range map[string]string{
		"--- FAIL: TestDriver (0.01s)\n    --- FAIL: TestDriver/a_note (0.00s)\n        random.go:51: a note is lost\n    other.go:9: more\n": "random.go:51: a note is lost",
		"panic: no\n\n\t/somewhere/acceptor.go:26 +0x17\nexit status 2\n":                                                                     "",
	} {
		if got := failure(said); got != want {
			t.Errorf("of %q: got %q, want %q", said, got, want)
		}
	}
}
