package sdt_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
)

// TestCardGoneAtEachExchange: taken away before an answer, a card is waited for again or asked for again, and laid down
// once more it is read.
func TestCardGoneAtEachExchange(t *testing.T) {
	for name, detail := range map[string]string{"find": "", "select": "", "read": idcard.Moved, "newest address": idcard.Unreadable} { // "" waits on
		t.Run(name, func(t *testing.T) {
			onDesk(t, sdtsim.Options{}, sdt.Options{NewestAddress: true}, func(t *testing.T, d *desk) {
				want := idcardtest.Cards(t)["citizen"]
				defer d.run()()
				d.lay(want)
				d.on(exchanges[name], func([]byte) { d.sim.Take() })
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := d.driver.Read(ctx)
				if detail == "" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want it to wait for a card", err)
				}
				if detail != "" {
					wantRefusal(t, err, detail)
				}
				d.lay(want)
				if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
					t.Errorf("laid down again: %v, %v", got, err)
				}
			})
		})
	}
}

// TestSecondCardAtEachExchange: put in the first one's place at any moment, it is read whole or nobody is: the later
// address of the one never stands beside the name of the other.
func TestSecondCardAtEachExchange(t *testing.T) {
	first := sdtsim.Card{Kind: "citizen", Name: "测试甲", Address: "旧址一号", NewAddress: "新址一号", Number: "110101194901010026"}
	second := sdtsim.Card{Kind: "citizen", Name: "测试庚", Address: "旧址二号", NewAddress: "新址二号", Number: "110101199001010015"}
	for name, cmd := range exchanges {
		t.Run(name, func(t *testing.T) {
			onDesk(t, sdtsim.Options{}, sdt.Options{NewestAddress: true}, func(t *testing.T, d *desk) {
				if err := d.sim.Lay(first); err != nil {
					t.Fatal(err)
				}
				d.on(cmd, func([]byte) {
					if err := d.sim.Lay(second); err != nil {
						t.Error(err)
					}
				})
				defer d.run()()
				got, err := d.read()
				if name == "newest address" {
					wantRefusal(t, err, idcard.Unreadable) // a half read person is nobody
					got, err = d.read()
				}
				if err != nil || got.Name != second.Name || got.Address != second.NewAddress || got.Number != second.Number {
					t.Errorf("got %q at %q (%v), want the second", got.Name, got.Address, err)
				}
			})
		})
	}
}

// moments is how often the hand does something in TestHandsAtRandomMoments.
const moments = 200

// TestHandsAtRandomMoments: cards are laid down, swapped and taken away, answers disturbed and the plug pulled, at any
// moment. Whatever is read is one of the cards that lay there meanwhile, whole; and when it is quiet again, the next card
// is read without a restart.
func TestHandsAtRandomMoments(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64) // 0 is a seed as well
	}
	t.Logf("SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0x63617264))
	onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
		var cards []idcard.Card
		for _, name := range []string{"citizen", "hmt", "taiwan", "foreign_2017", "foreign_2023", "latin_2023", "rare"} {
			cards = append(cards, idcardtest.Cards(t)[name])
		}
		defer d.run()()
		var mu sync.Mutex // guards lay and reads
		lay, reads := []idcard.Card{}, 0
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				mu.Lock()
				lay = lay[max(0, len(lay)-1):] // what lies there now, perhaps, and all that comes while it reads
				mu.Unlock()
				got, err := d.driver.Read(ctx)
				if err != nil {
					if !fault.Is(err, fault.Refused) {
						sleep(ctx, 500*time.Millisecond)
					}
					continue
				}
				mu.Lock()
				known := false
				for _, c := range lay {
					known = known || idcardtest.Same(c, got)
				}
				reads++
				mu.Unlock()
				if !known {
					t.Errorf("a card was read that did not lie there: %v", got)
				}
			}
		}()
		disturbed := []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "reset", "lost_reply", "read_failed", "card_gone"}
		for range moments {
			sleep(ctx, time.Duration(r.IntN(2000))*time.Millisecond)
			switch n := r.IntN(10); {
			case n < 4:
				c := cards[r.IntN(len(cards))]
				mu.Lock()
				lay = append(lay, c)
				mu.Unlock()
				d.lay(c)
			case n < 5:
				d.sim.Take()
			case n < 8:
				d.sim.Faults().Arm(disturbed[r.IntN(len(disturbed))], 1)
			default:
				d.sim.Faults().Arm("unplug", 1)
				sleep(ctx, time.Duration(r.IntN(3000))*time.Millisecond)
				d.sim.Faults().Arm("unplug", 0)
			}
		}
		stop()
		<-ended
		if reads < moments/20 { // of some 70 that were laid down
			t.Errorf("only %d cards were read", reads)
		}
		d.sim.Faults().MendAll()
		d.lay(cards[0])
		if got, _, err := d.readPatiently(cards[0]); err != nil || !idcardtest.Same(got, cards[0]) {
			t.Errorf("when it is quiet again: %v, %v", got, err)
		}
	})
}

// sleep passes virtual time.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// TestReadTakesWhatItsBytesNeed: on a line at its true speed the driver adds less than a hundredth of its own, also after
// a pause.
func TestReadTakesWhatItsBytesNeed(t *testing.T) {
	for _, baud := range []int{115200, 9600} {
		onDesk(t, sdtsim.Options{Baud: baud, Pace: true, ReadTime: -1}, sdt.Options{}, func(t *testing.T, d *desk) {
			defer d.run()()
			want := idcardtest.Cards(t)["citizen"]
			for d.driver.Fault() != nil {
				pause(t.Context())
			}
			bytes := 3*10 + 15 + 19 + 1297 // three questions and their answers
			needed := time.Duration(bytes) * 10 * time.Second / time.Duration(baud)
			for range 3 {
				d.lay(want)
				began := time.Now()
				if got, err := d.read(); err != nil || !idcardtest.Same(got, want) {
					t.Fatalf("got %v, %v", got, err)
				}
				if took := time.Since(began); took > needed*101/100 || took < needed*99/100 {
					t.Errorf("%d baud: a card took %v, its bytes need %v", baud, took, needed)
				}
				d.sim.Take()
				pause(t.Context())
			}
		})
	}
}
