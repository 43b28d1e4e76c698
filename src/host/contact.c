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

void channel_learn_server(struct channel *ch, uint32_t server)
{
	for (size_t i = 0; i < ARRAY_LEN(ch->addr) && server != 0; i++) {
		if (ch->addr[i] == 0)
			ch->addr[i] = server;
		if (ch->addr[i] == server)
			break;
	}
}

void contact_describe(struct strings *strings, struct channel *ch, const struct conn *c,
	uint32_t name, uint32_t server)
{
	channel_learn_server(ch, server);
	if (name != 0)
		ch->name = name;
	const struct {
		uint32_t *to;
		const char *text;
	} fields[] = {{&ch->service, c->service}, {&ch->ja3, c->ja3}, {&ch->ja4, c->ja4},
		{&ch->user_agent, c->user_agent}};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].text != NULL)
			*fields[i].to = strings_add(strings, fields[i].text);
}
