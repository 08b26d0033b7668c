package cmd

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// TestNoPaper lets the receipt paper end while somebody pays who then gives up: what is owed has its code on a
// plain sheet where there is one, else on the screen until it is acknowledged. Either way it pays once, the
// journal says which way it went, and cash is closed for the next person.
func TestNoPaper(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), "visit.idle_seconds=120")
	c := come(t, d)
	made := account(t, d, 5000)
	ctx := t.Context()
	must(t, d.LoadTray(ctx, "by-pass-tray", "iso_a4_210x297mm", 1, ""))
	for _, row := range []struct {
		name, way string
		code      func(*testing.T, *citizen.Citizen) string
	}{
		{"plain sheet", "tray", codeOnSheet},
		{"screen", "screen", codeOnScreen}, // the one sheet is gone
	} {
		t.Run(row.name, func(t *testing.T) {
			must(t, c.ToPayment(ctx, made.BillCode, "pay.cash"))
			feed(t, c, moved)
			counted(t, c, "10.00")
			must(t, d.Arm(ctx, "receipt", "paper_out", 1))
			must(t, c.Touch(ctx, "choice.rest.owed")) // the page asks by itself: no note is taken without paper
			if _, err := c.At(ctx, "slip"); err != nil {
				t.Fatal(err)
			}
			code := row.code(t, c)
			if got := lastWay(t, d, "slip"); row.way == "tray" && got != row.way || row.way == "screen" && got == row.way {
				t.Errorf("before it is acknowledged the slip went the way %q", got)
			}
			must(t, c.Touch(ctx, "form.next"))
			if got := lastWay(t, d, "slip"); got != row.way {
				t.Errorf("the slip went the way %q, want %q", got, row.way)
			}
			home(t, c)
			for _, want := range []int{0, 4} {
				if exit, err := d.Ctl(ctx, nil, "owed", "pay", code, "--reason", "counter"); exit != want || err != nil {
					t.Errorf("owed pay: exit %d (%v), want %d", exit, err, want)
				}
			}
			cashClosed(t, d)
			must(t, d.Mend(ctx, "receipt", "paper_out"))
		})
	}
	balanced(t, d, doubts{}, made.Account)
}

// codeOnSheet is the claim code on the last sheet of the license printer.
func codeOnSheet(t *testing.T, c *citizen.Citizen) string {
	t.Helper()
	ctx := t.Context()
	w, err := c.Desk.World(ctx)
	must(t, err)
	if len(w.License.Prints) == 0 {
		t.Fatal("no sheet came out")
	}
	last := w.License.Prints[len(w.License.Prints)-1]
	if last.Serial != "" || last.Media != "iso_a4_210x297mm" || !last.Complete {
		t.Fatalf("the slip is on %+v, want a whole plain sheet", last)
	}
	pdf, err := c.Desk.LicenseSheet(ctx, last.N, "pdf")
	must(t, err)
	file := filepath.Join(t.TempDir(), "slip.pdf")
	must(t, os.WriteFile(file, pdf, 0o600))
	text, err := exec.CommandContext(ctx, "pdftotext", "-layout", file, "-").Output()
	must(t, err)
	code := claimCode.FindString(string(text))
	if code == "" || !strings.Contains(string(text), "10.00") {
		t.Fatalf("the sheet says\n%s", text)
	}
	said(t, c, "凭条从下面")
	return code
}

// codeOnScreen is the claim code as it stands on the page.
func codeOnScreen(t *testing.T, c *citizen.Citizen) string {
	t.Helper()
	code := claimCode.FindString(said(t, c, "抄下来"))
	if code == "" {
		t.Fatal("no code stands on the screen")
	}
	return code
}

// lastWay is how the last paper of a kind went out, as the journal says.
func lastWay(t *testing.T, d *deskclient.Desk, what string) (way string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.jsonl")
	if exit, err := d.Ctl(context.WithoutCancel(t.Context()), nil, "log", "export", file); exit != 0 || err != nil {
		t.Fatalf("log export: exit %d: %v", exit, err)
	}
	data, err := os.ReadFile(file)
	must(t, err)
	for line := range strings.Lines(string(data)) {
		var r struct {
			Kind   string
			Header struct{ What, Way string }
		}
		must(t, json.Unmarshal([]byte(line), &r))
		if r.Header.What == what && strings.HasPrefix(r.Kind, "paper.") {
			way = ""
			if r.Kind == "paper.printed" {
				way = r.Header.Way
			}
		}
	}
	return way
}

func cashClosed(t *testing.T, d *deskclient.Desk) {
	t.Helper()
	var st struct {
		Services []struct {
			Ways []struct {
				Code string
				Open bool
				Todo string
			}
		}
	}
	if exit, err := d.Ctl(t.Context(), &st, "status"); exit != 0 || err != nil {
		t.Fatalf("status: exit %d: %v", exit, err)
	}
	for _, s := range st.Services {
		for _, w := range s.Ways {
			if w.Code == "pay.cash" && (w.Open || w.Todo == "") {
				t.Errorf("without receipt paper cash is %+v, want closed and what to do", w)
			}
		}
	}
}
