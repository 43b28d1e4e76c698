#include "cli/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/testing.h"

static char folder[] = "/tmp/postern-output-XXXXXX";

static const char *in_folder(char buf[static 64], const char *name)
{
	(void)snprintf(buf, 64, "%s/%s", folder, name);
	return buf;
}

static void check_content(const char *path, const char *want)
{
	char text[64] = {0};
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(want));
	(void)fclose(file);
	assert_string_equal(text, want);
}

static int write_text(const char *path, const char *text, struct fail *why)
{
	struct output output;
	struct out out = {0};
	int err = output_open(&output, path, why);
	if (err < 0)
		return err;
	out_text(&out, text);
	err = output_finish(&output, &out, why);
	out_fini(&out);
	return err;
}

static void test_appears_when_whole(void **s)
{
	(void)s;
	char path[64];
	struct output output;
	struct fail why = {0};
	struct out text = {0};
	(void)umask(027);
	assert_int_equal(output_open(&output, in_folder(path, "new"), &why), 0);
	assert_int_equal(access(path, F_OK), -1);
	out_text(&text, "whole\n");
	assert_int_equal(output_finish(&output, &text, &why), 0);
	check_content(path, "whole\n");
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	out_fini(&text);
	assert_int_equal(unlink(path), 0);
}

static void test_given_up_leaves_nothing(void **s)
{
	(void)s;
	char path[64];
	struct output output;
	struct fail why = {0};
	assert_int_equal(output_open(&output, in_folder(path, "never"), &why), 0);
	output_close(&output);
	output_close(&output); /* twice is fine */
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(folder), 0); /* no temporary file either */
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_replaces_what_a_link_points_to(void **s)
{
	(void)s;
	char path[64], link[64];
	struct fail why = {0};
	assert_int_equal(write_text(in_folder(path, "old"), "old", &why), 0);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(symlink("old", in_folder(link, "link")), 0);
	assert_int_equal(write_text(link, "new", &why), 0);
	check_content(path, "new");
	struct stat st;
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604); /* as it was */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
}

static void test_devices_are_written_to(void **s)
{
	(void)s;
	struct fail why = {0};
	struct stat st;
	assert_int_equal(write_text("/dev/null", "x", &why), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(write_text("/dev/full", "x", &why), -ENOSPC);
	assert_string_equal(why.text, "/dev/full: can't be written: No space left on device");
}

static void test_what_cannot_be_written_is_said(void **s)
{
	(void)s;
	struct fail why = {0};
	char path[64];
	assert_int_equal(write_text(in_folder(path, "no/such"), "x", &why), -ENOENT);
	assert_int_equal(write_text(folder, "x", &why), -EISDIR);
	struct output output;
	struct out text = {.failed = true}; /* memory had run out */
	assert_int_equal(output_open(&output, in_folder(path, "file"), &why), 0);
	assert_int_equal(output_finish(&output, &text, &why), -ENOMEM);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appears_when_whole),
		cmocka_unit_test(test_given_up_leaves_nothing),
		cmocka_unit_test(test_replaces_what_a_link_points_to),
		cmocka_unit_test(test_devices_are_written_to),
		cmocka_unit_test(test_what_cannot_be_written_is_said),
	};
	if (mkdtemp(folder) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(folder);
	return failed;
}
