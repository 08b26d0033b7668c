package world

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
)

// How a citizen comes to the bill, and what the company does meanwhile.

// toBill goes to the bill of an account: with its number or with the paper bill, sometimes not at the first go.
func (c *Citizen) toBill(account string) {
	c.touch("home.pay", "service.pay.water")
	c.page("account")
	switch c.deal("bill", 6) {
	case 0:
		c.showCode(c.billCode() + account)
	case 1:
		c.showCode("https://example.com/" + account)
		c.hears(front.SayNotBillCode)
		c.enter(account)
	case 2:
		other := c.nobodys(account)
		c.enter(other)
		c.hears(front.SayAccountUnknown)
		for range other {
			c.touch("key.delete")
		}
		c.enter(account)
	case 3:
		bad := badAnswers[c.deal("bad answer", uint64(len(badAnswers)))]
		c.badDay(bad.shape)
		c.enter(account)
		c.hears(bad.says)
		c.touch("key.ok") // the number stands there still
	default:
		c.enter(account)
	}
	c.page("bill")
}

// booking is what the company does when it is asked to book.
func (c *Citizen) booking() {
	c.badDay([]string{"garbage", "silence", "http_500", "posted_but_timeout", "", "", "", ""}[c.deal("booking", 8)])
}

// badAnswers are what the company says to a question on a bad day, and what a citizen reads then.
var badAnswers = []struct {
	shape string
	says  front.Phrase
}{{"garbage", front.SayHallGarbled}, {"silence", front.SayHallSilent}, {"http_500", front.SayHallSilent}}

// badDay has the company misbehave at the next question, "" for not.
func (c *Citizen) badDay(shape string) {
	if shape != "" && c.Err == nil {
		c.Fail(call(c.Net, http.MethodPut, billerDoor, "/desk/faults", map[string]any{"shape": shape, "count": 1}, nil))
	}
}

// hears waits for what the screen says of what somebody else was asked.
func (c *Citizen) hears(p front.Phrase) {
	c.Until("the screen says "+string(p), func() bool { return c.said(p) && c.Stage.View().Page == "account" })
}

// enter types a number.
func (c *Citizen) enter(number string) {
	for _, d := range number {
		c.touch("key." + string(d))
	}
	c.touch("key.ok")
}

// showCode holds a code before the reader until the page goes on or says something.
func (c *Citizen) showCode(text string) {
	c.Until("the code is read", func() bool {
		if c.codes.Looking() {
			c.Fail(c.codes.Show([]byte(text)))
		}
		time.Sleep(40 * glance)
		v := c.Stage.View()
		return v.Page != "account" || v.Message != nil
	})
}

// billCode is what the code on a paper bill of the water company begins with.
func (c *Citizen) billCode() string {
	service, _ := c.Link.Catalog().Find("pay.water")
	return service.Account.Code
}

// nobodys is a number of the same shape that the company has given to nobody.
func (c *Citizen) nobodys(account string) string {
	service, _ := c.Link.Catalog().Find("pay.water")
	first := fmt.Sprint((int(account[0]-'0') + 1) % 10)
	for last := range 10 {
		if other := first + account[1:len(account)-1] + fmt.Sprint(last); service.Account.Valid(other) {
			return other
		}
	}
	panic("one of ten digits is a check digit")
}

// askWithSlip asks with the number on a slip how an application stands. Nothing of the person is shown, and nothing can be printed.
func (c *Citizen) askWithSlip() {
	id := ""
	c.Journal.Book(func(b *casefile.Book) {
		for _, one := range b.Cases {
			if one.Submitted {
				id = cmp.Or(id, one.ID)
			}
		}
	})
	c.touch("home.look", "choice.by.case")
	c.page("account")
	c.enter(id)
	c.page("cases")
	if v := c.Stage.View(); c.Err == nil && (len(v.Cases) != 1 || v.Cases[0].Case != id || v.Cases[0].Print || v.Can("case.print")) {
		c.Fail(fmt.Errorf("with the number %s on a slip the screen shows %+v, acts %v", id, v.Cases, v.Acts))
	}
	c.touch("nav.home")
	c.atHome()
}
