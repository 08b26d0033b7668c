package store

import (
	"bufio"
	"bytes"
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
	file   *os.File
	end    int64      // of the last whole line
	behind bool       // lines are missing that only a new start can add: nothing is written behind the gap
	turn   sync.Mutex // one writes at a time, so that lines keep their order; never held by who commits

	mu      sync.Mutex // guards all below
	waiting []casefile.Line
	armed   bool  // write will be called
	err     error // of a write; a disk without room is none
}

// add hands over records that are committed and returns at once. Its error is that of an earlier write.
func (t *twinFile) add(records []casefile.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.armed {
		t.armed = true
		time.AfterFunc(twinDelay, t.write)
	}
	for i := range records {
		t.waiting = append(t.waiting, records[i].Line()) // the sealed part, which is most of a record, is not kept meanwhile
	}
	return t.err
}

// write writes what waits. What finds no room waits for the next time, and a half line of it is taken back.
func (t *twinFile) write() {
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	lines, err := t.waiting, t.err
	t.waiting, t.armed = nil, false
	t.mu.Unlock()
	if err != nil || len(lines) == 0 || t.behind {
		return
	}
	n, err := writeLines(t.file, lines)
	full := errors.Is(err, syscall.ENOSPC)
	if full {
		err = nil // the database has it
		t.takeBack()
	} else {
		t.end += n
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	if full {
		t.waiting = append(lines, t.waiting...)
	}
}

// takeBack cuts off what stands behind the last whole line. A file that cannot be cut is mended by the next start.
func (t *twinFile) takeBack() {
	if t.file.Truncate(t.end) == nil {
		t.file.Seek(t.end, io.SeekStart) // to a place that was just made: it cannot fail
	}
}

// close writes what waits and closes the file.
func (t *twinFile) close() error {
	t.write()
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind = true // what found no room is added by the next start, and not by a write that comes now
	return errors.Join(t.err, t.file.Close())
}

// lineSize is about how many bytes a line has.
const lineSize = 512

// writeLines writes lines at once and says how many bytes they are.
func writeLines(w io.Writer, lines []casefile.Line) (int64, error) {
	var out bytes.Buffer
	out.Grow(lineSize * len(lines))
	enc := json.NewEncoder(&out)
	for i := range lines {
		if err := enc.Encode(&lines[i]); err != nil {
			return 0, fmt.Errorf("journal: twin: %w", err)
		}
	}
	n, err := out.WriteTo(w)
	if err != nil {
		return n, fmt.Errorf("journal: twin: %w", err)
	}
	return n, nil
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
	s.twin = &twinFile{file: f, end: end}
	out := bufio.NewWriter(f)
	err = s.each(ctx, last.Seq, 0, func(r casefile.Record) error {
		_, err := writeLines(out, []casefile.Line{r.Line()})
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		s.twin.behind = true
	case err != nil:
		return errors.Join(err, f.Close())
	}
	if s.twin.end, err = f.Seek(0, io.SeekCurrent); err != nil {
		return errors.Join(fmt.Errorf("journal: twin: %w", err), f.Close())
	}
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
