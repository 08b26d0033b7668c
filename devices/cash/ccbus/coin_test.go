package ccbus

import (
	"strings"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

func TestCoinNames(t *testing.T) {
	for _, tt := range []struct {
		text string
		face int64
		code string
		ok   bool
		bad  bool
	}{
		{"CN100A", 100, "CNY", true, false}, {"CN010A", 10, "CNY", true, false}, {"CN050B", 50, "CNY", true, false},
		{"HK10K0", 10000, "HKD", true, false}, {"HK1K0A", 1000, "HKD", true, false}, {"HK5K0A", 5000, "HKD", true, false}, {"JPK50A", 500, "JPY", true, false},
		{"JP100A", 100, "JPY", true, false}, {"KR10KA", 10000, "KRW", true, false}, {"RU1K5A", 1500, "RUB", true, false}, {"VN1M0A", 1000000, "VND", true, false},
		{"VNM50A", 500000, "VND", true, false}, {"US025A", 25, "USD", true, false}, {"EU200A", 200, "EUR", true, false},
		{"......", 0, "", false, false}, {"      ", 0, "", false, false}, {"\x00\x00\x00\x00\x00\x00", 0, "", false, false}, {"TK100A", 0, "", false, false},
		{"CN000A", 0, "CNY", false, false}, {"CN10A", 0, "", false, false}, {"CN1x0A", 0, "", false, true}, {"CN.10A", 0, "", false, true}, {"CNKKKA", 0, "", false, true},
		{"CN1K-A", 0, "", false, true},
	} {
		if len(tt.text) != CoinBytes && tt.ok {
			t.Fatalf("%q", tt.text)
		}
		coin, ok, err := ParseCoin(tt.text)
		want := cash.Note{Face: tt.face, Currency: tt.code}
		if coin != want || ok != tt.ok || (err != nil) != tt.bad || tt.bad && (!fault.Is(err, fault.Garbled) || !strings.Contains(err.Error(), "[")) {
			t.Errorf("%q: got %v, %v, %v, want %v, %v, an error %v", tt.text, coin, ok, err, want, tt.ok, tt.bad)
		}
	}
}

func FuzzCoinName(f *testing.F) {
	for _, text := range []string{"CN100A", "HK5K0A", "JPK50A", "......", "CN1x0A", "VN1M0A"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		coin, ok, err := ParseCoin(text)
		if ok && (coin.Face <= 0 || coin.Currency == "" || err != nil) || err != nil && ok || coin.Face < 0 {
			t.Errorf("%q: got %+v, %v, %v", text, coin, ok, err)
		}
	})
}
