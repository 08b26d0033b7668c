package hallapi

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// dictionary is the number that a former document has as a dictionary of zstd.
const dictionary = 1

// Difference is what makes one document out of a former one: it is compressed by zstd with the former one as dictionary, as
// zstd --patch-from does. It is nil when the document alone is not longer when it is compressed.
func Difference(from, to []byte) ([]byte, error) {
	window := zstd.MinWindowSize
	for window < len(from)+len(to) && window < zstd.MaxWindowSize {
		window *= 2
	}
	level := zstd.WithEncoderLevel(zstd.SpeedBetterCompression)
	alone, err := squeeze(to, level)
	if err != nil || len(from) == 0 {
		return nil, err
	}
	out, err := squeeze(to, level, zstd.WithEncoderDictRaw(dictionary, from), zstd.WithWindowSize(window))
	if err != nil || len(out) >= len(alone) {
		return nil, err
	}
	return out, nil
}

func squeeze(text []byte, options ...zstd.EOption) (out []byte, err error) {
	e, err := zstd.NewWriter(nil, append(options, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		return nil, fmt.Errorf("difference: %w", err)
	}
	return e.EncodeAll(text, nil), e.Close()
}

// ErrNoDifference says that bytes are no difference to the document at hand.
var ErrNoDifference = errors.New("not a difference to what is there")

// Apply makes a document out of a former one and a difference to it. What comes out is at most so many bytes, and whether it is
// the right one its signature must say: a difference to another document may give anything.
func Apply(from, difference []byte, most uint64) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(most), zstd.WithDecoderDictRaw(dictionary, from))
	if err != nil {
		return nil, fmt.Errorf("difference: %w", err)
	}
	defer d.Close()
	out, err := d.DecodeAll(difference, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDifference, err)
	}
	return out, nil
}
