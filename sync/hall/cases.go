package hall

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"yichuang/devices/idcard/idcheck"
	"yichuang/sync/hallapi"
)

// casesMax is how many cases one answer lists: more than a person has, and few enough for a screen.
const casesMax = 50

const caseQuery = `SELECT c.case_id, c.service, c.state, c.code, c.reason_zh, coalesce(nullif(c.submitted, ''), c.opened), coalesce(l.number, ''),
	coalesce((SELECT max(p.ended) FROM permits p WHERE p.case_id = c.case_id AND p.state = 'printed'), ''),
	coalesce((SELECT p.terminal FROM permits p WHERE p.case_id = c.case_id AND p.state = 'printed' ORDER BY p.ended DESC LIMIT 1), '')
	FROM cases c LEFT JOIN licenses l ON l.case_id = c.case_id `

// Cases gives the cases of a person by card, number and name together, because numbers alone have been
// given twice; or how far one case is, by its number from a slip, without anything about the person.
func (s *service) Cases(ctx context.Context, req *hallapi.CasesRequest) (*hallapi.CasesResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	// The person may have handed in at this very terminal a moment ago.
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	out := &hallapi.CasesResponse{}
	err = s.store.Tx(ctx, func(tx *sql.Tx) error {
		switch {
		case req.Number != "" && req.Name != "":
			out.Cases, err = caseLines(ctx, tx, caseQuery+`WHERE c.number = ? AND c.name = ? AND c.state <> '' ORDER BY c.submitted DESC LIMIT ?`,
				idcheck.Normalise(req.Number), req.Name, casesMax)
		case req.Case != "":
			out.Cases, err = caseLines(ctx, tx, caseQuery+`WHERE c.case_id = ? LIMIT ?`, req.Case, 1)
			for _, c := range out.Cases {
				c.License, c.Printable = "", false // a slip is no card
			}
		}
		if err != nil {
			return err
		}
		if err := addMoney(ctx, tx, out.Cases); err != nil {
			return err
		}
		// A case that was opened and left has nothing to tell.
		out.Cases = slices.DeleteFunc(out.Cases, func(c *hallapi.CaseLine) bool { return c.State == "" })
		return nil
	})
	return out, err
}

func caseLines(ctx context.Context, tx *sql.Tx, query string, args ...any) (out []*hallapi.CaseLine, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		c := &hallapi.CaseLine{}
		if err := rows.Scan(&c.Case, &c.Service, &c.State, &c.Code, &c.Reason, &c.Time, &c.License, &c.PrintedAt, &c.PrintedWhere); err != nil {
			return nil, err
		}
		c.Printable = c.State == "approved"
		out = append(out, c)
	}
	return out, rows.Err()
}

// addMoney says of a payment how it stands and how much came in.
func addMoney(ctx context.Context, tx *sql.Tx, cases []*hallapi.CaseLine) error {
	for _, c := range cases {
		p, err := payment(ctx, tx, c.Case)
		if err != nil {
			return err
		}
		c.AmountFen = p.in()
		if c.State == "" {
			c.State = p.State()
		}
	}
	return nil
}
