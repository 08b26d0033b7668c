package casefile

import (
	"fmt"

	"yichuang/kiosk/money"
)

// The largest figures that a terminal can have to do with. Sums of them cannot overflow in any journal that a disk holds.
const (
	amountMax = money.Fen(1e11) // of one sum, of a pile, and of all that was taken in since the journal began
	faceMax   = money.Fen(1e7)
	countMax  = 1e6
)

// Uncountable names a figure of a header that no terminal can have, "" when there is none such. Who adds up what others have
// written looks here first: money panics rather than overflow.
func (h *Header) Uncountable() string {
	for _, amount := range []money.Fen{h.Due, h.Bill, h.Surplus, h.Owes, h.Amount, h.Total} {
		if amount < 0 || amount > amountMax {
			return fmt.Sprintf("an amount of %d fen", int64(amount))
		}
	}
	if h.Face < 0 || h.Face > faceMax || h.Count < 0 || h.Count > countMax {
		return fmt.Sprintf("a face of %d fen, a count of %d", int64(h.Face), h.Count)
	}
	for _, pile := range []money.Counts{h.Pieces, h.Unsure, h.Counted} {
		worth := money.Fen(0)
		for _, row := range pile {
			if row.Face <= 0 || row.Face > faceMax || row.Count <= 0 || row.Count > countMax {
				return fmt.Sprintf("%d pieces of %d fen", row.Count, int64(row.Face))
			}
			if worth = worth.Add(row.Face.Times(row.Count)); worth > amountMax {
				return fmt.Sprintf("pieces of %d fen and more together", int64(worth))
			}
		}
	}
	return ""
}
