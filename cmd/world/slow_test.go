package world

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/devsim/line"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// play sets up a world in a bubble, with a terminal that offers everything, lets a story happen in it, and compares all books.
func play(t *testing.T, story func(c *Citizen)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		w := &World{Dir: dir, Net: n, Disk: cutdisk.New(), Cabinet: NewCabinet(n, "cctalk", nil)}
		c := &Citizen{World: w}
		c.Fail(w.Settle())
		if c.Err == nil {
			c.Until("the home page", func() bool { v := w.Stage.View(); return v.Can("home.pay") })
			c.Equip()
			c.Until("all services", w.AllOpen)
			story(c)
		}
		if c.Err == nil {
			c.Fail(w.Drawn())
		}
		if c.Err != nil {
			t.Errorf("%v\n%s", c.Err, strings.Join(w.Story(), "\n"))
		} else if bad := w.Check(context.Background(), false, false, map[string]int64{}); len(bad) > 0 {
			t.Errorf("violations: %v", bad)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestJourneysOverABadLine: a bill is paid in notes, and a license is applied for and printed, over 64 kbit/s with a round trip of 600 ms, of whose packets one in a
// hundred is lost. The bill is booked and both sheets are out before the citizen leaves.
func TestJourneysOverABadLine(t *testing.T) {
	bad := line.State{Up: true, Kbit: 64, RTTms: 600, Loss: 0.01}
	seeds := 6
	if testing.Short() {
		seeds = 1
	}
	for _, name := range []string{"cash", "license"} {
		j := Journeys[slices.IndexFunc(Journeys, func(j Journey) bool { return j.Name == name })]
		for seed := range seeds {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				play(t, func(c *Citizen) {
					end, err := c.Net.Slow(bad, uint64(seed))
					c.Fail(err)
					defer end()
					c.Net.Cut(true) // the good line ends
					c.Until("the line is down", func() bool { return !c.Link.Up() })
					c.Net.Cut(false)
					began := time.Now()
					c.Until("the bad line is up", func() bool { return c.Link.Up() && c.AllOpen() })
					if took := time.Since(began); c.Err == nil && took < 1200*time.Millisecond {
						c.Fail(fmt.Errorf("up after %v: two round trips take longer over this line", took))
					}
					began = time.Now()
					c.Turn = Turn{Seed: 1, Number: uint64(seed)}
					j.Live(c, rand.New(rand.NewPCG(uint64(seed), 0)))
					t.Logf("%s: %v", name, time.Since(began))
					c.Journal.Book(func(b *casefile.Book) {
						if c.Err == nil && !j.Came(b) {
							c.Fail(fmt.Errorf("the citizen has not got what he came for"))
						}
					})
					if c.Err == nil {
						c.Fail(c.Drawn())
					}
				})
			})
		}
	}
}
