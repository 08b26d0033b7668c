package uplink

import (
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
)

// queue puts records into the journal that do not become shorter when they are compressed, in one commit.
func (d *desk) queue(count, size int) {
	d.t.Helper()
	entries := make([]store.Entry, count)
	for i := range entries {
		secret := make([]byte, size)
		rand.Read(secret) // never fails
		entries[i] = store.Entry{Event: casefile.Event{Kind: casefile.CaseRated, Header: casefile.Header{Stars: 5}}, Secret: secret}
	}
	if err := d.journal.Append(d.t.Context(), entries...); err != nil {
		d.t.Fatal(err)
	}
}

// watchCursor fails the test when the cursor goes back.
func (d *desk) watchCursor() (good func() bool) {
	last := int64(0)
	return func() bool {
		now := d.link.Status().Cursor
		if now < last {
			d.t.Errorf("the cursor went back from %d to %d", last, now)
		}
		last = now
		return d.delivered()
	}
}

// TestALongLineIsNeverIdle: while one batch is answered the next one is on the line.
func TestALongLineIsNeverIdle(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.net.kbit, d.net.half = 10000, 25*time.Millisecond
		var inside, most atomic.Int32
		d.hall.with(func() {
			d.hall.most = hallapi.RecordsMax
			d.hall.entry = func(r *hallapi.PushRequest) error {
				most.Store(max(most.Load(), inside.Add(1)))
				<-time.After(30 * time.Millisecond) // the hall's disk
				inside.Add(-1)
				return nil
			}
		})
		d.online()
		d.net.set("cut")
		d.queue(5000, 300)
		d.net.set("up")
		d.await(10*time.Second, "the queue begins to drain", func() bool { return d.link.Status().Cursor >= 500 })
		d.net.mu.Lock()
		came := d.net.came
		d.net.mu.Unlock()
		took := d.await(time.Minute, "delivered", d.watchCursor())
		d.net.mu.Lock()
		came = d.net.came - came
		d.net.mu.Unlock()
		if rate := float64(came) * 8 / took.Seconds(); rate < 0.95*10e6 {
			d.t.Errorf("%d bytes in %v are %.0f bit/s, want 0.95 of ten million", came, took, rate)
		}
		if most.Load() > flightsMax {
			d.t.Errorf("%d batches at once, want %d", most.Load(), flightsMax)
		}
		if d.hall.twice != 0 {
			d.t.Errorf("%d records were sent twice", d.hall.twice)
		}
	})
}

// TestAnAnswerToWhatWasSentAheadIsNotTheLastWord: what else than the expected an answer to a batch says that was sent before the one
// before it was answered, the next batch brings again.
func TestAnAnswerToWhatWasSentAheadIsNotTheLastWord(t *testing.T) {
	for name, forge := range map[string]func(*hallapi.PushResponse){
		"the batch before is missing": func(a *hallapi.PushResponse) { a.Cursor = 10 },
		"lies aside":                  func(a *hallapi.PushResponse) { a.Aside = true },
		"another life":                func(a *hallapi.PushResponse) { a.HallEpoch = "hall-9" },
		"revoked":                     func(a *hallapi.PushResponse) { a.Revoked = "stolen" },
		"has more than there is":      func(a *hallapi.PushResponse) { a.Cursor = 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.net.half = 20 * time.Millisecond
				d.online()
				d.net.set("cut")
				d.queue(1600, 60)
				forged := 0
				d.hall.with(func() {
					d.hall.reply = func(r *hallapi.PushRequest, a *hallapi.PushResponse) {
						if len(r.Records) > 0 && r.Records[0].Seq > r.Cursor+1 && forged < 2 {
							forged++
							forge(a)
						}
					}
				})
				epoch := d.journal.Epoch()
				d.net.set("up")
				d.await(time.Minute, "delivered", d.watchCursor())
				d.await(time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
				if forged != 2 {
					d.t.Errorf("%d answers were forged, want 2", forged)
				}
				if s := d.link.Status(); s.Err != "" || d.link.Revoked() != "" || d.journal.Epoch() != epoch || d.link.life() != "hall-1" {
					d.t.Errorf("status %+v, epoch %s (was %s), life %s: want nothing of it believed", s, d.journal.Epoch(), epoch, d.link.life())
				}
			})
		})
	}
}

// TestABatchHasAsManyRecordsAsTheHallTakes, and no more than every hall takes before it has said how many.
func TestABatchHasAsManyRecordsAsTheHallTakes(t *testing.T) {
	for _, c := range []struct{ says, want int }{{0, hallapi.RecordsLeast}, {-7, hallapi.RecordsLeast}, {30, 30}, {hallapi.RecordsMax, hallapi.RecordsMax}, {1 << 20, hallapi.RecordsMax}} {
		if testing.Short() && (c.says == -7 || c.says == 1<<20) {
			continue
		}
		t.Run(strconv.Itoa(c.says), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.queueBefore(2100)
				d.hall.with(func() { d.hall.most = int32(c.says) })
				d.online()
				d.await(time.Minute, "delivered", d.delivered)
				sizes := slices.DeleteFunc(slices.Clone(d.hall.pushes), func(n int) bool { return n == 0 })
				if sizes[0] > hallapi.RecordsLeast {
					d.t.Errorf("the first batch has %d records, before the hall has said how many it takes", sizes[0])
				}
				if got := slices.Max(sizes[1:]); got != c.want {
					d.t.Errorf("the largest batch has %d records, want %d: %v", got, c.want, sizes)
				}
			})
		})
	}
}

// queueBefore queues records before there is a hall's key, so that nothing is sealed.
func (d *desk) queueBefore(count int) {
	d.t.Helper()
	entries := make([]store.Entry, count)
	for i := range entries {
		entries[i] = store.Entry{Event: casefile.Event{Kind: casefile.CaseRated, Header: casefile.Header{Stars: 5}}}
	}
	if err := d.journal.Append(d.t.Context(), entries...); err != nil {
		d.t.Fatal(err)
	}
}

var errOlder = connect.NewError(connect.CodeInvalidArgument, errors.New("malformed batch"))

// TestOlderHallInBetween: a hall that took large batches is replaced by one that refuses them.
func TestOlderHallInBetween(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.with(func() { d.hall.most = hallapi.RecordsMax })
		d.queueBefore(1000)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.with(func() {
			d.hall.most = 0
			d.hall.entry = func(r *hallapi.PushRequest) error {
				if len(r.Records) > hallapi.RecordsLeast {
					return errOlder
				}
				return nil
			}
		})
		d.queueBefore(1000)
		d.await(time.Minute, "delivered to the older one", d.delivered)
	})
}

// TestTheCursorOnTheDiskIsASecondOldAtMost, and exact when the queue is empty or the terminal was told to stop.
func TestTheCursorOnTheDiskIsASecondOldAtMost(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.net.kbit, d.net.half = 1200, 5*time.Millisecond
		d.online()
		d.net.set("cut")
		d.queue(3000, 300)
		d.net.set("up")
		began, behind, seen := time.Now(), 0, map[int64]bool{}
		for past := map[int64]time.Time{}; d.link.Status().Cursor < 2400; d.pass(50 * time.Millisecond) {
			if time.Since(began) > time.Minute {
				d.t.Fatal("the queue does not drain")
			}
			kept, err := d.journal.Cursor(d.t.Context())
			if err != nil {
				d.t.Fatal(err)
			}
			now := d.link.Status().Cursor
			if _, known := past[now]; !known {
				past[now] = time.Now()
			}
			seen[kept] = true
			for cursor, when := range past {
				if cursor > kept && time.Since(when) > cursorEvery+time.Second {
					d.t.Fatalf("the cursor on the disk is %d, and was %d in the terminal %v ago", kept, cursor, time.Since(when))
				}
			}
			if kept < now {
				behind++
			}
		}
		if behind == 0 || len(seen) < 3 {
			d.t.Errorf("behind %d times, %d cursors on the disk: want a cursor that is written now and then", behind, len(seen))
		}
		link := d.link
		d.cancel()
		<-d.ended
		d.cancel = nil
		kept, err := d.journal.Cursor(d.t.Context())
		if now := link.Status().Cursor; kept != now || err != nil {
			d.t.Errorf("stopped: the cursor on the disk is %d (%v), want %d", kept, err, now)
		}
		d.powerOff()
		d.open()
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		head, _ := d.journal.Head()
		if kept, err := d.journal.Cursor(d.t.Context()); kept != head || err != nil {
			d.t.Errorf("delivered: the cursor on the disk is %d (%v), want %d", kept, err, head)
		}
	})
}

// TestOnlyAQuickLineGoesWithoutCompression.
func TestOnlyAQuickLineGoesWithoutCompression(t *testing.T) {
	for _, c := range []struct {
		kbit  int
		quick bool
	}{{0, true}, {100000, true}, {20000, false}, {1000, false}} {
		if testing.Short() && (c.kbit == 1000 || c.kbit == 100000) {
			continue
		}
		t.Run(strconv.Itoa(c.kbit), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.net.kbit, d.net.half = c.kbit, 500*time.Microsecond
				d.hall.with(func() { d.hall.most = hallapi.RecordsMax })
				d.online()
				d.net.set("cut")
				d.queue(1500, 200)
				d.net.set("up")
				d.await(time.Minute, "delivered", d.delivered)
				d.hall.mu.Lock()
				defer d.hall.mu.Unlock()
				if plain := d.hall.plain > 0; plain != c.quick || d.hall.encodings["Push"]["zstd"] == 0 {
					d.t.Errorf("large batches without compression: %d, encodings %v, want some: %v, and the first one compressed", d.hall.plain, d.hall.encodings["Push"], c.quick)
				}
			})
		})
	}
}
