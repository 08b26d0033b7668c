package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/ui/touch"
)

// screenMax is how long a new screen may take until it shows the page again. One second is promised on a
// quiet machine; what it took is in the log.
const screenMax = 20 * time.Second

// TestScreenKilled kills kiosk-ui on every page of somebody paying and of somebody registering: the same
// page is back with the same content, half-typed text, letters and strokes included.
func TestScreenKilled(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), "visit.idle_seconds=600")
	c := come(t, d)
	made := account(t, d, 3000)
	t.Run("home", func(t *testing.T) { redrawn(t, c) })
	t.Run("paying", func(t *testing.T) { screenKilledPaying(t, c, made) })
	t.Run("registering", func(t *testing.T) { screenKilledRegistering(t, c, applicant(people.New(seed(t)))) })
	must(t, d.Reload())
	if d.Kioskd.Starts != 1 {
		t.Errorf("kioskd was started %d times", d.Kioskd.Starts)
	}
	balanced(t, d, doubts{}, made.Account)
}

// redrawn kills the screen and sees that the page comes back as it was.
func redrawn(t *testing.T, c *citizen.Citizen) {
	t.Helper()
	before := content(t, c)
	if err := kill(t.Context(), c.Desk, "kiosk-ui"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := citizen.Until(t.Context(), screenMax, func() error {
		all, err := c.Screen.Look(t.Context())
		if err != nil {
			return err
		}
		if now := lines(all); !slices.Equal(now, before) {
			return fmt.Errorf("the page is\n%s\nand was\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s was back after %v", before[0], time.Since(began).Round(time.Millisecond))
}

// content is what a page has on it once it stands still.
func content(t *testing.T, c *citizen.Citizen) []string {
	t.Helper()
	var now []string
	err := citizen.Until(t.Context(), screenMax, func() error {
		all, err := c.Screen.Look(t.Context())
		if err != nil {
			return err
		}
		before := now
		if now = lines(all); len(now) == 0 || !slices.Equal(now, before) {
			return errors.New("the page does not stand still")
		}
		return nil
	})
	must(t, err)
	return now
}

// lines are what a citizen can touch and read, without the clock.
func lines(all []touch.Object) (out []string) {
	for _, o := range all {
		if o.ID != "" {
			out = append(out, fmt.Sprintf("%s %q %q %t", o.ID, o.Name, o.About, o.Enabled))
		}
	}
	return out
}

func screenKilledPaying(t *testing.T, c *citizen.Citizen, made deskclient.Made) {
	ctx := t.Context()
	at := func(id string, pages ...string) {
		t.Helper()
		if _, err := c.Next(ctx, id, pages...); err != nil {
			t.Fatal(err)
		}
		redrawn(t, c)
	}
	at("home.pay", "choose")
	at("service.pay.water", "account")
	must(t, c.Digits(ctx, "account", made.Account[:5]))
	redrawn(t, c)
	if text, err := c.Screen.Text(ctx, "field.account"); err != nil || strings.ReplaceAll(text, " ", "") != made.Account[:5] {
		t.Errorf("the account's first digits were %s, and now stands %q (%v)", made.Account[:5], text, err)
	}
	at("nav.help", "help")
	if _, err := c.Next(ctx, "nav.back", "account"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Digits(ctx, "account", made.Account[5:]))
	at("key.ok", "bill")
	at("form.next", "method")
	at("pay.cash", "pay")
	feed(t, c, 1000)
	counted(t, c, "10.00")
	redrawn(t, c)
	feed(t, c, 2000)
	if _, err := c.At(ctx, "take"); err != nil {
		t.Fatal(err)
	}
	redrawn(t, c)
	at("form.next", "rate")
	must(t, c.Leave(ctx))
}

// feed puts a note in that must be taken.
func feed(t *testing.T, c *citizen.Citizen, fen int64) {
	t.Helper()
	fate, err := c.Feed(t.Context(), fen)
	if err != nil || fate != "stacked" {
		t.Fatalf("a note of %d fen: %s, %v", fen, fate, err)
	}
}

// counted waits until the page says that so much is in the box: then the journal has it.
func counted(t *testing.T, c *citizen.Citizen, sum string) {
	t.Helper()
	must(t, citizen.Until(t.Context(), screenMax, func() error {
		if in, err := c.Screen.Name(t.Context(), "pay.inserted"); err != nil || !strings.Contains(in, sum) {
			return fmt.Errorf("%s is in the box, and the page says %q: %w", sum, in, err)
		}
		return nil
	}))
}

func screenKilledRegistering(t *testing.T, c *citizen.Citizen, a citizen.Applicant) {
	ctx := t.Context()
	must(t, c.ToCard(ctx))
	redrawn(t, c)
	must(t, c.Desk.LayCard(ctx, a.Card))
	if _, err := c.At(ctx, "form"); err != nil {
		t.Fatal(err)
	}
	killedAtField(t, c, a)
	redrawnSignature(t, c)
	must(t, c.PastSign(ctx))
	redrawn(t, c)
	if _, err := c.Next(ctx, "form.next", "print", "take"); err != nil {
		t.Fatal(err)
	}
	if err := kill(ctx, c.Desk, "kiosk-ui"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.At(ctx, "take"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Desk.TakeCard(ctx))
	must(t, c.Leave(ctx))
}

// killedAtField goes through the form and kills the screen at each question, with half-typed text and
// letters where it is typed.
func killedAtField(t *testing.T, c *citizen.Citizen, a citizen.Applicant) {
	t.Helper()
	ctx := t.Context()
	typed := false
	for range 12 {
		page, err := c.Screen.Page(ctx)
		must(t, err)
		if page == "sign" {
			break
		}
		kind, err := c.Question(ctx)
		must(t, err)
		if kind == "trade_name" {
			halfTyped(t, c, kind)
			typed = true
		} else {
			redrawn(t, c)
		}
		if _, err := c.Answer(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	if !typed {
		t.Error("no question of the form was typed")
	}
}

// halfTyped types one character and half of the next: after the screen's death both are there, and the
// letters can be gone on with.
func halfTyped(t *testing.T, c *citizen.Citizen, field string) {
	t.Helper()
	ctx := t.Context()
	must(t, c.Write(ctx, field, "明"))
	must(t, c.Screen.Type(ctx, "ri"))
	must(t, untilText(ctx, c, "field."+field, "明"))
	redrawn(t, c)
	must(t, c.Pick(ctx, '日'))
	must(t, untilText(ctx, c, "field."+field, "明日"))
	for range 2 {
		must(t, c.Touch(ctx, "key.delete"))
	}
	must(t, citizen.Until(ctx, screenMax, func() error {
		text, err := c.Screen.Text(ctx, "field."+field)
		if err == nil && strings.ContainsAny(text, "明日") {
			err = fmt.Errorf("deleted twice, and there stands %q", text)
		}
		return err
	}))
}

func untilText(ctx context.Context, c *citizen.Citizen, id, want string) error {
	return citizen.Until(ctx, screenMax, func() error {
		text, err := c.Screen.Text(ctx, id)
		if err == nil && !strings.Contains(text, want) {
			err = fmt.Errorf("%s holds %q, want %q in it", id, text, want)
		}
		return err
	})
}

// redrawnSignature writes one stroke, kills the screen, and writes the other: both are the signature, so
// that the page lets it pass, and one alone would not.
func redrawnSignature(t *testing.T, c *citizen.Citizen) {
	t.Helper()
	ctx := t.Context()
	must(t, c.Screen.Draw(ctx, "field.signature", []touch.Point{{X: 200, Y: 300}, {X: 500, Y: 350}, {X: 700, Y: 300}}))
	must(t, c.Touch(ctx, "form.next"))
	said(t, c)
	redrawn(t, c)
	must(t, c.Screen.Draw(ctx, "field.signature", []touch.Point{{X: 400, Y: 200}, {X: 420, Y: 500}, {X: 380, Y: 800}}))
}
