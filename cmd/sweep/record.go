package sweep

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// The kinds of instants at which the power is cut.
const (
	atWrite   = "write"   // before the terminal's disk or the hall's is written to
	atSync    = "sync"    // before what was written is made to last
	atCommit  = "commit"  // after a record is on the terminal's disk, and before anybody knows
	atDevice  = "device"  // before a device hears an order that is not the one before again, or while something moves in it
	atNetwork = "network" // before something is sent to the hall
)

var kinds = []string{atWrite, atSync, atCommit, atDevice, atNetwork}

// point is everything that outlives a power cut, as it was at one instant.
type point struct {
	kind    string
	after   time.Duration // since the clock began
	ops     [3]int        // of the disks of terminal, hall and company
	devices *world.Frozen
	twin    []byte
	gateway []byte
	life    []byte // the hall's word of how far its database was
	page    string // what the screen showed
	moving  bool   // something was on its way in a device that takes or pays money
}

// recording is a journey that was played to its end: all that its points need.
type recording struct {
	key      taped
	dir      string // the hall's keys, and room for the files beside the databases
	points   []point
	older    *cutdisk.Disk // the terminal's disk as it was put back before the journey; nil when it was not
	ops      [3][]cutdisk.Op
	backup   *cutdisk.Disk    // the hall's disk as it was before the journey
	accounts []string         // at the company
	silences int              // how often the acceptor was away for so long that a note was in doubt
	unheard  int              // how often a note may have gone back of which nobody has heard
	events   []casefile.Event // all of the journal
	trace    string
	told     bool // the story of each schedule is wanted
}

// recorder writes down every point of a journey.
type recorder struct {
	w     *world.World
	began time.Time

	backup *cutdisk.Disk // the hall's, of before the first point

	mu     sync.Mutex
	points []point
	last   map[string]string // the order before, by device
	on     bool
}

// record begins to listen, and writes down what it hears while it is told to watch. It must be called before the
// program starts.
func record(w *world.World) *recorder {
	r := &recorder{w: w, began: time.Now(), last: map[string]string{}}
	r.listen()
	w.Cabinet.Speaks = func(device string, b []byte) {
		r.mu.Lock()
		same := r.last[device] == string(b)
		r.last[device] = string(b)
		r.mu.Unlock()
		if !same {
			r.add(atDevice)
		}
	}
	w.Cabinet.Moves(func(string) { r.add(atDevice) })
	w.Net.OnSend(func() { r.add(atNetwork) })
	return r
}

// listen begins to hear the terminal's disk.
func (r *recorder) listen() {
	r.w.Disk.Before(r.disk)
	r.w.Disk.After(func(op cutdisk.Op) {
		if op.Kind == cutdisk.Sync && strings.HasSuffix(op.Name, "-wal") {
			r.add(atCommit)
		}
	})
}

// disk writes down that the terminal's disk or the hall's is about to be written to.
func (r *recorder) disk(op cutdisk.Op) error {
	if op.Kind == cutdisk.Sync {
		r.add(atSync)
	} else {
		r.add(atWrite)
	}
	return nil
}

// watch begins and ends the writing down.
func (r *recorder) watch(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = on
	if on {
		r.w.Land.HallDisk.Before(r.disk)
	}
	if r.backup == nil {
		r.backup = r.w.Land.HallDisk.Image(cutdisk.All, nil)
	}
}

func (r *recorder) add(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.on {
		return
	}
	p := point{kind: kind, after: time.Since(r.began), ops: [3]int{r.w.Disk.Len(), r.w.Land.HallDisk.Len(), r.w.Land.BillerDisk.Len()},
		devices: r.w.Cabinet.Freeze(), page: r.w.Stage.View().Page}
	p.moving = r.w.Cabinet.Busy()
	p.twin, _ = os.ReadFile(filepath.Join(r.w.Dir, "terminal", "twin.jsonl")) // none yet is none
	p.life, _ = os.ReadFile(world.LifeFile(r.w.Dir))
	p.gateway, _ = os.ReadFile(world.GatewayFile(r.w.Dir))
	r.points = append(r.points, p)
}

// alike says whether two points have the same clock, devices, company, and files beside the disks.
func (p *point) alike(o *point) bool {
	return p.after == o.after && p.ops[2] == o.ops[2] && bytes.Equal(p.twin, o.twin) && bytes.Equal(p.gateway, o.gateway) && bytes.Equal(p.life, o.life) &&
		reflect.DeepEqual(p.devices, o.devices)
}

// forget gives the room for files beside the databases back: a recording has some megabytes, and a long run thousands of recordings. Nothing of it is played any more.
func (tp *recording) forget() { os.RemoveAll(tp.dir) }

// alike says whether two recordings of a journey have the same points, and whether the disks were written to in the same way. What was written may
// differ in what chance makes of a signature.
func (tp *recording) alike(o *recording) bool {
	same := func(a, b cutdisk.Op) bool {
		return a.Kind == b.Kind && a.Name == b.Name && a.Off == b.Off && a.Size == b.Size && len(a.Data) == len(b.Data)
	}
	for i := range tp.ops {
		if !slices.EqualFunc(tp.ops[i], o.ops[i], same) {
			return false
		}
	}
	return tp.trace == o.trace && reflect.DeepEqual(tp.points, o.points)
}

// images gives the disks at one point after another. Points must be asked for in their order.
type images struct {
	of    *recording
	disks [3]*cutdisk.Disk
	done  [3]int
}

func (tp *recording) images() *images {
	i := &images{of: tp, disks: [3]*cutdisk.Disk{cutdisk.New(), cutdisk.New(), cutdisk.New()}}
	if tp.older != nil {
		i.disks[0] = tp.older.Image(cutdisk.All, nil)
	}
	return i
}

// at gives the three disks as they stand at a point. They must not be written to: take an Image.
func (i *images) at(p point) [3]*cutdisk.Disk {
	for d, n := range p.ops {
		for ; i.done[d] < n; i.done[d]++ {
			i.disks[d].Apply(i.of.ops[d][i.done[d]])
		}
	}
	return i.disks
}
