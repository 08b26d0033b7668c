package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"yichuang/sync/hall"
)

// command does one thing and ends, beside a running hall or alone.
func command(ctx context.Context, c *config, args []string, stdout, stderr io.Writer) (err error) {
	do, err := which(args)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	conf := c.forHall("")
	conf.Gateway = nil // nothing is paid from here
	h, err := hall.Open(ctx, conf, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return do(ctx, h, stdout)
}

type action func(context.Context, *hall.Hall, io.Writer) error

func which(args []string) (action, error) {
	switch {
	case len(args) == 2 && args[0] == "enrol-code":
		return func(ctx context.Context, h *hall.Hall, out io.Writer) error { return enrolCode(ctx, h, args[1], out) }, nil
	case len(args) == 1 && args[0] == "ledger":
		return ledger, nil
	case len(args) == 1 && args[0] == "audit":
		return audit, nil
	case len(args) == 1 && args[0] == "root":
		return root, nil
	case len(args) == 1 && args[0] == "restored":
		return restored, nil
	case len(args) == 3 && args[0] == "release":
		return func(ctx context.Context, h *hall.Hall, _ io.Writer) error {
			return refusal(h.Release(ctx, args[1], args[2]))
		}, nil
	case len(args) == 3 && args[0] == "revoke":
		return func(ctx context.Context, h *hall.Hall, _ io.Writer) error {
			return refusal(h.Revoke(ctx, args[1], args[2]))
		}, nil
	case len(args) == 3 && args[0] == "catalog" && args[1] == "import":
		return func(ctx context.Context, h *hall.Hall, out io.Writer) error {
			return importCatalog(ctx, h, args[2], out)
		}, nil
	}
	return nil, errUsage
}

func enrolCode(ctx context.Context, h *hall.Hall, terminal string, out io.Writer) error {
	code, err := h.EnrolCode(ctx, terminal)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, code)
	return err
}

func ledger(ctx context.Context, h *hall.Hall, out io.Writer) error {
	l, err := h.Ledger(ctx)
	if err != nil {
		return err
	}
	return write(out, l)
}

func audit(ctx context.Context, h *hall.Hall, out io.Writer) error {
	a, err := h.Audit(ctx)
	if err != nil {
		return err
	}
	if err := write(out, a); err != nil {
		return err
	}
	if a.Violations > 0 {
		return errBroken
	}
	return nil
}

func root(_ context.Context, h *hall.Hall, out io.Writer) error {
	_, err := out.Write(h.LicenseRoot())
	return err
}

// restored says that the database was put back from a backup, where the hall cannot see that by itself.
func restored(ctx context.Context, h *hall.Hall, out io.Writer) error {
	epoch, err := h.Restored(ctx)
	if err != nil {
		return err
	}
	return write(out, map[string]any{"epoch": epoch})
}

// refusal is what the hall understood and does not do.
func refusal(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

func importCatalog(ctx context.Context, h *hall.Hall, path string, out io.Writer) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	version, err := h.Publish(ctx, document)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errRefused, path, err)
	}
	return write(out, map[string]any{"version": version})
}

func write(out io.Writer, document any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(document)
}
