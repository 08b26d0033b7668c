package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
)

// twin is a twin file with these events: kind and header.
func twinFile(t *testing.T, events ...string) string {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	prev := casefile.Genesis("T1", "e")
	for i, e := range events {
		kind, header, _ := strings.Cut(e, " ")
		r := casefile.Record{Terminal: "T1", Epoch: "e", Seq: int64(i) + 1, Time: "2026-11-20T09:00:00+08:00", Quality: "synced", Kind: casefile.Kind(kind), Header: []byte(header), Prev: prev}
		r.Hash = r.Sum()
		prev = r.Hash
		if err := enc.Encode(r.Line()); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "twin.jsonl")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A journal is audited without kioskd, from what is left of it.
func TestAuditOfAFile(t *testing.T) {
	for _, c := range []struct {
		events []string
		exit   int
		broken string
	}{
		{[]string{`visit.begun {"visit":"v1"}`, `visit.ended {"visit":"v1"}`}, 0, ""},
		{[]string{`visit.begun {"visit":"v1"}`, `visit.ended {"visit":"v2"}`}, 1, "visit.turns"},
	} {
		var stdout, stderr bytes.Buffer
		if exit := run(t.Context(), []string{"--json", "audit", "--journal", twinFile(t, c.events...)}, &stdout, &stderr); exit != c.exit {
			t.Errorf("%v: got exit %d, want %d: %s", c.events, exit, c.exit, stderr.String())
		}
		var a ctl.Audit
		if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		broken := ""
		for _, i := range a.Invariants {
			if !i.Holds {
				broken += i.ID
			}
			if i.ID == "visit.turns" && i.Checked != 2 {
				t.Errorf("%v: checked %d times, want 2", c.events, i.Checked)
			}
		}
		if broken != c.broken || (a.Violations > 0) != (c.broken != "") {
			t.Errorf("%v: got %q broken, %d violations, want %q", c.events, broken, a.Violations, c.broken)
		}
	}
}

func TestAuditOfNoJournal(t *testing.T) {
	path := twinFile(t)
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"audit", "--journal", path}, 1, "kioskctl: audit " + path + ": there is no record in it\n"},
		{[]string{"audit", "--journal", path + ".gone"}, 2, ""},
	} {
		var stdout, stderr bytes.Buffer
		if exit := run(t.Context(), c.args, &stdout, &stderr); exit != c.exit || c.says != "" && stderr.String() != c.says || stdout.Len() > 0 {
			t.Errorf("%v: got exit %d, %q and %q", c.args, exit, stdout.String(), stderr.String())
		}
	}
}
