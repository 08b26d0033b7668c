package payment

import (
	"context"
	"encoding/json"
	"fmt"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
)

// keptAway is where the cases stand for which money was taken last by an acceptor that was away at the end of it: of notes, and of coins. It may have let
// something in untold, and tells of its loss when it is back, perhaps to the next program.
const keptAway = "cash.away"

// recallAway reads what an earlier program kept.
func (t *Till) recallAway(ctx context.Context) error {
	raw, err := t.journal.Kept(ctx, keptAway)
	if err != nil || raw == nil {
		return err
	}
	if err := json.Unmarshal(raw, &t.away); err != nil {
		return fmt.Errorf("till: kept %s: %w", keptAway, err)
	}
	return nil
}

// goneAtTheEnd keeps whose money was taken last by an acceptor that is away now. When it was away before, nothing has gone in since: it stays the first's.
func (t *Till) goneAtTheEnd(ctx context.Context, caseID string) error {
	t.mu.Lock()
	was := t.away
	if _, none := t.acceptor.(cash.Absent); !none && !t.acceptor.State().Online && t.away[0] == "" {
		t.away[0] = caseID
	}
	if _, none := t.coins.(cash.Absent); !none && !t.coins.State().Online && t.away[1] == "" {
		t.away[1] = caseID
	}
	now := t.away
	t.mu.Unlock()
	if now == was {
		return nil
	}
	return t.keepAway(ctx, now)
}

// cameBack says that the acceptor of notes (who is 0), or of coins (1), has told what it knows.
func (t *Till) cameBack(ctx context.Context, who int) error {
	t.mu.Lock()
	was := t.away[who]
	t.away[who] = ""
	now := t.away
	t.mu.Unlock()
	if was == "" {
		return nil
	}
	return t.keepAway(ctx, now)
}

// untold is the case that a note (who is 0) or coin (1) belongs to of which nobody told when it went in: the one that is paid now; or the one that was when
// the power of this terminal went, or when the acceptor's did, of which it tells as it comes back. It is empty when nobody was paying.
func (t *Till) untold(who int) (caseID string, now bool) {
	t.mu.Lock()
	caseID, now = t.paying, t.paying != ""
	switch {
	case !t.told[who] && t.before != "":
		caseID = t.before // it was lost before this program began, whoever stands there now
	case t.away[who] != "":
		caseID = t.away[who] // it was away when this one began to pay
	}
	t.mu.Unlock()
	if caseID == "" {
		t.journal.Book(func(b *casefile.Book) { caseID = b.CashOpen })
	}
	return caseID, now
}

func (t *Till) keepAway(ctx context.Context, away [2]string) error {
	raw, err := json.Marshal(away)
	if err != nil {
		return err
	}
	return t.journal.Keep(ctx, map[string][]byte{keptAway: raw})
}
