package casefile

// What is sealed beside the header of some kinds: personal data, for the hall alone.

// BillSecret goes with bill.chosen.
type BillSecret struct {
	Account string     `json:"account"`
	Name    string     `json:"name"` // masked, as the biller gave it
	Bills   []BillPart `json:"bills"`
}

// BillPart is one period's bill that the citizen chose.
type BillPart struct {
	Period string `json:"period"` // 2026-10
	Due    int64  `json:"due_fen"`
}

// FormSecret goes with case.submitted.
type FormSecret struct {
	Card    Person              `json:"card"`
	Answers map[string]string   `json:"answers"` // street, trade_name, division, trade
	Lists   map[string][]string `json:"lists"`   // scope
	Strokes [][][2]int          `json:"strokes"` // the signature, in thousandths of the field
}

// Person is what the hall needs of an identity card.
type Person struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"` // the Latin one where the card has no Chinese
	Sex       string `json:"sex"`
	Ethnicity string `json:"ethnicity"`
	Birth     string `json:"birth"`
	Address   string `json:"address"`
	Number    string `json:"number"`
	Authority string `json:"authority"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`

	EnglishName  string `json:"english_name,omitempty"`  // of a foreigner
	Nationality  string `json:"nationality,omitempty"`   // of a foreigner, ISO 3166 alpha-3
	PermitNumber string `json:"permit_number,omitempty"` // of a resident from Hong Kong, Macao or Taiwan: the travel permit's
	IssueCount   string `json:"issue_count,omitempty"`   // how often that permit, or a foreigner's card, was issued
}

// String masks: a person must not stray into a log.
func (Person) String() string { return "person" }

// GoString masks too.
func (Person) GoString() string { return "person" }
