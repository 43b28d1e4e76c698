#include "decode/dns.h"

#include "decode/packet_testing.h"

/* A message put together front to back. */
struct message {
	uint8_t at[70000];
	size_t len;
};

static void hex(struct message *m, const char *text)
{
	m->len += hex_bytes(text, m->at + m->len, sizeof m->at - m->len);
}

static struct message *header(const char *flags, const char *counts)
{
	static struct message m;
	m.len = 0;
	hex(&m, "1234");
	hex(&m, flags);
	hex(&m, counts);
	return &m;
}

/* Labels given with dots between; an end is put only when asked for. */
static void labels(struct message *m, const char *name, bool end)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");
		m->at[m->len++] = (uint8_t)len;
		memcpy(m->at + m->len, name, len);
		m->len += len;
		name += len + (name[len] == '.');
	}
	if (end)
		m->at[m->len++] = 0;
}

static void question(struct message *m, const char *name, const char *type_and_class)
{
	labels(m, name, true);
	hex(m, type_and_class);
}

/* Decodes from a block of just that size. What a failure must leave alone is checked. */
static enum cur_state decode_bytes(const uint8_t *bytes, size_t len, bool fenced, struct dns *ret)
{
	uint8_t *exact = malloc(len == 0 ? 1 : len);
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	struct cur c = cur_of(exact, len);
	c.fenced = fenced;
	memset(ret, 0xa5, sizeof *ret);
	dns_decode(&c, ret);
	if (!cur_ok(&c)) {
		static struct dns untouched;
		memset(&untouched, 0xa5, sizeof untouched);
		assert_memory_equal(ret, &untouched, sizeof untouched);
	}
	free(exact);
	return c.state;
}

static enum cur_state decode(const struct message *m, struct dns *ret)
{
	return decode_bytes(m->at, m->len, true, ret);
}

static void assert_answer(const struct dns *d, size_t i, const char *addr, uint32_t ttl_s)
{
	assert_true(i < d->answers);
	assert_addr(&d->answer[i].addr, addr);
	assert_int_equal(d->answer[i].ttl_s, ttl_s);
}

static struct dns d; /* 16 kB, as in its users */

static void test_query(void **state)
{
	(void)state;
	struct message *m = header("0100", "0001 0000 0000 0001");
	question(m, "wWw.Example.ORG", "001c 0001");
	hex(m, "00 0029 04d0 00 00 8000 0000");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_int_equal(d.id, 0x1234);
	assert_false(d.response || d.truncated || d.partial);
	assert_int_equal(d.opcode, 0);
	assert_int_equal(d.rcode, DNS_NOERROR);
	assert_int_equal(d.questions, 1);
	assert_int_equal(d.qtype, DNS_AAAA);
	assert_int_equal(d.qclass, 1);
	assert_string_equal(d.qname, "www.example.org");
	assert_int_equal(d.answer_records, 0);
	assert_int_equal(d.answers, 0);
	assert_int_equal(d.cnames, 0);
	assert_int_equal(d.answer_bytes, 0);
	assert_true(d.edns);
	assert_int_equal(d.edns_size, 1232);
	assert_int_equal(d.edns_version, 0);
}

/* RFC 1034 6.2.1: QNAME=SRI-NIC.ARPA, QTYPE=A */
static void test_rfc1034_addresses(void **state)
{
	(void)state;
	struct message *m = header("8400", "0001 0002 0000 0000");
	question(m, "SRI-NIC.ARPA", "0001 0001");
	hex(m, "c00c 0001 0001 00015180 0004 1a000049");
	hex(m, "c00c 0001 0001 00015180 0004 0a000033");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_true(d.response);
	assert_string_equal(d.qname, "sri-nic.arpa");
	assert_int_equal(d.answer_records, 2);
	assert_int_equal(d.answers, 2);
	assert_answer(&d, 0, "26.0.0.73", 86400);
	assert_answer(&d, 1, "10.0.0.51", 86400);
	assert_int_equal(d.answer_bytes, 8);
	assert_false(d.edns || d.partial);
	assert_int_equal(d.edns_size, 0);
}

/* RFC 1034 6.2.5: QNAME=SIR-NIC.ARPA, QTYPE=A: a name error with the zone's SOA */
static void test_rfc1034_name_error(void **state)
{
	(void)state;
	struct message *m = header("8403", "0001 0000 0001 0000");
	question(m, "SIR-NIC.ARPA", "0001 0001");
	hex(m, "00 0006 0001 00000000 002b");
	size_t primary = m->len;
	labels(m, "SRI-NIC", false);
	hex(m, "c014"); /* ARPA */
	labels(m, "HOSTMASTER", false);
	set16(m->at + m->len, 0xc000 | primary);
	m->len += 2;
	hex(m, "000d48d3 00000708 0000012c 00093a80 00015180");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_int_equal(d.rcode, DNS_NXDOMAIN);
	assert_int_equal(d.answers, 0);
	assert_string_equal(d.qname, "sir-nic.arpa");
}

/* RFC 1034 6.2.7: QNAME=USC-ISIC.ARPA, QTYPE=A: an alias and its target's address */
static void test_rfc1034_alias(void **state)
{
	(void)state;
	struct message *m = header("8400", "0001 0002 0000 0000");
	question(m, "USC-ISIC.ARPA", "0001 0001");
	hex(m, "c00c 0005 0001 00015180 000b");
	size_t target = m->len;
	labels(m, "C.ISI.EDU", true);
	set16(m->at + m->len, 0xc000 | target);
	m->len += 2;
	hex(m, "0001 0001 00015180 0004 0a000034");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_int_equal(d.cnames, 1);
	assert_string_equal(d.cname[0], "c.isi.edu");
	assert_int_equal(d.answers, 1);
	assert_answer(&d, 0, "10.0.0.52", 86400);
	assert_int_equal(d.answer_bytes, 11 + 4);
}

/* RFC 1035 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root as it draws them, here as targets
 * of aliases so that each can be seen. */
static void test_rfc1035_compression(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0003 0000 0000");
	question(m, "F.ISI.ARPA", "0005 0001"); /* at 12; ARPA at 18 */
	hex(m, "c00c 0005 0001 00000000 0006 03666f6f c00c");
	hex(m, "c00c 0005 0001 00000000 0002 c012");
	hex(m, "c00c 0005 0001 00000000 0001 00");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_string_equal(d.qname, "f.isi.arpa");
	assert_int_equal(d.cnames, 3);
	assert_string_equal(d.cname[0], "foo.f.isi.arpa");
	assert_string_equal(d.cname[1], "arpa");
	assert_string_equal(d.cname[2], "");
	assert_int_equal(d.answer_bytes, 9);
}

/* The chain's order is that of the aliases, not of the records. */
static void test_chain(void **state)
{
	(void)state;
	static const struct {
		const char *owner, *target;
	} links[] = {{"q.example", "a.example"}, {"a.example", "b.example"},
		{"b.example", "c.example"}, {"x.example", "y.example"}};
	static const struct {
		size_t order[4];
		const char *want[4];
	} rows[] = {
		{{0, 1, 2, 3}, {"a.example", "b.example", "c.example", "y.example"}},
		{{3, 2, 1, 0}, {"a.example", "b.example", "c.example", "y.example"}},
		{{2, 0, 3, 1}, {"a.example", "b.example", "c.example", "y.example"}},
		{{3, 0, 1, 2}, {"a.example", "b.example", "c.example", "y.example"}},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = header("8180", "0001 0005 0000 0000");
		question(m, "Q.Example", "0001 0001");
		for (size_t k = 0; k < 4; k++) {
			labels(m, links[rows[i].order[k]].owner, true);
			hex(m, "0005 0001 00000001 000b");
			labels(m, links[rows[i].order[k]].target, true);
		}
		hex(m, "c00c 0001 0001 00000001 0004 c0000201");
		assert_int_equal(decode(m, &d), CUR_OK);
		assert_false(d.partial);
		assert_int_equal(d.cnames, 4);
		for (size_t k = 0; k < 4; k++)
			assert_string_equal(d.cname[k], rows[i].want[k]);
		assert_int_equal(d.answers, 1);
	}
}

/* An alias whose owner cannot be read belongs to no chain. */
static void test_chain_owner(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0002 0000 0000");
	question(m, "q.example", "0001 0001");
	hex(m, "c0ff 0005 0001 00000001 0004 0178 c00e");
	hex(m, "c00c 0005 0001 00000001 0004 0161 c00e");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_false(d.partial);
	assert_int_equal(d.cnames, 2);
	assert_string_equal(d.cname[0], "a.example");
	assert_string_equal(d.cname[1], "x.example");
}

static void test_chain_bound(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0014 0000 0000");
	question(m, "q.example", "0001 0001");
	for (int i = 0; i < 20; i++) {
		hex(m, "c00c 0005 0001 00000001 0004 01");
		m->at[m->len++] = (uint8_t)('a' + i);
		hex(m, "c00e");
	}
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_false(d.partial);
	assert_int_equal(d.answer_records, 20);
	assert_int_equal(d.cnames, DNS_CNAMES_MAX);
	assert_string_equal(d.cname[0], "a.example");
	assert_string_equal(d.cname[15], "p.example");
}

static void test_answers_bound(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0050 0000 0001");
	question(m, "q.example", "001c 0001");
	for (int i = 0; i < 80; i++) {
		hex(m, "c00c 001c 0001 00000001 0010 20010db80000000000000000000000");
		m->at[m->len++] = (uint8_t)(i + 1);
	}
	hex(m, "00 0029 1000 01 00 0000 0000"); /* extended rcode 1: BADVERS is 16 */
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_int_equal(d.answer_records, 80);
	assert_int_equal(d.answers, DNS_ANSWERS_MAX);
	assert_answer(&d, 63, "2001:db8::40", 1);
	assert_int_equal(d.answer_bytes, 80 * 16);
	assert_int_equal(d.rcode, 16);
	assert_int_equal(d.edns_size, 4096);
	assert_false(d.partial);
}

/* A name octet by octet: lower case, and no byte that a reader could take for something else. */
static void test_escapes(void **state)
{
	(void)state;
	struct message *m = header("0100", "0001 0000 0000 0000");
	hex(m, "09 41 2e 5c 20 00 7f ff 5f 2d 03 7a617a 00 0001 0001");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_string_equal(d.qname, "a\\046\\092\\032\\000\\127\\255_-.zaz");
	m = header("0100", "0001 0000 0000 0000");
	hex(m, "00 0002 0001");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_string_equal(d.qname, "");
	assert_int_equal(d.qtype, DNS_NS);
}

static void test_name_length(void **state)
{
	(void)state;
	/* 3 * 64 + 62 + 1 = 255 octets: the most there can be, all escaped */
	for (int last = 61; last <= 62; last++) {
		struct message *m = header("0100", "0001 0000 0000 0000");
		for (int i = 0; i < 4; i++) {
			int len = i < 3 ? 63 : last;
			m->at[m->len++] = (uint8_t)len;
			memset(m->at + m->len, 0xc8, (size_t)len);
			m->len += (size_t)len;
		}
		hex(m, "00 0001 0001");
		assert_int_equal(decode(m, &d), last == 61 ? CUR_OK : CUR_BAD);
		if (last == 61) {
			assert_int_equal(strlen(d.qname), 250 * 4 + 3);
			assert_memory_equal(d.qname + strlen(d.qname) - 4, "\\200", 5);
		}
	}
	/* 127 labels of one octet; one more is too many */
	for (int count = 127; count <= 128; count++) {
		struct message *m = header("0100", "0001 0000 0000 0000");
		for (int i = 0; i < count; i++)
			hex(m, "0161");
		hex(m, "00 0001 0001");
		assert_int_equal(decode(m, &d), count == 127 ? CUR_OK : CUR_BAD);
	}
}

static void test_bad_question(void **state)
{
	(void)state;
	static const struct {
		const char *bytes; /* at 12 */
		enum cur_state state;
	} rows[] = {
		{"c00c 0001 0001", CUR_BAD}, /* to itself */
		{"c00d 0001 0001", CUR_BAD}, /* forward */
		{"c0ff 0001 0001", CUR_BAD},
		{"0161 c00c 0001 0001", CUR_BAD}, /* round and round */
		{"0161 c00e 0001 0001", CUR_BAD}, /* within its own labels */
		{"40 61 00 0001 0001", CUR_BAD},  /* label types that are not assigned */
		{"80 61 00 0001 0001", CUR_BAD},
		{"03 6161", CUR_BAD},
		{"0161", CUR_BAD},
		{"c0", CUR_BAD},
		{"00 0001 00", CUR_BAD},
		{"", CUR_BAD},
		/* into the header, which is in front of it: read as it stands there */
		{"c006 0001 0001", CUR_OK},
		{"c00a 0001 0001", CUR_OK},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = header("0100", "0001 0000 0000 0000");
		hex(m, rows[i].bytes);
		assert_int_equal(decode(m, &d), rows[i].state);
		assert_int_equal(decode_bytes(m->at, m->len, false, &d),
			rows[i].state == CUR_BAD && i >= 7 ? CUR_SHORT : rows[i].state);
	}
	assert_int_equal(decode_bytes((const uint8_t *)"", 0, true, &d), CUR_BAD);
	assert_int_equal(decode_bytes((const uint8_t *)"", 0, false, &d), CUR_SHORT);
}

/* A chain of pointers, each strictly backwards: followed as far as a name can have labels. */
static void test_pointers_bound(void **state)
{
	(void)state;
	for (unsigned count = 127; count <= 128; count++) {
		struct message *m = header("8180", "0001 0002 0000 0000");
		question(m, "a.example", "0001 0001");
		hex(m, "c00c 0010 0001 00000000");
		size_t len = (size_t)(count - 1) * 2;
		m->at[m->len++] = (uint8_t)(len >> 8);
		m->at[m->len++] = (uint8_t)len;
		unsigned to = 12;
		for (unsigned i = 1; i < count; i++) { /* text by its type, pointers by its bytes */
			set16(m->at + m->len, 0xc000 | to);
			to = (unsigned)m->len;
			m->len += 2;
		}
		hex(m, "c00c 0005 0001 00000000 0002");
		set16(m->at + m->len, 0xc000 | to);
		m->len += 2;
		assert_int_equal(decode(m, &d), CUR_OK);
		assert_int_equal(d.partial, count == 128);
		assert_int_equal(d.cnames, count == 127);
		if (count == 127)
			assert_string_equal(d.cname[0], "a.example");
	}
}

/* Before the name is not enough: each pointer must go to before the one that led to it. */
static void test_pointer_forward_again(void **state)
{
	(void)state;
	for (int forward = 0; forward <= 1; forward++) {
		struct message *m = header("8180", "0001 0002 0000 0000");
		question(m, "a.example", "0001 0001");
		hex(m, "c00c 0010 0001 00000000 0004");
		size_t at = m->len;
		set16(m->at + at, 0xc000 | (forward ? at + 2 : 12));
		set16(m->at + at + 2, 0xc000 | 12);
		m->len += 4;
		hex(m, "c00c 0005 0001 00000000 0002");
		set16(m->at + m->len, 0xc000 | at);
		m->len += 2;
		assert_int_equal(decode(m, &d), CUR_OK);
		assert_int_equal(d.partial, forward);
		assert_int_equal(d.cnames, !forward);
	}
}

/* After the question nothing can take it back. */
static void test_partial(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",
		"c00c 0001 0001 00000001 0004 c00002", /* cut */
		"c00c 0001 0001 00000001 0003 c00002", /* no address has three bytes */
		"c00c 0001 0001 00000001 0005 c000020101",
		"c00c 001c 0001 00000001 0004 c0000201",
		"c00c 0005 0001 00000001 0002 c0ff",     /* forward */
		"c00c 0005 0001 00000001 0004 016100ff", /* more than the name */
		"c00c 0005 0001 00000001 0001 0161 00",  /* the name leaves its record */
		"4000 0001 0001 00000001 0004 c0000201",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message *m = header("8382", "0001 0002 0000 0000");
		question(m, "q.example", "0001 0001");
		hex(m, "c00c 0001 0001 00000001 0004 cb007105");
		hex(m, rows[i]);
		assert_int_equal(decode(m, &d), CUR_OK);
		if (!d.partial)
			print_error("%s\n", rows[i]);
		assert_true(d.partial);
		assert_true(d.response && d.truncated);
		assert_int_equal(d.rcode, DNS_SERVFAIL);
		assert_string_equal(d.qname, "q.example");
		assert_int_equal(d.answer_records, 2);
		assert_int_equal(d.answers, 1);
		assert_answer(&d, 0, "203.0.113.5", 1);
		assert_int_equal(d.cnames, 0);
	}
}

static void test_sections(void **state)
{
	(void)state;
	/* records that are no addresses, of another class, or in other sections count as bytes of
	 * the answer at most; the second OPT is none */
	struct message *m = header("8180", "0002 0003 0001 0003");
	question(m, "q.example", "0010 0001");
	question(m, "second.example", "0001 0001");
	hex(m, "c00c 0010 0001 00000001 0006 05 68656c6c6f");
	hex(m, "c00c 0001 0003 00000001 0004 7f000001"); /* chaos */
	hex(m, "c00c 0001 0001 00000001 0004 c0000201");
	hex(m, "c00c 0001 0001 00000001 0004 c0000202"); /* authority */
	hex(m, "c00c 0001 0001 00000001 0004 c0000203"); /* additional */
	hex(m, "00 0029 0200 00 02 8000 0000");
	hex(m, "00 0029 1000 0f 00 8000 0000");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_false(d.partial);
	assert_int_equal(d.questions, 2);
	assert_string_equal(d.qname, "q.example");
	assert_int_equal(d.qtype, DNS_TXT);
	assert_int_equal(d.answers, 1);
	assert_answer(&d, 0, "192.0.2.1", 1);
	assert_int_equal(d.answer_bytes, 6 + 4 + 4);
	assert_true(d.edns);
	assert_int_equal(d.edns_size, 512);
	assert_int_equal(d.edns_version, 2);
	assert_int_equal(d.rcode, DNS_NOERROR);
}

/* Some servers refuse without repeating the question. */
static void test_no_question(void **state)
{
	(void)state;
	struct message *m = header("8185", "0000 0000 0000 0000");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_true(d.response);
	assert_int_equal(d.rcode, DNS_REFUSED);
	assert_int_equal(d.questions, 0);
	assert_int_equal(d.qtype, 0);
	assert_string_equal(d.qname, "");
	assert_false(d.partial);
	m = header("8180", "0000 0001 0000 0000");
	hex(m, "01 61 00 0001 0001 00000001 0004 c0000201");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_answer(&d, 0, "192.0.2.1", 1);
}

/* RFC 2136: the zone stands where the question does; the opcode tells. */
static void test_opcode(void **state)
{
	(void)state;
	struct message *m = header("a805", "0001 0000 0000 0000");
	question(m, "corp.example", "0006 0001");
	assert_int_equal(decode(m, &d), CUR_OK);
	assert_int_equal(d.opcode, 5);
	assert_int_equal(d.rcode, DNS_REFUSED);
	assert_int_equal(d.qtype, DNS_SOA);
}

/* What an earlier message left behind is gone. */
static void test_used_again(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0002 0000 0001");
	question(m, "a-long-name.example", "0001 0001");
	hex(m, "c00c 0005 0001 00000001 0002 c018");
	hex(m, "c00c 0001 0001 00000001 0004 c0000201");
	hex(m, "00 0029 0200 01 02 8000 0000");
	struct cur c = cur_of(m->at, m->len);
	dns_decode(&c, &d);
	assert_true(cur_ok(&c) && c.len == 0);
	assert_int_equal(d.answers, 1);
	m = header("0100", "0001 0000 0000 0000");
	question(m, "b.example", "0001 0001");
	c = cur_of(m->at, m->len);
	dns_decode(&c, &d);
	assert_true(cur_ok(&c) && c.len == 0);
	assert_string_equal(d.qname, "b.example");
	assert_int_equal(d.answers + d.cnames + d.answer_bytes, 0);
	assert_false(d.edns || d.response || d.partial);
	assert_int_equal(d.edns_size + d.edns_version + d.rcode, 0);
}

/* Every length: nothing before the question is whole, partial before the last record is. */
static void test_truncation(void **state)
{
	(void)state;
	struct message *m = header("8180", "0001 0002 0001 0001");
	question(m, "www.example.org", "0001 0001");
	size_t asked = m->len;
	hex(m, "c00c 0005 0001 00000e10 0006 03 63646e c010");
	size_t aliased = m->len;
	hex(m, "c02d 0001 0001 0000003c 0004 c0000201");
	size_t answered = m->len;
	hex(m, "c010 0002 0001 00000e10 0005 02 6e73 c010");
	hex(m, "00 0029 04d0 00 00 0000 0000");
	for (size_t n = 0; n <= m->len; n++) {
		for (int fenced = 0; fenced <= 1; fenced++) {
			enum cur_state want = fenced ? CUR_BAD : CUR_SHORT;
			assert_int_equal(
				decode_bytes(m->at, n, fenced, &d), n < asked ? want : CUR_OK);
			if (n < asked)
				continue;
			assert_string_equal(d.qname, "www.example.org");
			assert_int_equal(d.partial, n < m->len);
			assert_int_equal(d.cnames, n >= aliased);
			assert_int_equal(d.answers, n >= answered);
			assert_int_equal(d.edns, n == m->len);
		}
	}
	assert_string_equal(d.cname[0], "cdn.example.org");
	assert_answer(&d, 0, "192.0.2.1", 60);
	assert_int_equal(d.answer_bytes, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_rfc1034_addresses),
		cmocka_unit_test(test_rfc1034_name_error),
		cmocka_unit_test(test_rfc1034_alias),
		cmocka_unit_test(test_rfc1035_compression),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_owner),
		cmocka_unit_test(test_chain_bound),
		cmocka_unit_test(test_answers_bound),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_name_length),
		cmocka_unit_test(test_bad_question),
		cmocka_unit_test(test_pointers_bound),
		cmocka_unit_test(test_pointer_forward_again),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_no_question),
		cmocka_unit_test(test_opcode),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
