package uplink

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"yichuang/kiosk/catalog"
	"yichuang/kiosk/seal"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
)

// scripted is a hall whose answers a test decides.
type scripted struct {
	hallapiconnect.UnimplementedHallHandler
	t       *testing.T
	net     *network
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	seal    *ecdh.PrivateKey
	sign    ed25519.PrivateKey
	root    []byte
	code    string
	life    time.Duration
	server  *http.Server
	serving sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{}
	used     []byte // key that used the code
	records  map[int64]*hallapi.Record
	twice    int // records that came again
	pushes   []int
	beats    []*hallapi.Health
	epoch    string
	refused  map[string]connect.Code // by route
	revoked  bool
	notices  []*hallapi.Notice
	document []byte
	former   map[string][]byte // catalogues that were, by their sum
	differ   func(from, to []byte) []byte
	most     int32                          // records in a batch, as the hall says
	plain    int                            // large batches without compression
	forge    func(route string, answer any) // changes an answer on its way
	calls    map[string]int
	renewed  int
	requests []any

	answers   map[string]proto.Message // to questions, by route
	waits     map[string]func() bool   // when a question's answer is given before its time, by route
	encodings map[string]map[string]int
	entry     func(*hallapi.PushRequest) error                  // looks at a batch before it is taken in
	reply     func(*hallapi.PushRequest, *hallapi.PushResponse) // changes the answer to it
}

func newCA(t *testing.T, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(30, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// newHall begins a hall on a line. Certificates are made here, because a bubble has a clock of its own.
func newHall(t *testing.T, n *network) *scripted {
	t.Helper()
	h := &scripted{t: t, net: n, life: 365 * 24 * time.Hour, changed: make(chan struct{}), records: map[int64]*hallapi.Record{},
		epoch: "hall-1", refused: map[string]connect.Code{}, calls: map[string]int{},
		answers: map[string]proto.Message{}, waits: map[string]func() bool{}, encodings: map[string]map[string]int{"Push": {}}}
	h.ca, h.caKey = newCA(t, "hall CA")
	var err error
	if h.seal, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, h.sign, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	h.root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.ca.Raw})
	h.code = hallapi.NewCode(h.ca.Raw)
	h.document = document(1)
	h.serve()
	return h
}

func (h *scripted) serve() {
	key, err := newKey()
	if err != nil {
		h.t.Fatal(err)
	}
	der := h.certify(&x509.Certificate{Subject: pkix.Name{CommonName: "hall"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(20, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, key.Public())
	config := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, h.ca.Raw}, PrivateKey: key}}}
	path, handler := hallapiconnect.NewHallHandler(h, hallapi.WithZstd())
	mux := http.NewServeMux()
	mux.Handle(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var peer *x509.Certificate
		if len(r.TLS.PeerCertificates) > 0 {
			peer = r.TLS.PeerCertificates[0]
		}
		if strings.HasSuffix(r.URL.Path, "/Push") {
			h.with(func() {
				h.encodings["Push"][r.Header.Get("Content-Encoding")]++
				if r.Header.Get("Content-Encoding") == "" && r.ContentLength > 32<<10 {
					h.plain++
				}
			})
		}
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, peer)))
	}))
	h.server = &http.Server{Handler: mux, Protocols: new(http.Protocols), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	h.server.Protocols.SetHTTP2(true)
	h.serving.Go(func() { h.server.Serve(tls.NewListener(h.net, config)) })
}

type peerKey struct{}

func (h *scripted) certify(tmpl *x509.Certificate, public any) []byte {
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, tmpl, h.ca, public, h.caKey)
	if err != nil {
		h.t.Error(err)
	}
	return der
}

func (h *scripted) stop() {
	h.server.Close()
	h.serving.Wait()
}

// with changes what the hall answers from now on.
func (h *scripted) with(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	close(h.changed)
	h.changed = make(chan struct{})
}

// begin counts a call and says whether it is let in.
func (h *scripted) begin(ctx context.Context, route string, req any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[route]++
	if route != "Push" && route != "Pull" {
		h.requests = append(h.requests, req)
	}
	if code := h.refused[route]; code != 0 {
		return connect.NewError(code, errors.New("as the test wants: 330106194910010022"))
	}
	peer, _ := ctx.Value(peerKey{}).(*x509.Certificate)
	switch {
	case route == "Enroll":
	case peer == nil || peer.CheckSignatureFrom(h.ca) != nil:
		return connect.NewError(connect.CodeUnauthenticated, errors.New("no certificate of this hall"))
	case h.revoked && route != "Push":
		return connect.NewError(connect.CodePermissionDenied, errors.New("revoked"))
	case route != "Renew" && route != "Push" && time.Now().After(peer.NotAfter):
		return connect.NewError(connect.CodeUnauthenticated, errors.New("expired"))
	}
	return nil
}

// end lets the test forge the answer.
func end[Answer any](h *scripted, route string, a *Answer) (*Answer, error) {
	h.mu.Lock()
	forge := h.forge
	h.mu.Unlock()
	if forge != nil {
		forge(route, a)
	}
	return a, nil
}

func (h *scripted) sealKeys() []*hallapi.SealKey {
	public := h.seal.PublicKey().Bytes()
	id := seal.KeyID(public)
	return []*hallapi.SealKey{{Id: id[:], Public: public}}
}

func (h *scripted) terminalCertificate(csr []byte) ([]byte, []byte, error) {
	req, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return h.certify(&x509.Certificate{Subject: pkix.Name{CommonName: "T1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(h.life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, req.PublicKey), req.RawSubjectPublicKeyInfo, nil
}

func (h *scripted) Enroll(ctx context.Context, req *hallapi.EnrollRequest) (*hallapi.EnrollResponse, error) {
	if err := h.begin(ctx, "Enroll", req); err != nil {
		return nil, err
	}
	der, key, err := h.terminalCertificate(req.CsrDer)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	good := hallapi.PlainCode(req.Code) == hallapi.PlainCode(h.code) && (h.used == nil || bytes.Equal(h.used, key))
	if good {
		h.used, h.revoked = key, false
	}
	epoch := h.epoch
	h.mu.Unlock()
	if !good {
		return nil, connect.NewError(connect.CodePermissionDenied, errors.New("the code is used"))
	}
	return end(h, "Enroll", &hallapi.EnrollResponse{Terminal: "T1", CertificateDer: der, CaDer: h.ca.Raw, SealKeys: h.sealKeys(), LicenseRootPem: h.root,
		CatalogKey: h.sign.Public().(ed25519.PublicKey), HallEpoch: epoch})
}

func (h *scripted) Renew(ctx context.Context, req *hallapi.RenewRequest) (*hallapi.RenewResponse, error) {
	if err := h.begin(ctx, "Renew", req); err != nil {
		return nil, err
	}
	der, _, err := h.terminalCertificate(req.CsrDer)
	if err != nil {
		return nil, err
	}
	h.with(func() { h.renewed++ })
	return end(h, "Renew", &hallapi.RenewResponse{CertificateDer: der, SealKeys: h.sealKeys()})
}

func (h *scripted) Push(ctx context.Context, req *hallapi.PushRequest) (*hallapi.PushResponse, error) {
	if err := h.begin(ctx, "Push", req); err != nil {
		return nil, err
	}
	h.mu.Lock()
	entry := h.entry
	h.mu.Unlock()
	if entry != nil {
		if err := entry(req); err != nil {
			return nil, err
		}
	}
	a := &hallapi.PushResponse{}
	h.with(func() {
		h.pushes = append(h.pushes, len(req.Records))
		h.beats = append(h.beats, req.Health)
		for _, r := range req.Records {
			if h.records[r.Seq] != nil {
				h.twice++
			}
			h.records[r.Seq] = r
		}
		for h.records[a.Cursor+1] != nil {
			a.Cursor++
		}
		a.HallEpoch, a.RecordsMax = h.epoch, h.most
		if h.reply != nil {
			h.reply(req, a)
		}
	})
	return end(h, "Push", a)
}

// hold waits for good, as long as asked.
func (h *scripted) hold(ctx context.Context, ms int64, good func() bool) {
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	for {
		h.mu.Lock()
		ok, changed := good(), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (h *scripted) Pull(ctx context.Context, req *hallapi.PullRequest) (*hallapi.PullResponse, error) {
	if err := h.begin(ctx, "Pull", req); err != nil {
		return nil, err
	}
	a := &hallapi.PullResponse{}
	h.hold(ctx, req.WaitMs, func() bool {
		a.Notices = nil
		for _, n := range h.notices {
			if n.Seq > req.Cursor {
				a.Notices = append(a.Notices, n)
			}
		}
		return len(a.Notices) > 0
	})
	return end(h, "Pull", a)
}

func (h *scripted) Catalog(ctx context.Context, req *hallapi.CatalogRequest) (*hallapi.CatalogResponse, error) {
	if err := h.begin(ctx, "Catalog", req); err != nil {
		return nil, err
	}
	h.mu.Lock()
	doc := h.document
	h.mu.Unlock()
	var c struct{ Version int64 }
	if err := json.Unmarshal(doc, &c); err != nil {
		return nil, err
	}
	a := &hallapi.CatalogResponse{Version: c.Version}
	if c.Version != req.Have {
		a.Document, a.Signature = doc, ed25519.Sign(h.sign, doc)
	}
	h.mu.Lock()
	former, differ := h.former[string(req.HaveSha256)], h.differ
	h.mu.Unlock()
	if differ != nil && former != nil && a.Document != nil {
		a.Document, a.Difference = nil, differ(former, doc)
	}
	return end(h, "Catalog", a)
}

func (h *scripted) signed(document []byte) []byte { return ed25519.Sign(h.sign, document) }

// document is a small catalogue.
func document(version int64) []byte {
	zh := func(s string) catalog.Text { return catalog.Text{"zh": s} }
	raw, err := json.Marshal(catalog.Catalog{Version: version, Hall: zh("大厅"), Phone: "12345",
		Services: []catalog.Service{{Code: "apply.one", Entrance: "apply", Name: zh("一"), Line: zh("二")}}})
	if err != nil {
		panic(err)
	}
	return raw
}
