package biller

import (
	"context"
	"net/http"
	"sync"
	"time"

	"yichuang/cmd/devsim/answer"
)

// fault is one way in which the company's service can misbehave.
type fault struct {
	Shape string `json:"shape"`
	What  string `json:"what"`
	Armed int    `json:"armed"`
}

// countMax bounds how many calls a fault can be armed for.
const countMax = 1_000_000

// faults are the shapes that a hand can arm, each for so many calls.
type faults struct {
	mu   sync.Mutex
	rows []fault
}

func newFaults() *faults {
	return &faults{rows: []fault{
		{Shape: "garbage", What: "the answer is no JSON"},
		{Shape: "silence", What: "there is no answer"},
		{Shape: "http_500", What: "the answer is an error 500 and nothing was done"},
		{Shape: "refuse_post", What: "a payment is refused for good"},
		{Shape: "posted_but_timeout", What: "a payment is taken and the answer never comes"},
		{Shape: "slow", What: "the answer takes four seconds"},
	}}
}

func (f *faults) list() []fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fault(nil), f.rows...)
}

func (f *faults) arm(shape string, count int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].Shape == shape {
			f.rows[i].Armed = count
			return true
		}
	}
	return false
}

// take says whether the fault befalls this call, and uses it up once.
func (f *faults) take(shape string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].Shape == shape && f.rows[i].Armed > 0 {
			f.rows[i].Armed--
			return true
		}
	}
	return false
}

func (s *server) arm(r *http.Request) (any, error) {
	in := struct {
		Shape string `json:"shape"`
		Count *int   `json:"count"`
	}{}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	count := 1
	if in.Count != nil {
		count = *in.Count
	}
	if count < 0 || count > countMax {
		return nil, answer.Bad("count %d: 0 to %d", count, countMax)
	}
	if !s.faults.arm(in.Shape, count) {
		return nil, answer.Bad("shape %q: GET /desk/faults lists the known ones", in.Shape)
	}
	return s.faults.list(), nil
}

// faulty lets the armed faults befall a call of the hall. A fault of payments does not touch questions,
// and a call meets one fault at most.
func (s *server) faulty(posts bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.faults.take("silence"):
			answer.Handler(func(*http.Request) (any, error) { return nil, silence(r.Context()) })(w, r)
		case s.faults.take("http_500"):
			w.WriteHeader(http.StatusInternalServerError)
			w.Write([]byte("<html><body>Internal Server Error</body></html>\n"))
		case s.faults.take("garbage"):
			if posts {
				next.ServeHTTP(discard{http.Header{}}, r)
			}
			w.Write([]byte("\x00\xff{\"account\":}}<!-- \n"))
		case s.faults.take("slow"):
			wait(r.Context(), slowness)
			next.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// discard is where an answer goes that is replaced by garbage: the payment itself was taken.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// silence waits until the caller has gone, and breaks the connection.
func silence(ctx context.Context) error {
	wait(ctx, silenceMax)
	panic(http.ErrAbortHandler)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
