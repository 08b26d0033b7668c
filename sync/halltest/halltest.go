// Package halltest is a whole hall for tests: its database, its keys, its TLS listener, in a temporary
// folder, with a water company of its own. A test can stop it, cut its power and start it again; the
// address stays.
package halltest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"yichuang/sync/hall"
	"yichuang/sync/hallstore"
)

// Limit bounds everything that a test waits for. It is long, because machines are slow, and never waited out.
const Limit = 30 * time.Second

// Hall is a hall under test.
type Hall struct {
	URL     string // https://127.0.0.1:PORT
	Console string // http://127.0.0.1:PORT
	Biller  *Biller
	Config  hall.Config

	t                 testing.TB
	hall              *hall.Hall
	terminals, people string // addresses
	stop              context.CancelFunc
	done              chan error
}

// Start starts a hall with a water company and ends both with the test. change may be nil; it is given
// the configuration before the first start.
func Start(t testing.TB, change func(*hall.Config)) *Hall {
	t.Helper()
	h := &Hall{t: t, terminals: "127.0.0.1:0", people: "127.0.0.1:0", Biller: NewBiller(t)}
	h.Config = hall.Config{State: t.TempDir(), Billers: map[string]string{"water": h.Biller.URL}}
	if change != nil {
		change(&h.Config)
	}
	h.Up()
	t.Cleanup(h.Down)
	return h
}

// Up starts the hall, again at the same addresses.
func (h *Hall) Up() {
	h.t.Helper()
	terminals, people := h.listen(&h.terminals), h.listen(&h.people)
	h.URL, h.Console = "https://"+h.terminals, "http://"+h.people
	ctx, stop := context.WithCancel(context.Background())
	if h.Config.Gateway != nil {
		h.Config.Gateway.NotifyURL = h.Console + hall.NotifyPath
	}
	opened, err := hall.Open(ctx, h.Config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil {
		err = opened.Wake(ctx)
	}
	if err != nil {
		stop()
		h.t.Fatalf("open the hall: %v", err)
	}
	h.hall, h.stop, h.done = opened, stop, make(chan error, 1)
	done := h.done
	go func() { done <- opened.Serve(ctx, terminals, people) }()
}

func (h *Hall) listen(address *string) net.Listener {
	h.t.Helper()
	l, err := net.Listen("tcp", *address)
	if err != nil {
		h.t.Fatalf("listen: %v", err)
	}
	*address = l.Addr().String()
	return l
}

// Hall is the hall itself, for its books. It is another one after Up.
func (h *Hall) Hall() *hall.Hall { return h.hall }

// Down stops the hall as SIGTERM does. Twice is once.
func (h *Hall) Down() {
	if h.hall == nil {
		return
	}
	h.stop()
	if err := <-h.done; err != nil {
		h.t.Errorf("the hall ended: %v", err)
	}
	if err := h.hall.Close(); err != nil {
		h.t.Errorf("close the hall: %v", err)
	}
	h.hall = nil
}

// Cut takes the power: the database closes under the hall, and what was under way is never written.
func (h *Hall) Cut() {
	if err := h.hall.Close(); err != nil {
		h.t.Errorf("cut the hall's power: %v", err)
	}
	h.stop()
	<-h.done // it may complain: its database is gone
	h.hall = nil
}

// Backup is the database as it is now, as a backup of a running hall has it.
func (h *Hall) Backup() []byte {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "backup.db")
	s, err := hallstore.Open(h.t.Context(), h.Config.State)
	if err == nil {
		_, err = s.DB().Exec(`VACUUM INTO ?`, path)
		err = errors.Join(err, s.Close())
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		h.t.Fatalf("back the hall up: %v", err)
	}
	return raw
}

// Restore stops the hall, puts a backup in the place of its database, and starts it again.
func (h *Hall) Restore(backup []byte) {
	h.t.Helper()
	h.Down()
	path := filepath.Join(h.Config.State, "hall.db")
	for _, old := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, backup, 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.Up()
}

// CA is the hall's TLS CA in DER.
func (h *Hall) CA() []byte { return h.hall.CA() }

// EnrolCode mints a one-time code for a terminal.
func (h *Hall) EnrolCode(terminal string) string {
	h.t.Helper()
	code, err := h.hall.EnrolCode(h.t.Context(), terminal)
	if err != nil {
		h.t.Fatalf("enrol code for %s: %v", terminal, err)
	}
	return code
}

// Audit fails the test when the hall's books do not hold.
func (h *Hall) Audit() {
	h.t.Helper()
	a, err := h.hall.Audit(h.t.Context())
	if err != nil {
		h.t.Fatalf("audit: %v", err)
	}
	for _, i := range a.Invariants {
		if !i.Holds {
			h.t.Errorf("audit: %s: %s", i.ID, i.Note)
		}
	}
}

// Ledger is the hall's books.
func (h *Hall) Ledger() hall.Ledger {
	h.t.Helper()
	l, err := h.hall.Ledger(h.t.Context())
	if err != nil {
		h.t.Fatalf("ledger: %v", err)
	}
	return l
}
