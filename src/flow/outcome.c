/* Outcomes: the order of the rules is their meaning; each comes from captures of malware or of
 * working software that looks like it. */
#include "flow/conversation.h"

/* A last SYN this close to the end of the input may still have been answered. */
#define UNDECIDED_NS (3 * NS_PER_S)
/* A request that has waited this long on an open connection at the end of the input is not going to
 * be answered. */
#define STALL_NS (10 * NS_PER_S)
/* An established session whose client has sent the same data REPEATS_MAX times, for this long,
 * unheard, is dead. */
#define DEAD_NS (3 * NS_PER_S)
/* A RST after a ClientHello within this, before application data: the hello was the reason. */
#define HELLO_CUT_NS (10 * NS_PER_S)

static struct verdict says(enum outcome outcome, int64_t fail_ns)
{
	return (struct verdict){.outcome = outcome, .fail_ns = fail_ns};
}

static struct verdict unknown(void)
{
	return says(OUTCOME_UNKNOWN, 0);
}

static struct verdict silent(const struct conversation *c, int64_t now_ns, bool early)
{
	if (early && now_ns - c->try_ns < UNDECIDED_NS)
		return unknown();
	struct verdict v = says(OUTCOME_SILENT, c->try_ns);
	/* timers double: after 0, 3, 9 s the client leaves at 21 s */
	if (key_proto(&c->key) == IP_TCP && c->try_before_ns != 0 && c->try_ns > c->try_before_ns)
		v.leave_ns = c->try_ns + 2 * (c->try_ns - c->try_before_ns);
	return v;
}

static struct verdict unanswered(const struct conversation *c, int64_t now_ns, bool early)
{
	if (c->denied)
		return says(OUTCOME_DENIED, c->try_ns);
	if (c->icmp_ns != 0)
		return says(OUTCOME_UNREACHABLE, c->icmp_ns);
	if (c->rst_ns[SERVER] != 0)
		return says(OUTCOME_REFUSED, c->rst_ns[SERVER]);
	if (c->rst_ns[CLIENT] != 0)
		return unknown(); /* it was answered, unseen, or the client withdrew */
	if (c->logged)
		return unknown(); /* the rule need not match answers */
	return silent(c, now_ns, early);
}

/* Whether the server, or the target behind the proxy, sent anything but a proxy's consent. */
static bool has_answer(const struct conversation *c)
{
	return c->data && (!c->tunnel || c->inside || c->blind);
}

/* SYN/ACK, and nothing of the client's after it. */
static struct verdict half_open(const struct conversation *c, int64_t now_ns, bool early)
{
	/* the client never saw the answer, or had left before it came */
	if (c->resyn || (c->rst_ns[CLIENT] != 0 && c->tries > 1))
		return silent(c, now_ns, early);
	int64_t rst = c->rst_ns[SERVER];
	if (rst != 0 && c->fin_ns[SERVER] == 0 && rst - c->try_ns <= RST_ANSWERS_NS)
		return says(OUTCOME_RESET, rst);
	/* a scanner that has seen enough: the port is open */
	return c->rst_ns[CLIENT] != 0 ? says(OUTCOME_OK, 0) : unknown();
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Open, and the server never sent a byte of payload. */
static struct verdict mute(const struct conversation *c, int64_t now_ns, bool early)
{
	if (c->rst_ns[SERVER] != 0 && c->fin_ns[SERVER] == 0)
		return says(OUTCOME_RESET, c->rst_ns[SERVER]);
	if (c->bytes[CLIENT] == 0)
		return unknown(); /* the port answered, and nothing was asked: neither success nor
		                     failure */
	/* The client goes on when the server closes (Danabot: 10 ms after the server's FIN, before
	 * its own). A stray RST of its own does not end its wait (Hancitor). */
	int64_t when = earliest(c->fin_ns[SERVER], c->rst_ns[SERVER]);
	if (when == 0)
		when = c->fin_ns[CLIENT];
	if (when == 0 && c->rst_ns[CLIENT] == 0 && early && now_ns - c->ask_ns < STALL_NS)
		return unknown();
	return says(OUTCOME_STALLED, when != 0 ? when : c->last_ns);
}

static bool went_dead(const struct conversation *c)
{
	return c->repeats == REPEATS_MAX && c->fin_ns[SERVER] == 0 && c->rst_ns[SERVER] == 0 &&
	       c->packets[SERVER] > 0 && c->last_ns - c->heard_ns > DEAD_NS;
}

/* A RST in answer to the hello, or to what the handshake brought; not to a client that had closed
 * or refused. */
static bool hello_was_cut(const struct conversation *c)
{
	int64_t rst = c->rst_ns[SERVER];
	if (!c->tls_hello || c->tls_data || c->blind || rst == 0 || c->fin_ns[SERVER] != 0)
		return false;
	if (!c->tls_server_hello)
		return true;
	int64_t left = earliest(c->fin_ns[CLIENT], c->rst_ns[CLIENT]);
	bool client_left = c->client_alert || (left != 0 && left <= rst);
	return !client_left && rst - c->start_ns < HELLO_CUT_NS;
}

/* Begun before the capture: it worked, and what of it failed before is not known. */
static struct verdict joined(const struct conversation *c)
{
	if (went_dead(c))
		return says(OUTCOME_STALLED, c->last_ns);
	return says(c->data ? OUTCOME_OK : OUTCOME_UNKNOWN, 0);
}

static struct verdict tcp_verdict(const struct conversation *c, int64_t now_ns, bool early)
{
	if (c->joined)
		return joined(c);
	if (c->answer_ns == 0)
		return unanswered(c, now_ns, early);
	if (c->packets[SERVER] == 0) /* it was open, but one direction only was seen */
		return unknown();
	if (c->packets[CLIENT] == 0)
		return says(c->data ? OUTCOME_OK : OUTCOME_UNKNOWN, 0);
	if (!c->confirmed && !c->data)
		return half_open(c, now_ns, early);
	if (!has_answer(c))
		return mute(c, now_ns, early);
	if (c->alert_ns != 0)
		return says(OUTCOME_TLS_ALERT, c->alert_ns);
	if (hello_was_cut(c))
		return says(OUTCOME_RESET, c->rst_ns[SERVER]);
	if (c->statuses_bad > 0 && c->statuses_ok == 0)
		return says(OUTCOME_HTTP_ERROR, c->status_ns);
	if (went_dead(c))
		return says(OUTCOME_STALLED, c->last_ns);
	return says(OUTCOME_OK, 0);
}

struct verdict conversation_verdict(const struct conversation *c, int64_t now_ns, bool early)
{
	if (c->told) /* what was OK can only fall silent */
		return went_dead(c) ? says(OUTCOME_STALLED, c->last_ns) : says(OUTCOME_OK, 0);
	if (key_proto(&c->key) == IP_TCP)
		return tcp_verdict(c, now_ns, early);
	if (c->packets[SERVER] > 0 && c->packets[CLIENT] > 0)
		return says(OUTCOME_OK, 0);
	if (c->packets[CLIENT] == 0 || c->inferred)
		return unknown();
	return unanswered(c, now_ns, early);
}

bool conversation_answered(const struct conversation *c)
{
	if (key_proto(&c->key) != IP_TCP)
		return c->packets[SERVER] > 0 && c->packets[CLIENT] > 0;
	return c->data && (c->joined || !c->pending);
}
