// Command devsim is the pretend world around the product: every peripheral as a mechanism that answers its
// true bytes, a water company and a payment gateway, and a supervisor that runs the whole product on one desk.
//
//	devsim desk --dir DIR              the whole product (make desk, make run)
//	devsim biller --state DIR          the demo's water company
//	devsim gateway --state DIR         the pretend payment gateway
//	devsim one PROTOCOL --link PATH    one device on its own
//
// It never imports the product; whatever it needs to know of it is in the bytes and in the contract.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"yichuang/cmd/devsim/biller"
	"yichuang/cmd/devsim/desk"
	"yichuang/cmd/devsim/gateway"
	"yichuang/cmd/devsim/one"
)

// commands is the command line.
type commands struct {
	Desk    deskCommand    `cmd:"" help:"Run the whole product on one desk."`
	Biller  serviceCommand `cmd:"" help:"Run the demo's water company."`
	Gateway serviceCommand `cmd:"" help:"Run the pretend payment gateway."`
	One     oneCommand     `cmd:"" help:"Run one pretend device on its own."`
}

type deskCommand struct {
	Dir      string `help:"Folder for all state; an earlier desk's goes on. A new folder in --out when empty."`
	Out      string `help:"Where new folders are made." default:"out"`
	Bin      string `help:"Where the five programs are; beside this one when empty."`
	Screen   string `help:"Size of the screen, such as 1080x1920."`
	Language string `help:"Language of the screen at the beginning: zh or en."`
	Set      string `help:"Settings: pairs of key=value, separated by blanks."`
	Lifeline bool   `help:"End when standard input ends: whoever holds its other end, a test that may be killed, takes the desk along."`
	Show     string `help:"How the screen is shown." enum:"hidden,window,broadway,auto" default:"hidden"`
}

type serviceCommand struct {
	State  string `help:"Folder for the state." required:""`
	Listen string `help:"Address to listen at." default:"127.0.0.1:0"`
}

type oneCommand struct {
	Protocol string `arg:"" help:"sdt, sdt-usb, cctalk, cctalk-coin, cctalk-hopper, id003, ccnet, ssp, essp, ssp-payout, escpos, escpos-58 and other models, escpos-usb, scanner, ipp or ipp-usb."`
	Link     string `help:"Path at which the device's serial line appears."`
	Listen   string `help:"Address at which ipp listens."`
	Echo     bool   `help:"cctalk: the interface board gives the host its own bytes back."`
	CRC      bool   `name:"crc" help:"cctalk: CRC-16 packets instead of simple checksums."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; tests start it. The answer is the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("devsim"), kong.Description("The pretend world around the product."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { panic(helped{}) }))
	if err != nil {
		panic("devsim: the command line is wrong in itself: " + err.Error())
	}
	defer func() {
		if p := recover(); p != nil && p != (helped{}) {
			panic(p)
		}
	}()
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "devsim:", err)
		return 2
	}
	name, what := "devsim", func() error { return nil }
	switch chosen.Command() {
	case "desk":
		name, what = "desk", func() error { return c.Desk.run(ctx, stdout) }
	case "biller":
		name, what = "biller", func() error { return biller.Run(ctx, c.Biller.State, c.Biller.Listen, ready(stdout, "biller")) }
	case "gateway":
		name, what = "gateway", func() error { return gateway.Run(ctx, c.Gateway.State, c.Gateway.Listen, ready(stdout, "gateway")) }
	case "one <protocol>":
		what = func() error {
			return one.Run(ctx, one.Options{Protocol: c.One.Protocol, Link: c.One.Link, Listen: c.One.Listen, Echo: c.One.Echo, CRC: c.One.CRC}, stdout)
		}
	}
	if err := what(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// helped is how kong's help leaves: it has printed all that was asked for.
type helped struct{}

// ready prints that a service can be spoken to.
func ready(stdout io.Writer, name string) func(url string) {
	return func(url string) { fmt.Fprintf(stdout, "%s: ready %s\n", name, url) }
}

// run runs a desk.
func (d *deskCommand) run(ctx context.Context, stdout io.Writer) error {
	if d.Bin == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		d.Bin = filepath.Dir(self)
	}
	if d.Dir == "" {
		if err := os.MkdirAll(d.Out, 0o755); err != nil {
			return err
		}
		dir, err := os.MkdirTemp(d.Out, "desk-")
		if err != nil {
			return err
		}
		d.Dir = dir
	}
	if d.Lifeline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			io.Copy(io.Discard, os.Stdin) // an error is an end as well
			cancel()
		}()
	}
	return desk.Run(ctx, desk.Options{Dir: d.Dir, Bin: d.Bin, Screen: d.Screen, Language: d.Language, Set: d.Set, Show: d.Show}, stdout)
}
