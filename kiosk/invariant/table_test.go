package invariant

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table in DESIGN.md is the one in the code, so that who reads of a broken invariant finds its sentence.
func TestDesignNamesEveryInvariant(t *testing.T) {
	page, err := os.ReadFile("../DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "<!-- invariants -->\n")
	got, _, _ := strings.Cut(text, "<!-- /invariants -->")
	want := "| id | what holds | needs |\n|---|---|---|\n"
	for _, i := range All {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", i.ID, i.Says, i.Needs)
	}
	if got != want {
		t.Errorf("kiosk/DESIGN.md: got\n%s\nwant\n%s", got, want)
	}
}
