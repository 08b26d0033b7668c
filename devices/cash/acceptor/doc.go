// Package acceptor is what the drivers of devices that take money have in common, whatever the protocol: the owner
// who asks and is told on the one side, a line that is opened again and again on the other.
//
// It decides
//
//   - when a wish (Accept, Refuse, Stack, Return) is granted, and with which fault its caller is let go: when the
//     device has it, when the device will not, when the line is gone. A wish outlives its caller and the line;
//   - what the owner is told and in which order: signals queue up, each with the mark of its instant, and money is
//     never dropped from the queue. A signal counts as written down when its owner asks for the next one;
//   - which of several faults is told: the one at the first of the places, once, and again when it has changed;
//   - when the line is opened anew, and how many turns may fail before it is.
//
// A driver decides everything that is said on the line, and what an answer means: it takes turns, keeps its own notes of
// the money that is open, makes the marks, hangs faults on places and emits signals. It sets Dirty when the device has
// not what Wanted says, and calls Took when it has given it.
//
// The owner's side is Intake, and Acceptor where there is an escrow; a driver embeds it in its own type. The driver's
// side is Driver, whose lock guards what both see. Nothing here starts a goroutine, and nothing here speaks.
package acceptor
