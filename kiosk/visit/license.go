package visit

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"yichuang/devices/printer"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/license"
	"yichuang/kiosk/office"
	"yichuang/kiosk/press"
	"yichuang/kiosk/station"
)

// submit hands the case in: on the disk first, then to the hall, which decides by rule within seconds.
// Without a line it is accepted all the same, and a slip says what happens next.
func (v *visit) submit() step {
	v.back = nil
	if !v.append(casefile.CaseSubmitted, v.caseID, casefile.Header{Service: v.service.Code}, v.secret()) {
		return nil
	}
	var d office.Decision
	var err error
	v.working(v.serviceTitle(), say(front.WaitHall), submitMax, func(ctx context.Context) {
		if err = v.Hall.Flush(ctx); err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, decisionMax)
		defer cancel()
		d, err = v.Hall.Decision(ctx, v.caseID)
	})
	if err != nil {
		v.Log.Info("decision", "case", v.caseID, "error", err)
		return v.nextSlip(document.SlipNext, front.HintSlipNext, "")
	}
	return v.decided(d)
}

// decided goes on where the hall's decision leads.
func (v *visit) decided(d office.Decision) step {
	reason := d.ReasonZH
	if v.lang == "en" && d.ReasonEN != "" {
		reason = d.ReasonEN
	}
	if d.State == "approved" || d.State == "refused" || d.State == "waiting" {
		v.append(casefile.CaseDecided, v.caseID, casefile.Header{State: d.State, Code: d.Code, License: d.License}, nil)
	}
	switch d.State {
	case "approved":
		v.form.license = d.License
		return v.printLicense
	case "refused":
		v.say(reasonPhrase(d.Code, front.SayRefusedBecause), "reason", reason)
		return v.nextSlip(document.SlipRefused, "", reason)
	case "waiting":
		v.say(reasonPhrase(d.Code, front.SayWaitingPerson), "reason", reason)
		return v.nextSlip(document.SlipWaiting, front.SayWaitingPerson, reason)
	}
	v.say(front.SayDeciding)
	return v.nextSlip(document.SlipNext, front.HintSlipNext, "")
}

func reasonPhrase(code string, otherwise front.Phrase) front.Phrase {
	switch code {
	case "under_age":
		return front.SayUnderAge
	case "name_taken":
		return front.SayNameTaken
	case "permit_first":
		return front.SayPermitFirst
	}
	return otherwise
}

// nextSlip prints what happens next and shows it until it is touched away.
func (v *visit) nextSlip(kind document.SlipKind, hint front.Phrase, reason string) step {
	note := v.note
	slip := document.Slip{Head: v.head(false), Kind: kind, Reason: reason, Counter: v.counter()}
	printed := v.printSlip(string(kind), slip)
	return func() step {
		v.back = nil
		m := v.await(func() front.View {
			view := v.page("slip", v.serviceTitle())
			view.Sub = say(front.TitleSlip)
			if view.Message == nil {
				view.Message = note
			}
			view.Rows = []front.Row{{Label: say(front.LabelCase), Value: front.Say{Text: v.caseID}, Strong: true}}
			if hint != "" {
				view.Notes = append(view.Notes, say(hint, "case", v.caseID))
			}
			if !printed {
				view.Notes = append(view.Notes, say(front.SayReceiptOut, "case", v.caseID))
			}
			view.Notes = append(view.Notes, say(front.HintTakeCard))
			view.Acts = []string{"form.next"}
			return view
		}, nil)
		if m.over {
			return nil
		}
		v.note = nil
		return v.rate
	}
}

// printing is how far a license is.
type printing struct {
	done []document.SheetOut
	left []document.LicenseKind // forms that could not be printed now
	void bool                   // a sheet was spoiled and lies there
}

var forms = []struct {
	kind  document.LicenseKind
	media string
}{{document.Original, station.MediaOriginal}, {document.Duplicate, station.MediaDuplicate}}

// printLicense prints original and duplicate, each on its own blank under its own permit.
func (v *visit) printLicense() step {
	v.back = nil
	v.print = printing{}
	var first *front.Say // what hindered the first form is what the person has to know
	for _, f := range forms {
		if v.sheetOut(f.kind) {
			continue
		}
		if !v.printForm(f.kind, f.media) {
			v.print.left = append(v.print.left, f.kind)
			if first == nil {
				first = v.note
			}
		}
		if v.err != nil {
			return nil
		}
	}
	if first != nil {
		v.note = first
	}
	return v.licensePapers
}

// sheetOut says whether this form of the case left this printer before.
func (v *visit) sheetOut(kind document.LicenseKind) (out bool) {
	v.Journal.Book(func(b *casefile.Book) {
		if s := b.LiveSheet(v.caseID, string(kind)); s != nil {
			out = true
		}
	})
	return out
}

// printForm prints one form, on another blank when a sheet was spoiled, and says whether it is out.
func (v *visit) printForm(kind document.LicenseKind, media string) bool {
	previous := ""
	for try := 0; try < sheetTries && v.err == nil; try++ {
		l, ok := v.permit(kind, media, previous)
		if !ok {
			return false
		}
		serial := l.License.Serial
		v.showJob(kind, serial, printer.JobState{Phase: printer.JobWaiting})
		out, err := v.Press.License(v.ctx, l, func(s printer.JobState) { v.showJob(kind, serial, s) })
		v.touched, v.warned = now(), false
		if err != nil {
			v.Log.Error("license", "case", v.caseID, "error", err)
			if v.Journal.Health() != nil {
				v.err = errors.Join(v.err, err)
			}
			v.say(front.SayPrintFailed)
			return false
		}
		v.flushQuietly()
		switch out.Kind {
		case casefile.LicensePrinted:
			v.print.done = append(v.print.done, document.SheetOut{Kind: kind, Serial: l.License.Serial})
			return true
		case casefile.LicenseSpoiled:
			v.print.void = true
			previous = l.Permit
			continue
		case casefile.LicenseDoubtful:
			v.doubtfulSheet(kind, l.License.Serial)
			return false
		}
		v.say(front.SayPrintFailed)
		return false
	}
	v.say(front.SayPrintFailed)
	return false
}

// permit asks for leave to print on the next blank, and checks what the hall signed before it is used.
func (v *visit) permit(kind document.LicenseKind, media, previous string) (press.Leave, bool) {
	tray, serial, ok := v.Station.Blank(media)
	if fit := v.Station.PrinterFit(); !ok || !fit.Open {
		v.note = &fit.Why
		if fit.Open {
			v.say(front.SayNoBlanks)
		}
		return press.Leave{}, false
	}
	var p office.Permit
	var err error
	v.working(v.serviceOr(front.TitlePrint), say(front.WaitPermit), permitMax, func(ctx context.Context) {
		if err = v.Hall.Flush(ctx); err == nil {
			p, err = v.Hall.Permit(ctx, v.caseID, string(kind), serial, previous)
		}
	})
	if err != nil {
		v.Log.Info("permit", "case", v.caseID, "error", err)
		v.say(front.SayPrinterOut)
		return press.Leave{}, false
	}
	switch p.Refused {
	case "":
	case "printed":
		v.say(front.SayLicensePrinted, "date", dayOf(p.When), "place", v.placeSays(p.Where))
		return press.Leave{}, false
	case "elsewhere":
		v.say(front.SayLicenseElse, "place", v.placeSays(p.Where))
		return press.Leave{}, false
	default:
		v.say(front.SayLicenseNone)
		return press.Leave{}, false
	}
	l, err := v.leaveOf(p, kind, serial)
	if err != nil {
		v.Log.Error("permit", "case", v.caseID, "error", err)
		v.say(front.SayPrintFailed)
		return press.Leave{}, false
	}
	return press.Leave{Case: v.caseID, Permit: p.Permit, Number: l.Number, Tray: tray, Media: media, License: l}, true
}

// leaveOf checks the hall's signature and makes the license of its facts: what is signed is what is printed.
func (v *visit) leaveOf(p office.Permit, kind document.LicenseKind, serial string) (document.License, error) {
	facts, _, err := license.Verify(v.Root(), p.CodeText)
	if err != nil {
		return document.License{}, err
	}
	if facts.Serial != serial || facts.Form != string(kind) || facts.Case != v.caseID {
		return document.License{}, errors.New("the permit is for another sheet")
	}
	var told license.Facts
	if err := json.Unmarshal(p.Facts, &told); err == nil && len(p.Facts) > 0 && told != facts {
		return document.License{}, errors.New("the permit's facts are not those that were signed")
	}
	day, err := time.ParseInLocation("2006-01-02", facts.Registered, time.FixedZone("Asia/Shanghai", 8*3600))
	if err != nil {
		return document.License{}, err
	}
	return document.License{Kind: kind, Number: facts.Number, Name: facts.TradeName, Type: facts.Kind, Operator: facts.Name, Place: facts.Address,
		Registered: day, Scope: facts.Scope, Authority: facts.Authority, Issued: day, Serial: serial, QR: strings.TrimSpace(p.CodeText)}, nil
}

// showJob tells how far it is, counted in sheets.
func (v *visit) showJob(kind document.LicenseKind, serial string, s printer.JobState) {
	view := v.page("print", v.serviceOr(front.TitlePrint))
	view.Sub = say(front.TitlePrint)
	done := len(v.print.done)
	what := say(front.LabelOriginal, "serial", serial)
	if kind == document.Duplicate {
		what = say(front.LabelDuplicate, "serial", serial)
	}
	view.Progress = &front.Progress{Done: done, Of: len(forms), What: what}
	wait := say(front.WaitLicense, "done", itoa(done+1), "of", itoa(len(forms)))
	if s.Fault != nil {
		wait = say(front.SayNoDevice, "device", string(front.DeviceLicense))
	}
	view.Message = &wait
	v.Stage.Show(view)
}

func itoa(n int) string { return string(rune('0' + n)) }

func dayOf(when string) string {
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		return t.In(time.FixedZone("Asia/Shanghai", 8*3600)).Format("2006-01-02")
	}
	return when
}

func (v *visit) doubtfulSheet(kind document.LicenseKind, serial string) {
	slip := document.Slip{Head: v.head(false), Kind: document.SlipDoubtful, Thing: document.Blank, Counter: v.counter()}
	v.printSlip("doubtful", slip)
	v.say(front.SayPrintDoubtful)
}

// licensePapers prints the acknowledgement of what came out and says what did not.
func (v *visit) licensePapers() step {
	v.back = nil
	note := v.note
	if len(v.print.done) > 0 {
		ack := document.Acknowledgement{Head: v.head(false), License: v.form.license, Sheets: v.print.done}
		if len(v.print.left) > 0 {
			ack.Left = "另一张请凭身份证到服务台或稍后在本机打印。"
			if v.lang == "en" {
				ack.Left = "Come back with your card for the other sheet, here or at a counter."
			}
		}
		v.printPaper(front.WaitReceipt, "receipt", "", ack.Paper(v.docLang()))
	}
	if len(v.print.left) > 0 {
		if v.note == nil {
			v.note = note
		}
		return v.acknowledge(v.orTake())
	}
	return v.take
}

// orTake is the page for what lies in the trays, if anything does.
func (v *visit) orTake() step {
	if len(v.print.done) > 0 {
		return v.take
	}
	return v.rate
}
