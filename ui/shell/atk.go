package shell

/*
#cgo pkg-config: gtk+-3.0 atk
#include <stdlib.h>
#include <gtk/gtk.h>

// Roles that the page asks for; the others are the widgets' own.
enum { YC_KEEP, YC_PANEL, YC_IMAGE };

static void yc_name(gpointer widget, const char *id, const char *name, const char *about, int role) {
	AtkObject *a = gtk_widget_get_accessible(GTK_WIDGET(widget));
	if (a == NULL) return;
	if (*id) atk_object_set_accessible_id(a, id);
	if (*name) atk_object_set_name(a, name);
	atk_object_set_description(a, about);
	if (role == YC_PANEL) atk_object_set_role(a, ATK_ROLE_PANEL);
	if (role == YC_IMAGE) atk_object_set_role(a, ATK_ROLE_IMAGE);
}

static void yc_program(const char *name) { g_set_prgname(name); g_set_application_name(name); }

static int yc_broadway(void) {
	return g_str_has_prefix(G_OBJECT_TYPE_NAME(gdk_display_get_default()), "GdkBroadway");
}

// yc_external lets a scrolled window be smaller than what is in it without a bar.
static void yc_external(gpointer scrolled) {
	gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_EXTERNAL, GTK_POLICY_EXTERNAL);
}
*/
import "C"

import (
	"unsafe"

	"github.com/gotk3/gotk3/gtk"

	"yichuang/ui/page"
)

type role int

const (
	keepRole  role = C.YC_KEEP
	panelRole role = C.YC_PANEL
	imageRole role = C.YC_IMAGE
)

// name gives a widget its accessible id, name and description. Nothing on the screen gets them elsewhere.
func name(w *gtk.Widget, e *page.Element, r role) {
	id, words, about := C.CString(e.ID), C.CString(e.Name), C.CString(e.About)
	defer C.free(unsafe.Pointer(id))
	defer C.free(unsafe.Pointer(words))
	defer C.free(unsafe.Pointer(about))
	C.yc_name(C.gpointer(unsafe.Pointer(w.GObject)), id, words, about, C.int(r))
}

// program sets the name under which assistive technology finds us, whatever the binary is called.
func program(name string) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	C.yc_program(c)
}

// broadway says whether the screen is a page in a browser.
func broadway() bool { return C.yc_broadway() != 0 }

// external keeps what is in a scrolled window from pushing the window beyond the screen.
func external(w *gtk.ScrolledWindow) { C.yc_external(C.gpointer(unsafe.Pointer(w.GObject))) }
