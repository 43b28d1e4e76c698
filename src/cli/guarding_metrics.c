/* Metrics (Prometheus' text format 0.0.4) and health over HTTP, for programs of this machine. */
#include "cli/guarding_metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scan.h"
#include "cli/guarding_private.h"

/* Programs at once; more wait in the kernel's queue. */
#define CLIENTS_MAX 16u
/* To ask, and to take the answer, however slowly. */
#define CLIENT_NS (10 * NS_PER_S)
#define QUIET_S   5u
/* Of one request: its line and header. */
#define CLIENT_BYTES ((size_t)16 << 10)

struct client {
	int fd; /* -1: none */
	int64_t since_ns;
};

struct metrics {
	struct MHD_Daemon *daemon;
	struct client client[CLIENTS_MAX];
	const struct guarding *guarding;
};

/* ---- the text ---- */

static void say_head(struct out *o, const char *name, const char *type, const char *help)
{
	out_printf(o, "# HELP postern_%s %s\n# TYPE postern_%s %s\n", name, help, name, type);
}

static void say_one(struct out *o, const char *name, const char *type, const char *help, double n)
{
	say_head(o, name, type, help);
	out_printf(o, "postern_%s %.17g\n", name, n);
}

/* label: ours, of letters and "_". */
static void say_row(struct out *o, const char *name, const char *label, const char *is, double n)
{
	out_printf(o, "postern_%s{%s=\"%s\"} %.17g\n", name, label, is, n);
}

static void say_counts(struct out *o, const struct guarding *g)
{
	say_head(o, "guard_findings_total", "counter", "Findings, each once.");
	for (int kind = 0; kind < KIND_COUNT; kind++)
		say_row(o, "guard_findings_total", "kind",
			finding_kind_name((enum finding_kind)kind),
			(double)g->counts.finding[kind]);
	say_head(o, "guard_changes_total", "counter", "What was done with changes.");
	for (int act = ACT_NONE + 1; act < ACT_COUNT; act++)
		say_row(o, "guard_changes_total", "act", guard_act_name((enum guard_act)act),
			(double)g->counts.act[act]);
}

static void say_limits(struct out *o, const struct guarding *g, const struct guarding_gauges *m)
{
	const struct guard_rules *r = &g->options.rules;
	const struct {
		const char *name;
		size_t now, max;
	} row[] = {{"blocked", m->blocked, r->channels}, {"hosts", m->contained, r->hosts},
		{"changes_a_minute", m->changes, r->changes},
		{"never_block", g->never.count, NEVER_MAX}};
	say_head(o, "guard_used", "gauge", "How much of each limit is used.");
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		say_row(o, "guard_used", "limit", row[i].name, (double)row[i].now);
	say_head(o, "guard_limit", "gauge", "The limits.");
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		say_row(o, "guard_limit", "limit", row[i].name, (double)row[i].max);
}

static void say_enforcer(struct out *o, const struct guarding *g)
{
	say_one(o, "guard_enforcing", "gauge", "0: a dry run.", g->options.enforce);
	say_one(o, "guard_enforcer_up", "gauge", "Whether postern-enforcer runs.", g->link != NULL);
	say_one(o, "guard_enforcer_ends_total", "counter",
		"How often postern-enforcer ended unasked.", (double)g->counts.losses);
	say_one(o, "guard_denied_packets_total", "counter",
		"Packets that were dropped for what is in force, and told.", (double)g->denials);
	say_one(o, "guard_denied_not_told_total", "counter", "At least so many more were dropped.",
		(double)g->lost);
}

static void say_policy(struct out *o, const struct guarding *g)
{
	if (g->options.policy_path == NULL && g->options.baseline_path == NULL)
		return;
	say_one(o, "guard_policy_loaded_timestamp_seconds", "gauge", "When the policy was read.",
		(double)g->policy_ns / 1e9);
	say_one(o, "guard_policy_load_failed", "gauge",
		"1: when it was last read anew something was wrong with it.",
		g->policy_failed.code != 0);
}

static void say_cases(struct out *o, const struct guarding *g)
{
	if (g->cases == NULL)
		return;
	struct cases_stats s = cases_stats(g->cases);
	say_one(o, "guard_cases_failed", "gauge",
		"1: what is told can't be written to the file of --cases.", g->cases_failed);
	say_one(o, "guard_cases_written_total", "counter", "Rows that are in the file.",
		(double)s.written);
	say_one(o, "guard_cases_waiting", "gauge", "Rows that wait for the disk.",
		(double)s.waiting);
	say_one(o, "guard_cases_dropped_total", "counter", "Rows that found no room to wait.",
		(double)s.dropped);
}

static void say_watch(struct out *o, const struct watch_health *h)
{
	say_one(o, "guard_packets_total", "counter", "Packets that were taken.",
		(double)h->sources.packets);
	say_one(o, "guard_packets_lost_total", "counter", "Packets that came too fast.",
		(double)h->sources.packets_lost);
	say_one(o, "guard_given_up_total", "counter",
		"Conversations, questions, names and events of hosts that found no room.",
		(double)h->given_up);
	say_one(o, "guard_behind_seconds", "gauge",
		"From the latest packet's time to its being taken.", (double)h->behind_ns / 1e9);
	say_one(o, "guard_hosts", "gauge", "Hosts that are remembered.", (double)h->hosts);
	say_one(o, "guard_cpu_seconds_total", "counter", "Time of processors, of this process.",
		(double)h->cpu_ns / 1e9);
	say_one(o, "guard_memory_peak_bytes", "gauge", "The most memory it ever had.",
		(double)h->peak_bytes);
}

static void say_metrics(struct out *o, const struct guarding *g, const struct guarding_gauges *m)
{
	say_head(o, "build_info", "gauge", "The version that runs.");
	say_row(o, "build_info", "version", POSTERN_VERSION, 1);
	say_one(o, "guard_start_time_seconds", "gauge", "When it was started.",
		(double)g->since_ns / 1e9);
	say_one(o, "guard_healthy", "gauge", "As /health says.", m->ill == NULL);
	say_watch(o, &m->watch);
	say_counts(o, g);
	say_limits(o, g, m);
	say_enforcer(o, g);
	say_policy(o, g);
	say_cases(o, g);
}

/* ---- HTTP ---- */

static enum MHD_Result send_text(struct MHD_Connection *to, unsigned status, struct out *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(text->len, text->text, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	bool made = MHD_add_response_header(r, "Content-Type",
			    "text/plain; version=0.0.4; charset=utf-8") == MHD_YES &&
	            MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES &&
	            MHD_add_response_header(r, "Connection", "close") == MHD_YES &&
	            (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
			    MHD_add_response_header(r, "Allow", "GET, HEAD") == MHD_YES);
	enum MHD_Result done = made ? MHD_queue_response(to, status, r) : MHD_NO;
	MHD_destroy_response(r);
	return done;
}

/* Its form is the library's. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result answer(void *context, struct MHD_Connection *from, const char *url,
	const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	const struct metrics *metrics = context;
	struct guarding_gauges m;
	struct out text = {0};
	unsigned status = MHD_HTTP_OK;
	(void)version, (void)body, (void)state;
	*body_len = 0; /* whatever it is, it is not read */
	guarding_measure(metrics->guarding, &m);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
		out_text(&text, "GET and HEAD are answered\n");
	} else if (strcmp(url, "/metrics") == 0) {
		say_metrics(&text, metrics->guarding, &m);
	} else if (strcmp(url, "/health") == 0) {
		status = m.ill == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
		out_printf(&text, "%s\n", m.ill == NULL ? "ok" : m.ill);
	} else {
		status = MHD_HTTP_NOT_FOUND;
		out_text(&text, "/metrics and /health are here\n");
	}
	enum MHD_Result done = text.failed ? MHD_NO : send_text(from, status, &text);
	out_fini(&text);
	return done;
}

/* Who comes and goes; the library knows of idle time only. */
static void note(void *context, struct MHD_Connection *who, void **state,
	enum MHD_ConnectionNotificationCode what)
{
	struct metrics *m = context;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(who, MHD_CONNECTION_INFO_CONNECTION_FD);
	(void)state;
	if (info == NULL)
		return;
	bool comes = what == MHD_CONNECTION_NOTIFY_STARTED;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (m->client[i].fd == (comes ? -1 : info->connect_fd)) {
			m->client[i] =
				(struct client){comes ? info->connect_fd : -1, clock_steady_ns()};
			return;
		}
}

void metrics_turn(struct metrics *m)
{
	int64_t now_ns = clock_steady_ns();
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (m->client[i].fd >= 0 && now_ns - m->client[i].since_ns > CLIENT_NS)
			(void)shutdown(m->client[i].fd, SHUT_RDWR);
	(void)MHD_run(m->daemon);
}

/* ---- listening ---- */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ADDRESS:PORT or [ADDRESS]:PORT. Returns its length; 0: it is none, or (not exposed) not this
 * machine's own. */
static socklen_t read_where(const char *where, bool exposed, union socket_address *ret)
{
	struct span all = span_of(where);
	const char *colon = strrchr(where, ':');
	struct addr a;
	uint64_t port = 0;
	if (colon == NULL || scan_u64(span_of(colon + 1), &port) < 0 || port < 1 || port > 65535)
		return 0;
	struct span host = {all.ptr, (size_t)(colon - where)};
	if (host.len > 2 && where[0] == '[' && colon[-1] == ']')
		host = (struct span){all.ptr + 1, host.len - 2};
	if (scan_addr(host, &a) < 0)
		return 0;
	*ret = (union socket_address){0};
	if (addr_is_v4(&a)) {
		if (!exposed && a.byte[12] != 127)
			return 0;
		ret->v4 = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		memcpy(&ret->v4.sin_addr, a.byte + 12, 4);
		return sizeof ret->v4;
	}
	ret->v6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	memcpy(&ret->v6.sin6_addr, a.byte, 16);
	return exposed || IN6_IS_ADDR_LOOPBACK(&ret->v6.sin6_addr) ? sizeof ret->v6 : 0;
}

static int listen_at(const char *where, bool exposed, struct fail *why)
{
	union socket_address at;
	int on = 1;
	socklen_t len = read_where(where, exposed, &at);
	if (len == 0)
		return fail_set(why, -EINVAL,
			"--metrics %.60s: give 127.0.0.1:PORT or [::1]:PORT; with "
			"--metrics-exposed any ADDRESS:PORT of this machine",
			where);
	int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		bind(fd, &at.any, len) == 0 && listen(fd, (int)CLIENTS_MAX) == 0)
		return fd;
	int code = -errno;
	if (fd >= 0)
		(void)close(fd);
	return fail_set(why, code, "--metrics %.60s: %s%s", where, strerror(-code),
		code == -EACCES ? ": take a port over 1023" : "");
}

int metrics_open(struct metrics **ret, const struct guarding *g, struct fail *why)
{
	struct metrics *m = calloc(1, sizeof *m);
	if (m == NULL)
		return fail_set(why, -ENOMEM, "out of memory");
	m->guarding = g;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		m->client[i].fd = -1;
	int fd = listen_at(g->options.metrics, g->options.metrics_exposed, why);
	if (fd < 0) {
		free(m);
		return fd;
	}
	m->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, m,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CLIENTS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, QUIET_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		CLIENT_BYTES, MHD_OPTION_NOTIFY_CONNECTION, note, m, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		m->daemon == NULL ? NULL : MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event event = {.events = EPOLLIN};
	if (info == NULL || epoll_ctl(g->wake, EPOLL_CTL_ADD, info->epoll_fd, &event) < 0) {
		if (m->daemon == NULL)
			(void)close(fd);
		metrics_close(m);
		return fail_set(why, -EIO, "--metrics: HTTP can't be started");
	}
	*ret = m;
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (m != NULL && m->daemon != NULL)
		MHD_stop_daemon(m->daemon);
	free(m);
}
