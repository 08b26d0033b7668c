// Package uplink is the terminal's end of the line to its hall.
//
// It introduces the terminal to the hall once, with the one-time code that staff brought, and keeps what
// it got: the terminal's certificate, the hall's, the keys that personal data is sealed to and that
// catalogues and licenses are checked with. From then on it hands the journal over in order, from where
// the hall says it has it on its disk; takes notices in, each handled before the next one; keeps the
// newest catalogue that bears the hall's signature; renews the certificate by itself; and asks the hall
// what a person at the screen waits for (package office).
//
// The line may be cut at any byte and for weeks. Then questions are answered with "no line" within
// seconds, everything else waits, and what was under way is done again: each of these conversations may
// be repeated without harm.
//
// No question and no answer is ever written to the log, only what became of it.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"yichuang/kiosk/catalog"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
)

// Config says where the hall is and how the terminal introduces itself.
type Config struct {
	URL           string // https://host:port
	EnrolCodeFile string // the one-time code, as the hall printed it; removed after use
	Version       string // of this program
	// Health tells how the terminal is, for the hall's console; nil tells only the queue.
	Health func() *hallapi.Health
	// Dial opens a connection; nil dials TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Notice is something the hall tells this terminal. Kind is decision, posting, refund, order, claim or settle.
type Notice struct {
	Seq  int64
	Kind string
	Case string
	JSON []byte
}

// Status is how the line stands.
type Status struct {
	Up       bool
	Enrolled bool
	Err      string // what does not work now, for staff; "" when all does
	Cursor   int64  // the last record that the hall has
	Head     int64  // the last record there is
	// OldestUnsent is the time of the first record past the cursor, zero when there is none.
	OldestUnsent time.Time
}

// Link is the line to the hall. Run works it; all other methods may be called at any time.
type Link struct {
	cfg     Config
	host    string
	journal *store.Store
	log     *slog.Logger
	line    *line

	// A poke says "look now"; each has one reader.
	pokePull, pokePush, pokeOffer, pokeRenew chan struct{}

	pushed     chan struct{} // closed when the first batch has been answered, whatever the answer
	pushedOnce sync.Once

	mu          sync.Mutex // guards all below
	papers      papers
	hall        hallapiconnect.HallClient // nil until enrolled
	quick       hallapiconnect.HallClient // the same, without compression
	catalog     *catalog.Catalog
	documentSum []byte // SHA-256 of the document that catalog is from
	floor       int64  // no older catalogue than this version is taken
	handle      func(Notice) error
	hallEpoch   string
	revoked     string    // why the hall does not deal with this terminal any more
	ackedIn     string    // the hall's epoch that cursor is from
	heldIn      string    // the hall's epoch in which it last gave something out that has to be written down
	heldUntil   time.Time // and until when that may take
	notices     int64     // cursor of the notices
	cursor      int64     // of the journal
	kept        int64     // as it is in the store, and since when
	keptAt      time.Time
	troubles    map[string]string
	given       map[string]office.Order // what was last told of an order
	moved       chan struct{}           // closed and replaced when the cursor moves

	branchedAt time.Time // when the hall last made the journal branch; of push alone

	disk    sync.Mutex // held while something is put on the disk
	keeping sync.Mutex // held while the cursor of the notices or the hall's epoch is put on the disk
}

var _ office.Hall = (*Link)(nil)

// New reads what was kept and prepares the line. Nothing is sent before Run. A terminal that is not
// enrolled, or whose papers cannot be read any more, enrols in Run.
func New(cfg Config, journal *store.Store, log *slog.Logger) (*Link, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("uplink: hall %q: want https://host:port", cfg.URL)
	}
	l := &Link{
		cfg: cfg, host: u.Hostname(), journal: journal, log: log, line: newLine(cfg.Dial),
		pokePull: make(chan struct{}, 1), pokePush: make(chan struct{}, 1), pokeOffer: make(chan struct{}, 1), pokeRenew: make(chan struct{}, 1),
		troubles: map[string]string{}, given: map[string]office.Order{}, moved: make(chan struct{}), pushed: make(chan struct{}),
	}
	l.line.broken = func() { poke(l.pokePull) }
	return l, l.load(context.Background())
}

// Run works the line until ctx ends and returns its error.
func (l *Link) Run(ctx context.Context) error {
	l.line.open()
	defer l.line.shut()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { l.watch(ctx) })
	if err := l.enrolUntilDone(ctx); err != nil {
		return err
	}
	l.line.anew()
	select {
	case <-l.pokePull: // the first question need not be broken off
	default:
	}
	for _, run := range []func(context.Context){l.pull, l.push, l.offer, l.renew} {
		work.Go(func() { run(ctx) })
	}
	<-ctx.Done()
	return ctx.Err()
}

// Notices sets what handles notices; call it before Run. They come in order and one at a time; the next
// one comes after nil, the same one again after an error or a power cut.
func (l *Link) Notices(handle func(Notice) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handle = handle
}

// Catalog is the newest catalogue with the hall's signature; nil before there was one.
func (l *Link) Catalog() *catalog.Catalog {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.catalog
}

// Root is the certificate (PEM) that licenses are checked with; nil before the enrolment.
func (l *Link) Root() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.papers.licenseRoot
}

// Sealing says whether personal data can be sealed: the hall's key is known.
func (l *Link) Sealing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.papers.sealKeys) > 0
}

// Up says whether the hall answered lately and may be asked.
func (l *Link) Up() bool { return l.line.up() }

// Status tells how the line stands.
func (l *Link) Status() Status {
	s := Status{Up: l.Up()}
	s.Head, _ = l.journal.Head()
	l.mu.Lock()
	s.Enrolled, s.Cursor = l.hall != nil, l.cursor
	var texts []string
	if l.revoked != "" {
		texts = append(texts, RevokedTodo(l.revoked))
	}
	for _, topic := range slices.Sorted(maps.Keys(l.troubles)) {
		texts = append(texts, topic+": "+l.troubles[topic])
	}
	s.Err = strings.Join(texts, "; ")
	l.mu.Unlock()
	if s.Cursor < s.Head {
		ctx, done := context.WithTimeout(context.Background(), statusLimit)
		defer done()
		if records, err := l.journal.Read(ctx, s.Cursor, 1); err == nil && len(records) > 0 {
			s.OldestUnsent = records[0].When()
		}
	}
	return s
}

// RevokedTodo is what staff read of a terminal that the hall does not deal with any more.
func RevokedTodo(why string) string {
	return fmt.Sprintf("the hall has revoked this terminal: %s; when that is over, mint a code at the hall (halld enrol-code) and put it into the code file", why)
}

// keep puts values on the disk. What the conversations have to keep goes one after the other: when two answers come at once it is
// no matter of chance whether they share a sync.
func (l *Link) keep(ctx context.Context, values map[string][]byte) error {
	l.disk.Lock()
	defer l.disk.Unlock()
	return l.journal.Keep(ctx, values)
}

func (l *Link) keepAcknowledged(ctx context.Context, cursor int64) error {
	l.disk.Lock()
	defer l.disk.Unlock()
	return l.journal.Acknowledge(ctx, cursor)
}

// client is the hall to be asked; nil before the enrolment.
func (l *Link) client() hallapiconnect.HallClient {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hall
}

// quickClient is the hall over a line that is faster than compression.
func (l *Link) quickClient() hallapiconnect.HallClient {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.quick
}

// trouble keeps what does not work for the status and logs it when it is new; nil says that it works. A
// line that stays down is one thing, though each try ends in other words.
func (l *Link) trouble(topic string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.mu.Lock()
	was := l.troubles[topic]
	if text == "" {
		delete(l.troubles, topic)
	} else {
		l.troubles[topic] = text
	}
	l.mu.Unlock()
	switch {
	case text == was, was != "" && isBroken(err):
	case text == "":
		l.log.Info("hall: works again", "what", topic)
	default:
		l.log.Warn("hall: does not work", "what", topic, "cause", text)
	}
}

// ended says whether the work was told to end.
func ended(ctx context.Context) bool { return ctx.Err() != nil }

// poke leaves a sign for a reader, who may have one already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits, or until a sign is left in early, and says whether ctx is alive.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

var errGarbled = errors.New("the hall's answer makes no sense")
