package ccnetsim

const (
	sync     = 0x02
	overhead = 5 // sync, address, length, two bytes of CRC
	frameMax = 250
)

// crc16 is the CRC of §2.2: polynomial 0x8408, reflected, from zero.
func crc16(bytes []byte) (crc uint16) {
	for _, b := range bytes {
		crc ^= uint16(b)
		for range 8 {
			odd := crc&1 != 0
			crc >>= 1
			if odd {
				crc ^= 0x8408
			}
		}
	}
	return crc
}

// request is one frame from the host.
type request struct {
	address, command byte
	data             []byte
	raw              []byte
	spoiled          bool // the checksum is wrong
}

// cut takes the first frame off the buffer. used 0 means that it is not all there yet; a nil request with
// used > 0 are bytes that belong to no frame.
func cut(buffer []byte) (r *request, used int) {
	for used < len(buffer) && buffer[used] != sync {
		used++
	}
	if used > 0 || len(buffer) < 3 {
		return nil, used
	}
	n := int(buffer[2])
	if n <= overhead || n > frameMax {
		return nil, len(buffer)
	}
	if len(buffer) < n {
		return nil, 0
	}
	raw := buffer[:n]
	sum := crc16(raw[:n-2])
	return &request{address: raw[1], command: raw[3], data: raw[4 : n-2], raw: raw,
		spoiled: raw[n-2] != byte(sum) || raw[n-1] != byte(sum>>8)}, n
}

// pack makes a frame.
func pack(address byte, payload ...byte) []byte {
	out := append([]byte{sync, address, byte(len(payload) + overhead)}, payload...)
	sum := crc16(out)
	return append(out, byte(sum), byte(sum>>8))
}
