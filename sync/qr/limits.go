package qr

import "time"

const (
	// placeLimit bounds the call that places an order; the payer's bank may take some seconds.
	placeLimit = 10 * time.Second
	// askLimit bounds every other call: they can be repeated at once.
	askLimit = 6 * time.Second
	// decideLimit bounds the hall's decision about a late payment.
	decideLimit = 10 * time.Second
	// reverseAfter: the gateway wants at least 15 s between a pay call and its reverse (reverse page),
	// counted here from the end of the call, because nobody knows when it arrived.
	reverseAfter = 15 * time.Second
	// goneAfter and goneTimes: an order that the gateway has said so often, and still so late, not to
	// have never arrived. A payment code is dead after a minute, and the order is watched further.
	goneAfter = 30 * time.Second
	goneTimes = 3
	// askEvery is how often an open order is asked about while a person stands there (gateway's advice:
	// every two to five seconds), askYoung how long that is, askRarely and askSeldom the pace after it.
	askEvery  = 2 * time.Second
	askYoung  = 15 * time.Minute
	askRarely = time.Minute
	askOld    = 24 * time.Hour
	askSeldom = 10 * time.Minute
	// backoffMax is the longest pause after calls without a usable answer.
	backoffMax = time.Minute
	// refundEvery is the pace of asking about a refund under way, refundStuck about one that needs a hand.
	refundEvery = 5 * time.Second
	refundStuck = 10 * time.Minute
	// expiresMax and expiresMin bound how long an order may be open; the gateway takes no less than a minute.
	expiresMax = 30 * time.Minute
	expiresMin = time.Minute
	// nativeTimes: an order for the screen whose answer was lost is asked for again under the same number.
	nativeTimes = 3
	// signWindow: how old or young an answer's signature may be (signature guide: five minutes).
	signWindow = 5 * time.Minute
	// answerMax and notifyMax bound what is read.
	answerMax = 1 << 20
	// billMax bounds the bill of a day: a hundred thousand payments.
	billMax = 64 << 20
	// billHour is when the bill of the day before is made at the latest (tradebill page: ten in the morning).
	billHour = 10 * time.Hour
	// billLimit bounds asking for it.
	billLimit = 30 * time.Second
	notifyMax = 64 << 10
	// workersMax orders are asked about at the same time.
	workersMax = 8
	// storeRetry is the pause after the hall's own database failed.
	storeRetry = time.Second
)

// watchAfter is when an order that ended unpaid is looked at again, in case the money came after all.
var watchAfter = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour}
