package casefile

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yichuang/kiosk/money"
)

var golden = flag.Bool("golden", false, "write the golden files anew")

// event reads "KIND CASE HEADER".
func event(t interface{ Fatalf(string, ...any) }, line string) Event {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) != 3 {
		t.Fatalf("%q: want KIND CASE HEADER", line)
	}
	e, err := Decode(Kind(parts[0]), strings.TrimPrefix(parts[1], "-"), []byte(parts[2]))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return e
}

func instant(seq int64) time.Time { return time.Unix(1790000000+seq, 0).UTC() }

// apply adds events to a book and sees that it holds after each.
func apply(t *testing.T, b *Book, lines ...string) {
	t.Helper()
	for _, line := range lines {
		e := event(t, line)
		if _, err := e.Encode(); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if err := b.Apply(b.Seq+1, instant(b.Seq+1), e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if bad := b.Check(); len(bad) > 0 {
			t.Fatalf("after %q: %v", line, bad)
		}
	}
}

func text(t interface{ Fatalf(string, ...any) }, b *Book) string {
	raw, err := json.MarshalIndent(b, "", "\t")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(raw)
}

func life(t *testing.T) (lines []string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/life.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// compare holds a text against a golden file.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *golden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// One journal with every kind adds up to the book that was looked at by eye.
func TestEveryKindInOneLife(t *testing.T) {
	b := NewBook()
	lines := life(t)
	apply(t, b, lines...)
	compare(t, "testdata/book.json", text(t, b)+"\n")
	happened := map[Kind]bool{}
	for _, line := range lines {
		happened[event(t, line).Kind] = true
	}
	for kind := range Fields {
		if !happened[kind] {
			t.Errorf("%s never happens in testdata/life.txt", kind)
		}
		if appliers[kind] == nil {
			t.Errorf("%s has no applier", kind)
		}
	}
	if len(appliers) != len(Fields) {
		t.Errorf("got %d appliers, want %d", len(appliers), len(Fields))
	}
	if got := b.OpenBegun(); got != 5 {
		t.Errorf("open: got %d, want 5: a note, a payout, an order, a paper, a sheet", got)
	}
}

// What the totals are at each step of a payment, told by hand.
func TestWhereMoneyStands(t *testing.T) {
	b := NewBook()
	steps := []struct {
		line string
		want Places
	}{
		{`case.opened a {"service":"pay.water"}`, Places{}},
		{`note.escrowed a {"note":1,"face_fen":10000,"currency":"CNY"}`, Places{}},
		{`note.stacking a {"note":1,"face_fen":10000,"currency":"CNY"}`, Places{}},
		{`note.stacked a {"note":1,"face_fen":10000,"currency":"CNY"}`, Places{Visit: 10000}},
		{`order.begun a {"out_trade_no":"T","amount_fen":300}`, Places{Visit: 10000}},
		{`order.paid a {"out_trade_no":"T","amount_fen":300}`, Places{Visit: 10300}},
		{`order.refunded a {"out_trade_no":"T","amount_fen":300}`, Places{Visit: 10000, Refunded: 300}},
		{`note.escrowed a {"note":2,"face_fen":500,"currency":"CNY"}`, Places{Visit: 10000, Refunded: 300}},
		{`note.doubtful a {"note":2,"face_fen":500,"currency":"CNY","owed":"O2"}`, Places{Visit: 10000, Refunded: 300, Doubtful: 500}},
		{`payment.settled a {"bill_fen":7000,"extra_fen":2000,"owed_fen":1000,"owed":"O1"}`, Places{Bills: 7000, Surplus: 2000, Owed: 1000, Refunded: 300, Doubtful: 500}},
		{`bill.refused a {"amount_fen":9000,"owed":"O3"}`, Places{Owed: 10000, Refunded: 300, Doubtful: 500}},
		{`owed.paid a {"owed":"O3","amount_fen":9000}`, Places{Owed: 1000, PaidOut: 9000, Refunded: 300, Doubtful: 500}},
		{`note.settled a {"note":2,"as":"stacked"}`, Places{Owed: 1500, PaidOut: 9000, Refunded: 300}},
		{`owed.paid a {"owed":"O2","amount_fen":500}`, Places{Owed: 1000, PaidOut: 9500, Refunded: 300}},
	}
	for _, s := range steps {
		apply(t, b, s.line)
		if b.Placed != s.want {
			t.Errorf("after %s: got %+v, want %+v", s.line, b.Placed, s.want)
		}
	}
	if got := b.Placed.Sum(); got != 10800 || b.StackedFen != 10500 || b.QRPaid != 300 {
		t.Errorf("in all: got %s placed, %s in notes, %s by phone; want 108.00, 105.00, 3.00", got, b.StackedFen, b.QRPaid)
	}
	if got := (Places{1, 20, 300, 4000, 50000, 600000, 7000000}).Sum(); got != 7654321 {
		t.Errorf("sum: got %d, want 7654321", int64(got))
	}
}

// beginnings are states from which the refusals of refusals.txt start.
var beginnings = map[string][]string{
	"empty": {},
	"case":  {`case.opened a {"service":"pay.water"}`, `case.opened b {"service":"pay.water"}`},
}

func init() {
	add := func(name, before string, lines ...string) {
		beginnings[name] = append(slices.Clone(beginnings[before]), lines...)
	}
	add("handed", "case", `case.submitted a {}`)
	add("held", "case", `note.escrowed a {"note":1,"face_fen":5000,"currency":"CNY"}`)
	add("returning", "held", `note.returning a {"note":1,"face_fen":5000,"currency":"CNY"}`)
	add("unseen", "case", `acceptor.reset a {"asked":"reset","owed":"O1"}`)
	add("stacking", "held", `note.stacking a {"note":1,"face_fen":5000,"currency":"CNY"}`)
	add("stacked", "stacking", `note.stacked a {"note":1,"face_fen":5000,"currency":"CNY"}`)
	add("doubtful", "stacking", `note.doubtful a {"note":1,"face_fen":5000,"currency":"CNY","owed":"O1","claim":"h1"}`)
	add("settled", "stacked", `payment.settled a {"bill_fen":3000,"extra_fen":500,"owed_fen":1500,"owed":"O1","claim":"h1"}`)
	add("owing", "settled", `note.escrowed b {"note":2,"face_fen":100,"currency":"CNY"}`)
	add("taken", "owing", `note.doubtful b {"note":2,"face_fen":100,"currency":"CNY","owed":"O7"}`, `bill.refused a {"amount_fen":3500,"owed":"O7"}`)
	add("posted", "settled", `bill.posted a {"amount_fen":3500}`)
	add("ordered", "case", `order.begun a {"out_trade_no":"T1","amount_fen":400}`)
	add("paid", "ordered", `order.paid a {"out_trade_no":"T1","amount_fen":400}`)
	add("placed", "paid", `payment.settled a {"bill_fen":400}`)
	add("late", "ordered", `payment.settled a {}`)
	add("paidout", "settled", `owed.paid a {"owed":"O1","amount_fen":1500}`)
	add("redeemed", "empty", `owed.redeemed z {"owed":"O9","amount_fen":700}`)
	add("paper", "settled", `paper.begun a {"paper":"P1","what":"slip","owed":"O1"}`)
	add("tray", "settled", `paper.begun a {"paper":"P1","what":"slip","way":"tray","owed":"O1"}`)
	add("blanks", "case", `blanks.loaded - {"tray":"A3","first":"Y01","count":2}`, `blanks.loaded - {"tray":"A4","first":"Z01","count":2}`)
	add("printing", "blanks", `license.printing a {"permit":"p1","form":"original","tray":"A3","serial":"Y01"}`)
	add("printed", "printing", `license.printed a {"permit":"p1","serial":"Y01"}`)
	add("stock", "settled", `stock.loaded - {"pieces":[{"face_fen":500,"currency":"CNY","count":9}]}`)
	add("paying", "stock", `payout.begun a {"payout":"Y1","owed":"O1","amount_fen":1500,"pieces":[{"face_fen":500,"currency":"CNY","count":3}]}`)
	add("unsure", "paying", `payout.doubtful a {"payout":"Y1","amount_fen":500,"pieces":[{"face_fen":500,"currency":"CNY","count":1}],"unsure":[{"face_fen":500,"currency":"CNY","count":1}],"owed":"O5","claim":"h5"}`)
	add("unsaid", "unsure", `acceptor.reset a {"asked":"reset","owed":"O5"}`, `note.escrowed a {"note":2,"face_fen":100,"currency":"CNY"}`,
		`note.doubtful a {"note":2,"face_fen":100,"currency":"CNY","owed":"O5","claim":"h"}`, `note.settled a {"note":2,"as":"stacked"}`)
	add("coded", "stock", `owed.recoded a {"owed":"O1","claim":"h2"}`)
	add("change", "paying", `payout.ended a {"payout":"Y1","amount_fen":1500,"pieces":[{"face_fen":500,"currency":"CNY","count":3}]}`)
	add("coins", "case", `coin.taken a {"face_fen":100,"currency":"CNY"}`)
	add("unseencoin", "case", `coins.reset a {"asked":"reset","owed":"O1"}`)
	add("unclear", "printing", `license.doubtful a {"permit":"p1","serial":"Y01"}`)
}

// What cannot follow is refused, and the book is then as it was.
func TestRefusals(t *testing.T) {
	raw, err := os.ReadFile("testdata/refusals.txt")
	if err != nil {
		t.Fatal(err)
	}
	refused := map[Kind]bool{}
	for _, row := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		from, rest, _ := strings.Cut(row, " ")
		line, why, ok := strings.Cut(rest, " ! ")
		if !ok || beginnings[from] == nil {
			t.Fatalf("%q: want STATE KIND CASE HEADER ! WHY", row)
		}
		b := NewBook()
		apply(t, b, beginnings[from]...)
		before := text(t, b)
		e := event(t, line)
		refused[e.Kind] = true
		why = fmt.Sprintf("apply %s (event %d): %s", e.Kind, b.Seq+1, why)
		if err := b.Apply(b.Seq+1, instant(99), e); err == nil || err.Error() != why {
			t.Errorf("%s: got %v, want %s", row, err, why)
		}
		if after := text(t, b); after != before {
			t.Errorf("%s: the book has changed although it was refused", row)
		}
	}
	free := []Kind{TerminalStarted, VisitBegun, VisitEnded, CaseRated, CaseDecided, CashOpened, CashClosed, BoxOut, BoxIn}
	for kind := range Fields {
		if refused[kind] == slices.Contains(free, kind) {
			t.Errorf("%s: refused somewhere: %v, and among those that always may happen: %v", kind, refused[kind], !refused[kind])
		}
	}
}

func TestGapsAndUnknownKinds(t *testing.T) {
	b := NewBook()
	for _, seq := range []int64{0, 2, -1} {
		want := fmt.Sprintf("apply case.opened: event %d after 0", seq)
		if err := b.Apply(seq, instant(1), event(t, `case.opened a {}`)); err == nil || err.Error() != want || len(b.Cases) != 0 {
			t.Errorf("event %d first: got %v, want %s", seq, err, want)
		}
	}
	later := Event{Kind: "case.blessed", Case: "a", Header: Header{Mark: &Mark{Serial: "9", Counter: 3, Known: true}}}
	if err := b.Apply(1, instant(1), later); err != nil || b.Seq != 1 || b.Mark.Counter != 3 || b.MarkSeq != 1 {
		t.Errorf("a kind of a later version: got %v, seq %d, mark %+v", err, b.Seq, b.Mark)
	}
	later.Header.Mark.Known = false
	later.Header.Mark.Counter = 8
	if err := b.Apply(2, instant(2), later); err != nil || b.Mark.Counter != 3 || b.MarkSeq != 1 {
		t.Errorf("an unknown mark: got %v, mark %+v of %d, want the former", err, b.Mark, b.MarkSeq)
	}
}

func TestVisitStandsWhileItLasts(t *testing.T) {
	b := NewBook()
	apply(t, b, `visit.begun - {"visit":"v1"}`)
	if b.Visit != "v1" {
		t.Errorf("visit: got %q, want v1", b.Visit)
	}
	apply(t, b, `visit.ended - {"visit":"v1"}`)
	if b.Visit != "" {
		t.Errorf("visit: got %q, want none", b.Visit)
	}
}

// A paper that was to go one way ends in it, or does not come out at all.
func TestPaperOnItsWay(t *testing.T) {
	for line, slip := range map[string]string{
		`paper.printed a {"paper":"P1","what":"slip","way":"tray","owed":"O1"}`:   "tray",
		`paper.failed a {"paper":"P1","what":"slip","fault":"empty","owed":"O1"}`: "",
	} {
		b := NewBook()
		apply(t, b, beginnings["tray"]...)
		apply(t, b, line)
		if len(b.Papers) != 0 || b.Owed["O1"].Slip != slip {
			t.Errorf("%s: got papers %v, slip %q; want none open, %q", line, b.Papers, b.Owed["O1"].Slip, slip)
		}
	}
}

// What was in doubt and is owed has the slip that came out while it was: none, if it was over before, or if the last one did
// not come out, or another code was given since.
func TestSlipOfADoubt(t *testing.T) {
	const (
		coded   = `owed.recoded a {"owed":"%s","claim":"h2"}`
		begun   = `paper.begun a {"paper":"P1","what":"doubtful","owed":"%s"}`
		printed = `paper.printed a {"paper":"P1","what":"doubtful","way":"receipt","owed":"%s"}`
		failed  = `paper.failed a {"paper":"P1","what":"doubtful","fault":"empty","owed":"%s"}`
	)
	for _, doubt := range []struct{ before, owed, settled string }{
		{"doubtful", "O1", `note.settled a {"note":1,"as":"stacked"}`},
		{"unsure", "O5", `payout.settled a {"payout":"Y1","as":"kept"}`},
	} {
		settled := doubt.settled
		for _, c := range []struct {
			lines []string
			slip  string
			coded bool
		}{
			{[]string{settled}, "", false},
			{[]string{coded, begun, printed, settled}, "receipt", true},
			{[]string{coded, begun, settled, printed}, "receipt", true},
			{[]string{coded, begun, failed, settled}, "", true},
			{[]string{coded, begun, printed, coded, settled}, "", true},
		} {
			b := NewBook()
			apply(t, b, beginnings[doubt.before]...)
			for _, line := range c.lines {
				apply(t, b, strings.ReplaceAll(line, "%s", doubt.owed))
			}
			if o := b.Owed[doubt.owed]; o == nil || o.Slip != c.slip || o.Coded != c.coded {
				t.Errorf("%v: got %+v, want slip %q and coded %v", c.lines, o, c.slip, c.coded)
			}
		}
	}
}

func TestLookingThingsUp(t *testing.T) {
	b := NewBook()
	if b.OpenNote() != nil || b.OpenOrder("a") != nil || b.LiveSheet("a", "original") != nil || len(b.OwedOf("a")) != 0 || b.OpenBegun() != 0 {
		t.Error("an empty book knows of something")
	}
	apply(t, b, beginnings["held"]...)
	if n := b.OpenNote(); n == nil || n.Number != 1 || b.OpenBegun() != 1 {
		t.Errorf("open note: got %+v, want note 1", n)
	}
	b = NewBook()
	apply(t, b, beginnings["doubtful"]...)
	if n := b.OpenNote(); n != nil || b.OpenBegun() != 0 {
		t.Errorf("open note: got %+v, want none: it is doubtful", n)
	}
	b = NewBook()
	apply(t, b, beginnings["ordered"]...)
	if o := b.OpenOrder("a"); o == nil || o.Attempt != "T1" || b.OpenOrder("b") != nil || b.OpenBegun() != 1 {
		t.Errorf("open order: got %+v, want T1 of a alone", o)
	}
	apply(t, b, `order.paid a {"out_trade_no":"T1","amount_fen":400}`)
	if o := b.OpenOrder("a"); o != nil || b.OpenBegun() != 0 {
		t.Errorf("open order: got %+v, want none: it is paid", o)
	}
	for state, live := range map[string]bool{"blanks": false, "printing": true, "printed": true, "unclear": true} {
		b = NewBook()
		apply(t, b, beginnings[state]...)
		if got := b.LiveSheet("a", "original") != nil; got != live || b.LiveSheet("a", "duplicate") != nil || b.LiveSheet("b", "original") != nil {
			t.Errorf("live sheet, %s: got %v, want %v for the original of a alone", state, got, live)
		}
		if got, want := b.OpenBegun(), map[bool]int{true: 1}[state == "printing"]; got != want {
			t.Errorf("open, %s: got %d, want %d", state, got, want)
		}
	}
	b = NewBook()
	apply(t, b, beginnings["settled"]...)
	apply(t, b, `bill.refused a {"amount_fen":3500,"owed":"O0"}`, `note.escrowed b {"note":2,"face_fen":100,"currency":"CNY"}`,
		`note.stacked b {"note":2,"face_fen":100,"currency":"CNY"}`, `payment.settled b {"owed_fen":100,"owed":"O9"}`)
	var ids []string
	for _, o := range b.OwedOf("a") {
		ids = append(ids, o.ID)
	}
	if want := []string{"O1", "O0"}; !slices.Equal(ids, want) {
		t.Errorf("owed of a: got %v, want %v, the oldest first", ids, want)
	}
}

func TestSerials(t *testing.T) {
	for serial, want := range map[string]string{"YC000098": "YC000099", "YC000099": "YC000100", "A9": "A0", "099": "100", "999": "000", "X": "X", "": "", "12B": "12B", "1B8": "1B9", "B0009": "B0010", "9a9": "9a0"} {
		if got := After(serial); got != want {
			t.Errorf("after %q: got %q, want %q", serial, got, want)
		}
	}
	tray := &Tray{Packs: []Pack{{"Y08", 2}, {"Z5", 1}}}
	for i, want := range []string{"Y08", "Y09", "Z5", ""} {
		if got, ok := tray.Next(); got != want || ok != (want != "") || tray.Left() != int64(3-i) {
			t.Errorf("blank %d: got %q (%v), %d left; want %q, %d left", i+1, got, ok, tray.Left(), want, 3-i)
		}
		if want != "" {
			tray.take()
		}
	}
	none := (*Tray)(nil)
	if _, ok := none.Next(); ok || none.Left() != 0 {
		t.Error("a tray that is not there has a blank")
	}
}

// Two packs may not bring the same blank twice: the first one that they share is named as it is printed on it.
func TestPacksThatShareABlank(t *testing.T) {
	tests := []struct {
		a, b Pack
		want string
	}{
		{Pack{"YC000100", 10}, Pack{"YC000109", 5}, "YC000109"},
		{Pack{"YC000100", 10}, Pack{"YC000110", 5}, ""},
		{Pack{"YC000100", 10}, Pack{"YC000100", 10}, "YC000100"},
		{Pack{"YC000100", 100}, Pack{"YC000150", 1}, "YC000150"},
		{Pack{"YC000100", 10}, Pack{"YD000100", 10}, ""},
		{Pack{"YC000100", 10}, Pack{"YC00100", 10}, ""}, // one digit less: another blank
		{Pack{"7", 3}, Pack{"9", 1}, "9"},
		{Pack{"A7B07", 3}, Pack{"A7B09", 1}, "A7B09"},
		{Pack{"A7B07", 3}, Pack{"A8B07", 3}, ""},
	}
	for _, tt := range tests {
		if got, back := tt.a.Overlap(tt.b), tt.b.Overlap(tt.a); got != tt.want || back != tt.want {
			t.Errorf("%v and %v: got %q and, the other way round, %q; want %q", tt.a, tt.b, got, back, tt.want)
		}
	}
}

// The blank that two packs share is found as by taking both to the last sheet.
func TestSharedBlankIsTheOneThatIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Pack {
			return Pack{First: rapid.SampledFrom([]string{"", "Y", "Z"}).Draw(t, name) + fmt.Sprintf("%03d", rapid.Int64Range(0, 40).Draw(t, name)), Count: rapid.Int64Range(1, 30).Draw(t, name)}
		}
		a, b := draw("a"), draw("b")
		serials := map[string]bool{}
		for tray := (&Tray{Packs: []Pack{a}}); tray.Left() > 0; tray.take() {
			serials[tray.Packs[0].First] = true
		}
		want := ""
		for tray := (&Tray{Packs: []Pack{b}}); tray.Left() > 0 && want == ""; tray.take() {
			if next, _ := tray.Next(); serials[next] {
				want = next
			}
		}
		if got := a.Overlap(b); got != want {
			t.Fatalf("%v and %v: got %q, want %q", a, b, got, want)
		}
	})
}

// Each sum that does not hold is named; a book that holds has nothing to say.
func TestCheckFindsEachMistake(t *testing.T) {
	tests := map[string]struct {
		spoil func(b *Book)
		want  string
	}{
		"money in":       {func(b *Book) { b.QRPaid++ }, "money: 335.01 came in and 335.00 is placed"},
		"money placed":   {func(b *Book) { b.Placed.Refunded++ }, "money: 335.00 came in and 335.01 is placed"},
		"notes":          {func(b *Book) { b.Stacked = b.Stacked.Plus(100, money.CNY, 1) }, "notes and coins: 244.00 by faces and 243.00 in sum"},
		"doubtful notes": {func(b *Book) { b.Doubtful = b.Doubtful.Plus(100, money.CNY, -1) }, "notes and coins: 242.00 by faces and 243.00 in sum; doubtful: 9.50 in notes and payouts and 10.50 in sum"},
		"coins":          {func(b *Book) { b.Coins = b.Coins.Plus(50, money.CNY, 1) }, "notes and coins: 243.50 by faces and 243.00 in sum"},
		"stock":          {func(b *Book) { b.Stock.Paid = nil }, "stock: [{0.50 CNY 10} {1.00 CNY 11}] inside of [{0.50 CNY 20} {1.00 CNY 12}] loaded and [{0.50 CNY 1}] stored; [] paid, [{0.50 CNY 1}] unsure, [{0.50 CNY 9}] taken out"},
		"doubtful":       {func(b *Book) { b.Payouts["Y3"].Unsure = nil }, "doubtful: 10.00 in notes and payouts and 10.50 in sum"},
		"visit":          {func(b *Book) { b.Cases["a"].Visiting++ }, "visit: 5.01 in the cases and 5.00 in sum"},
		"owed":           {func(b *Book) { b.Owed["O6"].Amount-- }, "owed: 145.99 in the slips and 146.00 in sum"},
		"paid twice":     {func(b *Book) { b.Owed["O5"].Paid = false }, "owed: 166.00 in the slips and 146.00 in sum"},
		"blanks":         {func(b *Book) { b.Blanks.Received++ }, "blanks: 11 received; 2 issued, 3 void, 4 in trays, 1 doubtful"},
		"issued":         {func(b *Book) { b.Blanks.Issued-- }, "blanks: 10 received; 1 issued, 3 void, 4 in trays, 1 doubtful"},
		"void":           {func(b *Book) { b.Blanks.Void++ }, "blanks: 10 received; 2 issued, 4 void, 4 in trays, 1 doubtful"},
		"doubtful sheet": {func(b *Book) { b.Blanks.Doubtful++ }, "blanks: 10 received; 2 issued, 3 void, 4 in trays, 2 doubtful"},
		"tray":           {func(b *Book) { b.Trays["A3"].Packs[0].Count-- }, "blanks: 3 in the trays and 4 in sum"},
		"second print":   {func(b *Book) { b.Sheets["x"] = &Sheet{Case: "f", Form: "original", State: LicensePrinted} }, "license: f original was printed 2 times"},
		"two notes":      {func(b *Book) { b.Notes[99] = &Note{State: NoteEscrowed} }, "notes: 2 are on their way at once"},
	}
	for name, tt := range tests {
		b := NewBook()
		apply(t, b, life(t)...)
		tt.spoil(b)
		if bad := strings.Join(b.Check(), "; "); bad != tt.want {
			t.Errorf("%s: got %q, want this alone: %q", name, bad, tt.want)
		}
	}
	b := NewBook()
	apply(t, b, life(t)...)
	b.Notes[99] = &Note{State: NoteDoubtful}
	b.Sheets["x"] = &Sheet{Case: "f", Form: "original", State: LicenseSpoiled}
	b.Sheets["y"] = &Sheet{Case: "x", Form: "original", State: LicensePrinted}
	if bad := b.Check(); len(bad) != 0 {
		t.Errorf("a doubtful note, a spoiled sheet and another's sheet: got %q, want nothing", bad)
	}
}

// Whatever is tried in whatever order: it is refused and nothing has changed, or the book still holds.
func TestNoOrderOfEventsUnbalancesTheBook(t *testing.T) {
	kinds := slices.Sorted(maps.Keys(Fields))
	rapid.Check(t, func(t *rapid.T) {
		b := NewBook()
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := anyEvent(t, b, rapid.SampledFrom(kinds).Draw(t, "kind"))
			before := text(t, b)
			if err := b.Apply(b.Seq+1, instant(b.Seq), e); err != nil {
				if after := text(t, b); after != before {
					t.Fatalf("%s %s %+v was refused (%v) and changed the book", e.Kind, e.Case, e.Header, err)
				}
				continue
			}
			if bad := b.Check(); len(bad) > 0 {
				t.Fatalf("after %s %s %+v: %v", e.Kind, e.Case, e.Header, bad)
			}
		}
	})
}

// anyEvent draws an event from so few numbers that it often fits.
func anyEvent(t *rapid.T, b *Book, kind Kind) Event {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	h := Header{
		Note: b.NextNote - rapid.Int64Range(0, 2).Draw(t, "note"), Currency: money.CNY,
		Attempt: pick("attempt", "T1", "T2", "T3"), Owed: pick("owed", "O1", "O2", "O3", ""), Claim: "c", Paper: pick("paper", "P1", "P2"),
		Permit: pick("permit", "p1", "p2", "p3"), Form: pick("form", "original", "duplicate"), Tray: pick("tray", "A3", "A4"), First: "Y1", Count: 2,
	}
	if kind == NoteEscrowed {
		h.Note = b.NextNote
	}
	amounts := []int64{100, 200, 300}
	h.Face = money.Fen(rapid.SampledFrom(amounts).Draw(t, "face"))
	h.Amount, h.Bill = h.Face, h.Face
	h.Surplus = money.Fen(rapid.SampledFrom([]int64{0, 100}).Draw(t, "surplus"))
	h.Serial, _ = b.Trays[h.Tray].Next()
	if h.Owed != "" {
		h.Owes = 100
	}
	if kind != PaymentSettled {
		h.Owes = 0
	}
	switch kind {
	case BoxExchanged:
		h.Expected = b.Box.Counts()
	case CoinsExchanged:
		h.Expected = b.CoinBox.Counts()
	case StockCounted:
		h.Expected = b.Stock.Inside
		h.Counted = money.Counts{}.Plus(100, money.CNY, rapid.Int64Range(0, 9).Draw(t, "counted"))
	case StockLoaded, PayoutBegun, PayoutEnded, PayoutDoubtful:
		h.Pieces = money.Counts{}.Plus(100, money.CNY, rapid.Int64Range(0, 3).Draw(t, "pieces"))
		h.Amount = h.Pieces.Total()
	}
	if kind == PayoutDoubtful {
		h.Unsure = money.Counts{}.Plus(100, money.CNY, rapid.Int64Range(0, 2).Draw(t, "unsure"))
	}
	h.Payout, h.Store = pick("payout", "Y1", "Y2"), rapid.Bool().Draw(t, "store")
	h.As = pick("as", "stacked", "returned", "printed", "spoiled", "paid", "kept")
	return Event{Kind: kind, Case: pick("case", "a", "b"), Header: h}
}

func ExamplePlaces() {
	p := Places{Bills: 8000, Owed: 2000}
	fmt.Println(p.Sum())
	// Output: 100.00
}
