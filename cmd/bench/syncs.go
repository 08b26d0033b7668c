package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// What a record costs the disk whatever the disk is like: how often it must make something last, and how much it is given. On a
// disk of a terminal a sync takes ten to a hundred times as long as on a server's, and then these numbers are the speed.
const (
	syncsPerRecord = "syncs per record"
	kibPerRecord   = "KiB written per record"
)

// work is what a child of this program is to do while somebody counts.
type work struct {
	Dir     string
	Writers int
	Records int
}

// enqueueWork puts records into a new journal and tells how many bytes this process gave to the kernel to write.
func enqueueWork(ctx context.Context, in io.Reader, out io.Writer) error {
	var w work
	if err := json.NewDecoder(in).Decode(&w); err != nil {
		return err
	}
	s, err := openJournal(ctx, w.Dir, w.Writers)
	if err != nil {
		return err
	}
	_, err = s.turn(ctx, w.Records)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(io), "wchar: ")
	written, _, _ := strings.Cut(rest, "\n")
	_, err = fmt.Fprintln(out, written)
	return err
}

// A child does the work twice, with many records and with few; the difference is the records', and nothing of what a start and an end cost.
const (
	countedFew  = 200
	countedMany = 3200
)

// counted gives the costs of a record, as strace and the kernel count them.
func counted(writers int) func(ctx context.Context, dir string) (map[string]float64, error) {
	return func(ctx context.Context, dir string) (map[string]float64, error) {
		var syncs, bytes [2]float64
		for i, n := range []int{countedFew, countedMany} {
			own := filepath.Join(dir, "counted-"+strconv.Itoa(n))
			var err error
			if syncs[i], bytes[i], err = traced(ctx, work{own, writers, n}); err != nil {
				return nil, err
			}
		}
		const n = countedMany - countedFew
		return map[string]float64{syncsPerRecord: round((syncs[1] - syncs[0]) / n), kibPerRecord: round((bytes[1] - bytes[0]) / n / 1024)}, nil
	}
}

func traced(ctx context.Context, w work) (syncs, written float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	in, err := json.Marshal(w)
	if err != nil {
		return 0, 0, err
	}
	table := w.Dir + ".strace"
	cmd := exec.CommandContext(ctx, "strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", table, self, "--part", "enqueue")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("strace (package strace): %w", err)
	}
	if written, err = strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(table)
	if err != nil {
		return 0, 0, err
	}
	syncs, err = calls(string(text))
	return syncs, written, err
}

// calls adds up the calls of strace's table.
func calls(table string) (n float64, err error) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] != "fsync" && f[len(f)-1] != "fdatasync" {
			continue
		}
		one, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return 0, fmt.Errorf("strace: %q: %w", line, err)
		}
		n += one
	}
	if n == 0 {
		return 0, errors.New("strace: no sync was counted")
	}
	return n, nil
}
