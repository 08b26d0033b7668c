package ippsim

import (
	"fmt"
	"time"

	"github.com/OpenPrinting/goipp"
)

// Short makers of attributes.
func keyword(name string, values ...string) goipp.Attribute {
	return strs(name, goipp.TagKeyword, values...)
}

func strs(name string, tag goipp.Tag, values ...string) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(tag, goipp.String(v))
	}
	return a
}

func ints(name string, tag goipp.Tag, values ...int) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(tag, goipp.Integer(v))
	}
	return a
}

func boolean(name string, v bool) goipp.Attribute {
	return goipp.MakeAttribute(name, goipp.TagBoolean, goipp.Boolean(v))
}

func span(name string, low, high int) goipp.Attribute {
	return goipp.MakeAttribute(name, goipp.TagRange, goipp.Range{Lower: low, Upper: high})
}

// dimensions of a medium in 1/100 mm (PWG 5100.7, media-size).
func dimensions(media string) (x, y int) {
	if media == mediaA3 {
		return 29700, 42000
	}
	return 21000, 29700
}

func mediaSize(media string) goipp.Attribute {
	x, y := dimensions(media)
	return goipp.MakeAttrCollection("media-size", ints("x-dimension", goipp.TagInteger, x), ints("y-dimension", goipp.TagInteger, y))
}

// mediaCol is one medium in one tray.
func mediaCol(media, source string) goipp.Collection {
	c := goipp.Collection{mediaSize(media), keyword("media-source", source), keyword("media-type", "stationery")}
	for _, side := range []string{"bottom", "left", "right", "top"} {
		c.Add(ints("media-"+side+"-margin", goipp.TagInteger, marginWidth))
	}
	return c
}

// printerAttributes is all that Get-Printer-Attributes can tell. The caller holds the lock.
func (p *Printer) printerAttributes(host string) goipp.Attributes {
	reasons, stops := p.reasons()
	state := 3
	switch {
	case stops:
		state = 5
	case p.current() != nil:
		state = 4
	}
	queued := 0
	for _, j := range p.jobs {
		if !j.over() {
			queued++
		}
	}
	attrs := goipp.Attributes{
		strs("printer-uri-supported", goipp.TagURI, "ipp://"+host+path),
		keyword("uri-authentication-supported", "none"),
		keyword("uri-security-supported", "none"),
		strs("printer-name", goipp.TagName, "license"),
		strs("printer-info", goipp.TagText, "Yichuang desk license printer"),
		strs("printer-location", goipp.TagText, "desk"),
		strs("printer-make-and-model", goipp.TagText, "Yichuang Desk A3"),
		strs("printer-uuid", goipp.TagURI, p.opts.UUID),
		strs("printer-device-id", goipp.TagText, "MFG:Yichuang;MDL:Desk A3;CMD:PDF,JPEG,PWGRaster;"),
		ints("printer-state", goipp.TagEnum, state),
		keyword("printer-state-reasons", reasons...),
		strs("printer-state-message", goipp.TagText, ""),
		boolean("printer-is-accepting-jobs", true),
		ints("printer-up-time", goipp.TagInteger, p.upTime(time.Now())),
		ints("queued-job-count", goipp.TagInteger, queued),
		keyword("ipp-versions-supported", "1.1", "2.0"),
		strs("charset-configured", goipp.TagCharset, "utf-8"),
		strs("charset-supported", goipp.TagCharset, "utf-8", "us-ascii"),
		strs("natural-language-configured", goipp.TagLanguage, "en"),
		strs("generated-natural-language-supported", goipp.TagLanguage, "en"),
		keyword("compression-supported", "none"),
		keyword("pdl-override-supported", "attempted"),
		strs("document-format-default", goipp.TagMimeType, "application/pdf"),
		strs("document-format-supported", goipp.TagMimeType, formats...),
		boolean("multiple-document-jobs-supported", false),
		ints("multiple-operation-time-out", goipp.TagInteger, int(incomingLimit/time.Second)),
		keyword("multiple-operation-time-out-action", "abort-job"),
		keyword("which-jobs-supported", "completed", "not-completed"),
		keyword("identify-actions-supported", "display"),
		keyword("identify-actions-default", "display"),
		boolean("color-supported", false),
		ints("pages-per-minute", goipp.TagInteger, 40),
		span("job-impressions-supported", 0, 999),
		span("job-media-sheets-supported", 0, 999),
		strs("marker-names", goipp.TagName, "black toner"),
		keyword("marker-types", "toner"),
		ints("marker-levels", goipp.TagInteger, p.toner()),
		keyword("job-creation-attributes-supported", "copies", "finishings", "ipp-attribute-fidelity", "job-name", "media", "media-col", "orientation-requested",
			"output-bin", "page-ranges", "print-color-mode", "print-content-optimize", "print-quality", "print-rendering-intent", "print-scaling",
			"printer-resolution", "sides"),
		ints("copies-default", goipp.TagInteger, 1),
		span("copies-supported", 1, 99),
		keyword("sides-default", "one-sided"),
		keyword("sides-supported", sides...),
		keyword("print-scaling-default", "none"),
		keyword("print-scaling-supported", "none"),
		keyword("print-color-mode-default", "monochrome"),
		keyword("print-color-mode-supported", "monochrome"),
		ints("print-quality-default", goipp.TagEnum, 4),
		ints("print-quality-supported", goipp.TagEnum, 4, 5),
		goipp.MakeAttribute("orientation-requested-default", goipp.TagNoValue, goipp.Void{}),
		ints("orientation-requested-supported", goipp.TagEnum, 3, 4),
		keyword("output-bin-default", "face-down"),
		keyword("output-bin-supported", "face-down"),
		dpi600("printer-resolution-default"),
		dpi600("printer-resolution-supported"),
	}
	attrs = append(attrs, p.everywhere(host)...)
	var ops []int
	for op := range operations {
		ops = append(ops, int(op))
	}
	sortInts(ops)
	attrs.Add(ints("operations-supported", goipp.TagEnum, ops...))
	return append(attrs, p.mediaAttributes()...)
}

func dpi600(name string) goipp.Attribute {
	return goipp.MakeAttribute(name, goipp.TagResolution, goipp.Resolution{Xres: 600, Yres: 600, Units: goipp.UnitsDpi})
}

// everywhere is what PWG 5100.12 and 5100.14 want beyond RFC 8011. overrides-supported names the two selectors that it
// must and nothing that could be overridden.
func (p *Printer) everywhere(host string) goipp.Attributes {
	web := "http://" + host + "/"
	moment := func(name string, t time.Time) goipp.Attribute {
		return goipp.MakeAttribute(name, goipp.TagDateTime, goipp.Time{Time: t})
	}
	attrs := goipp.Attributes{
		keyword("ipp-features-supported", "ipp-everywhere"),
		ints("finishings-default", goipp.TagEnum, 3),
		ints("finishings-supported", goipp.TagEnum, 3),
		boolean("job-ids-supported", true),
		boolean("preferred-attributes-supported", false),
		boolean("page-ranges-supported", true),
		keyword("overrides-supported", "document-number", "pages"),
		keyword("print-content-optimize-default", "auto"),
		keyword("print-content-optimize-supported", "auto"),
		keyword("print-rendering-intent-default", "auto"),
		keyword("print-rendering-intent-supported", "auto"),
		keyword("printer-get-attributes-supported", "document-format"),
		ints("printer-config-change-time", goipp.TagInteger, 1),
		moment("printer-config-change-date-time", p.started),
		ints("printer-state-change-time", goipp.TagInteger, p.upTime(p.turned)),
		moment("printer-state-change-date-time", p.turned),
		goipp.MakeAttribute("printer-geo-location", goipp.TagUnknown, goipp.Void{}),
		strs("printer-more-info", goipp.TagURI, web),
		strs("printer-icons", goipp.TagURI, web+"icon.png"),
		strs("printer-organization", goipp.TagText, ""),
		strs("printer-organizational-unit", goipp.TagText, ""),
		strs("printer-supply-info-uri", goipp.TagURI, web),
		strs("printer-supply-description", goipp.TagText, "black toner"),
		goipp.MakeAttribute("printer-supply", goipp.TagString, goipp.Binary(fmt.Sprintf("index=1;class=supplyThatIsConsumed;type=toner;maxcapacity=100;level=%d;colorantname=black;", p.toner()))),
		dpi600("pwg-raster-document-resolution-supported"),
		keyword("pwg-raster-document-sheet-back", "normal"),
		keyword("pwg-raster-document-type-supported", "black_1", "sgray_8"),
	}
	for _, side := range []string{"bottom", "left", "right", "top"} {
		attrs.Add(ints("media-"+side+"-margin-supported", goipp.TagInteger, marginWidth))
	}
	return attrs
}

// mediaAttributes tells which paper there can be and which there is.
func (p *Printer) mediaAttributes() goipp.Attributes {
	var sources, ready []string
	col := goipp.Attribute{Name: "media-col-ready"}
	for _, t := range p.trays {
		sources = append(sources, t.Name)
		if p.loaded(t) {
			ready = append(ready, t.Media)
			col.Values.Add(goipp.TagBeginCollection, mediaCol(t.Media, t.Name))
		}
	}
	sizes := goipp.Attribute{Name: "media-size-supported"}
	database := goipp.Attribute{Name: "media-col-database"}
	for _, m := range []string{mediaA3, mediaA4} {
		sizes.Values.Add(goipp.TagBeginCollection, mediaSize(m).Values[0].V)
		for _, s := range sources {
			database.Values.Add(goipp.TagBeginCollection, mediaCol(m, s))
		}
	}
	attrs := goipp.Attributes{
		keyword("media-default", mediaA4),
		keyword("media-supported", mediaA3, mediaA4),
		keyword("media-source-supported", sources...),
		keyword("media-type-supported", "stationery"),
		keyword("media-col-supported", "media-size", "media-source", "media-type", "media-bottom-margin", "media-left-margin", "media-right-margin", "media-top-margin"),
		goipp.MakeAttribute("media-col-default", goipp.TagBeginCollection, mediaCol(mediaA4, "tray-2")),
		sizes, database,
	}
	if len(ready) > 0 {
		return append(attrs, keyword("media-ready", ready...), col)
	}
	none := goipp.MakeAttribute("media-ready", goipp.TagNoValue, goipp.Void{})
	return append(attrs, none, goipp.MakeAttribute("media-col-ready", goipp.TagNoValue, goipp.Void{}))
}

// upTime is printer-up-time: whole seconds since power-up, from 1.
func (p *Printer) upTime(at time.Time) int { return int(at.Sub(p.started)/time.Second) + 1 }

func (p *Printer) toner() int {
	switch {
	case p.faults.On("toner_empty"):
		return 0
	case p.faults.On("toner_low"):
		return 5
	}
	return 80
}

// jobAttributes is all that can be told of a job. The caller holds the lock.
func (p *Printer) jobAttributes(j *job, host string) goipp.Attributes {
	when := func(name string, t time.Time) goipp.Attribute {
		if t.IsZero() {
			return goipp.MakeAttribute(name, goipp.TagNoValue, goipp.Void{})
		}
		return ints(name, goipp.TagInteger, p.upTime(t))
	}
	attrs := goipp.Attributes{
		ints("job-id", goipp.TagInteger, j.id),
		strs("job-uri", goipp.TagURI, j.uri),
		strs("job-printer-uri", goipp.TagURI, "ipp://"+host+path),
		strs("job-name", goipp.TagName, j.name),
		strs("job-originating-user-name", goipp.TagName, j.user),
		ints("job-state", goipp.TagEnum, j.state),
		keyword("job-state-reasons", j.reasons...),
		strs("job-state-message", goipp.TagText, ""),
		ints("number-of-documents", goipp.TagInteger, min(1, len(j.document))),
		ints("job-k-octets", goipp.TagInteger, (len(j.document)+1023)/1024),
		ints("job-printer-up-time", goipp.TagInteger, p.upTime(time.Now())),
		when("time-at-creation", j.created),
		when("time-at-processing", j.processing),
		when("time-at-completed", j.ended),
	}
	if !p.faults.On("no_counters") {
		attrs = append(attrs,
			ints("job-impressions", goipp.TagInteger, len(j.pages)*j.copies),
			ints("job-media-sheets", goipp.TagInteger, j.sheets()),
			ints("job-impressions-completed", goipp.TagInteger, j.sidesDone),
			ints("job-media-sheets-completed", goipp.TagInteger, j.sheetsDone))
	}
	if j.actual != nil {
		attrs.Add(goipp.MakeAttribute("media-col-actual", goipp.TagBeginCollection, mediaCol(j.actual.Media, j.actual.Name)))
	}
	return attrs
}

// wanted keeps the attributes that requested-attributes names; groups holds what a group name stands for.
func wanted(attrs goipp.Attributes, asked goipp.Attributes, otherwise []string, hidden string) goipp.Attributes {
	names := map[string]bool{}
	if a, ok := find(asked, "requested-attributes"); ok {
		for _, v := range a.Values {
			names[v.V.String()] = true
		}
	} else {
		for _, n := range otherwise {
			names[n] = true
		}
	}
	all := names["all"] || names["printer-description"] || names["job-description"] || names["job-template"]
	var out goipp.Attributes
	for _, a := range attrs {
		if names[a.Name] || all && a.Name != hidden {
			out.Add(a)
		}
	}
	return out
}
