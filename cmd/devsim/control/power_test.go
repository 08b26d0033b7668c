package control

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// cut waits for the power cut.
func (b *bench) cut() {
	b.Helper()
	select {
	case <-b.cuts:
	case <-time.After(patience):
		b.Fatal("the power was not cut")
	}
}

func TestPowerNow(t *testing.T) {
	b := open(t)
	for _, row := range []struct{ body, want string }{
		{`{"on":false,"at":"cash.escrow"}`, "armed"}, {`{"on":true}`, "on"},
		{`{"on":false}`, "off"}, {`{"on":false,"at":"cash.escrow"}`, "off"}, {`{"on":false}`, "off"}, {`{"on":true}`, "on"}, {`{"on":true}`, "on"},
		{`{"on":false,"at":"now","devices":true}`, "off"}, {`{"on":true}`, "on"},
	} {
		if got := b.must("PUT", "/v1/power", row.body)["power"]; got != row.want {
			t.Errorf("%s: got %v, want %s", row.body, got, row.want)
		}
		if got := b.at("power"); got != `"`+row.want+`"` {
			t.Errorf("%s: the world says %s", row.body, got)
		}
	}
	if got := len(b.cuts); got != 2 {
		t.Errorf("the programs were killed %d times, want 2", got)
	}
}

func TestPowerOffBehindTheDevices(t *testing.T) {
	b := open(t)
	b.must("PUT", "/v1/power", `{"on":false,"devices":true}`)
	if got := b.at("receipt.state") + b.at("license.state"); got != `"off""off"` {
		t.Errorf("printers: %s, want that they are off", got)
	}
	b.must("PUT", "/v1/power", `{"on":true}`)
	if got := b.at("receipt.state") + b.at("license.state"); strings.Contains(got, "off") {
		t.Errorf("printers: %s, want that they are on", got)
	}
}

// TestPowerWhileANoteMoves cuts the power at each point of a note's way.
func TestPowerWhileANoteMoves(t *testing.T) {
	for _, row := range []struct {
		power      string
		route      byte   // 1 to the box, 0 back; 9: none
		fate, sums string // afterwards: box, returned
	}{
		{`"at":"cash.escrow"`, 9, "escrow", "[] []"},
		{`"at":"cash.escrow","devices":true,"note":"in"`, 9, "stacked", "[1000] []"},
		{`"at":"cash.escrow","devices":true,"note":"out"`, 9, "returned", "[] [1000]"},
		{`"at":"cash.moving"`, 1, "stacked", "[1000] []"},
		{`"at":"cash.moving"`, 0, "returned", "[] [1000]"},
		{`"at":"cash.moving","devices":true,"note":"in"`, 1, "stacked", "[1000] []"},
		{`"at":"cash.moving","devices":true,"note":"out"`, 1, "returned", "[] [1000]"},
		{`"at":"cash.moving","devices":true`, 1, "returned", "[] [1000]"},
	} {
		t.Run(fmt.Sprint(row.power, " route ", row.route), func(t *testing.T) {
			t.Parallel()
			b := open(t)
			a := b.acceptor()
			b.must("PUT", "/v1/power", `{"on":false,`+row.power+`}`)
			b.must("POST", "/v1/cash/notes", `{"face_fen":1000,"wait_ms":0}`)
			if row.route != 9 {
				b.until("escrow", func() bool { return b.must("GET", "/v1/cash/notes/1", "")["fate"] == "escrow" })
				if got := b.at("power"); got != `"armed"` {
					t.Errorf("while the note is drawn in: power %s, want armed", got)
				}
				a.order(154, row.route)
			}
			b.cut()
			b.until("the note's fate", func() bool { return b.must("GET", "/v1/cash/notes/1", "")["fate"] == row.fate })
			if got := sums(b); got != row.sums {
				t.Errorf("box and returned: %s, want %s", got, row.sums)
			}
			b.must("PUT", "/v1/power", `{"on":true}`) // so that the polls end with an answer
		})
	}
}

func sums(b *bench) string {
	faces := func(path string) string {
		text := strings.ReplaceAll(b.at(path), `{"count":1,"currency":"CNY","face_fen":1000}`, "1000")
		return text
	}
	return faces("cash.box") + " " + faces("cash.returned")
}

func TestPowerInMidReceipt(t *testing.T) {
	for _, devices := range []bool{false, true} {
		t.Run(fmt.Sprint("devices ", devices), func(t *testing.T) {
			t.Parallel()
			b := open(t)
			wire := b.wire("receipt")
			b.must("PUT", "/v1/power", fmt.Sprintf(`{"on":false,"at":"receipt.half","devices":%v}`, devices))
			if _, err := wire.Write([]byte(strings.Repeat("a line of the receipt\n", 12) + "\x1dV\x00")); err != nil {
				t.Fatal(err)
			}
			b.cut()
			if devices {
				if got := b.at("receipt.prints"); strings.Contains(got, `"cut":true`) {
					t.Errorf("a printer without power has cut: %s", got)
				}
				return
			}
			b.until("the strip", func() bool { return strings.Contains(b.at("receipt.prints"), `"cut":true`) })
		})
	}
}

func TestPowerInMidLicense(t *testing.T) {
	for _, devices := range []bool{false, true} {
		t.Run(fmt.Sprint("devices ", devices), func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.must("PUT", "/v1/license/trays/tray-2", `{"media":"iso_a4_210x297mm","sheets":3,"first_serial":"B00000007"}`)
			b.must("PUT", "/v1/power", fmt.Sprintf(`{"on":false,"at":"license.half","devices":%v}`, devices))
			b.print()
			b.cut()
			if devices {
				if got := b.at("license.prints"); !strings.Contains(got, `"complete":false`) {
					t.Errorf("a printer without power has finished: %s", got)
				}
				return
			}
			b.until("the sheet", func() bool { return strings.Contains(b.at("license.prints"), `"complete":true`) })
		})
	}
}
