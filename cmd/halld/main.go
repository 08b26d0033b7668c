// Command halld is the hall: it takes the terminals' journals in and answers what they ask.
//
//	halld --config hall.toml                       serve
//	halld --config F enrol-code TERMINAL           mint a one-time code for a terminal
//	halld --config F --json ledger | audit         the books, and whether they hold
//	halld --config F root                          the certificate that licenses are checked with
//	halld --config F catalog import FILE           sign a catalogue document and publish it
//	halld --config F restored                      the database was put back from a backup: ask the terminals
//	halld --config F release TERMINAL REASON       the restored hall need not wait for this terminal
//	halld --config F revoke TERMINAL REASON        deal with this terminal no more
//	halld --example                                print an annotated hall.toml
//
// Every command works beside a running hall as well as alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal does not wait
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit codes of the desk's contract.
const (
	exitHolds  = 0
	exitNot    = 1 // looked, and it does not hold; or it could not be done
	exitUsage  = 2
	exitRefuse = 4
)

// errUsage is a command line that says nothing halld knows.
var errUsage = errors.New("usage: halld --config FILE [--json] [enrol-code TERMINAL | ledger | audit | root | catalog import FILE |\n  restored | release TERMINAL REASON | revoke TERMINAL REASON]")

// errBroken says that the books were looked at and do not hold.
var errBroken = errors.New("the books do not hold")

// errRefused is a command that the hall understood and does not do.
var errRefused = errors.New("refused")

// options are what stands before the command. The document is JSON with and without --json, because
// there is no other form.
type options struct {
	config  string
	example bool
	json    bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("halld", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", "", "hall.toml")
	flags.BoolVar(&o.json, "json", false, "answer with one JSON document")
	flags.BoolVar(&o.example, "example", false, "print an annotated hall.toml")
	flags.Usage = func() { fmt.Fprintln(stderr, errUsage) }
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitHolds
	} else if err != nil {
		return exitUsage
	}
	err := do(ctx, o, flags.Args(), stdout, stderr)
	switch {
	case err == nil:
		return exitHolds
	case errors.Is(err, errBroken):
		return exitNot
	}
	fmt.Fprintln(stderr, "halld:", err)
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errRefused):
		return exitRefuse
	}
	return exitNot
}

func do(ctx context.Context, o options, args []string, stdout, stderr io.Writer) error {
	if o.example {
		_, err := io.WriteString(stdout, example)
		return err
	}
	if o.config == "" {
		return errUsage
	}
	c, err := load(o.config)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return serve(ctx, c, stdout, stderr)
	}
	return command(ctx, c, args, stdout, stderr)
}
