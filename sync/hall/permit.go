package hall

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/license"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// grant is one permit as it is kept.
type grant struct {
	id, terminal, epoch, serial, state, granted, ended, code string
	begun                                                    bool
	facts                                                    []byte
}

// Permit gives leave to print one form of a license on one blank. At most one permit of a form is live
// in the whole fleet: open, printed or in doubt. Only its terminal's report or a person ends it, never a
// clock. A terminal that asks again for the same blank has lost the answer and gets it again; one that
// asks for another blank gives the former permit up, unless its journal says that it was begun with.
func (s *service) Permit(ctx context.Context, req *hallapi.PermitRequest) (*hallapi.PermitResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if req.Form != "original" && req.Form != "duplicate" || req.Serial == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("want form original or duplicate, and the blank's serial"))
	}
	// The terminal pushes before it asks: what it says of a former permit is drawn first.
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	var out *hallapi.PermitResponse
	err = s.tx(ctx, func(tx *sql.Tx) (err error) {
		if err := thawed(ctx, tx); err != nil {
			return unavailable(err)
		}
		out, err = s.permit(ctx, tx, terminal, req, time.Now())
		return err
	})
	return out, err
}

func (s *service) permit(ctx context.Context, tx *sql.Tx, terminal string, req *hallapi.PermitRequest, now time.Time) (*hallapi.PermitResponse, error) {
	var state string
	var raw []byte
	found, err := row(ctx, tx, `SELECT c.state, coalesce(l.facts, x'') FROM cases c LEFT JOIN licenses l ON l.case_id = c.case_id WHERE c.case_id = ?`,
		[]any{req.Case}, &state, &raw)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return &hallapi.PermitResponse{Refused: "unknown_case"}, nil
	case len(raw) == 0:
		return &hallapi.PermitResponse{Refused: "not_approved"}, nil
	}
	var epoch string
	if _, err := row(ctx, tx, `SELECT epoch FROM terminals WHERE id = ?`, []any{terminal}, &epoch); err != nil {
		return nil, err
	}
	if answer, err := s.former(ctx, tx, terminal, epoch, req, now); answer != nil || err != nil {
		return answer, err
	}
	var used int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM permits WHERE form = ? AND serial = ? AND state IN ('open', 'printed', 'doubtful', 'spoiled')`,
		req.Form, req.Serial).Scan(&used); err != nil {
		return nil, err
	}
	if used > 0 {
		// Two trays hold the same number: nobody can say afterwards which sheet is which.
		return nil, connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("blank %s was used before", req.Serial))
	}
	return s.grant(ctx, tx, terminal, epoch, req, raw, now)
}

// former deals with the live permit of this form, if there is one: the answer, or nil when the way is free.
func (s *service) former(ctx context.Context, tx *sql.Tx, terminal, epoch string, req *hallapi.PermitRequest, now time.Time) (*hallapi.PermitResponse, error) {
	var g grant
	found, err := row(ctx, tx, `SELECT id, terminal, epoch, serial, state, granted, ended, code, begun, facts FROM permits
		WHERE case_id = ? AND form = ? AND state IN ('open', 'printed', 'doubtful')`, []any{req.Case, req.Form},
		&g.id, &g.terminal, &g.epoch, &g.serial, &g.state, &g.granted, &g.ended, &g.code, &g.begun, &g.facts)
	if err != nil || !found {
		return nil, err
	}
	switch {
	case g.state == "printed":
		return &hallapi.PermitResponse{Refused: "printed", When: g.ended, Where: g.terminal}, nil
	case g.terminal != terminal, g.state == "doubtful", g.epoch != epoch:
		// Also when this terminal's journal is another one than it was: what it did before is not known.
		return &hallapi.PermitResponse{Refused: "elsewhere", When: g.granted, Where: g.terminal}, nil
	case g.serial == req.Serial && !g.begun:
		return &hallapi.PermitResponse{Permit: g.id, CodeText: g.code, FactsJson: g.facts}, nil
	case g.begun:
		return &hallapi.PermitResponse{Refused: "elsewhere", When: g.granted, Where: g.terminal}, nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE permits SET state = 'unused', ended = ? WHERE id = ?`, hallstore.Stamp(now), g.id)
	return nil, err
}

// grant signs the facts of this sheet and puts the permit down.
func (s *service) grant(ctx context.Context, tx *sql.Tx, terminal, epoch string, req *hallapi.PermitRequest, raw []byte, now time.Time) (*hallapi.PermitResponse, error) {
	var facts license.Facts
	if err := json.Unmarshal(raw, &facts); err != nil {
		return nil, fmt.Errorf("facts of case %s are damaged", req.Case)
	}
	facts.Form, facts.Serial = req.Form, req.Serial
	code, err := license.Encode(facts, s.keys.issuer)
	if err != nil {
		return nil, err
	}
	sheet, err := facts.Bytes()
	if err != nil {
		return nil, err
	}
	id := rand.Text()
	_, err = tx.ExecContext(ctx, `INSERT INTO permits (id, case_id, form, terminal, epoch, serial, state, granted, code, facts) VALUES (?,?,?,?,?,?,'open',?,?,?)`,
		id, req.Case, req.Form, terminal, epoch, req.Serial, hallstore.Stamp(now), code, sheet)
	return &hallapi.PermitResponse{Permit: id, CodeText: code, FactsJson: sheet}, err
}

// EndPermit is a person's finding about a sheet whose terminal cannot report any more: it is lost, or its journal
// is. The blank is void; its number is not used again, and the license may be printed anew. A terminal that reports
// all the same is listed as a record that cannot be.
func (h *Hall) EndPermit(ctx context.Context, id, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("a reason is needed: what became of the sheet, and who has seen it")
	}
	return h.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE permits SET state = 'spoiled', ended = ?, reason = ? WHERE id = ? AND state IN ('open', 'doubtful')`,
			hallstore.Stamp(time.Now()), strings.TrimSpace(reason), id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errors.New("this permit is not open any more: look again"))
		}
		return nil
	})
}

func (f *fold) licensePrinting() error {
	known, err := f.row(`SELECT 1 FROM permits WHERE id = ?`, []any{f.e.Header.Permit}, new(int))
	if err != nil {
		return err
	}
	if !known {
		return f.forgotten()
	}
	return f.change1("no such open permit of this terminal", `UPDATE permits SET begun = 1 WHERE id = ? AND terminal = ? AND serial = ? AND state = 'open'`,
		f.e.Header.Permit, f.r.Terminal, f.e.Header.Serial)
}

// licenseEnded is a terminal's report about the sheet.
func (f *fold) licenseEnded() error {
	state := map[casefile.Kind]string{casefile.LicensePrinted: "printed", casefile.LicenseFailed: "failed",
		casefile.LicenseSpoiled: "spoiled", casefile.LicenseDoubtful: "doubtful"}[f.r.Kind]
	if err := f.change1("no such open permit of this terminal", `UPDATE permits SET state = ?, ended = ? WHERE id = ? AND terminal = ? AND serial = ? AND state = 'open'`,
		state, f.at, f.e.Header.Permit, f.r.Terminal, f.e.Header.Serial); err != nil {
		return err
	}
	return f.wholePrinted()
}

// licenseSettled is a person's finding about a doubtful sheet.
func (f *fold) licenseSettled() error {
	if f.e.Header.As != "printed" && f.e.Header.As != "spoiled" {
		return oddf("settled as %q", f.e.Header.As)
	}
	if err := f.change1("no such doubtful permit of this terminal", `UPDATE permits SET state = ?, ended = ? WHERE id = ? AND terminal = ? AND state = 'doubtful'`,
		f.e.Header.As, f.at, f.e.Header.Permit, f.r.Terminal); err != nil {
		return err
	}
	return f.wholePrinted()
}

// wholePrinted says of a case that it is printed once both sheets are.
func (f *fold) wholePrinted() error {
	return f.exec(`UPDATE cases SET state = 'printed' WHERE state = 'approved' AND case_id = (SELECT case_id FROM permits WHERE id = ?1)
		AND 2 = (SELECT count(DISTINCT form) FROM permits WHERE case_id = cases.case_id AND state = 'printed')`, f.e.Header.Permit)
}
