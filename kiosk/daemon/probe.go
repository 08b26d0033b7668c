package daemon

import (
	"context"

	"yichuang/kiosk/ctl"
)

// Probe asks every serial line that no driver holds who is there. One at a time: two would hear each other's answers.
func (d *Daemon) Probe(ctx context.Context) ([]ctl.Found, error) {
	if !d.probing.TryLock() {
		return nil, &ctl.Refused{Text: "devices probe: another one is under way"}
	}
	defer d.probing.Unlock()
	return d.Options.Probe(ctx)
}
