package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
)

const person = `{"kind":"citizen","name":"张三","sex":"1","ethnicity":"01","birth":"19900101","address":"北京市","number":"110101199001010015","authority":"公安局","valid_from":"20200101","valid_to":"20400101"}`

func TestRefusals(t *testing.T) {
	b := open(t)
	for _, row := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"GET", "/v1/nothing", "", 404, "no such door"},
		{"PUT", "/v1/card", `{"kind":"citizen","colour":"red"}`, 400, "colour"},
		{"PUT", "/v1/card", strings.Replace(person, "citizen", "passport", 1), 400, "passport"},
		{"PUT", "/v1/card", strings.Replace(person, "citizen", "foreign_2017", 1), 400, "ethnicity"},
		{"PUT", "/v1/card", strings.Replace(person, `"valid_to"`, `"english_name":"A","valid_to"`, 1), 400, "english_name"},
		{"PUT", "/v1/card", strings.Replace(person, "张三", strings.Repeat("张", 16), 1), 400, "name"},
		{"PUT", "/v1/card", `{"name":7}`, 400, "name"},
		{"PUT", "/v1/card", "", 400, "empty"},
		{"PUT", "/v1/card", person + person, 400, "follows"},
		{"POST", "/v1/cash/notes", `{"face_fen":0}`, 400, "face_fen"},
		{"POST", "/v1/cash/notes", `{"face_fen":100,"kind":"wet"}`, 400, "wet"},
		{"POST", "/v1/cash/notes", `{"face_fen":100,"currency":"yuan"}`, 400, "yuan"},
		{"POST", "/v1/cash/notes", `{"face_fen":100,"wait_ms":-1}`, 400, "wait_ms"},
		{"POST", "/v1/cash/notes", `{"face_fen":100,"wait_ms":600000}`, 400, "wait_ms"},
		{"GET", "/v1/cash/notes/99", "", 404, "note 99"},
		{"GET", "/v1/cash/notes/x", "", 400, "note"},
		{"DELETE", "/v1/cash/notes/99", "", 404, "note 99"},
		{"PUT", "/v1/cash/box", "", 409, "a box is in"},
		{"POST", "/v1/scanner/scans", `{"text":"1"}`, 409, "does not look"},
		{"POST", "/v1/scanner/scans", `{}`, 400, "text or hex"},
		{"POST", "/v1/scanner/scans", `{"text":"1","hex":"31"}`, 400, "text or hex"},
		{"POST", "/v1/scanner/scans", `{"hex":"3"}`, 400, "hex"},
		{"POST", "/v1/scanner/scans", `{"text":""}`, 400, "empty"},
		{"GET", "/v1/receipt/prints/1.png", "", 404, "receipt"},
		{"GET", "/v1/receipt/prints/01.png", "", 404, "print"},
		{"GET", "/v1/license/prints/1.pdf", "", 404, "license"},
		{"PUT", "/v1/license/trays/tray-9", `{"media":"iso_a4_210x297mm","sheets":1,"first_serial":"A1"}`, 400, "tray-9"},
		{"PUT", "/v1/license/trays/tray-1", `{"media":"iso_a4_210x297mm","first_serial":"A1"}`, 400, "sheets"},
		{"PUT", "/v1/license/trays/tray-1", `{"media":"na_letter","sheets":1,"first_serial":"A1"}`, 400, "na_letter"},
		{"PUT", "/v1/faults/toaster", `{"fault":"jam"}`, 404, "toaster"},
		{"PUT", "/v1/faults/cash", `{"fault":"toner_low"}`, 400, "toner_low"},
		{"PUT", "/v1/faults/cash", `{"fault":"jam","count":-1}`, 400, "count"},
		{"DELETE", "/v1/faults/toaster", "", 404, "toaster"},
		{"DELETE", "/v1/faults/cash/toner_low", "", 404, "toner_low"},
		{"PUT", "/v1/power", `{}`, 400, "on"},
		{"PUT", "/v1/power", `{"on":false,"at":"noon"}`, 400, "noon"},
		{"PUT", "/v1/power", `{"on":false,"devices":true,"note":"up"}`, 400, "up"},
		{"PUT", "/v1/power", `{"on":false,"note":"in"}`, 400, "devices"},
		{"PUT", "/v1/power", `{"on":true,"at":"now"}`, 400, "cut"},
		{"PUT", "/v1/programs/sshd", `{"run":false}`, 404, "sshd"},
		{"PUT", "/v1/programs/kioskd", `{}`, 400, "run"},
		{"PUT", "/v1/network", `{}`, 400, "up"},
		{"PUT", "/v1/network", `{"up":true,"loss":2}`, 400, "loss"},
		{"GET", "/v1/events?after=x", "", 400, "after"},
		{"GET", "/v1/events?wait_ms=99999999", "", 400, "wait_ms"},
	} {
		status, doc, raw := b.do(row.method, row.path, row.body)
		refusal, _ := doc["error"].(map[string]any)
		text, _ := refusal["text"].(string)
		if status != row.status || refusal["kind"] == "" || !strings.Contains(text, row.text) {
			t.Errorf("%s %s %s: got %d %s, want %d with %q", row.method, row.path, row.body, status, raw, row.status, row.text)
		}
	}
	if got, want := b.at("cash"), `{"box":[],"inserted":[],"mouth":null,"returned":[],"taken":[]}`; got != want {
		t.Errorf("after all refusals the acceptor holds %s, want %s", got, want)
	}
}

func TestCard(t *testing.T) {
	b := open(t)
	b.must("PUT", "/v1/card", person)
	if got := b.at("card.number"); got != `"110101199001010015"` {
		t.Errorf("world: the card's number is %s", got)
	}
	rare := strings.Replace(person, "张三", "𠅤\ue000㍍", 1)
	b.must("PUT", "/v1/card", rare)
	if got := b.at("card.name"); got != "\"𠅤\ue000㍍\"" {
		t.Errorf("world: the card's name is %s", got)
	}
	for name, c := range idcardtest.Cards(t) {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		b.must("PUT", "/v1/card", string(raw))
		var on idcard.Card
		if err := json.Unmarshal([]byte(b.at("card")), &on); err != nil || !idcardtest.Same(on, c) {
			t.Errorf("world: of the card %s it says %s (%v)", name, b.at("card"), err)
		}
	}
	if got := b.must("DELETE", "/v1/card", "")["taken"]; got != true {
		t.Errorf("taken: got %v", got)
	}
	if got := b.must("DELETE", "/v1/card", "")["taken"]; got != false {
		t.Errorf("taken from an empty plate: got %v", got)
	}
	if got := b.at("card"); got != "null" {
		t.Errorf("world: card %s", got)
	}
}

func TestNoteInAndOut(t *testing.T) {
	b := open(t)
	if got := b.must("POST", "/v1/cash/notes", `{"face_fen":1000,"wait_ms":100}`)["fate"]; got != "refused" {
		t.Errorf("a note before the acceptor was opened: %v, want refused", got)
	}
	a := b.acceptor()
	b.must("POST", "/v1/cash/notes", `{"face_fen":1000,"wait_ms":0}`)
	if status, _, raw := b.do("POST", "/v1/cash/notes", `{"face_fen":2000}`); status != http.StatusConflict {
		t.Errorf("a second note at once: got %d %s, want 409", status, raw)
	}
	b.until("escrow", func() bool { return b.must("GET", "/v1/cash/notes/2", "")["fate"] == "escrow" })
	if got := b.at("cash.mouth.face_fen"); got != "1000" {
		t.Errorf("in the mouth: %s", got)
	}
	a.send(154, 1)
	b.until("the box", func() bool { return b.must("GET", "/v1/cash/notes/2", "")["fate"] == "stacked" })
	if status, _, raw := b.do("DELETE", "/v1/cash/notes/2", ""); status != http.StatusConflict {
		t.Errorf("pulled out of the box: got %d %s, want 409", status, raw)
	}
	offered := b.must("POST", "/v1/cash/notes", `{"face_fen":5000,"wait_ms":0}`)
	number := fmt.Sprint(offered["note"])
	b.until("escrow", func() bool { return b.must("GET", "/v1/cash/notes/"+number, "")["fate"] == "escrow" })
	if got := b.must("DELETE", "/v1/cash/notes/"+number, "")["fate"]; got != "returned" {
		t.Errorf("pulled back: %v, want returned", got)
	}
	for path, want := range map[string]string{
		"cash.inserted": `[{"count":1,"currency":"CNY","face_fen":1000},{"count":1,"currency":"CNY","face_fen":5000}]`,
		"cash.box":      `[{"count":1,"currency":"CNY","face_fen":1000}]`,
		"cash.returned": `[{"count":1,"currency":"CNY","face_fen":5000}]`,
		"cash.mouth":    "null",
	} {
		if got := b.at(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if _, _, raw := b.do("DELETE", "/v1/cash/box", ""); raw != `[{"face_fen":1000,"currency":"CNY","count":1}]`+"\n" {
		t.Errorf("the box that was taken: %s", raw)
	}
	if status, _, _ := b.do("DELETE", "/v1/cash/box", ""); status != http.StatusConflict {
		t.Errorf("taking the box twice: got %d, want 409", status)
	}
	b.must("PUT", "/v1/cash/box", "")
	if got, want := b.at("cash.box")+b.at("cash.taken"), `[][{"count":1,"currency":"CNY","face_fen":1000}]`; got != want {
		t.Errorf("box and taken: got %s, want %s", got, want)
	}
}

func TestCodes(t *testing.T) {
	b := open(t)
	wire := b.wire("scanner")
	if _, err := wire.Write([]byte{0x1B, 0x31}); err != nil { // ESC 1: start reading (Newland NLS, serial trigger)
		t.Fatal(err)
	}
	b.until("the reader's look", func() bool { return b.w.Scanner.Looking() })
	b.must("POST", "/v1/scanner/scans", `{"hex":"313233"}`)
	var got []byte
	for buf := make([]byte, 16); !strings.Contains(string(got), "123"); {
		n, err := wire.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
}

func TestReceiptComesOut(t *testing.T) {
	b := open(t)
	wire := b.wire("receipt")
	sent := "hello\n\x1dV\x00"
	if _, err := wire.Write([]byte(sent)); err != nil {
		t.Fatal(err)
	}
	b.until("the strip", func() bool { return strings.Contains(b.at("receipt.prints"), `"cut":true`) })
	if _, _, raw := b.do("GET", "/v1/receipt/prints/1.bin", ""); raw != sent {
		t.Errorf("bytes: got %q, want %q", raw, sent)
	}
	if _, _, raw := b.do("GET", "/v1/receipt/prints/1.txt", ""); !strings.Contains(raw, "hello") {
		t.Errorf("text: got %q", raw)
	}
	if _, _, raw := b.do("GET", "/v1/receipt/prints/1.png", ""); !strings.HasPrefix(raw, "\x89PNG") {
		t.Errorf("picture: got %.20q", raw)
	}
	if status, _, _ := b.do("GET", "/v1/receipt/prints/1.gif", ""); status != http.StatusNotFound {
		t.Errorf("gif: got %d, want 404", status)
	}
}

func TestLicenseComesOut(t *testing.T) {
	b := open(t)
	b.must("PUT", "/v1/license/trays/tray-2", `{"media":"iso_a4_210x297mm","sheets":3,"first_serial":"B00000007"}`)
	b.print()
	b.until("the sheet", func() bool { return strings.Contains(b.at("license.prints"), `"complete":true`) })
	if got, want := b.at("license.prints"), `[{"complete":true,"media":"iso_a4_210x297mm","n":1,"pages":1,"serial":"B00000007"}]`; got != want {
		t.Errorf("prints: got %s, want %s", got, want)
	}
	if got := b.at("license.trays"); !strings.Contains(got, `"next_serial":"B00000008","sheets":2`) {
		t.Errorf("trays: %s", got)
	}
	if _, _, raw := b.do("GET", "/v1/license/prints/1.pdf", ""); !strings.HasPrefix(raw, "%PDF-1.4") {
		t.Errorf("document: %.20q", raw)
	}
	if status, _, _ := b.do("GET", "/v1/license/prints/1.bin", ""); status != http.StatusNotFound {
		t.Errorf("bin: got %d, want 404", status)
	}
}

func TestFaults(t *testing.T) {
	b := open(t)
	var all map[string][]struct {
		Fault string
		What  string
		Armed *int
	}
	_, _, raw := b.do("GET", "/v1/faults", "")
	if err := json.Unmarshal([]byte(raw), &all); err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"idcard", "cash", "receipt", "license", "scanner"} {
		if len(all[device]) == 0 {
			t.Errorf("device %s has no faults", device)
		}
		for _, row := range all[device] {
			if row.Fault == "" || row.What == "" || row.Armed == nil {
				t.Errorf("device %s: row %+v is not whole", device, row)
			}
		}
	}
	b.must("PUT", "/v1/faults/cash", `{"fault":"garble","count":3}`)
	b.must("PUT", "/v1/faults/cash", `{"fault":"late"}`)
	if got := armed(b, "cash"); got != "late=1 garble=3" {
		t.Errorf("armed: %q", got)
	}
	b.must("DELETE", "/v1/faults/cash/late", "")
	if got := armed(b, "cash"); got != "garble=3" {
		t.Errorf("after mending one: %q", got)
	}
	b.must("DELETE", "/v1/faults/cash", "")
	if got := armed(b, "cash"); got != "" {
		t.Errorf("after mending all: %q", got)
	}
	link := filepath.Join(b.dir, "dev", "scanner")
	b.must("PUT", "/v1/faults/scanner", `{"fault":"unplug"}`)
	if _, err := os.Stat(link); err == nil {
		t.Error("a pulled plug is still there")
	}
	b.must("DELETE", "/v1/faults/scanner/unplug", "")
	if _, err := os.Stat(link); err != nil {
		t.Errorf("the plug that was put back: %v", err)
	}
}

func armed(b *bench, device string) string {
	var list []string
	for _, f := range b.w.Faults(device).List() {
		if f.Armed > 0 {
			list = append(list, fmt.Sprintf("%s=%d", f.Name, f.Armed))
		}
	}
	return strings.Join(list, " ")
}

func TestProgramsAndLine(t *testing.T) {
	b := open(t)
	b.must("PUT", "/v1/programs/kioskd", `{"run":false}`)
	b.must("PUT", "/v1/programs/kioskd", `{"run":true}`)
	if got := strings.Join(b.desk.calls, ","); got != "kioskd false,kioskd true" {
		t.Errorf("programs: got %q", got)
	}
	b.must("PUT", "/v1/network", `{"up":true,"kbit":64,"rtt_ms":600,"loss":0.01}`)
	if got, want := b.at("network"), `{"kbit":64,"loss":0.01,"rtt_ms":600,"up":true}`; got != want {
		t.Errorf("network: got %s, want %s", got, want)
	}
	b.must("PUT", "/v1/network", `{"up":false}`)
	if got, want := b.at("network.up"), "false"; got != want {
		t.Errorf("network.up: got %s", got)
	}
}

func TestEventsComeInOrder(t *testing.T) {
	b := open(t)
	b.must("PUT", "/v1/card", person)
	b.must("DELETE", "/v1/card", "")
	var events []struct {
		N      int64
		Time   string
		Device string
		From   string
		What   string
	}
	read := func(query string) {
		events = nil
		if _, _, raw := b.do("GET", "/v1/events"+query, ""); json.Unmarshal([]byte(raw), &events) != nil {
			t.Fatalf("events: %s", raw)
		}
	}
	read("?after=0")
	if len(events) < 2 {
		t.Fatalf("events: %+v, want at least that a card came and went", events)
	}
	for i, e := range events {
		if i > 0 && e.N <= events[i-1].N || e.Time == "" || e.Device == "" || e.What == "" && e.From != "host" {
			t.Errorf("event %+v after %+v", e, events[max(i-1, 0)])
		}
	}
	last := events[len(events)-1].N
	read(fmt.Sprintf("?after=%d&wait_ms=1", last))
	if events == nil || len(events) != 0 {
		t.Errorf("after the last: %+v, want an empty list", events)
	}
	came := make(chan struct{})
	go func() {
		defer close(came)
		read(fmt.Sprintf("?after=%d&wait_ms=30000", last))
	}()
	b.must("PUT", "/v1/card", person)
	<-came
	if len(events) == 0 || events[0].N <= last {
		t.Errorf("the event that was waited for: %+v", events)
	}
}
