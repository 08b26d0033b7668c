package ssp

import (
	"fmt"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// The first answer of a conversation: only what the counters are ahead of what was told is news, and news comes last.
func TestUntold(t *testing.T) {
	for _, tt := range []struct {
		name         string
		stayed, went uint32 // the counters are ahead by so many
		known        bool
		events, want string
	}{
		{"all told", 0, 0, true, "EE05EBECEF02EC", ""},
		{"told, then a note was read", 0, 0, true, "EE05EBEF02", "EBEF02"},
		{"a credit is news", 1, 0, true, "EE05EB", "EE05EB"},
		{"the second credit is news", 1, 0, true, "EE05EBEF02EE02EB", "EBEF02EE02EB"},
		{"a reject is news", 0, 1, true, "EE05EBEF02EC", "EBEF02EC"},
		{"the second reject is news", 0, 1, true, "ECEF02EC", "EF02EC"},
		{"both are", 1, 1, true, "EE05EBEC", "EE05EBEC"},
		{"more than is told", 3, 300, true, "EE05EBEC", "EE05EBEC"},
		{"faults are always", 0, 0, true, "E9ECE7", "E9E7"},
		{"without counters all is", 0, 0, false, "EE05ECEF02", "EE05ECEF02"},
	} {
		a := New(nil, Options{})
		a.base = counters{stacked: 7, rejected: 250, known: tt.known}
		a.now = counters{stacked: 7 + tt.stayed, rejected: 250 + tt.went, known: true}
		list, err := parseEvents(unhex(t, tt.events), unitValidator, 8)
		if err != nil {
			t.Fatal(err)
		}
		want, err := parseEvents(unhex(t, tt.want), unitValidator, 8)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.untold(list); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: of %s got %+v, want %+v", tt.name, tt.events, got, want)
		}
	}
}

func TestVerdict(t *testing.T) {
	p := &pending{base: counters{stacked: 7, stored: 2, rejected: 250, known: true}}
	for _, tt := range []struct {
		now  counters
		want fate
	}{
		{counters{stacked: 7, stored: 2, rejected: 250, known: true}, unsaid},
		{counters{stacked: 8, stored: 2, rejected: 250, known: true}, went},
		{counters{stacked: 7, stored: 3, rejected: 250, known: true}, went},
		{counters{stacked: 8, stored: 2, rejected: 251, known: true}, went},
		{counters{stacked: 7, stored: 2, rejected: 251, known: true}, wentBack},
		{counters{stacked: 7, stored: 2, rejected: 257, known: true}, wentBack},
		{counters{stacked: 7, stored: 2, rejected: 506, known: true}, unsaid},
		{counters{stacked: 9, stored: 2, rejected: 251}, unsaid},
	} {
		if got := p.verdict(tt.now); got != tt.want {
			t.Errorf("%+v: got %d, want %d", tt.now, got, tt.want)
		}
	}
	p.base.known = false
	if got := p.verdict(counters{stacked: 9, known: true}); got != unsaid {
		t.Errorf("without a base: got %d", got)
	}
}

// The counters name the store, and what they have beyond the open note is lost.
func TestConclude(t *testing.T) {
	base := counters{stacked: 7, stored: 2, rejected: 9, known: true}
	for _, tt := range []struct {
		now     counters
		channel byte
		want    string
	}{
		{counters{stacked: 8, stored: 2, rejected: 9, known: true}, 3, "stacked 1000 false"},
		{counters{stacked: 7, stored: 3, rejected: 9, known: true}, 3, "stacked 1000 true"},
		{counters{stacked: 7, stored: 2, rejected: 10, known: true}, 3, "returned 1000 false"},
		{counters{stacked: 9, stored: 2, rejected: 9, known: true}, 3, "stacked 1000 false lost 1000 false"},
		{counters{stacked: 8, stored: 2, rejected: 9, known: true}, unnamed, "lost 0 false"},
		{counters{stacked: 7, stored: 2, rejected: 10, known: true}, unnamed, "returned 0 false"},
	} {
		a := New(nil, Options{})
		a.resumed, a.base = true, base
		a.held = &pending{channel: tt.channel, base: base}
		if tt.channel == 3 {
			a.held.Note = pile(1000, 1).Note
		}
		a.conclude(tt.now, nil)
		got := ""
		for _, s := range a.d.Waiting() {
			got += fmt.Sprintf(" %s %d %v", s.What, s.Note.Face, s.Store)
			if s.Mark != a.d.Mark || s.Mark.Counter != int(tt.now.accepted()*markStay+int64(tt.now.rejected)*markReject+int64(tt.now.stored)*markStore) {
				t.Errorf("%+v: mark %+v", tt.now, s.Mark)
			}
		}
		if got != " "+tt.want || a.held != nil {
			t.Errorf("%+v: told%s, want %s", tt.now, got, tt.want)
		}
	}
}

// A note that was read and went back before anybody listened: each of the two is told with a mark that finds the other as news.
func TestReadAndRejectedInOneAnswer(t *testing.T) {
	a := New(nil, Options{})
	a.resumed, a.base, a.channels = true, counters{stacked: 7, rejected: 9, known: true}, []cash.Note{pile(100, 1).Note, pile(500, 1).Note, pile(1000, 1).Note}
	a.read(3, nil)
	a.rejected(nil)
	got := ""
	for _, s := range a.d.Waiting() {
		was, channel := unplace(s.Mark)
		got += fmt.Sprintf(" %s of %d with %d gone back and channel %d open", s.What, s.Note.Face, was.rejected, channel)
	}
	if want := " escrowed of 1000 with 9 gone back and channel 3 open returned of 1000 with 10 gone back and channel 0 open"; got != want {
		t.Errorf("told%s, want%s", got, want)
	}
}

func TestWhatStoppedAPayout(t *testing.T) {
	a := New(nil, Options{})
	asked := pile(100, 2)
	for code, want := range map[byte]fault.Kind{evPayoutJam: fault.Jammed, evTimeout: fault.Jammed, evPayoutError: fault.Jammed, evHalted: fault.Refused} {
		job := &task{pay: true, started: true}
		a.job = job
		a.paidEvent(&talk{}, event{code: evDispensing})
		if job.stopped != nil {
			t.Fatalf("dispensing stopped it: %v", job.stopped)
		}
		a.paidEvent(&talk{}, event{code: code})
		first := job.stopped
		a.paidEvent(&talk{}, event{code: evTimeout})
		if job.stopped != first || !fault.Is(first, want) {
			t.Errorf("event %02X: got %v, want %s", code, job.stopped, want)
		}
		job.pieces = append(job.pieces, asked)
		if err := a.stopped(job, nil, job.before); err != error(first) {
			t.Errorf("event %02X: got %v, want %v", code, err, first)
		}
		job.stopped = nil
		if err := a.stopped(job, nil, job.before); !fault.Is(err, fault.Jammed) {
			t.Errorf("stopped by nothing: got %v", err)
		}
	}
	a.job = &task{pay: true}
	a.paidEvent(&talk{}, event{code: evPayoutJam})
	if a.job.stopped != nil {
		t.Error("an order that was not given was stopped")
	}
}

// Once there is a key, nothing in clear is believed but that the key is gone.
func TestAnswersInClear(t *testing.T) {
	l := &line{seal: newSeal(1, 2, quiet)}
	for _, tt := range []struct {
		data []byte
		good bool
	}{{[]byte{noKey}, true}, {[]byte{noKey, 1}, false}, {[]byte{ok}, false}, {[]byte{ok, evCredit, 3}, false}, {l.seal.wrap([]byte{ok}, 1), true},
		{l.seal.wrap([]byte{ok}, 0), false}, {l.seal.wrap(nil, 1), false}} {
		if got, err := l.open(tt.data); (err == nil) != tt.good {
			t.Errorf("% X: got % X, %v", tt.data, got, err)
		}
	}
}

// What was told is in the mark before any counter is read again.
func TestMarksGoOnWithWhatIsTold(t *testing.T) {
	a := New(nil, Options{})
	a.resumed = true
	a.rejected(nil)
	if a.base.rejected != 1 || a.refusals != 1 {
		t.Errorf("a refusal: %+v, %d to be explained", a.base, a.refusals)
	}
	a.channels = []cash.Note{{Face: 100, Currency: "CNY"}}
	a.held = &pending{Held: acceptor.Held{Note: a.channels[0]}, channel: 1, fresh: true}
	a.rejected(nil)
	for store, want := range map[bool]counters{false: {stacked: 1, rejected: 2}, true: {stored: 1, rejected: 2}} {
		a.base.stacked, a.base.stored = 0, 0
		a.held = &pending{Held: acceptor.Held{Note: a.channels[0]}, channel: 1, credited: time.Now()}
		a.credited(store, nil)
		if a.base != want || a.held != nil {
			t.Errorf("store %v: %+v, want %+v", store, a.base, want)
		}
	}
	told := ""
	for _, s := range a.d.Waiting() {
		told += string(s.What) + " "
	}
	if told != "escrowed returned stacked stacked " {
		t.Errorf("told %s", told)
	}
}
