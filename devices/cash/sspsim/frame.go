package sspsim

// request is one packet from the host.
type request struct {
	seq  byte
	data []byte
	raw  []byte
}

// crc16 is the polynomial 0x8005 from 0xFFFF, without reflection.
func crc16(data []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x8005
			}
		}
	}
	return crc
}

const stx = 0x7F

// hearing is where a packet is being read: a state machine over single bytes, as a unit's controller has it.
type hearing struct {
	open bool
	half bool // an STX came: the next byte says whether it is one of the data
	body []byte
	raw  []byte
}

// hear takes one byte and gives the packet that it ends, if any. A packet with a wrong checksum is dropped, for a unit
// does not answer it.
func (h *hearing) hear(b byte) *request {
	switch {
	case h.half && b != stx:
		// A single STX begins a packet, whatever went before.
		*h = hearing{open: true, raw: []byte{stx}}
	case h.half:
		h.half = false
	case b == stx:
		h.half, h.raw = true, append(h.raw, b)
		return nil
	}
	if !h.open {
		return nil
	}
	h.body, h.raw = append(h.body, b), append(h.raw, b)
	if len(h.body) < 2 || len(h.body) < int(h.body[1])+4 {
		return nil
	}
	body, raw := h.body, h.raw
	*h = hearing{}
	n := len(body) - 2
	if n == 2 || crc16(body[:n]) != uint16(body[n])|uint16(body[n+1])<<8 {
		return nil
	}
	return &request{seq: body[0], data: body[2:n], raw: raw}
}

// pack makes a packet.
func pack(seq byte, data []byte) []byte {
	body := append([]byte{seq, byte(len(data))}, data...)
	sum := crc16(body)
	out := []byte{stx}
	for _, b := range append(body, byte(sum), byte(sum>>8)) {
		out = append(out, b)
		if b == stx {
			out = append(out, stx)
		}
	}
	return out
}
