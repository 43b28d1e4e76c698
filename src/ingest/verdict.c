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

enum transport verdict_transport(uint8_t ip_proto)
{
	return ip_proto == 6                     ? TRANSPORT_TCP
	       : ip_proto == 17                  ? TRANSPORT_UDP
	       : ip_proto == 1 || ip_proto == 58 ? TRANSPORT_ICMP
	                                         : TRANSPORT_OTHER;
}
