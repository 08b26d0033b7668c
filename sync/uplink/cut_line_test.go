package uplink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
)

func TestNewTerminalIsEnrolledAndSends(t *testing.T) {
	onDesk(t, func(d *desk) {
		if d.link.Sealing() || d.link.Root() != nil || d.link.Catalog() != nil || d.link.Status().Enrolled {
			d.t.Error("a terminal that is not enrolled knows a hall")
		}
		d.happen(3)
		d.online()
		d.await(time.Second, "delivered", d.delivered)
		d.await(time.Second, "catalogue", func() bool { return d.link.Catalog() != nil })
		s := d.link.Status()
		if !s.Up || !s.Enrolled || s.Err != "" || s.Cursor != 3 || s.Head != 3 || !s.OldestUnsent.IsZero() {
			d.t.Errorf("status: got %+v", s)
		}
		if !d.link.Sealing() || len(d.link.Root()) == 0 {
			d.t.Error("no sealing key or license root after the enrolment")
		}
	})
}

func TestCutLineIsNoticedBothWays(t *testing.T) {
	for _, mode := range []string{"cut", "hole"} {
		for _, away := range []time.Duration{4 * time.Second, 15 * time.Second, time.Minute, time.Hour} {
			t.Run(fmt.Sprint(mode, away), func(t *testing.T) {
				onDesk(t, func(d *desk) {
					d.online()
					d.pass(100 * time.Second)
					if !d.link.Up() {
						d.t.Fatal("not up on a good line")
					}
					d.net.set(mode)
					down := d.await(time.Minute, "down", func() bool { return !d.link.Up() })
					if down > 3*time.Second {
						d.t.Errorf("down after %v, want 3 s at most", down)
					}
					for end := time.Now().Add(away - down); time.Now().Before(end); {
						d.pass(min(time.Until(end), 100*time.Millisecond+away/1000))
						if d.link.Up() {
							d.t.Fatal("up while the line is away")
						}
					}
					if n := strings.Count(d.logged(), "level=WARN"); n > 6 {
						d.t.Errorf("%d warnings in the log:\n%s", n, d.logged())
					}
					d.net.set("up")
					if back := d.await(time.Minute, "up again", d.link.Up); back > 2*time.Second {
						d.t.Errorf("up again after %v, want 2 s at most", back)
					}
					d.await(time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
				})
			})
		}
	}
}

func TestShortSilenceIsBorne(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.pass(10 * time.Second)
		dials := d.net.tried()
		for range 20 {
			d.net.set("hole")
			d.pass(1500 * time.Millisecond)
			if !d.link.Up() {
				d.t.Fatal("down after a second and a half of silence")
			}
			d.net.set("up")
			d.pass(3 * time.Second)
		}
		d.net.set("hole")
		d.pass(5 * time.Second)
		d.net.set("up")
		d.await(time.Second, "up on the same connection", d.link.Up)
		if d.net.tried() != dials {
			d.t.Errorf("connections: got %d new ones, want none", d.net.tried()-dials)
		}
	})
}

func TestThreeDaysWithoutALineAreDrained(t *testing.T) {
	hours := 72
	if testing.Short() {
		hours = 8
	}
	onDesk(t, func(d *desk) {
		d.happen(5)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.net.set("hole")
		first := time.Now()
		for range hours {
			d.pass(time.Hour)
			d.happen(30)
		}
		s := d.link.Status()
		if s.Up || s.Cursor != 5 || s.Head != int64(5+hours*30) || s.Err == "" {
			d.t.Errorf("status without a line: got %+v", s)
		}
		if want := first.Add(time.Hour); s.OldestUnsent.Sub(want).Abs() > time.Second {
			d.t.Errorf("oldest unsent: got %v, want %v", s.OldestUnsent, want)
		}
		tries := d.net.tried()
		if perHour := tries / hours; perHour < 900 || perHour > 1300 {
			d.t.Errorf("connections tried: got %d an hour, want one in three seconds or so", perHour)
		}
		d.net.set("up")
		if took := d.await(time.Minute, "drained", d.delivered); took > 5*time.Second {
			d.t.Errorf("drained in %v", took)
		}
		d.hall.mu.Lock()
		defer d.hall.mu.Unlock()
		for _, n := range d.hall.pushes {
			if n > hallapi.RecordsMax {
				d.t.Errorf("a batch of %d records, want %d at most", n, hallapi.RecordsMax)
			}
		}
		if d.hall.twice != 0 {
			d.t.Errorf("%d records were sent twice on a good line", d.hall.twice)
		}
	})
}

func TestLostAnswersAreHarmless(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.with(func() {
			lost := 0
			d.hall.forge = func(route string, _ any) {
				if route == "Push" && lost < 5 {
					lost++
					d.net.set("cut")
					d.net.set("up")
				}
			}
		})
		d.happen(700)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		if d.hall.twice == 0 {
			d.t.Error("no answer was lost")
		}
	})
}

func TestRecordGoesOutAtOnce(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.pass(12345 * time.Millisecond)
		d.happen(1)
		if took := d.await(time.Second, "delivered", d.delivered); took > 50*time.Millisecond {
			d.t.Errorf("delivered in %v", took)
		}
	})
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		secret := make([]byte, 300<<10)
		for i := range 8 {
			e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: fmt.Sprint("c", i), Header: casefile.Header{Service: "pay.water"}}, Secret: secret}
			d.net.set("cut")
			if err := d.journal.Append(d.t.Context(), e); err != nil {
				d.t.Fatal(err)
			}
		}
		d.net.set("up")
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.mu.Lock()
		defer d.hall.mu.Unlock()
		batches := 0
		for _, n := range d.hall.pushes {
			if n > 0 {
				batches++
			}
			if n > 2 {
				d.t.Errorf("a batch of %d records of 400 kB each", n)
			}
		}
		if batches < 4 || batches > 8 {
			d.t.Errorf("batches: got %v", d.hall.pushes)
		}
	})
}

func TestLineThatBearsSmallBatchesOnly(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.net.set("cut")
		for i := range 40 {
			e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: fmt.Sprint("c", i), Header: casefile.Header{Service: "pay.water"}}, Secret: make([]byte, 4<<10)}
			if err := d.journal.Append(d.t.Context(), e); err != nil {
				d.t.Fatal(err)
			}
		}
		var broke atomic.Int32 // two batches may be at the hall at once
		d.hall.with(func() {
			d.hall.entry = func(r *hallapi.PushRequest) error {
				if len(r.Records) > 4 {
					broke.Add(1)
					d.net.set("cut")
					d.net.set("up")
					return connect.NewError(connect.CodeUnavailable, errors.New("the line broke"))
				}
				return nil
			}
		})
		d.net.set("up")
		d.await(time.Minute, "delivered", d.delivered)
		if n := broke.Load(); n < 2 || n > 12 {
			d.t.Errorf("the line broke %d times", n)
		}
	})
}

func TestBatchFollowsTheLine(t *testing.T) {
	for _, c := range []struct {
		batch, sent int
		took        time.Duration
		want        int
	}{
		{64 << 10, 64 << 10, 100 * time.Millisecond, 128 << 10},
		{64 << 10, 32 << 10, 499 * time.Millisecond, 128 << 10},
		{64 << 10, 32<<10 - 1, 0, 64 << 10},
		{64 << 10, 0, 0, 64 << 10},
		{64 << 10, 64 << 10, 500 * time.Millisecond, 64 << 10},
		{64 << 10, 64 << 10, 2 * time.Second, 64 << 10},
		{64 << 10, 0, 2001 * time.Millisecond, 32 << 10},
		{1 << 20, 1 << 20, 0, 1 << 20},
		{700 << 10, 700 << 10, 0, 1 << 20},
		{16 << 10, 1 << 10, time.Minute, 16 << 10},
		{20 << 10, 20 << 10, time.Minute, 16 << 10},
	} {
		if got := nextBatch(c.batch, c.sent, c.took); got != c.want {
			t.Errorf("after %d of %d bytes in %v: got %d, want %d", c.sent, c.batch, c.took, got, c.want)
		}
	}
}

func TestSlowLineIsNotACutOne(t *testing.T) {
	records := 60 // about 720 kB: a minute and a half
	if testing.Short() {
		records = 12
	}
	onDesk(t, func(d *desk) {
		d.net.kbit, d.net.half = 64, 300*time.Millisecond
		d.online()
		d.net.set("cut")
		for i := range records {
			e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: fmt.Sprint("c", i), Header: casefile.Header{Service: "pay.water"}}, Secret: make([]byte, 9<<10)}
			if err := d.journal.Append(d.t.Context(), e); err != nil {
				d.t.Fatal(err)
			}
		}
		d.net.set("up")
		d.await(10*time.Second, "up", d.link.Up)
		tried, began, asked := d.net.tried(), time.Now(), make(chan time.Duration, 1)
		for busy := false; !d.delivered(); {
			d.pass(100 * time.Millisecond)
			if !d.link.Up() {
				d.t.Fatalf("down although bytes pass; status %+v\n%s", d.link.Status(), d.logged())
			}
			if !busy {
				busy = true
				go func() {
					began := time.Now()
					d.put(questions[5], time.Minute)
					asked <- time.Since(began)
				}()
			}
			select {
			case took := <-asked:
				busy = false
				// At first the first batch is before it, then a small one.
				if since := time.Since(began); took > 12*time.Second || since > 30*time.Second && took > 4*time.Second {
					d.t.Errorf("a question took %v, %v after the queue began to drain", took, since)
				}
			default:
			}
		}
		if took := time.Since(began); took > 2*time.Minute+30*time.Second {
			d.t.Errorf("drained in %v", took)
		}
		if d.net.tried() != tried {
			d.t.Errorf("%d new connections", d.net.tried()-tried)
		}
	})
}

func TestRestoredHallGetsTheJournalAgain(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.happen(400)
		d.online()
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.with(func() {
			for seq := range d.hall.records {
				if seq > 123 {
					delete(d.hall.records, seq)
				}
			}
			d.hall.epoch = "hall-2"
		})
		if d.delivered() {
			d.t.Fatal("the hall forgot nothing")
		}
		d.await(6*time.Second, "delivered again, begun by the next beat", d.delivered)
		if n := d.hall.twice; n != 0 {
			d.t.Errorf("%d records that the hall had were sent again", n)
		}
		if got, err := d.journal.Kept(d.t.Context(), keptHallEpoch); string(got) != "hall-2" || err != nil {
			d.t.Errorf("hall epoch: got %q (%v), want hall-2", got, err)
		}
	})
}

func TestGarbledCursorIsNotBelieved(t *testing.T) {
	for _, cursor := range []int64{-1, -1 << 62} {
		t.Run(fmt.Sprint(cursor), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.happen(10)
				d.hall.with(func() {
					d.hall.forge = func(route string, a any) {
						if route == "Push" {
							a.(*hallapi.PushResponse).Cursor = cursor
						}
					}
				})
				d.online()
				d.pass(10 * time.Minute)
				if s := d.link.Status(); s.Cursor != 0 || s.Err == "" || !s.Up {
					d.t.Errorf("status: got %+v, want cursor 0 and an error", s)
				}
				if n := d.count("Push"); n < 15 || n > 40 {
					d.t.Errorf("pushes in ten minutes: got %d", n)
				}
				d.hall.with(func() { d.hall.forge = nil })
				d.await(time.Minute, "delivered", d.delivered)
				d.await(time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
			})
		})
	}
}

func TestHallThatTakesNothingIsLeftAlone(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.happen(10)
		d.hall.with(func() {
			d.hall.forge = func(route string, a any) {
				if route == "Push" {
					a.(*hallapi.PushResponse).Cursor = 0
				}
			}
		})
		d.online()
		d.pass(10 * time.Minute)
		if n := d.count("Push"); n < 15 || n > 40 {
			d.t.Errorf("pushes in ten minutes: got %d", n)
		}
	})
}

func TestPushRefusedByCodeIsTriedSlowly(t *testing.T) {
	for _, code := range []connect.Code{connect.CodeInvalidArgument, connect.CodeUnavailable, connect.CodeInternal} {
		t.Run(code.String(), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.happen(10)
				d.hall.with(func() { d.hall.refused["Push"] = code })
				d.online()
				d.pass(10 * time.Minute)
				if n := d.count("Push"); n < 15 || n > 40 {
					d.t.Errorf("pushes in ten minutes: got %d", n)
				}
				if s := d.link.Status(); !s.Up || s.Err == "" {
					d.t.Errorf("status: got %+v, want up, with an error", s)
				}
				d.hall.with(func() { delete(d.hall.refused, "Push") })
				d.await(time.Minute, "delivered", d.delivered)
			})
		})
	}
}

func TestHallHearsHowTheTerminalIs(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.powerOff()
		d.config.Health = func() *hallapi.Health { return &hallapi.Health{Page: "home", Queue: 99} }
		d.open()
		d.online()
		d.pass(5 * time.Minute)
		d.hall.mu.Lock()
		beats := d.hall.beats
		d.hall.mu.Unlock()
		if len(beats) < 59 || len(beats) > 62 {
			d.t.Errorf("beats in five minutes: got %d, want 60", len(beats))
		}
		for _, b := range beats {
			if b.GetVersion() != "1.2.3" || b.GetPage() != "home" || b.GetQueue() != 0 {
				d.t.Fatalf("health: got %v", b)
			}
		}
		d.powerOff()
		d.config.Health = nil
		d.open()
		d.online()
		d.pass(time.Second)
		d.hall.mu.Lock()
		count := len(d.hall.beats)
		d.hall.mu.Unlock()
		d.hall.with(func() { d.hall.refused["Push"] = connect.CodeUnavailable })
		d.pass(6 * time.Second)
		d.happen(7)
		d.pass(time.Minute)
		d.hall.with(func() { delete(d.hall.refused, "Push") })
		d.await(time.Minute, "delivered", d.delivered)
		d.hall.mu.Lock()
		defer d.hall.mu.Unlock()
		if got := d.hall.beats[count]; got.GetQueue() != 7 || got.GetVersion() != "1.2.3" {
			d.t.Errorf("health with a queue: got %v", got)
		}
	})
}

func TestFlush(t *testing.T) {
	onDesk(t, func(d *desk) {
		flush := func(limit time.Duration) (time.Duration, error) {
			ctx, done := context.WithTimeout(d.t.Context(), limit)
			defer done()
			began := time.Now()
			err := d.link.Flush(ctx)
			return time.Since(began), err
		}
		d.happen(1)
		if took, err := flush(time.Minute); !errors.Is(err, office.ErrNoLine) || took > 0 {
			d.t.Errorf("before Run: got %v after %v, want no line at once", err, took)
		}
		d.online()
		for range 10 {
			d.happen(20)
			if took, err := flush(time.Second); err != nil || took > 50*time.Millisecond {
				d.t.Errorf("on a good line: got %v after %v", err, took)
			}
			if !d.delivered() {
				d.t.Error("flushed and not delivered")
			}
		}
		d.net.set("cut")
		d.happen(1)
		if took, err := flush(30 * time.Second); !errors.Is(err, office.ErrNoLine) || took > sinceDown+time.Second {
			d.t.Errorf("on a cut line: got %v after %v, want no line after %v", err, took, sinceDown)
		}
		if took, err := flush(30 * time.Second); !errors.Is(err, office.ErrNoLine) || took > 0 {
			d.t.Errorf("on a line that is down for long: got %v after %v, want no line at once", err, took)
		}
		d.net.set("up")
		d.await(time.Minute, "up", d.link.Up)
		d.net.set("cut")
		d.happen(1)
		if took, err := flush(2 * time.Second); !errors.Is(err, office.ErrNoLine) || took != 2*time.Second {
			d.t.Errorf("with two seconds: got %v after %v, want no line after them", err, took)
		}
		d.hall.with(func() { d.hall.refused["Push"] = connect.CodeUnavailable })
		d.net.set("up")
		d.await(time.Minute, "up", d.link.Up)
		if took, err := flush(9 * time.Second); !errors.Is(err, office.ErrNoLine) || took != 9*time.Second {
			d.t.Errorf("at a hall that takes nothing: got %v after %v, want no line after nine seconds", err, took)
		}
		d.pass(5 * time.Minute)
		d.hall.with(func() { delete(d.hall.refused, "Push") })
		if took, err := flush(9 * time.Second); err != nil || took > 50*time.Millisecond {
			d.t.Errorf("at a hall that takes again: got %v after %v", err, took)
		}
	})
}
