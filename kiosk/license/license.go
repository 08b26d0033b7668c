// Package license is the proof of a license: its facts, signed by the hall, as one line of text that
// fits into the symbol on the sheet.
//
// The facts are a line of JSON that names the business, the license and the numbered blank that this
// sheet is printed on. The hall's issuer signs exactly those bytes with SM2 and SM3 (GB/T 32918.2,
// default identity 1234567812345678), and the issuer's certificate, signed by the license root, goes
// along. Whoever has the root can check a sheet without a network, with this package or with openssl:
//
//	YL1.FACTS.SIGNATURE.CERTIFICATE    each part base64url without padding; signature and certificate in DER
//
// The package is pure: it knows no clock. Whether a certificate was valid is asked for the day on which
// the license was registered.
package license

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// mark begins every text of this form.
const mark = "YL1"

// textMax is the longest text that is looked at: a QR symbol holds at most 2,953 bytes.
const textMax = 2953

// identity is the default one of GM/T 0009; openssl calls it distid.
var identity = []byte("1234567812345678")

// Facts is what a license says, on this sheet. Dates are 2026-11-20.
type Facts struct {
	Number     string `json:"number"`     // unified social credit code
	TradeName  string `json:"trade_name"` // 名称
	Name       string `json:"name"`       // of the operator, 经营者
	Kind       string `json:"kind"`       // 类型
	Address    string `json:"address"`    // 经营场所
	Scope      string `json:"scope"`      // 经营范围
	Authority  string `json:"authority"`  // 登记机关
	Registered string `json:"registered"`
	Division   string `json:"division"` // GB/T 2260
	Case       string `json:"case"`
	Form       string `json:"form"`   // original, duplicate
	Serial     string `json:"serial"` // number of the blank
}

// String names nobody: facts must not stray into a log.
func (f Facts) String() string { return fmt.Sprintf("license %s on blank %s", f.Form, f.Serial) }

// GoString is String.
func (f Facts) GoString() string { return f.String() }

// LogValue is String, for a log that writes JSON.
func (f Facts) LogValue() slog.Value { return slog.StringValue(f.String()) }

// Bytes are the facts as they are signed: JSON on one line, the fields in the order of Facts, no
// character escaped that JSON does not force to be.
func (f Facts) Bytes() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("license facts: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Proof is what openssl needs to agree.
type Proof struct {
	MessageHex      string `json:"message_hex"`
	SignatureDERHex string `json:"signature_der_hex"`
	PublicKeyPEM    string `json:"public_key_pem"`
}

// Encode signs the facts with the issuer's key and writes the text of the symbol. It refuses a text that
// would not fit into one.
func Encode(f Facts, issuer *Issuer) (string, error) {
	message, err := f.Bytes()
	if err != nil {
		return "", err
	}
	signature, err := issuer.key.SignWithSM2(chance{}, identity, message)
	if err != nil {
		return "", fmt.Errorf("sign license: %w", err)
	}
	text := strings.Join([]string{mark, b64(message), b64(signature), b64(issuer.der)}, ".")
	if len(text) > textMax {
		return "", fmt.Errorf("sign license: the text has %d characters; a symbol holds %d", len(text), textMax)
	}
	return text, nil
}

// Why a text is no valid license.
var (
	ErrForm      = errors.New("license: this is not the text of a license's code")
	ErrIssuer    = errors.New("license: the issuer is not signed by this root")
	ErrSignature = errors.New("license: the signature does not fit the facts")
	ErrDate      = errors.New("license: the issuer was not entitled on the day of registration")
)

// Verify reads the text of a symbol and checks it up to the root. White space around it is ignored. The
// facts and the proof are returned as far as they could be read, also beside an error.
func Verify(rootPEM []byte, text string) (Facts, Proof, error) {
	facts, message, signature, der, err := split(text)
	if err != nil {
		return facts, Proof{}, err
	}
	proof := Proof{MessageHex: hex.EncodeToString(message), SignatureDERHex: hex.EncodeToString(signature)}
	cert, err := smx509.ParseCertificate(der)
	if err != nil {
		return facts, proof, ErrForm
	}
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || !sm2.IsSM2PublicKey(key) {
		return facts, proof, ErrIssuer
	}
	public, err := smx509.MarshalPKIXPublicKey(key)
	if err != nil {
		return facts, proof, ErrIssuer
	}
	proof.PublicKeyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	root, err := parseRoot(rootPEM)
	if err != nil {
		return facts, proof, err
	}
	// Only a signer may stand here: neither the root itself nor a certificate made for anything else.
	if cert.IsCA || cert.KeyUsage != smx509.KeyUsageDigitalSignature || cert.CheckSignatureFrom(root) != nil {
		return facts, proof, ErrIssuer
	}
	if !sm2.VerifyASN1WithSM2(key, identity, message, signature) {
		return facts, proof, ErrSignature
	}
	if !entitled(root, facts.Registered) || !entitled(cert, facts.Registered) {
		return facts, proof, ErrDate
	}
	return facts, proof, nil
}

func split(text string) (f Facts, message, signature, der []byte, err error) {
	text = strings.TrimSpace(text)
	parts := strings.Split(text, ".")
	if len(text) > textMax || len(parts) != 4 || parts[0] != mark {
		return f, nil, nil, nil, ErrForm
	}
	raw := make([][]byte, 3)
	for i := range raw {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(parts[i+1]); err != nil || len(raw[i]) == 0 {
			return f, nil, nil, nil, ErrForm
		}
	}
	if json.Unmarshal(raw[0], &f) != nil || f.Number == "" || f.Serial == "" {
		return f, nil, nil, nil, ErrForm
	}
	return f, raw[0], raw[1], raw[2], nil
}

// zone is that of every date on a license.
var zone = time.FixedZone("CST", 8*60*60)

// entitled says whether a certificate was valid at some moment of that day.
func entitled(cert *smx509.Certificate, day string) bool {
	begin, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return false
	}
	return cert.NotBefore.Before(begin.AddDate(0, 0, 1)) && !cert.NotAfter.Before(begin)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
