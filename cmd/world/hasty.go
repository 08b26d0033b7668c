package world

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// doorman is at the door of the company or the gateway, and keeps who asks the same thing again before anybody can have thought about it.
type doorman struct {
	mu    sync.Mutex
	asked map[[sha256.Size]byte][]time.Time // the last times
	hasty []string
}

const (
	// hastyTime is how soon nothing is asked for again: the hall waits for half a second at least, also after an answer that was lost.
	hastyTime = 400 * time.Millisecond
	// lookMax is how often one may look in that time how something stands: before an order is taken back, behind it, and once because somebody waits.
	lookMax = 3
)

// lets has everything through, and looks at bookings and orders: an account is asked for as quickly as a person touches, and the desk is a hand's.
func (d *doorman) lets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/postings") || strings.HasPrefix(r.URL.Path, "/v3/") {
			body, err := io.ReadAll(r.Body)
			if err != nil { // who asks has gone
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			most := lookMax
			if r.Method != http.MethodGet {
				most = 1
			}
			d.see(r.Method+" "+r.URL.RequestURI()+" "+string(body), most)
		}
		next.ServeHTTP(w, r)
	})
}

func (d *doorman) see(what string, most int) {
	sum, now := sha256.Sum256([]byte(what)), time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = map[[sha256.Size]byte][]time.Time{}
	}
	last := append(d.asked[sum], now)
	if len(last) > most {
		if took := now.Sub(last[0]); took < hastyTime {
			d.hasty = append(d.hasty, fmt.Sprintf("%s, %d times within %v", what, len(last), took))
		}
		last = last[1:]
	}
	d.asked[sum] = last
}

// Hasty is what was asked again too soon.
func (d *doorman) Hasty() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.hasty, "; ")
}

// promptTime is how long the hall may take for what needs nobody else: a batch that came before its turn waits for a third of it.
const promptTime = time.Second

// asks are the questions that the hall answers from its own books. It may be behind with what it was told, and is so for an instant.
var asks = []string{"Permit", "Claim", "Find", "Cases", "Catalog", "Renew", "Enroll", "Push"}

// receptionist keeps which answers of the hall have taken long.
type receptionist struct {
	mu   sync.Mutex
	late []string
}

// times lets every question through, and takes the time of some.
func (c *receptionist) times(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		if took := time.Since(began); took > promptTime && slices.Contains(asks, path.Base(r.URL.Path)) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.late = append(c.late, fmt.Sprintf("%s after %v", path.Base(r.URL.Path), took))
		}
	})
}

// Late are the answers that have taken long.
func (c *receptionist) Late() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.late, "; ")
}
