package hall

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/qr"
)

// A hall has lives. A new one begins when its database turns out to be older than what the hall has done already: it
// was put back from a backup. The number of the life stands before the random part of the epoch; an epoch without one
// is the first.

// witnessFile lies beside the database and says how far the hall was. It is not for backups: together with the
// database that it belongs to it would say that nothing was lost.
const witnessFile = "life.json"

// witness is its content: what a backup of the database may lack and the hall must know before it hears any terminal.
type witness struct {
	Epoch     string              `json:"epoch"`
	Beat      int64               `json:"beat"`
	Terminals map[string]seat     `json:"terminals"`
	Paid      map[string]paidHere `json:"paid"` // by what is owed
}

// seat is what is known of a terminal's right to be here.
type seat struct {
	Enrolled string `json:"enrolled"`
	Floor    int64  `json:"floor"`
	Revoked  bool   `json:"revoked"`
	Why      string `json:"why"`
}

// paidHere is a debt that the hall itself has paid, and whose terminal has not said yet that it knows.
type paidHere struct {
	At     string `json:"at"`
	Reason string `json:"reason"`
}

// The settings that belong to it.
const (
	metaEpoch = "epoch"
	metaBeat  = "beat"
	metaBirth = "birth" // which file the database is
)

func newEpoch(life int64) string { return fmt.Sprintf("%d-%s", life, rand.Text()) }

// lifeNumber is which life an epoch is.
func lifeNumber(epoch string) int64 {
	number, _, found := strings.Cut(epoch, "-")
	if n, err := strconv.ParseInt(number, 10, 64); found && err == nil && n > 0 {
		return n
	}
	return 1
}

func meta(ctx context.Context, tx *sql.Tx, key string) (value string, err error) {
	_, err = row(ctx, tx, `SELECT value FROM meta WHERE key = ?`, []any{key}, &value)
	return value, err
}

func setMeta(ctx context.Context, tx *sql.Tx, key, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

// epoch is the hall's present life. It is read each time: another program beside this one may have begun it.
func (h *Hall) epoch(ctx context.Context) (epoch string, err error) {
	err = h.store.DB().QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, metaEpoch).Scan(&epoch)
	return epoch, err
}

// Wake looks whether the database is the one that the hall worked with last, and begins a new life when it is not. It
// comes before the first answer; only the hall that serves wakes, and once.
func (h *Hall) Wake(ctx context.Context) error {
	if h.awake {
		return nil
	}
	h.awake = true
	ctx = context.WithoutCancel(ctx) // it is short, and half a look is none
	seen, err := h.readWitness()
	if err != nil {
		return fmt.Errorf("hall: %w", err)
	}
	birth, err := birthOf(filepath.Join(h.cfg.State, "hall.db"))
	if err != nil {
		return fmt.Errorf("hall: %w", err)
	}
	why := ""
	if err := h.store.Tx(ctx, func(tx *sql.Tx) error {
		if why, err = older(ctx, tx, seen, birth); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaBirth, birth); err != nil || why == "" {
			return err
		}
		return beginLife(ctx, tx, seen, 0)
	}); err != nil {
		return fmt.Errorf("hall: %w", err)
	}
	if why != "" {
		h.log.Warn("the hall was restored: a new life begins, and every terminal is asked for what it has", "why", why)
	}
	return h.beat(ctx)
}

// older says why a database is not the one that the hall worked with last; "" when it is.
func older(ctx context.Context, tx *sql.Tx, seen *witness, birth string) (why string, err error) {
	var known [3]string
	for i, key := range []string{metaEpoch, metaBeat, metaBirth} {
		if known[i], err = meta(ctx, tx, key); err != nil {
			return "", err
		}
	}
	beat, _ := strconv.ParseInt(known[1], 10, 64) // none is 0
	switch {
	case seen == nil && beat > 0:
		return "the database came without " + witnessFile, nil
	case seen == nil:
		return "", nil // a new hall, or one from before there were lives
	case seen.Beat > beat:
		return fmt.Sprintf("the database is at %d, and the hall was at %d", beat, seen.Beat), nil
	case seen.Epoch != known[0] && lifeNumber(seen.Epoch) >= lifeNumber(known[0]):
		return fmt.Sprintf("the database is of life %s, and the hall was in %s", known[0], seen.Epoch), nil
	case known[2] != "" && known[2] != birth:
		return "the database is another file than it was", nil
	}
	return "", nil
}

// beginLife begins the next life: every terminal is awaited with what it has. former is the greatest life that anybody
// knows of, seen what the hall knew last, nil when that is lost.
func beginLife(ctx context.Context, tx *sql.Tx, seen *witness, former int64) error {
	now, err := meta(ctx, tx, metaEpoch)
	if err != nil {
		return err
	}
	former = max(former, lifeNumber(now))
	if seen != nil {
		former = max(former, lifeNumber(seen.Epoch))
		for id, s := range seen.Terminals {
			if _, err := tx.ExecContext(ctx, `INSERT INTO terminals (id, enrolled, floor, revoked, why) VALUES (?1,?2,?3,?4,?5)
				ON CONFLICT (id) DO UPDATE SET enrolled = ?2, floor = ?3, revoked = ?4, why = ?5`, id, s.Enrolled, s.Floor, s.Revoked, s.Why); err != nil {
				return err
			}
		}
		for owed, p := range seen.Paid {
			if _, err := tx.ExecContext(ctx, `INSERT INTO paid_here (owed, at, reason) VALUES (?,?,?) ON CONFLICT DO NOTHING`, owed, p.At, p.Reason); err != nil {
				return err
			}
		}
	}
	if err := setMeta(ctx, tx, metaEpoch, newEpoch(former+1)); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM awaited`,
		`INSERT INTO awaited (terminal) SELECT id FROM terminals WHERE revoked = 0`,
		// A code that was used since looks unused again.
		`UPDATE enrol_codes SET expires = 0 WHERE used_by = ''`,
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return doubtOrders(ctx, tx)
}

// doubtOrders takes back what the hall believes of payments by phone that are not booked yet. The life that is lost may have placed their orders,
// and may have given back what was paid: the gateway is asked about each that somebody asks for, or that is to be booked.
func doubtOrders(ctx context.Context, tx *sql.Tx) error {
	const unbooked = `refund = '' AND case_id NOT IN (SELECT case_id FROM postings WHERE state = 'posted')`
	list, err := collect(ctx, tx, `SELECT out_trade_no FROM qr_order WHERE (definite = 0 OR state = 'paid') AND out_trade_no IN (SELECT attempt FROM attempts WHERE `+unbooked+`)`, func(rows *sql.Rows) (no string, err error) { return no, rows.Scan(&no) })
	if err != nil {
		return err
	}
	for _, no := range list {
		if err := qr.Doubt(ctx, tx, no); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE attempts SET lost = 1 WHERE `+unbooked)
	return err
}

// Restored begins a new life because a person says that the database was put back.
func (h *Hall) Restored(ctx context.Context) (epoch string, err error) {
	seen, err := h.readWitness()
	if err != nil {
		return "", err
	}
	if err := h.tx(ctx, func(tx *sql.Tx) error { return beginLife(ctx, tx, seen, 0) }); err != nil {
		return "", err
	}
	return h.epoch(ctx)
}

// beats lays the witness down whenever something has changed, until ctx ends, and then once more.
func (h *Hall) beats(ctx context.Context) {
	for ctx.Err() == nil {
		changed := h.change()
		h.pause(ctx, nil, beatEvery)
		h.pause(ctx, changed, time.Hour)
		select {
		case <-changed:
			if err := h.beat(context.WithoutCancel(ctx)); err != nil && ctx.Err() == nil {
				h.log.Error("laying the witness down", "cause", err)
			}
		default:
		}
	}
}

// beat counts the database on, and then says so beside it. In this order: a power cut between the two leaves a database
// that is ahead, which means nothing.
func (h *Hall) beat(ctx context.Context) error {
	h.laying.Lock()
	defer h.laying.Unlock()
	var w witness
	if err := h.store.Tx(ctx, func(tx *sql.Tx) (err error) {
		w, err = counted(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	return h.lay(w)
}

// counted counts the database on, and gives what the witness is to say then.
func counted(ctx context.Context, tx *sql.Tx) (w witness, err error) {
	if w.Epoch, err = meta(ctx, tx, metaEpoch); err != nil {
		return w, err
	}
	beat, err := meta(ctx, tx, metaBeat)
	if err != nil {
		return w, err
	}
	w.Beat, _ = strconv.ParseInt(beat, 10, 64) // none is 0
	w.Beat++
	if err := setMeta(ctx, tx, metaBeat, strconv.FormatInt(w.Beat, 10)); err != nil {
		return w, err
	}
	w.Terminals, w.Paid = map[string]seat{}, map[string]paidHere{}
	if _, err = collect(ctx, tx, `SELECT id, enrolled, floor, revoked, why FROM terminals`, func(rows *sql.Rows) (s seat, err error) {
		var id string
		if err := rows.Scan(&id, &s.Enrolled, &s.Floor, &s.Revoked, &s.Why); err != nil {
			return s, err
		}
		w.Terminals[id] = s
		return s, nil
	}); err != nil {
		return w, err
	}
	_, err = collect(ctx, tx, `SELECT owed, at, reason FROM paid_here`, func(rows *sql.Rows) (p paidHere, err error) {
		var owed string
		if err := rows.Scan(&owed, &p.At, &p.Reason); err != nil {
			return p, err
		}
		w.Paid[owed] = p
		return p, nil
	})
	return w, err
}

// lay lays the witness down beside the database.
func (h *Hall) lay(w witness) error {
	raw, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return replaceSynced(filepath.Join(h.cfg.State, witnessFile), raw)
}

func (h *Hall) readWitness() (*witness, error) {
	raw, err := os.ReadFile(filepath.Join(h.cfg.State, witnessFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := &witness{}
	if err := json.Unmarshal(raw, w); err != nil {
		return nil, fmt.Errorf("%s: %w: take it away; the hall then begins a new life", witnessFile, err)
	}
	return w, nil
}

// replaceSynced puts a file in the place of another one, whole or not at all.
func replaceSynced(path string, content []byte) error {
	aside := path + ".new"
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSynced(aside, content); err != nil {
		return err
	}
	return os.Rename(aside, path)
}

// birthOf names a file by its number and, where the file system knows it, the time when it was made: a copy that is put
// in its place is another file, though its content be the same.
func birthOf(path string) (string, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &s)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // the database lies on a disk in memory, in a harness
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Sprintf("%d:%d:%d %d.%d", s.Dev_major, s.Dev_minor, s.Ino, s.Btime.Sec, s.Btime.Nsec), nil
}

// known compares what a terminal knows of this hall with what the hall knows of itself. A terminal that knows a later
// life, or that was told in this very life that the hall has more than it has, has met a hall that was lost.
func (h *Hall) known(ctx context.Context, terminal string, req *hallapi.PushRequest) error {
	now, why, err := h.contradicts(ctx, terminal, req)
	if err != nil || why == "" {
		return err
	}
	begun := false
	if err := h.tx(ctx, func(tx *sql.Tx) error {
		still, err := meta(ctx, tx, metaEpoch)
		if err != nil || still != now {
			return err // another terminal has told already
		}
		begun = true
		return beginLife(ctx, tx, nil, lifeNumber(req.HallEpoch))
	}); err != nil || !begun {
		return err
	}
	h.log.Warn("the hall was restored: a new life begins, and every terminal is asked for what it has", "why", why)
	return h.beat(ctx)
}

// contradicts says what in a terminal's knowledge of the hall cannot be, "" when all of it can.
func (h *Hall) contradicts(ctx context.Context, terminal string, req *hallapi.PushRequest) (now, why string, err error) {
	var acked int64
	if err := h.store.DB().QueryRowContext(ctx, `SELECT value, coalesce((SELECT acked FROM streams WHERE terminal = ? AND epoch = ?), ?) FROM meta WHERE key = ?`,
		terminal, req.Epoch, req.After, metaEpoch).Scan(&now, &acked); err != nil {
		return "", "", err
	}
	theirs, ours := lifeNumber(req.HallEpoch), lifeNumber(now)
	switch {
	case req.HallEpoch == "", theirs < ours, theirs > ours+livesMax:
	case req.HallEpoch != now:
		why = fmt.Sprintf("terminal %s knows the hall's life %s", terminal, req.HallEpoch)
	case req.Cursor > acked:
		why = fmt.Sprintf("terminal %s was told that the hall has %d of its records, and the hall has %d", terminal, req.Cursor, acked)
	}
	return now, why, nil
}

// admit takes in a terminal that bears this hall's certificate and is not known here: it was enrolled in a life that was
// lost.
func (h *Hall) admit(ctx context.Context, p peer) error {
	err := h.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO terminals (id, enrolled, floor) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			p.id, hallstore.Stamp(p.since.Add(skew)), p.since.Unix())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		waiting, err := frozen(ctx, tx)
		if err != nil {
			return err
		}
		if waiting { // the life that knew it is known to be lost
			_, err = tx.ExecContext(ctx, `INSERT INTO awaited (terminal) VALUES (?)`, p.id)
			return err
		}
		return beginLife(ctx, tx, nil, 0)
	})
	if err != nil {
		return err
	}
	h.log.Warn("a terminal that was enrolled in a lost life is taken in again", "terminal", p.id)
	return h.beat(ctx)
}
