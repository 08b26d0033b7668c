package cell

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// always are the calls of the kernel that the runtime, the C library and a decoder need, and that reach nobody else.
// Opening is left to the fence around the process.
var always = append([]uint32{
	unix.SYS_READ, unix.SYS_READV, unix.SYS_PREAD64, unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_LSEEK,
	unix.SYS_OPENAT, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_GETDENTS64, unix.SYS_GETCWD,
	unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ, unix.SYS_GETRANDOM, unix.SYS_UNAME, unix.SYS_SYSINFO,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2, unix.SYS_FCNTL,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}, alwaysHere...)

// condition is a call that is allowed when all of this holds of its arguments.
type condition struct {
	call   uint32
	checks []check
}

// check: these bits of the lower half of an argument, counted from 0, have this value.
type check struct{ argument, mask, value uint32 }

// conditions: new threads and no new processes, signals to this process alone, and its own limits to be read.
func conditions() []condition {
	const all = 0xFFFFFFFF
	return []condition{
		{unix.SYS_CLONE, []check{{0, unix.CLONE_THREAD, unix.CLONE_THREAD}}},
		{unix.SYS_TGKILL, []check{{0, all, uint32(unix.Getpid())}}},
		{unix.SYS_PRLIMIT64, []check{{0, all, 0}, {2, all, 0}}},
	}
}

// Offsets in what a filter sees of a call (struct seccomp_data). Arguments have eight bytes, the lower half first.
const (
	offCall     = 0
	offArch     = 4
	offArgument = 16
)

// machines are the values that a filter sees for the machine that this program is built for.
var machines = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// filter forbids all other calls, to every thread. clone3 is said not to exist, since its flags cannot be seen from
// here: the C library then uses clone.
func filter() error {
	machine, known := machines[runtime.GOARCH]
	if !known {
		return errors.New("no filter for this machine")
	}
	program := rules(machine)
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// rules is the filter as the kernel runs it: the first answer counts.
func rules(machine uint32) (p []unix.SockFilter) {
	load := func(offset uint32) {
		p = append(p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
	}
	unless := func(value uint32, skip uint8) {
		p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: value})
	}
	answer := func(what uint32) {
		p = append(p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what})
	}
	const forbidden = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	load(offArch)
	p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: machine})
	answer(unix.SECCOMP_RET_KILL_PROCESS)
	load(offCall)
	unless(unix.SYS_CLONE3, 1)
	answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
	for _, call := range always {
		unless(call, 1)
		answer(unix.SECCOMP_RET_ALLOW)
	}
	for _, c := range conditions() {
		n := len(c.checks)
		unless(c.call, uint8(3*n+2))
		for i, k := range c.checks {
			load(offArgument + 8*k.argument)
			p = append(p, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: k.mask})
			unless(k.value, uint8(3*(n-1-i)+1)) // to the answer that forbids
		}
		answer(unix.SECCOMP_RET_ALLOW)
		answer(forbidden)
	}
	answer(forbidden)
	return p
}
