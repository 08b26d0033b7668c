package keeper

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one run of a program.
type process struct {
	pid   int
	began time.Time
	ended chan struct{}

	mu    sync.Mutex
	alive bool
}

// fork starts a program once.
func fork(p Program, start int) (*process, error) {
	command := p.Command(start)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Dir = p.Env, p.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = outputWait
	log := openLog(p.Log)
	cmd.Stderr = log
	cmd.Stdout = log
	if p.Ready != "" {
		cmd.Stdout = &watcher{out: log, prefix: p.Ready, found: p.OnReady, other: p.OnLine}
	}
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	r := &process{pid: cmd.Process.Pid, began: time.Now(), ended: make(chan struct{}), alive: true}
	go func() {
		cmd.Wait() // how it ended makes no difference: it runs again
		log.Close()
		r.mu.Lock()
		r.alive = false
		r.mu.Unlock()
		syscall.Kill(-r.pid, syscall.SIGKILL) // its own children, if any are left
		close(r.ended)
	}()
	return r, nil
}

// openLog opens a log for appending. A log that cannot be written (a full disk, a folder that went
// away) must not keep a program from running.
func openLog(path string) *os.File {
	if path == "" {
		path = os.DevNull
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if err != nil {
		return os.Stderr
	}
	return f
}

// kill sends SIGKILL to the program and all of its group. A nil process is dead already.
func (p *process) kill() { p.signal(syscall.SIGKILL) }

func (p *process) signal(s syscall.Signal) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive {
		syscall.Kill(-p.pid, s) // the group: no such group means that it is just ending
	}
}

// watcher copies output to the log and finds the line that says that the program is ready.
type watcher struct {
	out    io.Writer
	prefix string
	found  func(rest string)
	other  func(line string)
	line   []byte
	done   bool
}

// Write never fails: a full disk under the log is no reason to stop reading a program's output.
func (w *watcher) Write(b []byte) (int, error) {
	w.out.Write(b)
	for _, part := range bytes.SplitAfter(b, []byte("\n")) {
		if w.done || len(part) == 0 {
			break
		}
		w.line = append(w.line, part...)
		if !bytes.HasSuffix(w.line, []byte("\n")) {
			if len(w.line) > lineMax {
				w.line = nil
			}
			continue
		}
		w.look(strings.TrimRight(string(w.line), "\r\n"))
		w.line = nil
	}
	return len(b), nil
}

func (w *watcher) look(line string) {
	rest, ok := strings.CutPrefix(line, w.prefix)
	if w.prefix == "*" {
		rest, ok = line, line != ""
	}
	if !ok {
		if w.other != nil {
			w.other(line)
		}
		return
	}
	w.done = true
	if w.found != nil {
		w.found(rest)
	}
}
