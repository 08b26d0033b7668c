package cutdisk

import (
	"io"
	"slices"
)

// content is the bytes of a file, in pages that several contents share until one of them writes: a disk is copied at each
// cut, and little of it is written afterwards.
type content struct {
	pages []*page
	own   []bool // by page: nobody else has it
	size  int64
}

const pageSize = 4096

type page [pageSize]byte

// clone is the same bytes, to be written to apart.
func (c *content) clone() content {
	clear(c.own)
	return content{append([]*page(nil), c.pages...), make([]bool, len(c.pages)), c.size}
}

// writable gives a page that nobody else has.
func (c *content) writable(i int64) *page {
	if !c.own[i] {
		copied := *c.pages[i]
		c.pages[i], c.own[i] = &copied, true
	}
	return c.pages[i]
}

// truncate makes it longer, with zeros, or shorter.
func (c *content) truncate(size int64) {
	n := (size + pageSize - 1) / pageSize
	if more := int(n) - len(c.pages); more > 0 {
		fresh := make([]page, more)
		c.pages, c.own = slices.Grow(c.pages, more), slices.Grow(c.own, more)
		for i := range fresh {
			c.pages, c.own = append(c.pages, &fresh[i]), append(c.own, true)
		}
	}
	c.pages, c.own = c.pages[:n], c.own[:n]
	if rest := size % pageSize; size < c.size && rest > 0 { // what is cut off reads as zeros when it grows again
		clear(c.writable(n - 1)[rest:])
	}
	c.size = size
}

func (c *content) writeAt(b []byte, off int64) {
	if end := off + int64(len(b)); len(b) > 0 && end > c.size {
		c.truncate(end)
	}
	for len(b) > 0 {
		n := copy(c.writable(off / pageSize)[off%pageSize:], b)
		b, off = b[n:], off+int64(n)
	}
}

// readAt reads what there is, which may be less than asked for.
func (c *content) readAt(b []byte, off int64) (n int) {
	for n < len(b) && off < c.size {
		from := c.pages[off/pageSize][off%pageSize:]
		part := copy(b[n:], from[:min(int64(len(from)), c.size-off)])
		n, off = n+part, off+int64(part)
	}
	return n
}

// read is readAt as SQLite asks for it: less than asked for is the end of the file.
func (c *content) read(b []byte, off int64) (int, error) {
	if n := c.readAt(b, off); n < len(b) {
		return n, io.EOF
	}
	return len(b), nil
}

// do applies a write or truncate.
func (c *content) do(op Op) {
	if op.Kind == Truncate {
		c.truncate(op.Size)
	} else {
		c.writeAt(op.Data, op.Off)
	}
}
