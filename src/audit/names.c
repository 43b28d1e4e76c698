/* A Network Firewall's own holes: a name that only holds an allowed one, a server without a name,
 * hosts that HOME_NET does not hold. */
#include <errno.h>
#include <string.h>

#include "audit/audit.h"

#define NAME_BYTES 256u
#define NOBODY     "fallback.invalid" /* RFC 6761 */
/* Rules asked, all in all: some seconds. */
#define WORK_MAX UINT64_C(20000000)

struct spoken { /* how a name is told */
	enum suricata_buffer buffer;
	const char *as;
	uint8_t proto;
	uint16_t port;
};

static const struct spoken ways[] = {
	{BUFFER_TLS_SNI, "tls", 6, 443},
	{BUFFER_HTTP_HOST, "http", 6, 80},
	{BUFFER_DNS_QUERY, "dns", 17, 53},
};

struct asker {
	struct audit *audit;
	const struct nfw *nfw;
	const struct nfw_policy *policy;
	struct out place;
	uint64_t left, cost; /* cost: rules of the policy */
	bool cut;
	bool shut[3]; /* of ways[]: a name that nobody named is denied */
	int err;
};

/* src none: any host of HOME_NET. */
static struct nfw_answer ask(
	struct asker *k, const struct spoken *way, const char *name, const struct addr *src)
{
	struct nfw_answer a = {.verdict = NFW_UNDECIDED};
	struct nfw_flow flow = {.flow = {.src = *src,
					.proto = way->proto,
					.src_port = 40000,
					.port = way->port,
					.as = way->as,
					.name = name}};
	CHECK(addr_parse(AUDIT_STRANGER_V4, &flow.flow.dst) == 0);
	k->cut |= k->left < k->cost;
	if (k->cut || k->err < 0)
		return a;
	k->left -= k->cost;
	k->err = nfw_ask(k->nfw, k->policy, &flow, &a);
	return a;
}

static void add(struct asker *k, enum audit_kind kind, const struct nfw_answer *a,
	const struct out *words, const struct out *passes, const char *shut)
{
	struct out rule = {0}, key = {0};
	out_safe(&rule, a->decides->rule, sizeof a->decides->rule);
	out_printf(&key, "%s %s", out_string(&k->place), out_string(passes));
	audit_add(k->audit,
		&(struct audit_finding){.kind = kind,
			.place = out_string(&k->place),
			.rule = rule.len == 0 ? NULL : out_string(&rule),
			.words = out_string(words),
			.passes = out_string(passes),
			.shut = shut},
		out_string(&key));
	out_fini(&rule);
	out_fini(&key);
}

/* ---- names ---- */

static bool is_name(struct span s)
{
	bool dot = false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		              c == '.' || c == '_';
		if (!letter)
			return false;
		dot |= c == '.' && i > 0 && i + 1 < s.len;
	}
	return dot && s.len < NAME_BYTES / 2;
}

static void try_name(struct asker *k, const struct spoken *way, const char *name, const char *of)
{
	static const struct addr home = {{0}};
	struct nfw_answer a = ask(k, way, name, &home);
	struct out words = {0}, passes = {0}, shut = {0};
	if (a.verdict != NFW_ALLOWED)
		return;
	out_printf(&passes, "%s to %s", way->as, name);
	out_printf(&shut, "%s to " NOBODY, way->as);
	out_printf(&words, "%s passes, as a rule looks for %s anywhere in the name", name, of);
	add(k, AUDIT_SUBSTRING_NAME, &a, &words, &passes, out_string(&shut));
	out_fini(&words);
	out_fini(&passes);
	out_fini(&shut);
}

/* What stands before the pattern, and what behind it, is another's domain. */
static void one_pattern(struct asker *k, const struct spoken *way, struct span bytes)
{
	char of[NAME_BYTES] = {0}, name[2 * NAME_BYTES];
	memcpy(of, bytes.ptr, bytes.len);
	const char *bare = of[0] == '.' ? of + 1 : of;
	(void)snprintf(name, sizeof name, "not%s", bare);
	try_name(k, way, name, of);
	(void)snprintf(name, sizeof name, "%s%s." NOBODY, of[0] == '.' ? "a" : "", of);
	try_name(k, way, name, of);
}

static void one_rule(struct asker *k, const struct suricata_rule *r)
{
	for (const struct suricata_test *t = r->test; t != NULL; t = t->next)
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			if (k->shut[i] && t->kind == TEST_CONTENT && t->buffer == ways[i].buffer &&
				!t->negated && is_name(t->bytes))
				one_pattern(k, &ways[i], t->bytes);
}

static void names(struct asker *k)
{
	const void *at = NULL;
	for (const struct suricata_rules *r = nfw_next_rules(k->policy, &at); r != NULL;
		r = nfw_next_rules(k->policy, &at))
		for (const struct suricata_rule *one = r->first; one != NULL; one = one->next)
			if (one->action == SURICATA_PASS)
				one_rule(k, one);
}

static void resolvers(struct asker *k)
{
	static const char *const doh[] = {"dns.google", "cloudflare-dns.com", "dns.quad9.net",
		"one.one.one.one", "doh.opendns.com"};
	static const struct addr home = {{0}};
	for (size_t i = 0; i < ARRAY_LEN(doh) && k->shut[0]; i++) {
		struct nfw_answer a = ask(k, &ways[0], doh[i], &home);
		struct out words = {0}, passes = {0};
		if (a.verdict != NFW_ALLOWED)
			continue;
		out_printf(&passes, "tls to %s", doh[i]);
		out_printf(&words, "TLS passes to %s, a public resolver of DNS over HTTPS", doh[i]);
		add(k, AUDIT_DOH, &a, &words, &passes, "tls to " NOBODY);
		out_fini(&words);
		out_fini(&passes);
	}
}

/* ---- no name ---- */

static void without_name(struct asker *k)
{
	static const struct addr home = {{0}};
	struct nfw_answer a = ask(k, &ways[0], "", &home);
	if (a.verdict != NFW_ALLOWED || !k->shut[0])
		return;
	struct out words = {0}, passes = {0};
	out_text(&words, "TLS whose hello names nobody passes, where a name that is not allowed "
			 "is dropped");
	out_text(&passes, "tls without a name");
	add(k, AUDIT_DIRECT_IP, &a, &words, &passes, "tls to " NOBODY);
	out_fini(&words);
	out_fini(&passes);
}

/* ---- HOME_NET ---- */

static void one_source(struct asker *k, const struct addr *src, bool named)
{
	char text[ADDR_TEXT_BYTES];
	struct nfw_answer a = ask(k, &ways[0], NOBODY, src);
	struct out words = {0}, passes = {0};
	if (a.verdict != NFW_ALLOWED)
		return;
	(void)addr_text(src, text);
	out_printf(&passes, "tls to " NOBODY " from %s", text);
	out_printf(&words,
		"from %s, which HOME_NET does not hold, passes what hosts inside may not%s", text,
		named ? "" : ": a hole if hosts with such addresses are routed through it");
	add(k, AUDIT_HOME_NET_MISSES, &a, &words, &passes, "tls to " NOBODY " from HOME_NET");
	out_fini(&words);
	out_fini(&passes);
}

static void sources(struct asker *k, const struct cidr *spoke, size_t spokes)
{
	static const uint32_t some[] = {0x0afffe09, 0xac1ffe09, 0xc0a8fe09}; /* of RFC 1918 */
	if (!k->shut[0])
		return;
	for (size_t i = 0; i < spokes; i++) {
		struct addr host = spoke[i].net;
		host.byte[15] |= spoke[i].bits < 128; /* the network's own address is nobody's */
		one_source(k, &host, true);
	}
	for (size_t i = 0; i < ARRAY_LEN(some) && spokes == 0; i++) {
		struct addr host = addr_v4(some[i]);
		one_source(k, &host, false);
	}
}

int audit_nfw(struct audit *a, const struct nfw *n, const struct cidr *spoke, size_t spokes)
{
	static const struct addr home = {{0}};
	struct asker k = {.audit = a, .nfw = n, .left = WORK_MAX};
	_Static_assert(ARRAY_LEN(k.shut) == ARRAY_LEN(ways), "one for each way");
	for (k.policy = nfw_next_policy(n, NULL); k.policy != NULL && k.err == 0;
		k.policy = nfw_next_policy(n, k.policy)) {
		const void *at = NULL;
		k.cost = 100;
		for (const struct suricata_rules *r = nfw_next_rules(k.policy, &at); r != NULL;
			r = nfw_next_rules(k.policy, &at))
			k.cost += r->count;
		out_clear(&k.place);
		out_safe(&k.place, nfw_policy_name(k.policy), NAME_BYTES);
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			k.shut[i] = ask(&k, &ways[i], NOBODY, &home).verdict == NFW_DENIED;
		names(&k);
		resolvers(&k);
		without_name(&k);
		sources(&k, spoke, spokes);
	}
	if (k.cut)
		audit_add(a,
			&(struct audit_finding){.kind = AUDIT_TOO_MANY,
				.words = "not all names of the rules were tried"},
			"names");
	out_fini(&k.place);
	return k.err;
}
