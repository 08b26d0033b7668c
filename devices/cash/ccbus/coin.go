package ccbus

import (
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// CoinBytes is the length of a coin's text.
const CoinBytes = 6

// ParseCoin reads the text of a coin type, CCVVVI, as acceptors (part 3, header 184) and hoppers (header 171) give it. ok is false for an unused type, and for a country that we do
// not know: it is never enabled.
func ParseCoin(text string) (coin cash.Note, ok bool, err error) {
	if len(text) != CoinBytes || strings.Trim(text, ". \x00") == "" {
		return cash.Note{}, false, nil
	}
	country := Currencies[text[:2]]
	if country.Code == "" {
		return cash.Note{}, false, nil
	}
	face, ok := parseValue(text[2:5])
	if !ok {
		return cash.Note{}, false, &fault.Error{Kind: fault.Garbled, Device: "cctalk", Op: "read coin id", Detail: "no value in the middle", Raw: []byte(text)}
	}
	return cash.Note{Face: face, Currency: country.Code}, face > 0, nil
}

// parseValue reads three characters: digits, or two digits around the letter that stands for the decimal point of
// thousands or millions (part 3, "coin id": 5K0 is 5000, K50 is 500).
func parseValue(text string) (value int64, ok bool) {
	at := strings.IndexAny(text, "KM")
	scale := int64(1)
	if at >= 0 {
		scale = map[byte]int64{'K': 1000, 'M': 1000000}[text[at]]
		for range len(text) - 1 - at {
			scale /= 10
		}
		text = text[:at] + text[at+1:]
	}
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	for _, d := range text {
		value = 10*value + int64(d-'0')
	}
	return value * scale, true
}
