package id003

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

const testVersion = "YC TEST"

var tenYuan = row{0x2D, 1, 1}

// known is an acceptor that was identified, with the mark of an earlier program.
func known(mem memory) *Acceptor {
	a := New(nil, Options{})
	a.Resume(cash.Mark{Serial: serialPrefix + testVersion, Counter: mem.counter(), Known: true})
	copy(a.rows[:], []row{{0x2D, 1, 0}, {0x2D, 5, 0}, tenYuan, {0x2D, 2, 1}, {0x2D, 5, 1}, {0x2D, 1, 2}})
	delete(a.d.Faults, acceptor.Line)
	a.begin(testVersion, nil)
	return a
}

// hears plays states in order, written as "13:63 14 15", and gives what was told since.
func (a *Acceptor) hears(t testing.TB, story string) string {
	t.Helper()
	a.feed(t, story)
	return a.tells()
}

// feed plays states and leaves what was told in the queue.
func (a *Acceptor) feed(t testing.TB, story string) {
	t.Helper()
	for _, word := range strings.Fields(story) {
		b := unhex(t, strings.ReplaceAll(word, ":", ""))
		s, err := parseStatus(message{code: b[0], data: b[1:]})
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		a.hear(s)
	}
}

// tells takes what waits to be fetched, as words.
func (a *Acceptor) tells() string {
	var said []string
	for range a.d.Waiting() {
		s, _ := a.Next(context.Background())
		word := string(s.What)
		switch {
		case s.Note.Face > 0:
			word += fmt.Sprint(" ", s.Note.Face)
		case s.What == cash.Faulty || s.What == cash.Refused:
			word += " " + string(s.Fault.Kind)
		}
		said = append(said, word)
	}
	return strings.Join(said, ", ")
}

// What the acceptor says, after what was written down of the last note, and what that means for money.
func TestStories(t *testing.T) {
	none := memory{}
	ten := memory{phase: escrowed, code: 0x63, row: tenYuan}
	stuck := memory{phase: boxward, code: 0x63, row: tenYuan}
	paid := memory{phase: vended, code: 0x63, row: tenYuan}
	doubt := memory{phase: doubted, code: 0x63, row: tenYuan}
	for _, tt := range []struct {
		name  string
		mem   memory
		story string
		told  string
		after memory
	}{
		{"nothing", none, "1A 11 1A", "", none},
		{"a note in escrow", none, "11 12 13:63 13:63", "escrowed 1000", ten},
		{"stacked", none, "11 12 13:63 14 15 15 16 11", "escrowed 1000, stacked 1000", paid},
		{"stacked, and the credit not waited for", none, "13:63 14 16 11", "escrowed 1000, stacked 1000", paid},
		{"stacked, and nothing seen of the way", none, "13:63 15 11", "escrowed 1000, stacked 1000", paid},
		{"returned", none, "11 12 13:63 18 11", "escrowed 1000, returned 1000", none},
		{"held, then returned", none, "13:63 19 19 13:63 18 1A", "escrowed 1000, returned 1000", none},
		{"pulled out", none, "13:63 17:71 11", "escrowed 1000, returned 1000", none},
		{"gone, and the next is drawn in", none, "13:63 12 13:61", "escrowed 1000, returned 1000, escrowed 100", memory{phase: escrowed, code: 0x61, row: row{0x2D, 1, 0}}},
		{"gone, and the next is in escrow", none, "13:63 13:61", "escrowed 1000, returned 1000, escrowed 100", memory{phase: escrowed, code: 0x61, row: row{0x2D, 1, 0}}},
		{"back from the way to the box", none, "13:63 14 18 11", "escrowed 1000, returned 1000", none},
		{"driven out from the way to the box", none, "13:63 14 17:75 11", "escrowed 1000, returned 1000", none},
		{"back in escrow", none, "13:63 14 13:63 11", "escrowed 1000, returned 1000", none},
		{"held again", none, "13:63 14 19 11", "escrowed 1000, returned 1000", none},
		{"on its way to the box, and no credit", none, "13:63 14 11", "escrowed 1000, lost 1000", doubt},
		{"stuck at the stacker, and no credit", none, "13:63 46 1A", "escrowed 1000, fault jammed, lost 1000, cleared", doubt},
		{"on its way to the box, and another in escrow", none, "13:63 14 13:61", "escrowed 1000, lost 1000, escrowed 100", memory{phase: escrowed, code: 0x61, row: row{0x2D, 1, 0}}},
		{"a credit after all", none, "13:63 14 11 15 16", "escrowed 1000, lost 1000, stacked 1000", paid},
		{"stuck, then stacked", none, "13:63 14 46 14 15", "escrowed 1000, fault jammed, cleared, stacked 1000", paid},
		{"stuck on the way out", none, "13:63 18 45 18 11", "escrowed 1000, fault jammed, cleared, returned 1000", none},
		{"the box is lifted, the note comes out", none, "13:63 44 18 44", "escrowed 1000, box_out, fault open, cleared, returned 1000, fault open", memory{boxOut: true}},
		{"the box is full, the note comes out", none, "13:63 17:75 43", "escrowed 1000, returned 1000, fault full", none},
		{"the box is full, the note is not seen", none, "13:63 43 43 11", "escrowed 1000, fault full, returned 1000, cleared", none},
		{"a note that nobody named", none, "13:70", "escrowed", memory{phase: escrowed, code: 0x70}},
		{"it is stacked", none, "13:70 15", "escrowed, lost", memory{phase: vended, code: 0x70}},
		{"codes that there are not", none, "13:60 13:71 11", "escrowed, returned, escrowed, returned", none},
		{"a ticket", none, "13:6F3132 11", "escrowed, returned", none},

		{"after the program died: in escrow", ten, "13:63", "", ten},
		{"another one in escrow", ten, "13:64", "returned 1000, escrowed 2000", memory{phase: escrowed, code: 0x64, row: row{0x2D, 2, 1}}},
		{"held", ten, "19 13:63", "", ten},
		{"on its way to the box", ten, "14", "", stuck},
		{"in the box", ten, "15", "stacked 1000", paid},
		{"in the box and acknowledged by somebody", ten, "16", "stacked 1000", paid},
		{"back", ten, "11", "returned 1000", none},
		{"back, and shut", ten, "1A", "returned 1000", none},
		{"on its way back", ten, "18 18", "", ten},
		{"the acceptor initialises", ten, "1B 1B 1A", "returned 1000", none},
		{"stuck, then idle", stuck, "1A", "lost 1000", doubt},
		{"stuck, then in the box", stuck, "46 15", "fault jammed, stacked 1000, cleared", paid},
		{"the credit is known", paid, "15 15 16 11", "", paid},
		{"STACKED of a known credit", paid, "16", "", paid},
		{"the next note", paid, "11 13:63", "escrowed 1000", ten},
		{"a credit of nobody", none, "15 15 16", "lost", memory{phase: vended}},
		{"a credit settles the doubt", doubt, "15", "stacked 1000", paid},
		{"doubt is told once", doubt, "11 1A", "", doubt},

		{"power-up: nothing inside", none, "40 40", "", none},
		{"power-up: a bill in the acceptor that nobody was told of", none, "41 1B 18 1A", "", none},
		{"power-up: a bill in the stacker that nobody was told of", none, "42 42 1B 1A", "lost", memory{phase: doubted}},
		{"power-up: the note has vanished", ten, "40 40", "lost 1000", doubt},
		{"power-up: the note is in the acceptor", ten, "41 41 1B 1A", "returned 1000", none},
		{"power-up: the note is in the stacker", ten, "42 42 1B 1A", "lost 1000", doubt},
		{"power-up: and the credit comes after all", ten, "42 1B 15", "lost 1000, stacked 1000", paid},
		{"power-up: stuck before, in the acceptor now", stuck, "41 1B 1A", "returned 1000", none},
		{"power-up: stuck before, in the stacker now", stuck, "42", "lost 1000", doubt},
		{"power-up: the credit is known", paid, "42 1B 1A", "", paid},
		{"power-up: the credit is known, nothing inside", paid, "40 1B 1A", "", paid},
		{"power-up: doubted before", doubt, "42 40 41", "", doubt},
		{"power-up between two states", none, "13:63 14 41 1B 1A", "escrowed 1000, returned 1000", none},

		{"rejected", none, "12 17:79 17:79 12 17:76 17:71 11", "refused refused, refused refused, refused refused", none},
		{"rejected before our time", none, "17:79 17:79 11", "", none},
		{"the box out and in", none, "11 44 44 1B 11", "box_out, fault open, box_in, cleared", none},
		{"the box out, known already", memory{boxOut: true}, "44", "fault open", memory{boxOut: true}},
		{"the box in again meanwhile", memory{boxOut: true}, "11", "box_in", none},
		{"the box out, and the acceptor starts", memory{boxOut: true}, "40 1B 49:A2 45 12 17:71 18 15", "fault broken, fault jammed, cleared, refused refused, lost", memory{phase: vended, boxOut: true}},
		{"faults", none, "43 47 48 49:A2 49:AB 49:AF 49:01 4A 1C 11",
			"fault full, fault busy, fault tampered, fault broken, fault open, fault open, fault broken, fault garbled, fault garbled, cleared", none},
		{"a fault stands while it initialises", none, "48 1B 40 4B 48 11", "fault tampered, cleared", none},
		{"the same fault once", none, "49:A2 49:A2 45 45 46", "fault broken, fault jammed, fault jammed", none},
	} {
		a := known(tt.mem)
		if got := a.hears(t, tt.story); got != tt.told {
			t.Errorf("%s (%s): told %q, want %q", tt.name, tt.story, got, tt.told)
		}
		after := a.mem
		if after.phase == free {
			after.code = 0
		}
		if after != tt.after {
			t.Errorf("%s (%s): left %+v, want %+v", tt.name, tt.story, after, tt.after)
		}
		if a.mem.open() != (a.held != nil) || a.held != nil && a.held.code != a.mem.code {
			t.Errorf("%s (%s): held %+v with %+v", tt.name, tt.story, a.held, a.mem)
		}
	}
}

// With BoxKeeps a note that lies in the stacker at power-up is money.
func TestBoxKeeps(t *testing.T) {
	a := known(memory{phase: escrowed, code: 0x63, row: tenYuan})
	a.o.BoxKeeps = true
	if got, want := a.hears(t, "42 42 1B 1A"), "stacked 1000"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	a = known(memory{})
	a.o.BoxKeeps = true
	if got, want := a.hears(t, "42"), "lost"; got != want {
		t.Errorf("of a note that was never told: %q, want %q", got, want)
	}
}

// What a mark holds comes back, and a mark of another protocol or from a broken journal says nothing.
func TestMarks(t *testing.T) {
	for p := free; p <= doubted; p++ {
		for _, code := range []byte{0, 0x61, 0x70, 0xFF} {
			for _, out := range []bool{false, true} {
				want := memory{p, code, out, row{code, 5, 2}}
				mark := cash.Mark{Serial: serialPrefix + "x", Counter: want.counter(), Known: true}
				if got := memoryOf(mark); got != want {
					t.Errorf("%+v came back as %+v", want, got)
				}
				mark.Serial = "x"
				if got := memoryOf(mark); got != (memory{}) {
					t.Errorf("a mark of another protocol says %+v", got)
				}
				mark.Serial, mark.Known = serialPrefix+"x", false
				if got := memoryOf(mark); got != (memory{}) {
					t.Errorf("a mark that is not known says %+v", got)
				}
			}
		}
	}
	for _, n := range []int{-1, 0x500, 0xF63, 1 << 13, 1 << 15, 1 << 40} {
		if got := memoryOf(cash.Mark{Serial: serialPrefix, Counter: n, Known: true}); got != (memory{}) {
			t.Errorf("counter %d says %+v", n, got)
		}
	}
	// They stand in journals.
	if got, want := (memory{phase: escrowed, code: 0x63, boxOut: true, row: tenYuan}).counter(), 0x1012D1163; got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

// The acceptor that is there is compared with the one of the mark.
func TestAnotherAcceptor(t *testing.T) {
	for _, tt := range []struct {
		name string
		mark cash.Mark
		told string
		open bool
	}{
		{"never known", cash.Mark{}, "", false},
		{"never known, and numbers", cash.Mark{Serial: serialPrefix + testVersion, Counter: 0x163}, "", false},
		{"the same", cash.Mark{Serial: serialPrefix + testVersion, Counter: 0x163, Known: true}, "", true},
		{"the same, nothing open", cash.Mark{Serial: serialPrefix + testVersion, Known: true}, "", false},
		{"another", cash.Mark{Serial: serialPrefix + "y", Counter: 0x163, Known: true}, "lost", false},
		{"another, nothing open", cash.Mark{Serial: serialPrefix + "y", Known: true}, "lost", false},
		{"another, and doubt was told", cash.Mark{Serial: serialPrefix + "y", Counter: 0x463, Known: true}, "", false},
		{"another protocol", cash.Mark{Serial: "123456", Counter: 7, Known: true}, "lost", false},
	} {
		a := New(nil, Options{})
		a.Resume(tt.mark)
		a.d.Dirty = false
		a.begin(testVersion, nil)
		if got := a.tells(); got != tt.told || (a.held != nil) != tt.open || a.mem.open() != tt.open {
			t.Errorf("%s: told %q, open %v, want %q, %v", tt.name, got, a.held != nil, tt.told, tt.open)
		}
		if a.d.Mark.Serial != serialPrefix+testVersion || !a.d.Mark.Known {
			t.Errorf("%s: mark %+v", tt.name, a.d.Mark)
		}
		if other := tt.mark.Known && tt.mark.Serial != serialPrefix+testVersion; a.d.Dirty != other {
			t.Errorf("%s: settings wanted: %v, want %v", tt.name, a.d.Dirty, other)
		}
	}
	// Before it is known who is there, a signal carries the mark as it was.
	a := New(nil, Options{})
	mark := cash.Mark{Serial: "123456", Counter: 7, Known: true}
	a.Resume(mark)
	a.d.Settle(nil)
	if got := a.d.Waiting()[0].Mark; got != mark {
		t.Errorf("the mark became %+v, want %+v", got, mark)
	}
	if got := a.hears(t, "42"); !strings.Contains(got, "lost") {
		t.Errorf("a bill in the stacker after a change of acceptors: told %q", got)
	}
	if a.begin(testVersion, nil); a.tells() != "" {
		t.Error("doubt was told twice")
	}
	a = New(nil, Options{})
	if got := a.hears(t, "42"); strings.Contains(got, "lost") {
		t.Errorf("a bill from before our time: told %q", got)
	}
}

// Whatever an acceptor says in whatever order, each note in escrow ends once, and only what was in escrow is money.
func FuzzStates(f *testing.F) {
	for _, seed := range []string{"111213631415161118", "136312136113631841", "136314421b15", "13631446401b1113641516"} {
		f.Add(unhex(f, seed), uint16(0), false)
	}
	f.Fuzz(func(t *testing.T, said []byte, counter uint16, keeps bool) {
		a := known(memoryOf(cash.Mark{Serial: serialPrefix, Counter: int(counter) % (1 << 13), Known: true}))
		a.o.BoxKeeps = keeps
		open, doubtful := a.held != nil, a.mem.phase == doubted
		for i := 0; i < len(said); i++ {
			m := message{code: said[i]}
			if i+1 < len(said) {
				m.data = said[i+1 : i+2]
			}
			if m.code == 0x13 || m.code == 0x17 || m.code == 0x49 {
				i++
			}
			s, err := parseStatus(m)
			if err != nil {
				continue
			}
			a.hear(s)
			for range a.d.Waiting() {
				q, _ := a.Next(context.Background())
				switch q.What {
				case cash.Escrowed:
					if open {
						t.Fatalf("% x: a second note in escrow", said)
					}
					open, doubtful = true, false
				case cash.Stacked:
					if !open && !doubtful {
						t.Fatalf("% x: a note was stacked that was not in escrow", said)
					}
					open, doubtful = false, false
				case cash.Returned:
					if !open {
						t.Fatalf("% x: a note was returned that was not in escrow", said)
					}
					open = false
				case cash.Lost:
					open, doubtful = false, true
				}
				if got := memoryOf(q.Mark); got.open() != open {
					t.Fatalf("% x: open is %v after %s, and its mark says %+v", said, open, q.What, got)
				}
			}
		}
	})
}

// The owner may decide again when the device has forestalled it.
func TestForestalled(t *testing.T) {
	for _, tt := range []struct {
		name   string
		p      pending
		say    string
		acked  bool
		denied fault.Kind
	}{
		{"nobody has decided", pending{}, "14", false, ""},
		{"it waits", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "13:63", false, ""},
		{"it waits, and called the command invalid", pending{Held: acceptor.Held{Decision: acceptor.Stack, Illegal: true}}, "13:63", false, fault.Refused},
		{"it holds, and called the command invalid", pending{Held: acceptor.Held{Decision: acceptor.Back, Illegal: true}}, "19", false, ""},
		{"the box is out", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "44", false, fault.Refused},
		{"the box is full", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "43", false, fault.Refused},
		{"the box is out, and it shall go back", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "44", false, ""},
		{"the box is out, it shall go back and cannot", pending{Held: acceptor.Held{Decision: acceptor.Back, Illegal: true}}, "44", false, fault.Refused},
		{"acknowledged, and the box is out", pending{Held: acceptor.Held{Decision: acceptor.Stack, Acked: true}}, "44", true, ""},
		{"it goes to the box", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "14", true, ""},
		{"it is stuck at the box", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "46", true, ""},
		{"it goes to the box and shall go back", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "14", false, fault.Empty},
		{"it goes back", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "18", true, ""},
		{"it is driven out", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "17:71", true, ""},
		{"it is stuck on the way out", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "45", true, ""},
		{"it goes back and shall be stacked", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "18", false, fault.Empty},
		{"it started anew and shall stack", pending{Held: acceptor.Held{Decision: acceptor.Stack}}, "41", false, fault.Empty},
		{"it started anew and gives it back", pending{Held: acceptor.Held{Decision: acceptor.Back}}, "41", true, ""},
		{"it pauses", pending{Held: acceptor.Held{Decision: acceptor.Stack, Illegal: true}}, "47", false, ""},
	} {
		a := known(memory{phase: escrowed, code: 0x63, row: tenYuan})
		p := tt.p
		p.code = 0x63
		a.held = &p
		a.hears(t, tt.say)
		if p.Acked != tt.acked || fault.KindOf(p.Refused) != tt.denied || p.Illegal || tt.denied != "" && p.Decision != acceptor.Undecided || tt.denied == "" && p.Decision != tt.p.Decision {
			t.Errorf("%s: got %+v, want acked %v, denied %q", tt.name, p, tt.acked, tt.denied)
		}
	}
}
