package shell

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gotk3/gotk3/gdk"
	"github.com/gotk3/gotk3/gtk"
)

//go:embed style.css
var sheet string

// palette is every colour of a mode. Large type is a palette of its own, not a filter over the other.
type palette map[string]string

// calm is the usual palette: ink for authority, paper behind, red only for the seal and what is owed.
var calm = palette{
	"ink": "#17395C", "ink2": "#0F2A45", "paper": "#F6F3EC", "sheet": "#FFFFFF", "line": "#E7E0D2", "edge": "#CFC7B4",
	"seal": "#C8372D", "gold": "#B98A2F", "gold2": "#8A6212", "good": "#246B41", "goodbg": "#E4F0E7", "goodline": "#CBE2D2", "bad": "#9C2B22",
	"badbg": "#F8E7E3", "badline": "#E9C5BE", "calmbg": "#E6EDF5", "calmline": "#C3D2E2", "cream": "#FBF2DE",
	"text": "#1B2A3A", "text2": "#566270", "faint": "#A7A69E", "onink": "#FFFFFF", "onink2": "#C6D3E1",
	"sand": "#DDD6C6", "sand2": "#EFEBE1", "bar": "#FCFAF5", "bar2": "#FFFDF8", "press": "#DCE6F0", "in": "#2E7D4F", "light": "#5FDD8D", "loud": "#FFE9B0",
}

// strong is the palette of large type: black on white, edges everywhere.
var strong = palette{
	"ink": "#00224A", "ink2": "#000F22", "paper": "#FFFFFF", "sheet": "#FFFFFF", "line": "#000000", "edge": "#000000",
	"seal": "#B00000", "gold": "#7A5200", "gold2": "#5C3D00", "good": "#00551E", "goodbg": "#FFFFFF", "goodline": "#00551E", "bad": "#A00000",
	"badbg": "#FFF0EE", "badline": "#A00000", "calmbg": "#E9F1FF", "calmline": "#00224A", "cream": "#FFF6D6",
	"text": "#000000", "text2": "#1C1C1C", "faint": "#6B6B6B", "onink": "#FFFFFF", "onink2": "#FFFFFF",
	"sand": "#B9B9B9", "sand2": "#EDEDED", "bar": "#FFFFFF", "bar2": "#FFFFFF", "press": "#FFE58A", "in": "#00551E", "light": "#6BFF9E", "loud": "#FFFF8A",
}

func colours(elder bool) palette {
	if elder {
		return strong
	}
	return calm
}

// rgb is a colour for cairo.
func (p palette) rgb(name string) (r, g, b float64) {
	v, err := strconv.ParseUint(strings.TrimPrefix(p[name], "#"), 16, 32)
	if err != nil {
		panic("shell: no colour is called " + name)
	}
	return float64(v>>16) / 255, float64(v>>8&255) / 255, float64(v&255) / 255
}

// largeType is how much larger the letters of large type are.
const largeType = 1.22

var (
	pixels   = regexp.MustCompile(`(\d+(?:\.\d+)?)px`)
	typeSize = regexp.MustCompile(`font-size: (\d+)px`)
)

// css is the style sheet for a scale of the whole screen, and a further one for what lies between the bars.
func css(scale, fit float64, elder bool) string {
	var out strings.Builder
	for name, value := range colours(elder) {
		fmt.Fprintf(&out, "@define-color %s %s;\n", name, value)
	}
	frame, body, _ := strings.Cut(sheet, "/* body */")
	out.WriteString(scaled(frame, scale, elder, largeBars))
	out.WriteString(scaled(body, scale*fit, elder, largeType))
	return out.String()
}

// largeBars is how much larger the letters in the two bars are: their five buttons leave no room for more.
const largeBars = 1.12

func scaled(part string, scale float64, elder bool, large float64) string {
	if elder {
		part = typeSize.ReplaceAllStringFunc(part, func(m string) string {
			n, _ := strconv.Atoi(typeSize.FindStringSubmatch(m)[1]) // the expression takes digits only
			if n >= 100 {
				return m // large already
			}
			return fmt.Sprintf("font-size: %.1fpx", float64(n)*large)
		})
	}
	return pixels.ReplaceAllStringFunc(part, func(m string) string {
		n, _ := strconv.ParseFloat(strings.TrimSuffix(m, "px"), 64) // as above
		size := n * scale
		if n >= 1 && size < 1 {
			size = 1 // a hairline stays
		}
		return strconv.FormatFloat(size, 'f', 2, 64) + "px"
	})
}

// style keeps the style sheet in force, and loads it again only when something about it has changed.
type style struct {
	provider *gtk.CssProvider
	loaded   string
}

func newStyle() (*style, error) {
	provider, err := gtk.CssProviderNew()
	if err != nil {
		return nil, err
	}
	screen, err := gdk.ScreenGetDefault()
	if err != nil {
		return nil, err
	}
	gtk.AddProviderForScreen(screen, provider, gtk.STYLE_PROVIDER_PRIORITY_USER)
	return &style{provider: provider}, nil
}

func (s *style) load(scale, fit float64, elder bool) error {
	key := fmt.Sprintf("%.4f %.4f %v", scale, fit, elder)
	if key == s.loaded {
		return nil
	}
	s.loaded = key
	return s.provider.LoadFromData(css(scale, fit, elder))
}
