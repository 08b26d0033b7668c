// Command bench measures the product beside what a builder would use in its place, and beside a bare
// floor of the same work. It prints one line of JSON for each row and ends with status 1 when a row
// does not hold.
//
// Numbers of two runs, or of two machines, say nothing about each other. So both sides of a row run here,
// in one process, in turns, round after round; what counts is the median of the rounds' ratios, and the
// goals are ratios. The disk is the one under --dir: a folder in memory would measure nothing.
//
// It is a module of its own, so that no peer ever enters the product's.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == "--part" {
		if err := parts[os.Args[2]](ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", os.Args[2], err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// rows is every comparison there is.
var rows = []row{enqueueOne, enqueueMany, drain, backlog, sealRecord, syncDrain, syncSlowLine, licenseWarm, cardWire, receiptWire, receiptRaster, idleCPU}

// run is the program. The answer is the exit status: 1 when a row does not hold, 2 when it was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "*", "rows whose name fits this pattern")
	list := flags.Bool("list", false, "name the rows and measure nothing")
	dir := flags.String("dir", "out", "folder on the disk that is to be measured; a new one is made in it and removed")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return 2
	}
	status, found := 0, false
	for _, r := range rows {
		fits, err := path.Match(*only, r.name)
		if err != nil {
			fmt.Fprintf(stderr, "bench: --only %s: %v\n", *only, err)
			return 2
		}
		if !fits {
			continue
		}
		found = true
		if *list {
			fmt.Fprintln(stdout, r.name)
			continue
		}
		result, err := r.measure(ctx, *dir)
		if err != nil {
			fmt.Fprintf(stderr, "bench: %s: %v\n", r.name, err)
			status = 1
			continue
		}
		if err := json.NewEncoder(stdout).Encode(result); err != nil {
			return 1
		}
		if !result.Holds {
			status = 1
		}
	}
	if !found {
		fmt.Fprintf(stderr, "bench: no row fits %q\n", *only)
		return 2
	}
	return status
}
