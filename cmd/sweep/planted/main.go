// Command planted sees that the sweep finds mistakes: make sweep-planted.
//
// Each bug is put into the product in turn, by giving the compiler a changed copy of one file, and the sweep is played with
// one seed after the other until it finds a violation. The tree is not touched.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// seedsMax is how many seeds a bug may hide from, and each of them how many schedules.
const (
	seedsMax  = 100
	schedules = 120
)

func main() {
	var o struct {
		Only string `help:"Only bugs whose names have this in them."`
		Seed uint64 `help:"The first seed." default:"1"`

		Random    int    `help:"So many changes by chance, in place of the planted ones."`
		Sown      uint64 `help:"Which changes by chance." default:"1"`
		Kind      string `help:"Changes of this kind only: removed, changed or swapped." enum:",removed,changed,swapped" default:""`
		Schedules int    `help:"For each change by chance." default:"5000"`
	}
	kong.Parse(&o, kong.Name("planted"), kong.Description("Sees that the sweep finds planted bugs."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	planted, found := 0, 0
	if o.Random > 0 {
		if err := random(ctx, o.Random, o.Kind, o.Sown, o.Seed, o.Schedules); err != nil {
			fmt.Fprintln(os.Stderr, "planted:", err)
			os.Exit(1)
		}
		return
	}
	for _, b := range bugs {
		if !strings.Contains(b.name, o.Only) {
			continue
		}
		planted++
		seed, in, err := b.hunt(ctx, o.Seed)
		if err != nil {
			fmt.Printf("planted %s NOT found: %v\n", b.name, err)
			continue
		}
		found++
		fmt.Printf("planted %s found seed=%d schedules=%d\n", b.name, seed, in)
	}
	fmt.Printf("planted %d found %d\n", planted, found)
	if found < planted {
		os.Exit(1)
	}
}

// hunt builds the product with the bug and sweeps it, and says with which seed, and among how many schedules, it was found.
func (b bug) hunt(ctx context.Context, first uint64) (seed uint64, in int, err error) {
	dir, err := os.MkdirTemp("", "planted-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	binary, _, err := b.build(ctx, dir)
	if err != nil {
		return 0, 0, err
	}
	for n := range uint64(seedsMax) {
		seed := first + n
		found, err := sweep(ctx, binary, "", filepath.Join(dir, "sweep.json"), seed, schedules)
		if err != nil || found != "" {
			return seed, schedules, err
		}
	}
	return 0, 0, fmt.Errorf("not with %d seeds of %d schedules", seedsMax, schedules)
}

// errUnbuilt says that a changed program cannot be compiled: nobody would land it.
var errUnbuilt = errors.New("it does not compile")

// build compiles the sweep of the product with the bug, and says where the compiler is told of it.
func (b bug) build(ctx context.Context, dir string) (binary, overlay string, err error) {
	overlay, err = b.overlay(dir)
	if err != nil {
		return "", "", err
	}
	binary = filepath.Join(dir, "sweep")
	if said, err := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", binary, "./cmd/sweep").CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("%w: %w: %s", errUnbuilt, err, said)
	}
	return binary, overlay, nil
}

// random sows changes by chance and says of each whether the sweep finds it. Those that do not compile are not counted.
func random(ctx context.Context, n int, only string, sown, seed uint64, schedules int) error {
	rng := rand.New(rand.NewPCG(sown, 0))
	found := 0
	for i := 0; i < n && ctx.Err() == nil; {
		b, err := sow(rng, only)
		if err != nil {
			return err
		}
		hit, err := b.try(ctx, seed, schedules)
		if errors.Is(err, errUnbuilt) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		i++
		word := "NOT found"
		if hit != "" {
			found++
			word = "found: " + hit
		}
		fmt.Printf("planted %s %s\n", b.name, word)
	}
	fmt.Printf("planted %d found %d\n", n, found)
	return ctx.Err()
}

// try sweeps one change with one seed, and says what was found.
func (b bug) try(ctx context.Context, seed uint64, schedules int) (found string, err error) {
	dir, err := os.MkdirTemp("", "planted-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	binary, overlay, err := b.build(ctx, dir)
	if err != nil {
		return "", err
	}
	for _, n := range []int{schedules / 10, schedules} { // most are found among the first
		within, cancel := context.WithTimeout(ctx, tryMax*time.Duration(n)/time.Duration(schedules)+tryLeast)
		found, err = sweep(within, binary, overlay, filepath.Join(dir, "sweep.json"), seed, n)
		late := errors.Is(within.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		cancel()
		switch {
		case late:
			return fmt.Sprintf("%d schedules do not come to their end", n), nil
		case found != "" || err != nil:
			return found, err
		}
	}
	return "", nil
}

// tryMax is how long a change may keep the sweep from ending: then it is found too. A run with fewer schedules has less, but tryLeast.
const (
	tryMax   = 20 * time.Minute
	tryLeast = 2 * time.Minute
	waitMax  = 20 * time.Second // for it to end when told so
)

// overlay writes the changed file and what the compiler is to know of it.
func (b bug) overlay(dir string) (string, error) {
	path, err := filepath.Abs(b.file)
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(raw)
	for _, e := range b.edits {
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, want once: the bug has to be planted anew", b.file, e.old, n)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		return "", err
	}
	document, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, document, 0o600)
}

// sweep plays one seed, and names what was found. A journey that does not come to its end, or a program that dies, is a bug that was found. With an
// overlay the packages' own tests are told too, if there are schedules enough.
func sweep(ctx context.Context, binary, overlay, out string, seed uint64, schedules int) (found string, err error) {
	cmd := exec.CommandContext(ctx, binary, "--seed", fmt.Sprint(seed), "--schedules", fmt.Sprint(schedules), "--out", out)
	if overlay != "" {
		cmd.Args = append(cmd.Args, "--tests")
		cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its workers and takes away its folder
	cmd.WaitDelay = waitMax
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return named(string(said)), nil
	}
	if err != nil {
		return "", err
	}
	last := ""
	for lines := bufio.NewScanner(strings.NewReader(string(said))); lines.Scan(); {
		last = lines.Text()
	}
	if want := fmt.Sprintf("schedules %d violations 0", schedules); last != want {
		return "", fmt.Errorf("the sweep ended with %q, want %q", last, want)
	}
	return "", nil
}

// named are the invariants that do not hold in what the sweep said, with the package when its tests say so.
func named(said string) string {
	var names []string
	for line := range strings.Lines(said) {
		parts := strings.Fields(line)
		if len(parts) < 3 || parts[0] != "VIOLATION" {
			continue
		}
		name := strings.TrimSuffix(parts[2], ":")
		if strings.Contains(parts[1], "/") {
			name += " of " + parts[1]
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "the sweep does not come to its end"
	}
	return strings.Join(names, ", ")
}
