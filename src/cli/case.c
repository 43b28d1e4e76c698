#include "cli/case.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/out.h"
#include "cli/message.h"
#include "cli/output.h"

#define OPTIONS_MAX 64

struct typed { /* options as text */
	struct out text[OPTIONS_MAX];
	struct store_option option[OPTIONS_MAX];
	size_t count;
};

static void say_network(struct out *o, const struct cidr *c)
{
	char text[ADDR_TEXT_BYTES];
	out_printf(o, "%s/%u", addr_text(&c->net, text),
		addr_is_v4(&c->net) && c->bits >= 96 ? c->bits - 96u : c->bits);
}

/* False: it says nothing about what is found. */
static bool say_value(struct out *o, const struct option *option, const void *settings)
{
	const void *field = (const uint8_t *)settings + option->offset;
	const struct networks *networks = field;
	const struct texts *texts = field;
	switch (option->kind) {
	case OPTION_NUMBER:
		out_printf(o, "%g", *(const double *)field);
		return true;
	case OPTION_SIZE:
		out_printf(o, "%zu", *(const size_t *)field);
		return true;
	case OPTION_TIME:
		out_time(o, *(const int64_t *)field);
		return true;
	case OPTION_NETWORKS:
		for (size_t i = 0; i < networks->count; i++) {
			out_text(o, i == 0 ? "" : ",");
			say_network(o, &networks->net[i]);
		}
		return true;
	case OPTION_TEXT:
		out_text(o, *(const char *const *)field);
		return strcmp(option->name, "output") != 0 && strcmp(option->name, "report") != 0 &&
		       strcmp(option->name, "case") != 0 && strcmp(option->name, "to") != 0 &&
		       strcmp(option->name, "pcap-out") != 0;
	case OPTION_TEXTS:
		for (size_t i = 0; i < texts->count; i++)
			out_printf(o, "%s%s", i == 0 ? "" : " ", texts->text[i]);
		return true;
	case OPTION_FLAG:
	case OPTION_WORD:
		break;
	}
	return false;
}

static void type_options(const struct call *call, struct typed *t)
{
	for (size_t i = 0; i < call->verb->options && t->count < OPTIONS_MAX; i++) {
		const struct option *option = &call->verb->option[i];
		struct out *text = &t->text[t->count];
		if ((call->given >> i & 1) == 0)
			continue;
		if (!say_value(text, option, call->settings)) {
			out_clear(text);
			continue;
		}
		t->option[t->count] = (struct store_option){option->name, out_string(text)};
		t->count++;
	}
}

int case_write(
	const char *path, const struct call *call, const struct run_result *r, struct fail *why)
{
	struct typed typed = {0};
	struct store_digest *digest = calloc(r->inputs + 1, sizeof *digest);
	if (digest == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	for (size_t i = 0; i < r->inputs; i++)
		if (strcmp(r->input[i]->path, "-") != 0 &&
			store_digest(r->input[i]->path, &digest[i]) < 0)
			digest[i] = (struct store_digest){0}; /* the case says "" then */
	type_options(call, &typed);
	int err = store_write(path,
		&(struct store_case){.finding = r->finding,
			.findings = r->findings,
			.summary = &r->summary,
			.max_e = r->max_e,
			.input = r->input,
			.digest = digest,
			.inputs = r->inputs,
			.option = typed.option,
			.options = typed.count,
			.version = POSTERN_VERSION,
			.made_ns = clock_day_ns()},
		why);
	for (size_t i = 0; i < OPTIONS_MAX; i++)
		out_fini(&typed.text[i]);
	free(digest);
	return err;
}

enum exit_code case_print(const char *path, const struct out *text)
{
	return output_print(path, text) ? EXIT_DONE : EXIT_NOTHING;
}

struct report_case case_told(const struct store_case *c)
{
	return (struct report_case){.finding = c->finding,
		.findings = c->findings,
		.max_e = c->max_e,
		.summary = c->summary,
		.input = c->input,
		.inputs = c->inputs};
}
