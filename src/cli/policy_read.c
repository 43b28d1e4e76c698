/* Captures and logs for the policy's actions: the engine's events, no judge. */
#include <errno.h>
#include <string.h>

#include "cli/engine.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "cli/run.h"
#include "cli/signals.h"

static void forget(void *context, struct host *host)
{
	(void)context; /* what hosts remember is of no use here */
	(void)host;
}

/* Fails: -ENOMEM. */
static int collect_local(const struct policy *p, struct cidr **ret, size_t *ret_count)
{
	size_t count = 0;
	for (size_t i = 0; i < p->zones; i++)
		count += p->zone[i].nets.count;
	struct cidr *local = calloc(count + 1, sizeof *local);
	if (local == NULL)
		return -ENOMEM;
	*ret_count = 0;
	for (size_t i = 0; i < p->zones; i++)
		for (size_t k = 0; k < p->zone[i].nets.count; k++)
			local[(*ret_count)++] = p->zone[i].nets.net[k];
	*ret = local;
	return 0;
}

static int read_all(struct engine *engine, struct ingest *ingest)
{
	struct frame frame;
	while (!signals_stop && ingest_next(ingest, &frame) == 1)
		if (engine_frame(engine, &frame) < 0)
			return -ENOMEM;
	engine_finish(engine);
	return 0;
}

/* Says what was not read whole. */
static enum exit_code tell_inputs(
	const struct ingest *ingest, const char *const *path, size_t paths)
{
	uint64_t frames = 0;
	bool partial = signals_stop != 0;
	for (size_t i = 0; i < ingest_inputs(ingest); i++) {
		const struct input *in = ingest_input(ingest, i);
		frames += in->frames - in->rows_rejected;
		bool wrong = in->error != 0 || in->cut || in->rejected > 0;
		if (!wrong || run_passed_by(path, paths, in))
			continue;
		partial = true;
		struct out line = {0};
		out_safe(&line, in->text[0] == '\0' ? strerror(-in->error) : in->text, FAIL_BYTES);
		message("%s: %s", shown(in->path).text, out_string(&line));
		out_fini(&line);
	}
	if (frames == 0) {
		message("nothing was read");
		return EXIT_NOTHING;
	}
	return partial ? EXIT_PARTIAL : EXIT_DONE;
}

enum exit_code policy_call_read(const struct policy *p, const char *const *path, size_t paths,
	void (*event)(void *context, const struct event *event), void *context)
{
	struct ingest *ingest = NULL;
	struct engine engine = {0};
	struct fail why = {0};
	struct cidr *local = NULL;
	size_t locals = 0;
	enum exit_code code = EXIT_NOTHING;
	signals_catch();
	int err = collect_local(p, &local, &locals);
	if (err == 0 && ingest_open(&ingest, path, paths, &why) < 0) {
		message("%s", why.text);
	} else if (err == 0) {
		struct engine_options options = {.local = local,
			.locals = locals,
			.ingest = ingest,
			.ripe = forget,
			.event = event,
			.context = context};
		err = engine_init(&engine, &options);
		if (err == 0)
			err = read_all(&engine, ingest);
		if (err == 0)
			code = tell_inputs(ingest, path, paths);
	}
	if (err < 0)
		message("out of memory");
	engine_fini(&engine);
	ingest_close(ingest);
	free(local);
	return code;
}
