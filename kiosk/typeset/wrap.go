package typeset

import "strings"

// columns is how broad a text is on the roll: an ASCII character takes one column, every other two,
// because in a Chinese printer's font each character of more than one byte of GB 18030 is square.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if r < 0x80 {
		return 1
	}
	return 2
}

// Characters that must not begin a line, and that must not end one (GB/T 15834—2011, §5.1).
const (
	notFirst = "，。、；：！？）」』】》〉”’…—·,.;:!?)]}%元"
	notLast  = "（「『【《〈“‘([{￥"
)

// wrap breaks a text into lines of at most so many columns. ASCII words are kept whole where they fit
// a line; blanks at a break are dropped. A text of no characters is one empty line.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line, used = "", 0
	}
	for _, piece := range pieces(text) {
		n := columns(piece)
		if used > 0 && used+n > width {
			flush()
			if piece == " " {
				continue
			}
		}
		if piece == " " && used == 0 && len(lines) > 0 {
			continue
		}
		for n > width { // longer than a line: cut it where the line ends
			head := cut(piece, width)
			line = head
			flush()
			piece = piece[len(head):]
			n = columns(piece)
		}
		line, used = line+piece, used+n
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// cut is the longest beginning of text that is at most so many columns; at least one character.
func cut(text string, width int) string {
	n := 0
	for i, r := range text {
		n += columnsOf(r)
		if n > width && i > 0 {
			return text[:i]
		}
	}
	return text
}

// pieces are the parts of a text between which a line may be broken: a blank, an ASCII word, or one
// other character, each with the punctuation that has to stay with it.
func pieces(text string) []string {
	var out []string
	word := false // the last character belongs to an ASCII word
	for _, r := range text {
		ascii := r < 0x80 && r != ' '
		joins := false
		if n := len(out); n > 0 && r != ' ' && out[n-1] != " " {
			joins = ascii && word || strings.ContainsRune(notFirst, r) || endsOpen(out[n-1])
		}
		if joins {
			out[len(out)-1] += string(r)
		} else {
			out = append(out, string(r))
		}
		word = ascii
	}
	return out
}

// endsOpen says whether a piece ends with something that must not end a line.
func endsOpen(piece string) bool {
	last := ' '
	for _, r := range piece {
		last = r
	}
	return strings.ContainsRune(notLast, last)
}
