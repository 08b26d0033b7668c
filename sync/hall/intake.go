package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// Push takes records in. It is open to a revoked and to an expired certificate too: the records are
// about real notes.
func (s *service) Push(ctx context.Context, req *hallapi.PushRequest) (*hallapi.PushResponse, error) {
	p, ok := ctx.Value(peerKey{}).(peer)
	if !ok {
		return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("no certificate of this hall"))
	}
	now := time.Now()
	if err := s.meet(ctx, p, req); err != nil {
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	life := ""
	take := func() (hallstore.Intake, error) {
		defer s.rush.enter(len(req.Records))()
		return s.store.Take(ctx, p.id, req.Epoch, req.After, req.Records, p.revoked, now, func(tx *sql.Tx, in hallstore.Intake) (err error) {
			life, err = seen(context.WithoutCancel(ctx), tx, p.id, req, in.Cursor, now)
			return err
		})
	}
	in, err := take()
	if err == nil && early(req, in.Cursor) {
		if err = s.await(ctx, earlyWait, func() (bool, error) {
			acked, err := s.store.Acked(ctx, p.id, req.Epoch)
			return !early(req, acked), err
		}); err == nil {
			in, err = take()
		}
	}
	if errors.Is(err, hallstore.ErrMalformed) {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	if err != nil {
		s.log.Error("intake", "terminal", p.id, "cause", err)
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	if in.Quarantined > 0 {
		s.log.Warn("records into quarantine", "terminal", p.id, "epoch", req.Epoch, "records", in.Quarantined)
	}
	s.announce()
	out := &hallapi.PushResponse{Cursor: in.Cursor, HallEpoch: life, Aside: in.Aside && !p.revoked, RecordsMax: hallapi.RecordsMax}
	if p.revoked {
		out.Revoked = p.why
	}
	return out, nil
}

// early says whether a batch came before the one that it follows. A terminal sends the next batch before the answer to
// the one before, and two requests may change places on their way through the hall. A terminal that believes the hall to have
// what is missing is not early: the hall has lost something and says so at once.
func early(req *hallapi.PushRequest, cursor int64) bool {
	if len(req.Records) == 0 {
		return false
	}
	before := req.Records[0].GetSeq() - 1
	return before > cursor && before > req.Cursor
}

// meet takes in what a terminal knows of the hall, before anything else of it.
func (s *service) meet(ctx context.Context, p peer, req *hallapi.PushRequest) error {
	if p.unknown {
		return s.admit(ctx, p)
	}
	if p.revoked {
		return nil // its word counts for nothing any more
	}
	return s.known(ctx, p.id, req)
}

// seen keeps what a terminal says of itself, for the console, and gives the hall's life.
func seen(ctx context.Context, tx *sql.Tx, terminal string, req *hallapi.PushRequest, cursor int64, now time.Time) (life string, err error) {
	if life, err = meta(ctx, tx, metaEpoch); err != nil {
		return "", err
	}
	if err := reports(ctx, tx, terminal, life, req, cursor, now); err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE terminals SET epoch = ?, seen = ? WHERE id = ?`, req.Epoch, hallstore.Stamp(now), terminal); err != nil {
		return "", err
	}
	if req.Health == nil {
		return life, nil
	}
	raw, err := json.Marshal(req.Health)
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `UPDATE terminals SET health = ? WHERE id = ?`, string(raw), terminal)
	return life, err
}

// Pull waits for notices past the cursor.
func (s *service) Pull(ctx context.Context, req *hallapi.PullRequest) (*hallapi.PullResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	out := &hallapi.PullResponse{}
	err = s.await(ctx, wait(req.WaitMs), func() (bool, error) {
		if last, err := s.toldUpTo(ctx, terminal); err != nil || last <= req.Cursor {
			return false, err
		}
		out.Notices, err = s.store.Notices(ctx, terminal, req.Cursor)
		return len(out.Notices) > 0, err
	})
	return out, err
}

// wait is a caller's wish to wait, cut to what is allowed.
func wait(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), hallapi.WaitMax)) * time.Millisecond
}
