package hall

import "yichuang/kiosk/casefile"

// dayClosed sees that a terminal's closings follow each other: the number is the next one, and the total has grown by what was taken
// in. A closing that was left out, or a total that went back, is listed for a person.
func (f *fold) dayClosed() error {
	h := f.e.Header
	last, known, err := f.lastClosing()
	if err != nil || !known {
		return err
	}
	if h.Closing != last.Closing+1 || h.Amount < 0 || h.Total != last.Total.Add(h.Amount) {
		return oddf("closing %d over %s makes %s, after closing %d with %s", h.Closing, h.Amount, h.Total, last.Closing, last.Total)
	}
	return nil
}

// lastClosing is the closing before this record: in its own epoch, or in those that the journal branched from, up to where it did. known is false when the hall
// does not have what it branched from.
func (f *fold) lastClosing() (last casefile.Header, known bool, err error) {
	epoch, upTo := f.r.Epoch, f.r.Seq-1
	for {
		var header []byte
		found, err := f.row(`SELECT header FROM records WHERE terminal = ? AND epoch = ? AND kind = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`,
			[]any{f.r.Terminal, epoch, string(casefile.DayClosed), upTo}, &header)
		if err != nil {
			return last, false, err
		}
		if found {
			e, err := casefile.Decode(casefile.DayClosed, "", header)
			if err != nil || e.Header.Uncountable() != "" {
				return last, false, oddf("the closing before cannot be read")
			}
			return e.Header, true, nil
		}
		if _, err := f.row(`SELECT after FROM streams WHERE terminal = ? AND epoch = ?`, []any{f.r.Terminal, epoch}, &upTo); err != nil || upTo == 0 {
			return last, err == nil, err
		}
		// Several epochs may have a record of that number. It is the one that the first of this epoch follows.
		known, err := f.row(`SELECT r.epoch FROM records n JOIN streams s ON s.terminal = n.terminal
			JOIN records r ON r.terminal = s.terminal AND r.epoch = s.epoch AND r.seq = n.seq - 1 AND r.hash = n.prev
			WHERE n.terminal = ? AND n.epoch = ? AND n.seq = ?`, []any{f.r.Terminal, epoch, upTo + 1}, &epoch)
		if err != nil || !known {
			return last, false, err
		}
	}
}
