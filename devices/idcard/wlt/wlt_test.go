package wlt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard/wlt"
	"yichuang/devices/idcard/wlt/cell"
)

// TestMain makes this program its own child, as kioskd is.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "photo" {
		os.Exit(cell.Run(os.Args[2], os.Args[3]))
	}
	status := m.Run()
	if path, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(path)) // a folder of this run
	}
	os.Exit(status)
}

// build compiles the library of testdata, once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wlt-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "libphoto.so")
	if said, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-pthread", "-o", path, "testdata/library.c").CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w: %s", err, said)
	}
	return path, nil
})

// library is a copy of it in a folder of its own, readable to everybody.
func library(t *testing.T) string {
	t.Helper()
	built, err := build()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(built)
	path := filepath.Join(t.TempDir(), "libphoto.so")
	if err = errors.Join(err, os.WriteFile(path, raw, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// block is nobody's face.
func block() []byte {
	b := []byte{0x57, 0x4C, 0x66, 0x00, 0x7E, 0x00, 0x32, 0x00}
	for i := range 1016 {
		b = append(b, byte(7*i+3))
	}
	return b
}

// pixels are what the library's unpack answers to the block.
func pixels() []byte {
	raw, b := make([]byte, 3*wlt.Width*wlt.Height), block()
	for i := range raw {
		raw[i] = b[i%1024] ^ byte(i/1024)
	}
	return raw
}

// bare is an image as bare pixels, the lowest row first and blue first.
func bare(t *testing.T, img image.Image) []byte {
	t.Helper()
	if img.Bounds() != image.Rect(0, 0, wlt.Width, wlt.Height) {
		t.Fatalf("a picture of %v", img.Bounds())
	}
	var raw []byte
	for y := wlt.Height - 1; y >= 0; y-- {
		for x := range wlt.Width {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			raw = append(raw, c.B, c.G, c.R)
			if c.A != 0xFF {
				t.Fatalf("the picture is not opaque at %d %d", x, y)
			}
		}
	}
	return raw
}

func TestLibraryThatDecodes(t *testing.T) {
	t.Parallel()
	path := library(t)
	for _, tc := range []struct {
		name string
		o    wlt.Options
	}{
		{"bare pixels", wlt.Options{Library: path}}, {"red first", wlt.Options{Library: path, RGB: true}},
		{"bitmap", wlt.Options{Library: path, Call: "bitmap"}}, {"a bitmap has its own order", wlt.Options{Library: path, Call: "bitmap", RGB: true}},
		{"prints as well", wlt.Options{Library: path, Call: "talks"}},
	} {
		img, err := wlt.New(tc.o).Decode(t.Context(), block())
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got, want := bare(t, img), pixels()
		if tc.o.RGB && tc.o.Call == "" {
			for i := 0; i < len(want); i += 3 {
				want[i], want[i+2] = want[i+2], want[i]
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: another picture", tc.name)
		}
	}
}

// TestLibraryThatDoesNot: whatever a library does, the answer is a fault in time, and says what became of it.
func TestLibraryThatDoesNot(t *testing.T) {
	path := library(t)
	text := filepath.Join(filepath.Dir(path), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, call string
		kind       fault.Kind
		least      time.Duration
	}{
		{path, "refuses", fault.Garbled, 0}, {path, "fails", fault.Garbled, 0}, {path, "wide", fault.Garbled, 0}, {path, "leaves", fault.Garbled, 0},
		{path, "crashes", fault.Broken, 0}, {path, "aborts", fault.Broken, 0}, {path, "overflows", fault.Broken, 0},
		{path, "hangs", fault.Silent, 3 * time.Second}, {path, "spins", fault.Silent, 3 * time.Second},
		{path, "nothing", fault.Invalid, 0}, {path + ".old", "unpack", fault.Absent, 0}, {text, "unpack", fault.Absent, 0},
		{"/nowhere/libphoto.so", "unpack", fault.Absent, 0},
	} {
		t.Run(filepath.Base(tc.path)+" "+tc.call, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			img, err := wlt.New(wlt.Options{Library: tc.path, Call: tc.call}).Decode(t.Context(), block())
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != tc.kind || img != nil || f.Device != "idcard" || f.Op != "photo" || f.Detail == "" || f.Raw != nil {
				t.Errorf("got %v, %#v, want %s", img, err, tc.kind)
			}
			if took := time.Since(began); took < tc.least || tc.least == 0 && fault.Is(err, fault.Silent) {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestNoBlock(t *testing.T) {
	d := wlt.New(wlt.Options{Library: "/nowhere/libphoto.so"})
	for _, n := range []int{0, wlt.BlockMax + 1} {
		if _, err := d.Decode(t.Context(), make([]byte, n)); !fault.Is(err, fault.Garbled) {
			t.Errorf("a block of %d bytes: %v", n, err)
		}
	}
	if _, err := d.Decode(t.Context(), make([]byte, wlt.BlockMax)); !fault.Is(err, fault.Absent) {
		t.Errorf("the longest block: %v", err)
	}
}

// TestPersonWhoWalksAway: the child does not outlive the wait for it.
func TestPersonWhoWalksAway(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := wlt.New(wlt.Options{Library: library(t), Call: "hangs"}).Decode(ctx, block())
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

// TestWhatTheChildMayDo: it reads its folder, makes threads and takes memory, and reaches nothing else.
func TestWhatTheChildMayDo(t *testing.T) {
	t.Parallel()
	path := library(t)
	img, err := wlt.New(wlt.Options{Library: path, Call: "spies"}).Decode(t.Context(), block())
	if err != nil {
		t.Fatal(err)
	}
	tries := []string{"its own folder", "a thread", "memory",
		"/etc/passwd", "/proc", "the root folder", "a file in its folder", "writing itself", "removing itself", "a socket of the Internet", "a socket of IPv6",
		"a unix socket", "a process", "a signal to the parent", "tracing the parent", "another program", "the parent's memory", "setting its limits", "being looked at",
		"an environment", "more on standard input", "a descriptor of the parent's"}
	got := bare(t, img)
	for i, what := range tries {
		if may := i < 3; (got[i] != 0) != may {
			t.Errorf("%s: could %v, want %v", what, got[i] != 0, may)
		}
	}
	if got[len(tries)] != 2 {
		t.Error("the list is another one")
	}
	// The fence stood around one thread alone: this program may read and write as before.
	if err := os.WriteFile(path+".after", nil, 0o600); err != nil {
		t.Error(err)
	}
}

// TestHungryLibrary takes more memory than a photo needs.
func TestHungryLibrary(t *testing.T) {
	if raced {
		return // the race detector's own memory has no bound
	}
	t.Parallel()
	if _, err := wlt.New(wlt.Options{Library: library(t), Call: "devours"}).Decode(t.Context(), block()); !fault.Is(err, fault.Garbled) && !fault.Is(err, fault.Broken) {
		t.Errorf("got %v, want it to get no memory", err)
	}
}
