package visit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"
	"time"
	"unicode/utf8"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/front"
)

// form is what has been filled in.
type form struct {
	answers  map[string]string
	lists    map[string][]string
	preedit  string
	parent   map[string]string // tree: the node whose children are shown
	at       int               // page of the list, from 0
	declared bool
	strokes  []front.Stroke
	license  string
}

// identify reads the card; nothing that the card tells is asked.
func (v *visit) identify() step {
	return v.readCard(v.choose("apply"), func() step {
		v.openCase()
		v.form = form{answers: map[string]string{}, lists: map[string][]string{}, parent: map[string]string{}}
		return v.field(0)
	})
}

type reading struct {
	card idcard.Card
	err  error
}

// readCard waits for a card and goes on to next when it counts.
func (v *visit) readCard(back, next step) step {
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	readings, stirs := make(chan reading, 1), make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			card, err := v.Station.Reader.Read(ctx)
			if ctx.Err() != nil {
				return
			}
			select {
			case readings <- reading{card, err}:
			case <-ctx.Done():
				return
			}
			select {
			case stirs <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if err == nil {
				return
			}
			if !fault.Is(err, fault.Refused) {
				select {
				case <-ctx.Done():
				case <-time.After(time.Second): // the reader heals by itself; ask it again
				}
			}
		}
	}()
	silent := 0                // how often in a row the reader did not answer well
	heard := map[string]bool{} // why a card was refused
	for {
		v.back = back
		m := v.await(func() front.View {
			title := say(front.TitleCard)
			if v.service != nil {
				title = v.serviceTitle()
			}
			view := v.page("identify", title)
			view.Sub = say(front.TitleCard)
			view.Notes = []front.Say{say(front.HintCard), say(front.HintCardPrivate)}
			if v.service == nil {
				id := "choice.by.case"
				view.Choices = []front.Choice{{ID: id, Text: say(front.LabelCase), Open: true}}
				view.Acts = append(view.Acts, id)
			}
			return view
		}, stirs)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.act.ID == "choice.by.case":
			return v.askCaseNumber
		case m.stirred:
			r := <-readings
			if r.err != nil && !fault.Is(r.err, fault.Refused) {
				if silent++; silent == 1 {
					continue // one bad answer heals by itself, and is nothing to be sent away for
				}
			}
			if why := refusedFor(r.err); r.err == nil || why != "" && !heard[why] {
				heard[why] = true
				v.touched, v.warned = now(), false // what is refused again and again lies there without anybody
			}
			if v.judge(r) {
				v.note = nil // what it said of the card before
				return next
			}
			if r.err == nil {
				done()
				return v.readCard(back, next)
			}
		}
	}
}

// judge says whether a card counts; if not, the page says why.
func (v *visit) judge(r reading) bool {
	today := v.Journal.Now().In(time.FixedZone("Asia/Shanghai", 8*3600))
	c := r.card
	switch {
	case r.err != nil:
		v.cardFault(r.err)
	case v.service != nil && !v.service.Takes(string(c.Kind)):
		v.say(front.SayCardKind)
	case idcheck.Agree(c) != nil:
		v.say(front.SayCardWrong)
	case idcheck.ValidOn(c, today) == idcheck.Expired:
		v.say(front.SayCardExpired, "date", dashed(c.ValidTo))
	case idcheck.ValidOn(c, today) != idcheck.Valid:
		v.say(front.SayCardWrong)
	case len(v.nameGlyphs(c.Called())) > 0:
		// The name would be printed wrong, so it is not printed at all: a person helps.
		v.say(front.SayNameGlyph)
	default:
		v.note = nil // what was wrong with an earlier card is over
		v.person = &casefile.Person{Kind: string(c.Kind), Name: c.Called(), Sex: c.Sex, Ethnicity: c.Ethnicity, Birth: c.Birth, Address: c.Address,
			Number: c.Number, Authority: c.Authority, ValidFrom: c.ValidFrom, ValidTo: c.ValidTo,
			EnglishName: c.EnglishName, Nationality: c.Nationality, PermitNumber: c.PermitNumber, IssueCount: c.IssueCount}
		v.photo = encoded(c.Face)
		return true
	}
	return false
}

// encoded is a face as the screen takes it; nothing where there is none.
func encoded(face image.Image) []byte {
	if face == nil {
		return nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, face); err != nil {
		return nil // an image of no size: there is nothing to be seen on it
	}
	return b.Bytes()
}

func (v *visit) cardFault(err error) {
	v.Log.Info("card", "error", err)
	switch refusedFor(err) {
	case "":
		v.say(front.SayReaderOut)
	case idcard.Moved:
		v.say(front.SayCardMoved)
	case idcard.NotIdentityCard, idcard.NotGenuine:
		v.say(front.SayCardOther)
	default:
		v.say(front.SayCardUnread)
	}
}

// refusedFor is why the reader refused a card; "" when it did not, or has a fault.
func refusedFor(err error) string {
	var f *fault.Error
	if !fault.Is(err, fault.Refused) || !errors.As(err, &f) {
		return ""
	}
	return cmp.Or(f.Detail, string(fault.Refused))
}

func dashed(date string) string {
	if len(date) != 8 {
		return date
	}
	return date[:4] + "-" + date[4:6] + "-" + date[6:]
}

// steps of the form: its fields, the declaration, the signature, the review.
func (v *visit) formSteps() int { return len(v.service.Fields) + 3 }

// field asks question n of the form; after the last comes the declaration.
func (v *visit) field(n int) step {
	if n < 0 {
		return v.identify
	}
	if n >= len(v.service.Fields) {
		return v.declare
	}
	f := &v.service.Fields[n]
	v.form.at, v.form.preedit = 0, ""
	return func() step {
		for {
			v.back = func() step {
				if f.Kind == "tree" && v.form.parent[f.Name] != "" {
					node, _ := v.catalog.Node(f.List, v.form.parent[f.Name])
					v.form.parent[f.Name], v.form.at = node.Parent, 0
					return v.fieldAgain(n)
				}
				return v.field(n - 1)
			}
			m := v.await(func() front.View { return v.drawField(n, f) }, nil)
			switch {
			case m.over:
				return nil
			case m.act.ID == "nav.back":
				return v.back
			case m.act.ID == "form.next":
				if v.answered(f) {
					return v.field(n + 1)
				}
			default:
				v.fillIn(f, m.act)
			}
		}
	}
}

// fieldAgain is the same question one level up.
func (v *visit) fieldAgain(n int) step { at := v.field(n); return at }

func (v *visit) drawField(n int, f *catalog.Field) front.View {
	view := v.page("form", v.serviceTitle())
	view.Sub = front.Say{Text: f.Label.In(v.lang)}
	view.Step, view.Steps = n+1, v.formSteps()
	if hint := f.Hint.In(v.lang); hint != "" {
		view.Notes = []front.Say{{Text: hint}}
	}
	view.Acts = []string{"form.next"}
	if f.Kind == "text" {
		view.Keys = "pinyin"
		view.Notes = append(view.Notes, say(front.HintTyping))
		view.Fields = []front.Field{{Name: f.Name, Label: front.Say{Text: f.Label.In(v.lang)}, Value: v.form.answers[f.Name], Preedit: v.form.preedit, Focus: true, Max: f.Max}}
		view.Acts = append(view.Acts, front.TextAct, "field."+f.Name)
		return view
	}
	nodes := v.nodes(f)
	pages := max(1, (len(nodes)+listPage-1)/listPage)
	v.form.at = min(max(v.form.at, 0), pages-1)
	if pages > 1 {
		view.Pager = &front.Pager{At: v.form.at + 1, Of: pages}
		if v.form.at > 0 {
			view.Acts = append(view.Acts, "list.prev")
		}
		if v.form.at < pages-1 {
			view.Acts = append(view.Acts, "list.next")
		}
	}
	view.Rows = v.trail(f)
	for _, node := range nodes[v.form.at*listPage : min(len(nodes), (v.form.at+1)*listPage)] {
		c := front.Choice{ID: "choice." + f.Name + "." + v.choiceValue(f, node), Text: front.Say{Text: node.Name.In(v.lang)}, Open: true, Many: f.Kind == "list"}
		c.More = f.Kind == "tree" && len(v.catalog.Under(f.List, node.Code)) > 0
		c.Chosen = v.form.answers[f.Name] == node.Code || contains(v.form.lists[f.Name], node.Code)
		view.Choices = append(view.Choices, c)
		view.Acts = append(view.Acts, c.ID)
	}
	if f.Kind == "tree" {
		view.Notes = append(view.Notes, say(front.HintTree))
	} else {
		view.Notes = append(view.Notes, say(front.HintScope))
	}
	return view
}

// trail is the way down a tree so far.
func (v *visit) trail(f *catalog.Field) (rows []front.Row) {
	for code := v.form.parent[f.Name]; code != ""; {
		node, ok := v.catalog.Node(f.List, code)
		if !ok {
			break
		}
		rows = append([]front.Row{{Label: front.Say{Text: node.Name.In(v.lang)}}}, rows...)
		code = node.Parent
	}
	return rows
}

// nodes are the entries that can be chosen now.
func (v *visit) nodes(f *catalog.Field) []catalog.Node {
	if f.Kind == "tree" {
		return v.catalog.Under(f.List, v.form.parent[f.Name])
	}
	return v.catalog.Under(f.List, v.form.answers[f.By])
}

// choiceValue is the last part of a choice's id: the code, and for lists its number, 1-based.
func (v *visit) choiceValue(f *catalog.Field, node catalog.Node) string {
	if f.Kind == "tree" {
		return node.Code
	}
	for i, n := range v.nodes(f) {
		if n.Code == node.Code {
			return fmt.Sprint(i + 1)
		}
	}
	return node.Code
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// fillIn takes one touch on a question.
func (v *visit) fillIn(f *catalog.Field, act front.Act) {
	switch {
	case act.ID == front.TextAct && act.Field == f.Name:
		text := []rune(act.Text)
		if f.Max > 0 && len(text) > f.Max {
			text = text[:f.Max]
			v.say(front.SayFieldLong, "max", fmt.Sprint(f.Max))
		}
		v.form.answers[f.Name], v.form.preedit = string(text), act.Preedit
	case act.ID == "list.next":
		v.form.at++
	case act.ID == "list.prev":
		v.form.at--
	case f.Kind != "text":
		v.pick(f, after(act.ID, "choice."+f.Name+"."))
	}
}

func (v *visit) pick(f *catalog.Field, value string) {
	for _, node := range v.nodes(f) {
		if v.choiceValue(f, node) != value {
			continue
		}
		switch {
		case f.Kind == "list":
			v.form.lists[f.Name] = toggle(v.form.lists[f.Name], node.Code)
		case len(v.catalog.Under(f.List, node.Code)) > 0:
			v.form.parent[f.Name], v.form.at = node.Code, 0
		default:
			if v.form.answers[f.Name] != node.Code {
				v.forget(f.Name)
			}
			v.form.answers[f.Name] = node.Code
		}
		return
	}
}

// forget drops answers that were chosen under another answer to this field.
func (v *visit) forget(name string) {
	for _, f := range v.service.Fields {
		if f.By == name {
			delete(v.form.lists, f.Name)
		}
	}
}

func toggle(list []string, code string) []string {
	var out []string
	for _, x := range list {
		if x != code {
			out = append(out, x)
		}
	}
	if len(out) == len(list) {
		out = append(out, code)
	}
	return out
}

// answered says whether a question is answered well; if not, the page says what is missing.
func (v *visit) answered(f *catalog.Field) bool {
	text := v.form.answers[f.Name]
	n := utf8.RuneCountInString(strings.TrimSpace(text))
	if f.Kind == "list" {
		n = len(v.form.lists[f.Name])
	}
	switch {
	case n == 0 && f.Kind == "text":
		v.say(front.SayFieldEmpty)
	case n == 0:
		v.say(front.SayChooseOne)
	case f.Kind == "tree":
		return true
	case n < f.Min:
		v.say(front.SayFieldShort, "min", fmt.Sprint(f.Min))
	case f.Max > 0 && n > f.Max:
		v.say(front.SayFieldLong, "max", fmt.Sprint(f.Max))
	default:
		if f.Kind != "text" {
			return true
		}
		if bad := v.nameGlyphs(text); len(bad) > 0 {
			v.say(front.SayFieldBad, "characters", string(bad))
			return false
		}
		v.form.answers[f.Name], v.form.preedit = strings.TrimSpace(text), ""
		return true
	}
	return false
}

// declare shows the declaration.
func (v *visit) declare() step {
	for {
		v.back = v.field(len(v.service.Fields) - 1)
		m := v.await(func() front.View {
			view := v.page("form", v.serviceTitle())
			view.Sub = say(front.TitleDeclare)
			view.Step, view.Steps = v.formSteps()-2, v.formSteps()
			view.Notes = []front.Say{{Text: v.service.Declaration.In(v.lang)}}
			view.Choices = []front.Choice{{ID: "choice.declare.yes", Text: say(front.LabelAgree), Chosen: v.form.declared, Many: true, Open: true}}
			view.Acts = []string{"choice.declare.yes", "form.next"}
			return view
		}, nil)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.act.ID == "choice.declare.yes":
			v.form.declared = !v.form.declared
		case v.form.declared:
			return v.sign
		default:
			v.say(front.SayDeclareFirst)
		}
	}
}

// sign takes the signature. An empty or single-stroke one is asked again.
func (v *visit) sign() step {
	for {
		v.back = v.declare
		m := v.await(func() front.View {
			view := v.page("sign", v.serviceTitle())
			view.Sub = say(front.TitleSign)
			view.Step, view.Steps = v.formSteps()-1, v.formSteps()
			view.Notes = []front.Say{say(front.HintSign)}
			view.Strokes = v.form.strokes
			view.Acts = []string{front.StrokesAct, "field.signature", "form.next"}
			return view
		}, nil)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.act.ID == front.StrokesAct:
			if len(m.act.Strokes) <= strokesMax {
				v.form.strokes = m.act.Strokes
			}
		case m.act.ID == "form.next":
			switch n := len(v.form.strokes); {
			case n == 0:
				v.say(front.SaySignEmpty)
			case n < strokesMin:
				v.say(front.SaySignShort)
			default:
				return v.review
			}
		}
	}
}

// review shows all of it once more.
func (v *visit) review() step {
	v.back = v.sign
	m := v.await(func() front.View {
		view := v.page("review", v.serviceTitle())
		view.Sub = say(front.TitleReview)
		view.Step, view.Steps = v.formSteps(), v.formSteps()
		row := func(label front.Say, value string) {
			view.Rows = append(view.Rows, front.Row{Label: label, Value: front.Say{Text: value}})
		}
		row(say(front.LabelOperator), maskName(v.person.Name))
		row(say(front.LabelNumber), idcheck.MaskNumber(v.person.Number))
		if view.Photo = v.photo; v.photo == nil {
			view.Rows = append(view.Rows, front.Row{Label: say(front.LabelPhoto), Value: say(front.SayPhotoAbsent)})
		}
		for i := range v.service.Fields {
			f := &v.service.Fields[i]
			row(front.Say{Text: f.Label.In(v.lang)}, v.answerText(f))
		}
		next := front.HintReview
		if !v.Hall.Up() {
			next = front.HintReviewOffline
		}
		view.Notes = []front.Say{say(next)}
		view.Acts = []string{"form.next"}
		return view
	}, nil)
	if m.act.ID == "form.next" {
		return v.submit
	}
	return v.orEnd(m)
}

// answerText is an answer in words.
func (v *visit) answerText(f *catalog.Field) string {
	switch f.Kind {
	case "text":
		return v.form.answers[f.Name]
	case "list":
		var names []string
		for _, code := range v.form.lists[f.Name] {
			node, _ := v.catalog.Node(f.List, code)
			names = append(names, node.Name.In(v.lang))
		}
		return strings.Join(names, "；")
	}
	var names []string
	for code := v.form.answers[f.Name]; code != ""; {
		node, ok := v.catalog.Node(f.List, code)
		if !ok {
			break
		}
		names = append([]string{node.Name.In(v.lang)}, names...)
		code = node.Parent
	}
	return strings.Join(names, " ")
}

// secret is the form as it is sealed for the hall.
func (v *visit) secret() casefile.FormSecret {
	s := casefile.FormSecret{Card: *v.person, Answers: v.form.answers, Lists: v.form.lists}
	for _, stroke := range v.form.strokes {
		var line [][2]int
		for _, p := range stroke {
			line = append(line, [2]int{p.X, p.Y})
		}
		s.Strokes = append(s.Strokes, line)
	}
	return s
}
