package world

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"yichuang/cmd/devsim/biller"
	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
)

const (
	// pageMax is how long a citizen waits for a page at most.
	pageMax = 3 * time.Minute

	// soonTime is how long a mechanism may take to move one thing, which it does in less than two seconds: an order that
	// was lost and is given again comes later.
	soonTime = 3 * time.Second

	// touchMax is how long a touch may wait to be heard.
	touchMax = time.Minute

	// restMax is how long everything that was open may take to end.
	restMax = 10 * time.Minute
)

// Citizen stands at a terminal. The first thing that goes wrong is kept, and then nothing more is done.
type Citizen struct {
	*World
	Err      error
	Gone     func() error  // why there is no sense in waiting any more; nil: there always is
	Patience time.Duration // how long for each thing that is to come; 0: as long as it may take when much goes wrong
	Turn     Turn          // of many who come one after the other
}

// Turn is which of many citizens one is, who live the same journey in different ways.
type Turn struct {
	Seed   uint64
	Number uint64
}

// deal chooses one of some ways by chance, so that of as many citizens as there are ways each one goes another one. what tells one choice from another.
// Who has no turn goes the last one, which is the plain one.
func (c *Citizen) deal(what string, ways uint64) int {
	if c.Turn == (Turn{}) {
		return int(ways - 1)
	}
	h := fnv.New64a()
	fmt.Fprint(h, c.Turn.Seed, what, c.Turn.Number/ways)
	return rand.New(rand.NewPCG(h.Sum64(), 0)).Perm(int(ways))[c.Turn.Number%ways]
}

func (c *Citizen) Fail(err error) {
	if c.Err == nil && err != nil {
		v := c.Stage.View()
		c.Err = fmt.Errorf("%w; the page is %s, message %+v, acts %v", err, v.Page, v.Message, v.Acts)
	}
}

func (c *Citizen) Until(what string, holds func() bool) {
	if c.Err != nil {
		return
	}
	var gone error
	err := until(what, cmp.Or(c.Patience, pageMax), c.Slot, func() bool {
		if c.Gone != nil {
			gone = c.Gone()
		}
		return gone != nil || holds()
	})
	if gone != nil {
		err = gone
	}
	c.Fail(err)
}

// soon waits for what a mechanism does at once.
func (c *Citizen) soon(what string, holds func() bool) {
	if patience := c.Patience; patience > 0 {
		c.Patience = min(patience, soonTime)
		defer func() { c.Patience = patience }()
	}
	c.Until(what, holds)
}

// page waits for one of some pages.
func (c *Citizen) page(names ...string) string {
	found := ""
	c.Until(fmt.Sprintf("page %v", names), func() bool {
		page := c.Stage.View().Page
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
func (c *Citizen) touch(ids ...string) {
	for _, id := range ids {
		for tries := 0; ; tries++ {
			var v front.View
			c.Until("control "+id, func() bool { v = c.Stage.View(); return v.Can(id) })
			if c.Err != nil {
				return
			}
			_, err := c.do(front.Act{Revision: v.Revision, ID: id})
			if err == nil {
				break
			}
			if tries == 20 { // the page changed under the finger, each time
				c.Fail(fmt.Errorf("touch %s: %w", id, err))
				return
			}
		}
	}
}

// do touches, and does not wait for ever for a program that is gone.
func (c *Citizen) do(a front.Act) (front.View, error) {
	ctx, cancel := context.WithTimeout(context.Background(), touchMax)
	defer cancel()
	return c.Stage.Do(ctx, a)
}

// toCash goes on to where notes are taken.
func (c *Citizen) toCash(account string) {
	c.toBill(account)
	c.touch("form.next")
	c.page("method")
	c.touch("pay.cash")
	c.page("pay")
	c.Until("notes are taken", func() bool { v := c.Stage.View(); return v.Money != nil && v.Money.Taking })
	c.booking()
}

// note puts a note in and says whether it is in the box: one whose change could not be paid comes back. One that is not drawn
// in is tried again for a while, for the acceptor may not be ready for the next one yet.
func (c *Citizen) note(face money.Fen) (kept bool) {
	before := c.inside()
	fate := notepath.Refused
	for tries := 0; c.Err == nil && fate == notepath.Refused && tries < 5; tries++ {
		if tries > 0 {
			time.Sleep(80 * glance) // to push it at once again only makes the acceptor busy with refusing
		}
		id := c.push(int64(face))
		c.soon("the note has come to its end", func() bool { fate = c.notes.Path().Fate(id); return fate.Final() })
	}
	if kept = fate == notepath.Stacked; kept {
		c.soon("the note is money", func() bool { return c.inside() == before.Add(face) })
	}
	return kept
}

func (c *Citizen) inside() (sum money.Fen) {
	c.Journal.Book(func(b *casefile.Book) { sum = b.StackedFen })
	return sum
}

// leave goes on through the pages at the end of a visit, until it is over.
func (c *Citizen) leave() {
	last := []string{"take", "slip", "rate", "goodbye"}
	for c.Err == nil && !slices.Contains(last, c.Stage.View().Page) {
		out := c.Purse.Out() // nobody loses patience while his change comes out, piece by piece
		c.Until(fmt.Sprintf("page %v, or a piece", last), func() bool {
			return slices.Contains(last, c.Stage.View().Page) || len(c.Purse.Out().Minus(out)) > 0
		})
	}
	for c.Err == nil {
		v := c.Stage.View()
		if (v.Page == "home" || v.Page == "closed") && v.Visit == "" {
			return
		}
		for _, id := range []string{"form.next", "rate.5", "nav.home"} {
			if v.Can(id) {
				c.do(front.Act{Revision: v.Revision, ID: id}) // stale: the page went on by itself
				break
			}
		}
		c.Until("the page "+v.Page+" goes on", func() bool { return c.Stage.View().Revision != v.Revision })
	}
}

// atHome waits until the visit is over.
func (c *Citizen) atHome() {
	c.Until("the home page", func() bool { v := c.Stage.View(); return v.Page == "home" && v.Visit == "" })
}

// Rest touches on through what the terminal shows after a power cut, until it stands at home and nothing is open.
func (c *Citizen) Rest() {
	for end := time.Now().Add(restMax); c.Err == nil; time.Sleep(4 * glance) {
		v := c.Stage.View()
		if v.Page == "home" && v.Visit == "" && c.open() == 0 {
			return
		}
		if time.Now().After(end) {
			c.Fail(fmt.Errorf("not at home within %v, with %d things open", restMax, c.open()))
			return
		}
		if v.Can("form.next") {
			c.do(front.Act{Revision: v.Revision, ID: "form.next"}) // stale: it went on by itself
		}
	}
}

// Look is the next citizen, who changes his mind.
func (c *Citizen) Look() {
	if v := c.Stage.View(); !v.Can("home.pay") {
		return // closed for a reason; the check says whether it may be
	}
	c.touch("home.pay")
	c.page("choose")
	c.touch("nav.home")
	c.atHome()
}

// account opens one at the water company, and gives its number.
func (c *Citizen) account(surplus string, due ...int64) string {
	a := biller.Account{Name: "欧阳样张", Address: "示例路1号", Surplus: surplus, Part: true}
	for i, fen := range due {
		a.Bills = append(a.Bills, biller.Bill{Period: fmt.Sprintf("2026-%02d", i+1), Due: fen})
	}
	number, err := c.Land.Books.Make(context.Background(), a)
	c.Fail(err)
	c.Land.mu.Lock()
	defer c.Land.mu.Unlock()
	c.Land.Accounts = append(c.Land.Accounts, number)
	return number
}

// visitor is somebody at a page behind one of the doors, who comes once and is led nowhere else.
func visitor(n *Network, door string) *http.Client {
	t := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) { return n.dial(ctx, network, door) }}
	return &http.Client{Transport: t, Timeout: restMax, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends a document to a page behind one of the doors.
func post(n *Network, door, path string, arg, into any) error {
	return call(n, http.MethodPost, door, path, arg, into)
}

// call asks a page behind one of the doors.
func call(n *Network, method, door, path string, arg, into any) error {
	body, err := json.Marshal(arg)
	if err != nil {
		return err
	}
	ask, err := http.NewRequest(method, "http://door"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	ask.Header.Set("Content-Type", "application/json")
	answer, err := visitor(n, door).Do(ask)
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
