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

// batch is records on their way to the hall, at most as many bytes as the line bears.
type batch struct {
	req     *hallapi.PushRequest
	cursor  int64 // the record before its first one
	present bool  // it is of the journal's present epoch
	ahead   bool  // it was sent before the one before it was answered
	quick   bool  // over a line on which small frames and compression only cost time
	more    bool  // the journal goes on behind it
	bytes   int

	began  time.Time
	took   time.Duration
	cancel context.CancelFunc
	gone   *mark         // reached when all of it is on the line
	done   chan struct{} // closed when what is below stands
	answer *hallapi.PushResponse
	err    error
	plain  bool // the answer is the one that was expected; known when it is the first batch's turn
}

// end is its last record.
func (b *batch) end() int64 { return b.cursor + int64(len(b.req.Records)) }

// expected says whether the answer to a batch is the one that was expected: the hall has its last record, perhaps more of what was sent,
// up to last, and nothing else is to be said. Only such a one is believed of a batch that was sent ahead: what else the hall could say may be about the order
// in which two batches came, and the next batch, sent alone, brings it again.
func (b *batch) expected(life string, last int64) bool {
	return b.err == nil && b.answer.Cursor >= b.end() && b.answer.Cursor <= last && !b.answer.Aside && b.answer.Revoked == "" && b.answer.HallEpoch == life
}

// pusher is the handing over of the journal. While the answers are plain and come soon, two batches are on their way: a
// long line is never idle, and the hall writes one down while the other is read here. Answers are taken in in the order of the batches.
type pusher struct {
	*Link
	lineTries, hallTries backoff
	beat                 time.Time // when the hall last heard how the terminal is
	size, most           int       // of the next batch, in bytes and in records
	broke, borne         int       // the size in bytes at which the line broke last, 0 for none, and how many batches it has borne since
	ahead, quick         bool
	answered             time.Time // when the last batch was
	flying               []*batch  // in their order
}

// push hands the journal over, and tells how the terminal is when there is nothing to hand over. A hall
// that does not let itself be asked is given the records all the same: they are about real notes.
func (l *Link) push(ctx context.Context) {
	p := &pusher{Link: l, lineTries: lineBackoff.of(l, "push"), hallTries: slowBackoff.of(l, "push"), size: batchFirst, most: hallapi.RecordsLeast}
	defer p.end(ctx)
	for l.line.awaitReached(ctx) {
		appended := l.journal.Appended() // taken before looking, so that nothing between is missed
		// What a disk that has failed did not get cannot be sent, ever.
		if wait := time.Until(p.beat.Add(beatEvery)); len(p.flying) == 0 && l.acknowledged() >= l.journal.Coming() && wait > 0 {
			l.awaitAppended(ctx, wait, appended)
			continue
		}
		life := l.life()
		b, moved, err := p.next(ctx)
		if ended(ctx) {
			return
		}
		l.trouble("queue", err)
		l.pushedOnce.Do(func() { close(l.pushed) })
		p.adapt(b, moved, err)
		switch {
		case err != nil && isBroken(err):
			sleep(ctx, p.lineTries.pause(), nil)
			continue
		case err != nil || !moved:
			sleep(ctx, p.hallTries.pause(), l.pokePush) // sooner when somebody waits
		default:
			p.lineTries.reset()
			p.hallTries.reset()
		}
		p.beat = time.Now()
		if l.life() != life {
			p.beat = time.Time{} // a restored hall waits to hear that this was all
		}
	}
}

// next fills the line, waits for the answer to the first batch that is on its way and takes it in. moved is false when the
// hall did not take a single record of those that it was given.
func (p *pusher) next(ctx context.Context) (b *batch, moved bool, err error) {
	for len(p.flying) == 0 || p.ahead && len(p.flying) < flightsMax && p.flying[len(p.flying)-1].more {
		b, err := p.compose(ctx)
		if err != nil {
			return nil, false, err
		}
		if b == nil {
			break
		}
		p.send(ctx, b)
	}
	b = p.flying[0]
	<-b.done
	b.plain = b.expected(p.life(), p.flying[len(p.flying)-1].end())
	p.flying = p.flying[1:]
	if !b.plain || b.answer.Cursor > b.end() {
		p.abandon()
	}
	if !b.plain && b.ahead && b.err == nil {
		return b, true, nil // it is sent again, alone
	}
	moved, err = p.settle(ctx, b)
	return b, moved, err
}

// end breaks off what is on its way and puts down what was learned from the answers.
func (p *pusher) end(ctx context.Context) {
	p.abandon()
	if err := p.keepCursor(context.WithoutCancel(ctx)); err != nil {
		p.trouble("queue", err)
	}
}

// abandon breaks off what is on its way: an answer that nobody waits for is one that was lost.
func (p *pusher) abandon() {
	for _, b := range p.flying {
		b.cancel()
		<-b.done
	}
	p.flying = nil
}

// adapt learns from a batch how the line is.
func (p *pusher) adapt(b *batch, moved bool, err error) {
	if err != nil {
		p.most = hallapi.RecordsLeast // another hall may answer next
	}
	switch {
	case err != nil && isBroken(err):
		if b != nil && b.bytes > p.size/2 { // a small one says nothing about what the line bears
			p.broke, p.borne = p.size, 0
		}
		p.size, p.ahead, p.quick = max(p.size/2, batchMin), false, false
	case err != nil || !moved || !b.plain:
		p.ahead = false
	default:
		if p.borne++; p.borne >= growAfter {
			p.broke = 0
		}
		if next := nextBatch(p.size, b.bytes, b.took); next < p.size || p.broke == 0 || next < p.broke {
			p.size = next
		}
		if p.most = hallapi.RecordsLeast; b.answer.RecordsMax > 0 {
			p.most = int(min(b.answer.RecordsMax, hallapi.RecordsMax))
		}
		p.ahead = b.took <= pushSlow
		p.hurry(b)
	}
	if b != nil {
		p.answered = b.began.Add(b.took)
	}
}

// hurry finds out whether the line is quick: by the time since the batch was sent, or since the one before it was answered, when that
// was later and the line was its until then.
func (p *pusher) hurry(b *batch) {
	took := b.took
	if since := b.began.Add(b.took).Sub(p.answered); b.ahead && since < took {
		took = since
	}
	if b.bytes < quickLeast {
		return
	}
	rate := float64(b.bytes) / took.Seconds()
	p.quick = rate >= quickRate || p.quick && rate >= quickRate/2
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

// compose makes the next batch, or an empty one to tell how the terminal is. It is nil when nothing may be sent behind what is on its way.
func (p *pusher) compose(ctx context.Context) (*batch, error) {
	acknowledged := p.acknowledged()
	cursor, ahead := acknowledged, len(p.flying) > 0
	if ahead {
		cursor = p.flying[len(p.flying)-1].end()
	}
	span, present := p.journal.Span(cursor), p.journal.Epoch()
	if ahead && span.Epoch != p.flying[0].req.Epoch {
		return nil, nil
	}
	b := &batch{cursor: cursor, present: span.Epoch == present, ahead: ahead, quick: p.quick, gone: newMark(), done: make(chan struct{})}
	b.req = &hallapi.PushRequest{Epoch: span.Epoch, After: span.After, Head: span.Last, Health: p.health()}
	if err := p.journal.Walk(ctx, cursor, int(min(int64(p.most), max(span.Last-cursor, 1))), func(r casefile.Record) bool {
		w := onWire(&r)
		size := proto.Size(w)
		if r.Epoch != span.Epoch || b.bytes+size > p.size && b.bytes > 0 {
			return false // the journal has branched since, or the batch is as large as the line bears
		}
		b.bytes += size
		b.req.Records = append(b.req.Records, w)
		return true
	}); err != nil {
		return nil, err
	}
	b.more = b.end() < span.Last
	p.introduce(b.req, acknowledged, b.present, time.Now())
	return b, nil
}

// send puts a batch on the line behind those that are on it.
func (p *pusher) send(ctx context.Context, b *batch) {
	way := passage{gone: b.gone, piece: pieceMax}
	hall := p.client()
	if b.quick {
		way.piece, hall = pieceQuick, p.quickClient()
	}
	if b.ahead {
		way.behind = p.flying[len(p.flying)-1].gone
	}
	call, done := context.WithTimeoutCause(ctx, pushMax, errSlow)
	b.cancel, b.began = done, time.Now()
	p.flying = append(p.flying, b)
	go func() {
		defer close(b.done)
		defer done()
		defer b.gone.reach()
		b.answer, b.err = hall.Push(way.in(call), b.req)
		b.took = time.Since(b.began)
		p.line.noteOf(call, b.err, false)
	}()
}

// settle takes the answer to a batch in.
func (l *Link) settle(ctx context.Context, b *batch) (moved bool, err error) {
	if b.err != nil {
		if isRefused(b.err) {
			poke(l.pokeRenew)
		}
		return false, b.err
	}
	next, err := l.branched(ctx, b.req, b.answer, b.cursor, b.present)
	if err == nil && b.more && b.plain {
		err = l.advance(ctx, next)
	} else if err == nil {
		err = l.acknowledge(ctx, next)
	}
	if err != nil {
		return false, err
	}
	if err := l.barred(ctx, b.answer.Revoked); err != nil {
		return false, err
	}
	return len(b.req.Records) == 0 || next > b.cursor, l.noteEpoch(ctx, b.answer.HallEpoch)
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
	if err := l.keep(ctx, map[string][]byte{keptRevoked: []byte(why)}); err != nil {
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

// advance moves the cursor forward over records of which more follow. Each time it is put on the disk costs a sync, and a cursor that
// is a second old costs a restarted terminal no more than to send that second's records again.
func (l *Link) advance(ctx context.Context, cursor int64) error {
	l.mu.Lock()
	l.move(cursor)
	due := time.Since(l.keptAt) >= cursorEvery
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.keepCursor(ctx)
}

// keepCursor puts the cursor on the disk.
func (l *Link) keepCursor(ctx context.Context) error {
	l.mu.Lock()
	cursor, kept := l.cursor, l.kept
	l.mu.Unlock()
	if cursor == kept {
		return nil
	}
	if err := l.keepAcknowledged(ctx, cursor); err != nil {
		return fmt.Errorf("%w: %w", errGarbled, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.keptAt = cursor, time.Now()
	return nil
}

// move is called with the lock held.
func (l *Link) move(cursor int64) {
	l.cursor = cursor
	close(l.moved)
	l.moved = make(chan struct{})
}

// acknowledge moves the cursor to where the hall says it has the journal, forward or, when the hall was
// restored from a backup, back.
func (l *Link) acknowledge(ctx context.Context, cursor int64) error {
	if cursor == l.acknowledged() {
		return l.keepCursor(ctx)
	}
	if err := l.keepAcknowledged(ctx, cursor); err != nil {
		return fmt.Errorf("%w: %w", errGarbled, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cursor < l.cursor {
		l.log.Warn("hall: has less of the journal than before; it is sent again", "cursor", l.cursor, "hall", cursor)
	}
	l.move(cursor)
	l.kept, l.keptAt = cursor, time.Now()
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
	if err := l.keep(ctx, values); err != nil {
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
