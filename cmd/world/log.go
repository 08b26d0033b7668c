package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/twin"
)

// CheckLog compares what stands outside of the terminal's database with it, at rest: the twin file, which is all there is when the database is lost, and
// the log as staff take it home.
func (w *World) CheckLog(checked map[string]int64) []Violation {
	f := &found{checked: checked}
	time.Sleep(20 * glance) // lines are gathered before they are written
	beside, err := os.ReadFile(filepath.Join(w.Dir, "terminal", "twin.jsonl"))
	f.want("twin.reads", err == nil, "%v", err)
	w.linesAgree(f, "twin.is_the_journal", beside)
	home, err := w.exported()
	f.want("log.whole", err == nil, "%v", err)
	w.linesAgree(f, "log.is_the_journal", home)
	return f.bad
}

// linesAgree compares lines with the records, and what they add up to with the book.
func (w *World) linesAgree(f *found, id string, text []byte) {
	records, lines := w.records(), bytes.SplitAfter(text, []byte("\n"))
	f.want(id, len(lines) == len(records)+1 && len(lines[len(records)]) == 0, "%d records and %d lines", len(records), len(lines)-1)
	for i := range min(len(records), len(lines)) {
		var l casefile.Line
		err := json.Unmarshal(lines[i], &l)
		f.want(id, err == nil && reflect.DeepEqual(l, records[i].Line()), "record %d is %+v, and the line %s (%v)", i+1, records[i].Line(), lines[i], err)
	}
	sum, err := twin.Rebuild(bytes.NewReader(text))
	if err == nil {
		err = sum.Broken
	}
	f.want(id, err == nil, "%v", err)
	var is, want []byte
	w.Journal.Book(func(b *casefile.Book) { want, err = json.Marshal(b) })
	if err == nil {
		is, err = json.Marshal(sum.Book)
	}
	f.want(id, err == nil && bytes.Equal(is, want), "the lines add up to %s, and the book says %s (%v)", is, want, err)
}

// exported is the log as kioskctl takes it over the socket.
func (w *World) exported() ([]byte, error) {
	ask, err := http.NewRequest(http.MethodGet, "http://door/v1/log", nil)
	if err != nil {
		return nil, err
	}
	answer, err := visitor(w.Net, w.Dir+"/ctl").Do(ask)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if answer.Trailer.Get("X-Whole") != "yes" && err == nil {
		err = fmt.Errorf("%s, and it does not say that it is whole", answer.Status)
	}
	return text, errors.Join(err, answer.Body.Close())
}
