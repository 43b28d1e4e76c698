/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer/rules.h"

struct table {
	struct nft_ctx *nft; /* its socket owns the table that is not persistent */
};

struct batch { /* all zero: empty; run_batch() ends it */
	char *text;
	size_t len, room;
	bool comma, failed; /* failed: out of memory, or what is said does not fit */
};

#define IN_TABLE "\"family\":\"inet\",\"table\":\"" GUARD_TABLE "\""

static void say(struct batch *b, const char *text)
{
	size_t len = strlen(text);
	if (b->room - b->len <= len) {
		size_t room = (b->room + len) * 2 + 4096;
		char *grown = b->failed ? NULL : realloc(b->text, room);
		b->failed = grown == NULL;
		if (grown == NULL)
			return;
		b->text = grown;
		b->room = room;
	}
	memcpy(b->text + b->len, text, len + 1);
	b->len += len;
}

static void say_object(struct batch *b, const char *verb, const char *kind, const char *members)
{
	say(b, b->comma ? ",{\"" : "{\"nftables\":[{\"");
	b->comma = true;
	say(b, verb);
	say(b, "\":{\"");
	say(b, kind);
	say(b, "\":{");
	say(b, members);
	say(b, "}}}");
}

static int run(struct table *t, const char *text)
{
	int failed = nft_run_cmd_from_buffer(t->nft, text);
	const char *words = nft_ctx_get_error_buffer(t->nft);
	int code = failed ? (errno != 0 ? -errno : -EIO) : 0;
	(void)nft_ctx_get_output_buffer(t->nft);
	if (failed && code != -ENFILE)
		(void)fprintf(stderr, "postern-enforcer: nftables: %.400s\n", words);
	return code;
}

static int run_batch(struct table *t, struct batch *b)
{
	int code = -ENOMEM;
	say(b, "]}");
	nft_ctx_output_set_flags(t->nft, NFT_CTX_OUTPUT_JSON);
	errno = 0;
	if (!b->failed)
		code = run(t, b->text);
	free(b->text);
	*b = (struct batch){0};
	return code;
}

/* ---- the table's form ---- */

#define FIELD(protocol, field) \
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define PROTO       "{\"meta\":{\"key\":\"l4proto\"}}"
#define CONCAT(...) "{\"concat\":[" __VA_ARGS__ "]}"
#define MATCH(op, left, set) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":\"@" set "\"}}"
#define OUT_OF(ip) \
	CONCAT(FIELD(ip, "saddr") "," FIELD(ip, "daddr") "," PROTO "," FIELD("th", "dport"))
#define BACK_TO(ip) \
	CONCAT(FIELD(ip, "daddr") "," FIELD(ip, "saddr") "," PROTO "," FIELD("th", "sport"))
#define END_OF(ip) CONCAT(FIELD(ip, "saddr") "," FIELD(ip, "daddr") "," PROTO)
#define END_TO(ip) CONCAT(FIELD(ip, "daddr") "," FIELD(ip, "saddr") "," PROTO)
#define CUT        "{\"jump\":{\"target\":\"cut\"}}"
#define DROP       "{\"drop\":null}"

/* Of what goes out one packet in a while is told; what comes back is dropped in silence. What is
 * never blocked passes first, whatever the sets hold. */
#define RULES_OF(ip, v)                                                                        \
	MATCH("==", FIELD(ip, "daddr"), "never" v)                                             \
	",{\"return\":null}", MATCH("==", FIELD(ip, "saddr"), "never" v) ",{\"return\":null}", \
		MATCH("==", OUT_OF(ip), "channels" v) "," CUT,                                 \
		MATCH("==", BACK_TO(ip), "channels" v) "," DROP,                               \
		MATCH("==", END_OF(ip), "ends" v) "," CUT,                                     \
		MATCH("==", END_TO(ip), "ends" v) "," DROP,                                    \
		MATCH("==", FIELD(ip, "saddr"), "contained" v) "," MATCH(                      \
			"!=", OUT_OF(ip), "allowed" v) "," CUT,                                \
		MATCH("==", FIELD(ip, "daddr"), "contained" v) "," MATCH(                      \
			"!=", BACK_TO(ip), "allowed" v) "," DROP

static const char *const judge_rules[] = {
	/* the machine's own packets pass as well as those that it forwards: without neighbours no
         * address is reached */
	"{\"match\":{\"op\":\"==\",\"left\":" FIELD(
		"icmpv6", "type") ",\"right\":{\"set\":["
				  "\"nd-router-solicit\",\"nd-router-advert\",\"nd-neighbor-"
				  "solicit\",\"nd-neighbor-advert\"]}}}"
				  ",{\"return\":null}",
	RULES_OF("ip", "4"),
	RULES_OF("ip6", "6"),
};

static const char *const cut_rules[] = {
	"{\"limit\":{\"rate\":200,\"burst\":200,\"per\":\"second\"}},{\"log\":{\"group\":8477,"
	"\"snaplen\":128}}",
	DROP,
};
_Static_assert(GUARD_LOG_GROUP == 8477, "as in cut_rules");

static void say_set(struct batch *b, const char *name, const char *v, const char *more,
	const char *flags, uint32_t size)
{
	char members[512];
	const char *addr = *v == '4' ? "\"ipv4_addr\"" : "\"ipv6_addr\"";
	bool pair = *more != '\0';
	(void)snprintf(members, sizeof members,
		IN_TABLE ",\"name\":\"%s%s\",\"type\":%s%s%s%s%s%s,\"flags\":[%s],\"size\":%u",
		name, v, pair ? "[" : "", addr, pair ? "," : "", pair ? addr : "", more,
		pair ? "]" : "", flags, size);
	say_object(b, "add", "set", members);
}

static void say_sets(struct batch *b, const struct guard_command *hello, const char *v)
{
	say_set(b, "never", v, "", "\"interval\"", GUARD_NEVER_MAX * 2);
	say_set(b, "channels", v, ",\"inet_proto\",\"inet_service\"", "\"timeout\"",
		hello->channels);
	say_set(b, "ends", v, ",\"inet_proto\"", "\"timeout\"", hello->channels);
	say_set(b, "contained", v, "", "\"timeout\"", hello->hosts);
	say_set(b, "allowed", v, ",\"inet_proto\",\"inet_service\"", "\"interval\",\"timeout\"",
		GUARD_ALLOWED_MAX);
}

static void say_rule(struct batch *b, const char *chain, const char *expr)
{
	char members[2048];
	int len = snprintf(
		members, sizeof members, IN_TABLE ",\"chain\":\"%s\",\"expr\":[%s]", chain, expr);
	b->failed |= (size_t)len >= sizeof members;
	say_object(b, "add", "rule", members);
}

static void say_chains(struct batch *b)
{
	static const char *const chains[] = {"cut", "judge"}, *const hooks[] = {
								      "forward", "output"};
	char members[256];
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(members, sizeof members, IN_TABLE ",\"name\":\"%s\"", chains[i]);
		say_object(b, "add", "chain", members);
		say_object(b, "flush", "chain", members);
	}
	for (size_t i = 0; i < sizeof cut_rules / sizeof cut_rules[0]; i++)
		say_rule(b, "cut", cut_rules[i]);
	for (size_t i = 0; i < sizeof judge_rules / sizeof judge_rules[0]; i++)
		say_rule(b, "judge", judge_rules[i]);
	for (size_t i = 0; i < 2; i++) {
		/* before any rule that lets established connections pass */
		(void)snprintf(members, sizeof members,
			IN_TABLE
			",\"name\":\"%s\",\"type\":\"filter\",\"hook\":\"%s\",\"prio\":-10,"
			"\"policy\":\"accept\"",
			hooks[i], hooks[i]);
		say_object(b, "add", "chain", members);
		(void)snprintf(members, sizeof members, IN_TABLE ",\"name\":\"%s\"", hooks[i]);
		say_object(b, "flush", "chain", members);
		say_rule(b, hooks[i], "{\"jump\":{\"target\":\"judge\"}}");
	}
}

/* What an earlier enforcer left behind is gone on when it is to persist, else replaced. libnftables
 * 1.0.6 reads no flags of a table in JSON, so it is made by a line of text. */
static int make(struct table *t, const struct guard_command *hello)
{
	static const char plain[] = "add table inet " GUARD_TABLE,
			  owned[] = "add table inet " GUARD_TABLE "\ndelete table inet " GUARD_TABLE
				    "\nadd table inet " GUARD_TABLE " { flags owner; }";
	struct batch b = {0};
	nft_ctx_output_set_flags(t->nft, 0);
	errno = 0;
	int code = run(t, hello->persistent ? plain : owned);
	if (code < 0)
		return code;
	say_sets(&b, hello, "4");
	say_sets(&b, hello, "6");
	say_object(&b, "flush", "set", IN_TABLE ",\"name\":\"never4\"");
	say_object(&b, "flush", "set", IN_TABLE ",\"name\":\"never6\"");
	say_chains(&b);
	return run_batch(t, &b);
}

int table_open(struct table **ret, const struct guard_command *hello)
{
	struct table *t = calloc(1, sizeof *t);
	if (t == NULL || (t->nft = nft_ctx_new(NFT_CTX_DEFAULT)) == NULL) {
		free(t);
		return -ENOMEM;
	}
	(void)nft_ctx_buffer_output(t->nft);
	(void)nft_ctx_buffer_error(t->nft);
	int code = make(t, hello);
	if (code < 0)
		table_close(t);
	else
		*ret = t;
	return code;
}

void table_close(struct table *t)
{
	if (t != NULL)
		nft_ctx_free(t->nft);
	free(t);
}

/* ---- changes ---- */

struct element {
	const char *set; /* without its family */
	bool v4;
	char value[256];
	uint32_t expiry_s;
};

static const char *text_of(const uint8_t addr[static 16], char buf[static INET6_ADDRSTRLEN])
{
	bool v4 = rules_is_v4(addr);
	if (inet_ntop(v4 ? AF_INET : AF_INET6, addr + (v4 ? 12 : 0), buf, INET6_ADDRSTRLEN) == NULL)
		buf[0] = '\0';
	return buf;
}

static void say_element(struct batch *b, const char *verb, const struct element *e)
{
	char members[512], timeout[32] = "";
	if (e->expiry_s != 0 && strcmp(verb, "add") == 0)
		(void)snprintf(timeout, sizeof timeout, ",\"timeout\":%u", e->expiry_s);
	(void)snprintf(members, sizeof members,
		IN_TABLE ",\"name\":\"%s%c\",\"elem\":[{\"elem\":{\"val\":%s%s}}]", e->set,
		e->v4 ? '4' : '6', e->value, timeout);
	say_object(b, verb, "element", members);
}

static struct element element_of(const struct guard_command *c)
{
	char host[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN], net[INET6_ADDRSTRLEN + 48];
	bool by_peer = c->kind == GUARD_NEVER;
	struct element e = {
		.v4 = rules_is_v4(by_peer ? c->peer : c->host), .expiry_s = c->expiry_s};
	unsigned bits = c->peer_bits - (e.v4 ? 96u : 0u);
	text_of(c->host, host);
	text_of(c->peer, peer);
	(void)snprintf(net, sizeof net, "{\"prefix\":{\"addr\":\"%s\",\"len\":%u}}", peer, bits);
	if (by_peer) {
		e.set = "never";
		e.expiry_s = 0;
		(void)snprintf(e.value, sizeof e.value, "%s", net);
	} else if (c->kind == GUARD_CONTAIN || c->kind == GUARD_RELEASE) {
		e.set = "contained";
		(void)snprintf(e.value, sizeof e.value, "\"%s\"", host);
	} else if (c->kind == GUARD_ALLOW) {
		e.set = "allowed";
		(void)snprintf(e.value, sizeof e.value,
			"{\"concat\":[\"%s\",%s,%u,{\"range\":[%u,%u]}]}", host, net, c->proto,
			c->port, c->port_last);
	} else if (c->port != 0) {
		e.set = "channels";
		(void)snprintf(e.value, sizeof e.value, "{\"concat\":[\"%s\",\"%s\",%u,%u]}", host,
			peer, c->proto, c->port);
	} else {
		e.set = "ends";
		(void)snprintf(e.value, sizeof e.value, "{\"concat\":[\"%s\",\"%s\",%u]}", host,
			peer, c->proto);
	}
	return e;
}

static void say_flushes(struct batch *b, const char *const *sets, size_t count)
{
	char members[128];
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(members, sizeof members, IN_TABLE ",\"name\":\"%s\"", sets[i]);
		say_object(b, "flush", "set", members);
	}
}

static void say_flush(struct batch *b)
{
	static const char *const sets[] = {"channels4", "channels6", "ends4", "ends6", "contained4",
		"contained6", "allowed4", "allowed6"};
	say_flushes(b, sets, sizeof sets / sizeof sets[0]);
}

/* Networks of one set may not overlap: of two that do, the wider stays. False: a wider one was
 * there. */
static bool say_never(struct batch *b, const struct rules_lists *r, const struct guard_command *c)
{
	struct guard_command other = *c;
	struct rules_net net = {.bits = c->peer_bits};
	memcpy(net.addr, c->peer, 16);
	if (memcmp(&r->never[r->nevers - 1], &net, sizeof net) != 0)
		return false;
	struct element e = element_of(c);
	for (uint32_t i = 0; i + 1 < r->nevers; i++) {
		if (!rules_net_has(&net, r->never[i].addr) ||
			rules_is_hidden(r->never, r->nevers - 1, i))
			continue;
		memcpy(other.peer, r->never[i].addr, 16);
		other.peer_bits = r->never[i].bits;
		struct element narrow = element_of(&other);
		say_element(b, "delete", &narrow);
	}
	say_element(b, "add", &e);
	return true;
}

static struct guard_command allowing(const struct rules_allowed *a)
{
	struct guard_command c = {.kind = GUARD_ALLOW,
		.proto = a->proto,
		.port = a->port,
		.port_last = a->port_last,
		.peer_bits = a->net.bits,
		.expiry_s = a->expiry_s};
	memcpy(c.host, a->host, 16);
	memcpy(c.peer, a->net.addr, 16);
	return c;
}

/* The sets' elements, all anew. */
static void say_lists(struct batch *b, const struct rules_lists *lists)
{
	static const char *const sets[] = {"never4", "never6", "allowed4", "allowed6"};
	struct guard_command never = {.kind = GUARD_NEVER};
	struct element e;
	say_flushes(b, sets, sizeof sets / sizeof sets[0]);
	for (uint32_t i = 0; i < lists->nevers; i++) {
		if (rules_is_hidden(lists->never, lists->nevers, i))
			continue;
		memcpy(never.peer, lists->never[i].addr, 16);
		never.peer_bits = lists->never[i].bits;
		e = element_of(&never);
		say_element(b, "add", &e);
	}
	for (uint32_t i = 0; i < lists->alloweds; i++) {
		const struct guard_command c = allowing(&lists->allowed[i]);
		e = element_of(&c);
		say_element(b, "add", &e);
	}
}

int table_change(struct table *t, const struct rules *r, const struct guard_command *c)
{
	struct batch b = {0};
	if (c->kind == GUARD_NEVER) {
		if (!say_never(&b, &r->lists, c)) {
			free(b.text);
			return 0;
		}
	} else if (c->kind == GUARD_REPLACE) {
		say_lists(&b, &r->next);
	} else if (c->kind == GUARD_FLUSH) {
		say_flush(&b);
	} else if (c->kind == GUARD_CLOSE) {
		say_object(
			&b, "delete", "table", "\"family\":\"inet\",\"name\":\"" GUARD_TABLE "\"");
	} else {
		/* adding what is there changes nothing, not even its time: so it goes first */
		struct element e = element_of(c);
		bool back = c->kind == GUARD_UNBLOCK || c->kind == GUARD_RELEASE;
		if (back)
			e.expiry_s = 1;
		say_element(&b, "add", &e);
		say_element(&b, "delete", &e);
		if (!back)
			say_element(&b, "add", &e);
	}
	return run_batch(t, &b);
}
