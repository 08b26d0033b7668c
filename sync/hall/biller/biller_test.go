package biller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const good = `{"account":"1000000016","name":"王小英","address":"a","balance_fen":7,"surplus":"balance","part":true,"bills":[{"period":"2026-10","due_fen":12345,"paid_fen":45}]}`

// company answers every request with one status and body, and keeps what it was asked.
func company(t *testing.T, status int, body string) (*Client, *[]string) {
	t.Helper()
	asked := &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p Posting
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
				t.Errorf("body: %v", err)
			}
		}
		*asked = append(*asked, fmt.Sprint(r.Method, " ", r.URL.EscapedPath(), " ", p))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return New(s.URL+"/", nil), asked
}

func TestLookUps(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"good", 200, good, nil},
		{"unknown", 404, `{"error":"no"}`, ErrUnknown},
		{"in trouble", 500, "", ErrSilent},
		{"in trouble too", 503, good, ErrSilent},
		{"moved", 302, good, ErrGarbled},
		{"not allowed", 403, good, ErrGarbled},
		{"no JSON", 200, "<html>", ErrGarbled},
		{"half of it", 200, good[:40], ErrGarbled},
		{"another account", 200, change("1000000016", "1000000024"), ErrGarbled},
		{"no name", 200, change("王小英", ""), ErrGarbled},
		{"no rule", 200, change(`"balance","part"`, `"perhaps","part"`), ErrGarbled},
		{"rule owed", 200, change(`"balance","part"`, `"owed","part"`), nil},
		{"a bill of nothing", 200, change("12345", "0"), ErrGarbled},
		{"a bill below zero", 200, change("12345", "-5"), ErrGarbled},
		{"the largest bill", 200, change("12345", "10000000000"), nil},
		{"a larger bill", 200, change("12345", "10000000001"), ErrGarbled},
		{"paid below zero", 200, change(`"paid_fen":45`, `"paid_fen":-1`), ErrGarbled},
		{"paid whole", 200, change(`"paid_fen":45`, `"paid_fen":12345`), nil},
		{"paid too much", 200, change(`"paid_fen":45`, `"paid_fen":12346`), ErrGarbled},
		{"no period", 200, change("2026-10", "October"), ErrGarbled},
		{"a period twice", 200, change(`[{`, `[{"period":"2026-10","due_fen":1,"paid_fen":0},{`), ErrGarbled},
		{"too much to read", 200, good + strings.Repeat(" ", answerMax), ErrGarbled},
	} {
		client, asked := company(t, c.status, c.body)
		a, err := client.Look(t.Context(), "1000000016")
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: Look = %v, want %v", c.name, err, c.want)
		}
		if c.name == "good" && (a.Name != "王小英" || a.Balance != 7 || !a.Part || a.Bills[0] != (Bill{"2026-10", 12345, 45})) {
			t.Errorf("Look = %+v", a)
		}
		if got, want := (*asked)[0], fmt.Sprint("GET /v1/accounts/1000000016 ", Posting{}); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
}

func TestACodeIsOnePieceOfTheAddress(t *testing.T) {
	client, asked := company(t, 200, good)
	if _, err := client.LookCode(t.Context(), "YCB:water:1/2?x"); err != nil {
		t.Fatal(err)
	}
	if got, want := (*asked)[0], "GET /v1/codes/YCB:water:1%2F2%3Fx "; !strings.HasPrefix(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

var payment = Posting{Reference: "c1", Case: "c1", Amount: 500, Periods: []string{"2026-10"}}

func TestBookings(t *testing.T) {
	const yes = `{"reference":"c1","amount_fen":500,"duplicate":true}`
	var refused *Refused
	for _, c := range []struct {
		name    string
		status  int
		body    string
		post    error
		refused string
		ask     error
	}{
		{"booked", 200, yes, nil, "", nil},
		{"refused", 409, `{"error":"closed"}`, nil, "closed", ErrSilent},
		{"refused too", 422, `{"error":"no"}`, nil, "no", ErrSilent},
		{"no such account", 404, `{"error":"gone"}`, nil, "gone", ErrUnknown},
		{"refused without a reason", 409, `{}`, ErrGarbled, "", ErrSilent},
		{"refused in no JSON", 422, `<html>`, ErrGarbled, "", ErrSilent},
		{"in trouble", 500, yes, ErrSilent, "", ErrSilent},
		{"created", 201, yes, ErrSilent, "", ErrSilent},
		{"another reference", 200, strings.Replace(yes, "c1", "c2", 1), ErrGarbled, "", ErrGarbled},
		{"another amount", 200, strings.Replace(yes, "500", "501", 1), ErrGarbled, "", ErrGarbled},
		{"no JSON", 200, "yes", ErrGarbled, "", ErrGarbled},
	} {
		client, asked := company(t, c.status, c.body)
		p, err := client.Post(t.Context(), "1000000016", payment)
		switch {
		case c.refused != "":
			if !errors.As(err, &refused) || refused.Text != c.refused || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: Post = %v, want refused %q", c.name, err, c.refused)
			}
		case !errors.Is(err, c.post) || (err == nil) != (c.post == nil):
			t.Errorf("%s: Post = %v, want %v", c.name, err, c.post)
		case err == nil && p != (Posted{"c1", 500, true}):
			t.Errorf("%s: Post = %+v", c.name, p)
		}
		if _, err := client.Ask(t.Context(), "1000000016", payment); !errors.Is(err, c.ask) || (err == nil) != (c.ask == nil) {
			t.Errorf("%s: Ask = %v, want %v", c.name, err, c.ask)
		}
		if (*asked)[0] != fmt.Sprint("POST /v1/accounts/1000000016/postings ", payment) || !strings.HasPrefix((*asked)[1], "GET /v1/accounts/1000000016/postings/c1 ") {
			t.Errorf("%s: asked %q", c.name, *asked)
		}
	}
}

func TestSilenceIsBoundedAndTellsNoNumber(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := New(s.URL, nil).Look(ctx, "1000000016")
	if !errors.Is(err, ErrSilent) || strings.Contains(err.Error(), "1000000016") {
		t.Errorf("Look = %v, want %v without the number", err, ErrSilent)
	}
	if _, err := New("http://127.0.0.1:1", nil).Post(t.Context(), "1000000016", payment); !errors.Is(err, ErrSilent) {
		t.Errorf("Post to nobody = %v, want %v", err, ErrSilent)
	}
}

func FuzzLook(f *testing.F) {
	f.Add(good)
	f.Add(`{"account":"1000000016","bills":[{}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var a Account
		if json.Unmarshal([]byte(body), &a) != nil || a.check() != nil {
			return
		}
		for _, b := range a.Bills {
			if b.Due <= 0 || b.Paid < 0 || b.Paid > b.Due {
				t.Errorf("believed %q", body)
			}
		}
	})
}
