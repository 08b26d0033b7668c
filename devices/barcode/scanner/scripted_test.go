package scanner_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode/scanner"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// TestAnswersOfOtherScanners: what a scanner may refuse, and what is a fault.
func TestAnswersOfOtherScanners(t *testing.T) {
	const done, bad, unknown, odd, silent = 0x06, 0x15, 0x05, 0x07, 0x00
	for _, tc := range []struct {
		mode, off, on byte
		open, scan    fault.Kind
	}{
		{done, done, done, "", ""}, {unknown, done, done, "", ""}, {bad, done, done, "", ""},
		{odd, done, done, fault.Garbled, fault.Garbled}, {silent, done, done, fault.Silent, fault.Silent},
		{done, unknown, done, fault.Invalid, fault.Invalid}, {done, silent, done, fault.Silent, fault.Silent},
		{done, done, unknown, "", fault.Invalid}, {done, done, odd, "", fault.Garbled}, {done, done, silent, "", fault.Silent},
	} {
		synctest.Test(t, func(t *testing.T) {
			commands := 0
			last := time.Time{}
			device := func(line net.Conn) {
				defer line.Close()
				for b := make([]byte, 64); ; {
					n, err := line.Read(b)
					if err != nil {
						return
					}
					if commands++; commands > 1 && time.Since(last) < 50*time.Millisecond {
						t.Errorf("%+v: commands are %v apart", tc, time.Since(last))
					}
					last = time.Now()
					verdict := map[byte]byte{'M': tc.mode, '0': tc.off, '1': tc.on}[b[n-3]]
					if bytes.Contains(b[:n], []byte("SCNMOD0")) {
						verdict = tc.mode
					}
					if verdict == silent {
						continue
					}
					answer := append(append([]byte{2}, b[1:n-2]...), verdict, ';', 3)
					if b[n-3] == '1' && verdict == done {
						answer = append(answer, "code\r"...)
					}
					line.Write(answer) // ends with the line
				}
			}
			s := scanner.New(func() (wire.Port, error) {
				host, line := net.Pipe()
				go device(line)
				return host, nil
			}, scanner.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { s.Run(ctx); close(ended) }()
			limited, done := context.WithTimeout(ctx, time.Minute)
			defer done()
			got, err := s.Scan(limited)
			if fault.KindOf(err) != tc.scan || tc.scan == "" && got != "code" {
				t.Errorf("%+v: scan %q, %v", tc, got, err)
			}
			if err != nil && got != "" {
				t.Errorf("%+v: a fault comes with the code %q", tc, got)
			}
			for _, err := range []error{err, s.Fault()} {
				if f, is := err.(*fault.Error); is && f != nil && (f.Device != "scanner" || f.Op != "command" && !strings.HasPrefix(f.Op, "command SCN")) {
					t.Errorf("%+v: a fault that does not say where it befell: %#v", tc, f)
				}
			}
			if s.Info().Maker != "Newland" || scanner.New(nil, scanner.Options{Dialect: scanner.Honeywell}).Info().Maker != "Honeywell" {
				t.Errorf("maker %+v", s.Info())
			}
			if f := s.Fault(); (f != nil) != (tc.open != "" || tc.scan != "" && tc.scan != fault.Garbled) {
				t.Errorf("%+v: fault %v", tc, f)
			}
			cancel()
			<-ended
		})
	}
}

// chunk is what a scanner puts on the line, after a while.
type chunk struct {
	after time.Duration
	text  string
}

// TestTimesOfALook: when a scanner that was triggered is triggered again, from what it says to each trigger.
func TestTimesOfALook(t *testing.T) {
	const ok = "\x02\x010000#SCNTRG1\x06;\x03"
	const ms = time.Millisecond
	const look = 2500 * ms // scanners look for 3 s at least
	for _, tc := range []struct {
		name     string
		says     [][]chunk // to each trigger in turn
		code     string
		kind     fault.Kind
		triggers []time.Duration // since the first
		took     time.Duration
	}{
		{"a code at once", [][]chunk{{{0, ok + "code\r"}}}, "code", "", []time.Duration{0}, 0},
		{"a code later", [][]chunk{{{0, ok}, {2 * time.Second, "code\r"}}}, "code", "", []time.Duration{0}, 2 * time.Second},
		{"nothing to see for long", [][]chunk{{{0, ok}}, {{0, ok}}, {{0, ok}, {100 * ms, "code\r"}}}, "code", "", []time.Duration{0, look, 2 * look}, 2*look + 100*ms},
		{"no answer, then one", [][]chunk{nil, {{0, ok + "code\r"}}}, "code", "", []time.Duration{0, time.Second}, time.Second},
		{"never an answer", [][]chunk{nil, nil}, "", fault.Silent, []time.Duration{0, time.Second}, 2 * time.Second},
		{"half an answer, then one", [][]chunk{{{0, ok[:9]}}, {{0, ok + "code\r"}}}, "code", "", []time.Duration{0, time.Second}, time.Second},
		{"a code without an end", [][]chunk{{{0, ok + "co"}, {90 * ms, "de"}}}, "code", "", []time.Duration{0}, 190 * ms},
		{"a code that pauses for too long", [][]chunk{{{0, ok + "co"}, {110 * ms, "de"}}}, "co", "", []time.Duration{0}, 100 * ms},
		{"a code and no answer", [][]chunk{{{0, "code\r"}}}, "code", "", []time.Duration{0}, 0},
		{"only ends of codes", [][]chunk{{{0, ok}, {10 * ms, "\r\n"}, {10 * ms, "\r"}}, {{0, ok + "code\r"}}}, "code", "", []time.Duration{0, look}, look},
		{"only an identifier", [][]chunk{{{0, ok}, {10 * ms, "]Q1\r"}}, {{0, ok + "code\r"}}}, "code", "", []time.Duration{0, look}, look},
		{"it says no", [][]chunk{{{0, "\x02\x010000#SCNTRG1\x15;\x03"}}}, "", fault.Invalid, []time.Duration{0}, 0},
		{"the answer to another order", [][]chunk{{{0, "\x02\x010000#SCNTRG0\x06;\x03"}}, {{0, ok + "code\r"}}}, "code", "", []time.Duration{0, time.Second}, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex // guards triggers
			var triggers []time.Time
			device := func(line net.Conn) {
				defer line.Close()
				for b := make([]byte, 64); ; {
					n, err := line.Read(b)
					if err != nil {
						return
					}
					if !bytes.Contains(b[:n], []byte("SCNTRG1")) {
						line.Write(append(append([]byte{2}, b[1:n-2]...), 6, ';', 3)) // ends with the line
						continue
					}
					var says []chunk
					mu.Lock()
					if len(triggers) < len(tc.says) {
						says = tc.says[len(triggers)]
					}
					triggers = append(triggers, time.Now())
					mu.Unlock()
					go func() {
						for _, c := range says {
							<-time.After(c.after)
							line.Write([]byte(c.text)) // ends with the line
						}
					}()
				}
			}
			s := scanner.New(func() (wire.Port, error) {
				host, line := net.Pipe()
				go device(line)
				return host, nil
			}, scanner.Options{})
			if f := s.Fault(); f == nil || f.Kind != fault.Absent || f.Device != "scanner" || f.Op != "open" {
				t.Errorf("before Run: %v", f)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { s.Run(ctx); close(ended) }()
			limited, done := context.WithTimeout(ctx, time.Minute)
			defer done()
			<-time.After(time.Second) // it is open and quiet
			began := time.Now()
			got, err := s.Scan(limited)
			took := time.Since(began)
			if got != tc.code || fault.KindOf(err) != tc.kind || tc.kind == "" && err != nil {
				t.Errorf("%s: got %q, %v, want %q, %q", tc.name, got, err, tc.code, tc.kind)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(triggers) == 0 {
				t.Fatalf("%s: never triggered", tc.name)
			}
			var at []time.Duration
			for _, when := range triggers {
				at = append(at, when.Sub(triggers[0]))
			}
			if !slices.Equal(at, tc.triggers) {
				t.Errorf("%s: triggered after %v, want after %v", tc.name, at, tc.triggers)
			}
			if off := 70 * ms; took < tc.took || took > tc.took+off { // the flush before it, and the order to stop
				t.Errorf("%s: it took %v, want %v", tc.name, took, tc.took)
			}
			cancel()
			<-ended
			if f := s.Fault(); f == nil || f.Kind != fault.Absent || f.Device != "scanner" || f.Op != "open" {
				t.Errorf("after Run: fault %#v, want %s at open", f, fault.Absent)
			}
			<-time.After(3 * time.Second) // what the device still has to say
		})
	}
}

// TestScanThatIsGivenUpBeforeRun: nobody waits for a scanner that is never opened.
func TestScanThatIsGivenUpBeforeRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := scanner.New(nil, scanner.Options{}).Scan(ctx); got != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v, want %v", got, err, context.Canceled)
	}
}
