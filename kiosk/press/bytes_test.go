package press

import (
	"fmt"
	"strings"
	"testing"

	"yichuang/kiosk/document"
)

// fullRaster is what a receipt of 576 by 1200 dots takes when all of it is sent as one picture.
const fullRaster = 576/8*1200 + 8

// shop is a receipt of 30 lines, with characters that every Chinese font has: each a sentence, or a label with its
// value at the right edge.
func shop(pairs bool) document.Paper {
	p := document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: "青山区市民服务中心", Align: document.Centre, Large: true}, {Kind: document.Rule}}}
	for i := range 28 {
		b := document.Block{Kind: document.Text, Text: fmt.Sprintf("水费 2026-%02d 收讫 ¥%d.00", i%12+1, 100+i)}
		if pairs {
			b = document.Block{Kind: document.Row, Label: fmt.Sprintf("水费 2026-%02d", i%12+1), Value: fmt.Sprintf("¥%d.00", 100+i)}
		}
		p.Blocks = append(p.Blocks, b)
	}
	return p
}

// TestBytesOfAReceipt: on a serial line the bytes are what takes time. Text takes a fiftieth of the full picture. All as
// dots, for a printer without a Chinese font, sentences take less than two fifths; values at the right edge leave no white
// that could be left out.
func TestBytesOfAReceipt(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		for i, c := range []struct {
			name  string
			pairs bool
			has   func(rune) bool
			limit float64
		}{{"text", false, m.program.roll.Has, 0.02}, {"text in pairs", true, m.program.roll.Has, 0.02}, {"dots", false, nil, 0.40}, {"dots in pairs", true, nil, 0.62}} {
			strip, err := m.setter.Strip(shop(c.pairs), m.program.roll.Info(), c.has)
			if err == nil {
				err = m.program.roll.Print(t.Context(), strip)
			}
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			bin, err := m.roll.Bin(i + 1)
			if share := float64(len(bin)) / fullRaster; err != nil || share > c.limit || share < c.limit/4 {
				t.Errorf("%s: %d bytes, %.3f of the full picture, want at most %.3f; %v", c.name, len(bin), share, c.limit, err)
			}
		}
	})
}

// TestOneRareCharacter makes its own line a picture and leaves the others text.
func TestOneRareCharacter(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		paper := document.Paper{Blocks: []document.Block{{Kind: document.Text, Text: "姓名 王小明"}, {Kind: document.Text, Text: "姓名 王𠮷明"}, {Kind: document.Text, Text: "谢谢"}}}
		strip, err := m.setter.Strip(paper, m.program.roll.Info(), m.program.roll.Has)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, l := range strip.Lines {
			switch {
			case l.Text != "":
				kinds = append(kinds, "text")
			case l.Dots != nil:
				kinds = append(kinds, "dots")
			}
		}
		if got := fmt.Sprint(kinds); got != "[text dots text]" {
			t.Errorf("lines: %s", got)
		}
		if err := m.program.roll.Print(t.Context(), strip); err != nil {
			t.Fatal(err)
		}
		if text, err := m.roll.Text(1); err != nil || !strings.HasPrefix(text, "姓名 王小明\n[image ") || !strings.HasSuffix(text, "]\n谢谢") {
			t.Errorf("paper: %q, %v", text, err)
		}
	})
}
