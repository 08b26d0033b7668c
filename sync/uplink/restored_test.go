package uplink

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"yichuang/sync/hallapi"
)

// told is the batches that a hall was handed, in order.
func told(d *desk) (list *[]*hallapi.PushRequest) {
	list = &[]*hallapi.PushRequest{}
	d.hall.with(func() {
		d.hall.entry = func(req *hallapi.PushRequest) error {
			d.hall.with(func() { *list = append(*list, proto.Clone(req).(*hallapi.PushRequest)) })
			return nil
		}
	})
	return list
}

func allOf(d *desk, list *[]*hallapi.PushRequest) (all []*hallapi.PushRequest) {
	d.hall.with(func() { all = slices.Clone(*list) })
	return all
}

func lastOf(d *desk, list *[]*hallapi.PushRequest) (last *hallapi.PushRequest) {
	d.hall.with(func() {
		if n := len(*list); n > 0 {
			last = (*list)[n-1]
		}
	})
	return last
}

// restore takes the hall back to its first records.
func restore(d *desk, keep int64, epoch string) {
	d.hall.with(func() {
		for seq := range d.hall.records {
			if seq > keep {
				delete(d.hall.records, seq)
			}
		}
		d.hall.epoch = epoch
	})
}

func TestWhatATerminalSaysOfItsHall(t *testing.T) {
	onDesk(t, func(d *desk) {
		batches := told(d)
		d.happen(3)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		first := allOf(d, batches)[0]
		if first.HallEpoch != "hall-1" || first.Cursor != 0 || first.Head != 3 || first.More {
			d.t.Errorf("the first batch says %v", first)
		}
		d.pass(beatEvery + time.Second)
		if last := lastOf(d, batches); last.HallEpoch != "hall-1" || last.Cursor != 3 || last.Head != 3 || len(last.Records) != 0 {
			d.t.Errorf("a beat says %v", last)
		}
		restore(d, 1, "2-X")
		d.await(beatEvery+time.Second, "the restored hall has heard everything, a beat later", func() bool {
			last := lastOf(d, batches)
			return last.HallEpoch == "2-X" && last.Cursor+int64(len(last.Records)) == 3 && last.Head == 3 && !last.More
		})
		d.pass(beatEvery + time.Second)
		d.powerOff()
		restore(d, 0, "3-X")
		d.open()
		d.online()
		d.await(time.Minute, "delivered again", d.delivered)
		d.pass(beatEvery + time.Second)
		seen := map[string]int64{}
		for _, b := range allOf(d, batches) {
			seen[b.HallEpoch] = max(seen[b.HallEpoch], b.Cursor)
		}
		if seen["2-X"] != 3 || seen["3-X"] != 3 {
			d.t.Errorf("cursors by the hall's life: %v", seen)
		}
	})
}

// A terminal that has enrolled at another hall tells it nothing of what the former one had.
func TestACursorIsOfOneHall(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.happen(3)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.powerOff()
		d.open()
		if err := d.journal.Keep(d.t.Context(), map[string][]byte{keptHallEpoch: []byte("other")}); err != nil {
			d.t.Fatal(err)
		}
		d.powerOff()
		d.open()
		d.hall.with(func() { d.hall.epoch = "other" })
		batches := told(d)
		d.online()
		d.await(time.Minute, "a batch", func() bool { return lastOf(d, batches) != nil })
		if first := allOf(d, batches)[0]; first.HallEpoch != "other" || first.Cursor != 0 {
			d.t.Errorf("the other hall is told %v", first)
		}
	})
}

// What the hall gave out a moment before it was lost may not be in the journal yet.
func TestATerminalThatHoldsAPermitHasNotToldEverything(t *testing.T) {
	for name, c := range map[string]struct {
		answer proto.Message
		route  string
		ask    func(context.Context, *Link) error
	}{
		"permit": {&hallapi.PermitResponse{Permit: "P1", CodeText: "YL1", FactsJson: []byte("{}")}, "Permit", func(ctx context.Context, l *Link) error {
			_, err := l.Permit(ctx, "c1", "original", "A1", "")
			return err
		}},
		"claim": {&hallapi.ClaimResponse{Paid: true, Owed: "o1", AmountFen: 1}, "Claim", func(ctx context.Context, l *Link) error {
			_, err := l.Claim(ctx, "CODE", "counter", "clerk")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.happen(2)
				d.online()
				d.await(time.Minute, "delivered", d.delivered)
				d.hall.with(func() { d.hall.answers[c.route] = c.answer })
				if err := c.ask(d.t.Context(), d.link); err != nil {
					d.t.Fatal(err)
				}
				given := time.Now()
				batches := told(d)
				d.pass(2 * beatEvery)
				if last := lastOf(d, batches); last.More {
					d.t.Error("the hall that gave it is told that there is more")
				}
				restore(d, 0, "2-X")
				d.await(time.Minute, "delivered again", d.delivered)
				d.pass(beatEvery)
				if last := lastOf(d, batches); last.HallEpoch != "2-X" || !last.More {
					d.t.Errorf("while it may be used: %v, want more", last)
				}
				d.pass(time.Until(given.Add(heldMax + 2*beatEvery)))
				if last := lastOf(d, batches); last.More {
					d.t.Error("it is over, and the hall is not told")
				}
			})
		})
	}
}

// The hall has more of this journal than there is: the disk is an older one. No money was taken, and none is before.
func TestAnOldDiskGoesOnUnderAnotherEpoch(t *testing.T) {
	onDesk(t, func(d *desk) {
		origin := d.journal.Epoch()
		d.happen(3)
		if err := d.journal.Branch(d.t.Context(), "the acceptor knows more", true); err != nil {
			d.t.Fatal(err)
		}
		first := d.journal.Epoch()
		d.net.set("cut")
		d.start()
		d.pass(time.Minute)
		if d.journal.Unanswered() == "" {
			d.t.Error("answered without a line")
		}
		batches := told(d)
		d.net.set("up")
		d.await(time.Minute, "answered", func() bool { return d.journal.Unanswered() == "" })
		d.await(time.Minute, "delivered", func() bool { return d.link.Status().Cursor == 4 })
		var seen []string
		for _, b := range allOf(d, batches) {
			for _, r := range b.Records {
				seen = append(seen, fmt.Sprint(b.Epoch == origin, b.After, r.Seq, b.More))
			}
		}
		if want := []string{"true 0 1 true", "true 0 2 true", "true 0 3 true", "false 3 4 false"}; !slices.Equal(seen, want) {
			d.t.Errorf("handed over: %v, want %v", seen, want)
		}
		d.hall.with(func() {
			d.hall.forge = func(route string, a any) {
				if route == "Push" {
					a.(*hallapi.PushResponse).Cursor = 90
				}
			}
		})
		d.await(time.Minute, "another branch", func() bool { return d.journal.Epoch() != first })
		second := d.journal.Epoch()
		d.pass(10 * time.Minute)
		if d.journal.Epoch() != second {
			d.t.Error("a hall that is mistaken makes an epoch of every record")
		}
		if got := d.link.Status().Err; !strings.Contains(got, "older one") {
			d.t.Errorf("staff read %q", got)
		}
	})
}

// A revoked terminal is told why, remembers it without a line, hands in what it has, and is free again after an enrolment.
func TestARevokedTerminalKnowsWhy(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.happen(2)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.with(func() {
			d.hall.revoked = true
			d.hall.forge = func(route string, a any) {
				if route == "Push" {
					a.(*hallapi.PushResponse).Revoked = "stolen"
				}
			}
		})
		d.happen(1)
		d.await(time.Minute, "told", func() bool { return d.link.Revoked() == "stolen" })
		d.await(time.Minute, "delivered all the same", d.delivered)
		if got := d.link.Status().Err; !strings.Contains(got, "revoked this terminal: stolen") || !strings.Contains(got, "enrol-code") {
			d.t.Errorf("staff read %q", got)
		}
		d.powerOff()
		d.net.set("cut")
		d.open()
		if d.link.Revoked() != "stolen" {
			d.t.Error("forgotten over a restart without a line")
		}
		d.net.set("up")
		d.hall.with(func() {
			d.hall.revoked, d.hall.forge, d.hall.used = false, nil, nil
			d.hall.code = hallapi.NewCode(d.hall.ca.Raw)
		})
		d.writeCode(d.hall.code)
		d.start()
		d.await(time.Minute, "free again", func() bool { return d.link.Revoked() == "" })
	})
}
