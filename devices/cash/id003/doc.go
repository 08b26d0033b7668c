// Package id003 drives a banknote acceptor that speaks JCM's ID-003: UBA, iVIZION, Vega, WBA, EBA, TBV and those of
// other makers that took the protocol over.
//
// Sources: the maker's ID03-001E, Revision 05 (2004), exists and was not read, its table of contents apart. What stands
// here is what several hosts in the field agree on (TerminalClient's ID003 acceptor, lamassu-machine, Portalum.Id003, an
// Arduino host, a slot machine's note acceptor); what only one of them or nobody says is called unverified. Nothing here was
// tried on a device yet.
//
// # The line
//
// 9600 baud, 8 data bits, even parity: without the parity only some bytes go wrong, and it looks like noise. The
// host polls, the acceptor answers and never speaks first. A frame is FC, the length of the whole frame, a code, data, and a
// CRC-16/KERMIT from zero over all before it, low byte first. A frame with a wrong one is not answered. The same code
// means one thing from the host and another from the acceptor: 42h is STACK-2 and "power up, bill in stacker".
//
// # At power-up
//
// The acceptor says 40h, 41h (a bill in the acceptor) or 42h (a bill in the stacker), and goes on saying so until RESET,
// the only command that it takes then. It initialises (1Bh), which is when it takes its settings, for they are
// volatile, and then idles, inhibited (1Ah) until it is told otherwise (11h). It gives a bill in the acceptor back.
//
// # What the device remembers
//
// There is no counter and no list of events: a state is what it is now. Three states do not go away by themselves, and
// they are the memory that money hangs on:
//
//   - ESCROW (13h) and HOLDING (19h) stay until a command, or until the time is over and the note goes back.
//   - VEND VALID (15h) is the credit. It stays until the host sends ACK, and nothing else is drawn in before.
//   - 40h, 41h and 42h stay until RESET.
//
// So the driver sends ACK and RESET only after its owner has written down what was told, which it has when it asks for
// the next signal. It takes STACK-2, whose credit comes when the note is in the box, and not STACK-1, whose credit comes
// at the lever before it. The mark that comes with each signal holds the note that was told last and how far:
//
//	mark           the device then            what is told
//	no note        13h                        Escrowed
//	in escrow      13h, 19h                   nothing: the same note. Another face: Returned, Escrowed
//	in escrow      14h                        nothing yet
//	in escrow      15h (or 16h)               Stacked
//	in escrow      11h, 1Ah, 12h              Returned: had it gone into the box, 15h would still be there
//	in escrow      41h                        Returned, when it idles after RESET
//	in escrow      42h, 40h                   Lost
//	stacked        15h                        nothing: it is acknowledged once more
//	stacked        40h, 41h, 42h              nothing: a 42h is the credit that we know
//	no note        15h, 42h                   Lost: somebody's money, and nobody was told whose
//	lost           15h                        Stacked: the doubt is over
//
// # Where it cannot tell
//
// A restart of the program alone, or a cut of the computer's power alone, never ends in doubt, whenever it befalls. Doubt is left
// where the acceptor itself has started anew while a note was on its way or not acknowledged:
//
//   - 42h: the bill is in the stacker. Whether each firmware then drives it into the box was not verified; one host in the
//     field credits it. Options.BoxKeeps does so too. Without it the note is Lost; a VEND VALID that comes later settles it.
//   - 40h: nothing is inside. The note has reached the box, or a hand has pulled it out in the dark.
//   - A note that was on its way to the box and got stuck, when the acceptor idles later without VEND VALID: somebody has
//     opened it.
//   - Another version text than in the mark: another acceptor, or another firmware. ID-003 has no question for the serial
//     number. Two acceptors of one version are not told apart; but one that was just connected says 40h.
//
// Another host that speaks to the acceptor between two runs of this program (a technician's) takes its memory with its ACK
// and RESET. What it stacked is nobody's news here; and of a note that was told in escrow before, the state then says that
// it came back, whatever the other host did with it.
//
// # Rules beside
//
// A note that comes into escrow and is out again between two polls was never told and is in no sum. A decision is
// given again only after a poll that shows the note in escrow. While the box is out or full STACK is not given at all.
// Settings are given while the acceptor initialises or idles, and not while a note is on its way: what an INHIBIT does to a note
// in escrow is not known. An acceptor that stands in a jam or a failure with no note of ours is given RESET every
// half minute; with a note of ours inside only a hand mends it. Faces come from the acceptor's own table (8Ah); its
// country codes differ between data sets, and an acceptor whose countries are all unknown is refused, with their codes.
//
// # Unverified
//
// 2Dh for China (Options.Countries). Whether HOLD prolongs the escrow by ten seconds; it is repeated every five. Whether
// RETURN is taken while the box is out. Reason 7Ch of a rejection and A8h of a failure. That an acceptor draws nothing in while
// nobody polls: if it does, it gives the note back itself.
//
// # Not supported
//
// 19200 baud, which some have a switch for; the interrupt modes; bar-coded tickets (never enabled: one that comes
// all the same is a note without a name, and goes back); recyclers and their extended frames.
package id003
