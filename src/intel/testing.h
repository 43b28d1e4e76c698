/* What the tests of intel share: a set of given texts. */
#pragma once

#include <string.h>

#include "base/testing.h"
#include "intel/intel.h"

static inline void add_file(struct intel_builder *b, const char *name, const char *text)
{
	struct fail why = {0};
	if (intel_read(b, name, cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
}

static inline struct intel *sealed(struct intel_builder *b)
{
	struct intel *set = NULL;
	assert_int_equal(intel_seal(&set, b), 0);
	return set;
}

static inline struct intel *set_of(const char *text)
{
	struct intel_builder *b = NULL;
	assert_int_equal(intel_builder_new(&b), 0);
	add_file(b, "file", text);
	return sealed(b);
}

/* All of them, in the order of the files, a line each: "kind value". */
static inline const char *all_of(const struct intel *set, struct out *o)
{
	out_clear(o);
	for (uint32_t i = intel_next(set, 0); i != 0; i = intel_next(set, i)) {
		out_printf(o, "%s ", intel_kind_name(intel_item(set, i).kind));
		intel_say(o, set, i);
		out_text(o, "\n");
	}
	return out_string(o);
}

/* The reasons for which things were left out, a line each: "count reason (lines)". */
static inline const char *skipped_of(const struct intel *set, struct out *o)
{
	out_clear(o);
	const struct intel_file *f = intel_file(set, 0);
	for (size_t i = 0; i < f->reasons; i++) {
		const struct intel_skipped *s = &f->reason[i];
		out_printf(o, "%u %s (", (unsigned)s->count, s->reason);
		for (size_t k = 0; k < s->count && k < INTEL_LINES_MAX; k++)
			out_printf(o, k == 0 ? "%u" : " %u", s->line[k]);
		out_text(o, ")\n");
	}
	return out_string(o);
}

static inline bool has_name(const struct intel *set, const char *name)
{
	uint32_t found[8];
	return intel_find_text(set, INTEL_NAME, name, found, ARRAY_LEN(found)) > 0;
}

static inline bool has_addr(const struct intel *set, const char *text)
{
	uint32_t found[8];
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return intel_find_addr(set, &a, found, ARRAY_LEN(found)) > 0;
}
