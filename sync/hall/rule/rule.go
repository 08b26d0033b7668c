// Package rule decides applications as far as rules can.
//
// The rules of a service are data: expressions in CEL over the case, each with the state it leads to, a
// code, and its reason in every language. The first one that holds decides; when none holds the case is
// approved, and that has a reason too. Doubt is a rule like any other: it leads to a person.
//
// The package is pure: what a rule asks of the register (is the name taken, does the trade need a permit
// first) comes in as values.
package rule

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"yichuang/kiosk/catalog"
)

//go:embed rules/*.json
var files embed.FS

// Case is what rules may look at.
type Case struct {
	Age       int64  // whole years on the day of the application; -1 when the birth is none
	Number    string // of the card: right, wrong, differs (from birth or sex beside it)
	Card      string // valid, not_yet, expired, unclear
	Kind      string // of the card: citizen, hmt, …
	Answers   map[string]string
	Missing   []string // fields of the form without a good answer
	NameTaken bool     // in this division, by another approved or waiting business
	Permit    string   // what permit the trade needs first; "" for none
}

// Decision is what came of it.
type Decision struct {
	State  string       `json:"state"` // approved, refused, waiting
	Code   string       `json:"code"`
	Reason catalog.Text `json:"reason"`
}

// Set is the rules of every service.
type Set struct{ services map[string]*rules }

type rules struct {
	list     []compiled
	approved Decision
}

type compiled struct {
	Decision
	program cel.Program
}

// document is one file of rules.
type document struct {
	Service string `json:"service"`
	Rules   []struct {
		Decision
		When string `json:"when"`
	} `json:"rules"`
	Approved Decision `json:"approved"`
}

// Load reads and compiles the rules that come with the program, once.
var Load = sync.OnceValues(load)

func load() (*Set, error) {
	entries, err := files.ReadDir("rules")
	if err != nil {
		return nil, err
	}
	s := &Set{map[string]*rules{}}
	for _, e := range entries {
		raw, err := files.ReadFile("rules/" + e.Name())
		if err != nil {
			return nil, err
		}
		if err := s.add(raw); err != nil {
			return nil, fmt.Errorf("rules %s: %w", e.Name(), err)
		}
	}
	return s, nil
}

func (s *Set) add(raw []byte) error {
	var d document
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return err
	}
	env, err := cel.NewEnv(
		cel.Variable("age", cel.IntType), cel.Variable("number", cel.StringType), cel.Variable("card", cel.StringType),
		cel.Variable("kind", cel.StringType), cel.Variable("answers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("missing", cel.ListType(cel.StringType)), cel.Variable("name_taken", cel.BoolType), cel.Variable("permit", cel.StringType))
	if err != nil {
		return err
	}
	out := &rules{approved: d.Approved}
	if d.Approved.State != "approved" {
		return fmt.Errorf("approved leads to %q", d.Approved.State)
	}
	for _, r := range d.Rules {
		if r.State != "refused" && r.State != "waiting" || r.Code == "" || r.Reason["zh"] == "" || r.Reason["en"] == "" {
			return fmt.Errorf("rule %q: want state refused or waiting, a code, and a reason in zh and en", r.Code)
		}
		ast, issues := env.Compile(r.When)
		if issues.Err() != nil {
			return fmt.Errorf("rule %q: %w", r.Code, issues.Err())
		}
		if ast.OutputType() != cel.BoolType {
			return fmt.Errorf("rule %q: %s is not true or false", r.Code, r.When)
		}
		program, err := env.Program(ast, cel.CostLimit(costMax))
		if err != nil {
			return fmt.Errorf("rule %q: %w", r.Code, err)
		}
		out.list = append(out.list, compiled{r.Decision, program})
	}
	s.services[d.Service] = out
	return nil
}

// costMax bounds what one rule may compute, in CEL's own units; a comparison costs a few.
const costMax = 100_000

// Decide decides a case of a service. A service without rules is a person's.
func (s *Set) Decide(service string, c Case) (Decision, error) {
	r := s.services[service]
	if r == nil {
		return Decision{"waiting", "no_rule", catalog.Text{"zh": "这项申请由工作人员审核。", "en": "A person looks at applications of this kind."}}, nil
	}
	values := map[string]any{
		"age": c.Age, "number": c.Number, "card": c.Card, "kind": c.Kind, "answers": nonNil(c.Answers),
		"missing": append([]string{}, c.Missing...), "name_taken": c.NameTaken, "permit": c.Permit,
	}
	for _, rule := range r.list {
		holds, _, err := rule.program.Eval(values)
		if err != nil {
			return Decision{}, fmt.Errorf("rule %s: %w", rule.Code, err)
		}
		if holds == types.True {
			return rule.fill(c), nil
		}
	}
	return r.approved.fill(c), nil
}

// fill puts the case's own words into a reason.
func (d Decision) fill(c Case) Decision {
	fill := strings.NewReplacer("{trade_name}", c.Answers["trade_name"], "{permit}", c.Permit, "{missing}", strings.Join(c.Missing, ", "))
	out := Decision{d.State, d.Code, catalog.Text{}}
	for language, text := range d.Reason {
		out.Reason[language] = fill.Replace(text)
	}
	return out
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
