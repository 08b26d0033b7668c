package tally

import (
	"maps"
	"slices"

	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
)

// Compare puts what the others say beside the day. What a side that could not be asked would have said is left out.
func (d *Day) Compare(s office.Sides) []Difference {
	out := slices.Clone(d.counted)
	theirs := map[string]office.CaseSide{}
	for _, c := range s.Cases {
		theirs[c.Case] = c
	}
	ids := maps.Clone(theirs)
	for _, id := range d.Cases() {
		ids[id] = theirs[id]
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		out = append(out, d.caseDifferences(id, theirs[id])...)
	}
	return append(out, d.orderDifferences(s)...)
}

// caseDifferences compares one case. The biller is compared with the hall, which is the one that books there; the journal with the
// hall. A case that one side does not have has nothing there.
func (d *Day) caseDifferences(id string, theirs office.CaseSide) (out []Difference) {
	ours := d.cases[id]
	if ours == nil {
		ours = &caseSums{}
	}
	differ := func(what, one, other string, a, b money.Fen, events []int64) {
		if a != b {
			out = append(out, Difference{Between: []string{one, other}, What: what, Amount: a.Sub(b), Events: distinct(events), Reference: id})
		}
	}
	differ("cash", Journal, Hall, ours.stacked.fen, theirs.Stacked, ours.stacked.events)
	differ("doubtful", Journal, Hall, ours.doubtful.fen, theirs.Doubtful, ours.doubtful.events)
	differ("placed", Journal, Hall, ours.placed.fen, theirs.Placed, ours.placed.events)
	differ("owed", Journal, Hall, ours.owed.fen, theirs.Owed, ours.owed.events)
	differ("open", Journal, Hall, ours.open.fen, theirs.Open, ours.open.events)
	differ("booked", Journal, Hall, ours.standing.fen, theirs.Booked, ours.standing.events)
	if theirs.Asked {
		differ("booked", Hall, Biller, theirs.Booked, theirs.Biller, ours.standing.events)
	}
	return out
}

// orderDifferences compares the payments by phone: the journal with the hall, the hall with the gateway's bill.
func (d *Day) orderDifferences(s office.Sides) (out []Difference) {
	seen := map[string]bool{}
	differ := func(o office.OrderSide, what, one, other string, a, b money.Fen) {
		if a == b {
			return
		}
		var events []int64
		if ours := d.orders[o.Attempt]; ours != nil {
			events = ours.kept.events
		}
		out = append(out, Difference{Between: []string{one, other}, What: what, Amount: a.Sub(b), Events: distinct(events), Reference: o.Attempt})
	}
	for _, o := range s.Orders {
		seen[o.Attempt] = true
		var kept money.Fen
		if ours := d.orders[o.Attempt]; ours != nil {
			kept = ours.kept.fen
		}
		differ(o, "kept", Journal, Hall, kept, o.Kept)
		if o.Asked {
			differ(o, "paid", Hall, Gateway, o.Paid, o.GatewayPaid)
			differ(o, "back", Hall, Gateway, o.Back, o.GatewayBack)
		}
	}
	if slices.ContainsFunc(s.Missing, func(m office.Missing) bool { return m.Side == Gateway }) {
		return out // then the hall has named no order at all
	}
	for _, no := range slices.Sorted(maps.Keys(d.orders)) {
		if o := d.orders[no]; o.today && !seen[no] {
			differ(office.OrderSide{Attempt: no}, "kept", Journal, Hall, o.kept.fen, 0)
		}
	}
	return out
}

// distinct is a list of events, each once, and an empty list where there is none.
func distinct(events []int64) []int64 {
	out := append([]int64{}, events...)
	slices.Sort(out)
	return slices.Compact(out)
}
