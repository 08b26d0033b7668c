//go:debug randseednop=0
package fleet

import (
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// command is what make fleet runs: this test's binary under the name fleet. A fleet needs what only a test has: a bubble
// of virtual time, and chance that a seed gives again.
var command Options

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "fleet" {
		kong.Parse(&command, kong.Name("fleet"), kong.Description("Lives through days of a whole fleet and compares all books."))
		if command.Seed == 0 {
			command.Seed = uint64(time.Now().UnixNano())
		}
		debug.SetGCPercent(200) // memory is not short
		os.Args = os.Args[:1]
		for name, value := range map[string]string{"test.run": "^TestCommand$", "test.timeout": "0"} {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

// TestCommand is make fleet; in go test it has nothing to do.
func TestCommand(t *testing.T) {
	if command.Seed != 0 {
		code := command.Work(t)
		os.Exit(code) // testing would print a word of its own
	}
}
