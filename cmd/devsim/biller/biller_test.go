package biller

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// company is the service with its books in a folder of the test.
type company struct {
	*testing.T
	door http.Handler
}

func open(t *testing.T) *company {
	t.Helper()
	books, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	return &company{t, Handler(books)}
}

func (c *company) do(method, path, body string) (int, map[string]any, string) {
	c.Helper()
	w := httptest.NewRecorder()
	c.door.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	var doc map[string]any
	json.Unmarshal(w.Body.Bytes(), &doc) // lists and garbage are in the text
	return w.Code, doc, w.Body.String()
}

// account makes one and gives its number.
func (c *company) account(body string) string {
	c.Helper()
	status, doc, raw := c.do("POST", "/desk/accounts", body)
	number, _ := doc["account"].(string)
	if status != http.StatusCreated || !Valid(number) || doc["bill_code"] != "YCB:water:"+number {
		c.Fatalf("make account: got %d %s", status, raw)
	}
	return number
}

const twoBills = `{"name":"王小明","address":"青山路1号","bills":[{"period":"2026-10","due_fen":3000},{"period":"2026-09","due_fen":2000}]%s}`

func (c *company) books(number string) string {
	c.Helper()
	_, doc, _ := c.do("GET", "/desk/accounts/"+number, "")
	bills, err := json.Marshal(doc["bills"])
	if err != nil {
		c.Fatal(err)
	}
	return fmt.Sprint(string(bills), " balance ", doc["balance_fen"], " postings ", len(doc["postings"].([]any)))
}

func TestPaymentsAreSpread(t *testing.T) {
	for _, row := range []struct {
		name, rule, periods string
		amount              int
		status              int
		sep, oct, balance   int // what is paid afterwards
	}{
		{"all that is due", "", `["2026-09","2026-10"]`, 5000, 200, 2000, 3000, 0},
		{"a part: the oldest first", "", `["2026-10","2026-09"]`, 2500, 200, 2000, 500, 0},
		{"the chosen one first", "", `["2026-10"]`, 3500, 200, 500, 3000, 0},
		{"a surplus stays", "", `["2026-10"]`, 6000, 200, 2000, 3000, 1000},
		{"none chosen: the oldest first", "", `[]`, 100, 200, 100, 0, 0},
		{"no such bill", "", `["2026-08"]`, 100, 422, 0, 0, 0},
		{"whole bills only", `,"part":false`, `["2026-09"]`, 1999, 422, 0, 0, 0},
		{"one whole bill", `,"part":false`, `["2026-09"]`, 2000, 200, 2000, 0, 0},
		{"a whole bill and a surplus", `,"part":false`, `["2026-09"]`, 2500, 200, 2000, 0, 500},
		{"two whole bills", `,"part":false`, `[]`, 5000, 200, 2000, 3000, 0},
		{"not all of two", `,"part":false`, `[]`, 4999, 422, 0, 0, 0},
		{"no balance is kept", `,"surplus":"owed"`, `[]`, 5001, 422, 0, 0, 0},
		{"exactly, without a balance", `,"surplus":"owed"`, `[]`, 5000, 200, 2000, 3000, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := open(t)
			number := c.account(fmt.Sprintf(twoBills, row.rule))
			status, doc, raw := c.do("POST", "/v1/accounts/"+number+"/postings",
				fmt.Sprintf(`{"reference":"R1","case":"C1","amount_fen":%d,"periods":%s}`, row.amount, row.periods))
			if status != row.status {
				t.Fatalf("got %d %s, want %d", status, raw, row.status)
			}
			postings := 1
			if row.status != 200 {
				postings = 0
				if text, _ := doc["error"].(string); text == "" {
					t.Errorf("a refusal without a reason: %s", raw)
				}
			}
			want := fmt.Sprintf(`[{"due_fen":2000,"paid_fen":%d,"period":"2026-09"},{"due_fen":3000,"paid_fen":%d,"period":"2026-10"}] balance %d postings %d`,
				row.sep, row.oct, row.balance, postings)
			if got := c.books(number); got != want {
				t.Errorf("books: got %s, want %s", got, want)
			}
		})
	}
}

func TestSameReferenceIsOnePayment(t *testing.T) {
	c := open(t)
	number, other := c.account(fmt.Sprintf(twoBills, "")), c.account(fmt.Sprintf(twoBills, ""))
	body := `{"reference":"R1","case":"C1","amount_fen":1000,"periods":["2026-09"]}`
	for i, want := range []bool{false, true, true} {
		status, doc, raw := c.do("POST", "/v1/accounts/"+number+"/postings", body)
		if status != 200 || doc["duplicate"] != want || doc["amount_fen"] != 1000.0 || doc["reference"] != "R1" {
			t.Errorf("time %d: got %d %s, want duplicate %v", i+1, status, raw, want)
		}
	}
	for _, row := range []struct{ account, body string }{
		{number, strings.Replace(body, "1000", "1001", 1)}, {number, strings.Replace(body, "C1", "C2", 1)}, {other, body},
	} {
		if status, _, raw := c.do("POST", "/v1/accounts/"+row.account+"/postings", row.body); status != http.StatusConflict {
			t.Errorf("%s: got %d %s, want 409", row.body, status, raw)
		}
	}
	if got := c.books(number); !strings.HasSuffix(got, "postings 1") || !strings.Contains(got, `"paid_fen":1000`) {
		t.Errorf("books: %s", got)
	}
	if status, doc, _ := c.do("GET", "/v1/accounts/"+number+"/postings/R1", ""); status != 200 || doc["amount_fen"] != 1000.0 || doc["case"] != "C1" {
		t.Errorf("posting: got %d %v", status, doc)
	}
	for _, path := range []string{"/v1/accounts/" + number + "/postings/R2", "/v1/accounts/" + other + "/postings/R1"} {
		if status, _, _ := c.do("GET", path, ""); status != 404 {
			t.Errorf("%s: got %d, want 404", path, status)
		}
	}
}

func TestHallAsks(t *testing.T) {
	c := open(t)
	number := c.account(fmt.Sprintf(twoBills, ""))
	want := `{"account":"` + number + `","name":"王小明","address":"青山路1号","balance_fen":0,"surplus":"balance","part":true,` +
		`"bills":[{"period":"2026-09","due_fen":2000,"paid_fen":0},{"period":"2026-10","due_fen":3000,"paid_fen":0}]}` + "\n"
	for _, path := range []string{"/v1/accounts/" + number, "/v1/codes/YCB:water:" + number} {
		if status, _, raw := c.do("GET", path, ""); status != 200 || raw != want {
			t.Errorf("%s: got %d %s, want %s", path, status, raw, want)
		}
	}
	wrong := number[:9] + string('0'+(number[9]-'0'+1)%10)
	for _, path := range []string{"/v1/accounts/" + wrong, "/v1/accounts/7", "/v1/codes/YCB:gas:" + number, "/v1/codes/YCB:water:" + wrong, "/v1/accounts/" + wrong + "/postings/R1"} {
		if status, _, raw := c.do("GET", path, ""); status != 404 {
			t.Errorf("%s: got %d %s, want 404", path, status, raw)
		}
	}
	if status, _, _ := c.do("POST", "/v1/accounts/"+wrong+"/postings", `{"reference":"R","case":"C","amount_fen":1}`); status != 404 {
		t.Errorf("payment for nobody: got %d, want 404", status)
	}
}

func TestBadRequests(t *testing.T) {
	c := open(t)
	number := c.account(fmt.Sprintf(twoBills, ""))
	for _, row := range []struct{ method, path, body string }{
		{"POST", "/desk/accounts", `{"name":""}`},
		{"POST", "/desk/accounts", `{"name":"` + strings.Repeat("a", 201) + `"}`},
		{"POST", "/desk/accounts", `{"name":"a","colour":1}`},
		{"POST", "/desk/accounts", `{"name":"a","surplus":"given"}`},
		{"POST", "/desk/accounts", `{"name":"a","bills":[{"period":"2026-13","due_fen":1}]}`},
		{"POST", "/desk/accounts", `{"name":"a","bills":[{"period":"2026-10","due_fen":0}]}`},
		{"POST", "/desk/accounts", `{"name":"a","bills":[{"period":"2026-10","due_fen":1},{"period":"2026-10","due_fen":2}]}`},
		{"PUT", "/desk/faults", `{"shape":"rain"}`},
		{"PUT", "/desk/faults", `{"shape":"slow","count":-1}`},
		{"PUT", "/desk/accounts/" + number + "/postings/R", `{}`},
		{"PUT", "/desk/accounts/" + number + "/postings/R", `{"amount_fen":-1}`},
		{"POST", "/v1/accounts/" + number + "/postings", `{"reference":"","case":"C","amount_fen":1}`},
		{"POST", "/v1/accounts/" + number + "/postings", `{"reference":"R","case":"C","amount_fen":0}`},
		{"POST", "/v1/accounts/" + number + "/postings", `{"reference":"R","case":"","amount_fen":1}`},
	} {
		if status, doc, raw := c.do(row.method, row.path, row.body); status != 400 || doc["error"] == nil {
			t.Errorf("%s %s %s: got %d %s, want 400", row.method, row.path, row.body, status, raw)
		}
	}
	if status, _, _ := c.do("PUT", "/desk/accounts/"+number+"/postings/R", `{"amount_fen":1}`); status != 404 {
		t.Errorf("falsify what is not there: got %d, want 404", status)
	}
	if status, _, _ := c.do("GET", "/desk/accounts/1", ""); status != 404 {
		t.Errorf("an account that is not there: got %d, want 404", status)
	}
}

func TestFalsifiedBooks(t *testing.T) {
	c := open(t)
	number := c.account(fmt.Sprintf(twoBills, ""))
	c.do("POST", "/v1/accounts/"+number+"/postings", `{"reference":"R1","case":"C1","amount_fen":1000,"periods":[]}`)
	if status, _, raw := c.do("PUT", "/desk/accounts/"+number+"/postings/R1", `{"amount_fen":900}`); status != 200 {
		t.Fatalf("falsify: got %d %s", status, raw)
	}
	if _, doc, _ := c.do("GET", "/v1/accounts/"+number+"/postings/R1", ""); doc["amount_fen"] != 900.0 {
		t.Errorf("posting: %v, want 900", doc)
	}
	if status, doc, _ := c.do("POST", "/v1/accounts/"+number+"/postings", `{"reference":"R1","case":"C1","amount_fen":1000,"periods":[]}`); status != 200 || doc["duplicate"] != true {
		t.Errorf("the same payment again: got %d %v, want a duplicate", status, doc)
	}
}

func TestFaultShapes(t *testing.T) {
	c := open(t)
	number := c.account(fmt.Sprintf(twoBills, ""))
	arm := func(shape string, count int) {
		if status, _, raw := c.do("PUT", "/desk/faults", fmt.Sprintf(`{"shape":%q,"count":%d}`, shape, count)); status != 200 ||
			!strings.Contains(raw, fmt.Sprintf(`"shape":%q`, shape)) {
			t.Fatalf("arm %s: got %d %s", shape, status, raw)
		}
	}
	look := func() (int, string) {
		status, _, raw := c.do("GET", "/v1/accounts/"+number, "")
		return status, raw
	}
	arm("http_500", 2)
	for i, want := range []int{500, 500, 200} {
		if status, _ := look(); status != want {
			t.Errorf("http_500 twice, call %d: got %d, want %d", i+1, status, want)
		}
	}
	arm("http_500", 1)
	arm("http_500", 0)
	if status, _ := look(); status != 200 {
		t.Errorf("disarmed: got %d", status)
	}
	arm("garbage", 1)
	if _, raw := look(); json.Valid([]byte(raw)) {
		t.Errorf("garbage: %q is JSON", raw)
	}
	arm("refuse_post", 1)
	if status, _ := look(); status != 200 {
		t.Errorf("refuse_post met a question: got %d", status)
	}
	post := func(reference string) (int, string) {
		status, _, raw := c.do("POST", "/v1/accounts/"+number+"/postings", fmt.Sprintf(`{"reference":%q,"case":"C","amount_fen":10,"periods":[]}`, reference))
		return status, raw
	}
	if status, _ := post("R1"); status != 422 {
		t.Errorf("refuse_post: got %d, want 422", status)
	}
	arm("garbage", 1)
	if _, raw := post("R2"); json.Valid([]byte(raw)) {
		t.Errorf("garbage after a payment: %q is JSON", raw)
	}
	if got := c.books(number); !strings.HasSuffix(got, "postings 1") {
		t.Errorf("books: %s, want R2 alone", got)
	}
	if status, _, raw := c.do("GET", "/desk/faults", ""); status != 200 || strings.Count(raw, `"armed":0`) != 6 {
		t.Errorf("faults: got %d %s, want six that are not armed", status, raw)
	}
}

func TestSilentAndSlow(t *testing.T) {
	for _, row := range []struct {
		shape, method string
		takes         time.Duration
		aborts        bool
		postings      string
	}{
		{"silence", "GET", silenceMax, true, "postings 0"},
		{"silence", "POST", silenceMax, true, "postings 0"},
		{"posted_but_timeout", "POST", silenceMax, true, "postings 1"},
		{"slow", "POST", slowness, false, "postings 1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := open(t)
			number := c.account(fmt.Sprintf(twoBills, ""))
			c.do("PUT", "/desk/faults", fmt.Sprintf(`{"shape":%q}`, row.shape))
			began, aborted := time.Now(), false
			func() {
				defer func() { aborted = recover() == http.ErrAbortHandler }()
				path := "/v1/accounts/" + number
				if row.method == "POST" {
					path += "/postings"
				}
				c.do(row.method, path, `{"reference":"R","case":"C","amount_fen":10,"periods":[]}`)
			}()
			if took := time.Since(began); took != row.takes || aborted != row.aborts {
				t.Errorf("%s: took %v, connection broken %v; want %v, %v", row.shape, took, aborted, row.takes, row.aborts)
			}
			if got := c.books(number); !strings.HasSuffix(got, row.postings) {
				t.Errorf("%s: books %s, want %s", row.shape, got, row.postings)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]bool{
		"7992739873": false, "79927398713": false, "1234567897": true, "1234567890": false, "12345678a7": false, "": false, "0000000000": true, "１234567897": false,
	} {
		if got := Valid(text); got != want {
			t.Errorf("%q: valid %v, want %v", text, got, want)
		}
	}
	// The example of the rule: 7992739871 has the check digit 3.
	if got := checkDigit("7992739871"); got != "3" {
		t.Errorf("check digit: got %s, want 3", got)
	}
	seen := map[string]bool{}
	for range 100 {
		n := newNumber()
		if !Valid(n) || n[0] == '0' || seen[n] {
			t.Errorf("number %q", n)
		}
		seen[n] = true
	}
}

// TestRunServesAndKeepsItsBooks is the smoke test of the real door.
func TestRunServesAndKeepsItsBooks(t *testing.T) {
	dir := t.TempDir()
	run := func(listen string, fn func(url string)) error {
		ctx, cancel := context.WithCancel(t.Context())
		ready := make(chan string, 1)
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, dir, listen, func(url string) { ready <- url }) }()
		select {
		case url := <-ready:
			fn(url)
		case err := <-ended:
			cancel()
			return err
		}
		cancel()
		return <-ended
	}
	var number, address string
	if err := run("127.0.0.1:0", func(url string) {
		address = strings.TrimPrefix(url, "http://")
		resp, err := http.Post(url+"/desk/accounts", "application/json", strings.NewReader(fmt.Sprintf(twoBills, "")))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var made struct{ Account string }
		if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
			t.Fatal(err)
		}
		number = made.Account
	}); err != nil {
		t.Fatal(err)
	}
	if err := run(address, func(url string) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /v1/accounts/%s HTTP/1.0\r\n\r\n", number)
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Errorf("after a restart at the same address: %q, %v", line, err)
		}
		if err := run(address, func(string) {}); err == nil {
			t.Error("two companies at one address")
		}
	}); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}
