/* Traps of the kernel's semantics, each a ruleset of a few lines. */
#include "boundary/boundary.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "base/testing.h"

#define TABLE "{\"table\":{\"family\":\"inet\",\"name\":\"t\",\"handle\":1}},"
#define BASE(name, type, hook, prio, policy)                                                     \
	"{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"" name "\",\"type\":\"" type \
	"\",\"hook\":\"" hook "\",\"prio\":" prio ",\"policy\":\"" policy "\"}},"
#define CHAIN(name) "{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"" name "\"}},"
#define RULE(chain, expr)                                                   \
	"{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"" chain \
	"\",\"handle\":7,\"expr\":[" expr "]}},"
#define MATCH(op, left, right) \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}},"
#define PAYLOAD(protocol, field) \
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define CT          "{\"ct\":{\"key\":\"state\"}}"
#define MARK        "{\"meta\":{\"key\":\"mark\"}}"
#define ACCEPT      "{\"accept\":null}"
#define DROP        "{\"drop\":null}"
#define LIMIT       "{\"limit\":{\"rate\":1,\"per\":\"second\"}},"
#define OUT(policy) BASE("out", "filter", "output", "0", policy)

#define TCP  "tcp:10.0.0.5:40000>203.0.113.9:443"
#define UDP  "udp:10.0.0.5:40000>203.0.113.9:443"
#define TCP6 "tcp:[2001:db8::5]:40000>[2001:db8:9::9]:443"
#define PING "icmp:10.0.0.5>203.0.113.9:8"

static struct boundary *boundary_of(const char *rules)
{
	static char text[8192];
	struct boundary *b = NULL;
	struct fail why = {0};
	(void)snprintf(text, sizeof text, "{\"nftables\":[%s{\"metainfo\":{}}]}", rules);
	if (boundary_read_nft_json(&b, cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
	return b;
}

static enum boundary_answer_kind ask(const char *rules, const char *words, enum boundary_path path)
{
	struct boundary *b = boundary_of(rules);
	struct boundary_flow flow = {.path = path,
		.iif = path == BOUNDARY_PATH_OUTPUT ? NULL : "lan0",
		.oif = path == BOUNDARY_PATH_INPUT ? NULL : "wan0"};
	struct boundary_answer answer;
	struct fail why = {0};
	assert_int_equal(policy_flow_parse(span_of(words), &flow.flow, &why), 0);
	boundary_ask(b, &flow, &answer);
	boundary_free(b);
	return answer.kind;
}

static enum boundary_answer_kind output(const char *rules, const char *words)
{
	return ask(rules, words, BOUNDARY_PATH_OUTPUT);
}

static void accept_ends_one_chain_and_drop_all(void **state)
{
	(void)state;
	const char *later = TABLE BASE("a", "filter", "output", "-10", "accept")
		BASE("b", "filter", "output", "0", "accept") RULE("a", ACCEPT) RULE("b", DROP);
	const char *earlier = TABLE BASE("b", "filter", "output", "0", "accept")
		BASE("a", "filter", "output", "-10", "accept") RULE("a", DROP) RULE("b", ACCEPT);
	assert_int_equal(output(later, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(earlier, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(TABLE OUT("drop"), TCP), BOUNDARY_DENIED);
	assert_int_equal(output(TABLE OUT("accept"), TCP), BOUNDARY_ALLOWED);
	assert_int_equal(output("", TCP), BOUNDARY_ALLOWED);
}

static void absent_headers_never_match(void **state)
{
	(void)state;
	const char *equal =
		TABLE OUT("accept") RULE("out", MATCH("==", PAYLOAD("tcp", "dport"), "443") DROP);
	const char *differs =
		TABLE OUT("accept") RULE("out", MATCH("!=", PAYLOAD("tcp", "dport"), "80") DROP);
	const char *v4 = TABLE OUT("accept")
		RULE("out", MATCH("!=", PAYLOAD("ip", "daddr"), "\"192.0.2.1\"") DROP);
	assert_int_equal(output(equal, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(equal, UDP), BOUNDARY_ALLOWED);
	assert_int_equal(output(differs, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(differs, UDP), BOUNDARY_ALLOWED);
	assert_int_equal(output(differs, PING), BOUNDARY_ALLOWED);
	assert_int_equal(output(v4, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(v4, TCP6), BOUNDARY_ALLOWED);
}

static void jumps_return_and_gotos_do_not(void **state)
{
	(void)state;
	const char *jump = TABLE OUT("drop") CHAIN("x") RULE("out", "{\"jump\":{\"target\":\"x\"}}")
		RULE("out", ACCEPT);
	const char *go = TABLE OUT("drop") CHAIN("x") RULE("out", "{\"goto\":{\"target\":\"x\"}}")
		RULE("out", ACCEPT);
	const char *back = TABLE OUT("drop") RULE("out", "{\"return\":null}") RULE("out", ACCEPT);
	const char *lost = TABLE OUT("drop") RULE("out", "{\"jump\":{\"target\":\"y\"}}");
	const char *round = TABLE OUT("drop") CHAIN("x") RULE(
		"out", "{\"jump\":{\"target\":\"x\"}}") RULE("x", "{\"jump\":{\"target\":\"x\"}}");
	assert_int_equal(output(jump, TCP), BOUNDARY_ALLOWED);
	assert_int_equal(output(go, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(back, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(lost, TCP), BOUNDARY_UNDECIDED);
	assert_int_equal(output(round, TCP), BOUNDARY_UNDECIDED);
}

static void the_first_packet_is_new_or_untracked(void **state)
{
	(void)state;
	const char *replies = TABLE OUT("drop")
		RULE("out", MATCH("in", CT, "[\"established\",\"related\"]") ACCEPT);
	const char *new = TABLE OUT("drop") RULE("out", MATCH("==", CT, "\"new\"") ACCEPT);
	const char *untracked = TABLE BASE("raw", "filter", "output", "-300", "accept") OUT("drop")
		RULE("raw", "{\"notrack\":null}") RULE("out", MATCH("==", CT, "\"new\"") ACCEPT);
	assert_int_equal(output(replies, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(new, TCP), BOUNDARY_ALLOWED);
	assert_int_equal(output(untracked, TCP), BOUNDARY_DENIED);
}

static void what_is_not_known_is_neither(void **state)
{
	(void)state;
	const char *accepts = TABLE OUT("drop") RULE("out", LIMIT ACCEPT);
	const char *drops = TABLE OUT("accept") RULE("out", LIMIT DROP);
	const char *alike = TABLE OUT("drop") RULE("out", LIMIT DROP);
	const char *no = TABLE OUT("accept")
		RULE("out", LIMIT MATCH("==", PAYLOAD("tcp", "dport"), "80") DROP);
	const char *statement = TABLE OUT("accept") RULE("out", "{\"queue\":null}");
	assert_int_equal(output(accepts, TCP), BOUNDARY_UNDECIDED);
	assert_int_equal(output(drops, TCP), BOUNDARY_UNDECIDED);
	assert_int_equal(output(alike, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(no, TCP), BOUNDARY_ALLOWED);
	assert_int_equal(output(statement, TCP), BOUNDARY_UNDECIDED);
}

static void sets_and_maps(void **state)
{
	(void)state;
#define SET(flags)                                                            \
	"{\"set\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"s\"," flags \
	"\"elem\":[{\"prefix\":{\"addr\":\"203.0.113.0\",\"len\":24}}]}},"
	const char *plain = TABLE SET("") OUT("accept")
		RULE("out", MATCH("==", PAYLOAD("ip", "daddr"), "\"@s\"") DROP);
	const char *timed = TABLE SET("\"flags\":[\"timeout\"],") OUT("accept")
		RULE("out", MATCH("!=", PAYLOAD("ip", "daddr"), "\"@s\"") DROP);
	const char *map = TABLE OUT("accept") RULE("out",
		"{\"vmap\":{\"key\":" PAYLOAD("tcp", "dport") ",\"data\":{\"set\":[[80," ACCEPT
							      "],[443," DROP "]]}}}");
	const char *boxes = TABLE OUT("drop") RULE("out",
		MATCH("==", "{\"concat\":[" PAYLOAD("ip", "daddr") "," PAYLOAD("tcp", "dport") "]}",
			"{\"set\":[{\"concat\":[\"203.0.113.9\",{\"range\":[440,450]}]}]}") ACCEPT);
	assert_int_equal(output(plain, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(plain, TCP6), BOUNDARY_ALLOWED);
	assert_int_equal(output(timed, "tcp:10.0.0.5:1>192.0.2.1:443"), BOUNDARY_UNDECIDED);
	assert_int_equal(output(map, TCP), BOUNDARY_DENIED);
	assert_int_equal(output(map, UDP), BOUNDARY_ALLOWED);
	assert_int_equal(output(boxes, TCP), BOUNDARY_ALLOWED);
	assert_int_equal(output(boxes, "tcp:10.0.0.5:1>203.0.113.9:80"), BOUNDARY_DENIED);
}

static void marks_and_translation_are_seen_later(void **state)
{
	(void)state;
	const char *mark = TABLE BASE("m", "route", "output", "-150", "accept") OUT("drop")
		RULE("m", "{\"mangle\":{\"key\":" MARK ",\"value\":5}}")
			RULE("out", MATCH("==", MARK, "5") ACCEPT);
	const char *dnat = TABLE BASE("n", "nat", "prerouting", "-100", "accept")
		BASE("f", "filter", "forward", "0", "accept") RULE(
			"n", "{\"dnat\":{\"family\":\"ip\",\"addr\":\"192.0.2.1\",\"port\":4444}}")
			RULE("f", MATCH("==", PAYLOAD("tcp", "dport"), "443") DROP);
	const char *redirect = TABLE BASE("n", "nat", "prerouting", "-100", "accept") BASE(
		"i", "filter", "input", "0", "drop") RULE("n", "{\"redirect\":{\"port\":3128}}");
	assert_int_equal(output(mark, TCP), BOUNDARY_ALLOWED);
	assert_int_equal(ask(dnat, TCP, BOUNDARY_PATH_FORWARD), BOUNDARY_ALLOWED);
	assert_int_equal(ask(redirect, TCP, BOUNDARY_PATH_FORWARD), BOUNDARY_DENIED);
}

static void dormant_tables_are_inert(void **state)
{
	(void)state;
	const char *rules =
		"{\"table\":{\"family\":\"inet\",\"name\":\"t\",\"flags\":[\"dormant\"]}}," OUT(
			"drop");
	assert_int_equal(output(rules, TCP), BOUNDARY_ALLOWED);
}

static void other_texts_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "{}", "table inet t {", "{\"nftables\":[1]}",
		"{\"nftables\":[" RULE("nowhere", DROP) "{\"metainfo\":{}}]}"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct boundary *b = NULL;
		struct fail why = {0};
		assert_int_equal(
			boundary_read_nft_json(&b, cur_of(texts[i], strlen(texts[i])), &why),
			-EINVAL);
		assert_null(b);
		assert_true(why.text[0] != '\0');
	}
}

/* ---- iptables-save ---- */

#define SAVE(rules)                                                           \
	"# Generated by iptables-save v1.8.9\n*filter\n:INPUT ACCEPT [0:0]\n" \
	":FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n:x - [0:0]\n" rules "COMMIT\n"

static enum boundary_answer_kind saved(const char *text, const char *words)
{
	struct boundary *b = NULL;
	struct boundary_flow flow = {.path = BOUNDARY_PATH_OUTPUT, .oif = "eth0"};
	struct boundary_answer answer;
	struct fail why = {0};
	if (boundary_read_iptables(&b, cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
	assert_int_equal(policy_flow_parse(span_of(words), &flow.flow, &why), 0);
	boundary_ask(b, &flow, &answer);
	boundary_free(b);
	return answer.kind;
}

static void iptables_matches(void **state)
{
	(void)state;
	static const struct {
		const char *text, *flow;
		enum boundary_answer_kind kind;
	} cases[] = {
		{SAVE(""), TCP, BOUNDARY_DENIED},
		{SAVE(""), TCP6, BOUNDARY_UNDECIDED},
		{SAVE("-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT\n"), TCP, BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT\n"), UDP, BOUNDARY_DENIED},
		{SAVE("[3:180] -A OUTPUT -p tcp -m multiport --dports 80,440:450 -j ACCEPT\n"), TCP,
			BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -o ! lo -p ! udp -j ACCEPT\n"), TCP, BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT ! -o eth+ -j ACCEPT\n"), TCP, BOUNDARY_DENIED},
		{SAVE("-A OUTPUT ! -d 203.0.113.0/24 -j ACCEPT\n"), TCP, BOUNDARY_DENIED},
		{SAVE("-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"), TCP,
			BOUNDARY_DENIED},
		{SAVE("-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\n"), TCP, BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -m owner --uid-owner 0 -j ACCEPT\n"), TCP, BOUNDARY_UNDECIDED},
		{SAVE("-A OUTPUT -m set --match-set s dst -j ACCEPT\n"), TCP, BOUNDARY_UNDECIDED},
		{SAVE("-A OUTPUT -m comment --comment \"a -j DROP\" -j ACCEPT\n"), TCP,
			BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -m string --string \"-j\" -j ACCEPT\n"), TCP, BOUNDARY_UNDECIDED},
		{SAVE("-A OUTPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT\n"), PING,
			BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -p tcp --syn -j ACCEPT\n"), TCP, BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -g x\n-A OUTPUT -j ACCEPT\n"), TCP, BOUNDARY_DENIED},
		{SAVE("-A OUTPUT -j x\n-A OUTPUT -j ACCEPT\n"), TCP, BOUNDARY_ALLOWED},
		{SAVE("-A OUTPUT -j NFQUEUE --queue-num 0\n"), TCP, BOUNDARY_UNDECIDED},
		{SAVE("-A OUTPUT -j LOG --log-prefix \"-j ACCEPT\"\n"), TCP, BOUNDARY_DENIED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (saved(cases[i].text, cases[i].flow) != cases[i].kind)
			fail_msg("%s", cases[i].text);
}

static void iptables_complaints_name_the_line(void **state)
{
	(void)state;
	struct boundary *b = NULL;
	struct fail why = {0};
	const char *text = "*filter\n:OUTPUT DROP [0:0]\niptables -A OUTPUT\n";
	assert_int_equal(boundary_read_iptables(&b, cur_of(text, strlen(text)), &why), -EINVAL);
	assert_int_equal(strncmp(why.text, "3: ", 3), 0);
}

/* Fifteen chains, each of which leads to the next three times over: 14 million ways, which are one
 * unless each comes with a mark of its own. */
static struct boundary_answer ask_fan(const char *between)
{
	static char text[16384];
	struct boundary *b = NULL;
	struct fail why = {0};
	struct boundary_flow flow = {.oif = "wan0"};
	struct boundary_answer answer;
	size_t at = (size_t)snprintf(text, sizeof text, "*mangle\n:OUTPUT ACCEPT\n");
	for (int i = 0; i < 16; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, ":c%d -\n", i);
	at += (size_t)snprintf(text + at, sizeof text - at, "-A OUTPUT -j c0\n");
	for (int i = 0; i < 45; i++) {
		if (between != NULL)
			at += (size_t)snprintf(text + at, sizeof text - at, "-A c%d %s%d\n", i / 3,
				between, i + 1);
		at += (size_t)snprintf(
			text + at, sizeof text - at, "-A c%d -j c%d\n", i / 3, i / 3 + 1);
	}
	at += (size_t)snprintf(text + at, sizeof text - at, "-A c15 --limit 1 -j DROP\nCOMMIT\n");
	assert_true(at < sizeof text);
	assert_int_equal(boundary_read_iptables(&b, cur_of(text, at), &why), 0);
	assert_int_equal(policy_flow_parse(span_of(TCP), &flow.flow, &why), 0);
	boundary_ask(b, &flow, &answer);
	boundary_free(b);
	return answer;
}

static void work_for_an_answer_is_bounded(void **state)
{
	(void)state;
	struct boundary_answer answer = ask_fan(NULL);
	assert_int_equal(answer.kind, BOUNDARY_UNDECIDED);
	assert_null(answer.missing);
	assert_int_equal(answer.rules, 1); /* the last chain's own */
	answer = ask_fan("-j MARK --set-mark ");
	assert_int_equal(answer.kind, BOUNDARY_UNDECIDED);
	assert_string_equal(answer.missing, "the rules are too many for one answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_ends_one_chain_and_drop_all),
		cmocka_unit_test(absent_headers_never_match),
		cmocka_unit_test(jumps_return_and_gotos_do_not),
		cmocka_unit_test(the_first_packet_is_new_or_untracked),
		cmocka_unit_test(what_is_not_known_is_neither),
		cmocka_unit_test(sets_and_maps),
		cmocka_unit_test(marks_and_translation_are_seen_later),
		cmocka_unit_test(dormant_tables_are_inert),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(iptables_matches),
		cmocka_unit_test(iptables_complaints_name_the_line),
		cmocka_unit_test(work_for_an_answer_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
