// Package sdt drives a resident identity card reader that speaks the "SDT" protocol of the GA 450
// and GA 467 family over a serial line.
//
// The device is a radio front end and a security module (SAM). The host never talks to the card:
// the card's cryptography is closed and only the SAM opens it. The host sees three steps: find,
// select, read. What comes back is a text block of 256 bytes in UTF-16LE, a photo block of 1024
// bytes and, where asked and recorded, a fingerprint block of 1024 bytes.
//
// Facts from: GA 450 (desk readers for resident identity cards) and GA/T 467 (the SAM's interface),
// as the makers' module descriptions (Eastcoms, Sdtapi) give them; GB 11643 and GB/T 3304 for the codes.
//
// Line: 8 data bits, no parity, one stop bit, no flow control, 115200 from the factory; 57600, 38400,
// 19200 and 9600 occur. The reader forgets a changed speed when it loses power (some keep it), so the
// driver asks for the SAM's status at each speed, 115200 first, whenever it opens the line.
// Strict question and answer, one at a time, nothing unasked.
//
//	request  AA AA AA 96 69 | length (2, big-endian) | command parameter [data] | check
//	answer   AA AA AA 96 69 | length                 | SW1 SW2 SW3 [data]       | check
//
// The length counts all after itself, the check included. The check is the XOR of all bytes after the
// preamble, the length included. SW1 and SW2 are the card's own words, nearly always 0; SW3 decides.
//
// At power-up the reader is ready within a second and says nothing by itself.
//
// What the descriptions get wrong or leave out, and what we do about it:
//   - One or two bytes AA of the preamble may be missing, and noise may come before it: one AA is enough.
//   - Answers carry no sequence number. An answer that comes too late looks like the answer to the next
//     question, and a late answer to "read" would hand one citizen's card to the next. So each command
//     takes only answers of its own length and words, and after any silence, noise or abandoned wait the
//     line is settled first: a status question is asked and all that comes before its answer is dropped,
//     since the reader answers in order.
//   - A card is read once per presentation. After a good read "find" says that there is no card until
//     the card has been taken away and laid down again. "No card" therefore does not prove that the card
//     is gone, and a read whose answer was lost cannot be repeated without the citizen's help.
//   - The words 01 02 03 05 and 09 of the descriptions are the host library's, and never on the line.
//   - Readers without fingerprint firmware refuse "30 10" with 21; then "30 01" is asked.
//   - The fingerprint length is 0 for many cards; block lengths are always taken from the frame.
//   - Old software reads 220..255 of the text block as one reserved field, so that the type flag may hold
//     a NUL: it counts as a citizen's card when the number's check character is right.
//   - Bus and bank cards are found but cannot be selected, and neither can one of two cards that lie there together. The
//     reader does not say which it is.
//   - A name may hold surrogate pairs and private-use characters; both are kept as they are.
//
// Privacy: no byte of an answer to a read is ever in an error. Garbled answers are therefore told by
// their length only. Fingerprints are dropped before the decoder returns.
//
// The photo's wavelet format (WLT) has no open decoder: the block is handed on as it is, and package wlt may have a card
// maker's library for it.
//
// Not supported: fingerprint matching, the management number commands 30 05 and following, and the Bluetooth
// readers' wrapper. USB readers have the same frames over another transport: package sdtusb.
package sdt
