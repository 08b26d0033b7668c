package uplink

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"yichuang/kiosk/catalog"
	"yichuang/kiosk/seal"
	"yichuang/sync/hallapi"
)

// What is kept beside the journal, by name.
const (
	keptKey         = "uplink.key"          // PKCS #8
	keptCertificate = "uplink.certificate"  // DER
	keptCA          = "uplink.ca"           // DER
	keptSealKeys    = "uplink.seal_keys"    // a RenewResponse with nothing else in it
	keptRoot        = "uplink.license_root" // PEM
	keptCatalogKey  = "uplink.catalog_key"
	keptNewKey      = "uplink.new_key" // of an enrolment under way: the same code counts again with the same key
	keptCode        = "uplink.code"    // SHA-256 of the code that was used
	keptDocument    = "uplink.catalog"
	keptSignature   = "uplink.catalog_signature"
	keptFloor       = "uplink.catalog_floor" // no older catalogue than this one is taken
	keptNotices     = "uplink.notices"       // cursor
	keptHallEpoch   = "uplink.hall_epoch"
	keptRevoked     = "uplink.revoked"  // why the hall does not deal with this terminal any more
	keptAckedIn     = "uplink.acked_in" // the hall's epoch in which it told how far it has the journal
)

// papers are what terminal and hall know each other by.
type papers struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	ca          *x509.Certificate
	sealKeys    []*hallapi.SealKey // newest first
	licenseRoot []byte
	catalogKey  ed25519.PublicKey
}

// String keeps the key out of logs.
func (papers) String() string { return "papers of the terminal" }

// load reads what was kept. Papers that cannot be read are a matter for a new enrolment, and not for a
// refusal to start: the terminal then works without a line.
func (l *Link) load(ctx context.Context) error {
	kept := map[string][]byte{}
	for _, name := range []string{keptKey, keptCertificate, keptCA, keptSealKeys, keptRoot, keptCatalogKey, keptDocument, keptSignature, keptFloor, keptNotices, keptHallEpoch, keptAckedIn, keptRevoked} {
		value, err := l.journal.Kept(ctx, name)
		if err != nil {
			return fmt.Errorf("uplink: %w", err)
		}
		kept[name] = value
	}
	cursor, err := l.journal.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("uplink: %w", err)
	}
	l.cursor, l.kept, l.hallEpoch, l.ackedIn = cursor, cursor, string(kept[keptHallEpoch]), string(kept[keptAckedIn])
	l.revoked = string(kept[keptRevoked])
	// An unreadable cursor is 0: every notice comes again, which each of them bears.
	l.notices, _ = strconv.ParseInt(string(kept[keptNotices]), 10, 64)
	if len(kept[keptCertificate]) == 0 {
		return nil
	}
	p, err := readPapers(kept, l.journal.Terminal())
	if err != nil {
		l.trouble("papers", err)
		return nil
	}
	l.adopt(p)
	if len(kept[keptDocument]) > 0 {
		l.floor, _ = strconv.ParseInt(string(kept[keptFloor]), 10, 64) // written by ourselves, with the document
		l.documentSum = sha256Of(kept[keptDocument])
		if l.catalog, err = catalog.Verify(p.catalogKey, kept[keptDocument], kept[keptSignature], l.floor); err != nil {
			l.trouble("catalogue", err)
		}
	}
	return nil
}

func readPapers(kept map[string][]byte, terminal string) (papers, error) {
	p := papers{licenseRoot: kept[keptRoot], catalogKey: ed25519.PublicKey(kept[keptCatalogKey])}
	key, err := x509.ParsePKCS8PrivateKey(kept[keptKey])
	if err != nil {
		return p, fmt.Errorf("key: %w", err)
	}
	var ok bool
	if p.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return p, errors.New("key: want an ECDSA key")
	}
	if p.ca, err = x509.ParseCertificate(kept[keptCA]); err != nil {
		return p, fmt.Errorf("hall's certificate: %w", err)
	}
	var keys hallapi.RenewResponse
	if err := proto.Unmarshal(kept[keptSealKeys], &keys); err != nil {
		return p, fmt.Errorf("sealing keys: %w", err)
	}
	p.sealKeys = keys.SealKeys
	if p.certificate, err = x509.ParseCertificate(kept[keptCertificate]); err != nil {
		return p, fmt.Errorf("certificate: %w", err)
	}
	return p, p.check(terminal)
}

// check says what is wrong with papers. An expired certificate is not: it is good for a new one.
func (p papers) check(terminal string) error {
	if p.certificate.Subject.CommonName != terminal {
		return fmt.Errorf("the certificate is that of terminal %q, this is %q", p.certificate.Subject.CommonName, terminal)
	}
	if !p.key.PublicKey.Equal(p.certificate.PublicKey) {
		return errors.New("the certificate is not that of the terminal's key")
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.ca)
	if _, err := p.certificate.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: p.certificate.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return fmt.Errorf("the certificate is not the hall's: %w", err)
	}
	if len(p.sealKeys) == 0 {
		return errors.New("no key to seal personal data to")
	}
	for _, k := range p.sealKeys {
		id := seal.KeyID(k.Public)
		if _, err := ecdh.X25519().NewPublicKey(k.Public); err != nil || !bytes.Equal(k.Id, id[:]) {
			return fmt.Errorf("sealing key %x is none", k.Id)
		}
	}
	if block, _ := pem.Decode(p.licenseRoot); block == nil || block.Type != "CERTIFICATE" {
		return errors.New("the root of the licenses is no certificate")
	}
	if len(p.catalogKey) != ed25519.PublicKeySize {
		return fmt.Errorf("the catalogue's key has %d bytes", len(p.catalogKey))
	}
	return nil
}

// keep is what is put on the disk of papers, all in one commit.
func (p papers) keep() (map[string][]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, err
	}
	sealKeys, err := proto.Marshal(&hallapi.RenewResponse{SealKeys: p.sealKeys})
	if err != nil {
		return nil, err
	}
	return map[string][]byte{keptKey: key, keptCertificate: p.certificate.Raw, keptCA: p.ca.Raw, keptSealKeys: sealKeys,
		keptRoot: p.licenseRoot, keptCatalogKey: p.catalogKey}, nil
}

// adopt works with other papers from now on. Connections with the former ones end when nothing uses them.
func (l *Link) adopt(p papers) {
	roots := x509.NewCertPool()
	roots.AddCert(p.ca)
	transport := l.line.transport(&tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, Time: l.journal.Now,
		Certificates: []tls.Certificate{{Certificate: [][]byte{p.certificate.Raw}, PrivateKey: p.key}},
	})
	l.mu.Lock()
	newKey := len(l.papers.sealKeys) == 0 || !bytes.Equal(l.papers.sealKeys[0].Public, p.sealKeys[0].Public)
	l.papers = p
	l.hall, l.quick = newClient(transport, l.cfg.URL, true), newClient(transport, l.cfg.URL, false)
	l.mu.Unlock()
	if newKey {
		l.journal.UseHallKey(p.sealKeys[0].Public)
	}
	poke(l.pokePull)
	poke(l.pokePush)
	poke(l.pokeOffer)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// request asks for a certificate for key.
func request(key *ecdsa.PrivateKey, terminal string) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: terminal}}, key)
}

// dueForRenewal says whether a certificate is so old that it is to be renewed.
func dueForRenewal(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(min(c.NotAfter.Sub(c.NotBefore)/2, renewAfter)))
}

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
