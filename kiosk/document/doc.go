// Package document is what a terminal's papers say, and where on a license each thing stands.
//
// There are two sorts. A Paper is for the receipt roll: a receipt for money, an acknowledgement of a
// finished case, or a slip for what is still open. It is a row of blocks from the top down and knows
// nothing of printers or fonts. A Sheet is for the license printer: every text in its own box, in
// millimetres from the upper left corner.
//
// Papers come in Chinese and English. The license is an official paper and is always in Chinese.
//
// What a slip never says is a name: who finds it in the street learns a case number and an amount and
// no more. A receipt carries the name and account as the caller has masked them.
//
// A license is printed on a numbered blank of the registration authority that already carries the
// national emblem, the ground pattern and the imprint. The desk has no such blanks, so the border is
// drawn too and sits inside the one on the blank. The original (正本) is A3, the duplicate (副本) A4,
// both landscape; the order of the elements follows the form of the business license that is in use
// since 1 March 2019 (State Administration for Market Regulation, notice 国市监注〔2018〕253号), as an
// individual business (个体工商户) receives it.
//
// The package is pure: no files, no clock, no fonts. Times come in as values and are shown in Asia/Shanghai.
package document
