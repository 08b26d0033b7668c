// Package escpos drives receipt printers that speak ESC/POS, the command language of nearly every
// 58 and 80 mm thermal printer, over a serial line or a USB pipe, with Chinese text in GB 18030.
//
// It promises that a strip is called printed only when the printer itself has said that all of it was
// printed and cut. A strip is sent in three parts: the content; a question that the printer answers only
// when it has worked off all that came before (GS r); the cut, and the same question again, or better the
// printer's lifetime count of cuts (GS g 2). As the cut is held back until the content is known to be on
// paper, every trouble before it leaves a strip that was certainly not cut off and may be printed again;
// doubt is possible only in the second between the cut and its proof.
//
// # Data sheet
//
// Epson, "ESC/POS Command Reference" (the public on-line edition), and the command manuals of printers that
// follow it. Serial lines 9600 to 115200 baud, 8 data bits, no parity, 1 stop bit, RTS/CTS or XON/XOFF; USB
// printer class 07/01/02 (package escposusb). 203 dpi, that is 8 dots to the millimetre: 384 dots on 58 mm paper, 576 on 80 mm.
//
//   - DLE EOT n (10 04 n): one status byte, answered at once even while the buffer is full or paper is out.
//     The byte does not say which n it answers, and has no checksum: we ask one at a time, wait for the line
//     to be quiet after a miss, and believe a change only when it was said twice.
//
//   - GS r 1 (1D 72 01): one byte, answered in its turn. 0xx0xxxx, so it cannot be taken for another answer.
//
//   - GS g 2 (1D 67 32 00 B2 00): maintenance counter 178, the cumulative number of cuts: 5F, digits, 00.
//     Optional (Profile.HasCuts). The manual says that the value may be off when power fails during a cut.
//
//   - DLE DC4 8 (10 14 08 01 03 14 01 06 02 08): forget the buffers; answered 37 25 00. Optional
//     (Profile.HasClear): without it the rest of an abandoned strip is printed when the printer is fit again.
//
//   - GS I 66, 67, 68: maker, model and serial number as 5F, text, 00.
//
//   - FS & and FS . : Chinese mode on and off. QR symbols and pictures are sent with the mode off, because
//     clones swallow their bytes as characters otherwise.
//
//   - DLE EOT 20 (10 04 14), of printers with a presenter: 10 0F and four bytes, among them whether a strip is in the
//     mouth and whether the paper is jammed. GS e (1D 65) holds a strip out and draws it in; how long a step is, and
//     whether it is enabled, is each maker's (models.go).
//
// # Text or dots
//
// A line goes out as text in GB 18030 when the printer's font has all of its characters, and as a picture when one is
// missing; so says Has, and whoever sets the type asks it. Text is 1 to 2 bytes a character: a receipt of text takes
// about 1 % of the bytes of its full picture (576 by 1200 dots are 86,408 bytes, 7.5 s at 115200 baud), and less than 2 %
// where each line has a value at the right edge: runs of blanks go out as tabs (HT; ESC @ sets the stops to every eighth
// column, as Epson's reference has it, and of clones that is unverified). A receipt that is
// all pictures, as for a printer without a Chinese font, takes less than 40 % where its lines are sentences, because white
// rows are fed and white at the right is not sent, and 60 % where each line has a value at the right edge. The lines are
// not broken into runs of text and dots: few printers set both on one line.
//
// # Strips that nobody takes
//
// Where there is a presenter, a strip is printed when the printer has said that it is in the mouth. It is held out for
// 30 seconds, then drawn in to the bin; the next strip waits for that, because it would push the other one out. A strip
// that was told to be drawn in is never counted as taken. One that does not go in calls staff. The count of cuts is no
// mark of a finished strip there, and is not offered as one.
//
// # At power-up
//
// Buffers are empty; a half-printed strip still hangs in the mouth, and the printer does not know of it.
// After a restart of the program alone the printer may wait for the rest of a picture: whenever the line is
// opened we send as many NULs as the longest command of ours can lack, and a few of them before the first question, which
// a command that lacks its height would take for one. Outside a command NUL does nothing.
// Nothing is cut then: the owner first reads Cuts, compares it with the count that it noted before the
// strip, and then calls Clear, which throws the rest away and cuts the half strip off, so that the next
// person does not take it home.
//
// # What the manuals get wrong, or leave out
//
//   - Real-time commands are found inside pictures too: a picture that happens to hold 10 04, 10 05 or 10 14
//     makes the printer answer, or worse. We set one dot more in such a byte (10 becomes 18).
//   - The yen sign U+00A5 is four bytes in GB 18030, which few fonts have; it is sent as U+FFE5.
//   - A printer that lost power in the middle and is back answers as if nothing had been. While a strip is on
//     its way an unanswered status request is therefore the end of that strip.
//   - Some say all the time that the feed button is pressed (Profile.FeedBit).
//   - Automatic status (ASB) stops on some clones without a word. It is switched off and never relied on.
//
// # Not supported
//
// Black marks, page mode, printers without a cutter or without an answer path (USB 07/01/01). Printers that do not
// answer status requests while paper moves, as Pyramid's manual says of Reliance's: they cannot be told from one that
// has restarted.
package escpos
