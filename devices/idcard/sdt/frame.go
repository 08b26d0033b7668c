package sdt

import (
	"bytes"
	"encoding/binary"
)

// preamble begins every frame. A receiver must do with a single AA.
var preamble = []byte{0xAA, 0xAA, 0xAA, 0x96, 0x69}

// marker is the shortest preamble that is believed.
var marker = preamble[2:]

// check is the XOR of the length and all that follows it.
func check(b []byte) byte {
	var x byte
	for _, c := range b {
		x ^= c
	}
	return x
}

// encode is the frame of a request.
func encode(cmd, para byte, data ...byte) []byte {
	f := append([]byte(nil), preamble...)
	f = binary.BigEndian.AppendUint16(f, uint16(len(data)+3))
	f = append(f, cmd, para)
	f = append(f, data...)
	return append(f, check(f[len(preamble):]))
}

// reply is one answer of the reader.
type reply struct {
	sw1, sw2 byte // the card's own words, for staff
	sw3      byte // the SAM's verdict
	data     []byte
}

// extract takes the first whole frame out of buf and says how many bytes are used up. Noise before it,
// frames with a wrong check and impossible lengths are skipped. A frame that is not all there yet is
// left in buf, unless last says that no more bytes will come: then it counts as noise too, so that a
// frame behind a broken one is still found.
func extract(buf []byte, last bool) (r reply, used int, ok bool) {
	for {
		i := bytes.Index(buf[used:], marker)
		if i < 0 {
			return r, max(used, len(buf)-len(marker)+1), false // the end may be the begin of a preamble
		}
		used += i
		f := buf[used+len(marker):]
		if len(f) >= 2 {
			n := int(binary.BigEndian.Uint16(f))
			whole := len(f) >= 2+n
			if n >= frameLenMin && n <= frameLenMax {
				if whole && check(f[:2+n]) == 0 {
					data := append([]byte(nil), f[5:1+n]...)
					return reply{sw1: f[2], sw2: f[3], sw3: f[4], data: data}, used + len(marker) + 2 + n, true
				}
				if !whole && !last {
					return r, used, false
				}
			}
		} else if !last {
			return r, used, false
		}
		used += len(marker)
	}
}
