package ccnet

import (
	"errors"
	"fmt"
)

// frame is one message: SYNC, address, length, payload, CRC (§2.2). The payload of a command is its code and data,
// that of an answer the state and its data, or the data alone.
type frame struct {
	address byte
	payload []byte
}

const (
	syncByte   = 0x02
	overhead   = 5   // SYNC, address, length, two bytes of CRC
	lengthMax  = 250 // of the whole frame; longer ones are for new firmware
	payloadMax = lengthMax - overhead
)

var (
	errShort  = errors.New("the frame is not all there")
	errSync   = errors.New("no frame begins here")
	errLength = errors.New("impossible length")
	errCRC    = errors.New("wrong CRC")
)

// crc16 is the CRC with polynomial 0x8408, reflected, from zero (CRC-16/KERMIT).
func crc16(data []byte) (crc uint16) {
	for _, b := range data {
		crc ^= uint16(b)
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
func encode(f frame) []byte {
	if n := len(f.payload); n < 1 || n > payloadMax {
		panic(fmt.Sprintf("ccnet: a frame carries 1 to %d bytes, not %d", payloadMax, n))
	}
	out := make([]byte, 0, overhead+len(f.payload))
	out = append(out, syncByte, f.address, byte(overhead+len(f.payload)))
	out = append(out, f.payload...)
	crc := crc16(out)
	return append(out, byte(crc), byte(crc>>8))
}

// decode reads the frame at the beginning of buffer and says how many bytes it took. errShort means that more
// must come; any other error that these bytes are no frame.
func decode(buffer []byte) (frame, int, error) {
	if len(buffer) > 0 && buffer[0] != syncByte {
		return frame{}, 0, errSync
	}
	if len(buffer) < 3 {
		return frame{}, 0, errShort
	}
	n := int(buffer[2])
	if n <= overhead || n > lengthMax {
		return frame{}, 0, errLength
	}
	if len(buffer) < n {
		return frame{}, 0, errShort
	}
	crc := crc16(buffer[:n-2])
	if buffer[n-2] != byte(crc) || buffer[n-1] != byte(crc>>8) {
		return frame{}, 0, errCRC
	}
	return frame{address: buffer[1], payload: append([]byte(nil), buffer[3:n-2]...)}, n, nil
}
