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
	in, err := s.store.Take(ctx, p.id, req.Epoch, req.Records, p.revoked, now)
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
	if err := s.seen(ctx, p.id, req.Epoch, req.Health, now); err != nil {
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	return &hallapi.PushResponse{Cursor: in.Cursor, HallEpoch: s.epoch}, nil
}

// seen keeps what a terminal says of itself, for the console, and wakes whoever waits for its records.
func (s *service) seen(ctx context.Context, terminal, epoch string, health *hallapi.Health, now time.Time) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE terminals SET epoch = ?, seen = ? WHERE id = ?`, epoch, hallstore.Stamp(now), terminal); err != nil {
			return err
		}
		if health == nil {
			return nil
		}
		raw, err := json.Marshal(health)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE terminals SET health = ? WHERE id = ?`, string(raw), terminal)
		return err
	})
}

// Pull waits for notices past the cursor.
func (s *service) Pull(ctx context.Context, req *hallapi.PullRequest) (*hallapi.PullResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	out := &hallapi.PullResponse{}
	err = s.await(ctx, wait(req.WaitMs), func() (bool, error) {
		out.Notices, err = s.store.Notices(ctx, terminal, req.Cursor)
		return len(out.Notices) > 0, err
	})
	return out, err
}

// wait is a caller's wish to wait, cut to what is allowed.
func wait(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), hallapi.WaitMax)) * time.Millisecond
}
