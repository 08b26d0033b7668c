package citizen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/ui/touch"
)

// pace is how often something outside the screen is looked at again while it is waited for.
const pace = 100 * time.Millisecond

// Until tries again until it works, or until the bound; then what it said last is told.
func Until(ctx context.Context, bound time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(pace)
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

// Case is the number of the matter at the screen now.
func (c *Citizen) Case(ctx context.Context) (string, error) {
	var st struct {
		Visit *struct {
			Case string `json:"case"`
		} `json:"visit"`
	}
	if exit, err := c.Desk.Ctl(ctx, &st, "status"); err != nil || exit != 0 {
		return "", fmt.Errorf("kioskctl status: exit %d: %w", exit, err)
	}
	if st.Visit == nil || st.Visit.Case == "" {
		return "", errors.New("kioskctl status tells of no case at the screen")
	}
	return st.Visit.Case, nil
}

// ToAccount goes from home to the page that asks for the account number.
func (c *Citizen) ToAccount(ctx context.Context) error {
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.pay", "choose"); err != nil {
		return err
	}
	_, err := c.Next(ctx, "service.pay.water", "account")
	return err
}

// ToBill goes from home to the bill of an account, by the code on the paper bill.
func (c *Citizen) ToBill(ctx context.Context, billCode string) error {
	if err := c.ToAccount(ctx); err != nil {
		return err
	}
	if err := c.Show(ctx, billCode); err != nil {
		return err
	}
	_, err := c.At(ctx, "bill")
	return err
}

// ToPayment goes from home to the page where a bill is paid in one of the ways.
func (c *Citizen) ToPayment(ctx context.Context, billCode, way string) error {
	if err := c.ToBill(ctx, billCode); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "form.next", "method"); err != nil {
		return err
	}
	_, err := c.Next(ctx, way, "pay")
	return err
}

// readerMax is how long a code is held under the reader until it looks.
const readerMax = 20 * time.Second

// Show holds a code under the scanner until it has been read.
func (c *Citizen) Show(ctx context.Context, text string) error {
	return Until(ctx, readerMax, func() error { return c.Desk.Scan(ctx, text) })
}

// Applicant is somebody who registers a business, with the answers to the form.
type Applicant struct {
	Card      deskclient.Card
	Division  string // of the county
	Street    string
	Trade     string // a class of GB/T 4754
	Scope     []string
	TradeName string
}

// ToForm goes from home to the first question of the form.
func (c *Citizen) ToForm(ctx context.Context, a Applicant) error {
	if err := c.ToCard(ctx); err != nil {
		return err
	}
	if err := c.Desk.LayCard(ctx, a.Card); err != nil {
		return err
	}
	_, err := c.At(ctx, "form")
	return err
}

// ToCard goes from home to the page that asks for the card.
func (c *Citizen) ToCard(ctx context.Context) error {
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.apply", "choose"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "service.license.individual", "guide"); err != nil {
		return err
	}
	_, err := c.Next(ctx, "form.next", "identify")
	return err
}

// questionsMax bounds a form.
const questionsMax = 12

// Fill answers the questions until the page that asks for the signature.
func (c *Citizen) Fill(ctx context.Context, a Applicant) error {
	for range questionsMax {
		page, err := c.Answer(ctx, a)
		if err != nil {
			return err
		}
		if page == "sign" {
			return nil
		}
	}
	return errors.New("the form has no end")
}

// ToReview goes from home through the form to its last page.
func (c *Citizen) ToReview(ctx context.Context, a Applicant) error {
	if err := c.ToForm(ctx, a); err != nil {
		return err
	}
	if err := c.Fill(ctx, a); err != nil {
		return err
	}
	if err := c.Sign(ctx); err != nil {
		return err
	}
	return c.PastSign(ctx)
}

// PastSign goes on from the signature. The toolkit tells the terminal of a stroke after it is drawn, so
// that the first touch may come too early; a person then touches again.
func (c *Citizen) PastSign(ctx context.Context) error {
	for try := 0; ; try++ {
		if err := c.touch(ctx, "form.next"); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err := c.Screen.WaitPage(wait, "review")
		cancel()
		if err == nil || try == 3 {
			_, err = c.At(ctx, "review")
			return err
		}
	}
}

// Answer answers what the page asks, whatever it is, goes on, and gives the page that this leads to.
func (c *Citizen) Answer(ctx context.Context, a Applicant) (page string, err error) {
	kind, err := c.Question(ctx)
	if err != nil {
		return "", err
	}
	switch kind {
	case "division":
		err = c.Descend(ctx, kind, a.Division)
	case "trade":
		err = c.Descend(ctx, kind, a.Trade)
	case "scope":
		err = c.Choose(ctx, kind, a.Scope...)
	case "street":
		err = c.Write(ctx, kind, a.Street)
	case "trade_name":
		err = c.Write(ctx, kind, a.TradeName)
	case "declare":
		err = c.Choose(ctx, kind, "yes")
	default:
		err = fmt.Errorf("the question %q is not known", kind)
	}
	if err != nil {
		return "", err
	}
	return c.onward(ctx, kind)
}

// onward touches on until the question has changed, or the page.
func (c *Citizen) onward(ctx context.Context, kind string) (page string, err error) {
	if err := c.touch(ctx, "form.next"); err != nil {
		return "", err
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = c.Screen.Wait(ctx, "after the question "+kind, func(all []touch.Object) error {
		page = PageOf(all)
		now := questionOf(all)
		// While a page is drawn, none can be seen, or the frame of one and the question of another.
		if page == "" {
			return errors.New("no page is shown")
		}
		if page != "form" && now != kind {
			return nil
		}
		if now == "" || now == kind || now == "signature" {
			return fmt.Errorf("the question %q is still there", now)
		}
		return nil
	})
	return page, err
}

// PageOf is the page among what was looked at, "" when there is none.
func PageOf(all []touch.Object) string {
	for _, o := range all {
		if name, ok := strings.CutPrefix(o.ID, "page."); ok {
			return name
		}
	}
	return ""
}

// Question waits for the form's question and names it.
func (c *Citizen) Question(ctx context.Context) (name string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	err = c.Screen.Wait(ctx, "question", func(all []touch.Object) error {
		if name = questionOf(all); name == "" {
			return errors.New("the page asks nothing")
		}
		return nil
	})
	return name, err
}

func questionOf(all []touch.Object) string {
	for _, o := range all {
		for _, prefix := range []string{"field.", "choice."} {
			if rest, ok := strings.CutPrefix(o.ID, prefix); ok {
				name, _, _ := strings.Cut(rest, ".")
				return name
			}
		}
	}
	return ""
}

// LookUp goes from home to the cases of a card.
func (c *Citizen) LookUp(ctx context.Context, card deskclient.Card) error {
	if _, err := c.At(ctx, "home"); err != nil {
		return err
	}
	if _, err := c.Next(ctx, "home.look", "identify"); err != nil {
		return err
	}
	if err := c.Desk.LayCard(ctx, card); err != nil {
		return err
	}
	_, err := c.At(ctx, "cases")
	return errors.Join(err, c.Desk.TakeCard(ctx))
}

// waysOut are the controls that lead on to the end of a visit, the one that keeps most first: papers are
// taken before home is touched. Money that does not meet the bill pays a part of it where it may.
var waysOut = []string{"choice.rest.part", "choice.rest.owed", "rate.skip", "form.next", "pay.cancel", "nav.home", "nav.back"}

// finished are the pages that are left by going on, not by giving up.
var finished = []string{"take", "slip", "rate", "goodbye"}

// Leave goes home from wherever the visit is. A page without any way on, which does not go on by itself
// either, is an error.
func (c *Citizen) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*stepMax)
	defer cancel()
	for {
		var out touch.Object
		page := ""
		err := c.Screen.Wait(ctx, "a way home", func(all []touch.Object) error {
			if page = PageOf(all); page == "home" {
				return nil
			}
			for _, id := range waysOut {
				if o, ok := touch.In(all, id); ok && o.Enabled && (id != "form.next" || slices.Contains(finished, page)) {
					out = o
					return nil
				}
			}
			return fmt.Errorf("page %q has none", page)
		})
		if err != nil || page == "home" {
			return err
		}
		if err := c.Screen.Touch(ctx, out); err != nil && ctx.Err() != nil {
			return err
		} // the page may have gone on by itself meanwhile
		if err := c.changed(ctx, page, out); err != nil {
			return err
		}
	}
}

// changed waits until the page has taken a touch: another page stands there, or the control has gone. A
// touch that came too late for its page has no effect; so it waits no longer than a person would.
func (c *Citizen) changed(ctx context.Context, page string, touched touch.Object) error {
	wait, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := c.Screen.Wait(wait, "change", func(all []touch.Object) error {
		o, ok := touch.In(all, touched.ID)
		if PageOf(all) == page && ok && o.Enabled {
			return errors.New("nothing has changed")
		}
		return nil
	})
	if ctx.Err() != nil {
		return err
	}
	return nil
}
