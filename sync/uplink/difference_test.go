package uplink

import (
	"bytes"
	"testing"
	"time"

	"yichuang/sync/hallapi"
)

// differing is a hall that had the catalogue 1, has published the catalogue 2, and answers with a difference.
func differing(t *testing.T, differ func(from, to []byte) []byte, story func(d *desk, asked int)) {
	t.Helper()
	onDesk(t, func(d *desk) {
		d.online()
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		d.powerOff() // what it has comes from the disk
		d.hall.with(func() {
			d.hall.former = map[string][]byte{string(sha256Of(document(1))): document(1)}
			d.hall.differ = differ
			d.hall.document = document(2)
		})
		before := d.count("Catalog")
		d.open()
		d.online()
		d.await(time.Minute, "the new catalogue", func() bool { return d.link.Catalog().Version == 2 })
		if kept, err := d.journal.Kept(d.t.Context(), keptDocument); err != nil || !bytes.Equal(kept, document(2)) {
			d.t.Errorf("%d bytes are kept, %v: want the new catalogue, byte for byte", len(kept), err)
		}
		story(d, d.count("Catalog")-before)
		d.powerOff()
		d.open()
		if c := d.link.Catalog(); c == nil || c.Version != 2 {
			d.t.Errorf("after a restart: got %v, want version 2", c)
		}
	})
}

func TestACatalogueTravelsAsADifference(t *testing.T) {
	sent := 0
	differing(t, func(from, to []byte) []byte {
		d, err := hallapi.Difference(from, to)
		if err != nil || d == nil {
			t.Errorf("no difference: %v", err)
		}
		sent++
		return d
	}, func(d *desk, asked int) {
		if asked != 1 || sent != 1 {
			d.t.Errorf("the catalogue was asked for %d times, and %d differences were sent: want one of each", asked, sent)
		}
	})
}

// TestAnOddDifferenceIsPassedOver: the whole is fetched, at once.
func TestAnOddDifferenceIsPassedOver(t *testing.T) {
	good := func(from, to []byte) []byte {
		d, err := hallapi.Difference(from, to)
		if err != nil {
			t.Error(err)
		}
		return d
	}
	for name, differ := range map[string]func(from, to []byte) []byte{
		"garbage":         func(_, _ []byte) []byte { return []byte("no difference at all") },
		"cut":             func(from, to []byte) []byte { d := good(from, to); return d[:len(d)-3] },
		"doubled":         func(from, to []byte) []byte { d := good(from, to); return append(d, d...) },
		"of another base": func(_, to []byte) []byte { return good(append(document(7), to...), to) },
		"to another":      func(from, _ []byte) []byte { return good(from, document(9)) },
		"to what was":     func(from, _ []byte) []byte { return good(from, from) },
		"to nothing":      func(_, _ []byte) []byte { return []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00} },
	} {
		t.Run(name, func(t *testing.T) {
			differing(t, differ, func(d *desk, asked int) {
				if asked != 2 {
					d.t.Errorf("the catalogue was asked for %d times, want for a difference and then for the whole", asked)
				}
				if s := d.link.Status(); s.Err != "" {
					d.t.Errorf("status: got %+v, want no trouble", s)
				}
			})
		})
	}
}

// TestAnotherCatalogueUnderTheSameNumber, as a hall publishes that was restored.
func TestAnotherCatalogueUnderTheSameNumber(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		other := bytes.Replace(document(1), []byte("12345"), []byte("54321"), 1)
		d.hall.with(func() {
			d.hall.forge = func(route string, a any) {
				if c, ok := a.(*hallapi.CatalogResponse); ok && route == "Catalog" {
					c.Document, c.Signature = other, d.hall.signed(other)
				}
			}
		})
		d.tell(notice(1, "catalog"))
		d.pass(time.Second)
		if got := d.link.Catalog().Phone; got != "54321" {
			d.t.Errorf("phone: got %s, want that of the other catalogue", got)
		}
	})
}
