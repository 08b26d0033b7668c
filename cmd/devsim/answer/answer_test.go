package answer

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		doc    any
		err    error
		status int
		kind   string
		body   string
	}{
		{map[string]int{"a": 1}, nil, 200, "application/json; charset=utf-8", `{"a":1}` + "\n"},
		{Created{[]int{1}}, nil, 201, "application/json; charset=utf-8", "[1]\n"},
		{File{"text/plain", []byte("x")}, nil, 200, "text/plain", "x"},
		{nil, Bad("a %d", 1), 400, "application/json; charset=utf-8", `{"error":{"kind":"bad_request","text":"a 1"}}` + "\n"},
		{nil, fmt.Errorf("outer: %w", None("b")), 404, "application/json; charset=utf-8", `{"error":{"kind":"not_found","text":"b"}}` + "\n"},
		{nil, Conflict("c"), 409, "application/json; charset=utf-8", `{"error":{"kind":"conflict","text":"c"}}` + "\n"},
		{nil, errors.New("d"), 500, "application/json; charset=utf-8", `{"error":{"kind":"internal","text":"d"}}` + "\n"},
	} {
		w := httptest.NewRecorder()
		Handler(func(*http.Request) (any, error) { return row.doc, row.err })(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != row.status || w.Body.String() != row.body || w.Header().Get("Content-Type") != row.kind {
			t.Errorf("%v %v: got %d %s %q, want %d %s %q", row.doc, row.err, w.Code, w.Header().Get("Content-Type"), w.Body, row.status, row.kind, row.body)
		}
	}
	w := httptest.NewRecorder()
	PlainHandler(func(*http.Request) (any, error) { return nil, Conflict("c") })(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 409 || w.Body.String() != `{"error":"c"}`+"\n" {
		t.Errorf("plain: got %d %q", w.Code, w.Body)
	}
}

func TestReadIsStrict(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1}`: "", `{"a":1} `: "", `{"b":1}`: `unknown field "b"`, `{"a":1}{}`: "follows", `{"a":"x"}`: `field "a"`, "": "empty", "{": "unexpected EOF",
		`{"a":1}` + strings.Repeat(" ", bodyMax): "follows", `{"a":` + strings.Repeat(" ", bodyMax) + "1}": "too large",
	} {
		var in struct {
			A int `json:"a"`
		}
		err := Read(httptest.NewRequest("PUT", "/v1/x", strings.NewReader(body)), &in)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", body, err, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for query, want := range map[string]int64{"": 0, "n=0": 0, "n=7": 7, "n=10": 10, "n=11": -1, "n=-1": -1, "n=x": -1, "n=1.5": -1} {
		got, err := Number(httptest.NewRequest("GET", "/?"+query, nil), "n", 10)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d (%v), want %d", query, got, err, want)
		}
	}
	r := httptest.NewRequest("GET", "/?n=3", nil)
	r.SetPathValue("n", "4")
	if got, err := Number(r, "n", 10); got != 4 || err != nil {
		t.Errorf("in the path and the query: got %d, %v, want 4", got, err)
	}
	if _, err := Others(r); err == nil || !strings.Contains(err.Error(), "/") {
		t.Errorf("others: %v", err)
	}
}
