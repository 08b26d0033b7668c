package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// ledger is what of kioskctl's document these tests judge.
type ledger struct {
	Notes struct {
		Stacked, Returned, Doubtful []deskclient.Face
	} `json:"notes"`
	Coins []deskclient.Face `json:"coins"`
	Stock struct {
		Inside []deskclient.Face `json:"inside"`
		Loaded []deskclient.Face `json:"loaded"`
		Paid   []deskclient.Face `json:"paid"`
		Unsure []deskclient.Face `json:"unsure"`
	} `json:"stock"`
	In struct {
		Stacked int64 `json:"stacked"`
		QRPaid  int64 `json:"qr_paid"`
	} `json:"in_fen"`
	Placed places `json:"placed_fen"`
	Blanks struct {
		Received int64 `json:"received"`
		Issued   int64 `json:"issued"`
		Void     int64 `json:"void"`
		InTray   int64 `json:"in_tray"`
		Doubtful int64 `json:"doubtful"`
	} `json:"blanks"`
	Licenses []struct {
		Case string `json:"case"`
		Live int    `json:"live_originals"`
	} `json:"licenses"`
	OpenBegun int `json:"open_begun"`
	Journal   struct {
		Head  int64  `json:"head"`
		Chain string `json:"chain"`
	} `json:"journal"`
}

type places struct {
	Visit    int64 `json:"visit"`
	Bills    int64 `json:"bills"`
	Surplus  int64 `json:"surplus"`
	Owed     int64 `json:"owed"`
	PaidOut  int64 `json:"paid_out"`
	Refunded int64 `json:"refunded"`
	Doubtful int64 `json:"doubtful"`
}

func (p places) sum() int64 {
	return p.Visit + p.Bills + p.Surplus + p.Owed + p.PaidOut + p.Refunded + p.Doubtful
}

// hallBooks is what of the hall's document these tests judge.
type hallBooks struct {
	Terminals []struct {
		Cursor, Records, Gaps int64
		Chain                 string
	} `json:"terminals"`
	Payments []struct {
		Case    string   `json:"case"`
		Account string   `json:"account"`
		Paid    int64    `json:"paid_fen"`
		Posted  int64    `json:"posted_fen"`
		State   string   `json:"state"`
		Orders  []string `json:"orders"`
	} `json:"payments"`
	Cases []struct {
		Case, State, Code, Reason string
	} `json:"cases"`
	Licenses []struct {
		Case string `json:"case"`
		Live int    `json:"live_originals"`
	} `json:"licenses"`
}

func ledgerOf(ctx context.Context, d *deskclient.Desk) (l ledger, err error) {
	exit, err := d.Ctl(ctx, &l, "ledger")
	if err == nil && exit != 0 {
		err = fmt.Errorf("kioskctl ledger: exit %d", exit)
	}
	return l, err
}

func hallOf(ctx context.Context, d *deskclient.Desk) (h hallBooks, err error) {
	exit, err := d.HallCommand(ctx, &h, "ledger")
	if err == nil && exit != 0 {
		err = fmt.Errorf("halld ledger: exit %d", exit)
	}
	return h, err
}

// balanceMax is how long what is on its way between the ends may take.
const balanceMax = 60 * time.Second

// doubts says what a test allows to be doubtful.
type doubts struct {
	notes  int64 // fen
	pieces int64 // fen of pieces that may have been paid out
	coins  int64 // fen of coins that the terminal never saw
	blanks int64
	byHand int64 // blanks that a hand took out of a tray and voided
	stored bool  // a note that a technician has found may lie in a recycler's store: the journal says only that it is in
	unseen int64 // fen of a note that the terminal never saw, and that a doubt without an amount stands for
}

// balanced waits until everybody's books agree with what the mechanisms hold: the terminal's, the hall's,
// and the company's for the accounts that are named.
func balanced(t *testing.T, d *deskclient.Desk, may doubts, accounts ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := citizen.Until(ctx, balanceMax, func() error { return agree(ctx, d, may, accounts) }); err != nil {
		t.Error(err)
	}
}

func agree(ctx context.Context, d *deskclient.Desk, may doubts, accounts []string) error {
	w, err := d.World(ctx)
	if err != nil {
		return err
	}
	l, err := ledgerOf(ctx, d)
	if err != nil {
		return err
	}
	if err := settledBooks(l, w, may); err != nil {
		return err
	}
	h, err := hallOf(ctx, d)
	if err != nil {
		return err
	}
	if err := sameAtHall(l, h); err != nil {
		return err
	}
	for _, number := range accounts {
		if err := sameAtBiller(ctx, d, h, number); err != nil {
			return err
		}
	}
	return errors.Join(audit(ctx, "kioskctl", d.Ctl), audit(ctx, "halld", d.HallCommand), invariants(ctx, d, l, w, may))
}

// audit lets one end check its own promises, and names what does not hold.
func audit(ctx context.Context, who string, ask func(context.Context, any, ...string) (int, error)) error {
	var doc struct {
		Violations int `json:"violations"`
		Invariants []struct {
			ID, Note string
			Holds    bool
		} `json:"invariants"`
	}
	exit, err := ask(ctx, &doc, "audit")
	if err != nil {
		return err
	}
	broken := ""
	for _, i := range doc.Invariants {
		if !i.Holds {
			broken += "; " + i.ID + ": " + i.Note
		}
	}
	if exit != 0 || doc.Violations != 0 || broken != "" {
		return fmt.Errorf("%s audit: exit %d, %d violations%s", who, exit, doc.Violations, broken)
	}
	return nil
}

// settledBooks compares the terminal's ledger with what the mechanisms hold.
func settledBooks(l ledger, w deskclient.World, may doubts) error {
	stacked, box := deskclient.Sum(l.Notes.Stacked), w.Kept()
	left := int64(0)
	for _, s := range w.License.Prints {
		if s.Serial != "" {
			left++
		}
	}
	b := l.Blanks
	switch {
	case l.In.Stacked+l.In.QRPaid != l.Placed.sum():
		return fmt.Errorf("%+v came in and %+v is placed", l.In, l.Placed)
	case l.Placed.Doubtful > may.notes+may.pieces || deskclient.Sum(l.Notes.Doubtful) > may.notes || b.Doubtful > may.blanks:
		return fmt.Errorf("%d fen and %d blanks are doubtful; at most %+v may be", l.Placed.Doubtful, b.Doubtful, may)
	case l.In.Stacked != stacked+deskclient.Sum(l.Notes.Doubtful)+deskclient.Sum(l.Coins):
		return fmt.Errorf("%+v came in, by faces notes %+v and coins %+v", l.In, l.Notes, l.Coins)
	case box < stacked || box > stacked+l.Placed.Doubtful+may.unseen:
		return fmt.Errorf("the journal has %d fen stacked and %d doubtful, and the box holds %d", stacked, l.Placed.Doubtful, box)
	case l.OpenBegun != 0 || l.Placed.Visit != 0:
		return fmt.Errorf("%d acts are open and %d fen are not placed", l.OpenBegun, l.Placed.Visit)
	case left+may.byHand < b.Issued+b.Void || left+may.byHand > b.Issued+b.Void+b.Doubtful:
		return fmt.Errorf("%d blanks left the trays; %+v", left, b)
	case b.Received != b.Issued+b.Void+b.InTray+b.Doubtful:
		return fmt.Errorf("the blanks do not add up: %+v", b)
	case l.Journal.Chain != "ok":
		return errors.New("the journal's chain: " + l.Journal.Chain)
	}
	for _, x := range l.Licenses {
		if x.Live > 1 {
			return fmt.Errorf("case %s has %d live originals", x.Case, x.Live)
		}
	}
	return changeBooks(l, w, may)
}

// changeBooks compares the coins of the ledger and its stock with the mechanisms, face by face. Of what is in doubt
// both can be.
func changeBooks(l ledger, w deskclient.World, may doubts) error {
	known, kept := byFace(l.Coins), byFace(w.Coins.Taken)
	for _, path := range w.Coins.Kept {
		add(kept, path, 1)
	}
	if more := worth(known, kept); more > 0 || -more > may.coins {
		return fmt.Errorf("the journal has the coins %v, and their box %v", known, kept)
	}
	inside, out := byFace(w.Cash.Store), byFace(w.Cash.Paid)
	for _, h := range w.Payout {
		row := []deskclient.Face{{Face: h.Face, Currency: h.Currency}}
		row[0].Count = h.Inside
		add(inside, row, 1)
		row[0].Count = h.Out
		add(out, row, 1)
	}
	for name, row := range map[string]struct {
		book, unsure []deskclient.Face
		mechanism    map[int64]int64
	}{"inside": {l.Stock.Inside, l.Stock.Unsure, inside}, "paid out": {l.Stock.Paid, l.Stock.Unsure, out}} {
		if name == "inside" && len(l.Stock.Loaded) == 0 && len(w.Payout) > 0 {
			continue // nobody has told the terminal what its hoppers were filled with
		}
		least, most := byFace(row.book), byFace(row.book)
		add(most, row.unsure, 1)
		for face := range merged(most, row.mechanism) {
			if n := row.mechanism[face]; n < least[face] || n > most[face] && !(may.stored && name == "inside" && len(w.Payout) == 0) {
				return fmt.Errorf("%s: the journal has %v and %v in doubt, and the mechanism %v", name, row.book, row.unsure, row.mechanism)
			}
		}
	}
	return nil
}

func byFace(list []deskclient.Face) map[int64]int64 {
	n := map[int64]int64{}
	add(n, list, 1)
	return n
}

func add(n map[int64]int64, list []deskclient.Face, times int64) {
	for _, f := range list {
		n[f.Face] += times * int64(f.Count)
	}
}

// merged has the faces of both.
func merged(a, b map[int64]int64) map[int64]int64 {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// worth is by how much one pile is worth more than another.
func worth(a, b map[int64]int64) (fen int64) {
	for face, n := range a {
		fen += face * n
	}
	for face, n := range b {
		fen -= face * n
	}
	return fen
}

// sameAtHall sees that the hall has the whole journal, once and in order, and the money in it.
func sameAtHall(l ledger, h hallBooks) error {
	records, paid := int64(0), int64(0)
	for _, s := range h.Terminals {
		records += s.Records
		if s.Gaps != 0 || s.Chain != "ok" {
			return fmt.Errorf("the hall's copy has %d gaps, chain %s", s.Gaps, s.Chain)
		}
	}
	if records != l.Journal.Head {
		return fmt.Errorf("the hall has %d records of %d", records, l.Journal.Head)
	}
	for _, p := range h.Payments {
		paid += p.Paid
	}
	if in := l.In.Stacked + l.In.QRPaid - deskclient.Sum(l.Notes.Doubtful); paid != in {
		return fmt.Errorf("the hall knows of %d fen that came in and the terminal of %d", paid, in)
	}
	for _, x := range h.Licenses {
		if x.Live > 1 {
			return fmt.Errorf("at the hall case %s has %d live originals", x.Case, x.Live)
		}
	}
	return nil
}

// sameAtBiller sees that the company has booked each payment of the hall once, and nothing else.
func sameAtBiller(ctx context.Context, d *deskclient.Desk, h hallBooks, number string) error {
	a, err := d.Account(ctx, number)
	if err != nil {
		return err
	}
	booked := map[string]int64{}
	for _, p := range a.Postings {
		if booked[p.Case] != 0 {
			return fmt.Errorf("the company booked case %s twice", p.Case)
		}
		booked[p.Case] = p.Amount
	}
	for _, p := range h.Payments {
		if p.Account != number {
			continue
		}
		if p.State == "taken" {
			return fmt.Errorf("the payment of case %s is still on its way", p.Case)
		}
		if booked[p.Case] != p.Posted {
			return fmt.Errorf("case %s: the hall posted %d and the company booked %d", p.Case, p.Posted, booked[p.Case])
		}
		delete(booked, p.Case)
	}
	if len(booked) > 0 {
		return fmt.Errorf("the company has booked %v, of which the hall knows nothing", booked)
	}
	return nil
}
