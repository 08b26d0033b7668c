package cutdisk

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What is written, cut off and copied by chance reads as it does from plain bytes.
func TestContentIsBytes(t *testing.T) {
	type pair struct {
		c     content
		plain []byte
	}
	grow := func(b []byte, size int64) []byte {
		return append(b, make([]byte, max(0, size-int64(len(b))))...)
	}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		all := []*pair{{}}
		for range 200 {
			p := all[rng.IntN(len(all))]
			off := rng.Int64N(5 * pageSize)
			switch rng.IntN(5) {
			case 0:
				p.c.truncate(off)
				p.plain = grow(p.plain, off)[:off:off]
			case 1:
				all = append(all, &pair{p.c.clone(), bytes.Clone(p.plain)})
			default:
				b := bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, rng.IntN(3*pageSize))
				p.c.writeAt(b, off)
				if len(b) > 0 {
					p.plain = grow(p.plain, off+int64(len(b)))
					copy(p.plain[off:], b)
				}
			}
			from := rng.Int64N(6 * pageSize)
			for i, q := range all {
				got, want := make([]byte, 2*pageSize), []byte(nil)
				if from < int64(len(q.plain)) {
					want = q.plain[from:min(from+2*pageSize, int64(len(q.plain)))]
				}
				if n := q.c.readAt(got, from); q.c.size != int64(len(q.plain)) || !bytes.Equal(got[:n], want) {
					t.Fatalf("seed %d: copy %d of %d bytes, want %d; from %d differs: %v", seed, i, q.c.size, len(q.plain), from, !bytes.Equal(got[:n], want))
				}
			}
		}
	}
}
