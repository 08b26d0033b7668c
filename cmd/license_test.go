package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/simplifiedchinese"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	_ "yichuang/kiosk/sqlite" // the driver of the hall's database
)

// TestLicense follows people who register a shop: the license is printed and can be verified by anybody,
// its owner finds it again and nobody else does, a second one is not printed, the line may be cut in the
// middle, and afterwards nothing that the card said is on the terminal's disk.
func TestLicense(t *testing.T) {
	t.Parallel()
	who := people.New(seed(t))
	d := start(t, newDir(t), "")
	c := come(t, d)
	first, second := applicant(who), applicant(who)
	made, err := d.MakeAccount(t.Context(), deskclient.NewAccount{Name: first.Card.Name, Address: first.Card.Address,
		Bills: []deskclient.Bill{{Period: "2026-10", Due: 1000}}})
	must(t, err)
	ok := t.Run("printed", func(t *testing.T) { must(t, registers(t.Context(), c, first)) }) &&
		t.Run("verified", func(t *testing.T) { verified(t, d, first) }) &&
		t.Run("second print", func(t *testing.T) { secondPrint(t, c, first.Card) }) &&
		t.Run("another card", func(t *testing.T) { anotherCard(t, c, deskclient.Card(who.Person())) }) &&
		t.Run("name taken", func(t *testing.T) { nameTaken(t, c, first, deskclient.Card(who.Person())) }) &&
		t.Run("without a line", func(t *testing.T) { withoutLine(t, c, second) }) &&
		t.Run("bill in the same name", func(t *testing.T) {
			must(t, c.ToPayment(t.Context(), made.BillCode, "pay.cash"))
			feed(t, c, 1000)
			if _, err := c.At(t.Context(), "take"); err != nil {
				t.Fatal(err)
			}
			home(t, c)
		})
	if !ok {
		return
	}
	balanced(t, d, doubts{}, made.Account)
	for _, a := range []citizen.Applicant{first, second} {
		private(t, d, a)
	}
	must(t, d.Stop())
	private(t, d, first) // nothing was written at the end either
}

// codes are the texts of the symbols that the hall signed, one for each sheet, from its own books.
func codes(t *testing.T, d *deskclient.Desk) (texts []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.Hall.State, "*.db"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("the hall's database is one file; found %v", files)
	}
	db, err := sql.Open("sqlite3", "file:"+files[0]+"?mode=ro") // the driver comes with kiosk/sqlite
	must(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT code FROM permits`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		texts = append(texts, text)
	}
	must(t, rows.Err())
	return texts
}

// verified lets kioskctl check what the symbol on each sheet says, and openssl, which is another hand.
func verified(t *testing.T, d *deskclient.Desk, a citizen.Applicant) {
	ctx := t.Context()
	dir := t.TempDir()
	root := filepath.Join(dir, "root.pem")
	var pem []byte
	if exit, err := d.HallCommand(ctx, &pem, "root"); err != nil || exit != 0 {
		t.Fatalf("halld root: exit %d: %v", exit, err)
	}
	must(t, os.WriteFile(root, pem, 0o600))
	texts := codes(t, d)
	if len(texts) != 2 {
		t.Fatalf("the hall signed %d sheets, want original and duplicate", len(texts))
	}
	w, err := d.World(ctx)
	must(t, err)
	serials := map[string]bool{}
	for _, p := range w.License.Prints {
		serials[p.Serial] = true
	}
	for _, text := range texts {
		v, exit := verify(t, d, root, text+"\n")
		if exit != 0 || !v.Valid || v.Facts.Name != a.Card.Name || !strings.Contains(v.Facts.TradeName, a.TradeName) || !serials[v.Facts.Serial] {
			t.Errorf("kioskctl verify: exit %d, %+v; want valid, for %s and %s, on one of the sheets %v", exit, v, a.Card.Name, a.TradeName, serials)
		}
		opensslAgrees(t, dir, v)
		if v, exit := verify(t, d, root, forged(text)); exit != 1 || v.Valid || v.Reason == "" {
			t.Errorf("kioskctl verify of a forged code: exit %d, %+v; want exit 1 and why", exit, v)
		}
	}
}

// verdict is the document of kioskctl verify.
type verdict struct {
	Valid  bool   `json:"valid"`
	Reason string `json:"reason"`
	Facts  struct {
		Name      string `json:"name"`
		TradeName string `json:"trade_name"`
		Number    string `json:"number"`
		Serial    string `json:"serial"`
	} `json:"facts"`
	Message   string `json:"message_hex"`
	Signature string `json:"signature_der_hex"`
	Key       string `json:"public_key_pem"`
}

func verify(t *testing.T, d *deskclient.Desk, root, text string) (v verdict, exit int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "code.txt")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	exit, err := d.Ctl(t.Context(), &v, "verify", "--root", root, file)
	must(t, err)
	return v, exit
}

// forged changes one character in the middle.
func forged(text string) string {
	b := []byte(text)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

func opensslAgrees(t *testing.T, dir string, v verdict) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("openssl is not installed here: only one hand has verified")
		return
	}
	message, err1 := hex.DecodeString(v.Message)
	signature, err2 := hex.DecodeString(v.Signature)
	must(t, errors.Join(err1, err2))
	check := func(message []byte) string {
		for name, data := range map[string][]byte{"message": message, "signature": signature, "key.pem": []byte(v.Key)} {
			must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		}
		cmd := exec.Command("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message", "-sigfile", "signature",
			"-digest", "sm3", "-pkeyopt", "distid:1234567812345678")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Sprintf("%v: %s", err, out)
		}
		return "Signature Verified Successfully"
	}
	if got := check(message); got != "Signature Verified Successfully" {
		t.Errorf("openssl: %s", got)
	}
	if check(append(message, 0)) == "Signature Verified Successfully" {
		t.Error("openssl verifies what was not signed")
	}
}

var printedWhen = regexp.MustCompile(`20\d\d年\d+月\d+日 于.+打印过`)

// secondPrint: the owner sees the case, and that it was printed; it cannot be printed again.
func secondPrint(t *testing.T, c *citizen.Citizen, card deskclient.Card) {
	ctx := t.Context()
	must(t, c.LookUp(ctx, card))
	all, err := c.Screen.Look(ctx)
	must(t, err)
	seen := strings.Join(lines(all), "\n")
	if !strings.Contains(seen, "case.1 ") || strings.Contains(seen, "case.print ") {
		t.Errorf("a printed license is looked up, and the page has\n%s", seen)
	}
	words := ""
	for _, o := range all {
		words += o.Name + " " + o.About + "\n"
	}
	if !printedWhen.MatchString(words) {
		t.Errorf("the page does not say when and where the license was printed:\n%s", words)
	}
	home(t, c)
}

func anotherCard(t *testing.T, c *citizen.Citizen, card deskclient.Card) {
	ctx := t.Context()
	must(t, c.LookUp(ctx, card))
	all, err := c.Screen.Look(ctx)
	must(t, err)
	if seen := strings.Join(lines(all), "\n"); strings.Contains(seen, "case.") {
		t.Errorf("another card shows\n%s", seen)
	}
	said(t, c)
	home(t, c)
}

// nameTaken: a second shop of the same name in the same county is refused, with the reason on the screen
// and on the slip.
func nameTaken(t *testing.T, c *citizen.Citizen, a citizen.Applicant, card deskclient.Card) {
	ctx := t.Context()
	a.Card = card
	must(t, c.ToReview(ctx, a))
	if _, err := c.Next(ctx, "form.next", "slip"); err != nil {
		t.Fatal(err)
	}
	sentence := said(t, c)
	w, err := c.Desk.World(ctx)
	must(t, err)
	text, err := c.Desk.Receipt(ctx, w.Receipt.Prints[len(w.Receipt.Prints)-1].N, "txt")
	must(t, err)
	t.Logf("on the screen %q, on the slip %q", sentence, text)
	if !strings.Contains(string(text), "原因") {
		t.Errorf("the slip says no reason: %s", text)
	}
	must(t, c.Desk.TakeCard(ctx))
	home(t, c)
}

// withoutLine cuts the line before the case is handed in. A slip says what comes next; bills are honestly
// not to be had; when the line is back the case is decided, and its owner prints the license.
func withoutLine(t *testing.T, c *citizen.Citizen, a citizen.Applicant) {
	ctx := t.Context()
	must(t, c.ToReview(ctx, a))
	id, err := c.Case(ctx)
	must(t, err)
	must(t, c.Desk.SetNetwork(ctx, deskclient.Network{Up: false}))
	if _, err := c.Next(ctx, "form.next", "slip"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Desk.TakeCard(ctx))
	home(t, c)
	if _, err := c.Next(ctx, "home.pay", "choose"); err != nil {
		t.Fatal(err)
	}
	said(t, c, "网络", "查不到")
	home(t, c)
	must(t, c.Desk.SetNetwork(ctx, deskclient.Network{Up: true}))
	must(t, citizen.Until(ctx, balanceMax, func() error { return decided(ctx, c.Desk, id, "approved") }))
	must(t, citizen.Until(ctx, balanceMax, func() error {
		var st struct{ Hall string }
		if exit, err := c.Desk.Ctl(ctx, &st, "status"); err != nil || exit != 0 || st.Hall != "up" {
			return fmt.Errorf("the hall is %q (exit %d, %v)", st.Hall, exit, err)
		}
		return nil
	}))
	must(t, c.LookUp(ctx, a.Card))
	if _, err := c.Next(ctx, "case.print", "print", "take"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.At(ctx, "take"); err != nil {
		t.Fatal(err)
	}
	home(t, c)
	must(t, citizen.Until(ctx, balanceMax, func() error { return decided(ctx, c.Desk, id, "printed") }))
}

func decided(ctx context.Context, d *deskclient.Desk, id, want string) error {
	h, err := hallOf(ctx, d)
	if err != nil {
		return err
	}
	for _, k := range h.Cases {
		if k.Case == id && k.State == want {
			return nil
		}
	}
	return fmt.Errorf("case %s is not %s: %+v", id, want, h.Cases)
}

// private sees that nothing the card said is in any file of the terminal, nor in anybody's log.
func private(t *testing.T, d *deskclient.Desk, a citizen.Applicant) {
	t.Helper()
	secrets := map[string][]byte{}
	for what, text := range map[string]string{"number": a.Card.Number, "name": a.Card.Name, "address": a.Card.Address} {
		for how, data := range encodings(t, text) {
			secrets[what+" in "+how] = data
		}
	}
	sum := sha256.Sum256([]byte(a.Card.Number))
	secrets["hash of the number"], secrets["hash of the number in hex"] = sum[:], []byte(hex.EncodeToString(sum[:]))
	files := []string{d.KioskUI.Log, d.Hall.Log, d.Biller.Log, d.Gateway.Log, d.Devsim.Log}
	err := filepath.WalkDir(d.Kioskd.State, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	must(t, err)
	if files = append(files, d.Kioskd.Log); len(files) < 8 {
		t.Fatalf("only %d files were found: %v", len(files), files)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		for what, secret := range secrets {
			if at := bytes.Index(data, secret); at >= 0 {
				t.Errorf("%s: the %s is at %d: %q", file, what, at, data[max(0, at-60):min(len(data), at+60)])
			}
		}
	}
}

// encodings are the ways in which a text can lie in a file.
func encodings(t *testing.T, text string) map[string][]byte {
	t.Helper()
	gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	must(t, err)
	var little, big []byte
	for _, u := range utf16.Encode([]rune(text)) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	escaped, err := json.Marshal(text)
	must(t, err)
	ascii := ""
	for _, r := range utf16.Encode([]rune(text)) {
		ascii += fmt.Sprintf(`\u%04x`, r)
	}
	return map[string][]byte{"UTF-8": []byte(text), "GB 18030": gb, "UTF-16LE": little, "UTF-16BE": big,
		"JSON": bytes.Trim(escaped, `"`), "escapes": []byte(ascii)}
}

// registers is somebody who registers a shop and takes the license.
func registers(ctx context.Context, c *citizen.Citizen, a citizen.Applicant) error {
	if err := c.ToReview(ctx, a); err != nil {
		return err
	}
	page, err := c.Next(ctx, "form.next", "print", "take", "slip")
	if err != nil {
		return err
	}
	if page == "slip" {
		return errors.New("the case was not approved: " + c.Message(ctx))
	}
	if _, err := c.At(ctx, "take"); err != nil {
		return err
	}
	return errors.Join(c.Desk.TakeCard(ctx), c.Leave(ctx))
}
