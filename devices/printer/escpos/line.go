package escpos

import (
	"errors"
	"os"
	"time"

	"yichuang/devices/wire"
)

// line is the port with what has come and was not yet understood.
type line struct {
	port    wire.Port
	pending []byte
	garbage []byte                   // what could not be understood since the last takeGarbage, bounded
	held    answer                   // an answer to a buffered request that came while another was waited for
	hush    map[answerKind]time.Time // when the last answer of a kind can no longer come a second time; none is that nothing was said
	passed  time.Time                // when what was sent has surely passed the line
	behind  int                      // bytes of content sent after the last question
	owed    int                      // markers whose answers may still come
	missed  int                      // status requests that were not answered properly, ever
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// send writes all of b or fails. A stopped printer takes no bytes for ever, so the write has a limit, at
// which the port is closed under it.
func (l *line) send(b []byte, limit time.Duration) error {
	timer := time.AfterFunc(limit, func() { l.port.Close() })
	_, err := l.port.Write(b)
	if !timer.Stop() && err != nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

// load sends content. It returns when the port has taken the bytes, which then wait in the computer for the line.
func (l *line) load(b []byte) error {
	if now := time.Now(); now.After(l.passed) {
		l.passed = now
	}
	l.passed = l.passed.Add(lineTime(len(b)))
	l.behind += len(b)
	return l.send(b, writeLimit)
}

// lineTime is what so many bytes need at most.
func lineTime(n int) time.Duration { return time.Duration(n) * bitsOfByte * time.Second / baudMin }

// due is when an answer must have come that takes so long: a question waits behind the content before it.
func (l *line) due(limit time.Duration) time.Time {
	if now := time.Now(); now.After(l.passed) {
		return now.Add(limit)
	}
	return l.passed.Add(limit)
}

// question sends a request for this kind of answer, after one of that kind before it can no longer come twice. What is of
// another kind is told apart by its bytes.
func (l *line) question(b []byte, kind answerKind) error {
	if hush, said := l.hush[kind]; said {
		delete(l.hush, kind)
		// Also what came long ago and was not read must not be taken for the answer to this one.
		until := time.Now().Add(echoPeek)
		if hush.After(until) {
			until = hush
		}
		for {
			_, err := l.answer(answerRealTime, until)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return err
			}
		}
	}
	l.behind = 0
	return l.send(b, writeLimit)
}

// read waits until the given time for more bytes.
func (l *line) read(until time.Time) error {
	if err := l.port.SetReadDeadline(until); err != nil {
		return err
	}
	buf := make([]byte, 256)
	n, err := l.port.Read(buf)
	l.pending = append(l.pending, buf[:n]...)
	if n > 0 {
		return nil
	}
	if err == nil && !time.Now().Before(until) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// answer gives the next answer of this kind. Others are put aside: a marker or block is held for whoever
// waits for it, flow control and automatic status are dropped, the rest is garbage.
func (l *line) answer(kind answerKind, until time.Time) (answer, error) {
	if kind != answerRealTime {
		l.held = answer{} // it belongs to an earlier question
	}
	for {
		for len(l.pending) > 0 {
			a, n := decode(l.pending)
			if n == 0 {
				break
			}
			l.pending = l.pending[n:]
			switch {
			case a.kind == kind:
				return a, nil
			case a.kind == answerGarbage:
				l.spoil(a.raw)
			case a.kind == answerMarker || a.kind == answerBlock:
				l.held = a
			}
		}
		if err := l.read(until); err != nil {
			if isTimeout(err) {
				l.spoil(l.pending)
				l.pending = nil
			}
			return answer{}, err
		}
	}
}

// echoes listens a moment for more bytes after a status byte: the same one again is a doubled answer and
// harmless, another one means that we do not know which was ours.
func (l *line) echoes(b byte) bool {
	for until := time.Now().Add(echoGap); ; {
		a, err := l.answer(answerRealTime, until)
		if err != nil {
			return true // quiet; a dead port shows itself at the next write
		}
		if a.raw[0] != b {
			l.spoil(a.raw)
			return false
		}
	}
}

// answered notes that an answer has come, which may come twice: the next question of its kind throws that away. Nobody
// waits for it before: content can be sent meanwhile.
func (l *line) answered(kind answerKind) {
	if l.hush == nil {
		l.hush = map[answerKind]time.Time{}
	}
	l.hush[kind] = time.Now().Add(echoGap)
	l.passed = time.Now().Add(lineTime(l.behind)) // all that was sent before the question has passed
}

// quiet throws away what comes until nothing has come for quietAfter.
func (l *line) quiet() error {
	clear(l.hush)
	for end := time.Now().Add(quietLimit); time.Now().Before(end); {
		_, err := l.answer(answerRealTime, time.Now().Add(quietAfter)) // late: the question is given up
		if isTimeout(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *line) spoil(b []byte) {
	if len(l.garbage)+len(b) <= 64 {
		l.garbage = append(l.garbage, b...)
	}
}

func (l *line) takeGarbage() []byte {
	g := l.garbage
	l.garbage = nil
	return g
}
