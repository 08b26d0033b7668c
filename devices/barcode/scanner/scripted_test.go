package scanner_test

import (
	"bytes"
	"context"
	"net"
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
