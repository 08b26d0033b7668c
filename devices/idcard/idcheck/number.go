// Package idcheck judges what stands on an identity card and in an enterprise's code, without a clock,
// a network or a device.
//
// It knows the citizen number of GB 11643 (18 characters, the last one a check), whether a number agrees
// with the birth and sex printed beside it, whether a card is valid on a day and how old its holder is,
// how names and numbers are masked, the unified social credit code of GB 32100 with the organisation code
// of GB 11714 inside it, the registration number of GS 15 on old licenses, and the peoples of GB/T 3304.
//
// A right check character does not prove that a person or an enterprise exists; a code of a dissolved
// county stays valid for life, so divisions are not looked up here.
package idcheck

import (
	"errors"
	"strings"
	"time"
)

// Why a number is no citizen number.
var (
	ErrLength    = errors.New("number: not 18 characters")
	ErrCharacter = errors.New("number: a character that cannot be there")
	ErrBirth     = errors.New("number: the birth is no real date")
	ErrCheck     = errors.New("number: the check character is wrong")
)

// Number is a citizen number taken apart.
type Number struct {
	Text     string // 18 characters, X in upper case
	Division string // six digits of GB/T 2260, possibly of a county that is no more
	Birth    string // YYYYMMDD
	Sex      string // GB/T 2261.1 as on the card: "1" male, "2" female
}

// String masks.
func (n Number) String() string { return MaskNumber(n.Text) }

// GoString masks too.
func (n Number) GoString() string { return n.String() }

// Normalise makes what people type and paste comparable: full-width digits and letters become plain
// ones, x becomes X, blanks go.
func Normalise(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // the full-width forms stand in the order of ASCII
			r -= '！' - '!'
		}
		switch {
		case r == ' ' || r == '\u3000' || r == '\t':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// numberWeights are 2^(18-i) mod 11 for the positions i = 1 to 17 (ISO 7064 MOD 11-2).
var numberWeights = [...]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

// NumberCheck is the check character that belongs to the first 17 digits.
func NumberCheck(digits17 string) (byte, error) {
	if len(digits17) != len(numberWeights) {
		return 0, ErrLength
	}
	sum := 0
	for i, w := range numberWeights {
		d := digits17[i]
		if d < '0' || d > '9' {
			return 0, ErrCharacter
		}
		sum += w * int(d-'0')
	}
	return "10X98765432"[sum%11], nil
}

// Parse checks a citizen number after Normalise. It also takes the numbers of residence permits (81, 82,
// 83) and of foreigners' cards of 2023 (9), which follow the same rule. The birth is a real date of 1800
// or later; whether it is past and plausible is asked of Plausible.
func Parse(s string) (Number, error) {
	s = Normalise(s)
	if len(s) != 18 {
		return Number{}, ErrLength
	}
	want, err := NumberCheck(s[:17])
	if err != nil {
		return Number{}, err
	}
	if c := s[17]; c != 'X' && (c < '0' || c > '9') {
		return Number{}, ErrCharacter
	}
	birth := birthIn(s)
	if _, real := date(birth); !real || birth < "18000101" {
		return Number{}, ErrBirth
	}
	if s[17] != want {
		return Number{}, ErrCheck
	}
	n := Number{Text: s, Division: s[:6], Birth: birth, Sex: "2"}
	if (s[16]-'0')%2 == 1 {
		n.Sex = "1"
	}
	return n, nil
}

// birthIn is where the birth stands. A foreigner's number has a division of three digits and a country
// of three, together as long as a citizen's division.
func birthIn(s string) string { return s[6:14] }

// Plausible says whether the holder could stand here on that day: born by then, and not 150 years ago.
func (n Number) Plausible(day time.Time) bool {
	years, err := Age(n.Birth, day)
	return err == nil && years <= ageMax
}

// ageMax is the greatest age that is believed.
const ageMax = 150

// Upgrade makes an 18-character number out of the 15 digits that were in use until 2013. They are no
// longer taken from people, but stand in old registers.
func Upgrade(digits15 string) (string, error) {
	s := Normalise(digits15)
	if len(s) != 15 {
		return "", ErrLength
	}
	s = s[:6] + "19" + s[6:]
	c, err := NumberCheck(s)
	if err != nil {
		return "", err
	}
	if _, real := date(birthIn(s)); !real {
		return "", ErrBirth
	}
	return s + string(c), nil
}

// date reads YYYYMMDD and says whether it is a day of the calendar.
func date(s string) (time.Time, bool) {
	if len(s) != 8 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102", s)
	return t, err == nil
}
