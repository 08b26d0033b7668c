package document

import "strings"

// qrMark begins every symbol on a receipt or slip: Yichuang, first version.
const qrMark = "YC1"

// QRText is what the symbol of a receipt or slip holds: YC1:CASE, or YC1:CASE:CODE when there is a
// claim code. The code is in it without hyphens.
func QRText(caseID, code string) string {
	text := qrMark + ":" + caseID
	if code = PlainCode(code); code != "" {
		text += ":" + code
	}
	return text
}

// ParseQR takes such a text apart again, as the reader hands it over. ok is false for every other text.
func ParseQR(text string) (caseID, code string, ok bool) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != qrMark || parts[1] == "" {
		return "", "", false
	}
	if len(parts) == 3 {
		code = PlainCode(parts[2])
		if code == "" {
			return "", "", false
		}
	}
	return parts[1], code, true
}

// PlainCode is a claim code as it is kept and compared: capitals and digits, without the hyphens and
// blanks that people type between the groups.
func PlainCode(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ' || r == '—' || r == '－' || r == '\u3000':
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, code)
}

// GroupCode writes a claim code for the eye, in groups of four: XXXX-XXXX-XXXX.
func GroupCode(code string) string {
	plain := []rune(PlainCode(code))
	var b strings.Builder
	for i, r := range plain {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}
