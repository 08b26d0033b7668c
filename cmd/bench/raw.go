package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// raw is the least that can be done for records that are to last: they are written one after the other into a file that is laid out already, all that wait
// together with one fdatasync. No number, no index, no chain, nothing that could be read back: the disk's own limit for those who come together.
type raw struct {
	file    *os.File
	end     int64
	writers int
	queue   chan one
	stopped chan struct{} // closed when nobody writes any more
	waits   waits
}

// one is a record and where its writer waits.
type one struct {
	body string
	done chan error
}

// rawSize is what is laid out; behind its end the file is written from its beginning again.
const rawSize = 64 << 20

func openRawGroup(writers int) opener {
	return func(_ context.Context, dir string) (runner, error) {
		f, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			return nil, err
		}
		zeros := make([]byte, 1<<20) // written and not only asked for: a hole would cost its first sync more
		for range rawSize / len(zeros) {
			if _, err := f.Write(zeros); err != nil {
				return nil, errors.Join(err, f.Close())
			}
		}
		if err := f.Sync(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		r := &raw{file: f, writers: writers, queue: make(chan one, writers), stopped: make(chan struct{})}
		go r.write()
		return r, nil
	}
}

// write writes all that wait, again and again.
func (r *raw) write() {
	defer close(r.stopped)
	var together []one
	var bytes []byte
	for first := range r.queue {
		together = append(together[:0], first)
		for range len(r.queue) {
			together = append(together, <-r.queue)
		}
		bytes = bytes[:0]
		for _, o := range together {
			bytes = append(bytes, o.body...)
		}
		err := r.put(bytes)
		for _, o := range together {
			o.done <- err
		}
	}
}

func (r *raw) put(bytes []byte) error {
	if r.end+int64(len(bytes)) > rawSize {
		r.end = 0
	}
	if _, err := r.file.WriteAt(bytes, r.end); err != nil {
		return err
	}
	r.end += int64(len(bytes))
	return syscall.Fdatasync(int(r.file.Fd()))
}

func (r *raw) turn(_ context.Context, n int) (time.Duration, error) {
	return timed(r.writers, n, &r.waits, func(body string) error {
		done := make(chan error, 1)
		r.queue <- one{body, done}
		return <-done
	})
}

func (r *raw) waited() *waits { return &r.waits }

func (r *raw) close() error {
	close(r.queue)
	<-r.stopped
	return r.file.Close()
}
