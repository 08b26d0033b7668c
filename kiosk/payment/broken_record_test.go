package payment

import (
	"slices"
	"strings"
	"testing"

	"github.com/psanford/sqlite3vfs"

	"yichuang/kiosk/store/cutdisk"
)

// No order leaves before its record is on the disk, and a record that cannot be written ends the till: the
// program must stop, because only a new start can tell what the disk holds.
func TestNoOrderWithoutItsRecord(t *testing.T) {
	happen := []string{"escrowed", "foreign", "stacked", "returned", "lost", "box_out", "box_in", "ready", "refused", "fault", "cleared", "blind", "wait"}
	broken, told := 0, map[string]bool{}
	for _, story := range signalStories(t, "signals.txt") {
		for at, line := range story {
			do, want, _ := strings.Cut(line, "->")
			do = strings.TrimSpace(do)
			word, _, _ := strings.Cut(do, " ")
			once := strings.Join(story[:at], "\n") + do // stories begin alike
			if !slices.Contains(happen, word) || told[once] || word == "wait" && strings.TrimSpace(want) == "" {
				continue
			}
			told[once] = true
			var orders []string
			for _, what := range strings.Split(strings.TrimSpace(want), ", ") {
				if what == "stack" || what == "return" {
					orders = append(orders, what)
				}
			}
			first := orders // an order that is only repeated has its record already
			if strings.Contains(want, "note.") {
				first = nil
				if word == "wait" && len(orders) > 0 {
					first = orders[:len(orders)-1] // the last one goes another way, and that is the record that breaks
				}
			}
			for n, may := 1, first; breakAt(t, story[:at], do, n, may); n, may = n+1, orders {
				broken++
			}
		}
	}
	if broken < 150 {
		t.Errorf("got only %d broken records", broken)
	}
}

// breakAt reads the story, then does one thing while the n-th sync of the disk and all after it fail. It says
// whether the n-th was reached; if so the till must have ended, and given no other orders than these, or fewer.
func breakAt(t *testing.T, before []string, do string, n int, may []string) (reached bool) {
	t.Helper()
	read(t, func(r *reading) {
		for _, line := range before {
			line, _, _ = strings.Cut(line, "->")
			r.say(strings.TrimSpace(line))
		}
		r.heard()
		syncs := 0
		r.disk.Before(func(op cutdisk.Op) error {
			if op.Kind == cutdisk.Sync {
				syncs++
			}
			if reached = reached || syncs == n; reached {
				return sqlite3vfs.IOError
			}
			return nil
		})
		r.say(do)
		if !reached {
			return
		}
		select {
		case err := <-r.failed:
			if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "till: "), "journal: ") {
				t.Errorf("%s\n%s with sync %d broken: the till ended with %v, want the journal's error", strings.Join(before, "\n"), do, n, err)
			}
		default:
			t.Errorf("%s\n%s with sync %d broken: the till goes on", strings.Join(before, "\n"), do, n)
		}
		if got := r.device.orders; len(got) > len(may) || !slices.Equal(got, may[:len(got)]) {
			t.Errorf("%s\n%s with sync %d broken: got orders %v, want %v at most", strings.Join(before, "\n"), do, n, got, may)
		}
	})
	return reached
}
