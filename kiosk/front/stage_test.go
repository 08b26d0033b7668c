package front

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func page() View {
	return View{
		Visit: "v1", Page: "pay", Language: "zh", Acts: []string{"pay.cancel", "nav.back", TextAct},
		Choices: []Choice{{ID: "choice.a.1", Text: Say{Text: "one"}}, {ID: "choice.a.2"}}, Cases: []Case{{Case: "c1", When: "today"}},
		Pager: &Pager{At: 1, Of: 3}, Money: &Money{Due: 100},
	}
}

// A touch means something else when what it would do has changed, and nothing else when only an amount,
// the time or what is typed has.
func TestRevisionGrowsWithTheMeaning(t *testing.T) {
	same := map[string]func(v *View){
		"amount": func(v *View) { v.Money = &Money{Due: 100, Inserted: 50} }, "time": func(v *View) { v.Left = &Left{Warn: true} },
		"typing": func(v *View) { v.Fields = []Field{{Name: "x", Value: "y"}} }, "words": func(v *View) { v.Language = "en" },
		"title": func(v *View) { v.Title = Say{Text: "x"} }, "chosen": func(v *View) { v.Choices[0].Chosen = true }, "case state": func(v *View) { v.Cases[0].When = "later" },
	}
	other := map[string]func(v *View){
		"page": func(v *View) { v.Page = "bill" }, "visit": func(v *View) { v.Visit = "v2" }, "acts": func(v *View) { v.Acts = v.Acts[:2] },
		"other act": func(v *View) { v.Acts = []string{"pay.cancel", "nav.home", TextAct} }, "choice": func(v *View) { v.Choices[1].ID = "choice.a.3" },
		"fewer choices": func(v *View) { v.Choices = v.Choices[:1] }, "case": func(v *View) { v.Cases[0].Case = "c2" }, "no cases": func(v *View) { v.Cases = nil },
		"pager": func(v *View) { v.Pager = &Pager{At: 2, Of: 3} }, "no pager": func(v *View) { v.Pager = nil },
	}
	try := func(name string, change func(v *View), ticks, revisions int64) {
		s := NewStage()
		s.Show(page())
		before := s.View()
		v := page()
		change(&v)
		v.Revision, v.Tick = 77, 99 // they are the stage's
		s.Show(v)
		after := s.View()
		if after.Tick-before.Tick != ticks || after.Revision-before.Revision != revisions {
			t.Errorf("%s: tick %d to %d and revision %d to %d, want %d and %d more", name, before.Tick, after.Tick, before.Revision, after.Revision, ticks, revisions)
		}
	}
	try("nothing", func(*View) {}, 0, 0)
	for name, change := range same {
		try(name, change, 1, 0)
	}
	for name, change := range other {
		try(name, change, 1, 1)
	}
	s := NewStage()
	if v := s.View(); v.Tick != 0 || v.Revision != 0 || len(v.Acts) != 0 {
		t.Errorf("the first view: got %+v, want an empty one", v)
	}
	s.Show(page())
	if v := s.View(); v.Tick != 1 || v.Revision != 1 {
		t.Errorf("the second view: got tick %d, revision %d, want 1 and 1", v.Tick, v.Revision)
	}
}

func TestActsThatAreRefused(t *testing.T) {
	s := NewStage()
	s.Show(page())
	v := page()
	v.Page, v.Acts = "bill", []string{"bill.pay", TextAct, StrokesAct}
	s.Show(v)
	now := s.View().Revision
	tests := []struct {
		act  Act
		want error
	}{
		{Act{Revision: now, ID: "pay.cancel"}, ErrNotOffered},
		{Act{Revision: now - 1, ID: "pay.cancel"}, ErrStale},
		{Act{Revision: now - 1, ID: "bill.pay"}, ErrStale},
		{Act{Revision: now + 1, ID: "bill.pay"}, ErrStale},
		{Act{Revision: now, ID: ""}, ErrNotOffered},
		{Act{Revision: now, ID: "bill.pay"}, nil},
		{Act{Revision: now - 1, ID: TextAct, Field: "x", Text: "y"}, nil},
		{Act{Revision: now - 1, ID: StrokesAct}, nil},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s.acts = make(chan Act) // one of this bubble
			taken := make(chan Act, 1)
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				select {
				case a := <-s.Acts():
					taken <- a
				case <-ctx.Done():
				}
			}()
			view, err := s.Do(ctx, tt.act)
			synctest.Wait()
			if !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) || view.Revision != now {
				t.Errorf("%+v: got %v with revision %d, want %v with %d", tt.act, err, view.Revision, tt.want, now)
			}
			if got := len(taken); (got == 1) != (tt.want == nil) {
				t.Errorf("%+v: taken up %d times", tt.act, got)
			} else if got == 1 {
				if a := <-taken; a.ID != tt.act.ID || a.Text != tt.act.Text {
					t.Errorf("got %+v, want %+v", a, tt.act)
				}
			}
			cancel()
		})
	}
}

func TestActThatNobodyTakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage()
		s.Show(page())
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := s.Do(ctx, Act{Revision: 1, ID: "pay.cancel"}); !errors.Is(err, ErrStale) {
			t.Errorf("got %v, want ErrStale", err)
		}
	})
}

// The screen dies while what was typed waits for a visit that is busy: it is taken up all the same, within bounds.
func TestDraftOutlivesItsScreen(t *testing.T) {
	for _, busy := range []time.Duration{draftWait - time.Second, draftWait + time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := NewStage()
			s.Show(page())
			ctx, die := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := s.Do(ctx, Act{Revision: 1, ID: TextAct, Field: "name", Text: "明", Preedit: "ri"})
				ended <- err
			}()
			synctest.Wait()
			die()
			time.Sleep(busy) // virtual
			select {
			case a := <-s.Acts():
				if busy > draftWait || a.Preedit != "ri" {
					t.Errorf("after %v: taken up %+v", busy, a)
				}
			default:
				if busy < draftWait {
					t.Errorf("after %v it is gone", busy)
				}
			}
			if err := <-ended; (err == nil) != (busy < draftWait) {
				t.Errorf("after %v: got %v", busy, err)
			}
		})
	}
}

func TestWaitingForALaterView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage()
		s.Show(page())
		if v := s.After(context.Background(), 0); v.Tick != 1 {
			t.Errorf("a later view is there: got tick %d, want 1", v.Tick)
		}
		seen := make(chan View, 1)
		go func() { seen <- s.After(context.Background(), 1) }()
		synctest.Wait()
		if len(seen) != 0 {
			t.Fatal("an old view was given for a new one")
		}
		s.Show(page()) // nothing new
		synctest.Wait()
		if len(seen) != 0 {
			t.Fatal("the same view was given for a new one")
		}
		v := page()
		v.Language = "en"
		s.Show(v)
		if got := <-seen; got.Tick != 2 || got.Language != "en" {
			t.Errorf("got tick %d in %s, want 2 in en", got.Tick, got.Language)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if got := s.After(ctx, 2); got.Tick != 2 {
			t.Errorf("nothing came: got tick %d, want the view that is there, 2", got.Tick)
		}
	})
}

func TestSay(t *testing.T) {
	for _, tt := range []struct {
		say  Say
		want bool
	}{{Say{}, true}, {Say{Args: map[string]string{"a": "b"}}, true}, {Say{Phrase: TitleHome}, false}, {Say{Text: "x"}, false}} {
		if got := tt.say.Empty(); got != tt.want {
			t.Errorf("%+v: got empty %v, want %v", tt.say, got, tt.want)
		}
	}
	v := page()
	if !v.Can("nav.back") || v.Can("nav.home") || v.Can("") {
		t.Errorf("acts %v: got back %v, home %v", v.Acts, v.Can("nav.back"), v.Can("nav.home"))
	}
}

// A second touch waits while the first is dealt with; the page that comes then is another one, and the touch
// was not meant for it.
func TestSecondTouchIsNotMeantForTheNextPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage()
		s.Show(View{Page: "pay", Acts: []string{"pay.cancel"}})
		ends := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.Do(t.Context(), Act{Revision: 1, ID: "pay.cancel"})
				ends <- err
			}()
		}
		synctest.Wait() // both wait to be taken up
		<-s.Acts()
		s.Show(View{Page: "pay", Acts: []string{"choice.rest.owed", "pay.cancel"}})
		select {
		case a := <-s.Acts():
			t.Errorf("the second touch came as %+v to the next page", a)
		case <-time.After(time.Minute): // virtual
		}
		a, b := <-ends, <-ends
		if !(a == nil && errors.Is(b, ErrStale) || b == nil && errors.Is(a, ErrStale)) {
			t.Errorf("the touches ended with %v and %v, want one taken up and one stale", a, b)
		}
	})
}

// A view that changes only in an amount leaves a waiting touch as good as it was.
func TestWaitingTouchOutlivesAnAmount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage()
		s.Show(View{Page: "pay", Acts: []string{"pay.cancel"}, Money: &Money{Inserted: 1}})
		end := make(chan error, 1)
		go func() {
			_, err := s.Do(t.Context(), Act{Revision: 1, ID: "pay.cancel"})
			end <- err
		}()
		synctest.Wait()
		s.Show(View{Page: "pay", Acts: []string{"pay.cancel"}, Money: &Money{Inserted: 2}})
		synctest.Wait()
		if a := <-s.Acts(); a.ID != "pay.cancel" {
			t.Errorf("got %+v", a)
		}
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
}
