package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/kiosk/front"
)

// A hand looks at the page every handPace, and at once when its last act may have changed it: pages that are passed by so
// quickly are not drawn, which would cost more than all else.
const (
	handPace  = 120 * time.Millisecond
	handQuick = 20 * time.Millisecond
)

// patience is for how many looks somebody waits after the phone was held up.
const patience = 40

// hand is one person after the other at a desk. Whatever page stands there, it does what that page asks for, so that it
// goes on wherever a death has left the terminal. It touches through the screen's socket, which costs a fiftieth of looking
// for a button on the screen; the screen draws every page meanwhile.
type hand struct {
	d       *deskclient.Desk
	ui      *http.Client
	chance  *rand.Rand
	who     *people.Source
	quiet   atomic.Bool // nobody begins anything new
	license atomic.Bool // whoever comes next registers a shop

	plan    plan // of whoever stands there
	touched bool // something, at the last look

	mu       sync.Mutex // guards all below
	view     front.View
	accounts []string       // of all who came
	visits   map[string]int // by what was wanted
}

// plan is what somebody wants.
type plan struct {
	way       string // pay.cash, pay.show, pay.scan, or license
	bill      deskclient.Made
	surplus   string
	applicant citizen.Applicant
	outcome   string // of a payment by phone
	shown     bool   // the phone was held up
	waited    int    // since then, in looks at the page
	laid      int    // how long ago the card was laid down, in looks at the page
}

func newHand(d *deskclient.Desk, seed uint64) *hand {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.Kioskd.UISock)
	}
	return &hand{d: d, ui: &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}, chance: rand.New(rand.NewPCG(seed, 6)),
		who: people.New(seed), visits: map[string]int{}}
}

// live goes on until ctx ends. That a program is dead is no error: somebody stands before a dark screen and waits.
func (h *hand) live(ctx context.Context) {
	for h.touched = false; ; {
		pace := handPace
		if h.touched {
			pace = handQuick
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
		h.touched = false
		v, err := h.act(ctx, front.Act{ID: "look"}) // is offered nowhere, and answered with the view
		h.mu.Lock()
		if h.view = v; err != nil {
			h.view = front.View{}
		}
		h.mu.Unlock()
		if err == nil {
			h.does(ctx, v)
		}
	}
}

// sees is the page that stands, "" when nothing answers.
func (h *hand) sees() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.view.Page
}

// stands tells of whoever stands there, for the message of a failure.
func (h *hand) stands() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.view
	return fmt.Sprintf("page %q says %+v, money %+v, code %q, offers %v", v.Page, v.Message, v.Money, v.Code, v.Acts)
}

// act does something at the screen and gives the view that stands then.
func (h *hand) act(ctx context.Context, a front.Act) (v front.View, err error) {
	body, err := json.Marshal(a)
	if err != nil {
		return v, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kioskd/v1/act", bytes.NewReader(body))
	if err != nil {
		return v, err
	}
	resp, err := h.ui.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

// touch touches the first of these that is offered. The page may have gone on meanwhile: then it is looked at again.
func (h *hand) touch(ctx context.Context, v front.View, ids ...string) bool {
	for _, id := range ids {
		if v.Can(id) {
			h.touched = true
			h.act(ctx, front.Act{Revision: v.Revision, ID: id})
			return true
		}
	}
	return false
}

// does what a page asks for.
func (h *hand) does(ctx context.Context, v front.View) {
	switch v.Page {
	case "home":
		h.begins(ctx, v)
	case "choose":
		h.touch(ctx, v, map[bool]string{true: "service.license.individual", false: "service.pay.water"}[h.plan.way == "license"], "nav.home")
	case "account":
		h.d.Scan(ctx, h.plan.bill.BillCode) // refused while the reader does not look
	case "method":
		if h.plan.shown { // the phone had not enough, or a death came between
			h.plan.outcome = "success"
		}
		h.plan.shown = false
		h.touch(ctx, v, h.plan.way)
	case "pay":
		h.pays(ctx, v)
	case "identify":
		if h.plan.laid%100 == 0 { // laid down anew while it is read it cannot be read
			h.d.LayCard(ctx, h.plan.applicant.Card)
		}
		h.plan.laid++
	case "form":
		h.answers(ctx, v)
	case "sign":
		if len(v.Strokes) < 2 {
			h.act(ctx, front.Act{Revision: v.Revision, ID: front.StrokesAct, Strokes: []front.Stroke{{{X: 200, Y: 300}, {X: 400, Y: 280}, {X: 600, Y: 320}},
				{{X: 380, Y: 150}, {X: 390, Y: 400}, {X: 360, Y: 700}, {X: 300, Y: 760}}}})
			return
		}
		h.touch(ctx, v, "form.next")
	case "take", "rate", "goodbye", "slip":
		h.d.TakeCard(ctx)
		h.touch(ctx, v, "rate.skip", "form.next", "nav.home")
	case "guide", "bill", "review":
		h.touch(ctx, v, "form.next")
	case "cases", "help", "ask":
		h.touch(ctx, v, "nav.home")
	}
}

// begins something new, unless nobody is to.
func (h *hand) begins(ctx context.Context, v front.View) {
	if h.quiet.Load() {
		return
	}
	p := plan{way: "pay.cash", surplus: []string{"owed", "balance"}[h.chance.IntN(2)], outcome: []string{"success", "paying_then_success", "success", "not_enough"}[h.chance.IntN(4)]}
	switch n := h.chance.IntN(10); {
	case n < 1 || h.license.Load():
		p.way, p.applicant = "license", applicant(h.who)
	case n < 3:
		p.way = "pay.scan"
	case n < 4:
		p.way = "pay.show"
	}
	if p.way != "license" {
		var err error
		due := int64(100 * (2 + h.chance.IntN(20)))
		p.bill, err = h.d.MakeAccount(ctx, deskclient.NewAccount{Name: "钱多多", Address: "人民路1号", Surplus: p.surplus, Bills: []deskclient.Bill{{Period: "2026-10", Due: due}}})
		if err != nil {
			return
		}
	}
	h.mu.Lock()
	h.accounts = append(h.accounts, p.bill.Account)
	h.visits[p.way]++
	h.mu.Unlock()
	h.plan = p
	h.touch(ctx, v, map[bool]string{true: "home.apply", false: "home.pay"}[p.way == "license"])
}

// pays puts notes in, sometimes a coin, or holds the phone up. Now and then somebody has had enough in the middle of it.
func (h *hand) pays(ctx context.Context, v front.View) {
	switch {
	case h.plan.way != "pay.cash" && h.plan.shown:
		if h.plan.waited++; h.plan.waited > patience { // the phone had not enough: nothing comes any more
			h.touch(ctx, v, "pay.cancel")
			h.plan.waited = 0
		}
	case h.plan.way == "pay.show":
		h.plan.shown = v.Code != "" && h.d.PhoneScan(ctx, v.Code, h.plan.outcome, 300) == nil
	case h.plan.way == "pay.scan":
		if code, err := h.d.Code(ctx, h.plan.outcome, 300); err == nil {
			h.plan.shown = h.d.Scan(ctx, code) == nil // refused while the reader does not look
		}
	case v.Money == nil:
	case v.Can("choice.rest.part") || v.Can("choice.rest.owed"):
		h.touch(ctx, v, []string{"choice.rest.part", "choice.rest.owed", "choice.rest.more"}[h.chance.IntN(3)], "choice.rest.owed")
	case v.Money.Inserted > 0 && h.chance.IntN(40) == 0:
		h.touch(ctx, v, "pay.finish")
	case h.chance.IntN(60) == 0:
		h.touch(ctx, v, "pay.cancel")
	case v.Money.Taking && h.chance.IntN(6) == 0:
		h.d.DropCoin(ctx, coin, "", 0)
	case v.Money.Taking && len(v.Money.Faces) > 0:
		few := slices.DeleteFunc(slices.Clone(v.Money.Faces), func(f int64) bool { return f > 2*moved })
		if len(few) > 0 {
			h.d.OfferNote(ctx, few[h.chance.IntN(len(few))], "genuine", 0) // refused while another is in the mouth
		}
	}
}

// answers a question of the form, and goes on when the answer stands there.
func (h *hand) answers(ctx context.Context, v front.View) {
	a := h.plan.applicant
	want := map[string]string{"division": a.Division, "trade": a.Trade, "street": a.Street, "trade_name": a.TradeName, "declare": "yes", "scope": strings.Join(a.Scope, "")}
	for _, f := range v.Fields {
		if f.Value != want[f.Name] {
			h.act(ctx, front.Act{Revision: v.Revision, ID: front.TextAct, Field: f.Name, Text: want[f.Name]})
			return
		}
	}
	best, chosen := "", false
	for _, c := range v.Choices {
		name, value, _ := strings.Cut(strings.TrimPrefix(c.ID, "choice."), ".")
		if strings.HasPrefix(want[name], value) && len(c.ID) > len(best) {
			best, chosen = c.ID, c.Chosen && !c.More
		}
	}
	switch {
	case best != "" && !chosen:
		h.touch(ctx, v, best)
	case best == "" && len(v.Choices) > 0 && v.Can("list.next"):
		h.touch(ctx, v, "list.next")
	default:
		h.touch(ctx, v, "form.next")
	}
}

// latest are the accounts of the last so many who came to pay.
func (h *hand) latest(n int) (accounts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts[max(0, len(h.accounts)-n):] {
		if a != "" {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// wanted is how many came for what.
func (h *hand) wanted() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(h.visits)
}
