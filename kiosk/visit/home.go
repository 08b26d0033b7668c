package visit

import (
	"context"
	"strconv"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/station"
)

// home is the welcome. Nothing of a person is known here.
func (v *visit) home() step {
	for {
		m := v.await(v.drawHome, nil)
		if m.over {
			return nil
		}
		switch m.act.ID {
		case "home.apply":
			v.begin()
			return v.choose("apply")
		case "home.pay":
			v.begin()
			return v.choose("pay")
		case "home.look":
			v.begin()
			return v.lookUp
		case "home.guide":
			v.begin()
			return v.guides
		case "home.ask":
			v.begin()
			return v.ask
		case "home.rate":
			v.begin()
			return v.rate
		}
	}
}

func (v *visit) drawHome() front.View {
	if fresh := v.Catalog(); fresh != nil {
		v.catalog = fresh
	}
	if v.catalog == nil || v.Station.Resting() != "" {
		view := v.page("closed", say(front.TitleClosed))
		closed := say(front.SayMaintenance)
		view.Message = &closed
		return view
	}
	view := v.page("home", say(front.TitleHome))
	view.Notes = []front.Say{say(front.HintNoPhone)}
	if len(v.Till.Stock()) == 0 {
		view.Notes = append(view.Notes, say(front.HintNoChange))
	}
	view.Services = v.services("")
	view.Health = v.health()
	view.Acts = []string{"home.apply", "home.pay", "home.look", "home.guide", "home.ask", "home.rate"}
	return view
}

// health says what this machine can do now; nothing is green that the devices have not said.
func (v *visit) health() []front.Chip {
	var out []front.Chip
	chip := func(good bool, yes, no front.Phrase) {
		if !good {
			yes = no
		}
		out = append(out, front.Chip{Say: say(yes), Good: good})
	}
	ways := map[string]bool{}
	for i := range v.catalog.Services {
		for _, w := range v.Station.Offer(&v.catalog.Services[i], v.Journal.Now()).Ways {
			ways[w.Code] = ways[w.Code] || w.Open
		}
	}
	chip(ways["pay.cash"], front.ChipCash, front.ChipNoCash)
	chip(ways["pay.show"] || ways["pay.scan"], front.ChipPhone, front.ChipNoPhone)
	chip(v.Station.CanPrint().Open, front.ChipLicense, front.ChipNoLicense)
	chip(v.Station.Roll.State().Fault == nil, front.ChipReceipt, front.ChipNoReceipt)
	if !v.Hall.Up() {
		out = append(out, front.Chip{Say: say(front.ChipNoLine)})
	}
	return out
}

// services are those of an entrance, all when it is "".
func (v *visit) services(entrance string) []front.Service {
	var out []front.Service
	for i := range v.catalog.Services {
		s := &v.catalog.Services[i]
		if entrance != "" && s.Entrance != entrance {
			continue
		}
		o := v.Station.Offer(s, v.Journal.Now())
		out = append(out, front.Service{Code: s.Code, Name: s.Name.In(v.lang), Line: s.Line.In(v.lang), Open: o.Open, Why: o.Why})
	}
	return out
}

// choose offers the services of an entrance.
func (v *visit) choose(entrance string) step {
	title := front.TitleApply
	if entrance == "pay" {
		title = front.TitlePay
	}
	return func() step {
		v.back = v.again
		ctx, done := context.WithCancel(v.ctx)
		defer done()
		stirs := every(ctx, time.Second)
		for {
			m := v.await(func() front.View {
				view := v.page("choose", say(title))
				view.Services = v.services(entrance)
				for _, s := range view.Services {
					if s.Open {
						view.Acts = append(view.Acts, "service."+s.Code)
					} else if view.Message == nil {
						why := s.Why
						view.Message = &why
					}
				}
				return view
			}, stirs)
			switch {
			case m.over:
				return nil
			case m.act.ID == "nav.back":
				return v.back
			case m.stirred:
				continue
			}
			if s, ok := v.catalog.Find(after(m.act.ID, "service.")); ok {
				v.service = s
				if s.Entrance == "pay" {
					return v.askAccount
				}
				return v.guide(v.choose(entrance), v.identify)
			}
		}
	}
}

// every stirs a page at this pace until the context ends.
func every(ctx context.Context, pace time.Duration) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case <-ctx.Done():
				return
			case out <- struct{}{}:
			}
		}
	}()
	return out
}

// again ends this visit; the next one begins at home.
func (v *visit) again() step {
	v.reason = "home"
	return nil
}

// guides offers the guide of every service, also of those that are closed.
func (v *visit) guides() step {
	v.back = v.again
	m := v.await(func() front.View {
		view := v.page("choose", say(front.TitleGuide))
		view.Services = v.services("")
		for i := range view.Services {
			view.Services[i].Open = true // to be read, whatever the machine can do
			view.Acts = append(view.Acts, "service."+view.Services[i].Code)
		}
		return view
	}, nil)
	if m.over || m.act.ID == "nav.back" {
		return v.orEnd(m)
	}
	if s, ok := v.catalog.Find(after(m.act.ID, "service.")); ok {
		v.service = s
		return v.guide(v.guides, nil)
	}
	return v.guides
}

// guide shows the elements of a service, a few at a time in type that can be read. next is where form.next
// leads; nil: it is only read.
func (v *visit) guide(back, next step) step {
	return func() step {
		at := 0
		for {
			v.back = back
			m := v.await(func() front.View { return v.drawGuide(at, next != nil) }, nil)
			switch {
			case m.over:
				return nil
			case m.act.ID == "list.next":
				at++
			case m.act.ID == "list.prev":
				at--
			case m.act.ID == "form.next":
				return next
			default:
				return v.orEnd(m)
			}
		}
	}
}

func (v *visit) drawGuide(at int, onward bool) front.View {
	view := v.page("guide", v.serviceTitle())
	facts := v.service.Guide
	pages := max(1, (len(facts)+guidePage-1)/guidePage)
	if pages > 1 {
		view.Pager = &front.Pager{At: at + 1, Of: pages}
	}
	if at > 0 {
		view.Acts = append(view.Acts, "list.prev")
	}
	if at < pages-1 {
		view.Acts = append(view.Acts, "list.next")
	}
	for _, f := range facts[at*guidePage : min(len(facts), (at+1)*guidePage)] {
		view.Guide = append(view.Guide, front.Row{Label: front.Say{Text: f.Label.In(v.lang)}, Value: front.Say{Text: f.Value.In(v.lang)}})
	}
	if onward {
		view.Acts = append(view.Acts, "form.next")
	}
	return view
}

// orEnd is what a page returns when its own acts are done with: back, or the end.
func (v *visit) orEnd(m moment) step {
	if m.act.ID == "nav.back" && v.back != nil && !m.over {
		return v.back
	}
	return nil
}

var topics = [][2]front.Phrase{
	{front.AskMoney, front.AskMoneyAnswer}, {front.AskPower, front.AskPowerAnswer}, {front.AskLicense, front.AskLicenseAnswer},
	{front.AskCard, front.AskCardAnswer}, {front.AskSlip, front.AskSlipAnswer}, {front.AskPerson, front.AskPersonAnswer},
}

// ask answers what people ask most, one answer at a time.
func (v *visit) ask() step {
	v.back = v.again
	open := -1
	for {
		m := v.await(func() front.View {
			view := v.page("ask", say(front.TitleAsk))
			for i, t := range topics {
				view.Topics = append(view.Topics, front.Topic{Question: say(t[0]), Answer: say(t[1]), Open: i == open})
				view.Acts = append(view.Acts, "choice.topic."+strconv.Itoa(i+1))
			}
			return view
		}, nil)
		n, err := strconv.Atoi(after(m.act.ID, "choice.topic."))
		if m.over || err != nil {
			return v.orEnd(m)
		}
		if n--; n == open {
			n = -1
		}
		open = n
	}
}

// rate asks how it was (好差评, five levels).
func (v *visit) rate() step {
	v.back = nil
	m := v.await(func() front.View {
		view := v.page("rate", say(front.TitleRate))
		view.Notes = []front.Say{say(front.HintRate)}
		view.Acts = []string{"rate.1", "rate.2", "rate.3", "rate.4", "rate.5", "rate.skip"}
		return view
	}, nil)
	if m.over {
		return nil
	}
	if n, err := strconv.Atoi(after(m.act.ID, "rate.")); err == nil {
		v.append(casefile.CaseRated, v.caseID, casefile.Header{Stars: n}, nil)
	}
	return v.goodbye
}

// goodbye stands for a moment and goes home by itself.
func (v *visit) goodbye() step {
	v.back, v.reason = nil, "done"
	done := make(chan struct{})
	stop := time.AfterFunc(byeFor, func() { close(done) })
	defer stop.Stop()
	title := front.TitleThanks
	if v.split.Bill > 0 || len(v.print.done) > 0 && len(v.print.left) == 0 {
		title = front.TitleBye
	}
	v.await(func() front.View {
		view := v.page("goodbye", say(title))
		view.Notes = []front.Say{say(front.HintBye)}
		if v.person != nil {
			view.Notes = append(view.Notes, say(front.HintTakeCard))
		}
		view.Acts = []string{"nav.home"}
		return view
	}, done)
	return nil
}

func after(id, prefix string) string {
	if len(id) > len(prefix) && id[:len(prefix)] == prefix {
		return id[len(prefix):]
	}
	return ""
}

// canPrint is whether both forms can be printed now.
func (v *visit) canPrint() station.Offer { return v.Station.CanPrint() }
