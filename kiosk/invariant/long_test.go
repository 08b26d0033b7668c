package invariant

import (
	"fmt"
	"testing"
)

// visits is a journal of n visits, each with a bill paid by a note, change and a slip.
func visits(t *testing.T, n int) *journal {
	j := newJournal(t)
	j.write(`terminal.started - {"version":"1"}`)
	j.write(`box.in - {"box":"B1"}`)
	for i := range n {
		for _, line := range []string{
			`visit.begun - {"visit":"v%d","language":"zh"}`,
			`case.opened c%d {"visit":"v%d","service":"pay.water","catalog":3}`,
			`bill.chosen c%d {"biller":"water","due_fen":7000,"part":true,"surplus":"owed"}`,
			`cash.opened c%d {}`,
			`note.escrowed c%d {"note":%d,"face_fen":10000,"currency":"CNY"}`,
			`note.stacking c%d {"note":%d,"face_fen":10000,"currency":"CNY"}`,
			`note.stacked c%d {"note":%d,"face_fen":10000,"currency":"CNY","box":"B1"}`,
			`cash.closed c%d {}`,
			`payment.settled c%d {"bill_fen":7000,"owed_fen":3000,"owed":"O%d","claim":"#a%d","reason":"paid"}`,
			`bill.posted c%d {"amount_fen":7000}`,
			`owed.recoded c%d {"owed":"O%d","claim":"#b%d"}`,
			`paper.begun c%d {"paper":"P%d","what":"slip","way":"receipt","owed":"O%d","cuts":3}`,
			`paper.printed c%d {"paper":"P%d","what":"slip","way":"receipt","owed":"O%d"}`,
			`visit.ended - {"visit":"v%d","reason":"done"}`,
		} {
			args := make([]any, 0, 3)
			for k, b := range line {
				if b == '%' && line[k+1] == 'd' {
					args = append(args, i+1)
				}
			}
			j.write(fmt.Sprintf(line, args...))
		}
	}
	return j
}

// A year's journal is audited in seconds: no check of an event walks over what is past.
func BenchmarkWatch(b *testing.B) {
	j := visits(&testing.T{}, 7100) // 10⁵ events
	for b.Loop() {
		if _, ids, found := watched(j); len(ids) > 0 {
			b.Fatal(found[0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(j.records)), "ns/event")
}

// The numbers of visits, notes, debts and papers go on, and nothing of one visit is held against the next.
func TestManyVisits(t *testing.T) {
	j := visits(t, 300)
	if _, ids, found := watched(j); len(ids) > 0 {
		t.Fatal(found[0])
	}
}
