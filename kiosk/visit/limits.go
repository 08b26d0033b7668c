package visit

import "time"

// What a person is kept waiting for, and no longer.
const (
	// billMax: the biller is asked through the hall; longer than its own time-out.
	billMax = 12 * time.Second
	// postingMax: how long the page waits for the biller to book before the receipt says that it will.
	postingMax = 8 * time.Second
	// submitMax: handing in and the decision by rule.
	submitMax = 25 * time.Second
	// decisionMax: of it, waiting for the decision after the hall has the case.
	decisionMax = 10 * time.Second
	// casesMax: looking up a person's cases.
	casesMax = 12 * time.Second
	// permitMax: leave to print one sheet.
	permitMax = 12 * time.Second
	// orderMax: placing an order at the gateway.
	orderMax = 15 * time.Second
	// showFor: how long a code is shown before the order is closed.
	showFor = 2 * time.Minute
	// closeMax: making an order definite; a reverse may not come before 15 s after the payment.
	closeMax = 40 * time.Second
	// payingMax: how long the payer is given to confirm on the phone.
	payingMax = 60 * time.Second
	// byeFor: how long goodbye stands.
	byeFor = 8 * time.Second
	// strokesMin and strokesMax bound a signature.
	strokesMin, strokesMax = 2, 200
	// sheetTries: how often one form is tried again on another blank when a sheet was spoiled.
	sheetTries = 3
	// listPage: choices on a page of a list.
	listPage = 10
	// guidePage: elements of a guide on a page.
	guidePage = 6
)

const (
	// stirEvery is how often a page that shows what is open looks at the devices again.
	stirEvery = time.Second
	// stopMax: ending the taking of notes; the till itself bounds it and calls a lost note doubtful.
	stopMax = 2 * time.Minute
)

// now is the time of a touch.
func now() time.Time { return time.Now() }

const (
	// paperEvery is how often it is looked, while notes are taken, whether a receipt can still be printed.
	paperEvery = 300 * time.Millisecond
	// flushMax: sending the queue where nobody waits for the answer.
	flushMax = 3 * time.Second
	// stepsAfterHome bounds the pages that follow when home was pressed with money in the box.
	stepsAfterHome = 6
)
