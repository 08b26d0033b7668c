package wire

import (
	"errors"
	"os"
	"time"
)

const (
	// Brief is the silence that must hold before a host speaks, so that no leftover is taken for an answer.
	Brief = 3 * time.Millisecond

	// glance looks for leftovers on a line that has said nothing for so long as Brief: what lies there comes at once. To
	// wait for more would put every question off by Brief and wake the processor once more for each.
	glance = time.Microsecond

	// droppedMax bounds what is kept of the bytes that nobody asked for.
	droppedMax = 64
)

// Talk is the host's half of a conversation in which a device only answers: one question, one answer. It knows how
// long the line has been silent. One goroutine uses it at a time.
type Talk struct {
	Port
	late, most time.Duration
	heard      time.Time
	missed     bool
}

// NewTalk makes the host's half on a port that was opened now. late is the silence that must hold after an answer went
// missing, for it may still be on its way; most bounds the wait on a line that never falls silent.
func NewTalk(port Port, late, most time.Duration) *Talk {
	return &Talk{Port: port, late: late, most: most, heard: time.Now()}
}

// Take adds what comes next to buffer, waiting for it until the deadline.
func (t *Talk) Take(buffer *[]byte, deadline time.Time) error {
	if err := t.SetReadDeadline(deadline); err != nil {
		return err
	}
	var chunk [512]byte
	n, err := t.Read(chunk[:])
	if *buffer = append(*buffer, chunk[:n]...); n > 0 {
		t.heard = time.Now()
		return nil
	}
	return err
}

// More is Take for an answer of which buffer may hold the beginning: its first byte is waited for until the deadline,
// the others while each follows within gap, and for rest after the deadline at most.
func (t *Talk) More(buffer *[]byte, deadline time.Time, gap, rest time.Duration) error {
	if len(*buffer) > 0 {
		next := time.Now().Add(gap)
		if deadline = deadline.Add(rest); next.Before(deadline) {
			deadline = next
		}
	}
	return t.Take(buffer, deadline)
}

// Missed says that an answer did not come, or not whole: it may still come, and then belongs to nobody.
func (t *Talk) Missed() { t.missed = true }

// Late says whether an answer may still come.
func (t *Talk) Late() bool { return t.missed }

// Hush waits until the line is silent before the host speaks, and at least for pause: not at all on a line that has
// been silent since it last said something, for long after an answer went missing. What comes meanwhile answers nothing
// and is dropped; its first bytes are given for the log.
func (t *Talk) Hush(pause time.Duration) (dropped []byte, err error) {
	silence, first := Brief, Brief
	switch {
	case t.missed:
		silence, first = t.late, t.late
	case time.Since(t.heard) >= Brief:
		first = glance // it was silent while we were
	}
	end := time.Now().Add(t.most)
	for wait := max(first, pause); time.Now().Before(end); wait = silence {
		err := t.Take(&dropped, time.Now().Add(wait))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return nil, err
		}
		dropped = dropped[:min(len(dropped), droppedMax)]
	}
	t.missed = false
	return dropped, nil
}
