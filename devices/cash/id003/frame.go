package id003

import (
	"bytes"
	"errors"
	"fmt"
)

// message is one frame's content: a command or its answer, and the data.
type message struct {
	code byte
	data []byte
}

const (
	start    = 0xFC
	overhead = 5   // start, length, code, CRC
	dataMax  = 250 // the length counts the whole frame in one byte
)

var (
	errShort  = errors.New("the frame is not all there")
	errStart  = errors.New("no start of a frame")
	errLength = errors.New("impossible length")
	errCRC    = errors.New("wrong checksum")
)

// kermit is CRC-16/KERMIT: polynomial 0x1021 reflected, from zero.
func kermit(b []byte) (crc uint16) {
	for _, x := range b {
		crc ^= uint16(x)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

// encode makes the bytes of a frame.
func encode(m message) []byte {
	if len(m.data) > dataMax {
		panic(fmt.Sprintf("id003: a frame carries at most %d bytes, not %d", dataMax, len(m.data)))
	}
	out := append([]byte{start, byte(overhead + len(m.data)), m.code}, m.data...)
	crc := kermit(out)
	return append(out, byte(crc), byte(crc>>8))
}

// decode reads the frame at the beginning of buffer and says how many bytes it took. errShort means that more
// must come; any other error that these bytes are no frame. A length of zero is that of an extended frame, which
// only recyclers send: to us it is impossible.
func decode(buffer []byte) (message, int, error) {
	if len(buffer) > 0 && buffer[0] != start {
		return message{}, 0, errStart
	}
	if len(buffer) < 2 {
		return message{}, 0, errShort
	}
	n := int(buffer[1])
	if n < overhead {
		return message{}, 0, errLength
	}
	if len(buffer) < n {
		return message{}, 0, errShort
	}
	raw := buffer[:n]
	if crc := kermit(raw[:n-2]); raw[n-2] != byte(crc) || raw[n-1] != byte(crc>>8) {
		return message{}, 0, errCRC
	}
	return message{code: raw[2], data: bytes.Clone(raw[3 : n-2])}, n, nil
}
