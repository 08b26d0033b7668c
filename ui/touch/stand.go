package touch

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Stand is a display with its own buses, on which nothing else is shown: Xvfb, a session bus, and a
// runtime folder, because two buses with the same one would share their accessibility bus.
type Stand struct {
	Display string // ":71"
	Bus     string // address of the session bus
	Runtime string // XDG_RUNTIME_DIR; removed by Stop

	programs []*exec.Cmd
}

// startMax bounds how long one program of a stand may take to say that it is up.
const startMax = 20 * time.Second

// Start makes a display of this size. It needs the programs Xvfb and dbus-daemon, and for the
// accessibility bus at-spi2-core.
func Start(wide, high int) (*Stand, error) {
	dir, err := os.MkdirTemp("", "yichuang-stand-")
	if err != nil {
		return nil, err
	}
	s := &Stand{Runtime: dir}
	size := fmt.Sprintf("%dx%dx24", wide, high)
	number, err := s.start("Xvfb", "-displayfd", "3", "-screen", "0", size, "-nolisten", "tcp", "-noreset")
	if err != nil {
		s.Stop()
		return nil, err
	}
	s.Display = ":" + number
	s.Bus, err = s.start("dbus-daemon", "--session", "--nofork", "--print-address=3")
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Env is what a program needs in its environment to be on this stand.
func (s *Stand) Env() []string {
	return []string{"DISPLAY=" + s.Display, "DBUS_SESSION_BUS_ADDRESS=" + s.Bus, "XDG_RUNTIME_DIR=" + s.Runtime,
		"GDK_BACKEND=x11", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=0"}
}

// start starts a program in a group of its own and reads the one line it writes to its third file.
func (s *Stand) start(program string, args ...string) (string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer r.Close()
	cmd := exec.Command(program, args...)
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), s.Env()...)
	err = cmd.Start()
	w.Close()
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	s.programs = append(s.programs, cmd)
	if err := r.SetReadDeadline(time.Now().Add(startMax)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: did not come up: %w", program, err)
	}
	return strings.TrimSpace(line), nil
}

// Stop ends everything that was started, with what that has started, and removes the runtime folder.
func (s *Stand) Stop() {
	for i := len(s.programs) - 1; i >= 0; i-- {
		cmd := s.programs[i]
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
		cmd.Wait()                                      // it was killed: there is nothing to learn
	}
	s.programs = nil
	os.RemoveAll(s.Runtime)
}

// Screen connects to the screen on this stand.
func (s *Stand) Screen(ctx context.Context) (*Screen, error) { return Connect(ctx, s.Bus, s.Display) }
