package front

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// pollMax bounds one long poll, so that a dead screen is noticed.
const pollMax = 20 * time.Second

// actMax bounds how long an act waits to be taken up by a visit that is in the middle of something.
const actMax = 5 * time.Second

// bodyMax bounds an act: a signature of some thousand points.
const bodyMax = 1 << 20

// Handler serves the stage to one screen over ui.sock. A newer screen takes over.
//
//	GET  /v1/view?screen=ID&after=TICK  the view later than TICK, or the same one after a while; 410 when another screen took over
//	POST /v1/act                         an Act; 200 or 409, both with the view that stands now
func (s *Stage) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/view", s.serveView)
	mux.HandleFunc("POST /v1/act", s.serveAct)
	return mux
}

func (s *Stage) serveView(w http.ResponseWriter, r *http.Request) {
	screen := r.URL.Query().Get("screen")
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || screen == "" {
		http.Error(w, "view: want screen=ID&after=TICK", http.StatusBadRequest)
		return
	}
	if after < 0 {
		s.takeOver(screen)
	}
	if !s.serves(screen) {
		http.Error(w, "view: another screen has taken over", http.StatusGone)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pollMax)
	defer cancel()
	view := s.afterFor(ctx, after, screen)
	if !s.serves(screen) {
		http.Error(w, "view: another screen has taken over", http.StatusGone)
		return
	}
	answer(w, http.StatusOK, view)
}

func (s *Stage) serveAct(w http.ResponseWriter, r *http.Request) {
	var act Act
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&act); err != nil {
		http.Error(w, "act: "+err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actMax)
	defer cancel()
	view, err := s.Do(ctx, act)
	if err != nil {
		answer(w, http.StatusConflict, view)
		return
	}
	answer(w, http.StatusOK, view)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the screen reads again when the line breaks off
}

// ErrTakenOver tells a screen that a newer one is served now; it should end.
var ErrTakenOver = errors.New("view: another screen has taken over")

// Client is the screen's end of ui.sock.
type Client struct {
	screen string
	http   *http.Client
}

// NewClient speaks to the socket at path. screen is a random name for this run of the screen.
func NewClient(path, screen string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &Client{screen: screen, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// View waits for the view later than tick. -1 gives the view of now and makes this screen the one that is served.
func (c *Client) View(ctx context.Context, tick int64) (View, error) {
	ctx, cancel := context.WithTimeout(ctx, pollMax+5*time.Second)
	defer cancel()
	url := fmt.Sprintf("http://kioskd/v1/view?screen=%s&after=%d", c.screen, tick)
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return View{}, err
	}
	return c.do(req)
}

// Act reports a touch. The view is the one that stands afterwards; ErrStale when nothing was done.
func (c *Client) Act(ctx context.Context, a Act) (View, error) {
	ctx, cancel := context.WithTimeout(ctx, actMax+5*time.Second)
	defer cancel()
	body, err := json.Marshal(a)
	if err != nil {
		return View{}, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", "http://kioskd/v1/act", bytes.NewReader(body))
	if err != nil {
		return View{}, err
	}
	return c.do(req)
}

func (c *Client) do(req *http.Request) (View, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return View{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusConflict:
	case http.StatusGone:
		return View{}, ErrTakenOver
	default:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // only for the message
		return View{}, fmt.Errorf("kioskd: %s: %s", resp.Status, text)
	}
	var view View
	if err := json.NewDecoder(resp.Body).Decode(&view); err != nil {
		return View{}, fmt.Errorf("kioskd: view: %w", err)
	}
	if resp.StatusCode == http.StatusConflict {
		return view, ErrStale
	}
	return view, nil
}
