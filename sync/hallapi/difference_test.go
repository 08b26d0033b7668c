package hallapi

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// numbered is a long text, like a catalogue, with a change here and there.
func numbered(rows int, changed ...int) []byte {
	var b bytes.Buffer
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		n := rng.Uint64()
		for _, c := range changed {
			if c == i {
				n++
			}
		}
		fmt.Fprintf(&b, `{"row":%d,"number":"%x"},`, i, n)
	}
	return b.Bytes()
}

func TestADifferenceIsSmallAndExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	from := numbered(5000)
	for name, to := range map[string][]byte{
		"a row changed":    numbered(5000, 2500),
		"the first row":    numbered(5000, 0),
		"rows added":       numbered(5100),
		"rows removed":     numbered(4900),
		"a row moved":      append(bytes.Clone(from[100:]), from[:100]...),
		"the same":         from,
		"many rows change": numbered(5000, rng.Perm(5000)[:50]...),
	} {
		d, err := Difference(from, to)
		if err != nil || d == nil {
			t.Fatalf("%s: no difference: %v", name, err)
		}
		if len(d) > len(to)/50 {
			t.Errorf("%s: %d bytes for a text of %d", name, len(d), len(to))
		}
		if got, err := Apply(from, d, MessageMax); err != nil || !bytes.Equal(got, to) {
			t.Errorf("%s: another text came out, %v", name, err)
		}
		if got, err := Apply(from, d, uint64(len(to))); err != nil || !bytes.Equal(got, to) {
			t.Errorf("%s: with just enough room: %v", name, err)
		}
		if _, err := Apply(from, d, uint64(len(to))-1); !errors.Is(err, ErrNoDifference) {
			t.Errorf("%s: with a byte too little room: %v", name, err)
		}
		if got, err := Apply(numbered(5000, 7, 2000, 4000), d, MessageMax); err == nil && bytes.Equal(got, to) && name != "a row moved" {
			t.Errorf("%s: the right text came out of a wrong one", name)
		}
	}
}

func TestThereIsNoDifferenceWhereNothingIsGained(t *testing.T) {
	random := func(seed uint64, n int) []byte {
		b := make([]byte, n)
		rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
		return b
	}
	for name, c := range map[string][2][]byte{"another text": {random(1, 10000), random(2, 10000)}, "nothing before": {nil, numbered(100)}, "nothing after": {numbered(100), nil}} {
		if d, err := Difference(c[0], c[1]); d != nil || err != nil {
			t.Errorf("%s: a difference of %d bytes, %v", name, len(d), err)
		}
	}
}

// TestABombIsNotUnpacked: some bytes that say they are a very long text.
func TestABombIsNotUnpacked(t *testing.T) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionary, numbered(10)))
	if err != nil {
		t.Fatal(err)
	}
	bomb := e.EncodeAll(make([]byte, 64<<20), nil)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := Apply(numbered(10), bomb, MessageMax); !errors.Is(err, ErrNoDifference) {
		t.Errorf("%d bytes made %d, %v", len(bomb), len(got), err)
	}
}

func FuzzApply(f *testing.F) {
	from := numbered(50)
	good, err := Difference(from, numbered(50, 7))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(append(bytes.Clone(good), good...))
	f.Fuzz(func(t *testing.T, difference []byte) {
		const most = 1 << 16
		got, err := Apply(from, difference, most)
		if len(got) > most || err != nil && !errors.Is(err, ErrNoDifference) {
			t.Errorf("%x: %d bytes, %v", difference, len(got), err)
		}
	})
}
