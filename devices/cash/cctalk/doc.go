// Package cctalk drives a banknote validator that speaks ccTalk: validators of most makers have it,
// alone or beside their own protocol (Innovative NV9/NV10/NV200, JCM, MEI/CPI, Suzohapp, Alberici).
//
// Manual: ccTalk Generic Specification 4.7 (2013), parts 1 to 4; "part 2, header 159" and the like
// in the code are places in it. Nothing here was tried on a device yet.
//
// # The line
//
// 9600 baud, 8N1, on one open-collector wire. The interface board makes RS-232 or USB of it, and most
// boards give the host its own bytes back: a packet to the validator, passed over as another device's
// talk is. Packets carry a simple checksum or a CRC-16, as a jumper or a setting in the validator
// says, and a validator with the one stays silent to the other; the driver tries both. One master,
// address 1; the validator is 40 unless somebody changed it. Where a coin acceptor and hoppers hang on the same wire,
// their drivers share one ccbus.Bus with this one.
//
// # At power-up
//
// The validator is inhibited, its event counter is 0 and its five events are blank. A note that was
// on its way is returned or stacked by its own habit and nothing tells which: the driver says Lost
// when it meets the counter 0 after any other value, or settings that it never left so.
//
// # Rules that money hangs on
//
// A note is money at the event (type, 0) and at nothing else: (type, 1) says escrow, the
// acknowledgement of "route bill" says that the command was heard. Events are numbered by a counter
// from 1 to 255 and then 1 again, so that what happened while the program was down is read
// from the device as long as it is five events at most; more is Lost. The mark that comes with each signal is the
// serial number and that counter. Commit it together with the signal's meaning.
//
// A command to route the note that got no answer is given again only right after a poll that shows
// the note still in escrow: it can meet no other note then.
//
// # What the manual leaves open
//
//   - Whether (0,1) follows a reject before escrow differs; without a note in escrow it means nothing here.
//   - "Pulled backwards" (0,8) may come with or without (0,1). For a note in escrow the first
//     of them says that it is back; one that was told to go to the box is an attempt to cheat besides.
//   - A validator that restarted while the program was down, and then had a few events, may show a
//     counter just ahead of the mark. The driver never leaves all inhibits at zero, as they are after a
//     restart, and reads them before it believes the counter.
//
// # Not supported
//
// Encryption (its algorithms are not public: a validator that asks for it by header 111, or scrambles its
// answers, is refused with a fault that says what to set), coupons
// (never switched on), recyclers and other payout.
package cctalk
