package sdt

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// said frames an answer as a reader would.
func said(sw3 byte, n int) []byte {
	f := append([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, byte((n + 4) >> 8), byte(n + 4), 0, 0, sw3}, make([]byte, n)...)
	return append(f, check(f[5:]))
}

// TestWhatMayAnswer: a command takes its own words and lengths, so that an answer to another one is none to it.
func TestWhatMayAnswer(t *testing.T) {
	commands := map[string]command{"reset": askReset, "status": askStatus, "id": askID, "find": askFind, "select": askSelect, "text": askText, "all": askAll, "newest": askNewest}
	ranges := map[string][2]int{"reset": {0, 0}, "status": {0, 0}, "id": {16, 16}, "find": {-1, -1}, "select": {4, 32}, "text": {256, 4096}, "all": {256, 4096}, "newest": {70, 70}}
	for name, c := range commands {
		least, most := ranges[name][0], ranges[name][1]
		for _, n := range []int{0, 1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 69, 70, 71, 255, 256, 257, 4095, 4096, 4097} {
			if got, want := c.fits(reply{sw3: swOK, data: make([]byte, n)}), n >= least && n <= most; got != want {
				t.Errorf("%s: %d bytes fit %v, want %v", name, n, got, want)
			}
		}
		own := map[byte][]string{swFound: {"find"}, swNoCard: {"find"}, swSelectFailed: {"select"}, swReadFailed: {"text", "all", "newest"}, swNoContent: {"newest"}}
		for sw, names := range own {
			want := false
			for _, n := range names {
				want = want || n == name
			}
			if got := c.fits(reply{sw3: sw}); got != want {
				t.Errorf("%s: the word %02X fits %v, want %v", name, sw, got, want)
			}
		}
		for _, sw := range []byte{swChecksum, swLength, swUnsupported, swWrongOrder, swSelfTest, swNotAuthorised, 0x77} {
			if !c.fits(reply{sw3: sw}) || c.fits(reply{sw3: sw, data: []byte{1}}) {
				t.Errorf("%s: the word %02X is any command's, and carries nothing", name, sw)
			}
		}
	}
	if !askFind.fits(reply{sw3: swFound, data: make([]byte, 4)}) {
		t.Error("find: the data behind the word have no fixed length")
	}
}

// chunk is what a reader puts on the line, after a while.
type chunk struct {
	after time.Duration
	bytes []byte
}

// hears gives our end of a line whose reader answers each question in turn, the last for ever.
func hears(t *testing.T, answers ...[]chunk) *line {
	host, device := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	asked, ended := make(chan bool, 100), make(chan struct{})
	go func() {
		defer close(asked)
		for b := make([]byte, 64); ; asked <- true {
			if _, err := device.Read(b); err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(ended)
		defer device.Close()
		for range asked {
			for _, c := range answers[0] {
				select {
				case <-time.After(c.after):
				case <-ctx.Done():
					return
				}
				if _, err := device.Write(c.bytes); err != nil {
					return
				}
			}
			if len(answers) > 1 {
				answers = answers[1:]
			}
		}
	}()
	t.Cleanup(func() { cancel(); host.Close(); <-ended })
	return &line{port: host}
}

// TestWhatLayThereIsNoAnswer: bytes behind an answer, or that came since, belong to nobody.
func TestWhatLayThereIsNoAnswer(t *testing.T) {
	none, found := said(swNoCard, 0), said(swFound, 4)
	for name, first := range map[string][]chunk{
		"glued to the answer": {{0, append(append([]byte{}, none...), found...)}},
		"a moment later":      {{0, none}, {time.Millisecond, found}},
		"much later":          {{0, none}, {time.Second, found}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := hears(t, first, []chunk{{0, none}})
			for i := range 2 {
				if r, err := l.ask(t.Context(), askFind); err != nil || r.sw3 != swNoCard {
					t.Errorf("%s, question %d: got %02X, %v, want %02X", name, i+1, r.sw3, err, swNoCard)
				}
				<-time.After(2 * time.Second)
			}
		})
	}
}

// TestAnswersThatTakeTheirTime: how long one may take to begin, to go on and to end.
func TestAnswersThatTakeTheirTime(t *testing.T) {
	found := said(swFound, 4)
	slowly := func(first, gap time.Duration, b []byte) (out []chunk) {
		for i := range b {
			out = append(out, chunk{gap, b[i : i+1]})
		}
		out[0].after = first
		return out
	}
	babble := slowly(0, 20*time.Millisecond, make([]byte, 200))
	for _, tt := range []struct {
		name   string
		answer []chunk
		kind   fault.Kind
		took   time.Duration
	}{
		{"at once", []chunk{{0, found}}, "", 0},
		{"late", []chunk{{900 * time.Millisecond, found}}, "", 900 * time.Millisecond},
		{"too late", []chunk{{1100 * time.Millisecond, found}}, fault.Silent, time.Second},
		{"byte by byte", slowly(0, 40*time.Millisecond, found), "", 14 * 40 * time.Millisecond},
		{"with a pause", []chunk{{0, found[:9]}, {290 * time.Millisecond, found[9:]}}, "", 290 * time.Millisecond},
		{"with a pause that is too long", []chunk{{0, found[:9]}, {310 * time.Millisecond, found[9:]}}, fault.Garbled, 300 * time.Millisecond},
		{"begun late and too long", []chunk{{900 * time.Millisecond, found[:9]}, {200 * time.Millisecond, found[9:]}}, fault.Garbled, time.Second},
		{"behind half another one", []chunk{{0, said(swOK, 100)[:50]}, {0, found}}, "", 300 * time.Millisecond},
		{"noise", []chunk{{0, []byte{1, 2, 3}}}, fault.Garbled, 300 * time.Millisecond},
		{"noise for ever", babble, fault.Garbled, time.Second},
		{"more noise than fits", []chunk{{0, make([]byte, bufferMax)}, {0, []byte{1}}}, fault.Garbled, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := hears(t, tt.answer)
			began := time.Now()
			_, err := l.exchange(t.Context(), askFind)
			if got := time.Since(began) - flushWait; fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || got != tt.took {
				t.Errorf("%s: got %v after %v, want %q after %v", tt.name, err, got, tt.kind, tt.took)
			}
			if f, is := err.(*fault.Error); is && (f.Device != "idcard" || f.Op != "find") || l.unsettled != (err != nil) {
				t.Errorf("%s: got %#v, unsettled %v", tt.name, err, l.unsettled)
			}
		})
	}
}

// TestReadThatPauses: what is lost of a read cannot be asked for again, and so its answer may pause for longer.
func TestReadThatPauses(t *testing.T) {
	whole := said(swOK, textBytes+12)
	for _, tt := range []struct {
		pause time.Duration
		kind  fault.Kind
		took  time.Duration
	}{
		{990 * time.Millisecond, "", 990 * time.Millisecond},
		{1010 * time.Millisecond, fault.Garbled, time.Second},
	} {
		for _, c := range []command{askAll, askText} {
			synctest.Test(t, func(t *testing.T) {
				l := hears(t, []chunk{{0, whole[:100]}, {tt.pause, whole[100:]}})
				began := time.Now()
				_, err := l.exchange(t.Context(), c)
				if got := time.Since(began) - flushWait; fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil || got != tt.took {
					t.Errorf("a pause of %v: got %v after %v, want %q after %v", tt.pause, err, got, tt.kind, tt.took)
				}
			})
		}
	}
}

// drowsy is a port whose host stands still when it has heard the begin of an answer: as it goes on, its deadline is long
// past, and the rest of the answer is only just being fetched from the line.
type drowsy struct {
	*wire.Inbox
	still time.Duration
	said  []byte
	reads int
}

func (d *drowsy) Write(b []byte) (int, error) {
	d.Put(d.said[:100])
	return len(b), nil
}

func (d *drowsy) Read(b []byte) (int, error) {
	if d.reads++; d.reads == 2 {
		time.Sleep(d.still)
		time.AfterFunc(20*time.Millisecond, func() { d.Put(d.said[100:]) })
	}
	return d.Inbox.Read(b)
}

func (d *drowsy) Close() error { return nil }

// TestHostThatStandsStill: a host that gets no turn on its processor for longer than an answer may pause has not heard
// silence, and the card is read.
func TestHostThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := said(swOK, textBytes+12)
		l := &line{port: &drowsy{Inbox: wire.NewInbox(bufferMax), still: 1200 * time.Millisecond, said: whole}, answered: time.Now()}
		if r, err := l.ask(t.Context(), askAll); err != nil || len(r.data) != textBytes+12 {
			t.Errorf("got %d bytes, %v, want all", len(r.data), err)
		}
		<-time.After(time.Minute)
	})
}

// TestLineThatIsNeverQuiet: it is told and not waited for.
func TestLineThatIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, device := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if _, err := device.Write([]byte{0xAA}); err != nil {
					return
				}
				<-time.After(time.Millisecond)
			}
		}()
		began := time.Now()
		_, err := (&line{port: host}).ask(t.Context(), askStatus)
		if took := time.Since(began); !fault.Is(err, fault.Garbled) || took > time.Second {
			t.Errorf("got %v after %v, want %s soon", err, took, fault.Garbled)
		}
		host.Close()
		<-ended
	})
}
