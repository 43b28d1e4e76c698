/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <stdlib.h>
#include <string.h>

struct cutting {
	const struct rules *rules;
	const struct guard_command *command;
	int64_t now_ns;
	struct nf_conntrack *flow[FLOWS_CUT_MAX];
	size_t flows;
};

struct nfct_handle *flows_open(void)
{
	return nfct_open(CONNTRACK, 0);
}

void flows_close(struct nfct_handle *h)
{
	if (h != NULL)
		(void)nfct_close(h);
}

static void address(const struct nf_conntrack *ct, bool v4, enum nf_conntrack_attr v4_attr,
	enum nf_conntrack_attr v6_attr, uint8_t ret[static 16])
{
	const void *value = nfct_get_attr(ct, v4 ? v4_attr : v6_attr);
	memset(ret, 0, 16);
	if (v4)
		memset(ret + 10, 0xff, 2);
	if (value != NULL)
		memcpy(ret + (v4 ? 12 : 0), value, v4 ? 4 : 16);
}

/* By both directions: addresses may be translated between them. */
static bool is_meant(const struct cutting *cut, const struct nf_conntrack *ct)
{
	const struct guard_command *c = cut->command;
	bool v4 = rules_is_v4(c->host);
	uint8_t src[16], dst[16], server[16];
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);
	uint16_t port = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST));
	uint16_t server_port = ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC));
	address(ct, v4, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, src);
	address(ct, v4, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, dst);
	address(ct, v4, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, server);
	if (memcmp(src, c->host, 16) != 0)
		return false;
	if (c->kind == GUARD_CONTAIN)
		return !rules_allow(cut->rules, src, server, proto, server_port, cut->now_ns);
	return proto == c->proto && (c->port == 0 || c->port == port || c->port == server_port) &&
	       (memcmp(dst, c->peer, 16) == 0 || memcmp(server, c->peer, 16) == 0);
}

static int see(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *data)
{
	struct cutting *cut = data;
	(void)type;
	if (cut->flows < FLOWS_CUT_MAX && is_meant(cut, ct)) {
		struct nf_conntrack *copy = nfct_clone(ct);
		if (copy != NULL)
			cut->flow[cut->flows++] = copy;
	}
	return NFCT_CB_CONTINUE;
}

int flows_cut(
	struct nfct_handle *h, const struct rules *r, const struct guard_command *c, int64_t now_ns)
{
	struct cutting *cut = calloc(1, sizeof *cut);
	uint32_t family = rules_is_v4(c->host) ? AF_INET : AF_INET6;
	int done = 0;
	if (cut == NULL)
		return -ENOMEM;
	*cut = (struct cutting){.rules = r, .command = c, .now_ns = now_ns};
	(void)nfct_callback_register(h, NFCT_T_ALL, see, cut);
	int code = nfct_query(h, NFCT_Q_DUMP, &family) < 0 ? -errno : 0;
	nfct_callback_unregister(h);
	for (size_t i = 0; i < cut->flows; i++) {
		/* one that ended by itself meanwhile is as good */
		done += nfct_query(h, NFCT_Q_DESTROY, cut->flow[i]) == 0;
		nfct_destroy(cut->flow[i]);
	}
	free(cut);
	return code < 0 ? code : done;
}
