package document

// Acknowledgement is the paper of a finished case that cost nothing: 办结回执.
type Acknowledgement struct {
	Head
	License string // its number
	Sheets  []SheetOut
	Left    string // what could not be printed now and how to get it; "" when all is out
}

// SheetOut is a numbered sheet that the person takes home.
type SheetOut struct {
	Kind   LicenseKind
	Serial string
}

// Paper is the acknowledgement in this language.
func (a Acknowledgement) Paper(lang Lang) Paper {
	w := &writer{lang: lang}
	w.head(a.Head, "办结回执", "Case finished")
	w.need(a.License != "", "no license number")
	w.row("统一社会信用代码", "License number", a.License)
	for _, s := range a.Sheets {
		w.need(s.Serial != "", "a sheet without a serial")
		if s.Kind == Duplicate {
			w.row("营业执照副本 纸张编号", "Duplicate, blank no.", s.Serial)
		} else {
			w.row("营业执照正本 纸张编号", "Original, blank no.", s.Serial)
		}
	}
	w.row("收费", "Fee", w.say("免费", "none"))
	w.rule()
	if a.Left != "" {
		w.text(a.Left)
	}
	if len(a.Sheets) > 0 {
		w.text(w.say("请核对执照内容，正本应当置于经营场所的醒目位置。", "Please check the license. The original is to be shown where the business is."))
	}
	w.foot(a.Head, "")
	w.fine(w.say("每年1月1日至6月30日请报送上一年度的年度报告。", "An annual report is due each year between 1 January and 30 June."))
	return w.Paper
}
