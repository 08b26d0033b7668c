package typeset

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// ErrClosed is the answer of a setter that has been closed.
var ErrClosed = errors.New("set type: the setter is closed")

// MissingError says that a text holds characters that cannot be set. Its words name none of them,
// because a rare character in a log can name a person; the screen may show Runes to whose name it is.
type MissingError struct {
	Runes []rune // each once, in the order they came
}

// Error counts the characters.
func (e *MissingError) Error() string {
	return fmt.Sprintf("set type: %d characters cannot be printed", len(e.Runes))
}

// OverflowError says that a text is too long for its place, even in the smallest type.
type OverflowError struct {
	Mark string // what it is: 经营范围
}

// Error names the place.
func (e *OverflowError) Error() string {
	return fmt.Sprintf("set type: %s: too long for its place on the sheet", e.Mark)
}

// Setter sets type. Its methods may be called from any goroutine; the work is done one after the other
// on one thread.
type Setter struct {
	work chan func()
	done chan struct{} // closed when the thread has given everything back

	mu     sync.RWMutex // guards closed against a send on work
	closed bool

	families []string
	fonts    []font // of the families, as far as they were asked; touched on the thread alone, as is what follows
}

// Open starts the thread and looks the fonts up. It fails when one of the Noto fonts is not installed.
// The caller closes the setter.
func Open() (*Setter, error) {
	s := &Setter{work: make(chan func()), done: make(chan struct{})}
	ready := make(chan error)
	go s.run(ready)
	if err := <-ready; err != nil {
		<-s.done
		return nil, err
	}
	return s, nil
}

// Close waits for the work in hand and gives fonts and thread back. It may be called twice.
func (s *Setter) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.work)
	}
	s.mu.Unlock()
	<-s.done
}

// run is the thread. It is never unlocked: when the goroutine ends the thread does, and with it pango's
// font map for it.
func (s *Setter) run(ready chan<- error) {
	runtime.LockOSThread()
	defer close(s.done)
	err := s.lookFonts()
	defer s.closeFonts()
	ready <- err
	if err != nil {
		return
	}
	for f := range s.work {
		f()
	}
}

// do runs f on the thread and waits for it.
func (s *Setter) do(f func() error) error {
	answer := make(chan error, 1)
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return ErrClosed
	}
	s.work <- func() { answer <- f() }
	s.mu.RUnlock()
	return <-answer
}
