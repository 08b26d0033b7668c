package cmd

import (
	"os/exec"
	"path/filepath"
	"testing"

	"yichuang/devices/fault"
	"yichuang/devices/idcard/wlt"
)

// TestKioskdDecodesPhotosInAChild: the real program's hidden command, with a library that behaves like a card maker's.
func TestKioskdDecodesPhotosInAChild(t *testing.T) {
	t.Parallel()
	bin, err := programs()
	must(t, err)
	library := filepath.Join(t.TempDir(), "libphoto.so")
	if said, err := exec.Command("cc", "-shared", "-fPIC", "-pthread", "-o", library, "../devices/idcard/wlt/testdata/library.c").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v: %s", err, said)
	}
	for call, want := range map[string]fault.Kind{"unpack": "", "bitmap": "", "refuses": fault.Garbled, "crashes": fault.Broken} {
		d := wlt.New(wlt.Options{Library: library, Call: call, Program: []string{filepath.Join(bin, "kioskd"), "photo"}})
		img, err := d.Decode(t.Context(), make([]byte, 1024))
		if fault.KindOf(err) != want || (err == nil) != (want == "") || (img != nil) != (want == "") {
			t.Errorf("%s: got %v, want %q", call, err, want)
		}
	}
}
