// Package cutdisk is a disk in memory whose power can be cut, for tests of what a database keeps.
//
// SQLite writes to it like to any disk. At every instant the disk knows what is surely on its platter
// (what was synced) and what is only on its way there, and Image gives the disk as it might be found
// after a power cut at that instant: without what was on its way, with all of it, or with any part of
// it. What it does not do is what no disk does: bring an old write of a block back over a newer one.
//
// Names of files behave as on ext4: any sync also makes every earlier creation and removal of a file
// last, in their order.
package cutdisk

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/psanford/sqlite3vfs"
)

// How says what becomes of writes that were not synced when the power was cut.
type How int

// The ways. Blocks and Sectors choose by chance, for each block of 4096 or sector of 512 bytes, how many
// of the writes to it came through.
const (
	Synced  How = 0 // none
	All     How = 1 // all
	Blocks  How = 2
	Sectors How = 3
)

// Ways are all of them.
var Ways = []How{Synced, All, Blocks, Sectors}

func (h How) String() string { return [...]string{"synced", "all", "blocks", "sectors"}[h] }

// Kind is what an operation does to the disk.
type Kind string

// The kinds of operations.
const (
	Create   Kind = "create"
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
	Delete   Kind = "delete"
)

// Op is one operation that changes the disk or makes a change last.
type Op struct {
	Kind  Kind
	Name  string // without the folder
	Off   int64
	Data  []byte
	Size  int64 // of truncate
	Synch bool  // of delete: it lasts at once
}

// file is the content of one file, whatever its name is now.
type file struct {
	data    content // as a program reads it
	durable content // as of the last sync
	pending []Op    // writes and truncates since
	lacks   bool    // something was written for which there is no room
}

// naming is a creation or removal of a name that may not last yet.
type naming struct {
	name string
	file *file // nil: removed
}

// Disk is one disk. The zero value is not ready; use New.
type Disk struct {
	mu      sync.Mutex
	names   map[string]*file
	durable map[string]*file
	pending []naming
	ops     []Op
	tapes   bool // keeps the operations
	before  func(Op) error
	after   func(Op)
	room    func() int64

	left   int           // operations until the disk fails
	failed chan struct{} // closed when it does; nil when it will not

	scrapped bool
}

// New makes an empty disk.
func New() *Disk { return &Disk{names: map[string]*file{}, durable: map[string]*file{}, tapes: true} }

// Ops gives the operations so far, for Apply to another disk. A disk that is the image of another does not keep them before Tape.
func (d *Disk) Ops() []Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ops)
}

// Len is how many operations there were so far.
func (d *Disk) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ops)
}

// Scrap says that no power cut comes any more: what is written from now on is read again, and not taped.
func (d *Disk) Scrap() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scrapped = true
}

// Tape begins to keep the operations, which an image does not.
func (d *Disk) Tape() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tapes = true
}

// Forget lets the operations go, those so far and those to come: a disk of a long life has too many. Ops then has none.
func (d *Disk) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops, d.tapes = nil, false
}

// Room sets what is asked, before a file grows, for how many bytes all files may have together; nil is a disk without
// an end. What finds no room is told of when it is to last, and can be read until then, as in a file system that looks for room late: the layer
// below SQLite has one word for all that a write can fail of.
func (d *Disk) Room(fn func() int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = fn
}

// Size is how many bytes all files have together.
func (d *Disk) Size() (size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.names {
		size += f.data.size
	}
	return size
}

// fits says whether there is room for an operation.
func (d *Disk) fits(op Op) bool {
	d.mu.Lock()
	room, more := d.room, int64(0)
	if f := d.names[op.Name]; f != nil && op.Kind == Write {
		more = op.Off + int64(len(op.Data)) - f.data.size
	}
	d.mu.Unlock()
	return room == nil || more <= 0 || d.Size()+more <= room()
}

// Fail has the disk refuse every operation after so many more, until Heal. The answer is closed when it has refused the first.
func (d *Disk) Fail(left int) (failed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.failed = left, make(chan struct{})
	return d.failed
}

// Heal ends what Fail began.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = nil
}

// fails says whether this operation is refused.
func (d *Disk) fails() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		return false
	}
	d.left--
	if d.left == -1 {
		close(d.failed)
	}
	return d.left < 0
}

// lack gives and keeps whether something that was written to a file found no room.
func (d *Disk) lack(name string, now bool) (before bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[name]
	if f == nil {
		return false
	}
	before, f.lacks = f.lacks, now
	return before
}

// Before sets what is called before each operation. Its error is the operation's, which then has no
// effect. It may take an Image of this disk; it must not use a database.
func (d *Disk) Before(fn func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = fn
}

// After sets what is called after each operation that had an effect, as Before is before it.
func (d *Disk) After(fn func(Op)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = fn
}

// do asks Before, applies the operation, and tells After.
func (d *Disk) do(op Op) error {
	d.mu.Lock()
	before, after := d.before, d.after
	d.mu.Unlock()
	if before != nil {
		if err := before(op); err != nil {
			return err
		}
	}
	switch {
	case d.fails():
		return sqlite3vfs.IOErrorWrite
	case !d.fits(op):
		d.lack(op.Name, true)
	case op.Kind == Sync && d.lack(op.Name, false):
		return sqlite3vfs.FullError
	}
	d.Apply(op)
	if after != nil {
		after(op)
	}
	return nil
}

// Apply does one operation.
func (d *Disk) Apply(op Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.scrapped && op.Kind != Create && op.Kind != Delete {
		if op.Kind != Sync {
			d.names[op.Name].data.do(op)
		}
		return
	}
	if d.tapes {
		d.ops = append(d.ops, op)
	}
	f := d.names[op.Name]
	switch op.Kind {
	case Create:
		f = &file{}
		d.names[op.Name] = f
		d.pending = append(d.pending, naming{op.Name, f})
	case Delete:
		delete(d.names, op.Name)
		d.pending = append(d.pending, naming{op.Name, nil})
		if op.Synch {
			d.durable = d.named(len(d.pending))
			d.pending = nil
		}
	case Sync:
		if len(f.pending) > 0 {
			f.durable, f.pending = f.data.clone(), nil
		}
		d.durable = d.named(len(d.pending))
		d.pending = nil
	default:
		f.data.do(op)
		f.pending = append(f.pending, op)
	}
}

// named is the folder after the first n of the changes on their way.
func (d *Disk) named(n int) map[string]*file {
	out := map[string]*file{}
	for name, f := range d.durable {
		out[name] = f
	}
	for _, c := range d.pending[:n] {
		if c.file == nil {
			delete(out, c.name)
		} else {
			out[c.name] = c.file
		}
	}
	return out
}

// Image is a disk as it may be found after a power cut now.
func (d *Disk) Image(how How, rng *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := map[How]int{Synced: 0, All: len(d.pending)}[how]
	if how == Blocks || how == Sectors {
		n = rng.IntN(len(d.pending) + 1)
	}
	out := &Disk{names: map[string]*file{}, durable: map[string]*file{}}
	names := d.named(n)
	for _, name := range sorted(names) { // in order, so that a seed gives the same image again
		data := names[name].image(how, rng)
		f := &file{data: data, durable: data.clone()}
		out.names[name], out.durable[name] = f, f
	}
	return out
}

func sorted(names map[string]*file) (out []string) {
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (f *file) image(how How, rng *rand.Rand) content {
	switch {
	case how == Synced || len(f.pending) == 0:
		return f.durable.clone()
	case how == All:
		return f.data.clone()
	case how == Blocks:
		return f.mixed(4096, rng)
	default:
		return f.mixed(512, rng)
	}
}

// mixed lets a number of the pending writes come through to each block, and another one to the size.
func (f *file) mixed(block int64, rng *rand.Rand) (out content) {
	stages := make([]*content, len(f.pending)+1)
	stage := func() *content {
		n := rng.IntN(len(stages))
		if stages[n] == nil {
			c := f.durable.clone()
			for _, op := range f.pending[:n] {
				c.do(op)
			}
			stages[n] = &c
		}
		return stages[n]
	}
	out = f.durable.clone()
	out.truncate(stage().size)
	buf := make([]byte, block)
	for _, at := range f.touched(block) {
		from := at * block
		if from >= out.size {
			break
		}
		n := stage().readAt(buf[:min(block, out.size-from)], from)
		out.writeAt(buf[:n], from)
	}
	return out
}

// touched is which blocks the pending writes are to, in their order.
func (f *file) touched(block int64) (blocks []int64) {
	size := f.durable.size
	for _, op := range f.pending {
		from, to := op.Off, op.Off+int64(len(op.Data))
		if op.Kind == Truncate { // what is cut off is changed too
			from, to = op.Size, size
		}
		for at := from / block; at*block < to; at++ {
			blocks = append(blocks, at)
		}
		size = max(size, to)
	}
	slices.Sort(blocks)
	return slices.Compact(blocks)
}

// base is a file's name without its folder.
func base(name string) string { return filepath.Base(name) }

// locks are nobody's business here: one program has one disk.
type locks struct{}

func (locks) Lock(sqlite3vfs.LockType) error { return nil }

func (locks) Unlock(sqlite3vfs.LockType) error { return nil }

// CheckReservedLock says that nobody holds one: sqlite3vfs passes the answer on the wrong way round.
func (locks) CheckReservedLock() (bool, error) { return true, nil }
