package ippsim

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

var (
	pageRule  = regexp.MustCompile(`/Type\s*/Page[^s\w]`)
	boxRule   = regexp.MustCompile(`/MediaBox\s*\[\s*(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s*\]`)
	groupRule = regexp.MustCompile(`/Type\s*/ObjStm`)
)

// inflatedMax bounds what the object streams of a document may unfold to.
const inflatedMax = 16 << 20

// pageSize is a page in points, 1/72 inch.
type pageSize struct{ width, height float64 }

// inspectPDF checks that a document is a whole PDF and tells its pages. It reads the page objects and not the
// page tree, which is enough for documents without old revisions.
func inspectPDF(doc []byte) (pages int, sizes []pageSize, err error) {
	if !bytes.HasPrefix(doc, []byte("%PDF-")) {
		return 0, nil, errors.New("not a PDF")
	}
	if !bytes.Contains(doc[max(0, len(doc)-1024):], []byte("%%EOF")) {
		return 0, nil, errors.New("a PDF without its end")
	}
	text := append(append([]byte(nil), doc...), objectStreams(doc)...)
	pages = len(pageRule.FindAll(append(text, '\n'), -1))
	if pages == 0 {
		return 0, nil, errors.New("a PDF without pages")
	}
	for _, m := range boxRule.FindAllSubmatch(text, -1) {
		var v [4]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(string(m[i+1]), 64); err != nil {
				return 0, nil, fmt.Errorf("media box: %w", err)
			}
		}
		sizes = append(sizes, pageSize{v[2] - v[0], v[3] - v[1]})
	}
	return pages, sizes, nil
}

// objectStreams unfolds the compressed streams in which newer PDFs keep their page objects.
func objectStreams(doc []byte) []byte {
	var out []byte
	for _, at := range groupRule.FindAllIndex(doc, -1) {
		rest := doc[at[1]:]
		begin := bytes.Index(rest, []byte("stream"))
		if begin < 0 {
			continue
		}
		data := bytes.TrimLeft(rest[begin+len("stream"):], "\r\n")
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			continue
		}
		plain, _ := io.ReadAll(io.LimitReader(r, int64(inflatedMax-len(out)))) // a broken end still holds pages
		out = append(append(out, '\n'), plain...)
	}
	return out
}

// mediaPoints is the size of a sheet.
func mediaPoints(media string) pageSize {
	if media == mediaA3 {
		return pageSize{297 / 25.4 * 72, 420 / 25.4 * 72}
	}
	return pageSize{210 / 25.4 * 72, 297 / 25.4 * 72}
}

// fits says whether a page covers the sheet, upright or lying.
func (s pageSize) fits(media string) bool {
	m := mediaPoints(media)
	near := func(a, b float64) bool { return a-b < 2 && b-a < 2 }
	return near(s.width, m.width) && near(s.height, m.height) || near(s.width, m.height) && near(s.height, m.width)
}
