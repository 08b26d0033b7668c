package invariant

import (
	"encoding/json"
	"slices"
	"unicode"

	"yichuang/kiosk/casefile"
)

// sealedKinds are the only ones that carry anything of a person, and they always do.
var sealedKinds = []casefile.Kind{casefile.BillChosen, casefile.CaseSubmitted}

func sealed(l *look) {
	must := slices.Contains(sealedKinds, l.r.Kind)
	l.see(must == (l.r.SealSum != ""), "%s, sealed %v", l.r.Kind, l.r.SealSum != "")
}

// The head of a sealed part: version, key id, encapsulated key.
const (
	sealKeyAt  = 1 + 8
	sealKeyEnd = sealKeyAt + 32
)

// visitKey: the key agreement is one visit's, so that who finds one key cannot read other people's records.
func visitKey(l *look) {
	if len(l.r.Sealed) == 0 {
		return
	}
	if len(l.r.Sealed) < sealKeyEnd || l.r.Sealed[0] != 1 {
		l.see(false, "a sealed part of %d bytes", len(l.r.Sealed))
		return
	}
	key := string(l.r.Sealed[sealKeyAt:sealKeyEnd])
	visit, seen := l.visitKeys[key]
	l.see(!seen || visit == l.visit, "sealed in visit %s with the key of visit %s", l.visit, visit)
	if !seen {
		l.visitKeys[key] = l.visit
	}
}

// private: no text in the clear has a number of a person or a name in Chinese. Numbers of devices, blanks and licenses are
// public and may look like anything.
func private(l *look) {
	if !suspicious(l.r.Header) {
		l.see(true, "")
		return
	}
	var fields map[string]any
	if json.Unmarshal(l.r.Header, &fields) != nil {
		return
	}
	for name, value := range fields {
		if what := personal(name, value); what != "" {
			l.see(false, "field %q of %s holds %s", name, l.r.Kind, what)
			return
		}
	}
	l.see(true, "")
}

// publicFields hold numbers of things. Only "reason" may be in Chinese: staff say there what they found.
var publicFields = []string{"serial", "first", "license", "mark", "memory", "devices"}

func personal(field string, value any) string {
	text, ok := value.(string)
	if !ok || slices.Contains(publicFields, field) {
		return ""
	}
	if what := Personal(text); what != "" {
		return what
	}
	for _, r := range text {
		if unicode.Is(unicode.Han, r) && field != "reason" {
			return "a word in Chinese"
		}
	}
	return ""
}

// suspicious is a quick look: whether there is anything but short numbers and plain letters.
func suspicious(header []byte) bool {
	run := 0
	for _, b := range header {
		if b >= 0x80 || b == '\\' {
			return true
		}
		if run++; b < '0' || b > '9' {
			run = 0
		}
		if run >= phoneLen {
			return true
		}
	}
	return false
}

const (
	phoneLen  = 11
	numberLen = 18
)

// Personal says what of a text is a number of a person: one of an identity card, or of a mobile phone; "" when nothing is.
func Personal(text string) string {
	for start := 0; start < len(text); {
		if !word(text[start]) {
			start++
			continue
		}
		end := start
		for end < len(text) && word(text[end]) {
			end++
		}
		switch token := text[start:end]; {
		case identityNumber(token):
			return "a number of an identity card"
		case len(token) == phoneLen && digits(token) && token[0] == '1' && token[1] >= '3':
			return "a number of a phone"
		}
		start = end
	}
	return ""
}

func word(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// identityNumber: 17 digits and a check character by GB 11643 (ISO 7064, MOD 11-2), with a month and a day in it.
func identityNumber(s string) bool {
	if len(s) != numberLen || !digits(s[:numberLen-1]) || s[10:12] < "01" || s[10:12] > "12" || s[12:14] < "01" || s[12:14] > "31" {
		return false
	}
	sum := 0
	for i := range numberLen - 1 {
		sum = (sum + int(s[i]-'0')) * 2 % 11
	}
	check := "0123456789X"[(12-sum)%11]
	last := s[numberLen-1]
	return last == check || check == 'X' && last == 'x'
}
