package escpossim

import (
	"bytes"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// op is one command as the printer understands it. cmd is its name in Epson's reference ("ESC @", "GS v 0"),
// "char" for a character, "LF", "NUL", or "unknown".
type op struct {
	cmd  string
	arg  []byte
	r    rune // of a char
	full bool // a Chinese character: two columns
}

// How many argument bytes follow each two-byte command.
var (
	escArgs = map[byte]int{'@': 0, 't': 1, 'a': 1, 'E': 1, 'G': 1, '-': 1, 'M': 1, '!': 1, '3': 1, '2': 0, ' ': 1, 'd': 1,
		'J': 1, 'e': 1, 'K': 1, '$': 2, '\\': 2, 'i': 0, 'm': 0, 'p': 3, 'v': 0, 'u': 1, 'c': 2, 'R': 1, '{': 1, 'V': 1, 'T': 1,
		'L': 0, 'S': 0, '=': 1, '%': 1, '?': 1}
	gsArgs = map[byte]int{'!': 1, 'B': 1, 'L': 2, 'W': 2, 'h': 1, 'w': 1, 'H': 1, 'f': 1, 'r': 1, 'I': 1, 'a': 1, 'g': 4,
		'P': 2, '\\': 2, '/': 1, '$': 2, 'b': 1, ':': 0, 0x0C: 0}
	fsArgs = map[byte]int{'&': 0, '.': 0, '!': 1, '-': 1, 'C': 1, 'S': 2, 'W': 1, 'p': 2}
)

// parse takes one command off b, whose first byte begins one. n is 0 when more bytes are needed.
func parse(b []byte, chinese bool) (o op, n int) {
	if len(b) == 0 {
		return op{}, 0
	}
	switch c := b[0]; {
	case c == 0x1B:
		return parseESC(b)
	case c == 0x1D:
		return parseGS(b)
	case c == 0x1C:
		return parseTable(b, "FS ", fsArgs)
	case c == 0x10:
		return parseDLE(b)
	case c == 0x0A:
		return op{cmd: "LF"}, 1
	case c == 0x00:
		return op{cmd: "NUL"}, 1
	case c == 0x0D:
		return op{cmd: "CR"}, 1
	case c == 0x09:
		return op{cmd: "HT"}, 1
	case c < 0x20 || c == 0x7F:
		return op{cmd: "unknown", arg: b[:1]}, 1
	case c < 0x80:
		return op{cmd: "char", r: rune(c)}, 1
	case !chinese:
		return op{cmd: "char", r: charmap.CodePage437.DecodeByte(c)}, 1
	}
	return parseChinese(b)
}

func parseTable(b []byte, name string, args map[byte]int) (op, int) {
	if len(b) < 2 {
		return op{}, 0
	}
	count, known := args[b[1]]
	if !known {
		return op{cmd: "unknown", arg: b[:2]}, 2
	}
	if len(b) < 2+count {
		return op{}, 0
	}
	return op{cmd: name + string(rune(b[1])), arg: b[2 : 2+count]}, 2 + count
}

// parseESC knows the two commands of variable length: tabs and the column image.
func parseESC(b []byte) (op, int) {
	if len(b) < 2 {
		return op{}, 0
	}
	switch b[1] {
	case 'D':
		for i := 2; i < len(b); i++ {
			if b[i] == 0 || i == 2+32 {
				return op{cmd: "ESC D", arg: b[2:i]}, i + 1
			}
		}
		return op{}, 0
	case '*':
		if len(b) < 5 {
			return op{}, 0
		}
		size := int(b[3]) | int(b[4])<<8
		if b[2] == 32 || b[2] == 33 {
			size *= 3
		}
		if len(b) < 5+size {
			return op{}, 0
		}
		return op{cmd: "ESC *", arg: b[2 : 5+size]}, 5 + size
	}
	return parseTable(b, "ESC ", escArgs)
}

func parseGS(b []byte) (op, int) {
	if len(b) < 2 {
		return op{}, 0
	}
	switch b[1] {
	case 'v': // GS v 0 m xL xH yL yH: the rows that follow are printed as they come
		if len(b) < 8 {
			return op{}, 0
		}
		return op{cmd: "GS v 0", arg: b[2:8]}, 8
	case 'V':
		if len(b) < 3 {
			return op{}, 0
		}
		if m := b[2]; m != 65 && m != 66 && m != 97 && m != 98 && m != 103 && m != 104 {
			return op{cmd: "GS V", arg: b[2:3]}, 3
		}
		if len(b) < 4 {
			return op{}, 0
		}
		return op{cmd: "GS V", arg: b[2:4]}, 4
	case '(':
		if len(b) < 5 {
			return op{}, 0
		}
		size := int(b[3]) | int(b[4])<<8
		if len(b) < 5+size {
			return op{}, 0
		}
		return op{cmd: "GS ( " + string(rune(b[2])), arg: b[5 : 5+size]}, 5 + size
	case 'k':
		return parseBarcode(b)
	case 'e':
		return parseEjector(b)
	}
	return parseTable(b, "GS ", gsArgs)
}

// parseEjector: n = 3 presents m steps, n = 32 m steps for t seconds; the others have no argument.
func parseEjector(b []byte) (op, int) {
	if len(b) < 3 {
		return op{}, 0
	}
	end := 3 + map[byte]int{3: 1, 32: 2}[b[2]]
	if len(b) < end {
		return op{}, 0
	}
	return op{cmd: "GS e", arg: b[2:end]}, end
}

// parseBarcode: kinds 0-6 end in NUL, kinds from 65 on begin with their length.
func parseBarcode(b []byte) (op, int) {
	if len(b) < 4 {
		return op{}, 0
	}
	if b[2] >= 65 {
		end := 4 + int(b[3])
		if len(b) < end {
			return op{}, 0
		}
		return op{cmd: "GS k", arg: b[4:end]}, end
	}
	for i := 3; i < len(b); i++ {
		if b[i] == 0 || i == 3+255 {
			return op{cmd: "GS k", arg: b[3:i]}, i + 1
		}
	}
	return op{}, 0
}

// parseDLE skips real-time commands: they were obeyed when they arrived.
func parseDLE(b []byte) (op, int) {
	if len(b) < 2 {
		return op{}, 0
	}
	size := 0
	switch b[1] {
	case 0x04, 0x05:
		size = 3
	case 0x14:
		if len(b) < 3 {
			return op{}, 0
		}
		size = 5
		if b[2] == 8 {
			size = 10
		}
	default:
		return op{cmd: "unknown", arg: b[:1]}, 1
	}
	if len(b) < size {
		return op{}, 0
	}
	return op{cmd: "DLE", arg: b[:size]}, size
}

// parseChinese reads one GB 18030 character of two or four bytes.
func parseChinese(b []byte) (op, int) {
	if b[0] == 0x80 || b[0] == 0xFF {
		return op{cmd: "unknown", arg: b[:1]}, 1
	}
	if len(b) < 2 {
		return op{}, 0
	}
	size := 2
	switch c := b[1]; {
	case c >= 0x30 && c <= 0x39:
		size = 4
	case c < 0x40 || c == 0x7F || c == 0xFF:
		return op{cmd: "unknown", arg: b[:1]}, 1
	}
	if len(b) < size {
		return op{}, 0
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b[:size])
	r := []rune(string(text))
	if err != nil || len(r) != 1 || r[0] == '\uFFFD' {
		return op{cmd: "unknown", arg: b[:1]}, 1
	}
	return op{cmd: "char", r: r[0], full: true}, size
}

// forget is DLE DC4 8.
var forget = []byte{0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8}

// realTime finds a real-time command at the end of what has arrived; the printer looks for them in every
// byte, pictures included.
func realTime(tail []byte) (cmd byte, n byte, ok bool) {
	if len(tail) < 3 {
		return 0, 0, false
	}
	if bytes.HasSuffix(tail, forget) {
		return 0x14, 8, true
	}
	t := tail[len(tail)-3:]
	if t[0] == 0x10 && (t[1] == 0x04 || t[1] == 0x05) {
		return t[1], t[2], true
	}
	return 0, 0, false
}
