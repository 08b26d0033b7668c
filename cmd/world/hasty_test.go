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

// TestWhoAsksInAHurryIsSeen: what is asked for once more at once, and what is looked at too often, but no person and no hand at the desk.
func TestWhoAsksInAHurryIsSeen(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		times        int
		pause        time.Duration
		hasty        bool
	}{
		{"POST", "/v1/accounts/1/postings", 2, hastyTime - time.Millisecond, true},
		{"POST", "/v1/accounts/1/postings", 9, hastyTime, false},
		{"GET", "/v3/pay/1", lookMax, 0, false},
		{"GET", "/v3/pay/1", lookMax + 1, hastyTime/lookMax - time.Millisecond, true},
		{"GET", "/v3/pay/1", 99, hastyTime/lookMax + time.Millisecond, false},
		{"GET", "/v1/accounts/1", 9, 0, false},
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

// TestLateAnswersAreSeen: of what the hall answers from its own books, and of nothing for which it waits for others.
func TestLateAnswersAreSeen(t *testing.T) {
	for _, tt := range []struct {
		route string
		took  time.Duration
		late  bool
	}{{"/hall/Permit", promptTime + 1, true}, {"/hall/Permit", promptTime, false}, {"/hall/Pull", time.Minute, false}} {
		synctest.Test(t, func(t *testing.T) {
			c := &receptionist{}
			h := c.times(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(tt.took) }))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", tt.route, nil))
			if late := c.Late(); (late != "") != tt.late {
				t.Errorf("%s after %v: %q", tt.route, tt.took, late)
			}
		})
	}
}
