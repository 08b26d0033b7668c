package wlt

import (
	"image"
	"testing"

	"yichuang/devices/fault"
)

// bitmap is a BMP file of the right size, all of one colour.
func bitmap() []byte {
	b := make([]byte, bmpBytes)
	copy(b, []byte{'B', 'M', 0xCE, 0x97, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, Width, 0, 0, 0, Height, 0, 0, 0, 1, 0, 24, 0})
	for i := 54; i < len(b); i++ {
		b[i] = 0x55
	}
	return b
}

// TestAnswersThatAreNoPicture: lengths and heads that are not a photo's.
func TestAnswersThatAreNoPicture(t *testing.T) {
	damaged := func(at int, value byte) []byte {
		b := bitmap()
		b[at] = value
		return b
	}
	for name, b := range map[string][]byte{"nothing": nil, "a byte less": make([]byte, rawBytes-1), "a byte more": make([]byte, rawBytes+1), "as long as a bitmap": make([]byte, bmpBytes),
		"half a bitmap": bitmap()[:rawBytes+10], "another width": damaged(18, 103), "another height": damaged(22, 125), "a mask": damaged(28, 7), "compressed": damaged(30, 1), "no head": damaged(14, 0)} {
		if img, err := picture(b, false); !fault.Is(err, fault.Garbled) || img != nil {
			t.Errorf("%s: got %v, want garbled", name, err)
		}
	}
	for name, b := range map[string][]byte{"bare": make([]byte, rawBytes), "a bitmap": bitmap()} {
		if img, err := picture(b, false); err != nil || img.Bounds() != image.Rect(0, 0, Width, Height) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzHead: the head of a bitmap may say anything.
func FuzzHead(f *testing.F) {
	f.Add(bitmap()[:54])
	f.Fuzz(func(t *testing.T, head []byte) {
		b := bitmap()
		copy(b[2:54], head)
		if img, err := picture(b, false); err == nil && img.Bounds() != image.Rect(0, 0, Width, Height) {
			t.Errorf("a picture of %v", img.Bounds())
		}
	})
}
