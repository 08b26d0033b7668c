package world

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhoAsksInAHurryIsSeen: what is asked for once more at once, and what is looked at too often, but no hand at the desk.
func TestWhoAsksInAHurryIsSeen(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		times        int
		pause        time.Duration
		hasty        bool
	}{
		{"POST", "/v1/accounts/1/postings", 2, hastyTime - time.Millisecond, true},
		{"POST", "/v1/accounts/1/postings", 9, hastyTime, false},
		{"GET", "/v1/accounts/1", lookMax, 0, false},
		{"GET", "/v1/accounts/1", lookMax + 1, hastyTime/lookMax - time.Millisecond, true},
		{"GET", "/v1/accounts/1", 99, hastyTime/lookMax + time.Millisecond, false},
		{"POST", "/desk/scan", 9, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &doorman{}
			h := d.lets(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
			for range tt.times {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader("the same")))
				if w.Body.String() != "the same" {
					t.Errorf("%s %s hears %q", tt.method, tt.path, w.Body)
				}
				time.Sleep(tt.pause)
			}
			if hasty := d.Hasty(); (hasty != "") != tt.hasty {
				t.Errorf("%s %s %d times, each after %v: %q", tt.method, tt.path, tt.times, tt.pause, hasty)
			}
		})
	}
}
