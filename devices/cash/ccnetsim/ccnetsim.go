// Package ccnetsim is a pretend CashCode validator on CCNET: a note path that answers CCNET's bytes.
//
// It has one state at a time, as a real one has, and no memory of events: what became of a note is told at each
// poll until the host acknowledges it. After its power came it waits for RESET, with a note that is still inside
// where it was; RESET drives the note out, or into the box when it is too far in, and then tells it. It starts
// disabled, disables itself when nobody polls for five seconds, holds a note for ten seconds and then gives it
// back. Its faults befall the mechanism and not the story of it: a jam is a note that is stuck.
//
// While it repeats what became of one note it draws no other in.
// The state outlives a connection: a host may die and come back, and the notes are where they were.
// It is written from the CashCode NET interface manual 2.3.1, chapters 2 and 5, and knows no driver.
package ccnetsim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// Options say which validator is pretended. The zero value takes Chinese notes of 1 to 100 yuan.
type Options struct {
	Log      *mechanism.Log
	Address  byte   // 3, bill validator, when zero
	Part     string // up to 15 characters, "SM-CN1353"
	Serial   string // up to 12 characters, "21KC04006021"
	Country  string // three letters, "CHN"
	Currency string // "CNY"
	Unit     int64  // the faces' unit in the bill table, in fen; 100
	Faces    []int64
	Early    bool // it answers who it is before RESET has been done
	BaudPace bool // answers take the time they need at 9600 baud
	Path     notepath.Options
}

func (o Options) filled() Options {
	if o.Address == 0 {
		o.Address = 3
	}
	if o.Part == "" {
		o.Part = "SM-CN1353"
	}
	if o.Serial == "" {
		o.Serial = "21KC04006021"
	}
	if o.Country == "" {
		o.Country, o.Currency, o.Unit = "CHN", "CNY", 100
	}
	if o.Faces == nil {
		o.Faces = []int64{100, 500, 1000, 2000, 5000, 10000}
	}
	return o
}

// Sim is one validator. Make it with New.
type Sim struct {
	o      Options
	path   *notepath.Path
	faults *mechanism.Faults
	onPlug func(plugged bool)
	m      memory // guarded by path.Sync
}

// New makes a validator that has just been switched on, with an empty box.
func New(o Options) *Sim {
	s := &Sim{o: o.filled(), m: awake()}
	s.path = notepath.New(s, s.o.Path)
	s.faults = s.table(faultRows())
	return s
}

// Path is the way of the notes: where a hand offers them.
func (s *Sim) Path() *notepath.Path { return s.path }

// Faults is what can befall this validator.
func (s *Sim) Faults() *mechanism.Faults { return s.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (s *Sim) OnPlug(fn func(plugged bool)) { s.onPlug = fn }

// Power cuts the validator's power or gives it back. A note on its way ends in the box or out. One that ends in the
// box has run down there by itself, and nothing of it is seen when the power is back; one that comes out stands in
// the head until RESET drives it out, which the path knows at once.
func (s *Sim) Power(on, noteIn bool) {
	caught := false
	s.path.Sync(func() { caught = s.path.Now().Leg != "" && !noteIn || s.m.Caught })
	s.path.Power(on, noteIn)
	s.path.Sync(func() {
		s.m.forget()
		s.m.Caught = caught
		s.m.SilentUntil = time.Now().Add(bootTime)
	})
	s.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Restart is a controller that starts anew, by itself or after a short dip of its power: it forgets all, and a
// note that is inside stands still where it is.
func (s *Sim) Restart() {
	s.path.Halt()
	s.path.Sync(func() {
		s.m.forget()
		s.m.SilentUntil = time.Now().Add(bootTime)
	})
	s.log("device", nil, "restarts")
}

// host is whoever is at the other end of the line.
type host struct {
	line mechanism.Line
	last []byte // the last answer, for NAK
}

// Serve answers one host until its line ends or ctx does, and returns why. It does not close rw; when
// rw knows read deadlines the reading goroutine ends with Serve, else with rw.
func (s *Sim) Serve(ctx context.Context, rw io.ReadWriter) error {
	if d, ok := rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		defer d.SetReadDeadline(time.Now())
	}
	// While it answers its receiver goes on: a host that speaks too early does not hang.
	chunks, ended, done := make(chan []byte, chunksMax), make(chan error, 1), make(chan struct{})
	defer close(done)
	go listen(rw, chunks, ended, done)
	h := &host{line: mechanism.Line{Device: "cash", W: pacer{rw, s.o.BaudPace}, Faults: s.faults, Log: s.o.Log, Late: lateTime, Gap: splitGap}}
	var buffer []byte
	var heard time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case chunk := <-chunks:
			// §2.8: a frame that pauses for longer than this is dropped.
			if time.Since(heard) > packetGap {
				buffer = nil
			}
			heard = time.Now()
			buffer = append(buffer, chunk...)
			var err error
			if buffer, err = s.consume(h, buffer); err != nil {
				return err
			}
		}
	}
}

// consume answers the whole frames in the buffer and gives back the rest.
func (s *Sim) consume(h *host, buffer []byte) ([]byte, error) {
	for {
		r, used := cut(buffer)
		if used == 0 {
			return buffer, nil
		}
		if r == nil {
			s.log("host", buffer[:used], "no frame")
			buffer = buffer[used:]
			continue
		}
		r.raw, r.data = slices.Clone(r.raw), slices.Clone(r.data)
		buffer = buffer[used:]
		if err := s.respond(h, r); err != nil {
			return nil, err
		}
	}
}

func (s *Sim) respond(h *host, r *request) error {
	if r.address != s.o.Address || !s.alive() {
		return nil
	}
	s.log("host", r.raw, commandName(r.command))
	payload := h.last
	if r.spoiled || r.command != cmdNak || len(r.data) > 0 {
		payload = s.answer(r)
	}
	if len(payload) == 0 {
		return nil
	}
	h.last = payload
	if (r.command == cmdStack || r.command == cmdReturn) && payload[0] == ack && s.faults.Take("lost_reply") {
		s.log("device", nil, "did it, but the reply is lost")
		return nil
	}
	return h.line.Answer(pack(s.o.Address, payload...), "answers "+commandName(r.command))
}

// alive says whether the validator has power and has started.
func (s *Sim) alive() (yes bool) {
	s.path.Sync(func() { yes = s.path.Now().Powers && !time.Now().Before(s.m.SilentUntil) })
	return yes
}

func listen(r io.Reader, chunks chan<- []byte, ended chan<- error, done <-chan struct{}) {
	for {
		buffer := make([]byte, 1024)
		n, err := r.Read(buffer)
		if n > 0 {
			select {
			case chunks <- buffer[:n]:
			case <-done:
				return
			}
		}
		if err != nil {
			ended <- err
			return
		}
	}
}

// pacer takes as long for its bytes as the line would.
type pacer struct {
	w    io.Writer
	slow bool
}

func (p pacer) Write(b []byte) (int, error) {
	if p.slow {
		time.Sleep(time.Duration(len(b)) * byteTime)
	}
	return p.w.Write(b)
}

func (s *Sim) log(from string, raw []byte, what string) { s.o.Log.Add("cash", from, raw, what) }

// saved is a Snapshot.
type saved struct {
	Path   json.RawMessage `json:"path"`
	Memory memory          `json:"memory"`
}

// Snapshot is the whole validator in bytes: note, box and memory at one instant.
func (s *Sim) Snapshot() ([]byte, error) {
	var m memory
	path, err := s.path.SnapshotWith(func() { m = s.m.copied() })
	if err != nil {
		return nil, fmt.Errorf("snapshot ccnet: %w", err)
	}
	return json.Marshal(saved{Path: path, Memory: m})
}

// Restore takes a Snapshot's state. Do it before Serve.
func (s *Sim) Restore(data []byte) error {
	v := saved{Memory: awake()}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("restore ccnet: %w", err)
	}
	s.path.Sync(func() { s.m = v.Memory })
	if err := s.path.Restore(v.Path); err != nil {
		return fmt.Errorf("restore ccnet: %w", err)
	}
	s.path.Sync(s.watchEscrow)
	return nil
}

// Clone makes a second validator in the same state, with the same faults armed and nobody at its line.
func (s *Sim) Clone() *Sim {
	c := &Sim{o: s.o}
	c.faults = c.table(s.faults.List()) // before its notes move
	c.path = s.path.CloneWith(c, func() { c.m = s.m.copied() })
	c.path.Sync(c.watchEscrow)
	return c
}
