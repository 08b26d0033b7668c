// Package phrase holds every sentence that the terminal shows, in every language it speaks.
//
// kioskd names a sentence by its front.Phrase and gives the arguments; the words are here, the two
// languages side by side so that a change of one is a change of both. Buttons and other things that
// are the screen's own have keys of this package (Key). The tone is a neighbour's: what is so, what
// happens next, what you can do; no codes, no "error", no "operation". Amounts come as "123.45" and
// dates as 2026-11-20; dates are written out the way each language writes them.
package phrase

import (
	"strconv"
	"strings"
	"time"

	"yichuang/kiosk/front"
)

// Chinese and English are the languages of a view.
const (
	Chinese = "zh"
	English = "en"
)

// Key names a phrase of the screen itself: a button, a label, a word beside a number.
type Key string

// words is one sentence in each language.
type words struct{ zh, en string }

func (w words) in(lang string) string {
	if lang == English {
		return w.en
	}
	return w.zh
}

// missing stands where an argument was not given, so that no brace ever reaches a citizen.
const missing = "—"

// Words is the sentence in this language, with its arguments in place. A text from the catalogue is
// given back as it is; a phrase that nobody wrote is empty.
func Words(lang string, s front.Say) string {
	if s.Phrase == "" {
		return s.Text
	}
	w, ok := sentences[s.Phrase]
	if !ok {
		return s.Text
	}
	return fill(lang, w.in(lang), s.Args)
}

// Has says whether a sentence is written.
func Has(p front.Phrase) bool {
	_, ok := sentences[p]
	return ok
}

// Chrome is a phrase of the screen itself; pairs are argument names and values in turn.
func Chrome(lang string, k Key, pairs ...string) string {
	args := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		args[pairs[i]] = pairs[i+1]
	}
	return fill(lang, chrome[k].in(lang), args)
}

// fill puts the arguments into the braces of a sentence, left to right; what comes out of an argument is
// not looked at again.
func fill(lang, text string, args map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("{" + rest)
			return out.String()
		}
		out.WriteString(argument(lang, args[name]))
		text = after
	}
}

// argument is an argument's value as it is read: the name of a device in words, a date written out.
func argument(lang, value string) string {
	if value == "" {
		return missing
	}
	if w, ok := sentences[front.Phrase(value)]; ok {
		return w.in(lang)
	}
	return Date(lang, value)
}

// Date writes 2026-11-20 or 2026-11 out in the language; anything else stays as it is.
func Date(lang, iso string) string {
	if day, err := time.Parse("2006-01-02", iso); err == nil {
		if lang == English {
			return day.Format("2 January 2006")
		}
		return day.Format("2006年1月2日")
	}
	if month, err := time.Parse("2006-01", iso); err == nil {
		if lang == English {
			return month.Format("January 2006")
		}
		return month.Format("2006年1月")
	}
	return iso
}

var weekdays = [...]string{"星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"}

// Today is the date of the clock with its day of the week.
func Today(lang string, now time.Time) string {
	if lang == English {
		return now.Format("Mon 2 January")
	}
	return now.Format("1月2日") + " " + weekdays[now.Weekday()]
}

// Yuan is a face value without its sign: whole yuan without decimals, others with.
func Yuan(fen int64) string {
	if fen%100 == 0 {
		return strconv.FormatInt(fen/100, 10)
	}
	return strconv.FormatFloat(float64(fen)/100, 'f', -1, 64)
}
