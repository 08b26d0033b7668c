// Package sample holds one view of each page, with made-up people, for the tests of the screen and for
// looking at it. A page that matters in several states is here in each of them.
package sample

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"time"

	"yichuang/kiosk/front"
)

// Now is the moment at which the samples are looked at.
var Now = time.Date(2026, 11, 20, 21, 46, 0, 0, time.FixedZone("CST", 8*60*60))

// Named is a view with the name of its state.
type Named struct {
	Name string
	View front.View
}

var nav = []string{"nav.back", "nav.home", "nav.help", "home.language", "home.elder"}

// in picks the text of the language: texts from the catalogue come in the language of the view.
func in(lang, zh, en string) string {
	if lang == "en" {
		return en
	}
	return zh
}

func phrase(p front.Phrase, pairs ...string) front.Say {
	s := front.Say{Phrase: p}
	for i := 0; i+1 < len(pairs); i += 2 {
		if s.Args == nil {
			s.Args = map[string]string{}
		}
		s.Args[pairs[i]] = pairs[i+1]
	}
	return s
}

func words(text string) front.Say { return front.Say{Text: text} }

func message(p front.Phrase, pairs ...string) *front.Say {
	s := phrase(p, pairs...)
	return &s
}

// base is what every page of a visit has.
func base(lang, page string, acts ...string) front.View {
	v := front.View{Page: page, Language: lang, Visit: "visit-1", Acts: append(append([]string{}, nav...), acts...),
		Left: &front.Left{Ends: Now.Add(161 * time.Second)}}
	v.Place = front.Place{Hall: in(lang, "青山区市民服务中心", "Qingshan Citizen Service Centre"),
		Area: in(lang, "24 小时自助服务区", "24-hour self-service"), Terminal: "03", Phone: "12345"}
	return v
}

// Views are all samples in one language.
func Views(lang string) []Named {
	var out []Named
	for _, part := range [][]Named{start(lang), paying(lang), applying(lang), ending(lang)} {
		out = append(out, part...)
	}
	return out
}

func start(lang string) []Named {
	home := base(lang, "home", "home.apply", "home.pay", "home.look", "home.guide", "home.ask", "home.rate")
	home.Visit, home.Left, home.Acts = "", nil, home.Acts[2:]
	home.Title, home.Notes = phrase(front.TitleHome), []front.Say{phrase(front.HintNoPhone)}
	home.Health = []front.Chip{{Say: phrase(front.ChipCash), Good: true}, {Say: phrase(front.ChipPhone), Good: true},
		{Say: phrase(front.ChipLicense), Good: true}, {Say: phrase(front.ChipReceipt), Good: true}, {Say: phrase(front.ChipNoLine)}}
	home.Services = []front.Service{{Code: "pay.water", Name: in(lang, "水费", "Water"), Why: phrase(front.SayNoLineBills)},
		{Code: "license.individual", Name: in(lang, "个体工商户", "Shop license"), Open: true}}

	choose := base(lang, "choose", "service.pay.water", "service.license.individual")
	choose.Title = phrase(front.TitlePay)
	choose.Services = []front.Service{
		{Code: "pay.water", Name: in(lang, "水费", "Water"), Line: in(lang, "青山供水公司，现金或手机", "Qingshan Water, by cash or phone"), Open: true},
		{Code: "license.individual", Name: in(lang, "开店：个体工商户登记", "Open a shop"), Line: in(lang, "当场审批，当场打印营业执照", "Decided and printed while you wait"), Open: true},
		{Code: "pay.heat", Name: in(lang, "热费", "Heating"), Line: in(lang, "青山供热公司", "Qingshan Heating"), Why: phrase(front.SayOutOfHours, "hours", in(lang, "每天 8:00 到 22:00 ", "daily 8:00–22:00"))},
	}

	guide := base(lang, "guide", "form.next", "list.next")
	guide.Title, guide.Sub = phrase(front.TitleGuide), words(in(lang, "个体工商户登记", "Registering an individual business"))
	guide.Guide = []front.Row{
		{Label: words(in(lang, "要带什么", "What to bring")), Value: words(in(lang, "身份证原件；店铺的地址", "Your identity card; the address of the shop"))},
		{Label: words(in(lang, "谁可以办", "Who can apply")), Value: words(in(lang, "年满 16 周岁、有经营能力的公民", "Citizens from 16 years of age"))},
		{Label: words(in(lang, "要多久", "How long")), Value: words(in(lang, "大约 10 分钟，当场拿到执照", "About ten minutes; you take the license with you")), Strong: true},
		{Label: words(in(lang, "收多少钱", "What it costs")), Value: phrase(front.LabelFree), Strong: true},
		{Label: words(in(lang, "依据", "Legal basis")), Value: words(in(lang, "《促进个体工商户发展条例》", "Regulation on Promoting Individual Businesses"))},
	}
	guide.Pager = &front.Pager{At: 1, Of: 4}

	identify := base(lang, "identify")
	identify.Title, identify.Step, identify.Steps = phrase(front.TitleCard), 1, 5
	identify.Notes = []front.Say{phrase(front.HintCard), phrase(front.HintCardPrivate)}
	moved := identify
	moved.Message = message(front.SayCardMoved)

	warn := base(lang, "identify", "timeout.more")
	warn.Title, warn.Notes = identify.Title, identify.Notes
	warn.Left = &front.Left{Ends: Now.Add(18 * time.Second), Warn: true}
	warn.Message = message(front.SayIdleWarn, "seconds", "20")

	ask := base(lang, "ask", "choice.topic.1", "choice.topic.2", "choice.topic.3", "choice.topic.4", "choice.topic.5", "choice.topic.6")
	ask.Title = phrase(front.TitleAsk)
	for i, q := range []front.Phrase{front.AskMoney, front.AskPower, front.AskLicense, front.AskCard, front.AskSlip, front.AskPerson} {
		ask.Topics = append(ask.Topics, front.Topic{Question: phrase(q), Answer: phrase(q + ".answer"), Open: i == 1})
	}
	help := base(lang, "help")
	help.Title, help.Notes = phrase(front.TitleHelp), []front.Say{phrase(front.HintHelp, "phone", "12345"), phrase(front.AskPersonAnswer)}
	closed := base(lang, "closed")
	closed.Title, closed.Message, closed.Left, closed.Acts = phrase(front.TitleClosed), message(front.SayMaintenance), nil, []string{"nav.help"}
	return []Named{{"home", home}, {"choose", choose}, {"guide", guide}, {"identify", identify}, {"identify-moved", moved},
		{"identify-warn", warn}, {"ask", ask}, {"help", help}, {"closed", closed}}
}

var digits = []string{"key.0", "key.1", "key.2", "key.3", "key.4", "key.5", "key.6", "key.7", "key.8", "key.9", "key.delete", "key.ok"}

func paying(lang string) []Named {
	who := words(in(lang, "户号 3102 ···· 5518 · 王*英", "Account 3102 ···· 5518 · W* Y*"))
	title := words(in(lang, "缴水费", "Pay for water"))

	account := base(lang, "account", append(digits, "field.account")...)
	account.Title, account.Step, account.Steps, account.Keys = title, 1, 4, "digits"
	account.Notes = []front.Say{phrase(front.HintAccount)}
	account.Fields = []front.Field{{Name: "account", Label: phrase(front.LabelAccount), Value: "31020045", Focus: true, Group: 4, Max: 12}}
	wrong := account
	wrong.Message = message(front.SayAccountCheck)

	bill := base(lang, "bill", "form.next", "choice.bill.2026-10", "choice.bill.2026-09")
	bill.Title, bill.Sub, bill.Step, bill.Steps = title, phrase(front.TitleBill), 2, 4
	bill.Rows = []front.Row{{Label: phrase(front.LabelAccount), Value: words("3102 ···· 5518")},
		{Label: phrase(front.LabelName), Value: words("王*英")},
		{Label: phrase(front.LabelAddress), Value: words(in(lang, "青山区和平路***号", "Heping Road ***, Qingshan"))},
		{Label: phrase(front.LabelDue), Value: words("123.45"), Strong: true}}
	bill.Choices = []front.Choice{
		{ID: "choice.bill.2026-09", Text: words("2026-09"), Sub: words("40.05"), Chosen: true, Many: true, Open: true},
		{ID: "choice.bill.2026-10", Text: words("2026-10"), Sub: words("83.40"), Chosen: true, Many: true, Open: true}}
	bill.Notes = []front.Say{phrase(front.HintSurplusKept)}

	method := base(lang, "method", "pay.cash", "pay.scan")
	method.Title, method.Sub, method.Step, method.Steps = title, phrase(front.TitleMethod), 3, 4
	method.Rows = []front.Row{{Label: phrase(front.LabelDue), Value: words("123.45"), Strong: true}}
	method.Ways = []front.Way{{ID: "pay.cash", Open: true}, {ID: "pay.show", Why: phrase(front.ChipNoLine)}, {ID: "pay.scan", Open: true}}
	method.Notes = []front.Say{phrase(front.HintSurplusKept), phrase(front.HintNoChange)}

	coined := method
	coined.Notes = []front.Say{phrase(front.HintChange), phrase(front.HintCoins)}

	pay := base(lang, "pay", "pay.cancel", "pay.finish", "pay.show")
	pay.Title, pay.Sub, pay.Step, pay.Steps = title, who, 4, 4
	pay.Money = &front.Money{Due: 12345, Inserted: 5000, Remaining: 7345, Faces: []int64{100, 500, 1000, 2000, 5000, 10000}, Taking: true}
	pay.Notes = []front.Say{phrase(front.HintOneByOne), phrase(front.HintSurplusKept), phrase(front.HintCancelPart)}
	escrow := pay
	escrow.Money = &front.Money{Due: 12345, Inserted: 5000, Remaining: 7345, Faces: pay.Money.Faces, Escrow: 2000}
	escrow.Message = message(front.WaitNote)
	change := pay // the longest that this page ever says
	change.Acts = append(slices.Clone(nav), "pay.cancel", "pay.finish")
	change.Notes = []front.Say{phrase(front.HintOneByOne), phrase(front.HintChangeSome), phrase(front.HintCancelChange), phrase(front.HintCoins)}
	exact := base(lang, "pay", "pay.cancel")
	exact.Title, exact.Sub, exact.Step, exact.Steps = title, who, 4, 4
	exact.Money = &front.Money{Due: 1700, Remaining: 1700, Faces: []int64{100, 500, 1000}, Taking: true}
	exact.Notes = []front.Say{phrase(front.HintOneByOne), phrase(front.HintChange), phrase(front.HintStopChange), phrase(front.HintFewFaces), phrase(front.HintCoins)}
	refused := pay
	refused.Message = message(front.SayNoteRefused)
	leaving := pay
	leaving.Left, leaving.Message = &front.Left{Ends: Now.Add(18 * time.Second), Warn: true}, message(front.SayIdleWarn, "seconds", "20")
	leaving.Acts = append(leaving.Acts[:len(leaving.Acts):len(leaving.Acts)], "timeout.more")
	full := pay
	full.Money = &front.Money{Due: 12345, Inserted: 5000, Remaining: 7345, Faces: pay.Money.Faces}
	full.Message = message(front.SayBoxFull)
	stop := base(lang, "pay", "choice.rest.more", "choice.rest.part", "choice.rest.owed")
	stop.Title, stop.Sub, stop.Message = title, who, message(front.SayStopAsk, "amount", "50.00")
	stop.Money, stop.Notes = &front.Money{Due: 12345, Inserted: 5000, Remaining: 7345, Faces: pay.Money.Faces}, pay.Notes
	stop.Choices = []front.Choice{{ID: "choice.rest.more", Text: phrase(front.LabelPayMore), Open: true},
		{ID: "choice.rest.part", Text: phrase(front.LabelPayPart, "amount", "50.00"), Open: true}, {ID: "choice.rest.owed", Text: phrase(front.LabelPayOwed, "amount", "50.00"), Open: true}}
	back := stop
	back.Acts = slices.DeleteFunc(slices.Clone(stop.Acts), func(id string) bool { return id == "choice.rest.part" })
	back.Choices = []front.Choice{stop.Choices[0], {ID: "choice.rest.owed", Text: phrase(front.LabelPayBack, "amount", "50.00"), Sub: phrase(front.HintPayBack), Open: true}}
	show := base(lang, "pay", "pay.cancel", "pay.cash")
	show.Title, show.Sub, show.Step, show.Steps = title, who, 4, 4
	show.Code = "weixin://wxpay/bizpayurl?pr=Xy12Ab34"
	show.Notes = []front.Say{phrase(front.HintShowCode, "fen", "123.45")}
	show.Money = &front.Money{Due: 12345, Remaining: 12345}
	scan := base(lang, "pay", "pay.cancel", "pay.cash")
	scan.Title, scan.Sub, scan.Money, scan.Notes = title, who, show.Money, []front.Say{phrase(front.HintScanCode)}
	scan.Message = message(front.SayIDLikeCode)
	asked := scan
	asked.Message = message(front.WaitPaying)
	lineless := show
	lineless.Code, lineless.Notes, lineless.Message = "", nil, message(front.WaitLine)
	return []Named{{"account", account}, {"account-wrong", wrong}, {"bill", bill}, {"method", method}, {"method-coins", coined}, {"pay", pay}, {"pay-change", change}, {"pay-exact", exact}, {"pay-back", back},
		{"pay-escrow", escrow}, {"pay-refused", refused}, {"pay-full", full}, {"pay-warn", leaving}, {"pay-stop", stop}, {"pay-show", show}, {"pay-scan", scan}, {"pay-asked", asked}, {"pay-lineless", lineless}}
}

func applying(lang string) []Named {
	sub := words(in(lang, "个体工商户登记", "Registering an individual business"))
	tree := base(lang, "form", "list.next", "form.next")
	tree.Title, tree.Sub, tree.Step, tree.Steps = sub, words(in(lang, "所在地区", "District")), 2, 5
	tree.Notes, tree.Pager = []front.Say{phrase(front.HintTree)}, &front.Pager{At: 1, Of: 4}
	for _, d := range [][3]string{{"11", "北京市", "Beijing"}, {"12", "天津市", "Tianjin"}, {"13", "河北省", "Hebei"}, {"14", "山西省", "Shanxi"},
		{"15", "内蒙古自治区", "Inner Mongolia"}, {"21", "辽宁省", "Liaoning"}, {"22", "吉林省", "Jilin"}, {"23", "黑龙江省", "Heilongjiang"}, {"31", "上海市", "Shanghai"}} {
		id := "choice.division." + d[0]
		tree.Acts = append(tree.Acts, id)
		tree.Choices = append(tree.Choices, front.Choice{ID: id, Text: words(in(lang, d[1], d[2])), More: true, Open: true})
	}
	scope := base(lang, "form", "choice.scope.1", "choice.scope.2", "choice.scope.3", "form.next")
	scope.Title, scope.Sub, scope.Notes, scope.Step, scope.Steps = sub, words(in(lang, "经营范围", "Business scope")), []front.Say{phrase(front.HintScope)}, 2, 5
	scope.Choices = []front.Choice{
		{ID: "choice.scope.1", Text: words(in(lang, "日用百货零售", "Retail of daily goods")), Many: true, Chosen: true, Open: true},
		{ID: "choice.scope.2", Text: words(in(lang, "文具用品零售", "Retail of stationery")), Many: true, Open: true},
		{ID: "choice.scope.3", Text: words(in(lang, "互联网销售（除销售需要许可的商品）", "Online sales, goods without a permit")), Many: true, Chosen: true, Open: true}}
	name := base(lang, "form", front.TextAct, "field.trade_name", "form.next")
	name.Title, name.Sub, name.Keys, name.Step, name.Steps = sub, words(in(lang, "字号（店名）", "Trade name")), "pinyin", 2, 5
	name.Notes = []front.Say{phrase(front.HintTyping)}
	name.Fields = []front.Field{{Name: "trade_name", Label: phrase(front.LabelTradeName), Value: "青山", Preedit: "zhangsan", Focus: true, Max: 20}}
	taken := name
	taken.Fields = []front.Field{{Name: "trade_name", Label: phrase(front.LabelTradeName), Value: "青山老张面馆", Focus: true, Max: 20, Problem: phrase(front.SayNameTaken)}}
	declare := base(lang, "form", "choice.declare.yes", "form.next")
	declare.Title, declare.Sub, declare.Step, declare.Steps = sub, phrase(front.TitleDeclare), 3, 5
	declare.Notes = []front.Say{words(in(lang, "我说的都是真的：店是我自己开的，地址能用来做生意，卖的东西不需要另外的许可。说错了，责任由我自己承担。",
		"What I say is true: the shop is my own, its address may be used for business, and what I sell needs no other permit. I answer for it if this is wrong."))}
	declare.Choices = []front.Choice{{ID: "choice.declare.yes", Text: phrase(front.LabelAgree), Many: true, Open: true}}
	sign := base(lang, "sign", front.StrokesAct, "field.signature", "form.next")
	sign.Title, sign.Sub = sub, phrase(front.TitleSign)
	sign.Notes, sign.Step, sign.Steps = []front.Say{phrase(front.HintSign)}, 3, 5
	sign.Strokes = []front.Stroke{{{X: 200, Y: 300}, {X: 300, Y: 280}, {X: 420, Y: 310}}, {{X: 310, Y: 200}, {X: 300, Y: 500}, {X: 260, Y: 640}, {X: 240, Y: 600}}, {{X: 500, Y: 250}, {X: 700, Y: 240}, {X: 680, Y: 640}}}
	unsigned := sign
	unsigned.Strokes, unsigned.Message = nil, message(front.SaySignEmpty)
	review := base(lang, "review", "form.next")
	review.Title, review.Sub, review.Step, review.Steps = sub, phrase(front.TitleReview), 4, 5
	review.Rows = []front.Row{{Label: phrase(front.LabelOperator), Value: words("王*英")}, {Label: phrase(front.LabelNumber), Value: words("110101********4521")},
		{Label: phrase(front.LabelTradeName), Value: words("青山区王姐便利店"), Strong: true}, {Label: phrase(front.LabelTrade), Value: words(in(lang, "5212 超级市场零售", "5212 Supermarkets"))},
		{Label: phrase(front.LabelScope), Value: words(in(lang, "日用百货零售；互联网销售（除销售需要许可的商品）", "Retail of daily goods; online sales"))},
		{Label: phrase(front.LabelDivision), Value: words(in(lang, "北京市东城区", "Dongcheng, Beijing"))}, {Label: phrase(front.LabelStreet), Value: words("和平路 18 号")}, {Label: phrase(front.LabelFee), Value: phrase(front.LabelFree)}}
	review.Notes = []front.Say{phrase(front.HintReview)}
	faced := review
	faced.Photo = face()
	review.Rows = slices.Insert(slices.Clone(review.Rows), 2, front.Row{Label: phrase(front.LabelPhoto), Value: phrase(front.SayPhotoAbsent)})
	return []Named{{"form-tree", tree}, {"form-scope", scope}, {"form-name", name}, {"form-taken", taken}, {"form-declare", declare}, {"sign", sign}, {"sign-empty", unsigned}, {"review-photo", faced}, {"review", review}}
}

func ending(lang string) []Named {
	submit := base(lang, "submit")
	submit.Title, submit.Message, submit.Acts = phrase(front.TitleWait), message(front.WaitHall), []string{"nav.help"}
	wait := base(lang, "wait")
	wait.Title, wait.Message, wait.Left = words(in(lang, "缴水费", "Pay for water")), message(front.WaitBill), nil
	giving := wait
	giving.Message = message(front.WaitChange)
	printing := base(lang, "print")
	printing.Title, printing.Sub = words(in(lang, "个体工商户登记", "Registering an individual business")), phrase(front.TitlePrint)
	printing.Message = message(front.WaitLicense, "done", "2", "of", "2")
	printing.Progress, printing.Step, printing.Steps = &front.Progress{Done: 1, Of: 2, What: phrase(front.LabelDuplicate, "serial", "000102")}, 5, 5
	printing.Rows = []front.Row{{Label: phrase(front.LabelLicense), Value: words("92110101MA01234567")}}
	take := base(lang, "take", "form.next")
	take.Title, take.Step, take.Steps = phrase(front.TitleTake), 5, 5
	take.Rows = []front.Row{{Label: phrase(front.LabelCase), Value: words("863135349682")}, {Label: phrase(front.LabelOriginal, "serial", "000101")},
		{Label: phrase(front.LabelDuplicate, "serial", "000102")}, {Label: phrase(front.LabelLicense), Value: words("92110101MA01234567"), Strong: true}}
	take.Notes = []front.Say{phrase(front.HintTakeLicense), phrase(front.HintTakeReceipt), phrase(front.HintTakeCard)}
	paid := base(lang, "take", "form.next")
	paid.Title = phrase(front.TitleTake)
	paid.Rows = []front.Row{{Label: phrase(front.LabelCase), Value: words("863135349682")}, {Label: phrase(front.LabelPaid), Value: words("83.40"), Strong: true},
		{Label: phrase(front.LabelSurplus), Value: words("16.60")}}
	paid.Notes = []front.Say{phrase(front.HintTakeReceipt), phrase(front.HintPosted)}
	changed := paid
	changed.Rows = []front.Row{paid.Rows[0], {Label: phrase(front.LabelPaid), Value: words("17.30"), Strong: true}, {Label: phrase(front.LabelChange), Value: words("3.50")},
		{Label: phrase(front.LabelOwed), Value: words("0.20")}}
	changed.Notes = append([]front.Say{phrase(front.HintTakeChange)}, paid.Notes...)
	returned := base(lang, "take", "form.next")
	returned.Title, returned.Notes = paid.Title, []front.Say{phrase(front.HintTakeChange), phrase(front.HintTakeReceipt)}
	returned.Rows = []front.Row{paid.Rows[0], {Label: phrase(front.LabelReturned), Value: words("30.00")}}
	dry := paid
	dry.Message = message(front.SayReceiptOut, "case", "863135349682")
	slip := base(lang, "slip", "form.next")
	slip.Title = phrase(front.TitleSlip)
	slip.Rows = []front.Row{{Label: phrase(front.LabelOwed), Value: words("50.00"), Strong: true}, {Label: phrase(front.LabelCase), Value: words("7K3M9QXA")}}
	slip.Notes = []front.Say{phrase(front.HintSlipOwed, "amount", "50.00")}
	short, unclear := slip, slip
	short.Message = message(front.SayChangeShort, "amount", "2.50")
	short.Rows = []front.Row{{Label: phrase(front.LabelOwed), Value: words("2.50"), Strong: true}, slip.Rows[1]}
	short.Notes = []front.Say{phrase(front.HintSlipOwed, "amount", "2.50")}
	unclear.Message = message(front.SayChangeUnclear, "amount", "4.00")
	unclear.Rows, unclear.Notes = []front.Row{slip.Rows[1]}, nil
	shown := slip
	shown.Code, shown.Message = "YC1:7K3M9QXA:9WQR2MZK", message(front.SayCodeAtScreen, "code", "9WQR-2MZK-9D7M")
	shown.Rows = append(shown.Rows[:2:2], front.Row{Label: phrase(front.LabelCode), Value: words("9WQR-2MZK-9D7M"), Strong: true})
	unknown := base(lang, "slip", "form.next")
	unknown.Title, unknown.Message = words(in(lang, "缴水费", "Pay for water")), message(front.SayOrderUnknown)
	unknown.Rows = []front.Row{{Label: phrase(front.LabelCase), Value: words("863135349682"), Strong: true}}
	rate := base(lang, "rate", "rate.1", "rate.2", "rate.3", "rate.4", "rate.5", "rate.skip")
	rate.Title, rate.Notes = phrase(front.TitleRate), []front.Say{phrase(front.HintRate)}
	bye := base(lang, "goodbye")
	bye.Title, bye.Notes, bye.Left = phrase(front.TitleBye), []front.Say{phrase(front.HintPosted), phrase(front.HintBye)}, nil
	thanks := bye
	thanks.Title, thanks.Notes = phrase(front.TitleThanks), []front.Say{phrase(front.HintBye)}
	cases := base(lang, "cases", "case.1", "case.2", "case.3", "case.print")
	cases.Title = phrase(front.TitleCases)
	license := in(lang, "个体工商户登记", "Shop license")
	cases.Cases = []front.Case{
		{Case: "7K3M9QXA", Service: license, State: phrase(front.StateApproved), When: "2026-11-19", Print: true, Chosen: true},
		{Case: "5TR2PLQ8", Service: in(lang, "水费", "Water"), State: phrase(front.StatePaid), When: "2026-11-02"},
		{Case: "2BC8HN4W", Service: license, State: phrase(front.StateRefused), When: "2026-10-11", Line: phrase(front.SayNameTaken)}}
	none := base(lang, "cases")
	none.Title, none.Message = phrase(front.TitleCases), message(front.SayNoCases)
	return []Named{{"submit", submit}, {"wait", wait}, {"wait-change", giving}, {"print", printing}, {"take", take}, {"take-paid", paid}, {"take-change", changed}, {"take-back", returned}, {"take-dry", dry}, {"slip", slip}, {"slip-short", short}, {"slip-unclear", unclear}, {"slip-screen", shown}, {"slip-none", unknown},
		{"rate", rate}, {"goodbye", bye}, {"goodbye-undone", thanks}, {"cases", cases}, {"cases-none", none}}
}

// face is nobody's: a grey ground, a head and shoulders.
func face() []byte {
	img := image.NewGray(image.Rect(0, 0, 102, 126))
	for i := range img.Pix {
		x, y := float64(i%102)-51, float64(i/102)
		head, shoulders := x*x/700+(y-50)*(y-50)/1100 < 1, x*x/2300+(y-130)*(y-130)/1500 < 1
		img.Pix[i] = 0xDD
		if head || shoulders {
			img.Pix[i] = 0x77
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("sample: " + err.Error())
	}
	return b.Bytes()
}
