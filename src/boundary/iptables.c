/* iptables-save and ip6tables-save: tables of chains with one priority each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boundary/build.h"

#define WORDS_MAX  128u
#define LIST_MAX   64u
#define LINE_BYTES ((size_t)8192)

struct reader {
	struct boundary *b;
	struct span table;
	struct span word[WORDS_MAX]; /* of the line that is read */
	bool quoted[WORDS_MAX];      /* such a word is a value, never an option */
	size_t words, at;
	struct build_steps steps;
	bool negated; /* the option that is read */
};

static const struct {
	const char *name;
	int32_t prio;
} tables[] = {{"raw", -300}, {"mangle", -150}, {"nat", -100}, {"filter", 0}, {"security", 50}};

/* ---- words ---- */

/* Quotes hold blanks; what is escaped in them stays escaped. False: too many, or no end. */
static bool split(struct reader *r, struct span line)
{
	size_t i = 0;
	for (r->words = r->at = 0; i < line.len;) {
		bool quoted = line.ptr[i] == '"';
		size_t from = i += quoted;
		if (!quoted && line.ptr[i] == ' ') {
			i++;
			continue;
		}
		while (i < line.len && line.ptr[i] != (quoted ? '"' : ' '))
			i += quoted && line.ptr[i] == '\\' && i + 1 < line.len ? 2 : 1;
		if (r->words == WORDS_MAX || (quoted && i == line.len))
			return false;
		r->quoted[r->words] = quoted;
		r->word[r->words++] = (struct span){line.ptr + from, i - from};
		i += quoted;
	}
	return true;
}

/* The next word; empty at the end. */
static struct span next(struct reader *r)
{
	return r->at < r->words ? r->word[r->at++] : (struct span){0};
}

/* An option's value; before it, old files have their "!". */
static struct span value(struct reader *r)
{
	struct span word = next(r);
	if (!span_is(word, "!"))
		return word;
	r->negated = !r->negated;
	return next(r);
}

/* ---- matches ---- */

static int one_value(enum boundary_field field, struct span text, struct boundary_range *ret)
{
	size_t colon = span_find(text, ":");
	struct boundary_range last;
	if (field == BOUNDARY_IIF || field == BOUNDARY_OIF)
		return build_interface(text, '+', ret);
	if ((field != BOUNDARY_SPORT && field != BOUNDARY_DPORT) || colon == text.len)
		return build_value(field, text, ret);
	struct span low = {text.ptr, colon}, high = {text.ptr + colon + 1, text.len - colon - 1};
	if (build_value(field, low.len > 0 ? low : span_of("0"), ret) < 0 ||
		build_value(field, high.len > 0 ? high : span_of("65535"), &last) < 0)
		return -EINVAL;
	ret->last = last.last;
	return 0;
}

/* A list with commas; what is not understood makes it a match that can't be known. */
static void match(struct reader *r, enum boundary_field field)
{
	struct span text = value(r), rest = text, item;
	struct boundary_box box[LIST_MAX];
	size_t count = 0;
	int err = 0;
	while (err == 0 && span_next(&rest, ',', &item)) {
		if (count == LIST_MAX)
			err = -E2BIG;
		else
			err = one_value(field, item, &box[count++].range[0]);
	}
	struct boundary_step *step = NULL;
	if (err == 0 && count > 0)
		step = build_step(&r->steps, STEP_MATCH);
	if (step == NULL) {
		build_unknown(r->b, &r->steps, text);
		return;
	}
	step->box = ARENA_NEW(&r->b->arena, struct boundary_box, count);
	if (step->box == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		step->box[i] = (struct boundary_box){.range = {box[i].range[0]}};
	step->boxes = count;
	step->dims = 1;
	step->field[0] = field;
	step->negated = r->negated;
}

static int number(struct span text, uint32_t *ret)
{
	struct boundary_range r;
	if (build_value(BOUNDARY_MARK, text, &r) < 0)
		return -EINVAL;
	*ret = 0;
	for (size_t i = 12; i < 16; i++)
		*ret = *ret << 8 | r.first.byte[i];
	return 0;
}

static int flags_of(struct span text, uint32_t *ret)
{
	struct span item;
	struct boundary_range one;
	*ret = 0;
	if (span_is(text, "NONE"))
		return 0;
	if (span_is(text, "ALL"))
		text = span_of("fin,syn,rst,psh,ack,urg");
	while (span_next(&text, ',', &item)) {
		if (build_value(BOUNDARY_TCP_FLAGS, item, &one) < 0)
			return -EINVAL;
		*ret |= one.first.byte[15];
	}
	return 0;
}

static void masked(struct reader *r, enum boundary_field field, uint32_t bits, uint32_t mask)
{
	build_equal(r->b, &r->steps, field, bits);
	r->steps.step[r->steps.count - 1].mask = mask;
	r->steps.step[r->steps.count - 1].negated = r->negated;
}

static void mark(struct reader *r)
{
	struct span text = value(r);
	size_t slash = span_find(text, "/");
	uint32_t bits = 0, mask = UINT32_MAX;
	struct span low = {text.ptr, slash};
	bool bad = number(low, &bits) < 0;
	if (slash < text.len)
		bad |= number((struct span){text.ptr + slash + 1, text.len - slash - 1}, &mask) < 0;
	if (bad || mask == 0)
		build_unknown(r->b, &r->steps, text);
	else
		masked(r, BOUNDARY_MARK, bits, mask);
}

static void tcp_flags(struct reader *r)
{
	struct span mask_text = value(r), text = next(r);
	uint32_t mask, bits;
	if (flags_of(mask_text, &mask) < 0 || flags_of(text, &bits) < 0 || mask == 0)
		build_unknown(r->b, &r->steps, mask_text);
	else
		masked(r, BOUNDARY_TCP_FLAGS, bits, mask);
}

static const struct {
	const char *name;
	enum boundary_field field;
} fields[] = {{"-s", BOUNDARY_SADDR}, {"-d", BOUNDARY_DADDR}, {"--src", BOUNDARY_SADDR},
	{"--dst", BOUNDARY_DADDR}, {"--source", BOUNDARY_SADDR}, {"--destination", BOUNDARY_DADDR},
	{"-i", BOUNDARY_IIF}, {"-o", BOUNDARY_OIF}, {"--in-interface", BOUNDARY_IIF},
	{"--out-interface", BOUNDARY_OIF}, {"--sport", BOUNDARY_SPORT}, {"--dport", BOUNDARY_DPORT},
	{"--source-port", BOUNDARY_SPORT}, {"--destination-port", BOUNDARY_DPORT},
	{"--sports", BOUNDARY_SPORT}, {"--dports", BOUNDARY_DPORT},
	{"--source-ports", BOUNDARY_SPORT}, {"--destination-ports", BOUNDARY_DPORT},
	{"--ctstate", BOUNDARY_CT_STATE}, {"--state", BOUNDARY_CT_STATE},
	{"--icmp-type", BOUNDARY_ICMP_TYPE}, {"--icmpv6-type", BOUNDARY_ICMP_TYPE}};

/* ---- targets ---- */

static void set_mark(struct reader *r)
{
	struct boundary_step *step = build_step(&r->steps, STEP_MARK);
	struct span option = next(r), text = next(r);
	size_t slash = span_find(text, "/");
	uint32_t mask = UINT32_MAX;
	bool whole =
		slash == text.len ||
		(number((struct span){text.ptr + slash + 1, text.len - slash - 1}, &mask) == 0 &&
			mask == UINT32_MAX);
	step->known = whole && (span_is(option, "--set-mark") || span_is(option, "--set-xmark")) &&
	              number((struct span){text.ptr, slash}, &step->mark) == 0;
}

static void translate(struct reader *r, enum boundary_step_kind kind)
{
	struct boundary_step *step = build_step(&r->steps, kind);
	struct span option = next(r), text = next(r);
	uint64_t port;
	step->port_known = option.len == 0 && kind != STEP_SNAT;
	if (span_is(option, "--to-ports") && scan_max(text, UINT16_MAX, &port) == 0) {
		step->port_known = true;
		step->port = (uint16_t)port;
	}
	if (!span_is(option, "--to-destination") || r->at < r->words)
		return;
	size_t colon = r->b->family == 6 ? text.len : span_find(text, ":");
	step->known = scan_addr((struct span){text.ptr, colon}, &step->to) == 0;
	step->port_known = colon == text.len && step->known;
	if (colon < text.len && scan_max((struct span){text.ptr + colon + 1, text.len - colon - 1},
					UINT16_MAX, &port) == 0) {
		step->port_known = true;
		step->port = (uint16_t)port;
	}
}

static void target(struct reader *r, bool go)
{
	static const struct {
		const char *name;
		enum boundary_verdict_kind kind;
	} ends[] = {{"ACCEPT", BOUNDARY_ACCEPT}, {"DROP", BOUNDARY_DROP},
		{"REJECT", BOUNDARY_REJECT}, {"RETURN", BOUNDARY_RETURN}};
	static const char *const harmless[] = {"LOG", "NFLOG", "ULOG", "TCPMSS", "CLASSIFY", "TOS",
		"DSCP", "TTL", "HL", "CHECKSUM", "TRACE", "SET", "AUDIT", "ECN", "TCPOPTSTRIP"};
	struct span name = next(r);
	struct boundary_verdict verdict = {.kind = go ? BOUNDARY_GOTO : BOUNDARY_JUMP};
	for (size_t i = 0; !go && i < ARRAY_LEN(harmless); i++)
		if (span_is(name, harmless[i]))
			return;
	for (size_t i = 0; !go && i < ARRAY_LEN(ends); i++)
		if (span_is(name, ends[i].name))
			verdict.kind = ends[i].kind;
	if (span_is(name, "MARK"))
		set_mark(r);
	else if (span_is(name, "CONNMARK"))
		build_step(&r->steps, STEP_MARK)->known = false;
	else if (span_is(name, "NOTRACK") || (span_is(name, "CT") && span_is(next(r), "--notrack")))
		(void)build_step(&r->steps, STEP_NOTRACK);
	else if (span_is(name, "DNAT"))
		translate(r, STEP_DNAT);
	else if (span_is(name, "REDIRECT"))
		translate(r, STEP_REDIRECT);
	else if (span_is(name, "SNAT") || span_is(name, "MASQUERADE"))
		translate(r, STEP_SNAT);
	else if (!span_is(name, "CT")) {
		if (verdict.kind == BOUNDARY_JUMP || verdict.kind == BOUNDARY_GOTO)
			verdict.target = build_text(r->b, name, 255);
		build_step(&r->steps, STEP_VERDICT)->verdict = verdict;
	}
}

/* ---- lines ---- */

static void option(struct reader *r, struct boundary_rule *rule, struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_is(name, fields[i].name)) {
			match(r, fields[i].field);
			return;
		}
	if (span_is(name, "-p") || span_is(name, "--protocol")) {
		if (r->at < r->words && span_is(r->word[r->at], "all"))
			(void)next(r);
		else
			match(r, BOUNDARY_L4PROTO);
	} else if (span_is(name, "-m") || span_is(name, "--match"))
		(void)next(r);
	else if (span_is(name, "--comment"))
		rule->comment = build_text(r->b, next(r), 200);
	else if (span_is(name, "--mark"))
		mark(r);
	else if (span_is(name, "--tcp-flags"))
		tcp_flags(r);
	else if (span_is(name, "--syn"))
		masked(r, BOUNDARY_TCP_FLAGS, 2, 0x17);
	else if (span_is(name, "-c")) {
		rule->counted = scan_u64(next(r), &rule->packets) == 0;
		(void)next(r);
	} else
		build_unknown(r->b, &r->steps, name);
}

static struct boundary_chain *chain_of(struct reader *r, struct span name)
{
	static const char *const hooks[] = {
		"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
	for (struct boundary_chain *c = r->b->chain; c != NULL; c = c->next)
		if (span_is(name, c->name) && span_is(r->table, c->table))
			return c;
	struct boundary_chain *c = build_chain(r->b, r->table, name);
	for (size_t i = 0; c != NULL && i < ARRAY_LEN(hooks); i++)
		if (span_is(name, hooks[i]))
			c->hook = (enum boundary_hook)i;
	for (size_t i = 0; c != NULL && i < ARRAY_LEN(tables); i++)
		if (span_is(r->table, tables[i].name))
			c->prio = tables[i].prio;
	if (c != NULL) {
		c->family = r->b->family;
		c->nat = span_is(r->table, "nat");
	}
	return c;
}

/* [packets:bytes], as iptables-save -c writes them. False: there are none. */
static bool read_counters(struct span word, uint64_t *ret)
{
	if (!span_begins(word, "["))
		return false;
	struct span packets = {word.ptr + 1, word.len - 1};
	packets.len = span_find(packets, ":");
	return scan_u64(packets, ret) == 0;
}

static int rule_line(struct reader *r, unsigned long line, struct span text)
{
	bool counters = span_begins(text, "[");
	struct boundary_chain *chain = chain_of(r, next(r));
	struct boundary_rule *rule = chain == NULL ? NULL : build_rule(r->b, chain);
	if (rule == NULL)
		return -E2BIG;
	rule->place = line;
	rule->counted = counters && read_counters(r->word[0], &rule->packets);
	size_t from = span_find(text, "-A ");
	if (counters && from < text.len) /* the same rule, whatever it counted */
		text = (struct span){text.ptr + from, text.len - from};
	rule->text = build_text(r->b, text, 200);
	r->steps.count = 0;
	while (r->at < r->words) {
		bool quoted = r->quoted[r->at];
		struct span name = next(r);
		if (quoted) {
			build_unknown(r->b, &r->steps, name);
			continue;
		}
		r->negated = span_is(name, "!");
		if (r->negated)
			name = next(r);
		bool go = span_is(name, "-g") || span_is(name, "--goto");
		if (go || span_is(name, "-j") || span_is(name, "--jump")) {
			target(r, go);
			break; /* what follows are the target's own options */
		}
		option(r, rule, name);
	}
	return build_finish(r->b, rule, &r->steps);
}

static int chain_line(struct reader *r)
{
	struct span name = next(r), policy = next(r);
	struct boundary_chain *c = NULL;
	name = (struct span){name.ptr + 1, name.len - 1};
	if (name.len > 0 && policy.len > 0)
		c = chain_of(r, name);
	if (c == NULL)
		return r->b->arena.refused > 0 ? -E2BIG : -EINVAL;
	if (span_is(policy, "DROP"))
		c->policy = BOUNDARY_DROP;
	return 0;
}

static int one_line(struct reader *r, unsigned long line, struct span text)
{
	if (text.len == 0 || span_begins(text, "#") || span_is(text, "COMMIT"))
		return 0;
	if (text.len > LINE_BYTES || !split(r, text))
		return -EINVAL;
	if (span_begins(text, "*")) {
		r->table = (struct span){text.ptr + 1, text.len - 1};
		for (size_t i = 0; i < ARRAY_LEN(tables); i++)
			if (span_is(r->table, tables[i].name))
				return 0;
		return -EINVAL;
	}
	if (r->table.len == 0)
		return -EINVAL;
	if (span_begins(text, ":"))
		return chain_line(r);
	if (span_begins(text, "["))
		(void)next(r); /* counters, as iptables-save -c writes them */
	if (!span_is(next(r), "-A"))
		return -EINVAL;
	return rule_line(r, line, text);
}

/* Its first line says so; an address does, in a file that lost it. */
static uint8_t family_of(struct span text)
{
	struct span line;
	while (span_next(&text, '\n', &line)) {
		if (span_begins(line, "#") && span_find(line, "ip6tables-save") < line.len)
			return 6;
		if (span_begins(line, "#") && span_find(line, "iptables-save") < line.len)
			return 4;
		if (span_find(line, "icmp6-") < line.len || span_find(line, "icmpv6") < line.len ||
			span_find(line, "::") < line.len)
			return 6;
	}
	return 4;
}

int boundary_read_iptables(struct boundary **ret, struct cur text, struct fail *why)
{
	struct span rest = cur_bytes(&text, text.len), line;
	struct reader r = {0};
	int err = 0;
	if (rest.len > BOUNDARY_BYTES_MAX)
		return fail_set(why, -E2BIG,
			"over %zu MB of rules: give its tables or chains one at a time, and "
			"addresses as sets",
			BOUNDARY_BYTES_MAX >> 20);
	if (build_new(&r.b, rest.len) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	r.b->lines = true;
	r.b->family = family_of(rest);
	for (unsigned long at = 1; err == 0 && span_next(&rest, '\n', &line); at++) {
		err = one_line(&r, at, span_trim(line));
		if (r.b->arena.refused > 0)
			err = -E2BIG;
		if (err < 0)
			(void)fail_set(why, err, "%lu: %s", at,
				err == -E2BIG ? "too many rules or chains"
					      : "not as iptables-save writes it: a table, a chain "
						"with its policy or -A");
	}
	if (err == 0 && r.table.len == 0)
		err = fail_set(why, -EINVAL, "no table: give the output of iptables-save");
	if (err == 0) {
		build_resolve(r.b);
		*ret = r.b;
	} else {
		boundary_free(r.b);
	}
	return err;
}
