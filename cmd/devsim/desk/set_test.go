package desk

import (
	"maps"
	"strings"
	"testing"
)

func TestSetIsRead(t *testing.T) {
	for _, row := range []struct {
		text string
		want map[string]string
		bad  string // in the sentence; "" when it is good
	}{
		{"", map[string]string{}, ""},
		{"visit.idle_seconds=20", map[string]string{"visit.idle_seconds": "20"}, ""},
		{`  device.license="ipp http://127.0.0.1:8632/ipp/print"  visit.warn_seconds=5 `,
			map[string]string{"device.license": "ipp http://127.0.0.1:8632/ipp/print", "visit.warn_seconds": "5"}, ""},
		{"device.cash=cctalk\tscreen.size=800x600", map[string]string{"device.cash": "cctalk", "screen.size": "800x600"}, ""},
		{`device.cash="cctalk "`, map[string]string{"device.cash": "cctalk"}, ""},
		{`device.cash="ccnet serial:/dev/x"`, map[string]string{"device.cash": "ccnet serial:/dev/x"}, ""},
		{"visit.idle_seconds", nil, "no pair"},
		{"a b=c", nil, "no pair"},
		{"terminal.id=T9", nil, `no key "terminal.id"`},
		{"device.coin=x", nil, `no device "coin"`},
		{"device.coins=x", nil, `no simulator of "x"`},
		{"device.coins=cctalk-coin device.payout=cctalk-hopper", map[string]string{"device.coins": "cctalk-coin", "device.payout": "cctalk-hopper"}, ""},
		{"device.cash=", nil, "empty"},
		{"device.cash=ssp", map[string]string{"device.cash": "ssp"}, ""},
		{"device.cash=id003", map[string]string{"device.cash": "id003"}, ""},
		{"device.cash=ccnet", map[string]string{"device.cash": "ccnet"}, ""},
		{"device.cash=telex", nil, `no simulator of "telex"`},
		{`device.cash="cctalk serial:/x`, nil, "second quotation mark"},
		{`device.cash="cctalk serial:/x"visit.idle_seconds=5`, nil, "a blank is wanted"},
		{"visit.idle_seconds=0", nil, "whole seconds"},
		{"visit.idle_seconds=3601", nil, "whole seconds"},
		{"visit.warn_seconds=soon", nil, "whole seconds"},
		{"screen.size=1080", nil, "width and height"},
		{"visit.idle_seconds=5 visit.idle_seconds=6", nil, "twice"},
	} {
		got, err := parseSet(row.text)
		switch {
		case row.bad != "":
			if err == nil || !strings.Contains(err.Error(), row.bad) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: got %v, want one sentence with %q", row.text, err, row.bad)
			}
		case err != nil || !maps.Equal(got.values, row.want):
			t.Errorf("%q: got %v, %v; want %v", row.text, got.values, err, row.want)
		}
	}
}

func TestSettingsAreCompleted(t *testing.T) {
	s, err := parseSet(`visit.idle_seconds=30 device.cash=cctalk device.scanner="scanner serial:/x"`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.complete(""); err != nil {
		t.Fatal(err)
	}
	if s.seconds("visit.idle_seconds") != 30 || s.seconds("visit.warn_seconds") != 20 || s.values["screen.size"] != "1080x1920" || s.values["screen.language"] != "zh" {
		t.Errorf("completed: %v", s.values)
	}
	if got, want := s.speaks(), map[string]string{"cash": "cctalk"}; !maps.Equal(got, want) {
		t.Errorf("its own devices speak %v, want %v", got, want)
	}
	for class, want := range map[string]string{"cash": "cctalk serial:/sim", "scanner": "scanner serial:/x", "idcard": "cctalk serial:/sim"} {
		if got := s.device(class, "cctalk serial:/sim"); got != want {
			t.Errorf("device.%s: got %q, want %q", class, got, want)
		}
	}
	for class, want := range map[string]bool{"scanner": true, "cash": false, "license": false, "": true} {
		if got := s.foreign(class); got != want {
			t.Errorf("foreign %q: got %v, want %v", class, got, want)
		}
	}
	if err := s.complete("fr"); err == nil {
		t.Error("the terminal speaks French")
	}
}

func TestWhatIsMissing(t *testing.T) {
	service := func(open, cash bool) status {
		return status{Hall: "up", Services: []offer{{Code: "pay.water", Open: open, Why: "no paper", Ways: []offer{{Code: "pay.show", Open: true}, {Code: "pay.cash", Open: cash, Why: "no box"}}}}}
	}
	for want, s := range map[string]status{
		"":                                      service(true, true),
		"service pay.water is closed: no paper": service(false, true),
		"service pay.water: pay.cash is closed: no box": service(true, false),
		"the hall is not heard":                         {Hall: "down"},
		"there is no catalogue":                         {Hall: "up"},
	} {
		if got := s.missing(); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestNextStackComesNeverTwice(t *testing.T) {
	for serial, want := range map[string]string{"A00000001": "A00001001", "A00000999": "A00001001", "A00001000": "A00002001", "B09": "B1001", "none": "none"} {
		if got := nextStack(serial); got != want {
			t.Errorf("after %s: got %s, want %s", serial, got, want)
		}
	}
}

func TestDisplayDoors(t *testing.T) {
	for _, row := range []struct {
		wayland, runtime, x string
		want                []door
	}{
		{"", "", "", nil},
		{"", "", ":71", []door{{"unix", "/tmp/.X11-unix/X71"}}},
		{"", "", "unix:0.0", []door{{"unix", "/tmp/.X11-unix/X0"}}},
		{"", "", "localhost:10.0", []door{{"tcp", "localhost:6010"}}},
		{"", "", "far:1", []door{{"tcp", "far:6001"}}},
		{"wayland-0", "/run/user/1", "", []door{{"unix", "/run/user/1/wayland-0"}}},
		{"/run/w", "/run/user/1", ":1", []door{{"unix", "/run/w"}, {"unix", "/tmp/.X11-unix/X1"}}},
		{"", "", "broken", nil},
	} {
		got := displayDoors(row.wayland, row.runtime, row.x)
		if len(got) != len(row.want) {
			t.Errorf("%q %q: got %v, want %v", row.wayland, row.x, got, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%q %q: got %v, want %v", row.wayland, row.x, got, row.want)
			}
		}
	}
}

func TestAutoNeedsADisplayThatAnswers(t *testing.T) {
	t.Setenv("DISPLAY", ":64999")
	t.Setenv("WAYLAND_DISPLAY", "")
	if got := choose(t.Context(), Auto); got != Broadway {
		t.Errorf("a display that is not there: got %s, want %s", got, Broadway)
	}
	if got := choose(t.Context(), Hidden); got != Hidden {
		t.Errorf("hidden: got %s", got)
	}
}
