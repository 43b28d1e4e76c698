#include "scan/raw.h"

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

/* Its name was told on the other connection, before or after this one began. */
static void raw_finish(struct carry_shared *x, struct raw *r, enum side side, const char *gap)
{
	static const struct expected nothing;
	const struct expected *e = &x->expected[(r->expected - 1) % EXPECTED_MAX];
	struct body *b = &r->body[side];
	e = e->number == r->expected ? e : &nothing;
	gap = b->lacks || gap == NULL ? body_gap(b) : gap;
	gap = gap == NULL && e->part ? "it is one part of a file (REST)" : gap;
	if (!e->listing && !r->over[side])
		carry_tell(x, &(struct carried){.bytes = {b->bytes, b->len},
				      .at_ns = b->at_ns,
				      .from = r->ends->addr[side],
				      .to = r->ends->addr[1 - side],
				      .from_port = r->ends->port[side],
				      .to_port = r->ends->port[1 - side],
				      .upload = addr_eq(&e->client, &r->ends->addr[side]),
				      .protocol = "ftp",
				      .host = "",
				      .uri = e->name,
				      .gap = gap});
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
