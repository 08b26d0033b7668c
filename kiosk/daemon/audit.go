package daemon

import (
	"context"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/invariant"
)

// Audit reads the journal from the disk and checks every invariant that it and the running program can show. It changes
// nothing.
func (d *Daemon) Audit(ctx context.Context) (ctl.Audit, error) {
	if err := d.ready(); err != nil {
		return ctl.Audit{}, err
	}
	w := invariant.New(d.journal.Terminal(), d.journal.Origin())
	d.journal.Book(func(b *casefile.Book) { w.Expect(invariant.TotalsOf(b)) })
	if _, err := w.Catch(ctx, d.journal); err != nil {
		w.Unread(err)
	}
	w.Rest(invariant.Rest{})
	return ctl.AuditOf(w.Results()), nil
}
