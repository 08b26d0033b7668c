package typeset

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// The families, the first that has a character sets it. Both lists hold the same fonts, so that a
// character can be set everywhere or nowhere.
var (
	serif = families("Noto Serif CJK SC", "HanaMinA", "HanaMinB", "BabelStone Han", "Noto Sans CJK SC", "Noto Sans Mono CJK SC")
	mono  = families("Noto Sans Mono CJK SC", "Noto Sans CJK SC", "Noto Serif CJK SC", "HanaMinA", "HanaMinB", "BabelStone Han")
)

func families(names ...string) string { return strings.Join(names, ",") }

// lookFonts finds the fonts that answer for coverage.
func (s *Setter) lookFonts() error {
	for _, family := range strings.Split(serif, ",") {
		if isInstalled(family) {
			s.families = append(s.families, family)
		} else if strings.HasPrefix(family, "Noto") {
			return fmt.Errorf("set type: font %q is not installed: install fonts-noto-cjk", family)
		}
	}
	return nil
}

// installed says which families are there. Each thread has fonts of its own, and to open one takes a millisecond; which are there
// is the same for all.
var installed sync.Map

func isInstalled(family string) bool {
	if is, known := installed.Load(family); known {
		return is.(bool)
	}
	f, is := openFont(family)
	if is {
		f.close()
	}
	installed.Store(family, is)
	return is
}

// openFonts opens the fonts, when they are first asked.
func (s *Setter) openFonts() {
	for _, family := range s.families[len(s.fonts):] {
		f, ok := openFont(family)
		if !ok {
			return // removed since: its characters are missing
		}
		s.fonts = append(s.fonts, f)
	}
}

func (s *Setter) closeFonts() {
	for _, f := range s.fonts {
		f.close()
	}
	s.fonts = nil
}

// Missing gives the characters of text that cannot be set, each once; none when all can. A closed
// setter can set nothing.
func (s *Setter) Missing(text string) []rune {
	var missing []rune
	if err := s.do(func() error { missing = s.missing(text, nil); return nil }); err != nil {
		return []rune(text)
	}
	return missing
}

// missing is Missing on the thread; has may know further characters, those of the printer.
func (s *Setter) missing(text string, has func(rune) bool) []rune {
	var out []rune
	seen := map[rune]bool{}
	for _, r := range text {
		if seen[r] {
			continue
		}
		seen[r] = true
		if !settable(r) || !s.covered(r) && (has == nil || !has(r)) {
			out = append(out, r)
		}
	}
	return out
}

// coverage is which characters the fonts have; the fonts are the same for all setters, and to open them takes several milliseconds.
// It is bounded: more than all of Unicode's Han is never asked for.
var (
	coverage   sync.Map
	remembered atomic.Int64
)

const coverageMax = 1 << 17

// covered says whether one of our fonts has a glyph for r.
func (s *Setter) covered(r rune) bool {
	if is, known := coverage.Load(r); known {
		return is.(bool)
	}
	have := false
	s.openFonts()
	for _, f := range s.fonts {
		if f.has(r) {
			have = true
			break
		}
	}
	if remembered.Add(1) < coverageMax {
		coverage.Store(r, have)
	}
	return have
}

// settable refuses what a font may have a glyph for and an official paper still must not carry:
// private characters (each font draws its own picture there), U+FFFD and U+FFFC (something was lost
// before it reached us), controls and invisible characters, marks that are drawn over other letters,
// and right-to-left letters, which would change the order of the line around them.
func settable(r rune) bool {
	switch {
	case r == unicode.ReplacementChar || r == '\uFFFC':
		return false
	case !unicode.IsGraphic(r) || unicode.IsMark(r):
		return false
	case unicode.In(r, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return false
	}
	return !rightToLeft(r)
}

// rightToLeft says whether r is in a block of right-to-left letters (Unicode, Bidi_Class defaults).
func rightToLeft(r rune) bool {
	return 0x0590 <= r && r <= 0x08FF || 0xFB1D <= r && r <= 0xFDFF || 0xFE70 <= r && r <= 0xFEFF ||
		0x10800 <= r && r <= 0x10FFF || 0x1E800 <= r && r <= 0x1EFFF
}
