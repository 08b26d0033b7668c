package page

import (
	"strings"

	"yichuang/ui/phrase"
)

// entrances are the six ways in, two in a row; the first two are the ones most people come for.
var entrances = []struct {
	id    phrase.Key
	icon  string
	class string
}{
	{phrase.Apply, "icon.apply.red", "card dark"},
	{phrase.Pay, "icon.pay.gold", "card dark"},
	{phrase.Look, "icon.look", "card light"},
	{phrase.Guide, "icon.guide", "card light"},
	{phrase.Ask, "icon.ask", "card light"},
	{phrase.Rate, "icon.rate", "card light"},
}

func (b *builder) home() []Element {
	b.drawn["services"] = true
	title := column("", 14, text("greeting", b.say(b.v.Title)))
	for _, n := range b.v.Notes {
		title.Inside = append(title.Inside, text("sub", b.say(n)))
	}
	b.drawn["notes"] = true
	// What the machine can do stands above the entrances, so that a seated hand reaches all six.
	out := append([]Element{title}, b.says()...)
	out = append(out, b.health()...)
	for i := 0; i < len(entrances); i += 2 {
		r := row("", 28, b.entrance(i), b.entrance(i+1))
		r.Same, r.Grow = true, true
		out = append(out, r)
	}
	return b.finishHome(out)
}

// finishHome adds what home does not expect and leaves no room at the foot: the cards take it.
func (b *builder) finishHome(out []Element) []Element {
	for _, part := range []string{"ways", "guide", "rows", "fields", "choices", "cases", "topics"} {
		out = append(out, b.part(part)...)
	}
	return append(out, b.acts(phrase.Next)...)
}

func (b *builder) entrance(i int) Element {
	en := entrances[i]
	line := b.word(en.id + ".line")
	words := column("", 10, text("card-word", b.word(en.id)), text("card-line", line))
	words.Grow, words.H = true, 165 // room for two lines, so that the six stand at one height
	e := b.button(string(en.id), b.word(en.id), en.class, row("entrance", 28, picture(en.icon, 100, 100), words))
	e.About, e.H = line, 236
	return e
}

// closedMax is how many closed services home names; the rest are named where they are chosen.
const closedMax = 3

// health says what this machine can do now, and which service is closed, why and until when.
func (b *builder) health() []Element {
	e := column("sheet", 18)
	if len(b.v.Health) > 0 {
		var chips []Element
		for _, c := range b.v.Health {
			class := "chip bad"
			if c.Good {
				class = "chip good"
			}
			chips = append(chips, text(class, b.say(c.Say)))
		}
		e.Inside = append(e.Inside, text("sheet-title", b.word(phrase.NowHere)))
		e.Inside = append(e.Inside, wrapped(chips, 900)...)
	}
	named := 0
	for _, s := range b.v.Services {
		why := b.say(s.Why)
		if s.Open || why == "" || named == closedMax {
			continue
		}
		named++
		e.Inside = append(e.Inside, text("why", s.Name+colon(b.v.Language)+why))
	}
	if len(e.Inside) == 0 {
		return nil
	}
	return []Element{e}
}

func colon(lang string) string {
	if lang == phrase.English {
		return ": "
	}
	return "："
}

// wrapped lays chips in rows no wider than the room.
func wrapped(chips []Element, room float64) []Element {
	var rows []Element
	used := room + 1
	for _, c := range chips {
		wide := units(c.Text)*28 + 68
		if used+wide > room {
			rows = append(rows, row("", 18))
			used = 0
		}
		last := &rows[len(rows)-1]
		last.Inside = append(last.Inside, c)
		used += wide
	}
	return rows
}

// grouped writes digits in groups of n, as they stand on a bill; 0 leaves them as they are.
func grouped(digits string, n int) string {
	if n <= 0 {
		return digits
	}
	var out strings.Builder
	for i, r := range []rune(digits) {
		if i > 0 && i%n == 0 {
			out.WriteRune(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}
