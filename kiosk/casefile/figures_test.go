package casefile

import (
	"math"
	"testing"

	"yichuang/kiosk/money"
)

func TestFiguresThatNoTerminalHas(t *testing.T) {
	pile := func(face money.Fen, count int64) money.Counts {
		return money.Counts{{Face: face, Currency: money.CNY, Count: count}}
	}
	good := []Header{{}, {Amount: amountMax, Total: amountMax}, {Face: faceMax, Count: countMax}, {Pieces: pile(faceMax, int64(amountMax/faceMax)), Unsure: pile(1, countMax)}}
	for _, h := range good {
		if what := h.Uncountable(); what != "" {
			t.Errorf("%+v: %s", h, what)
		}
	}
	bad := []Header{{Due: -1}, {Bill: amountMax + 1}, {Surplus: math.MaxInt64}, {Owes: math.MinInt64}, {Amount: -1}, {Total: amountMax + 1}, {Total: -1},
		{Face: -1}, {Face: faceMax + 1}, {Count: -1}, {Count: countMax + 1}, {Pieces: pile(0, 1)}, {Unsure: pile(math.MaxInt64, 2)}, {Unsure: pile(1, math.MaxInt64)},
		{Counted: pile(1, -1)}, {Pieces: pile(faceMax, int64(amountMax/faceMax)+1)}, {Unsure: append(pile(faceMax, int64(amountMax/faceMax)), pile(1, 1)...)}}
	for _, h := range bad {
		if h.Uncountable() == "" {
			t.Errorf("%+v: nothing is said of it", h)
		}
	}
}
