// Package keeper keeps programs running, as systemd does on a terminal.
//
// A program that ends, for whatever reason, is started again at once; only one that dies again and
// again right after its start waits a little, and never as long as two seconds. Hold keeps a program
// down: SIGKILL at that very instant and no start until every hold is given back. Stop asks all
// politely, then firmly, and leaves nothing running.
//
// Every program is the head of its own process group, so that a Ctrl-C at the terminal reaches the
// keeper alone, and it is killed by the kernel when the keeper itself is killed.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Program says how one program is run.
type Program struct {
	Name string
	// Command gives path and arguments of one start; starts counts from 1. It is asked anew every
	// time, so that a port once learned can be asked for again.
	Command func(start int) []string
	Env     []string // the whole environment
	Dir     string
	Log     string        // file to which its output is added
	Grace   time.Duration // how long it may take to end after SIGTERM
	// Ready is the beginning of the line of standard output that says that the program is up. An empty one
	// means that the program does not say so; "*" takes any line.
	Ready string
	// OnReady hears the rest of that line, OnLine every line before it.
	OnReady func(rest string)
	OnLine  func(line string)
	// OnChange hears of each new process, and of pid 0 when one has ended. It must not call the keeper.
	OnChange func(pid, starts int)
}

// Keeper starts programs and keeps them. Make it with New; the programs end with Stop.
type Keeper struct {
	spawn chan func()
	done  chan struct{}

	mu    sync.Mutex
	kept  []*Kept
	ended bool
}

// New makes a keeper without programs. Orphans of its programs become its children, so that Stop finds them.
func New() *Keeper {
	k := &Keeper{spawn: make(chan func()), done: make(chan struct{})}
	adoptOrphans()
	go k.spawner()
	go buryOrphans(k.done)
	return k
}

// spawner makes all starts on one thread that lives as long as the keeper: the kernel's "signal at the
// death of the parent" means the thread that forked, not the process.
func (k *Keeper) spawner() {
	runtime.LockOSThread()
	for {
		select {
		case start := <-k.spawn:
			start()
		case <-k.done:
			return
		}
	}
}

// Keep starts a program and keeps it until Stop.
func (k *Keeper) Keep(p Program) (*Kept, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return nil, errors.New("keep " + p.Name + ": everything is being stopped")
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Kept{Program: p, keeper: k, cancel: cancel, changed: make(chan struct{}), holds: map[string]bool{}, ended: make(chan struct{})}
	if err := c.start(); err != nil {
		cancel()
		return nil, err
	}
	k.kept = append(k.kept, c)
	go c.run(ctx)
	return c, nil
}

// Stop ends all programs, the last kept first, with SIGTERM and, after the program's grace, SIGKILL.
// Afterwards no descendant of this process is left.
func (k *Keeper) Stop() {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return
	}
	k.ended = true
	kept := k.kept
	k.mu.Unlock()
	for i := len(kept) - 1; i >= 0; i-- {
		kept[i].stop()
	}
	killOrphans()
	close(k.done)
}

// Kept is one program in the keeper's care.
type Kept struct {
	Program
	keeper *Keeper
	cancel context.CancelFunc
	ended  chan struct{} // closed when the run loop has ended

	mu      sync.Mutex
	holds   map[string]bool
	process *process // nil while none runs
	starts  int
	quick   int // how many times in a row it died right after its start
	changed chan struct{}
	failure error // why the last start did not even begin
}

// Status is what a program is doing.
type Status struct {
	PID    int // 0 while it does not run
	Starts int
	Quick  int // deaths in a row right after the start
	Held   bool
}

// Status says what the program is doing.
func (c *Kept) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Starts: c.starts, Quick: c.quick, Held: len(c.holds) > 0}
	if c.process != nil {
		s.PID = c.process.pid
	}
	return s
}

// Hold kills the program at this instant and keeps it down until Release is called with the same reason.
func (c *Kept) Hold(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds[reason] = true
	c.process.kill()
}

// Release gives one hold back; without any the program starts at once.
func (c *Kept) Release(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holds[reason] {
		return
	}
	delete(c.holds, reason)
	c.quick = 0
	c.wake()
}

// wake lets the run loop look again. The caller holds the lock.
func (c *Kept) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// start starts a process if nothing holds the program down.
func (c *Kept) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) > 0 || c.process != nil {
		return nil
	}
	var p *process
	var err error
	forked := make(chan struct{})
	c.keeper.spawn <- func() { p, err = fork(c.Program, c.starts+1); close(forked) }
	<-forked
	c.failure = err
	if err != nil {
		return fmt.Errorf("start %s: %w", c.Name, err)
	}
	c.process = p
	c.starts++
	if c.OnChange != nil {
		c.OnChange(p.pid, c.starts)
	}
	return nil
}

// run waits for the program's end and starts it again, until it is stopped.
func (c *Kept) run(ctx context.Context) {
	defer close(c.ended)
	for {
		c.mu.Lock()
		p, changed := c.process, c.changed
		c.mu.Unlock()
		if p != nil {
			<-p.ended
			c.reap(ctx, p)
			continue
		}
		var retry <-chan time.Time
		if err := c.start(); err != nil {
			retry = time.After(pauseMax)
		}
		c.mu.Lock()
		idle := c.process == nil
		c.mu.Unlock()
		if idle {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-retry:
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// reap takes note of a death and waits before the next start when deaths come quickly.
func (c *Kept) reap(ctx context.Context, p *process) {
	c.mu.Lock()
	c.process = nil
	if held := len(c.holds) > 0; !held && time.Since(p.began) < quickLife {
		c.quick++
	} else {
		c.quick = 0
	}
	n, changed := c.quick, c.changed
	if c.OnChange != nil && ctx.Err() == nil {
		c.OnChange(0, c.starts)
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-time.After(pause(n)):
	}
}

// pause is how long to wait after so many quick deaths.
func pause(quick int) time.Duration {
	if quick < quickDeaths {
		return 0
	}
	return min(time.Duration(quick-quickDeaths+1)*pauseStep, pauseMax)
}

// stop ends the program for good.
func (c *Kept) stop() {
	c.cancel()
	c.mu.Lock()
	c.holds["stop"] = true
	p := c.process
	c.wake()
	c.mu.Unlock()
	if p != nil {
		p.signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(c.Grace):
		}
		p.kill()
		<-p.ended
	}
	<-c.ended
}
