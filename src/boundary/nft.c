/* The JSON of nft -j list ruleset: tables, sets and chains first, then rules. */
#include "boundary/nft.h"

#include <errno.h>
#include <string.h>

#define WORDS_BYTES 200

struct json_value nft_member(struct nft *n, const struct json_value *object, const char *name)
{
	struct json_value value = {0};
	struct span found;
	if (object->type == JSON_OBJECT)
		while (json_member(n->json, object, &found, &value))
			if (span_is(found, name))
				return value;
	return (struct json_value){0};
}

bool nft_only(struct nft *n, const struct json_value *object, struct span *ret_name,
	struct json_value *ret)
{
	*ret = (struct json_value){0};
	*ret_name = (struct span){0};
	return object->type == JSON_OBJECT && json_member(n->json, object, ret_name, ret);
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static struct nft_set *find_set(const struct nft *n, struct span reference)
{
	if (!span_begins(reference, "@"))
		return NULL;
	struct span name = {reference.ptr + 1, reference.len - 1};
	for (size_t i = 0; i < n->sets; i++)
		if (same(n->set[i].name, name) && same(n->set[i].table, n->table) &&
			same(n->set[i].family, n->family))
			return &n->set[i];
	return NULL;
}

const struct nft_set *nft_set_find(const struct nft *n, struct span reference)
{
	return find_set(n, reference);
}

/* ---- verdicts ---- */

bool nft_verdict(struct nft *n, struct span name, const struct json_value *value,
	struct boundary_verdict *ret)
{
	static const struct {
		const char *name;
		enum boundary_verdict_kind kind;
	} verdicts[] = {{"accept", BOUNDARY_ACCEPT}, {"drop", BOUNDARY_DROP},
		{"reject", BOUNDARY_REJECT}, {"return", BOUNDARY_RETURN},
		{"continue", BOUNDARY_CONTINUE}, {"jump", BOUNDARY_JUMP}, {"goto", BOUNDARY_GOTO}};
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		if (!span_is(name, verdicts[i].name))
			continue;
		ret->kind = verdicts[i].kind;
		if (ret->kind == BOUNDARY_JUMP || ret->kind == BOUNDARY_GOTO)
			ret->target = build_text(n->b, nft_member(n, value, "target").text, 255);
		return true;
	}
	return false;
}

/* ---- statements ---- */

static void mangle(struct nft *n, struct build_steps *s, const struct json_value *value)
{
	struct json_value key = nft_member(n, value, "key"), to = nft_member(n, value, "value");
	struct json_value inner;
	struct span what;
	struct boundary_range r;
	if (!nft_only(n, &key, &what, &inner)) {
		build_step(s, STEP_VERDICT)->verdict.kind = BOUNDARY_ANY;
		return;
	}
	if (span_is(what, "meta") || span_is(what, "ct")) { /* never fails; only marks steer */
		if (!span_is(what, "meta") || !span_is(nft_member(n, &inner, "key").text, "mark"))
			return;
		struct boundary_step *step = build_step(s, STEP_MARK);
		step->known = to.type == JSON_NUMBER && nft_value(n, BOUNDARY_MARK, &to, &r) == 0;
		for (size_t i = 12; step->known && i < 16; i++)
			step->mark = step->mark << 8 | r.first.byte[i];
		return;
	}
	/* an absent header ends the rule */
	struct span protocol = nft_member(n, &inner, "protocol").text;
	struct span field = nft_member(n, &inner, "field").text;
	bool moves = field.len == 0 || span_is(field, "saddr") || span_is(field, "daddr") ||
	             span_is(field, "sport") || span_is(field, "dport");
	nft_depend(n, s, protocol);
	if (!span_is(protocol, "ip") && !span_is(protocol, "ip6"))
		build_unknown(n->b, s, value->text);
	if (moves)
		(void)build_step(s, STEP_REWRITE);
}

static void nat(
	struct nft *n, struct build_steps *s, struct span name, const struct json_value *value)
{
	bool redirect = span_is(name, "redirect");
	bool source = span_is(name, "snat") || span_is(name, "masquerade");
	struct boundary_step *step = build_step(s, redirect ? STEP_REDIRECT
						   : source ? STEP_SNAT
							    : STEP_DNAT);
	struct json_value to = nft_member(n, value, "addr"), port = nft_member(n, value, "port");
	struct boundary_range r;
	uint64_t number;
	step->known = to.type == JSON_STRING && nft_value(n, BOUNDARY_DADDR, &to, &r) == 0;
	if (step->known)
		step->to = r.first;
	step->port_known = port.type == JSON_ABSENT && !source;
	if (port.type == JSON_NUMBER && scan_max(port.text, UINT16_MAX, &number) == 0) {
		step->port_known = true;
		step->port = (uint16_t)number;
	}
}

static void counter(struct nft *n, struct boundary_rule *rule, const struct json_value *value)
{
	struct json_value packets = nft_member(n, value, "packets");
	rule->counted = packets.type == JSON_NUMBER && scan_u64(packets.text, &rule->packets) == 0;
}

static bool is_one_of(struct span name, const char *const *list)
{
	while (*list != NULL && !span_is(name, *list))
		list++;
	return *list != NULL;
}

static void statement(struct nft *n, struct boundary_rule *rule, struct build_steps *s,
	struct span name, const struct json_value *value)
{
	static const char *const harmless[] = {"log", "flow", "ct helper", "ct timeout",
		"ct expectation", "last", "comment", "secmark", NULL};
	/* these may end the rule: full, over a rate, a table without room */
	static const char *const uncertain[] = {
		"limit", "quota", "ct count", "meter", "set", "map", "dup", NULL};
	static const char *const nats[] = {"dnat", "snat", "masquerade", "redirect", NULL};
	struct boundary_verdict verdict = {0};
	if (span_is(name, "match"))
		nft_match(n, s, value);
	else if (span_is(name, "vmap"))
		nft_vmap(n, s, value);
	else if (nft_verdict(n, name, value, &verdict))
		build_step(s, STEP_VERDICT)->verdict = verdict;
	else if (span_is(name, "counter"))
		counter(n, rule, value);
	else if (span_is(name, "mangle"))
		mangle(n, s, value);
	else if (is_one_of(name, nats))
		nat(n, s, name, value);
	else if (span_is(name, "notrack"))
		(void)build_step(s, STEP_NOTRACK);
	else if (is_one_of(name, uncertain))
		build_unknown(n->b, s, name);
	else if (!is_one_of(name, harmless)) {
		build_unknown(n->b, s, name);
		build_step(s, STEP_VERDICT)->verdict.kind = BOUNDARY_ANY;
	}
}

/* ---- objects ---- */

static struct span table_words(struct span family, struct span table, char buf[static 128])
{
	size_t at = family.len < 16 ? family.len : 16, len = table.len < 100 ? table.len : 100;
	if (at > 0)
		memcpy(buf, family.ptr, at);
	buf[at++] = ' ';
	if (len > 0)
		memcpy(buf + at, table.ptr, len);
	return (struct span){(const uint8_t *)buf, at + len};
}

static struct boundary_chain *find_chain(struct nft *n, struct span name)
{
	char buf[128];
	const char *table = build_text(n->b, table_words(n->family, n->table, buf), 127);
	const char *chain = build_text(n->b, name, 255);
	if (table == NULL || chain == NULL)
		return NULL;
	for (struct boundary_chain *c = n->b->chain; c != NULL; c = c->next)
		if (strcmp(c->table, table) == 0 && strcmp(c->name, chain) == 0)
			return c;
	return NULL;
}

static int read_rule(struct nft *n, const struct json_value *object)
{
	struct json_value expr = nft_member(n, object, "expr"), item = {0}, inner;
	struct json_value comment = nft_member(n, object, "comment");
	struct build_steps s = {0};
	struct out words = {0};
	struct span what;
	size_t mark = arena_mark(&n->b->arena);
	n->family = nft_member(n, object, "family").text;
	n->table = nft_member(n, object, "table").text;
	struct boundary_chain *chain = find_chain(n, nft_member(n, object, "chain").text);
	arena_reset(&n->b->arena, mark);
	struct boundary_rule *rule = chain == NULL ? NULL : build_rule(n->b, chain);
	if (rule == NULL)
		return chain == NULL ? -EINVAL : -E2BIG;
	if (scan_u64(nft_member(n, object, "handle").text, &rule->place) < 0)
		rule->place = 0;
	if (comment.type == JSON_STRING)
		rule->comment = build_text(n->b, comment.text, WORDS_BYTES);
	nft_say_all(n, &words, &expr);
	rule->text = build_text(n->b, span_of(out_string(&words)), WORDS_BYTES);
	out_fini(&words);
	while (json_each(n->json, &expr, &item)) {
		if (nft_only(n, &item, &what, &inner))
			statement(n, rule, &s, what, &inner);
		else /* a bare "accept" is no schema that is known */
			build_step(&s, STEP_VERDICT)->verdict.kind = BOUNDARY_ANY;
	}
	return build_finish(n->b, rule, &s);
}

static enum boundary_hook hook_of(struct span name)
{
	static const char *const names[] = {
		"prerouting", "input", "forward", "output", "postrouting", "ingress", "egress"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i]))
			return (enum boundary_hook)i;
	return BOUNDARY_HOOKS;
}

static int read_chain(struct nft *n, const struct json_value *object)
{
	char buf[128];
	struct span family = nft_member(n, object, "family").text;
	struct span table = nft_member(n, object, "table").text;
	struct span prio = nft_member(n, object, "prio").text;
	struct json_value dev = nft_member(n, object, "dev");
	uint64_t number = 0;
	struct boundary_chain *c = build_chain(
		n->b, table_words(family, table, buf), nft_member(n, object, "name").text);
	if (c == NULL)
		return -E2BIG;
	c->family = span_is(family, "ip") ? 4 : span_is(family, "ip6") ? 6 : 0;
	if (span_is(family, "arp") || span_is(family, "bridge"))
		c->dormant = true; /* what is routed does not come there */
	struct span hook = nft_member(n, object, "hook").text;
	c->hook = hook_of(hook);
	c->nat = span_is(nft_member(n, object, "type").text, "nat");
	if (span_is(nft_member(n, object, "policy").text, "drop"))
		c->policy = BOUNDARY_DROP;
	if (dev.type == JSON_STRING)
		c->dev = build_text(n->b, dev.text, 16);
	bool minus = span_begins(prio, "-");
	if (hook.len > 0 &&
		(prio.len == 0 || scan_max((struct span){prio.ptr + minus, prio.len - minus},
					  INT32_MAX, &number) < 0))
		return -EINVAL;
	c->prio = minus ? -(int32_t)number : (int32_t)number;
	return hook.len > 0 && c->hook == BOUNDARY_HOOKS ? -EINVAL : 0;
}

static int read_set(struct nft *n, const struct json_value *object)
{
	struct json_value flags = nft_member(n, object, "flags"), flag = {0};
	if (n->sets == NFT_SETS_MAX)
		return -E2BIG;
	struct nft_set *set = &n->set[n->sets++];
	set->family = nft_member(n, object, "family").text;
	set->table = nft_member(n, object, "table").text;
	set->name = nft_member(n, object, "name").text;
	set->elem = nft_member(n, object, "elem");
	set->partly = nft_member(n, object, "stmt").type != JSON_ABSENT; /* a rate of each member */
	while (json_each(n->json, &flags, &flag))
		set->partly |= span_is(flag.text, "dynamic") || span_is(flag.text, "timeout");
	return 0;
}

/* A set that a rule writes to holds more than the text says. */
static void look_for_updates(struct nft *n, const struct json_value *object)
{
	struct json_value expr = nft_member(n, object, "expr"), item = {0}, inner;
	struct span what;
	n->family = nft_member(n, object, "family").text;
	n->table = nft_member(n, object, "table").text;
	while (json_each(n->json, &expr, &item)) {
		if (!nft_only(n, &item, &what, &inner) ||
			(!span_is(what, "set") && !span_is(what, "map")))
			continue;
		const char *of = span_is(what, "set") ? "set" : "map";
		struct nft_set *set = find_set(n, nft_member(n, &inner, of).text);
		if (set != NULL)
			set->partly = true;
	}
}

/* A dormant table's chains hang on no hook. */
static void sleep_if_dormant(struct nft *n, const struct json_value *object)
{
	char buf[128];
	struct json_value flags = nft_member(n, object, "flags"), flag = {0};
	bool dormant = false;
	while (json_each(n->json, &flags, &flag))
		dormant |= span_is(flag.text, "dormant");
	if (!dormant)
		return;
	const char *table = build_text(n->b,
		table_words(nft_member(n, object, "family").text,
			nft_member(n, object, "name").text, buf),
		127);
	for (struct boundary_chain *c = n->b->chain; c != NULL && table != NULL; c = c->next)
		c->dormant |= strcmp(c->table, table) == 0;
}

static int one_object(
	struct nft *n, unsigned round, struct span what, const struct json_value *object)
{
	if (round == 0 && (span_is(what, "set") || span_is(what, "map")))
		return read_set(n, object);
	if (round == 0 && span_is(what, "chain"))
		return read_chain(n, object);
	if (round == 1 && span_is(what, "rule"))
		look_for_updates(n, object);
	if (round == 1 && span_is(what, "table"))
		sleep_if_dormant(n, object);
	return round == 2 && span_is(what, "rule") ? read_rule(n, object) : 0;
}

static int read_all(struct nft *n, struct span text, struct fail *why)
{
	struct json_value root, what_is;
	const char *wrong = json_read(n->json, text, &root);
	if (wrong != NULL)
		return fail_set(why, -EINVAL, "%s: give the output of nft -j list ruleset", wrong);
	struct json_value list = nft_member(n, &root, "nftables");
	if (list.type != JSON_ARRAY)
		return fail_set(why, -EINVAL,
			"no list \"nftables\": give the output of nft -j list ruleset");
	for (unsigned round = 0; round < 3; round++) {
		struct json_value item = {0};
		for (unsigned long at = 1; json_each(n->json, &list, &item); at++) {
			struct span what;
			int err = nft_only(n, &item, &what, &what_is)
			                  ? one_object(n, round, what, &what_is)
			                  : -EINVAL;
			if (err < 0 && err != -E2BIG)
				return fail_set(why, err,
					"object %lu: not as nft lists it (a rule needs its chain, "
					"a base chain its hook and priority)",
					at);
			if (err < 0 || n->b->arena.refused > 0)
				return fail_set(why, -E2BIG, "too many rules, chains or sets");
		}
	}
	build_resolve(n->b);
	return 0;
}

int boundary_read_nft_json(struct boundary **ret, struct cur text, struct fail *why)
{
	struct span all = cur_bytes(&text, text.len);
	struct nft n = {0};
	if (all.len > BOUNDARY_BYTES_MAX)
		return fail_set(why, -E2BIG,
			"over %zu MB of rules: give its tables or chains one at a time, and "
			"addresses as sets",
			BOUNDARY_BYTES_MAX >> 20);
	n.set = calloc(NFT_SETS_MAX, sizeof *n.set);
	int err = n.set == NULL || json_new(&n.json) < 0 || build_new(&n.b, all.len) < 0
	                  ? fail_set(why, -ENOMEM, "out of memory")
	                  : read_all(&n, all, why);
	if (err == 0)
		*ret = n.b;
	else
		boundary_free(n.b);
	json_free(n.json);
	free(n.set);
	return err;
}
