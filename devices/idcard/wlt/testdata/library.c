// A library with the call of the card makers', one function for each way in which theirs behave. It decodes nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { WIDTH = 102, HEIGHT = 126, RAW = 3 * WIDTH * HEIGHT };

// unpack answers bare pixels that depend on every byte of the block.
int unpack(char *block, char *pixels, int save) {
	for (int i = 0; i < RAW; i++)
		pixels[i] = block[i % 1024] ^ (i / 1024) ^ save;
	return 1;
}

// bitmap answers the same as a BMP file.
int bitmap(char *block, char *pixels, int save) {
	static const unsigned char head[54] = {
		'B', 'M', 0xCE, 0x97, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, WIDTH, 0, 0, 0, HEIGHT, 0, 0, 0, 1, 0, 24, 0};
	char raw[RAW];
	unpack(block, raw, save);
	memcpy(pixels, head, 54);
	for (int row = 0; row < HEIGHT; row++)
		memcpy(pixels + 54 + row * (3 * WIDTH + 2), raw + row * 3 * WIDTH, 3 * WIDTH);
	return 1;
}

// wide answers a BMP file that says another width.
int wide(char *block, char *pixels, int save) {
	bitmap(block, pixels, save);
	pixels[19] = 0x7F;
	return 1;
}

int refuses(char *block, char *pixels, int save) { return 0; }
int fails(char *block, char *pixels, int save) { return -1; }

int hangs(char *block, char *pixels, int save) {
	for (;;)
		pause();
}

int spins(char *block, char *pixels, int save) {
	for (volatile int i = 0;; i++)
		;
}

int crashes(char *block, char *pixels, int save) {
	*(volatile char *)NULL = 1;
	return 1;
}

int aborts(char *block, char *pixels, int save) { abort(); }
int leaves(char *block, char *pixels, int save) { _exit(0); }

int overflows(char *block, char *pixels, int save) {
	memset(pixels, 1, 64 << 10);
	return 1;
}

int devours(char *block, char *pixels, int save) {
	for (int i = 0; i < 4096; i++) {
		char *p = malloc(1 << 20);
		if (p == NULL)
			return 0;
		memset(p, 1, 1 << 20);
	}
	return unpack(block, pixels, save);
}

// talks prints what it should not, and decodes.
int talks(char *block, char *pixels, int save) {
	printf("decoding %.1024s\n", block);
	fprintf(stderr, "decoding %.1024s\n", block);
	fflush(stdout);
	return unpack(block, pixels, save);
}

static void *works(void *done) {
	*(int *)done = 1;
	return NULL;
}

extern char **environ;

static int opens(const char *path, int flags) {
	int f = open(path, flags, 0600);
	if (f >= 0)
		close(f);
	return f >= 0;
}

static int calls(int kind) {
	int s = socket(kind, SOCK_DGRAM, 0);
	if (s >= 0)
		close(s);
	return s >= 0;
}

// spies tries what a decoder has no need of; each byte says whether it could.
int spies(char *block, char *pixels, int save) {
	Dl_info self;
	char beside[4096], byte;
	pthread_t thread;
	int worked = 0, n = 0;
	dladdr((void *)spies, &self);
	// What it may.
	pixels[n++] = opens(self.dli_fname, O_RDONLY);
	if (pthread_create(&thread, NULL, works, &worked) == 0)
		pthread_join(thread, NULL);
	pixels[n++] = worked;
	pixels[n++] = malloc(8 << 20) != NULL;
	// What it may not.
	pixels[n++] = opens("/etc/passwd", O_RDONLY);
	pixels[n++] = opens("/proc/self/maps", O_RDONLY);
	pixels[n++] = opens("/", O_RDONLY | O_DIRECTORY);
	snprintf(beside, sizeof beside, "%s.written", self.dli_fname);
	pixels[n++] = opens(beside, O_WRONLY | O_CREAT);
	pixels[n++] = opens(self.dli_fname, O_RDWR);
	pixels[n++] = unlink(self.dli_fname) == 0;
	pixels[n++] = calls(AF_INET);
	pixels[n++] = calls(AF_INET6);
	pixels[n++] = calls(AF_UNIX);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	pixels[n++] = child > 0;
	pixels[n++] = kill(getppid(), 0) == 0;
	pixels[n++] = ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0;
	char *none[] = {NULL};
	pixels[n++] = execve("/proc/self/exe", none, none) == 0;
	struct iovec to = {&byte, 1}, from = {(void *)&environ, 1};
	pixels[n++] = process_vm_readv(getppid(), &to, 1, &from, 1, 0) > 0 || errno != EPERM;
	struct rlimit own, same;
	int reads = getrlimit(RLIMIT_NOFILE, &own) == 0;
	same = own;
	pixels[n++] = !reads || own.rlim_cur > 64 || setrlimit(RLIMIT_NOFILE, &same) == 0;
	pixels[n++] = prctl(PR_SET_DUMPABLE, 1) == 0;
	pixels[n++] = environ != NULL && environ[0] != NULL;
	pixels[n++] = read(0, &byte, 1) > 0;
	pixels[n++] = fcntl(4, F_GETFD) >= 0 && write(4, "x", 1) == 1;
	pixels[n++] = 2; // the end
	return 1;
}
