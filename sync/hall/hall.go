// Package hall is the other end: it takes the terminals' journals in, and answers what they ask.
//
// Taking in and drawing consequences are two things. A terminal hands records over and learns how far
// the hall has them on its disk; a worker then goes through each journal in order and draws each
// record's consequences exactly once: payments are booked at the biller, applications decided, licenses
// numbered, permits ended, what is owed kept until it is claimed. A consequence that needs somebody
// else, a biller or a payment gateway, is put down as due first and carried out under a reference of
// its own, so that after a power cut it is asked for and never done twice.
//
// What a person must decide waits in the console. Nothing of a person is written to a log.
package hall

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"yichuang/kiosk/catalog"
	"yichuang/sync/hall/biller"
	"yichuang/sync/hall/rule"
	"yichuang/sync/hallstore"
)

// Config is what a hall is told about itself and its neighbours.
type Config struct {
	State   string            // folder for database and keys
	Name    catalog.Text      // 青山区市民服务中心
	Area    catalog.Text      // 24 小时自助服务区
	Phone   string            // 12345
	Hosts   []string          // further names and addresses in the hall's certificate
	Billers map[string]string // biller code → URL
	Gateway *Gateway          // payment by phone; nil: none

	// Transport carries the calls to billers and gateway; nil: the network.
	Transport http.RoundTripper
	// Around is put around the answering of terminals; nil: nothing.
	Around func(http.Handler) http.Handler
}

// Hall is a hall at work.
type Hall struct {
	cfg     Config
	log     *slog.Logger
	store   *hallstore.Store
	keys    *keys
	billers map[string]*biller.Client
	rules   *rule.Set
	orders  *orders
	rush    rush
	awake   bool
	laying  sync.Mutex // of the witness: what is laid down is never older than what was

	bulletin *bulletin

	life context.Context // until the hall stops: questions that wait end with it
	end  context.CancelFunc

	differing   sync.Mutex
	differences map[string][]byte // between catalogues, by both sums

	mu      sync.Mutex
	changed chan struct{}              // closed and replaced whenever something may have changed
	newest  catalogSum                 // the catalogue that a terminal was last told of
	offers  map[int64]*catalog.Catalog // parsed catalogues by version
	proven  map[[sha256.Size]byte]bool // certificates whose signature is the CA's, by their sum
}

// Open opens the hall's state, or founds a hall.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (h *Hall, err error) {
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, fmt.Errorf("hall: %w", err)
	}
	h = &Hall{cfg: cfg, log: log, bulletin: newBulletin(), changed: make(chan struct{}), offers: map[int64]*catalog.Catalog{}, proven: map[[sha256.Size]byte]bool{}, differences: map[string][]byte{}, billers: map[string]*biller.Client{}}
	h.life, h.end = context.WithCancel(context.Background())
	if h.keys, err = loadKeys(cfg.State, "Yichuang hall", time.Now()); err != nil {
		return nil, err
	}
	if h.rules, err = rule.Load(); err != nil {
		return nil, err
	}
	for code, url := range cfg.Billers {
		h.billers[code] = biller.New(url, cfg.Transport)
	}
	if h.store, err = hallstore.Open(ctx, cfg.State); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.store.Close())
		}
	}()
	if _, err = h.store.Meta(ctx, metaEpoch, newEpoch(1)); err != nil {
		return nil, err
	}
	if h.orders, err = openOrders(h); err != nil {
		return nil, err
	}
	return h, h.firstCatalog(ctx)
}

// Close closes the hall's state.
func (h *Hall) Close() error {
	h.end()
	return h.store.Close()
}

// Run draws consequences and carries out what is due until ctx ends.
func (h *Hall) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, run := range []func(context.Context){h.work, h.post, h.orders.run, h.refund, h.beats, h.watch} {
		wg.Go(func() { run(ctx) })
	}
	wg.Wait()
	return ctx.Err()
}

// LicenseRoot is the certificate that licenses are checked with, as PEM.
func (h *Hall) LicenseRoot() []byte { return h.keys.root.CertPEM() }

// CA is the hall's TLS CA in DER.
func (h *Hall) CA() []byte { return h.keys.ca.Raw }

// CatalogKey is the key that catalogues are signed with.
func (h *Hall) CatalogKey() ed25519.PublicKey { return h.keys.catalog.Public().(ed25519.PublicKey) }

// tx runs f in one transaction and, when it stands, tells everybody who waits to look again.
func (h *Hall) tx(ctx context.Context, f func(*sql.Tx) error) error {
	if err := h.store.Tx(ctx, f); err != nil {
		return err
	}
	h.announce()
	return nil
}

// announce wakes everybody who waits.
func (h *Hall) announce() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// watch announces what another program has changed in the database, until ctx ends.
func (h *Hall) watch(ctx context.Context) {
	for last := int64(-1); ctx.Err() == nil; h.pause(ctx, nil, recheck) {
		version, err := h.store.Version(ctx)
		if err != nil {
			if ctx.Err() == nil {
				h.log.Error("asking whether the database has changed", "cause", err)
			}
			continue
		}
		if version != last {
			last = version
			h.announce()
		}
	}
}

func (h *Hall) change() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// await looks until done says so, the time is up, or ctx ends. It looks at least once. The end of the
// time is no error: what was seen last stands.
func (h *Hall) await(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		changed := h.change() // taken before looking, so that nothing between is missed
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-end.C:
			return nil
		case <-h.life.Done():
			return nil // the hall stops: who waits is told what stands and asks again
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// whileUp is ctx that also ends when the hall stops.
func (h *Hall) whileUp(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	off := context.AfterFunc(h.life, cancel)
	return ctx, func() { off(); cancel() }
}

// untilDue is how long to wait for the first of some instants, in Unix milliseconds, that a query gives: at least so long,
// for what failed is tried again, but not at once.
func (h *Hall) untilDue(ctx context.Context, query string, least time.Duration) time.Duration {
	var ms sql.NullInt64
	if err := h.store.DB().QueryRowContext(ctx, query).Scan(&ms); err != nil {
		if ctx.Err() == nil {
			h.log.Error("looking for what is due next", "cause", err)
		}
		return least
	}
	if !ms.Valid {
		return idle
	}
	return min(max(time.Until(time.UnixMilli(ms.Int64)), least), idle)
}

// pause waits for a change or for a time, whichever is first.
func (h *Hall) pause(ctx context.Context, changed <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
	}
}
