#include <stdio.h>

#include "host/state.h"
#include "host/testing.h"

#define ZONE "zone.example"

static struct carried message(uint32_t endpoint, uint64_t hash, double bytes, double at_s)
{
	return (struct carried){.endpoint = endpoint,
		.kind = CARRIER_DNS,
		.type = CARRIER_TXT,
		.rare = true,
		.named = true,
		.hash = hash,
		.distinct = bytes,
		.at_ns = at(at_s),
		.over_ns = at(at_s),
		.outcome = OUTCOME_OK};
}

static const struct carrier *find(const struct host *h, uint32_t endpoint)
{
	for (size_t i = 0; h->carrier != NULL && i < HOST_CARRIERS_MAX; i++)
		if (h->carrier[i].endpoint == endpoint)
			return &h->carrier[i];
	return NULL;
}

static void tell(struct host *h, uint32_t endpoint, uint64_t hash, double bytes, double at_s)
{
	struct carried m = message(endpoint, hash, bytes, at_s);
	assert_true(host_carry(h, &m));
	if (h->ripe)
		host_retire(h);
}

/* The estimate is of the distinct bytes: within two and a half standard errors over five
 * magnitudes, and what is told again adds nothing. */
static void distinct_bytes_are_estimated(void **state)
{
	(void)state;
	static const unsigned counts[] = {10, 100, 1000, 10000, 50000};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct host h = {0};
		assert_true(host_start(&h));
		for (unsigned k = 0; k < counts[i]; k++)
			tell(&h, 7, 1 + k, 30, k * 0.01);
		double truth = 30.0 * counts[i], told = carrier_bytes(find(&h, 7));
		assert_true(told > truth * 0.5 && told < truth * 1.6);
		for (unsigned k = 0; k < counts[i]; k++)
			tell(&h, 7, 1 + k, 30, 1000 + k * 0.01);
		assert_true(
			carrier_bytes(find(&h, 7)) <= told && carrier_bytes(find(&h, 7)) >= told);
		host_stop(&h);
	}
}

/* One name asked for ever again tells 30 bytes, not thousands. */
static void repeats_prove_nothing(void **state)
{
	(void)state;
	struct host h = {0};
	assert_true(host_start(&h));
	for (unsigned k = 0; k < 5000; k++)
		tell(&h, 7, 99, 30, k);
	assert_true(carrier_bytes(find(&h, 7)) < 60);
	assert_false(find(&h, 7)->proven);
	assert_int_equal(h.attempts, 0);
	host_stop(&h);
}

/* Enough told makes a channel, in use since the first message. */
static void a_proven_carrier_is_a_channel(void **state)
{
	(void)state;
	struct host h = {0};
	assert_true(host_start(&h));
	for (unsigned k = 0; k < 40; k++)
		tell(&h, 7, 1 + k, 30, 100 + k);
	assert_true(find(&h, 7)->proven);
	assert_int_equal(h.channels, 2);
	assert_int_equal(h.channel[1].port, 53);
	assert_int_equal(h.channel[1].transport, TRANSPORT_UDP);
	assert_int_equal(h.channel[1].first_ns, at(100));
	assert_int_equal(h.attempt[0].start_ns, at(100));
	assert_int_equal(h.attempt[0].flags, ATTEMPT_FIRST | ATTEMPT_RARE);
	struct carried lost = message(7, 1000, 30, 200);
	lost.outcome = OUTCOME_SERVFAIL;
	double before = carrier_bytes(find(&h, 7));
	assert_true(host_carry(&h, &lost));
	assert_true(attempt_failed(&h.attempt[h.attempts - 1]));
	assert_true(carrier_bytes(find(&h, 7)) <= before); /* told to nobody */
	host_stop(&h);
}

/* Ten thousand domains with a long name each: memory stays, the tunnel among them too, and whoever
 * comes back after having been forgotten begins at nothing. */
static void what_gives_way_begins_at_nothing(void **state)
{
	(void)state;
	struct host h = {0};
	assert_true(host_start(&h));
	for (unsigned k = 0; k < 100; k++)
		tell(&h, 7, 1 + k, 30, k);
	double told = carrier_bytes(find(&h, 7));
	for (unsigned k = 0; k < 10000; k++)
		tell(&h, 1000 + k, 5000 + k, 60, 200 + k);
	assert_non_null(find(&h, 7));
	assert_true(carrier_bytes(find(&h, 7)) >= told);
	assert_null(find(&h, 1000));
	tell(&h, 1000, 5000, 60, 20000);
	assert_int_equal(find(&h, 1000)->messages, 1);
	assert_true(carrier_bytes(find(&h, 1000)) < 120);
	assert_int_equal(h.channels, 2); /* one message proves nothing */
	host_stop(&h);
}

static void names_of_services_carry_nothing(void **state)
{
	(void)state;
	static const char *const names[] = {"www." ZONE, ZONE, "s20240617._domainkey." ZONE,
		"_dmarc.a-rather-long-subdomain." ZONE, "4.3.2.1.255.254.253.252.100.101." ZONE,
		"2.0.0.0.a.f.1.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2." ZONE,
		"250.244.234.198.reputation-list." ZONE, "eu-west-1.a1234." ZONE, "notthe" ZONE};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(carried_by_name(names[i], ZONE) <= 0);
	/* 32 letters: a hash of 16 bytes; the dot is no letter */
	double bytes = carried_by_name("d41d8cd98f00b204.e9800998ecf8427e." ZONE, ZONE);
	assert_true(bytes >= 16 && bytes <= 16);
}

static void record_types_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		uint16_t qtype;
		uint8_t type;
	} cases[] = {{1, CARRIER_ADDRESS}, {28, CARRIER_ADDRESS}, {5, CARRIER_CNAME},
		{10, CARRIER_NULL}, {15, CARRIER_MX}, {16, CARRIER_TXT}, {33, CARRIER_OTHER},
		{65399, CARRIER_NULL}, {255, CARRIER_OTHER}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(carrier_type_of(cases[i].qtype), cases[i].type);
}

static void uploads_are_kept_in_order(void **state)
{
	(void)state;
	struct host h = {0};
	assert_true(host_start(&h));
	for (uint32_t k = 0; k < 100; k++)
		assert_true(host_add_upload(
			&h, &(struct upload){.at_ns = at(k ^ 1), .endpoint = 1, .bytes = k}));
	assert_int_equal(h.uploads, HOST_UPLOADS_MAX);
	for (uint32_t i = 1; i < h.uploads; i++)
		assert_true(h.upload[i - 1].at_ns < h.upload[i].at_ns);
	assert_int_equal(h.upload[h.uploads - 1].at_ns, at(99));
	host_stop(&h);
}

static void all_a_host_keeps_is_35_kb(void **state)
{
	(void)state;
	assert_true(HOST_ATTEMPTS_MAX * sizeof(struct attempt) +
			    HOST_CHANNELS_MAX * sizeof(struct channel) +
			    HOST_NAMES_MAX * sizeof(struct new_name) + HOST_SEEN_BYTES +
			    HOST_CARRIERS_MAX * sizeof(struct carrier) +
			    HOST_UPLOADS_MAX * sizeof(struct upload) + sizeof(struct host) <=
		    (size_t)35 << 10);
	assert_int_equal(sizeof(struct carrier), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distinct_bytes_are_estimated),
		cmocka_unit_test(repeats_prove_nothing),
		cmocka_unit_test(a_proven_carrier_is_a_channel),
		cmocka_unit_test(what_gives_way_begins_at_nothing),
		cmocka_unit_test(names_of_services_carry_nothing),
		cmocka_unit_test(record_types_are_told_apart),
		cmocka_unit_test(uploads_are_kept_in_order),
		cmocka_unit_test(all_a_host_keeps_is_35_kb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
