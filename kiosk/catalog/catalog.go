// Package catalog is what a terminal offers: services as data.
//
// The hall publishes one signed document; adding a fee or a license changes that document and no
// program. A visit is pinned to the version it began with.
package catalog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// Text is a sentence in each language, by its code: "zh", "en".
type Text map[string]string

// In gives the text in a language, in Chinese when there is none.
func (t Text) In(language string) string {
	if s := t[language]; s != "" {
		return s
	}
	return t["zh"]
}

// Catalog is the hall's whole offer.
type Catalog struct {
	Version  int64             `json:"version"`
	Hall     Text              `json:"hall"`
	Area     Text              `json:"area"`
	Phone    string            `json:"phone"`
	Services []Service         `json:"services"`
	Lists    map[string][]Node `json:"lists"` // divisions, trades, scopes: what fields choose from
}

// Service is one matter (事项) that can be done at the terminal.
type Service struct {
	Code        string   `json:"code"`     // pay.water
	Entrance    string   `json:"entrance"` // pay, apply
	Name        Text     `json:"name"`
	Line        Text     `json:"line"`
	Guide       []Fact   `json:"guide"`   // the elements of the official guide
	Steps       []string `json:"steps"`   // identify, account, bill, method, form, sign, review, submit, decide, print, deliver, rate
	Devices     []string `json:"devices"` // needed to offer it at all: idcard, receipt, license
	Offline     bool     `json:"offline"` // may be begun without a line to the hall
	Biller      string   `json:"biller,omitempty"`
	Company     Text     `json:"company,omitempty"` // who the money is collected for, as it stands on the receipt
	Account     *Account `json:"account,omitempty"`
	Ways        []string `json:"ways,omitempty"` // pay.cash, pay.show, pay.scan
	Fields      []Field  `json:"fields,omitempty"`
	Declaration Text     `json:"declaration,omitempty"`
	Hours       *Hours   `json:"hours,omitempty"`   // of its back office; nil: always
	MinAge      int      `json:"min_age,omitempty"` // told in the guide; the hall's rule decides
	Cards       []string `json:"cards,omitempty"`   // kinds of identity card whose holders may apply; none: those of ResidentCards
}

// ResidentCards are the kinds of card of citizens, and of residents from Hong Kong, Macao and Taiwan. They may register
// an individual business; foreigners may not. That is the law as of 2022 from memory (the regulation on individual
// businesses, the list of what is closed to foreign investment), so a service can say otherwise.
var ResidentCards = []string{"citizen", "hmt"}

// cardKinds are all kinds that a reader tells apart.
var cardKinds = append([]string{"foreign_2017", "foreign_2023"}, ResidentCards...)

// Takes says whether the holder of a kind of card may apply. The hall's rules have the last word; this spares people a
// form that leads nowhere.
func (s *Service) Takes(kind string) bool {
	if len(s.Cards) == 0 {
		return slices.Contains(ResidentCards, kind)
	}
	return slices.Contains(s.Cards, kind)
}

// Fact is one element of the guide.
type Fact struct {
	Label Text `json:"label"`
	Value Text `json:"value"`
}

// Account is what an account number of a biller looks like.
type Account struct {
	Digits int    `json:"digits"`
	Check  string `json:"check"` // luhn, or none
	Group  int    `json:"group"` // shown in groups of so many digits
	Code   string `json:"code"`  // the paper bill's code is this, then the account number
}

// Field is one question of the form.
type Field struct {
	Name  string `json:"name"`           // division, street, trade, scope, trade_name
	Kind  string `json:"kind"`           // tree, list, text
	List  string `json:"list,omitempty"` // of tree and list
	By    string `json:"by,omitempty"`   // list: only nodes whose parent is the answer to this field
	Label Text   `json:"label"`
	Hint  Text   `json:"hint,omitempty"`
	Min   int    `json:"min,omitempty"` // characters, or choices
	Max   int    `json:"max,omitempty"`
}

// Node is one entry of a list that is chosen from, level by level.
type Node struct {
	Code   string `json:"code"`
	Parent string `json:"parent,omitempty"`
	Name   Text   `json:"name"`
	Permit Text   `json:"permit,omitempty"` // a trade: what permit it needs before a license
}

// Hours are the opening hours of a back office, in Asia/Shanghai: "07:00" to "22:00".
type Hours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Find gives the service with this code.
func (c *Catalog) Find(code string) (*Service, bool) {
	for i := range c.Services {
		if c.Services[i].Code == code {
			return &c.Services[i], true
		}
	}
	return nil, false
}

// Under gives the nodes of a list directly below a parent ("" for the top level), in their order.
func (c *Catalog) Under(list, parent string) []Node {
	var out []Node
	for _, n := range c.Lists[list] {
		if n.Parent == parent {
			out = append(out, n)
		}
	}
	return out
}

// Node finds an entry of a list.
func (c *Catalog) Node(list, code string) (Node, bool) {
	for _, n := range c.Lists[list] {
		if n.Code == code {
			return n, true
		}
	}
	return Node{}, false
}

// Valid says whether an account number has the right length and check digit.
func (a *Account) Valid(number string) bool {
	if len(number) != a.Digits {
		return false
	}
	return a.Check == "none" || Luhn(number)
}

// Luhn says whether the last digit of a number is its check digit (ISO/IEC 7812-1, annex B).
func Luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		d := int(number[i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return number != "" && sum%10 == 0
}

// LuhnDigit is the check digit that completes a number.
func LuhnDigit(number string) string {
	for d := '0'; d <= '9'; d++ {
		if Luhn(number + string(d)) {
			return string(d)
		}
	}
	return ""
}

var codeShape = regexp.MustCompile(`^[a-z]+(\.[a-z0-9_]+)+$`)

// Parse reads a catalogue document and says what is wrong with it: where and what.
func Parse(document []byte) (*Catalog, error) {
	sum := sha256.Sum256(document)
	met.Lock()
	defer met.Unlock()
	if c := met.catalogs[sum]; c != nil {
		return c, nil
	}
	c, err := parse(document)
	if err != nil {
		return nil, err
	}
	if len(met.catalogs) == metMax {
		clear(met.catalogs)
	}
	met.catalogs[sum] = c
	return c, nil
}

// met are the catalogues that were read, by their sum: a program meets the same one at its start and whenever its hall tells of
// it, and reading one takes as long as a page turns. Nobody writes to what was read.
var met = struct {
	sync.Mutex
	catalogs map[[sha256.Size]byte]*Catalog
}{catalogs: map[[sha256.Size]byte]*Catalog{}}

// metMax is how many are kept; there are rarely two.
const metMax = 8

func parse(document []byte) (*Catalog, error) {
	var c Catalog
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if c.Version < 1 || c.Hall.In("zh") == "" || c.Phone == "" || len(c.Services) == 0 {
		return nil, errors.New("catalogue: version, hall, phone and at least one service are needed")
	}
	seen := map[string]bool{}
	for i := range c.Services {
		s := &c.Services[i]
		if seen[s.Code] {
			return nil, fmt.Errorf("catalogue: service %q stands twice", s.Code)
		}
		seen[s.Code] = true
		if err := c.check(s); err != nil {
			return nil, fmt.Errorf("catalogue: service %q: %w", s.Code, err)
		}
	}
	return &c, nil
}

func (c *Catalog) check(s *Service) error {
	if !codeShape.MatchString(s.Code) {
		return errors.New("a code is small letters with dots, such as pay.water")
	}
	if s.Entrance != "pay" && s.Entrance != "apply" {
		return fmt.Errorf("entrance %q: want pay or apply", s.Entrance)
	}
	if s.Name.In("zh") == "" || s.Line.In("zh") == "" {
		return errors.New("name and line are needed in zh")
	}
	if s.Entrance == "pay" && (s.Biller == "" || s.Account == nil || s.Account.Digits < 4 || len(s.Ways) == 0) {
		return errors.New("a fee needs biller, account and ways to pay")
	}
	for _, kind := range s.Cards {
		if !slices.Contains(cardKinds, kind) {
			return fmt.Errorf("card %q: want some of %v", kind, cardKinds)
		}
	}
	for _, way := range s.Ways {
		if way != "pay.cash" && way != "pay.show" && way != "pay.scan" {
			return fmt.Errorf("way %q: want pay.cash, pay.show or pay.scan", way)
		}
	}
	for _, f := range s.Fields {
		if f.Kind != "tree" && f.Kind != "list" && f.Kind != "text" {
			return fmt.Errorf("field %q: kind %q: want tree, list or text", f.Name, f.Kind)
		}
		if f.Kind != "text" && len(c.Lists[f.List]) == 0 {
			return fmt.Errorf("field %q: list %q is not in the catalogue", f.Name, f.List)
		}
	}
	return nil
}

// Verify checks the hall's signature (Ed25519 over the document) and reads the document. A version
// below the floor is refused: an old catalogue must not come back.
func Verify(key ed25519.PublicKey, document, signature []byte, floor int64) (*Catalog, error) {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, document, signature) {
		return nil, errors.New("catalogue: the signature is not this hall's")
	}
	c, err := Parse(document)
	if err != nil {
		return nil, err
	}
	if c.Version < floor {
		return nil, fmt.Errorf("catalogue: version %d is older than %d, which this terminal has", c.Version, floor)
	}
	return c, nil
}
