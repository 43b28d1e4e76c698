/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforcer/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/testing.h"
#include "enforcer/dropped.h"

#define S_NS INT64_C(1000000000)

static const uint8_t host[16] = {[10] = 0xff, 0xff, 192, 0, 2, 10};
static const uint8_t peer[16] = {[10] = 0xff, 0xff, 198, 51, 100, 7};

static struct guard_command command(enum guard_command_kind kind)
{
	struct guard_command c = {.version = GUARD_VERSION,
		.kind = kind,
		.expiry_s = 60,
		.channels = 10,
		.hosts = 2,
		.changes = 3,
		.proto = 6,
		.port = 443,
		.port_last = 443,
		.peer_bits = 128};
	memcpy(c.host, host, 16);
	memcpy(c.peer, peer, 16);
	return c;
}

static enum guard_reason ask(struct rules *r, enum guard_command_kind kind, int64_t now_ns)
{
	struct guard_command c = command(kind);
	return rules_ask(r, &c, now_ns);
}

static void hello_comes_first_and_once(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	(void)state;
	assert_int_equal(ask(r, GUARD_BLOCK, S_NS), GUARD_REASON_ORDER);
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_ORDER);
	assert_int_equal(ask(r, GUARD_BLOCK, S_NS), GUARD_REASON_NONE);
	free(r);
}

static void a_minute_has_its_limit(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	(void)state;
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			ask(r, i == 1 ? GUARD_CONTAIN : GUARD_BLOCK, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_BLOCK, 60 * S_NS), GUARD_REASON_RATE);
	/* to let go is never refused */
	assert_int_equal(ask(r, GUARD_UNBLOCK, 60 * S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_RELEASE, 60 * S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_FLUSH, 60 * S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_BLOCK, 61 * S_NS), GUARD_REASON_NONE);
	free(r);
}

static void what_is_never_blocked(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	struct guard_command never = command(GUARD_NEVER), contain = command(GUARD_CONTAIN);
	(void)state;
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	never.peer[15] = 0;
	never.peer_bits = 120;
	assert_int_equal(rules_ask(r, &never, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_BLOCK, S_NS), GUARD_REASON_NEVER);
	assert_int_equal(rules_ask(r, &contain, S_NS), GUARD_REASON_NONE);
	contain.host[12] = 198;
	contain.host[13] = 51;
	contain.host[14] = 100;
	assert_int_equal(rules_ask(r, &contain, S_NS), GUARD_REASON_NEVER);
	assert_true(rules_allow(r, host, peer, 6, 443, S_NS));
	never.peer[15] = 1; /* bits of a host in a network */
	assert_int_equal(rules_ask(r, &never, S_NS), GUARD_REASON_FORM);
	free(r);
}

static void forms(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	static const uint8_t wrong[][16] = {{0}, {[15] = 1}, {0xff, 2}, {0xfe, 0x80, [15] = 1},
		{[10] = 0xff, 0xff, 127, 0, 0, 1}, {[10] = 0xff, 0xff, 224, 0, 0, 1},
		{[10] = 0xff, 0xff, 255, 255, 255, 255}, {[10] = 0xff, 0xff, 169, 254, 1, 1},
		{0x20, 1, 0xd, 0xb8, [15] = 1}};
	(void)state;
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct guard_command c = command(GUARD_BLOCK);
		memcpy(c.peer, wrong[i], 16);
		assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_FORM);
	}
	struct guard_command c = command(GUARD_BLOCK);
	c.expiry_s = 0;
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_EXPIRY);
	c.expiry_s = GUARD_EXPIRY_MAX_S + 1;
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_EXPIRY);
	c = command(GUARD_BLOCK);
	c.peer_bits = 120; /* a block is of one address */
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_FORM);
	c = command(GUARD_BLOCK);
	c.version++;
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_FORM);
	c = command(GUARD_BLOCK);
	c.reserved[3] = 1;
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_FORM);
	c = command((enum guard_command_kind)99);
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_FORM);
	free(r);
}

static void the_contained(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	struct guard_command c = command(GUARD_ALLOW);
	(void)state;
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	c.peer[15] = 0;
	c.peer_bits = 120;
	c.port = 400;
	c.port_last = 500;
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_NONE);
	assert_int_equal(rules_ask(r, &c, S_NS), GUARD_REASON_NONE);
	assert_int_equal(r->lists.alloweds, 1);
	assert_true(rules_allow(r, host, peer, 6, 443, S_NS));
	assert_false(rules_allow(r, host, peer, 17, 443, S_NS));
	assert_false(rules_allow(r, host, peer, 6, 501, S_NS));
	assert_false(rules_allow(r, peer, peer, 6, 443, S_NS));
	assert_false(rules_allow(r, host, host, 6, 443, S_NS));
	assert_false(rules_allow(r, host, peer, 6, 443, 61 * S_NS));
	free(r);
}

static void lists_are_replaced_as_a_whole(void **state)
{
	struct rules *r = calloc(1, sizeof *r);
	struct guard_command never = command(GUARD_NEVER), allow = command(GUARD_ALLOW);
	struct guard_command contain = command(GUARD_CONTAIN), replace = command(GUARD_REPLACE);
	(void)state;
	assert_int_equal(ask(r, GUARD_GATHER, S_NS), GUARD_REASON_ORDER);
	assert_int_equal(ask(r, GUARD_HELLO, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_REPLACE, S_NS), GUARD_REASON_ORDER);
	assert_int_equal(rules_ask(r, &never, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_GATHER, S_NS), GUARD_REASON_NONE);
	allow.port = allow.port_last = 80;
	assert_int_equal(rules_ask(r, &allow, S_NS), GUARD_REASON_NONE);
	/* until then what held holds */
	assert_int_equal(ask(r, GUARD_BLOCK, S_NS), GUARD_REASON_NEVER);
	assert_false(r->lists.alloweds > 0);
	assert_int_equal(rules_ask(r, &replace, S_NS), GUARD_REASON_NONE);
	rules_done(r, &replace, S_NS);
	assert_int_equal(ask(r, GUARD_BLOCK, S_NS), GUARD_REASON_NONE);
	assert_true(rules_allow(r, host, peer, 6, 80, S_NS));
	assert_false(rules_allow(r, host, peer, 6, 443, S_NS));
	/* once alone; what is gathered and never replaces anything is forgotten */
	assert_int_equal(rules_ask(r, &replace, S_NS), GUARD_REASON_ORDER);
	assert_int_equal(ask(r, GUARD_GATHER, S_NS), GUARD_REASON_NONE);
	assert_int_equal(rules_ask(r, &never, S_NS), GUARD_REASON_NONE);
	assert_int_equal(ask(r, GUARD_GATHER, S_NS), GUARD_REASON_NONE);
	assert_int_equal(rules_ask(r, &replace, S_NS), GUARD_REASON_NONE);
	rules_done(r, &replace, S_NS);
	assert_int_equal(r->lists.nevers + r->lists.alloweds, 0);
	/* whose flows are cut then */
	rules_done(r, &contain, S_NS);
	rules_done(r, &contain, 2 * S_NS);
	assert_int_equal(r->containeds, 1);
	contain.kind = GUARD_RELEASE;
	rules_done(r, &contain, 2 * S_NS);
	assert_int_equal(r->containeds, 0);
	free(r);
}

static void packets(void **state)
{
	static const uint8_t v4[] = {0x46, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 10, 198,
		51, 100, 7, 1, 1, 1, 1, 0x9c, 0x40, 1, 0xbb};
	static const uint8_t v6[] = {0x60, 0, 0, 0, 0, 16, 0, 64, 0x20, 1, [23] = 1, 0x20,
		2, [39] = 2, 17, 0, 1, 4, 0, 0, 0, 0, 0, 53, 0x14, 0xe9};
	struct guard_reply r = {0};
	(void)state;
	assert_true(dropped_read(v4, sizeof v4, &r));
	assert_memory_equal(r.host, host, 16);
	assert_memory_equal(r.peer, peer, 16);
	assert_int_equal(r.proto, 6);
	assert_int_equal(r.host_port, 40000);
	assert_int_equal(r.port, 443);
	assert_true(dropped_read(v6, sizeof v6, &r));
	assert_int_equal(r.proto, 17);
	assert_int_equal(r.host_port, 53);
	assert_int_equal(r.port, 5353);
	for (size_t len = 0; len < sizeof v4; len++)
		assert_false(dropped_read(v4, len, &r));
	for (size_t len = 0; len < sizeof v6; len++)
		assert_false(dropped_read(v6, len, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_first_and_once),
		cmocka_unit_test(a_minute_has_its_limit),
		cmocka_unit_test(what_is_never_blocked),
		cmocka_unit_test(forms),
		cmocka_unit_test(the_contained),
		cmocka_unit_test(lists_are_replaced_as_a_whole),
		cmocka_unit_test(packets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
