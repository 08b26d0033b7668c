package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/usbport"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
)

// probeMax is how long one protocol is tried on one line: longer than any device takes to say who it is.
const probeMax = 6 * time.Second

// serialFolders are where udev puts serial lines by names that stay.
var serialFolders = []string{"/dev/yichuang", "/dev/serial/by-id"}

// mute are the protocols whose devices answer nothing that proves who they are: a silent line would be taken for one.
var mute = map[string]bool{"scanner-honeywell": true}

// trial is one protocol of a class on one line.
type trial struct {
	class, protocol string
	there           func(ctx context.Context, address string) (bool, error) // whether such a device answers before ctx ends
}

// trials are all protocols with a serial line, those first whose questions disturb the others least.
func trials() (out []trial) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	for protocol, make := range readerDrivers {
		out = append(out, trial{"idcard", protocol, func(ctx context.Context, a string) (bool, error) {
			d, err := make(a)
			return err == nil && answers(ctx, d.Run, func() bool { return fit(d.Fault()) }), err
		}})
	}
	for protocol, make := range scannerDrivers {
		if mute[protocol] {
			continue
		}
		out = append(out, trial{"scanner", protocol, func(ctx context.Context, a string) (bool, error) {
			d, err := make(a)
			return err == nil && answers(ctx, d.Run, func() bool { return d.Fault() == nil }), err
		}})
	}
	for protocol, make := range rollDrivers {
		if strings.HasPrefix(protocol, "escpos-") {
			continue // a row of models, which cannot be told apart by asking; a person chooses among them
		}
		out = append(out, trial{"receipt", protocol, func(ctx context.Context, a string) (bool, error) {
			d, err := make(a, quiet)
			return err == nil && answers(ctx, d.Run, func() bool { return d.State().Online }), err
		}})
	}
	for protocol, make := range cashDrivers {
		out = append(out, trial{"cash", protocol, func(ctx context.Context, a string) (bool, error) {
			d, err := make(a, quiet)
			return err == nil && answers(ctx, d.Run, func() bool { return d.State().Online && d.Info().Protocol != "" }), err
		}})
	}
	order := []string{"idcard", "receipt", "cash", "scanner"}
	slices.SortFunc(out, func(a, b trial) int {
		if by := slices.Index(order, a.class) - slices.Index(order, b.class); by != 0 {
			return by
		}
		return strings.Compare(a.protocol, b.protocol)
	})
	return out
}

// fit says whether a device answered: also one that says that it is broken did.
func fit(f *fault.Error) bool {
	return f == nil || !slices.Contains([]fault.Kind{fault.Silent, fault.Absent, fault.Garbled, fault.Busy}, f.Kind)
}

// answers runs a driver until it says that its device is there, or ctx ends.
func answers(ctx context.Context, run func(context.Context) error, there func() bool) bool {
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(running) // its error is the context's
	}()
	defer func() {
		stop()
		<-ended
	}()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-tick.C:
			if there() {
				tick.Stop()
				return true
			}
		case <-ctx.Done():
			tick.Stop()
			return false
		}
	}
}

// probe says what is on each serial line and USB plug: the configured ones by what their drivers know, the others by trying every
// protocol that may be there. line is what would stand in kiosk.toml, "" where nothing is known.
func probe(ctx context.Context, c *config.Config, folders []string) ([]ctl.Found, error) {
	taken := map[string]bool{}
	var found []ctl.Found
	for _, class := range config.Classes {
		if spec, ok := c.Spec(class); ok {
			taken[strings.TrimPrefix(spec.Address, "serial:")] = true
			if a, err := usbport.ParseAddress(spec.Address); err == nil {
				taken[a.String()] = true // a person may have written it in capitals
			}
			found = append(found, ctl.Found{Class: class, Protocol: spec.Protocol, Address: spec.Address, Line: fmt.Sprintf("%s = %q", class, spec.Protocol+" "+spec.Address)})
		}
	}
	paths := slices.DeleteFunc(linesIn(append(foldersOf(c), folders...)), func(path string) bool { return taken[path] })
	others := make([]ctl.Found, len(paths))
	var all sync.WaitGroup
	for i, path := range paths {
		all.Go(func() { others[i] = probeLine(ctx, path) }) // lines do not hear each other
	}
	plugs := probePlugs(ctx, taken)
	all.Wait()
	return append(append(found, others...), plugs...), ctx.Err()
}

// foldersOf are the folders of the configured lines: what is plugged in beside them is likely a device too.
func foldersOf(c *config.Config) (out []string) {
	for _, class := range config.Classes {
		if spec, ok := c.Spec(class); ok && strings.HasPrefix(spec.Address, "serial:") {
			out = append(out, filepath.Dir(strings.TrimPrefix(spec.Address, "serial:")))
		}
	}
	return out
}

// linesIn lists what lies in the folders, each line once, whatever its names.
func linesIn(folders []string) (paths []string) {
	seen := map[string]bool{}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // without such a device udev makes no folder
		}
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			real, err := filepath.EvalSymlinks(path)
			if info, stat := os.Stat(path); err != nil || stat != nil || info.Mode()&os.ModeCharDevice == 0 || seen[real] {
				continue
			}
			seen[real] = true
			paths = append(paths, path)
		}
	}
	return paths
}

func probeLine(ctx context.Context, path string) ctl.Found {
	address := "serial:" + path
	for _, t := range trials() {
		one, cancel := context.WithTimeout(ctx, probeMax)
		there, err := t.there(one, address)
		cancel()
		if err == nil && there {
			return ctl.Found{Class: t.class, Protocol: t.protocol, Address: address, Line: fmt.Sprintf("%s = %q", t.class, t.protocol+" "+address)}
		}
	}
	return ctl.Found{Address: address}
}
