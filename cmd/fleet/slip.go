package fleet

import (
	"fmt"
	"slices"

	"yichuang/kiosk/casefile"
)

// slip is a code that somebody took home.
type slip struct {
	code string
	at   *unit // where it was refused last: it is tried there again, for an answer of the hall may have been lost; nil: nowhere
	paid bool
}

// keep takes the slips that came out since the last visitor.
func (u *unit) keep() {
	codes, strips := u.citizen().Slips(u.strips)
	for _, code := range codes {
		u.slips = append(u.slips, slip{code: code})
	}
	u.strips = strips
}

// redeem brings a slip to some terminal of the fleet, to have it paid out; one that was paid is a copy, and is brought all
// the same. Only the hall can say that it was not paid before, so that it may be refused while there is no line. Paid
// twice it never is.
func (u *unit) redeem() {
	if len(u.slips) == 0 || u.rng.IntN(2) == 0 {
		return
	}
	s := &u.slips[u.rng.IntN(len(u.slips))]
	at := u.f.units[u.rng.IntN(len(u.f.units))]
	if s.at != nil && !s.paid {
		at = s.at
	}
	if !at.pays(s.code) {
		s.at = at
		return
	}
	s.paid = true
	u.f.pays(s.code)
}

// pays has staff at a terminal pay a slip, and says whether they did.
func (u *unit) pays(code string) bool {
	u.w.Slot.Await()
	c := u.citizen()
	return c.Gone() == nil && c.Redeem(code) == nil
}

// pays counts a slip that was paid.
func (f *fleet) pays(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paid[code]++
	f.out.Served["slip"]++
}

// claims looks whether each slip was paid once at most, and whether the journals have all that were.
func (f *fleet) claims() {
	f.mu.Lock()
	paid := 0
	var twice []string
	for code, n := range f.paid {
		if paid += n; n > 1 {
			twice = append(twice, fmt.Sprintf("%s was paid %d times", code, n))
		}
	}
	f.mu.Unlock()
	slices.Sort(twice)
	for _, what := range twice {
		f.bad("fleet", "slip.paid_once", what)
	}
	written := 0
	for _, u := range f.units {
		u.w.Journal.Book(func(book *casefile.Book) {
			written += len(book.Redeemed)
			for _, o := range book.Owed {
				if o.Paid && o.Coded && o.Where == "" {
					written++
				}
			}
		})
	}
	if written < paid {
		f.bad("fleet", "slip.written_down", fmt.Sprintf("%d slips were paid, and %d are in the journals", paid, written))
	}
	f.out.Checked["slip.paid_once"] += int64(len(f.paid))
	f.out.Checked["slip.written_down"] += int64(len(f.paid))
}
