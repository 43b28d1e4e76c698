/* A journal under kill -9 and on full disks. */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "event/journal_testing.h"

/* ---- kill -9 ---- */

struct stored {
	uint64_t position, last;
};

static uint32_t random_below(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* Writes until it is killed; tells what it would have stored. */
static _Noreturn void write_for_ever(int pipe_fd, struct stored from, uint32_t seed)
{
	struct journal *j = NULL;
	if (journal_open(&j, "j", &SMALL, NULL) < 0 || journal_cut(j, from.position, NULL) < 0 ||
		journal_replay(j, NULL, NULL, NULL) < 0)
		_exit(1);
	for (;;) {
		uint64_t more = random_below(&seed, 3) == 0 ? 7000 : random_below(&seed, 50);
		add_range(j, from.last + 1, from.last + more);
		from.last += more;
		if (journal_flush(j, &from.position, NULL) < 0)
			_exit(2);
		if (write(pipe_fd, &from, sizeof from) != (ssize_t)sizeof from)
			_exit(3);
	}
}

static struct stored kill_one(struct stored from, uint32_t *seed)
{
	int ends[2], status;
	assert_int_equal(pipe(ends), 0);
	uint32_t child_seed = random_below(seed, UINT32_MAX >> 8);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_for_ever(ends[1], from, child_seed);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &from, sizeof from), sizeof from);
	(void)usleep(1000 + random_below(seed, 20000));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	for (struct stored got; read(ends[0], &got, sizeof got) == (ssize_t)sizeof got;)
		from = got;
	(void)close(ends[0]);
	return from;
}

static void test_kill(void **s)
{
	(void)s;
	uint32_t seed = 20210106;
	struct journal *j = open_with(&SMALL);
	struct stored stored = {0};
	assert_replay(j, 0, 1, 0);
	stored.position = flush(j);
	journal_close(j);
	for (int round = 0; round < 30; round++) {
		stored = kill_one(stored, &seed);
		j = open_with(&SMALL);
		struct ids ids = {0};
		assert_int_equal(journal_cut(j, stored.position, NULL), 0);
		assert_int_equal(journal_replay(j, take_id, &ids, NULL), 0);
		assert_int_equal(journal_stats(j).bytes_lost, 0);
		assert_true(ids.count <= stored.last);
		for (size_t i = 0; i < ids.count; i++)
			assert_int_equal(ids.id[i], stored.last - ids.count + 1 + i);
		assert_true(stored.last < 7000 || ids.count >= 1000);
		free(ids.id);
		assert_int_equal(flush(j), stored.position);
		journal_close(j);
	}
	assert_true(NUMBER(stored.position) > 2); /* segments changed meanwhile */
}

/* ---- full disks ---- */

static void limit(rlim_t bytes)
{
	struct rlimit now;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
	now.rlim_cur = bytes < now.rlim_max ? bytes : now.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

/* No more room at each byte: nothing half-written stays, nothing that waits is lost. */
static void test_full_at_every_byte(void **s)
{
	(void)s;
	uint64_t first = OFFSET(make(3)), end = OFFSET(make(6));
	(void)signal(SIGXFSZ, SIG_IGN);
	for (uint64_t room = first; room < end; room++) {
		uint64_t stored = make(3), position = 1;
		struct fail why = {0};
		struct journal *j = open_with(&SMALL);
		assert_int_equal(journal_cut(j, stored, NULL), 0);
		assert_replay(j, 0, 1, 3);
		add_range(j, 4, 6);
		limit(room);
		assert_int_equal(journal_flush(j, &position, &why), -EFBIG);
		assert_string_equal(why.text, "j.1: cannot be written: File too large");
		assert_int_equal(position, 1);
		assert_int_equal(size_of("j.1"), first);
		limit(RLIM_INFINITY);
		if (room % 2 == 0) { /* there is room again */
			assert_int_equal(flush(j), AT(1, end));
			stored = AT(1, end);
		}
		journal_close(j);
		j = open_with(&SMALL);
		assert_replay(j, 0, 1, stored == AT(1, end) ? 6 : 3);
		assert_int_equal(journal_stats(j).bytes_lost, 0);
		journal_close(j);
	}
	(void)signal(SIGXFSZ, SIG_DFL);
}

/* More than waits in the buffer is refused and counted; then it goes on. */
static void test_full_for_long(void **s)
{
	(void)s;
	(void)make(3);
	(void)signal(SIGXFSZ, SIG_IGN);
	struct journal *j = open_with(&SMALL);
	assert_replay(j, 0, 1, 3);
	limit(1000);
	add_range(j, 4, 20000);
	struct journal_stats stats = journal_stats(j);
	assert_true(stats.refused > 10000);
	assert_int_equal(stats.refused + stats.records, 20000);
	uint64_t position = 0, kept = stats.records;
	assert_int_equal(journal_flush(j, &position, NULL), -EFBIG);
	limit(RLIM_INFINITY);
	(void)flush(j);
	add_range(j, kept + 1, kept + 1);
	(void)flush(j);
	assert_int_equal(journal_stats(j).refused, stats.refused);
	assert_int_equal(journal_stats(j).records, kept + 1);
	journal_close(j);
	(void)signal(SIGXFSZ, SIG_DFL);
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, kept + 1);
	journal_close(j);
}

/* A new segment's header cannot be written: the current one goes on when it can. */
static void test_full_at_the_change(void **s)
{
	(void)s;
	(void)make(4000);
	(void)signal(SIGXFSZ, SIG_IGN);
	struct journal *j = open_with(&SMALL);
	uint64_t position = 0;
	struct fail why = {0};
	assert_replay(j, 0, 1, 4000);
	add_range(j, 4001, 9000);
	assert_true(journal_due(j));
	limit(10);
	assert_int_equal(journal_flush(j, &position, &why), -EFBIG);
	assert_string_equal(why.text, "j.0: cannot be written: File too large");
	assert_int_equal(size_of("j.0"), 0);
	limit(RLIM_INFINITY);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(NUMBER(flush(j)), 2);
	assert_int_equal(journal_stats(j).records, 9000);
	journal_close(j);
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, 9000);
	journal_close(j);
}

static int out_of_tmpfs(void **state)
{
	int code = chdir(home);
	(void)umount2("full", MNT_DETACH);
	return tear_down(state) + code;
}

/* A disk that really is full: 256 KiB, of which something else has all but little. */
static void test_full_disk(void **s)
{
	(void)s;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	assert_int_equal(mkdir("full", 0700), 0);
	if (mount("none", "full", "tmpfs", 0, "size=256k") < 0)
		skip();
	assert_int_equal(chdir("full"), 0);
	uint64_t stored = make(10), position = 0;
	static const uint8_t other[200 << 10];
	write_file("other", other, sizeof other);
	struct journal *j = open_with(&SMALL);
	struct fail why = {0};
	assert_int_equal(journal_cut(j, stored, NULL), 0);
	assert_replay(j, 0, 1, 10);
	add_range(j, 11, 2000);
	assert_int_equal(journal_flush(j, &position, &why), -ENOSPC);
	assert_string_equal(why.text, "j.1: cannot be written: No space left on device");
	assert_int_equal(size_of("j.1"), OFFSET(stored));
	assert_int_equal(unlink("other"), 0);
	(void)flush(j);
	journal_close(j);
	j = open_with(&SMALL);
	assert_replay(j, 0, 1, 2000);
	assert_int_equal(journal_stats(j).bytes_lost + journal_stats(j).refused, 0);
	journal_close(j);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kill),
		TEST(test_full_at_every_byte),
		TEST(test_full_for_long),
		TEST(test_full_at_the_change),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, out_of_tmpfs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
