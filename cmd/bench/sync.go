package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
	"yichuang/sync/hallstore"
	"yichuang/sync/uplink"
)

// syncDrain: what a terminal has gathered without a line is handed to its hall, over TLS, until the hall has it on its disk.
//
// Ours is the product at both ends: the journal is read from the disk, each record is hashed and checked in its chain and stored once, with all
// that the journal has of it, the terminal's cursor moves, and the hall begins to draw consequences. How long it is then until all are drawn, and until the hall has
// moved its write-ahead log into its database, are parts of the row, and nobody else's turn comes before that. The peer is what a builder would write with the same
// libraries: batches of 256 over Connect, two at once, into a table with a unique key. It checks nothing, its records need not be read from a disk, it keeps a fifth less of
// each, and its log is moved inside of commits, as SQLite does it by itself: for ours that made every second batch take four times as long. Ten thousand records
// are within the bound of the hall's log; behind it one commit takes a tenth of a second more.
var syncDrain = row{
	name: "sync.drain", unit: "records/s", better: "more", rounds: 5, turns: 1, per: 10000,
	sides: []side{
		{name: "yichuang/sync/uplink and yichuang/sync/hall", open: openSync},
		{name: "Connect, batches of 256, two at once, into SQLite", limit: 0.9, open: openPlainSync},
	},
}

const (
	// syncFill is how many records come into the queue with one commit, which nobody measures.
	syncFill = 500
	// settle is how long a terminal that has no line has been quiet at least before it gets one: the twin file of what came into the queue is written.
	settle = 400 * time.Millisecond
	// movedPages in the hall's log are too few to be moved.
	movedPages = 256
	// bodySize is that of a sealed part: a chosen bill has some hundred bytes, a form some thousand.
	bodySize = 2048
)

func handIn(body string) store.Entry {
	return store.Entry{Event: casefile.Event{Kind: casefile.CaseRated, Header: casefile.Header{Stars: 5}}, Secret: body}
}

func entriesOf(n int, body string) []store.Entry {
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = handIn(body)
	}
	return entries
}

// pair is a hall and a terminal's journal.
type pair struct {
	journal *store.Store
	config  uplink.Config
	stop    context.CancelFunc
	ended   chan error
	hall    *hall.Hall
	books   *hallstore.Store // the hall's, beside it
	drawn   []float64        // milliseconds from the end of a drain until all consequences are drawn
	moved   []float64        // and until the log is moved
}

func openSync(ctx context.Context, dir string) (_ runner, err error) {
	quiet := slog.New(slog.DiscardHandler)
	h, err := hall.Open(ctx, hall.Config{State: filepath.Join(dir, "hall")}, quiet)
	if err != nil {
		return nil, err
	}
	terminals, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	people, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, terminals.Close(), h.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &pair{hall: h, stop: stop, ended: make(chan error, 1)}
	if p.books, err = hallstore.Open(ctx, filepath.Join(dir, "hall")); err != nil {
		stop()
		return nil, errors.Join(err, terminals.Close(), people.Close(), h.Close())
	}
	go func() { p.ended <- h.Serve(serving, terminals, people) }()
	code, err := h.EnrolCode(ctx, "T01")
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.config = uplink.Config{URL: "https://" + terminals.Addr().String(), EnrolCodeFile: filepath.Join(dir, "code"), Version: "bench"}
	err = os.WriteFile(p.config.EnrolCodeFile, []byte(code), 0o600)
	if err == nil {
		p.journal, err = store.Open(ctx, filepath.Join(dir, "terminal"), "T01")
	}
	if err == nil {
		err = p.journal.Append(ctx, store.Entry{Event: handIn("").Event})
	}
	if err == nil {
		_, err = p.drain(ctx) // and enrols before
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// drain works the line until the hall has everything, and says how long that took from when the line stood: the peer's
// stands all the time.
func (p *pair) drain(ctx context.Context) (took time.Duration, err error) {
	link, err := uplink.New(p.config, p.journal, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	for !link.Up() && ctx.Err() == nil {
		time.Sleep(100 * time.Microsecond)
	}
	began := time.Now()
	for err = link.Flush(ctx); err != nil && ctx.Err() == nil; err = link.Flush(ctx) {
		time.Sleep(time.Millisecond)
	}
	took = time.Since(began)
	cancel()
	if run := <-ended; !errors.Is(run, context.Canceled) {
		err = errors.Join(err, run)
	}
	return took, err
}

func (p *pair) turn(ctx context.Context, n int) (time.Duration, error) {
	body := text()[:bodySize]
	for left := n; left > 0; left -= syncFill {
		if err := p.journal.Append(ctx, entriesOf(min(left, syncFill), body)...); err != nil {
			return 0, err
		}
	}
	time.Sleep(settle)
	took, err := p.drain(ctx)
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	err = p.consequences(ctx)
	p.drawn = append(p.drawn, time.Since(ended).Seconds()*1000)
	for pages := movedPages; pages >= movedPages && err == nil; time.Sleep(time.Millisecond) {
		pages, err = sqlite.LogPages(ctx, p.books.DB())
	}
	p.moved = append(p.moved, time.Since(ended).Seconds()*1000)
	return took, err
}

// consequences waits until the hall has drawn all.
func (p *pair) consequences(ctx context.Context) error {
	for behind := true; behind; {
		if err := p.books.Tx(ctx, func(tx *sql.Tx) (err error) {
			behind, err = hallstore.Behind(ctx, tx, "T01")
			return err
		}); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func (p *pair) details() map[string]float64 {
	// Without the round for the warmth.
	return map[string]float64{"ms_until_all_is_drawn": round(median(p.drawn[1:])), "ms_until_the_log_is_moved": round(median(p.moved[1:]))}
}

func (p *pair) close() (err error) {
	if p.journal != nil {
		err = p.journal.Close()
	}
	p.stop()
	return errors.Join(err, <-p.ended, p.books.Close(), p.hall.Close())
}

// plainSync is a table, a handler that fills it, and a client.
type plainSync struct {
	hallapiconnect.UnimplementedHallHandler
	db     *sql.DB
	insert *sql.Stmt
	server *http.Server
	served sync.WaitGroup
	client hallapiconnect.HallClient
	next   int64
}

// plainBatch and plainFlight are how many records a message has, and how many messages are on their way at once.
const (
	plainBatch  = 256
	plainFlight = 2
)

func openPlainSync(_ context.Context, dir string) (runner, error) {
	db, err := openSQLite(dir)
	if err != nil {
		return nil, err
	}
	p := &plainSync{db: db}
	if _, err := db.Exec(`CREATE TABLE records (terminal TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, time TEXT NOT NULL, case_id TEXT NOT NULL,
		kind TEXT NOT NULL, header BLOB NOT NULL, sealed BLOB, hash TEXT NOT NULL, PRIMARY KEY (terminal, epoch, seq)) STRICT, WITHOUT ROWID`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if p.insert, err = db.Prepare(`INSERT INTO records VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	certificate, pool, err := ownCertificate()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	mux := http.NewServeMux()
	mux.Handle(hallapiconnect.NewHallHandler(p))
	p.server = &http.Server{Handler: mux}
	p.served.Go(func() { _ = p.server.Serve(l) }) // ends with Close
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true}
	p.client = hallapiconnect.NewHallClient(&http.Client{Transport: transport}, "https://"+l.Addr().String())
	return p, nil
}

func ownCertificate() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool, nil
}

// Push stores a batch in one commit.
func (p *plainSync) Push(ctx context.Context, req *hallapi.PushRequest) (*hallapi.PushResponse, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	insert, last := tx.StmtContext(ctx, p.insert), int64(0)
	for _, r := range req.Records {
		if _, err := insert.ExecContext(ctx, "T01", req.Epoch, r.Seq, r.Time, r.Case, r.Kind, r.Header, r.Sealed, r.Hash); err != nil {
			return nil, connect.NewError(connect.CodeUnavailable, errors.Join(err, tx.Rollback()))
		}
		last = r.Seq
	}
	if err := tx.Commit(); err != nil {
		return nil, connect.NewError(connect.CodeUnavailable, err)
	}
	return &hallapi.PushResponse{Cursor: last}, nil
}

func (p *plainSync) turn(ctx context.Context, n int) (time.Duration, error) {
	body, stamp := text()+text(), time.Now().Format(time.RFC3339Nano)
	batches := make(chan []*hallapi.Record, n/plainBatch+1)
	for left := n; left > 0; left -= plainBatch {
		batch := make([]*hallapi.Record, min(left, plainBatch))
		for i := range batch {
			p.next++
			batch[i] = &hallapi.Record{Seq: p.next, Time: stamp, Quality: "synced", Kind: "case.rated", Header: []byte(`{"stars":5}`), Sealed: []byte(body[:bodySize+57]),
				SealSum: body[:64], Prev: body[64:128], Hash: body[128:192]}
		}
		batches <- batch
	}
	close(batches)
	var flights sync.WaitGroup
	failed := make(chan error, plainFlight)
	began := time.Now()
	for range plainFlight {
		flights.Go(func() {
			for batch := range batches {
				if _, err := p.client.Push(ctx, &hallapi.PushRequest{Epoch: "e1", Records: batch}); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	flights.Wait()
	took := time.Since(began)
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	var stored int64
	if err := p.db.QueryRowContext(ctx, `SELECT count(*) FROM records`).Scan(&stored); err != nil || stored != p.next {
		return 0, errors.Join(err, fmt.Errorf("stored %d of %d", stored, p.next))
	}
	return took, nil
}

func (p *plainSync) close() error {
	err := p.server.Close()
	p.served.Wait()
	return errors.Join(err, p.insert.Close(), p.db.Close())
}
