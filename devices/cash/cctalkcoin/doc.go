// Package cctalkcoin drives a coin acceptor that speaks ccTalk: nearly all makers' have it (Suzohapp/NRI, Crane, Comestero,
// Azkoyen, Alberici).
//
// Manual: ccTalk Generic Specification 4.7 (2013), parts 1 to 4; "part 2, header 229" and the like in the code are
// places in it. Nothing here was tried on a device yet.
//
// # The line
//
// As package ccbus says: 9600 baud, 8N1, one wire for several devices, simple checksums or CRC-16, with or without
// echo. The acceptor is 2 unless somebody changed it.
//
// # At power-up
//
// The acceptor is inhibited, its event counter is 0 and its five events are blank. Coins that rolled are in the box or in
// the tray and nothing tells which: the driver says Lost when it meets the counter 0 after any other value, or
// settings that it never left so. Sorter paths are kept for good.
//
// # Rules that money hangs on
//
// A coin is money at the credit event (type, sorter path) and at nothing else. There is no escrow: what was credited stays
// in, what was not credited came back, but for what is said below. Events are numbered by a counter from 1 to 255 and
// then 1 again, so that what happened while the program was down is read from the device as long as it is five events at
// most; more is Lost: the five known are told, and that some are not. The mark that comes with each signal is the
// serial number and that counter. Commit it together with the signal's meaning.
//
// A swallowed coin (error 36) was found good, never reached the credit sensor and did not come back: Lost, with
// a doubtful fault, for somebody has put in money that no sum holds.
//
// Errors 16 to 20 (a coin that passes the credit sensors the wrong way, too fast or too slow, or on a string) are what
// attempts to cheat look like: fault.Tampered, and no credit. The fault ends when the self-check finds nothing.
//
// # The return lever
//
// It opens the gate in front of the validator: coins that rolled there come back, and error 254 says that it was pressed.
// There is nothing to do about it. A lever that is held for longer is told as a fault, as every coin falls through
// meanwhile; header 248 says so where the acceptor knows that header.
//
// # What the manual leaves open
//
//   - Whether an acceptor shuts itself without polls, and tells it by an event, differs. The inhibits are read back now
//     and then, and after each coin that was turned away as inhibited.
//   - The value of a coin is three characters of country "CN": 100 is 1.00 yuan, 5K0 is 5000 fen. That it is in the
//     currency's smallest unit is how all known tables read; countries with three decimals are not known here.
//   - Which errors mean that a coin did not come back is in table 2 for the usual ones; that 4 to 6 "may" have, and
//     what 21 and 22 (direct coin entry) are in a cabinet without it, is unverified. 6 is told as a jam.
//
// # Not supported
//
// Encryption (an acceptor that asks for it is refused with a fault that says what to set), teaching of coins, the payout
// side of coin changers, several acceptors in one terminal.
package cctalkcoin
