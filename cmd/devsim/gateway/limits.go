package gateway

import "time"

const (
	// reverseAfter: a reverse sooner after the pay call is refused (reverse page: "at least 15 s").
	reverseAfter = 15 * time.Second
	// reverseDays: older payments go back by refund only.
	reverseDays = 7 * 24 * time.Hour
	// signWindow: how far a request's timestamp may be from our clock (signature guide).
	signWindow = 5 * time.Minute
	// codeLife: a phone shows a fresh code every minute; here one waits longer, since the hand that
	// made it may be a script that still walks through screens.
	codeLife = 10 * time.Minute
	// orderLife: an order without time_expire can be paid so long.
	orderLife = 7 * 24 * time.Hour
	// refundTakes: real refunds are answered PROCESSING first and are through a moment later.
	refundTakes = 2 * time.Second
	// refundTakesLong is the fault refund_processing.
	refundTakesLong = 30 * time.Second
	// slowAnswer is the fault slow: later than a person likes, sooner than a host gives up.
	slowAnswer = 3 * time.Second
	// silenceMax bounds how long a silent call holds its connection.
	silenceMax = time.Minute
	// lateAfter is the fault paid_after_close: the payment comes so long after the order was closed.
	lateAfter = 2 * time.Second
	// bankTakes is the fault bank_error: so much later the bank has taken the money all the same.
	bankTakes = 5 * time.Second
	// billMonths: bills of older days are not given out (tradebill page: three months).
	billMonths = 3
	// billsMax bounds the bills that wait to be downloaded.
	billsMax = 8
	// notifyLimit: a merchant has to answer a notification within five seconds.
	notifyLimit = 5 * time.Second
	// bodyMax: no request of a merchant is longer.
	bodyMax = 64 << 10
	// restartWindow: how long a second start waits for the port that the first one still holds.
	restartWindow = 2 * time.Second
)

// notifyAgain is after how long a notification that was not acknowledged is sent again.
var notifyAgain = []time.Duration{
	15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute,
	20 * time.Minute, 30 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Hour,
	3 * time.Hour, 3 * time.Hour, 3 * time.Hour, 6 * time.Hour, 6 * time.Hour,
}
