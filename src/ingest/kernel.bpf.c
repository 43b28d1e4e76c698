/* SPDX-License-Identifier: Apache-2.0 OR BSD-2-Clause OR GPL-2.0-only
 *
 * Runs in the kernel: tells of every TCP connection that a process of this machine opens. Loaded by
 * kernel.c; needs no kernel headers, for the few fields read are declared here and found by their
 * names in the running kernel's own type information (CO-RE). */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_helpers.h>

/* enum bpf_map_type */
#define MAP_ARRAY   2
#define MAP_LRUHASH 9
#define MAP_RINGBUF 27

/* include/net/tcp_states.h */
#define ESTABLISHED 1
#define SYN_SENT    2
#define FIN_WAIT1   4
#define CLOSE       7
#define CLOSE_WAIT  8

#define PROTO_TCP 6
#define SOCK_DONE 1 /* enum sock_flags: the other side's FIN was taken */

#define SOCKETS_MAX                                                                   \
	65536 /* opened here and not closed yet; the one longest unheard of gives way \
	       */
#define RING_BYTES (1 << 21) /* 14,000 changes */

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
} KERNEL_TYPE;

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	unsigned long skc_flags;
} KERNEL_TYPE;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u16 sk_protocol;
} KERNEL_TYPE;

struct inet_sock {
	__be16 inet_sport;
} KERNEL_TYPE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
} KERNEL_TYPE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_sent, bytes_retrans, bytes_received;
	__u32 segs_in, segs_out, total_retrans;
} KERNEL_TYPE;

struct task_struct {
	struct task_struct *group_leader;
	char comm[16];
} KERNEL_TYPE;

/* What is handed over, in the machine's byte order; read by change_read() in sockets.c, in this
 * order and without gaps. */
struct record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 sock;    /* tells sockets apart while they are open */
	__u64 cgroup;
	__u64 bytes_sent, bytes_retrans, bytes_received;
	__u32 pid, uid;
	__u32 segs_in, segs_out, total_retrans;
	__s32 error;
	__u32 v4_from, v4_to;       /* network byte order, as what follows */
	__u32 v6_from[4], v6_to[4]; /* only when family says so */
	__be16 port_from, port_to;
	__u16 family;
	__u8 old_state, new_state;
	__u32 done;
	__u32 spare;
	char comm[16]; /* of the process that runs now: the client when it connects */
};
_Static_assert(sizeof(struct record) == 144, "sockets.c reads 144 bytes");

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, RING_BYTES);
} changes SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct {
	__uint(type, MAP_LRUHASH);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, __u64);
	__type(value, __u8);
} opened SEC(".maps");

static __inline void count_lost(void)
{
	const __u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&lost, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __inline void fill_addresses(struct record *r, const struct sock *sk)
{
	r->family = sk->__sk_common.skc_family;
	r->v4_from = sk->__sk_common.skc_rcv_saddr;
	r->v4_to = sk->__sk_common.skc_daddr;
	r->port_to = sk->__sk_common.skc_dport;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		r->v6_from[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		r->v6_to[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
	}
}

static __inline void fill_counts(struct record *r, struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	r->port_from = 0;
	r->bytes_sent = r->bytes_retrans = r->bytes_received = 0;
	r->segs_in = r->segs_out = r->total_retrans = 0;
	if (!tcp)
		return;
	/* the common part's own port is given back before the change to CLOSE is told */
	r->port_from = tcp->inet_conn.icsk_inet.inet_sport;
	r->bytes_sent = tcp->bytes_sent;
	r->bytes_retrans = tcp->bytes_retrans;
	r->bytes_received = tcp->bytes_received;
	r->segs_in = tcp->segs_in;
	r->segs_out = tcp->segs_out;
	r->total_retrans = tcp->total_retrans;
}

/* The process's name, not that of one of its threads ("firefox", not "Socket Thread"). */
static __inline void fill_process(struct record *r)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task(), *leader = 0;
	bpf_probe_read_kernel(&leader, sizeof leader, &task->group_leader);
	if (bpf_probe_read_kernel(r->comm, sizeof r->comm, leader->comm) < 0)
		bpf_get_current_comm(r->comm, sizeof r->comm);
}

static __inline void tell(struct sock *sk, __u8 old_state, __u8 new_state)
{
	struct record *r = bpf_ringbuf_reserve(&changes, sizeof *r, 0);
	if (!r) {
		count_lost();
		return;
	}
	__u64 user = bpf_get_current_uid_gid(), process = bpf_get_current_pid_tgid();
	r->time_ns = bpf_ktime_get_ns();
	r->sock = (__u64)sk;
	r->cgroup = bpf_get_current_cgroup_id();
	r->pid = process >> 32;
	r->uid = (__u32)user;
	r->error = sk->sk_err;
	r->done = (sk->__sk_common.skc_flags >> SOCK_DONE) & 1;
	r->old_state = old_state;
	r->new_state = new_state;
	r->spare = 0;
	fill_addresses(r, sk);
	fill_counts(r, sk);
	fill_process(r);
	bpf_ringbuf_submit(r, 0);
}

/* TP_PROTO(const struct sock *sk, const int oldstate, const int newstate) */
SEC("tp_btf/inet_sock_set_state")
int on_state(__u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	__u8 old_state = (__u8)ctx[1], new_state = (__u8)ctx[2];
	__u64 key = (__u64)sk;
	const __u8 yes = 1;
	if (sk->sk_protocol != PROTO_TCP)
		return 0;
	if (new_state == SYN_SENT) {
		bpf_map_update_elem(&opened, &key, &yes, 0);
	} else {
		/* accepted, or opened before: not for us */
		if (!bpf_map_lookup_elem(&opened, &key))
			return 0;
		if (new_state == CLOSE)
			bpf_map_delete_elem(&opened, &key);
		else if (new_state != ESTABLISHED && new_state != FIN_WAIT1 &&
			 new_state != CLOSE_WAIT)
			return 0;
	}
	tell(sk, old_state, new_state);
	return 0;
}

/* The kernel lets only programs under the GPL, too, look at its structures. */
char licence[] SEC("license") = "Dual BSD/GPL";
