package hall

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"yichuang/kiosk/catalog"
	"yichuang/kiosk/catalog/first"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// ErrOlder says that a catalogue's version is not newer than the published one.
var ErrOlder = errors.New("catalogue: the version must be greater than the published one's")

// firstCatalog publishes the catalogue that comes with the program, once, under this hall's name.
func (h *Hall) firstCatalog(ctx context.Context) error {
	var n int
	if err := h.store.DB().QueryRowContext(ctx, `SELECT count(*) FROM catalogs`).Scan(&n); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if n > 0 {
		return nil
	}
	c, err := first.Catalog()
	if err != nil {
		return err
	}
	if h.cfg.Name["zh"] != "" {
		c.Hall = h.cfg.Name
	}
	if h.cfg.Area["zh"] != "" {
		c.Area = h.cfg.Area
	}
	if h.cfg.Phone != "" {
		c.Phone = h.cfg.Phone
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if _, err := h.Publish(ctx, raw); !errors.Is(err, ErrOlder) { // another program beside us was first
		return err
	}
	return nil
}

// Publish reads, signs and publishes a catalogue document and tells every terminal.
func (h *Hall) Publish(ctx context.Context, document []byte) (version int64, err error) {
	if len(document) > catalogMax {
		return 0, fmt.Errorf("catalogue: %d bytes, at most %d", len(document), catalogMax)
	}
	c, err := catalog.Parse(document)
	if err != nil {
		return 0, err
	}
	signature := ed25519.Sign(h.keys.catalog, document)
	return c.Version, h.tx(ctx, func(tx *sql.Tx) error {
		newest, err := catalogVersion(ctx, tx)
		if err != nil {
			return err
		}
		if c.Version <= newest {
			return fmt.Errorf("%w: %d is published, this one is %d", ErrOlder, newest, c.Version)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO catalogs (version, document, signature, published) VALUES (?,?,?,?)`,
			c.Version, document, signature, hallstore.Stamp(time.Now())); err != nil {
			return err
		}
		return hallstore.TellAll(ctx, tx, "catalog", map[string]int64{"version": c.Version})
	})
}

func catalogVersion(ctx context.Context, tx *sql.Tx) (version int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM catalogs`).Scan(&version)
	return version, err
}

// Catalog gives the newest catalogue, or says that the terminal has it.
func (s *service) Catalog(ctx context.Context, req *hallapi.CatalogRequest) (*hallapi.CatalogResponse, error) {
	if _, err := caller(ctx); err != nil {
		return nil, err
	}
	out := &hallapi.CatalogResponse{}
	if have, err := s.hasNewest(ctx, req); err != nil {
		return nil, err
	} else if have {
		out.Version = req.Have
		return out, nil
	}
	err := s.store.DB().QueryRowContext(ctx, `SELECT version, document, signature FROM catalogs ORDER BY version DESC LIMIT 1`).
		Scan(&out.Version, &out.Document, &out.Signature)
	if err != nil {
		return nil, err
	}
	sum := sumOf(out.Document)
	s.mu.Lock()
	s.newest = catalogSum{out.Version, sum}
	s.mu.Unlock()
	if req.Have == out.Version && (len(req.HaveSha256) == 0 || bytes.Equal(req.HaveSha256, sum)) {
		out.Document, out.Signature = nil, nil
		return out, nil
	}
	if out.Difference, err = s.difference(ctx, req, out.Document); err != nil {
		s.log.Error("a difference of the catalogue", "from", req.Have, "to", out.Version, "cause", err)
	}
	if len(out.Difference) > 0 {
		out.Document = nil
	}
	return out, nil
}

// catalogSum is which document a version is.
type catalogSum struct {
	version int64
	sum     []byte
}

// hasNewest says whether a terminal is known to have the newest catalogue: most ask in vain, and nothing is read for them.
func (h *Hall) hasNewest(ctx context.Context, req *hallapi.CatalogRequest) (bool, error) {
	h.mu.Lock()
	known := h.newest
	h.mu.Unlock()
	if known.version == 0 || req.Have != known.version || !bytes.Equal(req.HaveSha256, known.sum) {
		return false, nil
	}
	var newest int64
	err := h.store.DB().QueryRowContext(ctx, `SELECT max(version) FROM catalogs`).Scan(&newest)
	return newest == known.version, err
}

func sumOf(document []byte) []byte {
	sum := sha256.Sum256(document)
	return sum[:]
}

// difference is that from what a terminal has to a document; nil when the hall does not have that too, or the whole is shorter. It is
// worked out once, for all terminals ask for it at the same time.
func (h *Hall) difference(ctx context.Context, req *hallapi.CatalogRequest, document []byte) ([]byte, error) {
	if len(req.HaveSha256) == 0 {
		return nil, nil
	}
	var former []byte
	err := h.store.DB().QueryRowContext(ctx, `SELECT document FROM catalogs WHERE version = ?`, req.Have).Scan(&former)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !bytes.Equal(req.HaveSha256, sumOf(former)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key := string(req.HaveSha256) + string(sumOf(document))
	h.differing.Lock()
	defer h.differing.Unlock()
	if d, known := h.differences[key]; known {
		return d, nil
	}
	d, err := hallapi.Difference(former, document)
	if err != nil {
		return nil, err
	}
	if len(h.differences) >= differencesMax {
		clear(h.differences)
	}
	h.differences[key] = d
	return d, nil
}

// offer gives the newest catalogue, read.
func (h *Hall) offer(ctx context.Context) (*catalog.Catalog, error) {
	var version int64
	if err := h.store.DB().QueryRowContext(ctx, `SELECT max(version) FROM catalogs`).Scan(&version); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	h.mu.Lock()
	c := h.offers[version]
	h.mu.Unlock()
	if c != nil {
		return c, nil
	}
	var document []byte
	if err := h.store.DB().QueryRowContext(ctx, `SELECT document FROM catalogs WHERE version = ?`, version).Scan(&document); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	c, err := catalog.Parse(document)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offers = map[int64]*catalog.Catalog{version: c}
	return c, nil
}
