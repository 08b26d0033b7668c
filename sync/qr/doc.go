// Package qr takes payments by phone at the hall: orders with the payment gateway, from the first call
// to the end that nobody doubts.
//
// An order is one attempt of one person to pay: either the terminal shows a code and the person's phone
// scans it (show), or the phone shows a code and the terminal scans it (scan). The order is committed
// here before the gateway hears of it, has an expiry, and ends definite: paid, closed, reversed, refused
// or refunded. Calls can fail in every way; whoever does not know, asks, and asks again after hours and
// restarts, until the gateway has said what became of the money. No order is forgotten, none is placed
// twice, and a payment counts once however often it is told.
//
// The answer that counts is signed by the gateway and is about this merchant, this order and this
// amount. A payment that comes after the order has ended is recorded and goes back, unless the hall
// wants it (Config.OnLatePaid). A refund is asked for until the gateway says SUCCESS.
//
// The package speaks WeChat Pay API v3 through gopay, whose client leaves the answers with an error
// status unverified; here a transport verifies each answer before anybody reads it. Sources: merchant
// documents 4012382150 (payment code), code-payment-v3/direct/reverse, 4012791891 (native), 4013070356
// (query), refund/domestic. What they leave open is treated as unknown, which is always safe: the number
// of error codes differs from page to page, SYSTEM_ERROR may come after success, and "no such order"
// means only "not at this moment".
//
// Payment codes of phones are used for one call and kept nowhere.
package qr
