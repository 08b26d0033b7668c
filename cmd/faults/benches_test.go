package faults

import "slices"

// benches are all drivers.
func benches() []bench {
	return slices.Concat(cashBenches(), coinBenches(), payBenches(), rollBenches(), readBenches(), sheetBenches())
}
