package hall_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/license"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

func TestAnApplicationIsDecidedByRuleWithinSeconds(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	d := submit(t, term, "c1", filled("青山小店"))
	if d.State != "approved" || d.Code != "by_rule" || d.ReasonZh == "" || d.ReasonEn == "" {
		t.Fatalf("Decision = %v, want approved", d)
	}
	code, err := idcheck.ParseCreditCode(d.License)
	if err != nil || !code.CheckHolds || !code.OrgHolds || code.Department != '9' || code.Category != '2' || code.Division != "110101" || code.Org[:2] != "MA" {
		t.Errorf("license number %s: %+v, %v", d.License, code, err)
	}
	n := term.Await("decision", "c1")
	if got := string(n.Json); got != `{"case":"c1","code":"by_rule","state":"approved"}` {
		t.Errorf("notice %s", got)
	}
	row := h.Ledger().Cases[0]
	var f license.Facts
	if err := json.Unmarshal(row.Facts, &f); err != nil {
		t.Fatal(err)
	}
	today := time.Now().In(time.FixedZone("CST", 8*3600)).Format(time.DateOnly)
	want := license.Facts{Number: d.License, TradeName: "青山小店", Name: "张三丰", Kind: "个体工商户", Address: "北京市东城区安定路12号",
		Scope: "日用百货销售；食品销售（仅销售预包装食品）", Authority: "北京市东城区市场监督管理局", Registered: today, Division: "110101", Case: "c1"}
	if f != want {
		t.Errorf("facts %+v\nwant  %+v", struct{ license.Facts }{f}, want)
	}
	if row.State != "approved" || row.Channel != "rule" || row.Service != "license.individual" {
		t.Errorf("ledger %+v", row)
	}
	h.Audit()
}

func TestWhatTheRulesSayNoTo(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	submit(t, term, "first", filled("青山小店"))
	young := time.Now().AddDate(-15, 0, 0).Format("20060102")
	number := func(birth string) string {
		n := "110101" + birth + "001"
		c, err := idcheck.NumberCheck(n)
		if err != nil {
			t.Fatal(err)
		}
		return n + string(c)
	}
	for i, c := range []struct {
		name        string
		change      func(*casefile.FormSecret)
		state, code string
	}{
		{"under 16", func(f *casefile.FormSecret) { f.Card.Birth, f.Card.Number = young, number(young) }, "refused", "under_age"},
		{"name taken", func(f *casefile.FormSecret) { f.Answers["trade_name"] = "青山小店" }, "refused", "name_taken"},
		{"name taken, written otherwise", func(f *casefile.FormSecret) { f.Answers["trade_name"] = " 青山·小店 " }, "refused", "name_taken"},
		{"the same name elsewhere", func(f *casefile.FormSecret) {
			f.Answers["trade_name"], f.Answers["division"] = "青山小店", "110102"
		}, "approved", "by_rule"},
		{"permit first", func(f *casefile.FormSecret) { f.Answers["trade"] = "6210" }, "waiting", "permit_first"},
		{"wrong number", func(f *casefile.FormSecret) { f.Card.Number = "110101199001010016" }, "refused", "number_wrong"},
		{"another sex", func(f *casefile.FormSecret) { f.Card.Sex = "2" }, "waiting", "card_differs"},
		{"expired", func(f *casefile.FormSecret) { f.Card.ValidTo = "20210101" }, "refused", "card_expired"},
		{"no street", func(f *casefile.FormSecret) { f.Answers["street"] = "  " }, "refused", "form_incomplete"},
		{"a trade that is none", func(f *casefile.FormSecret) { f.Answers["trade"] = "9999" }, "refused", "form_incomplete"},
		{"a trade half chosen", func(f *casefile.FormSecret) { f.Answers["trade"] = "521" }, "refused", "form_incomplete"},
		{"no scope", func(f *casefile.FormSecret) { f.Lists = nil }, "refused", "form_incomplete"},
		{"too long a name", func(f *casefile.FormSecret) { f.Answers["trade_name"] = strings.Repeat("长", 21) }, "refused", "form_incomplete"},
		{"from Hong Kong", func(f *casefile.FormSecret) {
			f.Card.Kind, f.Card.Number, f.Card.PermitNumber = "hmt", "810000199001010019", "H00000001"
		}, "waiting", "card_kind"},
		{"from Hong Kong, another's number", func(f *casefile.FormSecret) { f.Card.Kind = "hmt" }, "waiting", "card_differs"},
		{"a foreigner", func(f *casefile.FormSecret) {
			f.Card.Kind, f.Card.Number, f.Card.Nationality = "foreign_2017", "USA110090010101", "USA"
		}, "refused", "card_foreign"},
	} {
		form := filled(fmt.Sprint("小店", i))
		c.change(&form)
		d := submit(t, term, fmt.Sprint("c", i), form)
		if d.State != c.state || d.Code != c.code || d.ReasonZh == "" || d.ReasonEn == "" || (d.License != "") != (c.state == "approved") {
			t.Errorf("%s: %v, want %s %s", c.name, d, c.state, c.code)
		}
	}
	h.Audit()
}

func TestARefusedNameIsFreeAgain(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	form := filled("山脚小店")
	form.Card.ValidTo = "20210101"
	submit(t, term, "c1", form)
	if d := submit(t, term, "c2", filled("山脚小店")); d.State != "approved" {
		t.Errorf("after a refusal: %v, want approved", d)
	}
	// A waiting one keeps its name until a person has refused it.
	waiting := filled("山顶小店")
	waiting.Answers["trade"] = "6210"
	submit(t, term, "c3", waiting)
	if d := submit(t, term, "c4", filled("山顶小店")); d.Code != "name_taken" {
		t.Errorf("beside a waiting one: %v, want name_taken", d)
	}
	if err := h.Hall().Decide(t.Context(), "c3", false, "没有许可证"); err != nil {
		t.Fatal(err)
	}
	if d := submit(t, term, "c5", filled("山顶小店")); d.State != "approved" {
		t.Errorf("after a person's refusal: %v, want approved", d)
	}
	h.Audit()
}

func TestTwoAtOnceDoNotGetTheSameName(t *testing.T) {
	h := halltest.Start(t, nil)
	terms := []*halltest.Terminal{h.Enrol("T1"), h.Enrol("T2"), h.Enrol("T3")}
	var wg sync.WaitGroup
	states := make([]string, len(terms))
	for i, term := range terms {
		wg.Go(func() { states[i] = submit(t, term, fmt.Sprint("c", i), filled("一个名字")).State })
	}
	wg.Wait()
	if got := strings.Count(strings.Join(states, " "), "approved"); got != 1 {
		t.Errorf("decisions %v, want one approved", states)
	}
	h.Audit()
}

func TestAPersonDecides(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	for _, id := range []string{"yes", "no"} {
		form := filled("餐馆" + id)
		form.Answers["trade"], form.Lists["scope"] = "6210", []string{"62101"}
		if d := submit(t, term, id, form); d.State != "waiting" || !strings.Contains(d.ReasonZh, "食品经营许可证") {
			t.Fatalf("%v, want waiting", d)
		}
	}
	if err := h.Hall().Decide(t.Context(), "no", false, " "); err == nil {
		t.Error("a refusal without a reason was taken")
	}
	if err := h.Hall().Decide(t.Context(), "none", true, ""); err == nil {
		t.Error("a case that is not there was decided")
	}
	for id, approve := range map[string]bool{"yes": true, "no": false} {
		if err := h.Hall().Decide(t.Context(), id, approve, "看过了"); err != nil {
			t.Fatal(err)
		}
		if err := h.Hall().Decide(t.Context(), id, !approve, "又看了"); err == nil {
			t.Errorf("case %s was decided twice", id)
		}
		d, err := term.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: id})
		want := map[bool]string{true: "approved", false: "refused"}[approve]
		if err != nil || d.State != want || d.Code != "by_person" && !approve || d.ReasonZh != "看过了" || (d.License != "") != approve {
			t.Errorf("case %s: %v, %v, want %s", id, d, err, want)
		}
	}
	for _, c := range h.Ledger().Cases {
		if c.Channel != "person" {
			t.Errorf("case %s was decided by %s", c.Case, c.Channel)
		}
	}
	h.Audit()
}

func TestAnApplicationThatCannotBeReadWaitsForAPerson(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	term.Write(casefile.CaseSubmitted, "c1", casefile.Header{Service: "license.individual"}, nil)
	term.Write(casefile.CaseSubmitted, "c2", casefile.Header{Service: "license.individual"}, "no form")
	term.Push()
	for _, id := range []string{"c1", "c2"} {
		d, err := term.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: id, WaitMs: 20000})
		if err != nil || d.State != "waiting" || d.Code != "unreadable" {
			t.Errorf("case %s: %v, %v, want waiting", id, d, err)
		}
		if err := h.Hall().Decide(t.Context(), id, true, ""); err == nil {
			t.Errorf("case %s was approved unread", id)
		}
		if err := h.Hall().Decide(t.Context(), id, false, "请到窗口"); err != nil {
			t.Error(err)
		}
	}
	a, err := h.Hall().Audit(t.Context())
	if err != nil || a.Violations != 2 {
		t.Errorf("audit %+v, %v, want the two oddities", a, err)
	}
}

func TestDecisionWaitsNoLongerThanAsked(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	for _, wait := range []int64{-5, 0, 1} {
		d, err := term.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: "none", WaitMs: wait})
		if err != nil || d.State != "unknown" {
			t.Errorf("Decision of nothing = %v, %v", d, err)
		}
	}
}

func TestCasesByCardAndBySlip(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	d := submit(t, term, "c1", filled("青山小店"))
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	pay(term, "c2", account, 500, 500, 500, 0, 0)
	term.Write(casefile.CaseOpened, "c3", casefile.Header{Visit: "v", Service: "pay.water"}, nil)
	term.Push()
	posting(t, term, "c2", "posted")
	ask := func(req *hallapi.CasesRequest) []*hallapi.CaseLine {
		r, err := term.Client.Cases(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return r.Cases
	}
	p := person()
	mine := ask(&hallapi.CasesRequest{Number: strings.ToLower(p.Number), Name: p.Name})
	if len(mine) != 1 || mine[0].Case != "c1" || mine[0].State != "approved" || !mine[0].Printable || mine[0].License != d.License || mine[0].Time == "" {
		t.Errorf("my cases: %v", mine)
	}
	slip := ask(&hallapi.CasesRequest{Case: "c1"})
	if len(slip) != 1 || slip[0].State != "approved" || slip[0].Printable || slip[0].License != "" {
		t.Errorf("by slip: %v, want the state alone", slip)
	}
	if paid := ask(&hallapi.CasesRequest{Case: "c2"}); len(paid) != 1 || paid[0].State != "posted" || paid[0].AmountFen != 500 || paid[0].Service != "pay.water" {
		t.Errorf("a payment by slip: %v", paid)
	}
	for name, req := range map[string]*hallapi.CasesRequest{"another name": {Number: p.Number, Name: "李四"}, "no name": {Number: p.Number}, "no number": {Name: p.Name},
		"another card": {Number: "110101194901010026", Name: p.Name}, "nothing": {}, "no such case": {Case: "c9"}, "a case that was left": {Case: "c3"}} {
		if got := ask(req); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
