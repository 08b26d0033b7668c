package desk

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"yichuang/cmd/devsim/world"
)

// settings are the keys of kiosk.toml that a hand may set, by their dotted names.
type settings struct{ values map[string]string }

// settable are the keys besides device.CLASS, with what they are when nobody sets them.
var settable = map[string]string{"visit.idle_seconds": "60", "visit.warn_seconds": "20", "screen.size": "1080x1920"}

// secondsMax bounds the waiting times: an hour.
const secondsMax = 3600

var sizeForm = regexp.MustCompile(`^[1-9][0-9]{2,4}x[1-9][0-9]{2,4}$`)

// parseSet reads pairs of key=value that are separated by blanks; a value with blanks stands in double quotes.
func parseSet(text string) (settings, error) {
	s := settings{map[string]string{}}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		key, after, found := strings.Cut(rest, "=")
		if !found || strings.ContainsAny(key, " \t\n\"") {
			return s, fmt.Errorf("SET: %q is no pair of key=value; write SET='device.cash=cctalk visit.idle_seconds=20'", rest)
		}
		var value string
		if quoted, ok := strings.CutPrefix(after, `"`); ok {
			if value, rest, found = strings.Cut(quoted, `"`); !found {
				return s, fmt.Errorf("SET: the value of %s has no second quotation mark", key)
			}
			if rest != "" && strings.IndexAny(rest, " \t\n") != 0 {
				return s, fmt.Errorf("SET: a blank is wanted after the value of %s", key)
			}
			value = strings.TrimSpace(value)
		} else {
			value, rest = cutBlank(after)
		}
		if _, twice := s.values[key]; twice {
			return s, fmt.Errorf("SET: %s stands there twice", key)
		}
		s.values[key] = value
		if err := check(key, value); err != nil {
			return s, err
		}
	}
	return s, nil
}

func cutBlank(s string) (before, after string) {
	if i := strings.IndexAny(s, " \t\n"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// check says what is wrong with one setting.
func check(key, value string) error {
	if class, ok := strings.CutPrefix(key, "device."); ok {
		return checkDevice(class, value)
	}
	if _, known := settable[key]; !known {
		return fmt.Errorf("SET: there is no key %q; the keys are device.CLASS visit.idle_seconds visit.warn_seconds screen.size", key)
	}
	switch key {
	case "screen.size":
		if !sizeForm.MatchString(value) {
			return fmt.Errorf("screen.size %q: width and height in pixels, such as 1080x1920", value)
		}
	default:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > secondsMax {
			return fmt.Errorf("%s %q: whole seconds from 1 to %d", key, value, secondsMax)
		}
	}
	return nil
}

// checkDevice checks a protocol with its address; a protocol alone is a simulator's.
func checkDevice(class, value string) error {
	if classes := slices.Concat(world.Classes, world.Extra); !slices.Contains(classes, class) {
		return fmt.Errorf("SET: there is no device %q; the classes are %s", class, strings.Join(classes, " "))
	}
	protocol, address, _ := strings.Cut(value, " ")
	if protocol == "" {
		return fmt.Errorf("device.%s is empty: a protocol, or a protocol and an address, such as %q", class, world.Protocols[class][0]+" serial:/dev/ttyS0")
	}
	if class == "payout" && value == "ssp-payout" {
		return nil // the acceptor's own
	}
	if strings.TrimSpace(address) == "" && !slices.Contains(world.Protocols[class], protocol) {
		return fmt.Errorf("device.%s: devsim has no simulator of %q for it; it has %s", class, protocol, strings.Join(world.Protocols[class], " "))
	}
	return nil
}

// recycles says whether the notes that are paid out come from the acceptor itself: one device, and one line.
func (s settings) recycles() bool { return s.values["device.payout"] == "ssp-payout" }

// complete adds what nobody set and checks the whole.
func (s settings) complete(language string) error {
	if s.recycles() && s.values["device.cash"] != "ssp-payout" {
		return errors.New("device.payout=ssp-payout: it pays out what the acceptor has taken; set device.cash=ssp-payout too")
	}
	for key, usual := range settable {
		if s.values[key] == "" {
			s.values[key] = usual
		}
		if err := check(key, s.values[key]); err != nil {
			return err
		}
	}
	if language == "" {
		language = "zh"
	}
	if language != "zh" && language != "en" {
		return fmt.Errorf("LANGUAGE %q: zh or en", language)
	}
	s.values["screen.language"] = language
	return nil
}

// speaks are the protocols that a hand chose for devsim's own devices.
func (s settings) speaks() map[string]string {
	chosen := map[string]string{}
	for key, value := range s.values {
		if class, ok := strings.CutPrefix(key, "device."); ok && !strings.Contains(value, " ") {
			chosen[class] = value
		}
	}
	if s.recycles() {
		delete(chosen, "payout")
	}
	return chosen
}

// links are the serial lines of the desk's devices below a folder.
func (s settings) links(dir string) map[string]string {
	links := world.Links(dir)
	for _, class := range world.Extra {
		if s.speaks()[class] != "" {
			links[class] = filepath.Join(dir, class)
		}
	}
	return links
}

// device is the address of a device in kiosk.toml: what a hand set, or the simulator's.
func (s settings) device(class, simulator string) string {
	if value := s.values["device."+class]; strings.Contains(value, " ") {
		return value
	}
	return simulator
}

// foreign says whether a class of devices, or any when it is "", is none of devsim's.
func (s settings) foreign(class string) bool {
	for key, value := range s.values {
		if strings.HasPrefix(key, "device.") && strings.HasSuffix(key, class) && strings.Contains(value, " ") {
			return true
		}
	}
	return false
}

// seconds is a waiting time that check has found good.
func (s settings) seconds(key string) int {
	n, err := strconv.Atoi(s.values[key])
	if err != nil {
		panic("desk: " + key + " was promised to be a number")
	}
	return n
}
