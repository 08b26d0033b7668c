package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// teller is a payer that gives what a story says.
type teller struct {
	mu      sync.Mutex
	state   cash.PayerState
	info    cash.PayerInfo
	memory  cash.Memory
	before  error
	pays    func(pieces []cash.Pile) (cash.Paid, error) // nil: all of it
	settles func(before cash.Memory, pieces []cash.Pile) (cash.Paid, error)
	asked   []string
}

func newTeller(levels ...cash.Pile) *teller {
	tl := &teller{state: cash.PayerState{Online: true, Levels: levels}, info: cash.PayerInfo{Counts: true}, memory: cash.Memory{Serial: "9", Counter: 3, Levels: levels, Known: true}}
	for _, l := range levels {
		tl.info.Faces = append(tl.info.Faces, l.Note)
	}
	return tl
}

func pile(face, count int64) cash.Pile {
	return cash.Pile{Note: cash.Note{Face: face, Currency: money.CNY}, Count: count}
}

func (tl *teller) note(what string, p []cash.Pile) {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	for _, row := range p {
		what += fmt.Sprintf(" %dx%d", row.Count, row.Face)
	}
	tl.asked = append(tl.asked, what)
}

func (tl *teller) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (tl *teller) Before(context.Context) (cash.Memory, error) { return tl.memory, tl.before }

func (tl *teller) Pay(_ context.Context, before cash.Memory, p []cash.Pile) (cash.Paid, error) {
	tl.note(fmt.Sprintf("pay after %d:", before.Counter), p)
	if tl.pays != nil {
		return tl.pays(p)
	}
	return cash.Paid{Out: p}, nil
}

func (tl *teller) Settle(_ context.Context, before cash.Memory, p []cash.Pile) (cash.Paid, error) {
	tl.note(fmt.Sprintf("settle %s after %d:", before.Serial, before.Counter), p)
	return tl.settles(before, p)
}

func (tl *teller) Info() cash.PayerInfo { return tl.info }

func (tl *teller) State() cash.PayerState {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	return tl.state
}

func (tl *teller) online(is bool) {
	tl.mu.Lock()
	defer tl.mu.Unlock()
	tl.state.Online = is
}

// owing is a till with this payer, and a case that has put in 100 yuan and is owed all of it.
func owing(t *testing.T, tl *teller, tell func(r *reading, owed string)) {
	t.Helper()
	read(t, func(r *reading) {
		r.stop()
		r.payer = tl
		r.start()
		for _, line := range []string{"ready", "bill a 20000 owed", "take a", "escrowed 10000", "stacked 10000", "stop", "wait 2s", "settle a"} {
			r.say(line)
		}
		var owed string
		r.journal.Book(func(b *casefile.Book) { owed = b.OwedOf("a")[0].ID })
		tell(r, owed)
		r.journal.Book(func(b *casefile.Book) {
			if bad := b.Check(); len(bad) > 0 {
				t.Error(bad)
			}
		})
	})
}

// stands is where the money of case a stands.
func (r *reading) stands() string {
	var text string
	r.journal.Book(func(b *casefile.Book) {
		p := b.Placed
		text = fmt.Sprintf("owed %s, paid out %s, doubtful %s", p.Owed, p.PaidOut, p.Doubtful)
		if b.OpenPayout() != nil {
			text += ", open"
		}
	})
	return text
}

func TestPayOut(t *testing.T) {
	jam := &fault.Error{Kind: fault.Jammed, Device: "payout", Op: "pay"}
	for _, tt := range []struct {
		name   string
		levels []cash.Pile
		pays   func([]cash.Pile) (cash.Paid, error)
		before error
		given  Given
		stands string
		asked  string
		ended  string
	}{
		{name: "all of it", levels: []cash.Pile{pile(1000, 5), pile(5000, 5)}, given: Given{Out: 10000}, stands: "owed 0.00, paid out 100.00, doubtful 0.00",
			asked: "pay after 3: 2x5000", ended: "payout.ended 10000 "},
		{name: "as far as the pieces go", levels: []cash.Pile{pile(5000, 1), pile(100, 3)}, given: Given{Out: 5300, Rest: 4700}, stands: "owed 47.00, paid out 53.00, doubtful 0.00",
			asked: "pay after 3: 3x100 1x5000", ended: "payout.ended 5300 "},
		{name: "no pieces", given: Given{Rest: 10000}, stands: "owed 100.00, paid out 0.00, doubtful 0.00"},
		{name: "the memory cannot be asked", levels: []cash.Pile{pile(5000, 2)}, before: jam, given: Given{Rest: 10000}, stands: "owed 100.00, paid out 0.00, doubtful 0.00"},
		{name: "it stops short", levels: []cash.Pile{pile(5000, 2)}, pays: func([]cash.Pile) (cash.Paid, error) { return cash.Paid{Out: []cash.Pile{pile(5000, 1)}}, jam },
			given: Given{Out: 5000, Rest: 5000}, stands: "owed 50.00, paid out 50.00, doubtful 0.00", asked: "pay after 3: 2x5000", ended: "payout.ended 5000 jammed"},
		{name: "nothing comes", levels: []cash.Pile{pile(5000, 2)}, pays: func([]cash.Pile) (cash.Paid, error) { return cash.Paid{}, jam },
			given: Given{Rest: 10000}, stands: "owed 100.00, paid out 0.00, doubtful 0.00", asked: "pay after 3: 2x5000", ended: "payout.ended 0 jammed"},
		{name: "an error of another kind", levels: []cash.Pile{pile(5000, 2)}, pays: func([]cash.Pile) (cash.Paid, error) { return cash.Paid{}, errors.New("odd") },
			given: Given{Rest: 10000}, stands: "owed 100.00, paid out 0.00, doubtful 0.00", asked: "pay after 3: 2x5000", ended: "payout.ended 0 "},
		{name: "one cannot be told", levels: []cash.Pile{pile(2000, 5)}, pays: func([]cash.Pile) (cash.Paid, error) {
			return cash.Paid{Out: []cash.Pile{pile(2000, 3)}, Unsure: []cash.Pile{pile(2000, 1)}}, jam
		}, given: Given{Out: 6000, Unsure: 2000, Rest: 2000}, stands: "owed 20.00, paid out 60.00, doubtful 20.00", asked: "pay after 3: 5x2000", ended: "payout.doubtful 6000 "},
		{name: "one more than asked, and one of another face", levels: []cash.Pile{pile(5000, 2)}, pays: func([]cash.Pile) (cash.Paid, error) {
			return cash.Paid{Out: []cash.Pile{pile(5000, 3), pile(100, 1)}}, nil
		}, given: Given{Out: 10000}, stands: "owed 0.00, paid out 100.00, doubtful 0.00", asked: "pay after 3: 2x5000", ended: "payout.ended 10000 "},
		{name: "unsure of more than is left", levels: []cash.Pile{pile(5000, 2)}, pays: func([]cash.Pile) (cash.Paid, error) {
			return cash.Paid{Out: []cash.Pile{pile(5000, 1)}, Unsure: []cash.Pile{pile(5000, 2)}}, nil
		}, given: Given{Out: 5000, Unsure: 5000}, stands: "owed 0.00, paid out 50.00, doubtful 50.00", asked: "pay after 3: 2x5000", ended: "payout.doubtful 5000 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := newTeller(tt.levels...)
			tl.pays, tl.before = tt.pays, tt.before
			owing(t, tl, func(r *reading, owed string) {
				given, err := r.till.PayOut(t.Context(), "a", owed)
				if err != nil || given != tt.given {
					t.Errorf("got %+v (%v), want %+v", given, err, tt.given)
				}
				if got := r.stands(); got != tt.stands {
					t.Errorf("got %s, want %s", got, tt.stands)
				}
				if got := strings.Join(tl.asked, "; "); got != tt.asked {
					t.Errorf("the payer heard %q, want %q", got, tt.asked)
				}
				if got := r.lastPayout(); got != tt.ended {
					t.Errorf("the journal ends with %q, want %q", got, tt.ended)
				}
			})
		})
	}
}

// lastPayout is the last event of a payout.
func (r *reading) lastPayout() (text string) {
	records, err := r.journal.Read(context.Background(), 0, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range records {
		e, err := rec.Event()
		if err != nil {
			r.t.Fatal(err)
		}
		if h := e.Header; strings.HasPrefix(string(e.Kind), "payout.") {
			text = fmt.Sprintf("%s %d %s", e.Kind, int64(h.Amount), h.Fault)
			if e.Kind == casefile.PayoutDoubtful && (len(h.Owed) != 13 || len(h.Claim) != 64 || h.Asked == "") {
				r.t.Errorf("a doubt under %q with claim %q because %q", h.Owed, h.Claim, h.Asked)
			}
		}
	}
	return text
}

// The line breaks in the middle: the payer goes on by itself, and tells when it is heard again; or it does not come back.
func TestPayOutOverABrokenLine(t *testing.T) {
	silent := &fault.Error{Kind: fault.Silent}
	for _, tt := range []struct {
		name   string
		after  int // questions before it answers
		given  Given
		stands string
	}{
		{"back at once", 1, Given{Out: 5000, Rest: 5000}, "owed 50.00, paid out 50.00, doubtful 0.00"},
		{"back after a while", 30, Given{Out: 5000, Rest: 5000}, "owed 50.00, paid out 50.00, doubtful 0.00"},
		{"not back", 1000, Given{Unsure: 10000}, "owed 0.00, paid out 0.00, doubtful 100.00"},
		{"not back, and one has come out", 1000, Given{Out: 5000, Unsure: 5000}, "owed 0.00, paid out 50.00, doubtful 50.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := newTeller(pile(5000, 9))
			tl.pays = func([]cash.Pile) (cash.Paid, error) {
				if tt.after == 1000 && tt.given.Out > 0 {
					return cash.Paid{Out: []cash.Pile{pile(5000, 1)}}, silent
				}
				return cash.Paid{}, silent
			}
			n := 0
			tl.settles = func(cash.Memory, []cash.Pile) (cash.Paid, error) {
				if n++; n < tt.after {
					return cash.Paid{}, silent
				}
				return cash.Paid{Out: []cash.Pile{pile(5000, 1)}}, nil
			}
			owing(t, tl, func(r *reading, owed string) {
				began := time.Now()
				given, err := r.till.PayOut(t.Context(), "a", owed)
				if err != nil || given != tt.given || r.stands() != tt.stands {
					t.Errorf("got %+v (%v), %s; want %+v, %s", given, err, r.stands(), tt.given, tt.stands)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("the person waited %v", took)
				}
			})
		})
	}
}

// Two ask for the same money while the hoppers turn: the second waits, as for any device, and nothing is left for it.
func TestPayoutsTakeTurns(t *testing.T) {
	tl := newTeller(pile(5000, 9))
	tl.pays = func(p []cash.Pile) (cash.Paid, error) {
		time.Sleep(time.Second) // virtual
		return cash.Paid{Out: p}, nil
	}
	owing(t, tl, func(r *reading, owed string) {
		given := make(chan Given, 2)
		for range cap(given) {
			go func() {
				g, err := r.till.PayOut(context.Background(), "a", owed)
				if err != nil {
					t.Error(err)
				}
				given <- g
			}()
		}
		if first, second := <-given, <-given; first.Out+second.Out != 10000 || first.Rest+second.Rest+first.Unsure+second.Unsure != 0 {
			t.Errorf("got %+v and %+v", first, second)
		}
		if got := r.stands(); got != "owed 0.00, paid out 100.00, doubtful 0.00" {
			t.Error(got)
		}
	})
}

// What has a code is paid by the code; a debt that is none is not paid.
func TestPayOutOnlyWhatHasNoCode(t *testing.T) {
	tl := newTeller(pile(5000, 9))
	owing(t, tl, func(r *reading, owed string) {
		if _, err := r.till.Recode(t.Context(), "a", owed); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{owed, "none"} {
			if given, err := r.till.PayOut(t.Context(), "a", id); err != nil || given.Out != 0 || len(tl.asked) > 0 {
				t.Errorf("%s: got %+v (%v), the payer heard %q", id, given, err, tl.asked)
			}
		}
	})
}

// The power goes while pieces come out. What became of them is asked as soon as the payer answers; until then nothing is
// paid out and nothing of it can be redeemed.
func TestPayoutAfterAPowerCut(t *testing.T) {
	silent := &fault.Error{Kind: fault.Silent}
	for _, tt := range []struct {
		name    string
		settles []func(cash.Memory, []cash.Pile) (cash.Paid, error)
		stands  string
	}{
		{"it had all come out", []func(cash.Memory, []cash.Pile) (cash.Paid, error){
			func(_ cash.Memory, p []cash.Pile) (cash.Paid, error) { return cash.Paid{}, silent },
			func(_ cash.Memory, p []cash.Pile) (cash.Paid, error) { return cash.Paid{Out: p}, nil }}, "owed 0.00, paid out 100.00, doubtful 0.00"},
		{"nothing had", []func(cash.Memory, []cash.Pile) (cash.Paid, error){
			func(cash.Memory, []cash.Pile) (cash.Paid, error) { return cash.Paid{}, nil }}, "owed 100.00, paid out 0.00, doubtful 0.00"},
		{"it is another payer now", []func(cash.Memory, []cash.Pile) (cash.Paid, error){
			func(_ cash.Memory, p []cash.Pile) (cash.Paid, error) {
				return cash.Paid{Unsure: p}, &fault.Error{Kind: fault.Doubtful, Detail: "another serial"}
			}}, "owed 0.00, paid out 0.00, doubtful 100.00"},
		{"part had, and then it jammed", []func(cash.Memory, []cash.Pile) (cash.Paid, error){
			func(cash.Memory, []cash.Pile) (cash.Paid, error) {
				return cash.Paid{Out: []cash.Pile{pile(5000, 1)}}, &fault.Error{Kind: fault.Silent}
			}}, "owed 50.00, paid out 50.00, doubtful 0.00"},
		{"it is broken at first, and then says that all had", []func(cash.Memory, []cash.Pile) (cash.Paid, error){
			func(cash.Memory, []cash.Pile) (cash.Paid, error) {
				return cash.Paid{}, &fault.Error{Kind: fault.Broken}
			},
			func(_ cash.Memory, p []cash.Pile) (cash.Paid, error) { return cash.Paid{Out: p}, nil }}, "owed 0.00, paid out 100.00, doubtful 0.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := newTeller(pile(5000, 9))
			owing(t, tl, func(r *reading, owed string) {
				tl.settles = func(cash.Memory, []cash.Pile) (cash.Paid, error) { return cash.Paid{}, silent }
				cut := make(chan struct{})
				tl.pays = func([]cash.Pile) (cash.Paid, error) { <-cut; return cash.Paid{}, silent }
				went := make(chan struct{})
				go func() { r.till.PayOut(context.Background(), "a", owed); close(went) }()
				synctest.Wait()
				journal := r.journal
				r.cancel()
				journal.Close() // the power goes: what the old program still says is not written
				close(cut)
				<-went
				tl.online(false)
				n := 0
				tl.settles = func(m cash.Memory, p []cash.Pile) (cash.Paid, error) { n++; return tt.settles[n-1](m, p) }
				r.ran.Wait()
				r.start()
				r.say("wait 10s")
				if got := r.stands(); got != "owed 100.00, paid out 0.00, doubtful 0.00, open" || n != 0 {
					t.Errorf("before the payer answers: %s, asked %d times", got, n)
				}
				if stock := r.till.Stock(); stock != nil {
					t.Errorf("before the payer answers: %v can be paid out", stock)
				}
				tl.online(true)
				r.say("wait 10s")
				if got := r.stands(); got != tt.stands || n != len(tt.settles) {
					t.Errorf("got %s after asking %d times, want %s after %d", got, n, tt.stands, len(tt.settles))
				}
				if got := tl.asked[len(tl.asked)-1]; got != "settle 9 after 3: 2x5000" {
					t.Errorf("the payer was asked %q", got)
				}
			})
		})
	}
}

// What a payer remembered comes back to it as it was, a count of nothing too: a hopper that has never paid has that.
func TestMemoryOutlivesTheProgram(t *testing.T) {
	want := cash.Memory{Serial: "3:1 4:2", Counter: 7, Paid: []cash.Pile{pile(100, 0), pile(50, 5), pile(100, 2)}, Levels: []cash.Pile{pile(50, 1)}, Known: true,
		Parts: []cash.Memory{{Serial: "3:1", Paid: []cash.Pile{pile(100, 0)}, Known: true}, {Serial: "4:2", Counter: 9, Paid: []cash.Pile{pile(50, 5)}}}}
	raw, err := json.Marshal(memory(want))
	if err != nil {
		t.Fatal(err)
	}
	var kept casefile.Memory
	if err := json.Unmarshal(raw, &kept); err != nil {
		t.Fatal(err)
	}
	if got := payerMemory(kept); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStock(t *testing.T) {
	levels := []cash.Pile{pile(100, 4), pile(500, 0), {Note: cash.Note{Face: 100, Currency: "USD"}, Count: 9}}
	for _, tt := range []struct {
		name string
		do   func(tl *teller)
		want string
	}{
		{"what it counts", func(*teller) {}, "[{1.00 CNY 4}]"},
		{"what it cannot pay", func(tl *teller) { tl.info.Faces = tl.info.Faces[1:2] }, "[]"},
		{"a face that is unfit", func(tl *teller) { tl.state.Unfit = tl.info.Faces[:1] }, "[]"},
		{"offline", func(tl *teller) { tl.state.Online = false }, "[]"},
		{"jammed", func(tl *teller) { tl.state.Fault = &fault.Error{Kind: fault.Jammed} }, "[]"},
		{"one face is jammed", func(tl *teller) {
			tl.info.Faces = append(tl.info.Faces, cash.Note{Face: 1000, Currency: money.CNY})
			tl.state.Fault, tl.state.Unfit = &fault.Error{Kind: fault.Jammed}, tl.info.Faces[2:]
			tl.state.Levels = append(tl.state.Levels, pile(1000, 3))
		}, "[{1.00 CNY 4}]"},
		{"by the journal", func(tl *teller) { tl.info.Counts = false }, "[{1.00 CNY 7}]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tl := newTeller(levels...)
			tl.info.Faces = tl.info.Faces[:2]
			tt.do(tl)
			owing(t, tl, func(r *reading, _ string) {
				h := casefile.Header{Pieces: pieces([]cash.Pile{pile(100, 7), pile(50, 9)}), Who: "technician"}
				if err := r.journal.Append(t.Context(), entry(casefile.StockLoaded, "", h)); err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(r.till.Stock()); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// Change is promised only when the last step up to the amount can be paid, and a note is taken only when its change can.
func TestPromise(t *testing.T) {
	for _, tt := range []struct {
		due    money.Fen
		rule   string
		levels []cash.Pile
		want   bool
	}{
		{4300, "owed", []cash.Pile{pile(100, 9)}, true},
		{4350, "owed", []cash.Pile{pile(100, 9)}, false},
		{4350, "owed", []cash.Pile{pile(50, 1)}, true},
		{4321, "owed", []cash.Pile{pile(10, 9), pile(50, 9)}, false},
		{4300, "balance", []cash.Pile{pile(100, 9)}, false},
		{4300, "owed", nil, false},
		{0, "owed", []cash.Pile{pile(100, 9)}, false},
	} {
		till := &Till{payer: newTeller(tt.levels...)}
		read(t, func(r *reading) {
			till.journal = r.journal
			if got := till.Promise(tt.due, tt.rule); got != tt.want {
				t.Errorf("%s by %s with %v: got %v", tt.due, tt.rule, tt.levels, got)
			}
		})
	}
}

func TestNotesThatCannotBeChangedAreNotTaken(t *testing.T) {
	tl := newTeller(pile(100, 9), pile(1000, 1))
	read(t, func(r *reading) {
		r.stop()
		r.payer = tl
		r.start()
		faces := func() (out []int64) {
			for _, f := range r.till.Taken() {
				out = append(out, f.Face)
			}
			return out
		}
		for _, line := range []string{"ready", "bill a 2600 owed", "take a"} {
			r.say(line)
		}
		if st := r.till.Status(); !st.Change {
			t.Error("change is not promised")
		}
		if got := faces(); !slices.Equal(got, []int64{100, 500, 1000, 2000}) { // 50-26 = 24 cannot be paid
			t.Errorf("at first %v are taken", got)
		}
		r.say("escrowed 5000") // drawn in all the same: it goes back
		if got := r.heard(); !strings.HasSuffix(got, "note.escrowed 1:5000 @2, note.returning 1:5000 @2, accept 4 faces, return") {
			t.Errorf("got %s", got)
		}
		r.say("returned 5000")
		r.say("escrowed 2000")
		r.say("stacked 2000")
		if got := faces(); !slices.Equal(got, []int64{100, 500, 1000, 2000}) { // 6 left: 20-6 = 14 = 10+4
			t.Errorf("then %v are taken", got)
		}
		if got := r.heard(); !strings.HasSuffix(got, "stack, accept 4 faces") {
			t.Errorf("got %s", got)
		}
		r.say("escrowed 500")
		r.say("stacked 500")
		if got := faces(); !slices.Equal(got, []int64{100, 500, 1000, 2000}) { // 1 left: 20-1 = 19 = 10+9
			t.Errorf("then %v are taken", got)
		}
		tl.mu.Lock()
		tl.state.Levels = []cash.Pile{pile(100, 3)}
		tl.mu.Unlock()
		if got := faces(); !slices.Equal(got, []int64{100}) {
			t.Errorf("with less change %v are taken", got)
		}
		r.say("stop")
		r.say("wait 2s")
		if got := faces(); len(got) != len(Faces) {
			t.Errorf("when nobody pays: %v", got)
		}
	})
}

func TestCoins(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
		r.coins = coins
		r.start()
		n := 0
		coin := func(what cash.Happening, face int64, currency string) {
			n++
			coins.signals <- cash.Signal{What: what, Note: cash.Note{Face: face, Currency: currency}, Mark: cash.Mark{Serial: "7", Counter: n, Known: true}}
			synctest.Wait()
		}
		expect := func(do, want string) {
			t.Helper()
			if got := r.heard(); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", do, got, want)
			}
		}
		for _, line := range []string{"ready", "bill a 350 owed", "take a"} {
			r.say(line)
		}
		if r.till.Ready() {
			t.Error("ready, and the coin acceptor has not told what it missed")
		}
		n-- // it is no event of its memory
		coin(cash.Ready, 0, "")
		if !r.till.Ready() {
			t.Error("not ready, and both have told what they missed")
		}
		r.heard()
		if got := strings.Join(coins.orders, ", "); got != "accept 3 faces" {
			t.Errorf("the coin acceptor heard %s", got)
		}
		coin(cash.Stacked, 100, money.CNY)
		expect("a coin", "coin.taken @1")
		if st := r.till.Status(); st.Inserted != 100 || !st.Coins {
			t.Errorf("status %+v", st)
		}
		coin(cash.Refused, 0, "")
		expect("one that is refused", "")
		coin(cash.Stacked, 100, "USD")
		expect("one that cannot be named", "coins.reset (a coin that cannot be named went into the box) (while coins were taken) @3")
		r.say("stop")
		coin(cash.Stacked, 50, money.CNY) // thrown in as the payment ended
		r.say("wait 2s")
		expect("one in flight", "coin.taken @4, cash.closed, refuse, stopped")
		r.say("settle a")
		expect("all of it is placed", "payment.settled bill 0 surplus 0 owed 150 (stopped)")
		coin(cash.Stacked, 50, money.CNY)
		expect("one when nobody pays", "case.opened (cash.stray), coin.taken @5")
		r.say("bill b 350 owed")
		r.say("take b")
		coin(cash.Lost, 0, "")
		expect("its memory is lost", "case.opened (pay.water), bill.chosen, cash.opened, coins.reset (the coin acceptor's event memory was lost) (while coins were taken) @6, accept 6 faces")
		r.journal.Book(func(b *casefile.Book) {
			if len(b.Unknown) != 2 || b.Mark.Known || b.CoinMark.Counter != 6 {
				t.Errorf("unknown %v, marks %+v and %+v", b.Unknown, b.Mark, b.CoinMark)
			}
		})
		coin(cash.Refused, 0, "")
		again := &scripted{signals: make(chan cash.Signal, 8)}
		r.coins = again
		r.say("restart")
		if again.resumed != (cash.Mark{Serial: "7", Counter: 7, Known: true}) {
			t.Errorf("resumed at %+v", again.resumed)
		}
		again.signals <- cash.Signal{What: cash.Lost, Fault: &fault.Error{Kind: fault.Doubtful, Detail: "reset"}}
		synctest.Wait()
		r.journal.Book(func(b *casefile.Book) {
			if len(b.Unknown) != 3 {
				t.Errorf("the power had gone while coins were taken, and %v is unknown", b.Unknown)
			}
			if bad := b.Check(); len(bad) > 0 {
				t.Error(bad)
			}
		})
	})
}

// A coin that would leave what no piece pays back is not taken where change is promised, and is again when it would not.
func TestCoinsThatCannotBeChangedAreNotTaken(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
		tl := newTeller(pile(100, 9), pile(50, 9))
		r.coins, r.payer = coins, tl
		r.start()
		n := 0
		put := func(face int64) {
			n++
			coins.signals <- cash.Signal{What: cash.Stacked, Note: cash.Note{Face: face, Currency: money.CNY}, Mark: cash.Mark{Serial: "7", Counter: n, Known: true}}
			synctest.Wait()
		}
		takes := func(when string, want ...int64) {
			t.Helper()
			var got []int64
			for _, c := range coins.faces {
				got = append(got, c.Face)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v are taken, want %v", when, got, want)
			}
		}
		for _, line := range []string{"ready", "bill a 150 owed", "take a"} {
			r.say(line)
		}
		if st := r.till.Status(); !st.Change {
			t.Error("change is not promised")
		}
		takes("at first", 50, 100)
		put(100)
		takes("50 are left", 50, 100)
		if got := len(coins.orders); got != 1 {
			t.Errorf("the coin acceptor heard %v: it takes the same as before", coins.orders)
		}
		tl.mu.Lock()
		tl.state.Levels = nil
		tl.mu.Unlock()
		put(10) // it was falling already; and the hoppers are empty now
		takes("40 are left, and no change", 10)
		r.say("stop")
		r.say("wait 2s")
		r.say("bill b 145 owed")
		r.say("take b")
		takes("change is not promised", 10, 50, 100)
	})
}

// A hopper comes to life while somebody pays, or stops: within a second both acceptors take what can be changed then, and the screen says so.
func TestFacesFollowThePayer(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
		tl := newTeller(pile(100, 9), pile(50, 0))
		r.coins, r.payer = coins, tl
		r.start()
		for _, line := range []string{"ready", "bill a 700 owed", "take a"} {
			r.say(line)
		}
		holds := func(when string, want []int64, notes string, levels ...cash.Pile) {
			t.Helper()
			changed := r.till.Changed()
			tl.mu.Lock()
			tl.state.Levels = levels
			tl.mu.Unlock()
			r.say("wait 2s")
			var got []int64
			for _, c := range coins.faces {
				got = append(got, c.Face)
			}
			if heard := r.heard(); !slices.Equal(got, want) || !strings.HasSuffix(heard, notes) {
				t.Errorf("%s: coins of %v are taken, want %v; notes: %q, want %q", when, got, want, heard, notes)
			}
			select {
			case <-changed:
			default:
				t.Errorf("%s: the screen is not told", when)
			}
		}
		holds("5 jiao can be paid", []int64{50, 100}, "accept 4 faces", pile(100, 9), pile(50, 9)) // 20-7 = 13 = 9 + 4
		holds("less can be", []int64{50, 100}, "accept 3 faces", pile(100, 2), pile(50, 9))
		holds("nothing can be", []int64{10, 50, 100}, "accept 2 faces") // nor could it before the coin
		r.say("stop")
		r.say("wait 2s")
		r.heard()
		tl.mu.Lock()
		tl.state.Levels = []cash.Pile{pile(100, 9)}
		tl.mu.Unlock()
		r.say("wait 2s")
		if heard := r.heard(); strings.Contains(heard, "accept") {
			t.Errorf("nobody pays: heard %q", heard)
		}
	})
}

// A coin acceptor that hangs keeps nobody waiting for long, and one that is away keeps nobody waiting at all.
func TestStopWithoutCoins(t *testing.T) {
	read(t, func(r *reading) {
		for _, line := range []string{"ready", "bill a", "take a"} {
			r.say(line)
		}
		began := time.Now()
		if err := r.till.Stop(context.Background()); err != nil || time.Since(began) != 0 {
			t.Errorf("stopped after %v: %v", time.Since(began), err)
		}
	})
}

// A coin acceptor that is away as the payment ends is told that no more coins are taken: it would take them when it is back, from whoever stands there.
func TestStopReachesCoinsThatAreAway(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
		r.coins = coins
		r.start()
		for _, line := range []string{"ready", "bill a", "take a"} {
			r.say(line)
		}
		coins.mu.Lock()
		coins.state.Online = false
		coins.mu.Unlock()
		r.say("stop")
		if got := strings.Join(coins.orders, ", "); got != "accept 3 faces, refuse" {
			t.Errorf("the coin acceptor heard %s", got)
		}
	})
}

// A coin acceptor that knows none of the coins which may be taken now goes on with none of those before.
func TestCoinsThatItDoesNotKnow(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
		coins.lets = func(context.Context) error { return &fault.Error{Kind: fault.Invalid} }
		r.coins = coins
		r.start()
		for _, line := range []string{"ready", "bill a", "take a"} {
			r.say(line)
		}
		if got := strings.Join(coins.orders, ", "); got != "accept 3 faces, refuse" {
			t.Errorf("the coin acceptor heard %s", got)
		}
	})
}
