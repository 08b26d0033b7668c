package typeset

/*
#cgo pkg-config: pangocairo cairo-pdf
#include <stdlib.h>
#include <stdint.h>
#include <cairo-pdf.h>
#include <pango/pangocairo.h>

// What gotk3 lacks. Its objects come in as numbers, as its Native() gives them.

static cairo_status_t put(void *to, const unsigned char *bytes, unsigned int n) {
	g_byte_array_append((GByteArray *)to, bytes, n);
	return CAIRO_STATUS_SUCCESS;
}
static cairo_surface_t *pdf_open(GByteArray *to, double w, double h, const char *title, const char *made) {
	cairo_surface_t *s = cairo_pdf_surface_create_for_stream(put, to, w, h);
	cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_TITLE, title);
	cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATE_DATE, made);
	cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_MOD_DATE, made);
	return s;
}
static void unref(uintptr_t object) { g_object_unref((void *)object); }
static int unknown(uintptr_t l) { return pango_layout_get_unknown_glyphs_count((PangoLayout *)l); }
static int lines(uintptr_t l) { return pango_layout_get_line_count((PangoLayout *)l); }
static int baseline(uintptr_t l) { return pango_layout_get_baseline((PangoLayout *)l); }
static void shape(uintptr_t l, float spacing, int align) {
	pango_layout_set_line_spacing((PangoLayout *)l, spacing);
	pango_layout_set_alignment((PangoLayout *)l, (PangoAlignment)align);
	pango_layout_set_auto_dir((PangoLayout *)l, FALSE);
	pango_context_set_language(pango_layout_get_context((PangoLayout *)l), pango_language_from_string("zh-cn"));
	pango_layout_context_changed((PangoLayout *)l);
}

// font_open gives the installed font of exactly this family, or NULL: pango itself would hand over another one.
static PangoFont *font_open(const char *family) {
	PangoContext *c = pango_font_map_create_context(pango_cairo_font_map_get_default());
	PangoFontDescription *want = pango_font_description_new();
	pango_font_description_set_family(want, family);
	PangoFont *font = pango_context_load_font(c, want);
	pango_font_description_free(want);
	g_object_unref(c);
	if (font != NULL) {
		PangoFontDescription *got = pango_font_describe(font);
		const char *name = pango_font_description_get_family(got);
		if (name == NULL || g_ascii_strcasecmp(name, family) != 0) { g_object_unref(font); font = NULL; }
		pango_font_description_free(got);
	}
	return font;
}
static int font_has(PangoFont *f, uint32_t r) { return pango_font_has_char(f, r); }
static void font_close(PangoFont *f) { g_object_unref(f); }
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/gotk3/gotk3/cairo"
	"github.com/gotk3/gotk3/pango"
)

// font is one installed font, for the question which characters it has.
type font struct{ c *C.PangoFont }

func openFont(family string) (font, bool) {
	name := C.CString(family)
	defer C.free(unsafe.Pointer(name))
	f := C.font_open(name)
	return font{f}, f != nil
}

func (f font) has(r rune) bool { return C.font_has(f.c, C.uint32_t(r)) != 0 }
func (f font) close()          { C.font_close(f.c) }

// pdf draws one page and gives its bytes. The date is on the paper, not the clock's, so that the same
// page gives the same bytes.
func pdf(width, height float64, title string, made time.Time, draw func(cr *cairo.Context) error) ([]byte, error) {
	cTitle, cMade := C.CString(title), C.CString(made.Format("2006-01-02T15:04:05-07:00"))
	defer C.free(unsafe.Pointer(cTitle))
	defer C.free(unsafe.Pointer(cMade))
	bytes := C.g_byte_array_new()
	defer C.g_byte_array_unref(bytes)

	s := cairo.NewSurface(uintptr(unsafe.Pointer(C.pdf_open(bytes, C.double(width), C.double(height), cTitle, cMade))), false)
	cr := cairo.Create(s)
	err := draw(cr)
	s.ShowPage()
	status := cr.Status()
	// In this order: the bytes are complete only when the last reference to the surface is gone.
	cr.Close()
	s.Close()
	if err != nil {
		return nil, err
	}
	if status != cairo.STATUS_SUCCESS {
		return nil, fmt.Errorf("set page: %s", status)
	}
	return C.GoBytes(unsafe.Pointer(bytes.data), C.int(bytes.len)), nil
}

// layout is a text set in one font at one size; it must be closed on the thread that made it.
type layout struct {
	*pango.Layout
	desc *pango.FontDescription
}

// newLayout sets text in these families. Sizes are in units of the surface: points on a page, dots on the roll.
func newLayout(cr *cairo.Context, families string, bold bool, text string, spacing float64, align pango.Alignment) layout {
	l := layout{pango.CairoCreateLayout(cr), pango.FontDescriptionNew()}
	l.desc.SetFamily(families)
	if bold {
		l.desc.SetWeight(pango.WEIGHT_BOLD)
	}
	C.shape(C.uintptr_t(l.Native()), C.float(spacing), C.int(align))
	l.SetWrap(pango.WRAP_WORD_CHAR)
	l.SetText(text, -1)
	return l
}

func (l layout) size(units float64) {
	l.desc.SetAbsoluteSize(units * float64(pango.SCALE))
	l.SetFontDescription(l.desc)
}

func (l layout) close() {
	C.unref(C.uintptr_t(l.Native()))
	l.desc.Free()
}

func (l layout) unknown() int { return int(C.unknown(C.uintptr_t(l.Native()))) }
func (l layout) lines() int   { return int(C.lines(C.uintptr_t(l.Native()))) }
func (l layout) baseline() float64 {
	return float64(C.baseline(C.uintptr_t(l.Native()))) / float64(pango.SCALE)
}

func (l layout) extent() (w, h float64) {
	pw, ph := l.GetSize()
	return float64(pw) / float64(pango.SCALE), float64(ph) / float64(pango.SCALE)
}
