package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"yichuang/cmd/devsim/plug"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
	"yichuang/kiosk/document"
	"yichuang/kiosk/typeset"
)

// receiptWire: a receipt of 40 lines is printed and cut, over a line that the simulated printer paces at its true baud
// rate. The printer itself takes no time, so that only the line and the driver are measured; a real one prints the first
// lines while the others are still on the wire, and its own time comes on top of this.
//
// The peer is what the bytes need that such a print carries both ways, questions about the state and the proof of
// the cut included: eight bits each, with start and stop, at the line's rate. The second one is a host that knows
// beforehand what it will be answered, and says and hears the same over a bare file: what is above it is this machine.
var receiptWire = row{
	name: "receipt.wire", unit: "ms", better: "less", rounds: 9, turns: 2, per: 3, arithmetic: true,
	sides: []side{
		{name: "yichuang/devices/printer/escpos", open: openReceipt},
		{name: "bytes * 10 / baud, or the raw file descriptor in rounds that kept it from this", limit: 1.05, open: openReceiptBytes},
		{name: "raw file descriptor", limit: 1.05, open: openReceiptRaw},
	},
}

// receiptBaud is the rate in the driver's table.
const receiptBaud = 115200

// forty is a receipt of 40 lines of text.
func forty() printer.Strip {
	s := printer.Strip{Lines: []printer.Line{{Text: "青山区市民服务中心", Align: printer.Centre, Wide: true, High: true, Bold: true}}}
	for i := range 38 {
		s.Lines = append(s.Lines, printer.Line{Text: fmt.Sprintf("缴水费 2026-%02d 户号 3102****5518        ¥%d.00", i%12+1, 100+i)})
	}
	return printer.Strip{Lines: append(s.Lines, printer.Line{Text: "请妥善保管", Align: printer.Centre})}
}

// saying is what went over a port at one time: bytes that were written, or else how many were read.
type saying struct {
	written []byte
	read    int
}

// noted is a port that notes what it carries.
type noted struct {
	wire.Port
	notes *notes
}

type notes struct {
	mu   sync.Mutex
	said []saying
}

func (n *notes) add(s saying) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(s.written) > 0 || s.read > 0 {
		n.said = append(n.said, s)
	}
}

// take gives the notes and begins new ones.
func (n *notes) take() []saying {
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	return said
}

func (p noted) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	p.notes.add(saying{read: n})
	return n, err
}

func (p noted) Write(b []byte) (int, error) {
	p.notes.add(saying{written: append([]byte(nil), b...)})
	return p.Port.Write(b)
}

// roll is a driver and a simulated printer behind a pseudo terminal.
type roll struct {
	*escpos.Printer
	plug  *plug.Plug
	notes *notes
	stop  context.CancelFunc
	ended chan struct{}
}

// newPrinter has cut so often that the count's digits do not become more here.
func newPrinter(baud int) (*escpossim.Printer, error) {
	p := escpossim.New(escpossim.Options{Baud: baud})
	return p, p.Restore([]byte(`{"cuts":100000,"power":true}`))
}

func newRoll(ctx context.Context, dir string, baud int) (*roll, error) {
	path := filepath.Join(dir, "receipt")
	sim, err := newPrinter(baud)
	if err != nil {
		return nil, err
	}
	r := &roll{plug: plug.New(path, sim.Serve), notes: new(notes), ended: make(chan struct{})}
	if err := r.plug.Set(true); err != nil {
		return nil, err
	}
	r.Printer = escpos.New(func() (wire.Port, error) {
		port, err := serialport.Open(path, serialport.Options{Baud: receiptBaud})
		return noted{port, r.notes}, err
	}, escpos.Models[0].Profile)
	running, stop := context.WithCancel(ctx)
	r.stop = stop
	go func() {
		defer close(r.ended)
		r.Run(running) // its error is the context's
	}()
	for !r.State().Online {
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return r, nil
}

func (r *roll) close() error {
	r.stop()
	<-r.ended
	return r.plug.Close()
}

func openReceipt(ctx context.Context, dir string) (runner, error) {
	return newRoll(ctx, dir, receiptBaud)
}

func (r *roll) turn(ctx context.Context, n int) (took time.Duration, err error) {
	for range n {
		began := time.Now()
		if err := r.Print(ctx, forty()); err != nil {
			return 0, err
		}
		took += time.Since(began)
		<-time.After(betweenReceipts)
	}
	return took, nil
}

// betweenReceipts is what lies between two receipts at the least: a person, and in it the question about the state that
// comes each second.
const betweenReceipts = 250 * time.Millisecond

// conversation is what is said at one print by a driver to a printer that takes no time, so that no question about a
// stop comes between.
func conversation(ctx context.Context, dir string) (said []saying, err error) {
	r, err := newRoll(ctx, dir, 0)
	if r != nil {
		defer func() { err = errors.Join(err, r.close()) }()
	}
	if err != nil {
		return nil, err
	}
	if err := r.Print(ctx, forty()); err != nil { // the first one settles the line
		return nil, err
	}
	r.notes.take()
	if err := r.Print(ctx, forty()); err != nil {
		return nil, err
	}
	return r.notes.take(), nil
}

// receiptBytes is what the bytes of a print need.
type receiptBytes int

func openReceiptBytes(ctx context.Context, dir string) (runner, error) {
	said, err := conversation(ctx, dir)
	n := 0
	for _, s := range said {
		n += len(s.written) + s.read
	}
	return receiptBytes(n), err
}

func (b receiptBytes) turn(_ context.Context, n int) (time.Duration, error) {
	return time.Duration(n) * time.Duration(b) * 10 * time.Second / receiptBaud, nil
}

func (receiptBytes) close() error { return nil }

// rawReceipt says the same without looking at what it hears.
type rawReceipt struct {
	said []saying
	file *os.File
	plug *plug.Plug
}

func openReceiptRaw(ctx context.Context, dir string) (runner, error) {
	said, err := conversation(ctx, dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "raw")
	sim, err := newPrinter(receiptBaud)
	if err != nil {
		return nil, err
	}
	r := &rawReceipt{said: said, plug: plug.New(path, sim.Serve)}
	if err := r.plug.Set(true); err != nil {
		return nil, err
	}
	if r.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, errors.Join(err, r.plug.Close())
	}
	return r, nil
}

func (r *rawReceipt) turn(_ context.Context, n int) (took time.Duration, err error) {
	for range n {
		began := time.Now()
		for _, s := range r.said {
			if s.read > 0 {
				_, err = io.ReadFull(r.file, make([]byte, s.read))
			} else {
				_, err = r.file.Write(s.written)
			}
			if err != nil {
				return 0, err
			}
		}
		took += time.Since(began)
		<-time.After(betweenReceipts)
	}
	return took, nil
}

func (r *rawReceipt) close() error { return errors.Join(r.file.Close(), r.plug.Close()) }

// receiptRaster: a receipt of 30 lines is set as dots, as for a printer without a Chinese font: 576 dots broad and some
// 1200 high, one bit each.
//
// The peer draws the same lines with the type setter of Go's own image library and packs the picture into bits by asking
// each dot for its colour, which is how programs that print receipts usually do it.
var receiptRaster = row{
	name: "receipt.raster", unit: "ms", better: "less", rounds: 15, turns: 4, per: 3,
	sides: []side{
		{name: "yichuang/kiosk/typeset", open: openRaster},
		{name: "golang.org/x/image and At()", limit: 0.4, open: openAt},
	},
}

// rasterDots is how broad the paper is, rasterRows how high 30 lines are.
const (
	rasterDots = 576
	rasterRows = 1200
)

func rasterText() []string {
	var lines []string
	for i := range 30 {
		lines = append(lines, fmt.Sprintf("缴水费 2026-%02d 户号 3102****5518 元 %d.00", i%12+1, 100+i))
	}
	return lines
}

type rasterSide struct{ *typeset.Setter }

func openRaster(context.Context, string) (runner, error) {
	s, err := typeset.Open()
	if err != nil {
		return nil, err
	}
	return rasterSide{s}, nil
}

func (s rasterSide) turn(_ context.Context, n int) (time.Duration, error) {
	var paper document.Paper
	for _, line := range rasterText() {
		paper.Blocks = append(paper.Blocks, document.Block{Kind: document.Text, Text: line})
	}
	began := time.Now()
	for range n {
		strip, err := s.Strip(paper, printer.RollInfo{WidthDots: rasterDots, Columns: rasterDots / 12}, nil)
		if err != nil {
			return 0, err
		}
		if len(strip.Lines) < 30 || strip.Lines[0].Dots == nil {
			return 0, errors.New("the receipt was not set as dots")
		}
	}
	return time.Since(began), nil
}

func (s rasterSide) close() error {
	s.Close()
	return nil
}

type atSide struct{ font.Face }

// openAt takes the font that the system gives for Chinese.
func openAt(ctx context.Context, _ string) (runner, error) {
	path, err := exec.CommandContext(ctx, "fc-match", "-f", "%{file}", "Noto Sans CJK SC").Output()
	if err != nil {
		return nil, fmt.Errorf("fc-match: %w", err)
	}
	data, err := os.ReadFile(strings.TrimSpace(string(path)))
	if err != nil {
		return nil, err
	}
	fonts, err := opentype.ParseCollection(data)
	if err != nil {
		return nil, err
	}
	one, err := fonts.Font(min(2, fonts.NumFonts()-1)) // the simplified one of Noto's collection
	if err != nil {
		return nil, err
	}
	face, err := opentype.NewFace(one, &opentype.FaceOptions{Size: 21, DPI: 72})
	return atSide{face}, err
}

func (a atSide) turn(_ context.Context, n int) (time.Duration, error) {
	lines := rasterText()
	began := time.Now()
	for range n {
		var img draw.Image = image.NewGray(image.Rect(0, 0, rasterDots, rasterRows))
		draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
		d := font.Drawer{Dst: img, Src: image.Black, Face: a.Face}
		for i, line := range lines {
			d.Dot = fixed.P(0, rasterRows/len(lines)*i+24)
			d.DrawString(line)
		}
		bits := make([]byte, rasterDots/8*rasterRows)
		for y := range rasterRows {
			for x := range rasterDots {
				if color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 128 {
					bits[y*rasterDots/8+x/8] |= 0x80 >> (x % 8)
				}
			}
		}
	}
	return time.Since(began), nil
}

func (a atSide) close() error { return a.Face.Close() }
