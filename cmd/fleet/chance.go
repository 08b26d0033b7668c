package fleet

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	oldrand "math/rand"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"
)

// seedAll lets everything that is drawn by chance follow from the plan's seed.
//
// Keys and the secrets of a handshake come from one stream, and nothing of them is in the trace. What programs draw
// themselves, such as the number of a case, follows from the instant at which it is drawn, for each terminal has instants
// of its own: one draw more somewhere changes nothing elsewhere. The pauses of net/http, in which a server that stops
// looks after its connections and a client tries again, come from the oldest generator; it can be seeded when GODEBUG has
// randseednop=0.
func (p Plan) seedAll(t *testing.T) {
	cryptotest.SetGlobalRandom(t, p.hash("secrets", 0)) // puts everything back after the test
	cryptorand.Reader = &instants{seed: p.hash("draws", 0)}
	oldrand.Seed(int64(p.hash("pauses", 0))) //lint:ignore SA1019 there is no other way to seed what net/http draws from
}

// instants is chance that follows from the instant and from how many draws there were at it.
type instants struct {
	seed uint64

	mu sync.Mutex
	at int64
	n  uint64
}

// Read draws.
func (i *instants) Read(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now := time.Now().UnixNano(); now != i.at {
		i.at, i.n = now, 0
	}
	i.n++
	var seed [32]byte
	for k, v := range []uint64{i.seed, uint64(i.at), i.n} {
		binary.LittleEndian.PutUint64(seed[8*k:], v)
	}
	return rand.NewChaCha8(seed).Read(b)
}
