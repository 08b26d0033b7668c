package desk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"yichuang/cmd/devsim/gateway"
	"yichuang/cmd/devsim/keeper"
)

// programs are the files of a build; keptPrograms are the names that the contract gives to what runs.
var (
	programs     = []string{"kioskd", "kiosk-ui", "kioskctl", "halld", "devsim"}
	keptPrograms = []string{"kioskd", "kiosk-ui", "halld", "biller", "gateway"}
)

// inherited are the variables that programs get from whoever started the desk. Nothing else counts: make
// hands its own variables down, and one of them is called as gettext's LANGUAGE.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR", "GORACE"}

// environment is what programs run with.
func (d *desk) environment(more ...string) []string {
	env := []string{"LANG=C.UTF-8", "XDG_RUNTIME_DIR=" + d.runtime}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// keep starts a program and waits until it says that it is ready. It gives back the rest of that line.
func (d *desk) keep(ctx context.Context, p keeper.Program) (string, error) {
	said := make(chan string, 1)
	onReady := p.OnReady
	p.OnReady = func(rest string) {
		if onReady != nil {
			onReady(rest)
		}
		select {
		case said <- rest:
		default: // a later start
		}
	}
	p.OnChange = func(pid, starts int) { d.changed(p.Name, pid, starts) }
	if p.Log == "" {
		p.Log = d.logPath(p.Name)
	}
	c, err := d.keeper.Keep(p)
	if err != nil {
		return "", err
	}
	if slices.Contains(keptPrograms, p.Name) {
		d.mu.Lock()
		d.kept[p.Name] = c
		d.mu.Unlock()
	}
	if p.Ready == "" {
		return "", nil
	}
	tick := time.NewTicker(statusPace)
	defer tick.Stop()
	for {
		select {
		case rest := <-said:
			return rest, nil
		case <-tick.C:
			if err := d.dying(p.Name, c); err != nil {
				return "", err
			}
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not ready: %w; see %s", p.Name, context.Cause(ctx), p.Log)
		}
	}
}

// dying is the sentence about a program that ends again and again, nil about any other.
func (d *desk) dying(name string, c *keeper.Kept) error {
	if c.Status().Quick < quickDeathsMax {
		return nil
	}
	return fmt.Errorf("%s ends right after its start: %s; see %s", name, lastLine(c.Log), c.Log)
}

// lastLine is the last line of a log, or words that there is none.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if err != nil || lines[len(lines)-1] == "" {
		return "it says nothing"
	}
	return lines[len(lines)-1]
}

// startDisplay finds or makes the display of the screen.
func (d *desk) startDisplay(ctx context.Context) error {
	switch d.o.Show {
	case Window:
		d.display.env = displayEnvironment()
		d.display.name = os.Getenv("DISPLAY")
	case Broadway:
		return d.startBroadway(ctx)
	default:
		if err := d.startXvfb(ctx); err != nil {
			return err
		}
		d.display.env = []string{"DISPLAY=" + d.display.name, "GDK_BACKEND=x11"}
	}
	d.doc.Display = d.display.name
	return nil
}

// startXvfb starts an X server that nobody sees. The first start takes any free display, later ones the same.
func (d *desk) startXvfb(ctx context.Context) error {
	path, err := lookPath("Xvfb", "xvfb")
	if err != nil {
		return err
	}
	command := func(int) []string {
		screen := []string{"-screen", "0", d.settings.values["screen.size"] + "x24", "-nolisten", "tcp", "-noreset"}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.display.name == "" {
			return append([]string{path, "-displayfd", "1"}, screen...)
		}
		return append([]string{path, d.display.name, "-displayfd", "1"}, screen...)
	}
	_, err = d.keep(ctx, keeper.Program{Name: "Xvfb", Command: command, Env: d.environment(), Ready: "*", Grace: graceHelper,
		OnReady: func(number string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.display.name = ":" + number
		}})
	return err
}

// startBroadway starts GTK's server for a screen in a browser.
func (d *desk) startBroadway(ctx context.Context) error {
	path, err := lookPath("broadwayd", "libgtk-3-bin")
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	command := func(int) []string {
		return []string{path, "--address", "127.0.0.1", "--port", port, ":5"} // the number means a socket in our own folder
	}
	if _, err := d.keep(ctx, keeper.Program{Name: "broadwayd", Command: command, Env: d.environment(), Grace: graceHelper}); err != nil {
		return err
	}
	d.display.broadway = "http://127.0.0.1:" + port + "/"
	d.display.env = []string{"GDK_BACKEND=broadway", "BROADWAY_DISPLAY=:5"}
	return awaitDoor(ctx, "127.0.0.1:"+port)
}

// freePort asks the kernel for a port, for a program that cannot ask by itself.
func freePort() (string, error) {
	l, err := net.Listen("tcp", loopback)
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// awaitDoor waits until somebody listens at an address.
func awaitDoor(ctx context.Context, address string) error {
	for {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nobody listens at %s: %w", address, context.Cause(ctx))
		case <-time.After(statusPace / 3):
		}
	}
}

// startBus starts a session bus of the desk's own, on which the screen's accessibility bus is found.
func (d *desk) startBus(ctx context.Context) error {
	path, err := lookPath("dbus-daemon", "dbus")
	if err != nil {
		return err
	}
	address := "unix:path=" + filepath.Join(d.runtime, "bus")
	command := func(int) []string {
		os.Remove(filepath.Join(d.runtime, "bus")) // of a bus that was killed
		return []string{path, "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=" + address}
	}
	_, err = d.keep(ctx, keeper.Program{Name: "dbus-daemon", Command: command, Env: d.environment(d.display.env...), Ready: "unix:", Grace: graceHelper})
	d.doc.Bus = address
	return err
}

// startBehind starts what stands behind the hall: the company that is paid and the gateway of phones.
func (d *desk) startBehind(ctx context.Context) error {
	// The keys come first, for the hall's configuration names them.
	if _, err := gateway.Setup(d.path("gateway")); err != nil {
		return err
	}
	failed := make(chan error, 2)
	for name, door := range map[string]*service{"biller": &d.doc.Biller, "gateway": &d.doc.Gateway} {
		go func() { failed <- d.startService(ctx, name, door) }()
	}
	return errors.Join(<-failed, <-failed)
}

func (d *desk) startService(ctx context.Context, name string, door *service) error {
	command := func(int) []string {
		return []string{d.bin("devsim"), name, "--state", d.path(name), "--listen", d.again(name)}
	}
	_, err := d.keep(ctx, keeper.Program{Name: name, Command: command, Env: d.environment(), Ready: name + ": ready ", Grace: graceService,
		OnReady: func(rest string) { d.up(name, rest, &door.URL) }})
	return err
}

// again is the address to listen at: the one of the last start, so that nobody has to be told anew.
func (d *desk) again(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if address := d.listen[name]; address != "" {
		return address
	}
	return loopback
}

// up takes the address of a program that is ready.
func (d *desk) up(name, address string, into *string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*into = strings.TrimSpace(address)
	if u, err := url.Parse(*into); err == nil && u.Host != "" {
		d.listen[name] = u.Host
	}
	if err := d.writeDocument(); err != nil {
		d.log.Error("desk.json", "err", err)
	}
}

func (d *desk) bin(name string) string { return filepath.Join(d.o.Bin, name) }

// lookPath finds a program of the system, or says which package has it.
func lookPath(name, pkg string) (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin", "/usr/local/bin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: install the package %s", name, pkg)
}
