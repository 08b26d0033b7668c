package visit

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/front"
)

// A terminal that the hall has revoked rests, and says so to nobody but staff.
func TestARevokedTerminalRests(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.revoked = "the hall has revoked this terminal: stolen" })
		m.page("closed")
		view := m.kiosk.Stage.View()
		if view.Message == nil || view.Message.Phrase != front.SayMaintenance || slices.Contains(view.Acts, "home.pay") || slices.Contains(view.Acts, "home.apply") {
			t.Errorf("the screen shows %+v", view)
		}
		for _, s := range m.kiosk.Catalog().Services {
			if o := m.kiosk.Station.Offer(&s, time.Now()); o.Open || !strings.Contains(o.Todo, "stolen") {
				t.Errorf("%s: %+v, want it closed with the reason", s.Code, o)
			}
		}
		m.hall.set(func(h *hall) { h.revoked = "" })
		m.page("home")
	})
}

// A terminal whose disk may be an older one takes no notes before the hall has answered.
func TestNoCashBeforeTheHallHasAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		cash := func() (open bool, todo string) {
			svc, ok := m.kiosk.Catalog().Find("pay.water")
			if !ok {
				t.Fatal("no such service")
			}
			for _, w := range m.kiosk.Station.Offer(svc, time.Now()).Ways {
				if w.Code == "pay.cash" {
					return w.Open, w.Todo
				}
			}
			t.Fatal("no cash")
			return false, ""
		}
		if open, todo := cash(); !open {
			t.Fatalf("cash is closed at first: %s", todo)
		}
		if err := m.journal.Branch(context.Background(), "the acceptor knows more", true); err != nil {
			t.Fatal(err)
		}
		if open, todo := cash(); open || !strings.Contains(todo, "the acceptor knows more") {
			t.Errorf("cash open %v, %q", open, todo)
		}
		if err := m.journal.Answered(context.Background(), m.journal.Epoch()); err != nil {
			t.Fatal(err)
		}
		if open, todo := cash(); !open {
			t.Errorf("cash stays closed: %s", todo)
		}
	})
}
