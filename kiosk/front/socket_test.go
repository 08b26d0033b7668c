package front

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve puts a stage behind a unix socket.
func serve(t *testing.T, h http.Handler) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ui.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close() // its error is that of the listener, which Serve gives too
		<-ended
	})
	return path
}

// within bounds what must not take long; it is no measure of speed.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestScreenSeesAndTouches(t *testing.T) {
	s := NewStage()
	s.Show(page())
	ctx := within(t)
	c := NewClient(serve(t, s.Handler()), "s1")
	view, err := c.View(ctx, -1)
	if err != nil || !reflect.DeepEqual(view, s.View()) {
		t.Fatalf("got %+v (%v), want %+v", view, err, s.View())
	}
	later := make(chan View, 1)
	go func() {
		v, err := c.View(ctx, view.Tick)
		if err != nil {
			t.Errorf("long poll: %v", err)
		}
		later <- v
	}()
	v := page()
	v.Page, v.Acts = "bill", []string{"bill.pay", TextAct, StrokesAct}
	s.Show(v)
	if got := <-later; got.Page != "bill" || got.Tick != 2 {
		t.Errorf("long poll: got %s, tick %d, want bill, 2", got.Page, got.Tick)
	}
	if got, err := c.Act(ctx, Act{Revision: 1, ID: "pay.cancel"}); !errors.Is(err, ErrStale) || got.Page != "bill" {
		t.Errorf("a stale touch: got %s (%v), want ErrStale with the page of now", got.Page, err)
	}
	for _, want := range []Act{{Revision: 2, ID: "bill.pay"}, {Revision: 1, ID: TextAct, Field: "account", Text: "31", Preedit: "ni"}, {Revision: 2, ID: StrokesAct, Strokes: []Stroke{{{1, 2}, {3, 4}}}}} {
		taken := make(chan Act, 1)
		go func() { taken <- <-s.Acts() }()
		if got, err := c.Act(ctx, want); err != nil || got.Page != "bill" {
			t.Fatalf("%+v: got %s (%v)", want, got.Page, err)
		}
		if got := <-taken; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestNewerScreenTakesOver(t *testing.T) {
	s := NewStage()
	s.Show(page())
	ctx := within(t)
	path := serve(t, s.Handler())
	older, newer := NewClient(path, "s1"), NewClient(path, "s2")
	if _, err := newer.View(ctx, 0); !errors.Is(err, ErrTakenOver) {
		t.Errorf("a screen that never began: got %v, want ErrTakenOver", err)
	}
	if _, err := older.View(ctx, -1); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	polling := make(chan struct{})
	go func() {
		close(polling)
		_, err := older.View(ctx, 1)
		waits <- err
	}()
	<-polling
	if _, err := newer.View(ctx, -1); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; !errors.Is(err, ErrTakenOver) {
		t.Errorf("the older screen in the middle of a poll: got %v, want ErrTakenOver", err)
	}
	if _, err := older.View(ctx, 0); !errors.Is(err, ErrTakenOver) {
		t.Errorf("the older screen's next poll: got %v, want ErrTakenOver", err)
	}
	if _, err := newer.View(ctx, 0); err != nil {
		t.Errorf("the newer screen: %v", err)
	}
	if _, err := newer.View(ctx, -1); err != nil {
		t.Errorf("the newer screen once more: %v", err)
	}
}

func TestWhatIsNoScreen(t *testing.T) {
	s := NewStage()
	s.Show(page())
	big := `{"id":"text","text":"` + strings.Repeat("x", bodyMax) + `"}`
	for _, tt := range []struct {
		method, url, body string
		want              int
	}{
		{"GET", "/v1/view", "", 400}, {"GET", "/v1/view?screen=s1", "", 400}, {"GET", "/v1/view?after=0", "", 400}, {"GET", "/v1/view?screen=s1&after=x", "", 400},
		{"GET", "/v1/view?screen=s1&after=0", "", 410}, {"GET", "/v1/view?screen=s1&after=-1", "", 200}, {"GET", "/v1/view?screen=s1&after=0", "", 200},
		{"POST", "/v1/view", "", 405}, {"GET", "/v1/act", "", 405}, {"GET", "/", "", 404},
		{"POST", "/v1/act", "no json", 400}, {"POST", "/v1/act", `{"id":"x","colour":1}`, 400}, {"POST", "/v1/act", big, 400}, {"POST", "/v1/act", `{"revision":9,"id":"nav.back"}`, 409},
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, strings.NewReader(tt.body)))
		if w.Code != tt.want {
			t.Errorf("%s %s %.40s: got %d %s, want %d", tt.method, tt.url, tt.body, w.Code, w.Body, tt.want)
		}
		if tt.want == 200 || tt.want == 409 {
			var v View
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.Page != "pay" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("%s %s: got %s (%v), want the view", tt.method, tt.url, w.Body, err)
			}
		}
	}
}

// No call waits for ever: a poll ends with the view that is there, an act that nobody takes up is stale.
func TestCallsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		method, url, body string
		want              int
		after             time.Duration
	}{
		{"GET", "/v1/view?screen=s1&after=1", "", 200, 20 * time.Second},
		{"POST", "/v1/act", `{"revision":1,"id":"nav.back"}`, 409, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := NewStage()
			s.Show(page())
			s.takeOver("s1")
			began := time.Now()
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, strings.NewReader(tt.body)))
			if took := time.Since(began); w.Code != tt.want || took != tt.after {
				t.Errorf("%s: got %d after %s, want %d after %s", tt.url, w.Code, took, tt.want, tt.after)
			}
		})
	}
}

func TestDaemonThatAnswersGarbage(t *testing.T) {
	ctx := within(t)
	for answer, want := range map[string]string{"500 broken": "500", "200 no json": "view:", "404 gone": "404"} {
		path := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var code int
			var text string
			fmt.Sscanf(answer, "%d %s", &code, &text) // our own text
			w.WriteHeader(code)
			w.Write([]byte(text)) // a recorder takes everything
		}))
		c := NewClient(path, "s1")
		_, viewErr := c.View(ctx, 0)
		_, actErr := c.Act(ctx, Act{})
		for _, err := range []error{viewErr, actErr} {
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrStale) || errors.Is(err, ErrTakenOver) {
				t.Errorf("%s: got %v, want an error with %q", answer, err, want)
			}
		}
	}
	if _, err := NewClient(filepath.Join(t.TempDir(), "none"), "s1").View(ctx, 0); err == nil {
		t.Error("a view came from nowhere")
	}
}

func FuzzAct(f *testing.F) {
	f.Add(`{"revision":1,"id":"nav.back"}`)
	f.Add(`{"id":"strokes","strokes":[[{"x":1,"y":2}]]}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := NewStage() // offers nothing, so that no act is ever taken up
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/v1/act", strings.NewReader(body)))
		if w.Code != 400 && w.Code != 409 {
			t.Errorf("%q: got %d", body, w.Code)
		}
	})
}
