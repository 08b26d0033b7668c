package daemon

import (
	"context"
	"errors"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/document"
	"yichuang/kiosk/store"
)

// CloseDay closes the day: once in the journal, and once on paper.
func (d *Daemon) CloseDay(ctx context.Context, _ struct{}) (ctl.Closing, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Closing{}, err
	}
	if d.link == nil || d.link.Catalog() == nil {
		return ctl.Closing{}, &ctl.Refused{Text: "closing: the hall's name, which stands on the paper, is not known yet; wait until the terminal is enrolled"}
	}
	lang := d.Config.Screen.Language
	head := document.Head{Hall: d.link.Catalog().Hall.In(lang), Terminal: d.Config.Terminal.Number}
	c, again, err := d.press.Close(ctx, head, document.Lang(lang), "technician")
	if err != nil && (c.Number == 0 || errors.Is(err, store.ErrBroken)) {
		return ctl.Closing{}, err
	}
	out := closingRow(c)
	out.Again = again
	if err != nil {
		out.Why = err.Error()
	}
	return out, nil
}

func closingRow(c casefile.Closing) ctl.Closing {
	out := ctl.Closing{Number: c.Number, At: c.At.Format(time.RFC3339), Box: c.Box, Notes: ctl.Pile(c.Notes), Coins: ctl.Pile(c.Coins), Phone: c.Phone,
		Taken: c.Taken, Total: c.Total, Moved: c.Moved, Stand: c.Stand, Printed: c.Printed}
	if !c.From.IsZero() {
		out.From = c.From.Format(time.RFC3339)
	}
	return out
}
