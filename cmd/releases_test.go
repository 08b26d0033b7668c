package cmd

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"yichuang/cmd/citizen"
)

// TestReleasesOpen gives the journal and the hall database that each earlier release left to the programs of today.
// They say the same of money, blanks, licenses and cases as the programs of then, and every promise holds.
func TestReleasesOpen(t *testing.T) {
	t.Parallel()
	releases, err := filepath.Glob("testdata/releases/*/journal.db.gz")
	must(t, err)
	if len(releases) == 0 {
		t.Fatal("there are no releases in testdata")
	}
	bin, err := programs()
	must(t, err)
	for _, file := range releases {
		from := filepath.Dir(file)
		t.Run(filepath.Base(from), func(t *testing.T) {
			releasedTerminal(t, bin, from)
			releasedHall(t, bin, from)
		})
	}
}

func releasedTerminal(t *testing.T, bin, from string) {
	ctx := t.Context()
	dir := newDir(t)
	unpack(t, from, dir, "journal.db", "twin.jsonl")
	config := fmt.Sprintf(`[terminal]
id = %q
state = %q
[hall]
url = "https://127.0.0.1:9"
enrol_code_file = "none"
[socket]
ui = %q
ctl = %q
`, terminalOf(t, from), dir, filepath.Join(dir, "ui.sock"), filepath.Join(dir, "ctl.sock"))
	must(t, os.WriteFile(filepath.Join(dir, "kiosk.toml"), []byte(config), 0o600))
	stop := run(t, filepath.Join(bin, "kioskd"), "--config", filepath.Join(dir, "kiosk.toml"))
	defer stop()
	ctl := func(out any, args ...string) error {
		return ask(ctx, out, filepath.Join(bin, "kioskctl"), append([]string{"--socket", filepath.Join(dir, "ctl.sock"), "--json"}, args...)...)
	}
	var now ledger
	must(t, citizen.Until(ctx, balanceMax, func() error { return ctl(&now, "ledger") }))
	var got any
	must(t, ctl(&got, "ledger"))
	want := saved(t, from, "terminal.json").(map[string]any)
	if then := want["journal"].(map[string]any)["head"].(float64); now.Journal.Chain != "ok" || now.Journal.Head < int64(then) {
		t.Errorf("the journal is %+v, want %v records and more", now.Journal, then)
	}
	delete(want, "journal") // it has begun to work again, and has written so
	told(t, "terminal", got, want)
	must(t, audit(ctx, "kioskctl", func(_ context.Context, out any, args ...string) (int, error) { return 0, ctl(out, args...) }))
}

func releasedHall(t *testing.T, bin, from string) {
	ctx := t.Context()
	dir := newDir(t)
	must(t, os.Mkdir(filepath.Join(dir, "hall"), 0o700))
	unpack(t, from, filepath.Join(dir, "hall"), "hall.db")
	must(t, os.WriteFile(filepath.Join(dir, "hall.toml"), []byte("[hall]\nstate = \"hall\"\nlisten = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"\n"), 0o600))
	hall := func(out any, args ...string) error {
		return ask(ctx, out, filepath.Join(bin, "halld"), append([]string{"--config", filepath.Join(dir, "hall.toml"), "--json"}, args...)...)
	}
	var got any
	must(t, hall(&got, "ledger"))
	told(t, "hall", got, saved(t, from, "hall.json"))
	must(t, audit(ctx, "halld", func(_ context.Context, out any, args ...string) (int, error) { return 0, hall(out, args...) }))
}

// run starts a program; stop ends it and waits.
func run(t *testing.T, program string, args ...string) (stop func()) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	return func() {
		must(t, cmd.Process.Signal(os.Interrupt))
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v: %s", filepath.Base(program), err, said.String())
		}
	}
}

// ask runs a command and reads its document.
func ask(ctx context.Context, out any, program string, args ...string) error {
	data, err := exec.CommandContext(ctx, program, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s %v: %w: %s", filepath.Base(program), args, err, exit.Stderr)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, out)
}

func unpack(t *testing.T, from, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		f, err := os.Open(filepath.Join(from, name+".gz"))
		must(t, err)
		z, err := gzip.NewReader(f)
		must(t, err)
		data, err := io.ReadAll(z)
		must(t, errors.Join(err, z.Close(), f.Close()))
		must(t, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
}

// terminalOf is the terminal whose journal a release keeps.
func terminalOf(t *testing.T, from string) string {
	t.Helper()
	all, _ := saved(t, from, "hall.json").(map[string]any)["terminals"].([]any)
	if len(all) != 1 {
		t.Fatalf("the hall of this release has the terminals %v, want one", all)
	}
	return all[0].(map[string]any)["id"].(string)
}

func saved(t *testing.T, from, name string) (document any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(from, name))
	must(t, err)
	must(t, json.Unmarshal(data, &document))
	return document
}

// told sees that all that was said then is said now; more may be said.
func told(t *testing.T, where string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		now, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: got %v, want %v", where, got, want)
			return
		}
		for name, value := range want {
			told(t, where+"."+name, now[name], value)
		}
	case []any:
		now, ok := got.([]any)
		if !ok || len(now) != len(want) {
			t.Errorf("%s: got %v, want %v", where, got, want)
			return
		}
		for i, value := range want {
			told(t, fmt.Sprintf("%s[%d]", where, i), now[i], value)
		}
	default:
		if got != want {
			t.Errorf("%s: got %v, want %v", where, got, want)
		}
	}
}
