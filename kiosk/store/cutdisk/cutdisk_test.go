package cutdisk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/psanford/sqlite3vfs"
)

func write(d *Disk, name string, off int64, text string) {
	d.Apply(Op{Kind: Write, Name: name, Off: off, Data: []byte(text)})
}

// contentOf is what a file holds on an image; "-" when it is not there.
func contentOf(d *Disk, name string) string {
	f := d.names[name]
	if f == nil {
		return "-"
	}
	b := make([]byte, f.data.size)
	return string(b[:f.data.readAt(b, 0)])
}

func TestWhatIsSyncedLasts(t *testing.T) {
	d := New()
	check := func(when string, how How, want string) {
		t.Helper()
		if got := contentOf(d.Image(how, rand.New(rand.NewPCG(1, 1))), "a"); got != want {
			t.Errorf("%s, %s: got %q, want %q", when, how, got, want)
		}
	}
	d.Apply(Op{Kind: Create, Name: "a"})
	check("created", Synced, "-")
	check("created", All, "")
	write(d, "a", 0, "one")
	d.Apply(Op{Kind: Sync, Name: "a"})
	check("synced", Synced, "one")
	write(d, "a", 2, "two")
	check("written", Synced, "one")
	check("written", All, "ontwo")
	d.Apply(Op{Kind: Truncate, Name: "a", Size: 1})
	check("truncated", Synced, "one")
	check("truncated", All, "o")
	d.Apply(Op{Kind: Delete, Name: "a"})
	check("deleted", Synced, "one")
	check("deleted", All, "-")
	d.Apply(Op{Kind: Create, Name: "b"})
	d.Apply(Op{Kind: Sync, Name: "b"})
	check("deleted, and another file synced", Synced, "-")
}

func TestDeleteThatLastsAtOnce(t *testing.T) {
	d := New()
	d.Apply(Op{Kind: Create, Name: "a"})
	d.Apply(Op{Kind: Sync, Name: "a"})
	d.Apply(Op{Kind: Delete, Name: "a", Synch: true})
	if got := contentOf(d.Image(Synced, nil), "a"); got != "-" {
		t.Errorf("got %q, want no file", got)
	}
}

// Torn writes show each mixture of old and new blocks, and no block that never was.
func TestTornWrites(t *testing.T) {
	for how, size := range map[How]int{Blocks: 4096, Sectors: 512} {
		d := New()
		d.Apply(Op{Kind: Create, Name: "a"})
		write(d, "a", 0, strings.Repeat("a", 2*size))
		d.Apply(Op{Kind: Sync, Name: "a"})
		write(d, "a", 0, strings.Repeat("b", 2*size))
		write(d, "a", int64(size), strings.Repeat("c", 2*size))
		seen := map[string]bool{}
		rng := rand.New(rand.NewPCG(1, 1))
		for range 300 {
			got := contentOf(d.Image(how, rng), "a")
			shape := ""
			for i := 0; i < len(got); i += size {
				block := []byte(got[i:min(i+size, len(got))])
				if len(block) != size || !bytes.Equal(block, bytes.Repeat(block[:1], size)) {
					t.Fatalf("%s: block %d is torn: %q", how, i/size, block)
				}
				shape += string(block[0])
			}
			seen[shape] = true
		}
		for _, want := range []string{"aa", "ab", "ac", "ba", "bb", "bc", "aac", "bbc", "ab\x00", "bc\x00"} {
			if !seen[want] {
				t.Errorf("%s: %q was never found; found %v", how, want, seen)
			}
			delete(seen, want)
		}
		for shape := range seen {
			if strings.Trim(shape[:1], "ab") != "" || strings.Trim(shape[1:2], "abc") != "" || len(shape) == 3 && strings.Trim(shape[2:], "c\x00") != "" || len(shape) > 3 {
				t.Errorf("%s: %q can never be found", how, shape)
			}
		}
	}
}

// A full disk takes what does not grow, and what a file that shrank has given back. What found no room is told of when it is to last, once.
func TestFullDisk(t *testing.T) {
	d := New()
	d.Apply(Op{Kind: Create, Name: "a"})
	d.Apply(Op{Kind: Create, Name: "b"})
	d.Room(func() int64 { return 10 })
	do := func(name string, off int64, text string, room bool) {
		t.Helper()
		err := d.do(Op{Kind: Write, Name: name, Off: off, Data: []byte(text)})
		last := d.do(Op{Kind: Sync, Name: name})
		if err != nil || last != nil && !errors.Is(last, sqlite3vfs.FullError) || (last == nil) != room {
			t.Errorf("%s at %d: %v, then %v; want room: %v", name, off, err, last, room)
		}
		if again := d.do(Op{Kind: Sync, Name: name}); again != nil {
			t.Errorf("%s, told before: %v", name, again)
		}
	}
	do("a", 0, "123456", true)
	do("b", 0, "1234", true)
	do("b", 4, "5", false)
	do("a", 2, "xxxx", true)
	do("a", 2, "xxxxx", false)
	d.Apply(Op{Kind: Truncate, Name: "a", Size: 5})
	do("b", 4, "5", true)
	do("b", 5, "6", false)
	d.Room(nil)
	do("b", 5, "6", true)
	if got := d.Size(); got != 11 || contentOf(d, "b") != "123456" {
		t.Errorf("%d bytes, b is %q; want 11, 123456", got, contentOf(d, "b"))
	}
}

// A disk that fails does so from one operation on, and says when.
func TestFailingDisk(t *testing.T) {
	d := New()
	d.Apply(Op{Kind: Create, Name: "a"})
	failed := d.Fail(2)
	for n, want := range []bool{true, true, false, false} {
		if err := d.do(Op{Kind: Write, Name: "a", Off: int64(n), Data: []byte{'x'}}); (err == nil) != want {
			t.Errorf("operation %d: %v, want it to succeed: %v", n, err, want)
		}
		select {
		case <-failed:
			if n < 2 {
				t.Errorf("it says that it failed after %d operations", n+1)
			}
		default:
			if n >= 2 {
				t.Errorf("it does not say that it failed after %d operations", n+1)
			}
		}
	}
	d.Heal()
	if err := d.do(Op{Kind: Sync, Name: "a"}); err != nil || contentOf(d, "a") != "xx" {
		t.Errorf("healed: %v, %q; want xx", err, contentOf(d, "a"))
	}
}

func TestDiskThatForgets(t *testing.T) {
	d := New()
	d.Apply(Op{Kind: Create, Name: "a"})
	d.Forget()
	write(d, "a", 0, "one")
	if d.Len() != 0 || len(d.Ops()) != 0 || contentOf(d, "a") != "one" {
		t.Errorf("%d operations are kept, and the content is %q", d.Len(), contentOf(d, "a"))
	}
}

func TestImageIsAnotherDisk(t *testing.T) {
	d := New()
	d.Apply(Op{Kind: Create, Name: "a"})
	write(d, "a", 0, "one")
	d.Apply(Op{Kind: Sync, Name: "a"})
	image := d.Image(Synced, nil)
	write(image, "a", 0, "two")
	again := image.Image(Synced, nil)
	if got := []string{contentOf(d, "a"), contentOf(image, "a"), contentOf(again, "a"), contentOf(image.Image(All, nil), "a")}; strings.Join(got, " ") != "one two one two" {
		t.Errorf("got %q, want one two one two", got)
	}
}
