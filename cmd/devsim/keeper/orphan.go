package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the new parent of descendants whose own parent ended. The session bus
// starts helpers of its own, which would otherwise outlive it out of sight.
func adoptOrphans() {
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // an old kernel without it: the helpers end with their bus
}

// buryOrphans reaps adopted processes that have ended, until stop is closed. A child of our own is reaped
// by whoever waits for it, at once; so only one that is found dead twice in a row is an orphan.
func buryOrphans(stop <-chan struct{}) {
	tick := time.NewTicker(buryPace)
	defer tick.Stop()
	dead := map[int]bool{}
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		found := map[int]bool{}
		for _, pid := range descendants(os.Getpid()) {
			if _, state, ok := stat(pid); !ok || state != "Z" {
				continue
			}
			if found[pid] = true; dead[pid] {
				var status syscall.WaitStatus
				syscall.Wait4(pid, &status, syscall.WNOHANG, nil) // another's child is not ours to bury: an error then
			}
		}
		dead = found
	}
}

// killOrphans kills and buries all descendants of this process, until none is left or orphanWait has passed.
func killOrphans() {
	for end := time.Now().Add(orphanWait); time.Now().Before(end); {
		children := descendants(os.Getpid())
		if len(children) == 0 {
			return
		}
		for _, pid := range children {
			syscall.Kill(pid, syscall.SIGKILL)
			var status syscall.WaitStatus
			syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		}
		time.Sleep(orphanLook)
	}
}

// descendants lists the processes below pid, by their parents in /proc.
func descendants(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, _, ok := stat(child); ok {
			children[parent] = append(children[parent], child)
		}
	}
	var found []int
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		found = append(found, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

// stat reads parent and state: the fields after the program's name, which stands in parentheses and may
// hold anything.
func stat(pid int) (parent int, state string, ok bool) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, "", false
	}
	fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
	if len(fields) < 2 {
		return 0, "", false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, fields[0], err == nil
}
