package daemon

import (
	"encoding/json"
	"testing"

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
