//go:build !race

package cell

// memoryMax is some times what this program and any decoder of a picture of 38 kilobytes use.
const memoryMax = 256 << 20
