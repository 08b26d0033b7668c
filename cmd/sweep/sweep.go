package sweep

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// plan says which schedules are played.
type plan struct {
	seed         uint64
	schedules    int
	journey      string // "" for all
	first, every int    // which worker this is, and how many there are
	lead         bool   // it counts the points of a long run
}

// long says whether the workers share the cuts of each journey. In a shorter run taping is most of the work, and each journey is one worker's.
func (p plan) long() bool { return p.schedules >= longRun }

// mine says whether a journey of a round is this worker's too.
func (p plan) mine(round, journey int) bool { return p.long() || (round+journey)%p.every == p.first }

// roundMax is how many cuts of a journey there are in each of the first rounds, in which a citizen goes all ways that a journey has; later ones have more.
const roundMax, firstRounds = 40, 16

// taped is how a journey is found again: the sweep's seed, the round, its name.
type taped struct {
	seed    uint64
	round   int
	journey string
}

func (k taped) hash() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, k.seed, k.round, k.journey)
	return h.Sum64()
}

// acceptor is what the acceptor of notes of a journey speaks: another protocol in each round, and in one there is none, if the journey can do without.
func (k taped) acceptor(cash bool) string {
	all := world.Acceptors
	if !cash {
		all = append(slices.Clip(all), world.Cashless)
	}
	return all[(k.seed+uint64(k.round))%uint64(len(all))]
}

// sweep plays journeys, each in rounds with other amounts, and cuts them until there are enough schedules.
func sweep(t *testing.T, p plan) (r *result, err error) {
	r = newResult(p.seed)
	if err := r.settings(t.TempDir()); err != nil {
		return r, err
	}
	chosen := slices.DeleteFunc(slices.Clone(world.Journeys), func(j world.Journey) bool { return p.journey != "" && j.Name != p.journey })
	if len(chosen) == 0 {
		return r, fmt.Errorf("there is no journey %q", p.journey)
	}
	// The first world of a process takes longer than those that follow, and then two records may share a sync that would not later.
	if _, err = tape(t, taped{p.seed, -1, chosen[0].Name}, chosen[0]); err != nil {
		return r, err
	}
	left, told := p.schedules, progress{every: tellEvery}
	for round := 0; left > 0; round++ {
		for n, j := range chosen {
			want := left / (len(chosen) - n) // of those that are left, this journey's share of its round
			if round == 0 {
				want = cmp.Or(want, 1)
			}
			want = min(want, left, p.most(round, len(chosen)))
			if p.mine(round, n) {
				had, err := r.journey(t, p, taped{p.seed, round, j.Name}, j, want, &told)
				if err != nil {
					return r, err
				}
				if p.long() {
					want = had
				}
			}
			left -= want
		}
	}
	return r, nil
}

// journey tapes a journey and plays n cuts of it, or as many as it has, and says how many.
func (r *result) journey(t *testing.T, p plan, k taped, j world.Journey, n int, told *progress) (cut int, err error) {
	tp, err := tape(t, k, j)
	if err != nil {
		return 0, err
	}
	defer tp.forget()
	r.Trace = chain(r.Trace, tp.trace)
	for _, pt := range tp.points {
		if !p.long() || p.lead {
			count(r.Points, j.Name, pt.kind, 1)
		}
	}
	cuts := tp.choose(n, p.long(), rand.New(rand.NewPCG(k.hash(), 1)))
	images := tp.images()
	for i, c := range cuts {
		cut += 1 + len(c.alike)
		if p.long() && i%p.every != p.first {
			continue
		}
		r.schedule(t, tp, c, images)
		if p.long() {
			told.tell(os.Stderr, r, p)
		}
		for _, point := range append(c.alike, c.point) {
			r.Seen[fmt.Sprintf("%s:%s:%d of round %d", j.Name, tp.points[point].kind, point, k.round)] = true
		}
	}
	return cut, nil
}

// tellEvery is how often a long run says how far it is.
const tellEvery = 5 * time.Minute

// progress is what a worker of a long run has told of it: a run of hours that ends early, or has found something, says so meanwhile.
type progress struct {
	every      time.Duration
	at         time.Time
	violations int
}

func (g *progress) tell(to io.Writer, r *result, p plan) {
	for _, v := range r.Violations[g.violations:] {
		v.print(to)
	}
	g.violations = len(r.Violations)
	if now := time.Now(); now.Sub(g.at) >= g.every {
		g.at = now
		fmt.Fprintf(to, "%s worker %d: schedules %d of about %d, violations %d\n", now.Format(time.TimeOnly), p.first, r.Schedules, p.schedules/p.every, len(r.Violations))
	}
}

// schedule plays one cut and keeps what it found.
func (r *result) schedule(t *testing.T, tp *recording, c cut, images *images) {
	v := tp.play(t, c, images)
	r.Schedules += 1 + len(c.alike)
	r.Played++
	r.Outcomes[v.outcome]++
	for id, n := range v.checked {
		r.checked(id, n)
	}
	for _, b := range v.bad {
		r.Violations = append(r.Violations, named{tp.key.journey, b, "make sweep REPLAY=" + tp.name(c)})
	}
	r.Trace = chain(r.Trace, v.trace)
}

// name is what --replay takes.
func (tp *recording) name(c cut) string {
	return fmt.Sprintf("%d:%d:%s:%d:%d:%s:%s:%d", tp.key.seed, tp.key.round, tp.key.journey, c.point, c.how, c.device, c.hall, c.seed)
}

// replay plays one schedule again and tells all of it. The answer is the exit status.
func replay(t *testing.T, name string, to io.Writer) int {
	var k taped
	var c cut
	var fields [8]string
	if n := copy(fields[:], strings.SplitN(name, ":", len(fields))); n != len(fields) {
		fmt.Fprintf(to, "sweep: %q is no schedule\n", name)
		return 1
	}
	_, err := fmt.Sscan(fmt.Sprint(fields[0], " ", fields[1], " ", fields[3], " ", fields[4], " ", fields[7]), &k.seed, &k.round, &c.point, (*int)(&c.how), &c.seed)
	k.journey, c.device, c.hall = fields[2], fields[5], fields[6]
	at := slices.IndexFunc(world.Journeys, func(j world.Journey) bool { return j.Name == k.journey })
	if err != nil || at < 0 {
		fmt.Fprintf(to, "sweep: %q is no schedule: %v\n", name, err)
		return 1
	}
	tp, err := tape(t, k, world.Journeys[at])
	if err != nil {
		fmt.Fprintf(to, "sweep: %s: %v\n", name, err)
		return 1
	}
	if c.point >= len(tp.points) {
		fmt.Fprintf(to, "sweep: %s: the journey has %d points\n", name, len(tp.points))
		return 1
	}
	tp.told = true
	pt := tp.points[c.point]
	fmt.Fprintf(to, "%s, point %d of %d: %s, the screen shows %s; the disk keeps %s, the devices are %s, what the hall had not synced is %s\n", k.journey, c.point, len(tp.points), pt.kind, pt.page, c.how, c.device, c.hall)
	v := tp.play(t, c, tp.images())
	for _, line := range v.story {
		fmt.Fprintln(to, " ", line)
	}
	for _, b := range v.bad {
		fmt.Fprintf(to, "VIOLATION %s: %s\n", b.Invariant, b.What)
	}
	fmt.Fprintf(to, "schedules 1 violations %d\n", len(v.bad))
	return min(1, len(v.bad))
}

// tapesMax is how often a journey is played at most until two of its recordings are alike.
const tapesMax = 7

// tape plays a journey until two of its recordings are alike, and gives that one. What several do at one and the same instant comes in the same order in a steady
// process, but for the first world of all; which cuts are chosen follows from it.
func tape(t *testing.T, k taped, j world.Journey) (*recording, error) {
	var all []*recording
	for range tapesMax {
		tp, err := tapeOnce(t, k, j)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, tp.alike) {
			for _, other := range all {
				other.forget()
			}
			return tp, nil
		}
		all = append(all, tp)
	}
	for _, other := range all[1:] {
		other.forget()
	}
	return all[0], nil
}

// tapeOnce plays a journey in a bubble and keeps all its points.
func tapeOnce(t *testing.T, k taped, j world.Journey) (tp *recording, err error) {
	dir, err := os.MkdirTemp("", "sweep-") // in memory, see inMemory
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	world.Chance(t, k.hash())
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector interrupts whoever works, and then others go first; a journey leaves some 80 MB
	synctest.Test(t, func(t *testing.T) {
		tp, err = live(dir, k, j)
	})
	if err != nil {
		return nil, fmt.Errorf("%s, round %d: the journey did not come to its end: %w", k.journey, k.round, err)
	}
	return tp, nil
}

// olderEvery is of how many journeys one begins with the disk of before the last visit.
const olderEvery = 9

// patience is how long a citizen waits for anything on a machine on which nothing is broken: a license and its duplicate take
// sixteen seconds. What is put right after a time-out only comes later than this.
const patience = 20 * time.Second

// live plays a journey from its start to its end.
func live(dir string, k taped, j world.Journey) (*recording, error) {
	n := world.NewNetwork()
	w := &world.World{Dir: dir, Net: n, Disk: cutdisk.New(), Cabinet: world.NewCabinet(n, k.acceptor(j.Cash), nil)}
	r := record(w)
	c := &world.Citizen{World: w, Turn: world.Turn{Seed: k.seed, Number: uint64(k.round + 1)}}
	var older *cutdisk.Disk
	c.Fail(w.Settle())
	if c.Err == nil {
		c.Until("the home page", func() bool { v := w.Stage.View(); return v.Can("home.pay") })
		c.Equip()
		c.Until("all services", w.AllOpen)
		if k.hash()%olderEvery == 0 {
			c.PutDiskBack(func() {
				older = w.Disk.Image(cutdisk.All, nil)
				w.Disk.Tape()
				r.listen()
				r.watch(true)
			})
		}
		c.Patience = patience
		r.watch(true)
		j.Live(c, rand.New(rand.NewPCG(k.hash(), 0)))
		r.watch(false)
		c.Fail(w.Land.Timely())
		if c.Err == nil && w.Breaks == 0 {
			w.Journal.Book(func(b *casefile.Book) {
				if !j.Came(b) {
					c.Fail(fmt.Errorf("the citizen has not got what he came for"))
				}
			})
		}
	}
	tp := &recording{key: k, dir: dir, points: r.points, older: older, backup: r.backup, trace: w.Trace(), events: w.Events()}
	if c.Err != nil {
		c.Err = fmt.Errorf("%w\n%s", c.Err, strings.Join(w.Story(), "\n"))
	}
	if err := errors.Join(c.Err, w.Close()); err != nil {
		return nil, err
	}
	tp.accounts, tp.unheard, tp.silences = w.Land.Accounts, w.Unheard, w.Silences
	tp.ops = [3][]cutdisk.Op{w.Disk.Ops(), w.Land.HallDisk.Ops(), w.Land.BillerDisk.Ops()}
	return tp, nil
}

// verdict is what one schedule came to.
type verdict struct {
	outcome string
	checked map[string]int64
	bad     []world.Violation
	trace   string
	story   []string
}

// play plays one schedule in a bubble of its own.
func (tp *recording) play(t *testing.T, c cut, images *images) (v verdict) {
	return tp.playThen(t, c, images, func(*world.World) error { return nil })
}

// playThen is play with something that befalls the world when it is at rest.
func (tp *recording) playThen(t *testing.T, c cut, images *images, befall func(*world.World) error) (v verdict) {
	disks := images.at(tp.points[c.point])
	world.Chance(t, c.seed)
	synctest.Test(t, func(t *testing.T) {
		v.checked = map[string]int64{}
		w, err := tp.restart(c, disks)
		if err == nil {
			err = befall(w)
		}
		v.want("visit.ends", err)
		if err == nil {
			tp.look(w, c, &v)
		}
		if len(v.bad) > 0 || tp.told {
			v.story = w.Story()
		}
		v.want("program.stops", w.Close())
	})
	return v
}

// want checks one invariant once.
func (v *verdict) want(id string, err error) {
	v.checked[id]++
	if err != nil {
		v.bad = append(v.bad, world.Violation{Invariant: id, What: err.Error()})
	}
}

// What takes long, and stands the same after most cuts, is looked at after some.
const (
	pagesEvery   = 2  // of how many schedules one has people at the hall read their pages, and staff take the log home
	permitsEvery = 4  // and one has the hall end the permits of what is void
	rushEvery    = 4  // and one has several write at once
	laterEvery   = 16 // and one has something that comes once in years
)

// look says what does not hold of a world at rest, and has the next morning come, and sometimes what comes later.
func (tp *recording) look(w *world.World, c cut, v *verdict) {
	v.bad = append(v.bad, w.Check(context.Background(), c.device != devicesOn, tp.points[c.point].moving, v.checked)...)
	v.outcome = w.Outcome()
	if c.seed>>8%pagesEvery == 0 {
		v.bad = append(append(v.bad, w.CheckPages(v.checked)...), w.CheckLog(v.checked)...)
	}
	if c.seed>>20%permitsEvery == 1 {
		v.bad = append(v.bad, w.EndPermits(v.checked)...)
	}
	morning(w, c.seed>>16%rushEvery == 0, v)
	if c.seed>>20%laterEvery == 0 {
		v.bad = append(v.bad, w.Later(c.seed>>26, tp.backup, v.checked)...)
	}
	v.trace = w.Trace()
}

// morning is the morning after a cut: in a rush much is written at once; staff open the machine and end every doubt, and then everything is known to the
// last piece.
func morning(w *world.World, rush bool, v *verdict) {
	if rush {
		v.bad = append(v.bad, w.Rush(v.checked)...)
	}
	z := &world.Citizen{World: w}
	z.SettleDoubts()
	if z.Err == nil {
		z.Fail(w.Drawn())
	}
	v.want("doubts.end", z.Err)
	v.bad = append(v.bad, w.CheckSettled(v.checked)...)
}

// chain is a hash over a hash and what follows it.
func chain(before, next string) string {
	sum := sha256.Sum256([]byte(before + "\n" + next))
	return hex.EncodeToString(sum[:])
}
