package invariant

import (
	"slices"
	"strings"
	"testing"
)

// story is a paragraph of testdata/broken.txt.
type story struct {
	head   string
	after  string
	breaks []string
	lines  []string
}

func stories(t *testing.T) (out []story) {
	t.Helper()
	for _, line := range lines(t, "testdata/broken.txt") {
		if head, is := strings.CutPrefix(line, "> "); is {
			after, ids, ok := strings.Cut(head, " breaks")
			if !ok {
				t.Fatalf("%q: want > NAME breaks IDS", line)
			}
			out = append(out, story{head: line, after: after, breaks: slices.Sorted(slices.Values(strings.Fields(ids)))})
			continue
		}
		out[len(out)-1].lines = append(out[len(out)-1].lines, line)
	}
	return out
}

func (s story) tell(t *testing.T) *journal {
	j := life(t, s.after)
	for _, line := range s.lines {
		j.write(line)
	}
	return j
}

// Each broken life breaks what it says, and nothing else.
func TestBrokenLives(t *testing.T) {
	for _, s := range stories(t) {
		if w, got, found := watched(s.tell(t)); !slices.Equal(got, s.breaks) {
			t.Errorf("%s\n%s\ngot %v, want %v: %v", s.head, strings.Join(s.lines, "\n"), got, s.breaks, found)
		} else {
			counted := int64(0)
			for _, r := range w.Results() {
				counted += r.Broken
				if (r.Broken > 0) != (r.Note != "") || r.Broken > r.Checked {
					t.Errorf("%s: %+v", s.head, r)
				}
			}
			if counted != int64(len(found)) {
				t.Errorf("%s: %d violations and %d in the results", s.head, len(found), counted)
			}
		}
	}
}
