package idcheck

import (
	"errors"
	"strings"
)

// Why a text is no enterprise code.
var (
	ErrCodeLength    = errors.New("code: wrong length")
	ErrCodeCharacter = errors.New("code: a character that cannot be there")
)

// creditCharset are the 31 characters of GB 32100: no I O S V Z.
const creditCharset = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// CreditCode is a unified social credit code (GB 32100) taken apart. A wrong check is a warning and no
// refusal: codes that fail were really issued, and the official register decides.
type CreditCode struct {
	Text       string // 18 characters
	Department byte   // the registering department: 9 market regulation, 5 civil affairs, 1 establishment
	Category   byte   // for department 9: 1 enterprise, 2 individual business, 3 farmers' cooperative
	Division   string // GB/T 2260, or 100000 for the national register
	Org        string // the organisation code of GB 11714, nine characters with its own check
	CheckHolds bool   // the eighteenth character is right
	OrgHolds   bool   // the organisation code's check is right; individual businesses sometimes fail
}

// CreditCheck is the check character that belongs to the first 17: weights 3^(i-1) mod 31.
func CreditCheck(first17 string) (byte, error) {
	if len(first17) != 17 {
		return 0, ErrCodeLength
	}
	sum, weight := 0, 1
	for i := range len(first17) {
		v := strings.IndexByte(creditCharset, first17[i])
		if v < 0 {
			return 0, ErrCodeCharacter
		}
		sum += v * weight
		weight = weight * 3 % 31
	}
	return creditCharset[(31-sum%31)%31], nil
}

// ParseCreditCode takes a code apart after Normalise. The error is about length and characters only.
func ParseCreditCode(s string) (CreditCode, error) {
	s = Normalise(s)
	if len(s) != 18 {
		return CreditCode{}, ErrCodeLength
	}
	want, err := CreditCheck(s[:17])
	if err != nil {
		return CreditCode{}, err
	}
	if strings.IndexByte(creditCharset, s[17]) < 0 || strings.Trim(s[2:8], "0123456789") != "" {
		return CreditCode{}, ErrCodeCharacter
	}
	c := CreditCode{Text: s, Department: s[0], Category: s[1], Division: s[2:8], Org: s[8:17]}
	c.CheckHolds = s[17] == want
	org, err := OrgCheck(c.Org[:8])
	c.OrgHolds = err == nil && org == c.Org[8]
	return c, nil
}

// MakeCreditCode builds a code from its parts: department and category (two characters), division (six
// digits), and the first eight characters of the organisation code, whose check it adds.
func MakeCreditCode(kind, division, org8 string) (string, error) {
	if len(kind) != 2 || len(division) != 6 {
		return "", ErrCodeLength
	}
	if strings.Trim(division, "0123456789") != "" {
		return "", ErrCodeCharacter
	}
	org, err := OrgCheck(org8)
	if err != nil {
		return "", err
	}
	first := kind + division + org8 + string(org)
	c, err := CreditCheck(first)
	if err != nil {
		return "", err
	}
	return first + string(c), nil
}

// orgWeights are those of GB 11714.
var orgWeights = [...]int{3, 7, 9, 10, 5, 8, 4, 2}

// OrgCheck is the check character of an organisation code's first eight: letters count 10 to 35.
func OrgCheck(first8 string) (byte, error) {
	if len(first8) != len(orgWeights) {
		return 0, ErrCodeLength
	}
	sum := 0
	for i, w := range orgWeights {
		switch c := first8[i]; {
		case c >= '0' && c <= '9':
			sum += w * int(c-'0')
		case c >= 'A' && c <= 'Z':
			sum += w * int(c-'A'+10)
		default:
			return 0, ErrCodeCharacter
		}
	}
	return "0X987654321"[sum%11], nil
}

// RegistrationCheck is the last digit of a license's registration number before 2015 (GS 15), made of
// the digits before it (ISO 7064 MOD 11,10).
func RegistrationCheck(digits string) (byte, error) {
	if digits == "" {
		return 0, ErrCodeLength
	}
	p := 10
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, ErrCodeCharacter
		}
		s := (p + int(digits[i]-'0')) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return byte('0' + (11-p)%10), nil
}
