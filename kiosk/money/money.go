// Package money counts amounts in the smallest unit of a currency.
//
// An amount is an integer; there are no fractions and no floating point. Sums that would overflow
// panic, because money that wraps around is worse than a terminal that stops. Different currencies
// never meet in one sum: this terminal keeps its books in fen alone, and a note of another currency
// is turned away before it is counted.
package money

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// CNY is the only currency of the books.
const CNY = "CNY"

// Fen is an amount in fen, a hundredth of a yuan. It may be negative only as a difference.
type Fen int64

// Add is a+b. It panics on overflow.
func (a Fen) Add(b Fen) Fen {
	sum := a + b
	if (sum > a) != (b > 0) {
		panic(fmt.Sprintf("money: %d + %d overflows", a, b))
	}
	return sum
}

// Sub is a-b. It panics on overflow.
func (a Fen) Sub(b Fen) Fen {
	if b == math.MinInt64 {
		panic("money: the smallest amount cannot be taken away")
	}
	return a.Add(-b)
}

// Times is a×n for n notes or sheets. It panics on overflow.
func (a Fen) Times(n int64) Fen {
	if n == 0 {
		return 0
	}
	product := int64(a) * n
	if product/n != int64(a) || (n == -1 && a == math.MinInt64) {
		panic(fmt.Sprintf("money: %d × %d overflows", a, n))
	}
	return Fen(product)
}

// Min is the smaller of the two.
func (a Fen) Min(b Fen) Fen {
	if b < a {
		return b
	}
	return a
}

// String writes yuan with two decimals: "123.45", "-0.05".
func (a Fen) String() string {
	sign, u := "", uint64(a)
	if a < 0 {
		sign, u = "-", uint64(-(a+1))+1
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// Parse reads yuan with at most two decimals: "100", "100.5", "100.50". Nothing else is an amount.
func Parse(text string) (Fen, error) {
	bad := fmt.Errorf("amount %q: want yuan with at most two decimals, such as 12.30", text)
	whole, part, dotted := strings.Cut(text, ".")
	if dotted && (len(part) < 1 || len(part) > 2) || !digits(whole) {
		return 0, bad // what else stands behind the dot is found by ParseInt
	}
	for len(part) < 2 {
		part += "0"
	}
	n, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil {
		return 0, bad
	}
	return Fen(n), nil
}

func digits(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// Count is how many notes of one face: F in the desk's contract.
type Count struct {
	Face     Fen    `json:"face_fen"`
	Currency string `json:"currency"`
	Count    int64  `json:"count"`
}

// Counts is a pile of notes, one row for each face, the smallest face first, no row with zero notes.
type Counts []Count

// Plus is the pile with n more notes of a face; n may be negative for a difference.
func (c Counts) Plus(face Fen, currency string, n int64) Counts {
	out := append(Counts(nil), c...)
	for i := range out {
		if out[i].Face == face && out[i].Currency == currency {
			out[i].Count += n
			if out[i].Count == 0 {
				out = append(out[:i], out[i+1:]...)
			}
			return out
		}
	}
	if n == 0 {
		return out
	}
	out = append(out, Count{face, currency, n})
	sort.Slice(out, func(i, j int) bool {
		if out[i].Currency != out[j].Currency {
			return out[i].Currency < out[j].Currency
		}
		return out[i].Face < out[j].Face
	})
	return out
}

// Total is what the pile is worth; only notes of CNY count.
func (c Counts) Total() Fen {
	var sum Fen
	for _, row := range c {
		if row.Currency == CNY {
			sum = sum.Add(row.Face.Times(row.Count))
		}
	}
	return sum
}

// Minus is what this pile has more (positive) or fewer (negative) than the other, face by face.
func (c Counts) Minus(other Counts) Counts {
	out := append(Counts(nil), c...)
	for _, row := range other {
		out = out.Plus(row.Face, row.Currency, -row.Count)
	}
	return out
}

// With is both piles together.
func (c Counts) With(other Counts) Counts {
	out := append(Counts(nil), c...)
	for _, row := range other {
		out = out.Plus(row.Face, row.Currency, row.Count)
	}
	return out
}

// ParseCounts reads what a technician types: "100.00x3,20x1". An empty text is an empty pile.
func ParseCounts(text string) (Counts, error) {
	out := Counts{}
	if strings.TrimSpace(text) == "" {
		return out, nil
	}
	for _, part := range strings.Split(text, ",") {
		face, n, _ := strings.Cut(strings.TrimSpace(part), "x")
		amount, err := Parse(face)
		if err != nil || amount == 0 || !digits(n) {
			return nil, fmt.Errorf("count %q: want FACExNUMBER in yuan, such as 100.00x3", part)
		}
		count, err := strconv.ParseInt(n, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("count %q: too many notes", part)
		}
		out = out.Plus(amount, CNY, count)
	}
	return out, nil
}
