package page

import (
	"fmt"
	"strings"
)

// outline writes a page as text: what a person could read aloud, with what a screen reader gets beside it.
func outline(p Page) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %q visit %q elder %v moving %v\n", p.ID, p.Name, p.Visit, p.Elder, p.Moving)
	for _, e := range []Element{p.Top, p.Body, p.Bottom} {
		e.outline(&out, 1)
	}
	if p.Over != nil {
		out.WriteString("before it:\n")
		p.Over.outline(&out, 1)
	}
	return out.String()
}

func (e *Element) outline(out *strings.Builder, depth int) {
	fmt.Fprintf(out, "%s%s", strings.Repeat("  ", depth), e.Kind)
	put := func(label, value string) {
		if value != "" {
			fmt.Fprintf(out, " %s%q", label, value)
		}
	}
	if e.ID != "" {
		fmt.Fprintf(out, " #%s", e.ID)
	}
	put("", e.Text)
	put("tail ", e.Tail)
	put("name ", e.Name)
	put("about ", e.About)
	put(".", e.Class)
	put("drawing ", e.Picture)
	for _, flag := range []struct {
		is   bool
		word string
	}{{e.Kind == Button && !e.Enabled, "cannot be touched"}, {e.Local, "local"}, {e.Same, "same"}, {e.Grow, "grow"}, {e.Middle, "middle"}, {e.Caret, "caret"}} {
		if flag.is {
			out.WriteString(" " + flag.word)
		}
	}
	if len(e.PNG) > 0 {
		fmt.Fprintf(out, " %d bytes of PNG", len(e.PNG))
	}
	if e.W+e.H+e.Gap > 0 {
		fmt.Fprintf(out, " %d×%d/%d", e.W, e.H, e.Gap)
	}
	if e.Of > 0 {
		fmt.Fprintf(out, " %d of %d", e.Done, e.Of)
	}
	if len(e.Strokes) > 0 {
		fmt.Fprintf(out, " %d strokes", len(e.Strokes))
	}
	out.WriteString("\n")
	for i := range e.Inside {
		e.Inside[i].outline(out, depth+1)
	}
}
