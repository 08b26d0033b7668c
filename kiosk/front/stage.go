package front

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"
)

// draftWait is how long what was typed waits for the visit when its screen has died: longer than a visit is ever busy.
const draftWait = 10 * time.Second

// ErrStale refuses an act on a view that has meanwhile changed its meaning.
var ErrStale = errors.New("act: the view has changed")

// ErrNotOffered refuses an act that the view does not offer.
var ErrNotOffered = errors.New("act: not offered on this view")

// Stage holds the view that is on the screen now and hands acts to the visit, one at a time.
type Stage struct {
	mu      sync.Mutex
	view    View
	changed chan struct{} // closed and replaced with each change
	acts    chan Act
	screen  string // the screen that looks now; an older one is turned away
}

// NewStage begins with an empty view that offers nothing.
func NewStage() *Stage {
	return &Stage{changed: make(chan struct{}), acts: make(chan Act)}
}

// Show puts a view on the screen. Revision and Tick are the stage's: the same view again changes
// nothing, one with only other amounts, time or typing grows the tick, any other grows the revision too.
func (s *Stage) Show(v View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Revision, v.Tick = s.view.Revision, s.view.Tick
	if reflect.DeepEqual(v, s.view) {
		return
	}
	v.Tick++
	if !sameMeaning(v, s.view) {
		v.Revision++
	}
	s.view = v
	close(s.changed)
	s.changed = make(chan struct{})
}

// sameMeaning says whether a touch made on a would mean the same on b.
func sameMeaning(a, b View) bool {
	if a.Page != b.Page || a.Visit != b.Visit || !slices.Equal(a.Acts, b.Acts) || len(a.Choices) != len(b.Choices) || len(a.Cases) != len(b.Cases) {
		return false
	}
	for i := range a.Choices {
		if a.Choices[i].ID != b.Choices[i].ID {
			return false
		}
	}
	for i := range a.Cases {
		if a.Cases[i].Case != b.Cases[i].Case {
			return false
		}
	}
	return reflect.DeepEqual(a.Pager, b.Pager)
}

// View is what is on the screen now.
func (s *Stage) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

// After waits for a view later than tick, until ctx ends; then it gives the one that is there.
func (s *Stage) After(ctx context.Context, tick int64) View { return s.afterFor(ctx, tick, "") }

// afterFor is After for one screen; it returns at once when another one has taken over.
func (s *Stage) afterFor(ctx context.Context, tick int64, screen string) View {
	for {
		s.mu.Lock()
		view, changed := s.view, s.changed
		gone := screen != "" && s.screen != screen
		s.mu.Unlock()
		if view.Tick > tick || gone {
			return view
		}
		select {
		case <-ctx.Done():
			return view
		case <-changed:
		}
	}
}

// Do hands an act to the visit and returns as soon as it has been taken up, with the view that stands
// then: what the act changes comes with the next view. ErrStale and ErrNotOffered say that nothing was done.
// An act that waits to be taken up is looked at again with each view: a second touch of a finger that
// trembles was not meant for the page that the first one led to. What was typed or drawn waits on for a while when
// the screen that sent it dies: the next one shows it.
func (s *Stage) Do(ctx context.Context, a Act) (View, error) {
	if a.draft() {
		outlived, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(draftWait, cancel) })()
		ctx = outlived
	}
	for {
		changed, err := s.check(a)
		if err != nil {
			return s.View(), err
		}
		select {
		case s.acts <- a:
			return s.View(), nil
		case <-changed:
		case <-ctx.Done():
			return s.View(), ErrStale
		}
	}
}

// check says whether an act fits the view that stands now; changed is closed when another one does.
func (s *Stage) check(a Act) (changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.view.Can(a.ID):
		if a.Revision != s.view.Revision {
			return nil, ErrStale
		}
		return nil, ErrNotOffered
	case !a.draft() && a.Revision != s.view.Revision:
		return nil, ErrStale
	}
	return s.changed, nil
}

// Acts gives the visit its next act. Acts that came for an earlier view are dropped by the sender.
func (s *Stage) Acts() <-chan Act { return s.acts }

// takeOver makes this screen the one that is served, and says whether it is a new one.
func (s *Stage) takeOver(screen string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.screen == screen {
		return
	}
	s.screen = screen
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stage) serves(screen string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen == screen
}
