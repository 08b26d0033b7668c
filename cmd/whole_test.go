package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

var built string // where the programs are, when a test wanted them

// programs builds the five programs once, from the tree as it is.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yichuang-bin-")
	if err != nil {
		return "", err
	}
	built = dir
	args := []string{"build", "-o", dir + "/"}
	for _, name := range []string{"kioskd", "kiosk-ui", "kioskctl", "halld", "devsim"} {
		args = append(args, "./"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the programs: %w: %s", err, out)
	}
	return dir, seeSources()
})

// seeSources looks at every source file, so that the test cache knows on what these tests depend: it
// cannot see what the go command reads.
func seeSources() error {
	for _, root := range []string{"devices", "kiosk", "ui", "sync", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// needs leaves a test out where the desk's own needs are not installed; "make test" installs them.
func needs(t *testing.T, names ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a test of the whole product")
	}
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed here", name)
		}
	}
}

// newDir is a folder with a short name: the sockets in it have room for some hundred characters.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "yc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start runs a desk in a folder until the test ends.
func start(t *testing.T, dir, set string) *deskclient.Desk {
	t.Helper()
	needs(t, "Xvfb", "dbus-daemon", "xdotool")
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	d, err := deskclient.Start(t.Context(), deskclient.Options{Bin: bin, Dir: dir, Language: "zh", Set: set})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(d.Kioskd.Log), tail(d.KioskUI.Log))
		}
		d.Stop() // a test that looks at the end stops it itself
	})
	return d
}

// tail is the end of a log, for whoever reads why a test failed.
func tail(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return fmt.Sprintf("the end of %s:\n%s", file, bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
}

// come brings somebody to the screen of a desk.
func come(t *testing.T, d *deskclient.Desk) *citizen.Citizen {
	t.Helper()
	c, err := citizen.Come(t.Context(), d, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			all, err := c.Screen.Look(context.WithoutCancel(t.Context()))
			t.Logf("the screen shows\n%s\n%v", strings.Join(lines(all), "\n"), err)
		}
		c.Go() // the bus may be gone before
	})
	return c
}

// must ends a test that cannot go on.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seed is where a test's chances come from; a run can be had again with SEED=.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := people.FreshSeed()
	if text := os.Getenv("SEED"); text != "" {
		if _, err := fmt.Sscan(text, &s); err != nil {
			t.Fatalf("SEED=%q: want a number", text)
		}
	}
	t.Logf("SEED=%d", s)
	return s
}

// times is how often a test is to do something: n, or what the environment says.
func times(t *testing.T, name string, n int) int {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatalf("%s=%q: want a number", name, text)
		}
	}
	return n
}

// account opens an account with one bill.
func account(t *testing.T, d *deskclient.Desk, due int64) deskclient.Made {
	t.Helper()
	m, err := d.MakeAccount(t.Context(), deskclient.NewAccount{Name: "钱多多", Address: "人民路1号", Bills: []deskclient.Bill{{Period: "2026-10", Due: due}}})
	must(t, err)
	return m
}

// applicant is somebody who registers a shop that nobody else has: its name is two characters of a
// hundred times a hundred, in one of four counties.
func applicant(s *people.Source) citizen.Applicant {
	pick := func() string { return string(signs[s.IntN(len(signs))]) }
	return citizen.Applicant{Card: deskclient.Card(s.Person()), Division: []string{"110101", "310101", "440103", "320102"}[s.IntN(4)],
		Street: fmt.Sprint(10 + s.IntN(90)), Trade: []string{"5212", "5211"}[s.IntN(2)], Scope: []string{"1"}, TradeName: pick() + pick() + pick()}
}

var signs = []rune("大小上下左右天地人口山水日月木石田土火金中东西南北风云雨花草春夏秋冬红黄白青好新明平安乐")

// process is where desk.json tells of a program.
func process(d *deskclient.Desk, name string) deskclient.Process {
	return map[string]deskclient.Process{"kioskd": d.Kioskd, "kiosk-ui": d.KioskUI, "halld": d.Hall, "biller": d.Biller, "gateway": d.Gateway}[name]
}

// againMax is how long a killed program may take to be there again; the desk gives itself two seconds.
const againMax = 20 * time.Second

// kill ends a program of the desk as kill -9 does, and waits until it runs again.
func kill(ctx context.Context, d *deskclient.Desk, name string) error {
	if err := d.Reload(); err != nil {
		return err
	}
	before := process(d, name)
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	return citizen.Until(ctx, againMax, func() error {
		if err := d.Reload(); err != nil {
			return err
		}
		if now := process(d, name); now.Starts <= before.Starts || now.PID == before.PID {
			return fmt.Errorf("%s was killed and does not run again", name)
		}
		return nil
	})
}

// ledger is what of kioskctl's document these tests judge.
type ledger struct {
	Notes struct {
		Stacked, Returned, Doubtful []deskclient.Face
	} `json:"notes"`
	In struct {
		Stacked int64 `json:"stacked"`
		QRPaid  int64 `json:"qr_paid"`
	} `json:"in_fen"`
	Placed places `json:"placed_fen"`
	Blanks struct {
		Received int64 `json:"received"`
		Issued   int64 `json:"issued"`
		Void     int64 `json:"void"`
		InTray   int64 `json:"in_tray"`
		Doubtful int64 `json:"doubtful"`
	} `json:"blanks"`
	Licenses []struct {
		Case string `json:"case"`
		Live int    `json:"live_originals"`
	} `json:"licenses"`
	OpenBegun int `json:"open_begun"`
	Journal   struct {
		Head  int64  `json:"head"`
		Chain string `json:"chain"`
	} `json:"journal"`
}

type places struct {
	Visit    int64 `json:"visit"`
	Bills    int64 `json:"bills"`
	Surplus  int64 `json:"surplus"`
	Owed     int64 `json:"owed"`
	PaidOut  int64 `json:"paid_out"`
	Refunded int64 `json:"refunded"`
	Doubtful int64 `json:"doubtful"`
}

func (p places) sum() int64 {
	return p.Visit + p.Bills + p.Surplus + p.Owed + p.PaidOut + p.Refunded + p.Doubtful
}

// hallBooks is what of the hall's document these tests judge.
type hallBooks struct {
	Terminals []struct {
		Cursor, Records, Gaps int64
		Chain                 string
	} `json:"terminals"`
	Payments []struct {
		Case    string   `json:"case"`
		Account string   `json:"account"`
		Paid    int64    `json:"paid_fen"`
		Posted  int64    `json:"posted_fen"`
		State   string   `json:"state"`
		Orders  []string `json:"orders"`
	} `json:"payments"`
	Cases []struct {
		Case, State, Code, Reason string
	} `json:"cases"`
	Licenses []struct {
		Case string `json:"case"`
		Live int    `json:"live_originals"`
	} `json:"licenses"`
}

func ledgerOf(ctx context.Context, d *deskclient.Desk) (l ledger, err error) {
	exit, err := d.Ctl(ctx, &l, "ledger")
	if err == nil && exit != 0 {
		err = fmt.Errorf("kioskctl ledger: exit %d", exit)
	}
	return l, err
}

func hallOf(ctx context.Context, d *deskclient.Desk) (h hallBooks, err error) {
	exit, err := d.HallCommand(ctx, &h, "ledger")
	if err == nil && exit != 0 {
		err = fmt.Errorf("halld ledger: exit %d", exit)
	}
	return h, err
}

// balanceMax is how long what is on its way between the ends may take.
const balanceMax = 60 * time.Second

// doubts says what a test allows to be doubtful.
type doubts struct {
	notes  int64 // fen
	blanks int64
	unseen int64 // fen of a note that the terminal never saw, and that a doubt without an amount stands for
}

// balanced waits until everybody's books agree with what the mechanisms hold: the terminal's, the hall's,
// and the company's for the accounts that are named.
func balanced(t *testing.T, d *deskclient.Desk, may doubts, accounts ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := citizen.Until(ctx, balanceMax, func() error { return agree(ctx, d, may, accounts) }); err != nil {
		t.Error(err)
	}
}

func agree(ctx context.Context, d *deskclient.Desk, may doubts, accounts []string) error {
	w, err := d.World(ctx)
	if err != nil {
		return err
	}
	l, err := ledgerOf(ctx, d)
	if err != nil {
		return err
	}
	if err := settledBooks(l, w, may); err != nil {
		return err
	}
	h, err := hallOf(ctx, d)
	if err != nil {
		return err
	}
	if err := sameAtHall(l, h); err != nil {
		return err
	}
	for _, number := range accounts {
		if err := sameAtBiller(ctx, d, h, number); err != nil {
			return err
		}
	}
	return errors.Join(audit(ctx, "kioskctl", d.Ctl), audit(ctx, "halld", d.HallCommand))
}

// audit lets one end check its own promises, and names what does not hold.
func audit(ctx context.Context, who string, ask func(context.Context, any, ...string) (int, error)) error {
	var doc struct {
		Violations int `json:"violations"`
		Invariants []struct {
			ID, Note string
			Holds    bool
		} `json:"invariants"`
	}
	exit, err := ask(ctx, &doc, "audit")
	if err != nil {
		return err
	}
	broken := ""
	for _, i := range doc.Invariants {
		if !i.Holds {
			broken += "; " + i.ID + ": " + i.Note
		}
	}
	if exit != 0 || doc.Violations != 0 || broken != "" {
		return fmt.Errorf("%s audit: exit %d, %d violations%s", who, exit, doc.Violations, broken)
	}
	return nil
}

// settledBooks compares the terminal's ledger with what the mechanisms hold.
func settledBooks(l ledger, w deskclient.World, may doubts) error {
	stacked, box := deskclient.Sum(l.Notes.Stacked), deskclient.Sum(w.Cash.Box)+deskclient.Sum(w.Cash.Taken)
	left := int64(0)
	for _, s := range w.License.Prints {
		if s.Serial != "" {
			left++
		}
	}
	b := l.Blanks
	switch {
	case l.In.Stacked+l.In.QRPaid != l.Placed.sum():
		return fmt.Errorf("%+v came in and %+v is placed", l.In, l.Placed)
	case l.Placed.Doubtful > may.notes || b.Doubtful > may.blanks:
		return fmt.Errorf("%d fen and %d blanks are doubtful; at most %d and %d may be", l.Placed.Doubtful, b.Doubtful, may.notes, may.blanks)
	case box < stacked || box > stacked+l.Placed.Doubtful+may.unseen:
		return fmt.Errorf("the journal has %d fen stacked and %d doubtful, and the box holds %d", stacked, l.Placed.Doubtful, box)
	case l.OpenBegun != 0 || l.Placed.Visit != 0:
		return fmt.Errorf("%d acts are open and %d fen are not placed", l.OpenBegun, l.Placed.Visit)
	case left < b.Issued+b.Void || left > b.Issued+b.Void+b.Doubtful:
		return fmt.Errorf("%d blanks left the trays; %+v", left, b)
	case b.Received != b.Issued+b.Void+b.InTray+b.Doubtful:
		return fmt.Errorf("the blanks do not add up: %+v", b)
	case l.Journal.Chain != "ok":
		return errors.New("the journal's chain: " + l.Journal.Chain)
	}
	for _, x := range l.Licenses {
		if x.Live > 1 {
			return fmt.Errorf("case %s has %d live originals", x.Case, x.Live)
		}
	}
	return nil
}

// sameAtHall sees that the hall has the whole journal, once and in order, and the money in it.
func sameAtHall(l ledger, h hallBooks) error {
	records, paid := int64(0), int64(0)
	for _, s := range h.Terminals {
		records += s.Records
		if s.Gaps != 0 || s.Chain != "ok" {
			return fmt.Errorf("the hall's copy has %d gaps, chain %s", s.Gaps, s.Chain)
		}
	}
	if records != l.Journal.Head {
		return fmt.Errorf("the hall has %d records of %d", records, l.Journal.Head)
	}
	for _, p := range h.Payments {
		paid += p.Paid
	}
	if in := l.In.Stacked + l.In.QRPaid - l.Placed.Doubtful; paid != in {
		return fmt.Errorf("the hall knows of %d fen that came in and the terminal of %d", paid, in)
	}
	for _, x := range h.Licenses {
		if x.Live > 1 {
			return fmt.Errorf("at the hall case %s has %d live originals", x.Case, x.Live)
		}
	}
	return nil
}

// sameAtBiller sees that the company has booked each payment of the hall once, and nothing else.
func sameAtBiller(ctx context.Context, d *deskclient.Desk, h hallBooks, number string) error {
	a, err := d.Account(ctx, number)
	if err != nil {
		return err
	}
	booked := map[string]int64{}
	for _, p := range a.Postings {
		if booked[p.Case] != 0 {
			return fmt.Errorf("the company booked case %s twice", p.Case)
		}
		booked[p.Case] = p.Amount
	}
	for _, p := range h.Payments {
		if p.Account != number {
			continue
		}
		if p.State == "taken" {
			return fmt.Errorf("the payment of case %s is still on its way", p.Case)
		}
		if booked[p.Case] != p.Posted {
			return fmt.Errorf("case %s: the hall posted %d and the company booked %d", p.Case, p.Posted, booked[p.Case])
		}
		delete(booked, p.Case)
	}
	if len(booked) > 0 {
		return fmt.Errorf("the company has booked %v, of which the hall knows nothing", booked)
	}
	return nil
}

// said waits until the page says what went wrong, and gives the sentence.
func said(t *testing.T, c *citizen.Citizen, words ...string) string {
	t.Helper()
	text := ""
	err := citizen.Until(t.Context(), 60*time.Second, func() error {
		if text = c.Message(t.Context()); text == "" {
			return errors.New("the page says nothing")
		}
		for _, w := range words {
			if strings.Contains(text, w) {
				return nil
			}
		}
		if len(words) > 0 {
			return fmt.Errorf("the page says %q; want one of %q in it", text, words)
		}
		return nil
	})
	if err != nil {
		page, _ := c.Screen.Page(t.Context()) // for the message
		t.Errorf("page %s: %v", page, err)
	}
	return text
}
