package wlt

import (
	"errors"
	"io/fs"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"yichuang/devices/fault"
)

// readable is what every program needs to be started: the system's libraries with their loader.
var readable = []string{"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"}

// Rights of Landlock, by the version that brought them.
const (
	readRights   = unix.LANDLOCK_ACCESS_FS_READ_FILE
	folderRights = readRights | unix.LANDLOCK_ACCESS_FS_READ_DIR
	firstRights  = 1<<13 - 1 // all of the first version
)

// fence takes from the calling thread, and from all that it starts, the right to touch files but for reading those
// that a program and the folder of a library need. It cannot be taken back.
func fence(program, folder string) error {
	attr := handled()
	if attr.Access_fs == 0 {
		return bad(fault.Invalid, "this kernel has no Landlock, so no library is loaded")
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return wrap(errno)
	}
	defer unix.Close(int(fd))
	err := allow(int(fd), folder, folderRights)
	for _, path := range append([]string{program}, readable...) {
		err = errors.Join(err, allow(int(fd), path, folderRights|unix.LANDLOCK_ACCESS_FS_EXECUTE))
	}
	if err != nil {
		return wrap(err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return wrap(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return wrap(errno)
	}
	return nil
}

// handled is all that this kernel's Landlock can forbid; nothing of it is allowed but what a rule allows.
func handled() (attr unix.LandlockRulesetAttr) {
	const askVersion = 1
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	if errno != 0 {
		return attr
	}
	attr.Access_fs = firstRights
	if version >= 2 {
		attr.Access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		attr.Access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		attr.Access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 {
		attr.Access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

// allow opens one path again. What is not there need not be opened; a file has no right of a folder.
func allow(ruleset int, path string, rights uint64) error {
	f, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(f)
	var stat unix.Stat_t
	if err := unix.Fstat(f, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &^= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(f)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return &fs.PathError{Op: "allow", Path: path, Err: syscall.Errno(errno)}
	}
	return nil
}
