package rule

import (
	"strings"
	"testing"
)

// fine is an application that every rule lets pass.
func fine() Case {
	return Case{Age: 30, Number: "right", Card: "valid", Kind: "citizen", Answers: map[string]string{"trade_name": "青山小店"}}
}

func TestEachRuleDecides(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		change      func(*Case)
		state, code string
		says        string
	}{
		{"fine", func(*Case) {}, "approved", "by_rule", "符合登记条件"},
		{"wrong number", func(c *Case) { c.Number = "wrong" }, "refused", "number_wrong", "窗口"},
		{"number differs", func(c *Case) { c.Number = "differs" }, "waiting", "card_differs", "核对"},
		{"expired", func(c *Case) { c.Card = "expired" }, "refused", "card_expired", "换领"},
		{"not yet", func(c *Case) { c.Card = "not_yet" }, "refused", "card_not_yet", "生效"},
		{"unclear", func(c *Case) { c.Card = "unclear" }, "waiting", "card_differs", "核对"},
		{"15", func(c *Case) { c.Age = 15 }, "refused", "under_age", "16"},
		{"16", func(c *Case) { c.Age = 16 }, "approved", "by_rule", ""},
		{"newborn", func(c *Case) { c.Age = 0 }, "refused", "under_age", "16"},
		{"no birth", func(c *Case) { c.Age = -1 }, "waiting", "card_differs", ""},
		{"half a form", func(c *Case) { c.Missing = []string{"street", "scope"} }, "refused", "form_incomplete", "street, scope"},
		{"name taken", func(c *Case) { c.NameTaken = true }, "refused", "name_taken", "青山小店"},
		{"permit", func(c *Case) { c.Permit = "食品经营许可证" }, "waiting", "permit_first", "食品经营许可证"},
		{"Hong Kong, Macao, Taiwan", func(c *Case) { c.Kind = "hmt" }, "waiting", "card_kind", "工作人员"},
		{"Hong Kong and 15", func(c *Case) { c.Kind, c.Age = "hmt", 15 }, "refused", "under_age", "16"},
		{"a card of tomorrow", func(c *Case) { c.Kind = "citizen_2030" }, "waiting", "card_kind", ""},
		{"foreign card of 2017", func(c *Case) { c.Kind = "foreign_2017" }, "refused", "card_foreign", "外商投资"},
		{"foreign card of 2023", func(c *Case) { c.Kind, c.Age, c.Number = "foreign_2023", 15, "wrong" }, "refused", "card_foreign", "外商投资"},
		{"young and taken", func(c *Case) { c.Age, c.NameTaken = 10, true }, "refused", "under_age", ""},
		{"taken and permit", func(c *Case) { c.NameTaken, c.Permit = true, "x" }, "refused", "name_taken", ""},
	} {
		in := fine()
		c.change(&in)
		d, err := s.Decide("license.individual", in)
		if err != nil || d.State != c.state || d.Code != c.code || !strings.Contains(d.Reason["zh"], c.says) || d.Reason["en"] == "" {
			t.Errorf("%s: %+v, %v, want %s %s", c.name, d, err, c.state, c.code)
		}
		if strings.ContainsAny(d.Reason["zh"]+d.Reason["en"], "{}") {
			t.Errorf("%s: the reason has a hole: %v", c.name, d.Reason)
		}
	}
}

func TestAServiceWithoutRulesIsAPersons(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := s.Decide("license.other", Case{}); err != nil || d.State != "waiting" || d.Code != "no_rule" || d.Reason["en"] == "" {
		t.Errorf("Decide = %+v, %v, want waiting", d, err)
	}
	if d, err := s.Decide("license.individual", Case{Number: "right", Card: "valid", Kind: "citizen", Age: 20}); err != nil || d.State != "approved" {
		t.Errorf("without answers: %+v, %v", d, err)
	}
}

func TestRulesThatAreNoneAreRefused(t *testing.T) {
	const head, tail = `{"service":"x","rules":[`, `],"approved":{"state":"approved","code":"a","reason":{}}}`
	one := func(when, state string) string {
		return head + `{"code":"c","when":"` + when + `","state":"` + state + `","reason":{"zh":"z","en":"e"}}` + tail
	}
	for name, c := range map[string]struct {
		raw string
		ok  bool
	}{
		"good":             {one("age < 3", "refused"), true},
		"waiting":          {one("name_taken", "waiting"), true},
		"no rules":         {head + tail, true},
		"approves":         {one("age < 3", "approved"), false},
		"no comparison":    {one("age", "refused"), false},
		"unknown word":     {one("height > 3", "refused"), false},
		"no expression":    {one("age <", "refused"), false},
		"wrong types":      {one("age == kind", "refused"), false},
		"unknown field":    {`{"service":"x","rule":[]}`, false},
		"no JSON":          {`{`, false},
		"approved refuses": {`{"service":"x","rules":[],"approved":{"state":"refused","code":"a","reason":{}}}`, false},
		"no English":       {head + `{"code":"c","when":"age < 3","state":"refused","reason":{"zh":"z"}}` + tail, false},
		"no code":          {head + `{"when":"age < 3","state":"refused","reason":{"zh":"z","en":"e"}}` + tail, false},
	} {
		s := &Set{map[string]*rules{}}
		if err := s.add([]byte(c.raw)); (err == nil) != c.ok {
			t.Errorf("%s: add = %v, want good %v", name, err, c.ok)
		}
	}
}

func TestARuleThatFailsSaysWhich(t *testing.T) {
	s := &Set{map[string]*rules{}}
	if err := s.add([]byte(`{"service":"x","rules":[{"code":"c","when":"answers['none'] == ''","state":"refused","reason":{"zh":"z","en":"e"}}],"approved":{"state":"approved","code":"a","reason":{}}}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decide("x", Case{}); err == nil || !strings.Contains(err.Error(), "rule c") {
		t.Errorf("Decide = %v, want the rule's code", err)
	}
}
