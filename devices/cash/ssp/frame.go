package ssp

import (
	"errors"
	"fmt"
)

// frame is one packet of the line: the sequence byte (flag in bit 7, address in bits 0 to 6) and its data.
type frame struct {
	seq  byte
	data []byte
}

const (
	mark     = 0x7F // begins a packet; inside one it is doubled
	seqFlag  = 0x80
	dataMax  = 255
	overhead = 4 // sequence byte, length, checksum
)

var (
	errShort    = errors.New("the packet is not all there")
	errChecksum = errors.New("wrong checksum")
	errNoFrame  = errors.New("no packet begins here")
)

// crc16 has the polynomial 0x8005, begins at 0xFFFF and is not reflected.
func crc16(parts ...[]byte) uint16 {
	crc := uint16(0xFFFF)
	for _, part := range parts {
		for _, b := range part {
			crc ^= uint16(b) << 8
			for range 8 {
				if crc&0x8000 != 0 {
					crc = crc<<1 ^ 0x8005
				} else {
					crc <<= 1
				}
			}
		}
	}
	return crc
}

// encode makes the bytes of a packet. The checksum is over what is meant, the doubling comes after it.
func encode(f frame) []byte {
	if len(f.data) == 0 || len(f.data) > dataMax {
		panic(fmt.Sprintf("ssp: a packet carries 1 to %d bytes, not %d", dataMax, len(f.data)))
	}
	body := append([]byte{f.seq, byte(len(f.data))}, f.data...)
	crc := crc16(body)
	body = append(body, byte(crc), byte(crc>>8))
	out := []byte{mark}
	for _, b := range body {
		if out = append(out, b); b == mark {
			out = append(out, mark)
		}
	}
	return out
}

// decode reads the first packet in the buffer and says how many bytes it took, noise before it included. errShort
// means that more must come; after any other error the bytes it took are no packet, and another may follow them.
// A single 0x7F begins a packet wherever it stands, so that a broken one does not swallow the next.
func decode(buffer []byte) (frame, int, error) {
	start := 0
	for start < len(buffer) && buffer[start] != mark {
		start++
	}
	if start > 0 {
		return frame{}, start, errNoFrame
	}
	var body []byte
	for i := 1; i < len(buffer); i++ {
		b := buffer[i]
		if b == mark {
			switch {
			case i+1 == len(buffer):
				return frame{}, 0, errShort // the second may still come
			case buffer[i+1] != mark:
				return frame{}, i, errNoFrame // the next packet begins here
			}
			i++
		}
		body = append(body, b)
		if len(body) < 2 || len(body) < overhead+int(body[1]) {
			continue
		}
		n := len(body) - 2
		if body[1] == 0 || crc16(body[:n]) != uint16(body[n])|uint16(body[n+1])<<8 {
			return frame{}, i + 1, errChecksum
		}
		return frame{seq: body[0], data: body[2:n:n]}, i + 1, nil
	}
	return frame{}, 0, errShort
}
