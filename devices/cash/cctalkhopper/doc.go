// Package cctalkhopper drives coin hoppers that speak ccTalk, one or several on a line, as one payer: Suzohapp Flow and Evolution,
// Crane Serial Compact and Universal Hopper, Azkoyen, Alberici, and the payout modules of validators that look like one.
//
// Manual: ccTalk Generic Specification 4.7 (2013), parts 1 to 3; "part 2, header 167" and the like in the code are
// places in it. Nothing here was tried on a device yet.
//
// # The line
//
// As package ccbus says. Hoppers are at addresses 3 to 10; each holds coins of one face. Without names they are
// looked for there once, which takes the line some seconds for each address without one; named ones (Options.Hoppers) are
// missed when they are not there. A hopper that does not know which coin it holds (part 2, header 171) has to be named
// with its face.
//
// # At power-up
//
// A hopper is disabled, its counter of payouts is 0, and what it last paid and did not pay is kept (unverified for
// every maker), as is the count of coins of its whole life, header 168. The latter is what a payout is settled by.
//
// # Rules that money hangs on
//
// What is asked before a payout (counter and lifetime count of each hopper) is written down by the owner before the order is
// given. An order is accepted when the counter has moved on by one (255 is followed by 1), whether or not its answer was
// heard. An order without an answer is never repeated blindly: the counter is read first, and only a hopper
// that stands where it stood, and is still enabled, is asked again.
//
// A payout is over when nothing remains; half a second later the hopper is disabled, since an enabled hopper can be set
// off by noise or another host. Then the lifetime count must have grown by what the hopper says it paid. Where
// the two differ, the smaller came out for sure and the rest is Unsure.
//
// A hopper that lost its power meanwhile stands at counter 0: the lifetime count alone says what came out. A coin that was
// just in the exit may have fallen unseen: when register 3 says that the power went during a payout, or the hopper has no
// register 3, one coin more is Unsure.
//
// # How an order is given
//
// Three kinds of firmware want three kinds of order (part 2, header 167): the number alone; the serial number and the number;
// an answer to the key of header 160 and the number. The first is not tried on the second nor the other way round by
// chance: a hopper that reads the first byte of a serial number as the number of coins would pay them out. What answers header
// 160 wants the third. Its cipher is its maker's secret, given to customers only: Options.Cipher is the
// door for it. Without one the hopper is refused with a fault that says what to do.
//
// # What the manual leaves open
//
//   - Whether flags of a jam or of emptiness stand in the registers until the next payout or until they were read. They
//     are remembered here until a payout succeeds, the level sensor sees more coins again, the hopper was switched
//     off and on, or Mended was called.
//   - Which register bits a hopper has; a short answer has zeros for the rest. That "use other hopper" is as good as empty
//     is unverified.
//   - Whether header 172 answers while no payout is under way.
//
// # Not supported
//
// Hoppers of several faces (headers 133, 134, 132), changers (header 125), PIN mode (the hopper is refused with a hint),
// encryption of the line (likewise).
package cctalkhopper
