#include "scan/ranges.h"

#include <string.h>

#include "base/scan.h"

enum { LAST, FIRST };

struct object {
	uint64_t id;             /* 0: a free place */
	struct pieces pieces[2]; /* LAST: what came last stands; FIRST: what came first */
	struct carried like;     /* names are those here */
	char host[HTTP_NAME_BYTES], uri[HTTP_TEXT_BYTES];
	bool sized;
	uint64_t size;
	bool differs; /* the two do */
	int64_t touched_ns;
	uint64_t used;
};

struct ranges {
	struct object object[RANGES_MAX];
	size_t held;       /* bytes of room in all pieces */
	int64_t oldest_ns; /* nothing was touched before that */
	uint64_t clock;
};

struct place range_place(struct span field)
{
	struct place p = {.said = field.len > 0};
	struct span unit, first, last;
	if (!span_next(&field, ' ', &unit) || !span_is_nocase(unit, "bytes"))
		return p;
	field = span_trim(field);
	if (!span_next(&field, '-', &first) || !span_next(&field, '/', &last))
		return p;
	p.sized = !span_is(field, "*");
	p.ok = scan_u64(span_trim(first), &p.first) == 0 &&
	       scan_u64(span_trim(last), &p.last) == 0 && p.first <= p.last &&
	       (!p.sized || (scan_u64(span_trim(field), &p.size) == 0 && p.last < p.size));
	return p;
}

/* ---- the table ---- */

/* The same for all parts of a file as one client has it. Of the server its name, where it has one:
 * parts may come from several addresses. */
static uint64_t id_of(const struct carry_shared *x, const struct range *r)
{
	const struct carried *f = &r->file;
	struct {
		struct addr client, server;
		uint64_t host, target, validator, coding, protocol, upload;
	} key;
	memset(&key, 0, sizeof key);
	key.client = f->upload ? f->from : f->to;
	if (f->host[0] == '\0')
		key.server = f->upload ? f->to : f->from;
	key.host = hash_bytes(&x->key, f->host, strlen(f->host));
	key.target = r->target;
	key.validator = r->validator;
	key.coding = hash_bytes(&x->key, r->coding, strlen(r->coding));
	key.protocol = hash_bytes(&x->key, f->protocol, strlen(f->protocol));
	key.upload = f->upload;
	return hash_bytes(&x->key, &key, sizeof key) | 1;
}

static struct object *find(struct ranges *t, uint64_t id)
{
	for (size_t i = 0; i < RANGES_MAX; i++)
		if (t->object[i].id == id)
			return &t->object[i];
	return NULL;
}

static void forget(struct carry_shared *x, struct object *o)
{
	size_t held = x->held;
	pieces_drop(x, &o->pieces[LAST]);
	pieces_drop(x, &o->pieces[FIRST]);
	x->ranges->held -= held - x->held;
	*o = (struct object){0};
}

static void tell(struct carry_shared *x, const struct object *o)
{
	for (int i = LAST; i <= (o->differs ? FIRST : LAST); i++)
		pieces_tell(x, &o->pieces[i], o->like, o->sized ? &o->size : NULL,
			"its end was not seen: the conversation ended before it did");
}

static void give_way(struct carry_shared *x)
{
	struct object *oldest = NULL;
	for (size_t i = 0; i < RANGES_MAX; i++) {
		struct object *o = &x->ranges->object[i];
		if (o->id != 0 && (oldest == NULL || o->used < oldest->used))
			oldest = o;
	}
	if (oldest == NULL)
		return;
	tell(x, oldest);
	forget(x, oldest);
}

static void copy_text(char *ret, size_t room, const char *text)
{
	size_t len = strnlen(text, room - 1);
	memcpy(ret, text, len);
	ret[len] = '\0';
}

static struct object *object_new(struct carry_shared *x, const struct range *r, uint64_t id)
{
	struct object *o = find(x->ranges, 0);
	if (o == NULL) {
		give_way(x);
		o = find(x->ranges, 0);
	}
	CHECK(o != NULL);
	*o = (struct object){.id = id, .like = r->file};
	copy_text(o->host, sizeof o->host, r->file.host);
	copy_text(o->uri, sizeof o->uri, r->file.uri);
	copy_text(o->pieces[LAST].coding, sizeof o->pieces[LAST].coding, r->coding);
	o->like.host = o->host;
	o->like.uri = o->uri;
	o->like.bytes = (struct span){0};
	o->pieces[LAST].at_ns = r->file.at_ns;
	return o;
}

static struct object *object_of(struct carry_shared *x, const struct range *r)
{
	if (x->ranges == NULL)
		x->ranges = calloc(1, sizeof *x->ranges);
	if (x->ranges == NULL)
		return NULL;
	uint64_t id = id_of(x, r);
	struct object *o = find(x->ranges, id);
	return o != NULL || r->behind ? o : object_new(x, r, id);
}

/* ---- parts ---- */

/* Nobody knows which of two that differ the client took: both files that may come of it are put
 * together. */
static void settle_differences(struct carry_shared *x, struct object *o, const struct range *r)
{
	struct pieces *last = &o->pieces[LAST];
	if (r->sized && o->sized && r->size != o->size)
		last->wrong = "its parts do not agree on how long it is";
	if (r->sized && (!o->sized || r->size > o->size))
		o->size = r->size;
	o->sized |= r->sized;
	if (r->lacks)
		last->wrong = "the capture lacks a part of it";
	if (!o->differs && pieces_differ(last, r->at, r->file.bytes)) {
		o->differs = true;
		last->wrong = "parts of it that overlap differ";
		pieces_copy(x, &o->pieces[FIRST], last);
		o->pieces[FIRST].first = true;
	}
}

/* False: not all of it found room. */
static bool put(struct carry_shared *x, struct pieces *p, const struct range *r)
{
	bool dropped = p->dropped;
	p->dropped = false;
	pieces_put(x, p, r->at, r->file.bytes);
	bool all = !p->dropped;
	p->dropped |= dropped;
	return all;
}

static const char *add(struct carry_shared *x, struct object *o, const struct range *r)
{
	struct ranges *t = x->ranges;
	size_t held = x->held;
	settle_differences(x, o, r);
	bool all = put(x, &o->pieces[LAST], r);
	if (o->differs)
		all &= put(x, &o->pieces[FIRST], r);
	t->held += x->held - held;
	o->touched_ns = r->file.at_ns;
	o->used = ++t->clock;
	if (o->used == 1 || o->touched_ns < t->oldest_ns)
		t->oldest_ns = o->touched_ns;
	if (o->sized && pieces_have(&o->pieces[LAST], o->size)) {
		tell(x, o);
		forget(x, o);
	}
	while (t->held > RANGES_BYTES_MAX)
		give_way(x);
	return all ? NULL : "it is one part of a file, and there is no room for all";
}

const char *ranges_put(struct carry_shared *x, const struct range *r)
{
	struct range part = *r;
	uint64_t len = part.file.bytes.len;
	struct object *o = part.behind && len > 0 ? object_of(x, &part) : NULL;
	if (part.behind && o == NULL)
		return "";
	if (part.behind) {
		part.at = pieces_end(&o->pieces[LAST]);
		part.size = part.at + len;
	}
	if (len == 0)
		return "it is one part of a file";
	if (part.at > UINT64_MAX - len || (part.sized && part.at + len > part.size))
		return "it is one part of a file, and lies about which";
	if (part.at + len > x->options.bytes_max)
		return "it is one part of a file that is longer than is looked at";
	o = o == NULL ? object_of(x, &part) : o;
	return o == NULL ? "it is one part of a file: out of memory" : add(x, o, &part);
}

/* ---- ends ---- */

void ranges_age(struct carry_shared *x, int64_t now_ns)
{
	struct ranges *t = x->ranges;
	if (t == NULL || now_ns - t->oldest_ns < RANGES_AGE_NS)
		return;
	t->oldest_ns = now_ns;
	for (size_t i = 0; i < RANGES_MAX; i++) {
		struct object *o = &t->object[i];
		if (o->id != 0 && now_ns - o->touched_ns >= RANGES_AGE_NS) {
			tell(x, o);
			forget(x, o);
		} else if (o->id != 0 && o->touched_ns < t->oldest_ns) {
			t->oldest_ns = o->touched_ns;
		}
	}
}

void ranges_finish(struct carry_shared *x)
{
	for (size_t i = 0; x->ranges != NULL && i < RANGES_MAX; i++)
		if (x->ranges->object[i].id != 0) {
			tell(x, &x->ranges->object[i]);
			forget(x, &x->ranges->object[i]);
		}
}

void ranges_free(struct carry_shared *x)
{
	for (size_t i = 0; x->ranges != NULL && i < RANGES_MAX; i++)
		if (x->ranges->object[i].id != 0)
			forget(x, &x->ranges->object[i]);
	free(x->ranges);
	x->ranges = NULL;
}
