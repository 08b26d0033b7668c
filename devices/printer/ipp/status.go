package ipp

import (
	"slices"
	"strings"
	"time"

	"github.com/OpenPrinting/goipp"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// snapshot is what Get-Printer-Attributes told.
type snapshot struct {
	at        time.Time
	state     int // 3 idle, 4 processing, 5 stopped
	reasons   []string
	accepting bool
	upTime    time.Duration
	ops       []goipp.Op
	formats   []string
	template  []string // job-creation-attributes-supported, nil when not told
	colParts  []string // media-col-supported
	scaling   []string // print-scaling-supported
	sides     []string
	trays     []printer.Tray
	tonerLow  bool
	info      printer.SheetInfo
}

// readPrinter puts the answer into words.
func readPrinter(attrs goipp.Attributes, at time.Time) snapshot {
	s := snapshot{at: at, reasons: texts(attrs, "printer-state-reasons"), formats: texts(attrs, "document-format-supported"),
		template: texts(attrs, "job-creation-attributes-supported"), colParts: texts(attrs, "media-col-supported"),
		scaling: texts(attrs, "print-scaling-supported"), sides: texts(attrs, "sides-supported")}
	s.state, _ = number(attrs, "printer-state")
	s.accepting = true
	if a, ok := find(attrs, "printer-is-accepting-jobs"); ok {
		s.accepting = a.Values[0].V.String() != "false"
	}
	if n, ok := number(attrs, "printer-up-time"); ok {
		s.upTime = time.Duration(n) * time.Second
	}
	if a, ok := find(attrs, "operations-supported"); ok {
		for _, v := range a.Values {
			if n, ok := v.V.(goipp.Integer); ok {
				s.ops = append(s.ops, goipp.Op(n))
			}
		}
	}
	s.trays = readTrays(attrs)
	s.info = printer.SheetInfo{Protocol: "ipp", UUID: text(attrs, "printer-uuid"), Queue: isQueue(attrs)}
	s.info.Maker, s.info.Model, _ = strings.Cut(text(attrs, "printer-make-and-model"), " ")
	for _, name := range []string{"job-media-sheets-supported", "job-impressions-supported"} {
		if _, ok := find(attrs, name); ok {
			s.info.Counts = true
		}
	}
	for _, r := range s.reasons {
		switch base, _ := severity(r); base {
		case "toner-low", "marker-supply-low":
			s.tonerLow = true
		}
	}
	return s
}

// isQueue knows a spooler by attributes of its own (CUPS: cups-version, printer-type, device-uri).
func isQueue(attrs goipp.Attributes) bool {
	for _, name := range []string{"cups-version", "printer-type", "device-uri", "member-uris"} {
		if _, ok := find(attrs, name); ok {
			return true
		}
	}
	return false
}

// readTrays takes the loaded trays from media-col-ready, the others from media-source-supported; without
// collections each medium in media-ready stands for a tray without a name.
func readTrays(attrs goipp.Attributes) []printer.Tray {
	var trays []printer.Tray
	if a, ok := find(attrs, "media-col-ready"); ok {
		for _, v := range a.Values {
			col, ok := v.V.(goipp.Collection)
			if !ok {
				continue
			}
			trays = append(trays, printer.Tray{Name: text(goipp.Attributes(col), "media-source"), Media: mediaName(goipp.Attributes(col)), Ready: true})
		}
	}
	if len(trays) == 0 {
		for _, m := range texts(attrs, "media-ready") {
			trays = append(trays, printer.Tray{Media: m, Ready: true})
		}
	}
	for _, name := range texts(attrs, "media-source-supported") {
		if name == "auto" || name == "manual" || slices.ContainsFunc(trays, func(t printer.Tray) bool { return t.Name == name || t.Name == "" }) {
			continue
		}
		trays = append(trays, printer.Tray{Name: name})
	}
	return trays
}

// severity splits a printer-state-reason into its base and suffix (RFC 8011, 5.4.12).
func severity(reason string) (base, suffix string) {
	for _, s := range []string{"error", "warning", "report"} {
		if b, ok := strings.CutSuffix(reason, "-"+s); ok {
			return b, s
		}
	}
	return reason, ""
}

// reasonKinds is what each reason asks somebody to do. An order of urgency: the first that is met is told.
var reasonKinds = []struct {
	base string
	kind fault.Kind
	what string
}{
	{"door-open", fault.Open, "a door is open"},
	{"cover-open", fault.Open, "a cover is open"},
	{"interlock-open", fault.Open, "an interlock is open"},
	{"input-tray-missing", fault.Open, "a paper tray is out"},
	{"output-tray-missing", fault.Open, "the output tray is out"},
	{"media-jam", fault.Jammed, "paper is stuck"},
	{"output-area-full", fault.Full, "the output tray is full"},
	{"media-needed", fault.Empty, "the paper that the job needs is not loaded"},
	{"media-empty", fault.Empty, "out of paper"},
	{"toner-empty", fault.Empty, "out of toner"},
	{"marker-supply-empty", fault.Empty, "out of toner"},
	{"developer-empty", fault.Empty, "out of developer"},
	{"marker-waste-full", fault.Full, "the waste toner box is full"},
	{"fuser-over-temp", fault.Broken, "the fuser is too hot"},
	{"fuser-under-temp", fault.Busy, "the fuser warms up"},
	{"opc-life-over", fault.Broken, "the drum is worn out"},
	{"spool-area-full", fault.Busy, "the memory is full"},
	{"paused", fault.Busy, "paused at the panel"},
	{"moving-to-paused", fault.Busy, "paused at the panel"},
	{"stopping", fault.Busy, "stopping"},
	{"shutdown", fault.Silent, "shutting down"},
	{"connecting-to-device", fault.Silent, "the device behind it does not answer"},
	{"timed-out", fault.Silent, "the device behind it does not answer"},
	{"other", fault.Broken, "an error that the printer does not name"},
}

// harmless reasons need nobody.
var harmless = []string{"none", "media-low", "toner-low", "marker-supply-low", "output-area-almost-full", "marker-waste-almost-full",
	"opc-near-eol", "developer-low", "stopped-partly", "identify-printer-requested", "wifi-not-configured", "hold-new-jobs", "deleted"}

// fault puts the reasons into one of the few words; nil: fit. held is true while a job does not get on: then
// a warning counts as a cause too. An empty tray alone does not make the printer unfit.
func (s snapshot) fault(op string, held bool) *fault.Error {
	f := func(kind fault.Kind, what, reason string) *fault.Error {
		detail := what
		if reason != "" {
			detail += " (" + reason + ")"
		}
		return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail}
	}
	bad := held || s.state == 5
	for _, row := range reasonKinds {
		for _, r := range s.reasons {
			base, suffix := severity(r)
			if base != row.base || suffix == "report" {
				continue
			}
			if strings.HasPrefix(base, "media-") && base != "media-jam" && suffix == "warning" && !bad {
				continue
			}
			return f(row.kind, row.what, r)
		}
	}
	for _, r := range s.reasons {
		base, suffix := severity(r)
		if suffix == "error" || suffix == "" && !slices.Contains(harmless, base) {
			return f(fault.Broken, "an error that this program does not know", r)
		}
	}
	switch {
	case s.state == 5:
		return f(fault.Broken, "stopped without a reason", "")
	case !s.accepting:
		return f(fault.Busy, "takes no jobs", "")
	}
	return nil
}

// jobFacts is what Get-Job-Attributes told.
type jobFacts struct {
	id, state int
	name      string
	reasons   []string
	count     int
	counted   bool
	inSides   bool   // count and total are sides of sheets, not sheets
	total     int    // 0 when not told
	media     string // what it was really printed on, "" when not told
	source    string // the tray that this was drawn from, "" when not told
	begun     bool   // it was at work at some time
}

// readJob puts the answer into words.
func readJob(attrs goipp.Attributes) jobFacts {
	var j jobFacts
	j.id, _ = number(attrs, "job-id")
	j.state, _ = number(attrs, "job-state")
	j.name = text(attrs, "job-name")
	j.reasons = texts(attrs, "job-state-reasons")
	for _, name := range []string{"job-media-sheets", "job-impressions"} {
		if n, ok := number(attrs, name+"-completed"); ok && !j.counted {
			j.count, j.counted, j.inSides = n, true, name == "job-impressions"
			j.total, _ = number(attrs, name)
		}
	}
	for _, name := range []string{"job-media-sheets", "job-impressions"} {
		if n, ok := number(attrs, name); ok && j.total == 0 {
			j.total = n
		}
	}
	if a, ok := find(attrs, "media-col-actual"); ok {
		if col, ok := a.Values[0].V.(goipp.Collection); ok {
			j.media = mediaName(goipp.Attributes(col))
			j.source = text(goipp.Attributes(col), "media-source")
		}
	}
	_, j.begun = number(attrs, "time-at-processing")
	return j
}

// incoming says that the printer still waits for the document.
func (j jobFacts) incoming() bool {
	return j.state <= 4 && (slices.Contains(j.reasons, "job-incoming") || slices.Contains(j.reasons, "job-data-insufficient"))
}

// expectation is what is known here of a job beyond what the printer tells.
type expectation struct {
	sheets int    // 0 when not known
	turned bool   // both sides are printed on
	media  string // "" when not known
	source string // "" when not known
	jammed bool   // a jam was seen while it was at work
	over   bool   // its end has been told
}

// sheets is how many sheets the printer has finished. One that counts sides alone has finished a sheet that is
// turned over at its second side, or where the job has no more of them.
func (j jobFacts) sheets(e expectation) int {
	switch {
	case !j.inSides || !e.turned:
		return j.count
	case j.count == j.total:
		return (j.count + 1) / 2
	}
	return j.count / 2
}

// differ says that both are known and not the same.
func differ(want, got string) bool { return want != "" && got != "" && want != got }

// phase decides how far a job is, from its state and counters (RFC 8011, 5.3.7 and 5.3.18).
func (j jobFacts) phase(e expectation) printer.JobPhase {
	want := e.sheets
	if want == 0 {
		want = max(j.total, 1)
	}
	jammed := e.jammed || slices.Contains(j.reasons, "job-completed-with-errors")
	switch j.state {
	case 3, 4:
		return printer.JobWaiting
	case 5, 6:
		return printer.JobPrinting
	case 7, 8:
		switch {
		case !j.counted && j.begun:
			return printer.JobUnknown
		case j.count > 0 || jammed:
			return printer.JobSpoiled
		}
		return printer.JobFailed
	case 9:
		switch {
		case !j.counted:
			return printer.JobUnknown
		case j.sheets(e) < want, differ(e.media, j.media), differ(e.source, j.source):
			return printer.JobSpoiled
		case jammed: // printers that print a stuck page again take one more blank than they count
			return printer.JobSpoiled
		}
		return printer.JobPrinted
	}
	return printer.JobUnknown
}
