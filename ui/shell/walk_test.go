package shell

import (
	"math/rand/v2"
	"testing"

	"yichuang/ui/page/sample"
)

// A hand that touches anything while pages come and go never kills the screen.
func TestRandomTouches(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBench(t, 1080, 1920)
	all := append(sample.Views("zh"), sample.Views("en")...)
	quit, done := make(chan struct{}), make(chan struct{})
	pages := rand.New(rand.NewPCG(seed, 2))
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-b.stage.Acts():
				v := all[pages.IntN(len(all))].View
				v.Elder = pages.IntN(2) == 0
				b.stage.Show(v)
			}
		}
	}()
	b.stage.Show(all[0].View)
	for touched := 0; touched < 90; b.alive() {
		controls, err := b.screen.Controls(b.ctx)
		if err != nil || len(controls) == 0 {
			continue
		}
		// An object may go between the look and the touch; that is the other hand's doing.
		if b.screen.Touch(b.ctx, controls[random.IntN(len(controls))]) == nil {
			touched++
		}
	}
	close(quit)
	<-done
	last := all[0].View
	last.Visit = "after"
	b.stage.Show(last)
	if _, err := b.screen.WaitPage(b.ctx, "home"); err != nil {
		t.Fatal(err)
	}
}

// alive fails when the screen has ended, or the test has run out of time.
func (b *bench) alive() {
	b.Helper()
	select {
	case <-b.ended:
		b.Fatal("the screen has ended")
	case <-b.ctx.Done():
		b.Fatal("no time left")
	default:
	}
}
