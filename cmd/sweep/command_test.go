package sweep

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A worker whose supervisor was killed ends, whatever its world does: its end of the line is closed by the system.
func TestWorkerEndsWithItsSupervisor(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "sweep")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	worker := exec.CommandContext(t.Context(), name, "--worker", "0/1", "--schedules", "1000000", "--seed", "1")
	line, err := worker.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	line.Close()
	if err := worker.Wait(); err == nil || worker.ProcessState.ExitCode() != 1 { // with schedules for hours it ends in no other way
		t.Errorf("it ended with %v", err)
	}
}
