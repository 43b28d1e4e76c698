#include "judge/judge.h"

bool expected_has(const struct expected *e, const struct host_contact *contact)
{
	char addr[ADDR_TEXT_BYTES];
	const struct policy_contact whom = {.host = contact->host,
		.server = contact->server,
		.domain = contact->domain,
		.proto = transport_proto(contact->transport),
		.port = contact->port,
		.any_service = contact->lookup};
	if (e->policy != NULL && policy_expects(e->policy, &whom) != NULL)
		return true;
	const struct baseline_question q = {.host = contact->host,
		.endpoint = contact->domain != NULL ? contact->domain
	                                            : addr_text(&contact->server, addr),
		.transport = contact->transport,
		.port = contact->port,
		.any_port = contact->lookup};
	return e->baseline != NULL && baseline_find(e->baseline, &q) != NULL;
}
