package cell

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*unpack_call)(char *block, char *pixels, int save);

static int call_unpack(void *fn, char *block, char *pixels) {
	return ((unpack_call)fn)(block, pixels, 0);
}

// room gives whole pages with a forbidden one behind: a library that writes too far crashes and changes nothing.
static char *room(size_t bytes) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (bytes + page - 1) / page * page;
	char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) != 0)
		return NULL;
	return p;
}
*/
import "C"

import (
	"unsafe"

	"yichuang/devices/idcard/wlt"
)

// decoded is what the function answers when it has decoded the block.
const decoded = 1

// decode loads the library and calls it once. The libraries are never unloaded: the process ends.
func decode(library, call string, block []byte) (pixels []byte, status int) {
	path, name := C.CString(library), C.CString(call) // never freed: the process ends
	handle := C.dlopen(path, C.RTLD_NOW|C.RTLD_LOCAL)
	if handle == nil {
		return nil, wlt.ExitLoad
	}
	fn := C.dlsym(handle, name)
	if fn == nil {
		return nil, wlt.ExitCall
	}
	in, out := C.room(wlt.BlockMax), C.room(wlt.AnswerMax)
	if in == nil || out == nil {
		return nil, wlt.ExitCell
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(in)), wlt.BlockMax), block)
	if C.call_unpack(fn, in, out) != decoded {
		return nil, wlt.ExitRefused
	}
	answer := unsafe.Slice((*byte)(unsafe.Pointer(out)), wlt.AnswerMax)
	if answer[0] == 'B' && answer[1] == 'M' && answer[2] == byte(wlt.AnswerMax&0xFF) && answer[3] == byte(wlt.AnswerMax>>8&0xFF) {
		return answer, 0 // a BMP file says its length
	}
	return answer[:3*wlt.Width*wlt.Height], 0
}
