/* NetFlow and IPFIX datagrams: headers, sets, templates. RFC 3954 (v9), RFC 7011 (IPFIX), Cisco's
 * "NetFlow Export Datagram Format" (v5). */
#include "ingest/netflow_decode.h"

#include <errno.h>
#include <stdlib.h>

#include "ingest/netflow_record.h"

#define TEMPLATES_MAX ((size_t)4096)
#define DOMAINS_MAX   ((size_t)1024)
/* Sets that came before their template: routers send templates every minute or so. */
#define ORPHANS_MAX      ((size_t)256)
#define ORPHAN_BYTES_MAX ((size_t)1 << 20)
#define ORPHAN_WAIT_NS   (1800 * NS_PER_S)

#define CLOCK_OFF_NS (86400 * NS_PER_S)
#define JUMP_MS      2000

#define V5_HEADER      24
#define V5_RECORD      48
#define V5_COUNT_MAX   30
#define V9_HEADER      20
#define IPFIX_HEADER   16
#define SET_HEADER     4
#define DATA_SET_MIN   256 /* data sets have their template's number */
#define V9_TEMPLATE    0
#define V9_OPTIONS     1
#define IPFIX_TEMPLATE 2
#define IPFIX_OPTIONS  3

struct orphan {
	struct netflow_head head;
	uint64_t template_key;
	uint8_t *bytes; /* owned */
	size_t len;
};

struct netflow {
	struct keyed templates; /* struct template by domain and number */
	struct keyed domains;   /* struct domain by exporter and number */
	struct template v5;
	struct orphan orphan[ORPHANS_MAX]; /* the oldest first */
	size_t orphans, orphan_bytes;
	uint64_t generations;
	bool forgot_sampling; /* a domain that had said so gave way: any may have */
};

/* Record of v5, as if a template had told it. */
static void make_v5(struct template *t)
{
	static const struct netflow_field fields[] = {{4, NF_SRC}, {4, NF_DST}, {8, NF_SKIP},
		{4, NF_PACKETS}, {4, NF_BYTES}, {4, NF_START_UP}, {4, NF_END_UP}, {2, NF_SRC_PORT},
		{2, NF_DST_PORT}, {1, NF_SKIP}, {1, NF_FLAGS}, {1, NF_PROTO}, {9, NF_SKIP}};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		CHECK(template_add(t, fields[i].bytes, fields[i].what));
	CHECK(t->record_bytes == V5_RECORD);
}

int netflow_new(struct netflow **ret, size_t room)
{
	struct netflow *n = calloc(1, sizeof *n);
	if (n == NULL)
		return -ENOMEM;
	if (keyed_init(&n->templates, sizeof(struct template),
		    room < TEMPLATES_MAX ? room : TEMPLATES_MAX) < 0 ||
		keyed_init(&n->domains, sizeof(struct domain),
			room < DOMAINS_MAX ? room : DOMAINS_MAX) < 0) {
		netflow_free(n);
		return -ENOMEM;
	}
	make_v5(&n->v5);
	*ret = n;
	return 0;
}

void netflow_free(struct netflow *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->orphans; i++)
		free(n->orphan[i].bytes);
	keyed_fini(&n->templates);
	keyed_fini(&n->domains);
	free(n);
}

/* The entry of this key, made when it is not there; the oldest gives way. */
static void *entry_of(struct keyed *k, uint64_t key)
{
	void *entry = keyed_find(k, key);
	if (entry != NULL)
		return entry;
	while (keyed_full(k)) {
		uint64_t oldest;
		(void)keyed_oldest(k, &oldest);
		keyed_remove(k, oldest);
	}
	return keyed_push(k, key);
}

static struct domain *domain_of(struct netflow *n, uint64_t key)
{
	struct domain *d = keyed_find(&n->domains, key);
	if (d != NULL)
		return d;
	while (keyed_full(&n->domains)) {
		uint64_t oldest;
		const struct domain *gone = keyed_oldest(&n->domains, &oldest);
		n->forgot_sampling |= gone->sampled;
		keyed_remove(&n->domains, oldest);
	}
	d = keyed_push(&n->domains, key);
	*d = (struct domain){.generation = ++n->generations, .sampled = n->forgot_sampling};
	return d;
}

static uint64_t key_of(struct sink *s, uint64_t a, uint64_t b)
{
	uint64_t both[2] = {a, b};
	return sink_key_bytes(s, both, sizeof both);
}

/* ---- data ---- */

/* Records, as many as are whole; what is left is padding. False: one contradicts its template. */
static bool read_records(struct netflow *n, struct sink *s, const struct netflow_head *head,
	const struct template *t, struct cur c)
{
	struct domain *domain = domain_of(n, head->domain_key);
	while (c.len >= t->record_bytes) {
		netflow_record(s, head, domain, t, &c);
		if (!cur_ok(&c))
			return false;
	}
	return true;
}

static void drop_orphan(struct netflow *n, size_t index)
{
	n->orphan_bytes -= n->orphan[index].len;
	free(n->orphan[index].bytes);
	n->orphans--;
	memmove(&n->orphan[index], &n->orphan[index + 1],
		(n->orphans - index) * sizeof n->orphan[0]);
}

static void keep_orphan(struct netflow *n, struct sink *s, const struct netflow_head *head,
	uint64_t template_key, struct cur c)
{
	while (n->orphans > 0 &&
		(n->orphans == ORPHANS_MAX || n->orphan_bytes + c.len > ORPHAN_BYTES_MAX ||
			n->orphan[0].head.export_ns < head->export_ns - ORPHAN_WAIT_NS)) {
		sink_remark(s, REMARK_TEMPLATE);
		drop_orphan(n, 0);
	}
	struct span all = cur_bytes(&c, c.len);
	uint8_t *copy = all.len == 0 ? NULL : malloc(all.len);
	if (copy == NULL) {
		sink_remark(s, REMARK_TEMPLATE);
		return;
	}
	for (size_t i = 0; i < all.len; i++)
		copy[i] = all.ptr[i];
	n->orphan[n->orphans++] = (struct orphan){
		.head = *head, .template_key = template_key, .bytes = copy, .len = all.len};
	n->orphan_bytes += all.len;
}

/* Their template came. */
static void read_orphans(struct netflow *n, struct sink *s, uint64_t template_key)
{
	for (size_t i = 0; i < n->orphans;) {
		struct orphan *o = &n->orphan[i];
		if (o->template_key != template_key) {
			i++;
			continue;
		}
		const struct template *t = keyed_find(&n->templates, template_key);
		if (t == NULL || !read_records(n, s, &o->head, t, cur_of(o->bytes, o->len)))
			sink_remark(s, REMARK_TEMPLATE);
		drop_orphan(n, i);
	}
}

static bool read_data(struct netflow *n, struct sink *s, const struct netflow_head *head,
	uint16_t number, struct cur c)
{
	uint64_t key = key_of(s, head->domain_key, number);
	const struct template *t = keyed_find(&n->templates, key);
	const struct domain *domain = domain_of(n, head->domain_key);
	if (t != NULL && t->generation == domain->generation)
		return read_records(n, s, head, t, c);
	keep_orphan(n, s, head, key, c);
	return true;
}

/* ---- templates ---- */

static bool read_fields(struct template *t, struct cur *c, size_t count, bool enterprises)
{
	bool room = true;
	for (size_t i = 0; i < count && cur_ok(c); i++) {
		uint16_t id = cur_be16(c), bytes = cur_be16(c);
		uint32_t pen = enterprises && (id & 0x8000) != 0 ? cur_be32(c) : 0;
		if (enterprises && pen != 0)
			id &= 0x7fff;
		room &= template_add(t, bytes, netflow_what(pen, id));
	}
	return cur_ok(c) && room;
}

static void keep_template(struct netflow *n, struct sink *s, const struct netflow_head *head,
	uint16_t number, const struct template *draft)
{
	uint64_t key = key_of(s, head->domain_key, number);
	const struct domain *domain = domain_of(n, head->domain_key);
	struct template *t = entry_of(&n->templates, key);
	*t = *draft;
	t->generation = domain->generation;
	read_orphans(n, s, key);
}

/* RFC 7011 8.1: a template without fields withdraws the one of its number, or all. */
static void withdraw(
	struct netflow *n, struct sink *s, const struct netflow_head *head, uint16_t number)
{
	struct domain *domain = domain_of(n, head->domain_key);
	if (number < DATA_SET_MIN)
		domain->generation = ++n->generations;
	else
		keyed_remove(&n->templates, key_of(s, head->domain_key, number));
}

/* One template of either kind. */
static bool read_template(struct netflow *n, struct sink *s, const struct netflow_head *head,
	bool options, struct cur *c)
{
	struct template t = {.options = options};
	uint16_t number = cur_be16(c);
	size_t count = cur_be16(c), scopes = 0;
	bool ipfix = head->version == 10;
	if (ipfix && count == 0 && cur_ok(c)) {
		withdraw(n, s, head, number);
		return true;
	}
	if (options && ipfix) {
		scopes = cur_be16(c);
	} else if (options) { /* RFC 3954 6.1: lengths in bytes, four for each field */
		scopes = count / 4;
		count = scopes + cur_be16(c) / 4;
	}
	if (!cur_ok(c) || count > NETFLOW_ELEMENTS_MAX || scopes > count || number < DATA_SET_MIN)
		return false;
	if (options && !ipfix) {
		/* scopes have numbers of their own */
		for (size_t i = 0; i < scopes && cur_ok(c); i++) {
			cur_skip(c, 2);
			(void)template_add(&t, cur_be16(c), NF_SKIP);
		}
		count -= scopes;
	}
	if (!read_fields(&t, c, count, ipfix) || t.record_bytes == 0)
		return false;
	keep_template(n, s, head, number, &t);
	return true;
}

static bool all_zero(struct cur c)
{
	while (c.len > 0)
		if (cur_u8(&c) != 0)
			return false;
	return true;
}

static bool read_templates(struct netflow *n, struct sink *s, const struct netflow_head *head,
	bool options, struct cur c)
{
	while (c.len >= SET_HEADER) {
		if (all_zero(c))
			return true; /* padding */
		if (!read_template(n, s, head, options, &c))
			return false;
	}
	return true;
}

/* ---- datagrams ---- */

static bool read_set(struct netflow *n, struct sink *s, const struct netflow_head *head,
	uint16_t number, struct cur c)
{
	bool ipfix = head->version == 10;
	if (number >= DATA_SET_MIN)
		return read_data(n, s, head, number, c);
	if (number == (ipfix ? IPFIX_TEMPLATE : V9_TEMPLATE))
		return read_templates(n, s, head, false, c);
	if (number == (ipfix ? IPFIX_OPTIONS : V9_OPTIONS))
		return read_templates(n, s, head, true, c);
	return true; /* reserved */
}

/* NULL, or what is wrong. A set that is damaged does not keep the next from being read. */
static const char *read_sets(
	struct netflow *n, struct sink *s, const struct netflow_head *head, struct cur c)
{
	const char *wrong = NULL;
	while (c.len >= SET_HEADER) {
		if (all_zero(c))
			return wrong; /* padding of the datagram */
		uint16_t number = cur_be16(&c);
		size_t len = cur_be16(&c);
		if (len < SET_HEADER || len - SET_HEADER > c.len)
			return "a set of an export datagram that is longer than it";
		struct cur set = cur_sub(&c, len - SET_HEADER);
		if (!read_set(n, s, head, number, set))
			wrong = "a set of an export datagram that contradicts its template";
	}
	return wrong;
}

/* An exporter whose clock is far off, or not set, is believed its intervals only. */
static void mend_clock(struct netflow_head *head, const struct netflow_from *from)
{
	int64_t off = head->export_ns - from->time_ns;
	if (from->time_ns != 0 && (off > CLOCK_OFF_NS || off < -CLOCK_OFF_NS))
		head->export_ns = from->time_ns;
}

/* The header's clock has whole seconds, its uptime milliseconds: taken one by one, datagrams would
 * move their flows by up to a second against each other. Each of them bounds the moment when the
 * uptime was 0: not before its own seconds less its uptime, and within a second of that. A jump is
 * a restart, or a clock that was set. */
static void join_clocks(struct netflow_head *head, struct domain *domain)
{
	int64_t at_least = head->export_ns / NS_PER_MS - head->uptime_ms;
	int64_t off = domain->zero_ms - at_least;
	bool exact = head->export_ns % NS_PER_S != 0;
	if (domain->zero_ms == 0 || exact || off < -JUMP_MS || off > 1000 + JUMP_MS || off < 0)
		domain->zero_ms = at_least;
	else if (off > 999)
		domain->zero_ms = at_least + 999;
	head->export_ns = (domain->zero_ms + head->uptime_ms) * NS_PER_MS;
}

static const char *read_v5(struct netflow *n, struct sink *s, struct netflow_head *head,
	const struct netflow_from *from, struct cur *c)
{
	size_t count = cur_be16(c);
	head->uptime_ms = cur_be32(c);
	head->uptime_known = true;
	head->export_ns = cur_be32(c) * NS_PER_S;
	uint32_t fraction = cur_be32(c);
	head->export_ns += fraction < NS_PER_S ? fraction : 0;
	mend_clock(head, from);
	cur_skip(c, 4); /* sequence */
	uint16_t engine = cur_be16(c), sampling = cur_be16(c);
	if (!cur_ok(c))
		return "an export datagram that ends within its header";
	head->domain_key = key_of(s, from->exporter, (uint64_t)5 << 32 | engine);
	struct domain *domain = domain_of(n, head->domain_key);
	domain->sampled |= (sampling & 0x3fff) > 1;
	join_clocks(head, domain);
	if (count == 0 || count > V5_COUNT_MAX || c->len < count * V5_RECORD)
		return "a NetFlow v5 datagram with fewer records than it counts";
	struct cur records = cur_sub(c, count * V5_RECORD);
	return read_records(n, s, head, &n->v5, records) ? NULL : "a NetFlow v5 record that is cut";
}

static const char *read_v9(struct netflow *n, struct sink *s, struct netflow_head *head,
	const struct netflow_from *from, struct cur *c)
{
	cur_skip(c, 2); /* records: nobody counts them alike */
	head->uptime_ms = cur_be32(c);
	head->uptime_known = true;
	head->export_ns = cur_be32(c) * NS_PER_S;
	mend_clock(head, from);
	cur_skip(c, 4);
	uint32_t source = cur_be32(c);
	if (!cur_ok(c))
		return "an export datagram that ends within its header";
	head->domain_key = key_of(s, from->exporter, (uint64_t)9 << 32 | source);
	join_clocks(head, domain_of(n, head->domain_key));
	return read_sets(n, s, head, *c);
}

static const char *read_ipfix(struct netflow *n, struct sink *s, struct netflow_head *head,
	const struct netflow_from *from, struct cur *c)
{
	size_t len = cur_be16(c);
	head->export_ns = cur_be32(c) * NS_PER_S;
	mend_clock(head, from);
	cur_skip(c, 4);
	uint32_t domain = cur_be32(c);
	if (!cur_ok(c) || len < IPFIX_HEADER || len - IPFIX_HEADER > c->len)
		return "an IPFIX message that is shorter than it says";
	head->domain_key = key_of(s, from->exporter, (uint64_t)10 << 32 | domain);
	return read_sets(n, s, head, cur_sub(c, len - IPFIX_HEADER));
}

void netflow_datagram(
	struct netflow *n, struct sink *s, const struct netflow_from *from, struct cur datagram)
{
	struct netflow_head head = {.exporter = from->exporter, .version = cur_be16(&datagram)};
	const char *wrong = "an export datagram of a version that is not known";
	if (head.version == 5)
		wrong = read_v5(n, s, &head, from, &datagram);
	else if (head.version == 9)
		wrong = read_v9(n, s, &head, from, &datagram);
	else if (head.version == 10)
		wrong = read_ipfix(n, s, &head, from, &datagram);
	if (wrong == NULL)
		return;
	if (s->row != NULL)
		sink_reject(s, wrong);
	else
		sink_remark(s, REMARK_BAD_EXPORT);
}

void netflow_finish(struct netflow *n, struct sink *s)
{
	while (n->orphans > 0) {
		sink_remark(s, REMARK_TEMPLATE);
		drop_orphan(n, 0);
	}
}

/* ---- telling datagrams from other bytes ---- */

/* A set's header that can be one. */
static bool set_fits(struct cur *c, bool ipfix, size_t *ret_len)
{
	uint16_t number = cur_be16(c);
	*ret_len = cur_be16(c);
	bool known = number >= DATA_SET_MIN ||
	             (ipfix ? number == IPFIX_TEMPLATE || number == IPFIX_OPTIONS
			    : number == V9_TEMPLATE || number == V9_OPTIONS);
	return cur_ok(c) && known && *ret_len >= SET_HEADER;
}

/* 1993 to 2106: exporters without a clock say 1970, and are not told from other bytes by it. */
static bool time_fits(uint32_t seconds)
{
	return seconds > 725846400 || seconds < 366 * 86400;
}

static size_t v5_length(struct cur c, int64_t *ret_time_ns)
{
	size_t count = cur_be16(&c);
	cur_skip(&c, 4); /* uptime */
	uint32_t seconds = cur_be32(&c), fraction = cur_be32(&c);
	cur_skip(&c, 8);
	*ret_time_ns = seconds * NS_PER_S + (fraction < NS_PER_S ? fraction : 0);
	bool fits = cur_ok(&c) && count >= 1 && count <= V5_COUNT_MAX && time_fits(seconds) &&
	            fraction < NS_PER_S && c.len >= count * V5_RECORD;
	return fits ? V5_HEADER + count * V5_RECORD : 0;
}

static size_t ipfix_length(struct cur c, int64_t *ret_time_ns)
{
	size_t len = cur_be16(&c), set_len = 0;
	uint32_t seconds = cur_be32(&c);
	*ret_time_ns = seconds * NS_PER_S;
	cur_skip(&c, 8);
	if (!cur_ok(&c) || !time_fits(seconds) || len < IPFIX_HEADER + SET_HEADER ||
		c.len < len - IPFIX_HEADER)
		return 0;
	for (struct cur sets = cur_sub(&c, len - IPFIX_HEADER); sets.len >= SET_HEADER;) {
		if (!set_fits(&sets, true, &set_len) || set_len - SET_HEADER > sets.len)
			return 0;
		cur_skip(&sets, set_len - SET_HEADER);
	}
	return len;
}

/* Set by set, as far as they fit, with padding behind: the numbers of sets are no version's. */
static size_t v9_length(struct cur c, int64_t *ret_time_ns)
{
	size_t count = cur_be16(&c), len = V9_HEADER, sets = 0, set_len;
	cur_skip(&c, 4);
	uint32_t seconds = cur_be32(&c);
	*ret_time_ns = seconds * NS_PER_S;
	cur_skip(&c, 8);
	if (!cur_ok(&c) || count == 0 || !time_fits(seconds))
		return 0;
	for (;;) {
		struct cur set = c;
		if (!set_fits(&set, false, &set_len) || set_len - SET_HEADER > set.len ||
			len + set_len > NETFLOW_BYTES_MAX)
			break;
		cur_skip(&c, set_len);
		len += set_len;
		sets++;
	}
	if (sets == 0)
		return 0;
	for (; c.len >= 2 && len + 2 <= NETFLOW_BYTES_MAX; len += 2) {
		struct cur zeros = c;
		if (cur_be16(&zeros) != 0)
			break;
		c = zeros;
	}
	return len;
}

size_t netflow_length(struct cur c, int64_t *ret_time_ns)
{
	switch (cur_be16(&c)) {
	case 5:
		return v5_length(c, ret_time_ns);
	case 9:
		return v9_length(c, ret_time_ns);
	case 10:
		return ipfix_length(c, ret_time_ns);
	default:
		return 0;
	}
}
