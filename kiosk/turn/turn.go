// Package turn has a lock for what takes long.
package turn

import "sync"

// Turn lets one at a time do something that takes long, such as asking the hall, or waiting for a device. Its zero value is ready. It waits on a
// channel: a world of virtual time goes on meanwhile, which it does not while somebody waits for a mutex.
type Turn struct {
	once sync.Once
	c    chan struct{}
}

func (t *Turn) turns() chan struct{} {
	t.once.Do(func() { t.c = make(chan struct{}, 1) })
	return t.c
}

// Lock waits for the turn.
func (t *Turn) Lock() { t.turns() <- struct{}{} }

// TryLock takes the turn if nobody has it.
func (t *Turn) TryLock() bool {
	select {
	case t.turns() <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock gives it to the next.
func (t *Turn) Unlock() { <-t.c }
