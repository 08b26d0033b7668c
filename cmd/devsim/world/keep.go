package world

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"yichuang/devices/mechanism"
)

const (
	// keepPause is how long changes are gathered before they are written; the world is at most this much
	// older in its files when its program is killed.
	keepPause = 500 * time.Millisecond
	// keepShare: writing a device's state down may take a twentieth of the time, however much paper it holds.
	keepShare = 20
)

// keep writes the devices' states into files.
type keep struct {
	dir     string
	devices []*device
	written map[string][32]byte // by class: what is in the file
	stop    context.CancelFunc  // nil before begin
	stopped chan struct{}
}

// openKeep restores the states that are in the folder.
func openKeep(dir string, devices []*device) (*keep, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	k := &keep{dir: dir, devices: devices, written: map[string][32]byte{}, stopped: make(chan struct{})}
	for _, d := range devices {
		data, err := os.ReadFile(k.path(d))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := d.restore(data); err != nil {
			return nil, fmt.Errorf("%s: %w; delete it to begin with a new device", k.path(d), err)
		}
		k.written[d.class] = sha256.Sum256(data)
	}
	return k, nil
}

// path is the file of a device. Another protocol is another device: it does not take over what the usual one left.
func (k *keep) path(d *device) string {
	name := d.class
	if d.protocol != Protocols[d.class][0] {
		name += "-" + d.protocol
	}
	return filepath.Join(k.dir, name+".json")
}

// begin follows the log and writes what changed until end.
func (k *keep) begin(log *mechanism.Log) {
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	go k.follow(ctx, log)
}

func (k *keep) follow(ctx context.Context, log *mechanism.Log) {
	defer close(k.stopped)
	var last int64
	dirty := map[string]bool{}
	rest := map[string]time.Time{} // by class: not to be written before
	for ctx.Err() == nil {
		look, done := context.WithTimeout(ctx, keepPause)
		for _, e := range log.After(look, last) {
			last = e.N
			dirty[e.Device] = true
		}
		<-look.Done() // the rest of the pause
		done()
		for _, d := range k.devices {
			if !dirty[d.class] || time.Now().Before(rest[d.class]) {
				continue
			}
			began := time.Now()
			if err := k.write(d); err == nil {
				dirty[d.class] = false
			}
			rest[d.class] = time.Now().Add(keepShare * time.Since(began))
		}
	}
}

// write writes a device's state, if it is not in its file already.
func (k *keep) write(d *device) error {
	data, err := d.snapshot()
	if err != nil {
		return fmt.Errorf("snapshot of %s: %w", d.class, err)
	}
	sum := sha256.Sum256(data)
	if old, ok := k.written[d.class]; ok && bytes.Equal(old[:], sum[:]) {
		return nil
	}
	if err := WriteFile(k.path(d), data); err != nil {
		return err
	}
	k.written[d.class] = sum
	return nil
}

// end writes everything once more and stops.
func (k *keep) end() error {
	if k.stop != nil {
		k.stop()
		<-k.stopped
	}
	var errs []error
	for _, d := range k.devices {
		errs = append(errs, k.write(d))
	}
	return errors.Join(errs...)
}

// WriteFile writes a file whole: whoever reads it finds the old text or the new.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
