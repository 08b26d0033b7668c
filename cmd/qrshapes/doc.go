// Package qrshapes lets people pay by phone on bad days: every shape of failure that the scripted gateway can do befalls a
// whole product in turn, and in the end gateway, hall, biller and journal are compared.
//
// A terminal with its real visit, journal and line, a hall with its real order machine, the water company and the gateway run
// in one process and in virtual time. Beside each shape six people pay: three who stay (one scans the screen, one shows a code, one types a
// password besides), two who give up half way, and one whose payment the company refuses, so that it has to go back. "make qr-shapes" runs all shapes
// and prints a row for each; the tests run a few of them, chosen by chance.
//
// Two things may never happen: that somebody pays twice for one bill ("double"), and that the gateway keeps money for
// which no bill was paid ("paid-but-unserved").
package qrshapes
