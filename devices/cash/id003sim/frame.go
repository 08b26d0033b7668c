package id003sim

import "bytes"

const sync = 0xFC

// request is one frame from the host.
type request struct {
	command byte
	data    []byte
	raw     []byte
}

// kermit is CRC-16/KERMIT: 0x1021 reflected, from zero.
func kermit(b []byte) (crc uint16) {
	for _, x := range b {
		crc ^= uint16(x)
		for range 8 {
			carry := crc&1 != 0
			crc >>= 1
			if carry {
				crc ^= 0x8408
			}
		}
	}
	return crc
}

// cut takes the first frame off the buffer. used 0 means that it is not all there yet; a nil request with
// used > 0 is that many bytes of no frame: noise before the next FC, or a frame with a wrong checksum, to which
// the acceptor is silent.
func cut(buffer []byte) (r *request, used int) {
	if len(buffer) == 0 {
		return nil, 0
	}
	if buffer[0] != sync {
		if at := bytes.IndexByte(buffer, sync); at > 0 {
			return nil, at
		}
		return nil, len(buffer)
	}
	if len(buffer) < 2 {
		return nil, 0
	}
	n := int(buffer[1])
	if n < 5 {
		return nil, 1 // no length of a frame: what follows may be one
	}
	if len(buffer) < n {
		return nil, 0
	}
	raw := bytes.Clone(buffer[:n])
	if sum := kermit(raw[:n-2]); raw[n-2] != byte(sum) || raw[n-1] != byte(sum>>8) {
		return nil, 1
	}
	return &request{command: raw[2], data: raw[3 : n-2], raw: raw}, n
}

// pack makes a reply.
func pack(code byte, data []byte) []byte {
	out := append([]byte{sync, byte(5 + len(data)), code}, data...)
	sum := kermit(out)
	return append(out, byte(sum), byte(sum>>8))
}
