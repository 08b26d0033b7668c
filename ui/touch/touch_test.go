package touch

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntilLooksAgainAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		err := until(t.Context(), "x", func() error {
			if n++; n < 4 {
				return ErrGone
			}
			return nil
		})
		if err != nil || n != 4 {
			t.Errorf("looked %d times, %v; want 4 and no error", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err = until(ctx, "the door", func() error { return ErrGone })
		if !errors.Is(err, ErrGone) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the door") {
			t.Errorf("gave up with %v", err)
		}
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("gave up after %v, want 1s", waited)
		}
	})
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		states []uint32
		bit    int
		want   bool
	}{{[]uint32{1 << 24, 0}, stateSensitive, true}, {[]uint32{1 << 25, 0}, stateSensitive, false}, {[]uint32{0, 1}, 32, true}, {[]uint32{1}, 32, false}, {nil, 0, false}} {
		if got := has(c.states, c.bit); got != c.want {
			t.Errorf("has(%b, %d) = %v", c.states, c.bit, got)
		}
	}
}

func TestReadingOrderAndHiddenThings(t *testing.T) {
	leaf := func(id string, showing bool) *seen { return &seen{Object: Object{ID: id}, showing: showing} }
	hidden := &seen{Object: Object{ID: "hidden"}, inside: []*seen{leaf("inside", true)}}
	top := &seen{Object: Object{ID: "page.home"}, showing: true, inside: []*seen{leaf("a", true), hidden, leaf("b", true), leaf("c", false)}}
	var all []Object
	top.list(&all)
	var ids []string
	for _, o := range all {
		ids = append(ids, o.ID)
	}
	if got := strings.Join(ids, " "); got != "page.home a b" {
		t.Errorf("got %s", got)
	}
	if page, err := pageOf(all); page != "home" || err != nil {
		t.Errorf("pageOf = %q, %v", page, err)
	}
	if _, err := pageOf(all[1:]); !errors.Is(err, ErrGone) {
		t.Errorf("no page: %v", err)
	}
	if o, ok := In(all, "b"); !ok || o.ID != "b" {
		t.Error("b is not found")
	}
	if _, ok := In(all, "c"); ok {
		t.Error("what is hidden is found")
	}
}

// A stand takes everything with it when it stops, and a screen that is not there is an answer.
func TestStandStopsAll(t *testing.T) {
	s, err := Start(320, 240)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			s.Stop()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	screen, err := s.Screen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := screen.Page(ctx); !errors.Is(err, ErrGone) {
		t.Errorf("nothing is shown, got %v", err)
	}
	if err := screen.Shot(ctx, s.Runtime+"/shot.png"); err != nil {
		t.Error(err)
	}
	if err := screen.Close(); err != nil {
		t.Error(err)
	}
	programs := append([]*exec.Cmd(nil), s.programs...)
	s.Stop()
	stopped = true
	for _, p := range programs {
		if p.ProcessState == nil || p.ProcessState.Success() {
			t.Errorf("%s was not ended", p.Path)
		}
	}
	if _, err := os.Stat(s.Runtime); !os.IsNotExist(err) {
		t.Errorf("the runtime folder is still there: %v", err)
	}
	if _, err := Connect(ctx, s.Bus, ""); err == nil {
		t.Error("the bus still answers")
	}
}
