package desk

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"yichuang/cmd/devsim/answer"
	"yichuang/cmd/devsim/people"
)

//go:embed page
var pageFiles embed.FS

// pages serves the page of peripherals and what it needs beyond the world's doors: made-up people, and
// the desk doors of the biller and the gateway under the page's own address.
func (d *desk) pages(mux *http.ServeMux) {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic("desk: the page was promised to be embedded: " + err.Error())
	}
	mux.Handle("/", http.FileServerFS(files))
	mux.Handle("GET /page/person", answer.Handler(func(*http.Request) (any, error) { return people.New(people.FreshSeed()).Person(), nil }))
	mux.Handle("GET /page/desk", answer.Handler(func(*http.Request) (any, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		document, err := json.Marshal(d.doc)
		return map[string]any{"broadway": d.display.broadway, "show": d.o.Show, "desk": json.RawMessage(document)}, err
	}))
	mux.Handle("/page/biller/desk/", http.StripPrefix("/page/biller", d.behind(&d.doc.Biller.URL)))
	mux.Handle("/page/gateway/desk/", http.StripPrefix("/page/gateway", d.behind(&d.doc.Gateway.URL)))
}

// behind passes a call on to a service whose address may not be known yet.
func (d *desk) behind(address *string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if u, err := url.Parse(*address); err == nil {
				r.SetURL(u)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			answer.Handler(func(*http.Request) (any, error) { return nil, answer.Conflict("the service does not answer: %v", err) })(w, r)
		},
	}
}

// guard keeps other web sites' pages away from the desk's doors: a browser that shows the page of
// peripherals may show others too. Programs are not concerned.
func (d *desk) guard(next http.Handler) http.Handler {
	same := http.NewCrossOriginProtection()
	return same.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			answer.Handler(func(*http.Request) (any, error) {
				return nil, answer.Bad("host %q: this desk answers only as 127.0.0.1 or localhost", r.Host)
			})(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
}
