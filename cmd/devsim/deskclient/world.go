package deskclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Face is how many notes of one face: F in the contract.
type Face struct {
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Count    int    `json:"count"`
}

// Sum adds notes up.
func Sum(faces []Face) (fen int64) {
	for _, f := range faces {
		fen += f.Face * int64(f.Count)
	}
	return fen
}

// Kept is the sum of the notes that came in and stayed: in the box, taken with it, or in the store and whatever came out of
// that beyond what was loaded.
func (w World) Kept() int64 {
	c := w.Cash
	return Sum(c.Box) + Sum(c.Taken) + Sum(c.Store) + Sum(c.Paid) - Sum(c.Loaded)
}

// Card is what lies on the reader.
type Card struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Sex       string `json:"sex"`
	Ethnicity string `json:"ethnicity"`
	Birth     string `json:"birth"`
	Address   string `json:"address"`
	Number    string `json:"number"`
	Authority string `json:"authority"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`

	EnglishName  string `json:"english_name,omitempty"` // of foreigners
	Nationality  string `json:"nationality,omitempty"`
	PermitNumber string `json:"permit_number,omitempty"` // of people from Hong Kong, Macao and Taiwan
	IssueCount   string `json:"issue_count,omitempty"`
}

// Network is the line to the hall.
type Network struct {
	Up    bool    `json:"up"`
	Kbit  int     `json:"kbit,omitempty"`
	RTTms int     `json:"rtt_ms,omitempty"`
	Loss  float64 `json:"loss,omitempty"`
}

// World is what the mechanisms hold.
type World struct {
	Power   string  `json:"power"`
	Network Network `json:"network"`
	Card    *Card   `json:"card"`
	Cash    struct {
		Mouth *struct {
			Note     int    `json:"note"`
			Face     int64  `json:"face_fen"`
			Currency string `json:"currency"`
			Kind     string `json:"kind"`
		} `json:"mouth"`
		Inserted []Face `json:"inserted"`
		Box      []Face `json:"box"`
		Taken    []Face `json:"taken"`
		Returned []Face `json:"returned"`
		Store    []Face `json:"store"`  // of a recycler: notes that it can pay out again
		Loaded   []Face `json:"loaded"` // by staff into the store
		Paid     []Face `json:"paid"`   // out of the store
	} `json:"cash"`
	Coins struct { // nothing where there is no coin acceptor
		Inserted []Face            `json:"inserted"`
		Kept     map[string][]Face `json:"kept"` // by the sorter's path
		Taken    []Face            `json:"taken"`
		Returned []Face            `json:"returned"`
		Moving   []Face            `json:"moving"`
	} `json:"coins"`
	Payout  []Hopper `json:"payout"` // none where there are no hoppers
	Receipt struct {
		State  string `json:"state"`
		Prints []struct {
			N     int  `json:"n"`
			Bytes int  `json:"bytes"`
			Cut   bool `json:"cut"`
		} `json:"prints"`
	} `json:"receipt"`
	License struct {
		State string `json:"state"`
		Trays []struct {
			Name   string `json:"name"`
			Media  string `json:"media"`
			Sheets int    `json:"sheets"`
			Next   string `json:"next_serial"`
		} `json:"trays"`
		Prints []struct {
			N        int    `json:"n"`
			Media    string `json:"media"`
			Pages    int    `json:"pages"`
			Complete bool   `json:"complete"`
			Serial   string `json:"serial"`
		} `json:"prints"`
	} `json:"license"`
	Headset bool `json:"headset"`
	Ports   []struct {
		Class    string `json:"class"`
		Protocol string `json:"protocol"`
		Address  string `json:"address"`
	} `json:"ports"`
}

// Hopper is what a hopper holds, let fall, and had taken out.
type Hopper struct {
	Address  int    `json:"address"`
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Loaded   int    `json:"loaded"`
	Inside   int    `json:"inside"`
	Out      int    `json:"out"`
	Taken    int    `json:"taken"`
	Paying   bool   `json:"paying"`
}

// door calls devsim.
func (d *Desk) door(ctx context.Context, method, path string, in, out any) error {
	return d.Call(ctx, method, d.Devsim.URL+"/v1/"+path, in, out)
}

// World asks what the mechanisms hold.
func (d *Desk) World(ctx context.Context) (w World, err error) {
	err = d.door(ctx, http.MethodGet, "world", nil, &w)
	return w, err
}

// LayCard lays a card down.
func (d *Desk) LayCard(ctx context.Context, c Card) error {
	return d.door(ctx, http.MethodPut, "card", c, nil)
}

// TakeCard takes it away.
func (d *Desk) TakeCard(ctx context.Context) error {
	return d.door(ctx, http.MethodDelete, "card", nil, nil)
}

// Note is a note that was offered.
type Note struct {
	Note int    `json:"note"`
	Fate string `json:"fate"` // stacked returned refused escrow moving
}

// OfferNote offers a Chinese note of a kind ("" is genuine) and watches it for a while.
func (d *Desk) OfferNote(ctx context.Context, fen int64, kind string, wait time.Duration) (n Note, err error) {
	if kind == "" {
		kind = "genuine"
	}
	err = d.door(ctx, http.MethodPost, "cash/notes",
		map[string]any{"face_fen": fen, "currency": "CNY", "kind": kind, "wait_ms": wait.Milliseconds()}, &n)
	return n, err
}

// Note asks how far a note came.
func (d *Desk) Note(ctx context.Context, number int) (n Note, err error) {
	err = d.door(ctx, http.MethodGet, fmt.Sprintf("cash/notes/%d", number), nil, &n)
	return n, err
}

// PullNote pulls a note back.
func (d *Desk) PullNote(ctx context.Context, number int) (n Note, err error) {
	err = d.door(ctx, http.MethodDelete, fmt.Sprintf("cash/notes/%d", number), nil, &n)
	return n, err
}

// TakeBox takes the cash box away with what is in it.
func (d *Desk) TakeBox(ctx context.Context) (in []Face, err error) {
	err = d.door(ctx, http.MethodDelete, "cash/box", nil, &in)
	return in, err
}

// PutBox puts an empty box in.
func (d *Desk) PutBox(ctx context.Context) error {
	return d.door(ctx, http.MethodPut, "cash/box", nil, nil)
}

// Scan shows a code to the reader.
func (d *Desk) Scan(ctx context.Context, text string) error {
	return d.door(ctx, http.MethodPost, "scanner/scans", map[string]string{"text": text}, nil)
}

// Receipt is a strip of the receipt printer; ending is bin, txt or png.
func (d *Desk) Receipt(ctx context.Context, n int, ending string) (data []byte, err error) {
	err = d.door(ctx, http.MethodGet, fmt.Sprintf("receipt/prints/%d.%s", n, ending), nil, &data)
	return data, err
}

// LicenseSheet is a sheet of the license printer; ending is pdf or png.
func (d *Desk) LicenseSheet(ctx context.Context, n int, ending string) (data []byte, err error) {
	err = d.door(ctx, http.MethodGet, fmt.Sprintf("license/prints/%d.%s", n, ending), nil, &data)
	return data, err
}

// LoadTray puts blanks into a tray of the license printer.
func (d *Desk) LoadTray(ctx context.Context, tray, media string, sheets int, first string) error {
	return d.door(ctx, http.MethodPut, "license/trays/"+url.PathEscape(tray),
		map[string]any{"media": media, "sheets": sheets, "first_serial": first}, nil)
}

// Fault is a row of a device's table.
type Fault struct {
	Fault string `json:"fault"`
	What  string `json:"what"`
	Armed int    `json:"armed"`
}

// Faults are the tables of all devices.
func (d *Desk) Faults(ctx context.Context) (all map[string][]Fault, err error) {
	err = d.door(ctx, http.MethodGet, "faults", nil, &all)
	return all, err
}

// Arm lets a fault befall a device.
func (d *Desk) Arm(ctx context.Context, device, fault string, count int) error {
	return d.door(ctx, http.MethodPut, "faults/"+url.PathEscape(device), map[string]any{"fault": fault, "count": count}, nil)
}

// Mend mends one fault of a device, or all when fault is "".
func (d *Desk) Mend(ctx context.Context, device, fault string) error {
	path := "faults/" + url.PathEscape(device)
	if fault != "" {
		path += "/" + url.PathEscape(fault)
	}
	return d.door(ctx, http.MethodDelete, path, nil, nil)
}

// Cut says how the power is cut.
type Cut struct {
	At      string `json:"at,omitempty"` // now cash.moving cash.escrow receipt.half license.half
	Devices bool   `json:"devices,omitempty"`
	Note    string `json:"note,omitempty"` // in or out
}

// PowerOff cuts the power, now or at a point to come.
func (d *Desk) PowerOff(ctx context.Context, c Cut) error {
	return d.door(ctx, http.MethodPut, "power", struct {
		On bool `json:"on"`
		Cut
	}{false, c}, nil)
}

// PowerOn switches it on again.
func (d *Desk) PowerOn(ctx context.Context) error {
	return d.door(ctx, http.MethodPut, "power", map[string]bool{"on": true}, nil)
}

// Program keeps a program down or lets it run.
func (d *Desk) Program(ctx context.Context, name string, run bool) error {
	return d.door(ctx, http.MethodPut, "programs/"+url.PathEscape(name), map[string]bool{"run": run}, nil)
}

// SetNetwork changes the line to the hall.
func (d *Desk) SetNetwork(ctx context.Context, n Network) error {
	return d.door(ctx, http.MethodPut, "network", n, nil)
}

// Event is one thing that happened.
type Event struct {
	N      int64     `json:"n"`
	Time   time.Time `json:"time"`
	Device string    `json:"device"`
	From   string    `json:"from"`
	Hex    string    `json:"hex"`
	What   string    `json:"what"`
}

// Events are those later than number after; it waits a while for the first.
func (d *Desk) Events(ctx context.Context, after int64, wait time.Duration) (e []Event, err error) {
	err = d.door(ctx, http.MethodGet, fmt.Sprintf("events?after=%d&wait_ms=%d", after, wait.Milliseconds()), nil, &e)
	return e, err
}

// Coin is a coin that was dropped.
type Coin struct {
	Coin int    `json:"coin"`
	Fate string `json:"fate"` // kept returned moving
}

// DropCoin drops a Chinese coin of a kind ("" is genuine) and watches it for a while.
func (d *Desk) DropCoin(ctx context.Context, fen int64, kind string, wait time.Duration) (c Coin, err error) {
	if kind == "" {
		kind = "genuine"
	}
	err = d.door(ctx, http.MethodPost, "coins", map[string]any{"face_fen": fen, "currency": "CNY", "kind": kind, "wait_ms": wait.Milliseconds()}, &c)
	return c, err
}

// HoldLever holds the return lever down or lets it go.
func (d *Desk) HoldLever(ctx context.Context, held bool) error {
	return d.door(ctx, http.MethodPut, "coins/lever", map[string]any{"held": held}, nil)
}

// FillHopper puts coins into a hopper, or takes them out when the count is negative.
func (d *Desk) FillHopper(ctx context.Context, address, count int) (h Hopper, err error) {
	err = d.door(ctx, http.MethodPut, fmt.Sprintf("payout/%d", address), map[string]any{"count": count}, &h)
	return h, err
}
