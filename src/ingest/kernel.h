/* Kernel: every TCP connection that a process of this machine opens, and what came of it, with the
 * name of the process; told by the running Linux kernel itself (BPF, tracepoint
 * inet_sock_set_state). No packet is read. What it cannot tell: UDP, DNS, names, connections that
 * were open before; accepted ones are left out. */
#pragma once

#include "base/check.h"
#include "base/fail.h"
#include "event/event.h"

struct kernel_owner { /* who opened a connection */
	uint32_t pid; /* of the process, as the first PID namespace counts */
	uint32_t uid;
	uint64_t cgroup; /* inode number of its folder in /sys/fs/cgroup */
};

struct kernel_stats {
	uint64_t changes; /* of state, read */
	uint64_t lost;    /* for which the ring had no room: Postern was too slow */
	uint64_t evicted; /* connections forgotten untold because the table was full */
	uint64_t unsent;  /* attempts that failed within this machine, before any packet */
	uint64_t strange; /* changes of unknown form */
};

struct kernel;

/* Owns everything until kernel_close(). Fails, saying what is missing: -ENOTSUP (built without it;
 * a kernel before 5.8; one without BTF), -EPERM (CAP_BPF, CAP_PERFMON), -ENOMEM, else as libbpf
 * says. */
MUST_USE int kernel_open(struct kernel **ret, struct fail *why);
void kernel_close(struct kernel *k);

/* Never waits: poll kernel_fd() for reading, at most a second, then call until it gives 0. Returns
 * 1 and a conn event, borrowed until the next call; 0 when there is none now. Events come in the
 * order in which their outcomes became known; a connection that stays open is settled after 10 s.
 * conn.process is the process's name as the kernel has it: 15 bytes, and the process's own choice.
 * ret_owner may be NULL. */
MUST_USE int kernel_next(struct kernel *k, const struct event **ret, struct kernel_owner *ret_owner,
	struct fail *why);
int kernel_fd(const struct kernel *k);

struct kernel_stats kernel_stats(const struct kernel *k);
