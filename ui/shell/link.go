package shell

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"yichuang/kiosk/front"
)

// news is what the link tells the screen: a view, or that there is no line.
type news struct {
	view  front.View
	lost  bool
	fresh bool // the first view of a line: earlier ticks mean nothing
}

// link speaks with kioskd: one goroutine waits for views, one sends acts, one at a time and in order.
type link struct {
	client *front.Client
	tell   func(news) // called from both goroutines

	mu     sync.Mutex
	queue  []front.Act
	signal chan struct{} // has room for one: there is something in the queue
}

func newLink(client *front.Client, tell func(news)) *link {
	return &link{client: client, tell: tell, signal: make(chan struct{}, 1)}
}

// send puts an act behind those that wait. What was typed or drawn replaces an earlier state of the same.
func (l *link) send(a front.Act) {
	l.mu.Lock()
	defer l.mu.Unlock()
	draft := a.ID == front.TextAct || a.ID == front.StrokesAct
	if n := len(l.queue); n > 0 && draft && l.queue[n-1].ID == a.ID && l.queue[n-1].Field == a.Field {
		l.queue[n-1] = a
	} else if n < actsMax {
		l.queue = append(l.queue, a)
	}
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

func (l *link) next() (front.Act, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return front.Act{}, false
	}
	a := l.queue[0]
	l.queue = l.queue[1:]
	return a, true
}

// forget drops what waits: it was meant for a line that is gone.
func (l *link) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = nil
}

// run serves the line until ctx ends or another screen has taken over.
func (l *link) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sender sync.WaitGroup
	sender.Go(func() { l.sendAll(ctx) })
	err := l.watch(ctx)
	cancel()
	sender.Wait()
	return err
}

// watch asks for one view after another. After a break it begins anew, because kioskd may have too.
func (l *link) watch(ctx context.Context) error {
	tick, lost := int64(-1), false
	for ctx.Err() == nil {
		view, err := l.client.View(ctx, tick)
		switch {
		case errors.Is(err, front.ErrTakenOver):
			return err
		case err != nil:
			if !lost && ctx.Err() == nil {
				lost = true
				l.forget()
				l.tell(news{lost: true})
			}
			tick = -1
			pause(ctx, reconnectEvery)
		default:
			if view.Page != "" {
				l.tell(news{view: view, fresh: tick < 0})
			}
			tick, lost = view.Tick, false
		}
	}
	return nil
}

func (l *link) sendAll(ctx context.Context) {
	for {
		a, ok := l.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-l.signal:
			}
			continue
		}
		view, err := l.client.Act(ctx, a)
		switch {
		case err == nil || errors.Is(err, front.ErrStale):
			if view.Page != "" {
				l.tell(news{view: view})
			}
		case ctx.Err() == nil:
			slog.Warn("act", "err", err) // without its id: that can be an answer. A broken line is watch's to mend
		}
	}
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
