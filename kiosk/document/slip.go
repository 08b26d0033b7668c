package document

import (
	"fmt"

	"yichuang/kiosk/money"
)

// SlipKind is what a slip is about.
type SlipKind string

// The kinds of slips.
const (
	SlipOwed     SlipKind = "owed"     // money that is to be given back
	SlipDoubtful SlipKind = "doubtful" // a note or a sheet that nobody can place yet
	SlipNext     SlipKind = "next"     // accepted without a network; what happens next
	SlipRefused  SlipKind = "refused"  // the hall said no
	SlipWaiting  SlipKind = "waiting"  // a person has to look at it first
)

// Thing is what a doubtful slip is about.
type Thing string

// The things that can be between two places when the power goes.
const (
	Note   Thing = "note"
	Blank  Thing = "sheet"
	Pieces Thing = "pieces" // notes and coins on their way out
)

// Slip is a paper for something that is not finished. It has no field for a name.
type Slip struct {
	Head
	Kind    SlipKind
	Amount  money.Fen // owed and doubtful
	Code    string    // single-use claim code; owed always, doubtful when there is one
	Thing   Thing     // doubtful: Note when empty
	Reason  string    // refused and waiting: from the hall, in the slip's language
	Counter string    // where a person helps and when: 1号综合窗口，工作日9:00—17:00
	Ways    []string  // owed: further ways to get it, in the slip's language
	Within  string    // how long it takes: 3个工作日; may be empty
}

// Paper is the slip in this language.
func (s Slip) Paper(lang Lang) Paper {
	w := &writer{lang: lang}
	switch s.Kind {
	case SlipOwed:
		s.owed(w)
	case SlipDoubtful:
		s.doubtful(w)
	case SlipNext:
		s.next(w)
	case SlipRefused:
		s.refused(w)
	case SlipWaiting:
		s.waiting(w)
	default:
		w.need(false, fmt.Sprintf("no slip of kind %q", s.Kind))
	}
	w.foot(s.Head, s.Code)
	return w.Paper
}

func (s Slip) counter(w *writer) string {
	if s.Counter != "" {
		return s.Counter
	}
	return w.say("本中心人工窗口", "a counter of this hall")
}

func (s Slip) call(w *writer) {
	if s.Phone != "" {
		w.text(w.say("查询请拨打"+s.Phone+"，报上面的办件编号。", "To ask, call "+s.Phone+" and give the case number above."))
	}
}

func (s Slip) code(w *writer) {
	w.gap()
	w.add(Block{Kind: Text, Text: w.say("领款码", "Claim code"), Align: Centre})
	w.add(Block{Kind: Text, Text: GroupCode(s.Code), Align: Centre, Large: true, Bold: true})
	w.gap()
}

func (s Slip) owed(w *writer) {
	w.need(s.Amount > 0, "nothing is owed")
	w.need(PlainCode(s.Code) != "", "no claim code")
	w.head(s.Head, "待退款凭条", "Money owed to you")
	w.strong("应退给您", "Owed to you", w.amount(s.Amount))
	s.code(w)
	w.text(w.say("怎样领取：", "How to get it:"))
	ways := append([]string{w.say("到"+s.counter(w)+"，出示本凭条，领取现金。",
		"Show this slip at "+s.counter(w)+" and take the cash.")}, s.Ways...)
	for i, way := range ways {
		w.text(fmt.Sprintf("%d. %s", i+1, way))
	}
	w.text(w.say("领款码只能使用一次。本凭条不记名，请像现金一样保管。",
		"The code works once. The slip bears no name: keep it like cash."))
	s.call(w)
}

func (s Slip) doubtful(w *writer) {
	switch s.Thing {
	case Blank:
		w.head(s.Head, "执照待核实凭条", "License being checked")
		w.text(w.say("打印时设备中断，机器无法确定这张执照是否已经印出。",
			"The printer was interrupted and cannot say whether this license was printed."))
		w.text(w.say("工作人员会核对编号纸张。在此之前不会重复打印；核对后您可凭身份证在自助终端继续。",
			"Staff will check the numbered sheets. Nothing is printed twice until then; afterwards you can go on at a terminal with your identity card."))
	case Pieces:
		w.need(s.Amount > 0, "nothing in doubt")
		w.head(s.Head, "退款待核实凭条", "Money being checked")
		w.strong("待核实", "In doubt", w.amount(s.Amount))
		w.text(w.say("出钱时设备中断，机器无法确定这笔钱是否已经出来。",
			"The machine was interrupted while it gave money out and cannot say whether this amount came out."))
		w.text(w.say("工作人员会清点机器里的钱。没有出来的，退还给您；结果可凭本凭条查询。",
			"Staff will count what is in the machine. What did not come out is given back; ask with this slip."))
	default:
		w.need(s.Amount >= 0, "an amount below zero in doubt")
		w.head(s.Head, "纸币待核实凭条", "Banknote being checked")
		if s.Amount > 0 { // a note that nobody saw has no face until the box is counted
			w.strong("待核实", "In doubt", w.amount(s.Amount))
		}
		w.text(w.say("设备中断时这张纸币正在移动，机器无法确定它是否已进入钱箱。",
			"The machine was interrupted while this note was moving and cannot say whether it reached the box."))
		w.text(w.say("工作人员会清点钱箱。钱在箱内的，退还给您或缴入您的账单；结果可凭本凭条查询。",
			"Staff will count the box. If the note is in it, it is given back or paid to your bill; ask with this slip."))
	}
	if PlainCode(s.Code) != "" {
		s.code(w)
	}
	s.within(w)
	w.text(w.say("也可以到"+s.counter(w)+"出示本凭条。", "You may also show this slip at "+s.counter(w)+"."))
	s.call(w)
}

func (s Slip) within(w *writer) {
	if s.Within != "" {
		w.text(w.say("办理时限："+s.Within+"。", "Time limit: "+s.Within+"."))
	}
}

func (s Slip) next(w *writer) {
	w.head(s.Head, "业务受理凭条", "Application accepted")
	w.text(w.say("您的申请已经受理，保存在本终端。现在网络中断，还没有送到登记机关。",
		"Your application is accepted and kept in this terminal. The network is down, so the authority does not have it yet."))
	w.text(w.say("接下来：", "What happens next:"))
	w.text(w.say("1. 网络恢复后自动送出，不用您再填。", "1. It is sent by itself when the network is back. You need not fill it in again."))
	w.text(w.say("2. 登记机关作出决定。", "2. The authority decides."))
	w.text(w.say("3. 请带身份证再来任一自助终端，在「我要查」里看结果；通过的，当场打印执照。",
		"3. Come back to any terminal with your identity card and choose \"Look up\". If it is approved, the license is printed there."))
	s.within(w)
	s.call(w)
}

func (s Slip) refused(w *writer) {
	w.need(s.Reason != "", "no reason for the refusal")
	w.head(s.Head, "办理结果凭条", "Result of your application")
	w.add(Block{Kind: Text, Text: w.say("本次申请未通过", "Not approved"), Align: Centre, Large: true, Bold: true})
	w.text(w.say("原因：", "Reason: ") + s.Reason)
	w.text(w.say("按上面的原因修改后，可以在自助终端重新申请，不收费。", "You may correct this and apply again at a terminal, free of charge."))
	w.text(w.say("不同意这个决定的，请到"+s.counter(w)+"，由工作人员复核。",
		"If you do not agree, ask for a review at "+s.counter(w)+"."))
	s.call(w)
}

func (s Slip) waiting(w *writer) {
	w.need(s.Reason != "", "no reason for the wait")
	w.head(s.Head, "等待审核凭条", "Waiting for a person")
	w.text(w.say("您的申请已经送到登记机关，需要工作人员审核。", "Your application has reached the authority. A person has to look at it."))
	w.text(w.say("原因：", "Reason: ") + s.Reason)
	w.text(w.say("请带身份证再来任一自助终端，在「我要查」里看结果；通过的，当场打印执照。",
		"Come back to any terminal with your identity card and choose \"Look up\". If it is approved, the license is printed there."))
	s.within(w)
	s.call(w)
}
