package idcheck

import (
	_ "embed"
	"errors"
	"strings"
	"testing"
	"time"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
)

//go:embed testdata/numbers.txt
var numbersText string

//go:embed testdata/codes.txt
var codesText string

// rows splits a table of testdata.
func rows(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.Split(strings.TrimRight(line, "\n"), "\t"))
		}
	}
	return out
}

var numberErrors = map[string]error{"ok": nil, "check": ErrCheck, "birth": ErrBirth, "length": ErrLength, "character": ErrCharacter}

func TestNumbers(t *testing.T) {
	for _, row := range rows(numbersText) {
		n, err := Parse(row[0])
		if !errors.Is(err, numberErrors[row[1]]) || (err == nil) != (row[1] == "ok") {
			t.Errorf("%q: got %v, want %s", row[0], err, row[1])
			continue
		}
		if err == nil && (n.Birth != row[2] || n.Sex != row[3] || n.Division != n.Text[:6] || len(n.Text) != 18 || n.Text != Normalise(row[0])) {
			t.Errorf("%q: got %s %s %s %s", row[0], n.Text, n.Division, n.Birth, n.Sex)
		}
		if err == nil && strings.Contains(n.String()+n.GoString(), n.Birth) {
			t.Errorf("%q prints itself", row[0])
		}
	}
}

// TestEachDigitCounts: one wrong digit and two neighbours exchanged are always noticed.
func TestEachDigitCounts(t *testing.T) {
	const right = "11010519491231002X"
	for i := range 17 {
		for d := byte('0'); d <= '9'; d++ {
			bad := right[:i] + string(d) + right[i+1:]
			if c, err := NumberCheck(bad[:17]); err != nil || (c == 'X') != (bad == right) {
				t.Errorf("%s: check %c, %v", bad, c, err)
			}
		}
	}
	for _, s := range []string{"1101051949123100", "110105194912310021"} {
		if _, err := NumberCheck(s); !errors.Is(err, ErrLength) {
			t.Errorf("%s: %v, want %v", s, err, ErrLength)
		}
	}
}

func TestUpgrade(t *testing.T) {
	for in, want := range map[string]string{"110105491231002": "11010519491231002X", "110101900101001": "110101199001010015"} {
		if got, err := Upgrade(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]error{"11010549123100": ErrLength, "110105490231002": ErrBirth, "11010549123100X": ErrCharacter} {
		if _, err := Upgrade(in); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", in, err, want)
		}
	}
}

// day reads a day for a table.
func day(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse("2006-01-02", s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAgreement(t *testing.T) {
	cards := idcardtest.Cards(t)
	for name, c := range cards {
		if err := Agree(c); err != nil && name != "rare" { // whose birth is not its number's
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(c *idcard.Card)
		want   error
	}{
		{"citizen", func(c *idcard.Card) { c.Birth = "19490102" }, ErrBirthDiffers},
		{"citizen", func(c *idcard.Card) { c.Sex = "1" }, ErrSexDiffers},
		{"citizen", func(c *idcard.Card) { c.Sex = "9" }, nil},
		{"citizen", func(c *idcard.Card) { c.Sex = "0" }, nil},
		{"hmt", func(c *idcard.Card) { c.Sex = "2" }, ErrSexDiffers},
		{"citizen", func(c *idcard.Card) { c.Number = "110101194901010027" }, ErrCheck},
		{"citizen", func(c *idcard.Card) { c.Kind = idcard.HMT }, ErrKindDiffers},
		{"citizen", func(c *idcard.Card) { c.Kind = idcard.Foreign2023 }, ErrKindDiffers},
		{"hmt", func(c *idcard.Card) { c.Kind = idcard.Citizen }, ErrKindDiffers},
		{"hmt", func(c *idcard.Card) { c.Number = "820000199001010010" }, nil},
		{"hmt", func(c *idcard.Card) { c.Number = "830000199001010012" }, nil},
		{"foreign_2023", func(c *idcard.Card) { c.Kind = idcard.Citizen }, ErrKindDiffers},
		{"foreign_2023", func(c *idcard.Card) { c.Birth = "19900102" }, ErrBirthDiffers},
		{"taiwan", func(c *idcard.Card) { c.Name = " " }, ErrNoName},
		{"latin_2017", func(c *idcard.Card) { c.EnglishName = "" }, ErrNoName},
		{"latin_2023", func(c *idcard.Card) { c.EnglishName = " " }, ErrNoName},
		{"foreign_2017", func(c *idcard.Card) { c.EnglishName = "" }, nil},
		{"foreign_2017", func(c *idcard.Card) { c.Number = "USA11009001010" }, ErrLength},
		{"foreign_2017", func(c *idcard.Card) { c.Number = "US1110090010101" }, ErrCharacter},
		{"foreign_2017", func(c *idcard.Card) { c.Number = "USA11009001010A" }, ErrCharacter},
		{"foreign_2017", func(c *idcard.Card) { c.Nationality = "GBR" }, ErrKindDiffers},
		{"foreign_2017", func(c *idcard.Card) { c.Nationality = "" }, nil},
		{"foreign_2017", func(c *idcard.Card) { c.Birth = "19900230" }, ErrBirth},
	} {
		c := cards[tc.name]
		tc.change(&c)
		if err := Agree(c); !errors.Is(err, tc.want) {
			t.Errorf("%s changed: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestValidity(t *testing.T) {
	for _, tc := range []struct {
		from, to, day string
		want          Validity
	}{
		{"20200101", "20250101", "2020-01-01", Valid}, {"20200101", "20250101", "2019-12-31", NotYet},
		{"20200101", "20250101", "2025-01-01", Valid}, {"20200101", "20250101", "2025-01-02", Expired},
		{"20200101", "长期", "2099-01-01", Valid}, {"20200101", "长期", "2019-01-01", NotYet}, {"20200101", "长期      ", "2020-01-01", Valid},
		{"20030229", "20230229", "2023-02-28", Valid}, {"20030229", "20230229", "2023-03-01", Expired},
		{"20200101", "20230230", "2021-01-01", Unclear}, {"20200101", "", "2021-01-01", Unclear}, {"2020010", "长期", "2021-01-01", Unclear},
		{"", "长期", "2021-01-01", Unclear}, {"20201301", "长期", "2021-01-01", Unclear}, {"2O200229", "长期", "2021-01-01", Unclear}, {"020200229", "长期", "2021-01-01", Unclear},
	} {
		if got := ValidOn(idcard.Card{ValidFrom: tc.from, ValidTo: tc.to}, day(t, tc.day)); got != tc.want {
			t.Errorf("%s to %s on %s: got %s, want %s", tc.from, tc.to, tc.day, got, tc.want)
		}
	}
	late := time.Date(2025, 1, 1, 23, 30, 0, 0, time.FixedZone("CST", 8*3600))
	if got := ValidOn(idcard.Card{ValidFrom: "20200101", ValidTo: "20250101"}, late); got != Valid {
		t.Errorf("the evening of the last day: got %s", got)
	}
}

func TestAge(t *testing.T) {
	for _, tc := range []struct {
		birth, day string
		want       int
		err        error
	}{
		{"20101120", "2026-11-19", 15, nil}, {"20101120", "2026-11-20", 16, nil}, {"20101120", "2026-11-21", 16, nil}, {"20101120", "2026-12-01", 16, nil},
		{"20080229", "2026-02-28", 17, nil}, {"20080229", "2026-03-01", 18, nil}, {"20080229", "2028-02-29", 20, nil}, {"20080229", "2028-02-28", 19, nil},
		{"20261120", "2026-11-20", 0, nil}, {"20261121", "2026-11-20", 0, ErrUnborn}, {"20270101", "2026-11-20", 0, ErrUnborn},
		{"20260230", "2026-11-20", 0, ErrBirth}, {"", "2026-11-20", 0, ErrBirth},
	} {
		if got, err := Age(tc.birth, day(t, tc.day)); got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("born %s, on %s: got %d, %v, want %d, %v", tc.birth, tc.day, got, err, tc.want, tc.err)
		}
	}
	for birth, want := range map[string]bool{"18761121": true, "18751121": true, "18751120": false, "20261120": true, "20261121": false} {
		if got := (Number{Birth: birth}).Plausible(day(t, "2026-11-19").AddDate(0, 0, 1)); got != want {
			t.Errorf("born %s is plausible: %v, want %v", birth, got, want)
		}
	}
}

func TestMasks(t *testing.T) {
	for in, want := range map[string]string{"王小英": "王*英", "王英": "王*", "王": "*", "": "", "欧阳小英": "欧**英", " 王小英 ": "王*英", "𠮷田": "𠮷*", "古丽·米热": "古***热",
		"TEST, ALPHA BETA": "T***, A**** B***", "O'EXAMPLE ANNE-MARIE": "O'******* A***-M****", "Ö": "Ö", "·": "*", "测A": "测*", "ABC贸易": "A***易"} {
		if got := MaskName(in); got != want {
			t.Errorf("name %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"110101194901010026": "110***********0026", "USA110090010101": "USA********0101", "12345678901": "***********", "123456789012": "123*****9012", "": ""} {
		if got := MaskNumber(in); got != want {
			t.Errorf("number %q: got %q, want %q", in, got, want)
		}
	}
}

func TestCreditCodes(t *testing.T) {
	for _, row := range rows(codesText) {
		c, err := ParseCreditCode(row[0])
		want := map[string]error{"length": ErrCodeLength, "character": ErrCodeCharacter}[row[1]]
		if !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", row[0], err, want)
			continue
		}
		if err != nil {
			continue
		}
		if c.CheckHolds != (row[1] == "ok") || row[2] != "-" && c.OrgHolds != (row[2] == "ok") {
			t.Errorf("%q: check holds %v, organisation's %v, want %v", row[0], c.CheckHolds, c.OrgHolds, row[1:])
		}
		if row[1] == "ok" && row[2] == "ok" {
			got, err := MakeCreditCode(c.Text[:2], c.Division, c.Org[:8])
			if err != nil || got != Normalise(row[0]) || c.Department != got[0] || c.Category != got[1] || len(c.Org) != 9 {
				t.Errorf("%q made anew: %q, %v", row[0], got, err)
			}
		}
	}
	for _, bad := range [][3]string{{"9", "440300", "71526726"}, {"91", "44030", "71526726"}, {"91", "44030A", "71526726"}, {"91", "440300", "7152672"}, {"91", "440300", "7152672i"}, {"9I", "440300", "71526726"}, {"91", "440300", "Z1526726"}} {
		if got, err := MakeCreditCode(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%v: made %s", bad, got)
		}
	}
}

func TestOrgAndRegistration(t *testing.T) {
	for _, s := range []string{"71526726X", "192203821", "799655058", "100003962"} {
		if c, err := OrgCheck(s[:8]); err != nil || c != s[8] {
			t.Errorf("%s: got %c, %v", s, c, err)
		}
	}
	// The sums 0 and 1 mod 11 give the two odd characters; letters count 10 to 35.
	for s, want := range map[string]byte{"00000000": '0', "00010000": '1', "A0000000": '3', "Z0000000": '5', "D2143569": 'X'} {
		if c, err := OrgCheck(s); err != nil || c != want {
			t.Errorf("%s: got %c, %v, want %c", s, c, err, want)
		}
	}
	for _, s := range []string{"440301103097413", "330100400015575", "110108000000016", "07945"} {
		n := len(s) - 1
		if c, err := RegistrationCheck(s[:n]); err != nil || c != s[n] {
			t.Errorf("%s: got %c, %v", s, c, err)
		}
	}
	for _, s := range []string{"", "44030110309741X", "4403:"} {
		if _, err := RegistrationCheck(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestEthnicities(t *testing.T) {
	for code, want := range map[string][2]string{"01": {"汉", "Han"}, "05": {"维吾尔", "Uygur"}, "56": {"基诺", "Jino"}, "57": {"其他", "Other"}, "97": {"其他", "Other"}, "": {"其他", "Other"}} {
		zh, en := Ethnicity(code)
		if zh != want[0] || en != want[1] {
			t.Errorf("%q: got %s %s", code, zh, en)
		}
	}
	seen := map[string]bool{}
	for _, e := range ethnicities {
		if e[0] == "" || e[1] == "" || seen[e[0]] || seen[e[1]] {
			t.Errorf("%v is empty or twice", e)
		}
		seen[e[0]], seen[e[1]] = true, true
	}
	if len(ethnicities) != 57 {
		t.Errorf("%d peoples, want 56 and the readers' 98", len(ethnicities))
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range rows(numbersText) {
		f.Add(row[0])
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(n.Text); err != nil || again != n {
			t.Fatalf("%q: %v, %v", s, again, err)
		}
	})
}

func FuzzCreditCode(f *testing.F) {
	for _, row := range rows(codesText) {
		f.Add(row[0])
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCreditCode(s)
		if err != nil {
			return
		}
		if again, err := ParseCreditCode(c.Text); err != nil || again != c {
			t.Fatalf("%q: %v, %v", s, again, err)
		}
	})
}
