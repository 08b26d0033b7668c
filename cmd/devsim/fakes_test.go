package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// TestMain is also the programs of the fake product: the desk starts this binary under their names.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch name := filepath.Base(os.Args[0]); name {
	case "devsim":
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	case "kioskd", "kiosk-ui", "halld":
		fakeProgram(ctx, name, os.Args[1:])
	case "kioskctl":
		os.Exit(fakeCtl(os.Args[1:]))
	default:
		os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits a second at every program's end
		os.Exit(m.Run())
	}
}

// fakeProgram is a product program that does nothing but what the desk can see of it.
func fakeProgram(ctx context.Context, name string, args []string) {
	switch name {
	case "halld":
		fakeHall(ctx, args)
	case "kioskd":
		var config struct {
			Socket   struct{ Ctl string }
			Terminal struct{ State string }
		}
		if _, err := toml.DecodeFile(args[1], &config); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if _, err := os.Stat(filepath.Join(config.Terminal.State, "broken")); err == nil {
			fmt.Println("the journal is broken")
			os.Exit(1)
		}
		os.WriteFile(config.Socket.Ctl, []byte(args[1]), 0o600)
	}
	<-ctx.Done()
}

// fakeHall echoes what comes, and mints one code.
func fakeHall(ctx context.Context, args []string) {
	if len(args) > 2 {
		fmt.Println("code-of-" + args[3])
		os.Exit(0)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	fmt.Println("console http://127.0.0.1:1")
	fmt.Println("halld: ready http://" + l.Addr().String())
	<-ctx.Done()
}

// fakeCtl answers for a fake kioskd. It opens the service when blanks are booked in.
func fakeCtl(args []string) int {
	socket, args := args[1], args[3:]
	config, err := os.ReadFile(socket)
	if err != nil {
		return 3
	}
	books := filepath.Join(filepath.Dir(string(config)), "terminal", "blanks")
	booked, _ := os.ReadFile(books) // none at first
	lines := strings.Count(string(booked), "\n")
	switch args[0] {
	case "status":
		json.NewEncoder(os.Stdout).Encode(map[string]any{"hall": "up", "services": []map[string]any{{"code": "pay.water", "open": lines >= 2, "why": "no blanks"}}})
	case "ledger":
		json.NewEncoder(os.Stdout).Encode(map[string]any{"blanks": map[string]int{"received": lines}})
	case "blanks":
		f, err := os.OpenFile(books, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return 1
		}
		fmt.Fprintln(f, strings.Join(args, " "))
		f.Close()
	}
	return 0
}

// fakeProduct is a folder with the five programs, each of them this binary.
func fakeProduct(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"kioskd", "kiosk-ui", "kioskctl", "halld", "devsim"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// alive says whether a process runs and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// until waits for a condition of the world outside.
func until(t *testing.T, what string, fn func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
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

// patience is for slow machines; nothing that is measured here depends on it.
const patience = 30 * time.Second
