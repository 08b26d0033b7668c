package license

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"
)

var someFacts = Facts{
	Number: "92110101MA0000001X", TradeName: "<东>城&小店", Name: "张三丰", Kind: "个体工商户",
	Address: "北京市东城区安定门街道1号", Scope: "日用百货销售；食品互联网销售（仅销售预包装食品）", Authority: "北京市东城区市场监督管理局",
	Registered: "2026-11-20", Division: "110101", Case: "c1", Form: "original", Serial: "A0000001",
}

var now = time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)

func authority(t *testing.T) (*Root, *Issuer) {
	t.Helper()
	root, err := NewRoot("Root", now)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := root.NewIssuer("Issuer", now)
	if err != nil {
		t.Fatal(err)
	}
	return root, issuer
}

func encode(t *testing.T, f Facts, i *Issuer) string {
	t.Helper()
	text, err := Encode(f, i)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerifyGivesBackWhatWasSigned(t *testing.T) {
	root, issuer := authority(t)
	text := encode(t, someFacts, issuer)
	for _, in := range []string{text, " " + text + "\r\n"} {
		got, proof, err := Verify(root.CertPEM(), in)
		if err != nil || got != someFacts {
			t.Fatalf("Verify(%q) = %#v, %v", in, got, err)
		}
		message, _ := hex.DecodeString(proof.MessageHex)
		want, _ := someFacts.Bytes()
		if string(message) != string(want) || !strings.Contains(string(message), "<东>城&小店") {
			t.Errorf("message %q, want %q", message, want)
		}
	}
	for _, r := range text {
		if r > 126 || r < 33 {
			t.Fatalf("text %q holds %q, which is not plain ASCII", text, r)
		}
	}
	if len(text) > 1800 {
		t.Errorf("the text has %d characters; a symbol of that size is hard to read", len(text))
	}
}

func TestOpensslAgrees(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl on this machine")
	}
	root, issuer := authority(t)
	_, proof, err := Verify(root.CertPEM(), encode(t, someFacts, issuer))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	message, _ := hex.DecodeString(proof.MessageHex)
	signature, _ := hex.DecodeString(proof.SignatureDERHex)
	key := write("key.pem", []byte(proof.PublicKeyPEM))
	verify := func(message string) error {
		return exec.Command(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-digest", "sm3",
			"-pkeyopt", "distid:1234567812345678", "-in", message, "-sigfile", write("sig.der", signature)).Run()
	}
	if err := verify(write("message", message)); err != nil {
		t.Errorf("openssl does not verify our signature: %v", err)
	}
	message[0] ^= 1
	if verify(write("other", message)) == nil {
		t.Error("openssl verifies another message")
	}
}

func TestForgeriesAreNamed(t *testing.T) {
	root, issuer := authority(t)
	other, stranger := authority(t)
	text := encode(t, someFacts, issuer)
	parts := strings.Split(text, ".")
	forged := someFacts
	forged.Name = "李四"
	raw, _ := forged.Bytes()
	strangers := strings.Split(encode(t, forged, stranger), ".")
	old := someFacts
	old.Registered = "2020-01-01"
	late := someFacts
	late.Registered = now.AddDate(issuerYears, 0, 1).Format(time.DateOnly)
	dayless := someFacts
	dayless.Registered = "soon"
	rootAsIssuer := &Issuer{root.key, root.cert.Raw}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"facts changed", strings.Join([]string{parts[0], b64(raw), parts[2], parts[3]}, "."), ErrSignature},
		{"signature of another", strings.Join([]string{parts[0], parts[1], strangers[2], parts[3]}, "."), ErrSignature},
		{"a stranger's issuer", strings.Join(strangers, "."), ErrIssuer},
		{"signed by the root itself", encode(t, someFacts, rootAsIssuer), ErrIssuer},
		{"before the issuer", encode(t, old, issuer), ErrDate},
		{"after the issuer", encode(t, late, issuer), ErrDate},
		{"no day", encode(t, dayless, issuer), ErrDate},
		{"empty", "", ErrForm},
		{"another version", "YL2" + text[3:], ErrForm},
		{"a part missing", strings.Join(parts[:3], "."), ErrForm},
		{"a part empty", parts[0] + ".." + parts[2] + "." + parts[3], ErrForm},
		{"no certificate", strings.Join(parts[:3], ".") + ".AAAA", ErrForm},
		{"no JSON", parts[0] + ".AAAA." + parts[2] + "." + parts[3], ErrForm},
		{"too long", text + strings.Repeat("A", 3000), ErrForm},
	} {
		if _, _, err := Verify(root.CertPEM(), c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: Verify = %v, want %v", c.name, err, c.want)
		}
	}
	if _, _, err := Verify(other.CertPEM(), text); !errors.Is(err, ErrIssuer) {
		t.Errorf("under another root: %v, want %v", err, ErrIssuer)
	}
	for _, pem := range []string{"", "nonsense", string(rootPEMOf(issuer))} {
		if _, _, err := Verify([]byte(pem), text); err == nil {
			t.Errorf("Verify with root %.30q succeeded", pem)
		}
	}
}

func rootPEMOf(i *Issuer) []byte {
	s, _ := i.Secret()
	return s[strings.Index(string(s), "-----BEGIN CERT"):]
}

func TestTheFirstDayCounts(t *testing.T) {
	root, issuer := authority(t) // made on 20 November, 9:00 in Beijing; valid from the 19th, 9:00
	for day, want := range map[string]error{"2026-11-18": ErrDate, "2026-11-19": nil, "2026-11-21": nil, "2031-11-20": nil, "2031-11-21": ErrDate} {
		f := someFacts
		f.Registered = day
		if _, _, err := Verify(root.CertPEM(), encode(t, f, issuer)); !errors.Is(err, want) {
			t.Errorf("registered %s: %v, want %v", day, err, want)
		}
	}
}

func TestTooLongForASymbol(t *testing.T) {
	_, issuer := authority(t)
	f := someFacts
	f.Scope = strings.Repeat("百货", 500)
	if text, err := Encode(f, issuer); err == nil {
		t.Errorf("Encode made a text of %d characters", len(text))
	}
}

func TestSecretsComeBack(t *testing.T) {
	root, issuer := authority(t)
	rs, err := root.Secret()
	if err != nil {
		t.Fatal(err)
	}
	is, err := issuer.Secret()
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadRoot(rs)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.CertPEM()) != string(root.CertPEM()) {
		t.Error("another root came back")
	}
	i, err := LoadIssuer(is)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Verify(root.CertPEM(), encode(t, someFacts, i)); err != nil {
		t.Errorf("signed with the loaded issuer: %v", err)
	}
	mixed := string(is[:strings.Index(string(is), "-----BEGIN CERT")]) + string(root.CertPEM())
	for _, bad := range []string{"", string(root.CertPEM()), mixed, string(is[:100])} {
		if _, err := LoadIssuer([]byte(bad)); err == nil {
			t.Errorf("LoadIssuer(%.40q…) succeeded", bad)
		}
		if _, err := LoadRoot([]byte(bad)); err == nil {
			t.Errorf("LoadRoot(%.40q…) succeeded", bad)
		}
	}
}

func TestFactsPrintNobody(t *testing.T) {
	for _, got := range []string{someFacts.String(), someFacts.GoString(), someFacts.LogValue().String()} {
		if strings.Contains(got, "张三丰") || !strings.Contains(got, "A0000001") {
			t.Errorf("facts print as %q", got)
		}
	}
}

func TestBytesNameEveryFact(t *testing.T) {
	b, _ := someFacts.Bytes()
	var have map[string]string
	if err := json.Unmarshal(b, &have); err != nil {
		t.Fatal(err)
	}
	if want := reflect.TypeFor[Facts]().NumField(); len(have) != want {
		t.Errorf("%d facts in %s, want %d", len(have), b, want)
	}
}

func FuzzVerify(f *testing.F) {
	root, err := NewRoot("Root", now)
	if err != nil {
		f.Fatal(err)
	}
	issuer, err := root.NewIssuer("Issuer", now)
	if err != nil {
		f.Fatal(err)
	}
	text, err := Encode(someFacts, issuer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("YL1.e30.AA.AA")
	f.Fuzz(func(t *testing.T, in string) {
		facts, _, err := Verify(root.CertPEM(), in)
		if err == nil && facts != someFacts {
			t.Errorf("Verify(%q) believes %q", in, facts.Number)
		}
	})
}

// What a test seeds comes out the same again: keys, certificates and signatures, as often as it is tried.
func TestSeedGivesTheSameAgain(t *testing.T) {
	var first string
	for range 10 {
		cryptotest.SetGlobalRandom(t, 7)
		_, issuer := authority(t)
		if text := encode(t, someFacts, issuer); first == "" {
			first = text
		} else if text != first {
			t.Fatalf("%q, and before %q", text, first)
		}
	}
	cryptotest.SetGlobalRandom(t, 8)
	if _, issuer := authority(t); encode(t, someFacts, issuer) == first {
		t.Error("another seed gives the same")
	}
}
