package world

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	oldrand "math/rand"
	"runtime"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"
)

// Chance makes everything that a world draws by chance follow from a seed until the test ends.
//
// One row of numbers for all would not do: whoever draws first at an instant would get another one each time, and some of the
// library's ciphers draw a byte more or less as they please. So whoever draws gets numbers of his own: they follow from the seed, the
// virtual time, and the calls that led to him.
func Chance(t *testing.T, seed uint64) {
	cryptotest.SetGlobalRandom(t, seed) // for keys on the wires, which nobody sees
	oldrand.Seed(int64(seed))           //lint:ignore SA1019 the pauses of net/http come from there; it needs GODEBUG=randseednop=0
	before := rand.Reader
	rand.Reader = &chance{seed: seed, drawn: map[draw]uint64{}}
	t.Cleanup(func() { rand.Reader = before })
}

type chance struct {
	seed  uint64
	mu    sync.Mutex
	drawn map[draw]uint64 // how often before
}

// draw is who draws, and when.
type draw struct {
	calls [sha256.Size]byte
	at    int64
}

// Read draws.
func (c *chance) Read(b []byte) (int, error) {
	d := draw{calls(), time.Now().UnixNano()}
	c.mu.Lock()
	n := c.drawn[d]
	c.drawn[d]++
	c.mu.Unlock()
	h := sha256.New()
	for _, number := range []uint64{c.seed, uint64(d.at), n} {
		binary.Write(h, binary.BigEndian, number)
	}
	h.Write(d.calls[:])
	for at, block := 0, uint64(0); at < len(b); block++ {
		binary.Write(h, binary.BigEndian, block)
		at += copy(b[at:], h.Sum(nil))
	}
	return len(b), nil
}

// known are the sums of calls that were seen, for to name them costs more than most of what a world does.
var known sync.Map

// calls is a sum over the functions that led here.
func calls() [sha256.Size]byte {
	var pcs [64]uintptr
	n := runtime.Callers(3, pcs[:])
	if sum, ok := known.Load(pcs); ok {
		return sum.([sha256.Size]byte)
	}
	frames := runtime.CallersFrames(pcs[:n])
	h := sha256.New()
	for {
		f, more := frames.Next()
		io.WriteString(h, f.Function)
		binary.Write(h, binary.BigEndian, uint32(f.Line))
		if !more {
			break
		}
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	known.Store(pcs, sum)
	return sum
}
