package sweep

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"yichuang/cmd/world"
)

// result is what a sweep found.
type result struct {
	Seed        uint64                    `json:"seed"`
	Schedules   int                       `json:"schedules"`
	Played      int                       `json:"played"` // the others left the same as one of these
	Seconds     float64                   `json:"seconds"`
	JournalMode string                    `json:"journal_mode"` // of the journal, as synchronous
	Synchronous string                    `json:"synchronous"`
	Journal     settings                  `json:"journal"`
	Hall        settings                  `json:"hall"`
	Trace       string                    `json:"trace_sha256"`
	Points      map[string]map[string]int `json:"cut_points"`
	Cut         map[string]map[string]int `json:"cut"`
	Outcomes    map[string]int            `json:"outcomes"`
	Invariants  []checkCount              `json:"invariants"`
	Violations  []named                   `json:"violations"`

	// Seen is which points were cut, by journey, kind and number; workers tell each other so.
	Seen map[string]bool `json:"seen,omitempty"`
}

// checkCount is how often an invariant was checked.
type checkCount struct {
	ID      string `json:"id"`
	Checked int64  `json:"checked"`
}

// named is a violation and where it was found.
type named struct {
	Journey string `json:"journey"`
	world.Violation
	Replay string `json:"replay"`
}

func (v *named) print(to io.Writer) {
	fmt.Fprintf(to, "VIOLATION %s %s: %s\n  %s\n", v.Journey, v.Invariant, v.What, v.Replay)
}

func newResult(seed uint64) *result {
	return &result{Seed: seed, Points: map[string]map[string]int{}, Cut: map[string]map[string]int{}, Outcomes: map[string]int{world.Credited: 0, world.Returned: 0, world.Owed: 0, world.Doubtful: 0}, Seen: map[string]bool{},
		Invariants: []checkCount{}, Violations: []named{}}
}

// count adds to a count by journey and kind.
func count(to map[string]map[string]int, journey, kind string, n int) {
	if to[journey] == nil {
		to[journey] = map[string]int{}
		for _, k := range kinds {
			to[journey][k] = 0
		}
	}
	to[journey][kind] += n
}

// add puts another worker's result to this one.
func (r *result) add(o result) {
	r.Schedules += o.Schedules
	r.Played += o.Played
	r.Journal, r.Hall = o.Journal, o.Hall
	for journey, kinds := range o.Points {
		for kind, n := range kinds {
			count(r.Points, journey, kind, n)
		}
	}
	r.JournalMode, r.Synchronous = r.Journal.Mode, r.Journal.Synchronous
	for name := range o.Seen {
		r.Seen[name] = true
	}
	for outcome, n := range o.Outcomes {
		r.Outcomes[outcome] += n
	}
	for _, i := range o.Invariants {
		r.checked(i.ID, i.Checked)
	}
	r.Violations = append(r.Violations, o.Violations...)
	r.Trace = chain(r.Trace, o.Trace)
}

// total counts what was seen and forgets it.
func (r *result) total() {
	for name := range r.Seen {
		parts := strings.SplitN(name, ":", 3)
		count(r.Cut, parts[0], parts[1], 1)
	}
	r.Seen = nil
}

func (r *result) checked(id string, n int64) {
	at, found := slices.BinarySearchFunc(r.Invariants, id, func(i checkCount, id string) int { return strings.Compare(i.ID, id) })
	if !found {
		r.Invariants = slices.Insert(r.Invariants, at, checkCount{ID: id})
	}
	r.Invariants[at].Checked += n
}

// shownMax is how many violations are printed; all of them are in the file.
const shownMax = 10

// print is the result for people.
func (r *result) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "journey\t"+strings.Join(kinds, "\t")+"\tinstants that were cut, of all")
	for _, j := range slices.Sorted(maps.Keys(r.Points)) {
		cut, all := 0, 0
		fmt.Fprint(w, j)
		for _, k := range kinds {
			fmt.Fprintf(w, "\t%d", r.Points[j][k])
			cut, all = cut+r.Cut[j][k], all+r.Points[j][k]
		}
		fmt.Fprintf(w, "\t%d of %d\n", cut, all)
	}
	w.Flush()
	r.Journal.print(to, "journal")
	r.Hall.print(to, "hall")
	fmt.Fprintf(to, "money in the machine when the power went: credited %d, returned %d, owed %d, doubtful %d\n", r.Outcomes[world.Credited], r.Outcomes[world.Returned], r.Outcomes[world.Owed], r.Outcomes[world.Doubtful])
	for i, v := range r.Violations {
		if i == shownMax {
			fmt.Fprintf(to, "and %d more\n", len(r.Violations)-i)
			break
		}
		v.print(to)
	}
	if r.Played < r.Schedules {
		fmt.Fprintf(to, "%d schedules leave the disks, the devices and the clock as one of the other %d does, and stand or fall with it\n", r.Schedules-r.Played, r.Played)
	}
	fmt.Fprintf(to, "%.0f s, trace %s\n", r.Seconds, r.Trace)
	fmt.Fprintf(to, "schedules %d violations %d\n", r.Schedules, len(r.Violations))
}
