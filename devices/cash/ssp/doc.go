// Package ssp drives the note validators and recyclers of Innovative Technology (NV9, NV10, NV200, and with a payout SMART
// Payout and NV11/Note Float) over their own protocol, SSP, in clear or encrypted (eSSP).
//
// The maker gives the manual (GA138, "SSP interface specification") only to customers. What stands here is what its
// published libraries and three independent open-source hosts agree on, with captures of NV9 and NV200 lines; what is
// from memory alone is marked "unverified". Nothing here was tried on a device yet.
//
// # The line
//
// 9600 baud, 8 data bits, no parity, 2 stop bits; units with USB have a serial adapter inside and take any speed. One
// master; validators and payouts are at address 0, hoppers at 10 hex. A packet is 7F, sequence byte (flag and address), length,
// data, CRC-16; every 7F behind the first is doubled. The unit repeats its stored answer to a packet whose flag has not changed and
// does nothing: sending the same bytes again is always safe, and the flag changes only with an answer that was heard.
//
// # Set-up
//
// SYNC, key agreement (eSSP), HOLD, set-up data, protocol version (8, else 7, else 6; older firmware is refused), set-up data, serial number,
// firmware, counters, the first polls, inhibits, ENABLE. A key is agreed for each opening with fresh primes; the factory's half of it
// may have been changed (Options.Key). Encrypted packets carry a running number: the answer has one more than its packet.
//
// # Rules that money hangs on
//
// Read (EF) means validated, not money; only credit (EE) is, or a clearing to the box at power-up (E2, CA, CB). After EF with a
// channel the next POLL lets the note go on into the box; until the owner has decided the driver sends HOLD and no POLL,
// and the very first thing it asks on a new line is HOLD.
//
// A unit forgets an event when it believes that its answer was heard. A program that dies between that answer and its
// journal would lose the credit. Therefore the mark of each signal holds what GET_COUNTERS said while the note lay in
// escrow, and its channel: a later program compares. One more accepted, and the note that was open is in the box; one more
// rejected, and it went back; which store it went to the counter of stored notes says. An answer that was not heard is asked
// for again on the next line, before SYNC. A unit without counters is asked by POLL_WITH_ACK where the line is encrypted: it repeats its
// events until they are acknowledged, and they are when the owner has come back to Next, that is, has written them down.
//
// A restart (F1) and what the unit then found on its way (E1, E2) are told once. A restart also sets the protocol's version back. A unit that is found
// below the best version keeps that one until what its first answers said is written down; a later program that finds it so
// and hears of no restart knows that one was told to a program that died with it, and tells Lost.
//
// # The payout
//
// The payout of a SMART Payout, of a SMART Hopper (a unit of its own, at address 10 hex, Options.Hopper) and of an NV11/Note Float is Acceptor.Payer:
// one unit is one line and one driver, whichever half runs it. Pay orders are accepted on encrypted lines alone. The memory is the levels
// (GET_ALL_LEVELS) and, where the unit has them, the counts of pieces ever paid, ever stored, and ever moved to the box. An order whose answer
// is lost is sent again with the same flag and the same running number, which the unit answers and does not obey twice; when
// the line itself was lost it is never sent again, and Settle compares the memories at the next rest. What the unit says of the end
// (D2, DC, D5, D6, D9, B1, CD) only names what stopped it. A Note Float pays the note that was stored last and no other: what was asked for is
// ordered one by one as long as GET_NOTE_POSITIONS shows a note of it on top, and a face that lies below another is unfit for planning.
// Which faces are stored is set in the unit with the maker's tool; the driver does not touch routes.
//
// A payout is unsure of all pieces when the memory is another unit's, when notes were stored or moved between the memory and
// Settle while some and not all were paid, and when levels and counts contradict each other.
//
// # Where there is doubt (Lost)
//
//   - The open note left escrow, the unit is at rest, and neither an event nor a counter says where to. This can be only
//     when the unit restarted and does not tell of it (E1, E2, CA, CB) and does not count it, or has no counters at all.
//
//   - The unit counts notes that nobody told, or is another unit than before.
//
//   - A note was cleared to the box at power-up and no note was open: without a counter that moved it may be the one that was
//     credited just before.
//
//   - A note that is held when a program starts, and whose Escrowed signal no earlier program wrote down, cannot be named by any command:
//     its Escrowed signal has no face. The owner gives it back. It is named if it is stacked all the same.
//
//   - A unit has restarted and told it to nobody who lives.
//
// One thing remains that the driver cannot see: a note whose validation nobody was told of, cleared to the box at power-up by a unit that neither
// counts such notes nor has a protocol version above the one that it wakes up with, and the answer that tells it is lost together with the program.
//
// # Unverified
//
//   - Which version a unit has when it wakes up (the emulated one has 6), that SETUP_REQUEST is answered before a version is set (a unit that refuses is
//     driven without), and that a version may be set back.
//   - That validators without a payout have GET_COUNTERS (a unit that refuses it is driven without), and whether notes that are cleared at power-up are
//     in its counters (both are handled). That notes which go from the store to the box are not counted as stacked again.
//   - The escrow's time-out, 5 to 10 s. The driver holds five times a second.
//   - That jams, a full box and a missing box are told in every answer. A unit that says them once has its jam cleared after two
//     seconds; a missing box is believed until "box in" unless the unit repeats itself.
//   - That GET_NOTE_POSITIONS begins with how many notes there are and ends with the one that was stored last, as four bytes of value in the smallest
//     unit or one of the channel. A unit that does not know it pays only while all its notes have one face.
//   - That GET_ALL_LEVELS is known to a Note Float. That ENABLE_PAYOUT has one byte of options everywhere. That a hopper's values are in the smallest unit.
//   - That POLL_WITH_ACK without encryption is refused: it is tried on encrypted lines only.
//
// # Not supported
//
// Routes, emptying, floating, refill mode, coin mechanisms at a hopper, barcode tickets, bezel colours, speeds beyond 9600, protocol versions below 6, remote firmware updates, changing the fixed key.
package ssp
