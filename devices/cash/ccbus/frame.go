package ccbus

import (
	"errors"
	"fmt"
)

// Checksum is how packets are protected. A jumper or a setting in the validator decides.
type Checksum string

// The checksums.
const (
	Auto   Checksum = ""       // find out
	Simple Checksum = "simple" // part 1: the sum of all bytes is zero
	CRC    Checksum = "crc"    // part 1: CRC-16 CCITT; the source address makes room for its low byte
)

// frame is one packet.
type frame struct {
	dest, src, header byte
	data              []byte
}

const (
	overhead = 5   // destination, length, source or CRC, header, checksum
	dataMax  = 252 // part 1: longer packets need a variant that no device here uses
	hostHome = 1   // our address on the bus
)

var (
	errShort    = errors.New("the packet is not all there")
	errChecksum = errors.New("wrong checksum")
	errLength   = errors.New("impossible length")
)

// crc16 is CCITT with polynomial 0x1021, from zero, not reflected.
func crc16(parts ...[]byte) uint16 {
	var crc uint16
	for _, part := range parts {
		for _, b := range part {
			crc ^= uint16(b) << 8
			for range 8 {
				if crc&0x8000 != 0 {
					crc = crc<<1 ^ 0x1021
				} else {
					crc <<= 1
				}
			}
		}
	}
	return crc
}

// encode makes the bytes of a packet.
func encode(f frame, sum Checksum) []byte {
	if len(f.data) > dataMax {
		panic(fmt.Sprintf("ccbus: a packet carries at most %d bytes, not %d", dataMax, len(f.data)))
	}
	out := make([]byte, 0, overhead+len(f.data))
	out = append(out, f.dest, byte(len(f.data)), f.src, f.header)
	out = append(out, f.data...)
	if sum == CRC {
		// The CRC runs over destination, length, header and data, in this order.
		crc := crc16(out[:2], out[3:])
		out[2] = byte(crc)
		return append(out, byte(crc>>8))
	}
	return append(out, -total(out))
}

func total(bytes []byte) (sum byte) {
	for _, b := range bytes {
		sum += b
	}
	return sum
}

// decode reads the packet at the beginning of buffer and says how many bytes it took. errShort means
// that more must come; any other error that these bytes are no packet.
func decode(buffer []byte, sum Checksum) (frame, int, error) {
	if len(buffer) < 2 {
		return frame{}, 0, errShort
	}
	n := int(buffer[1])
	if n > dataMax {
		return frame{}, 0, errLength
	}
	if len(buffer) < n+overhead {
		return frame{}, 0, errShort
	}
	raw := buffer[:n+overhead]
	f := frame{dest: raw[0], src: raw[2], header: raw[3], data: append([]byte(nil), raw[4:4+n]...)}
	if sum == CRC {
		crc := crc16(raw[:2], raw[3:4+n])
		if raw[2] != byte(crc) || raw[4+n] != byte(crc>>8) {
			return frame{}, 0, errChecksum
		}
		f.src = 0 // not told
		return f, len(raw), nil
	}
	if total(raw) != 0 {
		return frame{}, 0, errChecksum
	}
	return f, len(raw), nil
}
