// Package cell is the inside of the child process in which a card maker's library decodes a photo.
//
// It is the one door to strangers' code: only kioskd's hidden command "photo" imports it. Run takes the block, locks the
// process in, and only then loads the library, so that not even what a library does while it is loaded is done with
// more rights than what it does when it is called. Package wlt says what the cell is made of, and starts it.
package cell

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"yichuang/devices/idcard/wlt"
)

// Run is the whole life of the child; it returns the exit status. The block comes on standard input, the pixels go to
// the answer's descriptor.
func Run(library, call string) int {
	runtime.LockOSThread()
	block, err := io.ReadAll(io.LimitReader(os.Stdin, wlt.BlockMax+1))
	if err != nil || len(block) == 0 || len(block) > wlt.BlockMax {
		return wlt.ExitBlock
	}
	os.Stdin.Close() // all of it is here
	if lock() != nil {
		return wlt.ExitCell
	}
	pixels, status := decode(library, call, block)
	if status != 0 {
		return status
	}
	if _, err := os.NewFile(wlt.AnswerFile, "answer").Write(pixels); err != nil {
		return wlt.ExitAnswer
	}
	return 0
}

// lock takes every right that can be done without. There is no way back.
func lock() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	for _, l := range limits {
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return err
		}
	}
	return filter()
}

// limits bound what a library can use up. Processes need no limit: none can be made.
var limits = []struct {
	what int
	most uint64
}{
	{unix.RLIMIT_CORE, 0},          // a core would be a face on the disk
	{unix.RLIMIT_FSIZE, 0},         // beside the fence
	{unix.RLIMIT_CPU, 5},           // seconds; the parent's clock is shorter unless the parent is stopped
	{unix.RLIMIT_NOFILE, 32},       // a license file, and what the runtime has open
	{unix.RLIMIT_DATA, memoryMax},  // bytes
	{unix.RLIMIT_MEMLOCK, 1 << 16}, // bytes
}
