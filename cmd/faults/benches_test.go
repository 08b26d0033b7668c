package faults

// benches are all drivers.
func benches() []bench { return append(cashBenches(), rollBenches()...) }
