package cell

import "golang.org/x/sys/unix"

// alwaysHere are older forms of the same calls, which this machine has beside the newer.
var alwaysHere = []uint32{unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_TIME,
	unix.SYS_EPOLL_WAIT, unix.SYS_PIPE, unix.SYS_ARCH_PRCTL}
