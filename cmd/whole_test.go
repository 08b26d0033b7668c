package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

var built string // where the programs are, when a test wanted them

// programs builds the five programs once, from the tree as it is.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yichuang-bin-")
	if err != nil {
		return "", err
	}
	built = dir
	args := []string{"build", "-o", dir + "/"}
	for _, name := range []string{"kioskd", "kiosk-ui", "kioskctl", "halld", "devsim"} {
		args = append(args, "./"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the programs: %w: %s", err, out)
	}
	return dir, seeSources()
})

// seeSources looks at every source file, so that the test cache knows on what these tests depend: it
// cannot see what the go command reads.
func seeSources() error {
	for _, root := range []string{"devices", "kiosk", "ui", "sync", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// needs leaves a test out where the desk's own needs are not installed; "make test" installs them.
func needs(t *testing.T, names ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a test of the whole product")
	}
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed here", name)
		}
	}
}

// newDir is a folder with a short name: the sockets in it have room for some hundred characters.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "yc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start runs a desk in a folder until the test ends. SET in the environment chooses other devices for every desk.
func start(t *testing.T, dir, set string) *deskclient.Desk {
	t.Helper()
	needs(t, "Xvfb", "dbus-daemon", "xdotool")
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	d, err := deskclient.Start(t.Context(), deskclient.Options{Bin: bin, Dir: dir, Language: "zh", Set: strings.TrimSpace(set + " " + os.Getenv("SET"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(d.Kioskd.Log), tail(d.KioskUI.Log))
		}
		d.Stop() // a test that looks at the end stops it itself
	})
	return d
}

// tail is the end of a log, for whoever reads why a test failed.
func tail(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return fmt.Sprintf("the end of %s:\n%s", file, bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}

// come brings somebody to the screen of a desk.
func come(t *testing.T, d *deskclient.Desk) *citizen.Citizen {
	t.Helper()
	c, err := citizen.Come(t.Context(), d, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			all, err := c.Screen.Look(context.WithoutCancel(t.Context()))
			t.Logf("the screen shows\n%s\n%v", strings.Join(lines(all), "\n"), err)
		}
		c.Go() // the bus may be gone before
	})
	return c
}

// must ends a test that cannot go on.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seed is where a test's chances come from; a run can be had again with SEED=.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := people.FreshSeed()
	if text := os.Getenv("SEED"); text != "" {
		if _, err := fmt.Sscan(text, &s); err != nil {
			t.Fatalf("SEED=%q: want a number", text)
		}
	}
	t.Logf("SEED=%d", s)
	return s
}

// times is how often a test is to do something: n, or what the environment says.
func times(t *testing.T, name string, n int) int {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatalf("%s=%q: want a number", name, text)
		}
	}
	return n
}

// account opens an account with one bill.
func account(t *testing.T, d *deskclient.Desk, due int64, surplus ...string) deskclient.Made {
	t.Helper()
	m, err := d.MakeAccount(t.Context(), deskclient.NewAccount{Name: "钱多多", Address: "人民路1号", Surplus: strings.Join(surplus, ""), Bills: []deskclient.Bill{{Period: "2026-10", Due: due}}})
	must(t, err)
	return m
}

// applicant is somebody who registers a shop that nobody else has: its name is two characters of a
// hundred times a hundred, in one of four counties.
func applicant(s *people.Source) citizen.Applicant {
	pick := func() string { return string(signs[s.IntN(len(signs))]) }
	return citizen.Applicant{Card: deskclient.Card(s.Person()), Division: []string{"110101", "310101", "440103", "320102"}[s.IntN(4)],
		Street: fmt.Sprint(10 + s.IntN(90)), Trade: []string{"5212", "5211"}[s.IntN(2)], Scope: []string{"1"}, TradeName: pick() + pick() + pick()}
}

var signs = []rune("大小上下左右天地人口山水日月木石田土火金中东西南北风云雨花草春夏秋冬红黄白青好新明平安乐")

// process is where desk.json tells of a program.
func process(d *deskclient.Desk, name string) deskclient.Process {
	return map[string]deskclient.Process{"kioskd": d.Kioskd, "kiosk-ui": d.KioskUI, "halld": d.Hall, "biller": d.Biller, "gateway": d.Gateway}[name]
}

// againMax is how long a killed program may take to be there again; the desk gives itself two seconds.
const againMax = 20 * time.Second

// kill ends a program of the desk as kill -9 does, and waits until it runs again.
// The desk is looked at through a copy, because somebody may be living at it meanwhile.
func kill(ctx context.Context, desk *deskclient.Desk, name string) error {
	d, err := deskclient.Open(desk.File, desk.Bin)
	if err != nil {
		return err
	}
	err = citizen.Until(ctx, againMax, func() error {
		err := d.Reload()
		if err == nil && process(d, name).PID == 0 { // which means everybody to kill
			err = fmt.Errorf("%s does not run, and cannot be killed", name)
		}
		return err
	})
	if err != nil {
		return err
	}
	before := process(d, name)
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	return citizen.Until(ctx, againMax, func() error {
		if err := d.Reload(); err != nil {
			return err
		}
		if now := process(d, name); now.Starts <= before.Starts || now.PID == before.PID {
			return fmt.Errorf("%s was killed and does not run again", name)
		}
		return nil
	})
}

// said waits until the page says what went wrong, and gives the sentence.
func said(t *testing.T, c *citizen.Citizen, words ...string) string {
	t.Helper()
	text := ""
	err := citizen.Until(t.Context(), 60*time.Second, func() error {
		if text = c.Message(t.Context()); text == "" {
			return errors.New("the page says nothing")
		}
		for _, w := range words {
			if strings.Contains(text, w) {
				return nil
			}
		}
		if len(words) > 0 {
			return fmt.Errorf("the page says %q; want one of %q in it", text, words)
		}
		return nil
	})
	if err != nil {
		page, _ := c.Screen.Page(t.Context()) // for the message
		t.Errorf("page %s: %v", page, err)
	}
	return text
}
