// Package control is the door to the physical world: the hands of whoever drives the desk from outside.
//
// A hand lays cards down, offers notes, shows codes, loads paper, looks at what came out, pulls plugs and
// cuts the power; it can ask what the mechanisms hold and what happened, in order. Everything is JSON over
// HTTP as the desk's contract writes it down. The world itself is package world's; what concerns the
// programs and the line to the hall is asked of the Desk, which a device on its own does not have.
package control

import (
	"context"
	"net/http"
	"strings"
	"time"

	"yichuang/cmd/devsim/answer"
	"yichuang/cmd/devsim/line"
	"yichuang/cmd/devsim/world"
)

// Desk is what a whole desk has beyond its devices.
type Desk interface {
	// Program keeps a program down or lets it run. An unknown name is an error that lists the known.
	Program(name string, run bool) error
	// Network is the line to the hall.
	Network() *line.Line
}

const (
	// eventsWait and noteWait bound how long a call may be held open.
	eventsWait = 60 * time.Second
	noteWait   = 60 * time.Second
	// noteWaitUsual is how long an offered note is watched when the hand does not say.
	noteWaitUsual = 5 * time.Second
	// countMax bounds how often a fault can be armed, sheetsMax a stack of blanks, faceMax a note.
	countMax  = 1_000_000
	sheetsMax = 100_000
	faceMax   = 100_000_000
	eventMax  = 1 << 62
)

// door serves one world.
type door struct {
	w    *world.World
	desk Desk // nil for a device on its own
}

// Handler is the door. desk is nil for a device on its own.
func Handler(w *world.World, desk Desk) http.Handler {
	d := &door{w: w, desk: desk}
	mux := http.NewServeMux()
	handle := func(pattern string, fn answer.Func) { mux.Handle(pattern, answer.Handler(fn)) }
	mux.Handle("/v1/", answer.Handler(answer.Others))
	handle("GET /v1/world", d.world)
	handle("GET /v1/events", d.events)
	handle("GET /v1/faults", func(*http.Request) (any, error) { return w.AllFaults(), nil })
	handle("PUT /v1/faults/{device}", d.arm)
	handle("DELETE /v1/faults/{device}", d.mend)
	handle("DELETE /v1/faults/{device}/{name}", d.mend)
	handle("PUT /v1/power", d.power)
	d.devices(handle)
	if desk != nil {
		handle("PUT /v1/programs/{name}", d.program)
		handle("PUT /v1/network", d.network)
	}
	return mux
}

// devices adds the doors of the devices that are there.
func (d *door) devices(handle func(string, answer.Func)) {
	if d.w.IDCard != nil {
		handle("PUT /v1/card", d.layCard)
		handle("DELETE /v1/card", d.takeCard)
	}
	if d.w.Cash != nil {
		handle("POST /v1/cash/notes", d.offerNote)
		handle("GET /v1/cash/notes/{note}", d.note)
		handle("DELETE /v1/cash/notes/{note}", d.pullNote)
		handle("DELETE /v1/cash/box", d.takeBox)
		handle("PUT /v1/cash/box", d.putBox)
	}
	if d.w.Coins != nil {
		handle("POST /v1/coins", d.dropCoin)
		handle("GET /v1/coins/{coin}", d.coin)
		handle("PUT /v1/coins/lever", d.lever)
		handle("DELETE /v1/coins/box", d.takeCoins)
	}
	if d.w.Payout != nil {
		handle("PUT /v1/payout/{hopper}", d.fillHopper)
	}
	if d.w.Scanner != nil {
		handle("POST /v1/scanner/scans", d.scan)
	}
	if d.w.Receipt != nil {
		handle("GET /v1/receipt/prints/{file}", d.receipt)
	}
	if d.w.License != nil {
		handle("GET /v1/license/prints/{file}", d.license)
		handle("PUT /v1/license/trays/{name}", d.loadTray)
	}
}

// world tells what the mechanisms hold.
func (d *door) world(*http.Request) (any, error) {
	t := d.w.Truth()
	if d.desk != nil {
		t.Network = d.desk.Network().State()
	}
	return t, nil
}

// events tells what happened after event n, and waits a while for something to happen.
func (d *door) events(r *http.Request) (any, error) {
	after, err := answer.Number(r, "after", eventMax)
	if err != nil {
		return nil, err
	}
	wait, err := answer.Number(r, "wait_ms", eventsWait.Milliseconds())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(wait)*time.Millisecond)
	defer cancel()
	return d.w.Log.After(ctx, after), nil
}

// arm lets a fault befall a device.
func (d *door) arm(r *http.Request) (any, error) {
	var in struct {
		Fault string `json:"fault"`
		Count *int   `json:"count"`
	}
	device := r.PathValue("device")
	faults := d.w.Faults(device)
	if faults == nil {
		return nil, d.noDevice(device)
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	count := 1
	if in.Count != nil {
		count = *in.Count
	}
	if count < 0 || count > countMax {
		return nil, answer.Bad("count %d: 0 to %d", count, countMax)
	}
	d.w.Log.Add(device, "hand", nil, "fault "+in.Fault+" is armed")
	if err := faults.Arm(in.Fault, count); err != nil {
		return nil, answer.Bad("%s: %v", device, err)
	}
	return faults.List(), nil
}

// mend mends one fault of a device, or all.
func (d *door) mend(r *http.Request) (any, error) {
	device, name := r.PathValue("device"), r.PathValue("name")
	faults := d.w.Faults(device)
	if faults == nil {
		return nil, d.noDevice(device)
	}
	if name == "" {
		faults.MendAll()
		name = "of every kind"
	} else if err := faults.Arm(name, 0); err != nil {
		return nil, answer.None("%s: %v", device, err)
	}
	d.w.Log.Add(device, "hand", nil, "fault "+name+" is mended")
	return faults.List(), nil
}

func (d *door) noDevice(name string) error {
	var known []string
	for _, p := range d.w.Ports() {
		known = append(known, p.Class)
	}
	return answer.None("device %q: there are %s", name, strings.Join(known, " "))
}

// power switches the mains.
func (d *door) power(r *http.Request) (any, error) {
	var in struct {
		On      *bool  `json:"on"`
		At      string `json:"at"`
		Devices bool   `json:"devices"`
		Note    string `json:"note"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	if in.On == nil {
		return nil, answer.Bad("power: \"on\" is wanted, true or false")
	}
	state, err := d.w.Power(world.Power{On: *in.On, At: in.At, Devices: in.Devices, Note: in.Note})
	if err != nil {
		return nil, answer.Bad("%v", err)
	}
	return map[string]string{"power": state}, nil
}

// program keeps a program down or lets it run.
func (d *door) program(r *http.Request) (any, error) {
	var in struct {
		Run *bool `json:"run"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	if in.Run == nil {
		return nil, answer.Bad("program: \"run\" is wanted, true or false")
	}
	name := r.PathValue("name")
	if err := d.desk.Program(name, *in.Run); err != nil {
		return nil, answer.None("%v", err)
	}
	d.w.Log.Add("desk", "hand", nil, map[bool]string{true: "lets " + name + " run", false: "kills " + name}[*in.Run])
	return map[string]any{"name": name, "run": *in.Run}, nil
}

// network changes the line to the hall.
func (d *door) network(r *http.Request) (any, error) {
	var in struct {
		Up    *bool   `json:"up"`
		Kbit  int     `json:"kbit"`
		RTTms int     `json:"rtt_ms"`
		Loss  float64 `json:"loss"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	if in.Up == nil {
		return nil, answer.Bad("network: \"up\" is wanted, true or false")
	}
	l := d.desk.Network()
	if err := l.Set(line.State{Up: *in.Up, Kbit: in.Kbit, RTTms: in.RTTms, Loss: in.Loss}); err != nil {
		return nil, answer.Bad("network: %v", err)
	}
	d.w.Log.Add("desk", "hand", nil, map[bool]string{true: "the line to the hall is up", false: "the line to the hall is cut"}[*in.Up])
	return l.State(), nil
}
