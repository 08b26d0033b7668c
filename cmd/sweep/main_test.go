//go:debug randseednop=0

package sweep

import (
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"yichuang/cmd/world"
)

// command is what make sweep runs: this test's binary under the name sweep. A world needs what only a test has: a bubble
// of virtual time, and chance that a seed gives again.
var command Options

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "sweep" {
		kong.Parse(&command, kong.Name("sweep"), kong.Description("Cuts the power at every instant of whole journeys."))
		if command.Seed == 0 {
			command.Seed = uint64(time.Now().UnixNano())
		}
		if command.Worker == "" && command.Replay == "" {
			os.Exit(command.Supervise())
		}
		steady()
		debug.SetGCPercent(400) // memory is not short
		os.Args = os.Args[:1]
		if err := flag.Set("test.run", "^TestCommand$"); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	steady()
	done, err := inMemory()
	if err != nil {
		panic(err)
	}
	code := m.Run()
	done()
	os.Exit(code)
}

func steady() {
	if err := world.Steady(); err != nil {
		panic(err)
	}
}

// TestCommand is a worker of make sweep; in go test it has nothing to do.
func TestCommand(t *testing.T) {
	if command.Seed != 0 {
		command.Work(t)
	}
}
