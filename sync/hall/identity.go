package hall

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/seal"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
	"yichuang/sync/hallstore"
)

// terminalShape is what a terminal may be called.
var terminalShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

// EnrolCode mints a one-time code for a terminal. It carries the fingerprint of the hall's CA.
func (h *Hall) EnrolCode(ctx context.Context, terminal string) (string, error) {
	if !terminalShape.MatchString(terminal) {
		return "", fmt.Errorf("terminal %q: want up to 32 letters, digits, - and _", terminal)
	}
	code := hallapi.NewCode(h.CA())
	return code, h.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO enrol_codes (hash, terminal, expires) VALUES (?, ?, ?)`,
			sha256Hex([]byte(hallapi.PlainCode(code))), terminal, time.Now().Add(codeLife).Unix())
		return err
	})
}

// Revoke ends a terminal's right to ask, until it is enrolled anew. What it hands in goes into quarantine from then on,
// and the terminal is told the reason.
func (h *Hall) Revoke(ctx context.Context, terminal, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		return errors.New("a reason is needed: the terminal's staff read it")
	}
	return h.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE terminals SET revoked = 1, why = ? WHERE id = ?`, reason, terminal)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("no terminal %q is enrolled", terminal))
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM awaited WHERE terminal = ?`, terminal) // it is heard no more
		return err
	})
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TLS is how the hall's listener speaks: TLS 1.3, with the terminal's certificate asked for. Whether it
// counts is decided for each route, because an expired one is still good for a new one.
func (h *Hall) TLS() (*tls.Config, error) {
	der, key, err := h.keys.server(h.cfg.Hosts, time.Now())
	if err != nil {
		return nil, fmt.Errorf("hall certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, h.keys.ca.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"h2", "http/1.1"},
	}, nil
}

type peerKey struct{}

// peer is who calls.
type peer struct {
	id      string
	revoked bool
	why     string // it was revoked
	expired bool
	unknown bool // the certificate is this hall's, and the terminal is not in its books
	since   time.Time
}

// identify looks at the certificate of a call. No certificate, or one that is not from this hall, leaves
// the caller unknown.
func (h *Hall) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			p, err := h.whose(r.Context(), r.TLS.PeerCertificates[0], time.Now())
			if err != nil {
				h.log.Warn("a caller's certificate does not count", "cause", err)
			} else {
				r = r.WithContext(context.WithValue(r.Context(), peerKey{}, p))
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (h *Hall) whose(ctx context.Context, cert *x509.Certificate, now time.Time) (peer, error) {
	p := peer{id: cert.Subject.CommonName, expired: now.After(cert.NotAfter), since: cert.NotBefore}
	// Not x509's Verify: it has no word for "expired, and right in everything else".
	if err := h.prove(cert); err != nil {
		return p, err
	}
	if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || now.Before(cert.NotBefore) {
		return p, fmt.Errorf("terminal %s: the certificate is not a terminal's, or not valid yet", p.id)
	}
	var floor int64
	err := h.store.DB().QueryRowContext(ctx, `SELECT revoked, floor, why FROM terminals WHERE id = ?`, p.id).Scan(&p.revoked, &floor, &p.why)
	if errors.Is(err, sql.ErrNoRows) {
		p.unknown = true
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("terminal %s: %w", p.id, err)
	}
	if !p.revoked && cert.NotBefore.Unix() < floor {
		p.revoked, p.why = true, replaced
	}
	return p, nil
}

// prove checks that a certificate is signed by this hall's CA: once for each, because a terminal asks often and the check
// takes longer than the answer. What else makes a certificate count is looked at each time.
func (h *Hall) prove(cert *x509.Certificate) error {
	sum := sha256.Sum256(cert.Raw)
	h.mu.Lock()
	known := h.proven[sum]
	h.mu.Unlock()
	if known {
		return nil
	}
	if err := cert.CheckSignatureFrom(h.keys.ca); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.proven) >= provenMax {
		clear(h.proven)
	}
	h.proven[sum] = true
	return nil
}

// replaced is why a certificate from before a new enrolment does not count.
const replaced = "the terminal was enrolled anew, and this certificate is from before that"

// caller is the terminal that asks, if it may.
func caller(ctx context.Context) (string, error) {
	p, ok := ctx.Value(peerKey{}).(peer)
	switch {
	case !ok, p.unknown:
		return "", connect.NewError(connect.CodeUnauthenticated, errors.New("no certificate of this hall"))
	case p.revoked:
		return "", connect.NewError(connect.CodePermissionDenied, fmt.Errorf("the terminal's certificate is revoked: %s", p.why))
	case p.expired:
		return "", connect.NewError(connect.CodeUnauthenticated, errors.New("the terminal's certificate has expired: renew it"))
	}
	return p.id, nil
}

// Handler serves the contract to terminals.
func (h *Hall) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(hallapiconnect.NewHallHandler(&service{h}, hallapi.WithZstd(), connect.WithReadMaxBytes(hallapi.MessageMax)))
	if h.cfg.Around != nil {
		return h.cfg.Around(h.identify(mux))
	}
	return h.identify(mux)
}

// service is the hall as the contract sees it; each route is in the file of its matter.
type service struct{ *Hall }

// Enroll answers a one-time code with a certificate. The same code with the same key again is answered
// again: the first answer may have been lost.
func (s *service) Enroll(ctx context.Context, req *hallapi.EnrollRequest) (*hallapi.EnrollResponse, error) {
	public, sum, err := publicKey(req.CsrDer)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	var id string
	now := time.Now()
	var epoch string
	err = s.tx(ctx, func(tx *sql.Tx) error {
		if id, err = s.redeem(ctx, tx, req.Code, sum, now); err != nil {
			return err
		}
		epoch, err = meta(ctx, tx, metaEpoch)
		return err
	})
	if err != nil {
		return nil, err
	}
	der, err := s.keys.terminal(id, public, now)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("certificate request: %w", err))
	}
	s.log.Info("terminal enrolled", "terminal", id)
	return &hallapi.EnrollResponse{Terminal: id, CertificateDer: der, CaDer: s.CA(), SealKeys: s.sealKeys(),
		LicenseRootPem: s.LicenseRoot(), CatalogKey: s.CatalogKey(), HallEpoch: epoch}, nil
}

var errCode = connect.NewError(connect.CodePermissionDenied, errors.New("the enrolment code is not known, used or too old: mint another one"))

func (s *service) redeem(ctx context.Context, tx *sql.Tx, code, key string, now time.Time) (id string, err error) {
	var expires int64
	var usedBy string
	hash := sha256Hex([]byte(hallapi.PlainCode(code)))
	err = tx.QueryRowContext(ctx, `SELECT terminal, expires, used_by FROM enrol_codes WHERE hash = ?`, hash).Scan(&id, &expires, &usedBy)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (now.Unix() > expires || usedBy != "" && usedBy != key) {
		return "", errCode
	}
	if err != nil {
		return "", err
	}
	if _, err = tx.ExecContext(ctx, `UPDATE enrol_codes SET used_by = ? WHERE hash = ?`, key, hash); err != nil {
		return "", err
	}
	floor := now.Add(-skew).Unix() // a certificate made now begins here
	_, err = tx.ExecContext(ctx, `INSERT INTO terminals (id, enrolled, floor) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET enrolled = ?2, floor = ?3, revoked = 0, why = ''`, id, hallstore.Stamp(now), floor)
	if err != nil {
		return "", err
	}
	version, err := catalogVersion(ctx, tx)
	if err != nil {
		return "", err
	}
	return id, hallstore.Tell(ctx, tx, id, "catalog", "", map[string]int64{"version": version})
}

// Renew gives a terminal a new certificate, also to an expired one: it may have been away for a year.
func (s *service) Renew(ctx context.Context, req *hallapi.RenewRequest) (*hallapi.RenewResponse, error) {
	p, ok := ctx.Value(peerKey{}).(peer)
	if !ok || p.revoked || p.unknown {
		return nil, connect.NewError(connect.CodePermissionDenied, errors.New("no certificate of this hall that could be renewed"))
	}
	public, _, err := publicKey(req.CsrDer)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	der, err := s.keys.terminal(p.id, public, time.Now())
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("certificate request: %w", err))
	}
	return &hallapi.RenewResponse{CertificateDer: der, SealKeys: s.sealKeys()}, nil
}

func (s *service) sealKeys() []*hallapi.SealKey {
	var out []*hallapi.SealKey
	for _, k := range s.keys.seal {
		public := k.PublicKey().Bytes()
		id := seal.KeyID(public)
		out = append(out, &hallapi.SealKey{Id: id[:], Public: public})
	}
	return out
}

// publicKey takes the key out of a certificate request. The name in it does not count.
func publicKey(csr []byte) (key any, sum string, err error) {
	req, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, "", fmt.Errorf("certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, "", fmt.Errorf("certificate request: %w", err)
	}
	return req.PublicKey, sha256Hex(req.RawSubjectPublicKeyInfo), nil
}
