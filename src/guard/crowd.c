#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "guard/guard.h"

/* 56 bytes each: 14 MB. A power of two. */
#define SERVERS_MAX ((size_t)1 << 18)

struct crowd_server {
	struct addr server;
	uint32_t host[CROWD_HOSTS]; /* their hashes */
	uint8_t hosts;              /* CROWD_HOSTS + 1: more */
};

struct crowd {
	struct hash_key key;
	struct crowd_server server[SERVERS_MAX];
};

int crowd_new(struct crowd **ret)
{
	struct crowd *c = calloc(1, sizeof *c);
	if (c == NULL)
		return -ENOMEM;
	c->key = hash_key_new();
	*ret = c;
	return 0;
}

void crowd_free(struct crowd *c)
{
	free(c);
}

static size_t place_of(const struct crowd *c, const struct addr *server)
{
	return hash_bytes(&c->key, server, sizeof *server) & (SERVERS_MAX - 1);
}

void crowd_add(struct crowd *c, const struct addr *server, const struct addr *host)
{
	struct crowd_server *s = &c->server[place_of(c, server)];
	uint32_t mark = (uint32_t)hash_bytes(&c->key, host, sizeof *host);
	if (!addr_eq(&s->server, server)) {
		if (s->hosts > 1)
			return;
		*s = (struct crowd_server){.server = *server};
	}
	for (unsigned i = 0; i < s->hosts && i < CROWD_HOSTS; i++)
		if (s->host[i] == mark)
			return;
	if (s->hosts < CROWD_HOSTS)
		s->host[s->hosts] = mark;
	if (s->hosts <= CROWD_HOSTS)
		s->hosts++;
}

unsigned crowd_hosts(const struct crowd *c, const struct addr *server)
{
	const struct crowd_server *s = &c->server[place_of(c, server)];
	return addr_eq(&s->server, server) ? s->hosts : 0;
}

bool crowd_knows(const struct crowd *c, const struct addr *server, const struct addr *host)
{
	const struct crowd_server *s = &c->server[place_of(c, server)];
	uint32_t mark = (uint32_t)hash_bytes(&c->key, host, sizeof *host);
	for (unsigned i = 0; addr_eq(&s->server, server) && i < s->hosts && i < CROWD_HOSTS; i++)
		if (s->host[i] == mark)
			return true;
	return false;
}
