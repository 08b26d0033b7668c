package daemon

import (
	"context"
	"fmt"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/tally"
)

// reconcileMax bounds asking the hall, which asks the billers and the gateway in turn.
const reconcileMax = 3 * time.Minute

// Reconcile compares a day of the journal, read from the disk, with what was counted by hand, the hall, the billers and the gateway.
func (d *Daemon) Reconcile(ctx context.Context, q ctl.Day) (ctl.Reconciled, error) {
	if err := d.ready(); err != nil {
		return ctl.Reconciled{}, err
	}
	day, err := tally.New(q.Day)
	if err != nil {
		return ctl.Reconciled{}, &ctl.Refused{Text: "reconcile: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, reconcileMax)
	defer cancel()
	// The hall is to have what is read here.
	if err := d.link.Flush(ctx); err != nil {
		return ctl.Reconciled{}, &ctl.Refused{Text: "reconcile: the hall does not answer, and without its side nothing can be compared; try again when the line is back"}
	}
	if err := d.chain(ctx, func(r casefile.Record) error {
		e, err := r.Event()
		if err != nil {
			return err
		}
		return day.Add(r.Seq, r.When(), e)
	}); err != nil {
		return ctl.Reconciled{}, fmt.Errorf("reconcile: %w", err)
	}
	sides, err := d.link.Reconcile(ctx, day.Name, day.Cases(), day.Attempts())
	if err != nil {
		return ctl.Reconciled{}, &ctl.Refused{Text: "reconcile: the hall does not answer, and without its side nothing can be compared; try again when the line is back"}
	}
	out := ctl.Reconciled{Day: day.Name, Cases: len(day.Cases()), Orders: len(day.Attempts()), Differences: []ctl.Between{}, Missing: []ctl.Missing{}}
	for _, x := range day.Compare(sides) {
		out.Differences = append(out.Differences, ctl.Between{Between: x.Between, What: x.What, Amount: x.Amount, Events: x.Events, Reference: x.Reference})
	}
	for _, m := range sides.Missing {
		out.Missing = append(out.Missing, ctl.Missing{Side: m.Side, Why: m.Why})
	}
	return out, nil
}
