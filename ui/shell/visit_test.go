package shell

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/front"
	"yichuang/ui/page"
	"yichuang/ui/page/sample"
	"yichuang/ui/touch"
)

// find is the sample of this name.
func find(t *testing.T, lang, name string) front.View {
	t.Helper()
	all := sample.Views(lang)
	i := slices.IndexFunc(all, func(n sample.Named) bool { return n.Name == name })
	if i < 0 {
		t.Fatalf("no sample is called %s", name)
	}
	return all[i].View
}

func (b *bench) try(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// act is the next act that reaches kioskd.
func (b *bench) act() front.Act {
	b.Helper()
	select {
	case a := <-b.stage.Acts():
		return a
	case <-b.ctx.Done():
		b.Fatal("no act came")
		return front.Act{}
	}
}

// text waits until the field holds the text.
func (b *bench) text(id, want string) {
	b.Helper()
	err := b.screen.Wait(b.ctx, id, func(all []touch.Object) error {
		o, _ := touch.In(all, id)
		if _, got, _ := strings.Cut(o.Name, ": "); got != want {
			return fmt.Errorf("holds %q, want %q", got, want)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestTouchArrivesWithTheRevisionThatWasSeen(t *testing.T) {
	b := newBench(t, 1080, 1920)
	b.stage.Show(find(t, "zh", "home"))
	b.try(b.screen.Click(b.ctx, "home.pay"))
	if got, want := b.act(), (front.Act{Revision: 1, ID: "home.pay"}); got.ID != want.ID || got.Revision != want.Revision {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b.stage.Show(find(t, "zh", "account"))
	if _, err := b.screen.WaitPage(b.ctx, "account"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"key.7", "key.delete", "key.ok", "nav.help", "home.elder"} {
		b.try(b.screen.Click(b.ctx, id))
		if got := b.act(); got.ID != id || got.Revision != 2 {
			t.Errorf("clicked %s on revision 2, got %+v", id, got)
		}
	}
}

// A finger that is down while the view changes its meaning touches what it went down on, or nothing.
func TestFingerDownWhileTheViewChanges(t *testing.T) {
	b := newBench(t, 1080, 1920)
	v := find(t, "zh", "account")
	b.stage.Show(v)
	b.try(b.screen.Press(b.ctx, "key.7"))
	b.try(b.screen.Release(b.ctx))
	if got := b.act(); got.ID != "key.7" || got.Revision != 1 {
		t.Errorf("a finger on key.7: got %+v", got)
	}
	b.try(b.screen.Press(b.ctx, "key.7"))
	b.try(b.screen.Wait(b.ctx, "a finger on key.7", func(all []touch.Object) error {
		if o, _ := touch.In(all, "key.7"); !o.Down {
			return errors.New("the button has not felt it yet")
		}
		return nil
	}))
	v.Acts = slices.DeleteFunc(slices.Clone(v.Acts), func(id string) bool { return id == "key.ok" })
	b.stage.Show(v)
	b.sees("without key.ok", page.Of(&v, sample.Now, page.Typing{}))
	b.try(b.screen.Release(b.ctx))
	b.try(b.screen.Press(b.ctx, "key.8"))
	b.try(b.screen.Release(b.ctx))
	if got := b.act(); got.ID != "key.8" || got.Revision != 2 {
		t.Errorf("after a touch that was meant for the view before: got %+v, want key.8 on revision 2", got)
	}
}

// While only amounts and typing change, a screen reader keeps the objects it holds.
func TestSamePageKeepsItsWidgets(t *testing.T) {
	b := newBench(t, 1080, 1920)
	v := find(t, "zh", "account")
	b.stage.Show(v)
	seven, err := b.screen.Find(b.ctx, "key.7")
	b.try(err)
	v.Fields = slices.Clone(v.Fields)
	v.Fields[0].Value = "310200457" // and no message: with that the page would not fit, and be built anew
	b.stage.Show(v)
	b.text("field.account", "310200457")
	b.try(b.screen.Touch(b.ctx, seven))
	if got := b.act(); got.ID != "key.7" {
		t.Errorf("the key that was held before did %+v", got)
	}

	pay := find(t, "zh", "pay")
	b.stage.Show(pay)
	cancel, err := b.screen.Find(b.ctx, "pay.cancel")
	b.try(err)
	money := *pay.Money
	pay.Money = &money
	money.Inserted, money.Remaining = 12345, 0
	b.stage.Show(pay)
	b.sees("pay met", page.Of(&pay, sample.Now, page.Typing{}))
	if name, _ := b.screen.Name(b.ctx, "pay.inserted"); !strings.Contains(name, "123.45") {
		t.Errorf("pay.inserted is called %q", name)
	}
	b.try(b.screen.Touch(b.ctx, cancel))
	if got := b.act(); got.ID != "pay.cancel" {
		t.Errorf("the button that was held before did %+v", got)
	}
}

// typist answers text acts the way kioskd does: what was typed stands in the next view.
func (b *bench) keepTyping(v front.View) (last func() front.Act, stop func()) {
	done, quit, got := make(chan struct{}), make(chan struct{}), front.Act{}
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case a := <-b.stage.Acts():
				got = a
				switch a.ID {
				case front.TextAct:
					v.Fields = slices.Clone(v.Fields)
					v.Fields[0].Value, v.Fields[0].Preedit = a.Text, a.Preedit
				case front.StrokesAct:
					v.Strokes = a.Strokes
				}
				b.stage.Show(v)
			}
		}
	}()
	stop = func() { close(quit); <-done }
	return func() front.Act { return got }, stop
}

func TestHalfTypedTextOutlivesAKill(t *testing.T) {
	b := newBench(t, 1080, 1920)
	v := find(t, "zh", "form-name")
	v.Fields = []front.Field{{Name: "trade_name", Label: front.Say{Phrase: front.LabelTradeName}, Focus: true, Max: 20}}
	b.stage.Show(v)
	last, stop := b.keepTyping(v)
	b.try(b.screen.Type(b.ctx, "zhang"))
	b.text("field.trade_name", "zhang")
	for b.stage.View().Fields[0].Preedit != "zhang" { // the last key is on its way to kioskd
		b.stage.After(b.ctx, b.stage.View().Tick)
		b.try(b.ctx.Err())
	}
	b.kill()
	b.start()
	b.text("field.trade_name", "zhang")
	b.try(b.screen.Type(b.ctx, "san"))
	b.pick("张三")
	b.text("field.trade_name", "张三")
	b.try(b.screen.Type(b.ctx, "mian3"))
	b.text("field.trade_name", "张三"+b.first("mian")+"3")
	b.try(b.screen.Click(b.ctx, "key.delete"))
	b.try(b.screen.Click(b.ctx, "key.latin"))
	b.try(b.screen.Type(b.ctx, "ab"))
	b.text("field.trade_name", "张三"+b.first("mian")+"AB")
	b.picture("typed")
	b.try(b.screen.Click(b.ctx, "form.next"))
	stop()
	_ = last
	if got, want := b.stage.View().Fields[0].Value, "张三"+b.first("mian")+"AB"; got != want {
		t.Errorf("kioskd holds %q, want %q", got, want)
	}
}

// first is the likeliest word for letters, as the screen shows it when it settles them.
func (b *bench) first(letters string) string {
	return map[string]string{"mian": "面"}[letters]
}

// pick touches the candidate with this word, turning the pages until it is there.
func (b *bench) pick(word string) {
	b.Helper()
	for range 20 {
		var found touch.Object
		b.try(b.screen.Wait(b.ctx, "candidates", func(all []touch.Object) error {
			if _, ok := touch.In(all, "candidate.1"); !ok {
				return touch.ErrGone
			}
			for _, o := range all {
				if strings.HasPrefix(o.ID, "candidate.") && o.Name == word {
					found = o
				}
			}
			return nil
		}))
		if found.ID != "" {
			b.try(b.screen.Touch(b.ctx, found))
			return
		}
		b.try(b.screen.Click(b.ctx, "candidate.next"))
	}
	b.Fatalf("%s is not among the candidates", word)
}

func TestStrokesOutliveAKill(t *testing.T) {
	b := newBench(t, 1080, 1920)
	v := find(t, "en", "sign")
	v.Strokes = nil
	b.stage.Show(v)
	_, stop := b.keepTyping(v)
	defer stop()
	one := []touch.Point{{X: 100, Y: 200}, {X: 400, Y: 500}, {X: 600, Y: 300}}
	two := []touch.Point{{X: 700, Y: 200}, {X: 800, Y: 700}}
	b.try(b.screen.Draw(b.ctx, "field.signature", one, two))
	b.strokes(2)
	first := b.stage.View().Strokes[0]
	if p := first[0]; p.X < 90 || p.X > 110 || p.Y < 190 || p.Y > 210 || len(first) < 2 {
		t.Errorf("the first stroke is %v, want it to begin at 100,200", first)
	}
	b.kill()
	b.start()
	if _, err := b.screen.WaitPage(b.ctx, "sign"); err != nil {
		t.Fatal(err)
	}
	b.try(b.screen.Draw(b.ctx, "field.signature", two))
	b.strokes(3)
	b.picture("signed")
	b.try(b.screen.Click(b.ctx, "sign.clear"))
	b.strokes(0)
}

// strokes waits until kioskd holds so many.
func (b *bench) strokes(want int) {
	b.Helper()
	for tick := int64(-1); ; {
		v := b.stage.After(b.ctx, tick)
		if len(v.Strokes) == want {
			return
		}
		if b.ctx.Err() != nil {
			b.Fatalf("kioskd holds %d strokes, want %d", len(v.Strokes), want)
		}
		tick = v.Tick
	}
}

func TestLineLostAndBack(t *testing.T) {
	b := newBench(t, 1080, 1920)
	b.stage.Show(find(t, "zh", "pay"))
	if _, err := b.screen.WaitPage(b.ctx, "pay"); err != nil {
		t.Fatal(err)
	}
	b.server.Close()
	if _, err := b.screen.WaitPage(b.ctx, "wait"); err != nil {
		t.Fatal(err)
	}
	b.picture("lost")
	b.stage = front.NewStage() // kioskd was started anew: its ticks begin at one
	b.stage.Show(find(t, "zh", "home"))
	b.serve()
	if _, err := b.screen.WaitPage(b.ctx, "home"); err != nil {
		t.Fatal(err)
	}
	b.try(b.screen.Click(b.ctx, "home.look"))
	if got := b.act(); got.ID != "home.look" {
		t.Errorf("got %+v", got)
	}
}

func TestNewerScreenTakesOver(t *testing.T) {
	b := newBench(t, 1080, 1920)
	b.stage.Show(find(t, "zh", "home"))
	if _, err := b.screen.WaitPage(b.ctx, "home"); err != nil {
		t.Fatal(err)
	}
	older, ended := b.child, b.ended
	b.start()
	for turn := 0; ; turn++ { // a view that changes ends the question the older screen has asked
		v := find(t, "zh", "home")
		v.Health = v.Health[:turn%2]
		b.stage.Show(v)
		tick := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ended:
			tick.Stop()
		case <-tick.C:
			continue
		case <-b.ctx.Done():
			t.Fatal("the older screen is still there")
		}
		break
	}
	if code := older.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the older screen ended with %d, want 0", code)
	}
}

// A wider screen shows the same page in its middle.
func TestOtherSizes(t *testing.T) {
	b := newBench(t, 1920, 1080)
	for _, name := range []string{"home", "pay", "form-name"} {
		v := find(t, "zh", name)
		b.stage.Show(v)
		if _, err := b.screen.WaitPage(b.ctx, v.Page); err != nil {
			t.Fatal(err)
		}
		b.inside(name, 1920, 1080)
		b.picture(filepath.Base("wide-" + name))
	}
}

// inside sees that every control is wholly on the screen.
func (b *bench) inside(name string, wide, high int) {
	b.Helper()
	// A page that is just being replaced answers with nonsense; the one that stays answers the same again.
	var wrong []string
	for range 5 {
		if wrong = b.outside(name, wide, high); len(wrong) == 0 {
			return
		}
	}
	for _, w := range wrong {
		b.Error(w)
	}
}

// outside is what inside finds in one look.
func (b *bench) outside(name string, wide, high int) (wrong []string) {
	b.Helper()
	all, err := b.screen.Look(b.ctx)
	b.try(err)
	for _, o := range all {
		if o.ID == "" {
			continue
		}
		x, y, w, h, err := b.screen.Area(b.ctx, o)
		if err != nil {
			continue // it has just been replaced
		}
		if x < 0 || y < 0 || x+w > wide || y+h > high || w <= 0 || h <= 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %s lies at %d,%d %d×%d, outside %d×%d", name, o.ID, x, y, w, h, wide, high))
		}
		// A seated hand reaches the lower two thirds; a key's breadth of each control lies there. Fields are
		// exempt: a page that asks for one has it in focus, and the keys stand low.
		if o.Enabled && wide < high && y+h < high/3+96 && !strings.HasPrefix(o.ID, "field.") {
			wrong = append(wrong, fmt.Sprintf("%s: %s ends at %d, out of a seated hand's reach", name, o.ID, y+h))
		}
	}
	return wrong
}
