package ssp

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
)

func quiet([]byte) {}

func TestBlocks(t *testing.T) {
	s := newSeal(DefaultKey, 0x5A6E, quiet)
	for _, row := range rows(t, "blocks.txt", 3) {
		n, err := strconv.Atoi(strings.TrimSpace(row[2]))
		if err != nil {
			t.Fatal(err)
		}
		count, plain, packet := uint32(n), unhex(t, row[3]), unhex(t, row[4])
		data := s.wrap(plain, count)
		if got := encode(frame{seq: unhex(t, row[1])[0], data: data}); !bytes.Equal(got, packet) {
			t.Errorf("%s: encrypted % X, want % X", row[0], got, packet)
		}
		if got, err := s.unwrap(data, count); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: decrypted % X, %v, want % X", row[0], got, err, plain)
		}
		if got, err := s.unwrap(data, count+1); !errors.Is(err, errCount) {
			t.Errorf("%s under another count: got % X, %v, want %v", row[0], got, err, errCount)
		}
		for i := range data {
			bad := bytes.Clone(data)
			bad[i] ^= 1
			if got, err := s.unwrap(bad, count); !errors.Is(err, errSealed) {
				t.Errorf("%s with byte %d wrong: got % X, %v, want %v", row[0], i, got, err, errSealed)
			}
			if got, err := s.unwrap(data[:i], count); !errors.Is(err, errSealed) {
				t.Errorf("%s cut to %d bytes: got % X, %v, want %v", row[0], i, got, err, errSealed)
			}
		}
	}
}

// A block inside is as long as it must be, and the padding is noise.
func TestBlockSizes(t *testing.T) {
	s := newSeal(1, 2, func(b []byte) {
		for i := range b {
			b[i] = 0xEE
		}
	})
	for n := range 60 {
		plain := bytes.Repeat([]byte{7}, n)
		data := s.wrap(plain, 1<<31)
		if want := 1 + (n+7+15)/16*16; len(data) != want {
			t.Errorf("%d bytes: %d encrypted, want %d", n, len(data), want)
		}
		if got, err := s.unwrap(data, 1<<31); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got % X, %v", n, got, err)
		}
	}
	quietly := newSeal(1, 2, quiet)
	if bytes.Equal(s.wrap([]byte{7}, 0), quietly.wrap([]byte{7}, 0)) {
		t.Error("the padding is not what the noise gave")
	}
}

// A block whose length says more than there is, as a wrong key makes them.
func TestBlockThatLies(t *testing.T) {
	s := newSeal(1, 2, quiet)
	for length, want := range map[byte]error{9: nil, 10: errSealed, 255: errSealed} {
		inner := make([]byte, 16)
		inner[0] = length
		crc := crc16(inner[:14])
		inner[14], inner[15] = byte(crc), byte(crc>>8)
		data := append([]byte{sealed}, inner...)
		s.block.Encrypt(data[1:], inner)
		if got, err := s.unwrap(data, 0); !errors.Is(err, want) {
			t.Errorf("length %d: got % X, %v, want %v", length, got, err, want)
		}
	}
}

func TestKeyAgreement(t *testing.T) {
	ours := agreement{generator: 982451653, modulus: 1287821, secret: 7}
	theirs := agreement{generator: 982451653, modulus: 1287821, secret: 11}
	if a, b := ours.public(), theirs.public(); a != 1131985 || b != 1053164 {
		t.Errorf("public numbers: got %d and %d, want 1131985 and 1053164", a, b)
	}
	if a, b := ours.shared(1053164), theirs.shared(1131985); a != 762583 || b != 762583 {
		t.Errorf("shared number: got %d and %d, want 762583", a, b)
	}
	for range 5 {
		a, err := newAgreement()
		if err != nil {
			t.Fatal(err)
		}
		if a.generator <= a.modulus || a.secret < 1 || a.secret >= a.modulus || a.modulus < 1<<60 {
			t.Errorf("agreement %+v: want a generator above the modulus and a secret below it", a)
		}
		b := a
		b.secret = a.secret/2 + 1
		if x, y := a.shared(b.public()), b.shared(a.public()); x != y {
			t.Errorf("%+v and %+v: they come to %d and %d", a, b, x, y)
		}
	}
	if got := power(3, 4, 1); got != 0 {
		t.Errorf("anything modulo 1: got %d, want 0", got)
	}
	if got := power(1<<63, 2, 1<<63-25); got != 625 {
		t.Errorf("2^63 squared modulo 2^63-25: got %d, want 625", got)
	}
}

func FuzzUnwrap(f *testing.F) {
	s := newSeal(DefaultKey, 0x5A6E, quiet)
	for _, row := range rows(f, "blocks.txt", 1) {
		packet, _, err := decode(unhex(f, row[4]))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet.data, uint32(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, count uint32) {
		plain, err := s.unwrap(data, count)
		if err != nil {
			return
		}
		if len(plain) > len(data) {
			t.Errorf("% x: %d bytes out of %d", data, len(plain), len(data))
		}
	})
}
