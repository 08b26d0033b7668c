package hallapi

// What both ends keep to.
const (
	// RecordsMax is how many records one Push holds at most, and each answer to one says so. Each Push costs the hall a sync of its disk, and
	// holds its database as long as so many records take. What fits through a slow line is for the terminal to know.
	RecordsMax = 500
	// RecordsLeast is how many every hall takes.
	RecordsLeast = 200
	// MessageMax is the size of one message in bytes. The catalogue with every county is the largest,
	// at some hundred kilobytes; a hall's big catalogue must fit too.
	MessageMax = 32 << 20
	// WaitMax is the longest wait that a caller may ask for in wait_ms; a longer wish is cut to it.
	// Proxies drop lines that are silent for a minute.
	WaitMax = 30_000
)
