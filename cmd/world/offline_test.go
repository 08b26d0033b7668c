package world

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestDaysWithoutALine: a terminal works for OFFLINE hours (three days in make soak) without a line. What can be done without one goes on to its
// last hour, what cannot is closed and says why; and when the line is back, and breaks off again and again while the queue is handed over, nothing is missing and nothing
// counts twice.
func TestDaysWithoutALine(t *testing.T) {
	away, visits := 20*time.Minute, 4
	if testing.Short() {
		away, visits = time.Minute, 2
	}
	if hours, err := strconv.Atoi(os.Getenv("OFFLINE")); err == nil {
		away, visits = time.Duration(hours)*time.Hour, 1+hours/4
	}
	play(t, func(c *Citizen) {
		rng := rand.New(rand.NewPCG(3, 0))
		c.payInNotes(rng)
		c.Until("the hall has everything", func() bool { s := c.Link.Status(); return s.Cursor == s.Head })
		before := c.head()
		c.Net.Cut(true)
		c.Until("the terminal knows that there is no line", func() bool { return !c.Link.Up() })
		for range visits {
			time.Sleep(away / time.Duration(visits))
			c.Until("what is offered without a line", func() bool { return c.offered() == "license.individual" })
			c.apply(rng)
			c.leave()
			c.reader.Take()
		}
		if s := c.Link.Status(); c.Err == nil && (s.Cursor != before || s.Head < before+int64(visits)*5 || s.OldestUnsent.IsZero()) {
			c.Fail(fmt.Errorf("without a line: %+v, and %d records before", s, before))
		}
		broken := c.breakOff(rng, 12)
		c.Net.Cut(false)
		c.Until("the line has broken off often enough", func() bool { return broken() })
		c.Until("the hall has everything", func() bool { s := c.Link.Status(); return s.Up && s.Cursor == s.Head })
		c.Until("what is offered with a line", func() bool { return c.offered() == "pay.water license.individual" })
		c.payInNotes(rng)
		if c.Err == nil {
			c.Fail(c.Drawn())
		}
		c.applied(visits)
	})
}

// offered is the services that are open; those that are closed have to say why.
func (c *Citizen) offered() (codes string) {
	for _, s := range c.Stage.View().Services {
		switch {
		case s.Open && codes == "":
			codes = s.Code
		case s.Open:
			codes += " " + s.Code
		case s.Why.Phrase == "":
			c.Fail(fmt.Errorf("%s is closed and does not say why", s.Code))
		}
	}
	return codes
}

// breakOff has the line break off at one of the next sends, and mends it soon, so many times. The answer says whether that is over.
func (c *Citizen) breakOff(rng *rand.Rand, times int) (over func() bool) {
	left, sends := times, 1+rng.IntN(12)
	turn := make(chan struct{}, 1) // who holds it may count
	c.Net.OnSend(func() {
		turn <- struct{}{}
		defer func() { <-turn }()
		if sends--; left == 0 || sends > 0 {
			return
		}
		left, sends = left-1, 1+rng.IntN(12)
		c.Net.Cut(true)
		time.AfterFunc(time.Duration(rng.IntN(3000))*time.Millisecond, func() { c.Net.Cut(false) })
	})
	return func() bool {
		turn <- struct{}{}
		defer func() { <-turn }()
		return left == 0
	}
}

// applied checks that the hall has each application once, and has looked at it.
func (c *Citizen) applied(want int) {
	if c.Err != nil {
		return
	}
	l, err := c.Land.hall.Ledger(context.Background())
	c.Fail(err)
	got := 0
	for _, row := range l.Cases {
		if row.Service != "license.individual" {
			continue
		}
		if got++; row.State == "" || row.State == "submitted" {
			c.Fail(fmt.Errorf("the hall has not looked at %+v", row))
		}
	}
	if got != want {
		c.Fail(fmt.Errorf("the hall has %d applications, want %d", got, want))
	}
}
