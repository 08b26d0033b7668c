// Package visit is one person at the screen, from welcome to goodbye.
//
// Read the steps in order and you have walked to the machine and away again:
//
//	home → choose → guide → identify → form → sign → review → submit → print → take → rate → goodbye
//	home → choose → account → bill → method → pay → take → rate → goodbye
//
// Each step is a function that shows a view, waits, acts, and returns the next step. One goroutine lives
// a visit, so that nothing happens twice at once. Every way out goes through leave: what is in the box
// and not placed is settled there, what is open at a gateway is closed, and what is owed gets a slip.
package visit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/press"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
)

// Kiosk is what visits are lived with.
type Kiosk struct {
	Stage    *front.Stage
	Journal  *store.Store
	Till     *payment.Till
	Press    *press.Press
	Station  *station.Station
	Hall     office.Hall
	Catalog  func() *catalog.Catalog // the newest; nil before the first came
	Root     func() []byte           // license root, PEM; nil before enrolment
	Number   string                  // of the terminal, as people read it: 03
	Language string                  // of the home page
	Idle     time.Duration           // without a touch
	Warn     time.Duration           // of the warning after it
	Log      *slog.Logger
}

// step is one stage of a visit. It returns the next one, nil when the visit is over.
type step func() step

// errStop ends a visit because the program is to stop.
var errStop = errors.New("visit: stop")

type visit struct {
	*Kiosk
	ctx     context.Context
	err     error // the journal's: the program must stop
	catalog *catalog.Catalog
	id      string
	lang    string
	elder   bool
	reason  string // why it ended, for the journal
	left    bool   // leave has been through

	touched time.Time // the last touch, or the last note
	warned  bool
	ends    time.Time

	service *catalog.Service
	caseID  string
	back    step // what nav.back does on the page that is shown; nil: not offered
	note    *front.Say

	bill      office.Bill
	chosen    map[string]bool // periods
	billed    choice          // what was written down last as what will be paid
	strips    int             // papers of this visit that came out of the roll
	account   string
	attempt   int
	order     office.NewOrder
	split     payment.Split
	way       string
	receipted bool            // the receipt of this case was printed, or could not be
	told      map[string]bool // what is owed or in doubt and has had its slip in this visit
	onScreen  map[string]bool // of it, what has its code on the screen alone

	person *casefile.Person
	photo  []byte // on the card, as the screen takes it; in memory alone, and for this visit
	form   form
	print  printing
	cases  []office.CaseLine
}

// Run lives visits one after the other until ctx ends. The error is the journal's.
func (k *Kiosk) Run(ctx context.Context) error {
	lang, elder := k.Language, false
	for ctx.Err() == nil {
		v := &visit{Kiosk: k, ctx: ctx, lang: lang, elder: elder, catalog: k.Catalog(), told: map[string]bool{}, onScreen: map[string]bool{}}
		for next := step(v.home); next != nil && v.err == nil && ctx.Err() == nil; {
			next = next()
		}
		v.leave()
		if v.err != nil && v.err != errStop {
			return v.err
		}
		// The next person finds the screen as the terminal is set; nothing of this one stays.
		lang, elder = k.Language, false
		k.Journal.NewVisit()
	}
	return ctx.Err()
}

// begin makes the visit one that the journal knows. The home page alone is none.
func (v *visit) begin() {
	if v.id != "" {
		return
	}
	b := make([]byte, 8)
	rand.Read(b) // never fails
	v.id = hex.EncodeToString(b)
	v.touched = time.Now()
	v.append(casefile.VisitBegun, "", casefile.Header{Visit: v.id, Language: v.lang}, nil)
}

// append writes an event; a failure ends the visit and the program.
func (v *visit) append(kind casefile.Kind, caseID string, h casefile.Header, secret any) bool {
	if v.err != nil {
		return false
	}
	v.err = v.write(kind, caseID, h, secret)
	return v.err == nil
}

// write is append for an event that the book may refuse.
func (v *visit) write(kind casefile.Kind, caseID string, h casefile.Header, secret any) error {
	return v.Journal.Append(context.WithoutCancel(v.ctx), store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}, Secret: secret})
}

// openCase begins a case of the service that was chosen.
func (v *visit) openCase() {
	v.caseID = payment.NewCaseID()
	v.append(casefile.CaseOpened, v.caseID, casefile.Header{Visit: v.id, Service: v.service.Code, Catalog: v.catalog.Version, Language: v.lang}, nil)
}

// of looks at the case in the book.
func (v *visit) of(id string) (c casefile.Case) {
	v.Journal.Book(func(b *casefile.Book) {
		if found := b.Cases[id]; found != nil {
			c = *found
		}
	})
	return c
}

// page is the frame that every view begins with.
func (v *visit) page(name string, title front.Say) front.View {
	view := front.View{Visit: v.id, Page: name, Language: v.lang, Elder: v.elder, Title: title, Message: v.note}
	if v.catalog != nil {
		view.Place = front.Place{Hall: v.catalog.Hall.In(v.lang), Area: v.catalog.Area.In(v.lang), Terminal: v.Number, Phone: v.catalog.Phone}
	}
	return view
}

func (v *visit) serviceTitle() front.Say { return front.Say{Text: v.service.Name.In(v.lang)} }

// now are moments that a page can come to.
type moment struct {
	act     front.Act
	stirred bool // the extra channel has something
	over    bool // nobody touched the screen, home was asked for, or the program stops
}

// await shows a view and waits for a touch, for extra, or for the end of patience. draw is called again
// whenever the view may have changed. What belongs to every page (language, large type, help, more time)
// is dealt with here.
func (v *visit) await(draw func() front.View, extra <-chan struct{}) moment {
	for {
		view := v.frame(draw())
		v.Stage.Show(view)
		timer := time.NewTimer(v.untilNext())
		select {
		case act := <-v.Stage.Acts():
			timer.Stop()
			v.touched, v.warned = time.Now(), false
			if act.ID == "nav.help" {
				if v.help(view.Page, extra) {
					return moment{stirred: true}
				}
				continue
			}
			if v.everywhere(act) {
				if act.ID == "nav.home" {
					return moment{over: true}
				}
				continue
			}
			v.note = nil
			return moment{act: act}
		case <-extra:
			timer.Stop()
			return moment{stirred: true}
		case <-v.ctx.Done():
			timer.Stop()
			if v.err == nil {
				v.err = errStop
			}
			return moment{over: true}
		case <-timer.C:
			if v.id == "" {
				continue // the home page has no end; it is drawn anew for what has changed
			}
			if v.warned && !time.Now().Before(v.ends) {
				v.reason = "timeout"
				return moment{over: true}
			}
			v.warned = v.warned || time.Since(v.touched) >= v.Idle
		}
	}
}

// untilNext is when the view must be looked at again even when nothing happens.
func (v *visit) untilNext() time.Duration {
	if v.id == "" {
		return time.Second
	}
	d := time.Until(v.touched.Add(v.Idle))
	if v.warned {
		d = time.Until(v.ends)
	}
	return max(d, 10*time.Millisecond)
}

// frame adds what stands on every page of a visit: the bar at the bottom and the time that is left.
func (v *visit) frame(view front.View) front.View {
	view.Acts = append(view.Acts, "home.language", "home.elder")
	if view.Page != "help" {
		view.Acts = append(view.Acts, "nav.help")
	}
	if v.id == "" {
		return view
	}
	if view.Page != "goodbye" {
		view.Acts = append(view.Acts, "nav.home")
	}
	if v.back != nil {
		view.Acts = append(view.Acts, "nav.back")
	}
	v.ends = v.touched.Add(v.Idle).Add(v.Warn)
	view.Left = &front.Left{Ends: v.ends, Warn: v.warned}
	if v.warned {
		view.Acts = append(view.Acts, "timeout.more")
	}
	return view
}

// everywhere deals with what can be touched on every page.
func (v *visit) everywhere(act front.Act) bool {
	switch act.ID {
	case "home.language":
		if v.lang = "en"; v.Stage.View().Language == "en" {
			v.lang = "zh"
		}
	case "home.elder":
		v.elder = !v.elder
	case "timeout.more":
	case "nav.home":
		v.reason = "home"
	default:
		return false
	}
	return true
}

// help lies over a page; the page is as it was when it is taken away. A payment goes on meanwhile: what
// stirs its page takes help away, and help says so.
func (v *visit) help(page string, extra <-chan struct{}) (stirred bool) {
	v.Log.Info("help wanted", "page", page)
	if page != "pay" {
		extra = nil
	}
	for {
		view := v.page("help", front.Say{Phrase: front.TitleHelp})
		view.Message = nil
		phone := ""
		if v.catalog != nil {
			phone = v.catalog.Phone
		}
		view.Notes = []front.Say{{Phrase: front.HintHelp, Args: map[string]string{"phone": phone}}, {Phrase: front.AskPersonAnswer}}
		view.Acts = []string{"nav.back", "home.language", "home.elder"}
		v.Stage.Show(view)
		timer := time.NewTimer(v.Idle)
		select {
		case act := <-v.Stage.Acts():
			timer.Stop()
			v.touched = time.Now()
			if act.ID == "nav.back" {
				return false
			}
			v.everywhere(act)
		case <-extra:
			timer.Stop()
			return true
		case <-timer.C:
			return false
		case <-v.ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// working shows the wait page with what is waited for, and does it. Touches are refused meanwhile,
// because the page offers none; the work has its own bound.
func (v *visit) working(title front.Say, what front.Say, bound time.Duration, work func(ctx context.Context)) {
	view := v.page("wait", title)
	view.Message = &what
	v.Stage.Show(view)
	ctx, cancel := context.WithTimeout(v.ctx, bound)
	defer cancel()
	work(ctx)
	v.touched, v.warned = time.Now(), false
}

// say puts a sentence on the next page.
func (v *visit) say(phrase front.Phrase, args ...string) {
	s := front.Say{Phrase: phrase}
	for i := 0; i+1 < len(args); i += 2 {
		if s.Args == nil {
			s.Args = map[string]string{}
		}
		s.Args[args[i]] = args[i+1]
	}
	v.note = &s
}

func say(phrase front.Phrase, args ...string) front.Say {
	var v visit
	v.say(phrase, args...)
	return *v.note
}

// docLang is the language of papers.
func (v *visit) docLang() document.Lang { return document.Lang(v.lang) }
