package biller

import (
	"crypto/rand"
	"math/big"
	"strconv"
	"strings"
)

// CodePrefix begins the text of the code on the paper bill: company, then account.
const CodePrefix = "YCB:water:"

const (
	digits      = 10  // of an account number, the check digit with them
	numberTries = 100 // of a billion numbers, the first is nearly always free
)

// newNumber draws an account number with its check digit.
func newNumber() string {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000_000))
	if err != nil {
		panic("biller: the system has no random numbers: " + err.Error())
	}
	head := strconv.FormatInt(n.Int64()+100_000_000, 10)
	return head + checkDigit(head)
}

// checkDigit is that of Luhn (ISO/IEC 7812-1, annex B): every second digit from the right is doubled, the
// digits of all are added, and the check digit brings the sum to a multiple of ten.
func checkDigit(head string) string {
	sum := 0
	for i := range len(head) {
		d := int(head[len(head)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return strconv.Itoa((10 - sum%10) % 10)
}

// Valid says whether text is an account number: ten digits, the last of them right.
func Valid(text string) bool {
	if len(text) != digits || strings.Trim(text, "0123456789") != "" {
		return false
	}
	return checkDigit(text[:digits-1]) == text[digits-1:]
}
