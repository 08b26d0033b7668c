package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/kiosk/config"
	"yichuang/ui/touch"
)

// documents are the pages whose links are checked.
var documents = []string{"README.md", "kiosk/DESIGN.md", "devices/DESIGN.md", "sync/PROTOCOL.md", "packaging/RUNBOOK.md"}

func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	must(t, err)
	return string(text)
}

// section is what stands under one heading of the README.
func section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(document(t, "README.md"), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// blocks are the shell commands of a section, as a reader would copy them.
func blocks(text string) (out []string) {
	for _, m := range shell.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// clone is a folder that looks like a built checkout to somebody who follows the README.
func clone(t *testing.T) string {
	t.Helper()
	bin, err := programs()
	must(t, err)
	dir := newDir(t)
	must(t, os.Mkdir(filepath.Join(dir, "out"), 0o755))
	must(t, os.Symlink(bin, filepath.Join(dir, "out", "bin")))
	for _, name := range []string{"Makefile", "packaging"} {
		path, err := filepath.Abs(filepath.Join("..", name))
		must(t, err)
		must(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	return dir
}

// follow runs commands of the README in a folder and gives what they print.
func follow(t *testing.T, dir, commands string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", commands)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("README.md says:\n%s\nand that ends with %v:\n%s%s", commands, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func TestReadmeCommandsWork(t *testing.T) {
	needs(t, "sh", "make", "git")
	dir, ran := clone(t), 0
	for _, block := range blocks(section(t, "Two commands")) {
		for command := range strings.Lines(block) {
			got := follow(t, dir, command)
			if len(got) < 100 {
				t.Errorf("%sgot %q, want more", command, got)
			}
			ran++
			switch strings.TrimSpace(command) {
			case "make help":
				for _, target := range []string{"make run ", "make test ", "make demo ", "make bench "} {
					if !strings.Contains(got, target) {
						t.Errorf("make help does not name %q: %s", target, got)
					}
				}
			case "out/bin/kioskd --example":
				if want := document(t, "packaging/kiosk.toml"); got != want {
					t.Errorf("packaging/kiosk.toml is not what kioskd --example prints: got %q, want %q", got, want)
				}
			case "out/bin/halld --example":
				if want := document(t, "packaging/hall.toml"); got != want {
					t.Errorf("packaging/hall.toml is not what halld --example prints: got %q, want %q", got, want)
				}
			}
		}
	}
	if ran < 6 {
		t.Errorf("only %d commands were found in README.md", ran)
	}
}

func TestExampleConfigurationIsTheProgramsOwn(t *testing.T) {
	if got, want := document(t, "packaging/kiosk.toml"), config.Example; got != want {
		t.Errorf("packaging/kiosk.toml: got %q, want what kioskd --example prints: %q", got, want)
	}
}

// TestTutorial does what a reader does who adds a fee: every command as it stands in the README, and
// between the last two the visit at the screen that the text describes.
func TestTutorial(t *testing.T) {
	t.Parallel()
	needs(t, "sh", "jq", "sqlite3", "curl")
	dir := clone(t)
	todo := blocks(section(t, "Add a fee in ten minutes"))
	if len(todo) != 6 || todo[0] != "make run\n" {
		t.Fatalf("the tutorial has %d steps and begins with %q; want 6, the first make run", len(todo), todo[0])
	}
	d := start(t, filepath.Join(dir, "out", "run"), "")
	for _, step := range todo[1:5] {
		t.Logf("%s%s", step, follow(t, dir, step))
	}
	offered(t, d, "pay.water", "license.individual", "pay.gas") // the old ones still
	var made deskclient.Made
	must(t, json.Unmarshal([]byte(follow(t, dir, "cat out/account.json")), &made))
	payGas(t, d, made.Account)
	var books deskclient.Account
	must(t, json.Unmarshal([]byte(follow(t, dir, todo[5])), &books))
	if len(books.Bills) != 1 || books.Bills[0].Paid != 4500 || books.Balance != 500 || len(books.Postings) != 1 {
		t.Errorf("the company's books: got %+v, want one bill paid with 45.00, a balance of 5.00 and one posting", books)
	}
}

// offered waits until a terminal offers these services.
func offered(t *testing.T, d *deskclient.Desk, codes ...string) {
	t.Helper()
	must(t, citizen.Until(t.Context(), 20*time.Second, func() error {
		var status struct {
			Services []struct {
				Code string `json:"code"`
				Open bool   `json:"open"`
			} `json:"services"`
		}
		if exit, err := d.Ctl(t.Context(), &status, "status"); err != nil || exit != 0 {
			return fmt.Errorf("kioskctl status: exit %d, %w", exit, err)
		}
		open := map[string]bool{}
		for _, s := range status.Services {
			open[s.Code] = s.Open
		}
		for _, code := range codes {
			if !open[code] {
				return fmt.Errorf("%s is not offered: %+v", code, status.Services)
			}
		}
		return nil
	}))
}

// payGas is the visit of the tutorial: one bill of 45.00, one note of 50.
func payGas(t *testing.T, d *deskclient.Desk, account string) {
	t.Helper()
	ctx := t.Context()
	c := come(t, d)
	next := func(id string, page ...string) {
		t.Helper()
		_, err := c.Next(ctx, id, page...)
		must(t, err)
	}
	_, err := c.At(ctx, "home")
	must(t, err)
	// Home looks for a new catalogue once a second, and a visit goes on with the one that it began with.
	must(t, citizen.Until(ctx, 30*time.Second, func() error {
		next("home.pay", "choose")
		all, err := c.Screen.Look(ctx)
		if _, there := touch.In(all, "service.pay.gas"); there || err != nil {
			return err
		}
		next("nav.home", "home")
		return errors.New("the new fee is not among those to choose from")
	}))
	next("service.pay.gas", "account")
	must(t, c.Digits(ctx, "account", account))
	next("key.ok", "bill")
	next("form.next", "method")
	next("pay.cash", "pay")
	if fate, err := c.Feed(ctx, 5000); err != nil || fate != "stacked" {
		t.Fatalf("the note: %q, %v, want stacked", fate, err)
	}
	_, err = c.At(ctx, "take")
	must(t, err)
	w, err := d.World(ctx)
	must(t, err)
	receipt, err := d.Receipt(ctx, len(w.Receipt.Prints), "txt")
	must(t, err)
	if !strings.Contains(string(receipt), "燃气公司") {
		t.Errorf("the receipt does not say who the money is for:\n%s", receipt)
	}
	next("form.next", "rate")
	next("rate.5", "goodbye", "home")
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]*)(#[^):]+)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N} -]`)
)

// anchors are the places in a page that a link can name, as the common renderers make them.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		out["#"+strings.ReplaceAll(unsaid.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	found := 0
	for _, path := range documents {
		for _, m := range link.FindAllStringSubmatch(document(t, path), -1) {
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links %s: %v", path, m[1], err)
			} else if m[2] != "" && !anchors(document(t, target))[m[2]] {
				t.Errorf("%s links %s%s: there is no such heading", path, m[1], m[2])
			}
			found++
		}
	}
	if found < 30 {
		t.Errorf("only %d links were found", found)
	}
	for _, page := range []string{"cmd/CONTRACT.md", "kiosk/DESIGN.md", "devices/DESIGN.md", "sync/PROTOCOL.md", "packaging/RUNBOOK.md"} {
		if !strings.Contains(document(t, "README.md"), "]("+page+")") {
			t.Errorf("README.md does not link %s", page)
		}
	}
}

// TestRunbookKnowsWhatIsSaid holds the runbook to the words that status sends its reader there with.
func TestRunbookKnowsWhatIsSaid(t *testing.T) {
	runbook := document(t, "packaging/RUNBOOK.md")
	kinds := regexp.MustCompile(`(?m)^\t[A-Z]\w+ +Kind = "(\w+)"`).FindAllStringSubmatch(document(t, "devices/fault/fault.go"), -1)
	if len(kinds) < 12 {
		t.Fatalf("only %d kinds of faults were found", len(kinds))
	}
	for _, kind := range kinds {
		if !strings.Contains(runbook, "| `"+kind[1]+"` |") {
			t.Errorf("packaging/RUNBOOK.md has no row for the fault %s", kind[1])
		}
	}
	for _, class := range config.Classes {
		if !strings.Contains(runbook, "\n### "+class+"\n") {
			t.Errorf("packaging/RUNBOOK.md has no section for the device %s", class)
		}
	}
	// Every command that it tells to type is one that kioskctl knows.
	ctl := document(t, "cmd/CONTRACT.md") + document(t, "cmd/kioskctl/main.go")
	for _, m := range regexp.MustCompile("kioskctl ([a-z]+)").FindAllStringSubmatch(runbook, -1) {
		if !strings.Contains(strings.ToLower(ctl), m[1]) {
			t.Errorf("packaging/RUNBOOK.md says kioskctl %s, which nobody knows", m[1])
		}
	}
}

// TestNoticeNamesEveryModule compares the notice with go.mod, both ways.
func TestNoticeNamesEveryModule(t *testing.T) {
	want := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t([a-z0-9.]+\.[a-z]+/\S+) (v\S+)`).FindAllStringSubmatch(document(t, "go.mod"), -1) {
		want[m[1]+" "+m[2]] = true
	}
	if len(want) < 40 {
		t.Fatalf("only %d modules were found in go.mod", len(want))
	}
	notice := document(t, "packaging/NOTICE")
	named := map[string]bool{"github.com/mikestefanello/backlite v0.6.0": true} // of the benchmark's own module
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z0-9.]+\.[a-z]+/\S+ v\S+) `).FindAllStringSubmatch(notice, -1) {
		named[m[1]] = true
		if !want[m[1]] && !strings.Contains(m[1], "backlite") {
			t.Errorf("packaging/NOTICE names %s, which go.mod does not require", m[1])
		}
	}
	for module := range want {
		if !named[module] {
			t.Errorf("packaging/NOTICE does not name %s", module)
		}
	}
}
