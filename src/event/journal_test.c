#include "event/journal_testing.h"

/* ---- records ---- */

struct pair {
	const struct event *want;
	size_t count;
};

static void take_same(void *context, const struct journal_record *r)
{
	struct pair *pair = context;
	const struct event *want = &pair->want[pair->count++];
	assert_int_equal(r->event.kind, want->kind);
	if (want->kind == EVENT_CONN)
		assert_conn(&r->event.conn, &want->conn);
	else
		assert_lookup(&r->event.lookup, &want->lookup);
}

static void test_every_field(void **s)
{
	(void)s;
	struct event events[8] = {full_conn(), full_lookup(), {.kind = EVENT_CONN},
		{.kind = EVENT_LOOKUP}, full_conn(), full_lookup(), full_conn(), full_conn()};
	/* times at both ends, whose difference is no int64_t; times before 1970 */
	events[4].conn.start_ns = INT64_MIN;
	events[4].conn.end_ns = INT64_MAX;
	events[4].conn.fail_ns = -1;
	events[4].conn.leave_ns = 0;
	events[5].lookup.query_ns = INT64_MAX;
	events[5].lookup.answer_ns = INT64_MIN;
	events[5].lookup.repeat_ns = INT64_MAX;
	events[5].lookup.cnames = 1;
	events[5].lookup.cname[0] = NULL;
	events[5].lookup.answers = 0;
	events[6].conn.name = ""; /* not NULL */
	events[6].conn.first_data_ns = 0;
	events[7].conn.client = addr_from("::1");
	events[7].conn.server = (struct addr){{0, 0, 1}};
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		journal_add(j, &events[i]);
	(void)flush(j);
	journal_close(j);
	j = open_j();
	struct pair pair = {.want = events};
	assert_int_equal(journal_replay(j, take_same, &pair, NULL), 0);
	assert_int_equal(pair.count, ARRAY_LEN(events));
	assert_int_equal(journal_stats(j).records, ARRAY_LEN(events));
	assert_int_equal(journal_stats(j).texts_cut, 0);
	journal_close(j);
}

/* Each flag alone, so that none stands for another. */
static void test_every_flag(void **s)
{
	(void)s;
	struct event events[12];
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		events[i] = conn_at(i, START_NS);
		struct conn *c = &events[i].conn;
		c->ended = i == 0;
		c->settled = i == 1;
		c->rest = i == 2;
		c->joined = i == 3;
		c->inferred = i == 4;
		c->one_way = i == 5;
		c->to_proxy = i == 6;
		c->fail_ns = i == 7 ? 1 : 0;
		c->leave_ns = i == 8 ? 2 : 0;
		c->end_ns = i == 9 ? 3 : 0;
		c->first_data_ns = i == 10 ? 4 : 0;
		c->request_hash = i == 11 ? 5 : 0;
	}
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		journal_add(j, &events[i]);
	(void)flush(j);
	journal_close(j);
	j = open_j();
	struct pair pair = {.want = events};
	assert_int_equal(journal_replay(j, take_same, &pair, NULL), 0);
	assert_int_equal(pair.count, ARRAY_LEN(events));
	journal_close(j);
}

/* Who adds a field writes it in journal_record.c, raises VERSION in journal_segment.c, adds it to
 * journal_testing.h, and then comes here. */
static void test_no_field_is_forgotten(void **s)
{
	(void)s;
	if (sizeof(void *) != 8)
		skip();
	assert_int_equal(sizeof(struct conn), 280);
	assert_int_equal(sizeof(struct lookup), 1544);
}

struct notes {
	size_t count;
	uint8_t byte[JOURNAL_NOTE_MAX];
};

static void take_note(void *context, const struct journal_record *r)
{
	static const size_t lens[] = {0, 1, JOURNAL_NOTE_MAX};
	struct notes *n = context;
	assert_int_equal(r->event.kind, EVENT_NONE);
	assert_int_equal(r->note, 255 - n->count);
	assert_int_equal(r->bytes.len, lens[n->count]);
	if (r->bytes.len > 0)
		assert_memory_equal(r->bytes.ptr, n->byte, r->bytes.len);
	n->count++;
}

static void test_notes(void **s)
{
	(void)s;
	struct notes notes = {0};
	for (size_t i = 0; i < JOURNAL_NOTE_MAX; i++)
		notes.byte[i] = (uint8_t)i;
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	journal_note(j, 255, NULL, 0);
	journal_note(j, 254, notes.byte, 1);
	journal_note(j, 253, notes.byte, JOURNAL_NOTE_MAX);
	(void)flush(j);
	journal_close(j);
	j = open_j();
	assert_int_equal(journal_replay(j, take_note, &notes, NULL), 0);
	assert_int_equal(notes.count, 3);
	journal_close(j);
}

static void take_long(void *context, const struct journal_record *r)
{
	size_t *lens = context;
	lens[0] = strlen(r->event.conn.method);
	lens[1] = strlen(r->event.conn.user_agent);
	assert_string_equal(r->event.conn.process, "curl");
}

static void test_long_texts_are_cut_and_counted(void **s)
{
	(void)s;
	static char method[JOURNAL_TEXT_MAX + 2], agent[JOURNAL_TEXT_MAX + 1];
	memset(method, 'm', sizeof method - 1);
	memset(agent, 'a', sizeof agent - 1);
	struct event e = full_conn();
	e.conn.method = method;
	e.conn.user_agent = agent;
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	journal_add(j, &e);
	assert_int_equal(journal_stats(j).texts_cut, 1);
	(void)flush(j);
	journal_close(j);
	j = open_j();
	size_t lens[2] = {0};
	assert_int_equal(journal_replay(j, take_long, lens, NULL), 0);
	assert_int_equal(lens[0], JOURNAL_TEXT_MAX);
	assert_int_equal(lens[1], JOURNAL_TEXT_MAX);
	journal_close(j);
}

/* The longest lookup there can be, again and again: over the edges of the buffer. */
static void test_longest_records(void **s)
{
	(void)s;
	static char text[JOURNAL_TEXT_MAX + 1];
	memset(text, 't', sizeof text - 1);
	struct event e = full_lookup();
	e.lookup.name = e.lookup.uid = text;
	for (size_t i = 0; i < LOOKUP_CNAMES_MAX; i++)
		e.lookup.cname[i] = text;
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	struct event events[10];
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		events[i] = i % 3 == 2 ? full_conn() : e;
		journal_add(j, &events[i]);
	}
	(void)flush(j);
	assert_int_equal(journal_stats(j).refused, 0);
	journal_close(j);
	j = open_j();
	struct pair pair = {.want = events};
	assert_int_equal(journal_replay(j, take_same, &pair, NULL), 0);
	assert_int_equal(pair.count, ARRAY_LEN(events));
	journal_close(j);
}

/* ---- damage ---- */

#define KEPT 8 /* records of the journal that is damaged */

/* Ids 1 to KEPT, of all kinds; where each ends in the file. */
static uint8_t *small_journal(uint64_t ends[KEPT + 1], size_t *ret_len)
{
	struct journal *j = open_j();
	assert_replay(j, 0, 1, 0);
	ends[0] = flush(j);
	for (uint64_t id = 1; id <= KEPT; id++) {
		struct event e = id % 3 == 0 ? full_conn() : conn_at(id, START_NS);
		e.conn.id = id;
		if (id == 4) {
			e = full_lookup();
			e.lookup.id = id;
			e.lookup.answers = e.lookup.cnames = 2;
		}
		journal_add(j, &e);
		ends[id] = flush(j);
	}
	for (size_t i = 0; i <= KEPT; i++)
		ends[i] &= ((uint64_t)1 << 36) - 1;
	journal_close(j);
	assert_int_equal(size_of("j.0"), 0);
	uint8_t *bytes = read_file("j.1", ret_len);
	assert_int_equal(ends[0], HEADER_LEN);
	assert_int_equal(ends[KEPT], *ret_len);
	return bytes;
}

static uint64_t whole_before(const uint64_t ends[KEPT + 1], size_t len)
{
	uint64_t n = 0;
	while (n < KEPT && ends[n + 1] <= len)
		n++;
	return n;
}

/* At each length what is whole is there, the rest is counted, and the journal goes on. */
static void test_cut_at_every_byte(void **s)
{
	(void)s;
	uint64_t ends[KEPT + 1];
	size_t len;
	uint8_t *bytes = small_journal(ends, &len);
	for (size_t n = 0; n <= len; n++) {
		write_file("j.1", bytes, n);
		struct journal *j = open_j();
		uint64_t whole = whole_before(ends, n);
		assert_replay(j, 0, 1, whole);
		assert_int_equal(journal_stats(j).bytes_lost, n < HEADER_LEN ? 0 : n - ends[whole]);
		add_range(j, whole + 1, whole + 1);
		(void)flush(j);
		journal_close(j);
		j = open_j();
		assert_replay(j, 0, 1, whole + 1);
		assert_int_equal(journal_stats(j).bytes_lost, 0);
		journal_close(j);
	}
	free(bytes);
}

/* A changed byte is never taken for what was written: all before that record stays. */
static void test_each_byte_changed(void **s)
{
	(void)s;
	uint64_t ends[KEPT + 1];
	size_t len;
	uint8_t *bytes = small_journal(ends, &len);
	for (size_t i = HEADER_LEN; i < len; i++) {
		bytes[i] ^= (uint8_t)(1 << i % 8);
		write_file("j.1", bytes, len);
		bytes[i] ^= (uint8_t)(1 << i % 8);
		struct journal *j = open_j();
		struct ids ids = {0};
		uint64_t whole = whole_before(ends, i);
		struct fail why = {0};
		int code = journal_replay(j, take_id, &ids, &why);
		assert_int_equal(ids.count, whole);
		assert_int_equal(journal_stats(j).bytes_lost, len - ends[whole]);
		assert_int_equal(size_of("j.1"), ends[whole]);
		char want[FAIL_BYTES];
		(void)snprintf(want, sizeof want,
			"j.1: damaged at byte %llu: %llu bytes from there on are dropped",
			(unsigned long long)ends[whole], (unsigned long long)(len - ends[whole]));
		/* a length that leads beyond the end cannot be told from an unfinished record */
		bool in_length = i - ends[whole] >= 4 && i - ends[whole] < 8;
		if (code < 0)
			assert_string_equal(why.text, want);
		assert_true(code == -EBADMSG || (code == 0 && in_length));
		free(ids.id);
		journal_close(j);
	}
	free(bytes);
}

static void test_headers(void **s)
{
	(void)s;
	uint64_t ends[KEPT + 1];
	size_t len;
	uint8_t *bytes = small_journal(ends, &len);
	struct fail why = {0};
	struct journal *j = NULL;
	bytes[0] = 'p'; /* not ours: left alone */
	write_file("j.1", bytes, len);
	assert_int_equal(journal_open(&j, "j", &(struct journal_options){0}, &why), -EBADMSG);
	assert_string_equal(why.text, "j.1: is not a journal: move it away to begin anew");
	assert_int_equal(size_of("j.1"), len);
	bytes[0] = 'P';
	bytes[8] = 2; /* version */
	write_file("j.1", bytes, len);
	assert_int_equal(
		journal_open(&j, "j", &(struct journal_options){0}, &why), -EPROTONOSUPPORT);
	assert_int_equal(size_of("j.1"), len);
	assert_null(j);
	bytes[8] = 3;
	for (size_t i = 12; i < HEADER_LEN; i++) { /* a damaged header: nothing can be used */
		bytes[i] ^= 0x10;
		write_file("j.1", bytes, len);
		bytes[i] ^= 0x10;
		j = open_j();
		assert_replay(j, 0, 1, 0);
		assert_int_equal(journal_stats(j).bytes_lost, len);
		journal_close(j);
	}
	memset(bytes, 0, len); /* what a power cut leaves */
	write_file("j.1", bytes, len);
	j = open_j();
	assert_replay(j, 0, 1, 0);
	journal_close(j);
	write_file("j.1", bytes, 0);
	write_file("j.0", "P", 1);
	j = open_j();
	assert_replay(j, 0, 1, 0);
	journal_close(j);
	free(bytes);
}

static void test_files(void **s)
{
	(void)s;
	struct fail why = {0};
	struct journal *j = NULL, *second = NULL;
	mode_t mask = umask(0);
	j = open_j();
	(void)umask(mask);
	struct stat st;
	assert_int_equal(stat("j.0", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat("j.1", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(journal_open(&second, "j", &(struct journal_options){0}, &why), -EBUSY);
	assert_string_equal(why.text, "j.0: another process has this journal");
	journal_close(j);
	assert_int_equal(chmod("j.1", 0644), 0); /* made private again */
	journal_close(open_with(&(struct journal_options){.sync = true}));
	assert_int_equal(stat("j.1", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(symlink("j.1", "k.0"), 0);
	assert_int_equal(journal_open(&second, "k", &(struct journal_options){0}, &why), -ELOOP);
	assert_int_equal(mkfifo("l.0", 0600), 0);
	assert_int_equal(journal_open(&second, "l", &(struct journal_options){0}, &why), -EBADMSG);
	assert_int_equal(
		journal_open(&second, "none/j", &(struct journal_options){0}, &why), -ENOENT);
	assert_string_equal(why.text, "none/j.0: No such file or directory");
	const struct journal_options wrong[] = {{.bytes_max = JOURNAL_BYTES_MIN - 1},
		{.bytes_max = JOURNAL_BYTES_MAX + 1}, {.age_ns = -1}};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(journal_open(&second, "j", &wrong[i], &why), -EINVAL);
	assert_null(second);
	journal_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_flag, set_up, tear_down),
		cmocka_unit_test(test_no_field_is_forgotten),
		cmocka_unit_test_setup_teardown(test_notes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_long_texts_are_cut_and_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_at_every_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_byte_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_headers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
