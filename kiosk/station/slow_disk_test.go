package station

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/devices/cash"
	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// Devices that are well and a hall that answers: nothing else is asked of them here.
type (
	fitHall struct{ office.Hall }
	fitCash struct{ cash.Absent }
	fitRoll struct{ printer.AbsentRoll }
)

func (fitHall) Up() bool { return true }

func (fitCash) State() cash.State { return cash.State{Online: true, BoxIn: true} }

func (fitRoll) State() printer.RollState { return printer.RollState{Online: true} }

// onDisk is a terminal that is well, with its journal on a disk of the test's own.
func onDisk(t *testing.T, disk *cutdisk.Disk) *Station {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(disk.Mount(dir))
	s, err := store.Open(cutdisk.Context(context.Background()), dir, "T1")
	if err != nil {
		t.Fatal(err)
	}
	return &Station{Cash: fitCash{}, Roll: fitRoll{}, Hall: fitHall{}, Journal: s, Sealing: func() bool { return true }}
}

func begin(s *Station, id string) error {
	return s.Journal.Append(context.Background(), store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}}})
}

// water is a service that is paid in cash or by phone.
var water = catalog.Service{Code: "pay.water", Entrance: "pay", Ways: []string{"pay.cash", "pay.show"}}

// A disk that gets slower closes cash first and then everything, says so to staff with what it takes, and when it is well again all is open.
func TestSlowDiskClosesOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := cutdisk.New()
		s := onDisk(t, disk)
		defer s.Journal.Close()
		var delay time.Duration
		disk.Before(func(op cutdisk.Op) error {
			if op.Kind == cutdisk.Sync {
				time.Sleep(delay) // virtual
			}
			return nil
		})
		for _, tt := range []struct {
			name       string
			delay      time.Duration
			cash, all  bool
			why        front.Phrase
			cashTodo   string
			serviceNow string
		}{
			{"quick", 0, true, true, "", "", ""},
			{"two seconds", 2 * time.Second, true, true, "", "", ""},
			{"three seconds", 3 * time.Second, false, true, front.SayCashClosed, "journal: the disk takes 3s to make a record last; see RUNBOOK, the journal", ""},
			{"eleven seconds", 11 * time.Second, false, false, "", "", "journal: the disk takes 11s to make a record last; see RUNBOOK, the journal"},
			{"quick again", 0, true, true, "", "", ""},
		} {
			delay = tt.delay
			if err := begin(s, tt.name); err != nil {
				t.Fatal(err)
			}
			delay = 0
			o := s.Offer(&water, time.Now())
			if o.Open != tt.all || o.Todo != tt.serviceNow || !tt.all && o.Why.Phrase != front.SayMaintenance {
				t.Errorf("%s: got %+v, want open %v, todo %q", tt.name, o, tt.all, tt.serviceNow)
			}
			if !tt.all {
				continue
			}
			if w := o.Ways[0]; w.Open != tt.cash || w.Why.Phrase != tt.why || w.Todo != tt.cashTodo || !o.Ways[1].Open {
				t.Errorf("%s: ways: got %+v, want cash open %v, todo %q, and the other open", tt.name, o.Ways, tt.cash, tt.cashTodo)
			}
		}
	})
}

// A full disk and one that fails close everything, with the reason and the page to look at.
func TestDiskThatFailsClosesAll(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"full", sqlite3vfs.FullError, "journal: the disk is full; make room and start kioskd again; see RUNBOOK, the journal"},
		{"failed", sqlite3vfs.IOError, "journal: a commit failed; the program must start again: "},
	} {
		disk := cutdisk.New()
		s := onDisk(t, disk)
		once := true
		disk.Before(func(op cutdisk.Op) error {
			if op.Kind == cutdisk.Sync && once {
				once = false
				return tt.err
			}
			return nil
		})
		err := begin(s, "a")
		if failed := errors.Is(err, store.ErrBroken); failed != (tt.name == "failed") {
			t.Errorf("%s: got %v", tt.name, err)
		}
		o := s.Offer(&water, time.Now())
		if o.Open || o.Why.Phrase != front.SayMaintenance || !strings.HasPrefix(o.Todo, tt.want) || !strings.HasSuffix(o.Todo, "see RUNBOOK, the journal") {
			t.Errorf("%s: got %+v, want it closed, todo %q", tt.name, o, tt.want)
		}
		s.Journal.Close()
	}
}
