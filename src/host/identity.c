#include "host/identity.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct by_addr {
	struct addr addr;
	uint32_t host; /* + 1; 0 free */
};

struct by_mac {
	uint64_t mac; /* 0 free */
	uint32_t host;
	uint8_t addrs;
	bool v4;     /* one of them is IPv4 */
	bool shared; /* several hosts: a router */
};

struct identity {
	struct hash_key key;
	size_t size, addrs_max, addrs, macs; /* size: of either table, a power of two */
	struct by_addr *by_addr;
	struct by_mac *by_mac;
};

int identity_new(struct identity **ret, size_t hosts_max)
{
	struct identity *id = calloc(1, sizeof *id);
	if (id == NULL)
		return -ENOMEM;
	id->key = hash_key_new();
	id->addrs_max = 2 * hosts_max;
	for (id->size = 16; id->size < 2 * id->addrs_max; id->size *= 2)
		;
	id->by_addr = calloc(id->size, sizeof *id->by_addr);
	id->by_mac = calloc(id->size, sizeof *id->by_mac);
	if (id->by_addr == NULL || id->by_mac == NULL) {
		identity_free(id);
		return -ENOMEM;
	}
	*ret = id;
	return 0;
}

void identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	free(id->by_addr);
	free(id->by_mac);
	free(id);
}

/* The address's place: taken, or where it belongs. */
static struct by_addr *addr_place(const struct identity *id, const struct addr *addr)
{
	size_t i = hash_bytes(&id->key, addr, sizeof *addr) & (id->size - 1);
	while (id->by_addr[i].host != 0 && !addr_eq(&id->by_addr[i].addr, addr))
		i = (i + 1) & (id->size - 1);
	return &id->by_addr[i];
}

static struct by_mac *mac_place(const struct identity *id, uint64_t mac)
{
	size_t i = hash_bytes(&id->key, &mac, sizeof mac) & (id->size - 1);
	while (id->by_mac[i].mac != 0 && id->by_mac[i].mac != mac)
		i = (i + 1) & (id->size - 1);
	return &id->by_mac[i];
}

static bool set_addr(struct identity *id, const struct addr *addr, uint32_t host)
{
	if (id->addrs == id->addrs_max)
		return false;
	*addr_place(id, addr) = (struct by_addr){.addr = *addr, .host = host + 1};
	id->addrs++;
	return true;
}

uint32_t identity_find(struct identity *id, const struct addr *addr, uint64_t mac)
{
	const struct by_addr *known = addr_place(id, addr);
	if (known->host != 0)
		return known->host - 1;
	struct by_mac *m = mac == 0 ? NULL : mac_place(id, mac);
	if (m == NULL || m->mac == 0 || m->shared)
		return IDENTITY_NONE;
	bool v4 = addr_is_v4(addr);
	m->shared = (v4 && m->v4) || m->addrs == IDENTITY_ADDRS_MAX;
	if (m->shared || !set_addr(id, addr, m->host))
		return IDENTITY_NONE;
	m->addrs++;
	m->v4 |= v4;
	return m->host;
}

bool identity_add(struct identity *id, const struct addr *addr, uint64_t mac, uint32_t host)
{
	if (!set_addr(id, addr, host))
		return false;
	struct by_mac *m = mac == 0 || id->macs == id->addrs_max ? NULL : mac_place(id, mac);
	if (m == NULL || m->mac != 0) /* unknown, or shared by now */
		return true;
	*m = (struct by_mac){.mac = mac, .host = host, .addrs = 1, .v4 = addr_is_v4(addr)};
	id->macs++;
	return true;
}
