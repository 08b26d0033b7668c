package sdt

import (
	"bytes"
	"testing"

	"yichuang/devices/idcard/idcardtest"
)

// TestRequestVectors: the driver's questions are the descriptions' bytes.
func TestRequestVectors(t *testing.T) {
	frames := idcardtest.Frames(t)["request"]
	for name, c := range map[string]command{"reset": askReset, "sam-status": askStatus, "sam-id": askID, "find": askFind,
		"select": askSelect, "base": askText, "base+fp": askAll, "new-address": askNewest} {
		if got := encode(c.cmd, c.para); !bytes.Equal(got, frames[name]) {
			t.Errorf("%s: got % X, want % X", name, got, frames[name])
		}
	}
	if got := encode(0x61, 0xFF, 0x50); !bytes.Equal(got, frames["max-RF-50h"]) {
		t.Errorf("max RF: got % X", got)
	}
}

// answers are the words that follow each vector's verdict.
var answers = map[string]byte{"ok": swOK, "find-ok": swFound, "find-none": swNoCard, "select-ok": swOK, "select-fail": swSelectFailed,
	"read-fail": swReadFailed, "no-content": swNoContent, "bad-checksum": swChecksum, "bad-length": swLength, "bad-command": swUnsupported,
	"self-test-bad": swSelfTest, "unauthorised": swNotAuthorised, "sam-id": swOK, "new-address": swOK}

// TestReplyVectors: each answer is understood behind noise, with a short preamble, and byte by byte.
func TestReplyVectors(t *testing.T) {
	for name, f := range idcardtest.Frames(t)["reply"] {
		want, short := answers[name]
		for _, before := range [][]byte{nil, {0xAA}, {0x00, 0xAA, 0xAA, 0x96}, {0xAA, 0x96, 0x69}, {0xAA, 0x96, 0x69, 0xFF, 0xFF}, {0xAA, 0x96, 0x69, 0x00, 0x03}} {
			for cut := range 3 {
				in := append(append([]byte(nil), before...), f[cut:]...)
				r, used, ok := extract(in, true)
				if !ok || used != len(in) || short && r.sw3 != want || len(r.data) != len(f)-11 {
					t.Errorf("%s behind % X without %d: %v %02X, %d bytes of data, used %d of %d", name, before, cut, ok, r.sw3, len(r.data), used, len(in))
				}
				if ok && !bytes.Equal(r.data, f[10:len(f)-1]) {
					t.Errorf("%s: data differ", name)
				}
			}
		}
		for n := range len(f) {
			if _, used, ok := extract(f[:n], false); ok || used > 2 {
				t.Fatalf("%s: %d of %d bytes: ok %v, used %d", name, n, len(f), ok, used)
			}
		}
		for i := 5; i < len(f); i++ {
			bad := append([]byte(nil), f...)
			bad[i] ^= 0x41
			if r, _, ok := extract(bad, true); ok {
				t.Fatalf("%s: byte %d damaged and taken as %02X", name, i, r.sw3)
			}
		}
	}
}

// TestTheNextFrameSurvivesABrokenOne: a whole answer behind half an answer is found when no more comes.
func TestTheNextFrameSurvivesABrokenOne(t *testing.T) {
	frames := idcardtest.Frames(t)["reply"]
	in := append(append([]byte(nil), frames["read-citizen"][:700]...), frames["find-none"]...)
	if _, _, ok := extract(in, false); ok {
		t.Error("taken before the line fell silent")
	}
	if r, _, ok := extract(in, true); !ok || r.sw3 != swNoCard {
		t.Errorf("got %v %02X", ok, r.sw3)
	}
	two := append(append([]byte(nil), frames["ok"]...), frames["find-ok"]...)
	r, used, ok := extract(two, false)
	if !ok || r.sw3 != swOK || used != len(frames["ok"]) {
		t.Errorf("first of two: %v %02X, used %d", ok, r.sw3, used)
	}
}

// TestCardsOwnWords: SW1 and SW2 are kept for staff, in their order.
func TestCardsOwnWords(t *testing.T) {
	r, _, ok := extract([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 4, 0x6A, 0x82, 0x41, 4 ^ 0x6A ^ 0x82 ^ 0x41}, false)
	if !ok || r.sw1 != 0x6A || r.sw2 != 0x82 || r.sw3 != 0x41 || len(r.data) != 0 {
		t.Errorf("got %v %+v", ok, r)
	}
}

// TestLengthBounds: the shortest and the longest frame are taken, one more or less is noise.
func TestLengthBounds(t *testing.T) {
	for _, tc := range []struct {
		n    int
		want bool
	}{{3, false}, {4, true}, {4096, true}, {4097, false}} {
		f := append(append([]byte(nil), preamble...), byte(tc.n>>8), byte(tc.n))
		f = append(f, make([]byte, tc.n-1)...)
		f = append(f, check(f[len(preamble):]))
		if _, _, ok := extract(f, true); ok != tc.want {
			t.Errorf("length %d: taken %v, want %v", tc.n, ok, tc.want)
		}
	}
}

// TestEachCommandTakesOnlyItsOwnAnswers: an answer to another question is not believed.
func TestEachCommandTakesOnlyItsOwnAnswers(t *testing.T) {
	own := map[string][]string{
		"status": {"ok"}, "sam id": {"sam-id"}, "find": {"find-ok", "find-none"}, "select": {"select-ok", "select-fail", "sam-id"},
		"read": {"read-fail", "read-citizen", "readfp-citizen", "readfp-citizen-none"}, "newest address": {"new-address", "no-content", "read-fail"},
	}
	any := []string{"bad-checksum", "bad-length", "bad-command", "self-test-bad", "unauthorised"}
	frames := idcardtest.Frames(t)["reply"]
	for _, c := range []command{askStatus, askID, askFind, askSelect, askText, askAll, askNewest} {
		fits := map[string]bool{}
		for _, n := range append(own[c.op], any...) {
			fits[n] = true
		}
		for _, n := range []string{"ok", "find-ok", "find-none", "select-ok", "select-fail", "read-fail", "no-content", "bad-checksum", "bad-length",
			"bad-command", "self-test-bad", "unauthorised", "sam-id", "new-address", "read-citizen", "readfp-citizen", "readfp-citizen-none"} {
			r, _, _ := extract(frames[n], true)
			if got := c.fits(r); got != fits[n] {
				t.Errorf("%s takes %s: %v, want %v", c.op, n, got, fits[n])
			}
		}
		if !c.fits(reply{sw3: 0x77}) {
			t.Errorf("%s: a word that nobody described must be told", c.op)
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, b := range idcardtest.Frames(f)["reply"] {
		f.Add(b, true)
		f.Add(b[:len(b)/2], false)
	}
	f.Fuzz(func(t *testing.T, b []byte, last bool) {
		r, used, ok := extract(b, last)
		if used < 0 || used > len(b) || len(r.data) > frameLenMax {
			t.Fatalf("used %d of %d, %d bytes of data", used, len(b), len(r.data))
		}
		if ok {
			again, _, ok := extract(b[:used], true)
			if !ok || again.sw3 != r.sw3 || !bytes.Equal(again.data, r.data) {
				t.Fatalf("% X is taken once as %02X and once as %02X", b, r.sw3, again.sw3)
			}
		}
	})
}
