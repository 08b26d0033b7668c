package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"yichuang/cmd/world"
	"yichuang/kiosk/money"
)

// Options are the command line.
type Options struct {
	Seed         uint64 `help:"Of everything that happens; a fresh one is made and printed when it is 0."`
	Terminals    int    `help:"How many." default:"12"`
	Days         int    `help:"How many." default:"2"`
	Visits       int    `help:"Visitors to each terminal on each day." default:"12"`
	Mean         int64  `help:"The mean of the bills, in yuan." default:"237"`
	Troubles     int    `help:"What befalls single terminals on each day; three for each terminal when it is -1." default:"-1"`
	LandTroubles int    `help:"What befalls all terminals on each day." default:"4"`
	Winter       bool   `help:"Certificates expire before the first day." default:"true" negatable:""`
	Season       bool   `help:"156 terminals and 11,000 payments with a mean of 2,370 yuan, on five days: an hour or two, and some gigabytes."`
	Out          string `help:"Where the result is written as JSON." default:"out/fleet.json"`
	Log          string `help:"Where everything that the trace is the hash of is written; nowhere when it is empty."`
}

// plan is what is asked for.
func (o *Options) plan() (Plan, error) {
	if o.Season {
		// Some are turned away and some come for a license; who pays twice, a part in notes and the rest by phone, or with
		// coins, pays less at once: 11,700 people make 11,000 payments and some more, with a mean of 2,370 yuan.
		o.Terminals, o.Days, o.Visits, o.Mean = TerminalsMax, 5, 15, 2650
	}
	if o.Troubles < 0 {
		o.Troubles = 3 * o.Terminals
	}
	p := Plan{Seed: o.Seed, Terminals: o.Terminals, Days: o.Days, Visits: o.Visits, Mean: money.Fen(100 * o.Mean), Troubles: o.Troubles, LandTroubles: o.LandTroubles, Winter: o.Winter}
	if p.Terminals < 1 || p.Terminals > TerminalsMax || p.Days < 1 || p.Visits < 0 || p.Mean <= billLeast || p.LandTroubles < 0 {
		return p, fmt.Errorf("1 to %d terminals, a day or more, and bills of more than %s yuan", TerminalsMax, billLeast)
	}
	return p, nil
}

// Work is the command. The answer is the exit status. What it has in temporary folders goes with it, also when it is broken off.
func (o *Options) Work(t *testing.T) int {
	dir, err := os.MkdirTemp("", "fleet-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	defer os.RemoveAll(dir)
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-broken
		os.RemoveAll(dir)
		os.Exit(1)
	}()
	if err == nil {
		err = o.work(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		return 1
	}
	return 0
}

func (o *Options) work(t *testing.T) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	fmt.Printf("fleet: seed %d\n", p.Seed)
	p.Told = os.Stdout
	if p.Tree, err = tree(); err != nil {
		return err
	}
	if o.Log != "" {
		f, err := os.Create(o.Log)
		if err != nil {
			return err
		}
		defer f.Close()
		p.Log = f
	}
	r, err := Run(t, p)
	if err != nil {
		return err
	}
	if err := world.Write(o.Out, r); err != nil {
		return err
	}
	r.print(os.Stdout)
	if len(r.Violations) > 0 || r.Difference != 0 {
		return fmt.Errorf("seed %d: not everything holds", p.Seed)
	}
	return nil
}

// tree is the sum of this program, which is built from the whole tree and nothing else.
func tree() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

func (v Violation) print(to io.Writer) {
	fmt.Fprintf(to, "VIOLATION %s %s %s: %s\n", v.At, v.Who, v.Invariant, v.What)
}

// shownMax is how many violations are printed; all of them are in the file.
const shownMax = 20

// print is the result for people.
func (r *Result) print(to io.Writer) {
	counts := func(of map[string]int) string {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(of)) {
			words = append(words, fmt.Sprintf("%s %d", name, of[name]))
		}
		return strings.Join(words, ", ")
	}
	fmt.Fprintf(to, "visits: %s\nbefell: %s\n", counts(r.Served), counts(r.Befell))
	mean := money.Fen(0)
	if r.Payments > 0 {
		mean = r.Billed / money.Fen(r.Payments)
	}
	fmt.Fprintf(to, "%d payments with a mean of %s, %d notes, %d records, %.1f hours in %.0f s, trace %s\n", r.Payments, mean, r.Notes, r.Records, r.Virtual/3600, r.Seconds, r.Trace)
	for i, v := range r.Violations {
		if i == shownMax {
			fmt.Fprintf(to, "and %d more\n", len(r.Violations)-i)
			break
		}
		v.print(to)
	}
	fmt.Fprintf(to, "terminals %d days %d difference %s violations %d\n", r.Terminals, r.Days, r.Difference, len(r.Violations))
}
