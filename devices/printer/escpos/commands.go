package escpos

import "bytes"

// The commands that we send. Names as in Epson's ESC/POS Command Reference.
var (
	cmdInit       = []byte{0x1B, 0x40}                          // ESC @: modes to default, the line begun is forgotten
	cmdUSA        = []byte{0x1B, 0x52, 0x00}                    // ESC R 0: else $ is a yen sign on Chinese models
	cmdUnits      = []byte{0x1D, 0x50, 203, 203}                // GS P: feeds count in dots of 203 dpi
	cmdChinese    = []byte{0x1C, 0x26}                          // FS &
	cmdNoChinese  = []byte{0x1C, 0x2E}                          // FS .
	cmdNoASB      = []byte{0x1D, 0x61, 0x00}                    // GS a 0
	cmdMarker     = []byte{0x1D, 0x72, 0x01}                    // GS r 1: paper status, answered in its turn
	cmdCut        = []byte{0x1D, 0x56, 0x42, 0x00}              // GS V 66 0: feed to the cutter, partial cut
	cmdCutCount   = []byte{0x1D, 0x67, 0x32, 0x00, 0xB2, 0x00}  // GS g 2 0 178: cumulative number of cuts
	cmdForget     = []byte{0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8} // DLE DC4 8: clear the buffers
	cmdFullStatus = []byte{0x10, 0x04, 20}                      // DLE EOT 20: six bytes about paper, mouth and errors
	cmdClearError = []byte{0x10, 0x05, 0x02}                    // DLE ENQ 2: clear the buffers, recover from the error
)

// cmdStatus is DLE EOT n.
func cmdStatus(n byte) []byte { return []byte{0x10, 0x04, n} }

// cmdAlign is ESC a: 0 left, 1 centre, 2 right; it holds only at the beginning of a line.
func cmdAlign(n byte) []byte { return []byte{0x1B, 0x61, n} }

// cmdBold is ESC E.
func cmdBold(on bool) []byte {
	if on {
		return []byte{0x1B, 0x45, 1}
	}
	return []byte{0x1B, 0x45, 0}
}

// cmdSize is GS !: bits 4-6 width, bits 0-2 height, each less one.
func cmdSize(wide, high bool) []byte {
	var n byte
	if wide {
		n |= 0x10
	}
	if high {
		n |= 0x01
	}
	return []byte{0x1D, 0x21, n}
}

// cmdFeed is ESC J as often as it takes: its count is one byte.
func cmdFeed(rows int) []byte {
	var b []byte
	for ; rows > 255; rows -= 255 {
		b = append(b, 0x1B, 0x4A, 255)
	}
	if rows > 0 {
		b = append(b, 0x1B, 0x4A, byte(rows))
	}
	return b
}

// cmdRaster is GS v 0: stride bytes a row, 1 is black, the highest bit leftmost.
func cmdRaster(stride int, bits []byte) []byte {
	rows := len(bits) / stride
	b := []byte{0x1D, 0x76, 0x30, 0x00, byte(stride), byte(stride >> 8), byte(rows), byte(rows >> 8)}
	return append(b, bits...)
}

// cmdQR is GS ( k: model 2, module size, correction M, store, print.
func cmdQR(text string, module byte) []byte {
	n := len(text) + 3
	return bytes.Join([][]byte{
		{0x1D, 0x28, 0x6B, 4, 0, 0x31, 0x41, 0x32, 0x00},
		{0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x43, module},
		{0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x45, 0x31},
		{0x1D, 0x28, 0x6B, byte(n), byte(n >> 8), 0x31, 0x50, 0x30}, []byte(text),
		{0x1D, 0x28, 0x6B, 3, 0, 0x31, 0x51, 0x30},
	}, nil)
}

// cmdIdentity is GS I with a block answer: 66 maker, 67 model, 68 serial number.
func cmdIdentity(n byte) []byte { return []byte{0x1D, 0x49, n} }

// answerKind is what a run of bytes from the printer is. The manual's table "Identifying the status by
// each bit" makes every first byte tell.
type answerKind int

const (
	answerGarbage  answerKind = 0
	answerRealTime answerKind = 1 // 0xx1xx10: to DLE EOT
	answerMarker   answerKind = 2 // 0000xxxx: to GS r 1
	answerASB      answerKind = 3 // 0xx1xx00 and three bytes 0xx0xxxx
	answerFlow     answerKind = 4 // XON, XOFF
	answerBlock    answerKind = 5 // 5F, text, 00
	answerCleared  answerKind = 6 // 37 25 00: to DLE DC4 8
	answerFull     answerKind = 7 // 10 0F and four bytes: to DLE EOT 20
)

// answer is one of them with its bytes.
type answer struct {
	kind answerKind
	raw  []byte
}

// decode takes the first answer off b. n is 0 when more bytes are needed.
func decode(b []byte) (a answer, n int) {
	if len(b) == 0 {
		return answer{}, 0
	}
	first := b[0]
	switch {
	case first == 0x5F:
		if end := bytes.IndexByte(b, 0); end > 0 {
			return answer{answerBlock, b[1:end]}, end + 1
		}
		if len(b) >= blockBytesMax {
			return answer{answerGarbage, b}, len(b)
		}
		return answer{}, 0
	case first == 0x37:
		if len(b) < 3 {
			return answer{}, 0
		}
		if b[1] == 0x25 && b[2] == 0 {
			return answer{answerCleared, b[:3]}, 3
		}
		return answer{answerGarbage, b[:1]}, 1
	case first == 0x11 || first == 0x13:
		return answer{answerFlow, b[:1]}, 1
	case first&0x93 == 0x12:
		return answer{answerRealTime, b[:1]}, 1
	case first == 0x10 && len(b) > 1 && b[1] == 0x0F:
		// Automatic status never has 0F there: its bits 0 and 1 are reserved.
		if len(b) < 6 {
			return answer{}, 0
		}
		return answer{answerFull, b[2:6]}, 6
	case first&0x93 == 0x10:
		return decodeASB(b)
	case first == 0x00 || first == 0x03 || first == 0x0C || first == 0x0F:
		return answer{answerMarker, b[:1]}, 1
	}
	return answer{answerGarbage, b[:1]}, 1
}

// decodeASB takes four bytes of automatic status, of which only the first has bit 4 set.
func decodeASB(b []byte) (answer, int) {
	for i := 1; i < 4; i++ {
		if i == len(b) {
			return answer{}, 0
		}
		if b[i]&0x90 != 0 {
			return answer{answerGarbage, b[:1]}, 1
		}
	}
	return answer{answerASB, b[:4]}, 4
}
