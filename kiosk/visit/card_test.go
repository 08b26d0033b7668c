package visit

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
)

// strangers are invented people with the other kinds of card.
var strangers = map[string]sdtsim.Card{
	"hmt": {Kind: "hmt", Name: "测试乙", Sex: "1", Birth: "19900101", Address: "广东省深圳市测试路2号", Number: "810000199001010019", Authority: "深圳市公安局",
		ValidFrom: "19980101", ValidTo: "20180101", PermitNumber: "H00000001", IssueCount: "01"},
	"foreign_2017": {Kind: "foreign_2017", Sex: "1", Birth: "19900101", Number: "USA110090010101", Authority: "1100",
		ValidFrom: "19980101", ValidTo: "20180101", EnglishName: "TEST, ALPHA BETA", Nationality: "USA"},
	"foreign_2023": {Kind: "foreign_2023", Name: "测试丁", Sex: "2", Birth: "19900101", Number: "911840199001010018",
		ValidFrom: "19980101", ValidTo: "长期", EnglishName: "TEST, GAMMA DELTA", Nationality: "USA", IssueCount: "01"},
}

// lay puts a card down on the page that asks for one.
func (m *machine) lay(c sdtsim.Card) {
	m.t.Helper()
	m.page("identify")
	m.reader.Take()
	if err := m.reader.Lay(c); err != nil {
		m.t.Fatal(err)
	}
}

// told waits for a message on the page that asks for a card.
func (m *machine) told(phrase front.Phrase) {
	m.t.Helper()
	m.until("the page says why", func() bool {
		v := m.view()
		return v.Page == "identify" && v.Message != nil && v.Message.Phrase == phrase
	})
}

// Residents from Hong Kong, Macao and Taiwan apply like citizens, and the hall is told what stands on their permit.
func TestResidencePermitGetsTheForm(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.decision = office.Decision{State: "waiting"} })
		m.touch("home.apply", "service.license.individual", "form.next")
		m.lay(strangers["hmt"])
		m.page("form")
		m.fill("示例名称")
		m.page("sign")
		m.strokes(3)
		m.touch("form.next")
		v := m.page("review")
		if got := v.Rows[0].Value.Text + " " + v.Rows[1].Value.Text; got != "测*乙 810***********0019" {
			t.Errorf("the page says of the card %q", got)
		}
		m.touch("form.next")
		m.until("it is handed in", func() bool { return m.view().Page != "review" && m.view().Page != "submit" })
		m.touch("nav.home")
		m.home()
	})
}

// Who cannot apply hears it before anything is asked, and a card that fits goes on.
func TestForeignersAreToldBeforeAnythingIsAsked(t *testing.T) {
	for _, kind := range []string{"foreign_2017", "foreign_2023"} {
		t.Run(kind, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				m.touch("home.apply", "service.license.individual", "form.next")
				m.lay(strangers[kind])
				m.told(front.SayCardKind)
				m.tells("visit.begun")
				m.lay(strangers["hmt"])
				m.page("form")
				m.touch("nav.home")
				m.home()
			})
		})
	}
}

// A hall may open a service to foreigners: the form has the name that the card has.
func TestServiceThatTakesForeigners(t *testing.T) {
	play(t, true, func(t *testing.T, m *machine) {
		offer := *m.kiosk.Catalog()
		offer.Services = append([]catalog.Service(nil), offer.Services...)
		for i := range offer.Services {
			offer.Services[i].Cards = []string{"foreign_2017"}
		}
		synctest.Wait()
		m.kiosk.Catalog = func() *catalog.Catalog { return &offer }
		m.touch("home.ask", "nav.home") // a visit keeps the catalogue that it began with
		m.home()
		m.touch("home.apply", "service.license.individual", "form.next")
		m.lay(strangers["hmt"])
		m.told(front.SayCardKind)
		m.lay(strangers["foreign_2017"])
		m.page("form")
		m.fill("示例名称")
		m.page("sign")
		m.strokes(3)
		m.touch("form.next")
		v := m.page("review")
		if got := v.Rows[0].Value.Text + " " + v.Rows[1].Value.Text; got != "T***, A**** B*** USA********0101" {
			t.Errorf("the page says of the card %q", got)
		}
		m.touch("nav.home")
		m.home()
	})
}

// A card whose number is another kind's, or does not check, is nobody's here.
func TestOtherCardsWhoseNumbersAreWrong(t *testing.T) {
	for name, change := range map[string]func(c *sdtsim.Card){
		"a citizen's number": func(c *sdtsim.Card) { c.Number = person("").Number },
		"check":              func(c *sdtsim.Card) { c.Number = "810000199001010010" },
		"birth":              func(c *sdtsim.Card) { c.Birth = "19900102" },
		"no name":            func(c *sdtsim.Card) { c.Name = "" },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				c := strangers["hmt"]
				change(&c)
				m.touch("home.apply", "service.license.individual", "form.next")
				m.lay(c)
				m.told(front.SayCardWrong)
				m.touch("nav.home")
				m.home()
			})
		})
	}
}

// Whoever has a card can look for cases; the hall is asked by the name that the case would have.
func TestEveryCardFindsItsCases(t *testing.T) {
	for kind, want := range map[string]string{"hmt": "810000199001010019 测试乙", "foreign_2017": "USA110090010101 TEST, ALPHA BETA", "foreign_2023": "911840199001010018 测试丁"} {
		t.Run(kind, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				m.touch("home.look")
				m.lay(strangers[kind])
				m.page("cases")
				m.says(front.SayNoCases)
				if got := strings.Join(m.hall.sought, "; "); got != want {
					t.Errorf("the hall was asked for %q, want %q", got, want)
				}
				m.touch("nav.home")
				m.home()
			})
		})
	}
}

// Whoever walks away from the page that asks for a card has left, also while the reader is out, or something lies on it that is refused again and again.
func TestWalksAwayFromTheCardPage(t *testing.T) {
	for name, row := range map[string]struct {
		befalls func(m *machine)
		says    front.Phrase
	}{
		"nothing lies there":     {func(*machine) {}, ""},
		"the reader is out":      {func(m *machine) { m.reader.Power(false) }, front.SayReaderOut},
		"the plug is out":        {func(m *machine) { m.reader.Faults().Arm("unplug", 1) }, front.SayReaderOut},
		"a bus card lies there":  {func(m *machine) { m.reader.Faults().Arm("bus_card", 1) }, front.SayCardOther},
		"two cards lie there":    {func(m *machine) { m.lay(strangers["hmt"]); m.reader.Faults().Arm("second_card", 1) }, front.SayCardOther},
		"another's card is left": {func(m *machine) { m.lay(strangers["foreign_2017"]) }, front.SayCardKind},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				m.touch("home.apply", "service.license.individual", "form.next")
				m.page("identify")
				began := time.Now()
				if row.befalls(m); row.says != "" {
					m.told(row.says)
				}
				m.home()
				if took := time.Since(began); took < idle+warn-time.Second || took > idle+warn+5*time.Second {
					t.Errorf("the visit ended after %v, want %v and what a card takes to be read", took, idle+warn)
				}
				m.tells("visit.begun", "visit.ended reason=timeout")
			})
		})
	}
}

// The technician reads the security module's number.
func TestStationTellsTheSecurityModule(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		d := m.kiosk.Station.Devices()[0]
		if d.Class != "idcard" || d.State != "ready" || d.SAM != "05.03-20110101-1234567890-2345678" || d.Serial != "0500030015DB3201D2029649CECA2300" || d.Photo != "" {
			t.Errorf("got %+v", d)
		}
	})
}

// faced is a reader whose cards come with a face, as with a card maker's library.
type faced struct {
	idcard.Reader
	face image.Image
}

func (f faced) Read(ctx context.Context) (idcard.Card, error) {
	c, err := f.Reader.Read(ctx)
	c.Face = f.face
	return c, err
}

// The photo stands beside what was read, or the page says that there is none; the journal never has it.
func TestPhotoOnTheReview(t *testing.T) {
	face := image.NewRGBA(image.Rect(0, 0, 102, 126))
	face.Set(50, 60, color.RGBA{R: 1, G: 2, B: 3, A: 0xFF})
	for name, shown := range map[string]image.Image{"shown": face, "absent": nil, "of no size": image.NewRGBA(image.Rect(0, 0, 0, 0))} {
		t.Run(name, func(t *testing.T) {
			play(t, true, func(t *testing.T, m *machine) {
				synctest.Wait()
				m.kiosk.Station.Reader = faced{m.kiosk.Station.Reader, shown}
				m.touch("home.apply", "service.license.individual", "form.next")
				m.lay(strangers["hmt"])
				m.page("form")
				m.fill("示例名称")
				m.page("sign")
				m.strokes(3)
				m.touch("form.next")
				v := m.page("review")
				absent := v.Rows[2].Label.Phrase == front.LabelPhoto && v.Rows[2].Value.Phrase == front.SayPhotoAbsent
				if absent != (name != "shown") || (len(v.Photo) > 0) == absent {
					t.Errorf("rows %+v, photo of %d bytes", v.Rows[:3], len(v.Photo))
				}
				if name == "shown" {
					img, err := png.Decode(bytes.NewReader(v.Photo))
					if err != nil || img.Bounds() != face.Bounds() || color.RGBAModel.Convert(img.At(50, 60)) != face.At(50, 60) {
						t.Errorf("the screen gets another picture: %v", err)
					}
				}
				m.touch("form.next")
				m.until("it is handed in", func() bool { return m.view().Page != "review" && m.view().Page != "submit" })
				if n := len(m.view().Photo); n != 0 {
					t.Errorf("page %s has the photo, too", m.view().Page)
				}
				records, err := m.journal.Read(t.Context(), 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range records {
					if text := base64.StdEncoding.EncodeToString(v.Photo); len(text) > 0 && (bytes.Contains(r.Header, []byte(text[:40])) || len(r.Sealed) > 8<<10) {
						t.Errorf("the photo is in the journal: %s", r.Kind)
					}
				}
				m.touch("nav.home")
				m.home()
			})
		})
	}
}
