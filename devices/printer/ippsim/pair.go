package ippsim

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// patience is how long a printer on USB works at a request whose answer is held back: there is no connection whose end would say
// that nobody waits any more.
const patience = 2 * time.Minute

// ServePair is the printer's side of one pair of USB pipes: HTTP requests one after the other, until the plug is out. h is a
// printer's Handler, or what stands before it. Where h breaks a connection off, nothing more comes, and the pair goes on
// with the next request all the same.
func ServePair(line io.ReadWriter, h http.Handler) {
	in := bufio.NewReader(line)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return // the plug is out: the host sends nothing else that cannot be read
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		w := &pairWriter{line: line, head: http.Header{}, code: http.StatusOK}
		whole := w.answer(h, r.WithContext(ctx))
		cancel()
		if whole {
			w.end()
		}
		if w.err != nil {
			return
		}
	}
}

// pairWriter is an http.ResponseWriter on a line. What was flushed has gone; the rest goes when the answer is whole.
type pairWriter struct {
	line io.Writer
	head http.Header
	code int
	gone bool // the head, and what was flushed
	body bytes.Buffer
	two  bool  // the answer goes twice
	err  error // the plug is out
}

// answer lets h answer, and says whether it did to the end.
func (w *pairWriter) answer(h http.Handler, r *http.Request) (whole bool) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			whole = false
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

func (w *pairWriter) Header() http.Header               { return w.head }
func (w *pairWriter) WriteHeader(code int)              { w.code = code }
func (w *pairWriter) Write(b []byte) (n int, err error) { return w.body.Write(b) }

// Flush sends what is there.
func (w *pairWriter) Flush() {
	w.send(w.next())
}

// double lets the answer go twice.
func (w *pairWriter) double() { w.two = true }

// end sends the rest.
func (w *pairWriter) end() {
	out := w.next()
	if w.two {
		out = append(out, out...)
	}
	w.send(out)
}

// next is what has not gone yet.
func (w *pairWriter) next() []byte {
	var out bytes.Buffer
	if !w.gone {
		w.gone = true
		if w.head.Get("Content-Length") == "" {
			w.head.Set("Content-Length", strconv.Itoa(w.body.Len()))
		}
		fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", w.code, http.StatusText(w.code))
		w.head.Write(&out) // a buffer takes all
		out.WriteString("\r\n")
	}
	w.body.WriteTo(&out) // a buffer takes all
	return out.Bytes()
}

func (w *pairWriter) send(b []byte) {
	if _, err := w.line.Write(b); err != nil {
		w.err = err
	}
}
