package sdtsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/mechanism"
)

// people are the invented cards of testdata.
func people(t testing.TB) map[string]Card {
	t.Helper()
	raw, err := json.Marshal(idcardtest.Cards(t))
	cards := map[string]Card{}
	if err = errors.Join(err, json.Unmarshal(raw, &cards)); err != nil {
		t.Fatal(err)
	}
	return cards
}

// host speaks to the mechanism over a pipe, in virtual time.
type host struct {
	t    *testing.T
	r    *Reader
	line net.Conn
	end  chan error
}

func withHost(t *testing.T, o Options, trial func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &host{t: t, r: New(o)}
		h.plugIn()
		trial(t, h)
		h.line.Close()
		<-h.end
	})
}

func (h *host) plugIn() {
	line, device := net.Pipe()
	h.line, h.end = line, make(chan error, 1)
	go func() {
		err := h.r.Serve(h.t.Context(), device)
		device.Close()
		h.end <- err
	}()
}

// ask writes bytes and gives what comes until the line is silent for a while.
func (h *host) ask(b []byte) []byte {
	h.t.Helper()
	if _, err := h.line.Write(b); err != nil {
		h.t.Fatal(err)
	}
	return h.listen(8 * time.Second)
}

func (h *host) listen(d time.Duration) []byte {
	var got []byte
	for b := make([]byte, 8192); ; {
		if err := h.line.SetReadDeadline(time.Now().Add(d)); err != nil {
			h.t.Fatal(err)
		}
		n, err := h.line.Read(b)
		got = append(got, b[:n]...)
		if err != nil {
			return got
		}
	}
}

// want asks by the names of vectors.
func (h *host) want(question, reply string) {
	h.t.Helper()
	v := idcardtest.Frames(h.t)
	if got := h.ask(v["request"][question]); !bytes.Equal(got, v["reply"][reply]) {
		h.t.Errorf("%s: got % X, want %s", question, got[:min(len(got), 40)], reply)
	}
}

// TestEachKindIsTheVectorsBytes: the mechanism's frames are those that an independent script built.
func TestEachKindIsTheVectorsBytes(t *testing.T) {
	for name, c := range people(t) {
		withHost(t, Options{}, func(t *testing.T, h *host) {
			if err := h.r.Lay(c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			h.want("sam-status", "ok")
			h.want("sam-id", "sam-id")
			h.want("find", "find-ok")
			h.want("select", "select-ok")
			h.want("base", "read-"+name)
		})
	}
	for fingers, reply := range map[bool]string{true: "readfp-citizen", false: "readfp-citizen-none"} {
		withHost(t, Options{Fingers: fingers}, func(t *testing.T, h *host) {
			if err := h.r.Lay(people(t)["citizen"]); err != nil {
				t.Fatal(err)
			}
			h.want("find", "find-ok")
			h.want("select", "select-ok")
			h.want("base+fp", reply)
		})
	}
}

// TestOrderOfThePlate: what each command says in each state, and that a read card rests.
func TestOrderOfThePlate(t *testing.T) {
	withHost(t, Options{}, func(t *testing.T, h *host) {
		ask := func(pairs ...string) {
			t.Helper()
			for i := 0; i < len(pairs); i += 2 {
				h.want(pairs[i], pairs[i+1])
			}
		}
		order := answer(swOrder)
		ask("find", "find-none", "select", "select-fail", "base", "read-fail", "new-address", "read-fail", "reset", "ok")
		c := people(t)["citizen"]
		if err := h.r.Lay(c); err != nil {
			t.Fatal(err)
		}
		ask("select", "select-fail")
		v := idcardtest.Frames(t)["request"]
		for _, q := range []string{"base", "base+fp", "new-address"} {
			if got := h.ask(v[q]); !bytes.Equal(got, order) {
				t.Errorf("%s before select: % X, want % X", q, got, order)
			}
		}
		ask("find", "find-ok", "find", "find-ok", "select", "select-ok", "select", "select-fail", "new-address", "no-content")
		ask("reset", "ok", "select", "select-fail", "find", "find-ok", "select", "select-ok", "base", "read-citizen")
		ask("find", "find-none", "select", "select-fail", "new-address", "no-content")
		if h.r.Waiting() {
			t.Error("a card that was read waits")
		}
		if got := h.ask(v["base"]); !bytes.Equal(got, order) {
			t.Errorf("second read: % X", got)
		}
		if !h.r.Take() || h.r.Take() || h.r.World() != nil {
			t.Error("take says whether there was a card")
		}
		c.NewAddress = "上海市测试路3号"
		if err := h.r.Lay(c); err != nil || !h.r.Waiting() {
			t.Fatal(err)
		}
		ask("find", "find-ok", "select", "select-ok", "base", "read-citizen", "new-address", "new-address")
		h.r.Take()
		ask("find", "find-none")
	})
}

// TestBadRequests: damage is answered in the reader's own words, and the next request is heard.
func TestBadRequests(t *testing.T) {
	withHost(t, Options{NoFingerprint: true}, func(t *testing.T, h *host) {
		v := idcardtest.Frames(t)["request"]
		find := v["find"]
		bad := slices.Clone(find)
		bad[9] ^= 1
		for name, tc := range map[string]struct {
			in   []byte
			want string
		}{
			"wrong check":        {bad, "bad-checksum"},
			"length too short":   {[]byte{0xAA, 0x96, 0x69, 0, 2, 0x20, 0x22}, "bad-length"},
			"length too long":    {[]byte{0xAA, 0x96, 0x69, 0x10, 0x01}, "bad-length"},
			"data where none is": {[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0x20, 0x01, 0x00, 0x25}, "bad-length"},
			"no data":            {[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x61, 0xFF, 0x9D}, "bad-length"},
			"unknown":            {[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x55, 0x01, 0x57}, "bad-command"},
			"older firmware":     {v["base+fp"], "bad-command"},
			"max RF":             {v["max-RF-50h"], "ok"},
			"noise before":       {append([]byte{1, 0xAA, 0x96, 0xAA, 0xAA}, find...), "find-none"},
			"short preamble":     {find[2:], "find-none"},
		} {
			if got := h.ask(tc.in); !bytes.Equal(got, idcardtest.Frames(t)["reply"][tc.want]) {
				t.Errorf("%s: got % X, want %s", name, got, tc.want)
			}
		}
		for i := range find { // in two parts, at each byte
			if _, err := h.line.Write(find[:i]); err != nil {
				t.Fatal(err)
			}
			<-time.After(300 * time.Millisecond) // virtual
			if got := h.ask(find[i:]); !bytes.Equal(got, idcardtest.Frames(t)["reply"]["find-none"]) {
				t.Errorf("parted at %d: % X", i, got)
			}
		}
		h.ask(find[:7]) // half a request is forgotten
		h.want("find", "find-none")
	})
}

// TestWhatDoesNotFit: the error names the field, its room and what was given.
func TestWhatDoesNotFit(t *testing.T) {
	for _, tc := range []struct {
		c            Card
		field        string
		limit, given int
	}{
		{Card{Name: strings.Repeat("名", 16)}, "name", 15, 16}, {Card{Name: strings.Repeat("𠮷", 8)}, "name", 15, 16},
		{Card{Sex: "12"}, "sex", 1, 2}, {Card{Ethnicity: "001"}, "ethnicity", 2, 3}, {Card{Birth: "199001011"}, "birth", 8, 9},
		{Card{Address: strings.Repeat("址", 36)}, "address", 35, 36}, {Card{Number: strings.Repeat("1", 19)}, "number", 18, 19},
		{Card{Authority: strings.Repeat("局", 16)}, "authority", 15, 16}, {Card{ValidFrom: "2020-01-01"}, "valid_from", 8, 10},
		{Card{ValidTo: "2020-01-01"}, "valid_to", 8, 10}, {Card{PermitNumber: "H"}, "permit_number", 0, 1}, {Card{NewAddress: strings.Repeat("址", 36)}, "new_address", 35, 36},
		{Card{Kind: "hmt", PermitNumber: "H000000011"}, "permit_number", 9, 10}, {Card{Kind: "hmt", IssueCount: "001"}, "issue_count", 2, 3},
		{Card{Kind: "foreign_2017", EnglishName: strings.Repeat("A", 61)}, "english_name", 60, 61}, {Card{Kind: "foreign_2017", Number: strings.Repeat("A", 16)}, "number", 15, 16},
		{Card{Kind: "foreign_2017", Authority: "11000"}, "authority", 4, 5}, {Card{Kind: "foreign_2017", Address: "址"}, "address", 0, 1},
		{Card{Kind: "foreign_2023", EnglishName: strings.Repeat("A", 47)}, "english_name", 46, 47}, {Card{Kind: "foreign_2023", Nationality: "GBRX"}, "nationality", 3, 4},
	} {
		r := New(Options{})
		err := r.Lay(tc.c)
		var f *FieldError
		if !errors.As(err, &f) || f.Field != tc.field || f.Limit != tc.limit || f.Given != tc.given || r.World() != nil {
			t.Errorf("%s: got %v, want %s %d %d", tc.c.Kind, err, tc.field, tc.limit, tc.given)
			continue
		}
		if text := f.Error(); !strings.HasPrefix(text, tc.field+": ") || strings.Contains(text, "no such field") != (tc.limit == 0) {
			t.Errorf("text %q", text)
		}
	}
	if err := New(Options{}).Lay(Card{Kind: "passport"}); err == nil || !strings.Contains(err.Error(), "passport") {
		t.Errorf("an unknown kind: %v", err)
	}
	for kind, slots := range layouts {
		units := 0
		for _, s := range slots {
			units += s.units
		}
		if b, err := (Card{Kind: kind}).Block(); err != nil || len(b) != 256 || units != 128 {
			t.Errorf("%s: %d bytes, %v", kind, len(b), err)
		}
	}
}

// TestTakenInMidRead: the answer is a failed read, in time, and the plate is empty.
func TestTakenInMidRead(t *testing.T) {
	withHost(t, Options{ReadTime: time.Second}, func(t *testing.T, h *host) {
		if err := h.r.Lay(people(t)["citizen"]); err != nil {
			t.Fatal(err)
		}
		h.want("find", "find-ok")
		h.want("select", "select-ok")
		time.AfterFunc(300*time.Millisecond, func() { h.r.Take() })
		h.want("base", "read-fail")
		h.want("find", "find-none")
	})
}

// TestPlug: pulled, nothing is served; put back, the reader has forgotten what it had found.
func TestPlug(t *testing.T) {
	withHost(t, Options{}, func(t *testing.T, h *host) {
		var seen []bool
		h.r.OnPlug(func(in bool) { seen = append(seen, in) })
		if err := h.r.Lay(people(t)["citizen"]); err != nil {
			t.Fatal(err)
		}
		h.want("find", "find-ok")
		for range 2 {
			if err := h.r.Faults().Arm("unplug", 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-h.end; !errors.Is(err, ErrUnplugged) {
			t.Errorf("Serve ended with %v", err)
		}
		if err := h.r.Serve(t.Context(), h.line); !errors.Is(err, ErrUnplugged) {
			t.Errorf("Serve while unplugged: %v", err)
		}
		if err := h.r.Faults().Arm("unplug", 0); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seen, []bool{false, true}) {
			t.Errorf("OnPlug heard %v", seen)
		}
		h.plugIn()
		h.want("select", "select-fail")
		h.want("find", "find-ok")
	})
}

func TestPower(t *testing.T) {
	withHost(t, Options{}, func(t *testing.T, h *host) {
		if err := h.r.Lay(people(t)["citizen"]); err != nil {
			t.Fatal(err)
		}
		h.want("find", "find-ok")
		h.r.Power(false)
		if got := h.ask(idcardtest.Frames(t)["request"]["sam-status"]); len(got) != 0 {
			t.Errorf("without power it says % X", got)
		}
		h.r.Power(true)
		h.want("select", "select-fail")
		h.want("find", "find-ok")
	})
}

// TestFaultsBefall: those that are the mechanism's own, once each.
func TestFaultsBefall(t *testing.T) {
	withHost(t, Options{}, func(t *testing.T, h *host) {
		arm := func(name string) {
			t.Helper()
			if err := h.r.Faults().Arm(name, 1); err != nil {
				t.Fatal(err)
			}
		}
		v := idcardtest.Frames(t)
		again := func() {
			t.Helper()
			h.r.Take()
			if err := h.r.Lay(people(t)["citizen"]); err != nil {
				t.Fatal(err)
			}
			h.want("find", "find-ok")
			h.want("select", "select-ok")
		}
		again()
		arm("read_failed")
		h.want("base", "read-fail")
		h.want("find", "find-ok")
		again()
		arm("not_genuine")
		if got := h.ask(v["request"]["base"]); !bytes.Equal(got, answer(0x33)) {
			t.Errorf("not genuine: % X", got)
		}
		again()
		arm("lost_reply")
		if got := h.ask(v["request"]["base"]); len(got) != 0 {
			t.Errorf("lost reply: % X", got)
		}
		h.want("find", "find-none")
		again()
		arm("card_gone")
		h.want("base", "read-fail")
		if h.r.World() != nil {
			t.Error("the card is still there")
		}
		again()
		arm("reset")
		if got := h.ask(v["request"]["base"]); len(got) != 0 {
			t.Errorf("reset: % X", got)
		}
		h.want("select", "select-fail")
		h.r.Take()
		arm("bus_card")
		h.want("find", "find-ok")
		h.want("select", "select-fail")
		h.want("find", "find-ok")
		r := h.r.Faults()
		if err := r.Arm("bus_card", 0); err != nil {
			t.Fatal(err)
		}
		h.want("find", "find-none")
		if err := h.r.Lay(people(t)["citizen"]); err != nil {
			t.Fatal(err)
		}
		arm("second_card")
		h.want("find", "find-ok")
		h.want("select", "select-fail")
		if err := r.Arm("second_card", 0); err != nil {
			t.Fatal(err)
		}
		h.want("find", "find-ok")
		h.want("select", "select-ok")
		h.r.Take()
		arm("self_test")
		h.want("sam-status", "self-test-bad")
		h.r.Faults().MendAll()
		h.want("sam-status", "ok")
		h.want("find", "find-none")
		arm("checksum")
		got := h.ask(v["request"]["find"])
		if len(got) != 11 || got[10] == v["reply"]["find-none"][10] || !bytes.Equal(got[:10], v["reply"]["find-none"][:10]) {
			t.Errorf("checksum: % X", got)
		}
		arm("late")
		start := time.Now()
		if got := h.listenAfter(v["request"]["find"]); len(got) != 11 || time.Since(start) < time.Second {
			t.Errorf("late: % X after %v", got, time.Since(start))
		}
	})
}

// listenAfter writes and reads one chunk.
func (h *host) listenAfter(b []byte) []byte {
	h.t.Helper()
	if _, err := h.line.Write(b); err != nil {
		h.t.Fatal(err)
	}
	if err := h.line.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		h.t.Fatal(err)
	}
	chunk := make([]byte, 8192)
	n, _ := h.line.Read(chunk) // nothing read is told by its length
	return chunk[:n]
}

// TestPace: at each speed the bytes take what they take, and a command sets another speed for the next answer.
func TestPace(t *testing.T) {
	for baud, want := range map[int]time.Duration{115200: 113 * time.Millisecond, 9600: 1359 * time.Millisecond} {
		withHost(t, Options{Baud: baud, Pace: true, ReadTime: -1}, func(t *testing.T, h *host) {
			if err := h.r.Lay(people(t)["citizen"]); err != nil {
				t.Fatal(err)
			}
			h.want("find", "find-ok")
			h.want("select", "select-ok")
			start := time.Now()
			if err := h.line.SetReadDeadline(start.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := h.line.Write(idcardtest.Frames(t)["request"]["base"]); err != nil {
				t.Fatal(err)
			}
			got, took := 0, time.Duration(0)
			for b := make([]byte, 8192); got < 1295; {
				n, err := h.line.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				got += n
				took = time.Since(start)
			}
			if d := took - want; d < -5*time.Millisecond || d > 5*time.Millisecond {
				t.Errorf("%d baud: %d bytes took %v, want about %v", baud, got, took, want)
			}
		})
	}
	withHost(t, Options{}, func(t *testing.T, h *host) {
		h.want("9600", "ok")
		if h.r.baud != 9600 || h.r.deaf(9600) || !h.r.deaf(115200) || h.r.deaf(0) {
			t.Errorf("speed %d after the command", h.r.baud)
		}
		for nn, baud := range []int{115200, 57600, 38400, 19200, 9600, 9600} {
			f := append([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x60, byte(nn)}, byte(3^0x60^nn))
			want := map[bool][]byte{true: answer(swGood), false: answer(swCommand)}[nn < 5]
			if got := h.ask(f); !bytes.Equal(got, want) || h.r.baud != baud {
				t.Errorf("command 60 %02X: % X, speed %d", nn, got, h.r.baud)
			}
		}
	})
}

// TestSnapshotAndClone: what the mechanism holds outlives its program, state included.
func TestSnapshotAndClone(t *testing.T) {
	for name, c := range people(t) {
		for _, state := range []state{idle, found, selected, done} {
			a := New(Options{})
			if err := a.Lay(c); err != nil {
				t.Fatal(err)
			}
			a.state = state
			kept, err := a.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			b := New(Options{})
			if err := b.Restore(kept); err != nil {
				t.Fatal(err)
			}
			if err := a.Faults().Arm("read_failed", 2); err != nil {
				t.Fatal(err)
			}
			for _, r := range []*Reader{b, a.Clone()} {
				if *r.World() != *a.World() || r.state != state || !bytes.Equal(r.block, a.block) || r.baud != 115200 {
					t.Errorf("%s %s: another reader: %v %s", name, state, r.World(), r.state)
				}
			}
			if c := a.Clone(); armed(c) != 2 || !c.Faults().Take("read_failed") || armed(c) != 1 || armed(a) != 2 {
				t.Error("a clone is armed alike and apart")
			}
		}
	}
	r := New(Options{})
	for in, ok := range map[string]bool{`{"card":null,"state":"selected"}`: true, `{`: false, `{"card":{"name":"` + strings.Repeat("名", 16) + `"}}`: false} {
		if err := r.Restore([]byte(in)); (err == nil) != ok || r.state != absent || r.World() != nil {
			t.Errorf("%s: %v, %s", in, err, r.state)
		}
	}
}

// armed is how often read_failed will still befall.
func armed(r *Reader) int {
	for _, f := range r.Faults().List() {
		if f.Name == "read_failed" {
			return f.Armed
		}
	}
	return -1
}

// TestWorldAndLog: the world is what was laid down; the log's words name nobody.
func TestWorldAndLog(t *testing.T) {
	log := mechanism.NewLog()
	withHost(t, Options{Log: log}, func(t *testing.T, h *host) {
		c := people(t)["citizen"]
		if err := h.r.Lay(c); err != nil {
			t.Fatal(err)
		}
		if got := *h.r.World(); got != c {
			t.Errorf("world %#v", got)
		}
		h.want("find", "find-ok")
		h.want("select", "select-ok")
		h.want("base", "read-citizen")
		h.r.Take()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := log.After(ctx, 0)
		froms := map[string]int{}
		for _, e := range events {
			froms[e.From]++
			if e.Device != "idcard" || strings.Contains(e.What, c.Name) || strings.Contains(e.What, c.Number) {
				t.Errorf("event %+v", e)
			}
		}
		if froms["hand"] != 2 || froms["host"] != 3 || froms["device"] != 3 {
			t.Errorf("events %v", froms)
		}
		if strings.Contains(c.String(), c.Name) {
			t.Error("a card prints its name")
		}
	})
}

func FuzzCut(f *testing.F) {
	for _, b := range idcardtest.Frames(f)["request"] {
		f.Add(b)
		f.Add(append([]byte{0xAA, 0x96}, b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := 0; ; n++ {
			q, rest := cut(b)
			if len(rest) > len(b) || n > 100000 {
				t.Fatalf("%d bytes left of %d", len(rest), len(b))
			}
			if q == nil {
				return
			}
			if q.wrong == 0 && len(q.frame) != len(q.data)+8 {
				t.Fatalf("frame % X with %d bytes of data", q.frame, len(q.data))
			}
			b = rest
		}
	})
}
