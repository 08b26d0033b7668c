package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"yichuang/kiosk/casefile"
)

// Who keeps something may be told to stop while he does. The journal goes on, and closes.
func TestKeepIsBrokenOff(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, t.TempDir(), "T1")
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i := range 300 {
		stopped, stop := context.WithCancel(ctx)
		go stop()
		switch err := s.Keep(stopped, map[string][]byte{"a": make([]byte, 20_000), "b": []byte(fmt.Sprint(i))}); {
		case err == nil:
			kept++
		case !errors.Is(err, context.Canceled):
			t.Fatalf("keep %d: %v", i, err)
		}
		if err := s.Append(ctx, Entry{Event: casefile.Event{Kind: casefile.TerminalStarted}}); err != nil {
			t.Fatalf("append %d, after %d of them were kept: %v", i, kept, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
