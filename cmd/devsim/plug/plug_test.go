package plug

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// echo answers every byte with itself plus one, until its line breaks.
func echo(_ context.Context, rw io.ReadWriter) error {
	buf := make([]byte, 256)
	for {
		n, err := rw.Read(buf)
		for i := range buf[:n] {
			buf[i]++
		}
		rw.Write(buf[:n])
		if err != nil {
			return err
		}
	}
}

func ask(t *testing.T, link string, sent []byte) []byte {
	t.Helper()
	host, err := os.OpenFile(link, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if _, err := host.Write(sent); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(host, got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRawAndReopened(t *testing.T) {
	link := filepath.Join(t.TempDir(), "dev", "cash")
	p := New(link, echo)
	if err := p.Set(true); err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer p.Close()
	for _, sent := range [][]byte{{0x0d}, {0x0a, 0x11, 0x13, 0x03, 0x04, 0xff, 0x00, 0x7f}, []byte("again")} {
		got := ask(t, link, sent)
		for i := range sent {
			if got[i] != sent[i]+1 {
				t.Errorf("sent % x: got % x, want each byte one more", sent, got)
			}
		}
	}
}

func TestPulledAndPutBack(t *testing.T) {
	link := filepath.Join(t.TempDir(), "cash")
	p := New(link, echo)
	if err := p.Set(true); err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer p.Close()
	host, err := os.OpenFile(link, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	broken := make(chan error, 1)
	go func() {
		_, err := host.Read(make([]byte, 1))
		broken <- err
	}()
	if err := p.Set(false); err != nil {
		t.Fatal(err)
	}
	if err := <-broken; err == nil {
		t.Error("a read over a pulled plug gave a byte")
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the link of a pulled plug: %v, want that it is gone", err)
	}
	for range 2 { // twice the same is once
		if err := p.Set(true); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, link, []byte{7}); got[0] != 8 {
		t.Errorf("put back in: got %d, want 8", got[0])
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Set(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("a closed plug can be put in again: %v", err)
	}
}

func TestKeepsWhatIsNotItsOwn(t *testing.T) {
	link := filepath.Join(t.TempDir(), "cash")
	if err := os.WriteFile(link, []byte("a letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(link, echo).Set(true); err == nil {
		t.Error("a file was taken for an old link")
	}
	if got, err := os.ReadFile(link); err != nil || string(got) != "a letter" {
		t.Errorf("the file now holds %q (%v)", got, err)
	}
}
