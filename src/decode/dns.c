#include "decode/dns.h"

#include <string.h>

#include "decode/text.h"

#define CLASS_IN      1
#define NAME_OCTETS   255 /* RFC 1035 2.3.4, with the lengths and the root */
#define LABEL_OCTETS  63
#define POINTER       0xc0u
#define POINTERS_MAX  127 /* in one name: as many as it can have labels */
#define FLAG_RESPONSE 0x8000u
#define FLAG_CUT      0x0200u

/* ---- names ---- */

/* Lower case; whatever is no printable ASCII, and what would be taken for a separator or an escape,
 * as \DDD. */
static char *put_label(char *to, struct span label)
{
	for (size_t i = 0; i < label.len; i++) {
		uint8_t b = label.ptr[i];
		if (b >= 'A' && b <= 'Z') {
			*to++ = (char)(b - 'A' + 'a');
		} else if (b > ' ' && b < 0x7f && b != '.' && b != '\\') {
			*to++ = (char)b;
		} else {
			*to++ = '\\';
			*to++ = (char)('0' + b / 100);
			*to++ = (char)('0' + b / 10 % 10);
			*to++ = (char)('0' + b % 10);
		}
	}
	return to;
}

/* A place in a message: pointers count from the message's first byte, so a name needs to know where
 * it stands. */
struct place {
	struct cur start; /* the message from its first byte */
	size_t offset;    /* of the name */
};

/* Follows the pointer to `target`. It must go to before the place where the run of labels that it
 * ends began, so that there is an end. */
static struct cur jump(struct place *in, size_t target)
{
	struct cur at = in->start;
	if (target >= in->offset)
		cur_fail(&at, CUR_BAD);
	cur_skip(&at, target);
	in->offset = target;
	return at;
}

/* RFC 1035 4.1.4; c stands at in.offset. */
static void read_name(struct cur *c, struct place in, char ret[static DNS_NAME_BYTES])
{
	struct cur at = *c, end = {0};
	size_t octets = 1, pointers = 0;
	char *to = ret;
	for (uint8_t len = cur_u8(&at); len != 0; len = cur_u8(&at)) {
		if (len >= POINTER) {
			size_t target = (len & ~POINTER) << 8 | cur_u8(&at);
			if (pointers++ == 0)
				end = at;
			if (pointers > POINTERS_MAX)
				cur_fail(&at, CUR_BAD);
			if (cur_ok(&at))
				at = jump(&in, target);
			continue;
		}
		octets += len + 1u;
		if (len > LABEL_OCTETS || octets > NAME_OCTETS)
			cur_fail(&at, CUR_BAD);
		struct span label = cur_bytes(&at, len);
		if (!cur_ok(&at))
			break;
		if (to != ret)
			*to++ = '.';
		to = put_label(to, label);
	}
	*to = '\0';
	*c = pointers > 0 && cur_ok(&at) ? end : at;
}

static void skip_name(struct cur *c)
{
	uint8_t len = cur_u8(c);
	while (len != 0 && len < POINTER) {
		if (len > LABEL_OCTETS)
			cur_fail(c, CUR_BAD);
		cur_skip(c, len);
		len = cur_u8(c);
	}
	if (len != 0)
		cur_skip(c, 1);
}

/* ---- records ---- */

struct reader {
	struct cur start; /* the message */
	struct dns *to;
	size_t owner[DNS_CNAMES_MAX]; /* of the CNAME records: offset of their owner's name */
	bool disordered;
};

struct record {
	uint16_t type, rclass;
	uint32_t ttl_s;
	struct cur data;
	size_t offset; /* of data */
};

/* What follows the owner's name. */
static struct record read_record(struct cur *c, const struct reader *in)
{
	struct record r = {0};
	r.type = cur_be16(c);
	r.rclass = cur_be16(c);
	r.ttl_s = cur_be32(c);
	size_t len = cur_be16(c);
	r.offset = in->start.len - c->len;
	r.data = text_block(c, len);
	return r;
}

static void read_owner(const struct reader *in, size_t i, char ret[static DNS_NAME_BYTES])
{
	struct cur c = in->start;
	cur_skip(&c, in->owner[i]);
	read_name(&c, (struct place){in->start, in->owner[i]}, ret);
	if (!cur_ok(&c))
		*ret = '\0';
}

/* The name that CNAME number i should belong to. */
static const char *link_before(const struct dns *d, size_t i)
{
	return i == 0 ? d->qname : d->cname[i - 1];
}

static void read_cname(struct reader *in, struct record *r, size_t owner)
{
	struct dns *to = in->to;
	char name[DNS_NAME_BYTES];
	if (to->cnames == DNS_CNAMES_MAX)
		return;
	read_name(&r->data, (struct place){in->start, r->offset}, to->cname[to->cnames]);
	if (r->data.len > 0)
		cur_fail(&r->data, CUR_BAD);
	if (!cur_ok(&r->data))
		return;
	in->owner[to->cnames] = owner;
	read_owner(in, to->cnames, name);
	if (strcmp(name, link_before(to, to->cnames)) != 0)
		in->disordered = true;
	to->cnames++;
}

static void read_address(struct dns *to, struct record *r, size_t len)
{
	struct span bytes = cur_bytes(&r->data, len);
	if (r->data.len > 0)
		cur_fail(&r->data, CUR_BAD);
	if (cur_ok(&r->data) && to->answers < DNS_ANSWERS_MAX)
		to->answer[to->answers++] = (struct dns_answer){addr_of(bytes), r->ttl_s};
}

static void read_answer(struct cur *c, struct reader *in)
{
	size_t owner = in->start.len - c->len;
	skip_name(c);
	struct record r = read_record(c, in);
	if (!cur_ok(c))
		return;
	in->to->answer_bytes += r.data.len;
	if (r.rclass != CLASS_IN)
		return;
	if (r.type == DNS_A)
		read_address(in->to, &r, 4);
	else if (r.type == DNS_AAAA)
		read_address(in->to, &r, 16);
	else if (r.type == DNS_CNAME)
		read_cname(in, &r, owner);
	if (!cur_ok(&r.data))
		cur_fail(c, r.data.state);
}

/* RFC 6891 6.1.3: class and TTL mean something else here. */
static void read_additional(struct cur *c, struct reader *in)
{
	struct dns *to = in->to;
	skip_name(c);
	struct record r = read_record(c, in);
	if (!cur_ok(c) || r.type != DNS_OPT || to->edns)
		return;
	to->edns = true;
	to->edns_size = r.rclass;
	to->edns_version = (uint8_t)(r.ttl_s >> 16);
	to->rcode = (uint16_t)(to->rcode | r.ttl_s >> 24 << 4);
}

static void swap_names(char *a, char *b)
{
	char name[DNS_NAME_BYTES];
	memcpy(name, a, strlen(a) + 1);
	memcpy(a, b, strlen(b) + 1);
	memcpy(b, name, strlen(name) + 1);
}

/* Servers may send the records in any order: from the question on, each link is looked for. What
 * belongs to no link stays behind the chain, as sent. */
static void order_chain(struct reader *in)
{
	struct dns *d = in->to;
	char name[DNS_NAME_BYTES];
	for (size_t i = 0; i < d->cnames; i++) {
		size_t found = d->cnames;
		for (size_t k = i; k < d->cnames && found == d->cnames; k++) {
			read_owner(in, k, name);
			if (strcmp(name, link_before(d, i)) == 0)
				found = k;
		}
		if (found == d->cnames)
			return;
		if (found != i) {
			swap_names(d->cname[i], d->cname[found]);
			size_t owner = in->owner[i];
			in->owner[i] = in->owner[found];
			in->owner[found] = owner;
		}
	}
}

/* ---- the message ---- */

static void read_sections(struct cur *c, struct reader *in, const uint16_t count[static 4])
{
	for (unsigned i = 1; i < count[0] && cur_ok(c); i++) {
		skip_name(c);
		cur_skip(c, 4);
	}
	for (unsigned i = 0; i < count[1] && cur_ok(c); i++)
		read_answer(c, in);
	for (unsigned i = 0; i < count[2] && cur_ok(c); i++) {
		skip_name(c);
		(void)read_record(c, in);
	}
	for (unsigned i = 0; i < count[3] && cur_ok(c); i++)
		read_additional(c, in);
	if (in->disordered)
		order_chain(in);
}

void dns_decode(struct cur *c, struct dns *ret)
{
	struct reader in = {.start = *c, .to = ret};
	uint16_t id = cur_be16(c), flags = cur_be16(c), qtype = 0, qclass = 0, count[4];
	for (size_t i = 0; i < ARRAY_LEN(count); i++)
		count[i] = cur_be16(c);
	char qname[DNS_NAME_BYTES] = "";
	if (count[0] > 0) {
		read_name(c, (struct place){in.start, in.start.len - c->len}, qname);
		qtype = cur_be16(c);
		qclass = cur_be16(c);
	}
	if (!cur_ok(c))
		return;
	ret->id = id;
	ret->response = (flags & FLAG_RESPONSE) != 0;
	ret->truncated = (flags & FLAG_CUT) != 0;
	ret->opcode = flags >> 11 & 15;
	ret->rcode = flags & 15;
	ret->questions = count[0];
	ret->qtype = qtype;
	ret->qclass = qclass;
	memcpy(ret->qname, qname, strlen(qname) + 1);
	ret->answer_records = count[1];
	ret->answers = ret->cnames = ret->answer_bytes = 0;
	ret->edns = false;
	ret->edns_version = 0;
	ret->edns_size = 0;
	struct cur rest = *c; /* what fails from here on takes nothing back */
	read_sections(&rest, &in, count);
	ret->partial = !cur_ok(&rest);
	if (!ret->partial)
		*c = rest;
}
