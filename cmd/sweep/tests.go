package sweep

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"yichuang/cmd/world"
)

// tested are the packages that decide about money. What no journey of a citizen goes through their own tests may find: a driver's suite has
// random hands, plugs and power cuts at its device, the hall's a history of damaged and doubled batches.
var tested = []string{"./kiosk/payment", "./kiosk/store", "./sync/hall", "./sync/hallstore", "./devices/cash/..."}

// testsFrom is from how many schedules on their tests are told.
const testsFrom = 1000

// testsMax bounds the tests of one package: they take a minute at most.
const testsMax = 5 * time.Minute

// tests tells the short tests of packages in the project's tree, and puts what they find to the result.
func (r *result) tests(ctx context.Context, packages ...string) error {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-short", "-count=1", "-timeout=" + testsMax.String()}, packages...)...)
	command.Stderr = os.Stderr
	said, err := command.Output()
	failed := map[string][]string{} // by package, what its tests have found
	words := map[string]string{}    // of a test that is being told
	for line := range bytes.Lines(said) {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(line, &e) != nil || e.Package == "" {
			continue // of the compiler
		}
		test := e.Package + " " + e.Test
		words[test] += e.Output
		if e.Action == "fail" {
			failed[e.Package] = append(failed[e.Package], failure(words[test])...)
		}
		if e.Test != "" || e.Action != "pass" && e.Action != "fail" {
			continue
		}
		r.checked("package.tests", 1)
		if e.Action == "fail" {
			what := cmp.Or(strings.Join(failed[e.Package], "; "), "its tests do not come to their end")
			r.Violations = append(r.Violations, named{e.Package, world.Violation{Invariant: "package.tests", What: what}, "go test -short " + e.Package})
		}
	}
	if err != nil && len(r.Violations) == 0 {
		return fmt.Errorf("telling the tests of %s: %w", strings.Join(packages, ", "), err)
	}
	return nil
}

// failure is what a test has found wrong, and with which seed: the lines of its words that name a file.
func failure(said string) (lines []string) {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); strings.Contains(line, ".go:") && !strings.HasPrefix(line, "/") {
			lines = append(lines, line)
		}
	}
	return lines
}
