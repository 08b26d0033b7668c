package cctalkhoppersim

import (
	"bytes"
	"fmt"

	"yichuang/devices/cash/ccslave"
)

// Headers (part 2, appendix 3).
const (
	hdrReset         = 1
	hdrCommsStatus   = 2
	hdrClearComms    = 3
	hdrCommsRevision = 4
	hdrEncryption    = 111
	hdrCipherKey     = 160
	hdrPumpRNG       = 161
	hdrTest          = 163
	hdrEnable        = 164
	hdrStatus        = 166
	hdrDispense      = 167
	hdrDispensed     = 168
	hdrCoin          = 171
	hdrStop          = 172
	hdrBuild         = 192
	hdrLevels        = 217
	hdrOpto          = 236
	hdrSoftware      = 241
	hdrSerial        = 242
	hdrProduct       = 244
	hdrCategory      = 245
	hdrMaker         = 246
	hdrSimplePoll    = 254
)

// enableCode is what header 164 wants to hear; anything else disables.
const enableCode = 0xA5

// Answer is the cipher of a pretend hopper: a real one's is its maker's secret.
func Answer(key [8]byte) (answer [8]byte) {
	for i, b := range key {
		answer[7-i] = b*7 + byte(i)
	}
	return answer
}

// answer does what the host asks. Not known: the hopper stays silent.
func (r *Rack) answer(h *hopper, q *ccslave.Request) (header byte, data []byte, known bool) {
	r.mu.Lock()
	defer r.unlock()
	if r.o.Encrypted {
		return ccslave.Normal, []byte{1, 0, 24, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			q.Header == hdrEncryption && bytes.Equal(q.Data, []byte{0xAA, 0x55, 0x00, 0x00, 0x55, 0xAA})
	}
	if data, known = r.read(h, q.Header); known {
		return ccslave.Normal, data, true
	}
	return r.write(h, q)
}

// read answers what changes nothing but a cipher's key.
func (r *Rack) read(h *hopper, header byte) (data []byte, known bool) {
	switch header {
	case hdrSimplePoll:
	case hdrMaker:
		data = []byte("YCS")
	case hdrCategory:
		data = []byte("Payout")
	case hdrProduct:
		data = []byte(h.o.Model)
	case hdrSoftware:
		data = []byte("YC3-1.00")
	case hdrBuild:
		data = []byte("SIM")
	case hdrSerial:
		data = count(h.o.Serial)
	case hdrCommsRevision:
		data = []byte{1, 4, 7}
	case hdrCommsStatus:
		data = []byte{0, 0, 0}
	case hdrOpto:
		data = []byte{0}
	case hdrTest:
		data = h.registers()
	case hdrStatus:
		data = []byte{h.Counter, h.Remaining, h.LastPaid, h.LastUnpaid}
	case hdrDispensed:
		data = count(h.Dispensed)
	case hdrLevels:
		data = []byte{levels(h)}
	case hdrCoin:
		if h.o.Nameless {
			return nil, false
		}
		data = fmt.Appendf(nil, "%s%03dA", r.o.Country, h.o.Face)
	default:
		return nil, false
	}
	return data, true
}

// count is a number of 24 bits, low byte first.
func count(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

// levels is the answer to header 217: bit 0 few are left, bit 4 there is a sensor for that.
func levels(h *hopper) (b byte) {
	if h.o.Low > 0 {
		b |= 1 << 4
	}
	if h.low() {
		b |= 1
	}
	return b
}

// write does what changes something.
func (r *Rack) write(h *hopper, q *ccslave.Request) (header byte, data []byte, known bool) {
	switch q.Header {
	case hdrClearComms:
	case hdrReset:
		h.restart(bootTime)
	case hdrEnable:
		if len(q.Data) != 1 {
			return ccslave.Nak, nil, true
		}
		h.enable(q.Data[0] == enableCode)
	case hdrStop:
		data = []byte{h.Remaining}
		h.stop(0, 0)
	case hdrPumpRNG:
		if h.o.By != Cipher || len(q.Data) != 8 {
			return ccslave.Nak, nil, true
		}
		copy(h.Key[:], q.Data)
	case hdrCipherKey:
		if h.o.By != Cipher {
			return 0, nil, false
		}
		for i := range h.Key { // another one each time
			h.Key[i] = h.Key[i]*5 + byte(i) + 13
		}
		h.Keyed = true
		data = bytes.Clone(h.Key[:])
	case hdrDispense:
		return r.dispense(h, q.Data)
	default:
		return 0, nil, false
	}
	return ccslave.Normal, data, true
}

// dispense takes an order, or says no.
func (r *Rack) dispense(h *hopper, data []byte) (header byte, answer []byte, known bool) {
	var proof []byte
	switch h.o.By {
	case Serial:
		proof = count(h.o.Serial)
	case Cipher:
		right := Answer(h.Key)
		if proof = right[:]; !h.Keyed {
			return ccslave.Nak, nil, true
		}
		h.Keyed = false // one key, one attempt
	}
	if len(data) != len(proof)+1 || !bytes.Equal(data[:len(proof)], proof) || !h.Enabled || h.Remaining > 0 || data[len(proof)] == 0 {
		return ccslave.Nak, nil, true
	}
	r.begin(h, data[len(proof)])
	return ccslave.Normal, []byte{h.Counter}, true
}
