package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/certificates"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// checkVector verifies a signature through the official library.
func checkVector(t *testing.T, publicPEM, message, signature string) {
	t.Helper()
	public, err := utils.LoadPublicKey(publicPEM)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifiers.NewSHA256WithRSAPubkeyVerifier("1", *public).Verify(context.Background(), "1", message, signature); err != nil {
		t.Errorf("signature over %q: %v", message, err)
	}
}

// started runs the gateway of dir on a real port until the returned function is called.
func started(t *testing.T, dir, listen string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- Run(ctx, dir, listen, func(url string) { ready <- url }) }()
	select {
	case url = <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("run: %v", err)
	}
	return url, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestSamePortAfterARestart(t *testing.T) {
	dir := folder(t)
	first, stop := started(t, dir, "127.0.0.1:0")
	stop()
	second, stop := started(t, dir, "127.0.0.1:0")
	stop()
	if first != second || !strings.HasPrefix(first, "http://127.0.0.1:") {
		t.Errorf("addresses: got %s and %s, want the same", first, second)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(first, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	third, stop := started(t, dir, "127.0.0.1:0")
	stop()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if third == first {
		t.Errorf("address that somebody else holds: got %s", third)
	}
	fourth, stop := started(t, dir, strings.TrimPrefix(first, "http://"))
	stop()
	if fourth != first {
		t.Errorf("address asked for: got %s, want %s", fourth, first)
	}
	if err := Run(context.Background(), dir, "nonsense", func(string) { t.Error("ready") }); err == nil {
		t.Error("listen nonsense: taken")
	}
}

func TestAnsweredTwiceOnTheLine(t *testing.T) {
	s := newShop(t)
	code := s.phone("success", 0)
	s.arm("answered_twice", 1)
	if err := s.g.Close(); err != nil {
		t.Fatal(err)
	}
	url, stop := started(t, s.dir, "127.0.0.1:0")
	defer stop()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := s.request("POST", transactions+"codepay", s.codeBody("YC0001", 700, code))
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	var bodies []string
	for range 2 {
		answer, err := http.ReadResponse(lines, r)
		if err != nil {
			t.Fatalf("after %d answers: %v", len(bodies), err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, fmt.Sprint(answer.StatusCode, string(body)))
	}
	if bodies[0] != bodies[1] || !strings.Contains(bodies[0], `"SUCCESS"`) {
		t.Errorf("answers: got %q", bodies)
	}
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("after both: got %v, want the end", err)
	}
}

// api sends the official client to our address.
type api struct{ host string }

func (a api) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", a.host
	return http.DefaultTransport.RoundTrip(r)
}

func TestOfficialClientFetchesCertificates(t *testing.T) {
	dir := folder(t)
	m, p, err := setup(dir)
	if err != nil {
		t.Fatal(err)
	}
	url, stop := started(t, dir, "127.0.0.1:0")
	defer stop()
	private, err := utils.LoadPrivateKey(m.PrivateKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	public, err := utils.LoadPublicKey(m.PlatformPublicKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	client, err := core.NewClient(t.Context(), option.WithWechatPayPublicKeyAuthCipher(m.MchID, m.Serial, private, m.PlatformPublicKeyID, public),
		option.WithHTTPClient(&http.Client{Transport: api{strings.TrimPrefix(url, "http://")}}))
	if err != nil {
		t.Fatal(err)
	}
	service := certificates.CertificatesApiService{Client: client}
	list, _, err := service.DownloadCertificates(t.Context())
	if err != nil || len(list.Data) != 1 {
		t.Fatalf("certificates: got %v, %v", list, err)
	}
	e := list.Data[0].EncryptCertificate
	text, err := utils.DecryptAES256GCM(m.APIv3Key, *e.AssociatedData, *e.Nonce, *e.Ciphertext)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := utils.LoadCertificate(text)
	if err != nil || utils.GetCertificateSerialNumber(*certificate) != *list.Data[0].SerialNo || *list.Data[0].SerialNo != p.CertificateSerial {
		t.Errorf("certificate: got %v, serial %s", err, *list.Data[0].SerialNo)
	}
}

func TestOldMerchantsGetTheCertificatesSignature(t *testing.T) {
	s := newShop(t)
	r := s.request("GET", orders+"YC0001?mchid="+s.m.MchID, nil)
	r.Header.Set("Wechatpay-Serial", s.g.platform.CertificateSerial)
	if got := s.send(r).Header.Get("Wechatpay-Serial"); got != s.g.platform.CertificateSerial {
		t.Errorf("serial: got %s, want %s", got, s.g.platform.CertificateSerial)
	}
}
