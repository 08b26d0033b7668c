package cctalksim

import (
	"bytes"
	"fmt"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/notepath"
)

// Headers (part 2, appendix 3).
const (
	hdrReset              = 1
	hdrCommsStatus        = 2
	hdrClearComms         = 3
	hdrCommsRevision      = 4
	hdrEncryption         = 111
	hdrCurrencyRev        = 145
	hdrReadMode           = 152
	hdrSetMode            = 153
	hdrRoute              = 154
	hdrBillPosition       = 155
	hdrScaling            = 156
	hdrBillID             = 157
	hdrEvents             = 159
	hdrBuild              = 192
	hdrReadMaster         = 227
	hdrSetMaster          = 228
	hdrReadInhibits       = 230
	hdrSetInhibits        = 231
	hdrSelfCheck          = 232
	hdrOpto               = 236
	hdrSoftware           = 241
	hdrSerial             = 242
	hdrProduct            = 244
	hdrCategory           = 245
	hdrMaker              = 246
	hdrPollPriority       = 249
	hdrSimplePoll         = 254
	replyNormal           = ccslave.Normal
	replyNak              = ccslave.Nak
	routeEmpty       byte = 254
	routeFailed      byte = 255
)

// answer does what the host asks. Not known: the validator stays silent.
func (s *Sim) answer(r *ccslave.Request) (header byte, data []byte, known bool) {
	if s.o.Encrypted {
		// Header 111 is answered in clear, whatever the setting; its magic data keeps chance packets out.
		return replyNormal, []byte{1, 0, 24, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			r.Header == hdrEncryption && bytes.Equal(r.Data, []byte{0xAA, 0x55, 0x00, 0x00, 0x55, 0xAA})
	}
	switch r.Header {
	case hdrRoute:
		if len(r.Data) != 1 {
			return replyNak, nil, true
		}
		return s.route(r.Data[0])
	case hdrReset:
		s.Reset()
		return replyNormal, nil, true
	}
	if text, ok := s.label(r.Header); ok {
		return replyNormal, []byte(text), true
	}
	s.path.Sync(func() {
		s.m.watch(time.Now())
		if header, data, known = s.read(r); !known {
			header, known = s.write(r)
		}
	})
	return header, data, known
}

// label answers what is printed on the device, so to say.
func (s *Sim) label(header byte) (string, bool) {
	text, ok := map[byte]string{
		hdrMaker: "YCS", hdrCategory: "Bill Validator", hdrProduct: "YC-40", hdrSoftware: "YC40-1.00",
		hdrBuild: "SIM", hdrCurrencyRev: s.o.Country + "01",
	}[header]
	return text, ok
}

// read answers what changes nothing.
func (s *Sim) read(r *ccslave.Request) (header byte, data []byte, known bool) {
	switch r.Header {
	case hdrSimplePoll:
	case hdrSerial:
		data = []byte{byte(s.o.Serial), byte(s.o.Serial >> 8), byte(s.o.Serial >> 16)}
	case hdrCommsRevision:
		data = []byte{1, 4, 7}
	case hdrPollPriority:
		data = []byte{2, 20} // 20 times 10 ms
	case hdrCommsStatus:
		data = []byte{0, 0, 0}
	case hdrSelfCheck:
		data = []byte{s.check()}
	case hdrReadMaster:
		data = []byte{bit(s.m.Master)}
	case hdrReadInhibits:
		data = []byte{byte(s.m.Mask), byte(s.m.Mask >> 8)}
	case hdrReadMode:
		data = []byte{s.m.Mode}
	case hdrOpto:
		data = []byte{bit(s.path.Now().Leg != "")}
	case hdrEvents:
		s.m.Polled = time.Now()
		s.m.settle(s.m.Polled)
		data = []byte{s.m.Counter}
		for _, e := range s.m.Events {
			data = append(data, e[0], e[1])
		}
	case hdrBillID:
		return s.billID(r.Data)
	case hdrBillPosition, hdrScaling:
		return s.country(r)
	default:
		return 0, nil, false
	}
	return replyNormal, data, true
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// billID answers the text of one type: country, four digits, issue; dots where there is none.
func (s *Sim) billID(data []byte) (byte, []byte, bool) {
	if len(data) != 1 || data[0] < 1 || data[0] > 16 {
		return replyNak, nil, true
	}
	if int(data[0]) > len(s.o.Faces) {
		return replyNormal, []byte("......."), true
	}
	return replyNormal, fmt.Appendf(nil, "%s%04dA", s.o.Country, s.o.Faces[data[0]-1]/s.o.Scale), true
}

// country answers the scaling factor or the types of a country; nothing but zeros for a foreign one.
func (s *Sim) country(r *ccslave.Request) (byte, []byte, bool) {
	ours := string(r.Data) == s.o.Country
	switch {
	case r.Header == hdrScaling && ours:
		return replyNormal, []byte{byte(s.o.Scale), byte(s.o.Scale >> 8), s.o.Decimals}, true
	case r.Header == hdrScaling:
		return replyNormal, []byte{0, 0, 0}, true
	case ours:
		mask := 1<<len(s.o.Faces) - 1
		return replyNormal, []byte{byte(mask), byte(mask >> 8)}, true
	default:
		return replyNormal, []byte{0, 0}, true
	}
}

// write takes a setting.
func (s *Sim) write(r *ccslave.Request) (header byte, known bool) {
	want := map[byte]int{hdrClearComms: 0, hdrSetMaster: 1, hdrSetMode: 1, hdrSetInhibits: 2}
	n, known := want[r.Header]
	if !known {
		return 0, false
	}
	if len(r.Data) != n {
		return replyNak, true
	}
	switch r.Header {
	case hdrSetMaster:
		s.m.Master = r.Data[0]&1 == 1
		s.m.Polled = time.Now()
	case hdrSetMode:
		s.m.Mode = r.Data[0] & 3
	case hdrSetInhibits:
		s.m.Mask = uint16(r.Data[0]) | uint16(r.Data[1])<<8
	}
	return replyNormal, true
}

// check is the self-check's fault code (part 3, table 2).
func (s *Sim) check() byte {
	at := s.path.Now()
	switch {
	case !at.BoxIn:
		return 44
	case s.faults.On("box_full"):
		return 45
	case at.Stuck:
		return 39
	case time.Now().Before(s.m.FraudUntil):
		return 41
	default:
		return 0
	}
}

// route sends the escrowed note on its way, or holds it longer (part 3, header 154).
func (s *Sim) route(to byte) (header byte, data []byte, known bool) {
	var at notepath.Now
	s.path.Sync(func() { at = s.path.Now() })
	switch {
	case at.Stuck:
		return replyNormal, []byte{routeFailed}, true
	case at.Leg != notepath.InEscrow:
		return replyNormal, []byte{routeEmpty}, true
	case to == 255:
		s.path.Sync(func() { s.m.HoldUntil = time.Now().Add(escrowTime) })
		return replyNormal, nil, true
	case to == 0 && s.path.Return():
		return replyNormal, nil, true
	case to == 1 && !s.faults.On("box_full") && s.path.Stack():
		return replyNormal, nil, true
	default:
		return replyNormal, []byte{routeFailed}, true
	}
}
