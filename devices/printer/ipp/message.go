package ipp

import (
	"errors"
	"fmt"

	"github.com/OpenPrinting/goipp"
)

// request begins a message as RFC 8011, 4.1.4.1 wants it: charset, language, target.
func request(op goipp.Op, id uint32, uri, user string) *goipp.Message {
	m := goipp.NewRequest(goipp.DefaultVersion, op, id)
	m.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	m.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	m.Operation.Add(goipp.MakeAttribute("printer-uri", goipp.TagURI, goipp.String(uri)))
	if user != "" {
		m.Operation.Add(goipp.MakeAttribute("requesting-user-name", goipp.TagName, goipp.String(user)))
	}
	return m
}

func keyword(name string, values ...string) goipp.Attribute {
	a := goipp.Attribute{Name: name}
	for _, v := range values {
		a.Values.Add(goipp.TagKeyword, goipp.String(v))
	}
	return a
}

// mediaSizes are the papers that licenses are printed on, in 1/100 mm (PWG 5101.1).
var mediaSizes = map[string][2]int{
	"iso_a3_297x420mm": {29700, 42000},
	"iso_a4_210x297mm": {21000, 29700},
	"iso_a5_148x210mm": {14800, 21000},
}

// mediaCol is media-size and media-source in one collection (PWG 5100.7).
func mediaCol(media, source string) (goipp.Attribute, bool) {
	size, ok := mediaSizes[media]
	if !ok {
		return goipp.Attribute{}, false
	}
	members := []goipp.Attribute{}
	if source != "" {
		members = append(members, keyword("media-source", source))
	}
	return goipp.MakeAttrCollection("media-col", goipp.MakeAttrCollection("media-size",
		goipp.MakeAttribute("x-dimension", goipp.TagInteger, goipp.Integer(size[0])),
		goipp.MakeAttribute("y-dimension", goipp.TagInteger, goipp.Integer(size[1]))), members...), true
}

// mediaName is the PWG name for the size in a media-col, "" when it is none of ours.
func mediaName(col goipp.Attributes) string {
	a, ok := find(col, "media-size")
	if !ok {
		return ""
	}
	size, ok := a.Values[0].V.(goipp.Collection)
	if !ok {
		return ""
	}
	x, _ := number(goipp.Attributes(size), "x-dimension")
	y, _ := number(goipp.Attributes(size), "y-dimension")
	for name, s := range mediaSizes {
		if s == [2]int{x, y} || s == [2]int{y, x} {
			return name
		}
	}
	return ""
}

// decodeAnswer reads an answer and checks what every answer must have.
func decodeAnswer(body []byte, id uint32) (*goipp.Message, error) {
	var m goipp.Message
	if err := m.DecodeBytes(body); err != nil {
		return nil, err
	}
	if m.RequestID != id {
		return nil, fmt.Errorf("answer to request %d, want %d", m.RequestID, id)
	}
	if major := m.Version.Major(); major != 1 && major != 2 {
		return nil, fmt.Errorf("version %s", m.Version)
	}
	if len(m.Groups) == 0 || m.Groups[0].Tag != goipp.TagOperationGroup {
		return nil, errors.New("no operation attributes")
	}
	return &m, nil
}

// find gives an attribute that has a value.
func find(attrs goipp.Attributes, name string) (goipp.Attribute, bool) {
	for _, a := range attrs {
		if a.Name == name && len(a.Values) > 0 {
			return a, true
		}
	}
	return goipp.Attribute{}, false
}

// texts are the values of an attribute as text; none for no-value and its like.
func texts(attrs goipp.Attributes, name string) []string {
	a, ok := find(attrs, name)
	if !ok {
		return nil
	}
	var out []string
	for _, v := range a.Values {
		switch v.V.(type) {
		case goipp.String, goipp.TextWithLang:
			out = append(out, v.V.String())
		}
	}
	return out
}

// text is the first of them.
func text(attrs goipp.Attributes, name string) string {
	if all := texts(attrs, name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// number is the first value when it is a number.
func number(attrs goipp.Attributes, name string) (int, bool) {
	if a, ok := find(attrs, name); ok {
		if n, ok := a.Values[0].V.(goipp.Integer); ok {
			return int(n), true
		}
	}
	return 0, false
}
