package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"yichuang/cmd/devsim/biller"
	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store/cutdisk"
)

// pageMax is how long a citizen waits for a page at most.
const pageMax = 3 * time.Minute

// world is everything: the land, one terminal's cabinet and disk, and the program at work.
type world struct {
	dir  string
	net  *network
	land *land
	*cabinet
	disk *cutdisk.Disk
	*terminal
}

// citizen stands at a terminal. The first thing that goes wrong is kept, and then nothing more is done.
type citizen struct {
	*world
	err error
}

func (c *citizen) fail(err error) {
	if c.err == nil && err != nil {
		v := c.stage.View()
		c.err = fmt.Errorf("%w; the page is %s, message %+v, acts %v", err, v.Page, v.Message, v.Acts)
	}
}

func (c *citizen) until(what string, holds func() bool) {
	if c.err == nil {
		c.fail(until(what, pageMax, holds))
	}
}

// page waits for one of some pages.
func (c *citizen) page(names ...string) string {
	found := ""
	c.until(fmt.Sprintf("page %v", names), func() bool {
		page := c.stage.View().Page
		for _, name := range names {
			if page == name {
				found = name
			}
		}
		return found != ""
	})
	return found
}

// touch touches controls one after the other.
func (c *citizen) touch(ids ...string) {
	for _, id := range ids {
		for tries := 0; ; tries++ {
			var v front.View
			c.until("control "+id, func() bool { v = c.stage.View(); return v.Can(id) })
			if c.err != nil {
				return
			}
			_, err := c.stage.Do(context.Background(), front.Act{Revision: v.Revision, ID: id})
			if err == nil {
				break
			}
			if tries == 20 { // the page changed under the finger, each time
				c.fail(fmt.Errorf("touch %s: %w", id, err))
				return
			}
		}
	}
}

// toBill goes to the bill of an account.
func (c *citizen) toBill(account string) {
	c.touch("home.pay", "service.pay.water")
	c.page("account")
	for _, d := range account {
		c.touch("key." + string(d))
	}
	c.touch("key.ok")
	c.page("bill")
}

// toCash goes on to where notes are taken.
func (c *citizen) toCash(account string) {
	c.toBill(account)
	c.touch("form.next")
	c.page("method")
	c.touch("pay.cash")
	c.page("pay")
	c.until("notes are taken", func() bool { v := c.stage.View(); return v.Money != nil && v.Money.Taking })
}

// note puts a note in and says whether it is in the box: one whose change could not be paid comes back.
func (c *citizen) note(face money.Fen) (kept bool) {
	if c.err != nil {
		return false
	}
	before, id := c.inside(), 0
	c.until("the mouth is free", func() bool {
		var err error
		id, err = c.notes.Path().Offer(int64(face), money.CNY, notepath.Genuine)
		return err == nil
	})
	c.until("the note has come to its end", func() bool { return c.err != nil || c.notes.Path().Fate(id).Final() })
	if kept = c.notes.Path().Fate(id) == notepath.Stacked; kept {
		c.until("the note is money", func() bool { return c.inside() == before.Add(face) })
	}
	return kept
}

func (c *citizen) inside() (sum money.Fen) {
	c.journal.Book(func(b *casefile.Book) { sum = b.StackedFen })
	return sum
}

// leave goes on through the pages at the end of a visit, until it is over.
func (c *citizen) leave() {
	c.page("take", "slip", "rate", "goodbye")
	for c.err == nil {
		v := c.stage.View()
		if v.Page == "home" && v.Visit == "" {
			return
		}
		for _, id := range []string{"form.next", "rate.5", "nav.home"} {
			if v.Can(id) {
				c.stage.Do(context.Background(), front.Act{Revision: v.Revision, ID: id}) // stale: the page went on by itself
				break
			}
		}
		c.until("the page "+v.Page+" goes on", func() bool { return c.stage.View().Revision != v.Revision })
	}
}

// atHome waits until the visit is over.
func (c *citizen) atHome() {
	c.until("the home page", func() bool { v := c.stage.View(); return v.Page == "home" && v.Visit == "" })
}

// account opens one at the water company, and gives its number.
func (c *citizen) account(surplus string, due ...int64) string {
	a := biller.Account{Name: "欧阳样张", Address: "示例路1号", Surplus: surplus, Part: true}
	for i, fen := range due {
		a.Bills = append(a.Bills, biller.Bill{Period: fmt.Sprintf("2026-%02d", i+1), Due: fen})
	}
	number, err := c.land.books.Make(context.Background(), a)
	c.fail(err)
	c.land.accounts = append(c.land.accounts, number)
	return number
}

// equip loads what a technician loads, and tells the program.
func (c *citizen) equip() {
	for _, row := range []struct{ tray, media, first string }{{"tray-1", station.MediaOriginal, "A00000001"}, {"tray-2", station.MediaDuplicate, "B00000001"}} {
		c.fail(c.sheets.LoadTray(row.tray, row.media, 10, row.first))
		c.until("the printer tells of the paper", func() bool { return c.act("blanks/load", ctl.Load{Tray: row.tray, First: row.first, Count: 10}) == nil })
	}
	c.hoppers.Load(3, 20)
	c.hoppers.Load(4, 20)
	c.fail(c.act("stock/load", ctl.Pieces{Pieces: "1.00x20,0.50x20"}))
}

// act is what kioskctl does.
func (c *citizen) act(name string, arg any) error {
	if c.err != nil {
		return nil
	}
	return post(c.net, c.dir+"/ctl", "/v1/"+name, arg, nil)
}

// post calls a page behind one of the doors.
func post(n *network, door, path string, arg, into any) error {
	body, err := json.Marshal(arg)
	if err != nil {
		return err
	}
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) { return n.dial(ctx, network, door) }}
	answer, err := (&http.Client{Transport: t}).Post("http://door"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, said)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(said, into)
}
