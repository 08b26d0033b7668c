// Package pinyin turns letters into Chinese, by touch, with librime.
//
// The engine keeps nothing between two calls: it is given all the letters that are not yet characters
// and answers with candidates, or with what one of them settles. So the screen can be killed with a
// half-typed word and go on with it, and there is no second truth about what is in the field.
//
// librime learns what people type. It gets a folder of its own for each visit, on the memory disk,
// which is removed when the visit ends; what a dead screen left behind is removed at the next start.
package pinyin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The schema: simplified Chinese by full pinyin, and where Debian keeps it.
const (
	schema    = "pinyin_simp"
	sharedDir = "/usr/share/rime-data"
)

// LettersMax is how many letters may wait to become characters. A word of eight syllables fits.
const LettersMax = 48

// prefix marks the folders that are ours to remove.
const prefix = "yichuang-pinyin-"

// librime is one per process: its start, its stop and every question go through this.
var librime sync.Mutex

var open bool // guarded by librime

// Engine answers for one visit. It is safe for several goroutines.
type Engine struct {
	dir     string
	session session
	closed  bool // guarded by librime
}

// Open starts the engine with an empty folder under dir, which should be on a memory disk. There is one
// engine at a time; Close it before the next.
func Open(dir string) (*Engine, error) {
	librime.Lock()
	defer librime.Unlock()
	if open {
		return nil, errors.New("pinyin: an engine is open already")
	}
	user, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return nil, fmt.Errorf("pinyin folder: %w", err)
	}
	s, ok := start(sharedDir, user, schema)
	if !ok {
		s.stop()
		os.RemoveAll(user)
		return nil, fmt.Errorf("pinyin schema %s: not found in %s", schema, sharedDir)
	}
	open = true
	return &Engine{dir: user, session: s}, nil
}

// Close ends the engine and forgets everything it has learnt. A second Close does nothing.
func (e *Engine) Close() error {
	librime.Lock()
	defer librime.Unlock()
	if e.closed {
		return nil
	}
	e.closed, open = true, false
	e.session.stop()
	return os.RemoveAll(e.dir)
}

// Sweep removes the folders that an earlier screen left under dir.
func Sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range left {
		errs = append(errs, os.RemoveAll(d))
	}
	return errors.Join(errs...)
}

// Candidates are what the letters may mean, the likeliest first: count of them, from the given one on.
// There are none when the engine is closed or the letters are no pinyin.
func (e *Engine) Candidates(letters string, from, count int) []string {
	librime.Lock()
	defer librime.Unlock()
	if e.closed || !usable(letters) || from < 0 || count <= 0 {
		return nil
	}
	e.session.feed(letters)
	return e.session.candidates(from, count)
}

// Choose takes the n-th candidate (from 0) of the letters: text is what it settles, rest are the letters
// that it leaves. ok is false when there is no such candidate; then nothing is settled.
func (e *Engine) Choose(letters string, n int) (text, rest string, ok bool) {
	librime.Lock()
	defer librime.Unlock()
	if e.closed || !usable(letters) || n < 0 {
		return "", letters, false
	}
	e.session.feed(letters)
	if len(e.session.candidates(n, 1)) == 0 {
		return "", letters, false
	}
	text, left, ok := e.session.choose(n)
	if !ok || left > len(letters) {
		return "", letters, false
	}
	return text, letters[len(letters)-left:], true
}

// usable says whether the letters are something the engine may be given: other keys mean commands to it.
func usable(letters string) bool {
	return letters != "" && len(letters) <= LettersMax && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") == ""
}
