package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/license"
	"yichuang/kiosk/sqlite"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// After it was restored the hall waits for its terminals: each one hands in again what the backup lacks. Until all have,
// nothing is done that what is missing could forbid: no leave to print, no claim redeemed, no application approved; and
// nothing is booked or given back for a terminal whose own records are not here yet.

// awaited is one terminal that a restored hall waits for.
type awaited struct {
	terminal, reported, epoch string
	head                      int64
	drawn                     bool
	released, reason          string
}

// holds says whether the hall still waits for it.
func (a awaited) holds() bool { return !a.drawn && a.released == "" }

// waits reads whom the hall waits for, and of whom it still may hear.
func waits(ctx context.Context, tx *sql.Tx) ([]awaited, error) {
	return collect(ctx, tx, `SELECT terminal, reported, epoch, head, drawn, released, reason FROM awaited ORDER BY terminal`, func(rows *sql.Rows) (a awaited, err error) {
		return a, rows.Scan(&a.terminal, &a.reported, &a.epoch, &a.head, &a.drawn, &a.released, &a.reason)
	})
}

// unheard is the terminals whose records a restored hall does not have all, as SQL: what is theirs rests.
const unheard = `SELECT terminal FROM awaited WHERE drawn = 0 AND released = ''`

// frozen says whether any terminal is still waited for.
func frozen(ctx context.Context, tx *sql.Tx) (bool, error) {
	return row(ctx, tx, unheard+` LIMIT 1`, nil, new(string))
}

// thawed is nil when nobody is waited for; otherwise the answer to whoever asks for what cannot be taken back.
func thawed(ctx context.Context, tx *sql.Tx) error {
	list, err := collect(ctx, tx, unheard+` ORDER BY terminal`, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
	if err != nil || len(list) == 0 {
		return err
	}
	return fmt.Errorf("the hall was restored and waits for what %s has", strings.Join(list, ", "))
}

// reports takes in that a terminal has handed in all it has. It has to know the present life: what it was told in a
// former one may not be in its journal yet.
func reports(ctx context.Context, tx *sql.Tx, terminal, life string, req *hallapi.PushRequest, cursor int64, now time.Time) error {
	var asked bool
	found, err := row(ctx, tx, `SELECT asked FROM awaited WHERE terminal = ? AND reported = ''`, []any{terminal}, &asked)
	if err != nil || !found {
		return err
	}
	whole := req.HallEpoch == life && cursor >= req.Head && !req.More
	if req.HallEpoch == "" { // a program from before there were lives has handed in everything when it has nothing more
		whole = asked && len(req.Records) == 0 && req.Health.GetQueue() == 0
	}
	if !whole {
		_, err = tx.ExecContext(ctx, `UPDATE awaited SET asked = 1 WHERE terminal = ?`, terminal)
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE awaited SET reported = ?, epoch = ?, head = ? WHERE terminal = ?`, hallstore.Stamp(now), req.Epoch, cursor, terminal)
	return err
}

// Release lets the hall go on without what a terminal may still have: a person says that it does not come back. What it
// hands in later all the same is taken in, and what cannot be of it is for a person.
func (h *Hall) Release(ctx context.Context, terminal, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		return errors.New("a reason is needed: what became of the terminal, and who knows it")
	}
	return h.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE awaited SET released = ?, reason = ? WHERE terminal = ? AND drawn = 0 AND released = ''`,
			hallstore.Stamp(time.Now()), reason, terminal)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("the hall does not wait for terminal %q", terminal))
		}
		return nil
	})
}

// lost says whether the record at hand may tell of what this hall did and has forgotten.
func (f *fold) lost() bool {
	return slices.ContainsFunc(f.waits, func(a awaited) bool {
		return a.terminal == f.r.Terminal && (a.reported == "" || f.r.Epoch != a.epoch || f.r.Seq <= a.head)
	})
}

// mend takes a restored hall a step further, when nothing is left to be drawn: it marks who has told everything, looks
// again at what could not be yet, and decides what was held back.
func (f *fold) mend() error {
	if len(f.waits) == 0 {
		return nil
	}
	drawn, err := f.tx.ExecContext(f.ctx, `UPDATE awaited SET drawn = 1 WHERE reported <> '' AND drawn = 0
		AND NOT EXISTS (SELECT 1 FROM streams s WHERE s.terminal = awaited.terminal AND s.processed < s.head)`)
	if err != nil {
		return err
	}
	heard, err := drawn.RowsAffected()
	if err != nil {
		return err
	}
	f.heard = heard > 0
	if f.waits, err = waits(f.ctx, f.tx); err != nil {
		return err
	}
	f.frozen = slices.ContainsFunc(f.waits, awaited.holds)
	if err := f.again(); err != nil {
		return err
	}
	if err := f.paidHere(); err != nil {
		return err
	}
	if err := f.heldBack(); err != nil || f.frozen {
		return err
	}
	done, err := f.tx.ExecContext(f.ctx, `DELETE FROM awaited WHERE drawn = 1`)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if n > 0 {
		f.heard = true
		f.log.Info("the restored hall has what its terminals have: it goes on as before", "terminals", n)
	}
	return err
}

// again draws what was deferred, as long as one record makes way for another. What is left when nobody is waited for
// cannot be.
func (f *fold) again() error {
	type entry struct {
		id            int64
		terminal, was string
		epoch         string
		seq           int64
	}
	for progress := true; progress; {
		progress = false
		list, err := collect(f.ctx, f.tx, `SELECT id, terminal, epoch, seq, what FROM deferred ORDER BY id`, func(rows *sql.Rows) (e entry, err error) {
			return e, rows.Scan(&e.id, &e.terminal, &e.epoch, &e.seq, &e.was)
		})
		if err != nil {
			return err
		}
		for _, e := range list {
			records, err := hallstore.Records(f.ctx, f.tx, e.terminal, e.epoch, e.seq-1, 1)
			if err != nil {
				return err
			}
			if len(records) == 0 {
				return fmt.Errorf("record %s %d: it was deferred and is gone", e.terminal, e.seq)
			}
			what, err := f.draw(records[0])
			if err != nil {
				return err
			}
			if what != "" && f.frozen {
				continue
			}
			if what != "" {
				if err := f.problem(what); err != nil {
					return err
				}
			}
			progress = progress || what == ""
			if err := f.exec(`DELETE FROM deferred WHERE id = ?`, e.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// paidHere puts down what a former life of the hall itself has paid, as soon as the debt's terminal has told all that came before. It is told once more: that it
// was is lost too.
func (f *fold) paidHere() error {
	type claim struct {
		debt
		reason string
	}
	list, err := collect(f.ctx, f.tx, `SELECT o.id, o.case_id, o.terminal, o.amount, p.at, p.reason FROM paid_here p JOIN owed o ON o.id = p.owed
		WHERE o.state = 'open' AND o.terminal NOT IN (`+unheard+`) ORDER BY o.id`, func(rows *sql.Rows) (c claim, err error) {
		return c, rows.Scan(&c.id, &c.caseID, &c.terminal, &c.amount, &c.at, &c.reason)
	})
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := f.exec(`UPDATE owed SET state = 'paid', reported = 1, paid_by = ?, reason = ?, who = 'clerk', paid_at = ? WHERE id = ?`, casefile.AtHall, c.reason, c.at, c.id); err != nil {
			return err
		}
		if err := tellClaim(f.ctx, f.tx, c.debt, casefile.AtHall, c.reason); err != nil {
			return err
		}
	}
	return nil
}

// heldBack decides the applications that were handed in while something was missing.
func (f *fold) heldBack() error {
	list, err := collect(f.ctx, f.tx, `SELECT case_id, terminal, service, submitted, form FROM cases
		WHERE state = 'submitted' AND terminal NOT IN (`+unheard+`) ORDER BY submitted, case_id`, func(rows *sql.Rows) (a application, err error) {
		var submitted string
		var form []byte
		if err := rows.Scan(&a.caseID, &a.terminal, &a.service, &submitted, &form); err != nil {
			return a, err
		}
		day, _ := time.Parse(time.RFC3339Nano, submitted) // our own stamp
		a.day = day.In(shanghai)
		return a, json.Unmarshal(form, &a.form)
	})
	if err != nil {
		return err
	}
	for _, a := range list {
		f.r = &casefile.Record{Terminal: a.terminal, Case: a.caseID, Kind: casefile.CaseSubmitted, Time: a.day.Format(time.RFC3339Nano)}
		if err := f.judged(a); err != nil {
			return err
		}
	}
	return nil
}

// caseDecided is a terminal's word of what the hall decided. It tells the hall something only when the hall has lost it:
// then it was decided so, and a business keeps its number.
func (f *fold) caseDecided() error {
	hd := f.e.Header
	if !f.lost() || hd.State != "approved" && hd.State != "refused" && hd.State != "waiting" {
		return nil
	}
	var state string
	found, err := f.row(`SELECT state FROM cases WHERE case_id = ?`, []any{f.e.Case}, &state)
	switch {
	case err != nil:
		return err
	case !found || state == "":
		return oddf("decided before it was handed in")
	case state == hd.State && state != "approved", state == "printed":
		return nil
	case state == "approved" && hd.State == "approved":
		return f.sameNumber(hd.License)
	case state == "approved", state == "refused":
		return oddf("it was decided as %s", hd.State)
	}
	if hd.State == "approved" {
		return f.approvedBefore(f.e.Case, hd.License, f.r.When().In(shanghai))
	}
	return f.exec(`UPDATE cases SET state = ?1, code = ?2, reason_zh = ?3, reason_en = ?4, channel = 'rule', decided = ?5,
		name_key = CASE ?1 WHEN 'refused' THEN NULL ELSE name_key END WHERE case_id = ?6`, hd.State, hd.Code, before["zh"], before["en"], f.at, f.e.Case)
}

// before is the reason of a decision that the hall has forgotten and a terminal remembers.
var before = catalog.Text{"zh": "审核结果在系统恢复前作出。", "en": "It was decided before the hall was restored."}

func (f *fold) sameNumber(number string) error {
	var has string
	if _, err := f.row(`SELECT number FROM licenses WHERE case_id = ?`, []any{f.e.Case}, &has); err != nil || has == number {
		return err
	}
	return oddf("its license has the number %s", has)
}

// approvedBefore puts an approval down that was given and forgotten, with the number that it had.
func (f *fold) approvedBefore(caseID, number string, day time.Time) error {
	a := application{caseID: caseID}
	var form []byte
	found, err := f.row(`SELECT terminal, service, form FROM cases WHERE case_id = ? AND state IN ('submitted', 'waiting')`, []any{caseID}, &a.terminal, &a.service, &form)
	if err != nil {
		return err
	}
	if !found || form == nil {
		return oddf("no application that can have been approved")
	}
	if err := json.Unmarshal(form, &a.form); err != nil {
		return fmt.Errorf("case %s: its form is damaged", caseID)
	}
	if c, bad := idcheck.ParseCreditCode(number); bad != nil || !c.CheckHolds {
		return oddf("the number %q is none", number)
	}
	facts := factsOf(f.offer, a, day)
	facts.Number = number
	raw, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	if err := f.exec(`INSERT INTO licenses (number, case_id, facts) VALUES (?,?,?)`, number, caseID, raw); err != nil {
		return taken(err, "the number %s stands for another business", number)
	}
	key := nameKey(a.form.Answers["trade_name"])
	// One that waits only reserves its name, and by the backup alone: before it was given to another one it was set free.
	if err := f.exec(`UPDATE cases SET name_key = NULL WHERE name_key = ? AND division = (SELECT division FROM cases WHERE case_id = ?) AND state = 'waiting' AND case_id <> ?`,
		key, caseID, caseID); err != nil {
		return err
	}
	err = f.exec(`UPDATE cases SET state = 'approved', code = 'approved', reason_zh = ?, reason_en = ?, channel = 'rule', decided = ?, name_key = ? WHERE case_id = ?`,
		before["zh"], before["en"], f.at, key, caseID)
	return taken(err, "its trade name was given to another business")
}

// taken turns a row that is there already into something that cannot be.
func taken(err error, format string, args ...any) error {
	if sqlite.IsUnique(err) {
		return oddf(format, args...)
	}
	return err
}

// forgotten puts a permit down that a former life of the hall gave and this one does not know: the terminal prints with
// it. Another permit of the form that the backup still has open was ended before this one was given.
func (f *fold) forgotten() error {
	hd := f.e.Header
	epoch, err := meta(f.ctx, f.tx, metaEpoch)
	if err != nil {
		return err
	}
	if lifeNumber(epoch) == 1 || hd.Permit == "" || hd.License == "" || hd.Serial == "" || hd.Form != "original" && hd.Form != "duplicate" {
		return oddf("no such open permit of this terminal")
	}
	var raw []byte
	found, err := f.row(`SELECT facts FROM licenses WHERE case_id = ?`, []any{f.e.Case}, &raw)
	if err != nil {
		return err
	}
	if !found {
		// Whoever prints had the hall's signature: a person decided, and no journal tells of it.
		day, err := time.ParseInLocation(time.DateOnly, hd.Registered, shanghai)
		if err != nil {
			day = f.r.When().In(shanghai)
		}
		if err := f.approvedBefore(f.e.Case, hd.License, day); err != nil {
			return err
		}
		if _, err := f.row(`SELECT facts FROM licenses WHERE case_id = ?`, []any{f.e.Case}, &raw); err != nil {
			return err
		}
	} else if err := f.sameNumber(hd.License); err != nil {
		return err
	}
	var facts license.Facts
	if err := json.Unmarshal(raw, &facts); err != nil {
		return fmt.Errorf("facts of case %s are damaged", f.e.Case)
	}
	if hd.Registered != "" && facts.Registered != hd.Registered {
		facts.Registered = hd.Registered // as it stands on the paper
		if raw, err = json.Marshal(facts); err != nil {
			return err
		}
		if err := f.exec(`UPDATE licenses SET facts = ? WHERE case_id = ?`, raw, f.e.Case); err != nil {
			return err
		}
	}
	facts.Form, facts.Serial = hd.Form, hd.Serial
	sheet, err := facts.Bytes()
	if err != nil {
		return err
	}
	if err := f.exec(`UPDATE permits SET state = 'spoiled', ended = ?, reason = 'ended before the hall was restored' WHERE case_id = ? AND form = ? AND state IN ('open', 'doubtful')`,
		f.at, f.e.Case, hd.Form); err != nil {
		return err
	}
	return taken(f.exec(`INSERT INTO permits (id, case_id, form, terminal, epoch, serial, state, begun, granted, code, facts) VALUES (?,?,?,?,?,?,'open',1,?,'',?)`,
		hd.Permit, f.e.Case, hd.Form, f.r.Terminal, f.r.Epoch, hd.Serial, f.at, sheet), "another sheet of this form, or with this blank, is out")
}
