// Package paycode recognises the payment code that a citizen's phone shows, by its digits alone.
//
// A code is good for about a minute and for one attempt. It says nothing about an amount, so a wrong guess
// costs a refused order and no money; but an identity number printed on paper can look like a WeChat Pay
// code (18 digits beginning with 11 to 15), so a code that is also a valid citizen number is never taken:
// the person is asked to show the code once more. A genuine code hits that by chance in far less than one
// of a hundred.
//
// Whether a payment is awaited at all is for the caller to know. Codes are masked before they are logged.
package paycode

import (
	"strings"
	"unicode/utf8"

	"yichuang/devices/idcard/idcheck"
)

// Kind is whose code it is.
type Kind string

// The kinds. UnionPay's rule is from acquirers' public papers; the others are the gateways' own.
const (
	None     Kind = ""          // no payment code
	WeChat   Kind = "wechat"    // 18 digits, 10 to 15 first
	Alipay   Kind = "alipay"    // 16 to 24 digits, 25 to 30 first
	UnionPay Kind = "unionpay"  // 19 digits, 62 first
	IDNumber Kind = "id_number" // a valid citizen number, whatever else it looks like: ask for a new scan
)

// Payable says whether an order can be placed with a code of this kind.
func (k Kind) Payable() bool { return k == WeChat || k == Alipay || k == UnionPay }

// Classify says whose code a text is. Blanks around it are ignored; anything but digits, or the X at the
// end of an identity number, makes it no code.
func Classify(text string) Kind {
	text = strings.TrimSpace(text)
	if _, err := idcheck.Parse(text); err == nil {
		return IDNumber
	}
	n := len(text)
	if n < 16 || n > 24 || strings.Trim(text, "0123456789") != "" {
		return None
	}
	switch first := text[:2]; {
	case n == 18 && first >= "10" && first <= "15":
		return WeChat
	case first >= "25" && first <= "30":
		return Alipay
	case n == 19 && first == "62":
		return UnionPay
	}
	return None
}

// Mask keeps the first two characters and the last two, enough for staff to compare with a phone.
func Mask(text string) string {
	n := utf8.RuneCountInString(text)
	if n < 10 {
		return strings.Repeat("*", n)
	}
	runes := []rune(text)
	return string(runes[:2]) + strings.Repeat("*", n-4) + string(runes[n-2:])
}
