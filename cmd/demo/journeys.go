package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// toPayment goes from home to the payment page of a fresh account.
func (d *demo) toPayment(ctx context.Context, c *citizen.Citizen, j *journey, way string) error {
	surplus := map[int]string{7: "owed"}[j.N]
	made, err := d.desk.MakeAccount(ctx, deskclient.NewAccount{Name: j.AccountName, Address: "人民路1号", Bills: j.Bills, Surplus: surplus})
	if err != nil {
		return err
	}
	d.accounts = append(d.accounts, made.Account)
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.pay", "choose"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "service.pay.water", "account"); err != nil {
		return err
	}
	if j.N%2 == 0 {
		// The paper bill's code instead of the keypad.
		if err := d.scan(ctx, made.BillCode); err != nil {
			return err
		}
	} else if err := errors.Join(c.Digits(ctx, "account", made.Account), c.Touch(ctx, "key.ok")); err != nil {
		return err
	}
	if _, err := c.At(ctx, "bill"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "form.next", "method"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, way, "pay"); err != nil {
		return err
	}
	return d.caseNow(ctx, j)
}

// caseNow asks which case is at the screen.
func (d *demo) caseNow(ctx context.Context, j *journey) error {
	var st struct {
		Visit *struct {
			Case string `json:"case"`
		} `json:"visit"`
	}
	if exit, err := d.desk.Ctl(ctx, &st, "status"); err != nil || exit != 0 {
		return fmt.Errorf("kioskctl status: exit %d: %w", exit, err)
	}
	if st.Visit == nil || st.Visit.Case == "" {
		return errors.New("kioskctl status tells of no case at the screen")
	}
	j.caseID = st.Visit.Case
	return nil
}

// scan shows a code until the reader looks.
func (d *demo) scan(ctx context.Context, text string) error {
	return until(ctx, 15*time.Second, func() error { return d.desk.Scan(ctx, text) })
}

// until tries again, at a walking pace, until it works or time is over.
func until(ctx context.Context, bound time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// homeAgain takes the papers, rates, and waits for home.
func (d *demo) homeAgain(ctx context.Context, c *citizen.Citizen) error {
	for range 6 {
		page, err := c.At(ctx, "take", "slip", "rate", "goodbye", "home")
		if err != nil {
			return err
		}
		switch page {
		case "take":
			_, err = c.Next(ctx, "form.next", "rate")
		case "slip":
			_, err = c.Next(ctx, "form.next", "take", "rate", "goodbye", "slip")
		case "rate":
			_, err = c.Next(ctx, "rate.5", "goodbye", "home")
		case "goodbye":
			_, err = c.Next(ctx, "nav.home", "home")
			if err != nil {
				_, err = c.At(ctx, "home") // it went home by itself
			}
		case "home":
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("home was not reached")
}

// payCash is journey 1.
func (d *demo) payCash(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toPayment(ctx, c, j, "pay.cash"); err != nil {
		return err
	}
	in, err := d.feedAll(ctx, c, j, 0)
	if err == nil {
		err = d.homeAgain(ctx, c)
	}
	if err != nil {
		return err
	}
	return d.booked(ctx, j, in)
}

// feedAll puts notes in until the bill is met, or ends the payment when there is none left. It says what is in then.
func (d *demo) feedAll(ctx context.Context, c *citizen.Citizen, j *journey, in int64) (int64, error) {
	for _, face := range j.Notes {
		if in >= j.due() {
			break
		}
		fate, err := c.Feed(ctx, face)
		if err != nil {
			return in, err
		}
		if fate != "stacked" {
			return in, fmt.Errorf("a note of %d fen was %s", face, fate)
		}
		in += face
	}
	if in < j.due() {
		return in, c.Touch(ctx, "pay.finish")
	}
	return in, nil
}

// booked waits until the company has the money of a case in its books, all of it and once.
func (d *demo) booked(ctx context.Context, j *journey, want int64) error {
	account := d.accounts[len(d.accounts)-1]
	return until(ctx, 20*time.Second, func() error {
		a, err := d.desk.Account(ctx, account)
		if err != nil {
			return err
		}
		sum := int64(0)
		for _, p := range a.Postings {
			if p.Case == j.caseID {
				sum += p.Amount
			}
		}
		if sum != want || len(a.Postings) != 1 {
			return fmt.Errorf("the company has booked %d fen in %d postings, and %d were paid", sum, len(a.Postings), want)
		}
		return nil
	})
}

// payPhone is journey 2, in both directions.
func (d *demo) payPhone(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toPayment(ctx, c, j, "pay."+j.Mode); err != nil {
		return err
	}
	if j.Mode == "show" {
		code, err := c.Screen.Find(ctx, "pay.code")
		if err != nil {
			return err
		}
		if err := d.desk.PhoneScan(ctx, code.About, "paying_then_success", 1500); err != nil {
			return err
		}
	} else {
		code, err := d.desk.Code(ctx, "paying_then_success", 1500)
		if err != nil {
			return err
		}
		if err := d.scan(ctx, code); err != nil {
			return err
		}
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	return d.booked(ctx, j, j.due())
}

// toReview goes from home through the form to its last page.
func (d *demo) toReview(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.apply", "choose"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "service.license.individual", "guide"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "form.next", "identify"); err != nil {
		return err
	}
	if err := d.desk.LayCard(ctx, *j.Card); err != nil {
		return err
	}
	if _, err := c.At(ctx, "form"); err != nil {
		return err
	}
	if err := d.caseNow(ctx, j); err != nil {
		return err
	}
	for range 12 {
		page, err := d.question(ctx, c, j)
		if err != nil {
			return err
		}
		if page == "sign" {
			break
		}
	}
	if err := c.Sign(ctx); err != nil {
		return err
	}
	_, err := c.Next(ctx, "form.next", "review")
	return err
}

// question answers what the page asks, whatever it is, and goes on.
func (d *demo) question(ctx context.Context, c *citizen.Citizen, j *journey) (string, error) {
	kind, err := d.whichQuestion(ctx, c)
	if err != nil {
		return "", err
	}
	switch kind {
	case "division":
		err = c.Choose(ctx, kind, j.Division[:2], j.Division[:4], j.Division)
	case "trade":
		err = c.Choose(ctx, kind, tradePath(j.Trade)...)
	case "scope":
		scope := j.Scope
		if len(scope) == 0 {
			scope = []string{"1"}
		}
		err = c.Choose(ctx, kind, scope...)
	case "street":
		err = c.Write(ctx, kind, j.Street)
	case "trade_name":
		err = c.Write(ctx, kind, j.TradeName)
	case "declare":
		err = c.Choose(ctx, kind, "yes")
	}
	if err != nil {
		return "", err
	}
	if _, err := c.At(ctx, "form"); err != nil { // a picture of the answer
		return "", err
	}
	if err := c.Touch(ctx, "form.next"); err != nil {
		return "", err
	}
	return d.movedOn(ctx, c, kind)
}

// whichQuestion looks at what the page offers.
func (d *demo) whichQuestion(ctx context.Context, c *citizen.Citizen) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		all, err := c.Screen.Look(ctx)
		if ctx.Err() != nil {
			return "", errors.New("the page asks nothing that is known")
		}
		if err != nil {
			continue
		}
		for _, o := range all {
			for _, prefix := range []string{"field.", "choice."} {
				if rest, ok := strings.CutPrefix(o.ID, prefix); ok {
					name, _, _ := strings.Cut(rest, ".")
					return name, nil
				}
			}
		}
	}
}

// movedOn waits until the question has changed, or the page.
func (d *demo) movedOn(ctx context.Context, c *citizen.Citizen, kind string) (string, error) {
	var page string
	err := until(ctx, 20*time.Second, func() error {
		now, err := c.Screen.Page(ctx)
		if err != nil {
			return err
		}
		if page = now; now != "form" {
			return nil
		}
		if next, err := d.whichQuestion(ctx, c); err != nil || next == kind {
			return fmt.Errorf("the question %s is still there: %s", kind, c.Message(ctx))
		}
		// The page may have changed between the two looks.
		page, err = c.Screen.Page(ctx)
		return err
	})
	if err == nil {
		_, err = c.At(ctx, page)
	}
	return page, err
}

// tradePath is the way down to a class of GB/T 4754: division, group, class.
func tradePath(class string) []string { return []string{class[:2], class[:3], class} }

// license is journey 3.
func (d *demo) license(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toReview(ctx, c, j); err != nil {
		return err
	}
	page, err := c.Next(ctx, "form.next", "print", "take", "slip")
	if err != nil {
		return err
	}
	if page == "slip" {
		return fmt.Errorf("the case was not approved: %s", c.Message(ctx))
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	if err := d.desk.TakeCard(ctx); err != nil {
		return err
	}
	d.licensed = j
	return d.issued(ctx, j)
}

// issued sees that one original of the case is out, here and at the hall.
func (d *demo) issued(ctx context.Context, j *journey) error {
	return until(ctx, 20*time.Second, func() error {
		var hall struct {
			Licenses []struct {
				Case string `json:"case"`
				Live int    `json:"live_originals"`
			} `json:"licenses"`
		}
		if exit, err := d.desk.HallCommand(ctx, &hall, "ledger"); err != nil || exit != 0 {
			return fmt.Errorf("halld ledger: exit %d: %w", exit, err)
		}
		for _, l := range hall.Licenses {
			if l.Case == j.caseID && l.Live == 1 {
				return nil
			}
		}
		return fmt.Errorf("the hall does not know of one original of case %s", j.caseID)
	})
}

// lookUp goes to the cases of the person with this card.
func (d *demo) lookUp(ctx context.Context, c *citizen.Citizen, card deskclient.Card) error {
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.look", "identify"); err != nil {
		return err
	}
	if err := d.desk.LayCard(ctx, card); err != nil {
		return err
	}
	_, err := c.At(ctx, "cases")
	return errors.Join(err, d.desk.TakeCard(ctx))
}

// comeBack is journey 4: the own card shows the case and refuses a second print; another card shows nothing.
func (d *demo) comeBack(ctx context.Context, c *citizen.Citizen, j *journey) error {
	mine := d.licensed
	if mine == nil {
		if err := d.license(ctx, c, j); err != nil {
			return err
		}
		mine = j
	}
	j.caseID = mine.caseID
	if err := d.lookUp(ctx, c, *mine.Card); err != nil {
		return err
	}
	all, err := c.Screen.Look(ctx)
	if err != nil {
		return err
	}
	seen, printable := false, false
	for _, o := range all {
		seen = seen || strings.HasPrefix(o.ID, "case.") && strings.Contains(o.Name+o.About, mine.caseID)
		printable = printable || o.ID == "case.print" && o.Enabled
	}
	if !seen || printable {
		return fmt.Errorf("with the own card: case seen %t, second print offered %t", seen, printable)
	}
	if _, err := c.Next(ctx, "nav.home", "home"); err != nil {
		return err
	}
	other := *mine.Card
	other.Number, other.Name = otherNumber(other.Number), "陌生人"
	if err := d.lookUp(ctx, c, other); err != nil {
		return err
	}
	all, err = c.Screen.Look(ctx)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID == "case.1" {
			return errors.New("another card shows a case")
		}
	}
	_, err = c.Next(ctx, "nav.home", "home")
	return err
}

// otherNumber is the number of somebody else who was born on the same day, with a right check.
func otherNumber(number string) string {
	seq := 0
	fmt.Sscanf(number[14:17], "%d", &seq)
	seq = (seq + 2) % 1000
	base := number[:14] + fmt.Sprintf("%03d", seq)
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(base[i]-'0') * w
	}
	return base + string("10X98765432"[sum%11])
}

// offline is journey 5: the line is cut before the case is handed in; it is printed when it is back.
func (d *demo) offline(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toReview(ctx, c, j); err != nil {
		return err
	}
	if err := d.desk.SetNetwork(ctx, deskclient.Network{Up: false}); err != nil {
		return err
	}
	_, err := c.Next(ctx, "form.next", "slip")
	if err == nil {
		err = d.homeAgain(ctx, c)
	}
	if err == nil {
		err = d.honest(ctx, c)
	}
	if err := errors.Join(err, d.desk.SetNetwork(ctx, deskclient.Network{Up: true}), d.desk.TakeCard(ctx)); err != nil {
		return err
	}
	if err := d.approved(ctx, j); err != nil {
		return err
	}
	if err := d.lookUp(ctx, c, *j.Card); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "case.print", "print", "take"); err != nil {
		return err
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	return d.issued(ctx, j)
}

// honest sees that without a line no bill is promised.
func (d *demo) honest(ctx context.Context, c *citizen.Citizen) error {
	if _, err := c.Next(ctx, "home.pay", "choose"); err != nil {
		return err
	}
	err := until(ctx, 15*time.Second, func() error {
		if c.Message(ctx) == "" {
			return errors.New("the page does not say that bills cannot be looked up")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := c.At(ctx, "choose"); err != nil {
		return err
	}
	_, err = c.Next(ctx, "nav.home", "home")
	return err
}

// approved waits until the hall has decided a case that came later, and has a line.
func (d *demo) approved(ctx context.Context, j *journey) error {
	return until(ctx, 40*time.Second, func() error {
		var st struct {
			Hall string `json:"hall"`
		}
		if exit, err := d.desk.Ctl(ctx, &st, "status"); err != nil || exit != 0 || st.Hall != "up" {
			return fmt.Errorf("the line is not back: exit %d: %v", exit, err)
		}
		var hall struct {
			Cases []struct {
				Case  string `json:"case"`
				State string `json:"state"`
			} `json:"cases"`
		}
		if exit, err := d.desk.HallCommand(ctx, &hall, "ledger"); err != nil || exit != 0 {
			return fmt.Errorf("halld ledger: exit %d: %w", exit, err)
		}
		for _, k := range hall.Cases {
			if k.Case == j.caseID && k.State == "approved" {
				return nil
			}
		}
		return fmt.Errorf("the hall has not approved case %s", j.caseID)
	})
}

// powerCut is journey 6: the computer loses its power while a note is on its way and while a license is
// printed; nothing is lost, nothing doubled, nothing doubtful.
func (d *demo) powerCut(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toPayment(ctx, c, j, "pay.cash"); err != nil {
		return err
	}
	if err := d.desk.PowerOff(ctx, deskclient.Cut{At: "cash.moving"}); err != nil {
		return err
	}
	if _, err := d.desk.OfferNote(ctx, 1000, "genuine", 5*time.Second); err != nil {
		return err
	}
	if err := d.backAgain(ctx); err != nil {
		return err
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	return d.powerCutPrinting(ctx, c, j)
}

func (d *demo) powerCutPrinting(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.toReview(ctx, c, j); err != nil {
		return err
	}
	if err := d.desk.PowerOff(ctx, deskclient.Cut{At: "license.half"}); err != nil {
		return err
	}
	if err := c.Touch(ctx, "form.next"); err != nil {
		return err
	}
	err := until(ctx, 60*time.Second, func() error {
		w, err := d.desk.World(ctx)
		if err == nil && w.Power != "off" {
			err = errors.New("the power has not gone yet")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(d.backAgain(ctx), d.desk.TakeCard(ctx)); err != nil {
		return err
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	if err := d.settled(ctx); err != nil {
		return err
	}
	if err := d.lookUp(ctx, c, *j.Card); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "case.print", "print", "take"); err != nil {
		return err
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	return d.issued(ctx, j)
}

// backAgain switches the power on once it is off.
func (d *demo) backAgain(ctx context.Context) error {
	err := until(ctx, 30*time.Second, func() error {
		w, err := d.desk.World(ctx)
		if err == nil && w.Power != "off" {
			err = errors.New("the power has not gone yet")
		}
		return err
	})
	return errors.Join(err, d.desk.PowerOn(ctx))
}

// settled waits until nothing is open any more, and sees that nothing is doubtful.
func (d *demo) settled(ctx context.Context) error {
	return until(ctx, 20*time.Second, func() error {
		l, err := d.ledger(ctx)
		if err != nil {
			return err
		}
		if l.OpenBegun != 0 || l.Placed.Doubtful != 0 || l.Blanks.Doubtful != 0 || l.Placed.Visit != 0 {
			return fmt.Errorf("after the power cut %d acts are open, %d fen and %d blanks doubtful, %d fen not placed", l.OpenBegun, l.Placed.Doubtful, l.Blanks.Doubtful, l.Placed.Visit)
		}
		return nil
	})
}
