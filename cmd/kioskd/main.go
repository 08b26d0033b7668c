// Command kioskd is the terminal's daemon: it owns the devices, the journal and the truth about cases.
//
//	kioskd --config kiosk.toml    serve
//	kioskd --config F --check     read it, open nothing, and say what would be done
//	kioskd --example              print an annotated kiosk.toml
//	kioskd try PROTOCOL ADDRESS   one driver alone, on standard input and output
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"yichuang/devices/idcard/wlt/cell"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/daemon"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
	"yichuang/sync/uplink"
)

// version and commit are set when it is built.
var version, commit = "dev", "unknown"

type commands struct {
	Serve serveCommand `cmd:"" default:"withargs" help:"Run the terminal."`
	Try   tryCommand   `cmd:"" help:"Run one driver alone: a line of JSON for each signal, orders on standard input."`
	Photo photoCommand `cmd:"" hidden:"" help:"The child that decodes the photo of a card; kioskd starts it itself."`
}

type serveCommand struct {
	Config  string `help:"kiosk.toml" type:"path"`
	Check   bool   `help:"Read the configuration, open nothing, and say what would be done."`
	Example bool   `help:"Print an annotated kiosk.toml."`
}

// photoCommand takes the photo's block on standard input; see devices/idcard/wlt.
type photoCommand struct {
	Library string `arg:""`
	Call    string `arg:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal does not wait
	}()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kioskd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var c commands
	parser, err := kong.New(&c, kong.Name("kioskd"), kong.Description("The daemon of a self-service terminal."), kong.Writers(stdout, stderr))
	if err != nil {
		return err
	}
	cmd, err := parser.Parse(args)
	if err != nil {
		return err
	}
	switch cmd.Command() {
	case "try <protocol> <address>":
		return c.Try.run(ctx, stdin, stdout, stderr)
	case "photo <library> <call>":
		os.Exit(cell.Run(c.Photo.Library, c.Photo.Call)) // nothing of this program is left to be done in there
	}
	return c.Serve.run(ctx, stdout, stderr)
}

func (s *serveCommand) run(ctx context.Context, stdout, stderr io.Writer) error {
	if s.Example {
		_, err := io.WriteString(stdout, config.Example)
		return err
	}
	if s.Config == "" {
		return errors.New("want --config kiosk.toml; --example prints one")
	}
	c, err := config.Load(s.Config)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	dev, err := openDevices(c, log)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Config, err)
	}
	if s.Check {
		for _, class := range config.Classes {
			if spec, ok := c.Spec(class); ok {
				fmt.Fprintf(stdout, "%-8s %s at %s\n", class, spec.Protocol, spec.Address)
			} else {
				fmt.Fprintf(stdout, "%-8s none\n", class)
			}
		}
		if c.Photo.Library != "" {
			fmt.Fprintf(stdout, "%-8s %s in %s\n", "photo", c.Photo.Call, c.Photo.Library)
		}
		fmt.Fprintf(stdout, "terminal %s, state in %s, hall %s\n", c.Terminal.ID, c.Terminal.State, c.Hall.URL)
		return nil
	}
	log.Info("kioskd", "version", version, "commit", commit, "terminal", c.Terminal.ID)
	err = daemon.Run(ctx, daemon.Options{Config: c, Cash: dev.cash, Coins: dev.coins, Payer: dev.payer, Roll: dev.roll, Sheets: dev.sheets, Reader: dev.reader, Scanner: dev.scanner,
		Version: version, Commit: commit, Log: log, Probe: func(ctx context.Context) ([]ctl.Found, error) { return probe(ctx, c, serialFolders) },
		Link: func(journal *store.Store, report func() daemon.Report) (daemon.Link, error) {
			cfg := uplink.Config{URL: c.Hall.URL, EnrolCodeFile: c.Hall.EnrolCodeFile, Version: version, Health: func() *hallapi.Health { return health(report()) }}
			return uplinkOf(uplink.New(cfg, journal, log))
		}})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// health is the report in the words of the hall's contract.
func health(r daemon.Report) *hallapi.Health {
	h := &hallapi.Health{Queue: r.Queue, Version: version, Page: r.Page}
	for _, d := range r.Devices {
		h.Devices = append(h.Devices, &hallapi.DeviceHealth{Class: d.Class, Protocol: d.Spec, State: d.State, Fault: d.Fault})
	}
	return h
}

// terminalLink is uplink.Link in the words of the daemon.
type terminalLink struct{ *uplink.Link }

func uplinkOf(l *uplink.Link, err error) (daemon.Link, error) {
	if err != nil {
		return nil, err
	}
	l.Notices(func(uplink.Notice) error { return nil }) // until the daemon says what is to become of them
	return terminalLink{l}, nil
}

// Told hands on what the hall tells.
func (l terminalLink) Told(handle func(kind, caseID string, content []byte) error) {
	l.Notices(func(n uplink.Notice) error { return handle(n.Kind, n.Case, n.JSON) })
}

// Barred says why the hall does not deal with this terminal any more.
func (l terminalLink) Barred() string {
	if why := l.Revoked(); why != "" {
		return uplink.RevokedTodo(why)
	}
	return ""
}

// Trouble says why there is no line.
func (l terminalLink) Trouble() string { return l.Status().Err }
