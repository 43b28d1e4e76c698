#include "alert/alert.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "alert/sink.h"
#include "base/clock.h"
#include "base/testing.h"

#define ID "00112233445566778899aabbccddeeff"

static int enter(void **state)
{
	static char folder[32];
	(void)snprintf(folder, sizeof folder, "/tmp/alert-XXXXXX");
	*state = folder;
	return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

/* The folders of a test are few and flat. */
static int leave(void **state)
{
	char command[64];
	(void)snprintf(command, sizeof command, "rm -rf %s", (const char *)*state);
	return chdir("/") < 0 ? -1 : system(command); /* NOLINT(cert-env33-c) */
}

static void test_targets(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *port, *place, *shown;
	} good[] = {
		{"syslog:", "", "", "/dev/log", "syslog:"},
		{"syslog:/run/log", "", "", "/run/log", "syslog:/run/log"},
		{"syslog:logs.example:514", "logs.example", "514", "logs.example:514",
			"syslog:logs.example:514"},
		{"syslog+tcp:[2001:db8::5]:601", "2001:db8::5", "601", "[2001:db8::5]:601",
			"syslog+tcp:[2001:db8::5]:601"},
		{"journal:", "", "", "/run/systemd/journal/socket", "journal:"},
		{"eve:/var/log/eve.json", "", "", "/var/log/eve.json", "eve:/var/log/eve.json"},
		{"webhook:https://u:secret@a.example:8443/T0/secret?key=1", "", "",
			"https://u:secret@a.example:8443/T0/secret?key=1",
			"webhook:https://a.example:8443"},
	};
	static const char *const bad[] = {"", "x", "mail:a", "syslog:host", "syslog:host:0",
		"syslog:host:65536", "syslog:host:5x", "syslog:2001:db8::5:514",
		"syslog+tcp:", "syslog+tcp:/x", "eve:", "webhook:", "webhook:ftp://a",
		"webhook:https://", "webhook:https:///x", "webhook:https://a/\n",
		"webhook:http://u@"};
	struct alert_target t;
	struct fail why = {0};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(alert_target_parse(good[i].text, &t, &why), 0);
		assert_string_equal(t.host, good[i].host);
		assert_string_equal(t.port, good[i].port);
		assert_string_equal(t.place, good[i].place);
		assert_string_equal(t.shown, good[i].shown);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(alert_target_parse(bad[i], &t, &why), -EINVAL);
		assert_non_null(strstr(why.text, "--alert "));
	}
	char *huge = calloc(1, 4000);
	for (size_t i = 0; i < 3999; i++)
		huge[i] = "eve:a"[i < 4 ? i : 4];
	assert_int_equal(alert_target_parse(huge, &t, &why), -EINVAL);
	free(huge);
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void test_spool(void **state)
{
	(void)state;
	struct spool *s = NULL, *other = NULL;
	struct fail why = {0};
	struct spool_item item = {.number = 7, .id = ID, .bytes = 5}, list[4];
	size_t count = 9;
	char *text = NULL;
	assert_int_equal(spool_open(&s, "spool", "key", &why), 0);
	assert_int_equal(spool_open(&other, "spool", "key", &why), -EBUSY);
	assert_int_equal(spool_put(s, &item, "hello"), 0);
	item.number = 3;
	assert_int_equal(spool_put(s, &item, "small"), 0);
	spool_close(s);
	/* what a killed run and others leave */
	put_file("spool/key/new", "half");
	put_file("spool/key/readme", "none of ours");
	put_file("spool/key/00000000000000000009-" ID, "");
	assert_int_equal(spool_open(&s, "spool", "key", &why), 0);
	assert_int_equal(access("spool/key/new", F_OK), -1);
	assert_int_equal(spool_list(s, list, 4, &count, &why), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].number, 3);
	assert_int_equal(list[1].number, 7);
	assert_string_equal(list[1].id, ID);
	assert_int_equal(list[1].bytes, 5);
	assert_int_equal(spool_get(s, &list[1], &text), 0);
	assert_string_equal(text, "hello");
	free(text);
	spool_drop(s, &list[1]);
	assert_int_equal(spool_get(s, &list[1], &text), -ENOENT);
	spool_close(s);
}

static int listener(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = 20};
	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

/* Nobody listens: the queue fills, the rest is counted, and who tells does not wait. Then somebody
 * does, and gets all that was kept, in order. */
static void test_a_queue_is_bounded(void **state)
{
	char target[64], text[32], got[64];
	(void)snprintf(target, sizeof target, "journal:%s/socket", (const char *)*state);
	const char *targets[] = {target};
	const struct alerts_options o = {.target = targets, .targets = 1};
	struct alerts *a = NULL;
	struct alert_health h;
	struct fail why = {0};
	assert_int_equal(alerts_open(&a, &o, &why), 0);
	assert_true(alerts_want(a, ALERT_JOURNAL));
	assert_false(alerts_want(a, ALERT_EVE));
	for (unsigned i = 0; i < ALERT_WAITING_MAX + 10; i++) {
		(void)snprintf(text, sizeof text, "MESSAGE=%u\n", i);
		alerts_tell(a, &(struct alert){.id = ID, .text = {[ALERT_JOURNAL] = text}});
	}
	alerts_tell(a, &(struct alert){.id = ID, .text = {[ALERT_EVE] = "not for it"}});
	alerts_health(a, 0, &h);
	assert_int_equal(h.waiting, ALERT_WAITING_MAX);
	assert_int_equal(h.lost, 10);
	int fd = listener("socket");
	for (unsigned i = 0; i < ALERT_WAITING_MAX; i++) {
		(void)snprintf(text, sizeof text, "MESSAGE=%u\n", i);
		ssize_t len = recv(fd, got, sizeof got - 1, 0);
		assert_true(len > 0);
		got[len] = '\0';
		assert_string_equal(got, text);
	}
	assert_int_equal(alerts_close(a, NS_PER_S), 0);
	(void)close(fd);
}

static void test_the_end_does_not_wait_for_ever(void **state)
{
	(void)state;
	const char *targets[] = {"journal:/nowhere/socket", "webhook:http://127.0.0.1:1/"};
	const struct alerts_options o = {
		.target = targets, .targets = 2, .spool = "kept", .spool_bytes = 30};
	struct alerts *a = NULL;
	struct fail why = {0};
	struct alert_health h;
	assert_int_equal(alerts_open(&a, &o, &why), 0);
	const struct alert alert = {.id = ID,
		.text = {[ALERT_JOURNAL] = "MESSAGE=x\n", [ALERT_JSON] = "{\"x\":\"0123456789\"}"}};
	alerts_tell(a, &alert);
	alerts_tell(a, &alert); /* no room for it on disk */
	alerts_health(a, 1, &h);
	assert_int_equal(h.waiting, 1);
	assert_int_equal(h.lost, 1);
	int64_t began_ns = clock_steady_ns();
	assert_int_equal(alerts_close(a, 2 * NS_PER_S), 2);
	assert_true(clock_steady_ns() - began_ns < 10 * NS_PER_S);
	/* the other one is on disk still */
	assert_int_equal(alerts_open(&a, &o, &why), 0);
	alerts_health(a, 1, &h);
	assert_int_equal(h.waiting, 1);
	assert_int_equal(alerts_close(a, 0), 0);
}

static void test_wrong_options(void **state)
{
	(void)state;
	struct alerts *a = NULL;
	struct fail why = {0};
	const char *hook[] = {"webhook:http://127.0.0.1:1/"};
	assert_int_equal(
		alerts_open(&a, &(struct alerts_options){.target = hook, .targets = 1}, &why),
		-EINVAL);
	assert_non_null(strstr(why.text, "--alert-spool"));
	assert_int_equal(alerts_open(&a,
				 &(struct alerts_options){.target = hook,
					 .targets = 1,
					 .spool = "/proc/none",
					 .spool_bytes = 1000},
				 &why),
		-ENOENT);
	assert_int_equal(
		alerts_open(&a, &(struct alerts_options){.targets = ALERT_TARGETS_MAX + 1}, &why),
		-E2BIG);
	assert_null(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test_setup_teardown(test_spool, enter, leave),
		cmocka_unit_test_setup_teardown(test_a_queue_is_bounded, enter, leave),
		cmocka_unit_test_setup_teardown(test_the_end_does_not_wait_for_ever, enter, leave),
		cmocka_unit_test_setup_teardown(test_wrong_options, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
