package document

import (
	"strconv"
	"time"

	"yichuang/kiosk/money"
)

// Closing is the paper of a day's closing: what was taken in since the one before, where it went, and a sum that never goes back.
// It is for staff and auditors and has nothing of a person.
type Closing struct {
	Head
	Running  int64
	From     time.Time // of the closing before; zero for the first one
	Box      string
	Notes    []Pile
	Coins    []Pile
	Phone    money.Fen
	Taken    money.Fen // notes, coins and phone
	Bills    money.Fen // what has gone there since; below zero when more was taken back
	Surplus  money.Fen
	PaidOut  money.Fen
	Refunded money.Fen
	Owed     money.Fen // what stands there now
	Doubtful money.Fen
	Waiting  money.Fen // of a person who is paying now
	Total    money.Fen // since the journal began
}

// Pile is so many pieces of a face.
type Pile struct {
	Face  money.Fen
	Count int64
}

// Paper is the closing in this language.
func (c Closing) Paper(lang Lang) Paper {
	w := &writer{lang: lang}
	w.need(c.Hall != "", "no hall")
	w.need(c.Running > 0 && !c.Time.IsZero(), "no running number or time")
	w.add(Block{Kind: Text, Text: c.Hall, Align: Centre, Bold: true})
	w.title("日结单", "Daily closing")
	if c.Copy {
		w.add(Block{Kind: Text, Text: w.say("【补打】", "[ COPY ]"), Align: Centre, Bold: true})
	}
	w.rule()
	w.row("日结编号", "Closing no.", strconv.FormatInt(c.Running, 10))
	w.row("终端", "Terminal", c.Terminal)
	w.row("钱箱", "Cash box", c.Box)
	if !c.From.IsZero() {
		w.row("自", "From", c.From.In(shanghai).Format("2006-01-02 15:04:05"))
	}
	w.row("至", "To", c.Time.In(shanghai).Format("2006-01-02 15:04:05"))
	w.rule()
	sum := c.Phone
	for _, part := range []struct {
		zh, en string
		piles  []Pile
	}{{"纸币", "Notes", c.Notes}, {"硬币", "Coins", c.Coins}} {
		for _, p := range part.piles {
			w.row(part.zh+" "+w.amount(p.Face)+" × "+strconv.FormatInt(p.Count, 10), part.en+" "+w.amount(p.Face)+" x "+strconv.FormatInt(p.Count, 10), w.amount(p.Face.Times(p.Count)))
			sum = sum.Add(p.Face.Times(p.Count))
		}
	}
	w.need(sum == c.Taken, "the parts do not make up what was taken in")
	w.row("手机支付", "By phone", w.amount(c.Phone))
	w.strong("本次收入", "Taken in", w.amount(c.Taken))
	w.rule()
	w.row("其中缴费", "To bills", w.amount(c.Bills))
	w.row("转为余额", "To balances", w.amount(c.Surplus))
	w.row("已付出", "Paid out", w.amount(c.PaidOut))
	w.row("退回手机", "Back to phones", w.amount(c.Refunded))
	w.row("现有应退", "Owed now", w.amount(c.Owed))
	w.row("现有待核实", "In doubt now", w.amount(c.Doubtful))
	w.row("正在办理", "Being paid in now", w.amount(c.Waiting))
	w.rule()
	w.strong("累计收入", "Total ever", w.amount(c.Total))
	w.fine(w.say("累计收入自本机启用起计算，不清零。", "The total counts from this terminal's first day and is never reset."))
	return w.Paper
}
