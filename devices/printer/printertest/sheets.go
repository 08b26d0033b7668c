package printertest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer"
)

// SheetsBench is a sheet printer with its mechanism. Its functions are for the suite alone. It begins with
// 50 sheets of A3 in tray-1 and of A4 in tray-2.
type SheetsBench struct {
	Sheets  printer.Sheets                       // Run is running
	Restart func() printer.Sheets                // the program is killed and a new one started
	Arm     func(name string, n int)             // arms a fault of the mechanism; 0 mends it
	Power   func(on bool)                        // the mains of the printer alone
	AtHalf  func(do func())                      // do runs once, when half a sheet is marked
	Load    func(tray, media string, sheets int) // puts paper in
	// AtRequest runs do when the k-th request from now arrives, before it is answered.
	AtRequest func(k int, do func())
	Out       func() []Sheet // the sheets that were drawn in
	Close     func()         // ends Run and the mechanism
	Unplugged fault.Kind     // what a printer without its plug is; silent when "", as on a network
}

// Sheet is one sheet that was drawn in.
type Sheet struct {
	Media, Serial string
	Complete      bool
}

// The papers of the bench.
const (
	A3 = "iso_a3_297x420mm"
	A4 = "iso_a4_210x297mm"
)

// PDF makes a document of some empty pages of the size of a medium, lying when landscape.
func PDF(media string, pages int, landscape bool) []byte {
	w, h := 595.276, 841.890
	if media == A3 {
		w, h = 841.890, 1190.551
	}
	if landscape {
		w, h = h, w
	}
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	kids := ""
	for i := range pages {
		kids += fmt.Sprintf("%d 0 R ", i+3)
	}
	object("<< /Type /Pages /Kids [ %s] /Count %d >>", kids, pages)
	for range pages {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 %.3f %.3f ] /Resources << >> >>", w, h)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	return b.Bytes()
}

// ExerciseSheets runs the suite. open is called in a new bubble for each case.
func ExerciseSheets(t *testing.T, open func(t *testing.T) *SheetsBench) {
	cases := []struct {
		name string
		run  func(t *testing.T, b *SheetsBench)
	}{
		{"prints and counts", sheetsPrint},
		{"refuses what it cannot print", sheetsRefuse},
		{"says what is wrong before it begins", sheetsUnfit},
		{"paper runs out in the middle", sheetsPaperOut},
		{"door is opened in the middle", sheetsDoor},
		{"sheet gets stuck", sheetsJam},
		{"sheet gets stuck and the job is cancelled", sheetsJamCancelled},
		{"plug is pulled in the middle", sheetsUnplug},
		{"power fails in the middle", sheetsPowerCut},
		{"printer restarts in the middle", sheetsReset},
		{"program dies in the middle", sheetsProgramDies},
		{"program dies after the end", sheetsProgramDiesLate},
		{"cancelled in the middle", sheetsCancelled},
		{"sheet comes from another tray", sheetsWrongMedia},
		{"printer does not count", sheetsNoCounters},
		{"printer gives the job up", sheetsAborted},
		{"a job that never arrived", sheetsNever},
		{"job numbers begin anew", sheetsNumbersAnew},
		{"the same job twice", sheetsTwice},
		{"a jam after the job", sheetsJamLater},
		{"toner runs low", sheetsTonerLow},
		{"both sides", sheetsBothSides},
		{"paper runs out with half a sheet printed", func(t *testing.T, b *SheetsBench) { sheetsStops(t, b, "tray_empty", fault.Empty) }},
		{"toner runs out with half a sheet printed", func(t *testing.T, b *SheetsBench) { sheetsStops(t, b, "toner_empty", fault.Empty) }},
		{"output fills with half a sheet printed", func(t *testing.T, b *SheetsBench) { sheetsStops(t, b, "output_full", fault.Full) }},
		{"toner runs low in the middle", sheetsTonerLowInTheMiddle},
		{"a sheet of two sides gets stuck", sheetsJamBothSides},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { sheetsBubble(t, open, c.run) })
	}
	for i, name := range []string{"lost_reply", "late", "silence", "truncate", "garble", "split", "double", "http_500"} {
		for j, n := range []int{1, 2, 9} {
			for _, skip := range []int{0, 1, 2, 3, 4} {
				if testing.Short() && (i+j+skip)%3 != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s x%d after %d", name, n, skip), func(t *testing.T) {
					sheetsBubble(t, open, func(t *testing.T, b *SheetsBench) { sheetsLine(t, b, name, n, skip) })
				})
			}
		}
	}
}

func sheetsBubble(t *testing.T, open func(t *testing.T) *SheetsBench, run func(t *testing.T, b *SheetsBench)) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t)
		defer time.Sleep(5 * time.Minute) // what the mechanism still does ends before the bubble
		defer b.Close()
		awaitSheets(t, b.Sheets, "")
		run(t, b)
	})
}

func awaitSheets(t *testing.T, s printer.Sheets, kind fault.Kind) {
	t.Helper()
	for range 600 {
		st := s.State()
		if kind == "" && st.Online && st.Fault == nil || kind != "" && st.Fault != nil && st.Fault.Kind == kind {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("state after a minute: got %+v, want fault %q", s.State(), kind)
}

func job(name, media string, pages int) printer.Job {
	source := "tray-2"
	if media == A3 {
		source = "tray-1"
	}
	return printer.Job{Name: name, Document: PDF(media, pages, media == A3), Media: media, Source: source, Sheets: pages}
}

func submit(t *testing.T, s printer.Sheets, j printer.Job) int {
	t.Helper()
	id, err := s.Submit(context.Background(), j)
	if err != nil || id == 0 {
		t.Fatalf("submit %s: got %d, %v", j.Name, id, err)
	}
	return id
}

// follow asks until the job shows what is waited for.
func follow(t *testing.T, s printer.Sheets, id int, name string, since time.Time, until func(printer.JobState) bool) printer.JobState {
	t.Helper()
	var st printer.JobState
	for range 300 {
		var ok bool
		var err error
		st, ok, err = s.Job(context.Background(), id, name, since)
		if err == nil && !ok {
			t.Fatalf("job %s: the printer knows none", name)
		}
		if err == nil && until(st) {
			return st
		}
		time.Sleep(time.Second)
	}
	t.Fatalf("job %s: after 5 minutes %+v", name, st)
	return st
}

func final(st printer.JobState) bool { return st.Phase.Final() }

// ends waits for the end and checks it and the paper.
func ends(t *testing.T, b *SheetsBench, s printer.Sheets, id int, name string, since time.Time, phase printer.JobPhase, complete, spoiled int) printer.JobState {
	t.Helper()
	st := follow(t, s, id, name, since, final)
	if st.Phase != phase {
		t.Errorf("job %s: got %+v, want %s", name, st, phase)
	}
	paper(t, b, complete, spoiled)
	return st
}

func paper(t *testing.T, b *SheetsBench, complete, spoiled int) {
	t.Helper()
	gotComplete, gotSpoiled := 0, 0
	serials := map[string]bool{}
	for _, s := range b.Out() {
		if s.Complete {
			gotComplete++
		} else {
			gotSpoiled++
		}
		if serials[s.Serial] {
			t.Errorf("serial %s twice", s.Serial)
		}
		serials[s.Serial] = true
	}
	if gotComplete != complete || gotSpoiled != spoiled {
		t.Errorf("paper: got %d complete %d spoiled, want %d %d: %v", gotComplete, gotSpoiled, complete, spoiled, b.Out())
	}
}

func sheetsPrint(t *testing.T, b *SheetsBench) {
	since := time.Now()
	for i, media := range []string{A3, A4} {
		name := fmt.Sprintf("LIC-%d", i)
		id := submit(t, b.Sheets, job(name, media, 1))
		st := ends(t, b, b.Sheets, id, name, since, printer.JobPrinted, i+1, 0)
		if i == 0 {
			if st.ID != id || st.Name != name || st.Sheets != 1 {
				t.Errorf("job: got %+v, want id %d name %s, 1 sheet", st, id, name)
			}
			b.Load("tray-1", A3, 0)
			time.Sleep(10 * time.Second)
			st := b.Sheets.State()
			if st.Fault != nil || len(st.Trays) != 2 {
				t.Errorf("with tray-1 empty: got %+v, want fit for tray-2", st)
			}
			for _, tr := range st.Trays {
				if tr.Ready != (tr.Name == "tray-2") || tr.Ready && tr.Media != A4 {
					t.Errorf("tray %+v", tr)
				}
			}
		}
	}
	id := submit(t, b.Sheets, job("LIC-many", A4, 3))
	ends(t, b, b.Sheets, id, "LIC-many", since, printer.JobPrinted, 5, 0)
	// Asked by name alone, and once more.
	if st := follow(t, b.Sheets, 0, "LIC-many", since, final); st.Phase != printer.JobPrinted || st.ID != id || st.Sheets != 3 {
		t.Errorf("job by name: got %+v", st)
	}
	info := b.Sheets.Info()
	if info.Protocol == "" || info.UUID == "" || !info.Counts || info.Queue {
		t.Errorf("info: got %+v", info)
	}
	if out := b.Out(); out[0].Media != A3 || out[1].Media != A4 {
		t.Errorf("paper: %+v", out)
	}
}

func sheetsRefuse(t *testing.T, b *SheetsBench) {
	good := job("x", A3, 1)
	change := func(f func(j *printer.Job)) printer.Job { j := good; f(&j); return j }
	for what, j := range map[string]printer.Job{
		"no PDF":        change(func(j *printer.Job) { j.Document = []byte("hello") }),
		"broken PDF":    change(func(j *printer.Job) { j.Document = []byte("%PDF-1.4 and nothing else") }),
		"unknown media": change(func(j *printer.Job) { j.Media = "na_letter_8.5x11in" }),
		"another tray":  change(func(j *printer.Job) { j.Source = "tray-2" }),
		"no such tray":  change(func(j *printer.Job) { j.Source = "tray-9" }),
		"wrong size":    change(func(j *printer.Job) { j.Document = PDF(A4, 1, false) }),
		"no name":       change(func(j *printer.Job) { j.Name = "" }),
		"too long":      change(func(j *printer.Job) { j.Name = strings.Repeat("x", 256) }),
		"no sheets":     change(func(j *printer.Job) { j.Sheets = 0 }),
		"third side":    change(func(j *printer.Job) { j.Sides = "third" }),
	} {
		if j.Name == good.Name {
			j.Name = what
		}
		if _, err := b.Sheets.Submit(context.Background(), j); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want invalid", what, err)
		}
	}
	b.Load("tray-1", A3, 0)
	if _, err := b.Sheets.Submit(context.Background(), good); !fault.Is(err, fault.Empty) {
		t.Errorf("empty tray: got %v, want empty", err)
	}
	time.Sleep(2 * time.Minute)
	paper(t, b, 0, 0)
}

func sheetsUnfit(t *testing.T, b *SheetsBench) {
	for name, kind := range map[string]fault.Kind{"door_open": fault.Open, "output_full": fault.Full, "toner_empty": fault.Empty} {
		b.Arm(name, 1)
		if _, err := b.Sheets.Submit(context.Background(), job("unfit", A4, 1)); !fault.Is(err, kind) {
			t.Errorf("%s: got %v, want %s", name, err, kind)
		}
		awaitSheets(t, b.Sheets, kind)
		if !b.Sheets.State().Stopped {
			t.Errorf("%s: got %+v, want stopped", name, b.Sheets.State())
		}
		b.Arm(name, 0)
		awaitSheets(t, b.Sheets, "")
	}
	b.Arm("unplug", 1)
	unplugged := fault.Silent
	if b.Unplugged != "" {
		unplugged = b.Unplugged
	}
	awaitSheets(t, b.Sheets, unplugged)
	b.Arm("unplug", 0)
	awaitSheets(t, b.Sheets, "")
	paper(t, b, 0, 0)
}

// held waits until the job says why it does not get on.
func held(t *testing.T, s printer.Sheets, id int, name string, since time.Time, kind fault.Kind) {
	t.Helper()
	st := follow(t, s, id, name, since, func(st printer.JobState) bool { return st.Phase.Final() || st.Fault != nil })
	if st.Phase != printer.JobPrinting || !fault.Is(st.Fault, kind) {
		t.Errorf("job %s held: got %+v %v, want %s", name, st, st.Fault, kind)
	}
}

func sheetsPaperOut(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Load("tray-2", A4, 1)
	id := submit(t, b.Sheets, job("LIC", A4, 2))
	held(t, b.Sheets, id, "LIC", since, fault.Empty)
	b.Load("tray-2", A4, 10)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 2, 0)
}

func sheetsDoor(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.AtHalf(func() { b.Arm("door_open", 1) })
	id := submit(t, b.Sheets, job("LIC", A3, 2))
	held(t, b.Sheets, id, "LIC", since, fault.Open)
	b.Arm("door_open", 0)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 2, 0)
}

func sheetsJam(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("jam", 1)
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	held(t, b.Sheets, id, "LIC", since, fault.Jammed)
	b.Arm("jam", 0)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobSpoiled, 0, 1)
	id = submit(t, b.Sheets, job("LIC-2", A3, 1))
	ends(t, b, b.Sheets, id, "LIC-2", since, printer.JobPrinted, 1, 1)
	if st := follow(t, b.Sheets, 0, "LIC", since, final); st.Phase != printer.JobSpoiled {
		t.Errorf("asked again: got %+v, want spoiled", st)
	}
}

func sheetsJamCancelled(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("jam", 1)
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	held(t, b.Sheets, id, "LIC", since, fault.Jammed)
	if err := b.Sheets.Cancel(context.Background(), id); err != nil {
		t.Errorf("cancel: %v", err)
	}
	b.Arm("jam", 0)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobSpoiled, 0, 1)
}

func sheetsUnplug(t *testing.T, b *SheetsBench) {
	since := time.Now()
	half := make(chan struct{})
	b.AtHalf(func() { b.Arm("unplug", 1); close(half) })
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	<-half
	if _, _, err := b.Sheets.Job(context.Background(), id, "LIC", since); err == nil {
		t.Errorf("job of an unplugged printer: no error")
	}
	if _, err := b.Sheets.Submit(context.Background(), job("other", A4, 1)); err == nil {
		t.Errorf("submit to an unplugged printer: no error")
	}
	b.Arm("unplug", 0)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 1, 0)
}

func sheetsPowerCut(t *testing.T, b *SheetsBench) {
	since := time.Now()
	half := make(chan struct{})
	b.AtHalf(func() { b.Power(false); close(half) })
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	<-half
	time.Sleep(10 * time.Second)
	if b.Sheets.State().Online {
		t.Errorf("state of a printer without power: %+v", b.Sheets.State())
	}
	b.Power(true)
	awaitSheets(t, b.Sheets, "")
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobUnknown, 0, 1)
}

func sheetsReset(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.AtHalf(func() { b.Arm("reset", 1) })
	id := submit(t, b.Sheets, job("LIC", A3, 2))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobUnknown, 0, 1)
}

func sheetsProgramDies(t *testing.T, b *SheetsBench) {
	since := time.Now()
	half := make(chan struct{})
	b.AtHalf(func() { close(half) })
	submit(t, b.Sheets, job("LIC", A3, 2))
	<-half
	s := b.Restart()
	ends(t, b, s, 0, "LIC", since, printer.JobPrinted, 2, 0)
}

func sheetsProgramDiesLate(t *testing.T, b *SheetsBench) {
	since := time.Now()
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 1, 0)
	s := b.Restart()
	ends(t, b, s, id, "LIC", since, printer.JobPrinted, 1, 0)
	if again := submit(t, s, job("LIC", A3, 1)); again != id {
		t.Errorf("submit again: got job %d, want %d", again, id)
	}
	time.Sleep(time.Minute)
	paper(t, b, 1, 0)
}

func sheetsCancelled(t *testing.T, b *SheetsBench) {
	since := time.Now()
	half := make(chan struct{})
	b.AtHalf(func() { close(half) })
	id := submit(t, b.Sheets, job("LIC", A3, 3))
	waiting := submit(t, b.Sheets, job("LIC-waits", A4, 1))
	<-half
	for range 2 { // the second time it is no error either
		if err := b.Sheets.Cancel(context.Background(), id); err != nil {
			t.Errorf("cancel: %v", err)
		}
	}
	if err := b.Sheets.Cancel(context.Background(), waiting); err != nil {
		t.Errorf("cancel a waiting job: %v", err)
	}
	if err := b.Sheets.Cancel(context.Background(), 999); err != nil {
		t.Errorf("cancel a job that is not: %v", err)
	}
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobSpoiled, 1, 0)
	ends(t, b, b.Sheets, waiting, "LIC-waits", since, printer.JobFailed, 1, 0)
}

func sheetsWrongMedia(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("wrong_media", 1)
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobSpoiled, 1, 0)
}

func sheetsNoCounters(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("no_counters", 1)
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobUnknown, 1, 0)
}

func sheetsAborted(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("abort", 1)
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobFailed, 0, 0)
}

func sheetsNever(t *testing.T, b *SheetsBench) {
	time.Sleep(time.Minute)
	if st, ok, err := b.Sheets.Job(context.Background(), 0, "LIC", time.Now()); ok || err != nil {
		t.Errorf("job that never was: got %+v %v %v, want none", st, ok, err)
	}
	since := time.Now()
	b.Power(false)
	time.Sleep(time.Minute)
	b.Power(true)
	if st, ok, err := b.Sheets.Job(context.Background(), 0, "LIC", since); !ok || err != nil || st.Phase != printer.JobUnknown {
		t.Errorf("job after a power cut: got %+v %v %v, want unknown", st, ok, err)
	}
}

func sheetsNumbersAnew(t *testing.T, b *SheetsBench) {
	since := time.Now()
	id := submit(t, b.Sheets, job("LIC-a", A3, 1))
	ends(t, b, b.Sheets, id, "LIC-a", since, printer.JobPrinted, 1, 0)
	b.Power(false)
	time.Sleep(time.Minute)
	b.Power(true)
	awaitSheets(t, b.Sheets, "")
	other := submit(t, b.Sheets, job("LIC-b", A3, 1))
	ends(t, b, b.Sheets, other, "LIC-b", since, printer.JobPrinted, 2, 0)
	if st := follow(t, b.Sheets, id, "LIC-a", since, final); st.Phase != printer.JobUnknown {
		t.Errorf("job %d of the life before: got %+v, want unknown", id, st)
	}
}

func sheetsTwice(t *testing.T, b *SheetsBench) {
	since := time.Now()
	first := submit(t, b.Sheets, job("LIC", A3, 1))
	second := submit(t, b.Sheets, job("LIC", A3, 1))
	if first != second {
		t.Errorf("the same job twice: numbers %d and %d", first, second)
	}
	ends(t, b, b.Sheets, first, "LIC", since, printer.JobPrinted, 1, 0)
	time.Sleep(time.Minute)
	paper(t, b, 1, 0)
}

func sheetsJamLater(t *testing.T, b *SheetsBench) {
	since := time.Now()
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 1, 0)
	b.Arm("jam", 1)
	other := submit(t, b.Sheets, job("other", A4, 1))
	held(t, b.Sheets, other, "other", since, fault.Jammed)
	time.Sleep(10 * time.Second)
	if st := follow(t, b.Sheets, id, "LIC", since, final); st.Phase != printer.JobPrinted {
		t.Errorf("a later jam spoiled a printed job: %+v", st)
	}
}

func sheetsTonerLow(t *testing.T, b *SheetsBench) {
	b.Arm("toner_low", 1)
	time.Sleep(10 * time.Second)
	if st := b.Sheets.State(); !st.TonerLow || st.Fault != nil {
		t.Errorf("toner low: got %+v", st)
	}
	since := time.Now()
	id := submit(t, b.Sheets, job("LIC", A3, 1))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 1, 0)
}

// sheetsLine lets a fault of the line befall n answers, beginning after some: never are two sheets taken,
// and what is said agrees with the paper.
func sheetsLine(t *testing.T, b *SheetsBench, name string, n, skip int) {
	time.Sleep(time.Minute) // long enough on that "it never arrived" can be told
	since := time.Now()
	b.AtRequest(skip+1, func() { b.Arm(name, n) })
	id, err := b.Sheets.Submit(context.Background(), job("LIC", A3, 1))
	b.AtRequest(0, nil)
	b.Arm(name, 0)
	if err == nil {
		ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 1, 0)
	} else if name == "split" || name == "double" || name == "lost_reply" && n == 1 {
		t.Errorf("%s x%d is harmless: got %v", name, n, err)
	}
	time.Sleep(3 * time.Minute)
	st, ok, ask := b.Sheets.Job(context.Background(), 0, "LIC", since)
	complete := 0
	for _, s := range b.Out() {
		if s.Complete {
			complete++
		}
	}
	switch {
	case ask != nil:
		t.Fatalf("job: %v", ask)
	case complete > 1:
		t.Errorf("%d sheets came out", complete)
	case err != nil && !fault.Is(err, fault.Doubtful) && complete != 0:
		t.Errorf("said %v, and a sheet came out", err)
	case ok && (st.Phase == printer.JobPrinted) != (complete == 1):
		t.Errorf("said %+v, %d sheets came out", st, complete)
	case !ok && complete != 0:
		t.Errorf("said that it never arrived, %d sheets came out", complete)
	}
}

// bothSides is a job of three pages on two sheets.
func bothSides(name string, sides printer.Sides) printer.Job {
	j := job(name, A4, 3)
	j.Sides, j.Sheets = sides, 2
	return j
}

func sheetsBothSides(t *testing.T, b *SheetsBench) {
	since := time.Now()
	for i, sides := range []printer.Sides{printer.LongEdge, printer.ShortEdge} {
		name := "PAPER-" + string(sides)
		id := submit(t, b.Sheets, bothSides(name, sides))
		if st := ends(t, b, b.Sheets, id, name, since, printer.JobPrinted, 2*i+2, 0); st.Sheets != 2 {
			t.Errorf("%s: %+v, want 2 sheets", sides, st)
		}
	}
	s := b.Restart() // it does not know how many sheets there should be; the printer's own total tells
	if st := follow(t, s, 0, "PAPER-long-edge", since, final); st.Phase != printer.JobPrinted {
		t.Errorf("asked by a new program: %+v", st)
	}
}

// sheetsStops lets something stop the printer with half a sheet printed: that sheet comes out, the next one does
// when the cause is mended, and the job says meanwhile what holds it up.
func sheetsStops(t *testing.T, b *SheetsBench, name string, kind fault.Kind) {
	since := time.Now()
	b.AtHalf(func() { b.Arm(name, 1) })
	id := submit(t, b.Sheets, job("LIC", A3, 2))
	held(t, b.Sheets, id, "LIC", since, kind)
	st := follow(t, b.Sheets, id, "LIC", since, func(st printer.JobState) bool { return st.Phase.Final() || st.Sheets == 1 })
	if st.Phase != printer.JobPrinting || !fault.Is(st.Fault, kind) {
		t.Errorf("after the first sheet: %+v %v, want held by %s", st, st.Fault, kind)
	}
	time.Sleep(30 * time.Second)
	paper(t, b, 1, 0)
	b.Arm(name, 0)
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 2, 0)
}

func sheetsTonerLowInTheMiddle(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.AtHalf(func() { b.Arm("toner_low", 1) })
	id := submit(t, b.Sheets, job("LIC", A3, 2))
	ends(t, b, b.Sheets, id, "LIC", since, printer.JobPrinted, 2, 0)
	if st := b.Sheets.State(); !st.TonerLow || st.Fault != nil {
		t.Errorf("state: %+v, want toner low and fit", st)
	}
}

func sheetsJamBothSides(t *testing.T, b *SheetsBench) {
	since := time.Now()
	b.Arm("jam", 1)
	id := submit(t, b.Sheets, bothSides("PAPER", printer.LongEdge))
	held(t, b.Sheets, id, "PAPER", since, fault.Jammed)
	b.Arm("jam", 0)
	ends(t, b, b.Sheets, id, "PAPER", since, printer.JobSpoiled, 0, 1)
}
