// Package config reads kiosk.toml, the one file that says what a terminal is and what hangs on it.
//
// Unknown keys are refused, and every mistake is told with its line, so that a technician at night
// learns all of them at once.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is a terminal's set-up.
type Config struct {
	Terminal struct {
		ID     string `toml:"id"`     // as the hall knows it: T03
		Number string `toml:"number"` // as people read it: 03
		State  string `toml:"state"`  // folder of everything that the terminal keeps
	} `toml:"terminal"`
	Hall struct {
		URL           string `toml:"url"`
		EnrolCodeFile string `toml:"enrol_code_file"`
	} `toml:"hall"`
	Socket struct {
		UI  string `toml:"ui"`
		Ctl string `toml:"ctl"`
	} `toml:"socket"`
	Device map[string]string `toml:"device"` // class → "protocol address"
	Paper  struct {
		PlainTray string `toml:"plain_tray"` // of the license printer; "" for none
	} `toml:"paper"`
	Photo struct {
		Library string `toml:"library"` // a card maker's, that decodes photos; "" for none
		Call    string `toml:"call"`
		Order   string `toml:"order"` // of the colours of bare pixels: bgr, rgb
	} `toml:"photo"`
	Visit struct {
		IdleSeconds int `toml:"idle_seconds"`
		WarnSeconds int `toml:"warn_seconds"`
	} `toml:"visit"`
	Screen struct {
		Size     string `toml:"size"`
		Language string `toml:"language"`
	} `toml:"screen"`
}

// Classes are the device classes a terminal can have.
var Classes = []string{"idcard", "cash", "coins", "payout", "receipt", "license", "scanner"}

// Spec is a device's protocol and address.
type Spec struct {
	Protocol string
	Address  string // serial:PATH, usb:VVVV:PPPP or an http URL; hoppers have more behind a question mark
}

// Spec is the spec of a class; ok is false when the terminal has none.
func (c *Config) Spec(class string) (Spec, bool) {
	protocol, address, ok := strings.Cut(strings.TrimSpace(c.Device[class]), " ")
	return Spec{Protocol: protocol, Address: strings.TrimSpace(address)}, ok
}

// Idle is how long the screen waits for a touch.
func (c *Config) Idle() time.Duration { return time.Duration(c.Visit.IdleSeconds) * time.Second }

// Warn is how long the warning stands.
func (c *Config) Warn() time.Duration { return time.Duration(c.Visit.WarnSeconds) * time.Second }

// Example is a whole file, annotated.
const Example = `# kiosk.toml: one self-service terminal.

[terminal]
id = "T03"                          # as the hall knows it
number = "03"                       # as people read it on the screen
state = "/var/lib/yichuang"         # journal, twin file, ballast

[hall]
url = "https://hall.example:7443"
enrol_code_file = "/etc/yichuang/enrol-code"   # the hall's one-time code, used once

[socket]
ui = "/run/yichuang/ui.sock"        # for kiosk-ui
ctl = "/run/yichuang/ctl.sock"      # for kioskctl

[device]                            # protocol and address in one string; leave out what the cabinet lacks
idcard = "sdt serial:/dev/yichuang/idcard"
cash = "cctalk serial:/dev/yichuang/cash"
# coins = "cctalk-coin serial:/dev/yichuang/cash"     # ccTalk devices may hang on one line: name the same path
# payout = "cctalk-hopper serial:/dev/yichuang/cash?3=100&4=50"   # hoppers by address, with the face of their coins in fen
receipt = "escpos serial:/dev/yichuang/receipt"
license = "ipp http://192.0.2.10:631/ipp/print"
scanner = "scanner serial:/dev/yichuang/scanner"

[paper]
# Tray of the license printer with A4 paper without numbers, where a slip comes out when the receipt printer
# cannot print it. Leave it out when there is none.
plain_tray = "by-pass-tray"

# The card maker's library that decodes the photo of a card, in a folder of its own. It runs locked in, in a process
# that ends after three seconds. Leave the section out when there is none: then no photo is shown.
#[photo]
#library = "/usr/local/lib/yichuang-photo/libwlt2bmp.so"
#call = "unpack"                    # the function in it
#order = "bgr"                      # of the colours; rgb when faces are blue

[visit]
idle_seconds = 60                   # without a touch, then the warning
warn_seconds = 20                   # the warning, then the visit ends

[screen]
size = "1080x1920"
language = "zh"                     # of the home page: zh or en
`

// Load reads and checks a file.
func Load(path string) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

var call = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var size = regexp.MustCompile(`^[1-9]\d{2,3}x[1-9]\d{2,3}$`)

// Parse reads and checks the text of a file.
func Parse(text string) (*Config, error) {
	var c Config
	c.Visit.IdleSeconds, c.Visit.WarnSeconds = 60, 20
	c.Screen.Size, c.Screen.Language = "1080x1920", "zh"
	c.Photo.Call, c.Photo.Order = "unpack", "bgr"
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return nil, err
	}
	var bad []error
	complain := func(key, format string, args ...any) {
		bad = append(bad, fmt.Errorf("line %d: %s: %s", lineOf(text, key), key, fmt.Sprintf(format, args...)))
	}
	for _, key := range meta.Undecoded() {
		complain(key.String(), "there is no such key")
	}
	need := func(key, value string) {
		if value == "" {
			complain(key, "is needed")
		}
	}
	need("terminal.id", c.Terminal.ID)
	need("terminal.state", c.Terminal.State)
	need("hall.url", c.Hall.URL)
	need("socket.ui", c.Socket.UI)
	need("socket.ctl", c.Socket.Ctl)
	for class := range c.Device {
		spec, ok := c.Spec(class)
		switch {
		case !known(class):
			complain("device."+class, "want one of %s", strings.Join(Classes, " "))
		case !ok || !addressed(spec.Address):
			complain("device."+class, `want "PROTOCOL ADDRESS" with an address serial:PATH, usb:VVVV:PPPP or http://HOST/PATH`)
		}
	}
	if c.Visit.IdleSeconds < 5 || c.Visit.IdleSeconds > 3600 {
		complain("visit.idle_seconds", "want 5 to 3600")
	}
	if c.Visit.WarnSeconds < 3 || c.Visit.WarnSeconds > 600 {
		complain("visit.warn_seconds", "want 3 to 600")
	}
	if c.Photo.Library != "" && !filepath.IsAbs(c.Photo.Library) {
		complain("photo.library", "want an absolute path")
	}
	if !call.MatchString(c.Photo.Call) {
		complain("photo.call", "want the name of a C function, such as unpack")
	}
	if c.Photo.Order != "bgr" && c.Photo.Order != "rgb" {
		complain("photo.order", "want bgr or rgb")
	}
	if !size.MatchString(c.Screen.Size) {
		complain("screen.size", "want WIDTHxHEIGHT in pixels, such as 1080x1920")
	}
	if c.Screen.Language != "zh" && c.Screen.Language != "en" {
		complain("screen.language", "want zh or en")
	}
	if c.Terminal.Number == "" {
		c.Terminal.Number = c.Terminal.ID
	}
	return &c, errors.Join(bad...)
}

func known(class string) bool {
	for _, c := range Classes {
		if c == class {
			return true
		}
	}
	return false
}

func addressed(address string) bool {
	for _, prefix := range []string{"serial:", "usb:", "http://", "https://"} {
		if strings.HasPrefix(address, prefix) && len(address) > len(prefix) {
			return true
		}
	}
	return false
}

// lineOf finds where a dotted key stands, 1-based; 0 when it is not in the text.
func lineOf(text, key string) int {
	table, name, _ := strings.Cut(key, ".")
	at := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			at = strings.Trim(strings.SplitN(line, "#", 2)[0], "[] ")
		}
		before, _, ok := strings.Cut(line, "=")
		if ok && at == table && strings.TrimSpace(before) == name || (name == "" && at == table && strings.HasPrefix(line, "[")) {
			return i + 1
		}
	}
	return 0
}
