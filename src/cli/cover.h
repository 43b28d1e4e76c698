/* postern cover: what its parts share. */
#pragma once

#include "cli/target.h"
#include "cover/cover.h"

struct cover_report {
	const struct cover_state *state;
	const char *name; /* of the target; safe */
	int64_t now_ns;   /* when it was asked */
};

/* A policy's zones, counted exactly; JSON Lines or text. Fails: -ENOMEM, -E2BIG. */
MUST_USE int cover_say_surface(struct out *o, const struct policy *p, int64_t at_ns, bool json);

/* cover_told.c: for people. */
void cover_write_text(struct out *o, const struct cover_report *r);
void cover_write_markdown(struct out *o, const struct cover_report *r);
/* cover_records.c: for programs. */
void cover_write_json(struct out *o, const struct cover_report *r); /* JSON Lines */
void cover_write_mapex(struct out *o, const struct cover_report *r);
void cover_write_navigator(struct out *o, const struct cover_report *r);
void cover_write_oscal(struct out *o, const struct cover_report *r);
