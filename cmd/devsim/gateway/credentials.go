package gateway

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// Merchant is what a merchant gets from the gateway: the content of merchant.json.
type Merchant struct {
	AppID                string `json:"appid"`
	MchID                string `json:"mchid"`
	Serial               string `json:"serial"`
	PrivateKeyPEM        string `json:"private_key_pem"`
	APIv3Key             string `json:"apiv3_key"`
	PlatformPublicKeyPEM string `json:"platform_public_key_pem"`
	PlatformPublicKeyID  string `json:"platform_public_key_id"`
}

// platform is what only the gateway knows: platform.json.
type platform struct {
	PrivateKeyPEM     string `json:"private_key_pem"`
	CertificatePEM    string `json:"certificate_pem"`
	CertificateSerial string `json:"certificate_serial"`
	MerchantPublicPEM string `json:"merchant_public_key_pem"`
}

// Setup makes the keys of gateway and merchant in dir on the first start, and reads them afterwards.
// They are written for the owner alone. merchant.json comes last, so that a half-made set is made anew.
func Setup(dir string) (Merchant, error) {
	m, _, err := setup(dir)
	return m, err
}

func setup(dir string) (Merchant, platform, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Merchant{}, platform{}, err
	}
	var m Merchant
	err := readJSON(filepath.Join(dir, "merchant.json"), &m)
	if errors.Is(err, fs.ErrNotExist) {
		return generate(dir)
	}
	if err != nil {
		return Merchant{}, platform{}, err
	}
	var p platform
	return m, p, readJSON(filepath.Join(dir, "platform.json"), &p)
}

func generate(dir string) (Merchant, platform, error) {
	merchantKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Merchant{}, platform{}, err
	}
	platformKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Merchant{}, platform{}, err
	}
	certificate, serial, err := selfSigned(platformKey)
	if err != nil {
		return Merchant{}, platform{}, err
	}
	m := Merchant{
		AppID: "wx" + randomHex(16), MchID: "19" + randomDigits(8), Serial: randomUpperHex(40),
		APIv3Key: randomHex(32), PlatformPublicKeyID: "PUB_KEY_ID_01" + randomDigits(26),
	}
	p := platform{CertificatePEM: certificate, CertificateSerial: serial}
	if m.PrivateKeyPEM, err = privatePEM(merchantKey); err != nil {
		return Merchant{}, platform{}, err
	}
	if p.PrivateKeyPEM, err = privatePEM(platformKey); err != nil {
		return Merchant{}, platform{}, err
	}
	if p.MerchantPublicPEM, err = publicPEM(&merchantKey.PublicKey); err != nil {
		return Merchant{}, platform{}, err
	}
	if m.PlatformPublicKeyPEM, err = publicPEM(&platformKey.PublicKey); err != nil {
		return Merchant{}, platform{}, err
	}
	if err := writeJSON(filepath.Join(dir, "platform.json"), p); err != nil {
		return Merchant{}, platform{}, err
	}
	return m, p, writeJSON(filepath.Join(dir, "merchant.json"), m)
}

func selfSigned(key *rsa.PrivateKey) (certificatePEM, serial string, err error) {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159))
	if err != nil {
		return "", "", err
	}
	number.SetBit(number, 158, 1)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: "simulated payment gateway", Organization: []string{"desk"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return string(block), fmt.Sprintf("%X", number.Bytes()), nil
}

func privatePEM(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}

func publicPEM(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

// keys are the parsed ends of both sides.
type keys struct {
	private        *rsa.PrivateKey // the gateway's
	merchantPublic *rsa.PublicKey
}

func parseKeys(p platform) (keys, error) {
	private, err := utils.LoadPrivateKey(p.PrivateKeyPEM)
	if err != nil {
		return keys{}, fmt.Errorf("platform.json: %w", err)
	}
	public, err := utils.LoadPublicKey(p.MerchantPublicPEM)
	if err != nil {
		return keys{}, fmt.Errorf("platform.json: %w", err)
	}
	return keys{private: private, merchantPublic: public}, nil
}

const digits, lowerHex, upperHex = "0123456789", "0123456789abcdef", "0123456789ABCDEF"

func randomDigits(n int) string   { return randomOf(digits, n) }
func randomHex(n int) string      { return randomOf(lowerHex, n) }
func randomUpperHex(n int) string { return randomOf(upperHex, n) }

func randomOf(alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("gateway: the system gives no random numbers: " + err.Error())
		}
		out[i] = alphabet[k.Int64()]
	}
	return string(out)
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON writes the file whole, for the owner alone.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
