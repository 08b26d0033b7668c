package visit

import (
	"context"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
)

// cash takes notes until the bill is met or the citizen ends it.
func (v *visit) cash() step {
	v.way = "cash"
	if err := v.Till.Take(v.ctx, v.caseID); err != nil {
		v.Log.Warn("cash accept", "error", err)
		v.stopTaking()
		v.say(front.SayCashClosed)
		if v.of(v.caseID).Visiting > 0 {
			return v.rest // opened a second time, with money in the box
		}
		return v.method
	}
	watching, done := context.WithCancel(v.ctx)
	defer done()
	noPaper := v.paperEnds(watching)
	for {
		st := v.Till.Status()
		if st.Inserted >= v.due() && st.Moving == 0 {
			v.stopTaking()
			return v.settle(payment.RestPart, "paid")
		}
		changed := v.Till.Changed()
		v.back = nil
		if st.Inserted == 0 && st.Moving == 0 {
			v.back = v.method
		}
		m := v.await(func() front.View { return v.drawCash(v.Till.Status()) }, either(watching, changed, noPaper))
		switch {
		case m.over && v.reason == "home":
			return v.homeFromCash()
		case m.over:
			return nil
		case m.stirred && closed(noPaper):
			return v.cashWithoutPaper()
		case m.stirred:
			v.touched, v.warned = now(), false // a note is as good as a touch
		case m.act.ID == "pay.finish":
			v.stopTaking()
			return v.finishEarly()
		case m.act.ID == "pay.cancel", m.act.ID == "nav.back":
			v.stopTaking()
			if v.Till.Status().Inserted == 0 && v.of(v.caseID).Visiting == 0 {
				v.sight()
				return v.method
			}
			return v.rest
		}
	}
}

// paperEnds is closed when no receipt can be printed any more: then no note is taken either.
func (v *visit) paperEnds(ctx context.Context) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		for tick := every(ctx, paperEvery); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick:
			}
			if v.Station.Roll.State().Fault != nil {
				close(ended)
				return
			}
		}
	}()
	return ended
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// homeFromCash ends the taking of notes because home was touched. What is in the box is the person's to decide about, as
// when they stop; touched once more, home goes home, and the money by its rule.
func (v *visit) homeFromCash() step {
	v.stopTaking()
	if v.of(v.caseID).Visiting == 0 {
		return nil
	}
	v.reason = ""
	return v.rest
}

// cashWithoutPaper ends the taking of notes because no receipt can be printed; what is in the box is the person's to
// decide about.
func (v *visit) cashWithoutPaper() step {
	v.stopTaking()
	v.say(front.SayNoPaper)
	if v.of(v.caseID).Visiting == 0 {
		return v.method
	}
	return v.rest
}

// stopTaking ends the taking of notes behind a page that says for what is waited.
func (v *visit) stopTaking() {
	v.back = nil
	v.working(v.serviceTitle(), say(front.WaitNote), stopMax, func(ctx context.Context) {
		if err := v.Till.Stop(ctx); err != nil {
			v.Log.Warn("cash stop", "error", err)
		}
	})
}

// finishEarly ends with what is in the box, when the biller takes that; otherwise the choice is put.
func (v *visit) finishEarly() step {
	in := v.of(v.caseID).Visiting
	switch {
	case in == 0:
		return v.method
	case in >= v.due() || v.bill.Part:
		return v.settle(payment.RestPart, "finished")
	}
	return v.rest
}

// rest asks what is to become of money in the box that does not meet the bill.
func (v *visit) rest() step {
	v.asChosen()
	in := v.of(v.caseID).Visiting
	if in >= v.due() {
		return v.settle(payment.RestPart, "paid")
	}
	v.back = nil
	why := v.note
	m := v.await(func() front.View {
		view := v.drawCash(v.Till.Status())
		if why != nil {
			view.Notes = []front.Say{*why}
		}
		view.Money.Taking, view.Money.Inserted, view.Money.Remaining = false, int64(in), int64(v.due().Sub(in))
		ask := say(front.SayStopAsk, "amount", in.String())
		view.Message, view.Acts = &ask, nil
		pick := func(id string, text front.Phrase) {
			view.Choices = append(view.Choices, front.Choice{ID: id, Text: say(text, "amount", in.String()), Open: true})
			view.Acts = append(view.Acts, id)
		}
		if v.cashOpen() {
			pick("choice.rest.more", front.LabelPayMore) // a finger slips; nobody has to give up for that
		}
		if v.bill.Part {
			pick("choice.rest.part", front.LabelPayPart)
		}
		if pieces, _ := money.Change(in, v.Till.Stock()); len(pieces) > 0 {
			pick("choice.rest.owed", front.LabelPayBack)
			view.Choices[len(view.Choices)-1].Sub = say(front.HintPayBack)
		} else {
			pick("choice.rest.owed", front.LabelPayOwed)
		}
		return view
	}, nil)
	switch m.act.ID {
	case "choice.rest.more":
		return v.cash
	case "choice.rest.part":
		return v.settle(payment.RestPart, "stopped")
	case "choice.rest.owed":
		return v.settle(payment.RestOwed, "stopped")
	}
	return nil // leave settles it
}

// cashOpen says whether notes can be taken now.
func (v *visit) cashOpen() bool {
	for _, way := range v.Station.Offer(v.service, v.Journal.Now()).Ways {
		if way.Code == "pay.cash" {
			return way.Open
		}
	}
	return false
}

func (v *visit) drawCash(st payment.Status) front.View {
	view := v.page("pay", v.serviceTitle())
	view.Sub = front.Say{Text: maskAccount(v.account) + " · " + v.bill.Name}
	view.Step, view.Steps = 4, 4
	due := v.due()
	remaining := due.Sub(st.Inserted)
	if remaining < 0 {
		remaining = 0
	}
	faces := []int64{}
	for _, f := range v.Till.Taken() {
		faces = append(faces, f.Face)
	}
	view.Money = &front.Money{Due: int64(due), Inserted: int64(st.Inserted), Remaining: int64(remaining), Faces: faces, Escrow: int64(st.Moving), Taking: st.Taking}
	surplus := v.surplusRule()
	if st.Case != "" && !st.Change && surplus.Phrase == front.HintChange {
		surplus = say(front.HintChangeSome) // what was said at the first note holds for this payment
	} else if st.Change {
		surplus = say(front.HintChange)
	}
	view.Notes = []front.Say{say(front.HintOneByOne), surplus, v.cancelRule()}
	if len(faces) < len(payment.Faces) {
		view.Notes = append(view.Notes, say(front.HintFewFaces))
	}
	if st.Coins {
		view.Notes = append(view.Notes, say(front.HintCoins))
	}
	if s, ok := sightSays(st.Sight); ok {
		view.Message = &s
	} else if st.Moving > 0 {
		moving := say(front.WaitNote)
		view.Message = &moving
	}
	view.Acts = []string{"pay.cancel"}
	if st.Inserted > 0 {
		view.Acts = append(view.Acts, "pay.finish")
	}
	return view
}

// sight puts what the acceptor told last on the next page.
func (v *visit) sight() {
	if s, ok := sightSays(v.Till.Status().Sight); ok {
		v.note = &s
	}
}

// sightSays is the sentence for what the acceptor told.
func sightSays(s payment.Sight) (front.Say, bool) {
	amount := s.Face.String()
	switch s.What {
	case cash.Refused:
		return say(front.SayNoteRefused), true
	case cash.Returned:
		return say(front.SayNoteReturned), true
	case cash.Lost:
		if s.Face == 0 {
			return say(front.SayNoteUnclear), true
		}
		return say(front.SayNoteDoubtful, "amount", amount), true
	case cash.Faulty:
		switch {
		case s.Fault == nil:
		case s.Fault.Kind == fault.Full:
			return say(front.SayBoxFull), true
		case s.Fault.Kind == fault.Jammed:
			return say(front.SayNoteJam), true
		}
		return say(front.SayCashClosed), true
	}
	return front.Say{}, false
}
