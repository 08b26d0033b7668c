package ipp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/printertest"
)

// A foreign program under test may need seconds on a machine that is busy.
const (
	startMax = 30 * time.Second
	jobMax   = time.Minute
	lookGap  = 50 * time.Millisecond
)

// nobody is who a program runs as when the test runs as root.
const nobody = 65534

// freePort is one that nobody listens at. Whoever is given it may find it taken all the same; nothing else here does.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// folder is a folder that nobody may enter and write, with these in it.
func folder(t *testing.T, inside ...string) string {
	t.Helper()
	dir := t.TempDir()
	err := os.Chmod(filepath.Dir(dir), 0o755) // t.TempDir keeps others out one level above
	for _, name := range append([]string{""}, inside...) {
		path := filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(path, 0o755))
		if os.Getuid() == 0 {
			err = errors.Join(err, os.Chown(path, nobody, nobody))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs a program until the test ends, as nobody when we are root.
func start(t *testing.T, name string, args ...string) (out io.Reader) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	said, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = said
	out, err = cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("%s: %v: packaging/setup.sh --tests installs it", name, err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // by its own number; it may have ended
		late := time.AfterFunc(startMax, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
		if text, err := os.ReadFile(said.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", name, text[max(0, len(text)-8000):])
		}
		said.Close()
	})
	return out
}

// dbus is a message bus of our own, without which ippeveprinter does not start.
func dbus(t *testing.T) {
	t.Helper()
	address, err := bufio.NewReader(start(t, "dbus-daemon", "--session", "--nofork", "--print-address=1")).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon: %v", err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
}

// listens waits until somebody listens there.
func listens(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(startMax); ; {
		c, err := net.DialTimeout("tcp", address, startMax)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("nobody listens at %s: %v", address, err)
		}
		<-time.After(lookGap)
	}
}

// finish asks until the job is over, and gives what was seen on the way.
func finish(t *testing.T, p *ipp.Printer, id int, name string, since time.Time) (last printer.JobState, seen map[fault.Kind]bool) {
	t.Helper()
	seen = map[fault.Kind]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), jobMax)
	defer cancel()
	for {
		st, ok, err := p.Job(ctx, id, name, since)
		if err != nil || !ok {
			t.Fatalf("job %s: %+v %v %v", name, st, ok, err)
		}
		if st.Fault != nil {
			seen[st.Fault.Kind] = true
		}
		if st.Phase.Final() {
			return st, seen
		}
		<-time.After(lookGap)
	}
}

// eveAttributes describe an A3 printer to ippeveprinter, tray by tray.
const eveAttributes = `ATTR keyword media-supported iso_a4_210x297mm,iso_a3_297x420mm
ATTR keyword media-ready iso_a4_210x297mm,iso_a3_297x420mm
ATTR keyword media-default iso_a4_210x297mm
ATTR keyword media-source-supported tray-1,tray-2
ATTR keyword media-col-supported media-size,media-source
ATTR collection media-size-supported { MEMBER integer x-dimension 29700 MEMBER integer y-dimension 42000 },{ MEMBER integer x-dimension 21000 MEMBER integer y-dimension 29700 }
ATTR collection media-col-ready { MEMBER collection media-size { MEMBER integer x-dimension 29700 MEMBER integer y-dimension 42000 } MEMBER keyword media-source tray-1 },{ MEMBER collection media-size { MEMBER integer x-dimension 21000 MEMBER integer y-dimension 29700 } MEMBER keyword media-source tray-2 }
ATTR keyword sides-supported one-sided,two-sided-long-edge,two-sided-short-edge
ATTR keyword print-scaling-supported none
ATTR mimeMediaType document-format-supported application/pdf
ATTR mimeMediaType document-format-default application/pdf
`

// eveHook is the printer's engine: it writes down what it was told and counts, runs out of paper for a job of
// that name, and fails at another.
const eveHook = `#!/bin/sh
echo "$IPP_JOB_NAME $IPP_MEDIA_COL $IPP_SIDES $(head -c 5 "$1")" >>"$(dirname "$0")/printed"
case "$IPP_JOB_NAME" in
*empty*) echo "STATE: +media-empty-error" >&2; sleep 3; echo "STATE: -media-empty-error" >&2 ;;
*fails*) exit 1 ;;
*silent*) exit 0 ;;
esac
echo "ATTR: job-impressions=1 job-impressions-completed=1" >&2
`

// TestIPPEvePrinter prints through Debian's ippeveprinter, which is no program of ours: A3 and A4, one side and
// both, out of paper in the middle, a job that fails and one of which it counts nothing.
func TestIPPEvePrinter(t *testing.T) {
	dir := folder(t, "spool")
	hook, attributes := filepath.Join(dir, "hook"), filepath.Join(dir, "attributes")
	if err := errors.Join(os.WriteFile(hook, []byte(eveHook), 0o755), os.WriteFile(attributes, []byte(eveAttributes), 0o644)); err != nil {
		t.Fatal(err)
	}
	dbus(t)
	port := freePort(t)
	start(t, "ippeveprinter", "-p", port, "-n", "localhost", "-r", "off", "-k", "-d", filepath.Join(dir, "spool"), "-a", attributes, "-c", hook, "License")
	listens(t, "127.0.0.1:"+port)

	p := ipp.New("ipp://localhost:"+port+"/ipp/print", ipp.Options{})
	since := time.Now().Add(time.Minute) // it has not been on for long
	for _, c := range []struct {
		job    printer.Job
		phase  printer.JobPhase
		sheets int
		seen   fault.Kind
	}{
		{printer.Job{Name: "LIC-a3", Media: printertest.A3, Source: "tray-1"}, printer.JobPrinted, 1, ""},
		{printer.Job{Name: "LIC-a4", Media: printertest.A4, Source: "tray-2"}, printer.JobPrinted, 1, ""},
		{printer.Job{Name: "PAPER-both", Media: printertest.A4, Source: "tray-2", Sides: printer.LongEdge}, printer.JobPrinted, 1, ""},
		{printer.Job{Name: "LIC-empty", Media: printertest.A3, Source: "tray-1"}, printer.JobPrinted, 1, fault.Empty},
		{printer.Job{Name: "LIC-fails", Media: printertest.A3, Source: "tray-1"}, printer.JobFailed, 0, ""},
		{printer.Job{Name: "LIC-silent", Media: printertest.A3, Source: "tray-1"}, printer.JobSpoiled, 0, ""},
	} {
		c.job.Document, c.job.Sheets = printertest.PDF(c.job.Media, 1, false), 1
		id, err := p.Submit(t.Context(), c.job)
		if err != nil {
			t.Fatalf("%s: %v", c.job.Name, err)
		}
		st, seen := finish(t, p, id, c.job.Name, since)
		if st.Phase != c.phase || st.Sheets != c.sheets || c.seen != "" && !seen[c.seen] {
			t.Errorf("%s: got %+v, faults %v; want %s", c.job.Name, st, seen, c.phase)
		}
		if again, err := p.Submit(t.Context(), c.job); err != nil || again != id {
			t.Errorf("%s once more: job %d, %v; want %d", c.job.Name, again, err, id)
		}
	}
	printed, err := os.ReadFile(filepath.Join(dir, "printed"))
	a3, a4 := "{media-size={x-dimension=29700 y-dimension=42000} media-source=tray-1}", "{media-size={x-dimension=21000 y-dimension=29700} media-source=tray-2}"
	want := fmt.Sprintf("LIC-a3 %[1]s one-sided %%PDF-\nLIC-a4 %[2]s one-sided %%PDF-\nPAPER-both %[2]s two-sided-long-edge %%PDF-\n"+
		"LIC-empty %[1]s one-sided %%PDF-\nLIC-fails %[1]s one-sided %%PDF-\nLIC-silent %[1]s one-sided %%PDF-\n", a3, a4)
	if string(printed) != want {
		t.Errorf("printed %v:\n%s\nwant:\n%s", err, printed, want)
	}
	if info := p.Info(); info.Queue || !info.Counts || !strings.HasPrefix(info.UUID, "urn:uuid:") {
		t.Errorf("info: %+v", info)
	}
	if _, err := p.Submit(t.Context(), printer.Job{Name: "LIC-a5", Document: printertest.PDF(printertest.A4, 1, false), Media: "iso_a5_148x210mm", Source: "tray-1", Sheets: 1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("paper that it has not: %v, want invalid", err)
	}
}

// cupsFiles and cupsConfig keep a cupsd in a folder of its own, at one port of this machine, for everybody there.
const cupsFiles = `ServerRoot %[1]s/etc
RequestRoot %[1]s/spool
TempDir %[1]s/spool/tmp
CacheDir %[1]s/cache
StateDir %[1]s/state
AccessLog %[1]s/log/access
ErrorLog %[1]s/log/error
PageLog %[1]s/log/page
SystemGroup root
Printcap
`

const cupsConfig = `LogLevel info
Listen 127.0.0.1:%s
Browsing No
WebInterface No
DefaultAuthType None
MaxLogSize 0
<Location />
  Order allow,deny
  Allow from 127.0.0.1
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
`

// TestCupsQueue talks to a real cupsd in front of our simulator: it is known for a queue, gets no original, and
// what becomes of a proof is never called printed, though it comes out.
func TestCupsQueue(t *testing.T) {
	sim := ippsim.New(ippsim.Options{SheetTime: 10 * time.Millisecond})
	for tray, media := range map[string]string{"tray-1": printertest.A3, "tray-2": printertest.A4} {
		if err := sim.LoadTray(tray, media, 9, "A1"); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(func() { sim.Power(false) })

	dir, port := folder(t, "etc", "spool", "spool/tmp", "cache", "state", "log"), freePort(t)
	files, config := filepath.Join(dir, "cups-files.conf"), filepath.Join(dir, "cupsd.conf")
	if err := errors.Join(os.WriteFile(files, fmt.Appendf(nil, cupsFiles, dir), 0o644), os.WriteFile(config, fmt.Appendf(nil, cupsConfig, port), 0o644)); err != nil {
		t.Fatal(err)
	}
	// Without the filters that Debian keeps elsewhere, a PDF goes through as it is.
	if err := os.WriteFile(filepath.Join(dir, "etc/mime.convs"), []byte("application/pdf application/vnd.cups-pdf 0 -\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	start(t, "cupsd", "-f", "-c", config, "-s", files)
	listens(t, "127.0.0.1:"+port)
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(dir, "log/error")); t.Failed() && err == nil {
			t.Logf("cupsd wrote:\n%s", text[max(0, len(text)-8000):])
		}
	})
	device, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	lpadmin := exec.CommandContext(t.Context(), "lpadmin", "-h", "127.0.0.1:"+port, "-p", "license", "-E", "-v", "ipp://localhost:"+device.Port()+"/ipp/print", "-m", "everywhere")
	if said, err := lpadmin.CombinedOutput(); err != nil {
		t.Fatalf("lpadmin: %v: %s", err, said)
	}

	p := ipp.New("ipp://127.0.0.1:"+port+"/printers/license", ipp.Options{})
	job := printer.Job{Name: "LIC-1", Document: printertest.PDF(printertest.A3, 1, true), Media: printertest.A3, Sheets: 1}
	if id, err := p.Submit(t.Context(), job); !fault.Is(err, fault.Invalid) || id != 0 || !strings.Contains(err.Error(), "spooler") {
		t.Errorf("original: got %d, %v; want invalid, and that it is a spooler", id, err)
	}
	if info := p.Info(); !info.Queue || info.Counts {
		t.Errorf("info: %+v, want a queue that does not count", info)
	}
	since := time.Now()
	proof := printer.Job{Name: "PROOF-1", Document: printertest.PDF(printertest.A4, 1, false), Media: printertest.A4, Sheets: 1, Proof: true}
	id, err := p.Submit(t.Context(), proof)
	for end := time.Now().Add(startMax); fault.Is(err, fault.Empty) && time.Now().Before(end); id, err = p.Submit(t.Context(), proof) {
		<-time.After(lookGap) // lpadmin does not wait until the queue has asked the printer what it can do
	}
	if err != nil {
		t.Fatalf("proof: %v; state %+v", err, p.State())
	}
	if st, _ := finish(t, p, id, "PROOF-1", since); st.Phase != printer.JobUnknown {
		t.Errorf("proof: got %+v, want unknown", st)
	}
	if w := string(sim.World()); strings.Count(w, `"complete":true`) != 1 || !strings.Contains(w, `"media":"iso_a4_210x297mm","pages":1`) {
		t.Errorf("the printer behind it: %s", w)
	}
	if p.Info().Counts {
		t.Errorf("info after a job: %+v", p.Info())
	}
}
