package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"yichuang/kiosk/document"
	"yichuang/kiosk/typeset"
)

// licenseWarm: one license (A3, the original) set into a PDF again and again by a program that is warm.
//
// The peer is a small C program over the same two libraries, with the same fonts, that draws the same
// page: what cairo and pango themselves need. It is compiled here, so a C compiler must be there.
var licenseWarm = row{
	name: "paper.license.warm", unit: "ms", better: "less", rounds: 15, turns: 4, per: 2,
	sides: []side{
		{name: "yichuang/kiosk/typeset", open: openSetter},
		{name: "cairo+pango in C", limit: 2, open: openPeer},
	},
}

// sample is a license of nobody.
func sample() document.License {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	return document.License{
		Kind: document.Original, Number: "92110101MA0000000X", Name: "青山区晨光小面馆", Operator: "王晓明",
		Place: "北京市东城区青山街道科苑路十五号", Scope: "小吃服务；餐饮管理；食品销售（仅销售预包装食品）；外卖递送服务；日用百货销售；会议及展览服务。",
		Registered: day, Issued: day, Authority: "青山区市场监督管理局", Serial: "A00000001",
		QR: "YCL1:" + strings.Repeat("A7F2K9QZ", 40),
	}
}

type setter struct {
	*typeset.Setter
	license document.License
}

func openSetter(_ context.Context, dir string) (runner, error) {
	s, err := typeset.Open()
	if err != nil {
		return nil, err
	}
	out := setter{s, sample()}
	page, err := s.LicensePDF(out.license)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "page.pdf"), page, 0o600)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return out, nil
}

func (s setter) turn(_ context.Context, n int) (time.Duration, error) {
	began := time.Now()
	for range n {
		if _, err := s.LicensePDF(s.license); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func (s setter) close() error {
	s.Close()
	return nil
}

//go:embed peer/page.c
var peerSource []byte

type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func openPeer(ctx context.Context, dir string) (runner, error) {
	page, err := describe(sample())
	if err != nil {
		return nil, err
	}
	source, program, sheet := filepath.Join(dir, "page.c"), filepath.Join(dir, "page"), filepath.Join(dir, "page.txt")
	if err := errors.Join(os.WriteFile(source, peerSource, 0o600), os.WriteFile(sheet, []byte(page), 0o600)); err != nil {
		return nil, err
	}
	flags, err := exec.CommandContext(ctx, "pkg-config", "--cflags", "--libs", "pangocairo", "cairo-pdf").Output()
	if err != nil {
		return nil, fmt.Errorf("pkg-config: %w", err)
	}
	args := append([]string{"-O2", "-o", program, source}, strings.Fields(string(flags))...)
	if said, err := exec.CommandContext(ctx, "gcc", append(args, "-lm")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gcc: %w: %s", err, said)
	}
	p := peer{cmd: exec.CommandContext(ctx, program, sheet, filepath.Join(dir, "page.pdf"))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p peer) turn(_ context.Context, n int) (time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, n); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return time.Duration(seconds * float64(time.Second)), err
}

func (p peer) close() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// describe writes a license's sheet in the words of peer/page.c. The sample's texts stand in their
// full size, so that the sizes here are the ones on our page too.
func describe(l document.License) (string, error) {
	sheet, err := l.Sheet()
	if err != nil {
		return "", err
	}
	code, err := qr.Encode(sheet.Symbol.Text, qr.M)
	if err != nil {
		return "", err
	}
	const pt = 72 / 25.4
	var b strings.Builder
	f, s := sheet.Frame.Outer, sheet.Symbol.Box
	fmt.Fprintln(&b, "page", sheet.Width, sheet.Height)
	fmt.Fprintln(&b, "frame", f.X*pt, f.Y*pt, f.W*pt, f.H*pt, sheet.Frame.Band*pt)
	fmt.Fprintln(&b, "symbol", s.X, s.Y, s.W)
	for y := range code.Size {
		fmt.Fprint(&b, "row ")
		for x := range code.Size {
			fmt.Fprint(&b, bit(code.Black(x, y)))
		}
		fmt.Fprintln(&b)
	}
	align := map[document.Align]int{document.Left: 0, document.Centre: 1, document.Right: 2}
	for _, m := range sheet.Marks {
		fmt.Fprintln(&b, "mark", m.Box.X, m.Box.Y, m.Box.W, m.Box.H, m.Size, align[m.Align], bit(m.Spread), bit(m.Bold), bit(m.Faint), m.Text)
	}
	return b.String(), nil
}

func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
