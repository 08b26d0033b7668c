package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"yichuang/cmd/devsim/keeper"
	"yichuang/cmd/devsim/world"
)

// The terminal's name at the hall, and how people read it.
const (
	terminalID     = "T03"
	terminalNumber = "03"
)

// startHall starts the hall and has it mint a code for the terminal.
func (d *desk) startHall(ctx context.Context) error {
	config, err := d.hallConfig()
	if err != nil {
		return err
	}
	if err := world.WriteFile(d.doc.Hall.Config, config); err != nil {
		return err
	}
	command := func(int) []string { return []string{d.bin("halld"), "--config", d.doc.Hall.Config} }
	_, err = d.keep(ctx, keeper.Program{Name: "halld", Command: command, Env: d.environment(), Ready: "halld: ready ", Grace: graceHall,
		OnLine:  d.hallSays,
		OnReady: func(rest string) { d.up("halld", rest, &d.doc.Hall.URL) }})
	if err != nil {
		return err
	}
	code, err := d.command(ctx, "halld", "--config", d.doc.Hall.Config, "enrol-code", terminalID)
	if err != nil {
		return err
	}
	return world.WriteFile(d.path("enrol.code"), bytes.TrimSpace(code))
}

// hallSays hears where the hall's console is.
func (d *desk) hallSays(line string) {
	if console, ok := strings.CutPrefix(line, "console "); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.doc.Hall.Console = console
	}
}

// startTerminal starts the daemon and the screen.
func (d *desk) startTerminal(ctx context.Context) error {
	var err error
	if d.stacks, err = d.fillTrays(); err != nil {
		return err
	}
	config, err := d.kioskConfig()
	if err != nil {
		return err
	}
	if err := world.WriteFile(d.doc.Kioskd.Config, config); err != nil {
		return err
	}
	k := d.doc.Kioskd
	command := func(int) []string { return []string{d.bin("kioskd"), "--config", k.Config} }
	if _, err := d.keep(ctx, keeper.Program{Name: "kioskd", Command: command, Env: d.environment(d.world.Env()...), Grace: graceKiosk}); err != nil {
		return err
	}
	env := append([]string{"DBUS_SESSION_BUS_ADDRESS=" + d.doc.Bus, "GSETTINGS_BACKEND=memory"}, d.display.env...)
	command = func(int) []string {
		return []string{d.bin("kiosk-ui"), "--socket", k.UISock, "--screen", d.doc.Screen}
	}
	_, err = d.keep(ctx, keeper.Program{Name: "kiosk-ui", Command: command, Env: d.environment(env...), Grace: graceUI})
	return err
}

// kioskConfig is the terminal's configuration: devsim's devices and the hall behind the line, and above
// them what the hand set.
func (d *desk) kioskConfig() ([]byte, error) {
	hall, err := d.hallThroughLine()
	if err != nil {
		return nil, err
	}
	devices := map[string]string{}
	for _, class := range world.Classes {
		devices[class] = d.settings.device(class, d.world.Address(class))
	}
	for _, class := range world.Extra {
		address := d.world.Address(class)
		if class == "payout" && address != "" {
			address += d.hoppers()
		}
		if address = d.settings.device(class, address); address != "" {
			devices[class] = address
		}
	}
	if d.settings.recycles() {
		devices["payout"] = devices["cash"]
	}
	tables := map[string]any{
		"terminal": map[string]string{"id": terminalID, "number": terminalNumber, "state": d.doc.Kioskd.State},
		"hall":     map[string]string{"url": hall, "enrol_code_file": d.path("enrol.code")},
		"socket":   map[string]string{"ui": d.doc.Kioskd.UISock, "ctl": d.doc.Kioskd.CtlSock},
		"device":   devices,
		"paper":    map[string]string{"plain_tray": "by-pass-tray"}, // nothing lies there before a hand puts it in
		"visit":    map[string]int{"idle_seconds": d.settings.seconds("visit.idle_seconds"), "warn_seconds": d.settings.seconds("visit.warn_seconds")},
		"screen":   map[string]string{"size": d.settings.values["screen.size"], "language": d.settings.values["screen.language"]},
	}
	return encode("# Written by devsim for this desk at each start.\n", tables)
}

// hoppers names the hoppers of the line, so that nobody has to look for them at every address.
func (d *desk) hoppers() string {
	var named []string
	for _, h := range d.world.Payout.World() {
		named = append(named, fmt.Sprintf("%d=0", h.Address)) // it says itself what its coins are
	}
	return "?" + strings.Join(named, "&")
}

// hallConfig is the hall's configuration.
func (d *desk) hallConfig() ([]byte, error) {
	tables := map[string]any{
		"hall":    map[string]string{"state": d.doc.Hall.State, "listen": loopback, "console": loopback},
		"biller":  map[string]string{"water": d.doc.Biller.URL},
		"gateway": map[string]string{"merchant": d.path("gateway/merchant.json"), "url": d.doc.Gateway.URL},
	}
	return encode("# Written by devsim for this desk at each start.\n", tables)
}

func encode(head string, tables map[string]any) ([]byte, error) {
	out := bytes.NewBufferString(head)
	e := toml.NewEncoder(out)
	e.Indent = ""
	err := e.Encode(tables)
	return out.Bytes(), err
}

// hallThroughLine is the hall's address as the terminal sees it: at the near end of the line.
func (d *desk) hallThroughLine() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, err := url.Parse(d.doc.Hall.URL)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("halld said that it is at %q, which is no address", d.doc.Hall.URL)
	}
	u.Host = d.lineAddress
	return u.String(), nil
}

// command runs a program of the build to its end and gives back its output.
func (d *desk) command(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.bin(name), args...)
	cmd.Env = d.environment()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}

// ctl asks kioskd as a technician would.
func (d *desk) ctl(ctx context.Context, into any, args ...string) error {
	out, err := d.command(ctx, "kioskctl", append([]string{"--socket", d.doc.Kioskd.CtlSock, "--json"}, args...)...)
	if err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("kioskctl %s: %w", args[0], err)
	}
	return nil
}

// status is what of kioskctl's status says whether all is up.
type status struct {
	Hall     string  `json:"hall"`
	Services []offer `json:"services"`
}

// offer is a service, or a way to pay for it.
type offer struct {
	Code string  `json:"code"`
	Open bool    `json:"open"`
	Why  string  `json:"why"`
	Ways []offer `json:"ways"`
}

// heard says what of the hall is not there yet, "" when line and catalogue are.
func (s status) heard() string {
	if s.Hall != "up" {
		return "the hall is not heard"
	}
	if len(s.Services) == 0 {
		return "there is no catalogue"
	}
	return ""
}

// missing says what is not up yet, "" when all is.
func (s status) missing() string {
	if what := s.heard(); what != "" {
		return what
	}
	for _, service := range s.Services {
		if !service.Open {
			return fmt.Sprintf("service %s is closed: %s", service.Code, service.Why)
		}
		for _, way := range service.Ways {
			if !way.Open {
				return fmt.Sprintf("service %s: %s is closed: %s", service.Code, way.Code, way.Why)
			}
		}
	}
	return ""
}

// awaitTerminal waits until kioskd answers, books the paper in, and waits until every service is open.
func (d *desk) awaitTerminal(ctx context.Context) error {
	if err := d.until(ctx, func() string {
		if err := d.ctl(ctx, nil, "status"); err != nil {
			return err.Error()
		}
		return ""
	}); err != nil {
		return err
	}
	if err := d.forOwn(ctx, "license", d.bookBlanks); err != nil {
		return err
	}
	if err := d.untilStatus(ctx, status.heard); err != nil {
		return err
	}
	return d.forOwn(ctx, "", d.allOpen)
}

// allOpen waits until every service and every way to pay has been open for as long as the home page may be
// behind: who looks at the screen of a desk that is ready sees it ready.
func (d *desk) allOpen(ctx context.Context) error {
	var since time.Time
	return d.untilStatus(ctx, func(s status) string {
		what := s.missing()
		switch {
		case what != "":
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		if what == "" && time.Since(since) < homePace {
			what = "the home page does not show it yet"
		}
		return what
	})
}

func (d *desk) untilStatus(ctx context.Context, missing func(status) string) error {
	return d.until(ctx, func() string {
		var s status
		if err := d.ctl(ctx, &s, "status"); err != nil {
			return err.Error()
		}
		return missing(s)
	})
}

// forOwn waits for what depends on a class of devices ("" is any). Where a hand has put a device of its
// own there, the desk waits a while and no longer: that device may come later, or have no such trays.
func (d *desk) forOwn(ctx context.Context, class string, wait func(context.Context) error) error {
	if !d.settings.foreign(class) {
		return wait(ctx)
	}
	while, cancel := context.WithTimeoutCause(ctx, foreignLimit, errTooLong)
	defer cancel()
	err := wait(while)
	if err != nil && while.Err() != nil && ctx.Err() == nil {
		d.log.Warn("ready without it", "what", err)
		return nil
	}
	return err
}

// until waits until missing says nothing more.
func (d *desk) until(ctx context.Context, missing func() string) error {
	last := ""
	for {
		what := missing()
		if what == "" && ctx.Err() == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = what
		}
		for _, name := range keptPrograms {
			if c := d.program(name); c != nil {
				if err := d.dying(name, c); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s; the logs are in %s and %s", context.Cause(ctx), last, d.path("log"), d.path("terminal/log"))
		case <-time.After(statusPace):
		}
	}
}

// trays are the license printer's trays, with the blanks that belong in them.
var trays = []struct{ name, media, first string }{
	{"tray-1", "iso_a3_297x420mm", "A00000001"},
	{"tray-2", "iso_a4_210x297mm", "B00000001"},
}

const (
	blanksWanted = 100 // in each tray when a desk is ready
	blanksStack  = 200
)

// stack is what lies in a tray, and whether it was put in by this desk.
type stack struct {
	tray, first string
	sheets      int
	fresh       bool
}

// fillTrays puts blanks into each tray that has too few. What an earlier desk left in a tray stays.
func (d *desk) fillTrays() ([]stack, error) {
	var license struct {
		Trays []struct {
			Name   string `json:"name"`
			Sheets int    `json:"sheets"`
			Next   string `json:"next_serial"`
		} `json:"trays"`
	}
	if err := json.Unmarshal(d.world.License.World(), &license); err != nil {
		return nil, err
	}
	var stacks []stack
	for _, want := range trays {
		s := stack{tray: want.name, first: want.first}
		for _, t := range license.Trays {
			if t.Name == want.name {
				s.sheets, s.first = t.Sheets, t.Next
			}
		}
		if s.sheets < blanksWanted {
			s.fresh, s.sheets = true, blanksStack
			if s.first != want.first {
				s.first = nextStack(s.first)
			}
			if err := d.world.License.LoadTray(s.tray, want.media, s.sheets, s.first); err != nil {
				return nil, err
			}
		}
		stacks = append(stacks, s)
	}
	return stacks, nil
}

// bookBlanks has kioskd book in the stacks that it does not know: those put in now, and, when the
// terminal is new beside an old printer, all. kioskd refuses until it has seen the paper itself.
func (d *desk) bookBlanks(ctx context.Context) error {
	var ledger struct {
		Blanks struct {
			Received int `json:"received"`
		} `json:"blanks"`
	}
	if err := d.ctl(ctx, &ledger, "ledger"); err != nil {
		return err
	}
	for _, s := range d.stacks {
		if !s.fresh && ledger.Blanks.Received > 0 {
			continue
		}
		if err := d.until(ctx, func() string {
			if err := d.ctl(ctx, nil, "blanks", "load", "--tray", s.tray, "--first", s.first, "--count", strconv.Itoa(s.sheets)); err != nil {
				return err.Error()
			}
			return ""
		}); err != nil {
			return err
		}
	}
	return nil
}

// nextStack is the first number of a new stack: the next thousand, so that no number comes twice.
func nextStack(serial string) string {
	head := strings.TrimRight(serial, "0123456789")
	digits := serial[len(head):]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return serial
	}
	return fmt.Sprintf("%s%0*d", head, len(digits), (n/1000+1)*1000+1)
}
