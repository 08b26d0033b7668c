package sweep

import (
	"strings"
	"testing"

	"yichuang/cmd/world"
)

// TestLongRunTellsMeanwhile: each violation once and at once, how far it is now and then.
func TestLongRunTellsMeanwhile(t *testing.T) {
	r, g, p := newResult(1), progress{every: tellEvery}, plan{schedules: 1000, first: 1, every: 2}
	told := func() string {
		var out strings.Builder
		g.tell(&out, r, p)
		return out.String()
	}
	r.Schedules = 7
	if got := told(); !strings.HasSuffix(got, " worker 1: schedules 7 of about 500, violations 0\n") {
		t.Errorf("at first: %q", got)
	}
	if got := told(); got != "" {
		t.Errorf("soon after: %q", got)
	}
	r.Violations = append(r.Violations, named{"cash", world.Violation{Invariant: "money.all_known", What: "a note is missing"}, "make sweep REPLAY=x"})
	if got, want := told(), "VIOLATION cash money.all_known: a note is missing\n  make sweep REPLAY=x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := told(); got != "" {
		t.Errorf("told twice: %q", got)
	}
	g.every = 0
	if got := told(); !strings.HasSuffix(got, " violations 1\n") {
		t.Errorf("later: %q", got)
	}
}
