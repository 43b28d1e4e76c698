#include "report/filter.h"

#include <string.h>

#include "report/indicator.h"

#define PEERS_MAX (FINDING_CHANNELS_MAX * FINDING_ADDRS_MAX)
/* Longer names than DNS allows are not names (RFC 1035 2.3.4). */
#define NAME_BYTES_MAX 255

struct clause { /* "field == a" or "field in {a, b}" */
	struct out items;
	size_t count;
};

static void clause_add(struct clause *clause, const char *item)
{
	out_text(&clause->items, clause->count++ == 0 ? "" : ", ");
	out_text(&clause->items, item);
}

/* Appends "|| clause"; frees the clause. */
static void clause_end(struct out *o, struct clause *clause, const char *field, size_t *clauses)
{
	if (clause->count > 0) {
		out_text(o, (*clauses)++ == 0 ? "" : " || ");
		out_printf(o, clause->count == 1 ? "%s == %s" : "%s in {%s}", field,
			out_string(&clause->items));
	}
	out_fini(&clause->items);
}

/* A string literal of the filter language: quotes, backslashes and all that is no plain ASCII are
 * written \xNN. */
static void clause_add_name(struct clause *clause, const char *name)
{
	struct out text = {0};
	out_text(&text, "\"");
	for (size_t i = 0; name[i] != '\0' && i < NAME_BYTES_MAX; i++) {
		char c = name[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\')
			out_printf(&text, "\\x%02x", (unsigned)(unsigned char)c);
		else
			out_bytes(&text, &c, 1);
	}
	out_text(&text, "\"");
	clause_add(clause, out_string(&text));
	out_fini(&text);
}

static void add_names(struct clause *names, const struct finding_channel *ch)
{
	for (size_t i = 0; i < ch->name_count; i++)
		clause_add_name(names, ch->names[i]);
	if (ch->name_count == 0)
		clause_add_name(names, ch->endpoint);
}

static size_t peers_of(const struct finding *f, struct addr peer[PEERS_MAX])
{
	size_t peers = 0;
	for (size_t i = 0; i < f->channels; i++) {
		const struct finding_channel *ch = &f->channel[i];
		for (size_t k = 0; k < ch->addr_count; k++) {
			size_t same = 0;
			while (same < peers && !addr_eq(&peer[same], &ch->addrs[k]))
				same++;
			if (same == peers)
				peer[peers++] = ch->addrs[k];
		}
	}
	return peers;
}

void filter_say(struct out *o, const struct finding *f)
{
	struct clause v4 = {0}, v6 = {0}, names = {0};
	struct addr peer[PEERS_MAX];
	char text[ADDR_TEXT_BYTES];
	size_t peers = peers_of(f, peer);
	for (size_t i = 0; i < peers; i++)
		clause_add(addr_is_v4(&peer[i]) ? &v4 : &v6, addr_text(&peer[i], text));
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].addr_count == 0) /* only ever looked up */
			add_names(&names, &f->channel[i]);

	struct out any = {0};
	size_t clauses = 0;
	clause_end(&any, &v4, "ip.addr", &clauses);
	clause_end(&any, &v6, "ipv6.addr", &clauses);
	clause_end(&any, &names, "dns.qry.name", &clauses);
	out_printf(o, "%s == %s", addr_is_v4(&f->host) ? "ip.addr" : "ipv6.addr",
		addr_text(&f->host, text));
	if (clauses > 0)
		out_printf(o, clauses == 1 ? " && %s" : " && (%s)", out_string(&any));
	out_fini(&any);
}

/* ---- other languages ---- */

/* host AND (address in list OR name in list): what stands before, between and behind the parts. */
struct dialect {
	const char *name;
	const char *begin, *behind_host; /* around the host's address */
	const char *open, * or, *close;  /* around and between the two lists, if there are any */
	const char *addrs, *addrs_end, *names, *names_end; /* around each list */
	const char *comma, *quote;
	const char *end;
};

static const struct dialect dialects[] = {
	{"Zeek's logs, as JSON", "jq -c 'select(.\"id.orig_h\" == \"", "\"", " and (", " or ", ")",
		"(.\"id.resp_h\" | IN(", "))", "((.query // .server_name // .host // \"\") | IN(",
		"))", ", ", "\"", ")' *.log"},
	{"Suricata's eve.json", "jq -c 'select(.src_ip == \"", "\"", " and (", " or ", ")",
		"(.dest_ip | IN(", "))",
		"((.dns.rrname // .dns.queries[0].rrname // .tls.sni // .http.hostname // \"\") | "
		"IN(",
		"))", ", ", "\"", ")' eve.json"},
	{"Kibana (KQL)", "source.ip : \"", "\"", " and (", " or ", ")", "destination.ip : (", ")",
		"dns.question.name : (", ")", " or ", "\"", ""},
	{"Microsoft Sentinel (Kusto)", "CommonSecurityLog | where SourceIP == \"", "\"", " and (",
		" or ", ")", "DestinationIP in (", ")", "DestinationHostName in~ (", ")", ", ",
		"\"", ""},
	{"Splunk (SPL)", "src_ip=\"", "\"", " (", " OR ", ")", "dest_ip IN (", ")", "query IN (",
		")", ", ", "\"", ""},
};

size_t filter_dialects(void)
{
	return ARRAY_LEN(dialects);
}

const char *filter_dialect(size_t dialect)
{
	return dialects[dialect].name;
}

static void add_item(struct out *list, const struct dialect *d, const char *item)
{
	out_text(list, list->len == 0 ? "" : d->comma);
	out_printf(list, "%s%s%s", d->quote, item, d->quote);
}

/* Each name once: names are few. */
static void add_plain(struct out *list, const struct dialect *d, const char *name)
{
	struct out item = {0};
	out_printf(&item, "%s%s%s", d->quote, name, d->quote);
	if (name_is_plain(name) && strstr(out_string(list), out_string(&item)) == NULL)
		add_item(list, d, name);
	out_fini(&item);
}

void filter_say_in(struct out *o, size_t dialect, const struct finding *f)
{
	const struct dialect *d = &dialects[dialect];
	struct out addrs = {0}, names = {0};
	struct addr peer[PEERS_MAX];
	char text[ADDR_TEXT_BYTES];
	size_t peers = peers_of(f, peer);
	for (size_t i = 0; i < peers; i++)
		add_item(&addrs, d, addr_text(&peer[i], text));
	for (size_t i = 0; i < f->channels; i++) {
		struct addr literal;
		const struct finding_channel *ch = &f->channel[i];
		for (size_t k = 0; k < ch->name_count; k++)
			add_plain(&names, d, ch->names[k]);
		if (ch->name_count == 0 && addr_parse(ch->endpoint, &literal) != 0)
			add_plain(&names, d, ch->endpoint);
	}
	bool both = addrs.len > 0 && names.len > 0, any = addrs.len > 0 || names.len > 0;
	out_printf(o, "%s%s%s%s", d->begin, addr_text(&f->host, text), d->behind_host,
		any ? d->open : "");
	if (addrs.len > 0)
		out_printf(o, "%s%s%s", d->addrs, out_string(&addrs), d->addrs_end);
	out_text(o, both ? d->or : "");
	if (names.len > 0)
		out_printf(o, "%s%s%s", d->names, out_string(&names), d->names_end);
	out_printf(o, "%s%s", any ? d->close : "", d->end);
	o->failed |= addrs.failed || names.failed;
	out_fini(&addrs);
	out_fini(&names);
}
