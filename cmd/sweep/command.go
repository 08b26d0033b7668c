// Package sweep cuts the power at every instant of whole journeys, and looks at what is left: make sweep.
//
// A journey of a world (package world) is played once and taped; at each write, sync, commit, order to a device, instant of a motion and send to the
// hall, everything that outlives a power cut is kept. A schedule is one cut: in a world of its own the disk is given
// back as it may have been found, the devices go on or have lost their power, the program starts, what was open is
// settled, a next citizen looks, and the books of all are compared.
package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"yichuang/cmd/world"
)

// Options are the command line.
type Options struct {
	Schedules int    `help:"How many cuts." default:"10000"`
	Seed      uint64 `help:"Of amounts, and of which instants are cut how; a fresh one is made and printed when it is 0."`
	Journey   string `help:"Only this journey: cash, change, qr, license, offline or sync."`
	Replay    string `help:"One schedule again, as a violation named it."`
	Out       string `help:"Where the result is written as JSON." default:"out/sweep.json"`
	Workers   int    `help:"How many processes; one for each processor when it is 0."`
	Share     string `help:"K/N: of a run on N machines, or on N days, the K-th part; each has as many workers." default:"1/1"`

	Tests bool `help:"From 1,000 schedules on the own tests of the packages that decide about money are told first; this needs the go command and the project's tree."`

	Worker string `hidden:"" help:"I/N: every N-th schedule, beginning with I, as a line of JSON."`
	Lead   bool   `hidden:"" help:"This worker counts what there is to be cut."`
}

// Supervise starts the workers and puts their results together. The answer is the exit status.
func (o *Options) Supervise() int {
	if o.Workers == 0 {
		o.Workers = runtime.NumCPU()
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return 1
	}
	fmt.Printf("sweep: seed %d\n", o.Seed)
	share, shares, err := o.share()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done, err := inMemory()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return 1
	}
	defer done()
	began := time.Now()
	sum := newResult(o.Seed)
	if o.Tests && o.Schedules >= testsFrom && o.Journey == "" && share == 0 {
		if err := sum.tests(ctx, tested...); err != nil {
			fmt.Fprintln(os.Stderr, "sweep:", err)
			return 1
		}
	}
	results := make([]result, o.Workers)
	failed := make([]error, o.Workers)
	var all sync.WaitGroup
	for i := range o.Workers {
		all.Go(func() {
			worker := fmt.Sprintf("%d/%d", share*o.Workers+i, shares*o.Workers)
			cmd := exec.CommandContext(ctx, self, fmt.Sprintf("--lead=%t", i == 0), "--worker", worker, "--schedules", fmt.Sprint(o.Schedules), "--seed", fmt.Sprint(o.Seed), "--journey", o.Journey)
			cmd.Stderr = os.Stderr
			lead, end, err := os.Pipe()
			if err != nil {
				failed[i] = err
				return
			}
			defer end.Close() // by the system too, when this process is killed
			cmd.Stdin = lead
			said, err := cmd.Output()
			lead.Close()
			if err == nil {
				err = json.Unmarshal(said, &results[i])
			}
			failed[i] = err
		})
	}
	all.Wait()
	for i, r := range results {
		if failed[i] != nil {
			// A worker that died is a violation that nobody could write down: its last words stand above.
			fmt.Fprintf(os.Stderr, "sweep: worker %d: %v\n", i, failed[i])
			return 1
		}
		sum.add(r)
	}
	sum.total()
	sum.Seconds = time.Since(began).Seconds()
	if err := world.Write(o.Out, sum); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return 1
	}
	sum.print(os.Stdout)
	if len(sum.Violations) > 0 {
		return 1
	}
	return 0
}

// share is which part of the run this one is, from 0 on, and of how many.
func (o *Options) share() (k, n int, err error) {
	if _, err := fmt.Sscanf(o.Share, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
		return 0, 0, fmt.Errorf("--share=%s: want K/N, as 1/2", o.Share)
	}
	if n > 1 && o.Schedules < longRun {
		return 0, 0, fmt.Errorf("--share=%s: a run of %d schedules is short enough for one; from %d on it has shares", o.Share, o.Schedules, longRun)
	}
	return k - 1, n, nil
}

// inMemory has temporary folders, of this process and its workers, lie in no disk, where there is such a place, until done. What is written beside the databases is kept at
// each point whole, and a real disk would only be waited for.
func inMemory() (done func(), err error) {
	const shared = "/dev/shm"
	in := ""
	if f, err := os.CreateTemp(shared, "sweep-"); err == nil {
		f.Close()
		os.Remove(f.Name())
		in = shared
	}
	dir, err := os.MkdirTemp(in, "sweep-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	return func() { os.RemoveAll(dir) }, err
}

// Work is a worker's life: its schedules, and the result on standard output.
func (o *Options) Work(t *testing.T) {
	if o.Replay != "" {
		done, err := inMemory()
		if err != nil {
			t.Fatal(err)
		}
		status := replay(t, o.Replay, os.Stdout)
		done()
		os.Exit(status)
	}
	go func() { // a world that stands still for good must not outlive who waits for it
		io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	var i, n int
	if _, err := fmt.Sscanf(o.Worker, "%d/%d", &i, &n); err != nil {
		t.Fatal(err)
	}
	p := plan{seed: o.Seed, schedules: o.Schedules, journey: o.Journey, first: i, every: n, lead: o.Lead}
	r, err := sweep(t, p)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
	os.Exit(0) // testing would print a word of its own
}
