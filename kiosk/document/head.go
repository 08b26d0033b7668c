package document

import (
	"fmt"
	"time"

	"yichuang/kiosk/money"
)

// Head is what every paper of the roll begins with.
type Head struct {
	Hall     string // 青山区市民服务中心
	Terminal string // 03
	Phone    string // whom to call: 12345
	Number   string // the paper's own number
	Time     time.Time
	Case     string
	Service  string // its name in the paper's language
	Copy     bool   // printed again (补打)
}

// shanghai is the time of all papers. China has one zone and no summer time, so no file is read for it.
var shanghai = time.FixedZone("CST", 8*60*60)

// head writes hall, title, copy mark and the rows that say which paper this is.
func (w *writer) head(h Head, zh, en string) {
	w.need(h.Hall != "", "no hall")
	w.need(h.Case != "", "no case number")
	w.need(!h.Time.IsZero(), "no time")
	w.add(Block{Kind: Text, Text: h.Hall, Align: Centre, Bold: true})
	w.title(zh, en)
	if h.Copy {
		w.add(Block{Kind: Text, Text: w.say("【补打】", "[ COPY ]"), Align: Centre, Bold: true})
	}
	w.rule()
	w.row("编号", "Paper no.", h.Number)
	w.row("时间", "Time", h.Time.In(shanghai).Format("2006-01-02 15:04:05"))
	w.row("终端", "Terminal", h.Terminal)
	w.row("办件编号", "Case", h.Case)
	w.row("业务", "Service", h.Service)
	w.rule()
}

// foot writes the symbol and whom to call.
func (w *writer) foot(h Head, code string) {
	w.gap()
	w.add(Block{Kind: QR, Text: QRText(h.Case, code), Align: Centre})
	w.add(Block{Kind: Text, Text: h.Case, Align: Centre})
	if h.Phone != "" {
		w.add(Block{Kind: Text, Text: w.say("服务热线 ", "Help line ") + h.Phone, Align: Centre})
	}
}

// amount writes money in the paper's language.
func (w *writer) amount(a money.Fen) string {
	if w.lang == English {
		return "CNY " + a.String()
	}
	return a.String() + "元"
}

// period writes a bill's month, "2026-10", in the paper's language; anything else as it came.
func (w *writer) period(p string) string {
	t, err := time.Parse("2006-01", p)
	if err != nil {
		return p
	}
	if w.lang == English {
		return t.Format("Jan 2006")
	}
	return fmt.Sprintf("%d年%d月", t.Year(), int(t.Month()))
}

// day writes a date as an official Chinese paper does: 2026年11月20日.
func day(t time.Time) string {
	t = t.In(shanghai)
	return fmt.Sprintf("%d年%d月%d日", t.Year(), int(t.Month()), t.Day())
}

// SameDay says whether two times are of one day of Beijing's.
func SameDay(a, b time.Time) bool {
	return a.In(shanghai).Format(time.DateOnly) == b.In(shanghai).Format(time.DateOnly)
}
