// Package citizen is a person at a desk: somebody who reads the screen, touches what stands there, lays
// down a card and feeds notes. The demo and the tests of the whole live their journeys with it; it knows
// the product only through the doors of CONTRACT.md.
package citizen

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/ui/touch"
)

// stepMax bounds one step at the screen: longer than the longest wait that the screen announces.
const stepMax = 90 * time.Second

// turnMax bounds the touch that turns a page of a list, until the other page is there.
const turnMax = 3 * time.Second

// Citizen is one person at one desk.
type Citizen struct {
	Desk   *deskclient.Desk
	Screen *touch.Screen
	Shots  string   // folder for a picture of each page; "" for none
	Prefix string   // of the pictures' names
	Seen   []string // the pictures taken

	zi Dictionary
}

// Come connects to the screen of a desk. shots is the folder for pictures, "" for none.
func Come(ctx context.Context, desk *deskclient.Desk, shots string) (*Citizen, error) {
	screen, err := touch.Connect(ctx, desk.Bus, desk.Display)
	if err != nil {
		return nil, err
	}
	return &Citizen{Desk: desk, Screen: screen, Shots: shots}, nil
}

// Go ends the connection.
func (c *Citizen) Go() error { return c.Screen.Close() }

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, stepMax)
}

// At waits until one of the pages is shown, takes a picture of it, and says which it is. Pages that go on
// by themselves may be passed by.
func (c *Citizen) At(ctx context.Context, pages ...string) (string, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	page, err := c.Screen.WaitPage(ctx, pages...)
	if err != nil {
		now, _ := c.Screen.Page(context.WithoutCancel(ctx)) // only for the message
		return "", fmt.Errorf("waiting for page %s: %w (the screen shows %q: %s)", strings.Join(pages, " or "), err, now, c.Message(ctx))
	}
	return page, c.shoot(ctx, page)
}

// Message is what the page says went wrong or is waited for; "" when it says nothing.
func (c *Citizen) Message(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	all, err := c.Screen.Look(ctx)
	if err != nil {
		return ""
	}
	o, _ := touch.In(all, "text.message")
	return o.Name
}

func (c *Citizen) shoot(ctx context.Context, page string) error {
	if c.Shots == "" {
		return nil
	}
	name := fmt.Sprintf("%s%02d-%s.png", c.Prefix, len(c.Seen)+1, page)
	if err := c.Screen.Shot(ctx, filepath.Join(c.Shots, name)); err != nil {
		return fmt.Errorf("picture of %s: %w", page, err)
	}
	c.Seen = append(c.Seen, name)
	return nil
}

// Touch touches one control after the other.
func (c *Citizen) Touch(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		if err := c.touch(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *Citizen) touch(ctx context.Context, id string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := c.Screen.Click(ctx, id); err != nil {
		return fmt.Errorf("touching %s: %w (%s)", id, err, c.Message(ctx))
	}
	return nil
}

// Next touches one control and waits for the page it leads to.
func (c *Citizen) Next(ctx context.Context, id string, pages ...string) (string, error) {
	if err := c.touch(ctx, id); err != nil {
		return "", err
	}
	return c.At(ctx, pages...)
}

// Digits types a number on the keypad, and waits until the field shows all of it.
func (c *Citizen) Digits(ctx context.Context, field, number string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := c.Screen.Type(ctx, number); err != nil {
		return fmt.Errorf("typing %d digits: %w", len(number), err)
	}
	return c.Screen.Wait(ctx, "field."+field, func(all []touch.Object) error {
		o, _ := touch.In(all, "field."+field)
		if strings.Contains(strings.ReplaceAll(o.Name, " ", ""), number) {
			return nil
		}
		return fmt.Errorf("the field says %q", o.Name)
	})
}

// Feed offers one note and says where it ended.
func (c *Citizen) Feed(ctx context.Context, fen int64) (string, error) {
	for deadline := time.Now().Add(stepMax); ; {
		n, err := c.Desk.OfferNote(ctx, fen, "genuine", 15*time.Second)
		switch {
		case deskclient.Status(err) == 409 && time.Now().Before(deadline):
			continue // another note is still in the mouth
		case err != nil:
			return "", err
		case n.Fate == "refused" && time.Now().Before(deadline):
			// The green light is not on yet: a person waits for it and tries again.
			continue
		}
		return n.Fate, nil
	}
}

// Write types Chinese text into the field that has the focus, syllable by syllable, and touches each character.
func (c *Citizen) Write(ctx context.Context, field, text string) error {
	if c.zi == nil {
		zi, err := ReadDictionary()
		if err != nil {
			return err
		}
		c.zi = zi
	}
	if err := c.touch(ctx, "field."+field); err != nil {
		return err
	}
	for _, r := range text {
		if err := c.character(ctx, r); err != nil {
			return fmt.Errorf("typing %q of %q: %w", r, text, err)
		}
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return c.Screen.Wait(ctx, "field."+field, func(all []touch.Object) error {
		o, _ := touch.In(all, "field."+field)
		if strings.Contains(o.Name, text) {
			return nil
		}
		return fmt.Errorf("the field says %q", o.Name)
	})
}

// candidatePages bounds the search for a rare character.
const candidatePages = 40

func (c *Citizen) character(ctx context.Context, r rune) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if r >= '0' && r <= '9' {
		return c.Screen.Click(ctx, "key."+string(r))
	}
	syllable, ok := c.zi[r]
	if !ok {
		return errors.New("no syllable is known for it")
	}
	if err := c.Screen.Type(ctx, syllable); err != nil {
		return err
	}
	return c.Pick(ctx, r)
}

// Pick touches a character among the candidates for the letters that were typed.
func (c *Citizen) Pick(ctx context.Context, r rune) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	before := ""
	for range candidatePages {
		var found, next string
		err := c.Screen.Wait(ctx, "candidates", func(all []touch.Object) error {
			found, next = "", ""
			now := ""
			for _, o := range all {
				if !strings.HasPrefix(o.ID, "candidate.") {
					continue
				}
				if o.ID == "candidate.next" {
					if o.Enabled {
						next = o.ID
					}
					continue
				}
				now += o.Name + " "
				if o.Name == string(r) || strings.HasSuffix(o.Name, " "+string(r)) {
					found = o.ID
				}
			}
			if now == "" || now == before {
				return errors.New("no candidates yet")
			}
			before = now
			return nil
		})
		if err != nil {
			return err
		}
		if found != "" {
			return c.Screen.Click(ctx, found)
		}
		if next == "" {
			break
		}
		if err := c.Screen.Click(ctx, next); err != nil {
			return err
		}
	}
	return errors.New("it is not among the candidates")
}

// Choose walks a tree level by level down to a code, or picks entries of a list.
func (c *Citizen) Choose(ctx context.Context, name string, path ...string) error {
	for _, value := range path {
		if err := c.pick(ctx, "choice."+name+"."+value); err != nil {
			return err
		}
	}
	return nil
}

// pick touches a choice, paging through the list until it is there.
func (c *Citizen) pick(ctx context.Context, id string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	turn := "list.next"
	for {
		all, err := c.still(ctx, id)
		if err != nil {
			return err
		}
		if _, here := touch.In(all, id); here {
			return c.Screen.Click(ctx, id)
		}
		// At the end of the list it is gone through the other way: the page may just have been drawn anew.
		if o, ok := touch.In(all, turn); !ok || !o.Enabled {
			turn = map[string]string{"list.next": "list.prev", "list.prev": "list.next"}[turn]
			if o, ok := touch.In(all, turn); !ok || !o.Enabled {
				continue
			}
		}
		if err := c.turn(ctx, turn, choicesOf(all)); err != nil {
			return err
		}
	}
}

// levelsMax bounds the way down a tree, with the pages of its levels.
const levelsMax = 100

// Descend walks down a tree to a code. On each level it touches the entry that the code lies under, which
// is the longest beginning of it.
func (c *Citizen) Descend(ctx context.Context, name, code string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	prefix := "choice." + name + "."
	for at, level := "", 0; level < levelsMax; level++ {
		all, err := c.still(ctx, prefix)
		if err != nil {
			return err
		}
		deeper := at
		for _, o := range all {
			if under, ok := strings.CutPrefix(o.ID, prefix); ok && strings.HasPrefix(code, under) && len(under) > len(deeper) {
				deeper = under
			}
		}
		next, more := touch.In(all, "list.next")
		switch {
		case deeper == code:
			return c.Screen.Click(ctx, prefix+code)
		case deeper != at:
			at = deeper
			err = c.turn(ctx, prefix+at, choicesOf(all))
		case more && next.Enabled:
			err = c.turn(ctx, next.ID, choicesOf(all))
		default:
			err = fmt.Errorf("nothing that %s lies under is offered below %q", code, at)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%s lies too deep", code)
}

// turn touches what leads to other choices, and waits until they are there. The page may have been drawn
// anew between the look and the touch; then the touch has no effect, and it is looked at again.
func (c *Citizen) turn(ctx context.Context, id, before string) error {
	wait, cancel := context.WithTimeout(ctx, turnMax)
	defer cancel()
	err := c.Screen.Click(wait, id)
	if err == nil {
		err = c.Screen.Wait(wait, "other choices", func(all []touch.Object) error {
			if now := choicesOf(all); now != "" && now != before {
				return nil
			}
			return errors.New("the list has not moved")
		})
	}
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// still waits until the list of choices is the same twice: while a page is drawn, half of it can be seen.
func (c *Citizen) still(ctx context.Context, what string) (all []touch.Object, err error) {
	before := ""
	err = c.Screen.Wait(ctx, what, func(now []touch.Object) error {
		list := choicesOf(now)
		if list == "" || list != before {
			before = list
			return errors.New("the choices do not stand still")
		}
		all = now
		return nil
	})
	return all, err
}

func choicesOf(all []touch.Object) string {
	var ids []string
	for _, o := range all {
		if strings.HasPrefix(o.ID, "choice.") {
			ids = append(ids, o.ID)
		}
	}
	return strings.Join(ids, " ")
}

// Sign writes two strokes into the white field.
func (c *Citizen) Sign(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return c.Screen.Draw(ctx, "field.signature",
		[]touch.Point{{X: 200, Y: 300}, {X: 400, Y: 280}, {X: 600, Y: 320}},
		[]touch.Point{{X: 380, Y: 150}, {X: 390, Y: 400}, {X: 360, Y: 700}, {X: 300, Y: 760}})
}
