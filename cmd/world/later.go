package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/sync/hall"
)

// What befalls a terminal and its hall once in years.

// later are what may befall them, in the order in which Later chooses.
var later = []struct {
	name string
	live func(c *Citizen, backup *cutdisk.Disk) error
}{
	{"later.catalogue", (*Citizen).newCatalogue},
	{"later.away", (*Citizen).awayForLong},
	{"later.revoked", (*Citizen).revoked},
	{"later.released", (*Citizen).lostToTheHall},
}

// Later has one of them befall a world at rest, of which nothing is looked at any more. backup is the hall's disk as it was some time ago.
func (w *World) Later(which uint64, backup *cutdisk.Disk, checked map[string]int64) []Violation {
	f, c := &found{checked: checked}, &Citizen{World: w}
	one := later[which%uint64(len(later))]
	c.Fail(one.live(c, backup))
	if c.Err == nil {
		w.Land.audit(context.Background(), f)
	}
	f.want(one.name, c.Err == nil, "%v", c.Err)
	return f.bad
}

// delivered waits until the hall has all that the terminal has written.
func (c *Citizen) delivered() {
	c.Until("the hall has everything", func() bool { s := c.Link.Status(); return s.Up && s.Cursor == s.Head })
}

// newCatalogue has the hall publish another offer, which the terminal gets. One that is older, or is none, is not published.
func (c *Citizen) newCatalogue(*cutdisk.Disk) error {
	ctx := context.Background()
	c.delivered()
	next := *c.Link.Catalog()
	next.Hall = maps.Clone(next.Hall)
	next.Hall["zh"] += "（新址）"
	publish := func() error {
		raw, err := json.Marshal(next)
		if err == nil {
			_, err = c.Land.hall.Publish(ctx, raw)
		}
		return err
	}
	if err := publish(); !errors.Is(err, hall.ErrOlder) {
		return fmt.Errorf("a catalogue of the same version is published: %v", err)
	}
	if _, err := c.Land.hall.Publish(ctx, []byte(`{"version": 99}`)); err == nil {
		return errors.New("a catalogue without anything in it is published")
	}
	next.Version++
	if err := publish(); err != nil {
		return err
	}
	c.Until("the new catalogue has come", func() bool { return c.Link.Catalog().Version == next.Version })
	if now := c.Link.Catalog(); c.Err == nil && now.Hall["zh"] != next.Hall["zh"] {
		return fmt.Errorf("the hall is called %q, and the terminal says %q", next.Hall["zh"], now.Hall["zh"])
	}
	c.atHome()
	if text, err := c.shown("/verify?code=%E6%A0%B7%E5%BC%A0"); c.Err == nil && (err != nil || !strings.Contains(text, "不能确认")) {
		return fmt.Errorf("a license that is none is not refused (%v)", err)
	}
	return nil
}

// winter is longer than a certificate lives.
const winter = 400 * 24 * time.Hour

// awayForLong has hall and terminal be without power for more than a year. Certificates have expired, and what is owed has waited for long.
func (c *Citizen) awayForLong(*cutdisk.Disk) error {
	if err := errors.Join(c.Terminal.Close(), c.Land.StopHall()); err != nil {
		return err
	}
	time.Sleep(winter)
	if err := c.Land.StartHall(context.Background(), c.Land.HallDisk); err != nil {
		return err
	}
	c.begin()
	c.delivered()
	c.Rest()
	c.Fail(c.Drawn())
	c.closeDay()
	text, err := c.shown("/")
	if c.Fail(err); c.Err != nil {
		return nil
	}
	if aged, open := number(text, "owed or in doubt for more than 30 days"), number(text, "owed and open")+number(text, "in doubt"); aged != open {
		return fmt.Errorf("after a winter %d are owed or in doubt, and people at the hall read of %d that have been so for long", open, aged)
	}
	return nil
}

// closeDay closes a day that is not the first one, of which the numbers go on.
func (c *Citizen) closeDay() {
	var former casefile.Closing
	c.Journal.Book(func(b *casefile.Book) { former = b.Closing })
	c.newRoll() // the one in the printer may be at its end
	if former.Number > 0 && !former.Printed {
		c.closing() // its paper comes first
	}
	if closed := c.closing(); c.Err == nil && (closed.Number != former.Number+1 || closed.Total != former.Total.Add(closed.Taken)) {
		c.Fail(fmt.Errorf("after closing %d over %s in all comes %+v", former.Number, former.Total, closed))
	}
	c.delivered()
	c.Fail(c.Drawn())
}

// number is one of the numbers on the console's first page; -1 when it is not there.
func number(page, name string) (n int) {
	m := regexp.MustCompile(">" + regexp.QuoteMeta(name) + `: (\d+)<`).FindStringSubmatch(page)
	if m == nil {
		return -1
	}
	fmt.Sscan(m[1], &n)
	return n
}

// begin starts the program again.
func (c *Citizen) begin() {
	if c.Err != nil {
		return
	}
	var err error
	if c.Terminal, err = Start(c.Dir, c.Disk, c.Net, c.Cabinet); err != nil {
		c.Fail(err)
		return
	}
	c.Until("the program has opened its journal", c.Ready)
}

// revoked has the hall revoke the terminal, which says why and closes; what it still has to tell is taken in, apart from all else. Then it is enrolled anew.
func (c *Citizen) revoked(*cutdisk.Disk) error {
	ctx, why := context.Background(), "it stood open in the morning"
	for _, wrong := range [][2]string{{terminalID, " "}, {"T9", why}} {
		if err := c.Land.hall.Revoke(ctx, wrong[0], wrong[1]); err == nil {
			return fmt.Errorf("terminal %s was revoked for %q", wrong[0], wrong[1])
		}
	}
	c.delivered()
	c.Land.Older = true // a person has to look at what lies apart
	before, had, apart := c.head(), c.taken(), c.quarantined()
	c.Fail(c.Land.hall.Revoke(ctx, terminalID, why))
	c.Until("the terminal knows why", func() bool { return c.Link.Revoked() == why })
	c.Until("nothing is offered", func() bool {
		v := c.Stage.View()
		return v.Page == "closed" && !v.Can("home.pay") && !v.Can("home.apply")
	})
	told := c.told()
	c.Until("it is all taken in, apart", func() bool {
		// What a device said in the instant of it may have come before it.
		return c.taken()-had == c.head()-before && c.quarantined() >= apart+told
	})
	if text, err := c.shown("/"); c.Err == nil && (err != nil || !strings.Contains(text, why)) {
		return fmt.Errorf("people at the hall do not read why the terminal is revoked (%v)", err)
	}
	c.Fail(c.Land.Enrol(ctx, terminalID, c.Dir+"/code"))
	c.Until("the hall deals with the terminal again", func() bool { return c.Link.Revoked() == "" })
	c.delivered()
	c.Rest()
	return nil
}

// told has staff tell the machine something, and gives how many records that were.
func (c *Citizen) told() int64 {
	before := c.head()
	tray := ""
	c.Journal.Book(func(b *casefile.Book) {
		for name, t := range b.Trays {
			if _, ok := t.Next(); ok && name > tray {
				tray = name
			}
		}
	})
	if tray != "" {
		c.voidBlank(tray)
	}
	return c.head() - before
}

// quarantined counts the records that lie apart at the hall.
func (c *Citizen) quarantined() int64 {
	return c.counted(func(t hall.TerminalRow) int64 { return t.Quarantined })
}

// taken counts the records that the hall has taken in, apart or not.
func (c *Citizen) taken() int64 {
	return c.counted(func(t hall.TerminalRow) int64 { return t.Records + t.Quarantined })
}

func (c *Citizen) counted(count func(hall.TerminalRow) int64) (n int64) {
	l, err := c.Land.hall.Ledger(context.Background())
	c.Fail(err)
	for _, t := range l.Terminals {
		n += count(t)
	}
	return n
}

// lostToTheHall has the hall be put back from its backup while the terminal is away, and a person there say that it does not come back. It does.
func (c *Citizen) lostToTheHall(backup *cutdisk.Disk) error {
	ctx := context.Background()
	if err := errors.Join(c.Terminal.Close(), c.Land.StopHall()); err != nil {
		return err
	}
	if err := c.Land.StartHall(ctx, backup.Image(cutdisk.All, nil)); err != nil {
		return err
	}
	c.Land.HallDisk.Scrap()
	const action = "/terminal/" + terminalID + "/release"
	c.Until("the hall says whom it waits for", func() bool { text, err := c.shown("/"); return err == nil && strings.Contains(text, action) })
	form := url.Values{"reason": {"burnt; seen by the fire brigade"}}
	c.mistaken("/", action, form, mistake{"reason", " ", "a reason is needed"})
	if problem := c.submit("/", action, form); problem != "" {
		return fmt.Errorf("the terminal is not released: %s", problem)
	}
	if problem := c.post(action, form); c.Err == nil && !strings.Contains(problem, "does not wait for") {
		return fmt.Errorf("the terminal is released once more: %q", problem)
	}
	c.Until("the hall goes on", func() bool {
		l, err := c.Land.hall.Ledger(ctx)
		return err == nil && len(l.Awaited) == 0
	})
	c.Land.Released = true
	c.begin()
	c.delivered()
	c.Rest()
	c.Until("the hall has drawn all consequences", func() bool {
		l, err := c.Land.hall.Ledger(ctx)
		for _, t := range l.Terminals {
			if t.Epoch == c.Journal.Epoch() && (t.Processed != c.head() || t.Chain != "ok") {
				return false
			}
		}
		return err == nil
	})
	bills := money.Fen(0)
	c.Journal.Book(func(b *casefile.Book) { bills = b.Placed.Bills.Add(b.Placed.Surplus) })
	if posted, err := c.Land.posted(ctx); c.Err == nil && (err != nil || posted != bills) {
		return fmt.Errorf("the terminal has placed %s for bills, and after it was released the company has booked %s (%v)", bills, posted, err)
	}
	return nil
}

// EndPermits has a person at the hall end the permits of sheets in doubt that are void, as if their terminal could never report again.
func (w *World) EndPermits(checked map[string]int64) []Violation {
	f, c := &found{checked: checked}, &Citizen{World: w}
	for _, d := range c.doubts() {
		serial, sheet := strings.CutPrefix(d.ID, "sheet-")
		if as, _ := c.truth(d); !sheet || as != "spoiled" {
			continue
		}
		permit := ""
		c.Journal.Book(func(b *casefile.Book) {
			for _, s := range b.Sheets {
				if s.Serial == serial && s.State == casefile.LicenseDoubtful {
					permit = s.Permit
				}
			}
		})
		page := "/case/" + d.Case
		action, form := page+"/permit/"+permit, url.Values{"reason": {"it lay torn before the machine"}}
		c.mistaken(page, action, form, mistake{"reason", " ", "a reason is needed"})
		if problem := c.submit(page, action, form); problem != "" {
			c.Fail(fmt.Errorf("the permit of blank %s is not ended: %s", serial, problem))
		}
		if problem := c.post(action, form); c.Err == nil && !strings.Contains(problem, "not open any more") {
			c.Fail(fmt.Errorf("the permit of blank %s is ended twice: %q", serial, problem))
		}
		if text, err := c.shown(page); c.Err == nil && (err != nil || strings.Contains(text, action)) {
			c.Fail(fmt.Errorf("the permit of blank %s was ended, and its case has a form for it (%v)", serial, err))
		}
		f.want("later.permit", c.Err == nil, "%v", c.Err)
		w.Land.Released = true // what its terminal finds is for a person
		w.voided = append(w.voided, d.ID)
	}
	return f.bad
}
