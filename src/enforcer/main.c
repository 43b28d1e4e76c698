/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * postern-enforcer: the half of postern guard that may change the firewall, and does nothing else.
 * It is started by postern guard, with its end of a socket pair as file 3, and ends with it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "enforcer/confine.h"
#include "enforcer/denied.h"
#include "enforcer/flows.h"
#include "enforcer/rules.h"
#include "enforcer/table.h"

struct enforcer {
	struct rules *rules;
	struct table *table;
	struct denied *denied;
	struct nfct_handle *flows;
	uint32_t untold; /* denials that the guard had no room for */
	bool closed;
};

static int64_t steady_ns(void)
{
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void tell_denied(void *context, const struct guard_reply *reply)
{
	struct enforcer *e = context;
	struct guard_reply r = *reply;
	r.lost += e->untold;
	if (send(GUARD_FD, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		e->untold++;
}

/* The kernel's part of a hello. */
static int open_all(struct enforcer *e, const struct guard_command *c)
{
	int code = table_open(&e->table, c);
	if (code == 0)
		code = denied_open(&e->denied, tell_denied, e);
	if (code == 0 && (e->flows = flows_open()) == NULL)
		code = -errno;
	return code;
}

/* What is established no longer passes in any case: this is for rules and flow tables that would
 * let it. How many flows. */
static uint32_t cut_flows(struct enforcer *e, const struct guard_command *c)
{
	struct guard_command contain = {.kind = GUARD_CONTAIN};
	const struct rules *r = e->rules;
	int cut = 0;
	if (c->kind == GUARD_BLOCK || c->kind == GUARD_CONTAIN)
		cut = flows_cut(e->flows, r, c, steady_ns());
	for (uint32_t i = 0; c->kind == GUARD_REPLACE && i < r->containeds; i++) {
		memcpy(contain.host, r->contained[i].host, 16);
		if (r->contained[i].until_ns > steady_ns())
			cut += flows_cut(e->flows, r, &contain, steady_ns());
	}
	return cut < 0 ? 0 : (uint32_t)cut;
}

static int carry_out(struct enforcer *e, const struct guard_command *c, uint32_t *ret_count)
{
	if (c->kind == GUARD_HELLO)
		return open_all(e, c);
	bool gathers = c->kind == GUARD_NEVER || c->kind == GUARD_ALLOW;
	if (c->kind == GUARD_GATHER || (gathers && e->rules->gathering))
		return 0;
	int code = table_change(e->table, e->rules, c);
	if (code < 0)
		return code;
	rules_done(e->rules, c, steady_ns());
	*ret_count = cut_flows(e, c);
	return 0;
}

static void answer(struct enforcer *e, const struct guard_command *c)
{
	struct guard_reply r = {.version = GUARD_VERSION, .kind = GUARD_DONE, .serial = c->serial};
	r.reason = rules_ask(e->rules, c, steady_ns());
	int code = r.reason == GUARD_REASON_NONE ? carry_out(e, c, &r.count) : 0;
	if (code == -ENFILE || code == -ENOSPC)
		r.reason = GUARD_REASON_FULL;
	else if (code < 0)
		r.reason = GUARD_REASON_KERNEL;
	r.error_number = (uint32_t)-code;
	if (r.reason != GUARD_REASON_NONE)
		r.kind = GUARD_REFUSED;
	(void)send(GUARD_FD, &r, sizeof r, MSG_NOSIGNAL);
	/* without its table it would be of no use, and the guard starts another */
	e->closed |= code == 0 && c->kind == GUARD_CLOSE && r.reason == GUARD_REASON_NONE;
	e->closed |= code < 0 && c->kind == GUARD_HELLO;
}

/* False: the guard is gone. */
static bool take_command(struct enforcer *e)
{
	struct guard_command c;
	ssize_t len = recv(GUARD_FD, &c, sizeof c, MSG_TRUNC);
	if (len < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (len <= 0)
		return false;
	if ((size_t)len != sizeof c)
		c = (struct guard_command){0}; /* of another build: refused for its version */
	answer(e, &c);
	return true;
}

static bool is_started_by_guard(void)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof type;
	return getsockopt(GUARD_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_SEQPACKET &&
	       getsockopt(GUARD_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_UNIX;
}

static void serve(struct enforcer *e)
{
	bool guard = true;
	while (guard && !e->closed) {
		struct pollfd fds[2] = {{.fd = GUARD_FD, .events = POLLIN},
			{.fd = e->denied != NULL ? denied_fd(e->denied) : -1, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents != 0)
			denied_take(e->denied);
		if (fds[0].revents != 0)
			guard = take_command(e);
	}
}

int main(int argc, char **argv)
{
	struct enforcer e = {0};
	(void)argv;
	if (argc != 1 || !is_started_by_guard()) {
		(void)fputs("postern-enforcer: postern guard starts it: see postern help guard\n",
			stderr);
		return 2;
	}
	/* a terminal's ^C is for the guard, which decides what becomes of the table */
	(void)signal(SIGINT, SIG_IGN);
	e.rules = calloc(1, sizeof *e.rules);
	bool ready = e.rules != NULL && confine() == 0;
	if (ready)
		serve(&e);
	denied_close(e.denied);
	flows_close(e.flows);
	table_close(e.table);
	free(e.rules);
	return ready ? 0 : 3;
}
