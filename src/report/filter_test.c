#include "report/filter.h"

#include <string.h>

#include "base/testing.h"

static void check(const struct finding *f, const char *want)
{
	struct out o = {0};
	filter_say(&o, f);
	assert_string_equal(out_string(&o), want);
	out_fini(&o);
}

static struct finding_channel *add(struct finding *f, const char *endpoint)
{
	struct finding_channel *ch = &f->channel[f->channels++];
	ch->endpoint = endpoint;
	ch->addr_count = addr_parse(endpoint, &ch->addrs[0]) == 0;
	return ch;
}

static struct addr addr(const char *text)
{
	struct addr a = {0};
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void test_addresses_once_each(void **s)
{
	(void)s;
	struct finding f = {.host = addr("10.0.0.5")};
	check(&f, "ip.addr == 10.0.0.5");
	add(&f, "203.0.113.7");
	add(&f, "203.0.113.7"); /* another port of it */
	check(&f, "ip.addr == 10.0.0.5 && ip.addr == 203.0.113.7");
	add(&f, "203.0.113.8");
	check(&f, "ip.addr == 10.0.0.5 && ip.addr in {203.0.113.7, 203.0.113.8}");
}

static void test_families_and_names(void **s)
{
	(void)s;
	struct finding f = {.host = addr("2001:db8::5")};
	add(&f, "2001:db8::7");
	add(&f, "198.51.100.1");
	struct finding_channel *named = add(&f, "a.example");
	named->addrs[named->addr_count++] = addr("2001:db8::9");
	check(&f, "ipv6.addr == 2001:db8::5 && (ip.addr == 198.51.100.1 || "
		  "ipv6.addr in {2001:db8::7, 2001:db8::9})");
	add(&f, "gone.example"); /* only ever looked up */
	struct finding_channel *full = add(&f, "far.example");
	full->names[full->name_count++] = "www.far.example";
	check(&f, "ipv6.addr == 2001:db8::5 && (ip.addr == 198.51.100.1 || "
		  "ipv6.addr in {2001:db8::7, 2001:db8::9} || "
		  "dns.qry.name in {\"gone.example\", \"www.far.example\"})");
}

static void test_names_stay_in_their_quotes(void **s)
{
	(void)s;
	struct finding f = {.host = addr("10.0.0.5")};
	add(&f, "a\" || 1 == \"1\\\n\xc3\xa4");
	check(&f, "ip.addr == 10.0.0.5 && dns.qry.name == "
		  "\"a\\x22\\x20||\\x201\\x20==\\x20\\x221\\x5c\\x0a\\xc3\\xa4\"");
}

static void check_in(const char *name, const struct finding *f, const char *want)
{
	for (size_t i = 0; i < filter_dialects(); i++) {
		if (strcmp(filter_dialect(i), name) != 0)
			continue;
		struct out o = {0};
		filter_say_in(&o, i, f);
		assert_string_equal(out_string(&o), want);
		out_fini(&o);
		return;
	}
	fail_msg("no dialect %s", name);
}

static void test_other_languages(void **s)
{
	(void)s;
	struct finding f = {.host = addr("10.0.0.5")};
	check_in("Kibana (KQL)", &f, "source.ip : \"10.0.0.5\"");
	add(&f, "203.0.113.7");
	check_in("Splunk (SPL)", &f, "src_ip=\"10.0.0.5\" (dest_ip IN (\"203.0.113.7\"))");
	add(&f, "gone.example");
	add(&f, "gone.example"); /* another port of it */
	add(&f, "a\" or *\n.example");
	check_in("Kibana (KQL)", &f,
		"source.ip : \"10.0.0.5\" and (destination.ip : (\"203.0.113.7\") or "
		"dns.question.name : (\"gone.example\"))");
	check_in("Suricata's eve.json", &f,
		"jq -c 'select(.src_ip == \"10.0.0.5\" and ((.dest_ip | IN(\"203.0.113.7\")) or "
		"((.dns.rrname // .dns.queries[0].rrname // .tls.sni // .http.hostname // \"\") | "
		"IN(\"gone.example\"))))' eve.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_once_each),
		cmocka_unit_test(test_families_and_names),
		cmocka_unit_test(test_names_stay_in_their_quotes),
		cmocka_unit_test(test_other_languages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
