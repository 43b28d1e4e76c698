#include "flow/conversation.h"

/* A last SYN this close to the end of the input may still have been answered. */
#define UNDECIDED_NS (3 * NS_PER_S)
/* A request that has waited this long on an open connection at the end of the input is not going to
 * be answered. */
#define STALL_NS (10 * NS_PER_S)
/* An established session whose client has sent the same data this often, for this long, unheard, is
 * dead. */
#define STALL_REPEATS 3
#define DEAD_NS       (3 * NS_PER_S)
/* A RST after a ClientHello within this, before application data: the hello was the reason. */
#define HELLO_CUT_NS (10 * NS_PER_S)

static struct verdict says(enum outcome outcome, int64_t fail_ns)
{
	return (struct verdict){.outcome = outcome, .fail_ns = fail_ns};
}

static struct verdict unanswered(const struct conversation *c, int64_t now_ns, bool finishing)
{
	if (c->icmp_ns != 0)
		return says(OUTCOME_UNREACHABLE, c->icmp_ns);
	if (c->rst_ns[SERVER] != 0)
		return says(OUTCOME_REFUSED, c->rst_ns[SERVER]);
	if (c->rst_ns[CLIENT] != 0 || (finishing && now_ns - c->syn_ns < UNDECIDED_NS))
		return says(OUTCOME_UNKNOWN, 0); /* withdrawn by the client, or too early to tell */
	struct verdict v = says(OUTCOME_SILENT, c->syn_ns);
	/* timers double: after 0, 3, 9 s the client leaves at 21 s */
	if (c->key.proto == IP_TCP && c->syn_before_ns != 0)
		v.leave_ns = c->syn_ns + 2 * (c->syn_ns - c->syn_before_ns);
	return v;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Open, and the server never sent a byte of payload. */
static struct verdict mute(const struct conversation *c, int64_t now_ns, bool finishing)
{
	if (c->rst_ns[SERVER] != 0 && c->fin_ns[SERVER] == 0)
		return says(OUTCOME_RESET, c->rst_ns[SERVER]);
	if (c->bytes[CLIENT] ==
		0) /* the port answered, and nothing was asked: neither success nor failure */
		return says(OUTCOME_UNKNOWN, 0);
	/* The client goes on when the server closes (Danabot: 10 ms after the server's FIN, before
	 * its own). A stray RST of its own does not end its wait (Hancitor). */
	int64_t when = earliest(c->fin_ns[SERVER], c->rst_ns[SERVER]);
	if (when == 0)
		when = c->fin_ns[CLIENT];
	if (when == 0 && c->rst_ns[CLIENT] == 0 && finishing && now_ns - c->last_ns < STALL_NS)
		return says(OUTCOME_UNKNOWN, 0);
	return says(OUTCOME_STALLED, when != 0 ? when : c->last_ns);
}

static bool went_dead(const struct conversation *c)
{
	return c->repeats >= STALL_REPEATS && c->fin_ns[SERVER] == 0 && c->rst_ns[SERVER] == 0 &&
	       c->last_ns - c->heard_ns > DEAD_NS;
}

static struct verdict tcp_verdict(const struct conversation *c, int64_t now_ns, bool finishing)
{
	if (c->answer_ns == 0)
		return c->joined ? says(OUTCOME_UNKNOWN, 0) : unanswered(c, now_ns, finishing);
	if (c->packets[SERVER] ==
		0) /* data went out, so it was open; one direction only was seen */
		return says(OUTCOME_UNKNOWN, 0);
	if (c->bytes[SERVER] == 0)
		return mute(c, now_ns, finishing);
	if (c->alert_ns != 0)
		return says(OUTCOME_TLS_ALERT, c->alert_ns);
	if (c->tls_hello && !c->tls_data && c->rst_ns[SERVER] != 0 &&
		(!c->tls_server_hello || c->rst_ns[SERVER] - c->start_ns < HELLO_CUT_NS))
		return says(OUTCOME_RESET, c->rst_ns[SERVER]);
	if (c->statuses_bad > 0 && c->statuses_ok == 0)
		return says(OUTCOME_HTTP_ERROR, c->status_ns);
	if (went_dead(c))
		return says(OUTCOME_STALLED, c->last_ns);
	return says(OUTCOME_OK, 0);
}

struct verdict conversation_verdict(const struct conversation *c, int64_t now_ns, bool finishing)
{
	if (c->key.proto == IP_TCP)
		return tcp_verdict(c, now_ns, finishing);
	if (c->packets[SERVER] > 0 && c->packets[CLIENT] > 0)
		return says(OUTCOME_OK, 0);
	if (c->packets[CLIENT] == 0 || c->inferred)
		return says(OUTCOME_UNKNOWN, 0);
	return unanswered(c, now_ns, finishing);
}

bool conversation_answered(const struct conversation *c)
{
	if (c->key.proto != IP_TCP)
		return c->packets[SERVER] > 0 && c->packets[CLIENT] > 0;
	if (c->bytes[SERVER] == 0)
		return false;
	if (c->talk != NOBODY && c->service == 0)
		return false; /* the first messages will tell */
	if (c->tls_hello)
		return c->tls_data;
	return c->status_ns == 0 || c->statuses_ok > 0;
}
