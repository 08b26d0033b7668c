package hallstore

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
)

var rewrite = flag.Bool("rewrite", false, "write the table of sync/PROTOCOL.md anew")

// TestTheProtocolNamesEveryField keeps the table of the document equal to what terminals may write.
func TestTheProtocolNamesEveryField(t *testing.T) {
	const path, begin, end = "../PROTOCOL.md", "<!-- fields -->\n", "<!-- /fields -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	var kinds []string
	for kind := range casefile.Fields {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	want := "| kind | header fields |\n|---|---|\n"
	for _, kind := range kinds {
		want += fmt.Sprintf("| `%s` | %s |\n", kind, strings.Join(casefile.Fields[casefile.Kind(kind)], " "))
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the table of %s differs from casefile.Fields; go test ./sync/hallstore -rewrite writes it anew. got:\n%swant:\n%s", path, got, want)
	}
}
