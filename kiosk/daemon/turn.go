package daemon

import "sync"

// turn lets one at a time do something that takes long, such as asking the hall. Its zero value is ready. It waits on a channel: a
// world of virtual time goes on meanwhile, which it does not while somebody waits for a mutex.
type turn struct {
	once sync.Once
	c    chan struct{}
}

// Lock waits for the turn.
func (t *turn) Lock() {
	t.once.Do(func() { t.c = make(chan struct{}, 1) })
	t.c <- struct{}{}
}

// Unlock gives it to the next.
func (t *turn) Unlock() { <-t.c }
