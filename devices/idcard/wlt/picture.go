package wlt

import (
	"bytes"
	"fmt"
	"image"
	"image/color"

	"golang.org/x/image/bmp"

	"yichuang/devices/fault"
)

// A photo is always this large.
const (
	Width  = 102
	Height = 126

	rawBytes = 3 * Width * Height
	bmpBytes = 54 + Height*(3*Width+2)
)

// picture is what a library has answered, made into an image.
func picture(b []byte, rgb bool) (image.Image, error) {
	if len(b) == bmpBytes && bytes.HasPrefix(b, []byte("BM")) {
		return fromBMP(b)
	}
	if len(b) != rawBytes {
		return nil, bad(fault.Garbled, fmt.Sprintf("the library answers %d bytes", len(b)))
	}
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for i := range Width * Height {
		p := b[3*i : 3*i+3]
		c := color.RGBA{R: p[2], G: p[1], B: p[0], A: 0xFF}
		if rgb {
			c.R, c.B = c.B, c.R
		}
		img.SetRGBA(i%Width, Height-1-i/Width, c) // the lowest row comes first
	}
	return img, nil
}

// fromBMP looks at the size before anything of that size is made.
func fromBMP(b []byte) (image.Image, error) {
	config, err := bmp.DecodeConfig(bytes.NewReader(b))
	if err != nil || config.Width != Width || config.Height != Height {
		return nil, bad(fault.Garbled, "the library answers a BMP that is no photo of a card")
	}
	img, err := bmp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, bad(fault.Garbled, "the library answers a damaged BMP")
	}
	return img, nil
}
