package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExampleIsAWholeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kiosk.toml")
	if err := os.WriteFile(path, []byte(Example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Terminal.ID != "T03" || c.Terminal.Number != "03" || c.Terminal.State != "/var/lib/yichuang" || c.Hall.URL != "https://hall.example:7443" ||
		c.Hall.EnrolCodeFile != "/etc/yichuang/enrol-code" || c.Socket.UI != "/run/yichuang/ui.sock" || c.Socket.Ctl != "/run/yichuang/ctl.sock" ||
		c.Screen.Size != "1080x1920" || c.Screen.Language != "zh" || c.Idle() != time.Minute || c.Warn() != 20*time.Second {
		t.Errorf("got %+v", c)
	}
	// What stands behind a # is a whole section, too.
	lines := strings.NewReplacer("\n#[", "\n[", "\n#library", "\nlibrary", "\n#call", "\ncall", "\n#order", "\norder").Replace(Example)
	if p, err := Parse(lines); err != nil || c.Photo.Library != "" || p.Photo.Library != "/usr/local/lib/yichuang-photo/libwlt2bmp.so" || p.Photo.Call != c.Photo.Call || p.Photo.Order != c.Photo.Order {
		t.Errorf("the photo's section: got %+v, %v", p, err)
	}
	for class, want := range map[string]Spec{
		"idcard": {"sdt", "serial:/dev/yichuang/idcard"}, "cash": {"cctalk", "serial:/dev/yichuang/cash"}, "receipt": {"escpos", "serial:/dev/yichuang/receipt"},
		"license": {"ipp", "http://192.0.2.10:631/ipp/print"}, "scanner": {"scanner", "serial:/dev/yichuang/scanner"},
	} {
		if got, ok := c.Spec(class); !ok || got != want {
			t.Errorf("%s: got %+v (%v), want %+v", class, got, ok, want)
		}
	}
}

// least is the shortest file that is enough.
const least = `[terminal]
id = "T1"
state = "/s"
[hall]
url = "u"
[socket]
ui = "a"
ctl = "b"
`

func TestWhatIsLeftOut(t *testing.T) {
	c, err := Parse(least)
	if err != nil {
		t.Fatal(err)
	}
	if c.Terminal.Number != "T1" || c.Idle() != 60*time.Second || c.Warn() != 20*time.Second || c.Screen.Size != "1080x1920" || c.Screen.Language != "zh" ||
		c.Photo.Library != "" || c.Photo.Call != "unpack" || c.Photo.Order != "bgr" {
		t.Errorf("got %+v", c)
	}
	if spec, ok := c.Spec("cash"); ok || spec != (Spec{}) {
		t.Errorf("a device that is not there: got %+v (%v)", spec, ok)
	}
}

// Every mistake is told, each with its line.
func TestMistakes(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{strings.Replace(least, "T1", "", 1), []string{"line 2: terminal.id: is needed"}},
		{strings.Replace(least, "/s", "", 1), []string{"line 3: terminal.state: is needed"}},
		{strings.Replace(least, `"u"`, `""`, 1), []string{"line 5: hall.url: is needed"}},
		{strings.Replace(least, `"a"`, `""`, 1), []string{"line 7: socket.ui: is needed"}},
		{strings.Replace(least, `"b"`, `""`, 1), []string{"line 8: socket.ctl: is needed"}},
		{least + "[device]\ntoaster = \"x serial:/d\"\n", []string{"line 10: device.toaster: want one of idcard cash coins payout receipt license scanner"}},
		{least + "[device]\ncash = \"cctalk\"\n", []string{"line 10: device.cash: want \"PROTOCOL ADDRESS\""}},
		{least + "[device]\ncash = \"cctalk /dev/x\"\n", []string{"line 10: device.cash: want"}},
		{least + "[device]\ncash = \"cctalk serial:\"\n", []string{"line 10: device.cash: want"}},
		{least + "[device]\ncash = \"\"\n", []string{"line 10: device.cash: want"}},
		{least + "[photo]\nlibrary = \"lib.so\"\ncall = \"a b\"\norder = \"gbr\"\n", []string{"line 10: photo.library: want an absolute", "line 11: photo.call: want", "line 12: photo.order: want bgr or rgb"}},
		{least + "[photo]\ncall = \"\"\n", []string{"line 10: photo.call: want"}},
		{least + "[visit]\nidle_seconds = 4\nwarn_seconds = 2\n", []string{"line 10: visit.idle_seconds: want 5 to 3600", "line 11: visit.warn_seconds: want 3 to 600"}},
		{least + "[visit]\nidle_seconds = 3601\nwarn_seconds = 601\n", []string{"line 10: visit.idle_seconds: want 5 to 3600", "line 11: visit.warn_seconds: want 3 to 600"}},
		{least + "[screen]\nsize = \"1080*1920\"\nlanguage = \"fr\"\n", []string{"line 10: screen.size: want", "line 11: screen.language: want zh or en"}},
		{least + "[screen]\nsize = \"99x1920\"\n", []string{"line 10: screen.size: want"}},
		{least + "[screen]\nsize = \"1080x19200\"\n", []string{"line 10: screen.size: want"}},
		{least + "[screen] # the screen\ncolour = 3\n", []string{"line 10: screen.colour: there is no such key"}},
		{least + "[door]\nopen = true\n", []string{"line 9: door: there is no such key", "line 10: door.open: there is no such key"}},
		{"", []string{"line 0: terminal.id: is needed", "line 0: terminal.state: is needed", "line 0: hall.url: is needed", "line 0: socket.ui: is needed", "line 0: socket.ctl: is needed"}},
		{"id = ", []string{"line 1"}},
	}
	for _, tt := range tests {
		c, err := Parse(tt.text)
		if err == nil {
			t.Errorf("%s: got %+v, want %q", tt.text, c, tt.want)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		for i, want := range tt.want {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
				t.Errorf("%s: got %q, want line %d: %q", tt.text, lines, i, want)
			}
		}
		if strings.HasPrefix(tt.want[0], "line ") && len(tt.want[0]) > 8 && len(lines) != len(tt.want) {
			t.Errorf("%s: got %q, want %d lines", tt.text, lines, len(tt.want))
		}
	}
}

func TestLimitsThemselvesAreGood(t *testing.T) {
	for _, more := range []string{"[visit]\nidle_seconds = 5\nwarn_seconds = 3\n", "[visit]\nidle_seconds = 3600\nwarn_seconds = 600\n", "[screen]\nsize = \"100x100\"\nlanguage = \"en\"\n", "[screen]\nsize = \"9999x9999\"\n"} {
		if _, err := Parse(least + more); err != nil {
			t.Errorf("%s: got %v", more, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Spec{
		"cctalk serial:/dev/x": {"cctalk", "serial:/dev/x"}, "  cctalk   usb:1234:abcd ": {"cctalk", "usb:1234:abcd"},
		"ipp http://h/p": {"ipp", "http://h/p"}, "ipp https://h/p": {"ipp", "https://h/p"},
	} {
		c, err := Parse(least + fmt.Sprintf("[device]\ncash = %q\n", text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got, ok := c.Spec("cash"); !ok || got != want {
			t.Errorf("%q: got %+v (%v), want %+v", text, got, ok, want)
		}
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
	path := filepath.Join(t.TempDir(), "bad.toml")
	if err := os.WriteFile(path, []byte("x = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Example)
	f.Add(least)
	f.Add("[device]\ncash = \"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err == nil && (c.Terminal.ID == "" || c.Idle() < 5*time.Second || c.Warn() < 3*time.Second) {
			t.Errorf("%q was taken: %+v", text, c)
		}
	})
}
