package escposusb

import (
	"encoding/binary"
	"errors"
	"strings"
)

// idBytesMax is more than any device's name that was seen.
const idBytesMax = 1024

// ID is a device's name.
type ID struct {
	Maker, Model, Serial string
	Commands             []string // the languages that it says it speaks
}

// keys are the long and the short word of each field; the standard wants the first and allows the other.
var keys = map[string]string{"MANUFACTURER": "MFG", "MODEL": "MDL", "COMMAND SET": "CMD", "SERIALNUMBER": "SN", "SERN": "SN", "SERIAL NUMBER": "SN"}

// ParseID reads the answer to GET_DEVICE_ID: a length that counts itself, then KEY:VALUE; again and again. Some
// printers count without the two bytes of the length, and some send more than they count; what has come is what counts.
func ParseID(b []byte) (ID, error) {
	if len(b) < 2 {
		return ID{}, errors.New("device id: no length")
	}
	text := b[2:]
	if n := int(binary.BigEndian.Uint16(b)); n >= 2 && n-2 < len(text) {
		text = text[:n-2]
	}
	var id ID
	known := false
	for field := range strings.SplitSeq(string(text), ";") {
		key, value, ok := strings.Cut(field, ":")
		if !ok {
			continue
		}
		key = strings.ToUpper(strings.TrimSpace(key))
		if short := keys[key]; short != "" {
			key = short
		}
		value = printable(value)
		switch key {
		case "MFG":
			id.Maker, known = value, true
		case "MDL":
			id.Model, known = value, true
		case "SN":
			id.Serial, known = value, true
		case "CMD":
			known = true
			for c := range strings.SplitSeq(value, ",") {
				if c = strings.TrimSpace(c); c != "" {
					id.Commands = append(id.Commands, c)
				}
			}
		}
	}
	if !known {
		return ID{}, errors.New("device id: no field that is known")
	}
	return id, nil
}

// printable keeps the ASCII of a maker's text.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s))
}
