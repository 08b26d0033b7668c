package cctalkcoinsim

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/coinpath"
)

// Headers (part 2, appendix 3).
const (
	hdrReset          = 1
	hdrCommsStatus    = 2
	hdrClearComms     = 3
	hdrCommsRevision  = 4
	hdrEncryption     = 111
	hdrCoinID         = 184
	hdrDefaultPath    = 188
	hdrSetDefaultPath = 189
	hdrBuild          = 192
	hdrPath           = 209
	hdrSetPath        = 210
	hdrAccepted       = 225
	hdrInserted       = 226
	hdrReadMaster     = 227
	hdrSetMaster      = 228
	hdrEvents         = 229
	hdrReadInhibits   = 230
	hdrSetInhibits    = 231
	hdrSelfCheck      = 232
	hdrOpto           = 236
	hdrSoftware       = 241
	hdrSerial         = 242
	hdrProduct        = 244
	hdrCategory       = 245
	hdrMaker          = 246
	hdrStatus         = 248
	hdrPollPriority   = 249
	hdrSimplePoll     = 254
)

func now() time.Time { return time.Now() }

// answer does what the host asks. Not known: the acceptor stays silent.
func (s *Sim) answer(r *ccslave.Request) (header byte, data []byte, known bool) {
	if s.o.Encrypted {
		// Header 111 is answered in clear, whatever the setting; its magic data keeps chance packets out.
		return ccslave.Normal, []byte{1, 0, 24, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			r.Header == hdrEncryption && bytes.Equal(r.Data, []byte{0xAA, 0x55, 0x00, 0x00, 0x55, 0xAA})
	}
	if r.Header == hdrReset {
		s.Reset()
		return ccslave.Normal, nil, true
	}
	if text, ok := labels[r.Header]; ok {
		return ccslave.Normal, []byte(text), true
	}
	s.path.Sync(func() {
		s.m.watch(now())
		if header, data, known = s.read(r); !known {
			header, data, known = s.write(r)
		}
	})
	return header, data, known
}

// labels are what is printed on the device, so to say.
var labels = map[byte]string{hdrMaker: "YCS", hdrCategory: "Coin Acceptor", hdrProduct: "YC-2", hdrSoftware: "YC2-1.00", hdrBuild: "SIM"}

// read answers what changes nothing.
func (s *Sim) read(r *ccslave.Request) (header byte, data []byte, known bool) {
	switch r.Header {
	case hdrSimplePoll:
	case hdrSerial:
		data = count(s.o.Serial)
	case hdrCommsRevision:
		data = []byte{1, 4, 7}
	case hdrPollPriority:
		data = []byte{2, 20} // 20 times 10 ms
	case hdrCommsStatus:
		data = []byte{0, 0, 0}
	case hdrSelfCheck:
		data = []byte{s.check()}
	case hdrStatus:
		if s.o.NoStatus {
			return 0, nil, false
		}
		data = []byte{s.status()}
	case hdrReadMaster:
		data = []byte{bit(s.m.Master)}
	case hdrReadInhibits:
		data = []byte{byte(s.m.Mask), byte(s.m.Mask >> 8)}
	case hdrOpto:
		data = []byte{bit(s.path.Now().Moving > 0)}
	case hdrAccepted:
		data = count(s.m.Accepted)
	case hdrInserted:
		data = count(s.m.Inserted)
	case hdrDefaultPath:
		data = []byte{1}
	case hdrEvents:
		s.m.Polled = now()
		s.m.settle(s.m.Polled)
		data = []byte{s.m.Counter}
		for _, e := range s.m.Events {
			data = append(data, e[0], e[1])
		}
	case hdrCoinID, hdrPath:
		return s.about(r)
	default:
		return 0, nil, false
	}
	return ccslave.Normal, data, true
}

// count is a number of 24 bits, low byte first.
func count(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// about answers what one coin type is, or which way it goes.
func (s *Sim) about(r *ccslave.Request) (byte, []byte, bool) {
	if len(r.Data) != 1 || r.Data[0] < 1 || r.Data[0] > 16 {
		return ccslave.Nak, nil, true
	}
	kind := r.Data[0] - 1
	switch {
	case r.Header == hdrPath:
		return ccslave.Normal, []byte{s.m.Paths[kind]}, true
	case int(kind) >= len(s.o.Faces):
		return ccslave.Normal, []byte("......"), true
	}
	return ccslave.Normal, []byte(s.o.Country + value(s.o.Faces[kind]) + "A"), true
}

// value is a face in three characters: 005, 100, 1K5, 25K (part 3, "coin id").
func value(face int64) string {
	if face < 1000 {
		return fmt.Sprintf("%03d", face)
	}
	thousands := strings.TrimRight(fmt.Sprintf("%d.%d", face/1000, face%1000/100), "0")
	whole, part, _ := strings.Cut(thousands, ".")
	return (whole + "K" + part + "0")[:3]
}

// write takes a setting.
func (s *Sim) write(r *ccslave.Request) (header byte, data []byte, known bool) {
	want := map[byte]int{hdrClearComms: 0, hdrSetMaster: 1, hdrSetInhibits: 2, hdrSetPath: 2, hdrSetDefaultPath: 1}
	n, known := want[r.Header]
	if !known {
		return 0, nil, false
	}
	if len(r.Data) != n {
		return ccslave.Nak, nil, true
	}
	switch r.Header {
	case hdrSetMaster:
		s.m.Master = r.Data[0]&1 == 1
		s.m.Polled = now()
	case hdrSetInhibits:
		s.m.Mask = uint16(r.Data[0]) | uint16(r.Data[1])<<8
	case hdrSetPath:
		if r.Data[0] < 1 || r.Data[0] > 16 || r.Data[1] < 1 || r.Data[1] > 8 {
			return ccslave.Nak, nil, true
		}
		s.m.Paths[r.Data[0]-1] = r.Data[1]
	}
	return ccslave.Normal, nil, true
}

// check is the self-check's fault code (part 3, table 3).
func (s *Sim) check() byte {
	switch s.path.Now().Stuck {
	case coinpath.Rolling:
		return 7 // wake-up sensor
	case coinpath.Dropping:
		return 3 // credit sensor
	case coinpath.Leaving:
		return 18 // reject sensor
	}
	return 0
}

// status is table 4: 1 the return lever, 2 a coin on a string.
func (s *Sim) status() byte {
	switch {
	case s.path.Now().Lever:
		return 1
	case now().Before(s.m.FraudUntil):
		return 2
	}
	return 0
}
