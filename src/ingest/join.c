/* Conversations: what several rows say of one is joined by the record's id; tries of the same ports
 * that nobody answered are one attempt. */
#include "ingest/sink.h"

/* A try this long after the one before it, or this long after the first, is another attempt: gaps
 * double (Linux: 1, 2, 4, 8, 16, 32 s), and a port that is used for ever is not one attempt. */
#define RETRY_GAP_NS (35 * NS_PER_S)
#define RETRY_ALL_NS (150 * NS_PER_S)
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
}

static void remember(struct sink *s, uint64_t key, const struct conn *c)
{
	if (keyed_full(&s->told)) {
		uint64_t oldest;
		(void)keyed_oldest(&s->told, &oldest);
		keyed_remove(&s->told, oldest);
	}
	struct told *t = keyed_push(&s->told, key);
	*t = (struct told){c->bytes_out, c->bytes_in, c->packets_out, c->packets_in};
}

int64_t join_first(struct sink *s, int64_t *ret_due_ns)
{
	uint64_t key;
	const struct waiting_conn *w = keyed_oldest(&s->waiting, &key);
	*ret_due_ns = INT64_MAX;
	if (w == NULL)
		return INT64_MAX;
	int64_t due = w->conn.start_ns + HOLD_NS, retry = w->last_try_ns + RETRY_GAP_NS;
	*ret_due_ns = w->retry_key != 0 && retry > due ? retry : due;
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
	if (w->retry_key != 0)
		keyed_remove(&s->retries, w->retry_key);
	if (w->named)
		remember(s, key, &e.conn);
	keyed_remove(&s->waiting, key);
	sink_tell(s, &e);
}

/* ---- attempts of several rows ---- */

static bool unanswered(const struct conn *c)
{
	return c->transport == TRANSPORT_TCP &&
	       (c->outcome == OUTCOME_SILENT || c->outcome == OUTCOME_REFUSED ||
		       c->outcome == OUTCOME_DENIED);
}

static uint64_t ports_key(struct sink *s, const struct conn *c)
{
	uint8_t bytes[36];
	memcpy(bytes, c->client.byte, 16);
	memcpy(bytes + 16, c->server.byte, 16);
	bytes[32] = (uint8_t)(c->client_port >> 8);
	bytes[33] = (uint8_t)c->client_port;
	bytes[34] = (uint8_t)(c->server_port >> 8);
	bytes[35] = (uint8_t)c->server_port;
	return sink_key_bytes(s, bytes, sizeof bytes);
}

static int64_t last_try(const struct conn *c)
{
	return c->fail_ns != 0 ? c->fail_ns : c->start_ns;
}

/* The attempt that the same ports began before, when this row goes on with it. */
static struct waiting_conn *begun_before(
	struct sink *s, uint64_t ports, const struct conn *c, uint64_t *ret_key)
{
	const uint64_t *key = keyed_find(&s->retries, ports);
	struct waiting_conn *w = key == NULL ? NULL : keyed_find(&s->waiting, *key);
	if (w == NULL)
		return NULL;
	int64_t gap = c->start_ns - w->last_try_ns;
	bool goes_on = gap > -RETRY_GAP_NS && gap < RETRY_GAP_NS &&
	               c->start_ns - w->conn.start_ns < RETRY_ALL_NS;
	if (!goes_on) {
		keyed_remove(&s->retries, ports);
		w->retry_key = 0;
		return NULL;
	}
	*ret_key = *key;
	return w;
}

/* Another row of the same attempt: later words count, numbers add up. */
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

/* ---- rows of one record ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Interim and final rows of one record repeat what the ones before said. */
static void merge_row(struct waiting_conn *w, const struct conn *c)
{
	struct conn *old = &w->conn;
	if (c->end_ns >= old->end_ns) {
		old->outcome = c->outcome;
		old->fail_ns = c->fail_ns;
		old->leave_ns = c->leave_ns;
		old->end_ns = c->end_ns;
	}
	old->packets_out = larger(old->packets_out, c->packets_out);
	old->packets_in = larger(old->packets_in, c->packets_in);
	old->bytes_out = larger(old->bytes_out, c->bytes_out);
	old->bytes_in = larger(old->bytes_in, c->bytes_in);
}

static uint64_t more_than(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* The record was told already: only what came since is told. */
static void tell_rest(struct sink *s, struct told *t, const struct conn *c)
{
	struct event e = {.kind = EVENT_CONN, .conn = *c};
	e.conn.settled = false;
	e.conn.ended = e.conn.rest = true;
	e.conn.bytes_out = more_than(c->bytes_out, t->bytes_out);
	e.conn.bytes_in = more_than(c->bytes_in, t->bytes_in);
	e.conn.packets_out = more_than(c->packets_out, t->packets_out);
	e.conn.packets_in = more_than(c->packets_in, t->packets_in);
	*t = (struct told){larger(c->bytes_out, t->bytes_out), larger(c->bytes_in, t->bytes_in),
		larger(c->packets_out, t->packets_out), larger(c->packets_in, t->packets_in)};
	if ((e.conn.bytes_out | e.conn.bytes_in | e.conn.packets_out | e.conn.packets_in) != 0)
		sink_tell(s, &e);
}

static const char *kept(const struct sink *s, const char *text)
{
	return strings_get(s->options.strings, strings_add(s->options.strings, text));
}

static void keep_texts(const struct sink *s, struct waiting_conn *w)
{
	struct conn *c = &w->conn;
	const char **texts[] = {&c->name, &c->service, &c->ja3, &c->ja4, &c->alpn, &c->user_agent,
		&c->method, &c->certificate, &c->process};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = kept(s, *texts[i]);
	size_t len = c->uid == NULL ? 0 : strlen(c->uid);
	if (len > 0 && len < sizeof w->uid)
		memcpy(w->uid, c->uid, len + 1);
	c->uid = NULL;
	c->uri = NULL;
}

static void wait_for_rows(
	struct sink *s, uint64_t key, const struct conn *conn, bool named, uint64_t ports)
{
	while (keyed_full(&s->waiting))
		join_tell_first(s);
	struct waiting_conn *w = keyed_push(&s->waiting, key);
	w->conn = *conn;
	w->named = named;
	w->last_try_ns = last_try(conn);
	keep_texts(s, w);
	struct note *orphan = named ? keyed_find(&s->orphans, key) : NULL;
	if (orphan != NULL) {
		w->note = *orphan;
		keyed_remove(&s->orphans, key);
	}
	if (ports == 0 || keyed_find(&s->retries, ports) != NULL || keyed_full(&s->retries))
		return;
	w->retry_key = ports;
	*(uint64_t *)keyed_push(&s->retries, ports) = key;
}

void sink_conn(struct sink *s, uint64_t key, const struct conn *conn)
{
	if (addr_is_group(&conn->server) || addr_is_group(&conn->client))
		return; /* announcements are no conversation: captures leave them out too */
	bool named = key != 0;
	struct told *told = named ? keyed_find(&s->told, key) : NULL;
	if (told != NULL) {
		tell_rest(s, told, conn);
		return;
	}
	struct waiting_conn *same = named ? keyed_find(&s->waiting, key) : NULL;
	if (same != NULL) {
		merge_row(same, conn);
		return;
	}
	if (!named) {
		s->unnamed++;
		key = sink_key_bytes(s, &s->unnamed, sizeof s->unnamed);
	}
	uint64_t ports = 0, before_key = 0;
	struct conn merged = *conn;
	if (conn->transport == TRANSPORT_TCP && (unanswered(conn) || s->retries.count > 0)) {
		ports = ports_key(s, conn);
		struct waiting_conn *before = begun_before(s, ports, conn, &before_key);
		if (before != NULL && unanswered(conn)) {
			merge_try(before, conn);
			return;
		}
		if (before != NULL) { /* answered at last */
			merged.start_ns = before->conn.start_ns < conn->start_ns
			                          ? before->conn.start_ns
			                          : conn->start_ns;
			merged.tries += before->conn.tries;
			keyed_remove(&s->retries, ports);
			keyed_remove(&s->waiting, before_key);
		}
	}
	wait_for_rows(s, key, &merged, named, unanswered(conn) ? ports : 0);
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
	if (key == 0 || keyed_find(&s->told, key) != NULL)
		return; /* it comes too late, or nobody knows whose it is */
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
