package cmd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

// settledMax is when kioskd must be up and settled after it runs again. Five seconds are promised; a
// machine that does other work beside the test is given twice that before the test calls it broken, and what
// it took is in the log.
const settledMax = 10 * time.Second

// TestKioskdKilled kills kioskd at random moments of somebody paying with notes and of somebody
// registering a shop. It is up again and settled soon, nothing is lost, nothing doubled, nothing doubtful.
func TestKioskdKilled(t *testing.T) {
	t.Parallel()
	s := seed(t)
	chance := rand.New(rand.NewPCG(s, 1))
	who := people.New(s)
	d := start(t, newDir(t), "")
	c := come(t, d)
	var accounts []string
	for n := range times(t, "KILLS", 12) {
		m := moment{delay: time.Duration(chance.IntN(1200)) * time.Millisecond}
		var live func(context.Context, func()) error
		what := "registering"
		if n%3 == 2 {
			live = registers(c, applicant(who))
			if m.mark = chance.IntN(4); m.mark == 3 {
				m.delay *= 4 // handing in and printing take longer
			}
		} else {
			what = "paying"
			made := account(t, d, int64(1000+chance.IntN(4000)))
			accounts = append(accounts, made.Account)
			live, m.mark = pays(c, made, chance.Uint64()), chance.IntN(5)
		}
		took := killedWhile(t, d, "kioskd", live, m)
		t.Logf("kill %d, %s, at mark %d and %v: settled after %v", n+1, what, m.mark, m.delay, took)
		if t.Failed() {
			return
		}
		must(t, d.TakeCard(t.Context()))
		must(t, c.Leave(t.Context()))
		balanced(t, d, doubts{}, accounts...)
	}
}

// TestHallKilled kills the hall and the water company while people pay. Whoever stands there gets home, and
// what they paid is booked once.
func TestHallKilled(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(seed(t), 5))
	d := start(t, newDir(t), "")
	c := come(t, d)
	var accounts []string
	for n, program := range []string{"halld", "biller", "halld", "biller", "halld"} {
		made := account(t, d, int64(500+chance.IntN(2000)))
		accounts = append(accounts, made.Account)
		m := moment{mark: 1 + chance.IntN(4), delay: time.Duration(chance.IntN(1500)) * time.Millisecond}
		killedWhile(t, d, program, pays(c, made, chance.Uint64()), m)
		t.Logf("kill %d, %s, at mark %d and %v", n+1, program, m.mark, m.delay)
		must(t, c.Leave(t.Context()))
		balanced(t, d, doubts{}, accounts...)
		if t.Failed() {
			return
		}
	}
	must(t, d.Reload())
	if d.Kioskd.Starts != 1 || d.KioskUI.Starts != 1 {
		t.Errorf("kioskd was started %d times and kiosk-ui %d times, want once each", d.Kioskd.Starts, d.KioskUI.Starts)
	}
}

// moment is when a program is killed: so long after so many marks of what is lived.
type moment struct {
	mark  int
	delay time.Duration
}

// killedWhile lives something, kills a program at a moment of it or at its end, and gives how long it took
// from the new start until nothing was open.
func killedWhile(t *testing.T, d *deskclient.Desk, program string, live func(context.Context, func()) error, m moment) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	now, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		marks := 0
		err := live(ctx, func() {
			if marks++; marks > m.mark {
				once.Do(func() { time.AfterFunc(m.delay, func() { close(now) }) })
			}
		})
		ended <- err
	}()
	alive := true
	select {
	case <-now:
	case err := <-ended: // it was over before its moment came
		alive = false
		if err != nil {
			t.Errorf("before %s was killed: %v", program, err)
		}
	}
	err := kill(t.Context(), d, program)
	if cancel(); alive {
		<-ended // whatever it says, its terminal was killed
	}
	must(t, errors.Join(err, d.Reload()))
	began := time.Now()
	err = citizen.Until(t.Context(), settledMax, func() error {
		l, err := ledgerOf(t.Context(), d)
		if err == nil && (l.OpenBegun != 0 || l.Placed.Doubtful != 0 || l.Blanks.Doubtful != 0) {
			err = fmt.Errorf("%d acts are open, %d fen and %d blanks doubtful", l.OpenBegun, l.Placed.Doubtful, l.Blanks.Doubtful)
		}
		return err
	})
	if err != nil {
		t.Errorf("%v after %s was started again: %v", settledMax, program, err)
	}
	return time.Since(began).Round(time.Millisecond)
}

// pays is somebody who pays a bill with whatever notes are at hand. It marks the page and each note.
func pays(c *citizen.Citizen, made deskclient.Made, seed uint64) func(context.Context, func()) error {
	chance := rand.New(rand.NewPCG(seed, 2))
	return func(ctx context.Context, mark func()) error {
		mark()
		if err := c.ToPayment(ctx, made.BillCode, "pay.cash"); err != nil {
			return err
		}
		mark()
		for {
			if page, err := c.Screen.Page(ctx); err == nil && page != "pay" && page != "wait" {
				return c.Leave(ctx)
			}
			fen := []int64{100, 500, 1000, 2000}[chance.IntN(4)]
			n, err := c.Desk.OfferNote(ctx, fen, "genuine", time.Second)
			if err != nil && deskclient.Status(err) != 409 {
				return err
			}
			if err == nil && n.Fate != "refused" {
				mark()
			}
		}
	}
}

// registers is somebody who registers a shop and takes the license. It marks the start, the form, the
// signature and the submission.
func registers(c *citizen.Citizen, a citizen.Applicant) func(context.Context, func()) error {
	return func(ctx context.Context, mark func()) error {
		mark()
		if err := c.ToForm(ctx, a); err != nil {
			return err
		}
		mark()
		if err := errors.Join(c.Fill(ctx, a), c.Sign(ctx)); err != nil {
			return err
		}
		mark()
		if err := c.PastSign(ctx); err != nil {
			return err
		}
		mark()
		page, err := c.Next(ctx, "form.next", "print", "take", "slip")
		if err != nil {
			return err
		}
		if page == "slip" {
			return errors.New("the case was not approved: " + c.Message(ctx))
		}
		if _, err := c.At(ctx, "take"); err != nil {
			return err
		}
		return errors.Join(c.Desk.TakeCard(ctx), c.Leave(ctx))
	}
}
