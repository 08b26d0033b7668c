package escpos

import (
	"fmt"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is which characters a printer's own font has.
type Charset string

// The fonts that are sold. GBK is what a printer has that does not say; one with ASCII has no Chinese font and no
// Chinese mode.
const (
	ASCII   Charset = "ascii"
	GB2312  Charset = "gb2312"
	GBK     Charset = "gbk"
	GB18030 Charset = "gb18030"
)

// encodeRune gives the bytes for a character in Chinese mode, nil when the font has none.
func (c Charset) encodeRune(r rune) []byte {
	if r == '¥' && c != ASCII {
		r = '￥' // U+00A5 is a four-byte code in GB 18030; every font has U+FFE5
	}
	if r < 0x80 {
		if r < 0x20 || r == 0x7F {
			return nil
		}
		return []byte{byte(r)}
	}
	// Private use characters have codes but no shape.
	if unicode.Is(unicode.Co, r) || r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
		return nil
	}
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(string(r)))
	if err != nil || !c.holds(b) {
		return nil
	}
	return b
}

// holds says whether a code lies in the areas of the character set (GB 18030-2005, 7.2 and annex).
func (c Charset) holds(b []byte) bool {
	if len(b) == 4 {
		return c == GB18030
	}
	if len(b) != 2 {
		return false
	}
	code := int(b[0])<<8 | int(b[1])
	switch c {
	case ASCII:
		return false
	case GB18030:
		return true
	case GB2312:
		return b[1] >= 0xA1 && (code >= 0xA1A1 && code <= 0xA9EF || code >= 0xB0A1 && code <= 0xF7FE) && !addedLater(code)
	}
	return !addedLater(code)
}

// addedLater says whether a two-byte code came with GB 18030 in 2000: fonts made for GBK lack them, and
// the tables of different makers differ there.
func addedLater(code int) bool {
	switch {
	case code == 0xA2E3, code == 0xA8BF, code >= 0xA989 && code <= 0xA995:
		return true
	case code >= 0xFE50 && code <= 0xFEA0:
		return true
	}
	return false
}

// encode gives the bytes of a text line in Chinese mode.
func (c Charset) encode(text string) ([]byte, error) {
	var out []byte
	for _, r := range text {
		b := c.encodeRune(r)
		if b == nil {
			// The character itself may be part of a name and is not put into an error.
			return nil, fmt.Errorf("a character is not in the printer's font (%s): set the line in dots", c)
		}
		out = append(out, b...)
	}
	return out, nil
}
