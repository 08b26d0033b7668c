// Package id003sim is a pretend JCM bill acceptor: a note path that answers ID-003's bytes.
//
// It has states and no events, as a real one: it says where the note is now, holds VEND VALID until the host
// acknowledges it, and after power-up says what it found inside and takes nothing but RESET. Its settings are
// volatile; where a note lay when the power went is not. It holds a note in escrow for a while and then gives
// it back, and draws nothing in when nobody polls. Its faults befall the mechanism and not the story of it: a
// jam is a note that is stuck.
//
// The state outlives a connection: a host may die and come back, and the notes are where they were. It is
// written from what hosts in the field expect of ID-003 (see package id003's data sheet) and knows no driver.
package id003sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// Options say which acceptor is pretended. The zero value takes Chinese notes of 1 to 100 yuan.
type Options struct {
	Log      *mechanism.Log
	Version  string // what command 88h answers
	Country  byte   // in the currency table; 2Dh when zero
	Currency string // "CNY"
	Unit     int64  // the face of value 1, in the smallest unit; 100 when zero
	Faces    []int64
	BaudPace bool // answers take the time they need at 9600 baud
	Path     notepath.Options
}

func (o Options) filled() Options {
	if o.Version == "" {
		o.Version = "YC(CHN)-03-SS ID003-05V100-01 01JAN26 5943"
	}
	if o.Country == 0 {
		o.Country = 0x2D
	}
	if o.Currency == "" {
		o.Currency = "CNY"
	}
	if o.Unit == 0 {
		o.Unit = 100
	}
	if o.Faces == nil {
		o.Faces = []int64{100, 500, 1000, 2000, 5000, 10000}
	}
	return o
}

// Sim is one acceptor. Make it with New.
type Sim struct {
	o      Options
	path   *notepath.Path
	faults *mechanism.Faults
	onPlug func(plugged bool)
	m      memory // guarded by path.Sync
}

// New makes an acceptor that has just been switched on, with an empty box.
func New(o Options) *Sim {
	s := &Sim{o: o.filled(), m: awake(powerUp)}
	s.path = notepath.New(s, s.o.Path)
	s.faults = s.table(faultRows())
	return s
}

// Path is the way of the notes: where a hand offers them.
func (s *Sim) Path() *notepath.Path { return s.path }

// Faults is what can befall this acceptor.
func (s *Sim) Faults() *mechanism.Faults { return s.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (s *Sim) OnPlug(fn func(plugged bool)) { s.onPlug = fn }

// Power cuts the acceptor's power or gives it back. A note that the stacker had taken ends in the box or out,
// as noteIn says; one that it had not comes out. Where it was is remembered over the dark.
func (s *Sim) Power(on, noteIn bool) {
	was, lay := false, byte(powerUp)
	s.path.Sync(func() {
		at := s.path.Now()
		was, noteIn = at.Powers, noteIn && at.Leg == notepath.Stacking
		lay = s.found(at)
		if at.Leg == notepath.Stacking && !noteIn && !s.m.Vend {
			lay = powerUpAcceptor
		}
	})
	s.path.Power(on, noteIn)
	s.path.Sync(func() {
		if was && !on {
			s.m = awake(lay)
		}
		s.m.SilentUntil = time.Now().Add(bootTime)
	})
	s.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Restart is a controller that starts anew while the power holds, as a watchdog makes it. It forgets its
// settings and what it was doing, and finds the note that is inside.
func (s *Sim) Restart() {
	s.path.Sync(func() {
		at := s.path.Now()
		s.m = awake(s.found(at))
		s.m.SilentUntil = time.Now().Add(bootTime)
		s.m.Mute = at.Leg != ""
	})
	s.log("device", nil, "restarts")
}

// Serve answers one host until its line ends or ctx does, and returns why. It does not close rw; when
// rw knows read deadlines the reading goroutine ends with Serve, else with rw.
func (s *Sim) Serve(ctx context.Context, rw io.ReadWriter) error {
	if d, ok := rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		defer d.SetReadDeadline(time.Now())
	}
	chunks, ended, done := make(chan []byte), make(chan error, 1), make(chan struct{})
	defer close(done)
	go listen(rw, chunks, ended, done)
	line := &mechanism.Line{Device: "cash", W: pacer{rw, s.o.BaudPace}, Faults: s.faults, Log: s.o.Log, Late: lateTime, Gap: splitGap}
	var buffer []byte
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case chunk := <-chunks:
			if time.Since(last) > frameGap {
				buffer = nil
			}
			last = time.Now()
			buffer = append(buffer, chunk...)
			var err error
			if buffer, err = s.consume(line, buffer); err != nil {
				return err
			}
		}
	}
}

// consume answers the whole frames in the buffer and gives back the rest.
func (s *Sim) consume(line *mechanism.Line, buffer []byte) ([]byte, error) {
	for {
		r, used := cut(buffer)
		if used == 0 {
			return buffer, nil
		}
		if r == nil {
			s.log("host", buffer[:used], "bytes that are no frame")
			buffer = buffer[used:]
			continue
		}
		buffer = buffer[used:]
		if err := s.respond(line, r); err != nil {
			return nil, err
		}
	}
}

func (s *Sim) respond(line *mechanism.Line, r *request) error {
	if !s.alive() {
		return nil
	}
	s.log("host", r.raw, commandName(r.command))
	code, data, answers := s.answer(r)
	if !answers || !s.alive() {
		return nil
	}
	if (r.command == cmdStack1 || r.command == cmdStack2 || r.command == cmdReturn) && s.faults.Take("lost_reply") {
		s.log("device", nil, "did it, but the reply is lost")
		return nil
	}
	return line.Answer(pack(code, data), "answers "+commandName(r.command)+" with "+codeName(code))
}

// alive says whether the acceptor has power and has started.
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

// Snapshot is the whole acceptor in bytes: note, box and memory at one instant.
func (s *Sim) Snapshot() ([]byte, error) {
	var m memory
	path, err := s.path.SnapshotWith(func() { m = s.m })
	if err != nil {
		return nil, fmt.Errorf("snapshot id003: %w", err)
	}
	return json.Marshal(saved{Path: path, Memory: m})
}

// Restore takes a Snapshot's state. Do it before Serve.
func (s *Sim) Restore(data []byte) error {
	v := saved{Memory: awake(powerUp)}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("restore id003: %w", err)
	}
	s.path.Sync(func() { s.m = v.Memory })
	if err := s.path.Restore(v.Path); err != nil {
		return fmt.Errorf("restore id003: %w", err)
	}
	s.path.Sync(s.watch)
	return nil
}

// Clone makes a second acceptor in the same state, with the same faults armed and nobody at its line.
func (s *Sim) Clone() *Sim {
	c := &Sim{o: s.o}
	c.faults = c.table(s.faults.List()) // before its notes move
	c.path = s.path.CloneWith(c, func() { c.m = s.m })
	c.path.Sync(c.watch)
	return c
}
