package uplink

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hallapi"
)

func notice(seq int64, kind string) *hallapi.Notice {
	return &hallapi.Notice{Seq: seq, Kind: kind, Case: fmt.Sprint("c", seq), Json: fmt.Appendf(nil, `{"n":%d}`, seq)}
}

// list is what was handled, in its order.
type list struct {
	mu  sync.Mutex
	seq []int64
}

func (l *list) add(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq = append(l.seq, seq)
}

func (l *list) all() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seq)
}

// listen keeps what is handled.
func (d *desk) listen(got *list) {
	d.handle = func(n Notice) error {
		if string(n.JSON) != fmt.Sprintf(`{"n":%d}`, n.Seq) || n.Case != fmt.Sprint("c", n.Seq) {
			return fmt.Errorf("notice %+v", n)
		}
		got.add(n.Seq)
		return nil
	}
}

func (d *desk) tell(notices ...*hallapi.Notice) {
	d.hall.with(func() { d.hall.notices = append(d.hall.notices, notices...) })
}

func TestNoticesComeInOrderAndOnce(t *testing.T) {
	onDesk(t, func(d *desk) {
		got := &list{}
		d.listen(got)
		d.tell(notice(3, "order"), notice(1, "decision"), notice(2, "posting"), notice(2, "posting"), notice(4, "catalog"), notice(5, "weather"), notice(6, "refund"), notice(8, "settle"), notice(9, "claim"))
		d.online()
		d.pass(time.Second)
		if want := []int64{1, 2, 3, 6, 8, 9}; !slices.Equal(got.all(), want) {
			d.t.Errorf("handled: got %v, want %v", got.all(), want)
		}
		d.pass(12 * time.Second)
		before := len(got.all())
		d.tell(notice(10, "decision"))
		d.pass(20 * time.Millisecond)
		if len(got.all()) != before+1 {
			d.t.Errorf("a notice did not come at once: got %v", got.all())
		}
		d.powerOff()
		d.tell(notice(11, "decision"))
		d.open()
		d.online()
		d.pass(time.Second)
		if want := []int64{1, 2, 3, 6, 8, 9, 10, 11}; !slices.Equal(got.all(), want) {
			d.t.Errorf("handled after a power cut: got %v, want %v", got.all(), want)
		}
		pulls := d.count("Pull")
		d.pass(5 * time.Minute)
		if n := d.count("Pull") - pulls; n > 14 {
			d.t.Errorf("notices asked for in five quiet minutes: %d times", n)
		}
	})
}

func TestNoticeThatCannotBeHandledComesAgain(t *testing.T) {
	onDesk(t, func(d *desk) {
		tried := &list{}
		var mended atomic.Bool
		d.handle = func(n Notice) error {
			tried.add(n.Seq)
			if n.Seq == 2 && !mended.Load() {
				return errors.New("the disk is full")
			}
			return nil
		}
		d.tell(notice(1, "order"), notice(2, "order"), notice(3, "order"))
		d.online()
		d.pass(10 * time.Minute)
		all := tried.all()
		if all[0] != 1 || slices.Contains(all, 3) || slices.Contains(all[1:], 1) {
			d.t.Errorf("handled: got %v, want 1 once and then only 2", all)
		}
		if len(all) < 15 || len(all) > 40 {
			d.t.Errorf("tries in ten minutes: got %d", len(all))
		}
		if s := d.link.Status(); !s.Up || !strings.Contains(s.Err, "the disk is full") {
			d.t.Errorf("status: got %+v", s)
		}
		d.powerOff()
		d.open()
		d.online()
		d.pass(500 * time.Millisecond)
		if got := tried.all()[len(all):]; !slices.Equal(got, []int64{2}) {
			d.t.Errorf("after a power cut: got %v, want 2 once", got)
		}
		mended.Store(true)
		d.await(time.Minute, "all handled", func() bool { return slices.Contains(tried.all(), 3) })
		d.await(time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
	})
}

func TestNoticeWaitsForItsHandler(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.link.Notices(nil)
		d.tell(notice(1, "order"))
		d.online()
		d.pass(time.Minute)
		if s := d.link.Status(); !s.Up || s.Err == "" {
			d.t.Errorf("status: got %+v", s)
		}
		got := &list{}
		d.link.Notices(func(n Notice) error { got.add(n.Seq); return nil })
		d.await(time.Minute, "handled", func() bool { return slices.Equal(got.all(), []int64{1}) })
	})
}

func TestRestoredHallTellsFromTheFirstAgain(t *testing.T) {
	onDesk(t, func(d *desk) {
		got := &list{}
		d.listen(got)
		d.tell(notice(1, "order"), notice(2, "order"), notice(7, "order"))
		d.online()
		d.pass(time.Second)
		d.hall.with(func() {
			d.hall.epoch = "hall-2"
			d.hall.notices = []*hallapi.Notice{notice(1, "order"), notice(2, "decision")}
		})
		d.pass(6 * time.Second)
		if want := []int64{1, 2, 7, 1, 2}; !slices.Equal(got.all(), want) {
			d.t.Errorf("handled: got %v, want %v", got.all(), want)
		}
		d.powerOff()
		d.open()
		d.online()
		d.pass(10 * time.Second)
		if len(got.all()) != 5 {
			d.t.Errorf("handled after a power cut: got %v, want nothing more", got.all())
		}
	})
}

func TestHallIsRestoredWhileANoticeIsHandled(t *testing.T) {
	onDesk(t, func(d *desk) {
		got := &list{}
		d.handle = func(n Notice) error {
			got.add(n.Seq)
			if n.Seq == 5 {
				d.hall.with(func() { d.hall.epoch, d.hall.notices = "hall-2", []*hallapi.Notice{notice(1, "order")} })
				d.later(10 * time.Second) // the beat tells of the new epoch meanwhile
			}
			return nil
		}
		d.tell(notice(5, "order"), notice(6, "order"))
		d.online()
		d.pass(20 * time.Second)
		if want := []int64{5, 1}; !slices.Equal(got.all(), want) {
			d.t.Errorf("handled: got %v, want %v", got.all(), want)
		}
	})
}

func TestHallThatDoesNotHoldIsNotAskedAllTheTime(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.pass(time.Minute)
		d.hall.with(func() {
			d.hall.notices = []*hallapi.Notice{notice(1<<40, "x")}
			d.hall.forge = func(route string, a any) {
				if route == "Pull" {
					a.(*hallapi.PullResponse).Notices = []*hallapi.Notice{nil, {Seq: -1, Kind: "order"}, {Kind: "order"}}
				}
			}
		})
		before := d.count("Pull")
		d.pass(2 * time.Minute)
		if n := d.count("Pull") - before; n < 60 || n > 140 {
			d.t.Errorf("asked in two minutes: got %d, want about once a second", n)
		}
	})
}

func TestNewCatalogueIsFetched(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		d.pass(time.Minute)
		first := d.link.Catalog()
		d.hall.with(func() { d.hall.document = document(2) })
		d.tell(notice(1, "catalog"))
		d.pass(50 * time.Millisecond)
		if got := d.link.Catalog().Version; got != 2 || first.Version != 1 {
			d.t.Errorf("version: got %d after %d, want 2 after 1", got, first.Version)
		}
		d.hall.with(func() { d.hall.document = document(3) })
		d.net.set("cut")
		d.pass(time.Minute)
		d.net.set("up")
		d.await(time.Minute, "up", d.link.Up)
		d.pass(50 * time.Millisecond)
		if got := d.link.Catalog().Version; got != 3 {
			d.t.Errorf("version after the line came back: got %d, want 3", got)
		}
		d.hall.with(func() { d.hall.document = document(4) })
		d.pass(time.Hour)
		if got := d.link.Catalog().Version; got != 4 {
			d.t.Errorf("version after an hour without a notice: got %d, want 4", got)
		}
		d.powerOff()
		d.net.set("cut")
		d.open()
		d.start()
		d.pass(time.Minute)
		if s := d.link.Status(); strings.Contains(s.Err, "catalogue: ") {
			d.t.Errorf("status: got %+v, want no error about the catalogue", s)
		}
		if c := d.link.Catalog(); c == nil || c.Version != 4 {
			d.t.Errorf("catalogue without a line: got %v, want version 4", c)
		}
		d.net.set("up")
		d.await(time.Minute, "up", d.link.Up)
	})
}

func TestBadCatalogueIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		document []byte
		garble   func(a *hallapi.CatalogResponse)
	}{
		"unsigned":        {document(6), func(a *hallapi.CatalogResponse) { a.Signature = nil }},
		"signature":       {document(6), func(a *hallapi.CatalogResponse) { a.Signature[7]++ }},
		"changed on way":  {document(6), func(a *hallapi.CatalogResponse) { a.Document[20]++ }},
		"older":           {document(4), nil},
		"no catalogue":    {[]byte(`{"version":6}`), nil},
		"cut in the half": {document(6), func(a *hallapi.CatalogResponse) { a.Document = a.Document[:40] }},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.hall.document = document(5)
				d.online()
				d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
				d.hall.with(func() {
					d.hall.document = c.document
					d.hall.forge = func(route string, a any) {
						if route == "Catalog" && c.garble != nil {
							c.garble(a.(*hallapi.CatalogResponse))
						}
					}
				})
				got := &list{}
				d.listen(got)
				d.tell(notice(1, "catalog"), notice(2, "order"))
				d.pass(3 * time.Minute)
				if v := d.link.Catalog().Version; v != 5 {
					d.t.Errorf("version: got %d, want 5", v)
				}
				if s := d.link.Status(); !s.Up || !strings.Contains(s.Err, "catalogue: ") {
					d.t.Errorf("status: got %+v", s)
				}
				if !slices.Equal(got.all(), []int64{2}) {
					d.t.Errorf("handled: got %v; a bad catalogue must not hold up what follows", got.all())
				}
				if n := d.count("Catalog"); n < 8 || n > 20 {
					d.t.Errorf("asked in three minutes: got %d", n)
				}
				d.powerOff()
				d.open()
				if v := d.link.Catalog().Version; v != 5 {
					d.t.Errorf("version after a power cut: got %d, want 5", v)
				}
			})
		})
	}
}

func TestDamagedCatalogueOnTheDisk(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.document = document(5)
		d.online()
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		d.powerOff()
		d.open()
		if err := d.journal.Keep(d.t.Context(), map[string][]byte{keptDocument: document(9)}); err != nil {
			d.t.Fatal(err)
		}
		d.powerOff()
		d.open()
		if s := d.link.Status(); !strings.Contains(s.Err, "catalogue: ") {
			d.t.Errorf("status: got %+v, want an error about the catalogue", s)
		}
		if c := d.link.Catalog(); c != nil {
			d.t.Errorf("a catalogue without a signature was taken from the disk: version %d", c.Version)
		}
		d.hall.with(func() { d.hall.document = document(4) })
		d.online()
		d.pass(time.Minute)
		if c := d.link.Catalog(); c != nil {
			d.t.Errorf("an older catalogue was taken instead of the damaged one: version %d", c.Version)
		}
		d.hall.with(func() { d.hall.document = document(5) })
		d.await(time.Minute, "catalogue", func() bool { c := d.link.Catalog(); return c != nil && c.Version == 5 })
	})
}

func TestAnotherHallsCatalogueBeginsAnew(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.document = document(5)
		d.tell(notice(4, "catalog"))
		d.online()
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		d.powerOff()
		d.open()
		if err := d.journal.Keep(d.t.Context(), map[string][]byte{keptCertificate: {}}); err != nil { // as staff do who move a terminal
			d.t.Fatal(err)
		}
		d.powerOff()
		d.hall.stop()
		d.net.closed = make(chan struct{})
		d.hall = newHall(d.t, d.net)
		d.hall.epoch = "another"
		got := &list{}
		d.listen(got)
		d.tell(notice(1, "order"))
		d.writeCode(d.hall.code)
		d.hall.refused["Catalog"] = connect.CodeUnavailable
		d.open()
		d.online()
		d.powerOff()
		d.open()
		if s := d.link.Status(); d.link.Catalog() != nil || s.Err != "" {
			d.t.Errorf("after a power cut: the former hall's catalogue is still there; status %+v", s)
		}
		delete(d.hall.refused, "Catalog")
		d.online()
		d.await(time.Second, "the other hall's catalogue", func() bool { c := d.link.Catalog(); return c != nil && c.Version == 1 })
		if !slices.Equal(got.all(), []int64{1}) {
			d.t.Errorf("handled: got %v, want the other hall's first notice", got.all())
		}
	})
}

// The protocol's table of notices has no kind that a terminal passes over.
func TestEachKindOfNoticeIsHandled(t *testing.T) {
	raw, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "| kind | content | the terminal |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if !found {
		t.Fatal("the table of notices is not where it was")
	}
	onDesk(t, func(d *desk) {
		got, n := &list{}, int64(0)
		d.listen(got)
		for row := range strings.Lines(table) {
			if kind := strings.TrimSpace(strings.Split(row, "|")[1]); kind != "catalog" { // which is fetched
				n++
				d.tell(notice(n, kind))
			}
		}
		d.online()
		d.pass(time.Second)
		if n < 6 || int64(len(got.all())) != n {
			d.t.Errorf("of %d kinds these were handled: %v", n, got.all())
		}
	})
}
