package invariant

// All are the invariants, in the order in which they are told. Ids are never renamed: monitoring knows them.
var All = []Invariant{
	{ID: "journal.chain", Says: "Each record follows the one before it, and its content is the one that was hashed.", Needs: Journal, before: chain},
	{ID: "journal.sequence", Says: "Records count 1, 2, 3 … through one terminal's journal; a branch begins with a start, under an epoch of its own.", Needs: Journal, before: sequence},
	{ID: "journal.keeps", Says: "What was on the disk is there after every restart.", Needs: Restart},
	{ID: "event.decodes", Says: "Every header can be read.", Needs: Journal, before: decodes},
	{ID: "event.figures", Says: "Amounts, faces and counts are such as a terminal can have.", Needs: Journal, before: figures},
	{ID: "event.follows", Says: "Every event can follow from those before it.", Needs: Journal, after: follows},
	{ID: "event.case", Says: "What happens in a case names it; what happens to the terminal names none.", Needs: Journal, before: belongs},
	{ID: "header.clear", Says: "A header has only the fields that its kind may carry.", Needs: Journal, before: clear},
	{ID: "time.quality", Says: "Every time can be read, and says what it is worth.", Needs: Journal, before: quality},
	{ID: "time.held", Says: "A clock that runs by itself and stands before a time that it has shown is called unknown.", Needs: Journal, before: heldClock},
	{ID: "privacy.header", Says: "No number of a person and no word in Chinese stands in the clear, except in what staff write.", Needs: Journal, before: private},
	{ID: "privacy.sealed", Says: "A bill and a form are sealed, and nothing else is.", Needs: Journal, before: sealed},
	{ID: "privacy.key", Says: "The key that seals is one visit's.", Needs: Sealed, before: visitKey},

	{ID: "money.placed", Says: "What came in is the sum of the places where it stands.", Needs: Journal, after: places},
	{ID: "money.positive", Says: "No place has less than nothing.", Needs: Journal, after: positive},
	{ID: "money.balance", Says: "The book has every amount where the events put it.", Needs: Journal, after: balanced},
	{ID: "money.faces", Says: "Notes and coins by faces are what came in, and what the book has.", Needs: Journal, after: faces},
	{ID: "money.face", Says: "A note or coin has a face in CNY.", Needs: Journal, before: counted(face)},
	{ID: "money.cash", Says: "Notes and coins are taken for one case at a time.", Needs: Journal, before: counted(cashTurns)},
	{ID: "money.whole", Says: "When money is placed, it is all that came in for the case.", Needs: Journal, before: counted(settledWhole)},
	{ID: "money.bill_first", Says: "Money is owed only where the bill could not be paid with it, or the citizen wanted it back.", Needs: Journal, before: counted(billFirst)},
	{ID: "money.settled_once", Says: "A case is settled once, and no money comes to it afterwards.", Needs: Journal, before: counted(settledOnce)},
	{ID: "money.exchanged", Says: "Who empties a box or counts the stock is told what the events put there.", Needs: Journal, before: counted(exchanged)},
	{ID: "bill.stands", Says: "A bill does not change once money is in or an order is open.", Needs: Journal, before: counted(billStands)},
	{ID: "bill.booked_once", Says: "A biller answers once, for all that was placed; notes come back as a slip, a payment by phone to the phone.", Needs: Journal, before: counted(bookedOnce)},

	{ID: "note.ends", Says: "Each note that was held ends once, as the note that it is.", Needs: Journal, before: counted(noteEnds)},
	{ID: "note.alone", Says: "Never are two notes on their way.", Needs: Journal, before: counted(noteAlone)},
	{ID: "note.number", Says: "Notes have the numbers 1, 2, 3 …", Needs: Journal, before: counted(noteNumber)},
	{ID: "note.order", Says: "A note that was sent back is not sent into the box.", Needs: Journal, before: counted(noteOrder)},
	{ID: "note.wanted", Says: "A note is sent into the box only while notes are taken for its case.", Needs: Journal, before: counted(noteWanted)},
	{ID: "note.box", Says: "A stacked note names the box that is in.", Needs: Journal, before: counted(noteBox)},
	{ID: "coin.told_once", Says: "One event of the coin acceptor is one coin.", Needs: Journal, before: counted(coinTold)},

	{ID: "order.alone", Says: "A payment by phone is tried again only when the try before is definite.", Needs: Journal, before: counted(orderAlone)},
	{ID: "order.number", Says: "Every try has a number of its own.", Needs: Journal, before: counted(orderNumber)},
	{ID: "order.amount", Says: "An order is over the bill, and what is paid or goes back is the order's amount.", Needs: Journal, before: counted(orderAmount)},
	{ID: "order.ends", Says: "A try ends once, and only what was paid goes back.", Needs: Journal, before: counted(orderEnds)},
	{ID: "order.paid_once", Says: "A case is paid by phone once.", Needs: Journal, before: counted(orderOnce)},

	{ID: "owed.number", Says: "A number that something is owed under is given once.", Needs: Journal, before: counted(owedNumber)},
	{ID: "owed.paid_once", Says: "What is owed is paid once, and no more than that.", Needs: Journal, before: counted(owedOnce)},
	{ID: "owed.coded", Says: "The machine pays nothing for which a code is out, and makes no code for what it is paying.", Needs: Journal, before: counted(coded)},
	{ID: "owed.claim", Says: "No two slips have one code, and no debt is without one.", Needs: Journal, before: counted(claimSingle)},
	{ID: "payout.alone", Says: "One payout at a time, under a number of its own.", Needs: Journal, before: counted(payoutAlone)},
	{ID: "payout.bound", Says: "No piece comes out that was not asked for, and each payout ends once.", Needs: Journal, before: counted(payoutBound)},
	{ID: "stock.balance", Says: "Loaded and stored pieces are inside, paid, in doubt or taken out, face by face.", Needs: Journal, after: stock},

	{ID: "paper.number", Says: "Every paper has a number of its own.", Needs: Journal, before: counted(paperNumber)},
	{ID: "paper.ends", Says: "Each paper ends once, the way it went.", Needs: Journal, before: counted(paperEnds)},
	{ID: "paper.alone", Says: "One paper at a time.", Needs: Journal, before: counted(paperAlone)},
	{ID: "slip.code", Says: "Each try to print a slip has a code of its own.", Needs: Journal, before: counted(slipCode)},
	{ID: "blanks.balance", Says: "Blanks received are issued, void, in the trays or in doubt.", Needs: Journal, after: blanks},
	{ID: "blank.loaded_once", Says: "The number of a blank is taken in once.", Needs: Journal, before: counted(loadedOnce)},
	{ID: "blank.sure", Says: "A license is printed on the next blank of its tray, with a number that nothing else stands on.", Needs: Journal, before: counted(blankSure)},
	{ID: "license.permit", Says: "A permit is for one sheet, and each sheet ends once.", Needs: Journal, before: counted(permitOnce)},
	{ID: "license.one_live", Says: "A case has one live original and one live duplicate at most.", Needs: Journal, before: counted(oneLive)},

	{ID: "visit.turns", Says: "Each visit that begins ends, before the next one begins.", Needs: Journal, before: counted(visitTurns)},
	{ID: "visit.clean", Says: "When a visit begins, no paper and no sheet of another is being printed.", Needs: Journal, before: counted(visitClean)},
	{ID: "visit.placed", Says: "When a visit has ended, no money that was taken in it is without a place.", Needs: Journal, before: counted(visitPlaced)},
	{ID: "case.once", Says: "A case is opened once, by the visit that is there, before anything else happens in it.", Needs: Journal, before: counted(caseOnce)},

	{ID: "book.holds", Says: "The book's own sums agree.", Needs: Journal, rest: bookHolds},
	{ID: "book.replays", Says: "The journal read from the disk gives what the running program has.", Needs: Program},
	{ID: "rest.ended", Says: "What was begun has ended.", Needs: Quiet, rest: allEnded},
	{ID: "rest.visit", Says: "No visit goes on, and no notes are taken.", Needs: Quiet, rest: visitOver},
	{ID: "rest.placed", Says: "All money has a place.", Needs: Quiet, rest: nothingLeft},

	{ID: "doubt.needed", Says: "Doubtful is only what a device's memory could not tell because it was lost.", Needs: Memories, before: counted(doubtNeeded)},
	{ID: "hall.cursor", Says: "The hall has every record up to its cursor once, and no more than there are.", Needs: Hall, rest: hallCursor},
	{ID: "hall.same", Says: "The record at the cursor is the same at both ends.", Needs: Hall, rest: hallSame},
	{ID: "hall.money", Says: "What came in for a case is the same at both ends.", Needs: Hall, rest: hallMoney},
	{ID: "hall.refused", Says: "Nobody gets money back for a bill that is booked.", Needs: Hall, rest: hallRefused},
	{ID: "hall.debts", Says: "What is owed is the same at both ends.", Needs: Hall, rest: hallDebts},
	{ID: "hall.originals", Says: "A license has one live original in the fleet.", Needs: Hall, rest: hallOriginals},
	{ID: "held.notes", Says: "Notes are where the journal says; those in doubt may be in the box.", Needs: Mechanisms, rest: heldNotes},
	{ID: "held.coins", Says: "Coins are where the journal says.", Needs: Mechanisms, rest: heldCoins},
	{ID: "held.pieces", Says: "What came out is paid or in doubt, and what is inside is what the journal has.", Needs: Mechanisms, rest: heldPieces},
	{ID: "held.blanks", Says: "The blanks that left the trays are issued, void or in doubt.", Needs: Mechanisms, rest: heldBlanks},
}

// counted makes a check only of events that could be read.
func counted(check func(*look)) func(*look) {
	return func(l *look) {
		if l.sense {
			check(l)
		}
	}
}
