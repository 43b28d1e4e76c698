/* For tests: events with every field set, journals in a folder of the test's own, and what they
 * give back. */
#pragma once

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"
#include "event/journal.h"

#define SECOND     INT64_C(1000000000)
#define START_NS   (INT64_C(1609951275) * SECOND)
#define HEADER_LEN 28 /* of a file */

/* ---- files ---- */

static char home[64]; /* also the working directory: a journal is "j", its first file "j.1" */

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int set_up(void **state)
{
	(void)state;
	(void)snprintf(home, sizeof home, "/tmp/journal_test_XXXXXX");
	return mkdtemp(home) == NULL || chdir(home) < 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	int code = chdir("/");
	(void)nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return code;
}

static inline size_t size_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static inline void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* The caller frees. */
static inline uint8_t *read_file(const char *path, size_t *ret_len)
{
	*ret_len = size_of(path);
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(*ret_len + 1);
	assert_non_null(file);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *ret_len, file), *ret_len);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

/* ---- events ---- */

static inline struct addr addr_from(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Every field has a value that no other has, and every flag is set. */
static inline struct event full_conn(void)
{
	return (struct event){.kind = EVENT_CONN,
		.conn = {.id = UINT64_C(0x123456789abcdef0),
			.settled = true,
			.ended = true,
			.rest = true,
			.joined = true,
			.inferred = true,
			.one_way = true,
			.start_ns = START_NS,
			.fail_ns = START_NS + 3 * SECOND,
			.leave_ns = START_NS + 21 * SECOND,
			.end_ns = START_NS + 60 * SECOND,
			.client = addr_from("192.0.2.7"),
			.server = addr_from("2001:db8::7"),
			.client_mac = UINT64_C(0x0200deadbeef),
			.client_port = 49152,
			.server_port = 443,
			.ip_proto = 6,
			.vlan = 4094,
			.transport = TRANSPORT_TCP,
			.outcome = OUTCOME_STALLED,
			.packets_out = 300,
			.packets_in = 4000,
			.bytes_out = UINT64_C(1) << 40,
			.bytes_in = UINT64_MAX,
			.tries = UINT32_MAX,
			.request_bytes = 128,
			.response_bytes = 16384,
			.first_data_ns = START_NS + 1,
			.name = "www.example.com",
			.name_source = NAME_CERTIFICATE,
			.service = "tls",
			.ja3 = "771,4865",
			.ja4 = "t13d1516h2_8daaf6152771_b186095e22b6",
			.alpn = "h2",
			.user_agent = "curl/7.88.1",
			.method = "CONNECT",
			.request_mark = 65535,
			.request_hash = UINT64_MAX,
			.certificate = "example.com",
			.http_status = 503,
			.to_proxy = true,
			.uid = "CMdzit1AMNsmfAIiQc",
			.process = "curl",
			.echo_hash = 0xdeadbeef,
			.echo_fresh = 7}};
}

static inline struct event full_lookup(void)
{
	static char names[LOOKUP_CNAMES_MAX][32];
	struct event e = {.kind = EVENT_LOOKUP,
		.lookup = {.id = 77,
			.query_ns = START_NS,
			.repeat_ns = START_NS + 5 * SECOND,
			.answer_ns = START_NS + 6 * SECOND,
			.fail_ns = START_NS + 7 * SECOND,
			.client = addr_from("2001:db8::1"),
			.resolver = addr_from("192.0.2.53"),
			.client_mac = UINT64_MAX,
			.client_port = 65535,
			.transport = TRANSPORT_UDP,
			.outcome = OUTCOME_SINKHOLED,
			.qtype = 65535,
			.rcode = 4095,
			.name = "a.example.net",
			.cnames = LOOKUP_CNAMES_MAX,
			.answers = LOOKUP_ANSWERS_MAX,
			.uid = "D1",
			.process = "nslookup"}};
	for (size_t i = 0; i < LOOKUP_CNAMES_MAX; i++) {
		(void)snprintf(names[i], sizeof names[i], "c%zu.example.net", i);
		e.lookup.cname[i] = names[i];
	}
	/* the third kind has no address */
	const struct addr addrs[] = {addr_v4(0xc0000207), addr_from("2001:db8::2"), {{0}}};
	for (size_t i = 0; i < LOOKUP_ANSWERS_MAX; i++)
		e.lookup.answer[i] = (struct answer){addrs[i % 3], (uint32_t)(i * i)};
	return e;
}

/* A small conversation, known by its id and time. */
static inline struct event conn_at(uint64_t id, int64_t time_ns)
{
	return (struct event){.kind = EVENT_CONN,
		.conn = {.id = id,
			.ended = true,
			.start_ns = time_ns,
			.end_ns = time_ns,
			.client = addr_v4(0xc0000201),
			.server = addr_v4(0xc6336401),
			.transport = TRANSPORT_TCP,
			.outcome = OUTCOME_OK}};
}

static inline void assert_text(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

#define SAME(field)      assert_true(got->field == want->field)
#define SAME_ADDR(field) assert_memory_equal(&got->field, &want->field, sizeof got->field)
#define SAME_TEXT(field) assert_text(got->field, want->field)

static inline void assert_conn(const struct conn *got, const struct conn *want)
{
	SAME(id), SAME(settled), SAME(ended), SAME(rest), SAME(joined), SAME(inferred);
	SAME(one_way), SAME(start_ns), SAME(fail_ns), SAME(leave_ns), SAME(end_ns);
	SAME_ADDR(client), SAME_ADDR(server), SAME(client_mac), SAME(client_port);
	SAME(server_port), SAME(ip_proto), SAME(vlan), SAME(transport), SAME(outcome);
	SAME(packets_out), SAME(packets_in), SAME(bytes_out), SAME(bytes_in), SAME(tries);
	SAME(request_bytes), SAME(response_bytes), SAME(first_data_ns), SAME(name_source);
	SAME(echo_hash), SAME(echo_fresh), SAME(request_mark), SAME(request_hash),
		SAME(http_status), SAME(to_proxy);
	SAME_TEXT(name), SAME_TEXT(service), SAME_TEXT(ja3), SAME_TEXT(ja4), SAME_TEXT(alpn);
	SAME_TEXT(user_agent), SAME_TEXT(method), SAME_TEXT(certificate);
	SAME_TEXT(uid), SAME_TEXT(process);
}

static inline void assert_lookup(const struct lookup *got, const struct lookup *want)
{
	SAME(id), SAME(query_ns), SAME(repeat_ns), SAME(answer_ns), SAME(fail_ns);
	SAME_ADDR(client), SAME_ADDR(resolver), SAME(client_mac), SAME(client_port);
	SAME(transport), SAME(outcome), SAME(qtype), SAME(rcode), SAME(cnames), SAME(answers);
	SAME_TEXT(name), SAME_TEXT(uid), SAME_TEXT(process);
	for (size_t i = 0; i < want->cnames; i++)
		SAME_TEXT(cname[i]);
	for (size_t i = 0; i < want->answers; i++) {
		SAME_ADDR(answer[i].addr);
		SAME(answer[i].ttl_s);
	}
}

/* ---- journals ---- */

static inline struct journal *open_with(const struct journal_options *options)
{
	struct journal *j = NULL;
	struct fail why = {0};
	int code = journal_open(&j, "j", options, &why);
	if (code < 0)
		print_error("%s\n", why.text);
	assert_int_equal(code, 0);
	return j;
}

static inline struct journal *open_j(void)
{
	return open_with(&(struct journal_options){0});
}

/* The ids of the events that a replay gave; a note counts as 1000 and its kind. */
struct ids {
	uint64_t *id;
	size_t count, room;
	uint64_t position; /* of the last record */
};

static inline void take_id(void *context, const struct journal_record *r)
{
	struct ids *ids = context;
	if (ids->count == ids->room) {
		ids->room = ids->room == 0 ? 64 : ids->room * 2;
		ids->id = realloc(ids->id, ids->room * sizeof *ids->id);
		assert_non_null(ids->id);
	}
	assert_true(ids->position < r->position);
	ids->position = r->position;
	uint64_t id = 1000 + (uint64_t)r->note;
	if (r->event.kind == EVENT_CONN)
		id = r->event.conn.id;
	if (r->event.kind == EVENT_LOOKUP)
		id = r->event.lookup.id;
	ids->id[ids->count++] = id;
}

static inline uint64_t flush(struct journal *j)
{
	uint64_t position = 0;
	struct fail why = {0};
	int code = journal_flush(j, &position, &why);
	if (code < 0)
		print_error("%s\n", why.text);
	assert_int_equal(code, 0);
	return position;
}

/* Replays; the ids must be first, first + 1, ... last. */
static inline void assert_replay(struct journal *j, int code, uint64_t first, uint64_t last)
{
	struct ids ids = {0};
	assert_int_equal(journal_replay(j, take_id, &ids, NULL), code);
	assert_int_equal(ids.count, last + 1 - first);
	for (size_t i = 0; i < ids.count; i++)
		assert_int_equal(ids.id[i], first + i);
	free(ids.id);
}

/* Small conversations with the ids first to last, a second apart. */
static inline void add_range(struct journal *j, uint64_t first, uint64_t last)
{
	for (uint64_t id = first; id <= last; id++) {
		struct event e = conn_at(id, START_NS + (int64_t)id * SECOND);
		journal_add(j, &e);
	}
}

#define SMALL        ((struct journal_options){.bytes_max = JOURNAL_BYTES_MIN})
#define NUMBER(at)   ((at) >> 36) /* of the segment */
#define OFFSET(at)   ((at) & ((UINT64_C(1) << 36) - 1))
#define AT(n, bytes) ((uint64_t)(n) << 36 | (bytes))

/* A new journal with the ids 1 to last. Closed; returns its end. */
static inline uint64_t make(uint64_t last)
{
	(void)unlink("j.0");
	(void)unlink("j.1");
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 0);
	add_range(j, 1, last);
	uint64_t end = flush(j);
	journal_close(j);
	return end;
}
