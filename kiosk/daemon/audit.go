package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
)

// Audit reads the journal from the disk and checks every promise that can be checked from it alone. It
// changes nothing.
func (d *Daemon) Audit(ctx context.Context) (ctl.Audit, error) {
	if err := d.ready(); err != nil {
		return ctl.Audit{}, err
	}
	return d.audit(ctx)
}

func (d *Daemon) audit(ctx context.Context) (ctl.Audit, error) {
	book := casefile.NewBook()
	var read int64
	broken := map[string]string{}
	fail := func(id, format string, args ...any) {
		if broken[id] == "" {
			broken[id] = fmt.Sprintf(format, args...)
		}
	}
	var live casefile.Places
	var seq int64
	d.journal.Book(func(b *casefile.Book) { live, seq = b.Placed, b.Seq })
	err := d.chain(ctx, func(r casefile.Record) error {
		read++
		e, err := r.Event()
		if err != nil {
			fail("event.decodes", "%v", err)
			return nil
		}
		if stray := strayField(r); stray != "" {
			fail("header.clear", "event %d: field %q may not stand in the header of %s", r.Seq, stray, r.Kind)
		}
		if err := book.Apply(r.Seq, r.When(), e); err != nil {
			fail("event.follows", "%v", err)
		}
		for _, text := range book.Check() {
			id, note, _ := strings.Cut(text, ": ")
			fail(id+".balance", "event %d: %s", r.Seq, note)
		}
		if book.Seq == seq && !reflect.DeepEqual(book.Placed, live) {
			fail("book.replays", "the journal gives %+v and the program has %+v", book.Placed, live)
		}
		return nil
	})
	if err != nil {
		fail("journal.chain", "%v", err)
	}
	out := ctl.Audit{Invariants: []ctl.Invariant{}}
	for _, id := range []string{"journal.chain", "event.decodes", "event.follows", "header.clear", "money.balance", "notes.balance", "visit.balance", "owed.balance", "blanks.balance", "license.balance", "book.replays"} {
		note := broken[id]
		out.Invariants = append(out.Invariants, ctl.Invariant{ID: id, Holds: note == "", Checked: read, Note: note})
		if note != "" {
			out.Violations++
		}
	}
	return out, nil
}

// strayField is a field of the header that its kind may not carry.
func strayField(r casefile.Record) string {
	var have map[string]json.RawMessage
	if json.Unmarshal(r.Header, &have) != nil {
		return "(no JSON)"
	}
	for _, name := range casefile.Fields[r.Kind] {
		delete(have, name)
	}
	for name := range have {
		if _, known := casefile.Fields[r.Kind]; known {
			return name
		}
	}
	return ""
}
