// Package ccnet drives a banknote validator that speaks CashCode's CCNET: CashCode (Crane) SM, MSM, MVU, GX and the many
// that call themselves compatible, ICT among them.
//
// Manual: CashCode NET interface, PT# MAN_CCNET, revision 2.3.1 (2002) and 2.4.3 (2006), known to us by extracts and by
// what several open drivers do alike; "§5.4" and the like in the code are its chapters, of which 5 is the bill
// validator's. What is called unverified below is from memory. Nothing here was tried on a device yet.
//
// # The line
//
// 9600 baud, 8N1 (a switch in some validators makes it 19200: set it back). One master; the validator has address 3.
// A frame is 02, address, its whole length, payload, and a CRC with its low byte first. The host acknowledges each
// answer that carries data; the acknowledgement has no answer itself. Answers do not say what they answer.
// A validator that nobody polls for about five seconds disables itself.
//
// # At power-up
//
// The validator says 10h, or 11h when a note is in its head, or 12h when one was too far in to be given back, and waits
// for RESET. That takes up to 40 seconds (13h), gives the note of 11h back, stacks the one of 12h and then says
// so (81h, "credit recovery"), and leaves it disabled (19h). The driver gives RESET to a validator that says so and to
// no other: a jam ends when somebody has cleared it and switched the validator off and on.
//
// # Rules that money hangs on
//
// A note is money at 81h and at nothing else. The validator counts nothing and remembers no events: it says where a note
// ended (81h stacked, 82h returned) at each poll until that is acknowledged, and then never again. So the
// driver acknowledges it only when its owner asks for the next signal and has written this one down. What is
// repeated is told once. All types are enabled with escrow, so that no note goes to the box without our STACK, and STACK
// is given only right after a poll that shows the note in escrow: a command that got no answer can meet no other note.
// The mark that comes with each signal is the serial number, and as its counter what the journal knows of the last
// note: its type and whether it was told as held, as stacked or as returned.
//
// # What it can say afterwards, and what not
//
// After a power cut of the computer alone nothing is in doubt. The note is still held (80h, or 1Ah once HOLD was given,
// which does not say which note: the mark does), or moves (17h, 18h), or its end waits to be acknowledged. An end that
// the mark has already is only acknowledged once more.
//
// After a restart of the validator itself:
//
//   - The note that was told as held is still inside (11h): Returned. Still on its way to the box (12h): Stacked, by 81h.
//   - Nothing is inside (10h), or 12h is followed by no 81h: Lost. The note is in the box or in a hand, and the end that
//     was not yet acknowledged is forgotten. Should it not be, and follow RESET, it is taken.
//   - No note was told as held, and 10h or 11h: Lost without a note. Nothing can be in the box, for nobody said STACK, but
//     one may have come to escrow of which nobody had heard. RESET waits for a moment until that is written down.
//
// While something is Lost or open no note is let in, for one of the same face would be taken for it.
//
// Three doubts are left to the protocol. A validator that forgets an end without being acknowledged (none is known) makes
// that note Lost when the program dies in just that instant. One that restarts while the program is down and gets
// its RESET from a program that dies before what followed was written down: Lost, even if it was 11h. And 11h names no
// note: the driver takes it to be the one that was held, which is so as long as the validator draws nothing
// in while it has an end to tell, as its states say; one that did, with a first note in the box and a second in the
// head when its power went, would have the first called Returned.
//
// # What the manual leaves open
//
//   - How long an end is repeated when nobody polls: for ever is assumed. Unverified.
//   - HOLD is good for 10 seconds (extracts say so), and an undecided note goes back after 10 seconds. Unverified; HOLD is
//     given every 5.
//   - Whether a note that a hand pulls out of escrow ends with 82h. If it does not, it is Lost after three seconds.
//   - Which states take ENABLE BILL TYPES, IDENTIFICATION and GET BILL TABLE. What is called illegal is asked again in
//     another state. One that has an end to tell and does not say who it is meanwhile is heard without names.
//   - The letters of a country in the bill table; "CHN" for China is unverified. Options.Currencies adds others.
//   - Some firmware reads back "nothing enabled" until it was enabled twice: it is enabled again, which harms nothing.
//
// # Not supported
//
// Bar coded coupons (never switched on), security levels (left as they are), new firmware, Bill-to-Bill units' recycling
// and dispensing (address 1; as a plain acceptor one may work), 19200 baud, several devices on one bus.
package ccnet
