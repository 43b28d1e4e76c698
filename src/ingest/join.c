/* Conversations: what several rows say of one is joined by the record's id; rows of the same ports
 * that go on with what was told before are no conversations of their own. */
#include "ingest/sink.h"

/* A try this long after the one before it, or this long after the first, is another attempt: gaps
 * double (Linux: 1, 2, 4, 8, 16, 32 s), and a port that is used for ever is not one attempt. */
#define RETRY_GAP_NS (35 * NS_PER_S)
#define RETRY_ALL_NS (150 * NS_PER_S)
/* A row without a beginning, this soon after another of the same ports: its tail (a FIN that was
 * repeated after the sensor had forgotten the conversation). */
#define TAIL_NS (600 * NS_PER_S)
/* A RST this long after a SYN refuses it; the client has left before a later one. */
#define RST_ANSWERS_NS (20 * NS_PER_S)
/* A TLS alert comes soon after the hello whose time the row has; a later end is another thing's. */
#define ALERT_LATE_NS (5 * NS_PER_S)

/* ---- telling ---- */

static void apply_texts(struct conn *c, const struct note *n, const struct strings *strings)
{
	const struct {
		const char **to;
		uint32_t from;
	} texts[] = {{&c->service, n->service}, {&c->ja3, n->ja3}, {&c->ja4, n->ja4},
		{&c->alpn, n->alpn}, {&c->user_agent, n->user_agent},
		{&c->certificate, n->certificate}, {&c->process, n->process}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].from != 0)
			*texts[i].to = strings_get(strings, texts[i].from);
	if (n->name != 0 && (c->name == NULL || n->name_source < c->name_source)) {
		c->name = strings_get(strings, n->name);
		c->name_source = n->name_source;
	}
	c->to_proxy |= n->to_proxy;
	if (n->request_mark != 0)
		c->request_mark = n->request_mark;
	if (n->request_hash != 0)
		c->request_hash = n->request_hash;
	if (n->http_status != 0)
		c->http_status = n->http_status;
}

/* An outcome that only the other rows know. */
static void apply_outcome(struct conn *c, const struct note *n)
{
	bool open = c->outcome != OUTCOME_SILENT && c->outcome != OUTCOME_REFUSED;
	if (n->denied_ns != 0) {
		c->outcome = OUTCOME_DENIED;
		c->fail_ns = n->denied_ns;
	} else if (n->alert_ns != 0 && open) {
		bool ends = c->end_ns > n->alert_ns && c->end_ns - n->alert_ns < ALERT_LATE_NS;
		c->outcome = OUTCOME_TLS_ALERT;
		c->fail_ns = ends ? c->end_ns : n->alert_ns;
	} else if (n->statuses_bad > 0 && n->statuses_ok == 0 && c->outcome == OUTCOME_OK) {
		c->outcome = OUTCOME_HTTP_ERROR;
		c->fail_ns = n->response_ns;
	}
	/* the logs' clocks may differ; what failed had begun */
	if (outcome_is_failure(c->outcome) && c->fail_ns < c->start_ns)
		c->fail_ns = c->start_ns;
}

/* All that the client sent was its first request when nothing was answered, when the handshake
 * failed, or when there was one request. */
static void find_request(struct conn *c, const struct note *n)
{
	bool one = c->bytes_in == 0 || c->outcome == OUTCOME_TLS_ALERT || n->requests == 1;
	if (c->request_bytes == 0 && one && c->bytes_out <= UINT32_MAX &&
		c->transport == TRANSPORT_TCP)
		c->request_bytes = (uint32_t)c->bytes_out;
}

/* Told as a look-up by another row, as captures tell it. */
static bool is_look_up(const struct sink *s, const struct conn *c)
{
	return s->asked && c->server_port == 53 && c->transport == TRANSPORT_UDP;
}

int64_t join_first(struct sink *s, int64_t *ret_due_ns)
{
	uint64_t key;
	const struct waiting_conn *w = keyed_oldest(&s->waiting, &key);
	*ret_due_ns = INT64_MAX;
	if (w == NULL)
		return INT64_MAX;
	int64_t due = w->conn.start_ns + HOLD_NS, retry = w->last_try_ns + RETRY_GAP_NS;
	*ret_due_ns = w->last_try_ns != 0 && retry > due ? retry : due;
	return w->conn.start_ns;
}

void join_tell_first(struct sink *s)
{
	uint64_t key;
	const struct waiting_conn *w = keyed_oldest(&s->waiting, &key);
	CHECK(w != NULL);
	struct event e = {.kind = EVENT_CONN, .conn = w->conn};
	char uid[UID_BYTES];
	memcpy(uid, w->uid, sizeof uid);
	e.conn.uid = uid[0] == '\0' ? NULL : uid;
	e.conn.settled = e.conn.ended = true;
	apply_texts(&e.conn, &w->note, s->options.strings);
	apply_outcome(&e.conn, &w->note);
	find_request(&e.conn, &w->note);
	struct ports *p = w->ports == 0 ? NULL : keyed_find(&s->ports, w->ports);
	if (p != NULL && p->record == key)
		*p = (struct ports){.record = key,
			.start_ns = e.conn.start_ns,
			.end_ns = e.conn.end_ns,
			.last_try_ns = w->last_try_ns,
			.bytes_out = e.conn.bytes_out,
			.bytes_in = e.conn.bytes_in,
			.packets_out = e.conn.packets_out,
			.packets_in = e.conn.packets_in};
	keyed_remove(&s->waiting, key);
	if (!is_look_up(s, &e.conn))
		sink_tell(s, &e);
}

/* ---- rows that go on with another ---- */

/* A logged SYN of which nothing else is known: another of the same ports is its retry. */
static bool only_asked(const struct conn *c)
{
	return c->transport == TRANSPORT_TCP && c->outcome == OUTCOME_UNKNOWN && c->tries > 0 &&
	       c->packets_out == c->tries && c->packets_in == 0 && c->bytes_out == 0 && !c->joined;
}

static bool unanswered(const struct conn *c)
{
	return c->outcome == OUTCOME_DENIED || only_asked(c) ||
	       (c->transport == TRANSPORT_TCP &&
		       (c->outcome == OUTCOME_SILENT || c->outcome == OUTCOME_REFUSED));
}

static uint64_t ports_key(struct sink *s, const struct conn *c)
{
	uint8_t bytes[37];
	memcpy(bytes, c->client.byte, 16);
	memcpy(bytes + 16, c->server.byte, 16);
	bytes[32] = (uint8_t)(c->client_port >> 8);
	bytes[33] = (uint8_t)c->client_port;
	bytes[34] = (uint8_t)(c->server_port >> 8);
	bytes[35] = (uint8_t)c->server_port;
	bytes[36] = c->ip_proto;
	return sink_key_bytes(s, bytes, sizeof bytes);
}

static int64_t last_try(const struct conn *c)
{
	return c->fail_ns != 0 ? c->fail_ns : c->start_ns;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t more_than(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static const char *kept(const struct sink *s, const char *text)
{
	return strings_get(s->options.strings, strings_add(s->options.strings, text));
}

/* Interim and final rows of one record repeat what the ones before said. */
static void merge_row(const struct sink *s, struct waiting_conn *w, const struct conn *c)
{
	struct conn *old = &w->conn;
	if (c->end_ns >= old->end_ns) {
		old->outcome = c->outcome;
		old->fail_ns = c->fail_ns;
		old->leave_ns = c->leave_ns;
		old->end_ns = c->end_ns;
	}
	if (old->process == NULL)
		old->process = kept(s, c->process);
	old->packets_out = larger(old->packets_out, c->packets_out);
	old->packets_in = larger(old->packets_in, c->packets_in);
	old->bytes_out = larger(old->bytes_out, c->bytes_out);
	old->bytes_in = larger(old->bytes_in, c->bytes_in);
}

/* The conversation was told already: only what came since is told. same: the row repeats what was
 * told; else it is a tail with numbers of its own. */
static void tell_rest(struct sink *s, struct ports *p, const struct conn *c, bool same)
{
	struct event e = {.kind = EVENT_CONN, .conn = *c};
	e.conn.settled = false;
	e.conn.ended = e.conn.rest = true;
	e.conn.outcome = OUTCOME_UNKNOWN;
	e.conn.fail_ns = 0;
	if (same) {
		e.conn.bytes_out = more_than(c->bytes_out, p->bytes_out);
		e.conn.bytes_in = more_than(c->bytes_in, p->bytes_in);
		e.conn.packets_out = more_than(c->packets_out, p->packets_out);
		e.conn.packets_in = more_than(c->packets_in, p->packets_in);
		p->bytes_out = larger(c->bytes_out, p->bytes_out);
		p->bytes_in = larger(c->bytes_in, p->bytes_in);
		p->packets_out = larger(c->packets_out, p->packets_out);
		p->packets_in = larger(c->packets_in, p->packets_in);
	}
	if (c->end_ns > p->end_ns)
		p->end_ns = c->end_ns;
	if ((e.conn.bytes_out | e.conn.bytes_in | e.conn.packets_out | e.conn.packets_in) != 0)
		sink_tell(s, &e);
}

/* Another try of the same attempt: later words count, numbers add up. */
static void merge_try(struct waiting_conn *w, const struct conn *c)
{
	struct conn *old = &w->conn;
	int64_t try_ns = last_try(c);
	if (try_ns >= w->last_try_ns) {
		int64_t gap = c->start_ns - w->last_try_ns;
		old->outcome = c->outcome;
		old->fail_ns = c->fail_ns;
		if (c->outcome == OUTCOME_SILENT && gap > 0) /* as its timer doubles */
			old->leave_ns = c->leave_ns != 0 ? c->leave_ns : try_ns + 2 * gap;
		w->last_try_ns = try_ns;
	}
	if (c->start_ns < old->start_ns)
		old->start_ns = c->start_ns;
	if (c->end_ns > old->end_ns)
		old->end_ns = c->end_ns;
	old->tries += c->tries;
	old->packets_out += c->packets_out;
	old->packets_in += c->packets_in;
}

/* Answered at last: what was tried before belongs to it. */
static void begin_earlier(struct waiting_conn *w, const struct conn *c)
{
	struct conn before = w->conn;
	const char *process = before.process;
	w->conn = *c;
	w->conn.start_ns = before.start_ns < c->start_ns ? before.start_ns : c->start_ns;
	w->conn.tries += before.tries;
	w->conn.packets_out += before.packets_out;
	w->conn.process = c->process != NULL ? c->process : process;
	w->last_try_ns = 0;
}

static void keep_texts(const struct sink *s, struct waiting_conn *w)
{
	struct conn *c = &w->conn;
	const char **texts[] = {&c->name, &c->service, &c->ja3, &c->ja4, &c->alpn, &c->user_agent,
		&c->method, &c->certificate, &c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (*texts[i] != NULL)
			*texts[i] = kept(s, *texts[i]);
	size_t len = c->uid == NULL ? 0 : strlen(c->uid);
	if (len > 0 && len < sizeof w->uid)
		memcpy(w->uid, c->uid, len + 1);
	c->uid = NULL;
}

/* A row without a beginning: the tail of what was told, or the RST that an attempt waits for. */
static void add_tail(struct sink *s, struct ports *p, struct waiting_conn *w, const struct conn *c)
{
	if (w == NULL)
		tell_rest(s, p, c, false);
	else if (w->last_try_ns != 0 && c->outcome == OUTCOME_REFUSED &&
		 c->start_ns - w->last_try_ns < RST_ANSWERS_NS)
		merge_try(w, c);
}

/* The ports are tried again, or answered at last. False: it is another attempt. */
static bool add_try(struct sink *s, struct ports *p, struct waiting_conn *w, const struct conn *c)
{
	int64_t last_ns = w != NULL ? w->last_try_ns : p->last_try_ns;
	int64_t first_ns = w != NULL ? w->conn.start_ns : p->start_ns;
	int64_t gap = c->start_ns - last_ns;
	if (last_ns == 0 || gap < -RETRY_GAP_NS || gap > RETRY_GAP_NS ||
		c->start_ns - first_ns > RETRY_ALL_NS)
		return false;
	if (w != NULL && unanswered(c)) {
		merge_try(w, c);
	} else if (w != NULL) {
		begin_earlier(w, c);
		keep_texts(s, w);
	} else if (unanswered(c)) { /* told already: an answer would be news, another try is not */
		p->last_try_ns = last_try(c);
		tell_rest(s, p, c, false);
	} else {
		return false;
	}
	return true;
}

/* The row goes on with what the same ports said before: true, and it is done. */
static bool goes_on(struct sink *s, struct ports *p, uint64_t key, const struct conn *c)
{
	struct waiting_conn *w = p->waits ? keyed_find(&s->waiting, p->record) : NULL;
	int64_t since_ns = c->start_ns - p->end_ns;
	if (key != 0 && key == p->record) {
		if (w != NULL)
			merge_row(s, w, c);
		else
			tell_rest(s, p, c, true);
		return true;
	}
	if (c->joined && since_ns < TAIL_NS && since_ns > -TAIL_NS) {
		add_tail(s, p, w, c);
		return true;
	}
	return add_try(s, p, w, c);
}

/* ---- tails of what is over ---- */

static struct tail *tail_of(const struct sink *s, uint64_t ports)
{
	return &s->tail[ports & (TAILS_MAX - 1)];
}

static bool remembers_tail(const struct sink *s, uint64_t ports, int64_t start_ns)
{
	const struct tail *t = tail_of(s, ports);
	int64_t since_ns = start_ns - t->end_s * NS_PER_S;
	return t->tag == (uint32_t)(ports >> 32) && since_ns < TAIL_NS && since_ns > -TAIL_NS;
}

static void remember_tail(struct sink *s, uint64_t ports, int64_t end_ns)
{
	int64_t end_s = end_ns / NS_PER_S;
	if (end_s == (int32_t)end_s)
		*tail_of(s, ports) =
			(struct tail){.tag = (uint32_t)(ports >> 32), .end_s = (int32_t)end_s};
}

/* ---- waiting ---- */

static void remember_ports(struct sink *s, uint64_t ports, uint64_t record, int64_t end_ns)
{
	struct ports *p = keyed_find(&s->ports, ports);
	if (p == NULL) {
		uint64_t oldest;
		if (keyed_full(&s->ports) && keyed_oldest(&s->ports, &oldest) != NULL)
			keyed_remove(&s->ports, oldest);
		p = keyed_push(&s->ports, ports);
	}
	*p = (struct ports){.record = record, .waits = true, .end_ns = end_ns};
}

/* ports 0: they are not known. */
static void wait_for_more(
	struct sink *s, uint64_t key, uint64_t ports, const struct conn *conn, bool over)
{
	while (keyed_full(&s->waiting))
		join_tell_first(s);
	struct waiting_conn *w = keyed_push(&s->waiting, key);
	w->conn = *conn;
	if (conn->joined && unanswered(conn)) { /* a lone RST is backscatter */
		w->conn.outcome = OUTCOME_UNKNOWN;
		w->conn.fail_ns = 0;
	}
	w->ports = ports;
	w->last_try_ns = unanswered(&w->conn) ? last_try(conn) : 0;
	keep_texts(s, w);
	if (ports != 0 && over)
		remember_tail(s, ports, conn->end_ns);
	else if (ports != 0)
		remember_ports(s, ports, key, conn->end_ns);
	struct note *orphan = keyed_find(&s->orphans, key);
	if (orphan == NULL)
		return;
	w->note = *orphan;
	keyed_remove(&s->orphans, key);
}

void sink_conn(struct sink *s, uint64_t key, const struct conn *conn)
{
	/* only a proxy knows the address of some that have a name */
	bool nowhere = addr_is_none(&conn->server) && conn->name == NULL;
	bool group = addr_is_group(&conn->server) && !addr_is_none(&conn->server);
	if (nowhere || group || addr_is_group(&conn->client))
		return; /* announcements are no conversation: captures leave them out too */
	/* without the client's port, rows of the same ends are none of one another's */
	bool portless = conn->client_port == 0 && conn->transport != TRANSPORT_ICMP;
	uint64_t ports = portless ? 0 : ports_key(s, conn);
	struct ports *p = portless ? NULL : keyed_find(&s->ports, ports);
	if (p != NULL && goes_on(s, p, key, conn))
		return;
	struct waiting_conn *same = key == 0 ? NULL : keyed_find(&s->waiting, key);
	if (same != NULL && same->ports == ports) {
		merge_row(s, same, conn);
		return;
	}
	if (conn->joined && !portless && remembers_tail(s, ports, conn->start_ns)) {
		struct ports over = {.end_ns = conn->end_ns};
		tell_rest(s, &over, conn, false);
		return;
	}
	if (key == 0 || same != NULL) {
		s->unnamed++;
		key = sink_key_bytes(s, &s->unnamed, sizeof s->unnamed);
	}
	wait_for_more(s, key, ports, conn, conn->ended && !unanswered(conn));
}

/* ---- details ---- */

static void note_text(const struct sink *s, uint32_t *to, const char *text)
{
	if (text != NULL)
		*to = strings_add(s->options.strings, text);
}

static void add_note(const struct sink *s, struct note *n, const struct detail *d)
{
	note_text(s, &n->service, d->service);
	note_text(s, &n->ja3, d->ja3);
	note_text(s, &n->ja4, d->ja4);
	note_text(s, &n->alpn, d->alpn);
	note_text(s, &n->user_agent, d->user_agent);
	note_text(s, &n->certificate, d->certificate);
	note_text(s, &n->process, d->process);
	if (d->name != NULL && (n->name == 0 || d->name_source < n->name_source)) {
		n->name = strings_add(s->options.strings, d->name);
		n->name_source = d->name_source;
	}
	n->to_proxy |= d->to_proxy;
	n->requests += d->request;
	if (n->request_mark == 0)
		n->request_mark = d->request_mark;
	if (n->request_hash == 0)
		n->request_hash = d->request_hash;
	if (d->http_status != 0) {
		bool bad = d->http_status >= 400;
		n->http_status = d->http_status;
		n->statuses_bad += bad;
		n->statuses_ok += !bad;
	}
	if (d->response_ns > n->response_ns)
		n->response_ns = d->response_ns;
	if (d->server_alert && n->alert_ns == 0)
		n->alert_ns = d->at_ns;
	if (d->denied && n->denied_ns == 0)
		n->denied_ns = d->at_ns;
}

void sink_detail(struct sink *s, uint64_t key, const struct detail *detail)
{
	if (key == 0)
		return; /* nobody knows whose it is */
	struct waiting_conn *w = keyed_find(&s->waiting, key);
	struct note *n = w != NULL ? &w->note : keyed_find(&s->orphans, key);
	if (n == NULL) {
		if (keyed_full(&s->orphans)) {
			uint64_t oldest;
			(void)keyed_oldest(&s->orphans, &oldest);
			keyed_remove(&s->orphans, oldest);
		}
		n = keyed_push(&s->orphans, key);
	}
	add_note(s, n, detail);
}
