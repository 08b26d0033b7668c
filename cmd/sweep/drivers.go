package sweep

import (
	"flag"
	"fmt"
	"testing"

	"yichuang/cmd/world"
	"yichuang/devices/cash/rigtest"
)

// driversFrom is from how many schedules on the drivers' suites are told too: a driver has to do with more than befalls a citizen.
const driversFrom = 1000

// drivers tells this worker's part of the suites, each of them short: in full their own tests tell them.
func (r *result) drivers(t *testing.T, p plan) error {
	seed := p.seed >> 1 // theirs are counted on
	for name, value := range map[string]string{"test.short": "true", "cash.seed": fmt.Sprint(seed), "coin.seed": fmt.Sprint(seed), "pay.seed": fmt.Sprint(seed)} {
		was := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			return err
		}
		defer flag.Set(name, was)
	}
	for i, s := range rigtest.Suites {
		if i%p.every != p.first {
			continue
		}
		r.checked("driver.suite", 1)
		if !t.Run(s.Driver, s.Tell) {
			r.Violations = append(r.Violations, named{Journey: s.Driver, Violation: world.Violation{Invariant: "driver.suite", What: "it does not tell of " + s.Device + " what happened"},
				Replay: fmt.Sprintf("go test -short ./devices/cash/%s -args -%s.seed=%d", s.Driver, s.Class, seed)})
		}
	}
	return nil
}
