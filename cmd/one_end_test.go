package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

// Here one pretend device and one driver meet, each a program of its own, as a device maker or another
// maker's host meets one of them: section 8 of the desk's contract.

// signalMax is more than any signal takes to come, on a slow machine too.
const signalMax = 90 * time.Second

// endMax is how long a program may take to end that was told to.
const endMax = 20 * time.Second

// signal is a line of kioskd try.
type signal struct {
	Ms       *int64           `json:"ms"`
	Signal   string           `json:"signal"`
	Face     int64            `json:"face_fen"`
	Currency string           `json:"currency"`
	Count    int64            `json:"count"`
	Card     *deskclient.Card `json:"card"`
	Text     string           `json:"text"`
	Kind     string           `json:"kind"`
	Raw      string           `json:"raw_hex"`
}

// program is a program at work, whose output comes line by line.
type program struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	stderr bytes.Buffer // to be read when the program has ended
	ended  chan struct{}
	said   []string
}

// begin starts a program; it is killed with the test unless it has ended.
func begin(t *testing.T, name string, args ...string) *program {
	t.Helper()
	return beginIn(t, nil, name, args...)
}

// beginIn starts a program with more in its environment.
func beginIn(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, name: name + " " + strings.Join(args, " "), cmd: exec.Command(filepath.Join(bin, name), args...),
		lines: make(chan string, 1000), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for in := bufio.NewScanner(stdout); in.Scan(); {
			p.lines <- in.Text()
		}
		close(p.lines)
		p.cmd.Wait() // how it ended is asked of ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s said %q\n%s", p.name, p.said, p.stderr.String())
		}
	})
	return p
}

// line is the next line of output, "" at its end.
func (p *program) line() string {
	p.t.Helper()
	select {
	case text, ok := <-p.lines:
		if ok {
			p.said = append(p.said, text)
		}
		return text
	case <-time.After(signalMax):
		p.t.Fatalf("%s says nothing for %v after %q", p.name, signalMax, p.said)
		return ""
	}
}

// exit waits for the end and gives the status. What was still said is read.
func (p *program) exit() int {
	p.t.Helper()
	for end := time.After(endMax); ; {
		select {
		case text, ok := <-p.lines:
			if !ok {
				<-p.ended
				return p.cmd.ProcessState.ExitCode()
			}
			p.said = append(p.said, text)
		case <-end:
			p.t.Fatalf("%s does not end within %v", p.name, endMax)
		}
	}
}

// next is the next signal.
func (p *program) next() (s signal) {
	p.t.Helper()
	text := p.line()
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&s); err != nil || s.Ms == nil {
		p.t.Fatalf("%s said %q, want a signal: %v", p.name, text, err)
	}
	return s
}

// tells checks that the next signal is this one, a fault with this kind.
func (p *program) tells(name, kind string) signal {
	p.t.Helper()
	s := p.next()
	if s.Signal != name || s.Kind != kind {
		p.t.Fatalf("%s: got %q, want signal %s %s", p.name, p.said[len(p.said)-1], name, kind)
	}
	return s
}

// opens waits until the device is ready. One that is just switched on may be silent for some seconds.
func (p *program) opens() {
	p.t.Helper()
	for s := p.next(); s.Signal != "ready"; s = p.next() {
		if s.Signal != "fault" || s.Kind != "silent" {
			p.t.Fatalf("%s: got %q while it is opened", p.name, p.said[len(p.said)-1])
		}
	}
}

// order gives an order.
func (p *program) order(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.stdin, format+"\n", args...); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// ends closes the input of a kioskd try: it ends with 0 and complains of nothing.
func (p *program) ends() {
	p.t.Helper()
	p.stdin.Close()
	if code := p.exit(); code != 0 {
		p.t.Errorf("%s: exit %d at the end of its input, want 0", p.name, code)
	}
}

// alone starts one pretend device. When the test ends it is told to, and ends with 0.
func alone(t *testing.T, protocol string, flags ...string) (hand *deskclient.Desk, address string) {
	t.Helper()
	dir := newDir(t)
	link := filepath.Join(dir, "line")
	args := append([]string{"one", protocol, "--link", link}, flags...)
	if protocol == "ipp" {
		args = append([]string{"one", protocol, "--listen", "127.0.0.1:0"}, flags...)
	}
	p := begin(t, "devsim", args...)
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, which exit tells
		if code := p.exit(); code != 0 {
			t.Errorf("%s: exit %d after SIGTERM, want 0", p.name, code)
		}
		if _, err := os.Lstat(link); err == nil {
			t.Errorf("%s leaves its line behind", p.name)
		}
	})
	hand, address = p.hands(dir)
	if want := "serial:" + link; protocol != "ipp" && address != want {
		t.Errorf("%s: address %s, want %s", p.name, address, want)
	}
	return hand, address
}

// hands reads where a pretend device is, and takes hold of it.
func (p *program) hands(dir string) (hand *deskclient.Desk, address string) {
	t := p.t
	t.Helper()
	var control string
	if n, err := fmt.Sscanf(p.line(), "devsim: ready %s %s", &address, &control); n != 2 || err != nil {
		t.Fatalf("%s said %q, want its address and that of its hands", p.name, p.said)
	}
	file := filepath.Join(dir, "hands.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"devsim":{"url":%q}}`, control), 0o600); err != nil {
		t.Fatal(err)
	}
	hand, err := deskclient.Open(file, "")
	if err != nil {
		t.Fatal(err)
	}
	return hand, address
}

// arm arms a fault, or mends it with a count of 0.
func arm(t *testing.T, hand *deskclient.Desk, device, fault string, count int) {
	t.Helper()
	var err error
	if count == 0 {
		err = hand.Mend(t.Context(), device, fault)
	} else {
		err = hand.Arm(t.Context(), device, fault, count)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// unplugged pulls the plug and puts it in again.
func unplugged(t *testing.T, hand *deskclient.Desk, device string, p *program) {
	t.Helper()
	arm(t, hand, device, "unplug", 1)
	for s := p.next(); s.Kind != "absent"; s = p.next() {
		if s.Signal != "fault" {
			t.Fatalf("%s: got %q after the plug was pulled", p.name, p.said[len(p.said)-1])
		}
	}
	arm(t, hand, device, "unplug", 0)
	for s := p.next(); s.Signal != "ready"; s = p.next() {
		if s.Signal != "fault" {
			t.Fatalf("%s: got %q after the plug was put in", p.name, p.said[len(p.said)-1])
		}
	}
}

func TestCardReaderAlone(t *testing.T) {
	t.Parallel()
	hand, address := alone(t, "sdt")
	person := deskclient.Card(people.New(11).Person())
	person.Name = "𠅤\ue000㍍"
	try := begin(t, "kioskd", "try", "sdt", address)
	try.tells("ready", "")
	if err := hand.LayCard(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	try.order(`{"do":"read"}`)
	if got := try.tells("card", "").Card; !reflect.DeepEqual(got, &person) {
		t.Errorf("read: got %+v, want %+v", got, person)
	}
	arm(t, hand, "idcard", "bus_card", 1)
	if err := hand.LayCard(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	try.order(`{"do":"read"}`)
	try.tells("fault", "refused")
	try.order(`{"do":"stack"}`)
	try.tells("fault", "invalid")
	unplugged(t, hand, "idcard", try)
	try.ends()
	if strings.Contains(try.stderr.String(), person.Number) {
		t.Error("the card's number is in the log")
	}
}

// TestOrderBeforeTheDeviceIsOpen pipes an order in before the reader can have been opened.
func TestOrderBeforeTheDeviceIsOpen(t *testing.T) {
	t.Parallel()
	hand, address := alone(t, "sdt")
	person := deskclient.Card(people.New(12).Person())
	if err := hand.LayCard(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	try := begin(t, "kioskd", "try", "sdt", address)
	try.order(`{"do":"read"}`)
	try.stdin.Close()
	try.tells("ready", "")
	if got := try.tells("card", "").Card; !reflect.DeepEqual(got, &person) {
		t.Errorf("read: got %+v, want %+v", got, person)
	}
	try.ends()
}

func TestAcceptorAlone(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"plain": {"cctalk"}, "crc": {"cctalk", "--crc"}, "echo": {"cctalk", "--echo"}, "crc and echo": {"cctalk", "--crc", "--echo"},
		"id003": {"id003"}, "ccnet": {"ccnet"}, "ssp": {"ssp"}, "essp": {"essp"}, "ssp-payout": {"ssp-payout"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hand, address := alone(t, args[0], args[1:]...)
			try := begin(t, "kioskd", "try", args[0], address)
			try.opens()
			handOver(t, hand, 10000, "", "refused") // it begins with notes inhibited
			try.order(`{"do":"stack"}`)
			try.tells("fault", "empty")
			try.order(`{"do":"accept"}`)
			escrowed(t, hand, try, 10000)
			try.order(`{"do":"stack"}`)
			try.note("stacked", 10000)
			escrowed(t, hand, try, 2000)
			try.order(`{"do":"return"}`)
			try.note("returned", 2000)
			turnedAway(t, hand, 5000, "foreign")
			if s := try.tells("refused", "refused"); s.Text == "" {
				t.Errorf("a refused note without a reason: %+v", s)
			}
			if name == "plain" || name == "ccnet" { // the others tell of trouble in other words
				notesInTrouble(t, hand, try)
			}
			unplugged(t, hand, "cash", try)
			escrowed(t, hand, try, 500) // the wish to accept outlives an unplug
			try.order(`{"do":"stack"}`)
			try.ends()
			if last := try.said[len(try.said)-1]; !strings.Contains(last, `"stacked"`) {
				t.Errorf("the end of the input does not wait for the note that was sent on its way: last %q", last)
			}
			w, err := hand.World(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := w.Kept()-deskclient.Sum(w.Cash.Taken), int64(10500); got != want {
				t.Errorf("in the box and the store: %d fen, want %d", got, want)
			}
		})
	}
}

// handOver offers a note until it has the fate that is wanted. An order to accept that was just given may not
// have reached the acceptor: a note that its rollers did not take is offered again.
func handOver(t *testing.T, hand *deskclient.Desk, fen int64, kind, fate string) {
	t.Helper()
	var n deskclient.Note
	err := error(nil)
	for end := time.After(endMax); n.Fate != fate; {
		select {
		case <-end:
			t.Fatalf("a %s note of %d fen: %s, want %s", kind, fen, n.Fate, fate)
		default:
		}
		switch n.Fate {
		case "", "refused":
			n, err = hand.OfferNote(t.Context(), fen, kind, 100*time.Millisecond)
		case "moving":
			n, err = hand.Note(t.Context(), n.Note)
		default:
			t.Fatalf("a %s note of %d fen: %s, want %s", kind, fen, n.Fate, fate)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// escrowed offers a note and waits until both ends say that it is held.
// turnedAway holds a note to the mouth until it is drawn in, and waits until it comes back.
func turnedAway(t *testing.T, hand *deskclient.Desk, fen int64, kind string) {
	t.Helper()
	for end := time.Now().Add(endMax); time.Now().Before(end); {
		n, err := hand.OfferNote(t.Context(), fen, kind, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if n.Fate != "moving" {
			continue // the mouth is shut: what became of the last note is not written down yet
		}
		for n.Fate == "moving" && time.Now().Before(end) {
			if n, err = hand.Note(t.Context(), n.Note); err != nil {
				t.Fatal(err)
			}
		}
		if n.Fate != "refused" {
			t.Fatalf("a %s note of %d fen: %s, want it refused", kind, fen, n.Fate)
		}
		return
	}
	t.Fatalf("a %s note of %d fen was never drawn in", kind, fen)
}

func escrowed(t *testing.T, hand *deskclient.Desk, try *program, fen int64) {
	t.Helper()
	handOver(t, hand, fen, "", "escrow")
	try.note("escrowed", fen)
}

// note checks that the next signal is that of a note.
func (p *program) note(name string, fen int64) {
	p.t.Helper()
	if s := p.tells(name, ""); s.Face != fen || s.Currency != "CNY" || s.Raw == "" {
		p.t.Fatalf("%s: got %+v, want a note of %d fen with the bytes that told it", name, s, fen)
	}
}

// notesInTrouble: the box is out, a note is stuck, the acceptor restarts.
func notesInTrouble(t *testing.T, hand *deskclient.Desk, try *program) {
	t.Helper()
	if _, err := hand.TakeBox(t.Context()); err != nil {
		t.Fatal(err)
	}
	try.tells("fault", "open")
	if err := hand.PutBox(t.Context()); err != nil {
		t.Fatal(err)
	}
	try.tells("ready", "")
	arm(t, hand, "cash", "box_full", 1)
	try.tells("fault", "full")
	arm(t, hand, "cash", "box_full", 0)
	try.tells("ready", "")
	escrowed(t, hand, try, 1000)
	arm(t, hand, "cash", "jam", 1)
	try.order(`{"do":"return"}`)
	try.tells("fault", "jammed")
	arm(t, hand, "cash", "jam", 0)
	for returned, ready := false, false; !returned || !ready; {
		switch s := try.next(); {
		case s.Signal == "returned" && s.Face == 1000 && !returned:
			returned = true
		case s.Signal == "ready" && !ready:
			ready = true
		default:
			t.Fatalf("after the jam was mended: %+v", s)
		}
	}
	// The box holds what it held, for whoever took it: put back what was counted.
	escrowed(t, hand, try, 10000)
	try.order(`{"do":"stack"}`)
	try.note("stacked", 10000)
	arm(t, hand, "cash", "reset", 1)
	try.tells("fault", "doubtful")
	for s := try.next(); s.Signal != "ready"; s = try.next() {
		if s.Signal != "fault" {
			t.Fatalf("after a restart of the acceptor: %+v", s)
		}
	}
}

func TestReceiptPrinterAlone(t *testing.T) {
	t.Parallel()
	hand, address := alone(t, "escpos")
	try := begin(t, "kioskd", "try", "escpos", address)
	try.tells("ready", "")
	try.order(`{"do":"text","lines":["水费 <123.45> & 其他","second line"]}`)
	try.tells("printed", "")
	if text, err := hand.Receipt(t.Context(), 1, "txt"); err != nil || !strings.Contains(string(text), "水费 <123.45> & 其他\nsecond line") {
		t.Errorf("on paper: %q, %v", text, err)
	}
	for fault, kind := range map[string]string{"paper_out": "empty", "cover_open": "open", "jam": "jammed"} {
		arm(t, hand, "receipt", fault, 1)
		try.tells("fault", kind)
		try.order(`{"do":"text","lines":["not now"]}`)
		try.tells("fault", kind)
		arm(t, hand, "receipt", fault, 0)
		try.tells("ready", "")
	}
	arm(t, hand, "receipt", "cutter", 1)
	try.order(`{"do":"text","lines":["half a strip"]}`)
	for n := 2; n > 0; n-- {
		try.tells("fault", "jammed") // of the order, and of the printer's state
	}
	arm(t, hand, "receipt", "cutter", 0)
	try.order(`{"do":"text","lines":["third"]}`)
	for s := try.next(); s.Signal != "printed"; s = try.next() {
		if s.Signal != "ready" {
			t.Fatalf("after the cutter was mended: %+v", s)
		}
	}
	w, err := hand.World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := w.Receipt.Prints[len(w.Receipt.Prints)-1]
	if text, err := hand.Receipt(t.Context(), last.N, "txt"); err != nil || !last.Cut || strings.Contains(string(text), "half") || !strings.Contains(string(text), "third") {
		t.Errorf("the strip after the cutter was mended: %q, cut %v, %v", text, last.Cut, err)
	}
	try.order(`{"do":"text","lines":["ሀ"]}`) // no character of the printer's font
	try.tells("fault", "invalid")
	unplugged(t, hand, "receipt", try)
	try.order(`{"do":"text","lines":["last"]}`)
	try.stdin.Close()
	try.tells("printed", "")
	try.ends()
}

func TestScannerAlone(t *testing.T) {
	t.Parallel()
	hand, address := alone(t, "scanner")
	try := begin(t, "kioskd", "try", "scanner", address)
	try.tells("ready", "")
	if err := hand.Scan(t.Context(), "early"); deskclient.Status(err) != 409 {
		t.Errorf("a code before it looks: %v, want 409", err)
	}
	try.order(`{"do":"read"}`)
	show(t, hand, "YC1:A-1:水费&<b>")
	if got, want := try.tells("scanned", "").Text, "YC1:A-1:水费&<b>"; got != want {
		t.Errorf("scanned %q, want %q", got, want)
	}
	try.order(`{"do":"read"}`)
	if err := untilTaken(t.Context(), func(ctx context.Context) error {
		return hand.Call(ctx, "POST", hand.Devsim.URL+"/v1/scanner/scans", map[string]string{"hex": "fffe81"}, nil)
	}); err != nil {
		t.Fatal(err)
	}
	try.tells("fault", "garbled")
	try.order(`{"do":"print"}`)
	try.tells("fault", "invalid")
	unplugged(t, hand, "scanner", try)
	try.ends()
}

// show shows a code as soon as the reader looks.
func show(t *testing.T, hand *deskclient.Desk, text string) {
	t.Helper()
	if err := untilTaken(t.Context(), func(ctx context.Context) error { return hand.Scan(ctx, text) }); err != nil {
		t.Fatal(err)
	}
}

// untilTaken tries again while the door says that it is too early.
func untilTaken(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, signalMax)
	defer cancel()
	for {
		if err := do(ctx); deskclient.Status(err) != 409 {
			return err
		}
	}
}

func TestLicensePrinterAlone(t *testing.T) {
	t.Parallel()
	hand, address := alone(t, "ipp")
	pdf := filepath.Join(newDir(t), "license.pdf")
	document := "%PDF-1.4\n1 0 obj << /Type /Page /MediaBox [0 0 841.89 1190.55] >> endobj\n2 0 obj << /Type /Pages >> endobj\n%%EOF\n"
	if err := os.WriteFile(pdf, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	a3 := "iso_a3_297x420mm"
	try := begin(t, "kioskd", "try", "ipp", address)
	try.tells("ready", "")
	sheet := fmt.Sprintf(`{"do":"print","file":%q,"media":%q}`, pdf, a3)
	try.order("%s", sheet)
	try.tells("fault", "empty")
	if err := hand.LoadTray(t.Context(), "tray-1", a3, 5, "A00000041"); err != nil {
		t.Fatal(err)
	}
	try.order("%s", sheet)
	try.tells("printed", "")
	arm(t, hand, "license", "jam", 1)
	try.order("%s", sheet)
	try.tells("fault", "jammed") // the printer's state
	arm(t, hand, "license", "jam", 0)
	for n := 2; n > 0; n-- { // the job is spoiled, the printer is fit: in either order
		if s := try.next(); s.Signal != "ready" && s.Kind != "jammed" {
			t.Fatalf("after the sheet was taken out: %+v", s)
		}
	}
	arm(t, hand, "license", "door_open", 1)
	try.tells("fault", "open")
	try.order("%s", sheet)
	try.tells("fault", "open")
	arm(t, hand, "license", "door_open", 0)
	try.tells("ready", "")
	try.order(`{"do":"print","file":%q,"media":"na_letter"}`, pdf)
	try.tells("fault", "invalid")
	try.order(`{"do":"print","file":%q,"media":%q}`, pdf+".none", a3)
	try.tells("fault", "invalid")
	try.ends()
	w, err := hand.World(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range w.License.Prints {
		got = append(got, fmt.Sprintf("%s %v", p.Serial, p.Complete))
	}
	if want := []string{"A00000041 true", "A00000042 false"}; !reflect.DeepEqual(got, want) {
		t.Errorf("sheets: got %q, want %q", got, want)
	}
	if data, err := hand.LicenseSheet(t.Context(), 1, "pdf"); err != nil || string(data) != document {
		t.Errorf("the document that came: %q, %v", data, err)
	}
}

// TestBothEndsRefuseWhatIsWrong: each ends at once with a sentence that names what was wrong.
func TestBothEndsRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(newDir(t), "line")
	for _, row := range []struct {
		name, args string
		status     int
		want       string
	}{
		{"kioskd", "try telex serial:/dev/null", 1, `"telex"`},
		{"kioskd", "try sdt", 1, "address"},
		{"kioskd", "try", 1, "protocol"},
		{"kioskd", "try sdt http://127.0.0.1:1/", 1, "serial:PATH"},
		{"kioskd", "try cctalk serial:", 1, "serial:PATH"},
		{"kioskd", "try ipp serial:/dev/null", 1, "http://HOST:PORT/PATH"},
		{"kioskd", "try escpos " + nowhere, 1, "serial:PATH"},
		{"kioskd", "try scanner " + nowhere + " again", 1, "again"},
		{"devsim", "one telex --link " + nowhere, 1, `"telex"`},
		{"devsim", "one", 2, "protocol"},
		{"devsim", "one sdt", 1, "--link"},
		{"devsim", "one sdt --echo --link " + nowhere, 1, "--echo"},
		{"devsim", "one ipp --listen nowhere", 1, "nowhere"},
		{"devsim", "one cctalk --link /proc/line", 1, "/proc/line"},
		{"devsim", "one cctalk --parity --link " + nowhere, 2, "--parity"},
	} {
		p := begin(t, row.name, strings.Fields(row.args)...)
		if code := p.exit(); code != row.status || !strings.Contains(p.stderr.String(), row.want) || len(p.said) > 0 {
			t.Errorf("%s: exit %d, said %q and %q, want %d and %q", p.name, code, p.said, p.stderr.String(), row.status, row.want)
		}
	}
}

// TestNobodyIsAtTheAddress: there is no device, and the driver says so also when nothing is asked of it.
func TestNobodyIsAtTheAddress(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(newDir(t), "line")
	for protocol, address := range map[string]string{"sdt": "serial:" + nowhere, "cctalk": "serial:" + nowhere, "cctalk-coin": "serial:" + nowhere, "cctalk-hopper": "serial:" + nowhere, "id003": "serial:" + nowhere, "ccnet": "serial:" + nowhere, "ssp": "serial:" + nowhere, "essp": "serial:" + nowhere, "escpos": "serial:" + nowhere,
		"scanner": "serial:" + nowhere, "ipp": "http://127.0.0.1:1/ipp/print"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			try := begin(t, "kioskd", "try", protocol, address)
			try.stdin.Close()
			try.tells("fault", "absent")
			try.ends()
		})
	}
}

func TestWrongOrders(t *testing.T) {
	t.Parallel()
	_, address := alone(t, "sdt")
	for text, want := range map[string]string{
		"read":                            `order "read"`,
		`{"do":"read","lines":`:           "unexpected",
		`{"do":"read","colour":"red"}`:    "colour",
		`{"do":"read"}{"do":"read"}`:      "more than one",
		`{"do":7}`:                        "do",
		strings.Repeat("x", 1<<20+1):      "too long",
		`{"do":"text","lines":"no list"}`: "lines",
	} {
		try := begin(t, "kioskd", "try", "sdt", address)
		try.order("%s", text)
		if code := try.exit(); code != 1 || !strings.Contains(try.stderr.String(), want) {
			t.Errorf("order %.40q: exit %d and %.200q, want 1 and %q", text, code, try.stderr.String(), want)
		}
	}
}

// TestTryIsStoppedWhileNobodyTypes: a signal ends it though its input is open.
func TestTryIsStoppedWhileNobodyTypes(t *testing.T) {
	t.Parallel()
	_, address := alone(t, "scanner")
	try := begin(t, "kioskd", "try", "scanner", address)
	try.tells("ready", "")
	try.order(`{"do":"read"}`) // and it waits for a code
	try.cmd.Process.Signal(syscall.SIGTERM)
	if code := try.exit(); code != 0 {
		t.Errorf("exit %d after SIGTERM, want 0", code)
	}
}
