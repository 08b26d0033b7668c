package world

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// watchman is how late the runtime's watchman may come in a steady process.
const watchman = time.Second / 2

// Steady makes this process one in which what several do at one and the same instant comes in the same order each time, also on a machine that is busy with
// other things. It has one processor, and it begins anew, so that the runtime's watchman (sysmon) comes hardly ever: left alone he looks every 20 µs, and
// takes the processor from whoever has been in SQLite since he looked last, as from whoever the machine has kept waiting for 10 ms, and then others go first. He
// sleeps by the clock of his thread; how late the kernel may wake a thread is its timer slack (prctl(2), PR_SET_TIMERSLACK), which threads have from the one
// that makes them, and which an exec keeps. What waits for real time in such a process may wait for as long. It must be the first thing that a program does.
func Steady() error {
	runtime.LockOSThread() // the slack is a thread's, and this one begins anew
	defer runtime.UnlockOSThread()
	is, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("steady: %w", err)
	}
	if time.Duration(is) == watchman {
		runtime.GOMAXPROCS(1)
		return nil
	}
	self, err := os.Executable()
	if err == nil {
		err = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(watchman), 0, 0, 0)
	}
	if err == nil {
		err = unix.Exec(self, os.Args, os.Environ())
	}
	return fmt.Errorf("steady: %w", err)
}
