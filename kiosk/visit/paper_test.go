package visit

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yichuang/devices/idcard/sdtsim"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
)

// The paper runs out in the middle of a payment: what is owed has its code on the screen until it is
// acknowledged, and the journal says that this was the way.
func TestNoPaperForTheSlip(t *testing.T) {
	for name, acknowledged := range map[string]bool{"acknowledged": true, "not acknowledged": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Surplus = "owed" })
				m.toCash()
				m.insert(10000)
				m.cash.Path().OnPoint(func(point string) {
					if point == "cash.moving" && m.cash.Path().Leg() != "entering" { // earlier, and the note would go back
						m.roll.Faults().Arm("paper_out", 1) // from its own table
					}
				})
				m.insert(5000)
				v := m.page("slip")
				m.says(front.SayCodeAtScreen)
				if !strings.HasPrefix(v.Code, "YC1:") {
					t.Errorf("the symbol says %q", v.Code)
				}
				m.journal.Book(func(b *casefile.Book) {
					for _, o := range b.Owed {
						if o.Slip != "" {
							t.Errorf("before it is acknowledged the slip went out as %q", o.Slip)
						}
					}
				})
				want := ""
				if acknowledged {
					m.touch("form.next")
					m.page("take")
					m.tells("paper.printed what=slip way=screen")
					want = "screen"
				}
				m.touch("nav.home")
				m.home()
				m.journal.Book(func(b *casefile.Book) {
					for _, o := range b.Owed {
						if o.Slip != want || o.Amount != 1660 {
							t.Errorf("%s owed, slip %q, want 16.60 and %q", o.Amount, o.Slip, want)
						}
					}
				})
			})
		})
	}
}

// Without paper no note is taken from the start.
func TestNoPaperAtTheStart(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.roll.Faults().Arm("paper_out", 1) // from its own table
		m.until("the printer tells", func() bool { return m.kiosk.Station.Roll.State().Fault != nil })
		m.toBill()
		m.touch("form.next")
		v := m.page("method")
		for _, w := range v.Ways {
			if w.ID == "pay.cash" && (w.Open || w.Why.Phrase != front.SayNoPaper) {
				t.Errorf("cash: %+v", w)
			}
		}
		if v.Can("pay.cash") {
			t.Error("cash is offered")
		}
	})
}

// The acceptor loses its power while a note goes into the box: the note is doubtful. Its slip comes, whichever
// way the visit is left.
func TestNoteInDoubt(t *testing.T) {
	for _, way := range []string{"finish", "home", "stop"} {
		t.Run(way, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = false })
				m.toCash()
				if way == "finish" {
					m.insert(2000)
				}
				var once sync.Once
				m.cash.Path().OnPoint(func(point string) {
					if point == "cash.moving" && m.cash.Path().Leg() != "entering" {
						once.Do(func() {
							m.cash.Power(false, true)
							m.cash.Power(true, true)
						})
					}
				})
				m.note(5000)
				m.until("it is doubtful", func() (is bool) {
					m.journal.Book(func(b *casefile.Book) { is = len(b.Doubtful) > 0 })
					return is
				})
				switch way {
				case "finish":
					m.touch("pay.finish", "choice.rest.owed")
					m.page("slip")
					m.touch("form.next")
					m.page("slip")
					m.touch("form.next")
					m.page("take")
					m.came(receiptTitle, slipTitle, "50.00")
				case "home":
					m.touch("nav.home")
					m.page("slip")
					m.touch("form.next")
					m.came("50.00")
				case "stop":
					m.end()
					m.came("50.00")
				}
			})
		})
	}
}

// The name on a bill has a character that no font has: the receipt comes without it.
func TestRareCharacterInTheNameOnABill(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Name = "*\U000F0001" })
		m.toCash()
		m.insert(10000, 5000)
		m.page("take")
		m.came(receiptTitle)
	})
}

// person is nobody: the division in the number was never given to any place.
func person(name string) sdtsim.Card {
	number := "11019919900101901"
	sum := 0
	for i, c := range number {
		weight := 1
		for range 17 - i {
			weight = weight * 2 % 11
		}
		sum += int(c-'0') * weight
	}
	return sdtsim.Card{Kind: "citizen", Name: name, Sex: "1", Ethnicity: "01", Birth: "19900101", Address: "北京市东城区示例胡同1号",
		Number: number + string("10X98765432"[sum%11]), Authority: "北京市公安局东城分局", ValidFrom: "19980101", ValidTo: "20180101"}
}

// toForm lays a card down and goes to the first question.
func (m *machine) toForm(name string) {
	m.t.Helper()
	m.touch("home.apply", "service.license.individual", "form.next")
	m.page("identify")
	if err := m.reader.Lay(person(name)); err != nil {
		m.t.Fatal(err)
	}
}

// A name on a card that cannot be printed sends its owner to staff, before anything is asked.
func TestRareCharacterOnACard(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.up = false })
		m.toForm("张\ue001")
		m.until("the page says why", func() bool { v := m.view(); return v.Message != nil })
		m.says(front.SayNameGlyph)
		m.tells("visit.begun")
		m.touch("nav.home")
		m.home()
		m.came()
	})
}

// fill answers every question of the form with the first that is offered.
func (m *machine) fill(text string) {
	m.t.Helper()
	for range 40 {
		v := m.view()
		switch {
		case v.Page != "form":
			return
		case v.Can("choice.declare.yes"):
			m.touch("choice.declare.yes", "form.next")
		case len(v.Fields) > 0:
			if _, err := m.kiosk.Stage.Do(m.t.Context(), front.Act{Revision: v.Revision, ID: front.TextAct, Field: v.Fields[0].Name, Text: text}); err != nil {
				m.t.Fatal(err)
			}
			m.touch("form.next")
			if v := m.view(); len(v.Fields) > 0 && v.Message != nil {
				return // it does not go on, and says why
			}
		default:
			m.touch(v.Choices[0].ID)
			if !v.Choices[0].More {
				m.touch("form.next")
			}
		}
	}
	m.t.Fatalf("the form has no end: %+v", m.view())
}

// A typed character that no font has is refused in its field.
func TestRareCharacterInAField(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.up = false })
		m.toForm("张三")
		m.page("form")
		m.fill("店\U000F0002名称")
		m.says(front.SayFieldBad)
		m.fill("示例名称")
		m.page("sign")
	})
}

// toSubmit goes from home to the page that hands in.
func (m *machine) toSubmit() {
	m.t.Helper()
	m.toForm("张三")
	m.page("form")
	m.fill("示例名称")
	m.page("sign")
	m.touch("form.next")
	m.says(front.SaySignEmpty)
	m.strokes(1)
	m.touch("form.next")
	m.says(front.SaySignShort)
	m.strokes(3)
	m.touch("form.next")
	m.page("review")
}

func (m *machine) strokes(n int) {
	m.t.Helper()
	var strokes []front.Stroke
	for i := range n {
		strokes = append(strokes, front.Stroke{{X: 100 * i, Y: 100}, {X: 100*i + 50, Y: 900}})
	}
	if _, err := m.kiosk.Stage.Do(m.t.Context(), front.Act{ID: front.StrokesAct, Strokes: strokes}); err != nil {
		m.t.Fatal(err)
	}
}

// There is no line when the form is handed in: it is on the disk, and a slip says what comes next.
func TestNoLineWhenTheFormIsHandedIn(t *testing.T) {
	for name, paper := range map[string]bool{"paper": true, "no paper": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.up = false })
				m.toSubmit()
				if !paper {
					m.roll.Faults().Arm("paper_out", 1) // from its own table
				}
				began := time.Now()
				m.touch("form.next")
				v := m.page("slip")
				if took := time.Since(began); took > submitMax+rollPatience {
					t.Errorf("the page came after %v", took)
				}
				if len(v.Rows) == 0 || len(v.Rows[0].Value.Text) != caseDigits {
					t.Errorf("the case number is not on the page: %+v", v.Rows)
				}
				m.touch("form.next")
				m.page("rate")
				m.touch("rate.skip")
				m.page("goodbye")
				m.home()
				if paper {
					m.tells("case.submitted", "paper.printed what=next way=receipt", "visit.ended reason=done")
				} else {
					m.tells("case.submitted", "visit.ended reason=done")
				}
			})
		})
	}
}

// rollPatience is more than a strip takes, printed or not.
const rollPatience = 20 * time.Second

// What the hall decides is told, in its own words, and on a slip.
func TestHallDecides(t *testing.T) {
	for state, row := range map[string]struct {
		d      office.Decision
		says   front.Phrase
		record string
	}{
		"refused": {office.Decision{State: "refused", Code: "name_taken", ReasonZH: "名称已被使用"}, front.SayNameTaken, "paper.printed what=refused way=receipt"},
		"waiting": {office.Decision{State: "waiting", Code: "permit_first", ReasonZH: "需先办许可"}, front.SayPermitFirst, "paper.printed what=waiting way=receipt"},
		"unknown": {office.Decision{State: "submitted"}, front.SayDeciding, "paper.printed what=next way=receipt"},
	} {
		t.Run(state, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.up = false }) // without a license printer it is offered only so
				m.toSubmit()
				m.hall.set(func(h *hall) { h.up, h.decision = true, row.d })
				m.touch("form.next")
				m.page("slip")
				m.says(row.says)
				m.tells("case.submitted", row.record)
			})
		})
	}
}

// The cutter gets stuck under a slip that is printed already: its strip hangs there for the next person to read. The code on
// it is dead before another one stands on the screen.
func TestCodeOnAStripThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Surplus = "owed" })
		m.toCash()
		m.insert(10000, 5000)
		m.until("the slip is begun", func() bool {
			return slices.ContainsFunc(m.records(), func(r string) bool { return strings.HasPrefix(r, "paper.begun what=slip") })
		})
		m.roll.Faults().Arm("cutter", 1) // from its own table
		m.page("slip")
		m.says(front.SayCodeAtScreen)
		m.touch("form.next")
		m.page("take")
		m.tells("paper.begun what=receipt way=receipt", "owed.recoded", "paper.begun what=slip way=receipt", "paper.failed what=slip fault=jammed", "owed.recoded", "paper.begun what=slip way=screen")
	})
}
