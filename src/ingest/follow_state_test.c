#include <errno.h>
#include <stdio.h>

#include "ingest/follow_private.h"
/* after the standard headers that it needs */
#include "base/testing.h"

static struct follow *empty(void)
{
	struct follow *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->inotify_fd = -1;
	f->state_path = strdup("state");
	return f;
}

static int parse(const char *text, size_t len, struct follow **ret, struct fail *why)
{
	/* of its own size, so that a read behind the end is caught */
	char *bytes = malloc(len + (len == 0));
	assert_non_null(bytes);
	memcpy(bytes, text, len);
	*ret = empty();
	int code = follow_state_parse(*ret, cur_of(bytes, len), why);
	free(bytes);
	return code;
}

static const char good[] =
	"postern-follow 1\n"
	"key 0123456789abcdef fedcba9876543210\n"
	"note 12%2034%25\n"
	"file fd01 1f 40 00000000deadbeef 12345 0000000000000001 00000000000000ff "
	"- logs/a%20b.log logs/a%20b.log\n"
	"file fd01 20 0 0000000000000000 0 0000000000000000 0000000000000000 "
	"usc x.1 x\n"
	"end 2\n";

static void test_good(void **state)
{
	(void)state;
	struct fail why = {0};
	struct follow *f;
	struct out o = {0};
	assert_int_equal(parse(good, sizeof good - 1, &f, &why), 0);
	assert_true(f->key.k0 == UINT64_C(0x0123456789abcdef));
	assert_true(f->key.k1 == UINT64_C(0xfedcba9876543210));
	assert_string_equal(f->note, "12 34%");
	assert_int_equal(f->tails, 2);
	const struct tail *t = f->tail[0];
	assert_int_equal(t->dev, 0xfd01);
	assert_int_equal(t->ino, 0x1f);
	assert_int_equal(t->head_len, 64);
	assert_int_equal(t->head, 0xdeadbeef);
	assert_int_equal(t->done.offset, 0x12345);
	assert_int_equal(t->done.sum, 1);
	assert_int_equal(t->done.mark, 255);
	assert_memory_equal(&t->given, &t->done, sizeof t->given);
	assert_false(t->done.unsummed || t->done.skipping || t->copy);
	assert_string_equal(t->path, "logs/a b.log");
	assert_string_equal(t->origin, "logs/a b.log");
	t = f->tail[1];
	assert_true(t->done.unsummed && t->done.skipping && t->copy);
	assert_string_equal(t->origin, "x");
	follow_state_print(f, &o);
	assert_string_equal(out_string(&o), good);
	out_fini(&o);
	follow_close(f);
}

/* A state that was cut is none, at every length. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof good - 2; len++) {
		struct fail why = {0};
		struct follow *f;
		assert_int_equal(parse(good, len, &f, &why), -EBADMSG);
		follow_close(f);
	}
}

static void test_bad(void **state)
{
	(void)state;
#define HEAD      "postern-follow 1\n"
#define FILE_LINE "file 1 2 3 4 5 6 7 - p o\n"
	static const struct {
		const char *text;
		int code;
		const char *words;
	} row[] = {
		{"postern-follow 2\nend 0\n", -EPROTONOSUPPORT,
			"state: was written by another version of Postern"},
		{"#fields ts\n", -EBADMSG, "state: is not a state of followed files"},
		{HEAD, -EBADMSG, "state: the end is missing: move the file away to begin anew"},
		{HEAD "end 1\n", -EBADMSG,
			"state: line 2 is damaged: move the file away to begin anew"},
		{HEAD "end 0\nmore\n", -EBADMSG,
			"state: goes on behind its end: move the file away to begin anew"},
		{HEAD FILE_LINE FILE_LINE "end 2\n", -EBADMSG,
			"state: line 3 is damaged: move "
			"the file away to begin anew"},
		{HEAD "file 1 2 41 4 5 6 7 - p o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 8000000000000000 6 7 - p o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 11111111111111111 6 7 - p o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 x p o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 -u p o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 - p o more\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 - p\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 - p%00 o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 - p%2 o\nend 1\n", -EBADMSG, NULL},
		{HEAD "file 1 2 3 4 5 6 7 - p\to o\nend 1\n", -EBADMSG, NULL},
		{HEAD "key 1\nend 0\n", -EBADMSG, NULL},
		{HEAD "key 1 2 3\nend 0\n", -EBADMSG, NULL},
		{HEAD "word\nend 0\n", -EBADMSG, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct fail why = {0};
		struct follow *f;
		int code = parse(row[i].text, strlen(row[i].text), &f, &why);
		if (code != row[i].code)
			print_message("%s", row[i].text);
		assert_int_equal(code, row[i].code);
		if (row[i].words != NULL)
			assert_string_equal(why.text, row[i].words);
		follow_close(f);
	}
}

/* The sum does not depend on the pieces that a file was read in. */
static void test_sum(void **state)
{
	(void)state;
	enum { LEN = 100 };
	struct follow *f = empty();
	uint8_t bytes[LEN];
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i * 37);
	f->key.k0 = UINT64_C(0x123456789abcdef1);
	uint64_t whole = follow_sum(f, 0, bytes, LEN);
	for (size_t cut = 0; cut <= LEN; cut++) {
		uint64_t sum = follow_sum(f, 0, bytes, cut);
		assert_true(follow_sum(f, sum, bytes + cut, LEN - cut) == whole);
		assert_true(cut == LEN || sum != whole);
	}
	for (size_t i = 0; i < LEN; i++) {
		bytes[i] ^= 1;
		assert_true(follow_sum(f, 0, bytes, LEN) != whole);
		bytes[i] ^= 1;
	}
	follow_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_sum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
