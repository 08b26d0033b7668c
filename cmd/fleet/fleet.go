// Package fleet lives through days of a whole fleet with everything that can befall it, and compares all books at each
// day's end: make fleet.
//
// Up to 156 terminals, the hall, the water company, the payment gateway and the citizens are in one process on virtual
// time (package world). Everything that happens follows from one seed: who comes and with what, and what befalls which
// terminal when: a line that is cut, silent or slow, an answer that is lost, a batch that comes late and after its own
// repetition, a clock that is wrong, a full disk, the power; and the land: all lines cut, the hall started again or put
// back from yesterday's backup; and a winter in which certificates expire.
//
// At the day's end all lines are whole and everything has been said. Then every journal is held against its mechanisms,
// the hall, the company and the gateway: by case, by order and in sum, the difference is nothing; and every invariant
// holds. The trace is a hash over all journals and books. The same seed and tree give the same trace.
package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// Plan is what a fleet lives through.
type Plan struct {
	Seed         uint64
	Terminals    int
	Days         int
	Visits       int       // at each terminal, on each day
	Mean         money.Fen // of the bills
	Troubles     int       // that befall single terminals, on each day
	LandTroubles int       // that befall all
	Winter       bool      // certificates expire before the first day
	Log          io.Writer // everything that the trace is the hash of; nil: nowhere
	Told         io.Writer // a line about each day; nil: nowhere
	Tree         string    // names what is tried; the trace begins with it

	meddle func(*fleet) // what a test does before the books are compared
}

// TerminalsMax is how many terminals there are at most.
const TerminalsMax = 156

// gapMean is the time between two visitors, beyond the least one.
const gapMean = 40 * time.Second

// hash is the seed of one actor's chance.
func (p Plan) hash(what string, n int) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, p.Seed, " ", what, " ", n)
	return h.Sum64()
}

// chance is an actor's own.
func (p Plan) chance(what string, n int) *rand.Rand {
	return rand.New(rand.NewPCG(p.hash(what, n), 0))
}

// length is about how long a day's visitors take: troubles are spread over it.
func (p Plan) length() time.Duration {
	notes := time.Duration(p.Mean/10000+5) * 2500 * time.Millisecond
	return time.Duration(p.Visits) * (gapMean + 20*time.Second + notes/2)
}

// winter is longer than a certificate lives.
const winter = 400 * 24 * time.Hour

// fleet is everything at work.
type fleet struct {
	plan   Plan
	dir    string
	net    *world.Network
	land   *world.Land
	units  []*unit
	backup backup
	sum    hash.Hash
	trace  io.Writer // the sum, and the log
	told   []int64   // by unit: the last record that is in the hash

	mu       sync.Mutex // guards all below
	troubles int
	calmed   time.Time
	out      Result
	applied  int
	paid     map[string]int // how often, by the code of a slip
}

// backup is the hall's disk as it was at a day's end, and the file beside its database.
type backup struct {
	disk *cutdisk.Disk
	life []byte
}

// Result is what a fleet came to.
type Result struct {
	Seed       uint64           `json:"seed"`
	Terminals  int              `json:"terminals"`
	Days       int              `json:"days"`
	Seconds    float64          `json:"seconds"`
	Virtual    float64          `json:"virtual_seconds"`
	Served     map[string]int   `json:"served"`     // visits by way
	Befell     map[string]int   `json:"befell"`     // troubles by kind
	Payments   int              `json:"payments"`   // cases that money came in for
	Notes      int64            `json:"notes"`      // that were stacked
	Records    int64            `json:"records"`    // in all journals
	Taken      money.Fen        `json:"taken_fen"`  // in notes, coins and by phone
	Billed     money.Fen        `json:"billed_fen"` // what the cases with a payment were about
	Difference money.Fen        `json:"difference_fen"`
	Trace      string           `json:"trace_sha256"`
	Checked    map[string]int64 `json:"checked"`
	Violations []Violation      `json:"violations"`
}

// Violation is what did not hold, and of whom.
type Violation struct {
	Who string `json:"who"`
	world.Violation
	At string `json:"at"`
}

// Run lives through a plan, in a bubble of its own.
func Run(t *testing.T, p Plan) (out Result, err error) {
	dir, err := os.MkdirTemp("", "fleet-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(dir)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one thing after the other, so that the order is the same again
	began := time.Now()
	world.Chance(t, p.hash("chance", 0))
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{plan: p, dir: dir, net: world.NewNetwork(), sum: sha256.New(), told: make([]int64, p.Terminals), paid: map[string]int{}}
		f.out = Result{Seed: p.Seed, Terminals: p.Terminals, Days: p.Days, Served: map[string]int{}, Befell: map[string]int{}, Checked: map[string]int64{}, Violations: []Violation{}}
		if f.trace = f.sum; p.Log != nil {
			f.trace = io.MultiWriter(f.sum, p.Log)
		}
		fmt.Fprintln(f.trace, p.Tree)
		start := time.Now()
		err = f.live()
		f.out.Virtual = time.Since(start).Seconds()
		err = errors.Join(err, f.close())
		f.out.Trace = hex.EncodeToString(f.sum.Sum(nil))
		out = f.out
	})
	out.Seconds = time.Since(began).Seconds()
	return out, err
}

// live is everything from the founding to the last day's end.
func (f *fleet) live() error {
	if err := f.found(); err != nil {
		return err
	}
	f.keepBackup()
	told := 0 // violations
	for day := range f.plan.Days {
		f.day(day)
		for _, u := range f.units {
			if err := u.failure(); err != nil {
				return err
			}
		}
		f.end()
		f.keepBackup()
		if f.plan.Told != nil {
			for _, v := range f.out.Violations[told:] {
				v.print(f.plan.Told)
			}
			told = len(f.out.Violations)
			fmt.Fprintf(f.plan.Told, "day %d: %d payments, difference %s, %d violations\n", day+1, f.out.Payments, f.out.Difference, told)
		}
	}
	return nil
}

// found opens the land and all terminals. Where there is a winter, a third of them are from before it.
func (f *fleet) found() (err error) {
	hallDisk, billerDisk := cutdisk.New(), cutdisk.New()
	hallDisk.Forget()
	billerDisk.Forget()
	if f.land, err = world.OpenLand(context.Background(), f.dir, f.net, hallDisk, billerDisk); err != nil {
		return err
	}
	time.Sleep(time.Second) // it is at work
	for n := range f.plan.Terminals {
		u, err := newUnit(f, n+1)
		if err != nil {
			return err
		}
		f.units = append(f.units, u)
	}
	old := 0
	if f.plan.Winter {
		old = (f.plan.Terminals + 2) / 3
	}
	if err := f.settle(f.units[:old]); err != nil {
		return err
	}
	if f.plan.Winter {
		for _, u := range f.units[:old] {
			if err := u.w.Terminal.Close(); err != nil {
				return fmt.Errorf("%s: %w", u.id(), err)
			}
		}
		if err := f.land.StopHall(); err != nil {
			return err
		}
		time.Sleep(winter)
		if err := f.land.StartHall(context.Background(), f.land.HallDisk); err != nil {
			return err
		}
		for _, u := range f.units[:old] {
			if err := u.start(); err != nil {
				return err
			}
		}
		f.befell("winter")
	}
	return f.settle(f.units[old:])
}

// settle enrols and founds some terminals.
func (f *fleet) settle(units []*unit) error {
	failed := make([]error, len(units))
	var all sync.WaitGroup
	for i, u := range units {
		if err := f.land.Enrol(context.Background(), u.id(), filepath.Join(u.w.Dir, "code")); err != nil {
			return err
		}
		time.Sleep(time.Millisecond) // the hall has done what it does then
		all.Go(func() { failed[i] = u.found() })
	}
	all.Wait()
	return errors.Join(failed...)
}

// day is one day's visitors and troubles.
func (f *fleet) day(day int) {
	began := time.Now()
	by := make([][]trouble, f.plan.Terminals+1)
	for _, t := range f.plan.troubles(day) {
		by[t.unit] = append(by[t.unit], t)
	}
	var all sync.WaitGroup
	all.Go(func() { f.befall(began, by[0]) })
	for _, u := range f.units {
		all.Go(func() { u.sleep(time.Duration(u.n) * 211 * time.Millisecond); u.day(f.plan.Visits) })
		all.Go(func() { u.befall(began, by[u.n]) })
	}
	all.Wait()
}

// keepBackup is the hall's backup of the night.
func (f *fleet) keepBackup() {
	disk := f.land.HallDisk.Image(cutdisk.All, nil)
	disk.Forget()
	life, _ := os.ReadFile(world.LifeFile(f.dir)) // none yet is none
	f.backup = backup{disk, life}
}

// close stops everything.
func (f *fleet) close() error {
	var failed []error
	for _, u := range f.units {
		failed = append(failed, u.close())
	}
	if f.land != nil {
		failed = append(failed, f.land.Close())
	}
	time.Sleep(time.Minute) // what the mechanisms and the lines still do ends before the bubble
	return errors.Join(failed...)
}

func (u *unit) close() (err error) {
	if u.w.Terminal != nil {
		err = u.w.Terminal.Close()
	}
	u.w.Cabinet.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", u.id(), err)
	}
	return nil
}

// bad writes down what does not hold.
func (f *fleet) bad(who, invariant, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.Violations = append(f.out.Violations, Violation{who, world.Violation{Invariant: invariant, What: what}, time.Now().Format("2006-01-02 15:04:05.000")})
}

// note tells whoever reads the log of what is in no book.
func (f *fleet) note(who, what string) {
	if f.plan.Log != nil {
		fmt.Fprintf(f.plan.Log, "# %s %s %s\n", time.Now().Format("2006-01-02T15:04:05.000000000"), who, what)
	}
}

// serves counts a visit.
func (f *fleet) serves(way string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.Served[way]++
}

// befell counts a trouble.
func (f *fleet) befell(kind string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.Befell[kind]++
}

func (f *fleet) trouble(more int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.troubles += more
	f.calmed = time.Now()
}

// calm says whether nothing befalls the land, or did lately.
func (f *fleet) calm() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.troubles == 0 && time.Since(f.calmed) > calmAfter
}

// next is the number of a new applicant.
func (f *fleet) next() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied++
	return f.applied
}
