package phrase

// The screen's own phrases.
const (
	Back         Key = "nav.back"
	Home         Key = "nav.home"
	Help         Key = "nav.help"
	Language     Key = "home.language" // the other language, in its own words
	Large        Key = "home.elder"
	LargeOff     Key = "home.elder.off"
	Hotline      Key = "hotline"        // {phone}
	CashRule     Key = "cash_rule"      // what happens with money too much, in half a line
	Terminal     Key = "terminal"       // {number}
	TimeLeft     Key = "time_left"      // beside the countdown; {clock}
	MoreTime     Key = "timeout.more"   // the button
	StillThere   Key = "still_there"    // {seconds}
	LeftPaysPart Key = "left_pays_part" // under it, when money is in the box: what becomes of it; {amount}
	LeftInBox    Key = "left_in_box"    // {amount}
	StepOf       Key = "step_of"        // {at} {of}
	PageOf       Key = "page_of"        // {at} {of}

	Apply     Key = "home.apply"
	ApplyLine Key = "home.apply.line"
	Pay       Key = "home.pay"
	PayLine   Key = "home.pay.line"
	Look      Key = "home.look"
	LookLine  Key = "home.look.line"
	Guide     Key = "home.guide"
	GuideLine Key = "home.guide.line"
	Ask       Key = "home.ask"
	AskLine   Key = "home.ask.line"
	Rate      Key = "home.rate"
	RateLine  Key = "home.rate.line"
	NowHere   Key = "now_here" // heading of what this machine can do
	ClosedNow Key = "closed_now"

	Next       Key = "form.next"
	Begin      Key = "form.next.guide"
	GoPay      Key = "form.next.bill"
	Signed     Key = "form.next.sign"
	Submit     Key = "form.next.review"
	Taken      Key = "form.next.take"
	SlipDone   Key = "form.next.slip"
	Understood Key = "form.next.other"

	ListNext  Key = "list.next"
	ListPrev  Key = "list.prev"
	Chosen    Key = "chosen" // spoken after a choice that is on
	NextLevel Key = "next_level"

	KeyDelete     Key = "key.delete"
	KeyOK         Key = "key.ok"
	KeyPick       Key = "key.pick" // key.ok while letters wait to become characters
	KeyLatin      Key = "key.latin"
	KeyPinyin     Key = "key.latin.off"
	CandidateNext Key = "candidate.next"
	TypeHere      Key = "type_here"
	SignHere      Key = "sign_here"
	SignClear     Key = "sign.clear"

	PayCash        Key = "pay.cash"
	PayCashLine    Key = "pay.cash.line"
	PayShow        Key = "pay.show"
	PayShowLine    Key = "pay.show.line"
	PayScan        Key = "pay.scan"
	PayScanLine    Key = "pay.scan.line"
	PayCashInstead Key = "pay.cash.instead" // on the page of another way
	PayShowInstead Key = "pay.show.instead"
	PayScanInstead Key = "pay.scan.instead"
	PayFinish      Key = "pay.finish"
	PayCancel      Key = "pay.cancel"
	PayCode        Key = "pay.code"
	PutNotes       Key = "put_notes"
	PutMoney       Key = "put_money"           // notes or coins
	PayCashCoins   Key = "pay.cash.line.coins" // the line of pay.cash where coins are taken too
	NoteInside     Key = "note_inside"
	NotesWait      Key = "notes_wait"
	NotesClosed    Key = "notes_closed" // waiting does not help
	Amount         Key = "amount"       // {label} {amount}: the spoken name of an amount
	Symbol         Key = "symbol"

	CasePrint     Key = "case.print"
	RateOne       Key = "rate.1"
	RateTwo       Key = "rate.2"
	RateThree     Key = "rate.3"
	RateFour      Key = "rate.4"
	RateFive      Key = "rate.5"
	RateSkip      Key = "rate.skip"
	Sheets        Key = "sheets" // {done} {of}
	OneMoment     Key = "one_moment"
	Reconnect     Key = "reconnect"
	KeepCode      Key = "keep_code"      // title of a slip's page when the code stands on the screen
	KeepNumber    Key = "keep_number"    // and when nothing is printed at all
	TouchQuestion Key = "touch_question" // where the answer will stand
	ByCase        Key = "choice.by.case"
	CallUs        Key = "call_us"
	YouAreAt      Key = "you_are_at" // {hall} {area} {number}
	PartPay       Key = "choice.rest.part"
	PartOwed      Key = "choice.rest.owed"
	AgreeYes      Key = "choice.declare.yes"
	SameAsView    Key = "choice"
)

var chrome = map[Key]words{
	Back:         {"返回", "Back"},
	Home:         {"首页", "Home"},
	Help:         {"请人帮忙", "Help"},
	Language:     {"English", "中文"},
	Large:        {"大字", "Large type"},
	LargeOff:     {"普通字", "Normal"},
	Hotline:      {"服务热线 {phone}", "Call us: {phone}"},
	CashRule:     {"多出的钱怎么处理，放入纸币前会先告诉您", "Before the first note we tell you what becomes of any change"},
	Terminal:     {"{number} 号机", "Terminal {number}"},
	TimeLeft:     {"还剩的时间 · 现在 {clock}", "time left · now {clock}"},
	MoreTime:     {"我还在，接着办", "Yes, I am still here"},
	StillThere:   {"您还在吗？再过 {seconds} 秒就回到首页。", "Are you still there? This ends in {seconds} seconds."},
	LeftPaysPart: {"您放入的 {amount} 元会先缴进账单，并打出收据。", "Your {amount} yuan then pays part of the bill, and a receipt is printed."},
	LeftInBox:    {"您放入的 {amount} 元都记着，不会丢。", "Your {amount} yuan is on record and not lost."},
	StepOf:       {"第 {at} 步，共 {of} 步", "Step {at} of {of}"},
	PageOf:       {"第 {at} 页，共 {of} 页", "Page {at} of {of}"},

	Apply:     {"我要办", "Apply"},
	ApplyLine: {"开店办营业执照，当场打印；其他申请", "Open a shop and print the license here; other applications"},
	Pay:       {"我要缴", "Pay"},
	PayLine:   {"水费等，现金、手机都行", "Water and other bills, by cash or phone"},
	Look:      {"我要查", "Look up"},
	LookLine:  {"办到哪一步了，打印结果和证明", "How far my case is; print what is ready"},
	Guide:     {"我要看", "Guides"},
	GuideLine: {"办事指南：要带什么、多久、收多少", "What to bring, how long it takes, what it costs"},
	Ask:       {"我要问", "Ask"},
	AskLine:   {"常见问题，或请工作人员回答", "Common questions, or ask our staff"},
	Rate:      {"我要评", "Rate us"},
	RateLine:  {"给这次服务打个分", "Tell us how this visit was"},
	NowHere:   {"本机现在可以", "What this machine can do now"},
	ClosedNow: {"现在办不了", "Not open now"},

	Next:       {"下一步", "Next"},
	Begin:      {"开始办理", "Begin"},
	GoPay:      {"对，去缴费", "Yes, go and pay"},
	Signed:     {"写好了", "I have signed"},
	Submit:     {"提交", "Submit"},
	Taken:      {"都拿好了", "I have everything"},
	SlipDone:   {"凭条拿好了", "I have the slip"},
	Understood: {"知道了", "All right"},

	ListNext:  {"下一页", "Next page"},
	ListPrev:  {"上一页", "Page before"},
	Chosen:    {"已选", "chosen"},
	NextLevel: {"往下选", "go on"},

	KeyDelete:     {"删除", "Delete"},
	KeyOK:         {"确定", "OK"},
	KeyPick:       {"选第一个", "Take first"},
	KeyLatin:      {"字母", "ABC"},
	KeyPinyin:     {"拼音", "拼音"},
	CandidateNext: {"更多字", "More"},
	TypeHere:      {"点这里输入", "Touch here to type"},
	SignHere:      {"在这里签名", "Sign here"},
	SignClear:     {"重写", "Start again"},

	PayCash:        {"现金", "Cash"},
	PayCashLine:    {"一张一张放入纸币", "Put in banknotes one by one"},
	PayShow:        {"手机扫屏幕上的码", "Scan the code on the screen"},
	PayShowLine:    {"打开微信“扫一扫”", "Open WeChat and scan"},
	PayScan:        {"出示手机付款码", "Show your payment code"},
	PayScanLine:    {"把手机对准扫描口", "Hold your phone under the scanner"},
	PayCashInstead: {"改用现金", "Use cash instead"},
	PayShowInstead: {"改用手机扫码", "Scan with my phone"},
	PayScanInstead: {"改用付款码", "Use my payment code"},
	PayFinish:      {"就缴已放入的", "Pay what is in"},
	PayCancel:      {"不付了", "Stop paying"},
	PayCode:        {"付款码", "Payment code"},
	PutNotes:       {"请一张一张放入纸币", "Please put in notes one by one"},
	PutMoney:       {"请放入纸币或硬币", "Please put in notes or coins"},
	PayCashCoins:   {"放入纸币或硬币", "Put in banknotes or coins"},
	NoteInside:     {"正在收 {amount} 元", "Taking {amount} yuan"},
	NotesWait:      {"请先等一等再放", "Please wait before the next note"},
	NotesClosed:    {"现在不收纸币，请不要放", "No notes now, please"},
	Amount:         {"{label} {amount} 元", "{label}: {amount} yuan"},
	Symbol:         {"二维码", "QR code"},

	CasePrint:     {"打印执照", "Print the license"},
	RateOne:       {"非常不满意", "Very unhappy"},
	RateTwo:       {"不满意", "Unhappy"},
	RateThree:     {"基本满意", "It was all right"},
	RateFour:      {"满意", "Happy"},
	RateFive:      {"非常满意", "Very happy"},
	RateSkip:      {"这次不评", "Not this time"},
	Sheets:        {"已出 {done} 张，共 {of} 张", "{done} of {of} sheets are out"},
	OneMoment:     {"请稍等", "One moment, please"},
	Reconnect:     {"机器正在接上，您办的事都还在。", "The machine is coming back. Everything you did is still there."},
	KeepCode:      {"请记下这个领款码", "Please write this code down"},
	KeepNumber:    {"请记下办件编号", "Please note your case number"},
	TouchQuestion: {"点一个问题，这里就有回答。", "Touch a question and the answer stands here."},
	ByCase:        {"没带身份证，用办件编号查", "No card with me: use a case number"},
	CallUs:        {"服务热线", "Call us"},
	YouAreAt:      {"您在：{hall} {area} {number} 号机", "You are at {hall}, {area}, terminal {number}"},
	PartPay:       {"就缴这么多", "Pay this part"},
	PartOwed:      {"打凭条，领回这些钱", "Give me a slip and I get it back"},
	AgreeYes:      {"我读过了，我同意", "I have read this and I agree"},
	SameAsView:    {"选这一项", "Choose this"},
}
