package uplink

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
)

// push hands the journal over, and tells how the terminal is when there is nothing to hand over. A hall
// that does not let itself be asked is given the records all the same: they are about real notes.
func (l *Link) push(ctx context.Context) {
	lineTries, hallTries := lineBackoff, slowBackoff
	var beat time.Time // when the hall last heard how the terminal is
	batch := batchFirst
	for l.line.awaitReached(ctx) {
		appended := l.journal.Appended() // taken before looking, so that nothing between is missed
		head, _ := l.journal.Head()
		if wait := time.Until(beat.Add(beatEvery)); l.acknowledged() >= head && wait > 0 {
			l.awaitAppended(ctx, wait, appended)
			continue
		}
		began, life := time.Now(), l.life()
		sent, moved, err := l.pushBatch(ctx, batch)
		took := time.Since(began)
		if ended(ctx) {
			return
		}
		l.trouble("queue", err)
		switch {
		case err != nil && isBroken(err):
			batch = max(batch/2, batchMin)
			sleep(ctx, lineTries.pause(), nil)
			continue
		case err != nil || !moved:
			sleep(ctx, hallTries.pause(), l.pokePush) // sooner when somebody waits
		default:
			lineTries.reset()
			hallTries.reset()
			batch = nextBatch(batch, sent, took)
		}
		beat = time.Now()
		if l.life() != life {
			beat = time.Time{} // a restored hall waits to hear that this was all
		}
	}
}

// nextBatch is how large the next batch may be after one of so many bytes. A small one that was quick says
// nothing about what the line bears.
func nextBatch(batch, sent int, took time.Duration) int {
	switch {
	case took > pushSlow:
		return max(batch/2, batchMin)
	case took < pushQuick && sent >= batch/2:
		return min(batch*2, batchMax)
	}
	return batch
}

func (l *Link) awaitAppended(ctx context.Context, wait time.Duration, appended <-chan struct{}) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-appended:
	case <-l.pokePush:
	case <-t.C:
	case <-ctx.Done():
	}
}

// pushBatch sends one batch of at most so many bytes, or an empty one, and takes the answer in. moved is
// false when the hall did not take a single record of those that it was given.
func (l *Link) pushBatch(ctx context.Context, bytes int) (sent int, moved bool, err error) {
	cursor := l.acknowledged()
	span, present := l.journal.Span(cursor), l.journal.Epoch()
	records, err := l.journal.Read(ctx, cursor, int(min(hallapi.RecordsMax, max(span.Last-cursor, 1))))
	if err != nil {
		return 0, false, err
	}
	req := &hallapi.PushRequest{Epoch: span.Epoch, After: span.After, Head: span.Last, Health: l.health()}
	for _, r := range records {
		if r.Epoch != span.Epoch {
			break // the journal has branched since
		}
		w := onWire(&r)
		size := proto.Size(w)
		if sent+size > bytes && sent > 0 {
			break
		}
		sent += size
		req.Records = append(req.Records, w)
	}
	l.introduce(req, cursor, span.Epoch == present, time.Now())
	call, done := context.WithTimeoutCause(ctx, pushMax, errSlow)
	defer done()
	answer, err := l.client().Push(call, req)
	l.line.noteOf(call, err, false)
	if err != nil {
		if isRefused(err) {
			poke(l.pokeRenew)
		}
		return sent, false, err
	}
	next, err := l.branched(ctx, req, answer, cursor, span.Epoch == present)
	if err == nil {
		err = l.acknowledge(ctx, next)
	}
	if err != nil {
		return sent, false, err
	}
	if err := l.barred(ctx, answer.Revoked); err != nil {
		return sent, false, err
	}
	return sent, len(req.Records) == 0 || next > cursor, l.noteEpoch(ctx, answer.HallEpoch)
}

// branched gives the cursor that follows from an answer. A hall that has more of this journal than there is, or another
// record under one of its numbers, knows another branch of it: an older disk was put into this terminal. What was written
// here is handed over all the same, and what follows is written under a new epoch.
func (l *Link) branched(ctx context.Context, req *hallapi.PushRequest, answer *hallapi.PushResponse, cursor int64, present bool) (next int64, err error) {
	if answer.Cursor < req.After {
		return 0, fmt.Errorf("%w: it has record %d of a journal that begins after %d", errGarbled, answer.Cursor, req.After)
	}
	next, why := answer.Cursor, ""
	head, _ := l.journal.Head()
	switch {
	case present && next > head:
		why = fmt.Sprintf("the hall has record %d of this journal, and it ends at %d", next, head)
	case present && answer.Aside && len(req.Records) > 0:
		why = fmt.Sprintf("records up to %d lie in quarantine at the hall", next)
	}
	if next > req.Head {
		next = cursor + int64(len(req.Records))
	}
	if !present {
		return next, nil
	}
	if why == "" {
		return next, l.journal.Answered(ctx, req.Epoch)
	}
	if time.Since(l.branchedAt) < branchEvery {
		return next, nil
	}
	l.branchedAt = time.Now()
	l.trouble("journal", fmt.Errorf("%s: the disk of this terminal is an older one; count box and blanks, and settle the difference with the hall", why))
	return next, l.journal.Branch(ctx, why, false)
}

// barred keeps why the hall does not deal with this terminal any more, "" when it does.
func (l *Link) barred(ctx context.Context, why string) error {
	l.mu.Lock()
	was := l.revoked
	l.mu.Unlock()
	if why == was {
		return nil
	}
	if err := l.journal.Keep(ctx, map[string][]byte{keptRevoked: []byte(why)}); err != nil {
		return err
	}
	l.mu.Lock()
	l.revoked = why
	l.mu.Unlock()
	return nil
}

// Revoked is why the hall does not deal with this terminal any more, "" when it does. It is remembered without a line.
func (l *Link) Revoked() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revoked
}

// introduce says what the terminal knows of the hall. What was acknowledged in another life means nothing in this one.
func (l *Link) introduce(req *hallapi.PushRequest, cursor int64, present bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	req.HallEpoch = l.hallEpoch
	if l.ackedIn == l.hallEpoch {
		req.Cursor = cursor
	}
	req.More = !present || l.heldIn != l.hallEpoch && now.Before(l.heldUntil)
}

// hold keeps in mind that the hall has given something out that is about to be used and written down: leave to print, or
// a claim. If the hall turns out to be restored, this terminal has not told everything before that is over.
func (l *Link) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heldIn, l.heldUntil = l.hallEpoch, time.Now().Add(heldMax)
}

func (l *Link) life() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hallEpoch
}

func onWire(r *casefile.Record) *hallapi.Record {
	return &hallapi.Record{Seq: r.Seq, Time: r.Time, Quality: r.Quality, Case: r.Case, Kind: string(r.Kind),
		Header: r.Header, Sealed: r.Sealed, SealSum: r.SealSum, Prev: r.Prev, Hash: r.Hash}
}

func (l *Link) health() *hallapi.Health {
	h := &hallapi.Health{}
	if l.cfg.Health != nil {
		if told := l.cfg.Health(); told != nil {
			h = told
		}
	}
	if h.Version == "" {
		h.Version = l.cfg.Version
	}
	head, _ := l.journal.Head()
	h.Queue = max(head-l.acknowledged(), 0)
	return h
}

func (l *Link) acknowledged() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

// acknowledge moves the cursor to where the hall says it has the journal, forward or, when the hall was
// restored from a backup, back.
func (l *Link) acknowledge(ctx context.Context, cursor int64) error {
	if cursor == l.acknowledged() {
		return nil
	}
	if err := l.journal.Acknowledge(ctx, cursor); err != nil {
		return fmt.Errorf("%w: %w", errGarbled, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cursor < l.cursor {
		l.log.Warn("hall: has less of the journal than before; it is sent again", "cursor", l.cursor, "hall", cursor)
	}
	l.cursor = cursor
	close(l.moved)
	l.moved = make(chan struct{})
	return nil
}

// noteEpoch takes in which life the hall is in. After one that was restored from a backup the numbers of
// its notices mean something else, so they are taken from the first again.
func (l *Link) noteEpoch(ctx context.Context, epoch string) error {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	l.mu.Lock()
	was, ackedIn := l.hallEpoch, l.ackedIn
	l.mu.Unlock()
	if epoch == "" || epoch == was && epoch == ackedIn {
		return nil
	}
	values := map[string][]byte{keptAckedIn: []byte(epoch)}
	if epoch != was {
		if l.journal.Origin() != l.journal.Epoch() {
			// Of the journal's former epochs it may lack something too: it is asked about them from the first.
			if err := l.acknowledge(ctx, 0); err != nil {
				return err
			}
		}
		values[keptHallEpoch], values[keptNotices] = []byte(epoch), []byte("0")
	}
	if err := l.journal.Keep(ctx, values); err != nil {
		return err
	}
	l.mu.Lock()
	l.ackedIn = epoch
	if epoch != was {
		l.hallEpoch, l.notices = epoch, 0
	}
	l.mu.Unlock()
	if epoch == was {
		return nil
	}
	l.log.Warn("hall: was restored; its notices are taken from the first again", "epoch", epoch, "before", was)
	poke(l.pokePull)
	poke(l.pokeOffer)
	return nil
}

// Flush sends the queue and waits until the hall has what was in it when Flush was called.
func (l *Link) Flush(ctx context.Context) error {
	head, _ := l.journal.Head()
	poke(l.pokePush)
	for {
		l.mu.Lock()
		cursor, moved := l.cursor, l.moved
		l.mu.Unlock()
		if cursor >= head {
			return nil
		}
		if err := l.line.awaitUp(ctx); err != nil {
			return noLine("flush", err)
		}
		select {
		case <-moved:
		case <-l.line.change():
		case <-ctx.Done():
			return noLine("flush", ctx.Err())
		}
	}
}

// permanent says whether asking again cannot help.
func permanent(err error) bool {
	if !connect.IsWireError(err) {
		return false
	}
	switch connect.CodeOf(err) {
	case connect.CodeUnavailable, connect.CodeAborted, connect.CodeDeadlineExceeded, connect.CodeResourceExhausted,
		connect.CodeInternal, connect.CodeUnknown, connect.CodeCanceled:
		return false
	}
	return true
}
