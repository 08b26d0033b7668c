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
// printer class 07/01/02. 203 dpi, that is 8 dots to the millimetre: 384 dots on 58 mm paper, 576 on 80 mm.
//
//   - DLE EOT n (10 04 n): one status byte, answered at once even while the buffer is full or paper is out.
//     The byte does not say which n it answers, and has no checksum: we ask one at a time, wait for the line
//     to be quiet after a miss, and believe a change only when it was said twice.
//   - GS r 1 (1D 72 01): one byte, answered in its turn. 0xx0xxxx, so it cannot be taken for another answer.
//   - GS g 2 (1D 67 32 00 B2 00): maintenance counter 178, the cumulative number of cuts: 5F, digits, 00.
//     Optional (Profile.HasCuts). The manual says that the value may be off when power fails during a cut.
//   - DLE DC4 8 (10 14 08 01 03 14 01 06 02 08): forget the buffers; answered 37 25 00. Optional
//     (Profile.HasClear): without it the rest of an abandoned strip is printed when the printer is fit again.
//   - GS I 66, 67, 68: maker, model and serial number as 5F, text, 00.
//   - FS & and FS . : Chinese mode on and off. QR symbols and pictures are sent with the mode off, because
//     clones swallow their bytes as characters otherwise.
//
// # At power-up
//
// Buffers are empty; a half-printed strip still hangs in the mouth, and the printer does not know of it.
// After a restart of the program alone the printer may wait for the rest of a picture: whenever the line is
// opened we send as many NULs as the longest command of ours can lack. Outside a command NUL does nothing.
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
//   - Automatic status (ASB) stops on some clones without a word. It is switched off and never relied on.
//
// # Not supported
//
// Presenters and retractors (every maker has commands of its own), black marks, page mode, printers without
// an answer path (USB 07/01/01).
package escpos
