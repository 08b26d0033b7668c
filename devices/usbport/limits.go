package usbport

import "time"

const (
	// controlLimit is for a request on the control pipe. Devices answer within milliseconds; the standard lets
	// them take up to 5 s, but nothing here asks for what takes so long.
	controlLimit = time.Second

	// writeLimit is how long a device may take no byte of a chunk. A receipt printer that feeds and cuts holds the
	// line back for some seconds.
	writeLimit = 10 * time.Second

	// chunkBytes is written in one transfer. libusb would cut a longer one into pieces of this size, of which some may
	// have gone when it is broken off.
	chunkBytes = 16 << 10

	// packetsAsked is how many packets the device may send before the program has to run: a card's answer is 21 of a slow
	// device, which come within 2 ms.
	packetsAsked = 16

	// bufferMax is how much may wait to be read; beyond it the device is not asked for more.
	bufferMax = 64 << 10

	// emptyPause is waited after a transfer without a byte, so that a device that says nothing at once, always,
	// does not keep a core busy.
	emptyPause = time.Millisecond
)
