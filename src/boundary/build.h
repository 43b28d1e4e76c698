/* Inside boundary/: how the readers make the model. Everything lives in the boundary's arena; what
 * does not fit is NULL, and counted there: the reader fails with -E2BIG at its end. */
#pragma once

#include "base/scan.h"
#include "boundary/boundary.h"

MUST_USE int build_new(struct boundary **ret, size_t text_bytes);
/* Made safe to print, at most max bytes. NULL: no room. */
const char *build_text(struct boundary *b, struct span text, size_t max);
struct boundary_chain *build_chain(struct boundary *b, struct span table, struct span name);
struct boundary_rule *build_rule(struct boundary *b, struct boundary_chain *chain);

/* A rule's steps while it is read. */
#define BUILD_STEPS_MAX 64u
struct build_steps {
	struct boundary_step step[BUILD_STEPS_MAX];
	struct boundary_step beyond; /* written, never read */
	size_t count;
};
/* The next step, of this kind; a rule of too many ends with one that is not understood. */
struct boundary_step *build_step(struct build_steps *s, enum boundary_step_kind kind);
void build_unknown(struct boundary *b, struct build_steps *s, struct span words);
/* One field equal to one value: what nftables checks without being told. */
void build_equal(
	struct boundary *b, struct build_steps *s, enum boundary_field field, uint32_t value);
MUST_USE int build_finish(
	struct boundary *b, struct boundary_rule *rule, const struct build_steps *s);

struct addr build_number(uint32_t n);
/* A scalar of the field's kind: address or prefix, range FIRST-LAST of numbers, name. Fails:
 * -EINVAL: it is not one, or not one that is the same everywhere. */
MUST_USE int build_value(enum boundary_field field, struct span text, struct boundary_range *ret);
/* Ends with + or *: all that begin so. */
MUST_USE int build_interface(struct span text, char wild, struct boundary_range *ret);
struct boundary_range build_net(const struct cidr *net);
/* Finds the chains that verdicts name, in their own table. */
void build_resolve(struct boundary *b);
