package ccslave

// Request is one packet from the host.
type Request struct {
	Dest, Src, Header byte
	Data              []byte
	Raw               []byte
}

// crc16 is the CCITT polynomial 0x1021 from zero, without reflection (part 3, "CRC checksum").
func crc16(parts ...[]byte) uint16 {
	var crc uint16
	for _, part := range parts {
		for _, b := range part {
			crc ^= uint16(b) << 8
			for range 8 {
				carry := crc&0x8000 != 0
				crc <<= 1
				if carry {
					crc ^= 0x1021
				}
			}
		}
	}
	return crc
}

// Cut takes the first packet off the buffer. used 0 means that it is not all there yet; a nil request
// with used > 0 is a packet with a wrong checksum, which a device does not answer.
func Cut(buffer []byte, crc bool) (r *Request, used int) {
	if len(buffer) < 2 {
		return nil, 0
	}
	n := int(buffer[1])
	used = n + 5
	if len(buffer) < used {
		return nil, 0
	}
	raw := buffer[:used]
	if crc {
		sum := crc16(raw[:2], raw[3:used-1])
		if raw[2] != byte(sum) || raw[used-1] != byte(sum>>8) {
			return nil, used
		}
		return &Request{Dest: raw[0], Src: 1, Header: raw[3], Data: raw[4 : 4+n], Raw: raw}, used
	}
	var sum byte
	for _, b := range raw {
		sum += b
	}
	if sum != 0 {
		return nil, used
	}
	return &Request{Dest: raw[0], Src: raw[2], Header: raw[3], Data: raw[4 : 4+n], Raw: raw}, used
}

// Pack makes a reply.
func Pack(dest, src, header byte, data []byte, crc bool) []byte {
	out := append([]byte{dest, byte(len(data)), src, header}, data...)
	if crc {
		sum := crc16(out[:2], out[3:])
		out[2] = byte(sum)
		return append(out, byte(sum>>8))
	}
	var sum byte
	for _, b := range out {
		sum += b
	}
	return append(out, -sum)
}
