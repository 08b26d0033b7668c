package sdt_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
)

// pause passes a second of virtual time.
func pause(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	<-ctx.Done()
}

// exchanges are the questions of one visit, by the bytes of command and parameter.
var exchanges = map[string]string{
	"status": "\x11\xFF", "sam id": "\x12\xFF", "find": "\x20\x01", "select": "\x20\x02", "read": "\x30\x10", "newest address": "\x30\x03",
}

// TestEachLineFaultAtEachExchange: whatever befalls the bytes of one answer, the card is read in the end,
// is the right card, and the person is asked to lay it down again at most once.
func TestEachLineFaultAtEachExchange(t *testing.T) {
	faults := []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "reset"}
	for name, cmd := range exchanges {
		for _, f := range faults {
			t.Run(name+" "+f, func(t *testing.T) {
				onDesk(t, sdtsim.Options{}, sdt.Options{NewestAddress: true}, func(t *testing.T, d *desk) {
					want := idcardtest.Cards(t)["citizen"]
					d.lay(want)
					d.on(cmd, func([]byte) { d.sim.Faults().Arm(f, 1) })
					defer d.run()()
					start := time.Now()
					got, asked, err := d.readPatiently(want)
					if err != nil || !idcardtest.Same(got, want) {
						t.Fatalf("got %v, %v", got, err)
					}
					if asked > 1 {
						t.Errorf("the person was asked %d times", asked)
					}
					if took := time.Since(start); took > 20*time.Second {
						t.Errorf("took %v", took)
					}
					if f := d.driver.Fault(); f != nil {
						t.Errorf("fault after recovery: %v", f)
					}
					for _, row := range d.sim.Faults().List() {
						if row.Armed != 0 {
							t.Errorf("the fault never befell: %v", row)
						}
					}
				})
			})
		}
	}
}

// TestHarmlessFaultsAreNotNoticed: an answer that is late by a little, doubled, split or damaged once is
// healed without the person, unless it was the answer to the read itself.
func TestHarmlessFaultsAreNotNoticed(t *testing.T) {
	for _, tc := range []struct{ exchange, fault string }{
		{"find", "garble"}, {"find", "silence"}, {"find", "late"}, {"select", "double"}, {"select", "checksum"},
		{"read", "split"}, {"read", "double"}, {"status", "truncate"}, {"sam id", "silence"},
	} {
		t.Run(tc.exchange+" "+tc.fault, func(t *testing.T) {
			onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
				want := idcardtest.Cards(t)["hmt"]
				d.lay(want)
				d.on(exchanges[tc.exchange], func([]byte) { d.sim.Faults().Arm(tc.fault, 1) })
				defer d.run()()
				if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
					t.Errorf("got %v, %v", got, err)
				}
				if n := len(d.speeds()); n != 1 {
					t.Errorf("opened %d times, want once", n)
				}
			})
		})
	}
}

// TestLateAnswerNeverNamesTheNextPerson: the first citizen's read is answered after the driver has given
// up; the second citizen must not be taken for the first.
func TestLateAnswerNeverNamesTheNextPerson(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		cards := idcardtest.Cards(t)
		d.lay(cards["citizen"])
		defer d.run()()
		d.on(exchanges["read"], func([]byte) { d.sim.Faults().Arm("late", 1) })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // the first citizen walks away in mid-read
		defer cancel()
		if c, err := d.driver.Read(ctx); err == nil {
			t.Fatalf("read %v, want the context's error", c)
		}
		d.sim.Take()
		d.lay(cards["hmt"])
		if got, _, err := d.readPatiently(cards["hmt"]); err != nil || !idcardtest.Same(got, cards["hmt"]) {
			t.Errorf("got %v, %v, want the second citizen", got, err)
		}
	})
}

// TestStaleReadOnTheLine: an answer that lay in the line before the question is not taken.
func TestStaleReadOnTheLine(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		cards := idcardtest.Cards(t)
		defer d.run()()
		for range 3 {
			d.lay(cards["citizen"])
			d.on(exchanges["read"], func([]byte) { d.sim.Faults().Arm("double", 1) })
			if got, err := d.read(); err != nil || !idcardtest.Same(got, cards["citizen"]) {
				t.Fatalf("first: %v, %v", got, err)
			}
			d.sim.Take()
			d.lay(cards["hmt"])
			if got, err := d.read(); err != nil || !idcardtest.Same(got, cards["hmt"]) {
				t.Fatalf("second: %v, %v", got, err)
			}
			d.sim.Take()
		}
	})
}

func TestCardGoneInMidRead(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		want := idcardtest.Cards(t)["citizen"]
		defer d.run()()
		d.lay(want)
		d.on(exchanges["read"], func([]byte) {
			time.AfterFunc(200*time.Millisecond, func() { d.sim.Take() })
		})
		start := time.Now()
		_, err := d.read()
		wantRefusal(t, err, idcard.Moved)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the person hears of it after %v", took)
		}
		d.lay(want)
		if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
			t.Errorf("laid down again: %v, %v", got, err)
		}
	})
}

// TestCardSwappedInMidRead: what is read is one card or the other, never parts of both.
func TestCardSwappedInMidRead(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		cards := idcardtest.Cards(t)
		defer d.run()()
		d.lay(cards["citizen"])
		d.on(exchanges["read"], func([]byte) {
			time.AfterFunc(100*time.Millisecond, func() { d.lay(cards["hmt"]) })
		})
		if got, err := d.read(); err != nil || !idcardtest.Same(got, cards["hmt"]) {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func wantRefusal(t *testing.T, err error, detail string) {
	t.Helper()
	var f *fault.Error
	if fault.KindOf(err) != fault.Refused {
		t.Errorf("got %v, want a refusal (%s)", err, detail)
		return
	}
	if f, _ = err.(*fault.Error); f == nil || f.Detail != detail {
		t.Errorf("got %v, want detail %q", err, detail)
	}
}

func TestWhatThePersonIsTold(t *testing.T) {
	for _, tc := range []struct {
		fault  string
		count  int
		detail string
	}{
		{"card_gone", 1, idcard.Moved},
		{"bus_card", 1, idcard.NotIdentityCard},
		{"second_card", 1, idcard.NotIdentityCard},
		{"not_genuine", 1, idcard.NotGenuine},
		{"read_failed", 3, idcard.Unreadable},
		{"lost_reply", 1, idcard.Unreadable},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
				want := idcardtest.Cards(t)["citizen"]
				defer d.run()()
				d.lay(want)
				d.sim.Faults().Arm(tc.fault, tc.count)
				_, err := d.read()
				wantRefusal(t, err, tc.detail)
				if f := d.driver.Fault(); f != nil {
					t.Errorf("a refused card is no fault of the reader: %v", f)
				}
				d.sim.Faults().MendAll()
				d.sim.Take()
				d.lay(want)
				if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
					t.Errorf("afterwards: %v, %v", got, err)
				}
			})
		})
	}
}

// TestBadHoldIsRepeated: two failed reads in a row are healed without a word.
func TestBadHoldIsRepeated(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		want := idcardtest.Cards(t)["citizen"]
		d.lay(want)
		d.sim.Faults().Arm("read_failed", 2)
		defer d.run()()
		if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestSelfTestFailsOutOfService(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		d.sim.Faults().Arm("self_test", 1)
		defer d.run()()
		if _, err := d.read(); fault.KindOf(err) != fault.Broken {
			t.Errorf("got %v, want broken", err)
		}
		if len(d.speeds()) != 1 {
			t.Errorf("opened at %v: a reader that answers is found", d.speeds())
		}
		if f := d.driver.Fault(); f == nil || !strings.Contains(f.Detail, "self-test failed (SW 00 00 60)") {
			t.Errorf("fault %v, want the module's state", f)
		}
		if got := d.driver.Info().SAM; got != "05.03-20110101-1234567890-2345678" {
			t.Errorf("the number of a module that is not fit: %q", got)
		}
		d.sim.Faults().MendAll()
		want := idcardtest.Cards(t)["citizen"]
		d.lay(want)
		if _, _, err := d.readPatiently(want); err != nil {
			t.Errorf("after the mend: %v", err)
		}
	})
}

// TestUnplugIsNoticedWithoutACitizen: the services that need a card close before somebody begins one.
func TestUnplugIsNoticedWithoutACitizen(t *testing.T) {
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		for d.driver.Fault() != nil {
			pause(t.Context())
		}
		d.sim.Faults().Arm("unplug", 1)
		for range 7 {
			pause(t.Context())
		}
		if f := d.driver.Fault(); f == nil || f.Kind != fault.Absent {
			t.Errorf("seven seconds after the plug: %v, want absent", f)
		}
		d.sim.Faults().Arm("unplug", 0)
		for range 3 {
			pause(t.Context())
		}
		if f := d.driver.Fault(); f != nil {
			t.Errorf("after it was put back: %v", f)
		}
	})
}

// TestUnplugInEachExchange: the plug may go at any byte.
func TestUnplugInEachExchange(t *testing.T) {
	for name, cmd := range exchanges {
		in := 100 * time.Millisecond // half of the answer is out then, and the driver waits for the rest
		if name == "read" {
			in += 500 * time.Millisecond // what the reading takes
		}
		unplugIn(t, name, cmd, "silence", 0)
		unplugIn(t, name, cmd, "truncate", in)
	}
}

func unplugIn(t *testing.T, name, cmd, befalls string, after time.Duration) {
	t.Run(name+" "+befalls, func(t *testing.T) {
		onDesk(t, sdtsim.Options{}, sdt.Options{NewestAddress: true}, func(t *testing.T, d *desk) {
			want := idcardtest.Cards(t)["citizen"]
			d.lay(want)
			d.on(cmd, func([]byte) {
				d.sim.Faults().Arm(befalls, 1) // or the answer may be faster than the hand
				time.AfterFunc(after, func() { d.sim.Faults().Arm("unplug", 1) })
			})
			defer d.run()()
			_, err := d.read()
			if k := fault.KindOf(err); k != fault.Absent {
				t.Errorf("got %v, want absent", err)
			}
			d.sim.Faults().MendAll()
			if got, _, err := d.readPatiently(want); err != nil || !idcardtest.Same(got, want) {
				t.Errorf("after the plug: %v, %v", got, err)
			}
		})
	})
}

// TestReaderIsFoundAtEachSpeed: some readers keep another speed than the factory's.
func TestReaderIsFoundAtEachSpeed(t *testing.T) {
	for i, baud := range []int{115200, 57600, 38400, 19200, 9600} {
		t.Run(fmt.Sprint(baud), func(t *testing.T) {
			onDesk(t, sdtsim.Options{Baud: baud, Pace: true}, sdt.Options{}, func(t *testing.T, d *desk) {
				want := idcardtest.Cards(t)["citizen"]
				d.lay(want)
				defer d.run()()
				if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
					t.Fatalf("got %v, %v", got, err)
				}
				if len(d.speeds()) != i+1 || d.speeds()[0] != 115200 || d.speeds()[i] != baud {
					t.Errorf("opened at %v", d.speeds())
				}
				d.sim.Faults().Arm("unplug", 1)
				d.read() // hears that it is absent
				d.sim.Faults().Arm("unplug", 0)
				d.mu.Lock()
				d.opens = nil
				d.mu.Unlock()
				if _, _, err := d.readPatiently(want); err != nil || d.speeds()[0] != baud {
					t.Errorf("after the plug opened at %v (%v), want the speed that worked first", d.speeds(), err)
				}
			})
		})
	}
}

func TestOlderFirmwareWithoutFingerprints(t *testing.T) {
	onDesk(t, sdtsim.Options{NoFingerprint: true}, sdt.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		for range 2 {
			want := idcardtest.Cards(t)["citizen"]
			d.lay(want)
			if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
				t.Errorf("got %v, %v", got, err)
			}
			d.sim.Take()
		}
		asked := 0
		for _, e := range d.log.After(t.Context(), 0) {
			if strings.HasSuffix(e.Hex, "00033010"+"23") {
				asked++
			}
		}
		if asked != 1 {
			t.Errorf("30 10 was asked %d times, want once", asked)
		}
	})
}

func TestFingerprintsAreDropped(t *testing.T) {
	onDesk(t, sdtsim.Options{Fingers: true}, sdt.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		want := idcardtest.Cards(t)["citizen"]
		d.lay(want)
		got, err := d.read()
		if err != nil || !idcardtest.Same(got, want) || len(got.Photo) != 1024 || cap(got.Photo) > 1200 {
			t.Errorf("got %v, %v, photo %d of %d", got, err, len(got.Photo), cap(got.Photo))
		}
	})
}

func TestNewestAddressReplacesThePrintedOne(t *testing.T) {
	for _, ask := range []bool{true, false} {
		onDesk(t, sdtsim.Options{}, sdt.Options{NewestAddress: ask}, func(t *testing.T, d *desk) {
			defer d.run()()
			c := sdtsim.Card{Name: "测试甲", Address: "旧址一号", NewAddress: "上海市测试路3号", Number: "110101194901010026"}
			if err := d.sim.Lay(c); err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{true: c.NewAddress, false: c.Address}[ask]
			if got, err := d.read(); err != nil || got.Address != want {
				t.Errorf("asked %v: %q (%v), want %q", ask, got.Address, err, want)
			}
		})
	}
}

// TestNothingPersonalInErrors: whatever goes wrong with the answer to a read, its bytes are not told.
func TestNothingPersonalInErrors(t *testing.T) {
	for _, f := range []string{"late", "truncate", "garble", "checksum", "card_gone", "lost_reply"} {
		onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
			want := idcardtest.Cards(t)["citizen"]
			d.lay(want)
			d.on(exchanges["read"], func([]byte) { d.sim.Faults().Arm(f, 1) })
			defer d.run()()
			for range 3 {
				got, err := d.read()
				if err == nil {
					break
				}
				text := fmt.Sprintf("%v %+v %#v", err, got, got)
				for _, secret := range []string{want.Name, want.Number, want.Address, "31 00 31", "4b 6d"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s: %q tells %q", f, text, secret)
					}
				}
				d.sim.Take()
				d.lay(want)
			}
		})
	}
}

// TestTransportWithoutSpeed: a reader that stays silent is not looked for at other speeds.
func TestTransportWithoutSpeed(t *testing.T) {
	onDesk(t, sdtsim.Options{Baud: 9600}, sdt.Options{NoSpeed: true}, func(t *testing.T, d *desk) {
		defer d.run()()
		if _, err := d.read(); fault.KindOf(err) != fault.Silent {
			t.Errorf("got %v, want silent", err)
		}
		pause(t.Context())
		for _, baud := range d.speeds() {
			if baud != 115200 {
				t.Errorf("opened at %v", d.speeds())
			}
		}
	})
}
