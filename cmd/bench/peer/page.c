// The peer of paper.license.warm: one page, set with cairo and pango and nothing else in between.
//
// It reads the description of a page once from the file named first, and then, for each number on
// standard input, sets the page so many times in memory and answers with the seconds it took. The first
// page is also written to the file named second, so that it can be looked at.
//
// It knows the size of every text beforehand and checks no character: a yardstick, not a product.
#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PT (72 / 25.4)
#define FAMILIES "Noto Serif CJK SC,HanaMinA,HanaMinB,BabelStone Han,Noto Sans CJK SC,Noto Sans Mono CJK SC"

typedef struct { double x, y, w, h; } box;
typedef struct { box at; double size; int align, spread, bold, faint; char *text; } mark;

static double page_w, page_h, band, symbol_w, symbol_x, symbol_y;
static box outer;
static mark marks[64];
static char *rows[256];
static int marks_n, rows_n;

static char *rest(FILE *f) {
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, f);
	if (n < 1) exit(3);
	if (line[n - 1] == '\n') line[n - 1] = 0;
	return line;
}

static void load(const char *path) {
	FILE *f = fopen(path, "r");
	char what[16];
	if (f == NULL) exit(3);
	while (fscanf(f, "%15s ", what) == 1) {
		if (strcmp(what, "page") == 0) {
			if (fscanf(f, "%lf %lf ", &page_w, &page_h) != 2) exit(3);
		} else if (strcmp(what, "frame") == 0) {
			if (fscanf(f, "%lf %lf %lf %lf %lf ", &outer.x, &outer.y, &outer.w, &outer.h, &band) != 5) exit(3);
		} else if (strcmp(what, "symbol") == 0) {
			if (fscanf(f, "%lf %lf %lf ", &symbol_x, &symbol_y, &symbol_w) != 3) exit(3);
		} else if (strcmp(what, "row") == 0) {
			if (rows_n == 256) exit(3);
			rows[rows_n++] = rest(f);
		} else if (strcmp(what, "mark") == 0) {
			if (marks_n == 64) exit(3);
			mark *m = &marks[marks_n++];
			if (fscanf(f, "%lf %lf %lf %lf %lf %d %d %d %d ", &m->at.x, &m->at.y, &m->at.w, &m->at.h, &m->size, &m->align, &m->spread, &m->bold, &m->faint) != 9) exit(3);
			m->text = rest(f);
		} else {
			exit(3);
		}
	}
	fclose(f);
}

static void colour(cairo_t *c, unsigned rgb) {
	cairo_set_source_rgb(c, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void rule(cairo_t *c, box b, double in, double width) {
	cairo_set_line_width(c, width);
	cairo_rectangle(c, b.x + in, b.y + in, b.w - 2 * in, b.h - 2 * in);
	cairo_stroke(c);
}

// The ornament: a ground of ellipses, a band of waves, four corners.
static void ornament(cairo_t *c) {
	box o = outer;
	double unit = band / 11, r = o.h * 0.36;
	colour(c, 0xF7F0E0);
	cairo_set_line_width(c, o.h / 900);
	for (int k = 0; k < 60; k++) {
		cairo_save(c);
		cairo_translate(c, o.x + o.w / 2, o.y + o.h * 0.55);
		cairo_rotate(c, k * M_PI / 60);
		cairo_scale(c, r, r * 0.42);
		cairo_new_path(c);
		cairo_arc(c, 0, 0, 1, 0, 2 * M_PI);
		cairo_restore(c);
		cairo_stroke(c);
	}
	colour(c, 0xFBF6E9);
	cairo_set_fill_rule(c, CAIRO_FILL_RULE_EVEN_ODD);
	cairo_rectangle(c, o.x, o.y, o.w, o.h);
	cairo_rectangle(c, o.x + band, o.y + band, o.w - 2 * band, o.h - 2 * band);
	cairo_fill(c);
	cairo_set_fill_rule(c, CAIRO_FILL_RULE_WINDING);
	cairo_set_line_width(c, 0.14 * unit);
	for (int side = 0; side < 4; side++) {
		double length = (side % 2 ? o.h : o.w) - 2 * band;
		double half = length / round(length / (7.5 * unit)), middle = band / 2 + 0.65 * unit;
		for (int k = 0; k < 4; k++) {
			cairo_save(c);
			cairo_translate(c, side == 1 ? o.x + o.w : o.x, side == 2 ? o.y + o.h : o.y);
			if (side == 1) cairo_rotate(c, M_PI / 2);
			if (side == 2) cairo_scale(c, 1, -1);
			if (side == 3) { cairo_rotate(c, M_PI / 2); cairo_scale(c, 1, -1); }
			cairo_rectangle(c, band, 0, length, band);
			cairo_clip(c);
			cairo_new_path(c);
			double a = band + (k / 4.0 - 1) * 2 * half, up = 3.2 * unit * 4 / 3;
			for (cairo_move_to(c, a, middle); a < band + length + half; a += half, up = -up)
				cairo_curve_to(c, a + 0.3642 * half, middle + up, a + 0.6358 * half, middle + up, a + half, middle);
			colour(c, k % 2 ? 0xDDC58E : 0xB98A2F);
			cairo_stroke(c);
			cairo_restore(c);
		}
	}
	colour(c, 0xB98A2F);
	rule(c, o, 0, 0.9 * unit);
	rule(c, o, 1.3 * unit, 0.25 * unit);
	rule(c, o, band, 0.25 * unit);
	colour(c, 0xA8322A);
	rule(c, o, band + 1.1 * unit, 0.45 * unit);
	static const double turns[9][2] = {{2.6, 2.6}, {9.7, 2.6}, {9.7, 9.7}, {4.4, 9.7}, {4.4, 4.4}, {7.9, 4.4}, {7.9, 7.9}, {6.1, 7.9}, {6.1, 6.1}};
	for (int corner = 0; corner < 4; corner++) {
		cairo_save(c);
		cairo_translate(c, corner % 2 ? o.x + o.w : o.x, corner > 1 ? o.y + o.h : o.y);
		cairo_scale(c, corner % 2 ? -unit : unit, corner > 1 ? -unit : unit);
		colour(c, 0xFBF6E9);
		cairo_rectangle(c, 1.5, 1.5, 9.4, 9.4);
		cairo_fill(c);
		colour(c, 0xB98A2F);
		cairo_set_line_width(c, 0.25);
		cairo_rectangle(c, 1.3, 1.3, 9.7, 9.7);
		cairo_stroke(c);
		cairo_set_line_width(c, 0.75);
		cairo_move_to(c, 2.6, 9.7);
		for (int i = 0; i < 9; i++) cairo_line_to(c, turns[i][0], turns[i][1]);
		cairo_stroke(c);
		cairo_restore(c);
	}
}

static PangoLayout *layout(cairo_t *c, PangoFontDescription *font, double size, const char *text, int bytes) {
	PangoLayout *l = pango_cairo_create_layout(c);
	pango_context_set_language(pango_layout_get_context(l), pango_language_from_string("zh-cn"));
	pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
	pango_layout_set_font_description(l, font);
	pango_layout_set_line_spacing(l, 0.92);
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_text(l, text, bytes);
	return l;
}

static void set(cairo_t *c, PangoFontDescription *plain, PangoFontDescription *bold, mark *m) {
	unsigned ink = m->faint ? 0x6B5B3E : 0x1A1A1A;
	double line = m->at.y * PT + m->size * (1.32 / 2 + 0.38);
	if (!m->spread) {
		PangoLayout *l = layout(c, plain, m->size, m->text, -1);
		pango_layout_set_width(l, m->at.w * PT * PANGO_SCALE);
		pango_layout_set_alignment(l, m->align);
		colour(c, ink);
		cairo_move_to(c, m->at.x * PT, line - (double)pango_layout_get_baseline(l) / PANGO_SCALE);
		pango_cairo_show_layout(c, l);
		g_object_unref(l);
		return;
	}
	int n = g_utf8_strlen(m->text, -1);
	double x = m->at.x * PT, gap = n > 1 ? (m->at.w * PT - n * m->size) / (n - 1) : 0;
	for (const char *p = m->text; *p; p = g_utf8_next_char(p), x += m->size + gap) {
		for (int outline = 0; outline <= m->bold; outline++) {
			PangoLayout *l = layout(c, outline ? bold : plain, m->size, p, g_utf8_next_char(p) - p);
			colour(c, m->bold && !outline ? 0xFFFFFF : ink);
			cairo_move_to(c, x, line - (double)pango_layout_get_baseline(l) / PANGO_SCALE);
			if (outline) {
				pango_cairo_layout_path(c, l);
				cairo_fill(c);
			} else {
				pango_cairo_show_layout(c, l);
			}
			g_object_unref(l);
		}
	}
}

static void symbol(cairo_t *c) {
	double module = symbol_w * PT / (rows_n + 8);
	colour(c, 0xFFFFFF);
	cairo_rectangle(c, symbol_x * PT, symbol_y * PT, symbol_w * PT, symbol_w * PT);
	cairo_fill(c);
	colour(c, 0x000000);
	cairo_set_line_width(c, module * 1.02);
	for (int y = 0; y < rows_n; y++) {
		double dashes[256];
		int n = 0, first = strcspn(rows[y], "1"), x = first;
		if (first == rows_n) continue;
		while (x < rows_n) {
			int run = strspn(rows[y] + x, n % 2 ? "0" : "1");
			dashes[n++] = run * module;
			x += run;
		}
		if (n % 2) dashes[n++] = module;
		double left = symbol_x * PT + (4 + first) * module, middle = symbol_y * PT + (4.5 + y) * module;
		cairo_set_dash(c, dashes, n, 0);
		cairo_move_to(c, left, middle);
		cairo_line_to(c, symbol_x * PT + (4 + rows_n) * module, middle);
		cairo_stroke(c);
	}
	cairo_set_dash(c, NULL, 0, 0);
}

static cairo_status_t put(void *to, const unsigned char *bytes, unsigned n) {
	g_byte_array_append(to, bytes, n);
	return CAIRO_STATUS_SUCCESS;
}

static GByteArray *draw(PangoFontDescription *plain, PangoFontDescription *bold) {
	GByteArray *out = g_byte_array_new();
	cairo_surface_t *s = cairo_pdf_surface_create_for_stream(put, out, page_w * PT, page_h * PT);
	cairo_t *c = cairo_create(s);
	ornament(c);
	for (int i = 0; i < marks_n; i++) set(c, plain, bold, &marks[i]);
	symbol(c);
	cairo_show_page(c);
	cairo_destroy(c);
	cairo_surface_finish(s);
	if (cairo_surface_status(s) != CAIRO_STATUS_SUCCESS) exit(3);
	cairo_surface_destroy(s);
	return out;
}

int main(int n, char **args) {
	int pages;
	if (n != 3) return 2;
	load(args[1]);
	PangoFontDescription *plain = pango_font_description_from_string(FAMILIES), *bold = pango_font_description_copy(plain);
	pango_font_description_set_weight(bold, PANGO_WEIGHT_BOLD);
	GByteArray *first = draw(plain, bold);
	if (!g_file_set_contents(args[2], (char *)first->data, first->len, NULL)) return 3;
	g_byte_array_unref(first);
	while (scanf("%d", &pages) == 1) {
		struct timespec from, to;
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (int i = 0; i < pages; i++) g_byte_array_unref(draw(plain, bold));
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%.9f\n", to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9);
		fflush(stdout);
	}
	return 0;
}
