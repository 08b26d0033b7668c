package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/ui/touch"
)

const (
	// deadMax is how long a screen may offer nothing to be touched: longer than the longest wait that it
	// announces, which is a note of which nothing is heard.
	deadMax = 150 * time.Second
	// walkIdle and walkWarn are how long the walker's terminal waits for a touch, in seconds.
	walkIdle, walkWarn = 5, 3
)

// TestWalker presses enabled controls at random while cards, notes, codes and faults come at random. No
// screen is dead, kiosk-ui is never started again, home is reached by itself in the end, and the books
// agree.
func TestWalker(t *testing.T) {
	t.Parallel()
	s := seed(t)
	d := start(t, newDir(t), fmt.Sprintf("visit.idle_seconds=%d visit.warn_seconds=%d", walkIdle, walkWarn))
	c := come(t, d)
	w := &walker{t: t, c: c, chance: rand.New(rand.NewPCG(s, 3)), pages: map[string]int{}, faults: faults(t, d)}
	who := people.New(s)
	for range 3 {
		w.accounts = append(w.accounts, account(t, d, int64(500+w.chance.IntN(5000))))
		w.cards = append(w.cards, deskclient.Card(who.Person()))
	}
	t.Run("walked away", func(t *testing.T) { walkedAway(t, c, w.accounts[0]) })
	steps := times(t, "STEPS", 300)
	stop := w.luck(rand.New(rand.NewPCG(s, 4)))
	for w.steps = 0; w.steps < steps && !t.Failed(); w.steps++ {
		if w.chance.IntN(100) == 0 {
			w.pause()
		}
		w.press()
	}
	stop()
	t.Logf("%d presses on these pages: %v", w.steps, w.pages)
	for _, device := range devices {
		must(t, d.Mend(t.Context(), device, ""))
	}
	must(t, d.SetNetwork(t.Context(), deskclient.Network{Up: true}))
	homeByItself(t, c)
	must(t, d.Reload())
	if d.KioskUI.Starts != 1 || d.Kioskd.Starts != 1 {
		t.Errorf("kiosk-ui was started %d times and kioskd %d times, want once each", d.KioskUI.Starts, d.Kioskd.Starts)
	}
	var numbers []string
	for _, a := range w.accounts {
		numbers = append(numbers, a.Account)
	}
	// A device that loses its memory while a note moves leaves that note doubtful, and a torn sheet is.
	may := doubts{notes: 1 << 40, blanks: 1 << 20}
	balanced(t, d, may, numbers...)
}

// walker is somebody who touches whatever can be touched.
type walker struct {
	t        *testing.T
	c        *citizen.Citizen
	chance   *rand.Rand
	accounts []deskclient.Made
	cards    []deskclient.Card
	pages    map[string]int
	faults   [][2]string
	steps    int
	last     string
}

// press waits until something can be touched, and touches one thing.
func (w *walker) press() {
	ctx, cancel := context.WithTimeout(w.t.Context(), deadMax)
	defer cancel()
	var enabled []touch.Object
	page := ""
	err := w.c.Screen.Wait(ctx, "something to touch", func(all []touch.Object) error {
		enabled = slices.DeleteFunc(slices.Clone(all), func(o touch.Object) bool { return o.ID == "" || !o.Enabled })
		if page = citizen.PageOf(all); page == "" || len(enabled) == 0 {
			return fmt.Errorf("page %q offers nothing", page)
		}
		return nil
	})
	if err != nil {
		w.t.Errorf("step %d, after %s: a dead screen: %v", w.steps, w.last, err)
		return
	}
	w.pages[page]++
	if w.offer(page) {
		return
	}
	o := w.pick(enabled)
	w.last = page + " " + o.ID
	if o.ID == "field.signature" {
		err = w.c.Screen.Draw(ctx, o.ID, []touch.Point{{X: w.chance.IntN(1000), Y: 200}, {X: 500, Y: w.chance.IntN(1000)}})
	} else {
		err = w.c.Screen.Touch(ctx, o)
	}
	if err != nil && ctx.Err() != nil {
		w.t.Errorf("step %d: %s: %v", w.steps, w.last, err)
	} // else the page has gone on by itself between the look and the touch
}

// onward are the controls that lead further into a visit. A walk that touched all alike would type digits
// for ever.
var onward = []string{"home.pay", "home.apply", "service.license.individual", "service.pay.water", "form.next", "key.ok", "pay.cash", "pay.scan",
	"candidate.1", "choice.declare.yes", "case.print", "pay.finish"}

// offer shows the right code, lays a card down or feeds a note where the page asks for it, and waits a
// moment for what comes of it. It says whether the page has changed. What is refused just now is refused.
func (w *walker) offer(page string) bool {
	if w.chance.IntN(2) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
	defer cancel()
	d := w.c.Desk
	switch page {
	case "account":
		d.Scan(ctx, w.accounts[w.chance.IntN(len(w.accounts))].BillCode)
	case "identify":
		d.LayCard(ctx, w.cards[w.chance.IntN(len(w.cards))])
	case "pay":
		d.OfferNote(ctx, []int64{100, 500, 1000, 2000, 5000, 10000}[w.chance.IntN(6)], "genuine", 2*time.Second)
	default:
		return false
	}
	now, err := w.c.Screen.WaitPage(ctx, "wait", "bill", "form", "cases", "take", "slip")
	return err == nil && now != page
}

// pick chooses a control. What leads further is chosen more often, and what leads out of a visit less.
func (w *walker) pick(enabled []touch.Object) touch.Object {
	for {
		o := enabled[w.chance.IntN(len(enabled))]
		if further := slices.DeleteFunc(slices.Clone(enabled), func(o touch.Object) bool { return !slices.Contains(onward, o.ID) }); len(further) > 0 && w.chance.IntN(3) == 0 {
			return further[w.chance.IntN(len(further))]
		}
		out := strings.HasPrefix(o.ID, "nav.") || strings.HasPrefix(o.ID, "home.language") || o.ID == "home.elder" || o.ID == "pay.cancel"
		if !out || len(enabled) < 4 || w.chance.IntN(5) == 0 {
			return o
		}
	}
}

// pause touches nothing until the page warns that it will be left, and then asks for more time, or not.
func (w *walker) pause() {
	ctx, cancel := context.WithTimeout(w.t.Context(), deadMax)
	defer cancel()
	var more touch.Object
	err := w.c.Screen.Wait(ctx, "a warning", func(all []touch.Object) error {
		o, warned := touch.In(all, "timeout.more")
		if more = o; !warned && citizen.PageOf(all) != "home" {
			return fmt.Errorf("page %q does not warn", citizen.PageOf(all))
		}
		return nil
	})
	if err != nil {
		w.t.Errorf("step %d, after %s: %v", w.steps, w.last, err)
		return
	}
	if more.ID != "" && w.chance.IntN(2) == 0 {
		w.c.Screen.Touch(ctx, more) // it may have come too late
	}
}

// luck lets things happen around the terminal until it is called off.
func (w *walker) luck(chance *rand.Rand) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.befall(ctx, chance)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

var devices = []string{"cash", "receipt", "license", "idcard", "scanner"}

// unlucky are the faults that no luck brings: an acceptor that forgets a note before it has told of it,
// and a hand that takes the box away, are for tests that look at what lies there.
var unlucky = []string{"cash reset", "cash unplug", "cash box_removed"}

// faults are all that the devices can do, but for the unlucky ones.
func faults(t *testing.T, d *deskclient.Desk) (all [][2]string) {
	t.Helper()
	table, err := d.Faults(t.Context())
	must(t, err)
	for _, device := range slices.Sorted(maps.Keys(table)) {
		for _, f := range table[device] {
			if !slices.Contains(unlucky, device+" "+f.Fault) {
				all = append(all, [2]string{device, f.Fault})
			}
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d faults: %v", len(all), all)
	}
	return all
}

// befall lets one thing happen. An error is no finding here: a hand that offers what cannot be taken now
// is refused.
func (w *walker) befall(ctx context.Context, chance *rand.Rand) {
	d := w.c.Desk
	switch chance.IntN(12) {
	case 0:
		d.LayCard(ctx, w.cards[chance.IntN(len(w.cards))])
	case 1:
		d.TakeCard(ctx)
	case 2, 3, 4:
		kind := []string{"genuine", "genuine", "genuine", "genuine", "foreign", "torn"}[chance.IntN(6)]
		d.OfferNote(ctx, []int64{100, 500, 1000, 2000, 5000, 10000}[chance.IntN(6)], kind, 0)
	case 5:
		d.Scan(ctx, []string{w.accounts[0].BillCode, "11010119900307793X", "nothing"}[chance.IntN(3)])
	case 6, 7:
		if code, err := d.Code(ctx, []string{"success", "paying_then_success", "paying_then_cancel", "not_enough"}[chance.IntN(4)], 300); err == nil {
			d.Scan(ctx, code)
		}
	case 8:
		f := w.faults[chance.IntN(len(w.faults))]
		d.Arm(ctx, f[0], f[1], 1)
	case 9, 10:
		for _, device := range devices {
			d.Mend(ctx, device, "")
		}
	case 11:
		d.SetNetwork(ctx, deskclient.Network{Up: chance.IntN(4) > 0})
	}
}

// walkedAway leaves in the middle of paying: the page warns, home comes by itself, and what is in the box
// has paid a part of the bill.
func walkedAway(t *testing.T, c *citizen.Citizen, made deskclient.Made) {
	must(t, c.ToPayment(t.Context(), made.BillCode, "pay.cash"))
	feed(t, c, 100)
	if _, err := c.Screen.Find(t.Context(), "timeout.more"); err != nil {
		t.Errorf("nobody touched the screen, and it does not warn: %v", err)
	}
	homeByItself(t, c)
	balanced(t, c.Desk, doubts{}, made.Account)
	a, err := c.Desk.Account(t.Context(), made.Account)
	if err != nil || len(a.Postings) != 1 || a.Postings[0].Amount != 100 {
		t.Errorf("a note of 1.00 was left in the box, and the company has booked %+v (%v)", a.Postings, err)
	}
}

// homeByItself waits, touching nothing, until home is there and stays.
func homeByItself(t *testing.T, c *citizen.Citizen) {
	t.Helper()
	ctx := t.Context()
	err := citizen.Until(ctx, deadMax+(walkIdle+walkWarn)*time.Second, func() error {
		page, err := c.Screen.Page(ctx)
		if err == nil && page != "home" {
			err = errors.New("the page is " + page)
		}
		return err
	})
	if err != nil {
		t.Errorf("nobody touched the screen any more, and home did not come: %v", err)
	}
}
