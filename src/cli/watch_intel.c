#include "cli/watch_intel.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/intel.h"
#include "cli/message.h"
#include "cli/watch.h"
#include "report/bad.h"

/* How often files are looked at; a list that is being written is read again the next time. */
#define LOOK_NS (5 * NS_PER_S)

struct stamp { /* of a file */
	int64_t changed_ns, bytes;
	uint64_t inode;
};

struct made { /* by a thread, from files */
	const struct texts *files;
	struct intel *set;
	struct intel_seen *seen;
	struct fail why;
	int err;
	atomic_bool ready;
};

struct watch_intel {
	struct watch_intel_options options;
	struct stamp stamp[TEXTS_MAX];
	struct intel *set;
	struct intel_seen *seen;
	int64_t looked_ns;
	bool making;
	pthread_t thread;
	struct made made;
};

/* Takes the present state of all files; true when it is another than before. */
static bool take_stamps(struct watch_intel *w)
{
	bool other = false;
	for (size_t i = 0; i < w->options.files->count; i++) {
		struct stat st;
		struct stamp s = {0};
		if (stat(w->options.files->text[i], &st) == 0)
			s = (struct stamp){
				.changed_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec,
				.bytes = st.st_size,
				.inode = st.st_ino};
		other |= s.changed_ns != w->stamp[i].changed_ns || s.bytes != w->stamp[i].bytes ||
		         s.inode != w->stamp[i].inode;
		w->stamp[i] = s;
	}
	return other;
}

int watch_intel_new(
	struct watch_intel **ret, const struct watch_intel_options *options, struct fail *why)
{
	if (options->files->count == 0)
		return 0;
	struct watch_intel *w = calloc(1, sizeof *w);
	if (w == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	w->options = *options;
	(void)take_stamps(w);
	int err = intel_load(options->files, &w->set, &w->seen, why);
	if (err < 0)
		watch_intel_free(w);
	else
		*ret = w;
	return err;
}

void watch_intel_free(struct watch_intel *w)
{
	if (w == NULL)
		return;
	if (w->making) {
		(void)pthread_join(w->thread, NULL);
		intel_seen_free(w->made.seen);
		intel_free(w->made.set);
	}
	intel_seen_free(w->seen);
	intel_free(w->set);
	free(w);
}

/* ---- telling ---- */

static void say_json(struct out *o, const struct watch_intel *w, const struct intel_sight *s)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "known-bad", 16);
	bad_json_sight(&e, w->set, s);
	emit_close(&e, '}');
}

static void keep(const struct watch_intel *w, const struct intel_sight *s)
{
	struct out json = {0};
	if (w->options.told == NULL)
		return;
	say_json(&json, w, s);
	w->options.told(w->options.context, &(struct watch_told){.type = "known-bad",
						    .id = s->finding,
						    .state = "seen",
						    .kind = "",
						    .host = s->host,
						    .e = s->e_value,
						    .json = out_string(&json)});
	out_fini(&json);
}

static void tell(const struct watch_intel *w, const struct intel_sight *s, FILE *out)
{
	struct out text = {0};
	keep(w, s);
	if (w->options.json) {
		say_json(&text, w, s);
	} else {
		out_text(&text, "known bad   ");
		intel_say_item(&text, w->set, s->item);
		out_text(&text, ": ");
		bad_say_sight(&text, s);
	}
	(void)fprintf(out, "%s\n", out_string(&text));
	(void)fflush(out); /* that it failed is found by whoever prints findings */
	out_fini(&text);
}

static void tell_known(const struct watch_intel *w, const struct event *event)
{
	struct intel_match match[INTEL_MATCHES_MAX];
	size_t count = w->options.known == NULL ? 0 : intel_match(w->set, event, match);
	for (size_t i = 0; i < count; i++)
		w->options.known(w->options.context, w->set, &match[i], event);
}

void watch_intel_begun(const struct watch_intel *w, const struct conn *c)
{
	if (w != NULL)
		tell_known(w, &(struct event){.kind = EVENT_CONN, .conn = *c});
}

void watch_intel_event(struct watch_intel *w, const struct event *event, FILE *out)
{
	if (w == NULL)
		return;
	tell_known(w, event);
	size_t new = intel_seen_add(w->seen, event), count = intel_seen_count(w->seen);
	for (size_t i = count - new; i < count; i++) {
		alerting_known(w->options.alerting, w->set, intel_seen_get(w->seen, i));
		tell(w, intel_seen_get(w->seen, i), out);
	}
}

/* ---- reading again ---- */

static void *make(void *argument)
{
	struct made *m = argument;
	m->err = intel_load(m->files, &m->set, &m->seen, &m->why);
	atomic_store(&m->ready, true);
	return NULL;
}

static void begin(struct watch_intel *w)
{
	w->made = (struct made){.files = w->options.files};
	w->making = pthread_create(&w->thread, NULL, make, &w->made) == 0;
	if (!w->making)
		message("--intel: the lists could not be read again: out of threads");
}

static void take_made(struct watch_intel *w)
{
	struct made *m = &w->made;
	(void)pthread_join(w->thread, NULL);
	w->making = false;
	if (m->err < 0) {
		message("%s; the lists stay as they were", m->why.text);
		intel_seen_free(m->seen);
		intel_free(m->set);
		return;
	}
	intel_seen_free(w->seen);
	intel_free(w->set);
	w->seen = m->seen;
	w->set = m->set;
	message("the lists were read again: %zu indicators", intel_count(w->set));
}

void watch_intel_tick(struct watch_intel *w, int64_t now_ns)
{
	if (w == NULL)
		return;
	if (w->making && atomic_load(&w->made.ready))
		take_made(w);
	if (w->making || now_ns - w->looked_ns < LOOK_NS)
		return;
	w->looked_ns = now_ns;
	if (take_stamps(w))
		begin(w);
}
