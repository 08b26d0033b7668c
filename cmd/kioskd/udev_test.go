package main

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"

	"yichuang/devices/idcard/sdtusb"
	"yichuang/kiosk/config"
)

const rulesFile = "../../packaging/60-yichuang.rules"

// rule is one line of a file of rules: what must be so, and what is then set.
type rule struct{ match, set map[string]string }

var item = regexp.MustCompile(`^([A-Z]+(?:\{[A-Za-z_]+\})?)(==|\+=|=)"([^"]*)"$`)

// ruleOf reads a rule. Only what stands in our file is known: a key that is none would be passed over by udev with a word in a log.
func ruleOf(line string) (rule, error) {
	r := rule{map[string]string{}, map[string]string{}}
	for part := range strings.SplitSeq(line, ",") {
		m := item.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return r, fmt.Errorf("%q", part)
		}
		key, op, value := m[1], m[2], m[3]
		name, _, _ := strings.Cut(key, "{")
		switch {
		case op == "==" && strings.Contains(" SUBSYSTEM KERNEL ENV ATTR ", " "+name+" "):
			r.match[key] = value
		case op == "=" && (name == "GROUP" || name == "MODE" || name == "ENV"), op == "+=" && name == "SYMLINK":
			r.set[key] = value
		default:
			return r, fmt.Errorf("%s%s", key, op)
		}
	}
	if len(r.match) == 0 || len(r.set) == 0 {
		return r, fmt.Errorf("nothing is matched, or nothing is set")
	}
	return r, nil
}

// apply gives what a device gets from all rules together.
func apply(t *testing.T, rules []rule, device map[string]string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, r := range rules {
		fits := true
		for key, want := range r.match {
			any := false
			for pattern := range strings.SplitSeq(want, "|") {
				ok, err := path.Match(pattern, device[key])
				if err != nil {
					t.Fatal(err)
				}
				any = any || ok
			}
			fits = fits && any
		}
		for key, value := range r.set {
			if fits {
				got[key] = value
			}
		}
	}
	return got
}

// udevRules are the file's rules, and those that are there as examples, behind a #.
func udevRules(t *testing.T) (live, examples []rule) {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		bare, example := strings.CutPrefix(line, "# ")
		if line == "" || strings.HasPrefix(line, "#") && !strings.Contains(bare, `=="`) {
			continue
		}
		r, err := ruleOf(bare)
		switch {
		case err != nil:
			t.Errorf("%s:%d: %v", rulesFile, n+1, err)
		case example:
			examples = append(examples, r)
		default:
			live = append(live, r)
		}
	}
	return live, examples
}

// TestUdevRulesGiveRights: every kind of USB device that there is a driver for can be opened by kioskd's user, and nothing else is
// given away.
func TestUdevRulesGiveRights(t *testing.T) {
	rules, _ := udevRules(t)
	service, err := os.ReadFile("../../packaging/kioskd.service")
	if err != nil {
		t.Fatal(err)
	}
	_, groups, _ := strings.Cut(string(service), "SupplementaryGroups=")
	groups, _, _ = strings.Cut(groups, "\n")
	usb := func(more map[string]string) map[string]string {
		d := map[string]string{"SUBSYSTEM": "usb", "ENV{DEVTYPE}": "usb_device", "ATTR{idVendor}": "0416", "ATTR{idProduct}": "5011"}
		for key, value := range more {
			d[key] = value
		}
		return d
	}
	var devices []map[string]string
	for _, a := range sdtusb.Readers {
		devices = append(devices, usb(map[string]string{"ATTR{idVendor}": fmt.Sprintf("%04x", a.Vendor), "ATTR{idProduct}": fmt.Sprintf("%04x", a.Product), "ENV{ID_USB_INTERFACES}": ":ff0000:"}))
	}
	for _, p := range plugs {
		if c := p.opens; !c.Any {
			class := fmt.Sprintf(":%02x%02x%02x:", c.Class, c.SubClass, c.Protocol)
			devices = append(devices, usb(map[string]string{"ENV{ID_USB_INTERFACES}": class}), usb(map[string]string{"ENV{ID_USB_INTERFACES}": ":070101" + class + "030000:"}))
		}
	}
	if len(devices) < 5 {
		t.Fatalf("only %d devices", len(devices))
	}
	for _, d := range devices {
		got := apply(t, rules, d)
		if got["MODE"] != "0660" || got["GROUP"] == "" || !strings.Contains(" "+groups+" ", " "+got["GROUP"]+" ") {
			t.Errorf("%v: got %v, want mode 0660 and one of the groups of kioskd.service, %s", d, got, groups)
		}
	}
	for _, d := range []map[string]string{usb(map[string]string{"ENV{ID_USB_INTERFACES}": ":030101:"}), usb(map[string]string{"ENV{ID_USB_INTERFACES}": ":070101:"}),
		usb(map[string]string{"ENV{DEVTYPE}": "usb_interface", "ENV{ID_USB_INTERFACES}": ":070102:"})} {
		if got := apply(t, rules, d); len(got) != 0 {
			t.Errorf("%v: got %v, want nothing", d, got)
		}
	}
}

// TestUdevRulesGiveNames: ModemManager leaves all lines alone, and whoever takes the # away gets the names of the example of
// kiosk.toml, each on a socket of its own.
func TestUdevRulesGiveNames(t *testing.T) {
	rules, examples := udevRules(t)
	for _, name := range []string{"ttyUSB0", "ttyACM3"} {
		if got := apply(t, rules, map[string]string{"SUBSYSTEM": "tty", "KERNEL": name}); got["ENV{ID_MM_DEVICE_IGNORE}"] != "1" || len(got) != 1 {
			t.Errorf("%s: got %v", name, got)
		}
	}
	links, places := map[string]bool{}, map[string]bool{}
	for _, r := range examples {
		place := r.match["ENV{ID_PATH}"] + r.match["KERNEL"]
		if places[place] || place == "" {
			t.Errorf("the place %q is there twice", place)
		}
		places[place] = true
		got := apply(t, append(rules, examples...), map[string]string{"SUBSYSTEM": "tty", "ENV{ID_PATH}": r.match["ENV{ID_PATH}"], "KERNEL": r.match["KERNEL"]})
		if got["SYMLINK"] != r.set["SYMLINK"] || got["GROUP"] != "dialout" || got["MODE"] != "0660" {
			t.Errorf("at %s: got %v, want %v", place, got, r.set)
		}
		links["serial:/dev/"+got["SYMLINK"]] = true
	}
	c, err := config.Parse(config.Example)
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range config.Classes {
		if class != "license" && !links["serial:/dev/yichuang/"+class] {
			t.Errorf("no rule gives the name yichuang/%s", class)
		}
		if spec, ok := c.Spec(class); ok && strings.HasPrefix(spec.Address, "serial:") && !links[spec.Address] {
			t.Errorf("%s: no rule gives the name in %s", class, spec.Address)
		}
	}
}

// TestUdevTakesTheRules where there is a udevadm that can check them (version 254 or newer).
func TestUdevTakesTheRules(t *testing.T) {
	tool, err := exec.LookPath("udevadm")
	if err != nil || exec.Command(tool, "verify", "--help").Run() != nil {
		return // the tests above read every rule by themselves
	}
	if out, err := exec.Command(tool, "verify", "--resolve-names=never", rulesFile).CombinedOutput(); err != nil {
		t.Errorf("udevadm verify: %v: %s", err, out)
	}
}
