package money

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// panics runs fn and gives what it panicked with, "" when it did not.
func panics(fn func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	fn()
	return ""
}

func TestSums(t *testing.T) {
	const biggest, smallest = Fen(math.MaxInt64), Fen(math.MinInt64)
	tests := []struct {
		name  string
		fn    func() Fen
		want  Fen
		panic string
	}{
		{"1+2", func() Fen { return Fen(1).Add(2) }, 3, ""},
		{"5+-7", func() Fen { return Fen(5).Add(-7) }, -2, ""},
		{"biggest+0", func() Fen { return biggest.Add(0) }, biggest, ""},
		{"biggest+1", func() Fen { return biggest.Add(1) }, 0, "money: 9223372036854775807 + 1 overflows"},
		{"1+biggest", func() Fen { return Fen(1).Add(biggest) }, 0, "money: 1 + 9223372036854775807 overflows"},
		{"smallest+-1", func() Fen { return smallest.Add(-1) }, 0, "money: -9223372036854775808 + -1 overflows"},
		{"smallest+smallest", func() Fen { return smallest.Add(smallest) }, 0, "money: -9223372036854775808 + -9223372036854775808 overflows"},
		{"smallest+0", func() Fen { return smallest.Add(0) }, smallest, ""},
		{"5-7", func() Fen { return Fen(5).Sub(7) }, -2, ""},
		{"biggest--1", func() Fen { return biggest.Sub(-1) }, 0, "money: 9223372036854775807 + 1 overflows"},
		{"0-smallest", func() Fen { return Fen(0).Sub(smallest) }, 0, "money: the smallest amount cannot be taken away"},
		{"-1-smallest", func() Fen { return Fen(-1).Sub(smallest) }, 0, "money: the smallest amount cannot be taken away"},
		{"smallest-biggest", func() Fen { return smallest.Sub(biggest) }, 0, "money: -9223372036854775808 + -9223372036854775807 overflows"},
		{"0-(smallest+1)", func() Fen { return Fen(0).Sub(smallest + 1) }, biggest, ""},
		{"3x4", func() Fen { return Fen(3).Times(4) }, 12, ""},
		{"0x4", func() Fen { return Fen(0).Times(4) }, 0, ""},
		{"4x0", func() Fen { return Fen(4).Times(0) }, 0, ""},
		{"-3x4", func() Fen { return Fen(-3).Times(4) }, -12, ""},
		{"3x-4", func() Fen { return Fen(3).Times(-4) }, -12, ""},
		{"biggest x1", func() Fen { return biggest.Times(1) }, biggest, ""},
		{"biggest x-1", func() Fen { return biggest.Times(-1) }, -biggest, ""},
		{"biggest x2", func() Fen { return biggest.Times(2) }, 0, "money: 9223372036854775807 × 2 overflows"},
		{"smallest x1", func() Fen { return smallest.Times(1) }, smallest, ""},
		{"smallest x-1", func() Fen { return smallest.Times(-1) }, 0, "money: -9223372036854775808 × -1 overflows"},
		{"-1 x smallest", func() Fen { return Fen(-1).Times(math.MinInt64) }, 0, "money: -1 × -9223372036854775808 overflows"},
		{"-2 x smallest", func() Fen { return Fen(-2).Times(math.MinInt64) }, 0, "money: -2 × -9223372036854775808 overflows"},
		{"-1 x 5", func() Fen { return Fen(-1).Times(5) }, -5, ""},
		{"5 x -1", func() Fen { return Fen(5).Times(-1) }, -5, ""},
		{"min 1 2", func() Fen { return Fen(1).Min(2) }, 1, ""},
		{"min 2 1", func() Fen { return Fen(2).Min(1) }, 1, ""},
		{"min 2 2", func() Fen { return Fen(2).Min(2) }, 2, ""},
	}
	for _, tt := range tests {
		var got Fen
		text := panics(func() { got = tt.fn() })
		if text != tt.panic || got != tt.want {
			t.Errorf("%s: got %d, panic %q; want %d, panic %q", tt.name, int64(got), text, int64(tt.want), tt.panic)
		}
	}
}

// No sum ever differs from the one without bounds: it is that one, or it stops the program.
func TestNoSumWrapsAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		for name, op := range map[string]struct {
			ours func() Fen
			big  func(x, y *big.Int) *big.Int
		}{
			"add":   {func() Fen { return Fen(a).Add(Fen(b)) }, new(big.Int).Add},
			"sub":   {func() Fen { return Fen(a).Sub(Fen(b)) }, new(big.Int).Sub},
			"times": {func() Fen { return Fen(a).Times(b) }, new(big.Int).Mul},
		} {
			want := op.big(big.NewInt(a), big.NewInt(b))
			var got Fen
			text := panics(func() { got = op.ours() })
			fits := want.IsInt64()
			if name == "sub" && b == math.MinInt64 {
				fits = false // refused although a negative a could bear it
			}
			if fits != (text == "") || fits && int64(got) != want.Int64() {
				t.Fatalf("%s %d %d: got %d, panic %q; want %s", name, a, b, int64(got), text, want)
			}
		}
	})
}

func TestText(t *testing.T) {
	tests := map[Fen]string{
		0: "0.00", 1: "0.01", 10: "0.10", 99: "0.99", 100: "1.00", 12345: "123.45", -5: "-0.05", -100: "-1.00", -12345: "-123.45",
		math.MaxInt64: "92233720368547758.07", math.MinInt64: "-92233720368547758.08",
	}
	for amount, want := range tests {
		if got := amount.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(amount), got, want)
		}
	}
}

func TestParse(t *testing.T) {
	good := map[string]Fen{"0": 0, "100": 10000, "100.5": 10050, "100.50": 10050, "0.05": 5, "007": 700, "92233720368547758.07": math.MaxInt64}
	for text, want := range good {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: got %d (%v), want %d", text, int64(got), err, int64(want))
		}
	}
	bad := []string{"", ".", ".5", "5.", "5.123", "-5", "+5", "5,00", "5.0.0", " 5", "5 ", "1e3", "5.-1", "5.+1", "5.x", "x.5", "５", "0x10", "1_000", "92233720368547758.08", "99999999999999999999"}
	for _, text := range bad {
		if got, err := Parse(text); err == nil || got != 0 || err.Error() != fmt.Sprintf("amount %q: want yuan with at most two decimals, such as 12.30", text) {
			t.Errorf("%q: got %d (%v), want an error that shows it and what is wanted", text, int64(got), err)
		}
	}
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Fen(rapid.Int64Min(0).Draw(t, "amount"))
		if got, err := Parse(want.String()); err != nil || got != want {
			t.Fatalf("%s: got %d (%v), want %d", want, int64(got), err, int64(want))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"0", "12.30", "5.", ".5", "-1", "99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(got.String()); err != nil || again != got || got < 0 {
			t.Errorf("%q: got %d, and read back %d (%v)", text, int64(got), int64(again), err)
		}
	})
}

func TestCounts(t *testing.T) {
	var pile Counts
	pile = pile.Plus(10000, CNY, 2).Plus(500, CNY, 1).Plus(2000, "EUR", 3).Plus(2000, CNY, 1).Plus(500, CNY, 4).Plus(100, CNY, 0).Plus(100, "AUD", 1)
	want := Counts{{100, "AUD", 1}, {500, CNY, 5}, {2000, CNY, 1}, {10000, CNY, 2}, {2000, "EUR", 3}}
	if !reflect.DeepEqual(pile, want) {
		t.Fatalf("pile: got %v, want %v", pile, want)
	}
	if got := pile.Total(); got != 24500 {
		t.Errorf("total: got %s, want 245.00", got)
	}
	less := pile.Plus(2000, CNY, -1).Plus(500, CNY, -6)
	if want := (Counts{{100, "AUD", 1}, {500, CNY, -1}, {10000, CNY, 2}, {2000, "EUR", 3}}); !reflect.DeepEqual(less, want) {
		t.Errorf("after taking away: got %v, want %v", less, want)
	}
	if !reflect.DeepEqual(pile, want) {
		t.Errorf("the pile itself has changed: got %v, want %v", pile, want)
	}
	diff := pile.Minus(Counts{{500, CNY, 5}, {1000, CNY, 1}, {10000, CNY, 1}, {100, "AUD", 1}, {2000, "EUR", 3}})
	if want := (Counts{{1000, CNY, -1}, {2000, CNY, 1}, {10000, CNY, 1}}); !reflect.DeepEqual(diff, want) {
		t.Errorf("difference: got %v, want %v", diff, want)
	}
	if got := pile.Minus(pile); len(got) != 0 {
		t.Errorf("a pile less itself: got %v, want nothing", got)
	}
}

func TestParseCounts(t *testing.T) {
	good := map[string]Counts{
		"": {}, "  ": {}, "100.00x3,20x1": {{2000, CNY, 1}, {10000, CNY, 3}}, " 5x1 , 5x2": {{500, CNY, 3}},
		"0.01x1": {{1, CNY, 1}}, "100x0": nil, "1x2147483647": {{100, CNY, math.MaxInt32}},
	}
	for text, want := range good {
		if got, err := ParseCounts(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v (%v), want %v", text, got, err, want)
		}
	}
	// The technician is told which part cannot be read, and whether its form is wrong or its number too high.
	const form = ": want FACExNUMBER in yuan, such as 100.00x3"
	bad := map[string]string{
		"1x2147483648": `"1x2147483648": too many notes`, "20x1, 5x99999999999999999999": `" 5x99999999999999999999": too many notes`, "5x1,": `""` + form,
	}
	for _, text := range []string{"100", "100x", "x3", "100x-1", "100x1.5", "100x3a", "100x１", "0x3", "0.00x1", "-5x1", "5x1;5x1", "100X1"} {
		bad[text] = fmt.Sprintf("%q", text) + form
	}
	for text, want := range bad {
		if got, err := ParseCounts(text); got != nil || err == nil || err.Error() != "count "+want {
			t.Errorf("%q: got %v (%v), want the error count %s", text, got, err, want)
		}
	}
}

// A pile is in journals and in what the desk is asked: its names stay as they are.
func TestPileOnTheDisk(t *testing.T) {
	pile := Counts{{500, CNY, 5}, {2000, "EUR", 3}}
	const want = `[{"face_fen":500,"currency":"CNY","count":5},{"face_fen":2000,"currency":"EUR","count":3}]`
	raw, err := json.Marshal(pile)
	if err != nil || string(raw) != want {
		t.Errorf("got %s (%v), want %s", raw, err, want)
	}
	var back Counts
	if err := json.Unmarshal([]byte(want), &back); err != nil || !reflect.DeepEqual(back, pile) {
		t.Errorf("read back: got %v (%v), want %v", back, err, pile)
	}
}

// Piles add up like sums: in any order, and what is put in and taken out leaves nothing.
func TestPilesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Count {
			return Count{Fen(rapid.SampledFrom([]int64{100, 500, 1000, 10000}).Draw(t, "face")), CNY, rapid.Int64Range(-5, 5).Draw(t, "count")}
		})).Draw(t, "rows")
		var forward, backward Counts
		var total Fen
		for i := range rows {
			forward = forward.Plus(rows[i].Face, CNY, rows[i].Count)
			last := rows[len(rows)-1-i]
			backward = backward.Plus(last.Face, CNY, last.Count)
			total += Fen(int64(rows[i].Face) * rows[i].Count)
		}
		if len(forward.Minus(backward)) != 0 || forward.Total() != total {
			t.Fatalf("%v: forward %v, backward %v, total %s, want %s", rows, forward, backward, forward.Total(), total)
		}
	})
}
