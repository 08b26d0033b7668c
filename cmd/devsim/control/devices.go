package control

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"yichuang/cmd/devsim/answer"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/idcard/sdtsim"
)

// layCard lays a card on the plate: the mechanism knows the kinds, and what fits on each.
func (d *door) layCard(r *http.Request) (any, error) {
	var card sdtsim.Card
	if err := answer.Read(r, &card); err != nil {
		return nil, err
	}
	if err := d.w.IDCard.Lay(card); err != nil {
		return nil, answer.Bad("card: %v", err)
	}
	return d.w.IDCard.World(), nil
}

// takeCard takes the card away. Taking it from an empty plate does no harm.
func (d *door) takeCard(*http.Request) (any, error) {
	return map[string]bool{"taken": d.w.IDCard.Take()}, nil
}

// notes is the answer about a note.
type notes struct {
	Note int           `json:"note"`
	Fate notepath.Fate `json:"fate"`
}

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

// offerNote holds a note to the mouth and tells how far it came.
func (d *door) offerNote(r *http.Request) (any, error) {
	in := struct {
		Face     int64  `json:"face_fen"`
		Currency string `json:"currency"`
		Kind     string `json:"kind"`
		Wait     *int64 `json:"wait_ms"`
	}{Currency: "CNY", Kind: notepath.Genuine}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	wait := noteWaitUsual
	if in.Wait != nil {
		wait = time.Duration(*in.Wait) * time.Millisecond
	}
	kinds := []string{notepath.Genuine, notepath.Foreign, notepath.Torn, notepath.Strung}
	switch {
	case in.Face <= 0 || in.Face > faceMax:
		return nil, answer.Bad("face_fen %d: a note has a face of 1 to %d fen", in.Face, faceMax)
	case !currencyForm.MatchString(in.Currency):
		return nil, answer.Bad("currency %q: three capital letters, such as CNY", in.Currency)
	case !slices.Contains(kinds, in.Kind):
		return nil, answer.Bad("kind %q: one of %v", in.Kind, kinds)
	case in.Wait != nil && *in.Wait < 0 || wait > noteWait:
		return nil, answer.Bad("wait_ms %d: 0 to %d", wait.Milliseconds(), noteWait.Milliseconds())
	}
	path := d.w.Cash.Path()
	n, err := path.Offer(in.Face, in.Currency, in.Kind)
	if errors.Is(err, notepath.ErrOccupied) {
		return nil, answer.Conflict("another note is in the mouth; wait for its fate")
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	return notes{n, path.Wait(ctx, n)}, nil
}

// numbered reads the number of a note that is known.
func (d *door) numbered(r *http.Request) (int, notepath.Fate, error) {
	n, err := answer.Number(r, "note", 1<<31)
	if err != nil {
		return 0, "", err
	}
	fate := d.w.Cash.Path().Fate(int(n))
	if fate == "" {
		return 0, "", answer.None("note %d: there is none", n)
	}
	return int(n), fate, nil
}

func (d *door) note(r *http.Request) (any, error) {
	n, fate, err := d.numbered(r)
	return notes{n, fate}, err
}

// pullNote is a hand that pulls its note back.
func (d *door) pullNote(r *http.Request) (any, error) {
	n, fate, err := d.numbered(r)
	if err != nil {
		return nil, err
	}
	path := d.w.Cash.Path()
	if err := path.PullBack(n); err != nil {
		return nil, answer.Conflict("note %d: it is %s and cannot be held any more", n, fate)
	}
	return notes{n, path.Fate(n)}, nil
}

// takeBox takes the box away with what is in it.
func (d *door) takeBox(*http.Request) (any, error) {
	if !d.w.Cash.Path().BoxIn() {
		return nil, answer.Conflict("the box is out already; PUT puts an empty one in")
	}
	return d.w.Cash.Path().TakeBox(), nil
}

// putBox puts an empty box in.
func (d *door) putBox(*http.Request) (any, error) {
	path := d.w.Cash.Path()
	if path.BoxIn() {
		return nil, answer.Conflict("a box is in its place; DELETE takes it away")
	}
	path.PutBox()
	return map[string]bool{"box": path.BoxIn()}, nil
}

// scan shows a code to the reader.
func (d *door) scan(r *http.Request) (any, error) {
	var in struct {
		Text *string `json:"text"`
		Hex  *string `json:"hex"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	var code []byte
	switch {
	case (in.Text == nil) == (in.Hex == nil):
		return nil, answer.Bad("scan: text or hex is wanted, one of the two")
	case in.Text != nil:
		code = []byte(*in.Text)
	default:
		b, err := hex.DecodeString(*in.Hex)
		if err != nil {
			return nil, answer.Bad("hex: %v", err)
		}
		code = b
	}
	err := d.w.Scanner.Show(code)
	switch {
	case errors.Is(err, scannersim.ErrNotLooking):
		return nil, answer.Conflict("%v", err)
	case err != nil:
		return nil, answer.Bad("%v", err)
	}
	return map[string]int{"bytes": len(code)}, nil
}

// file reads "7.png" from the address.
func file(r *http.Request) (n int, ending string, err error) {
	name := r.PathValue("file")
	head, ending, _ := strings.Cut(name, ".")
	n, err = strconv.Atoi(head)
	if err != nil || n < 1 || strconv.Itoa(n) != head {
		return 0, "", answer.None("print %q: the number of a print with an ending, such as 1.png", name)
	}
	return n, ending, nil
}

// receipt shows a strip of the receipt printer.
func (d *door) receipt(r *http.Request) (any, error) {
	n, ending, err := file(r)
	if err != nil {
		return nil, err
	}
	var out answer.File
	switch ending {
	case "bin":
		out.Type = "application/octet-stream"
		out.Data, err = d.w.Receipt.Bin(n)
	case "txt":
		var text string
		text, err = d.w.Receipt.Text(n)
		out = answer.File{Type: "text/plain; charset=utf-8", Data: []byte(text)}
	case "png":
		out.Type = "image/png"
		out.Data, err = d.w.Receipt.PNG(n)
	default:
		return nil, answer.None("receipt %d.%s: .bin, .txt or .png", n, ending)
	}
	if err != nil {
		return nil, answer.None("receipt: %v", err)
	}
	return out, nil
}

// license shows a sheet of the license printer.
func (d *door) license(r *http.Request) (any, error) {
	n, ending, err := file(r)
	if err != nil {
		return nil, err
	}
	document, err := d.w.License.PDF(n)
	if err != nil {
		return nil, answer.None("license: %v", err)
	}
	switch ending {
	case "pdf":
		return answer.File{Type: "application/pdf", Data: document}, nil
	case "png":
		picture, err := d.w.License.PNG(n)
		if err != nil {
			return nil, &answer.Refusal{Status: http.StatusInternalServerError, Kind: "picture", Text: err.Error()}
		}
		return answer.File{Type: "image/png", Data: picture}, nil
	}
	return nil, answer.None("license %d.%s: .pdf or .png", n, ending)
}

// loadTray puts a stack of blanks in.
func (d *door) loadTray(r *http.Request) (any, error) {
	var in struct {
		Media  string `json:"media"`
		Sheets *int   `json:"sheets"`
		First  string `json:"first_serial"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	if in.Sheets == nil || *in.Sheets < 0 || *in.Sheets > sheetsMax {
		return nil, answer.Bad("sheets: 0 to %d are wanted", sheetsMax)
	}
	name := r.PathValue("name")
	if err := d.w.License.LoadTray(name, in.Media, *in.Sheets, in.First); err != nil {
		return nil, answer.Bad("%v", err)
	}
	return map[string]any{"name": name, "media": in.Media, "sheets": *in.Sheets, "next_serial": in.First}, nil
}
