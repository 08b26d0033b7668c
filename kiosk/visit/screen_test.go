package visit

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/front"
)

// Language and large type change the page in place: what was typed and chosen stays.
func TestLanguageAndLargeTypeKeepThePage(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("home.pay", "service.pay.water", "key.3", "key.1")
		m.touch("home.language", "home.elder")
		v := m.view()
		if v.Page != "account" || v.Language != "en" || !v.Elder || v.Fields[0].Value != "31" || v.Title.Text != "Water bill" && v.Title.Text == "" {
			t.Errorf("got page %s in %s, elder %v, field %q", v.Page, v.Language, v.Elder, v.Fields[0].Value)
		}
		m.touch("home.language", "home.elder", "nav.home")
		m.home()
		if v := m.view(); v.Language != "zh" || v.Elder {
			t.Errorf("the next person finds the screen in %s, elder %v", v.Language, v.Elder)
		}
	})
}

// A touch on the page before, or on what the page does not offer, does nothing.
func TestTouchOnThePageBefore(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		old := m.view().Revision
		m.touch("home.pay")
		m.page("choose")
		if _, err := m.kiosk.Stage.Do(t.Context(), front.Act{Revision: old, ID: "home.pay"}); !errors.Is(err, front.ErrStale) {
			t.Errorf("a touch on the page before: got %v, want stale", err)
		}
		if _, err := m.kiosk.Stage.Do(t.Context(), front.Act{Revision: m.view().Revision, ID: "pay.finish"}); !errors.Is(err, front.ErrNotOffered) {
			t.Errorf("what is not offered: got %v, want not offered", err)
		}
		m.touch("service.pay.water")
		m.page("account")
	})
}

// Two fingers at once, or one that trembles: the second touch was meant for the page before and does nothing.
func TestTouchTwice(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Part = false })
		m.toCash()
		m.insert(5000)
		act := front.Act{Revision: m.view().Revision, ID: "pay.cancel"}
		ends := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := m.kiosk.Stage.Do(t.Context(), act)
				ends <- err
			}()
		}
		synctest.Wait()
		m.until("the question what becomes of the money", func() bool { v := m.view(); return v.Can("choice.rest.owed") })
		time.Sleep(time.Second) // virtual
		if v := m.view(); !v.Can("choice.rest.owed") {
			t.Errorf("the page %s does not ask any more: the second touch counted for it", v.Page)
		}
		if a, b := <-ends, <-ends; (a == nil) == (b == nil) {
			t.Errorf("the touches ended with %v and %v, want one of them stale", a, b)
		}
		m.touch("choice.rest.owed")
		m.page("slip")
	})
}

// Nobody touches the screen: a warning, then the end. Whoever asks for more time has it.
func TestNobodyTouchesTheScreen(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("home.pay", "service.pay.water")
		last := time.Now()
		m.until("the warning", func() bool { return m.view().Left.Warn })
		if waited := time.Since(last).Round(time.Second); waited != idle {
			t.Errorf("the warning came after %v, want %v", waited, idle)
		}
		m.touch("timeout.more")
		last = time.Now()
		if v := m.view(); v.Left.Warn || v.Page != "account" {
			t.Errorf("after timeout.more: page %s, warning %v", v.Page, v.Left.Warn)
		}
		m.home()
		if waited := time.Since(last).Round(time.Second); waited != idle+warn {
			t.Errorf("the end came after %v, want %v", waited, idle+warn)
		}
		m.tells("visit.begun", "visit.ended reason=timeout")
	})
}

// A note is as good as a touch.
func TestNotesKeepTheVisitAlive(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		for range 3 {
			time.Sleep(idle - 5*time.Second) // virtual
			m.insert(1000)
		}
		if v := m.view(); v.Page != "pay" || v.Left.Warn {
			t.Errorf("page %s, warning %v", v.Page, v.Left.Warn)
		}
		m.touch("pay.finish")
		m.page("take")
	})
}

// Help lies over the page and goes by itself; the page below is as it was, and its time goes on.
func TestHelpIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("home.pay", "service.pay.water", "key.3", "nav.help")
		m.page("help")
		m.touch("nav.back")
		if v := m.page("account"); v.Fields[0].Value != "3" {
			t.Errorf("the field holds %q, want 3", v.Fields[0].Value)
		}
		m.touch("nav.help")
		m.page("help")
		m.touch("home.language")
		if v := m.view(); v.Page != "help" || v.Language != "en" {
			t.Errorf("page %s in %s, want help in en", v.Page, v.Language)
		}
		m.page("account")
		m.home()
		m.tells("visit.ended reason=timeout")
	})
}

// Help is asked for in the middle of a payment, and the last note comes meanwhile: the payment is not forgotten.
func TestHelpDuringAPayment(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.insert(10000)
		m.touch("nav.help")
		m.page("help")
		m.insert(5000)
		came := time.Now()
		m.page("take")
		if waited := time.Since(came); waited > 5*time.Second+postingMax {
			t.Errorf("the page came %v after the last note", waited)
		}
		m.tells("payment.settled bill_fen=13340 extra_fen=1660 reason=paid")
	})
}

// Help on the home page is no visit; it goes by itself too.
func TestHelpAtHome(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.touch("nav.help")
		m.page("help")
		m.home()
		m.tells()
	})
}

// Every entrance is left again by back, and none of it opens a case.
func TestEveryEntranceAndBack(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		for _, id := range []string{"home.apply", "home.pay", "home.look", "home.guide", "home.ask"} {
			m.touch(id)
			m.touch("nav.back")
			m.home()
		}
		m.tells("visit.ended reason=home", "visit.ended reason=home", "visit.ended reason=home", "visit.ended reason=home", "visit.ended reason=home")
	})
}
