package serialport

import "time"

const (
	// baudDefault and dataBitsDefault are what most devices at a terminal leave the factory with.
	baudDefault     = 9600
	dataBitsDefault = 8

	// writeLimit is how long one chunk may wait for the device to take it. At 9600 baud a chunk needs
	// half a second; a printer that is busy or out of paper may hold the line back for some seconds.
	writeLimit = 10 * time.Second

	// chunkBytes is read or written at a time.
	chunkBytes = 512

	// bufferMax is how much may wait to be read. No device here says that much unasked; beyond it the
	// kernel's own buffer holds on.
	bufferMax = 64 << 10
)
