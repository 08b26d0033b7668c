// Package gateway is the simulated payment gateway of the desk: a phone payment company in one process.
//
// It speaks the real messages of WeChat Pay API v3 (merchant documents 4012791891 native payment,
// 4012382150 payment code, 4013070356 query, code-payment-v3/direct/reverse, refund/domestic): it checks
// the signature of every request and signs every answer, both through Tencent's own Go library, so that
// the hall, which signs through another library, is checked by another hand.
//
// What it holds is written to a file before any answer leaves, so that it survives being killed at any
// moment: orders, codes shown by phones, refunds, armed faults. Its keys are made on the first start and
// stay in its folder; merchant.json there is what a merchant gets from the gateway and what the hall's
// configuration points to.
//
// Beside the merchant's routes it has the desk's (/desk/codes, /desk/scan, /desk/orders, /desk/faults):
// there a tester makes a payment code appear on a phone, lets a phone scan the screen, sees what was
// paid, and arms what gateways do on bad days: take the money and lose the answer, answer twice, say 500
// after success, say nothing at all.
//
// What the manuals do not say, or say in several ways, and how it is here: the status that goes with
// USER_PAYING (400 here; a host has to look at the code, not at the status); the state of an order whose
// payer had too little money (PAYERROR); the answer to a reverse of an order that never came (404).
package gateway
