// Command kioskctl is the technician's hand: it asks kioskd over its socket, or checks papers by itself.
//
// Exit status: 0 it holds or is done, 1 it was looked at and does not hold, 2 usage, 3 kioskd does not
// answer, 4 refused in this state.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/license"
	"yichuang/kiosk/money"
)

type commands struct {
	Socket string `help:"kioskd's ctl.sock" default:"/run/yichuang/ctl.sock"`
	JSON   bool   `help:"One document on standard output."`

	Status struct{} `cmd:"" help:"What is open, what is closed, why, and what to do."`
	Ledger struct{} `cmd:"" help:"Where money, blanks and licenses are."`
	Audit  struct {
		Journal string `type:"existingfile" help:"A twin file or an exported log; kioskd is not asked."`
	} `cmd:"" help:"Check every invariant that the journal alone can show."`
	Doubtful struct {
		List   struct{} `cmd:"" default:"1" hidden:""`
		Settle struct {
			ID     string `arg:""`
			As     string `required:"" enum:"stacked,returned,printed,spoiled,paid,kept" help:"What was found."`
			Face   string `help:"Of a note or coin that nobody saw: its face in yuan, as the count of the box showed it."`
			Reason string `required:"" help:"Where and how it was found."`
		} `cmd:"" help:"Write down what a person has found."`
	} `cmd:"" help:"What the devices could not tell."`
	Owed struct {
		List struct{} `cmd:"" default:"1" hidden:""`
		Pay  struct {
			Code   string `arg:"" help:"The code on the slip."`
			Reason string `required:"" help:"Where and how it is paid out."`
		} `cmd:"" help:"Pay out a slip, once."`
	} `cmd:"" help:"What people get back."`
	Blanks struct {
		Load struct {
			Tray  string `required:""`
			First string `required:"" help:"The serial of the first blank."`
			Count int64  `required:""`
		} `cmd:"" help:"Write down blanks that were put into a tray."`
		Void struct {
			Tray   string `required:"" help:"Its name at the printer: tray-1."`
			Serial string `required:"" help:"The number on the blank; the next one of its tray."`
			Reason string `required:"" help:"What became of it: torn, crumpled."`
		} `cmd:"" help:"Take the next blank of a tray out of use."`
	} `cmd:"" help:"Numbered blanks."`
	Cashbox struct {
		Exchange struct {
			Counted string `required:"" help:"Notes counted by hand: 100.00x3,20.00x1; empty for none."`
		} `cmd:"" help:"Compare the box with the journal, and begin to count anew."`
	} `cmd:"" help:"The cash box."`
	Coinbox struct {
		Exchange struct {
			Counted string `required:"" help:"Coins counted by hand: 1.00x30,0.50x12; empty for none."`
		} `cmd:"" help:"Compare the coin box with the journal, and begin to count anew."`
	} `cmd:"" help:"The coin box."`
	Stock struct {
		Load struct {
			Pieces string `required:"" help:"What was put in: 1.00x50,0.50x20."`
		} `cmd:"" help:"Write down coins or notes that were put into the payer."`
		Count struct {
			Counted string `required:"" help:"What is inside, counted by hand; empty for nothing."`
		} `cmd:"" help:"Compare what is inside with the journal, and go on from the count."`
	} `cmd:"" help:"The coins and notes that are paid out."`
	Closing   struct{} `cmd:"" help:"Close the day: journal and print what was taken in, with a running number and a total that is never reset."`
	Reconcile struct {
		Day string `required:"" help:"A day in Beijing: 2026-11-20."`
	} `cmd:"" help:"Compare a day's money: what was counted, journal, hall, billers, gateway."`
	Devices struct {
		Probe struct{} `cmd:"" help:"What answers on each serial line, and its line for kiosk.toml."`
	} `cmd:"" help:"The devices."`
	Log struct {
		Export struct {
			File string `arg:"" type:"path"`
		} `cmd:"" help:"The journal's headers as JSON lines."`
	} `cmd:"" help:"The journal."`
	Rebuild struct {
		File string `arg:"" optional:"" type:"path" default:"/var/lib/yichuang/twin.jsonl" help:"The twin file, or the folder that it lies in."`
	} `cmd:"" help:"Bring the totals back from the twin file when the database is lost; needs no kioskd."`
	Verify struct {
		Root string `required:"" type:"existingfile" help:"The hall's license root, PEM."`
		File string `arg:"" type:"existingfile" help:"The text of the code on the license."`
	} `cmd:"" help:"Check a license without a network."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// holds says whether what a document tells is as it should be.
type holds func() bool

func yes() bool { return true }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("kioskctl"), kong.Description("The technician's hand on a self-service terminal."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 2
	}
	cmd, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 2
	}
	if err := c.sensible(cmd.Command()); err != nil {
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 2
	}
	doc, ok, err := c.do(ctx, cmd.Command())
	var refused *ctl.Refused
	switch {
	case errors.Is(err, ctl.ErrAway):
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 3
	case errors.As(err, &refused):
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 4
	case err != nil:
		fmt.Fprintln(stderr, "kioskctl:", err)
		return 1
	}
	if doc != nil {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		if !c.JSON {
			enc.SetIndent("", "  ")
		}
		if err := enc.Encode(doc); err != nil {
			fmt.Fprintln(stderr, "kioskctl:", err)
			return 1
		}
	}
	if !ok() {
		return 1
	}
	return 0
}

// sensible looks at what can be known to be wrong without asking anybody.
func (c *commands) sensible(command string) error {
	switch command {
	case "cashbox exchange":
		_, err := money.ParseCounts(c.Cashbox.Exchange.Counted)
		return err
	case "coinbox exchange":
		_, err := money.ParseCounts(c.Coinbox.Exchange.Counted)
		return err
	case "stock load":
		_, err := money.ParseCounts(c.Stock.Load.Pieces)
		return err
	case "stock count":
		_, err := money.ParseCounts(c.Stock.Count.Counted)
		return err
	case "reconcile":
		_, err := time.Parse(time.DateOnly, c.Reconcile.Day)
		return err
	case "blanks load":
		if n := c.Blanks.Load.Count; n < 1 {
			return fmt.Errorf("blanks load: --count %d: at least one blank is loaded", n)
		}
	}
	return nil
}

func (c *commands) do(ctx context.Context, command string) (doc any, ok holds, err error) {
	client := ctl.NewClient(c.Socket)
	command = strings.Join(strings.Fields(strings.NewReplacer("<id>", "", "<code>", "", "<file>", "").Replace(command)), " ")
	switch command {
	case "status":
		return get[ctl.Status](ctx, client, "status")
	case "ledger":
		var l ctl.Ledger
		err := client.Get(ctx, "ledger", &l)
		return l, func() bool { return l.Journal.Chain == "ok" }, err
	case "audit":
		var a ctl.Audit
		if c.Audit.Journal != "" {
			a, err = auditFile(c.Audit.Journal)
		} else {
			err = client.Get(ctx, "audit", &a)
		}
		return a, func() bool { return a.Violations == 0 }, err
	case "doubtful", "doubtful list":
		return get[[]ctl.Doubt](ctx, client, "doubtful")
	case "doubtful settle":
		s := c.Doubtful.Settle
		return post[ctl.Doubt](ctx, client, "doubtful/settle", ctl.Settle{ID: s.ID, As: s.As, Face: s.Face, Reason: s.Reason})
	case "owed", "owed list":
		return get[[]ctl.Owed](ctx, client, "owed")
	case "owed pay":
		return post[ctl.Owed](ctx, client, "owed/pay", ctl.Pay{Code: c.Owed.Pay.Code, Reason: c.Owed.Pay.Reason})
	case "blanks void":
		b := c.Blanks.Void
		return post[casefile.Blanks](ctx, client, "blanks/void", ctl.Void{Tray: b.Tray, Serial: b.Serial, Reason: b.Reason})
	case "blanks load":
		b := c.Blanks.Load
		return post[casefile.Blanks](ctx, client, "blanks/load", ctl.Load{Tray: b.Tray, First: b.First, Count: b.Count})
	case "cashbox exchange":
		return counted(ctx, client, "cashbox/exchange", c.Cashbox.Exchange.Counted)
	case "closing":
		doc, _, err := post[ctl.Closing](ctx, client, "closing", struct{}{})
		return doc, func() bool { return doc.(ctl.Closing).Printed }, err
	case "reconcile":
		doc, _, err := post[ctl.Reconciled](ctx, client, "reconcile", ctl.Day{Day: c.Reconcile.Day})
		return doc, doc.(ctl.Reconciled).Holds, err
	case "devices probe":
		return get[[]ctl.Found](ctx, client, "devices/probe")
	case "coinbox exchange":
		return counted(ctx, client, "coinbox/exchange", c.Coinbox.Exchange.Counted)
	case "stock count":
		return counted(ctx, client, "stock/count", c.Stock.Count.Counted)
	case "stock load":
		return post[casefile.Stock](ctx, client, "stock/load", ctl.Pieces{Pieces: c.Stock.Load.Pieces})
	case "log export":
		return nil, yes, c.export(ctx, client)
	case "rebuild":
		return c.rebuild()
	case "verify":
		return c.verify()
	}
	return nil, yes, fmt.Errorf("no such command: %s", command)
}

// counted tells what was counted; it holds when the journal has the same.
func counted(ctx context.Context, client *ctl.Client, name, pile string) (any, holds, error) {
	var e ctl.Exchange
	doc, _, err := post[ctl.Exchange](ctx, client, name, ctl.Count{Counted: pile})
	if err == nil {
		e = doc.(ctl.Exchange)
	}
	return e, func() bool { return len(e.Difference) == 0 }, err
}

func get[T any](ctx context.Context, client *ctl.Client, name string) (any, holds, error) {
	var doc T
	err := client.Get(ctx, name, &doc)
	return doc, yes, err
}

func post[T any](ctx context.Context, client *ctl.Client, name string, arg any) (any, holds, error) {
	var doc T
	raw, err := json.Marshal(arg)
	if err != nil {
		return doc, yes, err
	}
	err = client.Post(ctx, name, bytes.NewReader(raw), &doc)
	return doc, yes, err
}

// auditFile goes through a journal without its program: a disk was lost, or an auditor has the log alone.
func auditFile(path string) (a ctl.Audit, err error) {
	f, err := os.Open(path)
	if err != nil {
		return a, err
	}
	defer f.Close()
	w, err := invariant.ReadLines(f)
	if err != nil {
		return a, fmt.Errorf("audit %s: %w", path, err)
	}
	return ctl.AuditOf(w.Results()), nil
}

// export writes the whole file or none: a half log would look like a short one.
func (c *commands) export(ctx context.Context, client *ctl.Client) error {
	path := c.Log.Export.File
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(client.Log(ctx, f), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

// verdict is `kioskctl verify`.
type verdict struct {
	Valid  bool          `json:"valid"`
	Reason string        `json:"reason"`
	Facts  license.Facts `json:"facts"`
	license.Proof
}

func (c *commands) verify() (any, holds, error) {
	root, err := os.ReadFile(c.Verify.Root)
	if err != nil {
		return nil, yes, err
	}
	text, err := os.ReadFile(c.Verify.File)
	if err != nil {
		return nil, yes, err
	}
	facts, proof, err := license.Verify(root, strings.TrimSpace(string(text)))
	v := verdict{Valid: err == nil, Facts: facts, Proof: proof}
	if err != nil {
		v.Reason = err.Error()
	}
	return v, func() bool { return v.Valid }, nil
}
