package hall

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"yichuang/kiosk/license"
	"yichuang/kiosk/seal"
)

// keys are the hall's secrets. They are made once, in the state folder, readable by the hall alone.
type keys struct {
	caKey   *ecdsa.PrivateKey
	ca      *x509.Certificate
	seal    []*ecdh.PrivateKey // newest first
	catalog ed25519.PrivateKey
	root    *license.Root
	issuer  *license.Issuer
}

// String keeps them out of logs.
func (*keys) String() string { return "keys of the hall" }

// The files of the key folder.
const (
	caFile      = "tls-ca.pem"
	sealFile    = "seal.pem"
	catalogFile = "catalog.pem"
	rootFile    = "license-root.pem"
	issuerFile  = "license-issuer.pem"
)

// loadKeys reads the keys of the state folder and makes them when there are none. Two programs may do so
// at once: the folder is made aside and put in place whole, and the first one counts.
func loadKeys(state, name string, now time.Time) (*keys, error) {
	dir := filepath.Join(state, "keys")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := makeKeys(state, dir, name, now); err != nil {
			return nil, fmt.Errorf("hall keys: %w", err)
		}
	}
	k := &keys{}
	for file, read := range map[string]func([]byte) error{
		caFile: k.readCA, sealFile: k.readSeal, catalogFile: k.readCatalog,
		rootFile:   func(b []byte) (err error) { k.root, err = license.LoadRoot(b); return err },
		issuerFile: func(b []byte) (err error) { k.issuer, err = license.LoadIssuer(b); return err },
	} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("hall keys: %w", err)
		}
		if err := read(raw); err != nil {
			return nil, fmt.Errorf("hall keys: %s: %w", file, err)
		}
	}
	return k, nil
}

func makeKeys(state, dir, name string, now time.Time) error {
	aside, err := os.MkdirTemp(state, ".keys-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	made, err := newKeys(name, now)
	if err != nil {
		return err
	}
	for file, content := range made {
		if err := writeSynced(filepath.Join(aside, file), content); err != nil {
			return err
		}
	}
	if err := os.Rename(aside, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func newKeys(name string, now time.Time) (map[string][]byte, error) {
	ca, err := newCA(name, now)
	if err != nil {
		return nil, err
	}
	sealing, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	root, err := license.NewRoot("YC License Root", now)
	if err != nil {
		return nil, err
	}
	issuer, err := root.NewIssuer("YC Issuer", now)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{caFile: ca}
	for file, key := range map[string]any{sealFile: sealing, catalogFile: signing} {
		if out[file], err = keyPEM(key); err != nil {
			return nil, err
		}
	}
	if out[rootFile], err = root.Secret(); err != nil {
		return nil, err
	}
	out[issuerFile], err = issuer.Secret()
	return out, err
}

func keyPEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func newCA(name string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name + " CA"}, NotBefore: now.Add(-skew), NotAfter: now.AddDate(caYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	out, err := keyPEM(key)
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), err
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

func pemKey(raw []byte) (any, []byte, error) {
	block, rest := pem.Decode(raw)
	if block == nil {
		return nil, nil, errors.New("no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	return key, rest, err
}

func (k *keys) readCA(raw []byte) error {
	key, rest, err := pemKey(raw)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(rest)
	signer, ok := key.(*ecdsa.PrivateKey)
	if block == nil || !ok {
		return errors.New("want an ECDSA key and its certificate")
	}
	k.caKey = signer
	k.ca, err = x509.ParseCertificate(block.Bytes)
	return err
}

// readSeal reads every key of the file: a newer one is put in front, and the old ones are kept as long
// as a terminal may have been away.
func (k *keys) readSeal(raw []byte) error {
	for range 100 {
		key, rest, err := pemKey(raw)
		if err != nil {
			return err
		}
		private, ok := key.(*ecdh.PrivateKey)
		if !ok {
			return errors.New("want X25519 keys")
		}
		k.seal = append(k.seal, private)
		if raw = rest; len(raw) == 0 {
			return nil
		}
	}
	return errors.New("more keys than there can be")
}

func (k *keys) readCatalog(raw []byte) error {
	key, _, err := pemKey(raw)
	if err != nil {
		return err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return errors.New("want an Ed25519 key")
	}
	k.catalog = private
	return nil
}

// open opens a sealed part with the key that it was closed to.
func (k *keys) open(seq int64, aad, sealed []byte) ([]byte, error) {
	id, err := seal.Which(sealed)
	if err != nil {
		return nil, err
	}
	for _, key := range k.seal {
		if seal.KeyID(key.PublicKey().Bytes()) == id {
			return seal.Open(key.Bytes(), seq, aad, sealed)
		}
	}
	return nil, fmt.Errorf("sealed to key %x, which this hall does not have", id)
}

// server makes the hall's own certificate for the next run.
func (k *keys) server(hosts []string, now time.Time) (certificate []byte, key *ecdsa.PrivateKey, err error) {
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "hall"}, NotBefore: now.Add(-skew), NotAfter: now.Add(serverLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if host != "" {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	certificate, err = k.certify(t, key.Public())
	return certificate, key, err
}

// terminal makes a terminal's certificate.
func (k *keys) terminal(id string, public any, now time.Time) ([]byte, error) {
	return k.certify(&x509.Certificate{
		Subject: pkix.Name{CommonName: id}, NotBefore: now.Add(-skew), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public)
}

func (k *keys) certify(t *x509.Certificate, public any) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, t, k.ca, public, k.caKey)
}
