package qrshapes

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"yichuang/kiosk/casefile"
)

// verdict is what all of them say of one person's payment in the end.
type verdict struct {
	gateway, hall, biller, journal string
	booked                         int64 // at the company
	befell                         bool
	double, unserved               int
}

func (v verdict) String() string {
	return fmt.Sprintf("gateway: %s; hall: %s; company: %s; journal: %s", v.gateway, v.hall, v.biller, v.journal)
}

// judge compares gateway, hall, company and journal about the orders of one person.
func (d *desk) judge(before int, account string, fen int64) (v verdict) {
	d.t.Helper()
	var kept int64
	var states []string
	caseID := d.lastCase()
	for _, o := range d.orders()[before:] {
		kept += o.keeps()
		states = append(states, fmt.Sprintf("%s keeps %d", o.State, o.keeps()))
	}
	v.gateway = strings.Join(states, ", ")
	if len(states) == 0 {
		v.gateway = "none"
	}
	var theirs struct {
		Postings []struct {
			Case   string `json:"case"`
			Amount int64  `json:"amount_fen"`
		} `json:"postings"`
	}
	if got := d.call(d.biller, "GET", "/desk/accounts/"+account, nil, &theirs); got != http.StatusOK {
		d.t.Fatalf("account: status %d", got)
	}
	for _, p := range theirs.Postings {
		v.booked += p.Amount
	}
	v.biller = fmt.Sprintf("%d", v.booked)
	v.hall = "nothing"
	for _, p := range d.payments() {
		if p.Case == caseID {
			v.hall = fmt.Sprintf("%s %d", p.State, p.Posted)
		}
	}
	var bill int64
	v.journal, bill = d.told(caseID)
	if kept > fen || v.booked > fen || len(theirs.Postings) > 1 {
		v.double++
	}
	if kept > v.booked {
		v.unserved++
	}
	if kept != v.booked || bill != v.booked {
		d.t.Errorf("the gateway keeps %d, the company has %d and the journal %d: %s", kept, v.booked, bill, v)
	}
	return v
}

// lastCase is the case that was opened last.
func (d *desk) lastCase() (id string) {
	d.journal.Book(func(b *casefile.Book) {
		var last time.Time
		for _, c := range b.Cases {
			if c.Opened.After(last) {
				id, last = c.ID, c.Opened
			}
		}
	})
	return id
}

// told is what the journal says of a case, and what it has paid of its bill.
func (d *desk) told(caseID string) (says string, bill int64) {
	d.journal.Book(func(b *casefile.Book) {
		c := b.Cases[caseID]
		if c == nil {
			says = "nothing"
			return
		}
		for _, o := range b.Orders {
			if o.Case == caseID {
				says += fmt.Sprintf("%s %s, ", o.State, o.How)
			}
		}
		bill = int64(c.Bill.Add(c.Surplus))
		says += fmt.Sprintf("bill %d", bill)
		if c.Posted {
			says += " posted"
		}
	})
	return strings.ReplaceAll(says, " ,", ","), bill
}
