package hall

import "context"

// bulletin is how many notices each terminal has, read once after each change. All terminals wait for notices at once and each
// change wakes them all; if each then asked the database, a hall of a hundred and fifty would be asked as often for every record that comes in.
type bulletin struct {
	turn chan struct{}    // has room for whoever reads
	at   <-chan struct{}  // the change after which it was read
	told map[string]int64 // by terminal
}

func newBulletin() *bulletin { return &bulletin{turn: make(chan struct{}, 1)} }

// toldUpTo is the number of a terminal's last notice: of what stood when the last change was announced, or later.
func (h *Hall) toldUpTo(ctx context.Context, terminal string) (int64, error) {
	b := h.bulletin
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if changed := h.change(); b.at != changed { // taken before reading, so that nothing between is missed
		told, err := h.store.Told(context.WithoutCancel(ctx)) // for the others too
		if err != nil {
			return 0, err
		}
		b.at, b.told = changed, told
	}
	return b.told[terminal], nil
}
