package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yichuang/cmd/devsim/people"
)

// Who asks for change gets a desk that has coins and a payout; which, SET may say.
func TestChangeNeedsDevices(t *testing.T) {
	for set, want := range map[string]string{
		"":                         "device.coins=cctalk-coin device.payout=cctalk-hopper",
		"device.cash=ccnet":        "device.cash=ccnet device.coins=cctalk-coin device.payout=cctalk-hopper",
		"device.payout=ssp-payout": "device.payout=ssp-payout device.coins=cctalk-coin",
	} {
		s, err := parse([]string{"--journeys", "1,7", "--set", set})
		if err != nil || s.set != want {
			t.Errorf("SET=%q: got %q (%v), want %q", set, s.set, err, want)
		}
	}
	if s, err := parse([]string{"--journeys", "1,6"}); err != nil || s.set != "" {
		t.Errorf("without journey 7: got %q (%v), want nothing set", s.set, err)
	}
	for range 20 {
		plan, err := planOf(settings{seed: people.FreshSeed(), journeys: []int{7}})
		if err != nil || len(plan) != 1 || plan[0].due()%50 != 0 || sum(plan[0].Coins) == 0 || sum(plan[0].Notes)+sum(plan[0].Coins) < plan[0].due() {
			t.Errorf("got %+v (%v)", plan, err)
		}
	}
}

// What INPUT says of a scope may be its number or its words; what nobody could play is refused before a desk is started.
func TestInput(t *testing.T) {
	plan := func(text string) ([]journey, error) {
		file := filepath.Join(t.TempDir(), "input.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return planOf(settings{seed: 1, input: file, journeys: []int{1, 2, 3}})
	}
	got, err := plan(`{"journeys":[{"n":3,"trade":"5211","scope":["服装服饰零售","1"]},{"n":1,"notes_fen":[100,10000],"bills":[{"period":"2026-10","due_fen":5}]},{"n":2,"bills":[{"period":"2026-08","due_fen":123456}]},{"n":5}]}`)
	if err != nil || len(got) != 3 || strings.Join(got[0].Scope, " ") != "2 1" || len(got[1].Notes) != 2 || got[1].due() != 5 || got[1].AccountName == "" {
		t.Errorf("got %+v (%v)", got, err)
	}
	for why, text := range map[string]string{
		"no note of 300": `{"journeys":[{"n":1,"notes_fen":[300]}]}`,
		"has no \"9\"":   `{"journeys":[{"n":3,"trade":"5211","scope":["9"]}]}`,
		"has no \"鞋\"":   `{"journeys":[{"n":3,"trade":"5211","scope":["鞋"]}]}`,
		"no coin of 5 ":  `{"journeys":[{"n":7,"coins_fen":[5]}]}`,
		"want 1 to 7":    `{"journeys":[{"n":8}]}`,
		"unknown field":  `{"journeys":[{"n":1,"note_fen":[100]}]}`,
	} {
		if _, err := plan(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got %v, want %q in it", text, err, why)
		}
	}
}
