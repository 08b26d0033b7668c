package hall_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/seal"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestACodeEnrolsOneTerminalOnce(t *testing.T) {
	h := halltest.Start(t, nil)
	code := h.EnrolCode("T7")
	nobody := h.Client(nil, code)
	key := newKey(t)
	enrol := func(code string, csr []byte) (*hallapi.EnrollResponse, error) {
		return nobody.Enroll(t.Context(), &hallapi.EnrollRequest{Code: code, CsrDer: csr})
	}
	_, err := enrol("AAAA-BBBB", halltest.Request(t, key))
	refused(t, "a wrong code", err, connect.CodePermissionDenied)
	_, err = enrol(code, []byte("csr"))
	refused(t, "no request", err, connect.CodeInvalidArgument)
	first, err := enrol(code, halltest.Request(t, key))
	if err != nil || first.Terminal != "T7" || len(first.CaDer) == 0 || first.HallEpoch == "" || len(first.LicenseRootPem) == 0 || len(first.CatalogKey) != 32 {
		t.Fatalf("Enroll = %v, %v", first, err)
	}
	if id := seal.KeyID(first.SealKeys[0].Public); string(id[:]) != string(first.SealKeys[0].Id) {
		t.Errorf("sealing key %x is called %x", first.SealKeys[0].Public, first.SealKeys[0].Id)
	}
	cert, err := x509.ParseCertificate(first.CertificateDer)
	if err != nil || cert.Subject.CommonName != "T7" || time.Until(cert.NotAfter) < 300*24*time.Hour {
		t.Errorf("the certificate is for %v until %v, %v", cert.Subject, cert.NotAfter, err)
	}
	if _, err := enrol(code, halltest.Request(t, key)); err != nil {
		t.Errorf("the same key again, because the answer was lost: %v", err)
	}
	_, err = enrol(code, halltest.Request(t, newKey(t)))
	refused(t, "another key with a used code", err, connect.CodePermissionDenied)
	late := h.EnrolCode("T8")
	meddle(t, h, `UPDATE enrol_codes SET expires = ? WHERE terminal = 'T8'`, time.Now().Add(-time.Minute).Unix())
	_, err = enrol(late, halltest.Request(t, key))
	refused(t, "an old code", err, connect.CodePermissionDenied)
	for _, bad := range []string{"", "a b", "-x", "a/b", "终端", "x23456789012345678901234567890123"} {
		if _, err := h.Hall().EnrolCode(t.Context(), bad); err == nil {
			t.Errorf("a code for terminal %q was minted", bad)
		}
	}
}

func TestNobodyAsksWithoutACertificate(t *testing.T) {
	h := halltest.Start(t, nil)
	nobody := h.Client(nil, h.EnrolCode("T1"))
	ctx := t.Context()
	asks := map[string]func() error{
		"push":     func() error { _, err := nobody.Push(ctx, &hallapi.PushRequest{Epoch: "e"}); return err },
		"pull":     func() error { _, err := nobody.Pull(ctx, &hallapi.PullRequest{}); return err },
		"catalog":  func() error { _, err := nobody.Catalog(ctx, &hallapi.CatalogRequest{}); return err },
		"bill":     func() error { _, err := nobody.Bill(ctx, &hallapi.BillRequest{}); return err },
		"posting":  func() error { _, err := nobody.Posting(ctx, &hallapi.PostingRequest{}); return err },
		"place":    func() error { _, err := nobody.PlaceOrder(ctx, &hallapi.PlaceOrderRequest{}); return err },
		"query":    func() error { _, err := nobody.QueryOrder(ctx, &hallapi.QueryOrderRequest{}); return err },
		"close":    func() error { _, err := nobody.CloseOrder(ctx, &hallapi.CloseOrderRequest{}); return err },
		"cases":    func() error { _, err := nobody.Cases(ctx, &hallapi.CasesRequest{}); return err },
		"decision": func() error { _, err := nobody.Decision(ctx, &hallapi.DecisionRequest{}); return err },
		"permit":   func() error { _, err := nobody.Permit(ctx, &hallapi.PermitRequest{}); return err },
		"claim":    func() error { _, err := nobody.Claim(ctx, &hallapi.ClaimRequest{}); return err },
		"day":      func() error { _, err := nobody.Reconcile(ctx, &hallapi.ReconcileRequest{}); return err },
	}
	for name, ask := range asks {
		refused(t, name, ask(), connect.CodeUnauthenticated)
	}
	_, err := nobody.Renew(ctx, &hallapi.RenewRequest{CsrDer: halltest.Request(t, newKey(t))})
	refused(t, "renew", err, connect.CodePermissionDenied)
}

// forge makes a certificate with a CA's key, or with a key of its own when ca is nil.
func forge(t *testing.T, h *halltest.Hall, own bool, id string, from, to time.Time) *tls.Certificate {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.Config.State, "keys", "tls-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(raw)
	signer, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(rest)
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	if own {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: id}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, key.Public(), signer)
	if err != nil && !own {
		t.Fatal(err)
	}
	if err != nil { // Go refuses to sign with a key that is not the parent's: then it is its own parent
		self := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: id}, NotBefore: from, NotAfter: to}
		if der, err = x509.CreateCertificate(rand.Reader, self, self, key.Public(), key); err != nil {
			t.Fatal(err)
		}
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAYearAwayAndBackAlone(t *testing.T) {
	h := halltest.Start(t, nil)
	h.Enrol("T1")
	meddle(t, h, `UPDATE terminals SET floor = 0`)
	code := h.EnrolCode("T1")
	old := h.Client(forge(t, h, false, "T1", time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0)), code)
	_, err := old.Catalog(t.Context(), &hallapi.CatalogRequest{})
	refused(t, "an expired certificate asks", err, connect.CodeUnauthenticated)
	if _, err := old.Push(t.Context(), &hallapi.PushRequest{Epoch: "e"}); err != nil {
		t.Errorf("an expired certificate hands in: %v", err)
	}
	key := newKey(t)
	r, err := old.Renew(t.Context(), &hallapi.RenewRequest{CsrDer: halltest.Request(t, key)})
	if err != nil || len(r.SealKeys) != 1 {
		t.Fatalf("Renew = %v, %v", r, err)
	}
	again := h.Client(&tls.Certificate{Certificate: [][]byte{r.CertificateDer}, PrivateKey: key}, code)
	if _, err := again.Catalog(t.Context(), &hallapi.CatalogRequest{}); err != nil {
		t.Errorf("the renewed certificate asks: %v", err)
	}
	_, err = old.Renew(t.Context(), &hallapi.RenewRequest{CsrDer: []byte("x")})
	refused(t, "renew without a request", err, connect.CodeInvalidArgument)
}

func TestStrangersAndRevokedOnes(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	code := h.EnrolCode("T1")
	year := time.Now().AddDate(1, 0, 0)
	for name, cert := range map[string]*tls.Certificate{
		"a stranger's CA":      forge(t, h, true, "T1", time.Now().Add(-time.Hour), year),
		"a terminal of nobody": forge(t, h, false, "T9", time.Now().Add(-time.Hour), year),
		"not valid yet":        forge(t, h, false, "T1", time.Now().Add(time.Hour), year),
	} {
		_, err := h.Client(cert, code).Catalog(t.Context(), &hallapi.CatalogRequest{})
		refused(t, name, err, connect.CodeUnauthenticated)
	}
	replaced := h.Client(forge(t, h, false, "T1", time.Now().Add(-48*time.Hour), year), code)
	_, err := replaced.Catalog(t.Context(), &hallapi.CatalogRequest{})
	refused(t, "a certificate from before the enrolment", err, connect.CodePermissionDenied)
	_, err = replaced.Renew(t.Context(), &hallapi.RenewRequest{CsrDer: halltest.Request(t, newKey(t))})
	refused(t, "and renewed", err, connect.CodePermissionDenied)

	if err := h.Hall().Revoke(t.Context(), "T1", "stolen"); err != nil {
		t.Fatal(err)
	}
	_, err = term.Client.Catalog(t.Context(), &hallapi.CatalogRequest{})
	refused(t, "a revoked terminal", err, connect.CodePermissionDenied)
	term.Write(casefile.VisitBegun, "", casefile.Header{Visit: "v"}, nil)
	term.Push()
	row := h.Ledger().Terminals[0]
	if term.Cursor != 1 || row.Records != 0 || row.Quarantined != 1 || row.Gaps != 0 {
		t.Errorf("a revoked terminal's record: cursor %d, %+v, want it in quarantine", term.Cursor, row)
	}
}

func TestKeysAreForTheHallAlone(t *testing.T) {
	h := halltest.Start(t, nil)
	files, err := filepath.Glob(filepath.Join(h.Config.State, "keys", "*"))
	if err != nil || len(files) != 5 {
		t.Fatalf("key files %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", f, info.Mode(), err)
		}
	}
	ca := string(h.CA())
	h.Down()
	h.Up()
	if string(h.CA()) != ca {
		t.Error("the hall has another CA after a restart")
	}
}

func TestTheCatalogueIsSignedAndOnlyGrows(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	r, err := term.Client.Catalog(t.Context(), &hallapi.CatalogRequest{})
	if err != nil || r.Version != 1 {
		t.Fatalf("Catalog = version %d, %v", r.Version, err)
	}
	c, err := catalog.Verify(term.Answer.CatalogKey, r.Document, r.Signature, 1)
	if err != nil || len(c.Services) != 2 {
		t.Fatalf("Verify = %v", err)
	}
	if again, err := term.Client.Catalog(t.Context(), &hallapi.CatalogRequest{Have: 1}); err != nil || len(again.Document) != 0 || again.Version != 1 {
		t.Errorf("what the terminal has came again: %d bytes, %v", len(again.Document), err)
	}
	if _, err := h.Hall().Publish(t.Context(), r.Document); err == nil {
		t.Error("the same version was published again")
	}
	newer := []byte(`{"version":2,` + string(r.Document[len(`{"version":1,`):]))
	if v, err := h.Hall().Publish(t.Context(), newer); err != nil || v != 2 {
		t.Fatalf("Publish = %d, %v", v, err)
	}
	for cursor, found := int64(0), false; !found; {
		p, err := term.Client.Pull(t.Context(), &hallapi.PullRequest{Cursor: cursor, WaitMs: 5000})
		if err != nil || len(p.Notices) == 0 {
			t.Fatalf("no notice of the new catalogue: %v", err)
		}
		for _, n := range p.Notices {
			cursor, found = n.Seq, found || n.Kind == "catalog" && string(n.Json) == `{"version":2}`
		}
	}
	if _, err := h.Hall().Publish(t.Context(), []byte(`{"version":3}`)); err == nil {
		t.Error("a catalogue without services was published")
	}
}

// TestACatalogueTravelsAsADifference to what the terminal has, when the hall has that too.
func TestACatalogueTravelsAsADifference(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	ask := func(have int64, sum []byte) *hallapi.CatalogResponse {
		t.Helper()
		r, err := term.Client.Catalog(t.Context(), &hallapi.CatalogRequest{Have: have, HaveSha256: sum})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sum := func(document []byte) []byte {
		s := sha256.Sum256(document)
		return s[:]
	}
	one := ask(0, nil).Document
	if r := ask(1, sum(one)); len(r.Document)+len(r.Difference)+len(r.Signature) != 0 {
		t.Errorf("what the terminal has came again: %v", r)
	}
	if r := ask(1, sum(one[1:])); !bytes.Equal(r.Document, one) || len(r.Signature) == 0 {
		t.Errorf("another catalogue under the same number: %d bytes, want the whole", len(r.Document))
	}
	two := []byte(`{"version":2,` + string(one[len(`{"version":1,`):]))
	if _, err := h.Hall().Publish(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one is not worked out again
		r := ask(1, sum(one))
		if len(r.Document) != 0 || len(r.Difference) == 0 || len(r.Difference) > 1000 {
			t.Fatalf("a document of %d bytes, a difference of %d, want a small difference alone", len(r.Document), len(r.Difference))
		}
		got, err := hallapi.Apply(one, r.Difference, hallapi.MessageMax)
		if err != nil || !bytes.Equal(got, two) {
			t.Errorf("the difference makes another document, %v", err)
		}
		if _, err := catalog.Verify(term.Answer.CatalogKey, got, r.Signature, 2); err != nil {
			t.Error(err)
		}
	}
	for name, c := range map[string]struct {
		have int64
		sum  []byte
	}{"an older terminal": {1, nil}, "another catalogue": {1, sum(two)}, "a version that never was": {7, sum(one)}, "none": {0, nil}} {
		if r := ask(c.have, c.sum); !bytes.Equal(r.Document, two) || len(r.Difference) != 0 {
			t.Errorf("%s: a document of %d bytes, a difference of %d, want the whole", name, len(r.Document), len(r.Difference))
		}
	}
}
