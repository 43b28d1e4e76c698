#include "ingest/verdict.h"

void verdict_apply(struct sink *s, enum verdict_words verdict, struct conn *c)
{
	if (verdict == VERDICT_DENIED) {
		c->outcome = OUTCOME_DENIED;
		c->fail_ns = c->start_ns;
		return;
	}
	c->outcome = OUTCOME_UNKNOWN;
	sink_remark(s, REMARK_NO_OUTCOME);
}
