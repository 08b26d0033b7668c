package escpossim

import (
	"io"
	"time"
)

// The figures of a serial line: a byte is eight bits, a start and a stop. Bytes are handed over in small portions, as a
// host's hardware does.
const (
	bitsOfByte = 10
	pacedChunk = 16
)

// paced is one direction of a serial line: what is given to it has passed when its bytes have had their time.
type paced struct {
	w    io.Writer
	baud int
	free time.Time // when all that was given before has passed
}

// chunk is how many bytes are taken at once.
func (p *paced) chunk(n int) int {
	if p.baud == 0 {
		return n
	}
	return min(n, pacedChunk)
}

// begin says that the line was idle until now.
func (p *paced) begin() {
	if now := time.Now(); now.After(p.free) {
		p.free = now
	}
}

// wait lets n bytes pass. The line has a time-table: what one wait oversleeps, the next one makes up for.
func (p *paced) wait(n int) {
	if p.baud == 0 || n == 0 {
		return
	}
	p.free = p.free.Add(time.Duration(n) * bitsOfByte * time.Second / time.Duration(p.baud))
	time.Sleep(time.Until(p.free))
}

// Write lets the bytes pass and hands them over.
func (p *paced) Write(b []byte) (int, error) {
	p.begin()
	written := 0
	for written < len(b) {
		part := b[written:min(len(b), written+p.chunk(len(b)))]
		p.wait(len(part))
		n, err := p.w.Write(part)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
