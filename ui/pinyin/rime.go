package pinyin

/*
#cgo pkg-config: rime
#include <stdlib.h>
#include <string.h>
#include <rime_api.h>

static int yc_started;

// yc_start brings the engine up in a folder of the user; one that runs is brought down first.
static void yc_start(const char *shared, const char *user) {
	RimeApi *api = rime_get_api();
	RIME_STRUCT(RimeTraits, traits);
	traits.shared_data_dir = shared;
	traits.user_data_dir = user;
	traits.distribution_name = "Yichuang";
	traits.distribution_code_name = "yichuang";
	traits.distribution_version = "1";
	traits.app_name = "rime.yichuang";
	traits.min_log_level = 3;
	traits.log_dir = "";
	if (!yc_started) {
		api->setup(&traits);
		yc_started = 1;
	}
	api->initialize(&traits);
}

static RimeSessionId yc_session(const char *schema) {
	RimeApi *api = rime_get_api();
	RimeSessionId s = api->create_session();
	if (s && !api->select_schema(s, schema)) {
		api->destroy_session(s);
		return 0;
	}
	return s;
}

static void yc_deploy(void) {
	RimeApi *api = rime_get_api();
	if (api->start_maintenance(True)) api->join_maintenance_thread();
}

static void yc_stop(RimeSessionId s) {
	RimeApi *api = rime_get_api();
	if (s) api->destroy_session(s);
	api->finalize();
}

static void yc_clear(RimeSessionId s) { rime_get_api()->clear_composition(s); }
static int yc_key(RimeSessionId s, int key) { return rime_get_api()->process_key(s, key, 0); }
static int yc_select(RimeSessionId s, size_t n) { return rime_get_api()->select_candidate(s, n); }

// yc_commit is what the engine has settled since it was asked last, to be freed; NULL for nothing.
static char *yc_commit(RimeSessionId s) {
	RimeApi *api = rime_get_api();
	RIME_STRUCT(RimeCommit, c);
	char *text = NULL;
	if (api->get_commit(s, &c)) {
		if (c.text) text = strdup(c.text);
		api->free_commit(&c);
	}
	return text;
}

// yc_preedit is the line being composed, to be freed, and where its settled part ends, in bytes.
static char *yc_preedit(RimeSessionId s, int *settled) {
	RimeApi *api = rime_get_api();
	RIME_STRUCT(RimeContext, c);
	char *text = NULL;
	*settled = 0;
	if (api->get_context(s, &c)) {
		if (c.composition.preedit) {
			text = strdup(c.composition.preedit);
			*settled = c.composition.sel_start;
		}
		api->free_context(&c);
	}
	return text;
}

// yc_candidates joins the texts of candidates from..from+count with newlines, to be freed.
static char *yc_candidates(RimeSessionId s, int from, int count) {
	RimeApi *api = rime_get_api();
	RimeCandidateListIterator it = {0};
	size_t size = 1;
	char *out = calloc(1, 1);
	if (!api->candidate_list_from_index(s, &it, from)) return out;
	while (count-- > 0 && api->candidate_list_next(&it)) {
		size_t more = strlen(it.candidate.text);
		out = realloc(out, size + more + 1);
		memcpy(out + size - 1, it.candidate.text, more);
		size += more + 1;
		out[size - 2] = '\n';
		out[size - 1] = 0;
	}
	api->candidate_list_end(&it);
	return out;
}
*/
import "C"

import (
	"strings"
	"unsafe"
)

// session is one open input session of librime. Everything here is called under Engine's lock.
type session struct{ id C.RimeSessionId }

// start opens librime over the two folders and a session in the schema. Debian ships the schema already
// built; where it is not, it is built into the user's folder, which takes a quarter of a second.
func start(shared, user, schema string) (session, bool) {
	cShared, cUser, cSchema := C.CString(shared), C.CString(user), C.CString(schema)
	defer C.free(unsafe.Pointer(cShared))
	defer C.free(unsafe.Pointer(cUser))
	defer C.free(unsafe.Pointer(cSchema))
	C.yc_start(cShared, cUser)
	id := C.yc_session(cSchema)
	if id == 0 || !(session{id}).works() {
		C.yc_deploy()
		id = C.yc_session(cSchema)
	}
	return session{id}, id != 0
}

// works tries one syllable: a schema that is not built opens and then knows no word.
func (s session) works() bool {
	s.feed("ni")
	found := s.candidates(0, 1)
	C.yc_clear(s.id)
	return len(found) > 0
}

func (s session) stop() { C.yc_stop(s.id) }

// feed starts over with these letters.
func (s session) feed(letters string) {
	C.yc_clear(s.id)
	for _, r := range letters {
		C.yc_key(s.id, C.int(r))
	}
}

func (s session) candidates(from, count int) []string {
	text := C.yc_candidates(s.id, C.int(from), C.int(count))
	defer C.free(unsafe.Pointer(text))
	return strings.FieldsFunc(C.GoString(text), func(r rune) bool { return r == '\n' })
}

// choose takes the candidate; settled is what became characters, open how many letters are still letters.
func (s session) choose(n int) (settled string, open int, ok bool) {
	if C.yc_select(s.id, C.size_t(n)) == 0 {
		return "", 0, false
	}
	if text := C.yc_commit(s.id); text != nil {
		defer C.free(unsafe.Pointer(text))
		return C.GoString(text), 0, true
	}
	var at C.int
	text := C.yc_preedit(s.id, &at)
	if text == nil {
		return "", 0, false
	}
	defer C.free(unsafe.Pointer(text))
	line := C.GoString(text)
	if int(at) > len(line) {
		return "", 0, false
	}
	rest := strings.NewReplacer(" ", "", "'", "").Replace(line[at:])
	return line[:at], len([]rune(rest)), true
}
