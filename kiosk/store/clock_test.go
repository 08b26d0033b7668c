package store

import (
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
)

// The battery of the clock dies and it begins in another year; later the network is back and sets it right. What
// each record says of its time is true, also after a restart, and the order stays.
func TestClockThatJumps(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		synced := true
		s.synced = func() bool { return synced }
		write := func() {
			t.Helper()
			if err := s.Append(t.Context(), Entry{Event: casefile.Event{Kind: casefile.TerminalStarted, Header: casefile.Header{Version: "1"}}}); err != nil {
				t.Fatal(err)
			}
		}
		write() // synced
		synced = false
		write()                                   // held, even at the same instant
		s.latest = time.Now().Add(24 * time.Hour) // as if the clock had shown tomorrow, and was set back by its battery
		write()                                   // unknown
		synced = true
		write() // synced: now it is right
		synced = false
		write() // held
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		defer s.Close()
		if got, want := s.latest, time.Now(); !got.Equal(want) {
			t.Errorf("after a restart the latest time is %v, want %v", got, want)
		}
		records, err := s.Read(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"synced", "held", "unknown", "synced", "held"}
		for i, r := range records {
			if r.Quality != want[i] {
				t.Errorf("record %d: quality %s, want %s", r.Seq, r.Quality, want[i])
			}
		}
		if len(records) != len(want) {
			t.Errorf("%d records, want %d", len(records), len(want))
		}
	})
}

// Two terminals in one program: each dates its records by its own clock.
func TestClockOfItsOwn(t *testing.T) {
	at := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	s, err := Open(WithClock(t.Context(), Clock{Now: func() time.Time { return at }, Synced: func() bool { return false }}), t.TempDir(), "T1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func() casefile.Record {
		t.Helper()
		if err := s.Append(t.Context(), Entry{Event: casefile.Event{Kind: casefile.TerminalStarted, Header: casefile.Header{Version: "1"}}}); err != nil {
			t.Fatal(err)
		}
		records, err := s.Read(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return records[len(records)-1]
	}
	if r := write(); !r.When().Equal(at) || r.Quality != qualityHeld || !s.Now().Equal(at) {
		t.Errorf("the record is of %s, %s, and now is %v, want %v, held", r.Time, r.Quality, s.Now(), at)
	}
	at = at.Add(-time.Second)
	if r := write(); !r.When().Equal(at) || r.Quality != qualityUnknown {
		t.Errorf("after the clock was set back the record is of %s, %s, want %v, unknown", r.Time, r.Quality, at)
	}
}

// What the clock has shown is kept as it was shown. A time of this process carries the process's own measure too, by which no
// clock is ever set back.
func TestClockThatIsSetBackWhileTheProgramRuns(t *testing.T) {
	for _, synced := range []bool{true, false} {
		s := &Store{synced: func() bool { return synced }}
		if got := s.quality(time.Now()); s.latest != s.latest.Round(0) || s.latest.IsZero() {
			t.Errorf("%s: the latest time is kept as %v", got, s.latest)
		}
	}
}

// Each of the two signs that nobody keeps the clock right is enough (adjtimex(2)).
func TestWhatTheKernelSaysOfItsClock(t *testing.T) {
	for _, tt := range []struct {
		name   string
		state  int
		status int32
		want   bool
	}{
		{"chrony keeps it", 0, 0x2001, true},
		{"and a leap second comes today", 1, 0x2011, true},
		{"just started, nobody keeps it", 5, 0x2040, false},
		{"nobody keeps it any more", 5, 0x2041, false},
		{"an error without the bit", 5, 0x2001, false},
		{"the bit without an error", 0, 0x2041, false},
	} {
		if got := keptRight(tt.state, tt.status); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKernelIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked int
		kept := eachSecond(func() bool { asked++; return asked%2 == 1 })
		for i, tt := range []struct {
			after time.Duration
			want  bool
			asked int
		}{{0, true, 1}, {999 * time.Millisecond, true, 1}, {time.Millisecond, false, 2}, {time.Hour, true, 3}, {0, true, 3}} {
			time.Sleep(tt.after) // the bubble's time
			if got := kept(); got != tt.want || asked != tt.asked {
				t.Errorf("question %d: %v after asking %d times, want %v after %d", i, got, asked, tt.want, tt.asked)
			}
		}
	})
}
