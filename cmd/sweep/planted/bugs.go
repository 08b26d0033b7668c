package main

// bug is a mistake as a programmer makes it: texts of one file that are replaced, each of which stands there once.
type bug struct {
	name  string // part and what it does
	file  string
	edits []edit
}

type edit struct{ old, new string }

// bugs are all of them. None is in the product: the compiler is given a changed copy of one file in place of it.
var bugs = []bug{
	{"store.commits_are_not_synced", "kiosk/sqlite/sqlite.go", []edit{
		{`q.Set("_synchronous", "EXTRA")`, `q.Set("_synchronous", "OFF")`}, {`if synchronous != 3 {`, `if false {`}}},
	{"store.keeps_what_undoes_a_commit_in_memory", "kiosk/sqlite/sqlite.go", []edit{{`"PRAGMA journal_mode=WAL"`, `"PRAGMA journal_mode=MEMORY"`}, {`if mode != "wal" {`, `if false {`}}},
	{"store.begins_an_epoch_at_each_start", "kiosk/store/store.go", []edit{{`	if epoch == nil {`, `	if epoch == nil || s.book.Seq == 0 {`}}},

	{"payment.forgets_the_acceptors_mark", "kiosk/payment/till.go", []edit{
		{`t.acceptor.Resume(cash.Mark{Serial: mark.Serial, Counter: mark.Counter, Known: mark.Known})`, `t.acceptor.Resume(cash.Mark{})`}}},
	{"payment.calls_a_lost_note_returned", "kiosk/payment/till.go", []edit{{`		return t.doubt(ctx, open, asked, mark)
	}
	if t.silent {`, `		return t.ended(ctx, s, casefile.NoteReturned, mark)
	}
	if t.silent {`}}},
	{"payment.pays_again_after_a_restart", "kiosk/payment/payout.go", []edit{
		{`t.payer.Settle(ask, payerMemory(open.Memory), piles(open.Pieces))`, `t.payer.Pay(ask, payerMemory(open.Memory), piles(open.Pieces))`}}},
	{"payment.books_a_coin_twice", "kiosk/payment/coins.go", []edit{{`	return t.journal.Append(ctx, entry(casefile.CoinTaken, caseID, casefile.Header{Face: face, Currency: money.CNY, Store: s.Store, Mark: mark}))`,
		`	e := entry(casefile.CoinTaken, caseID, casefile.Header{Face: face, Currency: money.CNY, Store: s.Store, Mark: mark})
	return t.journal.Append(ctx, e, e)`}}},

	{"uplink.asks_to_pay_whole_yuan", "sync/uplink/order.go", []edit{{`AmountFen: int64(o.Amount), Mode`, `AmountFen: int64(o.Amount) + 100 - int64(o.Amount)%100, Mode`}}},
	{"uplink.asks_for_a_permit_for_any_blank", "sync/uplink/ask.go", []edit{{`Serial: serial, PreviousPermit`, `Serial: "A00000001", PreviousPermit`}}},
	{"uplink.leaves_the_sealed_part_behind", "sync/uplink/push.go", []edit{{`Header: r.Header, Sealed: r.Sealed, SealSum`, `Header: r.Header, SealSum`}}},

	{"hall.asks_to_book_again_without_asking_first", "sync/hall/posting.go", []edit{{`	if d.asked > 0 {`, `	if d.asked > 0 {
		d.Reference += "-again"
	}
	if false {`}}},
	{"hall.marks_how_far_it_got_afterwards", "sync/hall/work.go", []edit{{`		return hallstore.Processed(ctx, tx, records[n-1]) // all of one journal
	})`, `		last = records[n-1]
		return nil
	})
	if err == nil && last != nil {
		err = h.store.Tx(ctx, func(tx *sql.Tx) error { return hallstore.Processed(ctx, tx, last) })
	}`}, {`	whole := context.WithoutCancel(ctx) //`, `	var last *casefile.Record
	whole := context.WithoutCancel(ctx) //`}}},
	{"hall.takes_a_record_in_twice", "sync/hallstore/intake.go", []edit{{`			return nil // handed in twice is one`, `			return in.aside(ctx, r, "again")`}}},

	{"drivers.counts_one_event_too_few", "devices/cash/ccbus/events.go", []edit{{`		return int(now) - int(last)
	}
	return int(now) - int(last) + 255`, `		return max(int(now)-int(last)-1, 0)
	}
	return int(now) - int(last) + 255`}}},
	{"drivers.believes_that_a_job_never_came", "devices/printer/ipp/job.go", []edit{{`return printer.JobState{ID: id, Name: name, Phase: printer.JobUnknown}, true, nil`, `return printer.JobState{}, false, nil`}}},
	{"drivers.says_that_no_piece_came_out", "devices/cash/cctalkhopper/pay.go", []edit{{`		paid.Out = add(paid.Out, o.Note, r.out)
		paid.Unsure = add(paid.Unsure, o.Note, r.unsure)
		paid.Raw = append(paid.Raw, r.raw...)
		if r.err != nil {
			err = r.err
		}
	}
	return paid, err
}

// settleFace`, `		paid.Raw = append(paid.Raw, r.raw...)
		if r.err != nil {
			err = r.err
		}
	}
	return paid, err
}

// settleFace`}}},

	{"document.receipt_without_what_was_paid", "kiosk/document/receipt.go", []edit{{`w.strong("缴入账单", "To the bill", w.amount(r.ToBill))`, `w.strong("缴入账单", "To the bill", w.amount(r.Inserted))`}}},
	{"document.receipt_of_another_case", "kiosk/document/head.go", []edit{{`w.row("办件编号", "Case", h.Case)`, `w.row("办件编号", "Case", h.Number)`}}},
	{"document.calls_a_strip_printed_without_asking", "kiosk/press/press.go", []edit{{`} else if out = p.wasCut(ctx, paper.Cuts); !out {`, `} else if out = true; !out {`}}},
	{"document.receipt_without_what_is_owed", "kiosk/document/receipt.go", []edit{{`	if r.Owed > 0 {`, `	if r.Owed > 100_00 {`}}},
}
