package world

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store/cutdisk"
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
	if c.Cash == Cashless {
		return
	}
	c.Fail(c.act("stock/load", ctl.Pieces{Pieces: listed(c.Purse.Fill(purseFill))}, nil))
}

// purseFill is how many pieces of each face there are to pay out in the morning.
const purseFill = 20

// listed is a pile as it is told to kioskctl.
func listed(pile money.Counts) string {
	var rows []string
	for _, row := range pile {
		rows = append(rows, fmt.Sprintf("%sx%d", row.Face, row.Count))
	}
	return strings.Join(rows, ",")
}

// endRoll lets the paper roll come to its end, with plain paper in the license printer's by-pass tray.
func (c *Citizen) endRoll() {
	c.Fail(c.sheets.LoadTray("by-pass-tray", station.MediaDuplicate, 20, ""))
	c.Fail(c.roll.Faults().Arm("paper_out", 1))
	time.Sleep(200 * glance) // the terminal asks its printers
}

// newRoll puts another one in.
func (c *Citizen) newRoll() {
	c.Fail(c.roll.Faults().Arm("paper_out", 0))
}

// PutDiskBack has a technician put the terminal's disk back as it was before the last visit, of which the hall has heard. The journal goes on under another
// epoch. before is called with the disk when it is in, and the program has not begun.
func (c *Citizen) PutDiskBack(before func()) {
	twin := filepath.Join(c.Dir, "terminal", "twin.jsonl")
	was, former := c.Disk.Image(cutdisk.All, nil), c.Journal.Epoch()
	lines, err := os.ReadFile(twin)
	c.Fail(err)
	c.Look()
	c.delivered()
	if c.Err != nil {
		return
	}
	c.Fail(c.Terminal.Close())
	c.Fail(os.WriteFile(twin, lines, 0o600))
	c.Disk, c.Land.Older = was, true
	before()
	time.Sleep(outage)
	c.begin()
	c.Until("the journal goes on under another epoch", func() bool { return c.Journal.Epoch() != former })
	c.Until("all services", c.AllOpen)
}

// outage is how long the program is away while somebody works at the machine.
const outage = 4*time.Second + 618_033

// voidBlank takes the next blank of a tray out of use, and out of the tray.
func (c *Citizen) voidBlank(tray string) {
	var next string
	var left int64
	media := ""
	c.Journal.Book(func(b *casefile.Book) {
		next, _ = b.Trays[tray].Next()
		left, media = b.Trays[tray].Left(), b.Trays[tray].Media
	})
	c.Fail(c.act("blanks/void", ctl.Void{Tray: tray, Serial: next, Reason: "it is creased"}, nil))
	after := ""
	c.Journal.Book(func(b *casefile.Book) { after, _ = b.Trays[tray].Next() })
	if c.Err == nil {
		c.Fail(c.sheets.LoadTray(tray, media, int(left-1), after))
	}
}

// evening is the end of a day: what the citizen is owed is paid out on his slip, the box is exchanged and counted, the day
// is closed, and all books of it are tied together.
func (c *Citizen) evening() {
	c.payClaims()
	c.exchangeBox()
	c.closing()
	var tied ctl.Reconciled
	c.Until("the books tie", func() bool {
		c.Fail(c.act("reconcile", ctl.Day{Day: time.Now().In(time.FixedZone("Beijing", 8*60*60)).Format(time.DateOnly)}, &tied))
		return tied.Holds() || c.Err != nil
	})
}

// closing closes the day on paper.
func (c *Citizen) closing() (closed ctl.Closing) {
	c.Until("the day is closed on paper", func() bool {
		return c.act("closing", struct{}{}, &closed) == nil && (closed.Printed || c.Err != nil)
	})
	return closed
}

// payClaims pays what stands on the last strip, when it is a slip.
func (c *Citizen) payClaims() {
	code := c.lastCode()
	if c.Err != nil || code == "" {
		return
	}
	if code[0]%2 == 0 { // by chance
		c.payAtHall(code)
		return
	}
	paid := ctl.Owed{}
	c.Fail(c.act("owed/pay", ctl.Pay{Code: code, Reason: "paid out at the counter"}, &paid))
	if c.Err == nil && c.act("owed/pay", ctl.Pay{Code: code, Reason: "a copy of the slip"}, nil) == nil {
		c.Fail(fmt.Errorf("the code of %s was paid out twice", paid.ID))
	}
}

func (c *Citizen) lastCode() string {
	var world struct{ Prints []struct{ N int } }
	c.Fail(json.Unmarshal(c.roll.World(), &world))
	if len(world.Prints) == 0 {
		return ""
	}
	text, err := c.roll.Text(world.Prints[len(world.Prints)-1].N)
	c.Fail(err)
	return slipCode.FindString(text)
}

// exchangeBox takes the box of notes away, counts it and puts an empty one in.
func (c *Citizen) exchangeBox() {
	if c.Err != nil {
		return
	}
	counted := listed(tally(c.notes.Path().TakeBox()))
	c.Until("the terminal knows that the box is out", func() bool { return c.box().Out })
	c.notes.Path().PutBox()
	c.Until("the terminal knows that a box is in", func() bool { b := c.box(); return !b.Out && b.New })
	var out ctl.Exchange
	c.Until("the box can be exchanged", func() bool {
		return c.act("cashbox/exchange", ctl.Count{Counted: counted}, &out) == nil
	})
	if c.Err == nil && len(out.Difference) > 0 {
		c.Fail(fmt.Errorf("the box that was exchanged differs: %+v", out.Difference))
	}
}

// emptyCoins takes the coins away and counts them.
func (c *Citizen) emptyCoins() {
	if out := c.takeCoins(); c.Err == nil && len(out.Difference) > 0 {
		c.Fail(fmt.Errorf("the coins that were taken away differ: %+v", out.Difference))
	}
}

func (c *Citizen) takeCoins() (out ctl.Exchange) {
	var taken money.Counts
	for path := range c.coins.Path().World().Kept {
		taken = taken.With(tally(c.coins.Path().TakeBox(path)))
	}
	c.Fail(c.act("coinbox/exchange", ctl.Count{Counted: listed(taken)}, &out))
	return out
}

// countStock counts what the payer has.
func (c *Citizen) countStock() {
	if out := c.countPieces(); c.Err == nil && len(out.Difference) > 0 {
		c.Fail(fmt.Errorf("what the payer has differs: %+v", out.Difference))
	}
}

func (c *Citizen) countPieces() (out ctl.Exchange) {
	c.Fail(c.act("stock/count", ctl.Count{Counted: listed(c.Purse.Inside())}, &out))
	return out
}

// Service is what a technician does at a day's end: he takes the coins away, counts what the payer has, and fills it up. After a day with power cuts
// what he counts may differ, and is written down so.
func (c *Citizen) Service() {
	unsure, unseen := false, false
	c.Journal.Book(func(b *casefile.Book) {
		unsure = len(b.Stock.Unsure) > 0
		for _, u := range b.Unknown {
			unseen = unseen || u.Coin
		}
	})
	if !unseen { // else the coins stay where they are until somebody has ended that doubt
		c.takeCoins()
	}
	if unsure {
		return // the hoppers are not counted before somebody has ended that doubt
	}
	if c.countPieces(); c.Err != nil {
		return
	}
	if loaded := c.Purse.Fill(purseFill); len(loaded) > 0 {
		c.Fail(c.act("stock/load", ctl.Pieces{Pieces: listed(loaded)}, nil))
	}
}

func (c *Citizen) box() (box casefile.Box) {
	c.Journal.Book(func(b *casefile.Book) { box = b.Box })
	return box
}

// SettleDoubts is the morning after: staff look into the machine and end every doubt as they find it. What is left open is
// what no look can tell: pieces of a payout some of which came out.
func (c *Citizen) SettleDoubts() {
	for i, d := range c.doubts() {
		s := ctl.Settle{ID: d.ID, Reason: "found so when the machine was opened"}
		if s.As, s.Face = c.truth(d); s.As == "" {
			continue
		}
		if !strings.HasPrefix(d.ID, "unseen-") {
			s.Face = "" // it is known
		}
		if name := cmp.Or(d.Owed, d.ID); i%2 == 0 && !slices.Contains(c.voided, d.ID) && (d.Owed != "" || strings.HasPrefix(name, "sheet-")) {
			c.settleAtHall(name, d.Case, s.As, s.Face, s.Reason, func() bool {
				return !slices.ContainsFunc(c.doubts(), func(other ctl.Doubt) bool { return other.ID == d.ID })
			})
		} else {
			c.Fail(c.act("doubtful/settle", s, nil))
		}
	}
}

// doubts is what staff read of them; nothing once something has failed.
func (c *Citizen) doubts() (list []ctl.Doubt) {
	if c.Err == nil {
		c.Fail(call(c.Net, http.MethodGet, c.Dir+"/ctl", "/v1/doubtful", nil, &list))
	}
	return list
}

// truth is what staff see of a doubt.
func (c *Citizen) truth(d ctl.Doubt) (as, face string) {
	notes, coins, out := c.unbooked()
	switch {
	case strings.HasPrefix(d.ID, "payout-"):
		over, _ := pieces(out)
		unsure := int64(0)
		c.Journal.Book(func(b *casefile.Book) { unsure, _ = pieces(b.Payouts[strings.TrimPrefix(d.ID, "payout-")].Unsure) })
		switch over {
		case 0:
			return "kept", ""
		case unsure:
			return "paid", ""
		}
		return "", ""
	case strings.HasPrefix(d.ID, "sheet-"):
		if c.drawn()[strings.TrimPrefix(d.ID, "sheet-")] {
			return "printed", ""
		}
		return "spoiled", ""
	}
	pile := notes
	if d.What == "coin" {
		pile = coins
	}
	for _, row := range pile {
		if row.Count > 0 && (d.Amount == 0 || d.Amount == row.Face) {
			return "stacked", row.Face.String()
		}
	}
	return "returned", ""
}

// unbooked is what the mechanisms hold and have given beyond what the journal knows.
func (w *World) unbooked() (notes, coins, out money.Counts) {
	path := w.notes.Path().World()
	w.Journal.Book(func(b *casefile.Book) {
		notes = kept(path).Minus(b.Stacked)
		coins = tally(w.coins.Path().World().In()).Minus(b.Coins)
		out = w.Purse.Out().Minus(b.Stock.Paid)
	})
	return notes, coins, out
}

// drawn is the numbered blanks that came out whole.
func (w *World) drawn() map[string]bool {
	var world struct {
		Prints []struct {
			Serial   string
			Complete bool
		}
	}
	if err := json.Unmarshal(w.sheets.World(), &world); err != nil {
		panic(err) // what it told itself
	}
	whole := map[string]bool{}
	for _, p := range world.Prints {
		whole[p.Serial] = whole[p.Serial] || p.Complete
	}
	return whole
}

// CheckSettled says what is not known to the last piece after staff have looked.
func (w *World) CheckSettled(checked map[string]int64) []Violation {
	f := &found{checked: checked}
	notes, coins, out := w.unbooked()
	for id, pile := range map[string]money.Counts{"settled.notes": notes, "settled.coins": coins, "settled.pieces": out} {
		over, short := pieces(pile)
		open := int64(0)
		if id == "settled.pieces" {
			w.Journal.Book(func(b *casefile.Book) { open, _ = pieces(b.Stock.Unsure) })
		}
		f.want(id, short == 0 && over <= open, "staff have ended all doubts, and %d pieces are there too many and %d too few", over, short)
	}
	whole := w.drawn()
	w.Journal.Book(func(b *casefile.Book) {
		for _, s := range b.Sheets {
			f.want("settled.sheets", (s.State == casefile.LicensePrinted) == whole[s.Serial] || s.State == casefile.LicenseSpoiled, "blank %s is %s and came out whole: %v", s.Serial, s.State, whole[s.Serial])
		}
	})
	return f.bad
}
