#include "scan/raw.h"

#include <string.h>

#include "scan/ranges.h"

static bool is_listener(const struct expected *e, const struct addr *addr, uint16_t port)
{
	return e->port == port &&
	       (addr_eq(&e->listener[0], addr) || addr_eq(&e->listener[1], addr));
}

uint64_t raw_expected(struct carry_shared *x, const struct packet *p)
{
	bool opens = (p->tcp_flags & TCP_SYN) != 0 && (p->tcp_flags & TCP_ACK) == 0;
	for (uint64_t i = 0; i < EXPECTED_MAX && i < x->expectations; i++) {
		struct expected *e = &x->expected[(x->expectations - 1 - i) % EXPECTED_MAX];
		bool to = is_listener(e, &p->dst, p->dst_port);
		/* the capture may lack the first packet */
		bool late = !opens && !e->begun && (to || is_listener(e, &p->src, p->src_port));
		if (!late && !(opens && to))
			continue;
		e->begun = true;
		return e->number;
	}
	return 0;
}

static void raw_data(
	struct carry_shared *x, void *state, enum side side, struct span bytes, int64_t at_ns)
{
	struct raw *r = state;
	struct body *b = &r->body[side];
	if (r->over[side])
		return;
	b->at_ns = b->len == 0 ? at_ns : b->at_ns;
	body_keep(x, b, bytes);
}

/* Whether it is a part of a file and was taken as one; else *gap may say why not. */
static bool is_range(struct carry_shared *x, const struct raw *r, const struct expected *e,
	struct carried *file, bool whole)
{
	bool part = e->rest > 0 || e->append || !whole;
	if (!part || !e->named || file->bytes.len == 0)
		return false;
	struct range range = {.file = *file,
		.target = hash_bytes(&x->key, e->name, strlen(e->name)),
		.coding = "",
		.at = e->rest,
		.behind = e->append,
		.sized = whole && e->rest <= UINT64_MAX - file->bytes.len,
		.size = e->rest + file->bytes.len};
	const struct body *b = r->body;
	if (b[CLIENT].lacks || b[SERVER].lacks || b[CLIENT].too_long || b[SERVER].too_long)
		return false;
	const char *why = ranges_put(x, &range);
	if (why != NULL && why[0] != '\0' && file->gap == NULL)
		file->gap = why;
	return why == NULL;
}

/* Its name was told on the other connection, before or after this one began. */
static void raw_finish(struct carry_shared *x, struct raw *r, enum side side, const char *gap)
{
	static const struct expected nothing;
	const struct expected *e = &x->expected[(r->expected - 1) % EXPECTED_MAX];
	struct body *b = &r->body[side];
	e = e->number == r->expected ? e : &nothing;
	struct carried file = {.bytes = {b->bytes, b->len},
		.at_ns = b->at_ns,
		.from = r->ends->addr[side],
		.to = r->ends->addr[1 - side],
		.from_port = r->ends->port[side],
		.to_port = r->ends->port[1 - side],
		.upload = addr_eq(&e->client, &r->ends->addr[side]),
		.protocol = "ftp",
		.host = "",
		.uri = e->name,
		.gap = b->lacks || gap == NULL ? body_gap(b) : gap};
	/* one side of it speaks */
	bool other = b->len == 0 && (r->over[1 - side] || r->body[1 - side].len > 0);
	if (!e->listing && !r->over[side] && !other && !is_range(x, r, e, &file, gap == NULL))
		carry_tell(x, &file);
	r->over[side] = true;
	body_drop(x, b);
}

static void raw_hole(struct carry_shared *x, void *state, enum side side, uint64_t bytes)
{
	struct raw *r = state;
	body_lacks(x, &r->body[side], bytes);
}

static void raw_end(struct carry_shared *x, void *state, enum side side, bool whole)
{
	raw_finish(x, state, side, whole ? NULL : "the conversation ended before it did");
}

static void raw_fini(struct carry_shared *x, void *state)
{
	struct raw *r = state;
	body_drop(x, &r->body[CLIENT]);
	body_drop(x, &r->body[SERVER]);
}

const struct carrier carrier_raw = {raw_data, raw_hole, raw_end, raw_fini};
