package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/invariant"
)

// desksOfDeath is how many live side by side, unless DESKS says so: at each of them it is mostly waited.
const desksOfDeath = 2

// settledMax is when kioskd must be up and settled after it runs again. Five seconds are promised; a machine that does other
// work beside the test is given much more before the test calls it broken, and the longest that it took is in the log.
const settledMax = time.Minute

// restMax is when the last person must have gone home and the books agree: a note of which nothing is heard may come before
// that, and then a wait for the company.
const restMax = 2 * deadMax

// TestDeaths lets people pay with notes, coins and phones and register shops, one after the other, and kills kioskd, halld,
// kiosk-ui or the power at random moments of that, KILLS times at all desks together. After each death the books of journal, mechanisms, hall,
// company and gateway are compared: as far as they can differ in the middle of a visit, or whole, at rest. Nothing is lost,
// doubled or in doubt, no record that was on the disk is another one, and every invariant holds.
func TestDeaths(t *testing.T) {
	t.Parallel()
	s, deaths, desks := seed(t), times(t, "KILLS", 100), times(t, "DESKS", desksOfDeath)
	for n := range desks {
		t.Run(fmt.Sprintf("desk %d", n+1), func(t *testing.T) {
			t.Parallel()
			u := openAt(t, s+uint64(n))
			for u.deaths < (deaths+desks-1)/desks && !t.Failed() {
				u.round()
			}
			u.end()
		})
	}
}

// mortal is what dies, and how often beside the others.
var mortal = []string{"kioskd", "kioskd", "kioskd", "kioskd", "power", "power", "halld", "halld", "halld", "kiosk-ui", "biller"}

// undertaker kills programs at a desk and looks after what is left.
type undertaker struct {
	t      *testing.T
	d      *deskclient.Desk
	hand   *hand
	chance *rand.Rand
	ctl    *ctl.Client
	watch  *invariant.Watch
	log    []byte // the journal as it was exported last

	deaths  int
	by      map[string]int // deaths by what died, and where the power went
	points  []string       // where it will go next
	rests   int
	slowest time.Duration
	story   []string // of the round
}

func openAt(t *testing.T, seed uint64) *undertaker {
	t.Helper()
	d := start(t, newDir(t), "screen.size=540x960 device.coins=cctalk-coin device.payout=cctalk-hopper")
	fit(t, d, "coins")
	fit(t, d, "payout")
	w, err := d.World(t.Context())
	must(t, err)
	if len(w.Payout) > 0 { // SET may have chosen a recycler, which pays with the notes that come
		loaded(t, d, coin, 1000)
	}
	own, err := deskclient.Open(d.File, d.Bin) // for whoever stands there: this one is read anew at every death
	must(t, err)
	u := &undertaker{t: t, d: d, hand: newHand(own, seed), chance: rand.New(rand.NewPCG(seed, 7)), ctl: ctl.NewClient(d.Kioskd.CtlSock), by: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); u.hand.live(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return u
}

// round is one to three deaths, and rest after the last of them.
func (u *undertaker) round() {
	u.story = nil
	u.hand.quiet.Store(false)
	for n := 1 + u.chance.IntN(3); n > 0 && !u.t.Failed(); n-- {
		u.moment()
		u.dies(mortal[u.chance.IntN(len(mortal))])
		if n > 1 {
			u.inBetween()
		}
	}
	u.hand.quiet.Store(true)
	u.rest(false)
	if u.t.Failed() {
		u.t.Logf("this round: %s", strings.Join(u.story, "; "))
	}
}

// moment waits for a page, or until somebody has stood there for long enough, and then a little longer.
func (u *undertaker) moment() {
	pages := [][]string{{"account", "bill", "method", "form", "sign"}, {"pay"}, {"pay", "wait"}, {"wait", "print"}, {"take", "slip", "rate"}, {"pay"}}[u.chance.IntN(6)]
	wait, cancel := context.WithTimeout(u.t.Context(), 6*time.Second)
	defer cancel()
	tick := time.NewTicker(handQuick / 2)
	defer tick.Stop()
	for wait.Err() == nil && !slices.Contains(pages, u.hand.sees()) {
		select {
		case <-tick.C:
		case <-wait.Done():
		}
	}
	u.pause(900)
	u.story = append(u.story, fmt.Sprintf("somewhere after %v, at %q", pages, u.hand.sees()))
}

// dies lets one thing die, and waits until it lives again. What was killed while it came to life is another death.
func (u *undertaker) dies(what string) {
	u.t.Helper()
	ctx := u.t.Context()
	u.deaths++
	u.by[what]++
	u.story = append(u.story, what+" dies")
	if what == "power" {
		u.cut()
		u.pause(300)
		must(u.t, u.d.PowerOn(ctx))
		must(u.t, citizen.Until(ctx, againMax, u.d.Reload))
	} else {
		must(u.t, errors.Join(kill(ctx, u.d, what), u.d.Reload()))
	}
	switch {
	case what == "kioskd" && u.chance.IntN(5) == 0:
		u.pause(700)
		u.dies("kioskd")
	case what == "kioskd" || what == "power":
		u.settles()
	}
}

// settles waits until the screen shows something else again than that the terminal settles.
func (u *undertaker) settles() {
	u.t.Helper()
	began := time.Now()
	must(u.t, citizen.Until(u.t.Context(), settledMax, func() error {
		var st struct{ Page string }
		if err := u.ctl.Get(u.t.Context(), "status", &st); err != nil {
			return err
		}
		if st.Page == "wait" {
			return errors.New("the terminal is still settling")
		}
		return nil
	}))
	u.slowest = max(u.slowest, time.Since(began))
}

// points are where the power goes: at any moment, and in turn wherever something stands half done in a mechanism.
var points = []string{"now", "now", "now", "now", "now", "cash.moving", "cash.moving", "cash.escrow", "cash.escrow", "receipt.half", "coins.moving", "payout.moving", "license.half"}

// cut cuts the power. A point that is not reached soon is not waited for.
func (u *undertaker) cut() {
	u.t.Helper()
	if len(u.points) == 0 {
		u.points = slices.Clone(points)
		u.chance.Shuffle(len(points), func(i, j int) { u.points[i], u.points[j] = u.points[j], u.points[i] })
	}
	at := u.points[0]
	u.points = u.points[1:]
	ctx, soon := u.t.Context(), 6*time.Second
	if at == "license.half" {
		soon = 30 * time.Second
		u.hand.license.Store(true)
	}
	must(u.t, u.d.PowerOff(ctx, deskclient.Cut{At: at}))
	err := citizen.Until(ctx, soon, func() error {
		w, err := u.d.World(ctx)
		if err == nil && w.Power != "off" {
			err = errors.New("the power is on")
		}
		return err
	})
	if u.hand.license.Store(false); err != nil {
		at = "now"
		must(u.t, u.d.PowerOff(ctx, deskclient.Cut{At: at}))
	}
	u.by[at]++
	u.story = append(u.story, "at "+at)
}

// pause waits for up to so many milliseconds.
func (u *undertaker) pause(most int) {
	select {
	case <-time.After(time.Duration(u.chance.IntN(most)) * time.Millisecond):
	case <-u.t.Context().Done():
	}
}

// inBetween compares what can be compared while people go on: what one side has not heard yet is at most one note, and the
// side that hears of things later knows nothing that the former does not.
func (u *undertaker) inBetween() {
	u.t.Helper()
	ctx := u.t.Context()
	err := citizen.Until(ctx, settledMax, func() error {
		before, err := u.d.World(ctx)
		if err != nil {
			return err
		}
		h, err := hallOf(ctx, u.d)
		if err != nil {
			return err
		}
		var l ledger
		if err := u.ctl.Get(ctx, "ledger", &l); err != nil {
			return err
		}
		after, err := u.d.World(ctx)
		if err != nil {
			return err
		}
		return lags(l, before, after, h)
	})
	if err != nil {
		u.t.Errorf("after death %d: %v", u.deaths, err)
	}
}

// lags compares books in the middle of things. The world was looked at before and after the journal, the hall before it.
func lags(l ledger, before, after deskclient.World, h hallBooks) error {
	stacked := deskclient.Sum(l.Notes.Stacked)
	paid := int64(0)
	for _, p := range h.Payments {
		paid += p.Paid
	}
	switch {
	case l.In.Stacked+l.In.QRPaid != l.Placed.sum():
		return fmt.Errorf("%+v came in and %+v is placed", l.In, l.Placed)
	case l.Placed.Doubtful != 0 || l.Blanks.Doubtful != 0:
		return fmt.Errorf("%d fen and %d blanks are doubtful", l.Placed.Doubtful, l.Blanks.Doubtful)
	case stacked > after.Kept() || stacked+2*moved < before.Kept():
		return fmt.Errorf("the journal has %d fen stacked, and the box held %d before and %d after", stacked, before.Kept(), after.Kept())
	case paid > l.In.Stacked+l.In.QRPaid:
		return fmt.Errorf("the hall knows of %d fen that came in and the terminal of %+v", paid, l.In)
	case l.Journal.Chain != "ok":
		return errors.New("the journal's chain: " + l.Journal.Chain)
	}
	for _, s := range h.Terminals {
		if s.Gaps != 0 || s.Chain != "ok" || s.Records > l.Journal.Head {
			return fmt.Errorf("the hall has %d records of %d, %d gaps, chain %s", s.Records, l.Journal.Head, s.Gaps, s.Chain)
		}
	}
	return nil
}

// rest waits until the last person has gone home, and compares all books.
func (u *undertaker) rest(last bool) {
	u.t.Helper()
	ctx := u.t.Context()
	accounts := u.hand.latest(8)
	if last {
		accounts = u.hand.latest(1 << 20)
	}
	if err := citizen.Until(ctx, restMax, func() error { return u.agrees(ctx, accounts, last) }); err != nil {
		u.t.Errorf("after death %d: %v", u.deaths, err)
	}
	u.rests++
}

func (u *undertaker) agrees(ctx context.Context, accounts []string, last bool) error {
	if page := u.hand.sees(); page != "home" {
		return fmt.Errorf("somebody stands there still: %s", u.hand.stands())
	}
	w, err := u.d.World(ctx)
	if err != nil {
		return err
	}
	var l ledger
	if err := u.ctl.Get(ctx, "ledger", &l); err != nil {
		return err
	}
	if err := settledBooks(l, w, doubts{}); err != nil {
		return err
	}
	var raw []byte
	if exit, err := u.d.HallCommand(ctx, &raw, "ledger"); err != nil || exit != 0 {
		return errors.Join(err, fmt.Errorf("halld ledger: exit %d", exit))
	}
	var h hallBooks
	var says hallSays
	if err := errors.Join(json.Unmarshal(raw, &h), json.Unmarshal(raw, &says)); err != nil {
		return err
	}
	if err := sameAtHall(l, h); err != nil {
		return err
	}
	for _, number := range accounts {
		if err := sameAtBiller(ctx, u.d, h, number); err != nil {
			return err
		}
	}
	orders, err := u.d.Orders(ctx)
	if err != nil {
		return err
	}
	if err := sameAtGateway(l, orders, last); err != nil {
		return err
	}
	return u.reads(ctx, l, invariant.Rest{Quiet: true, Hall: says.books(), Mechanisms: held(l, w, doubts{})})
}

// sameAtGateway sees that no case was paid twice, and that the terminal counts on nothing that is not at the gateway; in the
// end, when what nobody counted on has gone back, both have the same.
func sameAtGateway(l ledger, orders []deskclient.Order, last bool) error {
	kept, times := int64(0), map[string]int{}
	for _, o := range orders {
		if o.State != "SUCCESS" && o.State != "REFUND" {
			continue
		}
		net := o.Paid
		for _, r := range o.Refunds {
			if r.Status == "SUCCESS" {
				net -= r.Amount
			}
		}
		if kept += net; net > 0 {
			times[o.Case]++
		}
		if times[o.Case] > 1 || net < 0 {
			return fmt.Errorf("case %s was paid %d times; %d of order %s is kept", o.Case, times[o.Case], net, o.OutTradeNo)
		}
	}
	if want := l.In.QRPaid - l.Placed.Refunded; kept < want || last && kept != want {
		return fmt.Errorf("the gateway has kept %d fen, and the terminal has %d", kept, want)
	}
	return nil
}

// reads the journal on from where it was read before: what stood there stands there still, and every invariant holds.
func (u *undertaker) reads(ctx context.Context, l ledger, told invariant.Rest) error {
	var now bytes.Buffer
	if err := u.ctl.Log(ctx, &now); err != nil {
		return err
	}
	if !bytes.HasPrefix(now.Bytes(), u.log) {
		u.t.Errorf("after death %d: what was on the disk is not there any more", u.deaths)
		return nil
	}
	for line := range bytes.Lines(now.Bytes()[len(u.log):]) {
		var rec casefile.Line
		if err := json.Unmarshal(line, &rec); err != nil {
			return err
		}
		if u.watch == nil {
			u.watch = invariant.New(rec.Terminal, rec.Epoch)
			u.watch.TellMemories() // no device of this desk loses its power
		}
		for _, v := range u.watch.See(rec.Record()) {
			u.t.Errorf("after death %d: %s", u.deaths, v)
		}
	}
	u.log = now.Bytes()
	if u.watch.Seq() != l.Journal.Head {
		return fmt.Errorf("the journal was read to %d of %d", u.watch.Seq(), l.Journal.Head)
	}
	var err error
	for _, v := range u.watch.Rest(told) {
		err = errors.Join(err, errors.New(v.String()))
	}
	return err
}

// end lets everybody go home and compares once more, with all who ever came, and both ends' own audits. The screen, after
// all its deaths, draws the page that stands.
func (u *undertaker) end() {
	u.hand.quiet.Store(true)
	u.rest(true)
	ctx := u.t.Context()
	must(u.t, u.d.Reload())
	if _, err := come(u.t, u.d).At(ctx, "home"); err != nil {
		u.t.Error(err)
	}
	if err := errors.Join(audit(ctx, "kioskctl", u.d.Ctl), audit(ctx, "halld", u.d.HallCommand)); err != nil {
		u.t.Error(err)
	}
	u.t.Logf("%d deaths, %v; settled after %v at the latest, compared at rest %d times; people came for %s", u.deaths, u.by, u.slowest.Round(time.Millisecond), u.rests, u.hand.wanted())
}
