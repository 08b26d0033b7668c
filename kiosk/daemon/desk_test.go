package daemon

import (
	"encoding/json"
	"testing"

	"yichuang/kiosk/config"
	"yichuang/kiosk/station"
)

// Who reads the status may count a service's ways without asking whether there is such a list.
func TestAServiceAlwaysHasAListOfWays(t *testing.T) {
	for _, c := range []struct {
		offer station.Offer
		want  string
	}{
		{station.Offer{Code: "license.individual", Open: true}, `{"code":"license.individual","open":true,"why":"","todo":"","ways":[]}`},
		{station.Offer{Code: "pay.water", Ways: []station.Offer{{Code: "pay.cash", Open: true}}},
			`{"code":"pay.water","open":false,"why":"","todo":"","ways":[{"code":"pay.cash","open":true,"why":"","todo":""}]}`},
	} {
		got, err := json.Marshal(service(c.offer))
		if err != nil || string(got) != c.want {
			t.Errorf("service %s: got %s, %v, want %s", c.offer.Code, got, err, c.want)
		}
	}
}

// What a device says of itself is in the status, and nothing where it says nothing.
func TestDevicesSayWhoTheyAre(t *testing.T) {
	c := &config.Config{Device: map[string]string{"idcard": "sdt serial:/dev/x", "cash": "cctalk serial:/dev/y"}}
	for _, row := range []struct {
		dev  station.Device
		want string
	}{
		{station.Device{Class: "idcard", State: "broken", Fault: "f", Serial: "0500", SAM: "05.03-20110101-1234567890-2345678", Photo: "shown"},
			`{"class":"idcard","protocol":"sdt","address":"serial:/dev/x","state":"broken","fault":"f","serial":"0500","sam":"05.03-20110101-1234567890-2345678","photo":"shown"}`},
		{station.Device{Class: "cash", State: "ready"}, `{"class":"cash","protocol":"cctalk","address":"serial:/dev/y","state":"ready","fault":""}`},
		{station.Device{Class: "scanner", State: "absent", Fault: "f"}, `{"class":"scanner","protocol":"","address":"","state":"absent","fault":""}`},
	} {
		got, err := json.Marshal(device(row.dev, c))
		if err != nil || string(got) != row.want {
			t.Errorf("%s: got %s, %v, want %s", row.dev.Class, got, err, row.want)
		}
	}
}

// A reason says what was found and names nobody by number: the journal keeps it in the clear.
func TestReasonsOfStaff(t *testing.T) {
	for reason, want := range map[string]string{
		"":    "settle: a reason is needed: what was found",
		" \t": "settle: a reason is needed: what was found",
		"it lay in the tray, 3 pieces, case 123456789012": "",
		"在箱底找到":                                  "",
		"for 11010519491231002X, at the counter": "settle: the reason has a number of an identity card in it, and is kept for everybody to read; say it without",
		"给了 13800138000":                         "settle: the reason has a number of a phone in it, and is kept for everybody to read; say it without",
	} {
		got := ""
		if err := needReason("settle", "what was found", reason); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
}
