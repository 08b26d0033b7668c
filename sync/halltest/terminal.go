package halltest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
	"yichuang/sync/hallstore"
)

// Terminal is the hall's end of a terminal: a certificate and a journal in memory. Its Client speaks the
// contract; the journal is whatever the test writes into it.
type Terminal struct {
	ID      string
	Epoch   string
	Client  hallapiconnect.HallClient
	Answer  *hallapi.EnrollResponse
	Records []*casefile.Record
	Cursor  int64
	After   int64  // the record that this epoch branched after; 0 for the first
	Life    string // of the hall, as the terminal knows it

	t      testing.TB
	sealer *seal.Sealer
}

// Enrol enrols a terminal at the hall with a fresh code, and checks the hall as a real one does.
func (h *Hall) Enrol(id string) *Terminal {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	code := h.EnrolCode(id)
	r, err := h.Client(nil, code).Enroll(h.t.Context(), &hallapi.EnrollRequest{Code: code, CsrDer: Request(h.t, key)})
	if err != nil {
		h.t.Fatalf("enrol %s: %v", id, err)
	}
	t := &Terminal{ID: r.Terminal, Epoch: "e1-" + id, Answer: r, Life: r.HallEpoch, t: h.t}
	t.Client = h.Client(&tls.Certificate{Certificate: [][]byte{r.CertificateDer}, PrivateKey: key}, code)
	if t.sealer, err = seal.NewSealer(r.SealKeys[0].Public); err != nil {
		h.t.Fatal(err)
	}
	return t
}

// Request makes a certificate request for a key.
func Request(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Client is a client with this certificate (nil: none) that believes the hall whose fingerprint a code carries.
func (h *Hall) Client(certificate *tls.Certificate, code string) hallapiconnect.HallClient {
	h.t.Helper()
	want, err := hallapi.CodeFingerprint(code)
	if err != nil {
		h.t.Fatal(err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // checked right here, against the code
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			last := raw[len(raw)-1]
			if got := sha256.Sum256(last); !bytes.Equal(got[:], want[:]) {
				return fmt.Errorf("the hall's CA is %x, want %x", got, want)
			}
			ca, err := x509.ParseCertificate(last)
			if err != nil {
				return err
			}
			leaf, err := x509.ParseCertificate(raw[0])
			if err != nil {
				return err
			}
			pool := x509.NewCertPool()
			pool.AddCert(ca)
			_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "127.0.0.1"})
			return err
		}}
	if certificate != nil {
		conf.Certificates = []tls.Certificate{*certificate}
	}
	tr := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}
	h.t.Cleanup(tr.CloseIdleConnections)
	return hallapiconnect.NewHallClient(&http.Client{Transport: tr, Timeout: Limit}, h.URL, hallapi.AcceptZstd(), connect.WithSendCompression(hallapi.Zstd))
}

// Write appends an event to the journal; secret is sealed, nil is none.
func (t *Terminal) Write(kind casefile.Kind, caseID string, header casefile.Header, secret any) *casefile.Record {
	t.t.Helper()
	raw, err := (&casefile.Event{Kind: kind, Case: caseID, Header: header}).Encode()
	if err != nil {
		t.t.Fatal(err)
	}
	r := &casefile.Record{Terminal: t.ID, Epoch: t.Epoch, Seq: int64(len(t.Records)) + 1, Time: time.Now().Format(time.RFC3339Nano),
		Quality: "synced", Case: caseID, Kind: kind, Header: raw, Prev: casefile.Genesis(t.ID, t.Epoch)}
	if n := len(t.Records); n > 0 {
		r.Prev = t.Records[n-1].Hash
	}
	if secret != nil {
		plain, err := json.Marshal(secret)
		if err != nil {
			t.t.Fatal(err)
		}
		r.Sealed = t.sealer.Seal(nil, r.Seq, seal.AAD(r.Terminal, r.Epoch, r.Seq, string(r.Kind), r.Header), plain)
		r.SealSum = casefile.SumSealed(r.Sealed)
	}
	r.Hash = r.Sum()
	t.Records = append(t.Records, r)
	return r
}

// Branch goes on with the journal under a new epoch after so many records, as a terminal does whose disk turned out to be an older one.
func (t *Terminal) Branch(epoch string, after int) {
	t.Epoch, t.After, t.Cursor, t.Records = epoch, int64(after), int64(after), t.Records[:after:after]
	t.Write(casefile.TerminalStarted, "", casefile.Header{Version: "test", Reason: "branched"}, nil)
}

// Push hands over what is past the cursor, and all that a restored hall asks back.
func (t *Terminal) Push() {
	t.t.Helper()
	for range 100 {
		life := t.Life
		t.PushOnce()
		if t.Cursor >= int64(len(t.Records)) && t.Life == life {
			return
		}
	}
	t.t.Fatalf("push: the hall has %d of %d records and does not go on", t.Cursor, len(t.Records))
}

// PushOnce hands over one batch past the cursor and believes the answer.
func (t *Terminal) PushOnce() *hallapi.PushResponse {
	t.t.Helper()
	req := &hallapi.PushRequest{Epoch: t.Epoch, HallEpoch: t.Life, After: t.After, Cursor: t.Cursor, Head: int64(len(t.Records)),
		Health: &hallapi.Health{Version: "test", Page: "home", Devices: []*hallapi.DeviceHealth{{Class: "cash", Protocol: "cctalk", State: "ready"}}}}
	for _, r := range t.Records[min(t.Cursor, int64(len(t.Records))):] {
		if len(req.Records) < hallapi.RecordsMax {
			req.Records = append(req.Records, hallstore.ToWire(r))
		}
	}
	ctx, cancel := context.WithTimeout(t.t.Context(), Limit)
	defer cancel()
	r, err := t.Client.Push(ctx, req)
	if err != nil {
		t.t.Fatalf("push: %v", err)
	}
	t.Cursor, t.Life = r.Cursor, r.HallEpoch
	return r
}

// Await pulls notices until one of this kind and case is there.
func (t *Terminal) Await(kind, caseID string) *hallapi.Notice {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.t.Context(), Limit)
	defer cancel()
	for cursor := int64(0); ; {
		r, err := t.Client.Pull(ctx, &hallapi.PullRequest{Cursor: cursor, WaitMs: 5000})
		if err != nil {
			t.t.Fatalf("waiting for a notice %s about %s: %v", kind, caseID, err)
		}
		for _, n := range r.Notices {
			if cursor = n.Seq; n.Kind == kind && n.Case == caseID {
				return n
			}
		}
	}
}
