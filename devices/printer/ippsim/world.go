package ippsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// worldPrint is a sheet as the world tells it.
type worldPrint struct {
	N        int    `json:"n"`
	Media    string `json:"media"`
	Pages    int    `json:"pages"`
	Complete bool   `json:"complete"`
	Serial   string `json:"serial"`
}

// World is what the mechanism holds: {"state","trays":[…],"prints":[…]}.
func (p *Printer) World() json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := struct {
		State  string       `json:"state"`
		Trays  []tray       `json:"trays"`
		Prints []worldPrint `json:"prints"`
	}{p.stateWord(), []tray{}, []worldPrint{}}
	for _, t := range p.trays {
		w.Trays = append(w.Trays, *t)
	}
	for _, s := range p.prints {
		w.Prints = append(w.Prints, worldPrint{s.N, s.Media, s.Pages, s.Complete, s.Serial})
	}
	b, err := json.Marshal(w)
	if err != nil {
		panic("ippsim: a world that cannot be told: " + err.Error())
	}
	return b
}

// stateWord is the state in one word.
func (p *Printer) stateWord() string {
	switch _, stops := p.reasons(); {
	case !p.power:
		return "off"
	case p.faults.On("unplug"):
		return "unplugged"
	case p.jammed:
		return "jam"
	case stops:
		return "stopped"
	case p.current() != nil:
		return "printing"
	}
	return "ready"
}

func (p *Printer) find(n int) (Print, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.prints {
		if s.N == n {
			return *s, nil
		}
	}
	return Print{}, fmt.Errorf("print %d: there is none", n)
}

// PDF is the document that print n belongs to, as it came.
func (p *Printer) PDF(n int) ([]byte, error) {
	s, err := p.find(n)
	return s.Document, err
}

// PNG is the sheet of print n; of one that stopped half-way the lower half is white. It needs pdftoppm.
func (p *Printer) PNG(n int) ([]byte, error) {
	s, err := p.find(n)
	if err != nil {
		return nil, err
	}
	switch s.Format {
	case "image/jpeg":
		return fromJPEG(s)
	case "image/pwg-raster":
		return nil, errors.New("sheets of PWG raster are not drawn")
	}
	tool, err := exec.LookPath("pdftoppm")
	if err != nil {
		return nil, errors.New("pictures of sheets need pdftoppm (package poppler-utils)")
	}
	dir, err := os.MkdirTemp("", "sheet")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "sheet.pdf")
	if err := os.WriteFile(file, s.Document, 0o600); err != nil {
		return nil, err
	}
	page := strconv.Itoa(s.Page)
	if out, err := exec.Command(tool, "-png", "-r", "100", "-f", page, "-l", page, "-singlefile", file, filepath.Join(dir, "sheet")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("draw sheet %d: %w: %s", n, err, out)
	}
	picture, err := os.ReadFile(filepath.Join(dir, "sheet.png"))
	if err != nil || s.Complete {
		return picture, err
	}
	return half(picture)
}

// fromJPEG is the picture itself.
func fromJPEG(s Print) ([]byte, error) {
	img, err := jpeg.Decode(bytes.NewReader(s.Document))
	if err != nil {
		return nil, err // its head was looked at when it came, the rest was not
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil || s.Complete {
		return buf.Bytes(), err
	}
	return half(buf.Bytes())
}

// half leaves the lower half of a picture white.
func half(picture []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	b := img.Bounds()
	out := image.NewRGBA(b)
	draw.Draw(out, b, image.White, image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(b.Min.X, b.Min.Y, b.Max.X, (b.Min.Y+b.Max.Y)/2), img, b.Min, draw.Src)
	var buf bytes.Buffer
	err = png.Encode(&buf, out)
	return buf.Bytes(), err
}

// snapshot is what outlives the desk's programs: paper. Jobs are forgotten, as without power.
type snapshot struct {
	Trays  []*tray        `json:"trays"`
	Prints []*Print       `json:"prints"`
	Power  bool           `json:"power"`
	Armed  map[string]int `json:"armed"`
}

// Snapshot is the state of the mechanism as JSON.
func (p *Printer) Snapshot() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := snapshot{Trays: p.trays, Prints: p.prints, Power: p.power, Armed: map[string]int{}}
	for _, f := range p.faults.List() {
		if f.Armed > 0 {
			s.Armed[f.Name] = f.Armed
		}
	}
	return json.Marshal(s)
}

// Restore puts a snapshot back, before the first request.
func (p *Printer) Restore(data []byte) error {
	var s snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore license printer: %w", err)
	}
	for _, t := range s.Trays {
		if err := p.LoadTray(t.Name, t.Media, t.Sheets, t.Next); err != nil {
			return fmt.Errorf("restore license printer: %w", err)
		}
	}
	p.mu.Lock()
	p.prints, p.power = s.Prints, s.Power
	p.mu.Unlock()
	for name, n := range s.Armed {
		if err := p.faults.Arm(name, n); err != nil {
			return fmt.Errorf("restore license printer: %w", err)
		}
	}
	return nil
}

// Frozen is a printer at one instant, whole: also what it knows only as long as it has power. Nothing moves in it.
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

// Thaw makes a printer that goes on from there, connected to nobody, with the same log. It may be done again and again. A
// sheet that is inside comes out of each.
func (f *Frozen) Thaw() *Printer {
	c := New(f.still.opts)
	f.still.copyTo(c)
	for _, name := range slices.Sorted(maps.Keys(f.armed)) {
		c.faults.Arm(name, f.armed[name]) // the table is the same
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kick()
	return c
}

// Clone is a second printer with the same paper and jobs.
func (p *Printer) Clone() *Printer { return p.Freeze().Thaw() }

// copyTo gives another printer the same state. Both are still.
func (p *Printer) copyTo(c *Printer) {
	c.power, c.life, c.started, c.turned, c.jammed, c.nextJob = p.power, p.life, p.started, p.turned, p.jammed, p.nextJob
	c.trays, c.prints, c.jobs = nil, nil, nil
	for _, t := range p.trays {
		d := *t
		c.trays = append(c.trays, &d)
	}
	for _, s := range p.prints {
		d := *s
		c.prints = append(c.prints, &d)
	}
	for _, j := range p.jobs {
		d := *j
		d.timer = nil
		d.reasons = append([]string(nil), j.reasons...)
		if d.state == jobProcessing || d.state == jobStopped {
			d.state = jobPending // its engine takes it up where it is
		}
		for i, s := range p.prints {
			if s == j.inside {
				d.inside = c.prints[i]
			}
		}
		for i, t := range p.trays {
			if t == j.actual {
				d.actual = c.trays[i]
			}
		}
		c.jobs = append(c.jobs, &d)
	}
}
