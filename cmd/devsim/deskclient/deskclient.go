// Package deskclient drives a desk from outside, through the doors that the desk's contract describes.
//
// The demo, the tests of the whole and the random walker use it, and so can anybody else's program in Go:
// it holds no knowledge of the product beyond the contract. Start runs "devsim desk" as a process of its
// own and waits until it is ready; Open takes a desk that runs already.
package deskclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// readyLimit is more than a desk gives itself; stopLimit is what the contract promises, and some.
	readyLimit = 90 * time.Second
	stopLimit  = 15 * time.Second
	// callLimit is longer than the longest call that the desk holds open.
	callLimit = 90 * time.Second
	answerMax = 256 << 20
)

// Process is a program of the desk.
type Process struct {
	PID     int    `json:"pid"`
	Starts  int    `json:"starts"`
	URL     string `json:"url"`
	Console string `json:"console"`
	Config  string `json:"config"`
	State   string `json:"state"`
	UISock  string `json:"ui_sock"`
	CtlSock string `json:"ctl_sock"`
	Log     string `json:"log"`
}

// Document is desk.json.
type Document struct {
	Contract int     `json:"contract"`
	PID      int     `json:"pid"`
	Display  string  `json:"display"`
	Bus      string  `json:"bus"`
	Screen   string  `json:"screen"`
	Kioskd   Process `json:"kioskd"`
	KioskUI  Process `json:"kiosk_ui"`
	Hall     Process `json:"hall"`
	Biller   Process `json:"biller"`
	Gateway  Process `json:"gateway"`
	Devsim   Process `json:"devsim"`
}

// Desk is a desk that runs.
type Desk struct {
	Document        // as it was when the desk was ready; Reload reads it again
	File     string // desk.json
	Bin      string // where kioskctl and halld are

	cmd    *exec.Cmd // nil when somebody else started it
	ended  chan struct{}
	err    error // how the process ended; read after ended is closed
	client *http.Client
}

// Options say which desk is to be started.
type Options struct {
	Bin      string // folder of the five programs
	Dir      string
	Screen   string
	Language string
	Set      string
	Stderr   io.Writer // where the desk's complaints go; nil keeps them for the error
}

// Start runs a desk and waits until it is ready. Stop ends it, and so does the end of this process.
func Start(ctx context.Context, o Options) (*Desk, error) {
	cmd := exec.Command(filepath.Join(o.Bin, "devsim"), "desk", "--lifeline", "--bin", o.Bin, "--dir", o.Dir,
		"--screen", o.Screen, "--language", o.Language, "--set", o.Set)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for whoever started us, and he stops the desk
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if o.Stderr != nil {
		cmd.Stderr = io.MultiWriter(&complaints, o.Stderr)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // its end is ours: the desk ends with us, however we do
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start desk: %w", err)
	}
	d := &Desk{Bin: o.Bin, cmd: cmd, ended: make(chan struct{}), client: &http.Client{Timeout: callLimit}}
	ready := make(chan string, 1)
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if file, ok := strings.CutPrefix(lines.Text(), "desk: ready "); ok {
				ready <- file
			}
		}
	})
	go func() {
		read.Wait()
		d.err = cmd.Wait()
		close(d.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	select {
	case d.File = <-ready:
		return d, d.Reload()
	case <-d.ended:
		return nil, fmt.Errorf("the desk did not start: %w: %s", orNothing(d.err), strings.TrimSpace(complaints.String()))
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("the desk did not start: %w", ctx.Err()), d.Stop())
	}
}

// orNothing names an end without an error.
func orNothing(err error) error {
	if err == nil {
		return errors.New("it ended")
	}
	return err
}

// Open takes a desk that runs, by its desk.json.
func Open(file, bin string) (*Desk, error) {
	d := &Desk{File: file, Bin: bin, client: &http.Client{Timeout: callLimit}}
	return d, d.Reload()
}

// Reload reads desk.json again: pids and starts change when programs are killed.
func (d *Desk) Reload() error {
	data, err := os.ReadFile(d.File)
	if err != nil {
		return err
	}
	var doc Document
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", d.File, err)
	}
	d.Document = doc
	return nil
}

// Stop ends a desk that Start began, and says how it ended. A desk that does not end in time is killed.
func (d *Desk) Stop() error {
	if d.cmd == nil {
		return nil
	}
	d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-d.ended:
		return d.err
	case <-time.After(stopLimit):
		d.cmd.Process.Kill()
		<-d.ended
		return fmt.Errorf("the desk did not end within %v", stopLimit)
	}
}

// Kill kills a desk's supervisor, as nothing but a disaster does.
func (d *Desk) Kill() {
	d.cmd.Process.Kill()
	<-d.ended
}

// Refused is an answer that is not what was asked for.
type Refused struct {
	Status int
	Kind   string
	Text   string
}

// Error reads as a sentence.
func (r *Refused) Error() string {
	return fmt.Sprintf("refused with %d %s: %s", r.Status, r.Kind, r.Text)
}

// Status is the HTTP status of a refusal, 0 of any other error.
func Status(err error) int {
	var r *Refused
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// Call asks a door: in goes out as JSON unless it is nil, the answer comes into out unless that is nil.
// A *[]byte takes the answer's bytes as they are.
func (d *Desk) Call(ctx context.Context, method, url string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, url, refused(resp.StatusCode, data))
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}

func refused(status int, data []byte) *Refused {
	var doc struct {
		Error struct{ Kind, Text string } `json:"error"`
	}
	if json.Unmarshal(data, &doc) != nil || doc.Error.Text == "" {
		return &Refused{status, "unknown", strings.TrimSpace(string(data))}
	}
	return &Refused{status, doc.Error.Kind, doc.Error.Text}
}

// Ctl runs kioskctl with --json and gives its exit status; its document goes into out unless that is nil.
// An exit status other than 0 is no error here: what it means is the caller's to know.
func (d *Desk) Ctl(ctx context.Context, out any, args ...string) (exit int, err error) {
	return d.command(ctx, out, "kioskctl", append([]string{"--socket", d.Kioskd.CtlSock, "--json"}, args...)...)
}

// HallCommand runs halld with --json beside the hall that runs.
func (d *Desk) HallCommand(ctx context.Context, out any, args ...string) (exit int, err error) {
	return d.command(ctx, out, "halld", append([]string{"--config", d.Hall.Config, "--json"}, args...)...)
}

func (d *Desk) command(ctx context.Context, out any, name string, args ...string) (int, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.Bin, name), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	data, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err
	}
	code := cmd.ProcessState.ExitCode()
	switch raw := out.(type) {
	case nil:
		return code, nil
	case *[]byte:
		*raw = data
		return code, nil
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return code, fmt.Errorf("%s %s: exit %d without a document: %s", name, strings.Join(args, " "), code, strings.TrimSpace(errs.String()))
	}
	if err := json.Unmarshal(data, out); err != nil {
		return code, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, data)
	}
	return code, nil
}
