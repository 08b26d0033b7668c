package uplink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strconv"
	"time"

	"yichuang/kiosk/catalog"
	"yichuang/sync/hallapi"
)

// pull takes notices in. It is also what finds out that the line is back: while it is down, this is the
// conversation that is tried.
func (l *Link) pull(ctx context.Context) {
	lineTries, hallTries, handleTries := lineBackoff.of(l, "pull"), hallBackoff.of(l, "pull"), slowBackoff.of(l, "handle")
	for !ended(ctx) {
		wait := pullWait
		if !l.line.up() {
			wait = 0
		}
		began := time.Now()
		n, err := l.pullOnce(ctx, wait)
		switch {
		case ended(ctx):
			return
		case err == errPoked && l.line.isReached():
		case err == errPoked, isBroken(err):
			// The same whether this conversation broke first or another one did and said so.
			if err != errPoked {
				l.trouble("notices", err)
			}
			sleep(ctx, lineTries.pause(), nil)
			select {
			case <-l.pokePull: // what comes now is what was asked for
			default:
			}
		case err == nil:
			l.trouble("notices", nil)
			lineTries.reset()
			hallTries.reset()
			handleTries.reset()
			if n == 0 && wait > 0 && time.Since(began) < wait/2 {
				sleep(ctx, pullPause, l.pokePull)
			}
		case isRefused(err):
			l.trouble("notices", err)
			poke(l.pokeRenew)
			sleep(ctx, handleTries.pause(), l.pokePull)
		case isUnhandled(err):
			l.trouble("notices", err)
			sleep(ctx, handleTries.pause(), nil)
		default:
			l.trouble("notices", err)
			sleep(ctx, hallTries.pause(), nil)
		}
	}
}

// errPoked ends a question for notices that is to be asked anew.
var errPoked = fmt.Errorf("asked anew")

// pullOnce asks once and handles what came; n is how many notices those were.
func (l *Link) pullOnce(ctx context.Context, wait time.Duration) (n int, err error) {
	call, done := context.WithTimeoutCause(ctx, wait+answerMax, errSlow)
	defer done()
	call, stop := context.WithCancelCause(call)
	defer stop(nil)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		select {
		case <-l.pokePull:
			stop(errPoked)
		case <-call.Done():
		}
	}()
	l.mu.Lock()
	hall, epoch, cursor := l.hall, l.hallEpoch, l.notices
	l.mu.Unlock()
	wasUp := l.line.up()
	answer, err := hall.Pull(call, &hallapi.PullRequest{Cursor: cursor, WaitMs: wait.Milliseconds()})
	poked := context.Cause(call) == errPoked
	if err == nil && !wasUp {
		poke(l.pokeOffer) // before the line is noted as up, so that one look is enough
	}
	l.line.note(call, err)
	stop(nil)
	<-listening
	if err != nil {
		if poked {
			return 0, errPoked
		}
		return 0, err
	}
	return l.handleAll(ctx, epoch, cursor, answer.Notices)
}

// handleAll handles notices in the order of their numbers. One that was handled before is passed over.
func (l *Link) handleAll(ctx context.Context, epoch string, cursor int64, notices []*hallapi.Notice) (n int, err error) {
	notices = slices.SortedStableFunc(slices.Values(notices), func(a, b *hallapi.Notice) int {
		switch {
		case a.GetSeq() < b.GetSeq():
			return -1
		case a.GetSeq() > b.GetSeq():
			return 1
		}
		return 0
	})
	for _, notice := range notices {
		if notice.GetSeq() <= cursor {
			continue
		}
		if err := l.handleOne(notice); err != nil {
			return n, &unhandled{notice.Seq, notice.Kind, err}
		}
		current, err := l.noticeHandled(ctx, epoch, notice.Seq)
		if err != nil || !current {
			return n, err
		}
		cursor = notice.Seq
		n++
	}
	return n, nil
}

// unhandled is a notice whose consequences could not be drawn here; the hall has nothing to do with it.
type unhandled struct {
	seq   int64
	kind  string
	cause error
}

func (u *unhandled) Error() string { return fmt.Sprintf("notice %d (%s): %v", u.seq, u.kind, u.cause) }

func isUnhandled(err error) bool { _, ok := err.(*unhandled); return ok }

// handleOne draws the consequences of a notice. A kind that this program does not know yet is passed over:
// the hall may be newer.
func (l *Link) handleOne(notice *hallapi.Notice) error {
	switch notice.Kind {
	case "catalog":
		// Not waited for: it is fetched at each start and whenever the line comes back, too.
		poke(l.pokeOffer)
		return nil
	case "decision", "posting", "refund", "order", "claim", "settle":
	default:
		l.log.Warn("hall: a notice of a kind that is not known here", "kind", notice.Kind, "seq", notice.Seq)
		return nil
	}
	l.mu.Lock()
	handle := l.handle
	l.mu.Unlock()
	if handle == nil {
		return fmt.Errorf("nothing is there to handle it")
	}
	return handle(Notice{Seq: notice.Seq, Kind: notice.Kind, Case: notice.Case, JSON: notice.Json})
}

// noticeHandled moves the cursor of the notices. current is false when the hall's life has changed since
// they were asked for: their numbers mean nothing any more.
func (l *Link) noticeHandled(ctx context.Context, epoch string, seq int64) (current bool, err error) {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	l.mu.Lock()
	current = l.hallEpoch == epoch
	l.mu.Unlock()
	if !current {
		return false, nil
	}
	if err := l.keep(ctx, map[string][]byte{keptNotices: []byte(strconv.FormatInt(seq, 10))}); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notices = seq
	return true, nil
}

// offer keeps the newest catalogue: it looks at the start, when the line comes back and when it is told to.
func (l *Link) offer(ctx context.Context) {
	tries := slowBackoff.of(l, "catalog")
	select {
	case <-l.pushed: // what the terminal has goes first
	case <-ctx.Done():
	}
	for l.line.awaitReached(ctx) {
		select {
		case <-l.pokeOffer: // this look is the one that was asked for
		default:
		}
		err := l.fetchCatalog(ctx)
		if ended(ctx) {
			return
		}
		l.trouble("catalogue", err)
		if err != nil {
			sleep(ctx, tries.pause(), nil)
			continue
		}
		tries.reset()
		sleep(ctx, catalogEvery, l.pokeOffer)
	}
}

// read checks the catalogue in an answer, which may be a difference to the one that the terminal has; nil when there is none.
func (l *Link) read(key ed25519.PublicKey, base []byte, answer *hallapi.CatalogResponse, floor int64) (c *catalog.Catalog, document []byte, err error) {
	document = answer.Document
	if len(document) == 0 && len(answer.Difference) > 0 {
		if document, err = hallapi.Apply(base, answer.Difference, hallapi.MessageMax); err == nil && len(document) == 0 {
			err = hallapi.ErrNoDifference
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(document) == 0 {
		return nil, nil, nil
	}
	c, err = catalog.Verify(key, document, answer.Signature, floor)
	return c, document, err
}

// fetchCatalog asks for a newer catalogue and offers it once it is checked and on the disk.
func (l *Link) fetchCatalog(ctx context.Context) error {
	l.mu.Lock()
	hall, key, floor, req := l.hall, l.papers.catalogKey, l.floor, &hallapi.CatalogRequest{}
	if l.catalog != nil {
		req.Have, req.HaveSha256 = l.catalog.Version, l.documentSum
	}
	l.mu.Unlock()
	ask := func(req *hallapi.CatalogRequest) (*hallapi.CatalogResponse, error) {
		call, done := context.WithTimeoutCause(ctx, catalogLimit, errSlow)
		defer done()
		answer, err := hall.Catalog(call, req)
		l.line.note(call, err)
		return answer, err
	}
	answer, err := ask(req)
	if err != nil {
		return err
	}
	if len(answer.Document) == 0 && len(answer.Difference) == 0 { // there is no newer one
		if req.Have == 0 {
			return fmt.Errorf("%w: no catalogue", errGarbled)
		}
		return nil
	}
	base, err := l.journal.Kept(ctx, keptDocument)
	if err != nil {
		return err
	}
	c, document, err := l.read(key, base, answer, floor)
	if err != nil && len(answer.Difference) > 0 {
		l.log.Warn("hall: a difference of the catalogue does not fit; the whole is fetched", "from", req.Have, "cause", err)
		if answer, err = ask(&hallapi.CatalogRequest{}); err != nil {
			return err
		}
		c, document, err = l.read(key, nil, answer, floor)
	}
	if err != nil {
		return err
	}
	if c == nil || bytes.Equal(document, base) {
		return nil
	}
	values := map[string][]byte{keptDocument: document, keptSignature: answer.Signature, keptFloor: []byte(strconv.FormatInt(c.Version, 10))}
	if err := l.keep(ctx, values); err != nil {
		return err
	}
	l.mu.Lock()
	l.catalog, l.floor, l.documentSum = c, c.Version, sha256Of(document)
	l.mu.Unlock()
	l.log.Info("hall: catalogue", "version", c.Version)
	return nil
}
