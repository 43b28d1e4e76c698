#include "report/indicator.h"

#include <string.h>

#include "base/testing.h"

static void test_plain_names(void **s)
{
	(void)s;
	static const char *const plain[] = {"a.b", "x-1.example", "_dmarc.example.com", "1.2.3.4"};
	static const char *const odd[] = {"", ".", "a", "a.", ".a", "a..b", "A.b", "a b.c",
		"a\"b.c", "a;b.c", "a|b.c", "*.b", "a.b\n", "\xc3\xa4.b", "a/b.c"};
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		assert_true(name_is_plain(plain[i]));
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_false(name_is_plain(odd[i]));
	char label[70], name[300];
	memset(label, 'a', sizeof label);
	memcpy(label + 63, ".b", 3);
	assert_true(name_is_plain(label));
	memcpy(label + 63, "a.b", 4);
	assert_false(name_is_plain(label));
	memset(name, 'a', sizeof name);
	for (size_t i = 31; i < sizeof name; i += 32)
		name[i] = '.';
	name[253] = '\0';
	assert_true(name_is_plain(name));
	name[253] = 'a';
	name[254] = '\0';
	assert_false(name_is_plain(name));
}

static struct finding *with(
	struct finding *f, const char *host, const char *endpoint, const char *address)
{
	struct finding_channel *ch = &f->channel[f->channels++];
	assert_int_equal(addr_parse(host, &f->host), 0);
	ch->endpoint = endpoint;
	if (address != NULL)
		assert_int_equal(addr_parse(address, &ch->addrs[ch->addr_count++]), 0);
	return f;
}

static size_t count(const struct finding *f, size_t *ret_spared)
{
	static struct indicators list;
	indicators_of(f, &list);
	*ret_spared = list.spared;
	return list.count;
}

static void test_whom_it_spares(void **s)
{
	(void)s;
	static const struct {
		const char *host, *endpoint, *address;
		size_t count, spared;
	} rows[] = {{"10.0.0.5", "203.0.113.7", "203.0.113.7", 1, 0},
		{"10.0.0.5", "bad.example", "203.0.113.7", 2, 0},
		{"10.0.0.5", "1.1.1.1", "1.1.1.1", 0, 1},                           /* a resolver */
		{"10.0.0.5", "2606:4700:4700::1111", "2606:4700:4700::1111", 0, 1}, /* as well */
		{"10.0.0.5", "192.168.1.1", "192.168.1.1", 0, 1},                   /* private */
		{"10.0.0.5", "224.0.0.251", "224.0.0.251", 0, 1},                   /* a group */
		{"198.51.100.9", "198.51.100.80", "198.51.100.80", 0, 1}, /* a neighbour */
		{"10.0.0.5", "google.com", "203.0.113.7", 0, 1}, /* an operator, with its address */
		{"10.0.0.5", "pastebin.com", "203.0.113.7", 0, 1} /* anybody's page */};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct finding *f = calloc(1, sizeof *f);
		size_t spared = 0;
		assert_non_null(f);
		assert_int_equal(
			count(with(f, rows[i].host, rows[i].endpoint, rows[i].address), &spared),
			rows[i].count);
		assert_int_equal(spared, rows[i].spared);
		free(f);
	}
}

static void test_each_once_and_nothing_beside(void **s)
{
	(void)s;
	struct finding *f = calloc(1, sizeof *f);
	size_t spared = 0;
	assert_non_null(f);
	(void)with(f, "10.0.0.5", "203.0.113.7", "203.0.113.7");
	(void)with(f, "10.0.0.5", "203.0.113.7", "203.0.113.7"); /* another port */
	(void)with(f, "10.0.0.5", "203.0.113.99", "203.0.113.99");
	assert_int_equal(count(f, &spared), 2);
	f->switches = 1;
	f->sw[0] = (struct finding_switch){.from = 0, .to = 1};
	f->channel[2].role = ROLE_PRIMARY;
	assert_int_equal(count(f, &spared), 1); /* the third is beside now */
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_names),
		cmocka_unit_test(test_whom_it_spares),
		cmocka_unit_test(test_each_once_and_nothing_beside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
