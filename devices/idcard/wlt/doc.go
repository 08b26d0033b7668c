// Package wlt shows the photo of an identity card where the maker's library is installed.
//
// The photo is a block of 1024 bytes in a wavelet format that was never published: "WL", the width 102 and the height
// 126, then data. Card makers give a closed library with one function that decodes it. This package runs that library
// in a child process, for it is known to crash (an other architecture's, or a broken block) and may hang: the child has
// three seconds and dies with its parent. Without a library, and whenever it fails, there is no photo, and nothing else
// of the card is touched by that.
//
// The child is a stranger's code with a citizen's face in its hands, so it has almost no rights:
//
//   - It is born behind a fence (Landlock): it may read the program, the system's libraries and the folder that the
//     library lies in, and write nowhere; no TCP, no signals and no abstract sockets to anybody outside.
//   - Before the library is loaded it locks itself in (seccomp, package cell): no process, no socket, nothing that
//     reaches into another process. What is not on a short list answers EPERM.
//   - Its environment is empty, its folder is "/", its descriptors are the block's pipe, /dev/null and the answer's pipe.
//   - It leaves no core, and memory, time and files are bounded.
//
// It sees the block, and not the text of the card. The photo never goes to a log or to the journal: an error says what
// became of the child, and no byte of it.
//
// What the library itself needs must lie in the system's folders or be named by its RPATH: a search path in the
// environment would let its folder replace libraries of the child before that has locked itself in.
//
// Where the fence cannot be put up (a kernel before 5.13, or one without Landlock) no library is loaded.
//
// The library's function is, in C,
//
//	int unpack(char *block, char *pixels, int save);
//
// and answers 1 when it has decoded. The name and the three parameters stand in public programs that call it (a JNI
// wrapper of a reader's maker); two of them check for 1. That save = 0 writes no file is from memory and not verified.
// Other makers' libraries have other names for the same (wlt2bmp), so that the name is an option. pixels is either a BMP
// file of 38862 bytes or bare pixels: 38556 bytes, the lowest row first, three bytes each. The order of colours is not
// certain: BGR by most descriptions, and RGB by the programs that call ZKTeco's; an option too. A face that is blue
// tells the technician that it is the other one.
package wlt
