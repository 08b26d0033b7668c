package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"yichuang/sync/hall"
)

// serve runs the hall until ctx ends. The address stands on stdout when it answers.
func serve(ctx context.Context, c *config, stdout, stderr io.Writer) (err error) {
	if err := os.MkdirAll(c.Hall.State, 0o700); err != nil {
		return err
	}
	unlock, err := lock(c.Hall.State)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	terminals, err := listen(c, "listen", c.Hall.Listen)
	if err != nil {
		return err
	}
	people, err := listen(c, "console", c.Hall.Console)
	if err != nil {
		return errors.Join(err, terminals.Close())
	}
	console := "http://" + people.Addr().String()
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	h, err := hall.Open(ctx, c.forHall(console+hall.NotifyPath), logger)
	if err != nil {
		return errors.Join(err, terminals.Close(), people.Close())
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.Wake(ctx); err != nil {
		return errors.Join(err, terminals.Close(), people.Close())
	}
	// Both are listening, so that whoever reads this can call at once.
	if _, err := fmt.Fprintf(stdout, "console %s\nhalld: ready https://%s\n", console, terminals.Addr()); err != nil {
		return errors.Join(err, terminals.Close(), people.Close())
	}
	return h.Serve(ctx, terminals, people)
}

// lock keeps a second hall from serving the same state. The kernel lets go of it with the process.
func lock(state string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(state, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: another hall serves this state: %w", state, err), f.Close())
	}
	return f.Close, nil
}

// listen opens an address. A port that the kernel chose once is kept: terminals know it.
func listen(c *config, name, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port != "0" {
		return net.Listen("tcp", address)
	}
	path := filepath.Join(c.Hall.State, "ports.json")
	ports := map[string]string{}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &ports)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if kept := ports[name]; kept != "" {
		// Somebody else may have taken the port while the hall was away; then a new one is better than none.
		if l, err := net.Listen("tcp", net.JoinHostPort(host, kept)); !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	_, ports[name], err = net.SplitHostPort(l.Addr().String())
	if err == nil {
		err = keep(path, ports)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// keep writes a file whole.
func keep(path string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	aside := path + ".new"
	if err := os.WriteFile(aside, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(aside, path)
}
