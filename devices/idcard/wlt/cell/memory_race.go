//go:build race

package cell

// memoryMax is no limit under the race detector, whose own bookkeeping is larger than any.
const memoryMax = 1<<64 - 1
