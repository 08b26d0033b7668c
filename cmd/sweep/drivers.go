package sweep

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"yichuang/cmd/world"
	"yichuang/devices/cash/rigtest"
)

// driversFrom is from how many schedules on the drivers' suites are told too: a driver has to do with more than befalls a citizen.
const driversFrom = 1000

// suiteMax bounds a suite: it takes some seconds.
const suiteMax = 5 * time.Minute

// drivers tells this worker's part of the suites, each of them short: in full their own tests tell them. Each has a process of its own, for a suite
// that fails may leave its bubble of virtual time standing, which ends the process, and one that never comes to its end must not be waited for.
func (r *result) drivers(p plan) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	seed := p.seed >> 1 // theirs are counted on
	for i, s := range rigtest.Suites {
		if i%p.every != p.first {
			continue
		}
		tell := exec.Command(self)
		tell.Args = []string{"driver", "-test.run=^TestDriver$", "-test.short", "-test.timeout=" + suiteMax.String(), fmt.Sprintf("-driver=%d", i), fmt.Sprintf("-%s.seed=%d", s.Class, seed)}
		said, err := tell.CombinedOutput()
		r.checked("driver.suite", 1)
		if err != nil {
			r.Violations = append(r.Violations, named{Journey: s.Driver, Violation: world.Violation{Invariant: "driver.suite", What: fmt.Sprintf("before %s: %s", s.Device, cmp.Or(failure(string(said)), err.Error()))},
				Replay: fmt.Sprintf("go test -short ./devices/cash/%s -args -%s.seed=%d", s.Driver, s.Class, seed)})
		}
	}
	return nil
}

// failure is the first that a test has found wrong: a line of its words that names a file.
func failure(said string) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); strings.Contains(line, ".go:") && !strings.HasPrefix(line, "/") {
			return line
		}
	}
	return ""
}
