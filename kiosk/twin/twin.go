// Package twin is what stands in the file beside the journal, and what of the totals can be rebuilt from it.
//
// The file has the clear part of every record, one a line, in the order of the journal; `kioskctl log export` writes the same lines.
// Each line carries its record's hash and the hash before, so that a changed byte, a missing line or a strange one is
// seen. When the database is lost the file gives back every amount, note, slip and blank up to its last whole line. What it
// does not have is what was sealed: the hall has that, or nobody.
package twin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"yichuang/kiosk/casefile"
)

// Rebuilt is what a file adds up to.
type Rebuilt struct {
	Terminal string
	Epoch    string // that the last record is of: a journal on an older disk goes on under another one
	Book     *casefile.Book
	Hash     string // of the last record that counts
	Last     string // its time
	Sealed   int64  // records that count and have a sealed part
	Torn     bool   // the file ends within a line, as after a power cut: that line is no record yet
	Broken   error  // the first record that does not hold; it and what follows do not count
	After    int64  // lines after that one

	former map[string]bool // epochs that are over
}

// Rebuild adds a file up, as far as each record follows the one before. An error is one of reading; a file without a single line that holds is told in
// Broken, or is an empty book.
func Rebuild(r io.Reader) (Rebuilt, error) {
	out := Rebuilt{Book: casefile.NewBook(), former: map[string]bool{}}
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			out.Torn = len(text) > 0
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if out.Broken != nil {
			out.After++
			continue
		}
		out.Broken = out.add(text)
	}
}

// add counts one line in, or says why not.
func (b *Rebuilt) add(text []byte) error {
	seq := b.Book.Seq + 1
	var l casefile.Line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("record %d: the line is none: %w", seq, err)
	}
	if seq == 1 {
		b.Terminal, b.Epoch, b.Hash = l.Terminal, l.Epoch, casefile.Genesis(l.Terminal, l.Epoch)
	}
	r := l.Record()
	branches := r.Epoch != b.Epoch && r.Kind == casefile.TerminalStarted && !b.former[r.Epoch]
	if r.Terminal != b.Terminal || r.Epoch != b.Epoch && !branches {
		return fmt.Errorf("record %d: it is of terminal %s, journal %s", seq, r.Terminal, r.Epoch)
	}
	if r.Seq != seq {
		return fmt.Errorf("record %d: the line is record %d's", seq, r.Seq)
	}
	if err := r.Check(seq, b.Hash); err != nil {
		return err
	}
	e, err := r.Event()
	if err != nil {
		return fmt.Errorf("record %d: %w", seq, err)
	}
	if err := b.Book.Apply(seq, r.When(), e); err != nil {
		return fmt.Errorf("record %d: %w", seq, err)
	}
	if branches {
		b.former[b.Epoch], b.Epoch = true, r.Epoch
	}
	b.Hash, b.Last = r.Hash, r.Time
	if r.SealSum != "" {
		b.Sealed++
	}
	return nil
}
