package hall

import (
	"context"
	"sync"
	"time"
)

// rush knows whether terminals hand in much at once. Drawing consequences then gives way to taking in, because the database
// has one writer, a terminal that drains its queue is held up by each step, and nobody waits for consequences of days ago.
// Who does wait for some, at a screen, is no longer held up by the rush.
type rush struct {
	mu      sync.Mutex    // guards all below
	busy    int           // large batches on their way into the database
	last    time.Time     // when the last of them was in
	asking  int           // questions that wait for consequences
	changed chan struct{} // closed and replaced when busy or asking changes
}

// tell is called with the lock held.
func (r *rush) tell() {
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}

// enter counts a batch of so many records in; the answer counts it out.
func (r *rush) enter(records int) (leave func()) {
	if records < rushBatch {
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy++
	r.tell()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy--
		r.last = time.Now()
		r.tell()
	}
}

// ask counts a question in that waits for consequences; the answer counts it out.
func (r *rush) ask() (answered func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking++
	r.tell()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asking--
		r.tell()
	}
}

// giveWay waits until the rush is over, somebody asks, or it has waited long enough.
func (r *rush) giveWay(ctx context.Context) {
	end := time.Now().Add(rushMax)
	for ctx.Err() == nil {
		r.mu.Lock()
		over := end
		if r.busy == 0 {
			over = r.last.Add(rushPause)
		}
		if r.asking > 0 || r.changed == nil {
			over = time.Time{}
		}
		changed := r.changed
		r.mu.Unlock()
		wait := time.Until(over)
		if left := time.Until(end); left < wait {
			wait = left
		}
		if wait <= 0 {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}
