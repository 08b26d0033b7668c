// Package typeset sets documents in type: licenses as PDF pages for the sheet printer, receipts and
// slips as lines for the roll.
//
// It promises that what was given is what stands on the paper. A character that none of our fonts has,
// and every character that could make a line read differently from what is in the journal (controls,
// right-to-left marks, marks that stand on other letters), is refused with a MissingError before
// anything is printed; so there is never a box, a "?" or a gap. A text that does not fit its place even
// in the smallest type is refused too.
//
// On the roll a line goes out as text wherever the printer's own font has all of it, because text is a
// thousandth of the bytes of a picture; a line with a rare character goes out as a picture in the same
// size. A Chinese character takes two columns, an ASCII one takes one.
//
// Cairo and pango are libraries in C that keep fonts for each thread. All of their work runs on one
// thread of the Setter, and everything is closed and given back there by hand: gotk3 never frees a
// layout, and its finalizers run on another thread. No file is written; a page is made in memory,
// because it carries a name.
//
// Fonts: Noto Serif, Sans and Sans Mono CJK SC (fonts-noto-cjk) must be installed. HanaMin A and B
// (fonts-hanazono) and BabelStone Han (fonts-babelstone-han) add the rare characters; without them
// fewer names can be set, and Missing says which.
package typeset
