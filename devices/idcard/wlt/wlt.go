package wlt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"yichuang/devices/fault"
)

// Options are a terminal's library.
type Options struct {
	Library string   // its absolute path; the folder around it can be read by it, so it has one of its own
	Call    string   // the function in it; "" is unpack
	RGB     bool     // bare pixels are red first; otherwise blue first
	Program []string // the child: a program with the first arguments; nil is this program's own "photo"
}

// Decoder decodes photos, each in a child of its own.
type Decoder struct{ o Options }

// New makes a decoder. Nothing is loaded before a photo comes.
func New(o Options) *Decoder {
	if o.Call == "" {
		o.Call = "unpack"
	}
	if o.Program == nil {
		o.Program = []string{"/proc/self/exe", "photo"} // also when the file was replaced by a newer one meanwhile
	}
	return &Decoder{o}
}

// The exit statuses of the child, beside 0 and what a crash leaves.
const (
	ExitBlock   = 64 // there is no block on standard input
	ExitCell    = 65 // it could not lock itself in, so the library was not loaded
	ExitLoad    = 66 // the library cannot be loaded
	ExitCall    = 67 // the library has no such function
	ExitRefused = 68 // the library says that it cannot decode the block
	ExitAnswer  = 69 // the answer could not be handed over
)

// AnswerFile is the descriptor on which the child hands over the pixels: libraries have been seen to print on the
// standard ones.
const AnswerFile = 3

// Decode decodes one block. Faults: Absent, the library is not there or does not fit this machine; Invalid, it has no
// such function, or this kernel has no fence; Silent, it did not answer in time; Broken, it crashed; Garbled, it does
// not take the block, or answers no picture.
func (d *Decoder) Decode(ctx context.Context, block []byte) (image.Image, error) {
	if len(block) == 0 || len(block) > BlockMax {
		return nil, bad(fault.Garbled, fmt.Sprintf("a block of %d bytes", len(block)))
	}
	within, cancel := context.WithTimeout(ctx, decodeMax)
	defer cancel()
	pixels, err := d.fenced(within, block)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return nil, bad(fault.Silent, "the library did not answer within "+decodeMax.String())
	case err != nil:
		return nil, err
	}
	return picture(pixels, d.o.RGB)
}

// fenced runs the child from a thread that has put the fence up around itself. The goroutine never gives that thread
// back, so that it ends with it: nobody else ever runs behind the fence, and the child cannot outlive its parent
// unnoticed, since the kernel watches the thread that it was born from.
func (d *Decoder) fenced(ctx context.Context, block []byte) (pixels []byte, err error) {
	nothing, err := os.OpenFile(os.DevNull, os.O_RDWR, 0) // behind the fence it cannot be opened
	if err != nil {
		return nil, wrap(err)
	}
	defer nothing.Close()
	answer, theirs, err := os.Pipe()
	if err != nil {
		return nil, wrap(err)
	}
	defer answer.Close()
	args := append(append([]string(nil), d.o.Program[1:]...), d.o.Library, d.o.Call)
	cmd := exec.CommandContext(ctx, d.o.Program[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(block), nothing, nothing
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = killMax
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = fence(d.o.Program[0], filepath.Dir(d.o.Library)); err != nil {
			theirs.Close()
			return
		}
		pixels, err = live(cmd, answer, theirs)
	}()
	<-done
	return pixels, err
}

// live is one life of the child.
func live(cmd *exec.Cmd, answer io.ReadCloser, theirs io.Closer) ([]byte, error) {
	if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
		return nil, wrap(err)
	}
	pixels, err := io.ReadAll(io.LimitReader(answer, AnswerMax+1))
	answer.Close() // a child that has more to say hears that nobody listens
	if ended := cmd.Wait(); ended != nil {
		return nil, ending(ended)
	}
	if err != nil {
		return nil, wrap(err)
	}
	return pixels, nil
}

// ending says what the end of a child means.
func ending(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return wrap(err)
	}
	switch exit.ExitCode() {
	case ExitBlock, ExitAnswer:
		return bad(fault.Broken, "the child was not heard out")
	case ExitCell:
		return bad(fault.Invalid, "the child could not be locked in, so the library was not loaded")
	case ExitLoad:
		return bad(fault.Absent, "the library is not there, or does not fit this machine")
	case ExitCall:
		return bad(fault.Invalid, "the library has no such function")
	case ExitRefused:
		return bad(fault.Garbled, "the library does not take the block")
	}
	return bad(fault.Broken, "the library crashed: "+exit.String())
}

func bad(kind fault.Kind, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "idcard", Op: "photo", Detail: detail}
}

func wrap(err error) *fault.Error {
	return &fault.Error{Kind: fault.Broken, Device: "idcard", Op: "photo", Err: err}
}

const (
	decodeMax = 3 * time.Second // libraries need some tens of milliseconds; a person waits for it
	killMax   = time.Second     // from the kill to the end of all pipes

	// BlockMax is above every block that was seen: 1024 bytes.
	BlockMax = 4096
	// AnswerMax is the longest answer, a BMP file whose rows are padded to 308 bytes.
	AnswerMax = bmpBytes
)
