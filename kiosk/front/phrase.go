package front

// Phrase names a sentence that the screen can say. The words in each language are the screen's; a test
// of the whole sees that no phrase is without them. Arguments stand in the comments.
type Phrase string

// Titles and headings.
const (
	TitleHome    Phrase = "title.home"    // the greeting: what would you like to do?
	TitleApply   Phrase = "title.apply"   // choose what to apply for
	TitlePay     Phrase = "title.pay"     // choose what to pay
	TitleLook    Phrase = "title.look"    // look up my cases
	TitleGuide   Phrase = "title.guide"   // what to bring, how long, how much
	TitleAsk     Phrase = "title.ask"     // frequent questions
	TitleRate    Phrase = "title.rate"    // how was it?
	TitleHelp    Phrase = "title.help"    // somebody will help you
	TitleAccount Phrase = "title.account" // type or scan your account number
	TitleBill    Phrase = "title.bill"    // is this your bill?
	TitleMethod  Phrase = "title.method"  // how would you like to pay?
	TitleCard    Phrase = "title.card"    // lay your identity card on the green field
	TitleSign    Phrase = "title.sign"    // sign with your finger
	TitleReview  Phrase = "title.review"  // is all of this right?
	TitleWait    Phrase = "title.wait"    // one moment
	TitlePrint   Phrase = "title.print"   // your license is being printed
	TitleTake    Phrase = "title.take"    // please take your papers
	TitleSlip    Phrase = "title.slip"    // please take this slip
	TitleBye     Phrase = "title.bye"     // done, goodbye
	TitleThanks  Phrase = "title.thanks"  // goodbye, where what was wanted is not done
	TitleCases   Phrase = "title.cases"   // your cases
	TitleClosed  Phrase = "title.closed"  // this terminal is resting
	TitleDeclare Phrase = "title.declare" // please read and confirm
)

// What happens next, and what is waited for.
const (
	HintNoPhone       Phrase = "hint.no_phone"       // works without a phone, takes cash, help is bottom right
	HintAccount       Phrase = "hint.account"        // the number is on the top right of the paper bill; or hold its code under the scanner
	HintCard          Phrase = "hint.card"           // card on the green field, leave it there until told
	HintHoldStill     Phrase = "hint.hold_still"     // the card is being read: leave it
	HintCardPrivate   Phrase = "hint.card_private"   // nothing of the card stays on this machine
	HintSurplusKept   Phrase = "hint.surplus_kept"   // cash rule: what is too much stays as balance on this account
	HintSurplusOwed   Phrase = "hint.surplus_owed"   // cash rule: what is too much is paid back with a slip
	HintChange        Phrase = "hint.change"         // cash rule: what is too much comes out as change at once
	HintChangeSome    Phrase = "hint.change_some"    // cash rule: what is too much comes out as far as pieces go, the rest by a slip
	HintStopChange    Phrase = "hint.stop_change"    // stopping: what is in the box is paid back at once as far as pieces go, the rest by a slip
	HintCoins         Phrase = "hint.coins"          // coins are taken too, in their slot
	HintNoChange      Phrase = "hint.no_change"      // this machine cannot give change in cash
	HintCancelPart    Phrase = "hint.cancel_part"    // stopping: what is in escrow comes back; what is in the box pays part, or you get a slip
	HintCancelChange  Phrase = "hint.cancel_change"  // stopping: what is in escrow comes back; what is in the box pays part, or comes back as far as pieces go, the rest by a slip
	HintCancelOwed    Phrase = "hint.cancel_owed"    // stopping: what is in escrow comes back; for what is in the box you get a slip
	HintOneByOne      Phrase = "hint.one_by_one"     // notes one by one when the light is green
	HintFewFaces      Phrase = "hint.few_faces"      // there is little change inside: only the notes that stand there are taken
	HintShowCode      Phrase = "hint.show_code"      // open WeChat on the phone and scan this code; {fen} yuan
	HintScanCode      Phrase = "hint.scan_code"      // hold the payment code of your phone under the scanner
	HintSign          Phrase = "hint.sign"           // write your name with a finger in the white field
	HintReview        Phrase = "hint.review"         // after "submit" the hall decides within seconds
	HintReviewOffline Phrase = "hint.review_offline" // no line to the hall: accepted now, decided when the line is back
	HintPayBack       Phrase = "hint.pay_back"       // under choice.rest.owed: now as far as pieces go, the rest by a slip
	HintTakeChange    Phrase = "hint.take_change"    // take the notes and coins that came out
	HintTakeReceipt   Phrase = "hint.take_receipt"   // take the receipt from the slot
	HintTakeLicense   Phrase = "hint.take_license"   // take original and duplicate from the tray below
	HintSheetVoid     Phrase = "hint.sheet_void"     // a spoiled sheet is void: leave it
	HintTakeCard      Phrase = "hint.take_card"      // do not forget your card
	HintSlipOwed      Phrase = "hint.slip_owed"      // you are owed {amount}; the code on the slip is good once
	HintSlipNext      Phrase = "hint.slip_next"      // come back with your card; your case number is {case}
	HintRate          Phrase = "hint.rate"           // touch the face; it is not kept with your name
	HintBye           Phrase = "hint.bye"            // thank you, take all your things
	HintHelp          Phrase = "hint.help"           // call {phone}; staff is told where you are
	HintTyping        Phrase = "hint.typing"         // touch letters, then touch the word you mean
	HintTree          Phrase = "hint.tree"           // choose level by level
	HintScope         Phrase = "hint.scope"          // choose one or more
	HintDone          Phrase = "hint.done"           // done: the hall has it
	HintQueued        Phrase = "hint.queued"         // written down safely; sent when the line is back
	HintPosted        Phrase = "hint.posted"         // the company has booked it
)

// Waiting, by what is waited for.
const (
	WaitBill    Phrase = "wait.bill"    // asking the company for your bill
	WaitHall    Phrase = "wait.hall"    // the hall is deciding
	WaitNote    Phrase = "wait.note"    // the note is on its way
	WaitReceipt Phrase = "wait.receipt" // the receipt is being printed
	WaitOrder   Phrase = "wait.order"   // the payment order is being made
	WaitPaying  Phrase = "wait.paying"  // please confirm on your phone
	WaitQuery   Phrase = "wait.query"   // asking whether the payment arrived
	WaitLine    Phrase = "wait.line"    // no line: what was paid is safe, and is asked for when the line is back
	WaitReverse Phrase = "wait.reverse" // taking the payment back: this can take {seconds} seconds
	WaitPosting Phrase = "wait.posting" // telling the company
	WaitChange  Phrase = "wait.change"  // change, or what was put in, comes out: take it
	WaitLicense Phrase = "wait.license" // sheet {done} of {of}
	WaitCases   Phrase = "wait.cases"   // looking for your cases
	WaitPermit  Phrase = "wait.permit"  // asking the hall for leave to print
	WaitSettle  Phrase = "wait.settle"  // the machine is finding out what happened before the power went
	WaitSubmit  Phrase = "wait.submit"  // handing in
	WaitSlip    Phrase = "wait.slip"    // the slip is being printed
)

// What went wrong, for the citizen, with a way on.
const (
	SayAccountUnknown  Phrase = "say.account_unknown"  // the company knows no such account; check the number
	SayAccountCheck    Phrase = "say.account_check"    // a digit is wrong: the number does not check
	SayAccountShort    Phrase = "say.account_short"    // the number has {want} digits
	SayBillNothing     Phrase = "say.bill_nothing"     // nothing is due; balance {amount}
	SayBillChanged     Phrase = "say.bill_changed"     // the bill has changed meanwhile: {amount}
	SayBillNoneChosen  Phrase = "say.bill_none_chosen" // choose at least one period
	SayNoLineBills     Phrase = "say.no_line_bills"    // no line to the hall: bills cannot be looked up now
	SayHallGarbled     Phrase = "say.hall_garbled"     // the company's answer cannot be understood; nothing was taken; try later
	SayHallSilent      Phrase = "say.hall_silent"      // the company does not answer; nothing was taken; try later
	SayNotBillCode     Phrase = "say.not_bill_code"    // this is no code of a bill
	SayNotPayCode      Phrase = "say.not_pay_code"     // this is no payment code
	SayIDLikeCode      Phrase = "say.id_like_code"     // this looks like an identity number: show the payment code again
	SayCardMoved       Phrase = "say.card_moved"       // the card was taken away too early
	SayCardOther       Phrase = "say.card_other"       // this is no identity card, or two cards lie there
	SayCardExpired     Phrase = "say.card_expired"     // the card expired on {date}
	SayCardWrong       Phrase = "say.card_wrong"       // the card's number does not check
	SayCardUnread      Phrase = "say.card_unread"      // the card cannot be read: lay it down again
	SayCardKind        Phrase = "say.card_kind"        // this kind of card cannot be used for this: the counter knows another way
	SayReaderOut       Phrase = "say.reader_out"       // the card reader does not work now
	SayPhotoAbsent     Phrase = "say.photo_absent"     // this machine does not show the photo; nothing is wrong with the card
	SayNameGlyph       Phrase = "say.name_glyph"       // a character of the name cannot be printed here: staff will help
	SayNoteRefused     Phrase = "say.note_refused"     // this note was not taken: try another one or turn it round
	SayNoteReturned    Phrase = "say.note_returned"    // the note came back
	SayNoteTooMuch     Phrase = "say.note_too_much"    // this note is more than what may be left over: it comes back
	SayNoteJam         Phrase = "say.note_jam"         // the note is stuck: staff is called, you will get a slip
	SayCashClosed      Phrase = "say.cash_closed"      // no cash now
	SayBoxFull         Phrase = "say.box_full"         // the cash box is full
	SayNoPaper         Phrase = "say.no_paper"         // no paper for a receipt: no cash until it is refilled
	SayPowerBack       Phrase = "say.power_back"       // the power was off: nothing is lost
	SayNoteDoubtful    Phrase = "say.note_doubtful"    // a note of {amount} is not clear yet: staff will look; keep the slip
	SayOrderFailed     Phrase = "say.order_failed"     // no payment: nothing was taken
	SayOrderRefused    Phrase = "say.order_refused"    // the bank refused; nothing was taken; other way?
	SayOrderShort      Phrase = "say.order_short"      // there is not enough money on the phone
	SayOrderExpired    Phrase = "say.order_expired"    // the code is no longer good
	SayOrderReversed   Phrase = "say.order_reversed"   // the payment was taken back; nothing is owed
	SayOrderUnknown    Phrase = "say.order_unknown"    // it is not clear yet whether you paid: the hall goes on asking, it is booked or paid back
	SayChangeShort     Phrase = "say.change_short"     // the change did not all come out: {amount} stays owed, take the slip
	SayChangeUnclear   Phrase = "say.change_unclear"   // whether {amount} of the change came out cannot be told: staff look
	SayPostRefused     Phrase = "say.post_refused"     // the company did not book it: you are owed {amount}
	SayNameTaken       Phrase = "say.name_taken"       // this name is already taken in this county
	SayUnderAge        Phrase = "say.under_age"        // the law asks for 16 years
	SayPermitFirst     Phrase = "say.permit_first"     // this trade needs a permit first: a person looks at it
	SayRefusedBecause  Phrase = "say.refused_because"  // refused: {reason}
	SayWaitingPerson   Phrase = "say.waiting_person"   // a person will look at it; come back with your card
	SayDeciding        Phrase = "say.deciding"         // not decided yet; come back with your card
	SayLicensePrinted  Phrase = "say.license_printed"  // printed on {date} at {place}; a second one is not printed here
	SayLicenseElse     Phrase = "say.license_else"     // this license is being printed at {place}
	SayNoBlanks        Phrase = "say.no_blanks"        // no blanks: the license can be printed later or elsewhere
	SayPrinterOut      Phrase = "say.printer_out"      // the license printer does not work now: come back, nothing is lost
	SayPrintFailed     Phrase = "say.print_failed"     // it was not printed; nothing is lost
	SayPrintDoubtful   Phrase = "say.print_doubtful"   // it is not sure whether the sheet came out: staff will look
	SayReceiptOut      Phrase = "say.receipt_out"      // the receipt could not be printed: note down your case number {case}
	SaySignEmpty       Phrase = "say.sign_empty"       // please sign
	SaySignShort       Phrase = "say.sign_short"       // one line is not a signature
	SayFieldEmpty      Phrase = "say.field_empty"      // please fill this in
	SayFieldShort      Phrase = "say.field_short"      // at least {min} characters
	SayFieldLong       Phrase = "say.field_long"       // at most {max} characters
	SayFieldBad        Phrase = "say.field_bad"        // these characters cannot be used: {characters}
	SayChooseOne       Phrase = "say.choose_one"       // choose one
	SayDeclareFirst    Phrase = "say.declare_first"    // confirm first
	SayNoCases         Phrase = "say.no_cases"         // there is no case with this card
	SayNoLineCases     Phrase = "say.no_line_cases"    // no line: cases cannot be looked up
	SayIdleWarn        Phrase = "say.idle_warn"        // are you still there? ends in {seconds} s
	SayStopAsk         Phrase = "say.stop_ask"         // {amount} is in the box: pay part, or get it back with a slip?
	SayTimeUp          Phrase = "say.time_up"          // nobody touched the screen
	SayMaintenance     Phrase = "say.maintenance"      // this terminal is being looked after
	SayCodeAtScreen    Phrase = "say.code_at_screen"   // no paper anywhere: note this code down: {code}
	SaySlipAtTray      Phrase = "say.slip_at_tray"     // the slip comes out of the license printer
	SayNoteUnclear     Phrase = "say.note_unclear"     // the acceptor has begun anew: a note that came out is yours; one that went in gets a slip
	SayNoDevice        Phrase = "say.no_device"        // {device} does not work now
	SayOutOfHours      Phrase = "say.out_of_hours"     // can be done {hours}
	SayHelpComing      Phrase = "say.help_coming"      // staff has been told
	SayAlreadyPrinting Phrase = "say.already_printing" // it is being printed
	SayLicenseNone     Phrase = "say.license_none"     // nothing to print for this case
)

// Labels.
const (
	LabelAccount   Phrase = "label.account"
	LabelName      Phrase = "label.name"
	LabelAddress   Phrase = "label.address"
	LabelPeriod    Phrase = "label.period"
	LabelDue       Phrase = "label.due"
	LabelBalance   Phrase = "label.balance"
	LabelInserted  Phrase = "label.inserted"
	LabelRemaining Phrase = "label.remaining"
	LabelPaid      Phrase = "label.paid"
	LabelSurplus   Phrase = "label.surplus"
	LabelOwed      Phrase = "label.owed"
	LabelChange    Phrase = "label.change"
	LabelUnclear   Phrase = "label.unclear"  // what may have come out and may not
	LabelReturned  Phrase = "label.returned" // what was put in and came out again, where nothing was paid
	LabelCase      Phrase = "label.case"
	LabelNumber    Phrase = "label.number"  // identity number
	LabelPhoto     Phrase = "label.photo"   // the photo on the card
	LabelLicense   Phrase = "label.license" // unified social credit code
	LabelDivision  Phrase = "label.division"
	LabelStreet    Phrase = "label.street"
	LabelTrade     Phrase = "label.trade"
	LabelScope     Phrase = "label.scope"
	LabelTradeName Phrase = "label.trade_name"
	LabelOperator  Phrase = "label.operator"
	LabelCode      Phrase = "label.code"      // claim code
	LabelOriginal  Phrase = "label.original"  // original {serial}
	LabelDuplicate Phrase = "label.duplicate" // duplicate {serial}
	LabelPayMore   Phrase = "label.pay_more"  // stopping: no, go on putting in money
	LabelPayPart   Phrase = "label.pay_part"  // choice.rest.part: pay the {amount} that is in
	LabelPayOwed   Phrase = "label.pay_owed"  // choice.rest.owed: get the {amount} back with a slip
	LabelPayBack   Phrase = "label.pay_back"  // choice.rest.owed: get the {amount} back at once, as far as pieces go
	LabelAgree     Phrase = "label.agree"     // choice.declare.yes
	LabelSignature Phrase = "label.signature"
	LabelFee       Phrase = "label.fee"
	LabelFree      Phrase = "label.free" // no fee
)

// Names of devices, states of cases and short facts.
const (
	DeviceCash    Phrase = "device.cash"
	DeviceReceipt Phrase = "device.receipt"
	DeviceLicense Phrase = "device.license"
	DeviceIDCard  Phrase = "device.idcard"
	DeviceScanner Phrase = "device.scanner"
	DeviceHall    Phrase = "device.hall"

	StateSubmitted Phrase = "state.submitted"
	StateWaiting   Phrase = "state.waiting"
	StateApproved  Phrase = "state.approved" // can be printed
	StateRefused   Phrase = "state.refused"
	StatePrinted   Phrase = "state.printed"
	StatePaid      Phrase = "state.paid"
	StateOwed      Phrase = "state.owed"

	ChipCash    Phrase = "chip.cash"    // takes cash
	ChipPhone   Phrase = "chip.phone"   // takes phones
	ChipLicense Phrase = "chip.license" // prints licenses
	ChipReceipt Phrase = "chip.receipt" // prints receipts
	ChipNoCash, ChipNoPhone, ChipNoLicense, ChipNoReceipt,
	ChipNoLine Phrase = "chip.no_cash", "chip.no_phone", "chip.no_license", "chip.no_receipt", "chip.no_line"

	AskMoney, AskMoneyAnswer     Phrase = "ask.money", "ask.money.answer"     // what becomes of money too much?
	AskPower, AskPowerAnswer     Phrase = "ask.power", "ask.power.answer"     // what if the power fails?
	AskLicense, AskLicenseAnswer Phrase = "ask.license", "ask.license.answer" // is a license from here a real one?
	AskCard, AskCardAnswer       Phrase = "ask.card", "ask.card.answer"       // what happens with my card's data?
	AskSlip, AskSlipAnswer       Phrase = "ask.slip", "ask.slip.answer"       // how do I get the money on a slip?
	AskPerson, AskPersonAnswer   Phrase = "ask.person", "ask.person.answer"   // where do I find a person?
)
