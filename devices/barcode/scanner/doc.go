// Package scanner drives a 2-D code scanner on a serial line (RS-232, a USB bridge, or USB-CDC).
//
// The scanner looks only while somebody is asked for a code: the driver sends the serial trigger when Scan
// begins and stops it when Scan ends, and drops whatever came before, so that a code shown to an idle
// machine never counts.
//
// Facts from: Newland NLS-EM20, NLS-FM and NLS-FR series user guides, "unified" programming commands;
// Honeywell 2-D scanners, "serial trigger mode"; AIM ISO/IEC 15424 for the symbology identifiers.
//
// Line: 8 data bits, no parity, one stop bit; 9600 from the factory, 115200 on many; USB-CDC ignores it.
//
// Newland, also in many modules of other makers:
//
//	to   7E 01 30 30 30 30 | 23 or 40 | command | 3B 03      (# until power-off, @ for ever)
//	from 02 01 30 30 30 30 | 23 or 40 | command | 06, 15 or 05 | 3B 03
//
// 06 is done, 15 a bad value, 05 an unknown command. SCNTRG1 starts looking, SCNTRG0 stops, SCNMOD0 is the
// mode in which the scanner looks only when triggered. Commands are at least 50 ms apart. We write nothing
// to the scanner's flash.
//
// Honeywell: 16 54 0D starts, 16 55 0D stops, neither is answered. So a Honeywell scanner that is switched
// off behind a live serial port cannot be told from one that sees nothing; an unplugged USB one can.
//
// A code comes as its bytes and CR or CR LF. Some scanners are set to send no end; then a pause ends the
// code. A scanner that has once sent an end is held to it: a code that stops in the middle is garbled.
//
// What the guides leave out, and what we do about it:
//   - Answers to commands share the line with codes: they are taken out of the stream wherever one begins.
//   - The scanner stops looking by itself after some seconds: the trigger is given again in time.
//   - A phone shows a bar code and a QR symbol of the same digits at once: the first one counts, and the
//     same text is not taken again for a second.
//   - The symbology identifier ("]Q1") comes first when a former owner has switched it on: it is taken off.
//   - The text is whatever the symbol's maker chose: strictly UTF-8, else GB 18030.
//   - There is no checksum. A damaged digit is found by whoever knows the code's form.
//
// Not supported: scanners that pretend to be a keyboard (what they read would leak into the screen),
// "zone bit" modules (GM65), presentation mode.
package scanner
