package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/cmd/devsim/line"
	"yichuang/cmd/devsim/world"
)

// patience is for slow machines; nothing that is measured depends on it.
const patience = 30 * time.Second

// bench is a world with its doors.
type bench struct {
	*testing.T
	w    *world.World
	dir  string
	desk *fakeDesk
	door http.Handler
	cuts chan struct{} // one for each power cut
}

// fakeDesk has one program and a line to nowhere.
type fakeDesk struct {
	mu    sync.Mutex
	calls []string
	line  *line.Line
}

func (d *fakeDesk) Program(name string, run bool) error {
	if name != "kioskd" {
		return fmt.Errorf("program %q: one of kioskd", name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, fmt.Sprint(name, " ", run))
	return nil
}

func (d *fakeDesk) Network() *line.Line { return d.line }

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir(), desk: &fakeDesk{line: line.New(nil)}, cuts: make(chan struct{}, 10)}
	w, err := world.Open(world.Options{Dir: filepath.Join(b.dir, "world"), Links: world.Links(filepath.Join(b.dir, "dev")),
		License: "127.0.0.1:0", Cut: func() { b.cuts <- struct{}{} }})
	if err != nil {
		t.Skipf("no world here: %v", err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	b.w, b.door = w, Handler(w, b.desk)
	return b
}

// do asks a door.
func (b *bench) do(method, path, body string) (status int, doc map[string]any, raw string) {
	b.Helper()
	w := httptest.NewRecorder()
	b.door.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	raw = w.Body.String()
	json.Unmarshal([]byte(raw), &doc) // a list or a picture is in raw
	return w.Code, doc, raw
}

// must asks a door that has to agree.
func (b *bench) must(method, path, body string) map[string]any {
	b.Helper()
	status, doc, raw := b.do(method, path, body)
	if status != http.StatusOK {
		b.Fatalf("%s %s %s: got %d %s", method, path, body, status, raw)
	}
	return doc
}

// at digs a value out of the world: "cash.box".
func (b *bench) at(path string) string {
	b.Helper()
	var value any = b.must("GET", "/v1/world", "")
	for _, key := range strings.Split(path, ".") {
		value = value.(map[string]any)[key]
	}
	raw, err := json.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	return string(raw)
}

// until waits for a condition of a mechanism that takes its own time.
func (b *bench) until(what string, fn func() bool) {
	b.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !fn() {
		select {
		case <-tick.C:
		case <-end:
			b.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// wire opens a device's line as a host does.
func (b *bench) wire(class string) *os.File {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "dev", class), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

// acceptor is a host that lets every note in and polls, as a driver does.
type acceptor struct {
	*bench
	mu   sync.Mutex
	line *os.File
}

func (b *bench) acceptor() *acceptor {
	a := &acceptor{bench: b, line: b.wire("cash")}
	a.send(231, 0xFF, 0xFF)
	a.send(228, 1)
	a.send(153, 3)
	ctx, cancel := context.WithCancel(context.Background())
	var polls sync.WaitGroup
	polls.Go(func() {
		for ctx.Err() == nil {
			a.send(159)
			pause, done := context.WithTimeout(ctx, 200*time.Millisecond)
			<-pause.Done()
			done()
		}
	})
	b.Cleanup(func() { cancel(); polls.Wait() })
	return a
}

// send sends a packet (ccTalk part 1: destination, length, source, header, data, sum) and waits for the
// answer; a validator that starts or has no power gives none, and is asked again.
func (a *acceptor) send(header byte, data ...byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range 100 {
		if _, err := a.line.Write(packet(header, data)); err != nil {
			a.Errorf("header %d: %v", header, err)
			return
		}
		a.line.SetReadDeadline(time.Now().Add(answerWait))
		head := make([]byte, 2)
		if _, err := io.ReadFull(a.line, head); err != nil {
			continue
		}
		if _, err := io.ReadFull(a.line, make([]byte, int(head[1])+3)); err == nil {
			return
		}
	}
	a.Errorf("header %d: no answer", header)
}

// order sends a packet and takes no answer: the device may be dead before it has given one.
func (a *acceptor) order(header byte, data ...byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.line.Write(packet(header, data)); err != nil {
		a.Errorf("header %d: %v", header, err)
	}
}

func packet(header byte, data []byte) []byte {
	p := append([]byte{40, byte(len(data)), 1, header}, data...)
	sum := byte(0)
	for _, b := range p {
		sum += b
	}
	return append(p, -sum)
}

// answerWait is longer than a validator thinks about a packet.
const answerWait = 300 * time.Millisecond

// print sends a job of one A4 page to the license printer.
func (b *bench) print() {
	b.Helper()
	m := goipp.NewRequest(goipp.DefaultVersion, goipp.OpPrintJob, 1)
	add := func(group *goipp.Attributes, name string, tag goipp.Tag, value goipp.Value) {
		group.Add(goipp.MakeAttribute(name, tag, value))
	}
	address := strings.TrimPrefix(b.w.Address("license"), "ipp ")
	add(&m.Operation, "attributes-charset", goipp.TagCharset, goipp.String("utf-8"))
	add(&m.Operation, "attributes-natural-language", goipp.TagLanguage, goipp.String("zh"))
	add(&m.Operation, "printer-uri", goipp.TagURI, goipp.String(strings.Replace(address, "http:", "ipp:", 1)))
	add(&m.Operation, "requesting-user-name", goipp.TagName, goipp.String("test"))
	add(&m.Operation, "document-format", goipp.TagMimeType, goipp.String("application/pdf"))
	add(&m.Job, "media", goipp.TagKeyword, goipp.String("iso_a4_210x297mm"))
	var body bytes.Buffer
	if err := m.Encode(&body); err != nil {
		b.Fatal(err)
	}
	body.WriteString("%PDF-1.4\n1 0 obj << /Type /Page /MediaBox [0 0 595.28 841.89] >> endobj\n2 0 obj << /Type /Pages >> endobj\n%%EOF\n")
	resp, err := http.Post(address, goipp.ContentType, &body)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var answer goipp.Message
	if err := answer.Decode(resp.Body); err != nil || goipp.Status(answer.Code) > 0xFF {
		b.Fatalf("print: %v %v", err, goipp.Status(answer.Code))
	}
}
