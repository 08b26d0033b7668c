package sdtsim

// The words of SW3 that this reader says.
const (
	swGood          = 0x90
	swFound         = 0x9F
	swNone          = 0x80
	swSelect        = 0x81
	swRead          = 0x41
	swNoContent     = 0x91
	swChecksum      = 0x10
	swLength        = 0x11
	swCommand       = 0x21
	swOrder         = 0x23
	swNotVerified   = 0x33
	swSelfTest      = 0x60
	requestLenMax   = 4096
	preambleAndSize = 7
)

// answer frames a verdict and its data.
func answer(sw3 byte, data ...byte) []byte {
	n := len(data) + 4
	f := append([]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, byte(n >> 8), byte(n), 0, 0, sw3}, data...)
	return append(f, xor(f[5:]))
}

func xor(b []byte) byte {
	var x byte
	for _, c := range b {
		x ^= c
	}
	return x
}

// request is one frame of the host, or what is wrong with it.
type request struct {
	frame     []byte // as it came, from the last AA on
	cmd, para byte
	data      []byte
	wrong     byte // swChecksum or swLength, 0 when right
}

// cut takes the first request out of what has come. It gives nil while a frame is not all there; rest is
// what stays.
func cut(in []byte) (q *request, rest []byte) {
	for i := 0; i+3 <= len(in); i++ {
		if in[i] != 0xAA || in[i+1] != 0x96 || in[i+2] != 0x69 {
			continue
		}
		f := in[i:]
		if len(f) < 5 {
			return nil, f
		}
		n := int(f[3])<<8 | int(f[4])
		if n < 3 || n > requestLenMax {
			return &request{frame: f[:5], wrong: swLength}, f[5:]
		}
		if len(f) < 5+n {
			return nil, f
		}
		f, rest = f[:5+n], f[5+n:]
		if xor(f[3:]) != 0 {
			return &request{frame: f, wrong: swChecksum}, rest
		}
		return &request{frame: f, cmd: f[5], para: f[6], data: f[7 : 4+n]}, rest
	}
	return nil, in[max(0, len(in)-2):]
}
