package one

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/devsim/world"
)

// start runs one device and gives its address and the URL of its doors.
func start(t *testing.T, o Options) (address, control string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, o, w)
		w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%+v ended with %v", o, err)
		}
	})
	said, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("%+v: said %q, %v", o, said, <-ended)
	}
	if n, err := fmt.Sscanf(said, "devsim: ready %s %s\n", &address, &control); n != 2 || err != nil {
		t.Fatalf("said %q: %v", said, err)
	}
	return address, control
}

func ask(t *testing.T, control string) map[string]json.RawMessage {
	t.Helper()
	resp, err := http.Get(control + "/v1/world")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOneOfEach(t *testing.T) {
	classes := map[string]string{}
	for class, protocols := range world.Protocols {
		for _, protocol := range protocols {
			if class != "license" && !strings.HasSuffix(protocol, "-usb") {
				classes[protocol] = class
			}
		}
	}
	for protocol, class := range classes {
		t.Run(protocol, func(t *testing.T) {
			link := filepath.Join(t.TempDir(), "line")
			address, control := start(t, Options{Protocol: protocol, Link: link})
			if address != "serial:"+link {
				t.Errorf("address %s, want serial:%s", address, link)
			}
			if _, err := os.Stat(link); err != nil {
				t.Error(err)
			}
			doc := ask(t, control)
			want := fmt.Sprintf(`[{"class":%q,"protocol":%q,"address":%q}]`, class, protocol, address)
			if got := string(doc["ports"]); got != want {
				t.Errorf("ports: got %s, want %s", got, want)
			}
			if class != "cash" && string(doc["cash"]) != "null" || class == "cash" && !strings.Contains(string(doc["cash"]), "inserted") {
				t.Errorf("world: cash is %s", doc["cash"])
			}
			resp, err := http.Get(control + "/v1/nothing")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("an unknown door: %d, want 404", resp.StatusCode)
			}
		})
	}
}

func TestLicensePrinterListens(t *testing.T) {
	address, control := start(t, Options{Protocol: "ipp", Listen: "127.0.0.1:0"})
	resp, err := http.Post(address, "application/ipp", strings.NewReader("no ipp"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := string(ask(t, control)["license"]); !strings.Contains(got, `"tray-1"`) {
		t.Errorf("world: license is %s", got)
	}
}

// TestOptionsReachTheLine sends a simple poll and looks at what comes back.
func TestOptionsReachTheLine(t *testing.T) {
	for _, row := range []struct {
		name       string
		o          Options
		sent, want []byte
	}{
		// ccTalk part 1, header 254: an answer is to the asker, without data, header 0.
		{"sum", Options{}, []byte{40, 0, 1, 254, 217}, []byte{1, 0, 40, 0, 215}},
		{"echo", Options{Echo: true}, []byte{40, 0, 1, 254, 217}, []byte{40, 0, 1, 254, 217, 1, 0, 40, 0, 215}},
		{"crc", Options{CRC: true}, []byte{40, 0, 0xB6, 254, 0x21}, []byte{1, 0, 0x30, 0, 0x37}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.o.Protocol, row.o.Link = "cctalk", filepath.Join(t.TempDir(), "line")
			start(t, row.o)
			line, err := os.OpenFile(row.o.Link, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer line.Close()
			got := make([]byte, len(row.want))
			n := 0
			for try := 0; try < 100 && n < len(got); try++ { // it is still starting at first
				if _, err := line.Write(row.sent); err != nil {
					t.Fatal(err)
				}
				line.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				if n, err = io.ReadFull(line, got); err != nil && row.o.Echo {
					continue
				}
			}
			if string(got) != string(row.want) {
				t.Errorf("asked % x: got % x, want % x", row.sent, got[:n], row.want)
			}
		})
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, row := range []struct {
		o    Options
		want string
	}{
		{Options{Protocol: "telex", Link: "/x"}, `no simulator of "telex"`},
		{Options{Protocol: "sdt"}, "--link"},
		{Options{Protocol: "sdt", Link: "/x", Listen: "127.0.0.1:0"}, "--link"},
		{Options{Protocol: "sdt", Link: "/x", Echo: true}, "--echo"},
		{Options{Protocol: "escpos", Link: "/x", CRC: true}, "--crc"},
		{Options{Protocol: "ipp", Link: "/x"}, "--listen"},
		{Options{Protocol: "ipp", Listen: "nowhere"}, "license printer"},
		{Options{Protocol: "cctalk", Link: "/proc/line"}, "plug"},
		{Options{Protocol: "sdt-usb", Link: "/x"}, "USB plug"},
		{Options{Protocol: "ipp-usb", Listen: "127.0.0.1:0"}, "USB plug"},
		{Options{Protocol: "ipp-usb", Link: "/x"}, "USB plug"},
		{Options{Protocol: "telex", Link: "/x"}, "escpos-presenter"},
		{Options{Protocol: "escpos-usb", Listen: "127.0.0.1:0"}, "USB plug"},
	} {
		if err := Run(t.Context(), row.o, io.Discard); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %q", row.o, err, row.want)
		}
	}
}
