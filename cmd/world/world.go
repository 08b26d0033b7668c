package world

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// World is everything: the land, one terminal's cabinet and disk, and the program at work.
type World struct {
	Dir  string
	Net  *Network
	Land *Land
	*Cabinet
	Disk *cutdisk.Disk
	*Terminal
	Breaks   int // how often the disk has failed in the midst of a visit
	Silences int // how often the acceptor of notes was away for so long that a note on its way was in doubt
	Unheard  int // how often a note may have gone back by itself of which nobody has heard, for a disk or a line

	Night time.Time // when the power came back that had been away for so long that nobody stands there any more; zero when it was not

	voided []string // doubts of sheets that the hall has ended by itself, by their IDs
}

// Violation is an invariant that does not hold.
type Violation struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

// The ends of the money that a citizen had put in when the power was cut.
const (
	Credited = "credited" // it paid the bill
	Returned = "returned" // it is back in the hand, or nothing was put in
	Owed     = "owed"
	Doubtful = "doubtful"
)

// Settle makes a new terminal and a new hall.
func (w *World) Settle() (err error) {
	ctx := context.Background()
	if w.Land, err = OpenLand(ctx, w.Dir, w.Net, cutdisk.New(), cutdisk.New()); err != nil {
		return err
	}
	if err := w.Land.Enrol(ctx, terminalID, w.Dir+"/code"); err != nil {
		return err
	}
	w.Cabinet.Power(true, false)
	w.Terminal, err = Start(w.Dir, w.Disk, w.Net, w.Cabinet)
	return err
}

// FillDisk fills the terminal's disk with something else but for so many bytes, until Again. The answer says whether the ballast was given up for it.
func (w *World) FillDisk(left int64) (given func() bool) {
	given = func() bool {
		_, err := os.Stat(filepath.Join(w.Dir, "terminal", "ballast"))
		return err != nil
	}
	size := w.Disk.Size() + left
	w.Disk.Room(func() int64 {
		if given() {
			return size + store.BallastSize
		}
		return size
	})
	return given
}

// Again ends the program, unless it has ended for its disk, and starts it on a disk that is well.
func (w *World) Again() (err error) {
	time.Sleep(noticeTime)
	if err := w.Terminal.Close(); err != nil && !EndedForDisk(err) {
		return fmt.Errorf("the disk failed: %w", err)
	}
	w.Disk.Heal()
	w.Disk.Room(nil)
	w.Terminal, err = Start(w.Dir, w.Disk, w.Net, w.Cabinet)
	return err
}

// EndedForDisk says whether a program has ended because its disk refused something: a record, or what is kept beside the records.
func EndedForDisk(err error) bool {
	return errors.Is(err, store.ErrBroken) || sqlite.IsFull(err) || strings.Contains(err.Error(), "disk I/O error")
}

// noticeTime is how long the program may take to end for its disk.
const noticeTime = 5*time.Second + 271_828

// Scrap says that no power cut comes any more.
func (w *World) Scrap() {
	w.Disk.Scrap()
	if w.Land != nil {
		w.Land.HallDisk.Scrap()
		w.Land.BillerDisk.Scrap()
	}
}

// Close stops all that runs.
func (w *World) Close() (err error) {
	if w.Terminal != nil {
		err = w.Terminal.Close()
	}
	w.Cabinet.Close()
	if w.Land != nil {
		if bad := w.Land.Close(); err == nil {
			err = bad
		}
	}
	time.Sleep(time.Minute) // what the mechanisms still do ends before the bubble
	return err
}

// AllOpen says whether everything is offered.
func (w *World) AllOpen() bool {
	v := w.Stage.View()
	for _, chip := range v.Health {
		if !chip.Good && (w.Cash != Cashless || chip.Say.Phrase != front.ChipNoCash) {
			return false
		}
	}
	return v.Can("home.apply") && v.Can("home.pay")
}

// Drawn waits until hall and terminal have told each other all consequences.
func (w *World) Drawn() error {
	var bad []Violation
	for range restMax / (40 * glance) { // all books are read for it
		if bad = w.agree(); len(bad) == 0 {
			return nil
		}
		time.Sleep(40 * glance)
	}
	return fmt.Errorf("the books agree: not within %v: %v", restMax, bad)
}

// records are the journal's.
func (w *World) records() []casefile.Record {
	if w.Terminal == nil || w.Journal == nil {
		return nil
	}
	records, err := w.Journal.Read(context.Background(), 0, 0)
	if err != nil {
		return nil
	}
	return records
}

// Events are the journal's.
func (w *World) Events() (out []casefile.Event) {
	for _, r := range w.records() {
		if e, err := r.Event(); err == nil { // the program's own always can be read
			out = append(out, e)
		}
	}
	return out
}

// Trace is what happened, in short: what the journal says, and when, to the millisecond. What a device is asked is some thousandths of one later
// when somebody else has asked it in the same instant, and who comes first then is no matter of the seed.
func (w *World) Trace() string {
	h := sha256.New()
	for _, r := range w.records() {
		fmt.Fprintln(h, r.When().UnixMilli(), r.Kind, string(r.Header))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Story is the journal for a person who looks for a mistake.
func (w *World) Story() (out []string) {
	for _, r := range w.records() {
		out = append(out, fmt.Sprintf("%s %s %s %s", r.When().Format(time.TimeOnly+".000"), r.Case, r.Kind, r.Header))
	}
	return append(out, fmt.Sprintf("notes %+v", w.notes.Path().World()), fmt.Sprintf("coins %+v", w.coins.Path().World()), fmt.Sprintf("purse %v, out %v", w.Purse.Inside(), w.Purse.Out()),
		"receipts "+string(w.roll.World()), "sheets "+string(w.sheets.World()))
}

func (w *World) head() int64 { seq, _ := w.Journal.Head(); return seq }

// open is how much has begun and not ended.
func (w *World) open() (n int) {
	w.Journal.Book(func(b *casefile.Book) {
		n = b.OpenBegun()
		for _, c := range b.Cases {
			if c.Visiting > 0 && !c.Settled {
				n++ // its money has no place yet
			}
		}
	})
	return n
}

// Outcome is what became of the money, as the journal says at rest.
func (w *World) Outcome() (out string) {
	out = Returned
	w.Journal.Book(func(b *casefile.Book) {
		switch {
		case b.Placed.Doubtful > 0 || len(b.Unknown) > 0 || len(b.Stock.Unsure) > 0:
			out = Doubtful
		case b.Placed.Bills > 0:
			out = Credited
		case b.Placed.Owed > 0:
			out = Owed
		}
	})
	return out
}
