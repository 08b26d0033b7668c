package ippsim

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// suites is where CUPS keeps what ipptool runs.
const suites = "/usr/share/cups/ipptool"

var fileRule = regexp.MustCompile(`(?m)^\s*FILE ([^$\s]+)$`)

// sample is a document of the kind that a file's name says.
func sample(t *testing.T, name string) []byte {
	switch filepath.Ext(name) {
	case ".pdf":
		return pdf(boxA4, 2)
	case ".jpg":
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 60, 40)), nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	case ".pwg":
		return append([]byte("RaS2"), rasterPage(4, 8, 1, 3, 7, 0)...)
	}
	return []byte("%!PS\nshowpage\n")
}

// copySuite lays the suites and all documents that they name into a folder of our own: the documents do not come
// with CUPS, and at one that is missing ipptool passes over the rest of a suite.
func copySuite(t *testing.T) (dir string) {
	dir = t.TempDir()
	for _, suite := range []string{"ipp-1.1.test", "ipp-2.0.test", "ipp-everywhere.test"} {
		text, err := os.ReadFile(filepath.Join(suites, suite))
		if err != nil {
			t.Fatalf("%v: packaging/setup.sh installs it (cups-ipp-utils)", err)
		}
		if err := os.WriteFile(filepath.Join(dir, suite), text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, m := range fileRule.FindAllStringSubmatch(string(text), -1) {
			name := filepath.Join(dir, m[1])
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, sample(t, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestIPPTool runs the suites that come with CUPS against the printer, over a socket: another hand's reading of
// RFC 8011, PWG 5100.12 and PWG 5100.14.
func TestIPPTool(t *testing.T) {
	dir := copySuite(t)
	for suite, least := range map[string]int{"ipp-2.0.test": 30, "ipp-everywhere.test": 45} {
		t.Run(suite, func(t *testing.T) {
			p := New(Options{SheetTime: time.Millisecond})
			for tray, media := range map[string]string{"tray-1": mediaA3, "tray-2": mediaA4} {
				if err := p.LoadTray(tray, media, 500, "K001"); err != nil {
					t.Fatal(err)
				}
			}
			server := httptest.NewServer(p.Handler())
			defer server.Close()
			defer p.Power(false)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			uri := strings.Replace(server.URL, "http://", "ipp://", 1) + path
			cmd := exec.CommandContext(ctx, "ipptool", "-V", "2.0", "-t", "-I", "-f", filepath.Join(dir, "document-a4.pdf"), uri, filepath.Join(dir, suite))
			out, err := cmd.CombinedOutput()
			passed, failed := strings.Count(string(out), "[PASS]"), strings.Count(string(out), "[FAIL]")
			if err != nil || passed < least || failed > 0 || strings.Contains(string(out), "cannot be read") {
				t.Errorf("%s: %v; %d passed, %d failed, want %d or more and none:", suite, err, passed, failed, least)
				for line := range strings.Lines(string(out)) {
					if !strings.Contains(line, "[PASS]") && !strings.Contains(line, "[SKIP]") {
						t.Log(strings.TrimSpace(line))
					}
				}
			}
		})
	}
}
