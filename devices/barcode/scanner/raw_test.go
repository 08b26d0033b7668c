package scanner_test

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// openFlags make the kernel tell the runtime when bytes come, so that deadlines work.
const openFlags = syscall.O_NOCTTY | syscall.O_NONBLOCK

// raw stops the terminal from echoing and changing bytes.
func raw(t *testing.T, f *os.File) {
	t.Helper()
	var s syscall.Termios
	call := func(request uintptr) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&s))); e != 0 {
			t.Fatal(e)
		}
	}
	call(syscall.TCGETS)
	s.Iflag, s.Oflag, s.Lflag = 0, 0, 0
	s.Cflag = syscall.CS8 | syscall.CREAD | syscall.CLOCAL
	s.Cc[syscall.VMIN], s.Cc[syscall.VTIME] = 1, 0
	call(syscall.TCSETS)
}
