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

// TestShare: a long run may be shared by machines or days, and nothing else.
func TestShare(t *testing.T) {
	for _, tt := range []struct {
		share     string
		schedules int
		k, n      int
		good      bool
	}{
		{"1/1", 10_000, 0, 1, true},
		{"1/2", 1_000_000, 0, 2, true},
		{"2/2", 1_000_000, 1, 2, true},
		{"1/2", 10_000, 0, 0, false},
		{"3/2", 1_000_000, 0, 0, false},
		{"0/2", 1_000_000, 0, 0, false},
		{"2", 1_000_000, 0, 0, false},
		{"", 1_000_000, 0, 0, false},
	} {
		o := Options{Share: tt.share, Schedules: tt.schedules}
		if k, n, err := o.share(); (err == nil) != tt.good || err == nil && (k != tt.k || n != tt.n) {
			t.Errorf("%q of %d: got %d of %d, %v", tt.share, tt.schedules, k, n, err)
		}
	}
}
