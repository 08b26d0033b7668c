package world

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yichuang/devices/idcard/sdtsim"
)

var card = sdtsim.Card{Kind: "citizen", Name: "张三", Sex: "1", Ethnicity: "01", Birth: "19900101", Address: "北京",
	Number: "110101199001010015", Authority: "公安局", ValidFrom: "20200101", ValidTo: "20400101"}

func open(t *testing.T, o Options) *World {
	t.Helper()
	w, err := Open(o)
	if err != nil {
		t.Skipf("no world here: %v", err)
	}
	return w
}

func TestWorldGoesOn(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: filepath.Join(dir, "world"), Links: Links(filepath.Join(dir, "dev")), License: "127.0.0.1:0"}
	w := open(t, o)
	if err := w.IDCard.Lay(card); err != nil {
		t.Fatal(err)
	}
	if err := w.License.LoadTray("tray-1", "iso_a3_297x420mm", 7, "A00000004"); err != nil {
		t.Fatal(err)
	}
	if err := w.Faults("license").Arm("toner_low", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Power(Power{Devices: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, class := range Classes {
		if _, err := os.Stat(filepath.Join(dir, "world", class+".json")); err != nil {
			t.Errorf("state of %s: %v", class, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "dev", class)); class != "license" && !os.IsNotExist(err) {
			t.Errorf("the line of %s is still there: %v", class, err)
		}
	}
	w = open(t, o)
	defer w.Close()
	truth := w.Truth()
	if truth.Power != "on" || strings.Contains(string(truth.License), `"state":"off"`) {
		t.Errorf("power %s, license %s: a new desk has power", truth.Power, truth.License)
	}
	if truth.Card == nil || *truth.Card != card {
		t.Errorf("card: got %v", truth.Card)
	}
	if !strings.Contains(string(truth.License), `"sheets":7,"next_serial":"A00000004"`) {
		t.Errorf("license: %s", truth.License)
	}
	if got := len(truth.Ports); got != len(Classes) {
		t.Errorf("%d ports, want %d", got, len(Classes))
	}
}

func TestChangesAreWrittenWhileItRuns(t *testing.T) {
	dir := t.TempDir()
	w := open(t, Options{Dir: dir, Links: map[string]string{"idcard": filepath.Join(dir, "idcard")}})
	defer w.Close()
	if err := w.IDCard.Lay(card); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "idcard.json")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), card.Number) {
			break
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("the card is not written down though the world is running")
		}
	}
	if w.Cash != nil || w.Faults("cash") != nil || w.Address("cash") != "" {
		t.Error("there is an acceptor that nobody asked for")
	}
}

func TestBrokenStateIsTold(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "idcard.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: dir, Links: map[string]string{"idcard": filepath.Join(dir, "line")}})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want that %s is named", err, file)
	}
}

func TestPulledPlugStaysOut(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "receipt")
	o := Options{Dir: dir, Links: map[string]string{"receipt": link}}
	w := open(t, o)
	if err := w.Faults("receipt").Arm("unplug", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the line of a pulled plug: %v", err)
	}
	if err := w.Faults("receipt").Arm("unplug", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(link); err != nil {
		t.Errorf("the line of a plug that is in: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	for _, text := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "folder"), []byte("x")); err == nil {
		t.Error("a folder was overwritten")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Another acceptor in the same cabinet begins with its own box; the first is as it was when it comes back.
func TestAnotherProtocol(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Links: map[string]string{"cash": filepath.Join(dir, "line")}}
	for _, speaks := range []string{"", "id003", "cctalk", "id003"} {
		o.Speaks = map[string]string{"cash": speaks}
		if speaks == "" {
			o.Speaks = nil
		}
		w := open(t, o)
		if got, want := w.Address("cash"), o.speaks("cash")+" serial:"+o.Links["cash"]; got != want {
			t.Errorf("address %q, want %q", got, want)
		}
		if speaks == "id003" {
			w.Cash.Path().LiftBox()
		} else if !w.Cash.Path().BoxIn() {
			t.Errorf("%q has the box of another", speaks)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w := open(t, o)
	defer w.Close()
	if w.Cash.Path().BoxIn() {
		t.Error("the box is in again")
	}
	o.Speaks = map[string]string{"cash": "telex"}
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), `"telex"`) {
		t.Errorf("got %v, want that there is none", err)
	}
}
