package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"yichuang/kiosk/casefile"
)

// twinDelay is how long lines are gathered before they are written: a write for each record would cost the
// next commit a fifth of its time. The kernel keeps what is written for longer than that before it is on the disk.
const twinDelay = 100 * time.Millisecond

// twinFile is the file beside the database: the clear part of each record, one a line. It is written after
// the commit, and not synced by itself: what a power cut keeps from it is added at the next start.
type twinFile struct {
	file *os.File
	turn sync.Mutex // one writes at a time, so that lines keep their order; never held by who commits

	mu      sync.Mutex // guards all below
	waiting []casefile.Record
	err     error // of a write; a disk without room is none
}

// add hands over records that are committed and returns at once. Its error is that of an earlier write.
func (t *twinFile) add(records []casefile.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		time.AfterFunc(twinDelay, t.write)
	}
	t.waiting = append(t.waiting, records...)
	return t.err
}

// write writes what waits.
func (t *twinFile) write() {
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	records, err := t.waiting, t.err
	t.waiting = nil
	t.mu.Unlock()
	if err != nil || len(records) == 0 {
		return
	}
	err = writeLines(t.file, records)
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
}

// close writes what waits and closes the file.
func (t *twinFile) close() error {
	t.write()
	return errors.Join(t.err, t.file.Close())
}

func writeLines(w io.Writer, records []casefile.Record) error {
	var out []byte
	for _, r := range records {
		raw, err := json.Marshal(r.Line())
		if err != nil {
			return fmt.Errorf("journal: twin: %w", err)
		}
		out = append(append(out, raw...), '\n')
	}
	_, err := w.Write(out)
	if errors.Is(err, syscall.ENOSPC) {
		return nil // the database has it; the twin is completed at the next start
	}
	if err != nil {
		return fmt.Errorf("journal: twin: %w", err)
	}
	return nil
}

// openTwin opens the twin file and adds what it lacks. A twin that knows of another journal, or of more
// records than this one has, is what is left of a lost database: it is laid aside and never written over.
func (s *Store) openTwin(ctx context.Context) error {
	path := filepath.Join(s.dir, "twin.jsonl")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	last, end, err := lastLine(f)
	if err == nil && last.Seq > 0 && (last.Seq > s.book.Seq || last.Epoch != s.span(last.Seq-1).Epoch) {
		aside := filepath.Join(s.dir, fmt.Sprintf("twin-%s-%d.jsonl", filepath.Base(last.Epoch), last.Seq))
		if err := errors.Join(f.Close(), os.Rename(path, aside)); err != nil {
			return fmt.Errorf("journal: twin: %w", err)
		}
		return s.openTwin(ctx)
	}
	if err == nil {
		// A torn line at the end is cut off before the rest is written again.
		if err = f.Truncate(end); err == nil {
			_, err = f.Seek(end, io.SeekStart)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("journal: twin: %w", err), f.Close())
	}
	out := bufio.NewWriter(f)
	err = s.each(ctx, last.Seq, 0, func(r casefile.Record) error { return writeLines(out, []casefile.Record{r}) })
	if err == nil {
		err = out.Flush()
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, f.Close())
	}
	s.twin = &twinFile{file: f}
	return nil
}

// lastLine gives the last whole line's record and where that line ends.
func lastLine(f *os.File) (last casefile.Line, end int64, err error) {
	in := bufio.NewReader(f)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return last, end, nil
		}
		if err != nil {
			return last, end, err
		}
		var l casefile.Line
		if json.Unmarshal(text, &l) != nil || l.Seq != last.Seq+1 {
			return last, end, nil
		}
		last, end = l, end+int64(len(text))
	}
}
