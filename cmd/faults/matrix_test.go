// Package faults lets every fault of every simulator befall the driver at its other end, with a journal above it, and
// tells what came of each: make faults.
//
// A cell of the matrix is a run in virtual time. In its middle the fault befalls, once and then again and again, and
// is mended; at its end the mechanism's own count is compared with the journal's. What is printed is what was seen.
package faults

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"yichuang/devices/fault"
)

var out = flag.String("out", "", "write the matrix to this file as JSON")

// Cell is what came of one fault at one driver.
type Cell struct {
	Class    string     `json:"class"`
	Protocol string     `json:"protocol"`
	Fault    string     `json:"fault"`
	What     string     `json:"what"`
	Kind     fault.Kind `json:"kind"`         // what the driver called it; Healed when there was nothing to be told
	Outcome  string     `json:"outcome"`      // what became of what was moving
	Held     string     `json:"held"`         // what the mechanism held at the end, by its own count
	Agrees   bool       `json:"world_agrees"` // and the journal the same
	Seconds  float64    `json:"seconds"`      // from the start of driver and device to the end, on their clock
	Why      string     `json:"why,omitempty"`
}

// Healed is the kind of a fault that the driver's owner never hears of: an answer that comes twice, or late, or in parts.
const Healed fault.Kind = "none"

// virtual is how long a bubble's clock has run, in seconds; 0 on the real clock.
func virtual() float64 {
	if d := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); d < 24*time.Hour {
		return d.Seconds()
	}
	return 0
}

// bench is one driver and all that can befall it.
type bench struct {
	class, protocol string
	faults          []string // names, with what they are in whats
	sample          []string // with -short only these: each cell costs a second of real time; empty for a third of all
	whats           map[string]string
	run             func(t *testing.T, name string) Cell
}

// sampled says whether a fault is met with -short.
func (b bench) sampled(name string, third bool) bool {
	if len(b.sample) > 0 {
		return slices.Contains(b.sample, name)
	}
	return third
}

// TestMatrix fills every cell. A cell that hangs fails in virtual time; an empty one, or one in which journal and mechanism do not
// agree, fails with its name. With -short each driver meets every third fault, another third than the driver before it; one on USB, where
// time is real, meets its samples.
func TestMatrix(t *testing.T) {
	var cells []Cell
	for i, b := range benches() {
		for j, name := range b.faults {
			if testing.Short() && !b.sampled(name, (i+j)%3 == 0) {
				continue
			}
			t.Run(b.protocol+"/"+name, func(t *testing.T) {
				began := time.Now()
				c := b.run(t, name)
				if c.Seconds == 0 { // on USB
					c.Seconds = time.Since(began).Seconds()
				}
				if c.Kind == "" {
					c.Kind = Healed
				}
				c.Class, c.Protocol, c.Fault, c.What = b.class, b.protocol, name, b.whats[name]
				if c.Outcome == "" || c.Held == "" {
					t.Errorf("an empty cell: %+v", c)
				}
				if !c.Agrees {
					t.Errorf("journal and mechanism differ: %+v", c)
				}
				cells = append(cells, c)
			})
		}
	}
	if *out != "" {
		if err := write(cells, *out); err != nil {
			t.Fatal(err)
		}
	}
}

// write prints the matrix, a driver after the other, and keeps it.
func write(cells []Cell, path string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "driver\tfault\tkind\toutcome\theld at the end\tjournal")
	for _, c := range cells {
		agrees := "agrees"
		if !c.Agrees {
			agrees = "DIFFERS"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Protocol, c.Fault, c.Kind, c.Outcome, c.Held, agrees)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	sums := tally(cells)
	for _, word := range slices.Sorted(maps.Keys(sums)) {
		fmt.Printf("%d %s, ", sums[word], word)
	}
	fmt.Printf("%d cells\n", len(cells))
	raw, err := json.MarshalIndent(cells, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// tally counts the cells by outcome.
func tally(cells []Cell) map[string]int {
	sums := map[string]int{}
	for _, c := range cells {
		word, _, _ := strings.Cut(c.Outcome, ",")
		sums[word]++
	}
	return sums
}

// kinds gathers the kinds that a driver told, the first of them first.
type kinds struct {
	mu   sync.Mutex
	seen []fault.Kind
}

func (k *kinds) add(f *fault.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f != nil && !slices.Contains(k.seen, f.Kind) {
		k.seen = append(k.seen, f.Kind)
	}
}

// forget begins anew: before a device was opened its driver called it absent.
func (k *kinds) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = nil
}

// first is the first that was told; a doubt counts more than what led to it.
func (k *kinds) first() fault.Kind {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.seen, fault.Doubtful) {
		return fault.Doubtful
	}
	if len(k.seen) == 0 {
		return ""
	}
	return k.seen[0]
}
