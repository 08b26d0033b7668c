package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/devices/cash"
	"yichuang/kiosk/catalog/first"
	"yichuang/kiosk/payment"
)

// journey is one to be played, with its people and amounts. The exported fields are those of INPUT.
type journey struct {
	N           int               `json:"n"`
	AccountName string            `json:"account_name"`
	Bills       []deskclient.Bill `json:"bills"`
	Notes       []int64           `json:"notes_fen"`
	Coins       []int64           `json:"coins_fen"`
	Mode        string            `json:"mode"`
	Card        *deskclient.Card  `json:"card"`
	Division    string            `json:"division"`
	Street      string            `json:"street"`
	Trade       string            `json:"trade"`
	Scope       []string          `json:"scope"`
	TradeName   string            `json:"trade_name"`

	caseID string
}

// planOf makes the journeys from INPUT, or from the seed.
func planOf(s settings) ([]journey, error) {
	source := people.New(s.seed)
	var plan []journey
	if s.input != "" {
		raw, err := os.ReadFile(s.input)
		if err != nil {
			return nil, err
		}
		var in struct {
			Journeys []journey `json:"journeys"`
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil {
			return nil, fmt.Errorf("INPUT %s: %w", s.input, err)
		}
		for _, j := range in.Journeys {
			if j.N < 1 || j.N > journeysMax {
				return nil, fmt.Errorf("INPUT %s: journey %d: want 1 to %d", s.input, j.N, journeysMax)
			}
			if err := j.check(); err != nil {
				return nil, fmt.Errorf("INPUT %s: journey %d: %w", s.input, j.N, err)
			}
			if s.has(j.N) {
				plan = append(plan, fill(source, j))
			}
		}
		return plan, nil
	}
	for _, n := range s.journeys {
		if n == 2 {
			plan = append(plan, fill(source, journey{N: 2, Mode: "show"}), fill(source, journey{N: 2, Mode: "scan"}))
			continue
		}
		plan = append(plan, fill(source, journey{N: n}))
	}
	return plan, nil
}

// check refuses what nobody could play, and turns a scope's words into its number in the list of its trade.
func (j *journey) check() error {
	for _, fen := range j.Notes {
		if !slices.ContainsFunc(payment.Faces, func(f cash.Note) bool { return int64(f.Face) == fen }) {
			return fmt.Errorf("notes_fen: there is no note of %d fen that is taken", fen)
		}
	}
	for _, fen := range j.Coins {
		if !slices.ContainsFunc(payment.Coins, func(c cash.Note) bool { return c.Face == fen }) {
			return fmt.Errorf("coins_fen: there is no coin of %d fen that is taken", fen)
		}
	}
	if len(j.Scope) == 0 {
		return nil
	}
	offer, err := first.Catalog()
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, n := range offer.Lists["scopes"] {
		if n.Parent == j.Trade {
			number := strconv.Itoa(len(names) + 1)
			names[n.Name.In("zh")] = number
		}
	}
	for i, scope := range j.Scope {
		if number, ok := names[scope]; ok {
			j.Scope[i] = number
		} else if n, err := strconv.Atoi(scope); err != nil || n < 1 || n > len(names) {
			return fmt.Errorf("scope: trade %q has no %q; it has %d", j.Trade, scope, len(names))
		}
	}
	return nil
}

// trades are decided by rule, without a person.
var trades = []string{"5212", "5211", "5232", "8111"}

// shops are made of common characters, so that everybody can type them.
var shops = []string{"春风", "长河", "青山", "明月", "南山", "大地", "平安", "新天地", "东方", "小桥"}

// fill makes up what the journey does not say.
func fill(source *people.Source, j journey) journey {
	if j.AccountName == "" {
		j.AccountName = source.Name()
	}
	if len(j.Bills) == 0 {
		for month := 9; month <= 9+source.IntN(2); month++ {
			due := int64(1500 + source.IntN(6000))
			if j.N == 7 {
				due -= due % 50 // change is promised where the hoppers' coins make it up
			}
			j.Bills = append(j.Bills, deskclient.Bill{Period: fmt.Sprintf("2026-%02d", month), Due: due})
		}
	}
	if j.N == 7 && len(j.Coins) == 0 {
		j.Coins = []int64{100, 50}
	}
	if len(j.Notes) == 0 {
		j.Notes = notesFor(j.due()-sum(j.Coins), source)
	}
	if j.Mode == "" {
		j.Mode = []string{"show", "scan"}[source.IntN(2)]
	}
	if j.Card == nil {
		p := source.Person()
		c := deskclient.Card(p)
		j.Card = &c
	}
	if j.Division == "" {
		j.Division = []string{"110101", "310101", "440103", "320102"}[source.IntN(4)]
	}
	if j.Street == "" {
		j.Street = fmt.Sprintf("人民路%d号", 1+source.IntN(99))
	}
	if j.Trade == "" {
		j.Trade = trades[source.IntN(2)]
	}
	if j.TradeName == "" {
		j.TradeName = shops[source.IntN(len(shops))] + shops[source.IntN(len(shops))] + "商店"
	}
	return j
}

func (j *journey) due() (sum int64) {
	for _, b := range j.Bills {
		sum += b.Due
	}
	return sum
}

func sum(amounts []int64) (all int64) {
	for _, a := range amounts {
		all += a
	}
	return all
}

// notesFor meets an amount with notes, the last of which is usually more than what is left.
func notesFor(due int64, source *people.Source) (notes []int64) {
	faces := []int64{10000, 5000, 2000, 1000, 500, 100}
	for due > 0 {
		f := faces[source.IntN(len(faces))]
		if f < due/6 && f < faces[0] { // a large sum is met with the largest notes
			continue
		}
		notes = append(notes, f)
		due -= f
	}
	return notes
}
