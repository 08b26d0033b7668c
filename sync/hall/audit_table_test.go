package hall

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The table in PROTOCOL.md is the one in the code, so that who reads of a broken invariant finds its sentence.
func TestProtocolNamesEveryInvariant(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "<!-- invariants -->\n")
	got, _, _ := strings.Cut(text, "<!-- /invariants -->")
	want := "| id | what holds |\n|---|---|\n"
	for _, c := range checks {
		want += fmt.Sprintf("| `%s` | %s |\n", c.id, c.says)
	}
	if got != want {
		t.Errorf("sync/PROTOCOL.md: got\n%s\nwant\n%s", got, want)
	}
}
