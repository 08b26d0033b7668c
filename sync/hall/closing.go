package hall

import "yichuang/kiosk/casefile"

// dayClosed sees that a terminal's closings follow each other: the number is the next one, and the total has grown by what was taken
// in. A closing that was left out, or a total that went back, is listed for a person.
func (f *fold) dayClosed() error {
	h := f.e.Header
	var header []byte
	found, err := f.row(`SELECT header FROM records WHERE terminal = ? AND epoch = ? AND kind = ? AND seq < ? ORDER BY seq DESC LIMIT 1`,
		[]any{f.r.Terminal, f.r.Epoch, string(casefile.DayClosed), f.r.Seq}, &header)
	if err != nil {
		return err
	}
	var last casefile.Header
	if found {
		e, err := casefile.Decode(casefile.DayClosed, "", header)
		if err != nil || e.Header.Uncountable() != "" {
			return oddf("the closing before cannot be read")
		}
		last = e.Header
	}
	if h.Closing != last.Closing+1 || h.Amount < 0 || h.Total != last.Total.Add(h.Amount) {
		return oddf("closing %d over %s makes %s, after closing %d with %s", h.Closing, h.Amount, h.Total, last.Closing, last.Total)
	}
	return nil
}
