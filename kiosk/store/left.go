package store

import (
	"context"
	"encoding/json"
	"time"

	"yichuang/kiosk/sqlite"
)

// keptLeft is the name under which it is kept when a visit that is open was left.
const keptLeft = "left"

// left is when a visit was left, for the program went down.
type left struct {
	Visit string
	At    time.Time
}

// Left is when the journal was last written before it was opened, and before anything ran; the zero time of a new one. While a visit stays open it is
// what the first start behind it found: one that dies in its first seconds has written, too, what its devices told, and that says nothing of a person.
func (s *Store) Left() time.Time { return s.left }

// loadLeft takes up what was kept for the visit that is open, or keeps it. On a full disk, of which the ballast is given up, it is not kept.
func (s *Store) loadLeft(ctx context.Context) error {
	visit := s.book.Visit
	if visit == "" {
		return nil
	}
	raw, err := s.Kept(ctx, keptLeft)
	if err != nil {
		return err
	}
	var was left
	if json.Unmarshal(raw, &was) == nil && was.Visit == visit {
		s.left = was.At
		return nil
	}
	if raw, err = json.Marshal(left{visit, s.left}); err != nil {
		return err
	}
	if err = s.Keep(ctx, map[string][]byte{keptLeft: raw}); sqlite.IsFull(err) {
		return nil
	}
	return err
}
