package hall_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/license"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

func permit(t *testing.T, term *halltest.Terminal, caseID, form, serial string) *hallapi.PermitResponse {
	t.Helper()
	p, err := term.Client.Permit(t.Context(), &hallapi.PermitRequest{Case: caseID, Form: form, Serial: serial})
	if err != nil {
		t.Fatalf("permit %s %s %s: %v", caseID, form, serial, err)
	}
	return p
}

// begin writes that a sheet is being printed; end how it ended.
func begin(term *halltest.Terminal, caseID, id, form, serial string) {
	term.Write(casefile.LicensePrinting, caseID, casefile.Header{Permit: id, Form: form, Tray: "tray-1", Serial: serial}, nil)
}

func end(term *halltest.Terminal, kind casefile.Kind, caseID, id, serial string) {
	term.Write(kind, caseID, casefile.Header{Permit: id, Serial: serial}, nil)
	term.Push()
}

func TestALicenseIsPrintedOnceInTheWholeFleet(t *testing.T) {
	h := halltest.Start(t, nil)
	one, two := h.Enrol("T1"), h.Enrol("T2")
	d := submit(t, one, "c1", filled("青山小店"))
	p := permit(t, one, "c1", "original", "A1")
	facts, _, err := license.Verify(one.Answer.LicenseRootPem, p.CodeText)
	if err != nil || facts.Serial != "A1" || facts.Form != "original" || facts.Number != d.License || facts.Case != "c1" || facts.Name != "张三丰" {
		t.Fatalf("the code says %+v, %v", struct{ license.Facts }{facts}, err)
	}
	var told license.Facts
	if err := json.Unmarshal(p.FactsJson, &told); err != nil || told != facts {
		t.Errorf("the facts told differ from those signed: %v", err)
	}
	if again := permit(t, one, "c1", "original", "A1"); again.Permit != p.Permit || again.CodeText != p.CodeText {
		t.Error("the same question gave another permit")
	}
	if other := permit(t, two, "c1", "original", "B1"); other.Refused != "elsewhere" || other.Where != "T1" || other.Permit != "" {
		t.Errorf("another terminal: %v, want elsewhere", other)
	}
	if duplicate := permit(t, two, "c1", "duplicate", "D1"); duplicate.Permit == "" {
		t.Errorf("the duplicate: %v, want a permit of its own", duplicate)
	} else {
		begin(two, "c1", duplicate.Permit, "duplicate", "D1")
		end(two, casefile.LicensePrinted, "c1", duplicate.Permit, "D1")
	}
	begin(one, "c1", p.Permit, "original", "A1")
	one.Push()
	if begun := permit(t, one, "c1", "original", "A1"); begun.Refused != "elsewhere" {
		t.Errorf("while it is being printed: %v, want elsewhere", begun)
	}
	if begun := permit(t, one, "c1", "original", "A2"); begun.Refused != "elsewhere" {
		t.Errorf("another blank while it is being printed: %v, want elsewhere", begun)
	}
	end(one, casefile.LicensePrinted, "c1", p.Permit, "A1")
	for _, term := range []*halltest.Terminal{one, two} {
		if after := permit(t, term, "c1", "original", "A9"); after.Refused != "printed" || after.Where != "T1" || after.When == "" {
			t.Errorf("a second print at %s: %v, want printed at T1", term.ID, after)
		}
	}
	r, err := one.Client.Cases(t.Context(), &hallapi.CasesRequest{Number: person().Number, Name: person().Name})
	if err != nil || r.Cases[0].State != "printed" || r.Cases[0].Printable || r.Cases[0].PrintedAt == "" || r.Cases[0].PrintedWhere == "" {
		t.Errorf("my case: %v, %v, want printed", r, err)
	}
	if row := h.Ledger().Licenses[0]; row.LiveOriginals != 1 || len(row.Serials) != 2 {
		t.Errorf("ledger %+v", row)
	}
	h.Audit()
}

func TestTwoTerminalsAskAtOnce(t *testing.T) {
	h := halltest.Start(t, nil)
	terms := []*halltest.Terminal{h.Enrol("T1"), h.Enrol("T2"), h.Enrol("T3"), h.Enrol("T4")}
	submit(t, terms[0], "c1", filled("青山小店"))
	var wg sync.WaitGroup
	granted := make([]string, len(terms))
	for i, term := range terms {
		wg.Go(func() { granted[i] = permit(t, term, "c1", "original", fmt.Sprint("S", i)).Permit })
	}
	wg.Wait()
	n := 0
	for _, id := range granted {
		if id != "" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("permits %v, want one", granted)
	}
	h.Audit()
}

func TestAFailedOrSpoiledSheetMakesWayForTheNext(t *testing.T) {
	h := halltest.Start(t, nil)
	term, other := h.Enrol("T1"), h.Enrol("T2")
	submit(t, term, "c1", filled("青山小店"))
	p := permit(t, term, "c1", "original", "A1")
	begin(term, "c1", p.Permit, "original", "A1")
	end(term, casefile.LicenseFailed, "c1", p.Permit, "A1")
	p = permit(t, term, "c1", "original", "A1") // no sheet was marked: the same blank again
	if p.Permit == "" {
		t.Fatalf("after a failed sheet: %v", p)
	}
	begin(term, "c1", p.Permit, "original", "A1")
	end(term, casefile.LicenseSpoiled, "c1", p.Permit, "A1")
	_, err := term.Client.Permit(t.Context(), &hallapi.PermitRequest{Case: "c1", Form: "original", Serial: "A1"})
	refused(t, "a spoiled blank again", err, connect.CodeFailedPrecondition)
	next := permit(t, other, "c1", "original", "A2")
	if next.Permit == "" || next.Permit == p.Permit {
		t.Errorf("after a spoiled sheet: %v", next)
	}
	h.Audit()
}

func TestADoubtfulSheetWaitsForAPerson(t *testing.T) {
	for as, want := range map[string]string{"printed": "printed", "spoiled": ""} {
		h := halltest.Start(t, nil)
		term := h.Enrol("T1")
		submit(t, term, "c1", filled("青山小店"))
		p := permit(t, term, "c1", "original", "A1")
		begin(term, "c1", p.Permit, "original", "A1")
		term.Write(casefile.LicenseDoubtful, "c1", casefile.Header{Permit: p.Permit, Serial: "A1", Asked: "nothing"}, nil)
		term.Push()
		if got := permit(t, term, "c1", "original", "A2"); got.Refused != "elsewhere" {
			t.Errorf("in doubt: %v, want elsewhere", got)
		}
		term.Write(casefile.LicenseSettled, "c1", casefile.Header{Permit: p.Permit, Serial: "A1", As: as, Reason: "looked", Who: "technician"}, nil)
		term.Push()
		if got := permit(t, term, "c1", "original", "A2"); got.Refused != want || (got.Permit != "") != (want == "") {
			t.Errorf("settled as %s: %v, want %q", as, got, want)
		}
		h.Audit()
	}
}

// A sheet in doubt is settled at another terminal or at the hall as well, once; its terminal is told, and its permit lives until that
// has written it down.
func TestADoubtfulSheetIsSettledElsewhere(t *testing.T) {
	h := halltest.Start(t, nil)
	term, other := h.Enrol("T1"), h.Enrol("T2")
	submit(t, term, "c1", filled("青山小店"))
	p := permit(t, term, "c1", "original", "A1")
	find := func(req *hallapi.FindRequest) *hallapi.FindResponse {
		t.Helper()
		r, err := other.Client.Find(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	seen := &hallapi.FindRequest{Owed: "sheet-A1", As: "printed", Reason: "seen in the tray"}
	if r := find(seen); !strings.Contains(r.Refused, "nothing of this number") {
		t.Errorf("a sheet that is not in doubt: %v", r)
	}
	begin(term, "c1", p.Permit, "original", "A1")
	term.Write(casefile.LicenseDoubtful, "c1", casefile.Header{Permit: p.Permit, Serial: "A1", Asked: "nothing"}, nil)
	term.Push()
	claim(t, term, "wait until it is drawn")
	if _, page := get(t, h.Console+"/case/c1"); !strings.Contains(page, `action="/case/c1/sheet/A1"`) {
		t.Errorf("the hall is not asked what became of it:\n%s", page)
	}
	for why, req := range map[string]*hallapi.FindRequest{"a reason is needed": {Owed: "sheet-A1", As: "printed"}, "printed or spoiled": {Owed: "sheet-A1", As: "stacked", Reason: "x"}, "nothing of this number": {Owed: "sheet-A2", As: "printed", Reason: "x"}} {
		if r := find(req); !strings.Contains(r.Refused, why) || r.Terminal != "" && r.Refused == "" {
			t.Errorf("%v: %v, want %q", req, r, why)
		}
	}
	for range 2 { // the second is one whose answer was lost
		if r := find(seen); r.Refused != "" || r.Terminal != "T1" || r.Case != "c1" {
			t.Errorf("found: %v", r)
		}
	}
	if r := find(&hallapi.FindRequest{Owed: "sheet-A1", As: "spoiled", Reason: "x"}); !strings.Contains(r.Refused, "told before") {
		t.Errorf("another word: %v", r)
	}
	if err := h.Hall().Find(t.Context(), "sheet-A1", "spoiled", 0, "x"); err == nil || !strings.Contains(err.Error(), "told before") {
		t.Errorf("at the hall: %v", err)
	}
	if _, page := get(t, h.Console+"/case/c1"); !strings.Contains(page, "printed: seen in the tray") || strings.Contains(page, `action="/case/c1/sheet/A1"`) {
		t.Errorf("the page does not say what was found:\n%s", page)
	}
	notice := term.Await("settle", "c1")
	if want := fmt.Sprintf(`{"as":"printed","permit":%q,"reason":"seen in the tray"}`, p.Permit); string(notice.Json) != want {
		t.Errorf("T1 was told %s, want %s", notice.Json, want)
	}
	if got := permit(t, term, "c1", "original", "A2"); got.Refused != "elsewhere" {
		t.Errorf("before it has answered: %v, want elsewhere", got)
	}
	term.Write(casefile.LicenseSettled, "c1", casefile.Header{Permit: p.Permit, Serial: "A1", As: "printed", Reason: "seen in the tray", Who: "hall"}, nil)
	term.Push()
	if got := permit(t, term, "c1", "original", "A2"); got.Refused != "printed" {
		t.Errorf("settled: %v, want printed", got)
	}
	if r := find(seen); !strings.Contains(r.Refused, "nothing of this number") {
		t.Errorf("settled before: %v", r)
	}
	h.Audit()
}

func TestAnUnusedPermitIsGivenUpForAnotherBlank(t *testing.T) {
	h := halltest.Start(t, nil)
	term, other := h.Enrol("T1"), h.Enrol("T2")
	submit(t, term, "c1", filled("青山小店"))
	first := permit(t, term, "c1", "original", "A1")
	second := permit(t, term, "c1", "original", "A2")
	if second.Permit == "" || second.Permit == first.Permit {
		t.Fatalf("for another blank: %v", second)
	}
	if got := permit(t, other, "c1", "original", "A1"); got.Refused != "elsewhere" {
		t.Errorf("another terminal: %v, want elsewhere", got)
	}
	// The permit that was given up is dead, also in the journal.
	begin(term, "c1", first.Permit, "original", "A1")
	end(term, casefile.LicensePrinted, "c1", first.Permit, "A1")
	if got := permit(t, term, "c1", "original", "A2"); got.Permit != second.Permit {
		t.Errorf("the second permit: %v, want it to stand", got)
	}
	if a, err := h.Hall().Audit(t.Context()); err != nil || a.Violations != 2 {
		t.Errorf("audit %+v, %v, want the two records that cannot be", a, err)
	}
}

func TestATerminalWithAnotherJournalIsNotTrusted(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	submit(t, term, "c1", filled("青山小店"))
	permit(t, term, "c1", "original", "A1")
	term.Epoch, term.Records, term.Cursor = "e2-T1", nil, 0 // an old disk, or a new one
	term.Write(casefile.TerminalStarted, "", casefile.Header{Version: "x"}, nil)
	term.Push()
	if got := permit(t, term, "c1", "original", "A2"); got.Refused != "elsewhere" {
		t.Errorf("after another journal: %v, want elsewhere until a person has looked", got)
	}
}

func TestNoPermitWithoutAnApproval(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	form := filled("餐馆")
	form.Answers["trade"] = "6210"
	submit(t, term, "c1", form)
	if got := permit(t, term, "c1", "original", "A1"); got.Refused != "not_approved" {
		t.Errorf("a waiting case: %v", got)
	}
	if got := permit(t, term, "c9", "original", "A1"); got.Refused != "unknown_case" {
		t.Errorf("no case: %v", got)
	}
	for _, req := range []*hallapi.PermitRequest{{Case: "c1", Form: "copy", Serial: "A1"}, {Case: "c1", Form: "original"}} {
		_, err := term.Client.Permit(t.Context(), req)
		refused(t, fmt.Sprint(req), err, connect.CodeInvalidArgument)
	}
}

func TestAnothersReportEndsNoPermit(t *testing.T) {
	h := halltest.Start(t, nil)
	term, thief := h.Enrol("T1"), h.Enrol("T2")
	submit(t, term, "c1", filled("青山小店"))
	p := permit(t, term, "c1", "original", "A1")
	end(thief, casefile.LicenseFailed, "c1", p.Permit, "A1")
	if got := permit(t, thief, "c1", "original", "A1"); got.Refused != "elsewhere" {
		t.Errorf("after another's report: %v, want elsewhere", got)
	}
}

// A terminal that asked for a permit and did not print has let go of it when its visit is over: its owner prints at
// the next terminal. A permit that was begun with stays, whoever leaves.
func TestAnUnusedPermitEndsWithItsVisit(t *testing.T) {
	h := halltest.Start(t, nil)
	one, two := h.Enrol("T1"), h.Enrol("T2")
	submit(t, one, "c1", filled("青山小店"))
	original, duplicate := permit(t, one, "c1", "original", "A1"), permit(t, one, "c1", "duplicate", "D1")
	begin(one, "c1", duplicate.Permit, "duplicate", "D1")
	if got := permit(t, two, "c1", "original", "B1"); got.Refused != "elsewhere" {
		t.Fatalf("while the visit lasts: %v, want elsewhere", got)
	}
	other := h.Enrol("T3")
	other.Write(casefile.VisitEnded, "", casefile.Header{Visit: "v9", Reason: "done"}, nil)
	other.Push()
	if got := permit(t, two, "c1", "original", "B1"); got.Refused != "elsewhere" {
		t.Fatalf("after another terminal's visit: %v, want elsewhere", got)
	}
	one.Write(casefile.VisitEnded, "", casefile.Header{Visit: "v1", Reason: "timeout"}, nil)
	one.Push()
	permit(t, one, "c9", "original", "A9") // its answer comes when what was handed over is drawn
	if got := permit(t, two, "c1", "original", "B1"); got.Permit == "" || got.Permit == original.Permit {
		t.Errorf("after the visit: %v, want a permit of its own", got)
	}
	if got := permit(t, two, "c1", "duplicate", "E1"); got.Refused != "elsewhere" || got.Where != "T1" {
		t.Errorf("the sheet that was begun: %v, want elsewhere", got)
	}
	h.Audit()
}
