#include "host/state.h"

struct host_contact contact_of(const struct host *h, const struct channel_key *key,
	const struct conn *conn, const struct strings *strings)
{
	struct host_contact contact = {.host = h->addr,
		.host_index = h->index,
		.endpoint = key->endpoint,
		.domain = key->named ? strings_get(strings, key->endpoint) : NULL,
		.transport = (enum transport)key->transport,
		.port = key->port,
		.lookup = conn == NULL && key->transport == TRANSPORT_OTHER};
	if (conn != NULL)
		contact.server = conn->server;
	return contact;
}

bool contact_known(const struct hosts_options *options, const struct host *h,
	const struct channel_key *key, const struct conn *conn)
{
	const struct host_hooks *hooks = &options->hooks;
	if (hooks->known == NULL)
		return false;
	struct host_contact contact = contact_of(h, key, conn, options->strings);
	return hooks->known(hooks->context, &contact);
}
