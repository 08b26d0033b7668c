package fleet

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/world"
)

// arrival is what came out of an end, and when.
type arrival struct {
	text string
	at   time.Duration
}

// listen collects what comes out of an end until it ends.
func listen(began time.Time, c net.Conn) <-chan []arrival {
	out := make(chan []arrival, 1)
	go func() {
		var list []arrival
		for b := make([]byte, 100); ; {
			n, err := c.Read(b)
			if n > 0 {
				list = append(list, arrival{string(b[:n]), time.Since(began)})
			}
			if err != nil {
				out <- append(list, arrival{"end", time.Since(began)})
				return
			}
		}
	}()
	return out
}

// Bytes arrive late, in their order, at the terminal's instants, also those that were sent before the end.
func TestLine(t *testing.T) {
	say := func(c net.Conn, text string) {
		if _, err := io.WriteString(c, text); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the line has it
	}
	for _, tt := range []struct {
		name string
		do   func(l *line, c net.Conn)
		want []arrival
	}{
		{"whole", func(_ *line, c net.Conn) { say(c, "a"); time.Sleep(time.Millisecond); say(c, "b") }, []arrival{{"a", 8*time.Millisecond + 7}, {"b", 9*time.Millisecond + 7}, {"end", 9*time.Millisecond + 7}}},
		{"late, and then not", func(l *line, c net.Conn) {
			l.set(toHall, time.Second, false)
			say(c, "a")
			l.set(toHall, 0, false)
			say(c, "b")
		}, []arrival{{"a", 1008*time.Millisecond + 7}, {"b", 1008*time.Millisecond + 7}, {"end", 1008*time.Millisecond + 7}}},
		{"silent", func(l *line, c net.Conn) {
			say(c, "a")
			l.set(toHall, 0, true)
			say(c, "b")
			l.set(toHall, 0, false)
			say(c, "c") // what followed something lost is lost
		}, []arrival{{"a", 8*time.Millisecond + 7}, {"end", 8*time.Millisecond + 7}}},
		{"the other way is silent", func(l *line, c net.Conn) {
			l.set(toTerminal, time.Hour, true)
			say(c, "a")
		}, []arrival{{"a", 8*time.Millisecond + 7}, {"end", 8*time.Millisecond + 7}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &line{slot: world.Slot(7)}
			near, far := l.pair()
			heard := listen(time.Now(), far)
			tt.do(l, near)
			near.Close()
			if got := <-heard; len(got) != len(tt.want) || !same(got, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
			}
			far.Close()
			time.Sleep(2 * time.Hour) // the end the other way arrives too
		})
	}
}

func same(got, want []arrival) bool {
	for i := range got {
		if got[i] != want[i] {
			return false
		}
	}
	return true
}

// Each kind of trouble happens as often as the others, and the same plan gives the same ones.
func TestTroubles(t *testing.T) {
	p := Plan{Seed: 1, Terminals: 5, Days: 1, Visits: 4, Mean: 10000, Troubles: 3 * len(kinds), LandTroubles: 2 * len(landKinds)}
	list := p.troubles(0)
	count := map[string]int{}
	for i, tr := range list {
		count[tr.kind]++
		if tr.at < 0 || tr.at >= p.length() || i > 0 && tr.at < list[i-1].at || tr.unit < 0 || tr.unit > p.Terminals || (tr.unit == 0) != (landKinds[tr.kind] != nil) {
			t.Errorf("%+v", tr)
		}
	}
	for kind, n := range count {
		if want := map[bool]int{true: 3, false: 2}[kinds[kind] != nil]; n != want {
			t.Errorf("%s happens %d times, want %d", kind, n, want)
		}
	}
	if len(count) != len(kinds)+len(landKinds) {
		t.Errorf("%d kinds: %v", len(count), count)
	}
	line := func(list []trouble) (out string) {
		for _, tr := range list {
			out += tr.kind + " " + tr.at.String() + " "
		}
		return strings.TrimSpace(out)
	}
	if line(p.troubles(0)) != line(list) || line(p.troubles(1)) == line(list) {
		t.Error("the same day is another, or another day is the same")
	}
}
