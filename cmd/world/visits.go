package world

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"yichuang/devices/idcard/sdtsim"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
)

// faces are the notes that a citizen has, the largest first.
var faces = []money.Fen{10000, 5000, 2000, 1000, 500, 100}

// Account opens one at the water company with one open bill, and gives its number.
func (c *Citizen) Account(rng *rand.Rand, due money.Fen) string {
	return c.account([]string{"owed", "balance"}[rng.IntN(2)], int64(due))
}

// Notes pays with notes until as much is in as a citizen wants to pay: a part of the bill, or all of it and a little
// more.
func (c *Citizen) Notes(rng *rand.Rand, account string, want, due money.Fen) {
	c.toCash(account)
	for in := money.Fen(0); c.Err == nil && in < want; {
		at := 0 // the largest note that is not too much, or one that is
		for at < len(faces)-1 && faces[at] > want.Sub(in) {
			at++
		}
		at = max(0, at-rng.IntN(2)*rng.IntN(2))
		for c.Err == nil && !c.note(faces[at]) { // its change cannot be paid
			if at++; at == len(faces) {
				c.Fail(errors.New("no note is taken any more"))
				return
			}
		}
		if c.Err == nil {
			in = in.Add(faces[at])
		}
		if in >= want && in < due {
			c.touch("pay.finish")
		}
	}
	c.leave()
}

// Phone pays an account's bill by phone.
func (c *Citizen) Phone(rng *rand.Rand, account string) {
	c.toBill(account)
	c.touch("form.next")
	c.page("method")
	c.byPhone(rng)
	c.leave()
}

// Change pays with coins and a note, and gets change. Who is given none of it back, because there is too little of it, leaves.
func (c *Citizen) Change(rng *rand.Rand) {
	if c.coinsAndNote(rng, false) {
		c.leave()
	} else {
		c.Away()
	}
}

// License applies as the n-th of some thousand people, and takes home what there is: the license, or a slip.
func (c *Citizen) License(rng *rand.Rand, n int) {
	c.touch("home.apply", "service.license.individual", "form.next")
	c.page("identify")
	if born := fmt.Sprintf("197%d0101", n/500%10); c.Err == nil {
		c.Fail(c.reader.Lay(sdtsim.Card{Kind: "citizen", Name: "张三", Sex: "1", Ethnicity: "01", Birth: born, Address: "北京市东城区示例胡同1号",
			Number: numberOf(fmt.Sprintf("110199%s%03d", born, 2*(n%500)+1)), Authority: "北京市公安局东城分局", ValidFrom: "19980101", ValidTo: "20180101"}))
	}
	c.page("form")
	c.fill(fmt.Sprintf("示例%s%d号", string([]rune("甲乙丙丁戊己庚辛壬癸")[rng.IntN(10)]), n), "")
	c.signAndSubmit()
	c.leave()
	c.reader.Take()
}

// slipCode is a code as it stands on a slip.
var slipCode = regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// Slips gives the codes on the slips that were cut off after so many strips, and how many strips there are now.
func (c *Citizen) Slips(after int) (codes []string, strips int) {
	var world struct {
		Prints []struct {
			N   int
			Cut bool
		}
	}
	if err := json.Unmarshal(c.roll.World(), &world); err != nil {
		panic(err) // what it told itself
	}
	for _, p := range world.Prints {
		if strips = max(strips, p.N); p.N <= after || !p.Cut {
			continue
		}
		if text, err := c.roll.Text(p.N); err == nil {
			codes = append(codes, slipCode.FindAllString(text, -1)...)
		}
	}
	return codes, strips
}

// Redeem has staff at this terminal pay a slip out.
func (c *Citizen) Redeem(code string) error {
	return c.act("owed/pay", ctl.Pay{Code: code, Reason: "paid out at the counter"}, nil)
}

// Away leaves the terminal, whatever it shows: what it offers to end the visit with is touched, until nobody's visit goes on.
func (c *Citizen) Away() {
	c.reader.Take()
	for end := time.Now().Add(restMax); c.Err == nil; {
		v := c.Stage.View()
		over := func(v front.View) bool { return v.Visit == "" && v.Page != "wait" }
		if over(v) {
			return
		}
		if time.Now().After(end) {
			c.Fail(fmt.Errorf("the visit has not ended within %v", restMax))
			return
		}
		for _, id := range []string{"form.next", "choice.rest.part", "choice.rest.owed", "rate.skip", "nav.home"} {
			if v.Can(id) {
				c.do(front.Act{Revision: v.Revision, ID: id}) // stale: the page went on by itself
				break
			}
		}
		began := time.Now()
		c.Until("the page "+cmp.Or(v.Page, "of nobody")+" goes on", func() bool {
			now := c.Stage.View()
			return now.Revision != v.Revision || over(now) || time.Since(began) > time.Minute
		})
	}
}
