#include "cli/packets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/decode.h"
#include "report/pcapng.h"
#include "report/say.h"
#include "report/story.h"
#include "report/told.h"

#define BEFORE_NS       (5 * NS_PER_S)
#define AFTER_NS        (300 * NS_PER_S)
#define COMMENTS_MAX    8 /* a packet of more channels than that is one of a proxy or resolver */
#define INTERFACES_MAX  65536u
#define FLUSH_BYTES     ((size_t)1 << 20)
#define DNS_PORT        53
#define ENDPOINTS_OF(f) ((f)->channels * (1 + FINDING_NAMES_MAX + FINDING_ADDRS_MAX))

struct part { /* a channel of a finding, by what its packets show */
	const struct finding *finding;
	size_t channel, number; /* number: of the finding, from 1, as told elsewhere */
	struct addr addr;       /* or a name: */
	const char *name;       /* NULL: the address */
	bool below;             /* and all names below it */
};

struct source { /* an interface of an input */
	uint32_t input, iface;
	uint16_t linktype;
};

struct writer {
	struct part *addr, *name; /* sorted */
	size_t addrs, names;
	struct source *source;
	size_t sources;
	struct output *output;
	struct out text;
	const struct ingest *ingest;
	uint64_t packets;
	struct dns message; /* the one that is looked at */
};

struct match {
	const struct part *part[COMMENTS_MAX];
	size_t count;
};

/* ---- whom to look for ---- */

static int by_addr(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return addr_cmp(&x->addr, &y->addr);
}

static int by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void add_channel(struct writer *w, struct part part)
{
	const struct finding_channel *ch = &part.finding->channel[part.channel];
	struct addr literal;
	for (size_t i = 0; i < ch->addr_count; i++) {
		w->addr[w->addrs] = part;
		w->addr[w->addrs++].addr = ch->addrs[i];
	}
	for (size_t i = 0; i < ch->name_count; i++) {
		w->name[w->names] = part;
		w->name[w->names++].name = ch->names[i];
	}
	if (addr_parse(ch->endpoint, &literal) != 0) {
		part.name = ch->endpoint;
		part.below = true;
		w->name[w->names++] = part;
	}
}

static int gather(struct writer *w, const struct run_result *r, struct out *comment)
{
	struct report_case c = {.max_e = r->max_e};
	size_t most = 0, number = 0;
	for (size_t i = 0; i < r->findings; i++)
		most += ENDPOINTS_OF(r->finding[i]);
	w->addr = calloc(most + 1, sizeof *w->addr);
	w->name = calloc(most + 1, sizeof *w->name);
	w->source = calloc(INTERFACES_MAX, sizeof *w->source);
	if (w->addr == NULL || w->name == NULL || w->source == NULL)
		return -ENOMEM;
	out_text(comment, "Packets of the fallback channels that Postern found.");
	for (size_t i = 0; i < r->findings; i++) {
		const struct finding *f = r->finding[i];
		if (!told_against(&c, f))
			continue;
		out_printf(comment, " Finding %zu (%s): ", ++number, f->id);
		say_address(comment, &f->host);
		out_text(comment, ", ");
		told_title(comment, f);
		out_text(comment, ".");
		for (size_t k = 0; k < f->channels; k++)
			add_channel(w, (struct part){.finding = f, .channel = k, .number = number});
	}
	qsort(w->addr, w->addrs, sizeof *w->addr, by_addr);
	qsort(w->name, w->names, sizeof *w->name, by_name);
	return 0;
}

/* ---- whether a packet is one of theirs ---- */

static void add_match(struct match *m, const struct part *part)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->part[i]->finding == part->finding && m->part[i]->channel == part->channel)
			return;
	if (m->count < COMMENTS_MAX)
		m->part[m->count++] = part;
}

static bool is_its_time(const struct part *part, int64_t at_ns)
{
	return at_ns >= part->finding->first_ns - BEFORE_NS &&
	       at_ns <= part->finding->last_ns + AFTER_NS;
}

/* A host has addresses of both families, and is called by one of them. */
static bool is_its_host(const struct part *part, const struct addr *host)
{
	return addr_eq(&part->finding->host, host) ||
	       addr_is_v4(&part->finding->host) != addr_is_v4(host);
}

static bool is_its_port(const struct part *part, uint8_t proto, uint16_t port)
{
	const struct finding_channel *ch = &part->finding->channel[part->channel];
	if (ch->transport == TRANSPORT_OTHER)
		return true;
	if (ch->transport == TRANSPORT_ICMP)
		return proto == IP_ICMP || proto == IP_ICMPV6;
	return proto == transport_proto(ch->transport) && (ch->port == 0 || ch->port == port);
}

struct end {
	const struct addr *host, *server;
	uint8_t proto;
	uint16_t port; /* of the server */
};

static void match_end(const struct writer *w, struct match *m, const struct end *end, int64_t at_ns)
{
	size_t low = 0, high = w->addrs;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addr_cmp(&w->addr[middle].addr, end->server) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->addrs && addr_eq(&w->addr[low].addr, end->server); low++) {
		const struct part *part = &w->addr[low];
		if (is_its_host(part, end->host) && is_its_port(part, end->proto, end->port) &&
			is_its_time(part, at_ns))
			add_match(m, part);
	}
}

static void match_name(const struct writer *w, struct match *m, const char *name, bool whole,
	const struct packet *p)
{
	size_t low = 0, high = w->names;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(w->name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->names && strcmp(w->name[low].name, name) == 0; low++) {
		const struct part *part = &w->name[low];
		const struct addr *host = p->dst_port == DNS_PORT ? &p->src : &p->dst;
		if ((whole || part->below) && is_its_host(part, host) &&
			is_its_time(part, p->time_ns))
			add_match(m, part);
	}
}

static void match_lookup(struct writer *w, struct match *m, const struct packet *p)
{
	struct cur payload = p->payload;
	w->message.qname[0] = '\0';
	if ((p->proto != IP_UDP && p->proto != IP_TCP) ||
		(p->src_port != DNS_PORT && p->dst_port != DNS_PORT))
		return;
	if (p->proto == IP_TCP)
		(void)cur_be16(&payload); /* the length (RFC 7766, 8) */
	dns_decode(&payload, &w->message);
	for (const char *name = w->message.qname; name != NULL && *name != '\0';) {
		match_name(w, m, name, name == w->message.qname, p);
		name = strchr(name, '.');
		name = name == NULL ? NULL : name + 1;
	}
}

static struct match match_packet(struct writer *w, const struct packet *p)
{
	struct match m = {0};
	const struct quoted *q = &p->quoted;
	match_end(w, &m, &(struct end){&p->src, &p->dst, p->proto, p->dst_port}, p->time_ns);
	match_end(w, &m, &(struct end){&p->dst, &p->src, p->proto, p->src_port}, p->time_ns);
	if (q->present)
		match_end(
			w, &m, &(struct end){&q->src, &q->dst, q->proto, q->dst_port}, p->time_ns);
	match_lookup(w, &m, p);
	return m;
}

/* ---- writing ---- */

static int flush(struct writer *w, struct fail *why)
{
	if (w->text.failed)
		return fail_set(why, -ENOMEM, "out of memory");
	errno = 0;
	if (fwrite(out_string(&w->text), 1, w->text.len, w->output->file) != w->text.len)
		return fail_set(why, errno == 0 ? -EIO : -errno, "%s: can't be written: %s",
			w->output->name, strerror(errno == 0 ? EIO : errno));
	out_clear(&w->text);
	return 0;
}

/* The number of the frame's interface in the new file; written when it is the first of it. */
static uint32_t interface_of(struct writer *w, const struct frame *frame)
{
	size_t i = 0;
	for (; i < w->sources; i++) {
		const struct source *s = &w->source[i];
		if (s->input == frame->input && s->iface == frame->iface &&
			s->linktype == frame->linktype)
			return (uint32_t)i;
	}
	if (i == INTERFACES_MAX)
		return UINT32_MAX;
	w->source[w->sources++] = (struct source){frame->input, frame->iface, frame->linktype};
	pcapng_interface(&w->text, frame->linktype, ingest_input(w->ingest, frame->input)->path);
	return (uint32_t)i;
}

static void write_packet(struct writer *w, const struct frame *frame, const struct match *m)
{
	struct out comment[COMMENTS_MAX] = {0};
	const char *text[COMMENTS_MAX];
	uint32_t iface = interface_of(w, frame);
	if (iface == UINT32_MAX)
		return;
	for (size_t i = 0; i < m->count; i++) {
		out_printf(&comment[i], "finding %zu (%.8s): ", m->part[i]->number,
			m->part[i]->finding->id);
		story_say(&comment[i], m->part[i]->finding, m->part[i]->channel, frame->time_ns);
		w->text.failed |= comment[i].failed;
		text[i] = out_string(&comment[i]);
	}
	pcapng_packet(&w->text, &(struct pcapng_packet){.iface = iface,
					.time_ns = frame->time_ns,
					.bytes = frame->bytes,
					.cap_bytes = frame->cap_bytes,
					.wire_bytes = frame->wire_bytes,
					.comment = text,
					.comments = m->count});
	w->packets++;
	for (size_t i = 0; i < m->count; i++)
		out_fini(&comment[i]);
}

static int copy(struct writer *w, struct ingest *ingest, struct decoder *decoder, struct fail *why)
{
	struct frame frame;
	struct packet packet;
	int err = 0;
	w->ingest = ingest;
	while (err == 0 && ingest_next(ingest, &frame) == 1) {
		if (frame.format != NULL || decode_frame(decoder, &frame, &packet) != DECODED_OK)
			continue;
		struct match m = match_packet(w, &packet);
		if (m.count > 0)
			write_packet(w, &frame, &m);
		if (w->text.len >= FLUSH_BYTES)
			err = flush(w, why);
	}
	return err < 0 ? err : flush(w, why);
}

static int write_all(struct writer *w, const struct run_options *options,
	const struct run_result *result, struct fail *why)
{
	struct ingest *ingest = NULL;
	struct decoder *decoder = NULL;
	struct out comment = {0};
	int err = gather(w, result, &comment);
	if (err == 0)
		err = decoder_new(&decoder, FRAGMENT_BYTES_MAX);
	if (err < 0)
		(void)fail_set(why, err, "out of memory");
	else
		err = ingest_open(&ingest, options->path, options->paths, why);
	if (err == 0) {
		pcapng_section(&w->text, out_string(&comment));
		err = w->addrs + w->names == 0 ? flush(w, why) : copy(w, ingest, decoder, why);
	}
	out_fini(&comment);
	ingest_close(ingest);
	decoder_free(decoder);
	return err;
}

int packets_write(const struct run_options *options, const struct run_result *result,
	struct output *output, uint64_t *ret_packets, struct fail *why)
{
	struct writer w = {.output = output};
	struct out nothing = {0};
	int err = write_all(&w, options, result, why);
	if (err == 0)
		err = output_finish(output, &nothing, why);
	else
		output_close(output);
	*ret_packets = w.packets;
	out_fini(&w.text);
	free(w.addr);
	free(w.name);
	free(w.source);
	return err;
}
