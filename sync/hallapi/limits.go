package hallapi

// What both ends keep to.
const (
	// RecordsMax is how many records one Push holds: about a visit and a half, so that a batch fits
	// through a slow line within its time limit.
	RecordsMax = 200
	// MessageMax is the size of one message in bytes. The catalogue with every county is the largest,
	// at some hundred kilobytes; a hall's big catalogue must fit too.
	MessageMax = 32 << 20
	// WaitMax is the longest wait that a caller may ask for in wait_ms; a longer wish is cut to it.
	// Proxies drop lines that are silent for a minute.
	WaitMax = 30_000
)
