package sdt

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcheck"
)

const textBytes = 256

// errBlock says that a block makes no sense. It never says what was in it.
var errBlock = errors.New("the card's block makes no sense")

// splitBlocks takes the blocks of an answer to 30 01 or 30 10 apart. The two differ by a third length;
// some readers answer 30 10 in the form of 30 01, so whichever adds up is taken.
func splitBlocks(data []byte) (text, photo []byte, err error) {
	for _, lengths := range [...]int{3, 2} {
		head := 2 * lengths
		if len(data) < head {
			continue
		}
		sum := 0
		for i := range lengths {
			sum += int(binary.BigEndian.Uint16(data[2*i:]))
		}
		t, p := int(binary.BigEndian.Uint16(data)), int(binary.BigEndian.Uint16(data[2:]))
		if t == textBytes && head+sum == len(data) {
			body := data[head:]
			return body[:t], append([]byte(nil), body[t:t+p]...), nil
		}
	}
	return nil, nil, errBlock
}

// block reads fields of a text block; the first that cannot be read is remembered.
type block struct {
	b   []byte
	err error
}

// raw is the code units of a field, padding included.
func (b *block) raw(offset, count int) []uint16 {
	units := make([]uint16, count)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b.b[offset+2*i:])
	}
	return units
}

// text decodes a field given by its offset in bytes and its count of code units; further pairs are joined before the
// padding is cut off. Half a surrogate pair is damage: a replacement mark must not pass as a name.
func (b *block) text(offset, count int, more ...int) string {
	units := b.raw(offset, count)
	for i := 0; i+1 < len(more); i += 2 {
		units = append(units, b.raw(more[i], more[i+1])...)
	}
	for i := 0; i < len(units); i++ {
		if !utf16.IsSurrogate(rune(units[i])) {
			continue
		}
		if i+1 == len(units) || utf16.DecodeRune(rune(units[i]), rune(units[i+1])) == '\uFFFD' {
			b.err = errBlock
			return ""
		}
		i++
	}
	return strings.TrimRight(string(utf16.Decode(units)), " \x00")
}

// decodeText is the card that a text block describes.
func decodeText(raw []byte) (idcard.Card, error) {
	if len(raw) != textBytes {
		return idcard.Card{}, errBlock
	}
	b := &block{b: raw}
	var c idcard.Card
	switch flag := b.raw(248, 1)[0]; flag {
	case 'I':
		c = b.foreign2017()
	case 'Y':
		c = b.foreign2023()
	case 'J':
		c = b.resident()
		c.Kind = idcard.HMT
		c.PermitNumber, c.IssueCount = b.text(220, 9), b.text(238, 2)
	default:
		c = b.resident()
		c.Kind = idcard.Citizen
		if _, err := idcheck.Parse(c.Number); flag != ' ' && err != nil {
			return idcard.Card{}, errBlock
		}
	}
	if b.err != nil {
		return idcard.Card{}, b.err
	}
	return c, nil
}

// resident is what a citizen's card and a residence permit have in common.
func (b *block) resident() idcard.Card {
	return idcard.Card{
		Name:      b.text(0, 15),
		Sex:       b.text(30, 1),
		Ethnicity: b.text(32, 2),
		Birth:     b.text(36, 8),
		Address:   b.text(52, 35),
		Number:    b.text(122, 18),
		Authority: b.text(158, 15),
		ValidFrom: b.text(188, 8),
		ValidTo:   b.text(204, 8),
	}
}

// foreign2017 has three letters and twelve digits as its number. Offset 236 is the card's version,
// of which nobody here has a use.
func (b *block) foreign2017() idcard.Card {
	return idcard.Card{
		Kind:        idcard.Foreign2017,
		EnglishName: b.text(0, 60),
		Sex:         b.text(120, 1),
		Number:      b.text(122, 15),
		Nationality: b.text(152, 3),
		Name:        b.text(158, 15),
		ValidFrom:   b.text(188, 8),
		ValidTo:     b.text(204, 8),
		Birth:       b.text(220, 8),
		Authority:   b.text(240, 4),
	}
}

// foreign2023 is laid out like a citizen's card; the English name is in two parts. The three characters
// at 250 point at the holder's former number and are left.
func (b *block) foreign2023() idcard.Card {
	return idcard.Card{
		Kind:        idcard.Foreign2023,
		Name:        b.text(0, 15),
		Sex:         b.text(30, 1),
		IssueCount:  b.text(32, 2),
		Birth:       b.text(36, 8),
		EnglishName: b.text(52, 35, 220, 11),
		Number:      b.text(122, 18),
		ValidFrom:   b.text(188, 8),
		ValidTo:     b.text(204, 8),
		Nationality: b.text(242, 3),
	}
}
