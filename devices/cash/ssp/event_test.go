package ssp

import (
	"fmt"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

const cny = "434E59"

func TestEvents(t *testing.T) {
	sum := func(v int64) amount { return amount{value: v, currency: "CNY"} }
	tests := []struct {
		name    string
		data    string
		unit    unit
		version byte
		want    []event
	}{
		{"none", "", unitValidator, 8, nil},
		{"reset and disabled", "F1E8", unitValidator, 6, []event{{code: evReset}, {code: evDisabled}}},
		{"read, then in escrow", "EF00EF03", unitValidator, 6, []event{{code: evRead}, {code: evRead, channel: 3, reason: 3}}},
		{"credit and stacked", "EE05EB", unitValidator, 6, []event{{code: evCredit, channel: 5, reason: 5}, {code: evStacked}}},
		{"cleared", "E201E102", unitValidator, 6, []event{{code: evToBox, channel: 1, reason: 1}, {code: evToFront, channel: 2, reason: 2}}},
		{"fraud at a validator", "E604E7", unitValidator, 8, []event{{code: evFraud, channel: 4, reason: 4}, {code: evFull}}},
		{"fraud at a payout", "E60188130000" + cny, unitPayout, 8, []event{{code: evFraud, amounts: []amount{sum(5000)}}}},
		{"fraud at a hopper", "E600", unitHopper, 8, []event{{code: evFraud}}},
		{"dispensing", "DA0100000000" + cny + "DB", unitPayout, 6, []event{{code: evDispensing, amounts: []amount{sum(0)}}, {code: evStored}}},
		{"dispensed in two currencies", "D202D0070000" + cny + "01000000" + "484B44", unitPayout, 6,
			[]event{{code: evDispensed, amounts: []amount{sum(2000), {value: 1, currency: "HKD"}}}}},
		{"incomplete", "DC01F4010000D0070000" + cny, unitPayout, 8, []event{{code: evShortPayout, amounts: []amount{{value: 500, wanted: 2000, currency: "CNY"}}}}},
		{"payout error, old", "B101", unitPayout, 6, []event{{code: evPayoutError, channel: 1, reason: 1}}},
		{"payout error, new", "B101F4010000" + cny + "00C3", unitPayout, 7, []event{{code: evPayoutError, amounts: []amount{sum(500)}}, {code: evEmptied}}},
		{"at power-up, old", "CDF4010000" + cny + "CACB", unitPayout, 7, []event{{code: evPaidAtStart, amounts: []amount{sum(500)}}, {code: evStackedAtUp}, {code: evStoredAtUp}}},
		{"at power-up, new", "CA64000000" + cny + "CBC8000000" + cny, unitPayout, 8, []event{{code: evStackedAtUp, amounts: []amount{sum(100)}}, {code: evStoredAtUp, amounts: []amount{sum(200)}}}},
		{"in the bezel", "CE64000000" + cny, unitNoteFloat, 8, []event{{code: evInBezel, amounts: []amount{sum(100)}}}},
	}
	for _, tt := range tests {
		got, err := parseEvents(unhex(t, tt.data), tt.unit, tt.version)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

// What stands before an event that cannot be read is told; what stands behind it cannot be.
func TestEventsThatCannotBeRead(t *testing.T) {
	for _, data := range []string{"EBAA01", "EBEE", "EBDA", "EBDA01000000", "EBCD00", "EBDC0100000000000000004E59", "EBB10100000000" + cny, "EBE6", "EB00"} {
		got, err := parseEvents(unhex(t, data), unitPayout, 8)
		if err == nil || len(got) != 1 || got[0].code != evStacked {
			t.Errorf("%s: got %+v, %v, want the first event and an error", data, got, err)
		}
	}
}

func TestSetup(t *testing.T) {
	data := unhex(t, "00 30343734 434E59 000001 02 010A 0202 000064 08 434E59 434E59 01000000 0A000000")
	got, err := parseSetup(data)
	want := setup{unit: unitValidator, firmware: "0474", country: "CNY", version: 8, faces: []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("validator: got %+v, %v, want %+v", got, err, want)
	}
	data[16] = 1 // 65536 and 100
	if got, err := parseSetup(data); err != nil || got.faces[1].Face != 10*(1<<16+100) {
		t.Errorf("a large multiplier: got %+v, %v", got, err)
	}
	data[17] = 1
	if got, err := parseSetup(data); err != nil || got.faces[1].Face != 10*(1<<16+1<<8+100) {
		t.Errorf("a larger multiplier: got %+v, %v", got, err)
	}
	hopper := unhex(t, "03 30363132 434E59 08 02 3200 6400 434E59 434E59")
	want = setup{unit: unitHopper, firmware: "0612", country: "CNY", version: 8, faces: []cash.Note{{Face: 50, Currency: "CNY"}, {Face: 100, Currency: "CNY"}}}
	if got, err := parseSetup(hopper); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("hopper: got %+v, %v, want %+v", got, err, want)
	}
	for _, whole := range [][]byte{data, hopper} {
		for n := range whole {
			if got, err := parseSetup(whole[:n]); !fault.Is(err, fault.Garbled) {
				t.Errorf("%d of %d bytes: got %+v, %v, want %s", n, len(whole), got, err, fault.Garbled)
			}
		}
	}
}

func TestCounters(t *testing.T) {
	data := unhex(t, "05 01000000 02010000 03000000 04000000 05000100")
	got, err := parseCounters(data)
	if want := (counters{stacked: 1, stored: 258, dispensed: 3, moved: 4, rejected: 65541, known: true}); err != nil || got != want || got.accepted() != 259 {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range [][]byte{data[:20], {0x04, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, {}} {
		if got, err := parseCounters(bad); !fault.Is(err, fault.Garbled) {
			t.Errorf("% x: got %+v, %v, want %s", bad, got, err, fault.Garbled)
		}
	}
}

func TestMarks(t *testing.T) {
	a := New(nil, Options{})
	a.resumed, a.d.Info.Serial = true, "7"
	a.base = counters{stacked: 70000, stored: 515, rejected: 66051, known: true}
	a.held = &pending{channel: 9}
	m := a.place()
	if want := (cash.Mark{Serial: "7", Counter: 70515<<24 + 3<<16 + 3<<8 + 9, Known: true}); m != want {
		t.Errorf("mark: got %+v, want %+v", m, want)
	}
	base, channel := unplace(m)
	if channel != 9 || base.accepted() != 70515 || base.stored != 3 || base.rejected != 3 {
		t.Errorf("the mark says %+v and channel %d", base, channel)
	}
	a.held.fresh = true
	if _, channel := unplace(a.place()); channel != 0 {
		t.Errorf("a note that nobody was told of is in the mark: channel %d", channel)
	}
}

func TestRejectTexts(t *testing.T) {
	for code, want := range map[byte]string{0x01: "wrong length", 0x02: "not recognised", 0x05: "not recognised", 0x15: "not recognised", 0x18: "not recognised",
		0x13: "held too long", 0x1E: "reject code 1E", 0xFF: "reject code FF"} {
		if got := rejectText(code); got != want {
			t.Errorf("code %02X: got %q, want %q", code, got, want)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{"F1E8", "EE05EB", "E60188130000" + cny, "DC01F4010000D0070000" + cny, "B101F4010000" + cny + "00", "CA64000000" + cny} {
		f.Add(unhex(f, s), byte(6), byte(8))
	}
	f.Fuzz(func(t *testing.T, data []byte, u, version byte) {
		list, err := parseEvents(data, unit(u), version)
		if err == nil && len(data) > 0 && len(list) == 0 || len(list) > len(data) {
			t.Errorf("% x: %d events, %v", data, len(list), err)
		}
	})
}

func FuzzSetup(f *testing.F) {
	f.Add(unhex(f, "00 30343734 434E59 000001 01 01 02 000064 08 434E59 01000000"))
	f.Add(unhex(f, "03 30363132 434E59 08 01 3200 434E59"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSetup(data)
		if err == nil && len(s.faces) > 255 {
			t.Errorf("% x: %d channels", data, len(s.faces))
		}
		parseCounters(data)
	})
}
