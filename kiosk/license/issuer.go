package license

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// Lifetimes of the certificates. A root outlives every license that is printed today; an issuer is
// replaced now and then, and the licenses that it signed stay valid.
const (
	rootYears   = 30
	issuerYears = 5
)

// Issuer is the hall's right to sign licenses.
type Issuer struct {
	key *sm2.PrivateKey
	der []byte
}

// String keeps the key out of logs.
func (*Issuer) String() string { return "license issuer" }

// Root is the authority that issuers are signed by.
type Root struct {
	key  *sm2.PrivateKey
	cert *smx509.Certificate
}

// String keeps the key out of logs.
func (*Root) String() string { return "license root" }

// chance is what keys and signatures are drawn from. The library reads a single byte more every other time, so that
// nobody counts on what it draws. It gets one that is missing nowhere else, for a test repeats everything from a seed.
type chance struct{}

func (chance) Read(b []byte) (int, error) {
	if len(b) == 1 {
		b[0] = 0
		return 1, nil
	}
	return rand.Read(b)
}

// NewRoot makes a root of this name, valid from a day before now, so that clocks may differ.
func NewRoot(name string, now time.Time) (*Root, error) {
	key, err := sm2.GenerateKey(chance{})
	if err != nil {
		return nil, fmt.Errorf("license root: %w", err)
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(rootYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := certify(t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("license root: %w", err)
	}
	return &Root{key, cert}, nil
}

// NewIssuer makes an issuer signed by the root.
func (r *Root) NewIssuer(name string, now time.Time) (*Issuer, error) {
	key, err := sm2.GenerateKey(chance{})
	if err != nil {
		return nil, fmt.Errorf("license issuer: %w", err)
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(issuerYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	cert, err := certify(t, r.cert.ToX509(), &key.PublicKey, r.key)
	if err != nil {
		return nil, fmt.Errorf("license issuer: %w", err)
	}
	return &Issuer{key, cert.Raw}, nil
}

func certify(t, parent *x509.Certificate, public, signer any) (*smx509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	der, err := smx509.CreateCertificate(chance{}, t, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return smx509.ParseCertificate(der)
}

// CertPEM is the root's certificate, for everybody.
func (r *Root) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.cert.Raw})
}

// Secret is key and certificate of the root as PEM, for the hall's safe alone.
func (r *Root) Secret() ([]byte, error) { return secret(r.key, r.cert.Raw) }

// Secret is key and certificate of the issuer as PEM, for the hall alone.
func (i *Issuer) Secret() ([]byte, error) { return secret(i.key, i.der) }

func secret(key *sm2.PrivateKey, cert []byte) ([]byte, error) {
	der, err := smx509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("license key: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...), nil
}

// LoadRoot reads what Root.Secret wrote.
func LoadRoot(secretPEM []byte) (*Root, error) {
	key, cert, err := load(secretPEM)
	if err != nil {
		return nil, err
	}
	return &Root{key, cert}, nil
}

// LoadIssuer reads what Issuer.Secret wrote.
func LoadIssuer(secretPEM []byte) (*Issuer, error) {
	key, cert, err := load(secretPEM)
	if err != nil {
		return nil, err
	}
	return &Issuer{key, cert.Raw}, nil
}

func load(secretPEM []byte) (*sm2.PrivateKey, *smx509.Certificate, error) {
	bad := errors.New("license key: want an SM2 private key and its certificate in PEM")
	first, rest := pem.Decode(secretPEM)
	if first == nil {
		return nil, nil, bad
	}
	second, _ := pem.Decode(rest)
	if second == nil {
		return nil, nil, bad
	}
	any, err := smx509.ParsePKCS8PrivateKey(first.Bytes)
	if err != nil {
		return nil, nil, bad
	}
	key, ok := any.(*sm2.PrivateKey)
	if !ok {
		return nil, nil, bad
	}
	cert, err := smx509.ParseCertificate(second.Bytes)
	if err != nil || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, bad
	}
	return key, cert, nil
}

func parseRoot(rootPEM []byte) (*smx509.Certificate, error) {
	block, _ := pem.Decode(rootPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("license root: no certificate in PEM")
	}
	root, err := smx509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("license root: %w", err)
	}
	if !root.IsCA || root.CheckSignatureFrom(root) != nil {
		return nil, errors.New("license root: the certificate is not that of a root")
	}
	return root, nil
}
