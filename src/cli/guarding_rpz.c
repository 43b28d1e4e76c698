#include "cli/guarding_rpz.h"

#include <errno.h>

#include "base/clock.h"
#include "cli/message.h"
#include "cli/output.h"

struct guarding_rpz {
	const char *file;
	struct reload *reload; /* borrowed */
	uint32_t serial;       /* seconds since 1970, so that it rises over restarts too */
	bool touched, failing;
};

int guarding_rpz_new(
	struct guarding_rpz **ret, const char *file, struct reload *reload, struct fail *why)
{
	struct guarding_rpz *z = calloc(1, sizeof *z);
	if (z == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	z->file = file;
	z->reload = reload;
	z->touched = true; /* what the file holds may be of long ago */
	*ret = z;
	return 0;
}

void guarding_rpz_touch(struct guarding_rpz *z)
{
	if (z != NULL)
		z->touched = true;
}

/* Whole or not at all. Fails: -errno, with words. */
static int write_zone(struct guarding_rpz *z, const struct guard_state *state, struct fail *why)
{
	struct output file = {0};
	struct out text = {0};
	guard_zone_say(&text, state, z->serial);
	int code = output_open(&file, z->file, why);
	if (code == 0)
		code = output_finish(&file, &text, why);
	output_close(&file);
	out_fini(&text);
	return code;
}

/* Of two zones within a second the later waits for the next one: serials rise. */
static void renew(struct guarding_rpz *z, const struct guard_state *state)
{
	uint32_t now_s = (uint32_t)(clock_day_ns() / NS_PER_S);
	struct fail why = {0};
	if (!z->touched || now_s == z->serial)
		return;
	z->serial = now_s;
	int code = write_zone(z, state, &why);
	z->touched = code < 0;
	if (code < 0 && !z->failing)
		message("--rpz: %s: the names that are blocked are those of before", why.text);
	z->failing = code < 0;
	if (code == 0)
		reload_ask(z->reload);
}

void guarding_rpz_turn(struct guarding_rpz *z, const struct guard_state *state)
{
	struct fail why = {0};
	if (z == NULL)
		return;
	renew(z, state);
	bool failed = reload_failed(z->reload);
	if (reload_turn(z->reload, &why) < 0 && !failed)
		message("%s", why.text);
}

void guarding_rpz_free(struct guarding_rpz *z, bool empty)
{
	const struct guard_state nothing = {0};
	if (z == NULL)
		return;
	if (empty) {
		z->serial++;
		struct fail why = {0};
		if (write_zone(z, &nothing, &why) < 0)
			message("--rpz: %s: its names are blocked still", why.text);
		else
			reload_ask(z->reload);
	}
	free(z);
}

void guarding_rpz_say(const struct guarding_rpz *z, const struct guard_state *state, struct emit *e)
{
	size_t names = 0;
	if (z == NULL) {
		emit_null(e, "rpz");
		return;
	}
	for (size_t i = 0; i < state->count; i++)
		names += state->change[i].name[0] != '\0';
	emit_open(e, "rpz", '{');
	emit_count(e, "names", names);
	emit_count(e, "serial", z->serial);
	emit_bool(e, "write_failed", z->failing);
	emit_bool(e, "reload_failed", reload_failed(z->reload));
	emit_close(e, '}');
}
