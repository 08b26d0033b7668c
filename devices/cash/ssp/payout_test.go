package ssp

import (
	"fmt"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

func pile(face, n int64) cash.Pile {
	return cash.Pile{Note: cash.Note{Face: face, Currency: "CNY"}, Count: n}
}

func TestCame(t *testing.T) {
	memory := func(paid, stored, moved int, levels ...cash.Pile) cash.Memory {
		return cash.Memory{Serial: "1", Known: true, Counter: paid*paidOnce + stored*paidPart + moved, Levels: levels}
	}
	bare := func(levels ...cash.Pile) cash.Memory {
		return cash.Memory{Serial: "1", Known: true, Counter: uncounted, Levels: levels}
	}
	asked := []cash.Pile{pile(100, 2), pile(500, 1)}
	other := memory(5, 0, 0, pile(100, 9))
	other.Serial = "2"
	for _, tt := range []struct {
		name        string
		before, now cash.Memory
		want        cash.Paid
	}{
		{"nothing", memory(5, 1, 1, pile(100, 9), pile(500, 3)), memory(5, 1, 1, pile(500, 3), pile(100, 9)), cash.Paid{}},
		{"all", memory(5, 1, 1, pile(100, 9), pile(500, 3)), memory(8, 1, 1, pile(100, 7), pile(500, 2)), cash.Paid{Out: asked}},
		{"all, the last ones", memory(5, 1, 1, pile(100, 2), pile(500, 1)), memory(8, 1, 1), cash.Paid{Out: asked}},
		{"some", memory(5, 1, 1, pile(100, 9), pile(500, 3)), memory(6, 1, 1, pile(100, 9), pile(500, 2)), cash.Paid{Out: []cash.Pile{pile(500, 1)}}},
		{"some, without counters", bare(pile(100, 9), pile(500, 3)), bare(pile(100, 8), pile(500, 3)), cash.Paid{Out: []cash.Pile{pile(100, 1)}}},
		{"more than asked", memory(5, 1, 1, pile(100, 9)), memory(8, 1, 1, pile(100, 6)), cash.Paid{Unsure: asked}},
		{"another face", bare(pile(100, 9), pile(1000, 3)), bare(pile(100, 9), pile(1000, 2)), cash.Paid{Unsure: asked}},
		{"a level rose", bare(pile(100, 9)), bare(pile(100, 10)), cash.Paid{Unsure: asked}},
		{"levels and counter disagree", memory(5, 1, 1, pile(100, 9)), memory(7, 1, 1, pile(100, 8)), cash.Paid{Unsure: asked}},
		{"stored meanwhile, nothing paid", memory(5, 1, 1, pile(100, 9)), memory(5, 2, 1, pile(100, 10)), cash.Paid{}},
		{"stored meanwhile, all paid", memory(5, 1, 1, pile(100, 9)), memory(8, 2, 1, pile(100, 8)), cash.Paid{Out: asked}},
		{"stored meanwhile, some paid", memory(5, 1, 1, pile(100, 9)), memory(7, 2, 1, pile(100, 8)), cash.Paid{Unsure: asked}},
		{"moved to the box meanwhile, nothing paid", memory(5, 1, 1, pile(100, 9)), memory(5, 1, 4, pile(100, 6)), cash.Paid{}},
		{"another unit", other, memory(5, 0, 0, pile(100, 9)), cash.Paid{Unsure: asked}},
		{"no memory", cash.Memory{}, memory(5, 0, 0, pile(100, 9)), cash.Paid{Unsure: asked}},
		{"counters lost", memory(5, 0, 0, pile(100, 9)), bare(pile(100, 9)), cash.Paid{Unsure: asked}},
		{"counters found", bare(pile(100, 9)), memory(5, 0, 0, pile(100, 9)), cash.Paid{Unsure: asked}},
	} {
		if got := came(tt.before, tt.now, asked); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestLevels(t *testing.T) {
	data := unhex(t, "03 0200 64000000 "+cny+" 0000 F4010000 "+cny+" 0101 E8030000 "+cny)
	got, err := parseLevels(data)
	if want := []cash.Pile{pile(100, 2), pile(1000, 257)}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for n := range data {
		if got, err := parseLevels(data[:n]); n > 0 && !fault.Is(err, fault.Garbled) {
			t.Errorf("%d bytes: got %v, %v", n, got, err)
		}
	}
}

// A Note Float is ordered the next piece only when each one before came out, and nothing stopped it.
func TestGoesOn(t *testing.T) {
	memory := func(paid int) cash.Memory {
		return cash.Memory{Serial: "1", Known: true, Counter: paid * paidOnce, Levels: []cash.Pile{pile(1000, int64(9-paid))}}
	}
	for _, tt := range []struct {
		name    string
		unit    unit
		orders  int64
		out     int
		stopped bool
		want    bool
	}{
		{"one came", unitNoteFloat, 1, 1, false, true},
		{"two came", unitNoteFloat, 2, 2, false, true},
		{"all came", unitNoteFloat, 3, 3, false, false},
		{"one came short", unitNoteFloat, 2, 1, false, false},
		{"it was halted after one", unitNoteFloat, 1, 1, true, false},
		{"all were one order", unitPayout, 1, 1, false, false},
	} {
		a, job := New(nil, Options{}), &task{pay: true, before: memory(0), pieces: []cash.Pile{pile(1000, 3)}, orders: tt.orders}
		if tt.stopped {
			job.stopped = a.d.Fail(fault.Refused, "pay", "halted")
		}
		if got := a.goesOn(job, &talk{unit: tt.unit}, memory(tt.out)); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The note on top, by values and by channels.
func TestTop(t *testing.T) {
	channels := []cash.Note{pile(100, 0).Note, pile(500, 0).Note, pile(1000, 0).Note}
	for text, want := range map[string]int64{"00": 0, "01 F4010000": 500, "03 E8030000 E8030000 64000000": 100, "02 64000000 C8000000": 0,
		"01 03": 1000, "03 03 03 01": 100, "02 01 04": 0, "01 00": 0} {
		got, err := parseTop(unhex(t, text), channels)
		if err != nil || got.Face != want || want > 0 && got.Currency != "CNY" {
			t.Errorf("%s: got %v, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "01", "00 00", "02 01", "01 F40100", "02 F4010000", "01 F401000000"} {
		if got, err := parseTop(unhex(t, text), channels); !fault.Is(err, fault.Garbled) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func FuzzTop(f *testing.F) {
	channels := []cash.Note{pile(100, 0).Note, pile(500, 0).Note}
	f.Add(unhex(f, "02 64000000 F4010000"))
	f.Add(unhex(f, "02 01 02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if top, err := parseTop(data, channels); top.Face > 0 && (err != nil || len(data) < 2) {
			t.Errorf("% x: got %v, %v", data, top, err)
		}
	})
}

// The order of the data sheet's last vector's kind: two of 1 yuan and one of 10.
func TestByDenomination(t *testing.T) {
	want := unhex(t, "02 0200 64000000 "+cny+" 0100 E8030000 "+cny+" 58")
	if got := byDenomination([]cash.Pile{pile(100, 2), pile(1000, 1)}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got % X, want % X", got, want)
	}
}

func TestDenied(t *testing.T) {
	a := New(nil, Options{})
	for raw, want := range map[string]fault.Kind{"F500": fault.Empty, "F501": fault.Empty, "F502": fault.Empty, "F503": fault.Refused, "F504": fault.Refused, "F509": fault.Refused, "F8": fault.Refused} {
		if err := a.denied(&fault.Error{Kind: fault.Refused, Raw: unhex(t, raw)}); !fault.Is(err, want) {
			t.Errorf("%s: got %v, want %s", raw, err, want)
		}
	}
}

func FuzzLevels(f *testing.F) {
	f.Add(unhex(f, "01 0200 64000000 "+cny))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parseLevels(data); err == nil && len(list) > 255 {
			t.Errorf("% x: %d levels", data, len(list))
		}
	})
}

// What a unit with a store says at power-up: into the box, into the store, with its value or, before version 8, without.
func TestClearedInARecycler(t *testing.T) {
	ten := cash.Note{Face: 1000, Currency: "CNY"}
	for _, tt := range []struct {
		name  string
		e     event
		held  byte // the channel of the open note; 0 when none is
		extra uint32
		want  string
	}{
		{"into the box", event{code: evStackedAtUp, amounts: []amount{{value: 1000, currency: "CNY"}}}, 3, 0, "stacked 1000 false"},
		{"into the store", event{code: evStoredAtUp, amounts: []amount{{value: 1000, currency: "CNY"}}}, 3, 0, "stacked 1000 true"},
		{"without a value", event{code: evStoredAtUp}, 3, 0, "stacked 1000 true"},
		{"nobody was told of it, but it is counted", event{code: evStoredAtUp, amounts: []amount{{value: 500, currency: "CNY"}}}, 0, 1, "stacked 500 true"},
		{"nobody was told of it, nor is it counted", event{code: evStoredAtUp, amounts: []amount{{value: 500, currency: "CNY"}}}, 0, 0, "lost 500 false"},
		{"nobody knows what it was", event{code: evStackedAtUp}, 0, 1, "lost 0 false"},
		{"another one, both counted", event{code: evStackedAtUp, amounts: []amount{{value: 500, currency: "CNY"}}}, 3, 2, "stacked 1000 false stacked 500 false"},
		{"another one, nothing counted", event{code: evStackedAtUp, amounts: []amount{{value: 500, currency: "CNY"}}}, 3, 0, "lost 1000 false stacked 500 false"},
		{"one that nobody could name before it, both counted", event{code: evStackedAtUp, amounts: []amount{{value: 500, currency: "CNY"}}}, unnamed, 2, "lost 0 false stacked 500 false"},
	} {
		a := New(nil, Options{})
		a.resumed, a.base.known = true, true
		a.now = counters{stacked: tt.extra, known: true}
		if tt.held > 0 {
			a.held = &pending{channel: tt.held, base: a.base}
		}
		if tt.held == 3 {
			a.held.Note = ten
		}
		a.cleared(tt.e, nil)
		got := ""
		for _, s := range a.d.Waiting() {
			got += fmt.Sprintf(" %s %d %v", s.What, s.Note.Face, s.Store)
		}
		if got != " "+tt.want || a.held != nil || a.base != a.now {
			t.Errorf("%s: told%s, want %s; base %+v", tt.name, got, tt.want, a.base)
		}
	}
}
