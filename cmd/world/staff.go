package world

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/station"
)

// What staff do: by hand at the machine, and over the socket as kioskctl does.

// act is one command.
func (c *Citizen) act(name string, arg, into any) error {
	if c.Err != nil {
		return nil
	}
	return post(c.Net, c.Dir+"/ctl", "/v1/"+name, arg, into)
}

// Equip loads what a technician loads, and tells the program.
func (c *Citizen) Equip() {
	for _, row := range []struct{ tray, media, first string }{{"tray-1", station.MediaOriginal, "A00000001"}, {"tray-2", station.MediaDuplicate, "B00000001"}} {
		c.Fail(c.sheets.LoadTray(row.tray, row.media, 10, row.first))
		c.Until("the printer tells of the paper", func() bool {
			return c.act("blanks/load", ctl.Load{Tray: row.tray, First: row.first, Count: 10}, nil) == nil
		})
	}
	c.Hoppers.Load(3, 20)
	c.Hoppers.Load(4, 20)
	c.Fail(c.act("stock/load", ctl.Pieces{Pieces: "1.00x20,0.50x20"}, nil))
}

// evening is the end of a day: what the citizen is owed is paid out on his slip, the box is exchanged and counted, the day
// is closed, and all books of it are tied together.
func (c *Citizen) evening() {
	c.payClaims()
	c.exchangeBox()
	var closed ctl.Closing
	c.Until("the day is closed on paper", func() bool {
		return c.act("closing", struct{}{}, &closed) == nil && (closed.Printed || c.Err != nil)
	})
	var tied ctl.Reconciled
	c.Until("the books tie", func() bool {
		c.Fail(c.act("reconcile", ctl.Day{Day: time.Now().In(time.FixedZone("Beijing", 8*60*60)).Format(time.DateOnly)}, &tied))
		return tied.Holds() || c.Err != nil
	})
}

// claimShape is how a claim code stands on a slip.
var claimShape = regexp.MustCompile(`^[0-9A-Z]{4}(-[0-9A-Z]{1,4})+$`)

// payClaims pays what stands on the last strip, when it is a slip.
func (c *Citizen) payClaims() {
	code := c.lastCode()
	if c.Err != nil || code == "" {
		return
	}
	paid := ctl.Owed{}
	c.Fail(c.act("owed/pay", ctl.Pay{Code: code, Reason: "paid out at the counter"}, &paid))
	if c.Err == nil && c.act("owed/pay", ctl.Pay{Code: code, Reason: "a copy of the slip"}, nil) == nil {
		c.Fail(fmt.Errorf("the code of %s was paid out twice", paid.ID))
	}
}

func (c *Citizen) lastCode() (code string) {
	var world struct{ Prints []struct{ N int } }
	c.Fail(json.Unmarshal(c.roll.World(), &world))
	if len(world.Prints) == 0 {
		return ""
	}
	text, err := c.roll.Text(world.Prints[len(world.Prints)-1].N)
	c.Fail(err)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); claimShape.MatchString(line) {
			code = line
		}
	}
	return code
}

// exchangeBox takes the box of notes away, counts it and puts an empty one in.
func (c *Citizen) exchangeBox() {
	if c.Err != nil {
		return
	}
	var counted []string
	for _, row := range tally(c.notes.Path().TakeBox()) {
		counted = append(counted, fmt.Sprintf("%sx%d", row.Face, row.Count))
	}
	c.Until("the terminal knows that the box is out", func() bool { return c.box().Out })
	c.notes.Path().PutBox()
	c.Until("the terminal knows that a box is in", func() bool { b := c.box(); return !b.Out && b.New })
	var out ctl.Exchange
	c.Until("the box can be exchanged", func() bool {
		return c.act("cashbox/exchange", ctl.Count{Counted: strings.Join(counted, ",")}, &out) == nil
	})
	if c.Err == nil && len(out.Difference) > 0 {
		c.Fail(fmt.Errorf("the box that was exchanged differs: %+v", out.Difference))
	}
}

func (c *Citizen) box() (box casefile.Box) {
	c.Journal.Book(func(b *casefile.Book) { box = b.Box })
	return box
}
