package sweep

import (
	"strings"
	"testing"
)

// What the tests of a package find is a violation with their words.
func TestPackagesTests(t *testing.T) {
	r := newResult(1)
	if err := r.tests(t.Context(), "./testdata/passing", "./testdata/failing"); err != nil {
		t.Fatal(err)
	}
	if len(r.Invariants) != 1 || r.Invariants[0].Checked != 2 || len(r.Violations) != 1 {
		t.Fatalf("got %+v and %v, want one violation of two packages", r.Invariants, r.Violations)
	}
	if v := r.Violations[0]; !strings.HasSuffix(v.Journey, "testdata/failing") || v.Invariant != "package.tests" || v.What != "failing_test.go:8: a note is lost; failing_test.go:9: again with: -seed=7" {
		t.Errorf("got %+v", v)
	}
	r = newResult(1)
	if err := r.tests(t.Context(), "./testdata/none"); err == nil && len(r.Violations) == 0 {
		t.Error("a package that is not there has passed its tests")
	}
}

// A process that ends in the midst of its tests has no words of theirs.
func TestFailureOfATest(t *testing.T) {
	for said, want := range map[string]string{
		"--- FAIL: TestDriver (0.01s)\n    --- FAIL: TestDriver/a_note (0.00s)\n        random.go:51: a note is lost\n    other.go:9: more\n": "random.go:51: a note is lost, other.go:9: more",
		"panic: no\n\n\t/somewhere/acceptor.go:26 +0x17\nexit status 2\n":                                                                     "",
	} {
		if got := strings.Join(failure(said), ", "); got != want {
			t.Errorf("of %q: got %q, want %q", said, got, want)
		}
	}
}
