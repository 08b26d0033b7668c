package world

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	pipeMax   = 2 * time.Minute // for one request: a printer gives up too
	pipeBytes = 64 << 20        // a document is smaller
)

// overPipes is the printer's side of a pair of pipes: HTTP requests one after the other, for ever. A handler that breaks
// its connection off has sent nothing, or a part; the pair goes on with the next request all the same, since there are no
// connections.
func overPipes(h http.Handler) func(context.Context, []io.ReadWriter) {
	return func(ctx context.Context, lines []io.ReadWriter) {
		ended := make(chan struct{})
		for _, line := range lines {
			go func() {
				defer func() { ended <- struct{}{} }()
				for in := bufio.NewReader(line); ; {
					raw, err := onePage(ctx, in, h)
					if err == nil {
						_, err = line.Write(raw)
					}
					if err != nil {
						return // the plug is out, or what the host sends is no HTTP: it plugs anew
					}
				}
			}()
		}
		for range lines {
			<-ended
		}
	}
}

// onePage takes a request and gives the bytes of its answer.
func onePage(ctx context.Context, in *bufio.Reader, h http.Handler) ([]byte, error) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, pipeBytes))
	if err != nil {
		return nil, err
	}
	if len(body) == pipeBytes {
		return nil, errors.New("usb: a document without end")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, cancel := context.WithTimeout(ctx, pipeMax)
	defer cancel()
	p := &page{header: http.Header{}}
	p.answer(h, r.WithContext(ctx))
	return p.bytes(), nil
}

// page is an answer that is put together before it goes out.
type page struct {
	header http.Header
	code   int
	body   bytes.Buffer
	broken bool
}

func (p *page) Header() http.Header { return p.header }

func (p *page) WriteHeader(code int) {
	if p.code == 0 {
		p.code = code
	}
}

func (p *page) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// answer has the handler answer, which may break off.
func (p *page) answer(h http.Handler, r *http.Request) {
	defer func() {
		if why := recover(); why != nil {
			if err, is := why.(error); !is || !errors.Is(err, http.ErrAbortHandler) {
				panic(why)
			}
			p.broken = true
		}
	}()
	h.ServeHTTP(p, r)
}

// bytes is the answer as it goes over the pipe: what was written before a break, and nothing when that is nothing.
func (p *page) bytes() []byte {
	if p.broken && p.body.Len() == 0 {
		return nil
	}
	p.WriteHeader(http.StatusOK)
	if p.header.Get("Content-Length") == "" {
		p.header.Set("Content-Length", fmt.Sprint(p.body.Len()))
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", p.code, http.StatusText(p.code))
	p.header.Write(&out) // a buffer takes all
	out.WriteString("\r\n")
	out.Write(p.body.Bytes())
	return out.Bytes()
}
