/* Every keyword by a rule and a packet; faults with their places. */
#include "suricata/suricata.h"

#include <stdio.h>
#include <string.h>

#include "base/scan.h"
#include "base/testing.h"

#define NO    SURICATA_NO
#define MAYBE SURICATA_MAYBE
#define YES   SURICATA_YES

static struct suricata_rules *rules_of(const char *text)
{
	struct suricata_rules *rules = NULL;
	struct fail why = {0};
	if (suricata_read(&rules, cur_of(text, strlen(text)), &why) < 0)
		fail_msg("%s", why.text);
	return rules;
}

static struct suricata_bytes text_of(const char *text)
{
	return (struct suricata_bytes){.there = true, .bytes = span_of(text)};
}

/* A ClientHello to 203.0.113.9. */
static struct suricata_packet hello(const char *name)
{
	struct suricata_packet p = {.src = addr_v4(0x0a000005),
		.dst = addr_v4(0xcb007109),
		.ports_known = true,
		.proto = 6,
		.src_port = 40000,
		.dst_port = 443,
		.to_server = true,
		.established = true,
		.tcp_flags = 0x18,
		.payload = 200,
		.payload_known = true,
		.message = true,
		.hello = true,
		.app_state = APP_KNOWN,
		.app = "tls"};
	p.buffer[BUFFER_TLS_SNI] = text_of(name);
	p.buffer[BUFFER_PAYLOAD] = (struct suricata_bytes){.there = true, .open = true};
	return p;
}

static enum suricata_tri ask(
	const char *header, const char *options, const struct suricata_packet *p)
{
	char text[1024];
	(void)snprintf(text, sizeof text, "%s (%s sid:1;)", header, options);
	struct suricata_rules *rules = rules_of(text);
	if (rules->fault != NULL)
		fail_msg("%s: %s", text, rules->fault->text);
	assert_int_equal(rules->count, 1);
	enum suricata_tri tri = suricata_match(rules->first, NULL, p, NULL);
	suricata_free(rules);
	return tri;
}

static enum suricata_tri sni(const char *options, const char *name)
{
	struct suricata_packet p = hello(name);
	return ask("pass tls any any -> any any", options, &p);
}

static enum suricata_tri tcp(const char *header)
{
	struct suricata_packet p = hello("x");
	return ask(header, "", &p);
}

static void headers(void **state)
{
	(void)state;
	assert_int_equal(tcp("drop tcp any any -> any 443"), NO); /* once for each direction */
	assert_int_equal(tcp("drop tcp any any -> !10.0.0.0/8 443"), YES);
	assert_int_equal(tcp("drop tcp any any -> !203.0.113.0/24 443"), NO);
	assert_int_equal(tcp("drop tls 10.0.0.0/8 any -> any [80,443]"), YES);
	assert_int_equal(tcp("drop tls [10.0.0.0/8, !10.0.0.5] any -> any any"), NO);
	assert_int_equal(tcp("drop tls [10.0.0.0/8,![10.0.0.0/24,!10.0.0.5]] any -> any any"), YES);
	assert_int_equal(tcp("drop tls 10.0.0.1-10.0.0.4 any -> any any"), NO);
	assert_int_equal(tcp("drop tls any 1024: -> any :443"), YES);
	assert_int_equal(tcp("drop tls any any -> any !443"), NO);
	assert_int_equal(tcp("drop tls any any -> any [400:500,!443]"), NO);
	assert_int_equal(tcp("drop tls any 443 -> any any"), NO);
	assert_int_equal(tcp("drop tls any 443 <> any any"), YES);
	assert_int_equal(tcp("drop tls $HOME_NET any -> any any"), MAYBE);
	assert_int_equal(tcp("drop tls @LIST any -> any any"), MAYBE);
	assert_int_equal(tcp("drop http any any -> any any"), NO);
	assert_int_equal(tcp("drop udp any any -> any any"), NO);
	assert_int_equal(tcp("drop ip6 any any -> !10.0.0.0/8 any"), NO);
}

static void variables(void **state)
{
	(void)state;
	struct arena arena;
	assert_int_equal(arena_init(&arena, 65536), 0);
	struct suricata_variable home = {.name = "HOME_NET"};
	assert_null(suricata_parse_items(&arena, span_of("[10.0.0.0/16]"), false, &home.item));
	struct suricata_scope scope = {.first = &home};
	struct suricata_rules *rules =
		rules_of("drop tls $HOME_NET any -> $EXTERNAL_NET any (sid:1;)\ndrop tls "
			 "$EXTERNAL_NET any -> any any (sid:2;)\n");
	struct suricata_packet p = hello("x");
	assert_int_equal(suricata_match(rules->first, &scope, &p, NULL), YES);
	assert_int_equal(suricata_match(rules->first->next, &scope, &p, NULL), NO);
	p.src = addr_v4(0x0a010005); /* another VPC's: HOME_NET misses it */
	assert_int_equal(suricata_match(rules->first, &scope, &p, NULL), NO);
	p.src = (struct addr){0};
	p.src_home = p.dst_foreign = true;
	assert_int_equal(suricata_match(rules->first, NULL, &p, NULL), YES);
	suricata_free(rules);
	arena_fini(&arena);
}

static void contents(void **state)
{
	(void)state;
	assert_int_equal(sni("tls.sni; content:\"example\";", "www.example.com"), YES);
	assert_int_equal(sni("tls.sni; content:\"EXAMPLE\";", "www.example.com"), NO);
	assert_int_equal(sni("tls.sni; content:\"EXAMPLE\"; nocase;", "www.eXample.com"), YES);
	assert_int_equal(sni("tls.sni; content:!\"example\";", "www.example.com"), NO);
	assert_int_equal(sni("tls.sni; content:!\"example\";", "www.other.org"), YES);
	assert_int_equal(sni("tls.sni; content:\"|65 78|ample\";", "www.example.com"), YES);
	assert_int_equal(sni("tls.sni; content:\"www\"; startswith;", "www.example.com"), YES);
	assert_int_equal(sni("tls.sni; content:\"example\"; startswith;", "www.example.com"), NO);
	assert_int_equal(sni("tls.sni; content:\".com\"; endswith;", "www.com.example.com"), YES);
	assert_int_equal(sni("tls.sni; content:\".ru\"; endswith;", "www.rubrik.com"), NO);
	assert_int_equal(sni("tls.sni; content:\".ru\";", "www.rubrik.com"), YES);
	assert_int_equal(
		sni("tls.sni; content:\"a.com\"; startswith; endswith;", "a.com.b.com"), NO);
	assert_int_equal(sni("tls.sni; content:\"w\"; offset:3;", "www.example.com"), NO);
	assert_int_equal(sni("tls.sni; content:\".\"; offset:3; depth:1;", "www.example.com"), YES);
	assert_int_equal(
		sni("tls.sni; content:\"a\"; content:\"c\"; distance:1; within:1;", "abc"), YES);
	assert_int_equal(
		sni("tls.sni; content:\"a\"; content:\"c\"; distance:1; within:1;", "abbc"), NO);
	assert_int_equal(
		sni("tls.sni; content:\"a\"; content:\"c\"; distance:1; within:1;", "axxabc"), YES);
	assert_int_equal(
		sni("tls.sni; content:\"b\"; content:\"a\"; distance:-2; within:1;", "ab"), YES);
	assert_int_equal(sni("tls.sni; content:\"x\"; isdataat:!1,relative;", "abx"), YES);
	assert_int_equal(sni("tls.sni; content:\"x\"; isdataat:!1,relative;", "axb"), NO);
	assert_int_equal(sni("tls.sni; bsize:3;", "abc"), YES);
	assert_int_equal(sni("tls.sni; bsize:>3;", "abc"), NO);
	assert_int_equal(sni("tls.sni; bsize:2<>4; content:\"a\";", "abc"), YES);
}

static void dots(void **state)
{
	(void)state;
	const char *rule = "tls.sni; dotprefix; content:\".example.com\"; nocase; endswith;";
	assert_int_equal(sni(rule, "example.com"), YES);
	assert_int_equal(sni(rule, "a.EXAMPLE.com"), YES);
	assert_int_equal(sni(rule, "badexample.com"), NO);
	assert_int_equal(sni("tls.sni; content:\"example.com\"; endswith;", "badexample.com"), YES);
}

static void patterns(void **state)
{
	(void)state;
	const char *literal = "tls.sni; pcre:\"/^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$/\";";
	assert_int_equal(sni(literal, "192.0.2.1"), YES);
	assert_int_equal(sni(literal, "www.example.com"), NO);
	assert_int_equal(sni("tls.sni; pcre:\"/EX/i\";", "ex"), YES);
	assert_int_equal(sni("tls.sni; pcre:!\"/EX/i\";", "ex"), NO);
	assert_int_equal(sni("tls.sni; content:\"a\"; pcre:\"/^b/R\";", "ab"), YES);
	assert_int_equal(sni("tls.sni; content:\"a\"; pcre:\"/^b/R\";", "acb"), NO);
	/* exponential: not known, and soon */
	assert_int_equal(
		sni("tls.sni; pcre:\"/^(a+)+$/\";", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
		MAYBE);
}

static void what_is_not_known_may_match(void **state)
{
	(void)state;
	struct suricata_packet p = hello("x");
	p.buffer[BUFFER_TLS_SNI] = (struct suricata_bytes){.there = true, .open = true};
	const char *header = "pass tls any any -> any any";
	assert_int_equal(ask(header, "tls.sni; content:\"a\";", &p), MAYBE);
	assert_int_equal(ask(header, "tls.sni; content:!\"a\";", &p), MAYBE);
	assert_int_equal(ask(header, "tls.sni; pcre:\"/a/\";", &p), MAYBE);
	assert_int_equal(ask(header, "content:\"a\";", &p), MAYBE);
	assert_int_equal(ask(header, "geoip:dst,RU;", &p), MAYBE);
	assert_int_equal(ask(header, "frobnicate:1;", &p), MAYBE);
	assert_int_equal(ask(header, "flow:to_client; frobnicate:1;", &p), NO);
	p.buffer[BUFFER_TLS_SNI] = (struct suricata_bytes){0};
	assert_int_equal(ask(header, "tls.sni; content:!\"a\";", &p), NO);
	p.buffer[BUFFER_JA4_HASH] = (struct suricata_bytes){.there = true,
		.wild = true,
		.bytes = span_of("t??i??????_????????????_????????????")};
	assert_int_equal(ask(header, "ja4.hash; content:\"_\";", &p), YES);
	assert_int_equal(ask(header, "ja4.hash; content:\"_\"; startswith;", &p), NO);
	assert_int_equal(ask(header, "ja4.hash; content:!\"d\"; offset:3; depth:1;", &p), YES);
	assert_int_equal(ask(header, "ja4.hash; content:\"h2\";", &p), MAYBE);
}

static void flows(void **state)
{
	(void)state;
	struct suricata_packet p = hello("x");
	const char *header = "drop tcp any any -> any any";
	assert_int_equal(ask(header, "flow:to_server;", &p), YES);
	assert_int_equal(ask(header, "flow:to_client, established;", &p), NO);
	assert_int_equal(ask(header, "flow: from_client,established;", &p), YES);
	assert_int_equal(ask(header, "flow:not_established;", &p), NO);
	assert_int_equal(ask(header, "flow:to_server; dsize:<100;", &p), NO);
	assert_int_equal(ask(header, "flow:to_server; dsize:100<>300;", &p), YES);
	assert_int_equal(ask(header, "flags:S;", &p), NO);
	assert_int_equal(ask(header, "flags:PA;", &p), YES);
	assert_int_equal(ask(header, "flow:to_server; ip_proto:!TCP;", &p), NO);
	assert_int_equal(ask(header, "flow:to_server; ip_proto:6;", &p), YES);
	assert_int_equal(ask(header, "app-layer-protocol:!tls; flow:to_server;", &p), NO);
	assert_int_equal(ask(header, "app-layer-protocol:tls;", &p), YES);
	assert_int_equal(ask(header, "ssl_state:client_hello; flow:to_server;", &p), YES);
	p.app_state = APP_UNKNOWN;
	assert_int_equal(ask(header, "app-layer-protocol:!tls;", &p), NO);
	p.app_state = APP_FAILED;
	assert_int_equal(ask(header, "app-layer-protocol:!tls;", &p), YES);
	assert_int_equal(ask(header, "app-layer-protocol:failed;", &p), YES);
}

static void pings(void **state)
{
	(void)state;
	struct suricata_packet p = {.src = addr_v4(1),
		.dst = addr_v4(2),
		.proto = 1,
		.ports_known = true,
		.src_port = 8,
		.to_server = true,
		.once = true};
	assert_int_equal(ask("drop icmp any any -> any any", "itype:8; icode:0;", &p), YES);
	assert_int_equal(ask("drop icmp any any -> any any", "itype:>8;", &p), NO);
	assert_int_equal(ask("drop icmp any any -> any any", "", &p), YES);
	assert_int_equal(ask("drop ip any any -> any 53", "", &p), NO);
}

static void bits(void **state)
{
	(void)state;
	struct arena arena;
	assert_int_equal(arena_init(&arena, 4096), 0);
	struct suricata_flow_bits kept = {.arena = &arena};
	struct suricata_rules *rules =
		rules_of("alert tls any any -> any any (flowbits:set,a; noalert; sid:1;)\n"
			 "drop tcp any any -> any any (flowbits:isset,a; sid:2;)\n"
			 "drop tcp any any -> any any (flowbits:isnotset,a; sid:3;)\n");
	const struct suricata_rule *set = rules->first, *isset = set->next;
	struct suricata_packet p = hello("x");
	assert_int_equal(suricata_match(isset, NULL, &p, &kept), NO);
	assert_int_equal(suricata_match(isset->next, NULL, &p, &kept), YES);
	assert_true(suricata_set_bits(set, MAYBE, &kept));
	assert_int_equal(suricata_match(isset, NULL, &p, &kept), MAYBE);
	assert_true(suricata_set_bits(set, YES, &kept));
	assert_int_equal(suricata_match(isset, NULL, &p, &kept), YES);
	assert_int_equal(suricata_match(isset->next, NULL, &p, &kept), NO);
	assert_true(set->noalert);
	struct suricata_rules *any =
		rules_of("drop tcp any any -> any any (flowbits:isset,b|a; sid:4;)\n");
	assert_int_equal(suricata_match(any->first, NULL, &p, &kept), YES);
	suricata_free(any);
	suricata_free(rules);
	arena_fini(&arena);
}

static void old_names(void **state)
{
	(void)state;
	struct suricata_packet p = hello("x");
	p.app = "http";
	p.buffer[BUFFER_HTTP_HOST] = text_of("a.onion.to");
	p.buffer[BUFFER_HTTP_URI] = text_of("/x");
	const char *header = "alert http any any -> any any";
	assert_int_equal(
		ask(header, "content:\".onion.to\"; http_host; isdataat:!1,relative;", &p), YES);
	assert_int_equal(ask(header, "content:\"/y\"; http_uri;", &p), NO);
	assert_int_equal(ask(header, "pcre:\"/^.x$/U\";", &p), YES);
}

static void scopes(void **state)
{
	(void)state;
	struct suricata_rules *rules = rules_of(
		"pass tcp any any -> any 80 (sid:1;)\n"
		"pass tcp any any -> !10.0.0.0/8 80 (sid:2;)\n"
		"pass tcp any any -> any 80 (flow:to_server; sid:3;)\n"
		"pass http any any -> any 80 (http.host; content:\"a\"; flow:established; sid:4;)\n"
		"pass http any any -> any 80 (sid:5;)\n"
		"pass tcp any any -> any any (flowbits:isset,a; sid:6;)\n"
		"pass ip any any -> any any (geoip:dst,RU; sid:7;)\n");
	static const enum suricata_scope_kind want[] = {SCOPE_ONCE, SCOPE_FLOW, SCOPE_PACKET,
		SCOPE_FLOW, SCOPE_FLOW, SCOPE_PACKET, SCOPE_ONCE};
	size_t at = 0;
	for (const struct suricata_rule *r = rules->first; r != NULL; r = r->next)
		assert_int_equal(r->scope, want[at++]);
	assert_int_equal(at, ARRAY_LEN(want));
	suricata_free(rules);
}

static void fault(const char *text, uint32_t line, uint32_t column, const char *words)
{
	struct suricata_rules *rules = rules_of(text);
	assert_int_equal(rules->faults, 1);
	const struct suricata_fault none = {0}, *f = rules->fault == NULL ? &none : rules->fault;
	if (f->text == NULL || strstr(f->text, words) == NULL || f->line != line ||
		f->column != column)
		fail_msg("%s: %u:%u: %s", text, f->line, f->column, f->text);
	suricata_free(rules);
}

static void faults(void **state)
{
	(void)state;
	const char *good = "drop tls any any -> any any (sid:7;)\n";
	char text[512];
	(void)snprintf(text, sizeof text, "# %s\n%s  frob tcp any any -> any any (sid:1;)\n%s",
		good, good, good);
	fault(text, 4, 3, "no action");
	struct suricata_rules *rules = rules_of(text);
	assert_int_equal(rules->count, 2);
	assert_int_equal(rules->first->next->line, 5);
	suricata_free(rules);
	fault("drop tcp any any any any (sid:1;)", 1, 18, "no direction");
	fault("drop tpc any any -> any any (sid:1;)", 1, 6, "no protocol");
	fault("drop tcp any any -> any http (sid:1;)", 1, 25, "no port");
	fault("drop tcp 10.0.0/8 any -> any any (sid:1;)", 1, 10, "no address");
	fault("drop tcp [10.0.0.0/8 any -> any any (sid:1;)", 1, 10, "does not end");
	fault("drop tcp any any -> any any", 1, 1, "parentheses");
	fault("drop tcp any any -> any any (msg:\"a\";)", 1, 30, "no sid");
	fault("drop tcp any any -> any any (sid:1)", 1, 30, "write ;");
	fault("drop tcp any any -> any any (nocase; sid:1;)", 1, 30, "no content before");
	fault("drop tcp any any -> any any (content:\"a|0|\"; sid:1;)", 1, 38, "no content");
	fault("drop tcp any any -> any any (content:\"a; sid:1;)", 1, 38, "quotes");
	fault("drop tcp any any -> any any (pcre:\"/(/\"; sid:1;)", 1, 38, "PCRE2");
	fault("drop tcp any any -> any any (flow:to_sever; sid:1;)", 1, 35, "no word of flow");
	fault("drop http any any -> any any (http.host; content:\"A.com\"; sid:1;)", 1, 50,
		"lower case");
	fault("accept:hook tcp:all any any -> any any (sid:1;)", 1, 1, "firewall mode");
	fault("drop tcp any any -> any any ( \\\n flow:x; sid:1;)", 2, 7, "no word of flow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(variables),
		cmocka_unit_test(contents),
		cmocka_unit_test(dots),
		cmocka_unit_test(patterns),
		cmocka_unit_test(what_is_not_known_may_match),
		cmocka_unit_test(flows),
		cmocka_unit_test(pings),
		cmocka_unit_test(bits),
		cmocka_unit_test(old_names),
		cmocka_unit_test(scopes),
		cmocka_unit_test(faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
