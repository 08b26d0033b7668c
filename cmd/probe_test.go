package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProbe plugs a printer into a line that nobody named, and asks what is there: the answer is what a technician would
// write into kiosk.toml.
func TestProbe(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	d := start(t, dir, "")
	lines := filepath.Join(dir, "dev")
	want := map[string]string{}
	for protocol, class := range map[string]string{"escpos": "receipt"} {
		link := filepath.Join(lines, "new-"+protocol)
		p := begin(t, "devsim", "one", protocol, "--link", link)
		if p.line() == "" {
			t.Fatalf("devsim one %s ended: %s", protocol, p.stderr.String())
		}
		want["serial:"+link] = class + ` = "` + protocol + " serial:" + link + `"`
	}
	var found []struct{ Class, Protocol, Address, Line string }
	if exit, err := d.Ctl(t.Context(), &found, "devices", "probe"); err != nil || exit != 0 {
		t.Fatalf("kioskctl devices probe: exit %d: %v", exit, err)
	}
	got := map[string]string{}
	for _, f := range found {
		got[f.Address] = f.Line
	}
	for address, line := range want {
		if got[address] != line {
			t.Errorf("%s: got %q, want %q", address, got[address], line)
		}
	}
	for class, protocol := range map[string]string{"idcard": "sdt", "cash": "cctalk", "receipt": "escpos", "scanner": "scanner"} {
		address := "serial:" + filepath.Join(lines, class)
		if line := class + ` = "` + protocol + " " + address + `"`; os.Getenv("SET") == "" && got[address] != line {
			t.Errorf("the configured %s: got %q, want %q", class, got[address], line)
		}
	}
}
