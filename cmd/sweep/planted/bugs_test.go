package main

import (
	"os"
	"strings"
	"testing"
)

// A bug whose text has changed in the product cannot be planted any more: whoever changed it sees so here, and not after
// minutes.
func TestEveryBugCanBePlanted(t *testing.T) {
	names := map[string]bool{}
	for _, b := range bugs {
		if names[b.name] {
			t.Errorf("%s is there twice", b.name)
		}
		names[b.name] = true
		raw, err := os.ReadFile("../../../" + b.file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, e := range b.edits {
			if n := strings.Count(string(raw), e.old); n != 1 || e.new == e.old {
				t.Errorf("%s: %s has it %d times, want once: %s", b.name, b.file, n, e.old)
			}
		}
		if len(b.edits) == 0 {
			t.Errorf("%s changes nothing", b.name)
		}
	}
}
