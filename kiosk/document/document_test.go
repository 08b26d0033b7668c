package document

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/money"
)

// Golden files are written anew with GOLDEN=write in the environment.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if os.Getenv("GOLDEN") == "write" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
	}
}

// head is just after midnight in Shanghai and still the day before in UTC.
func head(service string) Head {
	return Head{Hall: "青山区市民服务中心", Terminal: "03", Phone: "12345", Number: "R0007",
		Time: time.Date(2026, 11, 19, 16, 5, 9, 0, time.UTC), Case: "K7QF2M9XW3", Service: service}
}

func cash() Receipt {
	return Receipt{Head: head("缴水费"), Biller: "青山自来水公司", Account: "3102····5518", Name: "王*英",
		Bills:    []BillPaid{{"2026-09", 5000, 5000}, {"2026-10", 8340, 4000}, {"旧账", 100, 0}},
		Notes:    money.Counts{{Face: 50, Currency: "CNY", Count: 2}, {Face: 2000, Currency: "CNY", Count: 2}, {Face: 10000, Currency: "CNY", Count: 1}},
		Inserted: 14100, ToBill: 9000, Surplus: 600, Owed: 4500}
}

func coins() Receipt {
	return Receipt{Head: head("缴水费"), Biller: "青山自来水公司", Account: "3102····5518", Name: "王*英",
		Bills: []BillPaid{{"2026-10", 1730, 1730}},
		Notes: money.Counts{{Face: 1000, Currency: "CNY", Count: 2}}, Coins: money.Counts{{Face: 50, Currency: "CNY", Count: 2}},
		Inserted: 2100, ToBill: 1730, Change: 350, Owed: 20}
}

func phone() Receipt {
	return Receipt{Head: head("缴水费"), Biller: "青山自来水公司", Account: "3102····5518", Name: "王*英",
		Bills: []BillPaid{{"2026-10", 8340, 8340}}, Order: "YC20261120000000017", Way: "微信支付", Inserted: 8340, ToBill: 8340}
}

func slip(kind SlipKind) Slip {
	return Slip{Head: head("缴水费"), Kind: kind, Amount: 4500, Code: "7kqf-2m9x w3pa", Reason: "申请人未满16周岁",
		Counter: "1号综合窗口", Ways: []string{"在自助终端缴另一笔费用时抵用。"}, Within: "3个工作日"}
}

func papers() map[string]func(Lang) Paper {
	again := phone()
	again.Copy = true
	change := coins()
	back := coins()
	back.Bills, back.ToBill, back.Change, back.Unsure, back.Owed = nil, 0, 1600, 300, 200
	pieces := slip(SlipDoubtful)
	pieces.Thing = Pieces
	bare := slip(SlipDoubtful)
	bare.Code, bare.Counter, bare.Phone, bare.Within = "", "", "", ""
	sheet := slip(SlipDoubtful)
	sheet.Thing, sheet.Amount, sheet.Code = Blank, 0, ""
	offline := slip(SlipNext)
	offline.Code = ""
	refused, waiting := slip(SlipRefused), slip(SlipWaiting)
	refused.Code, waiting.Code = "", ""
	done := Acknowledgement{Head: head("个体工商户注册"), License: "92110101MA00A1B2X7",
		Sheets: []SheetOut{{Original, "A30000123"}, {Duplicate, "A40000456"}}}
	part := done
	part.Sheets, part.Left = part.Sheets[:1], "副本待打印：请带身份证再来任一自助终端。"
	none := done
	none.Sheets, none.Left = nil, "正本、副本待打印：请带身份证再来任一自助终端。"
	return map[string]func(Lang) Paper{
		"receipt-cash": cash().Paper, "receipt-phone": phone().Paper, "receipt-copy": again.Paper,
		"receipt-change": change.Paper, "receipt-back": back.Paper, "slip-doubtful-pieces": pieces.Paper,
		"slip-owed": slip(SlipOwed).Paper, "slip-doubtful": slip(SlipDoubtful).Paper, "slip-doubtful-bare": bare.Paper,
		"slip-doubtful-sheet": sheet.Paper, "slip-next": offline.Paper, "slip-refused": refused.Paper, "slip-waiting": waiting.Paper,
		"done": done.Paper, "done-part": part.Paper, "done-none": none.Paper,
	}
}

// closing is a day with notes, coins and phones, not the first one.
func closing() Closing {
	return Closing{Head: head(""), Running: 12, From: time.Date(2026, 11, 19, 10, 0, 0, 0, time.UTC), Box: "B7QX2M",
		Notes: []Pile{{2000, 3}, {10000, 12}}, Coins: []Pile{{50, 2}, {100, 7}}, Phone: 1234, Taken: 128034,
		Bills: 100000, Surplus: 20000, PaidOut: 4000, Refunded: 700, Owed: 3334, Doubtful: 10000, Waiting: 500, Total: 987654321}
}

func TestClosingSaysWhatItShould(t *testing.T) {
	first := closing()
	first.From, first.Box, first.Notes, first.Coins, first.Phone, first.Taken, first.Copy = time.Time{}, "", nil, nil, 0, 0, true
	for name, c := range map[string]Closing{"closing": closing(), "closing-first": first} {
		for _, lang := range []Lang{Chinese, English} {
			p := c.Paper(lang)
			if p.Err() != nil {
				t.Errorf("%s %s: %v", name, lang, p.Err())
			}
			golden(t, name+"."+string(lang), p.String())
		}
	}
}

func TestClosingThatDoesNotAddUpIsRefused(t *testing.T) {
	for what, spoil := range map[string]func(*Closing){
		"a fen": func(c *Closing) { c.Taken++ }, "no number": func(c *Closing) { c.Running = 0 }, "no time": func(c *Closing) { c.Time = time.Time{} },
		"no hall": func(c *Closing) { c.Hall = "" }, "a coin more": func(c *Closing) { c.Coins[0].Count++ }, "a note more": func(c *Closing) { c.Notes[1].Count++ },
	} {
		c := closing()
		spoil(&c)
		if c.Paper(Chinese).Err() == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestSameDay(t *testing.T) {
	late := time.Date(2026, 11, 20, 15, 59, 59, 0, time.UTC) // a second before midnight in Beijing
	if !SameDay(late, late.Add(-15*time.Hour)) || SameDay(late, late.Add(time.Second)) {
		t.Error("a day of Beijing's is another one")
	}
}

func TestPapersSayWhatTheyShould(t *testing.T) {
	for name, paper := range papers() {
		for _, lang := range []Lang{Chinese, English} {
			p := paper(lang)
			if p.Err() != nil {
				t.Errorf("%s %s: %v", name, lang, p.Err())
			}
			golden(t, name+"."+string(lang), p.String())
		}
	}
}

func TestEveryPaperHoldsItsCase(t *testing.T) {
	for name, paper := range papers() {
		for _, lang := range []Lang{Chinese, English} {
			symbols, printed := 0, 0
			for _, b := range paper(lang).Blocks {
				if b.Kind == QR && strings.HasPrefix(b.Text, "YC1:K7QF2M9XW3") {
					symbols++
				}
				if b.Value == "K7QF2M9XW3" || b.Text == "K7QF2M9XW3" {
					printed++
				}
			}
			if symbols != 1 || printed != 2 {
				t.Errorf("%s %s: got %d symbols and the case %d times, want 1 and 2", name, lang, symbols, printed)
			}
		}
	}
}

func TestReceiptThatDoesNotAddUpIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Receipt){
		"a fen too much in the bill":   func(r *Receipt) { r.ToBill++ },
		"a fen of surplus":             func(r *Receipt) { r.Surplus++ },
		"a fen owed":                   func(r *Receipt) { r.Owed-- },
		"a note more":                  func(r *Receipt) { r.Notes = r.Notes.Plus(100, "CNY", 1) },
		"a note of another currency":   func(r *Receipt) { r.Notes[0].Currency = "USD" },
		"a bill paid twice":            func(r *Receipt) { r.Bills[0].Paid = 5001; r.Bills[1].Paid = 3999 },
		"bills and sum":                func(r *Receipt) { r.Bills[2].Paid = 1 },
		"a bill paid below zero":       func(r *Receipt) { r.Bills[2].Paid = -1; r.Bills[1].Paid = 4001 },
		"surplus below zero":           func(r *Receipt) { r.Surplus = -1; r.Owed = 5101 },
		"a fen given":                  func(r *Receipt) { r.Change++ },
		"a fen that may be out":        func(r *Receipt) { r.Unsure++ },
		"a coin more":                  func(r *Receipt) { r.Coins = r.Coins.Plus(100, "CNY", 1) },
		"given below zero":             func(r *Receipt) { r.Change = -1; r.Owed = 4501 },
		"unsure below zero":            func(r *Receipt) { r.Unsure = -1; r.Owed = 4501 },
		"owed below zero":              func(r *Receipt) { r.Owed = -1; r.Surplus = 5101 },
		"nothing to the bill and less": func(r *Receipt) { r.Bills = nil; r.ToBill = -1; r.Owed = 13501 },
		"notes and an order":           func(r *Receipt) { r.Order = "YC1" },
		"no case":                      func(r *Receipt) { r.Case = "" },
		"no hall":                      func(r *Receipt) { r.Hall = "" },
		"no time":                      func(r *Receipt) { r.Time = time.Time{} },
	} {
		r := cash()
		spoil(&r)
		if err := r.Paper(Chinese).Err(); err == nil {
			t.Errorf("%s: got a paper, want an error", name)
		}
	}
}

func TestSlipWithoutWhatItIsForIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Slip){
		"nothing owed":           func(s *Slip) { s.Amount = 0 },
		"no code":                func(s *Slip) { s.Code = " -" },
		"refused for no reason":  func(s *Slip) { s.Kind = SlipRefused; s.Reason = "" },
		"waiting for no reason":  func(s *Slip) { s.Kind = SlipWaiting; s.Reason = "" },
		"a kind that is not one": func(s *Slip) { s.Kind = "other" },
	} {
		s := slip(SlipOwed)
		spoil(&s)
		if err := s.Paper(English).Err(); err == nil {
			t.Errorf("%s: got a paper, want an error", name)
		}
	}
}

func TestAcknowledgementNeedsNumberAndSerials(t *testing.T) {
	a := Acknowledgement{Head: head("x"), License: "", Sheets: nil}
	if a.Paper(Chinese).Err() == nil {
		t.Error("no license number: got a paper, want an error")
	}
	a = Acknowledgement{Head: head("x"), License: "92", Sheets: []SheetOut{{Kind: Original}}}
	if a.Paper(Chinese).Err() == nil {
		t.Error("no serial: got a paper, want an error")
	}
}

// These words go into journals and configuration and so never change.
func TestKindsOnTheWire(t *testing.T) {
	got := fmt.Sprintln(SlipOwed, SlipDoubtful, SlipNext, SlipRefused, SlipWaiting, Note, Blank, Original, Duplicate, Chinese, English)
	const want = "owed doubtful next refused waiting note sheet original duplicate zh en\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCodes(t *testing.T) {
	if got, want := QRText("C1", "7kqf-2m9x w3pa"), "YC1:C1:7KQF2M9XW3PA"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := GroupCode("7kqf2m9xw3pa"), "7KQF-2M9X-W3PA"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := GroupCode("ABCDE"), "ABCD-E"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := PlainCode("az-AZ－09　—"), "AZAZ09"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range []struct {
		text, caseID, code string
		ok                 bool
	}{
		{"YC1:C1", "C1", "", true}, {" YC1:C1:ab-cd\r\n", "C1", "ABCD", true}, {"YC1:", "", "", false},
		{"YC1", "", "", false}, {"YC2:C1", "", "", false}, {"YC1:C1:", "", "", false}, {"YC1:C1:A:B", "", "", false},
		{"110101199003074530", "", "", false}, {"", "", "", false},
	} {
		caseID, code, ok := ParseQR(c.text)
		if caseID != c.caseID || code != c.code || ok != c.ok {
			t.Errorf("%q: got %q %q %v, want %q %q %v", c.text, caseID, code, ok, c.caseID, c.code, c.ok)
		}
	}
}

// FuzzParseQR: whatever the reader hands over, a text that is taken says the same when it is written again.
func FuzzParseQR(f *testing.F) {
	f.Add("YC1:C1:ABCD")
	f.Add("YC1:C1")
	f.Fuzz(func(t *testing.T, text string) {
		caseID, code, ok := ParseQR(text)
		if !ok {
			return
		}
		c2, k2, ok2 := ParseQR(QRText(caseID, code))
		if strings.TrimSpace(caseID) == caseID && (c2 != caseID || k2 != code || !ok2) {
			t.Errorf("%q: got %q %q %v, want %q %q", text, c2, k2, ok2, caseID, code)
		}
	})
}

func businessLicense(kind LicenseKind) License {
	day := time.Date(2026, 11, 19, 16, 0, 0, 0, time.UTC)
	return License{Kind: kind, Number: "92110101MA00A1B2X7", Name: "东城区巷口小面馆", Operator: "王小英",
		Place: "示例胡同12号", Registered: day, Issued: day.AddDate(0, 0, 1), Scope: "正餐服务", Authority: "东城区市场监督管理局",
		Serial: "A30000123", QR: "YCL1.facts.signature"}
}

func TestLicenseLayout(t *testing.T) {
	for _, kind := range []LicenseKind{Original, Duplicate} {
		s, err := businessLicense(kind).Sheet()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %.0f×%.0f %s made %s\nframe %.1f band %.1f\nsymbol %s %.1f\n", s.Media, s.Width, s.Height, s.Title,
			s.Made.In(shanghai).Format(time.DateOnly), s.Frame.Outer, s.Frame.Band, s.Symbol.Text, s.Symbol.Box)
		for _, m := range s.Marks {
			fmt.Fprintf(&b, "%s %q %.1f %.1f–%.1f pt %s bold %v spread %v faint %v\n", m.Name, m.Text, m.Box, m.Size, m.Least, m.Align, m.Bold, m.Spread, m.Faint)
		}
		golden(t, "license-"+string(kind), b.String())
	}
}

// No text may lie on another, and all of it stands inside the border.
func TestLicenseBoxesAreApart(t *testing.T) {
	for _, kind := range []LicenseKind{Original, Duplicate} {
		s, _ := businessLicense(kind).Sheet()
		boxes := []Box{s.Symbol.Box}
		for _, m := range s.Marks {
			boxes = append(boxes, m.Box)
		}
		edge := s.Frame.Outer.X + s.Frame.Band
		for i, a := range boxes {
			if a.X < edge || a.Y < edge || a.X+a.W > s.Width-edge || a.Y+a.H > s.Height-edge {
				t.Errorf("%s: box %d %v is not inside the border of %.1f mm", kind, i, a, edge)
			}
			for j, b := range boxes[:i] {
				if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
					t.Errorf("%s: boxes %d %v and %d %v lie on each other", kind, i, a, j, b)
				}
			}
		}
	}
}

func TestLicenseWithoutAFactIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*License){
		"kind": func(l *License) { l.Kind = "" }, "number": func(l *License) { l.Number = "" }, "name": func(l *License) { l.Name = "" },
		"operator": func(l *License) { l.Operator = "" }, "place": func(l *License) { l.Place = "" }, "scope": func(l *License) { l.Scope = "" },
		"authority": func(l *License) { l.Authority = "" }, "serial": func(l *License) { l.Serial = "" }, "QR": func(l *License) { l.QR = "" },
		"registered": func(l *License) { l.Registered = time.Time{} }, "issued": func(l *License) { l.Issued = time.Time{} },
	} {
		l := businessLicense(Original)
		spoil(&l)
		if _, err := l.Sheet(); err == nil {
			t.Errorf("no %s: got a sheet, want an error", name)
		}
	}
}

func TestLicenseInALogNamesNobody(t *testing.T) {
	l := businessLicense(Original)
	const want = "license original on blank A30000123"
	for _, got := range []string{fmt.Sprintf("%+v", l), fmt.Sprintf("%#v", l), slog.AnyValue(l).Resolve().String()} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
