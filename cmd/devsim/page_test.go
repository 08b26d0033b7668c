package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"yichuang/cmd/devsim/deskclient"
)

// browser opens the page of a desk.
func browser(t *testing.T, url string) context.Context {
	t.Helper()
	needs(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true), chromedp.WindowSize(1700, 1150))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// says waits until the text of an element holds want.
func says(t *testing.T, ctx context.Context, element, want string) {
	t.Helper()
	var got string
	until(t, element+" says "+want, func() bool {
		var err error
		if got, err = chromedp.Run(ctx, chromedp.TextContent(element)); err != nil {
			t.Fatalf("%s: %v", element, err)
		}
		return strings.Contains(got, want)
	})
}

// click clicks elements one after the other.
func click(t *testing.T, ctx context.Context, elements ...string) {
	t.Helper()
	for _, e := range elements {
		if err := chromedp.Do(ctx, chromedp.Click(e)); err != nil {
			t.Fatalf("click %s: %v", e, err)
		}
	}
}

// TestHandsOnThePage does with the mouse what a newcomer would.
func TestHandsOnThePage(t *testing.T) {
	needs(t, "chromium")
	d := start(t, t.TempDir(), "")
	ctx := browser(t, d.Devsim.URL)
	says(t, ctx, "#lamp-power", "power on")
	until(t, "a made-up person", func() bool {
		number, err := chromedp.Run(ctx, chromedp.Value("#card [name=number]"))
		return err == nil && len(number) == 18
	})
	click(t, ctx, "#card .main")
	says(t, ctx, "#card-say", "green field")
	if w := worldOf(t, d); w.Card == nil || len(w.Card.Number) != 18 {
		t.Errorf("the card on the plate: %+v", w.Card)
	}
	click(t, ctx, "#card-take")
	says(t, ctx, "#card-say", "in the hand again")
	click(t, ctx, "#notes button:nth-child(2)")
	says(t, ctx, "#note-say", "did not take ¥50")
	click(t, ctx, "#bill-new")
	says(t, ctx, "#paperbill", "自来水公司")
	click(t, ctx, "#bill-scan")
	says(t, ctx, "#bill-say", "does not look")
	click(t, ctx, "#phone-show")
	says(t, ctx, "#phone-say", "does not look")
	click(t, ctx, "#fault-arm")
	says(t, ctx, "#armed", "Mend")
	click(t, ctx, "#armed button")
	until(t, "the mended fault", func() bool {
		text, err := chromedp.Run(ctx, chromedp.TextContent("#armed"))
		return err == nil && text == ""
	})
	click(t, ctx, "#network .danger")
	says(t, ctx, "#lamp-network", "line cut")
	click(t, ctx, "#power-cut")
	says(t, ctx, "#lamp-power", "power off")
	if w := worldOf(t, d); w.Power != "off" || w.Network.Up {
		t.Errorf("power %s, network %+v", w.Power, w.Network)
	}
	click(t, ctx, "#power-on")
	says(t, ctx, "#lamp-power", "power on")
	says(t, ctx, "#events", "the power is cut")
	if file := os.Getenv("PAGE_PICTURE"); file != "" {
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(90))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func worldOf(t *testing.T, d *deskclient.Desk) deskclient.World {
	t.Helper()
	w, err := d.World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}
