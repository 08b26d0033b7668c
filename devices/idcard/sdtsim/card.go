package sdtsim

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// Card is a card as a hand lays it down, in the words of the desk's contract.
type Card struct {
	Kind         string `json:"kind"` // citizen hmt foreign_2017 foreign_2023
	Name         string `json:"name"`
	Sex          string `json:"sex"`
	Ethnicity    string `json:"ethnicity"`
	Birth        string `json:"birth"`
	Address      string `json:"address"`
	Number       string `json:"number"`
	Authority    string `json:"authority"`
	ValidFrom    string `json:"valid_from"`
	ValidTo      string `json:"valid_to"`
	EnglishName  string `json:"english_name,omitempty"`
	Nationality  string `json:"nationality,omitempty"`
	PermitNumber string `json:"permit_number,omitempty"`
	IssueCount   string `json:"issue_count,omitempty"`
	NewAddress   string `json:"new_address,omitempty"` // written later, read by its own command
}

// String masks; the people are invented, but logs should not learn to hold names.
func (c Card) String() string { return "card(" + c.Kind + ")" }

// FieldError says which field does not fit, and by how much. Lengths are UTF-16 units: a character
// outside the basic plane counts two.
type FieldError struct {
	Field        string
	Limit, Given int
}

// Error reads "name: at most 15 UTF-16 units fit on this card, given 17".
func (e *FieldError) Error() string {
	if e.Limit == 0 {
		return fmt.Sprintf("%s: this kind of card has no such field, given %d UTF-16 units; leave it out", e.Field, e.Given)
	}
	return fmt.Sprintf("%s: at most %d UTF-16 units fit on this card, given %d; shorten it", e.Field, e.Limit, e.Given)
}

// slot is a place in the text block: a field, how many UTF-16 units it has, and from which unit of the
// field's text it goes on.
type slot struct {
	field string
	units int
	from  int
}

// The text blocks, from the first byte to the last, 128 units each. "" is reserved: blanks.
var layouts = map[string][]slot{
	"citizen": {{"name", 15, 0}, {"sex", 1, 0}, {"ethnicity", 2, 0}, {"birth", 8, 0}, {"address", 35, 0}, {"number", 18, 0},
		{"authority", 15, 0}, {"valid_from", 8, 0}, {"valid_to", 8, 0}, {"", 18, 0}},
	"hmt": {{"name", 15, 0}, {"sex", 1, 0}, {"ethnicity", 2, 0}, {"birth", 8, 0}, {"address", 35, 0}, {"number", 18, 0},
		{"authority", 15, 0}, {"valid_from", 8, 0}, {"valid_to", 8, 0}, {"permit_number", 9, 0}, {"issue_count", 2, 0}, {"", 3, 0}, {"=J", 1, 0}, {"", 3, 0}},
	"foreign_2017": {{"english_name", 60, 0}, {"sex", 1, 0}, {"number", 15, 0}, {"nationality", 3, 0}, {"name", 15, 0},
		{"valid_from", 8, 0}, {"valid_to", 8, 0}, {"birth", 8, 0}, {"=01", 2, 0}, {"authority", 4, 0}, {"=I", 1, 0}, {"", 3, 0}},
	"foreign_2023": {{"name", 15, 0}, {"sex", 1, 0}, {"issue_count", 2, 0}, {"birth", 8, 0}, {"english_name", 35, 0}, {"number", 18, 0}, {"", 15, 0},
		{"valid_from", 8, 0}, {"valid_to", 8, 0}, {"english_name", 11, 35}, {"nationality", 3, 0}, {"=Y", 1, 0}, {"", 3, 0}},
}

// named gives the fields that a block may hold, in the order in which mistakes are told.
func (c Card) named() []struct{ name, text string } {
	return []struct{ name, text string }{{"name", c.Name}, {"sex", c.Sex}, {"ethnicity", c.Ethnicity}, {"birth", c.Birth},
		{"address", c.Address}, {"number", c.Number}, {"authority", c.Authority}, {"valid_from", c.ValidFrom}, {"valid_to", c.ValidTo},
		{"english_name", c.EnglishName}, {"nationality", c.Nationality}, {"permit_number", c.PermitNumber}, {"issue_count", c.IssueCount}}
}

// newAddressUnits is the room for the address written later.
const newAddressUnits = 35

// Block is the text block of the card, 256 bytes, or a *FieldError. An empty kind is a citizen's card.
func (c Card) Block() ([]byte, error) {
	kind := c.Kind
	if kind == "" {
		kind = "citizen"
	}
	slots, known := layouts[kind]
	if !known {
		return nil, fmt.Errorf("kind: %q is none of citizen, hmt, foreign_2017, foreign_2023", c.Kind)
	}
	texts := map[string][]uint16{}
	for _, f := range c.named() {
		units, room := utf16.Encode([]rune(f.text)), 0
		for _, s := range slots {
			if s.field == f.name {
				room += s.units
			}
		}
		if len(units) > room {
			return nil, &FieldError{Field: f.name, Limit: room, Given: len(units)}
		}
		texts[f.name] = units
	}
	if n := len(utf16.Encode([]rune(c.NewAddress))); n > newAddressUnits {
		return nil, &FieldError{Field: "new_address", Limit: newAddressUnits, Given: n}
	}
	var block []byte
	for _, s := range slots {
		units := texts[s.field]
		if fixed, is := strings.CutPrefix(s.field, "="); is {
			units = utf16.Encode([]rune(fixed))
		}
		block = append(block, pad(units[min(s.from, len(units)):], s.units)...)
	}
	return block, nil
}

// pad writes at most n units little-endian, with blanks up to n.
func pad(units []uint16, n int) []byte {
	b := make([]byte, 0, 2*n)
	for i := range n {
		u := uint16(' ')
		if i < len(units) {
			u = units[i]
		}
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// photo is a block with a right header and filler; nobody can decode it into a face.
func photo() []byte {
	b := []byte{0x57, 0x4C, 0x66, 0x00, 0x7E, 0x00, 0x32, 0x00}
	for i := range 1016 {
		b = append(b, byte(7*i+3))
	}
	return b
}

// fingerprints is filler of the length of two recorded fingers.
func fingerprints() []byte {
	return slices.Collect(func(yield func(byte) bool) {
		for i := range 1024 {
			if !yield(byte(5*i + 1)) {
				return
			}
		}
	})
}
