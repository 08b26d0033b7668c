// Package front is the contract between kioskd and the screen.
//
// The screen draws whole views. A View says everything that is on the page; the screen keeps nothing
// but what the citizen is typing at this instant, and hands even that over with each key, so that it
// can be killed and started at any moment. A touch comes back as an Act that names the revision of
// the view it was made on: a stale one is refused and answered with the view as it is now.
//
// kioskd decides what can be touched and what is true; the words are the screen's (package phrase),
// except texts that come from the hall's catalogue, which arrive in the language of the view.
package front

import "time"

// View is one page of the screen, whole.
type View struct {
	Revision int64 `json:"revision"` // grows when what a touch would mean changes
	Tick     int64 `json:"tick"`     // grows with every change, also of an amount

	Visit    string `json:"visit"` // random; "" on the home page. Another visit, another pinyin folder
	Page     string `json:"page"`  // home choose guide identify account bill method pay form sign review submit wait print take rate goodbye cases slip help closed ask
	Language string `json:"language"`
	Elder    bool   `json:"elder"` // large type and high contrast

	Place Place `json:"place"`
	Title Say   `json:"title"` // where I am: "缴水费"
	Sub   Say   `json:"sub"`   // and what for: masked account, name and period; may be empty
	Step  int   `json:"step"`  // 1-based; 0 when there is no row of steps
	Steps int   `json:"steps"`

	Left    *Left `json:"left,omitempty"`    // the time-out
	Message *Say  `json:"message,omitempty"` // text.message: what went wrong or is waited for
	Notes   []Say `json:"notes,omitempty"`   // what happens next, in the order to be read

	Services []Service `json:"services,omitempty"` // choose; and home, for what is closed and why
	Health   []Chip    `json:"health,omitempty"`   // home: what this machine can do now
	Ways     []Way     `json:"ways,omitempty"`     // method
	Guide    []Row     `json:"guide,omitempty"`    // guide: the elements of the service, one at a time
	Rows     []Row     `json:"rows,omitempty"`     // bill, review, print, take: label and value
	Photo    []byte    `json:"photo,omitempty"`    // review: the photo on the card, as PNG; none where it cannot be decoded
	Fields   []Field   `json:"fields,omitempty"`   // account, form
	Choices  []Choice  `json:"choices,omitempty"`  // form, bill, pay: what can be picked, this page of the list
	Pager    *Pager    `json:"pager,omitempty"`    // list.prev, list.next
	Keys     string    `json:"keys"`               // "" none, "digits", "pinyin" (letters with candidates), "latin"
	Money    *Money    `json:"money,omitempty"`    // pay
	Code     string    `json:"code,omitempty"`     // pay.code: the text of the symbol to be shown
	Strokes  []Stroke  `json:"strokes,omitempty"`  // sign: what has been written so far
	Cases    []Case    `json:"cases,omitempty"`    // cases
	Progress *Progress `json:"progress,omitempty"` // print: counted in sheets
	Topics   []Topic   `json:"topics,omitempty"`   // ask: questions and their answers

	Acts []string `json:"acts"` // the ids that may be touched now
}

// Can says whether this id may be touched now.
func (v *View) Can(id string) bool {
	for _, a := range v.Acts {
		if a == id {
			return true
		}
	}
	return false
}

// Say is a sentence: a phrase with its arguments, or a text from the catalogue as it is.
type Say struct {
	Phrase Phrase            `json:"phrase,omitempty"`
	Args   map[string]string `json:"args,omitempty"` // amounts as "123.45", dates as 2026-11-20
	Text   string            `json:"text,omitempty"`
}

// Empty says whether there is nothing to be said.
func (s Say) Empty() bool { return s.Phrase == "" && s.Text == "" }

// Place is where the terminal stands; it is on every page.
type Place struct {
	Hall     string `json:"hall"`     // 青山区市民服务中心
	Area     string `json:"area"`     // 24 小时自助服务区
	Terminal string `json:"terminal"` // 03
	Phone    string `json:"phone"`    // 12345
}

// Left is the time a citizen has on this page without a touch.
type Left struct {
	Ends time.Time `json:"ends"`
	Warn bool      `json:"warn"` // the warning with timeout.more stands on the page
}

// Service is one service on offer; its control is service.CODE.
type Service struct {
	Code string `json:"code"`
	Name string `json:"name"`
	Line string `json:"line"` // one line of what it is for
	Open bool   `json:"open"`
	Why  Say    `json:"why"` // when it is closed: why, and where or when it can be done
}

// Chip is one short fact on the home page.
type Chip struct {
	Say  Say  `json:"say"`
	Good bool `json:"good"`
}

// Way is a way to pay; ID is pay.cash, pay.show or pay.scan.
type Way struct {
	ID   string `json:"id"`
	Open bool   `json:"open"`
	Why  Say    `json:"why"`
}

// Row is a label and what stands beside it.
type Row struct {
	Label  Say  `json:"label"`
	Value  Say  `json:"value"`
	Strong bool `json:"strong"`
}

// Field is something to be typed; its control is field.NAME.
type Field struct {
	Name    string `json:"name"`
	Label   Say    `json:"label"`
	Hint    Say    `json:"hint"`
	Value   string `json:"value"`   // what is in it
	Preedit string `json:"preedit"` // letters typed that are not yet characters
	Focus   bool   `json:"focus"`
	Group   int    `json:"group"` // digits are shown in groups of so many; 0 as they are
	Max     int    `json:"max"`   // characters
	Problem Say    `json:"problem"`
}

// Choice is something to be picked; ID is the whole control id, choice.NAME.VALUE.
type Choice struct {
	ID     string `json:"id"`
	Text   Say    `json:"text"`
	Sub    Say    `json:"sub"`
	Chosen bool   `json:"chosen"`
	Many   bool   `json:"many"` // several may be chosen
	More   bool   `json:"more"` // leads one level down
	Open   bool   `json:"open"`
}

// Pager is where in a long list this page of it is.
type Pager struct {
	At int `json:"at"` // 1-based
	Of int `json:"of"`
}

// Money is the state of a payment with banknotes, in fen.
type Money struct {
	Due       int64   `json:"due_fen"`
	Inserted  int64   `json:"inserted_fen"`
	Remaining int64   `json:"remaining_fen"`
	Faces     []int64 `json:"faces_fen"` // the notes that are taken now
	Escrow    int64   `json:"escrow_fen"`
	Taking    bool    `json:"taking"` // a note may be put in now: the green mouth
}

// Stroke is one line drawn by a finger, in thousandths of the field's width and height.
type Stroke []Point

// Point is a place of a stroke.
type Point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// Case is one case of this person; its control is case.N (1-based).
type Case struct {
	Case    string `json:"case"`
	Service string `json:"service"`
	State   Say    `json:"state"`
	When    string `json:"when"` // 2026-11-20
	Line    Say    `json:"line"` // what can be done, or why it was refused
	Print   bool   `json:"print"`
	Chosen  bool   `json:"chosen"`
}

// Progress counts what can be counted.
type Progress struct {
	Done int `json:"done"`
	Of   int `json:"of"`
	What Say `json:"what"`
}

// Topic is a question people ask; its control is choice.topic.N.
type Topic struct {
	Question Say  `json:"question"`
	Answer   Say  `json:"answer"`
	Open     bool `json:"open"`
}

// Act is a touch, or what was typed or drawn.
type Act struct {
	Revision int64  `json:"revision"` // of the view that was touched
	ID       string `json:"id"`       // the control's id; "text" and "strokes" carry what is being made

	Field   string   `json:"field,omitempty"`   // with "text": the field's name
	Text    string   `json:"text,omitempty"`    // with "text": all that is in the field now
	Preedit string   `json:"preedit,omitempty"` // with "text": letters not yet characters
	Strokes []Stroke `json:"strokes,omitempty"` // with "strokes": all strokes so far
}

// TextAct and StrokesAct are the two acts that are no touch of a control. They are taken on any
// revision of the page that asks for them: a citizen types faster than views come.
const (
	TextAct    = "text"
	StrokesAct = "strokes"
)

func (a *Act) draft() bool { return a.ID == TextAct || a.ID == StrokesAct }
