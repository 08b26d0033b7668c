package idcheck

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"yichuang/devices/idcard"
)

// Why a card does not agree with itself.
var (
	ErrNoName       = errors.New("card: there is no name on it")
	ErrBirthDiffers = errors.New("card: the birth differs from the number's")
	ErrSexDiffers   = errors.New("card: the sex differs from the number's")
	ErrKindDiffers  = errors.New("card: the number is of another kind of card")
)

// Agree checks that there is a name, a card's number, and the birth and sex printed beside it against the number. The foreign
// card of 2017 has another number, of which only the form is known, and of the one of 2023 it is not
// certain that the sequence tells the sex. A sex that is neither male nor female (0 unknown, 9 not
// stated) cannot disagree.
func Agree(c idcard.Card) error {
	if strings.TrimSpace(c.Called()) == "" {
		return ErrNoName
	}
	if c.Kind == idcard.Foreign2017 {
		return agree2017(c)
	}
	n, err := Parse(c.Number)
	if err != nil {
		return err
	}
	if !kindFits(c.Kind, n.Text) {
		return ErrKindDiffers
	}
	if c.Birth != n.Birth {
		return ErrBirthDiffers
	}
	if c.Kind != idcard.Foreign2023 && (c.Sex == "1" || c.Sex == "2") && c.Sex != n.Sex {
		return ErrSexDiffers
	}
	return nil
}

// kindFits says whether a number may stand on this kind of card.
func kindFits(k idcard.Kind, number string) bool {
	permit := strings.HasPrefix(number, "81") || strings.HasPrefix(number, "82") || strings.HasPrefix(number, "83")
	switch k {
	case idcard.HMT:
		return permit
	case idcard.Foreign2023:
		return number[0] == '9'
	default:
		return !permit && number[0] != '9'
	}
}

// agree2017 looks at the form alone: three letters, the nationality, and twelve digits.
func agree2017(c idcard.Card) error {
	n := Normalise(c.Number)
	if len(n) != 15 {
		return ErrLength
	}
	if strings.Trim(n[:3], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(n[3:], "0123456789") != "" {
		return ErrCharacter
	}
	if c.Nationality != "" && c.Nationality != n[:3] {
		return ErrKindDiffers
	}
	if _, real := date(c.Birth); !real {
		return ErrBirth
	}
	return nil
}

// Validity says whether a card counts on a day.
type Validity string

// The answers of ValidOn.
const (
	Valid   Validity = "valid"
	NotYet  Validity = "not_yet"
	Expired Validity = "expired"
	Unclear Validity = "unclear" // a date on the card is none; staff decide
)

// LongTerm stands in place of the last day on the cards of people over 46.
const LongTerm = "长期"

// ValidOn compares a card's first and last day, both included, with a day. The day is taken as it stands
// in its own time zone. Issuers have added years to a 29 February, so that a last day may be none of the
// calendar; it ends with February then.
func ValidOn(c idcard.Card, day time.Time) Validity {
	today := day.Format("20060102")
	if !softDate(c.ValidFrom) {
		return Unclear
	}
	to := strings.TrimSpace(c.ValidTo)
	if to != LongTerm && !softDate(to) {
		return Unclear
	}
	switch {
	case today < c.ValidFrom:
		return NotYet
	case to != LongTerm && today > to:
		return Expired
	}
	return Valid
}

// softDate is a day of the calendar, or a 29 February of any year.
func softDate(s string) bool {
	if _, real := date(s); real {
		return true
	}
	return len(s) == 8 && strings.Trim(s, "0123456789") == "" && s[4:] == "0229"
}

// ErrUnborn is the answer to the age of somebody born later.
var ErrUnborn = errors.New("birth: later than the day")

// Age is the number of whole years on a day, the birthday itself included. Who was born on 29 February
// grows older on 1 March in common years.
func Age(birth string, day time.Time) (int, error) {
	b, real := date(birth)
	if !real {
		return 0, ErrBirth
	}
	years := day.Year() - b.Year()
	if day.Format("0102") < b.Format("0102") {
		years--
	}
	if years < 0 {
		return 0, ErrUnborn
	}
	return years, nil
}

// MaskName keeps the first and the last character of a name, of two only the first: 王*英, 王*. Of a name in Latin
// letters it keeps the first of each word: T***, A**** B***.
func MaskName(name string) string {
	runes := []rune(strings.TrimSpace(name))
	if latin(runes) {
		return maskWords(runes)
	}
	switch n := len(runes); n {
	case 0:
		return ""
	case 1:
		return "*"
	case 2:
		return string(runes[0]) + "*"
	default:
		return string(runes[0]) + strings.Repeat("*", n-2) + string(runes[n-1])
	}
}

// latin says whether a name has letters, and all of them are Latin.
func latin(name []rune) bool {
	any := false
	for _, r := range name {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return false
		}
		any = any || unicode.IsLetter(r)
	}
	return any
}

// maskWords keeps the first letter of each word, and what is no letter.
func maskWords(name []rune) string {
	out, inside := []rune(nil), false
	for _, r := range name {
		if unicode.IsLetter(r) && inside {
			out = append(out, '*')
			continue
		}
		inside = unicode.IsLetter(r) || inside && r == '\''
		out = append(out, r)
	}
	return string(out)
}

// MaskNumber keeps the first three and the last four characters; more would give division and birth
// away. A number too short to hide five is hidden whole.
func MaskNumber(number string) string {
	n := utf8.RuneCountInString(number)
	if n < 3+4+5 {
		return strings.Repeat("*", n)
	}
	runes := []rune(number)
	return string(runes[:3]) + strings.Repeat("*", n-7) + string(runes[n-4:])
}
