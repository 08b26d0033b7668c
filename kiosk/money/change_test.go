package money

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func counts(t interface{ Fatal(...any) }, text string) Counts {
	if text == "" {
		return nil
	}
	c, err := ParseCounts(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChange(t *testing.T) {
	for _, tt := range []struct {
		name   string
		amount Fen
		stock  string
		want   string
		rest   Fen
	}{
		{"nothing to give", 0, "1.00x5", "", 0},
		{"less than nothing", -100, "1.00x5", "", 0},
		{"no stock", 500, "", "", 500},
		{"the fewest pieces", 600, "0.50x20,1.00x20,5.00x1", "1.00x1,5.00x1", 0},
		{"not the largest first: 3+3, not 4 and nothing", 600, "3.00x2,4.00x1", "3.00x2", 0},
		{"as far as it goes", 679, "0.10x3,0.50x1,1.00x9", "0.10x2,0.50x1,1.00x6", 9},
		{"what there is", 900, "1.00x2,0.50x1", "0.50x1,1.00x2", 650},
		{"too large a piece alone", 4500, "50.00x9", "", 4500},
		{"a face of one fen", 3, "0.01x2,0.50x1", "0.01x2", 1},
		{"all of it", 250, "0.50x1,1.00x2", "0.50x1,1.00x2", 0},
		{"faces without a common step", 11 * 100, "5.00x1,7.00x1,3.00x1", "3.00x1,7.00x1", 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, rest := Change(tt.amount, counts(t, tt.stock))
			if want := counts(t, tt.want); !reflect.DeepEqual(got, want) || rest != tt.rest {
				t.Errorf("got %v and %v left, want %v and %v", got, rest, want, tt.rest)
			}
		})
	}
}

func TestChangeTakesWhatIsChange(t *testing.T) {
	stock := Counts{{Face: 100, Currency: "USD", Count: 9}, {Face: 0, Currency: CNY, Count: 9}, {Face: -100, Currency: CNY, Count: 9}, {Face: 50, Currency: CNY, Count: -3}}
	if got, rest := Change(300, stock); got != nil || rest != 300 {
		t.Errorf("got %v and %v left of pieces that cannot be given", got, rest)
	}
}

// Against trying everything: never more than there is or than was asked, nothing better, and not with more pieces.
func TestChangeIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stock Counts
		for _, face := range []Fen{10, 50, 100, 300, 500} {
			stock = stock.Plus(face, CNY, rapid.Int64Range(0, 3).Draw(t, face.String()))
		}
		amount := Fen(rapid.Int64Range(0, 1500).Draw(t, "amount"))
		got, rest := Change(amount, stock)
		best, fewest := tryAll(stock, amount)
		var pieces int64
		for _, row := range got {
			pieces += row.Count
		}
		for _, row := range stock.Minus(got) {
			if row.Count < 0 {
				t.Fatalf("%v out of %v", got, stock)
			}
		}
		if got.Total() != best || got.Total().Add(rest) != amount || pieces != fewest {
			t.Fatalf("%v of %v: got %v (%d pieces), %v left, want %v with %d pieces", amount, stock, got, pieces, rest, best, fewest)
		}
	})
}

// tryAll is the most that can be made of the stock without going above amount, and the fewest pieces for it.
func tryAll(stock Counts, amount Fen) (best Fen, pieces int64) {
	if len(stock) == 0 {
		return 0, 0
	}
	row := stock[0]
	for n := int64(0); n <= row.Count && row.Face.Times(n) <= amount; n++ {
		more, with := tryAll(stock[1:], amount.Sub(row.Face.Times(n)))
		if sum := more.Add(row.Face.Times(n)); sum > best || sum == best && with+n < pieces {
			best, pieces = sum, with+n
		}
	}
	return best, pieces
}
