package cutdisk

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/kiosk/sqlite"
)

// vfsName is the name under which SQLite knows these disks.
const vfsName = "cutdisk"

// Context lets the databases that are opened under it live on mounted disks.
func Context(ctx context.Context) context.Context { return sqlite.WithVFS(ctx, vfsName) }

var mounts = struct {
	sync.Mutex
	once  sync.Once
	disks map[string]*Disk // by folder
}{disks: map[string]*Disk{}}

// Mount lets SQLite find the disk as the folder dir (see Context). Other files in that folder are the real ones.
func (d *Disk) Mount(dir string) (unmount func()) {
	mounts.once.Do(func() {
		if err := sqlite3vfs.RegisterVFS(vfsName, vfs{}); err != nil {
			panic("cutdisk: " + err.Error())
		}
	})
	mounts.Lock()
	defer mounts.Unlock()
	mounts.disks[dir] = d
	return func() {
		mounts.Lock()
		defer mounts.Unlock()
		delete(mounts.disks, dir)
	}
}

func mounted(name string) *Disk {
	mounts.Lock()
	defer mounts.Unlock()
	return mounts.disks[filepath.Dir(name)]
}

type vfs struct{}

func (vfs) Open(name string, flags sqlite3vfs.OpenFlag) (sqlite3vfs.File, sqlite3vfs.OpenFlag, error) {
	if name == "" {
		return &scratch{}, flags, nil
	}
	d := mounted(name)
	if d == nil {
		return nil, 0, sqlite3vfs.CantOpenError
	}
	name = base(name)
	if !d.has(name) {
		if flags&sqlite3vfs.OpenCreate == 0 {
			return nil, 0, sqlite3vfs.CantOpenError
		}
		if err := d.do(Op{Kind: Create, Name: name}); err != nil {
			return nil, 0, err
		}
	}
	return &handle{d: d, name: name}, flags, nil
}

func (vfs) Delete(name string, dirSync bool) error {
	d := mounted(name)
	if d == nil || !d.has(base(name)) {
		return nil
	}
	return d.do(Op{Kind: Delete, Name: base(name), Synch: dirSync})
}

func (vfs) Access(name string, _ sqlite3vfs.AccessFlag) (bool, error) {
	d := mounted(name)
	return d != nil && d.has(base(name)), nil
}

func (vfs) FullPathname(name string) string { return name }

// Randomness gives the same salts in every run, so that a seed gives the same disk again.
func (vfs) Randomness(n []byte) int {
	for i := range n {
		n[i] = byte(i*37 + 11)
	}
	return len(n)
}

func (vfs) Sleep(time.Duration) {}

func (vfs) CurrentTime() time.Time { return time.Now() }

func (d *Disk) isScrap() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.scrapped
}

func (d *Disk) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name] != nil
}

// handle is an open file of a disk.
type handle struct {
	locks
	d    *Disk
	name string
}

func (h *handle) Close() error { return nil }

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	f := h.d.names[h.name]
	if f == nil {
		return 0, io.EOF
	}
	return f.data.read(p, off)
}

func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	op := Op{Kind: Write, Name: h.name, Off: off, Data: p}
	if !h.d.isScrap() {
		op.Data = bytes.Clone(p)
	}
	if err := h.d.do(op); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *handle) Truncate(size int64) error {
	return h.d.do(Op{Kind: Truncate, Name: h.name, Size: size})
}

func (h *handle) Sync(sqlite3vfs.SyncType) error { return h.d.do(Op{Kind: Sync, Name: h.name}) }

func (h *handle) FileSize() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if f := h.d.names[h.name]; f != nil {
		return f.data.size, nil
	}
	return 0, nil
}

func (h *handle) SectorSize() int64 { return 512 }

// DeviceCharacteristics promises nothing: not even that a write leaves its neighbours alone.
func (h *handle) DeviceCharacteristics() sqlite3vfs.DeviceCharacteristic { return 0 }

// scratch is a file without a name, which no power cut leaves behind.
type scratch struct {
	locks
	data content
}

func (s *scratch) Close() error { return nil }

func (s *scratch) ReadAt(p []byte, off int64) (int, error) {
	return s.data.read(p, off)
}

func (s *scratch) WriteAt(p []byte, off int64) (int, error) {
	s.data.writeAt(p, off)
	return len(p), nil
}

func (s *scratch) Truncate(size int64) error      { s.data.truncate(size); return nil }
func (s *scratch) Sync(sqlite3vfs.SyncType) error { return nil }
func (s *scratch) FileSize() (int64, error)       { return s.data.size, nil }
func (s *scratch) SectorSize() int64              { return 512 }
func (s *scratch) DeviceCharacteristics() sqlite3vfs.DeviceCharacteristic {
	return 0
}
