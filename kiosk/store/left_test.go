package store

import (
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
)

// Each start hears when the journal was left. Of a visit that stays open it is when that was left, whatever the starts behind it have written, and however
// they ended.
func TestJournalSaysWhenItWasLeft(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		life := func(left time.Duration, kinds ...casefile.Kind) {
			t.Helper()
			s := open(t, dir)
			defer s.Close()
			if got := s.Left(); left < 0 && !got.IsZero() || left >= 0 && !got.Equal(began.Add(left)) {
				t.Errorf("at %v it was left at %v, want %v", time.Since(began), got.Sub(began), left)
			}
			for _, kind := range kinds {
				h := casefile.Header{}
				if kind != casefile.AcceptorReset {
					h.Visit = "v" + began.Add(left).String()
				}
				if err := s.Append(t.Context(), Entry{Event: casefile.Event{Kind: kind, Header: h}}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Hour) // virtual
		}
		reset, begun, ended := casefile.AcceptorReset, casefile.VisitBegun, casefile.VisitEnded
		life(-1, reset)                 // a new one
		life(0, begun)                  // written at 1 h
		life(time.Hour)                 // found open
		life(time.Hour, reset)          // and again, with a record of the start
		life(time.Hour, reset, ended)   // written at 4 h
		life(4*time.Hour, reset, begun) // another visit, at 5 h
		life(5*time.Hour, ended, begun) // and one more, at 6 h
		life(6*time.Hour, reset)        // it is another one than was kept
		life(6 * time.Hour)
	})
}
