package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/sync/hallapi"
)

// try runs halld to its end.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func write1(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func config1(t *testing.T) string {
	t.Helper()
	return write1(t, filepath.Join(t.TempDir(), "hall.toml"), "[hall]\nstate = \"state\"\nlisten = \"127.0.0.1:0\"\n[biller]\nwater = \"http://127.0.0.1:1\"\n")
}

// up starts halld and gives its two addresses and what stops it.
func up(t *testing.T, config string) (hall, console string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		done <- run(ctx, []string{"--config", config}, w, &errs)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	for hall == "" && lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "console "); ok {
			console = url
		}
		hall, _ = strings.CutPrefix(lines.Text(), "halld: ready ")
		if !strings.HasPrefix(hall, "https://") {
			hall = ""
		}
	}
	if hall == "" {
		t.Fatalf("halld ended with %d: %s", <-done, errs.String())
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("halld ended with %d: %s", code, errs.String())
		}
	}
	t.Cleanup(stop)
	return hall, console, stop
}

func TestServeCommandsAndServeAgain(t *testing.T) {
	config := config1(t)
	hall, console, stop := up(t, config)
	code, out, errs := try(t, "--config", config, "enrol-code", "T0001")
	if _, err := hallapi.CodeFingerprint(out); code != 0 || err != nil || strings.Count(out, "\n") != 1 {
		t.Errorf("enrol-code beside a running hall: %d %q %q", code, out, errs)
	}
	for _, name := range []string{"ledger", "audit"} {
		code, out, errs := try(t, "--config", config, "--json", name)
		var document map[string]any
		if err := json.Unmarshal([]byte(out), &document); code != 0 || err != nil {
			t.Errorf("%s: %d %q %q", name, code, out, errs)
		}
		want := map[string]string{"ledger": "terminals payments cases licenses", "audit": "violations invariants"}[name]
		for _, key := range strings.Fields(want) {
			if document[key] == nil {
				t.Errorf("%s has no %s: %s", name, key, out)
			}
		}
	}
	_, root, _ := try(t, "--config", config, "root")
	if block, rest := pem.Decode([]byte(root)); block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Errorf("root prints %q", root)
	}
	if r, err := http.Get(console + "/"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("the console: %v, %v", r, err)
	} else {
		r.Body.Close()
	}
	if code, _, errs := try(t, "--config", config); code != 1 || !strings.Contains(errs, "another hall") {
		t.Errorf("a second hall: %d %q", code, errs)
	}
	stop()
	if again, console2, stop := up(t, config); again != hall || console2 != console {
		t.Errorf("after a restart at %s and %s, before at %s and %s", again, console2, hall, console)
	} else {
		stop()
	}
	if _, out, _ := try(t, "--config", config, "root"); out != root {
		t.Error("another root after a restart")
	}
}

func TestAPersonSaysThatTheHallWasRestored(t *testing.T) {
	config := config1(t)
	_, _, stop := up(t, config)
	code, out, errs := try(t, "--config", config, "--json", "restored")
	if code != 0 || !strings.HasPrefix(out, `{"epoch":"2-`) {
		t.Errorf("restored, beside a running hall: %d %q %q", code, out, errs)
	}
	for _, c := range [][]string{{"release", "T1", "burnt"}, {"revoke", "T1", "stolen"}, {"revoke", "T1", ""}} {
		if code, _, errs := try(t, append([]string{"--config", config}, c...)...); code != 4 || !strings.Contains(errs, "refused") {
			t.Errorf("%v with no such terminal: %d %q", c, code, errs)
		}
	}
	stop()
	if _, out, _ := try(t, "--config", config, "--json", "ledger"); !strings.Contains(out, `"epoch":"2-`) || !strings.Contains(out, `"awaited":[]`) {
		t.Errorf("ledger %s", out)
	}
}

func TestACatalogueIsImported(t *testing.T) {
	config := config1(t)
	dir := filepath.Dir(config)
	const service = `{"code":"pay.gas","entrance":"pay","name":{"zh":"缴燃气费"},"line":{"zh":"缴费"},"guide":[],"steps":[],"devices":[],"offline":false,"biller":"gas","account":{"digits":8,"check":"none","group":4,"code":""},"ways":["pay.cash"]}`
	good := write1(t, filepath.Join(dir, "c.json"), `{"version":7,"hall":{"zh":"厅"},"area":{"zh":"区"},"phone":"12345","services":[`+service+`],"lists":{}}`)
	if code, out, errs := try(t, "--config", config, "--json", "catalog", "import", good); code != 0 || strings.TrimSpace(out) != `{"version":7}` {
		t.Errorf("import: %d %q %q", code, out, errs)
	}
	if code, _, errs := try(t, "--config", config, "catalog", "import", good); code != 4 || !strings.Contains(errs, "7") {
		t.Errorf("the same again: %d %q, want refused", code, errs)
	}
	bad := write1(t, filepath.Join(dir, "d.json"), `{"version":8,"colour":1}`)
	if code, _, errs := try(t, "--config", config, "catalog", "import", bad); code != 4 || !strings.Contains(errs, "colour") {
		t.Errorf("an unknown field: %d %q, want refused", code, errs)
	}
	if code, _, _ := try(t, "--config", config, "catalog", "import", filepath.Join(dir, "none")); code != 1 {
		t.Errorf("no file: %d, want 1", code)
	}
}

func TestUsage(t *testing.T) {
	config := config1(t)
	for _, args := range [][]string{{}, {"--config"}, {"--nothing"}, {"--config", config, "fly"}, {"--config", config, "enrol-code"}, {"--config", config, "release", "T1"}, {"--config", config, "revoke", "T1"}, {"--config", config, "restored", "x"}, {"--config", config, "ledger", "x"}, {"--config", config, "catalog", "export", "x"}} {
		if code, _, errs := try(t, args...); code != 2 || errs == "" {
			t.Errorf("halld %v: %d %q, want usage", args, code, errs)
		}
	}
	if code, _, errs := try(t, "--config", config, "enrol-code", "a b"); code != 1 || !strings.Contains(errs, "terminal") {
		t.Errorf("a bad name: %d %q", code, errs)
	}
	if code, _, _ := try(t, "--help"); code != 0 {
		t.Errorf("--help: %d", code)
	}
}

func TestConfigSaysWhereItIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, says string }{
		"unknown key":     {"[hall]\nstate = \"s\"\n\nlisen = \"x\"\n", "hall.toml:4: no key hall.lisen"},
		"unknown table":   {"[hall]\nstate = \"s\"\n[hal]\nx = 1\n", "no key hal"},
		"no state":        {"[hall]\n", "hall.state"},
		"not TOML":        {"[hall]\nstate =\n", "hall.toml:2"},
		"wrong type":      {"[hall]\nstate = 5\n", "hall.toml"},
		"no port":         {"[hall]\nstate = \"s\"\nlisten = \"127.0.0.1\"\n", "hall.listen"},
		"console open":    {"[hall]\nstate = \"s\"\nconsole = \"0.0.0.0:80\"\n", "hall.console"},
		"console no port": {"[hall]\nstate = \"s\"\nconsole = \"localhost\"\n", "hall.console"},
	} {
		path := write1(t, filepath.Join(dir, "hall.toml"), c.content)
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want something about %q", name, err, c.says)
		}
	}
	if _, err := load(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestTheExampleIsAConfig(t *testing.T) {
	_, out, _ := try(t, "--example")
	path := write1(t, filepath.Join(t.TempDir(), "hall.toml"), out)
	c, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Hall.State != filepath.Join(filepath.Dir(path), "hall") || c.Gateway != nil || c.forHall("").Gateway != nil {
		t.Errorf("the example says %+v", c)
	}
	full := write1(t, path, strings.NewReplacer("# [gateway]", "[gateway]", "# url ", "url ", "# merchant", "merchant", "# water", "water", `name_zh = ""`, `name_zh = "厅"`, `area_en = ""`, `area_en = "Area"`).Replace(out))
	if c, err = load(full); err != nil {
		t.Fatal(err)
	}
	h := c.forHall("http://x/notify")
	if h.Gateway == nil || h.Gateway.NotifyURL != "http://x/notify" || filepath.Dir(h.Gateway.Merchant) != filepath.Dir(path) || h.Billers["water"] == "" || h.Name["zh"] != "厅" || h.Area["en"] != "Area" {
		t.Errorf("the whole example says %+v", h)
	}
}

func TestATakenPortIsReplaced(t *testing.T) {
	c := &config{Hall: hallTable{State: t.TempDir()}}
	first, err := listen(c, "listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := listen(c, "listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := second.Addr().String()
	if address == first.Addr().String() {
		t.Error("two listeners at one address")
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := listen(c, "listen", "127.0.0.1:0")
	if err != nil || third.Addr().String() != address {
		t.Fatalf("the third is at %v, %v, want %s", third.Addr(), err, address)
	}
	third.Close()
	fixed, err := listen(c, "console", address)
	if err != nil || fixed.Addr().String() != address {
		t.Errorf("a fixed port: %v", err)
	}
	fixed.Close()
	write1(t, filepath.Join(c.Hall.State, "ports.json"), "nonsense")
	if _, err := listen(c, "listen", "127.0.0.1:0"); err == nil {
		t.Error("a damaged file of ports was passed over")
	}
}
