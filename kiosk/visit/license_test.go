package visit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/license"
	"yichuang/kiosk/office"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
)

// licensePrinter gives the terminal a license printer with blanks, and the hall a hand to sign with.
func (m *machine) licensePrinter() {
	m.t.Helper()
	m.printer, m.network = ippsim.New(ippsim.Options{}), make(chan net.Conn)
	m.server = &http.Server{Handler: m.printer.Handler()}
	m.serves.Go(func() { m.server.Serve(m) }) // ends with Close
	m.web = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		host, device := net.Pipe()
		select {
		case m.network <- device:
			return host, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	sheets := ipp.New("ipp://printer/ipp/print", ipp.Options{Client: &http.Client{Transport: m.web}})
	m.kiosk.Station.Sheets, m.kiosk.Press.Sheets = sheets, sheets
	for _, row := range []struct{ tray, media, first string }{{"tray-1", station.MediaOriginal, "A00000001"}, {"tray-2", station.MediaDuplicate, "B00000001"}} {
		if err := m.printer.LoadTray(row.tray, row.media, 10, row.first); err != nil {
			m.t.Fatal(err)
		}
		h := casefile.Header{Tray: row.tray, Media: row.media, First: row.first, Count: 10, Who: "staff"}
		if err := m.journal.Append(m.t.Context(), store.Entry{Event: casefile.Event{Kind: casefile.BlanksLoaded, Header: h}}); err != nil {
			m.t.Fatal(err)
		}
	}
	root, err := license.NewRoot("Root", time.Now())
	if err != nil {
		m.t.Fatal(err)
	}
	issuer, err := root.NewIssuer("Hall", time.Now())
	if err != nil {
		m.t.Fatal(err)
	}
	m.kiosk.Root = root.CertPEM
	m.hall.issuer = issuer
	m.hall.license = license.Facts{Number: "92110101MA00A1B2X7", TradeName: "东城区示例名称", Name: "张三", Kind: "个体工商户", Address: "北京市东城区示例胡同1号",
		Scope: "小吃服务", Authority: "东城区市场监督管理局", Registered: time.Now().Format("2006-01-02"), Division: "110101"}
	m.hall.decision = office.Decision{State: "approved", License: "92110101MA00A1B2X7"}
}

// Accept, Close and Addr make the machine the license printer's network.
func (m *machine) Accept() (net.Conn, error) {
	select {
	case c := <-m.network:
		return c, nil
	case <-m.serving.Done():
		return nil, net.ErrClosed
	}
}

// Close is the server's; the network ends with the machine.
func (m *machine) Close() error { return nil }

// Addr is nobody's.
func (m *machine) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// sheets are what the license printer drew in, those that are not whole with a dash behind.
func (m *machine) sheets(want ...string) {
	m.t.Helper()
	var w struct {
		Prints []struct {
			Serial   string
			Complete bool
		}
	}
	if err := json.Unmarshal(m.printer.World(), &w); err != nil {
		m.t.Fatal(err)
	}
	var got []string
	for _, p := range w.Prints {
		if !p.Complete {
			p.Serial += "-"
		}
		got = append(got, p.Serial)
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("sheets %q, want %q", got, want)
	}
}

// asked checks what permits the hall was asked for.
func (m *machine) asked(want ...string) {
	m.t.Helper()
	if !slices.Equal(m.hall.forms, want) {
		m.t.Errorf("permits asked for: %q, want %q", m.hall.forms, want)
	}
}

const acknowledgement = "B00000001"

func TestLicenseIsTakenHome(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		m.toSubmit()
		m.touch("form.next")
		v := m.page("take")
		if len(v.Rows) != 4 {
			t.Errorf("the page has %+v, want case, two sheets and the number", v.Rows)
		}
		m.touch("form.next", "rate.4")
		m.page("goodbye")
		m.home()
		m.asked("original A00000001", "duplicate B00000001")
		m.sheets("A00000001", "B00000001")
		m.came(acknowledgement)
		m.tells("case.submitted", "case.decided", "license.printed", "license.printed", "visit.ended reason=done")
	})
}

// A jam spoils a blank: the next permit names the one before, and the next blank is used, three times at most.
func TestLicenseJamsWhileItsOwnerWaits(t *testing.T) {
	for name, jams := range map[string]int{"once": 1, "always": 3} {
		t.Run(name, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				faults := m.printer.Faults()
				m.toSubmit()
				faults.Arm("jam", 1) // from its own table
				m.touch("form.next")
				for n := range jams {
					m.until(fmt.Sprintf("jam %d is told", n+1), func() bool {
						v := m.view()
						return v.Page == "print" && v.Message != nil && v.Message.Phrase == front.SayNoDevice
					})
					faults.Arm("jam", 0) // somebody takes the sheet out
					if n+1 < jams {
						m.until("the next try", func() bool { return len(m.hall.forms) > n+1 })
						faults.Arm("jam", 1)
					}
				}
				if name == "once" {
					m.page("take")
					m.asked("original A00000001", "original A00000002 L1", "duplicate B00000001")
					m.sheets("A00000001-", "A00000002", "B00000001")
					return
				}
				m.page("slip")
				m.says(front.SayPrintFailed)
				m.touch("form.next")
				m.page("take")
				m.asked("original A00000001", "original A00000002 L1", "original A00000003 L2", "duplicate B00000001")
				m.sheets("A00000001-", "A00000002-", "A00000003-", "B00000001")
				m.tells("license.spoiled fault=jammed", "license.spoiled fault=jammed", "license.spoiled fault=jammed", "license.printed")
			})
		})
	}
}

// The printer loses its power with a sheet half-way: no second original, a slip, and the person is told.
func TestLicenseInDoubt(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		once := false
		m.printer.OnPoint(func(string) {
			if !once {
				once = true
				m.printer.Power(false)
				m.printer.Power(true)
			}
		})
		m.toSubmit()
		m.touch("form.next")
		m.page("slip")
		m.says(front.SayPrintDoubtful)
		m.touch("form.next")
		m.page("take")
		m.asked("original A00000001", "duplicate B00000001")
		m.sheets("A00000001-", "B00000001")
		m.tells("license.doubtful", "paper.printed what=doubtful way=receipt", "license.printed", "paper.printed what=receipt way=receipt")

		// Nobody knows which blank is on top now: no license is printed until a person has looked.
		can := m.kiosk.Station.CanPrint()
		if _, _, ok := m.kiosk.Station.Blank(station.MediaOriginal); ok || can.Open || !strings.Contains(can.Todo, "sheet-A00000001") {
			t.Errorf("the original's blank: %v, and %+v", ok, can)
		}
		if _, _, ok := m.kiosk.Station.Blank(station.MediaDuplicate); !ok {
			t.Error("the other tray is not in doubt")
		}
		var settled casefile.Event
		m.journal.Book(func(b *casefile.Book) {
			for _, s := range b.Sheets {
				if s.State == casefile.LicenseDoubtful {
					settled = casefile.Event{Kind: casefile.LicenseSettled, Case: s.Case, Header: casefile.Header{Permit: s.Permit, Serial: s.Serial, As: "spoiled", Who: "technician"}}
				}
			}
		})
		if err := m.journal.Append(t.Context(), store.Entry{Event: settled}); err != nil {
			t.Fatal(err)
		}
		if _, serial, ok := m.kiosk.Station.Blank(station.MediaOriginal); !ok || serial != "A00000002" || !m.kiosk.Station.CanPrint().Open {
			t.Errorf("after it: %v %s, %+v", ok, serial, m.kiosk.Station.CanPrint())
		}
	})
}

// The hall does not give its leave, or gives it for something else: nothing is printed, and the page says why.
func TestHallGivesNoLeave(t *testing.T) {
	for name, row := range map[string]struct {
		befalls func(h *hall)
		says    front.Phrase
	}{
		"printed": {func(h *hall) {
			h.permit = office.Permit{Refused: "printed", When: "1999-12-01T08:00:00+08:00", Where: "T2"}
		}, front.SayLicensePrinted},
		"elsewhere":     {func(h *hall) { h.permit = office.Permit{Refused: "elsewhere", Where: "T2"} }, front.SayLicenseElse},
		"not approved":  {func(h *hall) { h.permit = office.Permit{Refused: "not_approved"} }, front.SayLicenseNone},
		"another date":  {func(h *hall) { h.license.Registered = "yesterday" }, front.SayPrintFailed},
		"another glyph": {func(h *hall) { h.license.TradeName = "示例\U000F0003" }, front.SayPrintFailed},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				m.toSubmit()
				m.hall.set(row.befalls)
				m.touch("form.next")
				m.page("slip")
				m.says(row.says)
				m.touch("form.next")
				m.page("rate")
				m.sheets()
				m.tells()
			})
		})
	}
}

// Somebody else's signature is none.
func TestLeaveWithAWrongSignature(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		other, err := license.NewRoot("Other", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		m.kiosk.Root = other.CertPEM
		m.toSubmit()
		m.touch("form.next")
		m.page("slip")
		m.says(front.SayPrintFailed)
		m.sheets()
	})
}

// The owner comes back with the card: what is approved is printed, and what was printed says when and where.
func TestComesBackForTheLicense(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) {
			h.cases = []office.CaseLine{{Case: "300000000009", Service: "license.individual", State: "approved", Printable: true, License: "92110101MA00A1B2X7", Time: "1999-12-01T08:00:00+08:00"}}
		})
		m.touch("home.look")
		m.page("identify")
		if err := m.reader.Lay(person("张三")); err != nil {
			t.Fatal(err)
		}
		m.page("cases")
		m.touch("case.print")
		m.page("take")
		m.sheets("A00000001", "B00000001")
		m.touch("nav.home")
		m.home()
		m.reader.Take()
		m.hall.set(func(h *hall) {
			h.cases[0].State, h.cases[0].Printable, h.cases[0].PrintedAt, h.cases[0].PrintedWhere = "printed", false, "2000-01-01T08:00:00+08:00", "T1"
		})
		m.touch("home.look")
		m.page("identify")
		if err := m.reader.Lay(person("张三")); err != nil {
			t.Fatal(err)
		}
		if v := m.page("cases"); v.Can("case.print") || v.Cases[0].Line.Phrase != front.SayLicensePrinted {
			t.Errorf("cases %+v, print offered %v", v.Cases, v.Can("case.print"))
		}
	})
}

// lookUp asks about a case by its number.
func (m *machine) lookUp(id string) front.View {
	m.t.Helper()
	m.touch("home.look", "choice.by.case")
	return m.typeCase(id)
}

func (m *machine) typeCase(id string) front.View {
	m.t.Helper()
	for _, d := range id {
		m.touch("key." + string(d))
	}
	m.touch("key.ok")
	return m.page("cases")
}

// With the number alone a case is shown and no license is printed; an owed slip that nobody took is.
func TestComesBackWithTheNumber(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Part = false })
		m.toCash()
		m.insert(5000)
		m.home() // it was owed, and nobody stood there for the slip
		id := ""
		m.journal.Book(func(b *casefile.Book) {
			for _, o := range b.Owed {
				id = o.Case
			}
		})
		for _, up := range []bool{false, true} { // the terminal itself knows of it too
			m.hall.set(func(h *hall) {
				h.up, h.cases = up, []office.CaseLine{{Case: id, Service: "pay.water", State: "owed", Printable: true}}
			})
			m.touch("home.look", "choice.by.case", "key.1", "key.ok")
			m.says(front.SayAccountShort)
			m.touch("key.delete")
			v := m.typeCase(id)
			if v.Can("case.print") == up {
				t.Errorf("with a line %v: print offered %v", up, v.Can("case.print"))
			}
			if !up {
				m.touch("case.print")
				m.page("slip")
				m.touch("form.next")
				m.page("rate")
			}
			m.touch("nav.home")
			m.home()
		}
		m.came(slipTitle)
		m.sheets()
	})
}
