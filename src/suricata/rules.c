/* Rules out of a text: lines, headers, places of faults. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suricata/read.h"

/* A test has some 200 bytes and takes at least 8 of the text ("dsize:1;"), an entry of a list has
 * 80 and takes 2. */
#define ARENA_BYTES(len) ((len)*64 + ((size_t)256 << 10))
#define WORDS_MAX        64u /* of what is wrong */
#define FAULTS_MAX       10000u

/* ---- places and texts ---- */

struct span parser_trim(struct span text)
{
	struct span before;
	do {
		before = text;
		text = span_trim(text);
		if (text.len > 1 && text.ptr[0] == '\\' &&
			(text.ptr[1] == '\n' || text.ptr[1] == '\r'))
			text = (struct span){text.ptr + 1, text.len - 1};
		if (text.len > 0 && text.len < before.len && text.ptr[text.len - 1] == '\\')
			text.len--;
	} while (text.len != before.len);
	return text;
}

void parser_fault(struct parser *p, const uint8_t *place, struct span what, const char *words)
{
	struct out text = {0};
	p->wrong = true;
	p->rules->faults++;
	struct suricata_fault *fault =
		p->rules->faults > FAULTS_MAX
			? NULL
			: ARENA_NEW(&p->rules->arena, struct suricata_fault, 1);
	if (fault == NULL)
		return;
	fault->line = p->line;
	fault->column = 1;
	for (const uint8_t *at = p->begin; at < place; at++) {
		fault->column = *at == '\n' ? 1 : fault->column + 1;
		fault->line += *at == '\n';
	}
	char part[WORDS_MAX + 1] = {0};
	size_t len = what.len < WORDS_MAX ? what.len : WORDS_MAX;
	if (len > 0) {
		memcpy(part, what.ptr, len);
		out_text(&text, "\"");
		out_safe(&text, part, WORDS_MAX);
		out_text(&text, "\": ");
	}
	out_text(&text, words);
	fault->text = parser_copy(p, span_of(out_string(&text)));
	out_fini(&text);
	if (fault->text == NULL)
		fault->text = words;
	*p->rules->fault_end = fault;
	p->rules->fault_end = &fault->next;
}

const char *parser_copy(struct parser *p, struct span text)
{
	char *copy = ARENA_NEW(&p->rules->arena, char, text.len + 1);
	p->full = p->full || copy == NULL;
	if (copy != NULL && text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

const char *parser_lower(struct parser *p, struct span text)
{
	char *copy = ARENA_NEW(&p->rules->arena, char, text.len + 1);
	p->full = p->full || copy == NULL;
	for (size_t i = 0; copy != NULL && i < text.len; i++) {
		uint8_t c = text.ptr[i];
		copy[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	return copy;
}

struct suricata_test *parser_test(struct parser *p, enum suricata_test_kind kind)
{
	if (p->rule->tests == SURICATA_TESTS_MAX) {
		if (!p->wrong)
			parser_fault(
				p, p->begin, (struct span){0}, "over 256 keywords: split the rule");
		return NULL;
	}
	struct suricata_test *test = ARENA_NEW(&p->rules->arena, struct suricata_test, 1);
	if (test == NULL) {
		p->full = true;
		return NULL;
	}
	*test = (struct suricata_test){
		.kind = kind, .buffer = p->buffer, .dotprefix = p->dotprefix};
	*p->rule->end = test;
	p->rule->end = &test->next;
	p->rule->tests++;
	return test;
}

/* ---- the header ---- */

const char *suricata_action_name(enum suricata_action action)
{
	static const char *const names[] = {"alert", "pass", "drop", "reject"};
	return names[action];
}

/* The next word; one in brackets may hold spaces. */
static struct span take_word(struct span *rest)
{
	size_t depth = 0, len = 0;
	*rest = parser_trim(*rest);
	for (; len < rest->len; len++) {
		uint8_t c = rest->ptr[len];
		if (depth == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '('))
			break;
		depth += c == '[';
		depth -= c == ']' && depth > 0;
	}
	struct span word = {rest->ptr, len};
	*rest = (struct span){rest->ptr + len, rest->len - len};
	return word;
}

static void read_action(struct parser *p, struct span word)
{
	static const struct {
		const char *name;
		enum suricata_action action;
	} actions[] = {{"alert", SURICATA_ALERT}, {"pass", SURICATA_PASS}, {"drop", SURICATA_DROP},
		{"reject", SURICATA_REJECT}, {"rejectsrc", SURICATA_REJECT},
		{"rejectdst", SURICATA_REJECT}, {"rejectboth", SURICATA_REJECT}};
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (span_is_nocase(word, actions[i].name)) {
			p->rule->action = actions[i].action;
			return;
		}
	}
	bool firewall = span_has(word, ':') || span_is(word, "accept");
	parser_fault(p, word.ptr, word,
		firewall ? "an action of Suricata 8's firewall mode, which is not read"
			 : "no action: write alert, pass, drop or reject");
}

static const struct protocol {
	const char *name;
	uint16_t ip;
	uint8_t family;
	const char *app;
} protocols[] = {
	{"ip", 256, 0, NULL},
	{"any", 256, 0, NULL},
	{"ip4", 256, 4, NULL},
	{"ipv4", 256, 4, NULL},
	{"ip6", 256, 6, NULL},
	{"ipv6", 256, 6, NULL},
	{"tcp", 6, 0, NULL},
	{"tcp-pkt", 6, 0, NULL},
	{"tcp-stream", 6, 0, NULL},
	{"udp", 17, 0, NULL},
	{"icmp", 1, 0, NULL}, /* and ICMPv6 */
	{"icmpv4", 1, 4, NULL},
	{"icmpv6", 58, 6, NULL},
	{"ipv6-icmp", 58, 6, NULL},
	{"sctp", 132, 0, NULL},
	{"http", 6, 0, "http"},
	{"http1", 6, 0, "http1"},
	{"http2", 6, 0, "http2"},
	{"tls", 6, 0, "tls"},
	{"ssl", 6, 0, "tls"},
	{"ssh", 6, 0, "ssh"},
	{"ftp", 6, 0, "ftp"},
	{"ftp-data", 6, 0, "ftp-data"},
	{"smtp", 6, 0, "smtp"},
	{"imap", 6, 0, "imap"},
	{"pop3", 6, 0, "pop3"},
	{"smb", 6, 0, "smb"},
	{"msn", 6, 0, "msn"},
	{"rdp", 6, 0, "rdp"},
	{"rfb", 6, 0, "rfb"},
	{"mqtt", 6, 0, "mqtt"},
	{"modbus", 6, 0, "modbus"},
	{"telnet", 6, 0, "telnet"},
	{"pgsql", 6, 0, "pgsql"},
	{"ldap", 256, 0, "ldap"},
	{"dcerpc", 256, 0, "dcerpc"},
	{"dns", 256, 0, "dns"},
	{"doh2", 6, 0, "doh2"},
	{"krb5", 256, 0, "krb5"},
	{"nfs", 256, 0, "nfs"},
	{"sip", 256, 0, "sip"},
	{"dnp3", 6, 0, "dnp3"},
	{"enip", 256, 0, "enip"},
	{"ike", 17, 0, "ike"},
	{"ikev2", 17, 0, "ike"},
	{"quic", 17, 0, "quic"},
	{"ntp", 17, 0, "ntp"},
	{"tftp", 17, 0, "tftp"},
	{"dhcp", 17, 0, "dhcp"},
	{"snmp", 17, 0, "snmp"},
	{"websocket", 6, 0, "websocket"},
	{"bittorrent-dht", 17, 0, "bittorrent-dht"},
};

static void read_protocol(struct parser *p, struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		const struct protocol *at = &protocols[i];
		if (!span_is_nocase(word, at->name))
			continue;
		p->rule->proto = at->name;
		p->rule->ip_proto = at->ip;
		p->rule->family = at->family;
		p->rule->app = at->app;
		return;
	}
	parser_fault(p, word.ptr, word,
		span_has(word, ':') ? "a hook of Suricata 8's firewall mode, which is not read"
				    : "no protocol that is known: write ip, tcp, udp, icmp, tls, "
				      "http, dns, ...");
}

static void read_items(struct parser *p, struct span word, bool ports, struct suricata_item **ret)
{
	const char *wrong = suricata_parse_items(&p->rules->arena, word, ports, ret);
	if (wrong != NULL && !p->wrong)
		parser_fault(p, word.ptr, word, wrong);
}

static struct span read_header(struct parser *p, struct span rest)
{
	struct suricata_rule *r = p->rule;
	read_action(p, take_word(&rest));
	if (!p->wrong)
		read_protocol(p, take_word(&rest));
	if (!p->wrong)
		read_items(p, take_word(&rest), false, &r->src);
	if (!p->wrong)
		read_items(p, take_word(&rest), true, &r->sport);
	if (p->wrong)
		return rest;
	struct span way = take_word(&rest);
	r->both = span_is(way, "<>");
	if (!r->both && !span_is(way, "->")) {
		parser_fault(p, way.ptr, way, "no direction: write -> or <>");
		return rest;
	}
	read_items(p, take_word(&rest), false, &r->dst);
	if (!p->wrong)
		read_items(p, take_word(&rest), true, &r->dport);
	return parser_trim(rest);
}

/* ---- the text ---- */

static void read_rule(struct parser *p, struct span text)
{
	struct suricata_rules *rules = p->rules;
	struct suricata_rule *rule = ARENA_NEW(&rules->arena, struct suricata_rule, 1);
	if (rule == NULL) {
		p->full = true;
		return;
	}
	*rule = (struct suricata_rule){.priority = 3, .line = p->line};
	rule->end = &rule->test;
	p->rule = rule;
	p->wrong = p->dotprefix = false;
	p->buffer = BUFFER_PAYLOAD;
	struct span body = read_header(p, text);
	if (p->wrong)
		return;
	body = parser_trim(body);
	if (body.len < 2 || body.ptr[0] != '(' || body.ptr[body.len - 1] != ')') {
		parser_fault(p, body.len == 0 ? text.ptr : body.ptr, (struct span){0},
			"the rule's options have to stand in parentheses: (msg:\"...\"; sid:1;)");
		return;
	}
	parser_options(p, (struct span){body.ptr + 1, body.len - 2});
	if (p->wrong || p->full)
		return;
	rule->scope = scope_of(rule);
	*rules->end = rule;
	rules->end = &rule->next;
	rule->number = rules->count++;
}

/* A line, with those that it goes on in. */
static struct span take_line(struct span *rest, uint32_t *lines)
{
	size_t len = 0;
	*lines = 1;
	for (; len < rest->len; len++) {
		if (rest->ptr[len] != '\n')
			continue;
		size_t end = len > 0 && rest->ptr[len - 1] == '\r' ? len - 1 : len;
		if (end == 0 || rest->ptr[end - 1] != '\\')
			break;
		++*lines;
	}
	struct span line = {rest->ptr, len};
	len += len < rest->len;
	*rest = (struct span){rest->ptr + len, rest->len - len};
	return line;
}

int suricata_read(struct suricata_rules **ret, struct cur text, struct fail *why)
{
	struct span rest = {text.ptr, text.len};
	if (text.len > SURICATA_BYTES_MAX)
		return fail_set(why, -E2BIG, "over 32 MB of rules: split the file");
	struct suricata_rules *rules = calloc(1, sizeof *rules);
	if (rules == NULL || arena_init(&rules->arena, ARENA_BYTES(text.len)) < 0) {
		free(rules);
		return fail_set(why, -ENOMEM, "out of memory");
	}
	rules->end = &rules->first;
	rules->fault_end = &rules->fault;
	struct parser p = {.rules = rules, .line = 1};
	for (uint32_t lines = 0; rest.len > 0 && !p.full; p.line += lines) {
		p.begin = rest.ptr;
		struct span one = parser_trim(take_line(&rest, &lines));
		if (one.len == 0 || one.ptr[0] == '#')
			continue;
		if (one.len > SURICATA_RULE_MAX)
			parser_fault(&p, one.ptr, (struct span){0}, "over 64 KB: split the rule");
		else
			read_rule(&p, one);
	}
	if (p.full) {
		suricata_free(rules);
		return fail_set(why, -E2BIG, "the rules take too much memory: split the file");
	}
	*ret = rules;
	return 0;
}

void suricata_free(struct suricata_rules *r)
{
	if (r == NULL)
		return;
	arena_fini(&r->arena);
	free(r);
}
