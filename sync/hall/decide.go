package hall

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/license"
	"yichuang/kiosk/sqlite"
	"yichuang/sync/hall/rule"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// application is a submitted case as decisions need it.
type application struct {
	caseID, terminal, service string
	form                      casefile.FormSecret
	day                       time.Time // when the person handed it in
}

// caseSubmitted takes an application in and decides it as far as rules can.
func (f *fold) caseSubmitted() error {
	if _, err := f.row(`SELECT 1 FROM cases WHERE case_id = ?`, []any{f.e.Case}, new(int)); err != nil {
		return err
	}
	// A case whose beginning was lost is decided all the same.
	if err := f.exec(`INSERT INTO cases (case_id, terminal, service, opened) VALUES (?,?,?,?) ON CONFLICT DO NOTHING`, f.e.Case, f.r.Terminal, f.e.Header.Service, f.at); err != nil {
		return err
	}
	a := application{caseID: f.e.Case, terminal: f.r.Terminal, service: f.e.Header.Service, day: f.r.When().In(shanghai)}
	if err := f.open(&a.form); err != nil {
		return f.unreadable(err)
	}
	raw, err := json.Marshal(a.form)
	if err != nil {
		return err
	}
	if err := f.change1("handed in before", `UPDATE cases SET submitted = ?, state = 'submitted', form = ?, number = ?, name = ?, division = ?, service = ? WHERE case_id = ? AND state = ''`,
		f.at, raw, idcheck.Normalise(a.form.Card.Number), a.form.Card.Name, a.form.Answers["division"], a.service, a.caseID); err != nil {
		return err
	}
	if slices.ContainsFunc(f.waits, func(w awaited) bool { return w.holds() && w.terminal == a.terminal }) {
		return nil // its journal may say what was decided already
	}
	return f.judged(a)
}

// judged decides an application as far as rules can. While a restored hall waits for any terminal nothing is approved, and nothing is refused for its
// name: that may be given, or be free again, and not be here yet.
func (f *fold) judged(a application) error {
	facts, err := f.judge(a)
	if err != nil {
		return err
	}
	d, err := f.rules.Decide(a.service, facts)
	if err != nil {
		d = rule.Decision{State: "waiting", Code: "rule_failed", Reason: catalog.Text{"zh": "由工作人员审核。", "en": "A person looks at this application."}}
		if err := f.problem("rules: " + err.Error()); err != nil {
			return err
		}
	}
	if f.frozen && (d.State == "approved" || d.Code == nameTaken) {
		return nil
	}
	return f.decide(f.ctx, f.tx, f.offer, a, d, "rule")
}

// nameTaken is the rule that refuses an application because somebody else has its name or has asked for it.
const nameTaken = "name_taken"

// unreadable keeps an application that cannot be opened for a person: it is lost to the rules, not to us.
func (f *fold) unreadable(cause error) error {
	if err := f.problem(cause.Error()); err != nil {
		return err
	}
	if err := f.change1("handed in before", `UPDATE cases SET submitted = ?, state = 'waiting', code = 'unreadable', channel = 'rule',
		reason_zh = '申请内容无法读取，请到人工窗口。', reason_en = 'The application cannot be read. Please go to a counter.' WHERE case_id = ? AND state = ''`, f.at, f.e.Case); err != nil {
		return err
	}
	return f.tell("decision", map[string]any{"case": f.e.Case, "state": "waiting", "code": "unreadable"})
}

// judge finds out what the rules ask of the person, the form and the register.
func (f *fold) judge(a application) (rule.Case, error) {
	c := rule.Case{Age: -1, Kind: a.form.Card.Kind, Answers: a.form.Answers, Number: "right"}
	card := idcard.Card{Kind: idcard.Kind(a.form.Card.Kind), Name: a.form.Card.Name, Sex: a.form.Card.Sex, Birth: a.form.Card.Birth, Number: a.form.Card.Number,
		ValidFrom: a.form.Card.ValidFrom, ValidTo: a.form.Card.ValidTo, Nationality: a.form.Card.Nationality}
	if years, err := idcheck.Age(card.Birth, a.day); err == nil {
		c.Age = int64(years)
	}
	switch err := idcheck.Agree(card); {
	case errors.Is(err, idcheck.ErrBirthDiffers), errors.Is(err, idcheck.ErrSexDiffers), errors.Is(err, idcheck.ErrKindDiffers), errors.Is(err, idcheck.ErrNoName):
		c.Number = "differs"
	case err != nil:
		c.Number = "wrong"
	}
	c.Card = string(idcheck.ValidOn(card, a.day))
	service, ok := f.offer.Find(a.service)
	if !ok {
		return c, nil // no rules either: a person's
	}
	c.Missing = missing(f.offer, service, a.form)
	if trade, ok := f.offer.Node(tradeList, a.form.Answers["trade"]); ok {
		c.Permit = trade.Permit.In("zh")
	}
	var n int
	err := f.tx.QueryRowContext(f.ctx, `SELECT count(*) FROM cases WHERE division = ? AND name_key = ?`,
		a.form.Answers["division"], nameKey(a.form.Answers["trade_name"])).Scan(&n)
	c.NameTaken = n > 0
	return c, err
}

// tradeList is the list that trades are chosen from; each trade says there what permit it needs first.
const tradeList = "trades"

// missing names the fields of the form that have no good answer.
func missing(offer *catalog.Catalog, service *catalog.Service, form casefile.FormSecret) []string {
	var out []string
	for _, field := range service.Fields {
		good := true
		switch field.Kind {
		case "text":
			n := len([]rune(strings.TrimSpace(form.Answers[field.Name])))
			good = n >= max(field.Min, 1) && (field.Max == 0 || n <= field.Max)
		case "tree":
			code := form.Answers[field.Name]
			_, known := offer.Node(field.List, code)
			good = known && len(offer.Under(field.List, code)) == 0
		case "list":
			n := len(form.Lists[field.Name])
			good = n >= max(field.Min, 1) && (field.Max == 0 || n <= field.Max)
		}
		if !good {
			out = append(out, field.Name)
		}
	}
	return out
}

// nameKey is a trade name as it is compared: width, case, blanks and punctuation make no other name.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, width.Fold.String(name))
}

// decide puts a decision down with its reason, gives an approved business its number, keeps its name,
// and tells the terminal.
func (h *Hall) decide(ctx context.Context, tx *sql.Tx, offer *catalog.Catalog, a application, d rule.Decision, channel string) error {
	if d.State == "approved" {
		if err := h.number(ctx, tx, offer, a); err != nil {
			return err
		}
	}
	var key any // a refused application sets its name free
	if d.State != "refused" && a.form.Answers["trade_name"] != "" {
		key = nameKey(a.form.Answers["trade_name"])
	}
	_, err := tx.ExecContext(ctx, `UPDATE cases SET state = ?, code = ?, reason_zh = ?, reason_en = ?, channel = ?, decided = ?, name_key = ? WHERE case_id = ?`,
		d.State, d.Code, d.Reason["zh"], d.Reason.In("en"), channel, hallstore.Stamp(time.Now()), key, a.caseID)
	if sqlite.IsUnique(err) && d.State == "waiting" {
		// Two people wait for a decision about the same name; whoever decides sees both.
		_, err = tx.ExecContext(ctx, `UPDATE cases SET state = ?, code = ?, reason_zh = ?, reason_en = ?, channel = ?, decided = ?, name_key = NULL WHERE case_id = ?`,
			d.State, d.Code, d.Reason["zh"], d.Reason.In("en"), channel, hallstore.Stamp(time.Now()), a.caseID)
	}
	if err != nil {
		return err
	}
	return hallstore.Tell(ctx, tx, a.terminal, "decision", a.caseID, map[string]any{"case": a.caseID, "state": d.State, "code": d.Code})
}

// codeKind is the department of market regulation (9) and the category of individual businesses (2), GB 32100.
const codeKind = "92"

// numberTries bounds the search for a free number; a series has a hundred thousand of them for each county at least.
const numberTries = 100

// numberLetters are the letters of a unified social credit code, GB 32100.
const numberLetters = "ABCDEFGHJKLMNPQRTUWXY"

// newNumber is six characters of a series that no former life of the hall gave numbers from: the first life's have digits
// alone, and each later one's begin with a letter of its own.
func newNumber(life int64) (string, error) {
	digits, first := 6, ""
	if life > 1 {
		digits, first = 5, string(numberLetters[(life-2)%int64(len(numberLetters))])
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(math.Pow10(digits))))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%0*d", first, digits, n), nil
}

// number gives a business its unified social credit code, once, and puts its facts down.
func (h *Hall) number(ctx context.Context, tx *sql.Tx, offer *catalog.Catalog, a application) error {
	facts := factsOf(offer, a, time.Now().In(shanghai))
	epoch, err := meta(ctx, tx, metaEpoch)
	if err != nil {
		return err
	}
	for range numberTries {
		serial, err := newNumber(lifeNumber(epoch))
		if err != nil {
			return err
		}
		facts.Number, err = idcheck.MakeCreditCode(codeKind, facts.Division, "MA"+serial)
		if err != nil {
			return oddf("license number: %s", err)
		}
		raw, err := json.Marshal(facts)
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO licenses (number, case_id, facts) VALUES (?,?,?) ON CONFLICT (number) DO NOTHING`, facts.Number, a.caseID, raw)
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 1 {
			return err
		}
	}
	return errors.New("license number: no free one was found")
}

// factsOf is what the license will say. The form and the blank are added when it is printed.
func factsOf(offer *catalog.Catalog, a application, day time.Time) license.Facts {
	division := a.form.Answers["division"]
	place := placeName(offer, division)
	return license.Facts{
		TradeName: strings.TrimSpace(a.form.Answers["trade_name"]), Name: a.form.Card.Name, Kind: "个体工商户",
		Address: place + strings.TrimSpace(a.form.Answers["street"]), Scope: strings.Join(scopeNames(offer, a.form.Lists["scope"]), "；"),
		Authority: place + "市场监督管理局", Registered: day.Format(time.DateOnly), Division: division, Case: a.caseID,
	}
}

// scopeNames are the phrases that were chosen for the scope of business.
func scopeNames(offer *catalog.Catalog, codes []string) []string {
	var out []string
	for _, code := range codes {
		if n, ok := offer.Node("scopes", code); ok {
			code = n.Name.In("zh")
		}
		out = append(out, code)
	}
	return out
}

// placeName is a division's full name, 北京市东城区, without the levels that only fill the table (市辖区).
func placeName(offer *catalog.Catalog, code string) string {
	name := ""
	for range 4 { // province, city, county
		n, ok := offer.Node("divisions", code)
		if !ok {
			break
		}
		switch zh := n.Name.In("zh"); zh {
		case "市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划":
		default:
			name = zh + name
		}
		code = n.Parent
	}
	return name
}

// Decide is a person's decision about a case that waits. reason is shown to the applicant.
func (h *Hall) Decide(ctx context.Context, caseID string, approve bool, reason string) error {
	if strings.TrimSpace(reason) == "" && !approve {
		return errors.New("a refusal needs a reason")
	}
	offer, err := h.offer(ctx)
	if err != nil {
		return err
	}
	return h.tx(ctx, func(tx *sql.Tx) error {
		a := application{caseID: caseID}
		var raw []byte
		found, err := row(ctx, tx, `SELECT terminal, service, form FROM cases WHERE case_id = ? AND state = 'waiting'`, []any{caseID}, &a.terminal, &a.service, &raw)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("case %s does not wait for a decision", caseID)
		}
		if err := thawed(ctx, tx); err != nil {
			return err
		}
		if raw == nil && approve {
			return fmt.Errorf("case %s cannot be read and so not be approved", caseID)
		}
		if raw != nil {
			if err := json.Unmarshal(raw, &a.form); err != nil {
				return fmt.Errorf("case %s: its form is damaged", caseID)
			}
		}
		d := rule.Decision{State: "refused", Code: "by_person", Reason: catalog.Text{"zh": reason, "en": reason}}
		if approve {
			d.State = "approved"
			if strings.TrimSpace(reason) == "" {
				d.Reason = catalog.Text{"zh": "经工作人员审核，符合登记条件。", "en": "Checked by a person: the conditions are met."}
			}
		}
		err = h.decide(ctx, tx, offer, a, d, "person")
		if sqlite.IsUnique(err) {
			return errors.New("the trade name is taken in this county by now")
		}
		return err
	})
}

// Decision waits for the decision about a case.
func (s *service) Decision(ctx context.Context, req *hallapi.DecisionRequest) (*hallapi.DecisionResponse, error) {
	if _, err := caller(ctx); err != nil {
		return nil, err
	}
	out := &hallapi.DecisionResponse{}
	err := s.await(ctx, wait(req.WaitMs), func() (bool, error) {
		*out = hallapi.DecisionResponse{State: "unknown"}
		err := s.store.DB().QueryRowContext(ctx, `SELECT c.state, c.code, coalesce(l.number, ''), c.reason_zh, c.reason_en
			FROM cases c LEFT JOIN licenses l ON l.case_id = c.case_id WHERE c.case_id = ? AND c.state <> ''`, req.Case).
			Scan(&out.State, &out.Code, &out.License, &out.ReasonZh, &out.ReasonEn)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		return err == nil && out.State != "submitted", err
	})
	return out, err
}
