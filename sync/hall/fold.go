package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/money"
	"yichuang/sync/hallstore"
)

// fold is one record on its way into the hall's books.
type fold struct {
	*Hall
	ctx    context.Context
	tx     *sql.Tx
	offer  *catalog.Catalog
	waits  []awaited // after a restore
	frozen bool      // one of them is still waited for
	heard  bool      // a terminal that was waited for has told everything now
	r      *casefile.Record
	e      casefile.Event
	at     string // the record's time as the database keeps times
}

// draws says which kinds have consequences here, and which.
var draws = map[casefile.Kind]func(*fold) error{
	casefile.VisitEnded:      (*fold).visitEnded,
	casefile.CaseOpened:      (*fold).caseOpened,
	casefile.CaseSubmitted:   (*fold).caseSubmitted,
	casefile.CaseDecided:     (*fold).caseDecided,
	casefile.CaseRated:       (*fold).caseRated,
	casefile.BillChosen:      (*fold).billChosen,
	casefile.NoteStacked:     (*fold).noteStacked,
	casefile.NoteDoubtful:    (*fold).noteDoubtful,
	casefile.NoteSettled:     (*fold).noteSettled,
	casefile.AcceptorReset:   (*fold).acceptorReset,
	casefile.CoinsReset:      (*fold).acceptorReset,
	casefile.AcceptorSettled: (*fold).acceptorSettled,
	casefile.CoinTaken:       (*fold).noteStacked,
	casefile.CoinFound:       (*fold).coinFound,
	casefile.PaymentSettled:  (*fold).paymentSettled,
	casefile.BillRefused:     (*fold).billRefused,
	casefile.BillRefunded:    (*fold).billRefunded,
	casefile.OrderBegun:      (*fold).orderBegun,
	casefile.OrderPaid:       (*fold).orderPaid,
	casefile.OrderClosed:     (*fold).orderClosed,
	casefile.OrderRefunded:   (*fold).orderRefunded,
	casefile.OwedRecoded:     (*fold).owedRecoded,
	casefile.OwedPaid:        (*fold).owedPaid,
	casefile.OwedRedeemed:    (*fold).owedRedeemed,
	casefile.DayClosed:       (*fold).dayClosed,
	casefile.PayoutBegun:     (*fold).payoutBegun,
	casefile.PayoutEnded:     (*fold).payoutEnded,
	casefile.PayoutDoubtful:  (*fold).payoutDoubtful,
	casefile.PayoutSettled:   (*fold).payoutSettled,
	casefile.LicensePrinting: (*fold).licensePrinting,
	casefile.LicensePrinted:  (*fold).licenseEnded,
	casefile.LicenseFailed:   (*fold).licenseEnded,
	casefile.LicenseSpoiled:  (*fold).licenseEnded,
	casefile.LicenseDoubtful: (*fold).licenseEnded,
	casefile.LicenseSettled:  (*fold).licenseSettled,
}

func (f *fold) exec(query string, args ...any) error {
	_, err := f.tx.ExecContext(f.ctx, query, args...)
	return err
}

// change runs an update that must meet exactly one row; what it says when there is none is odd.
func (f *fold) change1(none string, query string, args ...any) error {
	done, err := f.tx.ExecContext(f.ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n != 1 {
		return oddf("%s", none)
	}
	return err
}

// row reads one row; found is false when there is none.
func row(ctx context.Context, tx *sql.Tx, query string, args []any, into ...any) (found bool, err error) {
	err = tx.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (f *fold) row(query string, args []any, into ...any) (bool, error) {
	return row(f.ctx, f.tx, query, args, into...)
}

func (f *fold) tell(kind string, content any) error {
	return hallstore.Tell(f.ctx, f.tx, f.r.Terminal, kind, f.e.Case, content)
}

func (f *fold) caseOpened() error {
	if f.e.Case == "" {
		return oddf("a case without a number")
	}
	return f.change1("the case was opened before", `INSERT INTO cases (case_id, terminal, visit, service, opened) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING`,
		f.e.Case, f.r.Terminal, f.e.Header.Visit, f.e.Header.Service, f.at)
}

func (f *fold) caseRated() error {
	if f.e.Case == "" {
		return nil // somebody rated the terminal and no case; the record itself is what is kept of it
	}
	return f.change1("no such case", `UPDATE cases SET stars = ? WHERE case_id = ?`, f.e.Header.Stars, f.e.Case)
}

// payment makes the row that the money of a case is counted in.
func (f *fold) payment() error {
	return f.exec(`INSERT INTO payments (case_id, terminal, service, time)
		SELECT ?1, ?2, coalesce((SELECT service FROM cases WHERE case_id = ?1), ''), ?3 ON CONFLICT DO NOTHING`, f.e.Case, f.r.Terminal, f.at)
}

func (f *fold) billChosen() error {
	if err := f.payment(); err != nil {
		return err
	}
	var secret casefile.BillSecret
	if err := f.open(&secret); err != nil {
		return err
	}
	periods := []string{}
	for _, b := range secret.Bills {
		periods = append(periods, b.Period)
	}
	raw, err := json.Marshal(periods)
	if err != nil {
		return err
	}
	return f.change1("the bill was chosen after the payment", `UPDATE payments SET biller = ?, account = ?, periods = ?, due = ? WHERE case_id = ? AND settled = 0`,
		f.e.Header.Biller, secret.Account, string(raw), f.e.Header.Due, f.e.Case)
}

func (f *fold) noteStacked() error {
	if f.e.Header.Face <= 0 || f.e.Header.Currency != money.CNY {
		return oddf("a note of %d %s", f.e.Header.Face, f.e.Header.Currency)
	}
	if err := f.payment(); err != nil {
		return err
	}
	return f.exec(`UPDATE payments SET stacked = stacked + ? WHERE case_id = ?`, f.e.Header.Face, f.e.Case)
}

func (f *fold) noteDoubtful() error {
	if err := f.payment(); err != nil {
		return err
	}
	if err := f.exec(`UPDATE payments SET doubtful = doubtful + ? WHERE case_id = ?`, f.e.Header.Face, f.e.Case); err != nil {
		return err
	}
	return f.owe(f.e.Header.Face, "doubtful")
}

// noteSettled is a person's finding: a note found in the box is owed to whoever put it in.
func (f *fold) noteSettled() error {
	state := map[string]string{"stacked": "open", "returned": "void"}[f.e.Header.As]
	if state == "" {
		return oddf("settled as %q", f.e.Header.As)
	}
	if err := f.change1("no such doubtful note", `UPDATE owed SET state = ? WHERE case_id = ? AND terminal = ? AND note = ? AND state = 'doubtful'`,
		state, f.e.Case, f.r.Terminal, f.e.Header.Note); err != nil {
		return err
	}
	if state == "void" {
		return f.exec(`UPDATE payments SET doubtful = doubtful - ? WHERE case_id = ?`, f.e.Header.Face, f.e.Case)
	}
	return f.exec(`UPDATE payments SET doubtful = doubtful - ?1, stacked = stacked + ?1, owed = owed + ?1 WHERE case_id = ?2`, f.e.Header.Face, f.e.Case)
}

// paymentSettled places what came in. What goes to the biller is booked from then on, under the case's
// number.
func (f *fold) paymentSettled() error {
	hd := f.e.Header
	if hd.Bill < 0 || hd.Surplus < 0 || hd.Owes < 0 {
		return oddf("an amount below zero")
	}
	if err := f.payment(); err != nil {
		return err
	}
	if err := f.change1("the case was settled before", `UPDATE payments SET settled = 1, bill = ?, extra = ?, owed = owed + ? WHERE case_id = ? AND settled = 0`,
		hd.Bill, hd.Surplus, hd.Owes, f.e.Case); err != nil {
		return err
	}
	if amount := hd.Bill.Add(hd.Surplus); amount > 0 {
		if err := f.bookLater(amount); err != nil {
			return err
		}
	}
	if hd.Owes > 0 {
		return f.owe(hd.Owes, "open")
	}
	return nil
}

// bookLater has the amount booked, unless what was paid by phone went back before this record came: then
// there is nothing to book, and the terminal is told again.
func (f *fold) bookLater(amount money.Fen) error {
	var no, refund string
	var back int64
	gone, err := f.row(`SELECT attempt, refund, refunded FROM attempts WHERE case_id = ? AND refund <> '' AND refunded >= ? AND state = 'paid' LIMIT 1`,
		[]any{f.e.Case, amount}, &no, &refund, &back)
	if err != nil {
		return err
	}
	state, reason := "due", ""
	if gone {
		state, reason = "refused", "refunded"
	}
	if err := f.exec(`INSERT INTO postings (reference, case_id, amount, state, reason) VALUES (?1, ?1, ?2, ?3, ?4)`, f.e.Case, amount, state, reason); err != nil {
		return err
	}
	if gone && refund == "done" {
		return tellRefund(f.ctx, f.tx, f.r.Terminal, f.e.Case, no, back, reason)
	}
	return nil
}

func (f *fold) billRefused() error {
	if err := f.notBooked(); err != nil {
		return err
	}
	if err := f.change1("the case was not paid", `UPDATE payments SET refusal = 'owed', owed = owed + ? WHERE case_id = ? AND settled = 1 AND refusal = ''`,
		f.e.Header.Amount, f.e.Case); err != nil {
		return err
	}
	return f.owe(f.e.Header.Amount, "open")
}

// notBooked takes back what a restored hall would book: the terminal knows that the biller has refused it.
func (f *fold) notBooked() error {
	if !f.lost() {
		return nil
	}
	return f.exec(`UPDATE postings SET state = 'refused', reason = ? WHERE case_id = ? AND state = 'due'`, f.e.Header.Reason, f.e.Case)
}

func (f *fold) billRefunded() error {
	if err := f.notBooked(); err != nil {
		return err
	}
	if f.lost() && f.e.Header.Attempt != "" {
		// It went back under a number of its own; to ask for that again brings nothing back twice.
		if err := f.exec(`UPDATE attempts SET refund = 'due', refunded = ?, why = ?, next = 0 WHERE attempt = ? AND refund = ''`,
			f.e.Header.Amount, f.e.Header.Reason, f.e.Header.Attempt); err != nil {
			return err
		}
	}
	return f.change1("the case was not paid", `UPDATE payments SET refusal = 'refunded' WHERE case_id = ? AND settled = 1 AND refusal = ''`, f.e.Case)
}

// unavailable is an answer for a caller that may ask again.
func unavailable(err error) error { return connect.NewError(connect.CodeUnavailable, err) }
