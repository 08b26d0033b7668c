package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the programs that are kept: see play.
func TestMain(m *testing.M) {
	if part := os.Getenv("KEEPER_TEST_PART"); part != "" {
		play(part)
	}
	os.Exit(m.Run())
}

// play is one of the fake programs.
func play(part string) {
	switch part {
	case "steady": // says that it is ready and waits for SIGTERM
		fmt.Println("some words first")
		fmt.Println("steady: ready", os.Getpid())
		<-time.After(time.Hour)
	case "brief": // ends at once
		os.Exit(3)
	case "parent": // leaves a grandchild in a session of its own behind
		attr := &os.ProcAttr{Env: append(os.Environ(), "KEEPER_TEST_PART=steady"), Files: []*os.File{nil, os.Stdout, nil}, Sys: &syscall.SysProcAttr{Setsid: true}}
		child, err := os.StartProcess(os.Args[0], os.Args, attr)
		if err != nil {
			os.Exit(4)
		}
		fmt.Println("parent: ready", child.Pid)
		<-time.After(time.Hour)
	case "deaf": // does not hear SIGTERM
		signals := make(chan os.Signal, 1)
		notify(signals)
		fmt.Println("deaf: ready")
		<-time.After(time.Hour)
	case "keeper": // is a keeper itself, to be killed
		k := New()
		child := make(chan string, 1)
		k.Keep(Program{Name: "steady", Command: func(int) []string { return []string{os.Args[0]} }, Env: []string{"KEEPER_TEST_PART=steady"},
			Ready: "steady: ready ", OnReady: func(rest string) { child <- rest }})
		fmt.Println("keeper: ready", <-child)
		<-time.After(time.Hour)
	}
}

// kept starts a fake program and waits until it says that it is ready.
func kept(t *testing.T, k *Keeper, part string) (*Kept, <-chan string) {
	t.Helper()
	ready := make(chan string, 100)
	c, err := k.Keep(Program{
		Name:    part,
		Command: func(int) []string { return []string{os.Args[0]} },
		Env:     []string{"KEEPER_TEST_PART=" + part},
		Log:     filepath.Join(t.TempDir(), part+".log"),
		Ready:   part + ": ready",
		Grace:   100 * time.Millisecond,
		OnReady: func(rest string) { ready <- strings.TrimSpace(rest) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, ready
}

func next(t *testing.T, what string, ch <-chan string) string {
	t.Helper()
	select {
	case s := <-ch:
		return s
	case <-time.After(patience):
		t.Fatalf("%s: nothing for %v", what, patience)
		return ""
	}
}

// until waits for a condition of the world outside.
func until(t *testing.T, what string, fn func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !fn() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

const patience = 20 * time.Second

func alive(pid int) bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(state), ") Z ")
}

func pidOf(t *testing.T, text string) int {
	t.Helper()
	var pid int
	if _, err := fmt.Sscan(text, &pid); err != nil {
		t.Fatalf("pid %q: %v", text, err)
	}
	return pid
}

func TestKilledRunsAgain(t *testing.T) {
	k := New()
	defer k.Stop()
	c, ready := kept(t, k, "steady")
	for start := 1; start <= 3; start++ {
		pid := pidOf(t, next(t, fmt.Sprintf("start %d", start), ready))
		if got, want := c.Status(), (Status{PID: pid, Starts: start, Quick: start - 1}); got != want {
			t.Errorf("start %d: got %+v, want %+v", start, got, want)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	next(t, "start 4", ready)
}

func TestHeldStaysDown(t *testing.T) {
	k := New()
	defer k.Stop()
	c, ready := kept(t, k, "steady")
	pid := pidOf(t, next(t, "first start", ready))
	c.Hold("power")
	c.Hold("program")
	until(t, "the kill", func() bool { return !alive(pid) && c.Status().PID == 0 })
	c.Release("power")
	c.Release("power")
	if got := c.Status(); !got.Held || got.PID != 0 || got.Starts != 1 {
		t.Errorf("one hold of two given back: got %+v, want that it is held", got)
	}
	c.Release("program")
	if again := pidOf(t, next(t, "second start", ready)); again == pid {
		t.Errorf("it runs again with the old pid %d", pid)
	}
}

func TestQuickDeathsArePaced(t *testing.T) {
	for _, row := range []struct {
		quick int
		want  time.Duration
	}{{0, 0}, {2, 0}, {3, 250 * time.Millisecond}, {4, 500 * time.Millisecond}, {8, 1500 * time.Millisecond}, {1000, 1500 * time.Millisecond}} {
		if got := pause(row.quick); got != row.want {
			t.Errorf("after %d quick deaths: got %v, want %v", row.quick, got, row.want)
		}
	}
	k := New()
	defer k.Stop()
	c, _ := kept(t, k, "brief")
	until(t, "five starts", func() bool { return c.Status().Starts >= 5 })
}

func TestStopLeavesNothing(t *testing.T) {
	k := New()
	_, steady := kept(t, k, "steady")
	_, deaf := kept(t, k, "deaf")
	_, parent := kept(t, k, "parent")
	pids := []int{pidOf(t, next(t, "steady", steady)), pidOf(t, next(t, "grandchild", parent))}
	next(t, "deaf", deaf)
	k.Stop()
	k.Stop() // twice is once
	if left := descendants(os.Getpid()); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, err := k.Keep(Program{Name: "late"}); err == nil {
		t.Error("a stopped keeper took another program")
	}
}

func TestKilledKeeperTakesItsProgramsWithIt(t *testing.T) {
	k := New()
	defer k.Stop()
	_, ready := kept(t, k, "keeper")
	pid := pidOf(t, next(t, "the program of the inner keeper", ready))
	inner := k.kept[0]
	inner.Hold("test")
	until(t, "the program's end", func() bool { return !alive(pid) })
}

func TestOrphansAreBuried(t *testing.T) {
	k := New()
	defer k.Stop()
	c, ready := kept(t, k, "parent")
	orphan := pidOf(t, next(t, "grandchild", ready))
	c.Hold("test")
	until(t, "the parent's end", func() bool { return c.Status().PID == 0 })
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the burial", func() bool { _, _, there := stat(orphan); return !there })
}

func TestNoProgramIsAnError(t *testing.T) {
	k := New()
	defer k.Stop()
	if _, err := k.Keep(Program{Name: "none", Command: func(int) []string { return []string{"/nonexistent/program"} }}); err == nil {
		t.Error("a program that is not there was started")
	}
}

func TestReadyLineInPieces(t *testing.T) {
	for _, row := range []struct {
		prefix string
		writes []string
		want   string
	}{
		{"x: ready ", []string{"x: re", "ady 7\nmore\n"}, "7"},
		{"x: ready ", []string{"no x: ready 1\n", "x: ready 2\n", "x: ready 3\n"}, "2"},
		{"*", []string{"\n71\n"}, "71"},
		{"x: ready ", []string{strings.Repeat("a", lineMax+1), "\nx: ready 5\r\n"}, "5"},
		{"x: ready ", []string{"x: ready"}, ""},
	} {
		var log strings.Builder
		got := ""
		w := &watcher{out: &log, prefix: row.prefix, found: func(s string) { got = s }}
		for _, s := range row.writes {
			w.Write([]byte(s))
		}
		if got != row.want || log.String() != strings.Join(row.writes, "") {
			t.Errorf("%q: got %q, want %q; log %d bytes", row.writes, got, row.want, log.Len())
		}
	}
}
