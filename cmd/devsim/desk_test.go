package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"

	"yichuang/cmd/devsim/deskclient"
)

// start runs a desk of fake programs.
func start(t *testing.T, dir, set string) *deskclient.Desk {
	t.Helper()
	needs(t, "Xvfb", "dbus-daemon")
	d, err := deskclient.Start(t.Context(), deskclient.Options{Bin: fakeProduct(t), Dir: dir, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil && d.Reload() == nil {
			t.Errorf("the desk's end: %v", err)
		}
	})
	return d
}

func needs(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := os.Stat("/usr/bin/" + name); err != nil {
			t.Skipf("%s is not installed here", name)
		}
	}
}

// belongsTo lists the processes whose command line or environment names dir.
func belongsTo(t *testing.T, text string) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func TestDeskFromStartToEnd(t *testing.T) {
	dir := t.TempDir()
	d := start(t, dir, `visit.idle_seconds=5 screen.size=800x600 device.license="ipp http://127.0.0.1:9/ipp/print"`)
	if got, want := d.File, filepath.Join(dir, "desk.json"); got != want {
		t.Errorf("ready with %s, want %s", got, want)
	}
	for name, p := range map[string]deskclient.Process{"kioskd": d.Kioskd, "kiosk-ui": d.KioskUI, "halld": d.Hall, "biller": d.Biller, "gateway": d.Gateway} {
		if !alive(p.PID) || p.Starts != 1 {
			t.Errorf("%s: pid %d alive %v, starts %d, want 1", name, p.PID, alive(p.PID), p.Starts)
		}
	}
	if d.Hall.Console != "http://127.0.0.1:1" {
		t.Errorf("console: %q", d.Hall.Console)
	}
	if d.Contract != 1 || d.Screen != "800x600" || !strings.HasPrefix(d.Display, ":") || !strings.HasPrefix(d.Bus, "unix:path=/") {
		t.Errorf("desk.json: %+v", d.Document)
	}
	var config struct {
		Terminal struct{ ID, State string }
		Hall     struct {
			URL       string
			EnrolCode string `toml:"enrol_code_file"`
		}
		Device map[string]string
		Visit  struct {
			Idle int `toml:"idle_seconds"`
			Warn int `toml:"warn_seconds"`
		}
		Screen struct{ Size, Language string }
	}
	if _, err := toml.DecodeFile(d.Kioskd.Config, &config); err != nil {
		t.Fatal(err)
	}
	if config.Visit.Idle != 5 || config.Visit.Warn != 20 || config.Screen.Size != "800x600" || config.Screen.Language != "zh" {
		t.Errorf("kiosk.toml: %+v", config)
	}
	if got, want := config.Device["license"], "ipp http://127.0.0.1:9/ipp/print"; got != want {
		t.Errorf("device.license: got %q, want %q", got, want)
	}
	if got, want := config.Device["cash"], "cctalk serial:"+filepath.Join(dir, "dev", "cash"); got != want {
		t.Errorf("device.cash: got %q, want %q", got, want)
	}
	if code, err := os.ReadFile(config.Hall.EnrolCode); err != nil || string(code) != "code-of-T03" {
		t.Errorf("enrolment code: got %q, %v", code, err)
	}
	throughLine(t, d, config.Hall.URL)
	if err := d.Stop(); err != nil {
		t.Errorf("SIGTERM: the desk ended with %v, want status 0", err)
	}
	if left := belongsTo(t, dir); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if left := belongsTo(t, strings.TrimPrefix(d.Bus, "unix:path=")); len(left) > 0 {
		t.Errorf("the bus is left running: %q", left)
	}
}

// A test that is killed takes its desk along: of the pipe that it held nothing is left but the end.
func TestDeskEndsWithWhoStartedIt(t *testing.T) {
	needs(t, "Xvfb", "dbus-daemon")
	dir := t.TempDir()
	bin := fakeProduct(t)
	cmd := exec.Command(filepath.Join(bin, "devsim"), "desk", "--lifeline", "--bin", bin, "--dir", dir)
	held, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(said); lines.Scan() && !strings.HasPrefix(lines.Text(), "desk: ready"); {
	}
	held.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the desk ended with %v, want status 0: %s", err, &complaints)
	}
	if left := belongsTo(t, dir); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
}

// throughLine says something to the fake hall over the line, cuts it, and mends it.
func throughLine(t *testing.T, d *deskclient.Desk, url string) {
	t.Helper()
	echo := func() error {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
		_, err = io.ReadFull(c, make([]byte, 5))
		return err
	}
	if err := echo(); err != nil {
		t.Errorf("through the line: %v", err)
	}
	if err := d.SetNetwork(t.Context(), deskclient.Network{Up: false}); err != nil {
		t.Fatal(err)
	}
	if err := echo(); err == nil {
		t.Error("a cut line carried bytes")
	}
	if w, err := d.World(t.Context()); err != nil || w.Network.Up {
		t.Errorf("world: network %+v, %v, want that it is down", w.Network, err)
	}
	if err := d.SetNetwork(t.Context(), deskclient.Network{Up: true}); err != nil {
		t.Fatal(err)
	}
	if err := echo(); err != nil {
		t.Errorf("through the mended line: %v", err)
	}
}

func TestKilledProgramsRunAgain(t *testing.T) {
	d := start(t, t.TempDir(), "")
	biller, gateway := d.Biller.URL, d.Gateway.URL
	pids := map[string]int{"kioskd": d.Kioskd.PID, "kiosk-ui": d.KioskUI.PID, "halld": d.Hall.PID, "biller": d.Biller.PID, "gateway": d.Gateway.PID}
	for name, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill %s: %v", name, err)
		}
	}
	until(t, "five second starts", func() bool {
		if err := d.Reload(); err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]deskclient.Process{"kioskd": d.Kioskd, "kiosk-ui": d.KioskUI, "halld": d.Hall, "biller": d.Biller, "gateway": d.Gateway} {
			if p.Starts != 2 || p.PID == pids[name] || !alive(p.PID) {
				return false
			}
		}
		return true
	})
	if d.Biller.URL != biller || d.Gateway.URL != gateway {
		t.Errorf("new addresses: %s %s, want %s %s", d.Biller.URL, d.Gateway.URL, biller, gateway)
	}
	until(t, "the biller's door", func() bool {
		_, err := d.Account(t.Context(), "0")
		return deskclient.Status(err) == http.StatusNotFound
	})
}

func TestPowerCutKillsTheTerminalOnly(t *testing.T) {
	d := start(t, t.TempDir(), "")
	ctx := t.Context()
	down := func() bool { return d.Reload() == nil && d.Kioskd.PID == 0 && d.KioskUI.PID == 0 }
	kioskd, hall := d.Kioskd.PID, d.Hall.PID
	if err := d.PowerOff(ctx, deskclient.Cut{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the terminal's end", down)
	if alive(kioskd) || !alive(hall) || d.Hall.PID != hall {
		t.Errorf("after the cut: kioskd alive %v, halld alive %v", alive(kioskd), alive(hall))
	}
	if w, err := d.World(ctx); err != nil || w.Power != "off" {
		t.Errorf("world: power %q, %v, want off", w.Power, err)
	}
	if err := d.Program(ctx, "kioskd", false); err != nil {
		t.Fatal(err)
	}
	if err := d.PowerOn(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, "the screen's start", func() bool { return d.Reload() == nil && alive(d.KioskUI.PID) })
	if d.Kioskd.PID != 0 {
		t.Errorf("kioskd runs as %d though a hand keeps it down", d.Kioskd.PID)
	}
	if err := d.Program(ctx, "kioskd", true); err != nil {
		t.Fatal(err)
	}
	until(t, "kioskd's start", func() bool { return d.Reload() == nil && alive(d.Kioskd.PID) && d.Kioskd.Starts == 2 })
	if err := d.Program(ctx, "sshd", false); deskclient.Status(err) != http.StatusNotFound {
		t.Errorf("program sshd: got %v, want 404", err)
	}
}

func TestEarlierDeskGoesOn(t *testing.T) {
	dir := t.TempDir()
	d := start(t, dir, "")
	ctx := t.Context()
	account, err := d.MakeAccount(ctx, deskclient.NewAccount{Name: "测试", Address: "1", Bills: []deskclient.Bill{{Period: "2026-10", Due: 100}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.LoadTray(ctx, "tray-1", "iso_a3_297x420mm", 150, "A00000051"); err != nil {
		t.Fatal(err)
	}
	if err := d.LoadTray(ctx, "tray-2", "iso_a4_210x297mm", 3, "B00000198"); err != nil {
		t.Fatal(err)
	}
	card := deskclient.Card{Kind: "citizen", Name: "张三", Sex: "1", Ethnicity: "01", Birth: "19900101", Address: "北京", Number: "110101199001010015",
		Authority: "公安局", ValidFrom: "20200101", ValidTo: "20400101"}
	if err := d.LayCard(ctx, card); err != nil {
		t.Fatal(err)
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = start(t, dir, "")
	if _, err := d.Account(ctx, account.Account); err != nil {
		t.Errorf("the account of the earlier desk: %v", err)
	}
	w, err := d.World(ctx)
	if err != nil || w.Card == nil || *w.Card != card {
		t.Errorf("the card of the earlier desk: got %+v, %v", w.Card, err)
	}
	got := fmt.Sprint(w.License.Trays)
	if want := "[{tray-1 iso_a3_297x420mm 150 A00000051} {tray-2 iso_a4_210x297mm 200 B00001001}]"; got != want {
		t.Errorf("trays: got %s, want %s", got, want)
	}
	booked, err := os.ReadFile(filepath.Join(dir, "terminal", "blanks"))
	want := "blanks load --tray tray-1 --first A00000001 --count 200\nblanks load --tray tray-2 --first B00000001 --count 200\n" +
		"blanks load --tray tray-2 --first B00001001 --count 200\n"
	if err != nil || string(booked) != want {
		t.Errorf("booked in: got %q (%v), want %q", booked, err, want)
	}
}

func TestTwoDesksAtOnce(t *testing.T) {
	a, b := start(t, t.TempDir(), ""), start(t, t.TempDir(), "")
	if a.Display == b.Display || a.Bus == b.Bus || a.Devsim.URL == b.Devsim.URL {
		t.Errorf("two desks share a door: %+v and %+v", a.Document, b.Document)
	}
	if _, err := deskclient.Start(t.Context(), deskclient.Options{Bin: fakeProduct(t), Dir: filepath.Dir(a.File)}); err == nil ||
		!strings.Contains(err.Error(), "in use by another desk") {
		t.Errorf("a second desk in one folder: got %v", err)
	}
}

func TestKilledSupervisorLeavesNothing(t *testing.T) {
	needs(t, "Xvfb", "dbus-daemon")
	dir := t.TempDir()
	d, err := deskclient.Start(t.Context(), deskclient.Options{Bin: fakeProduct(t), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	bus := strings.TrimPrefix(d.Bus, "unix:path=")
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(bus)) }) // a killed desk cannot
	d.Kill()
	until(t, "the end of all programs", func() bool { return len(belongsTo(t, dir)) == 0 && len(belongsTo(t, bus)) == 0 })
}

func TestCannotStartSaysWhy(t *testing.T) {
	product := fakeProduct(t)
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "terminal"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "terminal", "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"no programs", []string{"--bin", t.TempDir(), "--dir", t.TempDir()}, "run make build first"},
		{"unknown key", []string{"--bin", product, "--dir", t.TempDir(), "--set", "visit.colour=red"}, `there is no key "visit.colour"`},
		{"unknown simulator", []string{"--bin", product, "--dir", t.TempDir(), "--set", "device.cash=telex"}, `no simulator of "telex"`},
		{"language", []string{"--bin", product, "--dir", t.TempDir(), "--language", "de"}, "zh or en"},
		{"screen", []string{"--bin", product, "--dir", t.TempDir(), "--screen", "big"}, "such as 1080x1920"},
		{"kioskd ends", []string{"--bin", product, "--dir", broken}, "kioskd ends right after its start: the journal is broken"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.name == "kioskd ends" {
				needs(t, "Xvfb", "dbus-daemon")
			}
			var out, errs strings.Builder
			if got := run(t.Context(), append([]string{"desk"}, row.args...), &out, &errs); got != 1 {
				t.Errorf("exit status %d, want 1", got)
			}
			if lines := strings.Count(errs.String(), "\n"); lines != 1 || !strings.Contains(errs.String(), row.want) {
				t.Errorf("said %q, want one line with %q", errs.String(), row.want)
			}
		})
	}
	if got := run(t.Context(), []string{"desk", "--colour"}, io.Discard, io.Discard); got != 2 {
		t.Errorf("unknown option: exit status %d, want 2", got)
	}
}

func TestPageIsServed(t *testing.T) {
	d := start(t, t.TempDir(), "")
	for path, want := range map[string]string{"/": "<!doctype html>", "/page/person": `"number"`, "/page/desk": `"broadway"`, "/page/gateway/desk/orders": "["} {
		var page []byte
		if err := d.Call(t.Context(), http.MethodGet, d.Devsim.URL+path, nil, &page); err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s: got %.80q (%v), want %q in it", path, page, err, want)
		}
	}
	for _, header := range []string{"Host: evil.example", "Sec-Fetch-Site: cross-site"} {
		name, value, _ := strings.Cut(header, ": ")
		req, err := http.NewRequest(http.MethodDelete, d.Devsim.URL+"/v1/card", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusForbidden}, resp.StatusCode) {
			t.Errorf("%s: status %d, want that it is refused", header, resp.StatusCode)
		}
	}
}
