package casefile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/money"
)

// filled is a header with this one field set, by its name in JSON.
func filled(t *testing.T, name string) Header {
	t.Helper()
	var h Header
	v := reflect.ValueOf(&h).Elem()
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag != name {
			continue
		}
		switch f := v.Field(i); f.Interface().(type) {
		case string:
			f.SetString("x")
		case int, int64, money.Fen:
			f.SetInt(7)
		case bool:
			f.SetBool(true)
		case time.Time:
			f.Set(reflect.ValueOf(time.Unix(1790000000, 0).UTC()))
		case *Mark:
			f.Set(reflect.ValueOf(&Mark{Serial: "1", Counter: 3, Known: true}))
		case *Memory:
			pieces := money.Counts{{Face: 100, Currency: money.CNY, Count: 1}}
			f.Set(reflect.ValueOf(&Memory{Serial: "1", Counter: 3, Paid: pieces, Levels: pieces, Parts: []Memory{{Serial: "2", Known: true}}, Known: true}))
		case money.Counts:
			f.Set(reflect.ValueOf(money.Counts{{Face: 100, Currency: money.CNY, Count: 1}}))
		case []Device:
			f.Set(reflect.ValueOf([]Device{{Class: "cash", Protocol: "cctalk", Serial: "1", Count: 7}}))
		default:
			t.Fatalf("field %s has a type that this test does not know", name)
		}
		return h
	}
	t.Fatalf("no field of the header is called %q", name)
	return h
}

func headerNames() (names []string) {
	v := reflect.TypeFor[Header]()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// Every kind takes each of its own fields and no other, and gives it back.
func TestEachKindTakesItsFieldsAlone(t *testing.T) {
	for kind, allowed := range Fields {
		for _, name := range headerNames() {
			e := Event{Kind: kind, Case: "a", Header: filled(t, name)}
			raw, err := e.Encode()
			if may := slices.Contains(allowed, name); may != (err == nil) {
				t.Errorf("%s with %s: got %v, want it taken: %v", kind, name, err, may)
			}
			if err != nil {
				if want := fmt.Sprintf("encode %s: field %q may not stand in its header", kind, name); err.Error() != want {
					t.Errorf("%s with %s: got %q, want %q", kind, name, err, want)
				}
				continue
			}
			if back, err := Decode(kind, "a", raw); err != nil || !reflect.DeepEqual(back, e) {
				t.Errorf("%s: got %+v (%v), want %+v", raw, back, err, e)
			}
		}
	}
	if _, err := (&Event{Kind: "note.eaten"}).Encode(); err == nil || err.Error() != `encode event: unknown kind "note.eaten"` {
		t.Errorf("an unknown kind: got %v, want an error that names it", err)
	}
}

// Kinds, fields and their names on disk are never renamed: journals live longer than programs.
func TestFrozenNames(t *testing.T) {
	var out strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(Fields)) {
		fmt.Fprintf(&out, "%s: %s\n", kind, strings.Join(Fields[kind], " "))
		for _, name := range Fields[kind] {
			filled(t, name)
		}
	}
	for _, name := range headerNames() {
		raw, err := json.Marshal(filled(t, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", raw)
	}
	compare(t, "testdata/names.txt", out.String())
}

// A time that no reader could read back is refused before it is written.
func TestTimeBeyondAllCalendars(t *testing.T) {
	e := Event{Kind: OrderBegun, Case: "a", Header: Header{Expires: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	if raw, err := e.Encode(); err == nil || !strings.HasPrefix(err.Error(), "encode order.begun: ") {
		t.Errorf("got %s (%v), want an error that names the kind", raw, err)
	}
}

func TestEmptyHeaderIsShort(t *testing.T) {
	if raw, err := (&Event{Kind: CashOpened, Case: "a"}).Encode(); err != nil || string(raw) != "{}" {
		t.Errorf("got %s (%v), want {}", raw, err)
	}
}

// What is sealed is opened by the hall years later, when this program is another: its names stay too.
func TestFrozenNamesOfWhatIsSealed(t *testing.T) {
	form := FormSecret{
		Card:    Person{Kind: "a", Name: "b", Sex: "c", Ethnicity: "d", Birth: "e", Address: "f", Number: "g", Authority: "h", ValidFrom: "i", ValidTo: "j"},
		Answers: map[string]string{"trade": "k"}, Lists: map[string][]string{"scope": {"l"}}, Strokes: [][][2]int{{{1, 2}, {3, 4}}},
	}
	bill := BillSecret{Account: "m", Name: "n", Bills: []BillPart{{Period: "2026-10", Due: 5}}}
	for want, secret := range map[string]any{
		`{"card":{"kind":"a","name":"b","sex":"c","ethnicity":"d","birth":"e","address":"f","number":"g","authority":"h","valid_from":"i","valid_to":"j"},` +
			`"answers":{"trade":"k"},"lists":{"scope":["l"]},"strokes":[[[1,2],[3,4]]]}`: form,
		`{"account":"m","name":"n","bills":[{"period":"2026-10","due_fen":5}]}`: bill,
	} {
		if got, err := json.Marshal(secret); err != nil || string(got) != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

// A person must not stray into a log, however it is printed.
func TestPersonIsMasked(t *testing.T) {
	p := Person{Name: "张三", Number: "11010519491231002X", Address: "somewhere"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{p, &p, FormSecret{Card: p}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "张") || strings.Contains(got, "11010519") || strings.Contains(got, "somewhere") {
				t.Errorf("%s of %T: got %s", format, v, got)
			}
		}
	}
}
