package control

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/cmd/devsim/world"
)

// TestDoorsOfCoins: what a hand can do with coins and hoppers, and what is refused.
func TestDoorsOfCoins(t *testing.T) {
	dir := t.TempDir()
	w, err := world.Open(world.Options{Links: map[string]string{"coins": filepath.Join(dir, "coins"), "payout": filepath.Join(dir, "payout")}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	door := Handler(w, nil)
	for _, row := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/v1/coins", `{"face_fen":100}`, 200, `"returned"`},
		{"GET", "/v1/coins/1", "", 200, `"coin":1`},
		{"GET", "/v1/coins/9", "", 404, "there is none"},
		{"POST", "/v1/coins", `{"face_fen":0}`, 400, "face_fen"},
		{"POST", "/v1/coins", `{"face_fen":100,"kind":"torn"}`, 400, "torn"},
		{"POST", "/v1/coins", `{"face_fen":100,"currency":"yuan"}`, 400, "currency"},
		{"POST", "/v1/coins", `{"face_fen":100,"wait_ms":-1}`, 400, "wait_ms"},
		{"PUT", "/v1/coins/lever", `{"held":true}`, 200, "true"},
		{"DELETE", "/v1/coins/box", "", 200, "[]"},
		{"PUT", "/v1/payout/3", `{"count":-20}`, 200, `"inside":180`},
		{"PUT", "/v1/payout/9", `{"count":5}`, 404, "there is none"},
		{"PUT", "/v1/payout/3", `{"count":99999}`, 400, "count"},
		{"PUT", "/v1/faults/payout", `{"fault":"jam"}`, 200, ""},
		{"PUT", "/v1/faults/coins", `{"fault":"toner_low"}`, 400, "toner_low"},
		{"GET", "/v1/world", "", 200, `"payout":[{"address":3,`},
	} {
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, httptest.NewRequest(row.method, row.path, strings.NewReader(row.body)))
		got := strings.ReplaceAll(strings.Join(strings.Fields(answer.Body.String()), ""), "thereisnone", "there is none")
		if answer.Code != row.status || !strings.Contains(got, row.text) {
			t.Errorf("%s %s %s: got %d %s, want %d with %q", row.method, row.path, row.body, answer.Code, got, row.status, row.text)
		}
	}
	answer := httptest.NewRecorder()
	door.ServeHTTP(answer, httptest.NewRequest("POST", "/v1/cash/notes", strings.NewReader(`{"face_fen":100}`)))
	if answer.Code != http.StatusNotFound {
		t.Errorf("a note where there is no acceptor: %d", answer.Code)
	}
}
