package ippsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image/jpeg"
)

// formats is what the printer takes, the first when nothing is said.
var formats = []string{"application/pdf", "image/jpeg", "image/pwg-raster"}

const formatsOnly = "PDF, JPEG and PWG raster only"

// inspect checks that a document is a whole one of its format and tells its pages. sizes are of those pages that
// must fit the sheet: pictures are set into its middle.
func inspect(format string, doc []byte) (pages int, sizes []pageSize, err error) {
	switch format {
	case "image/jpeg":
		if _, err := jpeg.DecodeConfig(bytes.NewReader(doc)); err != nil {
			return 0, nil, fmt.Errorf("not a JPEG: %w", err)
		}
		return 1, nil, nil
	case "image/pwg-raster":
		pages, err = rasterPages(doc)
		return pages, nil, err
	}
	return inspectPDF(doc)
}

// The places in a page header of PWG 5102.4, 4.3, and bounds for what may stand there.
const (
	rasterHeader   = 1796
	rasterHeight   = 376
	rasterPixel    = 388 // bits
	rasterLine     = 392 // bytes
	rasterRowsMax  = 1 << 17
	rasterBytesMax = 1 << 20
)

var errRasterEnd = errors.New("a PWG raster that ends in the middle of a page")

// rasterPages walks through all rows of all pages.
func rasterPages(doc []byte) (int, error) {
	rest, ok := bytes.CutPrefix(doc, []byte("RaS2"))
	if !ok {
		return 0, errors.New("not a PWG raster")
	}
	pages := 0
	for ; len(rest) > 0; pages++ {
		if len(rest) < rasterHeader {
			return 0, errRasterEnd
		}
		number := func(at int) int { return int(binary.BigEndian.Uint32(rest[at:])) }
		height, pixel, line := number(rasterHeight), max(1, number(rasterPixel)/8), number(rasterLine)
		if height == 0 || height > rasterRowsMax || line == 0 || line > rasterBytesMax || pixel > line {
			return 0, fmt.Errorf("a PWG raster page of %d rows of %d bytes", height, line)
		}
		rest = rest[rasterHeader:]
		for row := 0; row < height; {
			if len(rest) == 0 {
				return 0, errRasterEnd
			}
			row += int(rest[0]) + 1
			n, ok := rasterRow(rest[1:], line, pixel)
			if !ok {
				return 0, errRasterEnd
			}
			rest = rest[1+n:]
		}
	}
	if pages == 0 {
		return 0, errRasterEnd
	}
	return pages, nil
}

// rasterRow is how many bytes a compressed row takes: runs of one pixel, pixels one by one, and white to the end.
func rasterRow(b []byte, line, pixel int) (n int, ok bool) {
	for out := 0; out < line; {
		if n >= len(b) {
			return 0, false
		}
		code := int(b[n])
		n++
		switch {
		case code == 128:
			out = line
		case code < 128:
			out, n = out+(code+1)*pixel, n+pixel
		default:
			out, n = out+(257-code)*pixel, n+(257-code)*pixel
		}
	}
	return n, n <= len(b)
}
