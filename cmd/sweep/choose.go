package sweep

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"yichuang/cmd/world"
	"yichuang/kiosk/store/cutdisk"
)

// longRun is from how many schedules on each instant that is drawn is cut in all ways. A shorter run cuts more instants instead.
const longRun = 100_000

// wholeRun is from how many on no instant of a journey is left out, but in the last one.
const wholeRun = 1_000_000

// most is how many cuts of one journey there are at most, so that all journeys, and all acceptors of notes, come.
func (p plan) most(round, journeys int) int {
	switch {
	case p.schedules >= wholeRun:
		return math.MaxInt
	case p.long():
		return p.schedules / journeys / len(world.Acceptors)
	}
	return roundMax << min(max(0, round-firstRounds)/len(world.Acceptors), 5)
}

// remains is what a cut leaves. Of cuts that leave the same, one is played.
type remains struct {
	still  int // the point from which on clock, devices and files beside the disks have not changed
	device string
	disks  [2]platter // the terminal's and the hall's
}

// platter is a disk as it is found: which of its changes it has.
type platter struct {
	how     cutdisk.How
	changes int
}

// lasting is how far a disk is at one of its operations.
type lasting struct {
	changes int // so far
	synced  platter
	clean   bool // nothing is on its way
}

// after is how the disk is found.
func (l lasting) after(how cutdisk.How) platter {
	switch {
	case l.clean:
		return l.synced
	case how == cutdisk.Synced:
		return l.synced
	}
	return platter{how, l.changes}
}

// follow is how far a disk was before each of its operations, and after the last.
func follow(ops []cutdisk.Op) []lasting {
	now := lasting{synced: platter{how: cutdisk.All}, clean: true}
	all := []lasting{now}
	const names = "" // what was created and removed
	open := map[string]bool{}
	for _, op := range ops {
		before := len(open)
		switch {
		case op.Kind == cutdisk.Sync, op.Kind == cutdisk.Delete && op.Synch:
			delete(open, names)
			delete(open, op.Name)
		case op.Kind == cutdisk.Create, op.Kind == cutdisk.Delete:
			open[names] = true
		default:
			open[op.Name] = true
		}
		if op.Kind != cutdisk.Sync {
			now.changes++
		}
		if now.clean = len(open) == 0; now.clean {
			now.synced = platter{cutdisk.All, now.changes}
		} else if len(open) < before {
			now.synced = platter{cutdisk.Synced, len(all)} // a part of it, which nothing else leaves
		}
		all = append(all, now)
	}
	return all
}

// still gives, for each point, the first one whose clock, devices and files beside the disks are the same.
func (tp *recording) still() []int {
	out := make([]int, len(tp.points))
	for i := 1; i < len(out); i++ {
		if out[i] = i; tp.points[i].alike(&tp.points[i-1]) {
			out[i] = out[i-1]
		}
	}
	return out
}

// deck is the cuts of a journey that were drawn, each with how many others leave the same.
type deck struct {
	tp    *recording
	still []int
	disks [2][]lasting
	at    map[remains]int // in cuts
	cuts  []cut
}

func (tp *recording) deck() *deck {
	return &deck{tp: tp, still: tp.still(), disks: [2][]lasting{follow(tp.ops[0]), follow(tp.ops[1])}, at: map[remains]int{}}
}

// leaves is what a cut leaves.
func (d *deck) leaves(c cut) remains {
	p := &d.tp.points[c.point]
	left := remains{d.still[c.point], c.device, [2]platter{d.disks[0][p.ops[0]].after(c.how), d.disks[1][p.ops[1]].after(c.hallHow())}}
	if left.device == devicesOut && !p.moving {
		left.device = devicesIn // there is nothing to fall out
	}
	return left
}

// draw draws one, unless another that was drawn leaves the same.
func (d *deck) draw(c cut) {
	left := d.leaves(c)
	if same, ok := d.at[left]; ok {
		d.cuts[same].alike = append(d.cuts[same].alike, c.point)
		return
	}
	d.at[left] = len(d.cuts)
	d.cuts = append(d.cuts, c)
}

// choose draws n cuts, in the order of their points. In a long run each instant that is drawn is cut in all ways, and those that leave
// the same are counted with one of them. In another as many instants are cut as there are, and no two cuts leave the same.
func (tp *recording) choose(n int, long bool, rng *rand.Rand) []cut {
	d := tp.deck()
	ways := allWays()
	order := rng.Perm(len(tp.points))
	draw := func(point, way int) {
		c := ways[way%len(ways)]
		c.point, c.seed = point, uint64(rng.Uint32())
		d.draw(c)
	}
	if long {
		for i := range min(n, len(order)*len(ways)) {
			draw(order[i/len(ways)], i)
		}
	} else {
		first := rng.Perm(len(tp.points)) // of its ways, so that not all instants begin with the same
		for i := 0; len(d.cuts) < n && i < len(order)*len(ways); i++ {
			draw(order[i%len(order)], first[i%len(order)]+i/len(order))
		}
		for i := range d.cuts {
			d.cuts[i].alike = nil // they were passed over
		}
	}
	slices.SortFunc(d.cuts, compareCuts)
	return d.cuts
}

// compareCuts puts cuts into the order of their points.
func compareCuts(a, b cut) int {
	return cmp.Or(cmp.Compare(a.point, b.point), cmp.Compare(a.how, b.how), cmp.Compare(a.device, b.device), cmp.Compare(a.hall, b.hall))
}

// allWays are all ways in which an instant can be cut.
func allWays() (ways []cut) {
	for _, how := range cutdisk.Ways {
		for _, device := range deviceWays {
			for _, hall := range hallWays {
				ways = append(ways, cut{how: how, device: device, hall: hall})
			}
		}
	}
	return ways
}
