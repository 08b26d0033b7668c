package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// payChange is journey 7: coins and notes go in, and what is too much comes out as coins. What the pieces cannot make
// up is on a slip.
func (d *demo) payChange(ctx context.Context, c *citizen.Citizen, j *journey) error {
	if err := d.filled(ctx); err != nil {
		return err
	}
	smallest, err := d.smallestPiece(ctx)
	if err != nil {
		return err
	}
	before, err := d.desk.World(ctx)
	if err != nil {
		return err
	}
	owed, err := d.owed(ctx)
	if err != nil {
		return err
	}
	if err := d.toPayment(ctx, c, j, "pay.cash"); err != nil {
		return err
	}
	in := int64(0)
	for _, face := range j.Coins {
		if in >= j.due() {
			break
		}
		switch kept, err := d.drop(ctx, c, face, in+face); {
		case err != nil:
			return fmt.Errorf("a coin of %d fen: %w", face, err)
		case kept:
			in += face
		case face%smallest == 0: // others come back where the change after them could not be paid: a jiao, where hoppers have no jiao
			return fmt.Errorf("a coin of %d fen came back", face)
		}
	}
	if _, err := c.At(ctx, "pay", "wait", "take"); err != nil { // a picture with the coins
		return err
	}
	if in < j.due() {
		if in, err = d.feedAll(ctx, c, j, in); err != nil {
			return err
		}
	}
	if err := d.homeAgain(ctx, c); err != nil {
		return err
	}
	if err := d.given(ctx, before, owed, max(0, in-j.due())); err != nil {
		return err
	}
	return d.booked(ctx, j, min(in, j.due()))
}

// filled waits until the devices that take coins and pay are fit, and tells the terminal, as a technician does, what
// lies in the hoppers.
func (d *demo) filled(ctx context.Context) error {
	err := until(ctx, time.Minute, func() error {
		var st struct {
			Devices []struct{ Class, State, Fault string }
		}
		if exit, err := d.desk.Ctl(ctx, &st, "status"); err != nil || exit != 0 {
			return fmt.Errorf("kioskctl status: exit %d: %w", exit, err)
		}
		for _, dev := range st.Devices {
			if (dev.Class == "coins" || dev.Class == "payout") && dev.State != "ready" {
				return fmt.Errorf("%s is %s: %s", dev.Class, dev.State, dev.Fault)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l, err := d.ledger(ctx)
	if err != nil || len(l.Stock.Inside)+len(l.Stock.Paid) > 0 {
		return err
	}
	w, err := d.desk.World(ctx)
	if err != nil {
		return err
	}
	var pieces []string
	for _, h := range w.Payout {
		pieces = append(pieces, fmt.Sprintf("%d.%02dx%d", h.Face/100, h.Face%100, h.Inside))
	}
	if len(pieces) == 0 {
		return nil // a recycler counts by itself
	}
	if exit, err := d.desk.Ctl(ctx, nil, "stock", "load", "--pieces", strings.Join(pieces, ",")); err != nil || exit != 0 {
		return fmt.Errorf("kioskctl stock load: exit %d: %w", exit, err)
	}
	return nil
}

// smallestPiece is the face of the smallest piece that can be paid out, in fen.
func (d *demo) smallestPiece(ctx context.Context) (int64, error) {
	l, err := d.ledger(ctx)
	if err != nil {
		return 0, err
	}
	smallest := int64(1)
	for i, row := range l.Stock.Inside {
		if i == 0 || row.Face < smallest {
			smallest = row.Face
		}
	}
	return smallest, nil
}

// drop drops a coin until it is kept, or is held to be of no use, and waits until the page counts it.
func (d *demo) drop(ctx context.Context, c *citizen.Citizen, face, in int64) (kept bool, err error) {
	err = until(ctx, 10*time.Second, func() error {
		coin, err := d.desk.DropCoin(ctx, face, "", 5*time.Second)
		if kept = err == nil && coin.Fate == "kept"; err == nil && !kept {
			return errBack
		}
		return err
	})
	if errors.Is(err, errBack) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	want := fmt.Sprintf("%d.%02d", in/100, in%100)
	return true, until(ctx, 20*time.Second, func() error {
		if name, err := c.Screen.Name(ctx, "pay.inserted"); err != nil || !strings.Contains(name, want) {
			if d.met(ctx, c) {
				return nil
			}
			return fmt.Errorf("%s is in, and the page says %q: %w", want, name, err)
		}
		return nil
	})
}

var errBack = errors.New("the coin came back")

// met says whether the page of the payment is left: the bill is met.
func (d *demo) met(ctx context.Context, c *citizen.Citizen) bool {
	page, err := c.Screen.Page(ctx)
	return err == nil && page != "pay"
}

// given sees that the change came out, or that a slip stands for what did not.
func (d *demo) given(ctx context.Context, before deskclient.World, owed, change int64) error {
	return until(ctx, 20*time.Second, func() error {
		w, err := d.desk.World(ctx)
		if err != nil {
			return err
		}
		now, err := d.owed(ctx)
		if err != nil {
			return err
		}
		if out := paid(w) - paid(before); out+now-owed != change || change%50 == 0 && len(w.Payout) > 0 && out != change {
			return fmt.Errorf("%d fen were too much; %d came out and %d are owed", change, out, now-owed)
		}
		return nil
	})
}

// paid is what ever came out of what pays.
func paid(w deskclient.World) int64 {
	out := deskclient.Sum(w.Cash.Paid)
	for _, h := range w.Payout {
		out += h.Face * int64(h.Out)
	}
	return out
}

func (d *demo) owed(ctx context.Context) (int64, error) {
	l, err := d.ledger(ctx)
	return l.Placed.Owed, err
}

// coinsAgree compares the coins that came in, and the pieces inside and paid out, with the mechanisms.
func coinsAgree(l ledger, w deskclient.World) error {
	kept := deskclient.Sum(w.Coins.Taken)
	for _, path := range w.Coins.Kept {
		kept += deskclient.Sum(path)
	}
	if known := deskclient.Sum(l.Coins); known != kept {
		return fmt.Errorf("the journal has %d fen in coins and their box holds %d", known, kept)
	}
	if known := deskclient.Sum(l.Stock.Paid); known != paid(w) {
		return fmt.Errorf("the journal has %d fen paid out and %d came out", known, paid(w))
	}
	inside := deskclient.Sum(w.Cash.Store)
	for _, h := range w.Payout {
		inside += h.Face * int64(h.Inside)
	}
	if known := deskclient.Sum(l.Stock.Inside); known != inside && known > 0 { // 0: nobody has told the terminal of it
		return fmt.Errorf("the journal has %d fen in what pays, and it holds %d", known, inside)
	}
	return nil
}
