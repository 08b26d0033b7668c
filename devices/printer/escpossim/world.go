package escpossim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// worldPrint is a print as the world tells it.
type worldPrint struct {
	N     int    `json:"n"`
	Bytes int    `json:"bytes"`
	Cut   bool   `json:"cut"`
	Fate  string `json:"fate,omitempty"` // inside, mouth, taken, retracted, dropped or removed, where there is a presenter
}

// World is what the mechanism holds: {"state","prints":[{"n","bytes","cut"}]}.
func (p *Printer) World() json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := struct {
		State  string       `json:"state"`
		Prints []worldPrint `json:"prints"`
	}{p.stateWord(), []worldPrint{}}
	for _, s := range p.prints {
		if s.Cut || s.rows() > 0 {
			w.Prints = append(w.Prints, worldPrint{s.N, len(s.Bytes), s.Cut, s.Fate})
		}
	}
	b, err := json.Marshal(w)
	if err != nil {
		panic("escpossim: a world that cannot be told: " + err.Error())
	}
	return b
}

// stateWord is the state in one word.
func (p *Printer) stateWord() string {
	switch {
	case !p.power:
		return "off"
	case time.Now().Before(p.dark):
		return "starting"
	case p.faults.On("unplug"):
		return "unplugged"
	case p.stopped() != "":
		return p.stopped()
	case p.mouthJam:
		return "presenter"
	case p.working:
		return "printing"
	case p.faults.On("paper_near_end"):
		return "paper_near_end"
	}
	return "ready"
}

func (p *Printer) find(n int) (*Print, error) {
	for _, s := range p.prints {
		if s.N == n {
			return s, nil
		}
	}
	return nil, fmt.Errorf("print %d: there is none", n)
}

// Bin is the bytes that the printer got for print n.
func (p *Printer) Bin(n int) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.find(n)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), s.Bytes...), nil
}

// Text is the text of print n: its lines, symbols as [QR: …], pictures as [image WxH].
func (p *Printer) Text(n int) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.find(n)
	if err != nil {
		return "", err
	}
	return s.text(), nil
}

// PNG is the paper of print n.
func (p *Printer) PNG(n int) ([]byte, error) {
	p.mu.Lock()
	s, err := p.find(n)
	if err != nil {
		p.mu.Unlock()
		return nil, err
	}
	still := *s
	still.Items = cloneItems(s.Items)
	p.mu.Unlock()
	return picture(&still, p.opts.WidthDots)
}

// snapshot is what outlives the desk's programs: paper and counters. The buffer is volatile, as in the real
// thing; a strip that was in the making hangs in the mouth.
type snapshot struct {
	Prints []*Print       `json:"prints"`
	Cuts   int64          `json:"cuts"`
	Power  bool           `json:"power"`
	Armed  map[string]int `json:"armed"`
}

// Snapshot is the state of the mechanism as JSON.
func (p *Printer) Snapshot() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := snapshot{Prints: p.prints, Cuts: p.cuts, Power: p.power, Armed: map[string]int{}}
	for _, f := range p.faults.List() {
		if f.Armed > 0 {
			s.Armed[f.Name] = f.Armed
		}
	}
	return json.Marshal(s)
}

// Restore puts a snapshot back, before Serve.
func (p *Printer) Restore(data []byte) error {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore receipt printer: %w", err)
	}
	p.mu.Lock()
	p.prints, p.cuts, p.power = s.Prints, s.Cuts, s.Power
	p.reach()
	p.mu.Unlock()
	for name, n := range s.Armed {
		if err := p.faults.Arm(name, n); err != nil {
			return fmt.Errorf("restore receipt printer: %w", err)
		}
	}
	return nil
}

// Frozen is a printer at one instant, whole: also its buffer and what else it knows only as long as it has power.
type Frozen struct {
	still *Printer
	armed map[string]int
}

// Freeze keeps the printer as it is now.
func (p *Printer) Freeze() *Frozen {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &Frozen{&Printer{opts: p.opts}, map[string]int{}}
	p.copyTo(f.still)
	for _, row := range p.faults.List() {
		if row.Armed > 0 {
			f.armed[row.Name] = row.Armed
		}
	}
	return f
}

// Thaw makes a printer that goes on from there, connected to nobody, with the same log. It may be done again and again.
func (f *Frozen) Thaw() *Printer {
	c := New(f.still.opts)
	f.still.copyTo(c)
	for _, name := range slices.Sorted(maps.Keys(f.armed)) {
		c.faults.Arm(name, f.armed[name]) // the table is the same
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reach()
	c.kick()
	return c
}

// Clone is a second printer in the same state.
func (p *Printer) Clone() *Printer { return p.Freeze().Thaw() }

// copyTo gives another printer the same state. Both are still.
func (p *Printer) copyTo(c *Printer) {
	c.power, c.life, c.dark, c.stuck, c.mouthJam, c.cuts = p.power, p.life, p.dark, p.stuck, p.mouthJam, p.cuts
	c.buffer, c.tail = append([]byte(nil), p.buffer...), append([]byte(nil), p.tail...)
	c.modes, c.symbol, c.drawn = p.modes, p.symbol, p.drawn
	c.line = append([]glyph(nil), p.line...)
	c.raster, c.prints = nil, nil
	if p.raster != nil {
		r := *p.raster
		c.raster = &r
	}
	for _, s := range p.prints {
		d := *s
		d.Bytes, d.Items = append([]byte(nil), s.Bytes...), cloneItems(s.Items)
		c.prints = append(c.prints, &d)
	}
}

func cloneItems(items []item) []item {
	out := append([]item(nil), items...)
	for i := range out {
		out[i].Bits = append([]byte(nil), out[i].Bits...)
	}
	return out
}

// Fate is where print n is, "" of a printer without a presenter.
func (p *Printer) Fate(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, err := p.find(n); err == nil {
		return s.Fate
	}
	return ""
}

// IsCut says whether print n was cut off.
func (p *Printer) IsCut(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.find(n)
	return err == nil && s.Cut
}
