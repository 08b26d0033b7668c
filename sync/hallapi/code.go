package hallapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"
)

// An enrolment code is 10 random bytes and the SHA-256 of the hall's TLS CA, in base32, in groups of
// four: whoever carries it to the terminal carries the hall's fingerprint too, so that nobody in
// between can pass for the hall.
const codeRandom = 10

// ErrCode says that a text is no enrolment code.
var ErrCode = errors.New("enrolment code: want the groups of letters and digits as the hall printed them")

// NewCode makes a one-time enrolment code for the hall whose TLS CA this is.
func NewCode(caDER []byte) string {
	raw := make([]byte, codeRandom, codeRandom+sha256.Size)
	rand.Read(raw) // never fails, by its own contract
	sum := sha256.Sum256(caDER)
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(raw, sum[:]...))
	var groups []string
	for ; len(text) > 4; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(append(groups, text), "-")
}

// PlainCode is the code without hyphens and blanks, in capitals: the form that is compared.
func PlainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\n", "", "\t", "", "\r", "").Replace(code))
}

// CodeFingerprint is the SHA-256 of the hall's CA that a code carries.
func CodeFingerprint(code string) (sum [sha256.Size]byte, err error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(PlainCode(code))
	if err != nil || len(raw) != codeRandom+sha256.Size {
		return sum, ErrCode
	}
	return [sha256.Size]byte(raw[codeRandom:]), nil
}
