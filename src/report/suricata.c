/* Rules for Suricata 5 and later: what was found, to be seen again or, with `drop` for `alert`, to
 * be stopped. Only what hurts nobody else (indicator.h). */
#include <string.h>

#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"

/* Numbers for local rules, beside those of `eve`. A rule keeps its number from report to report as
 * far as no other has it already. */
#define SID_FIRST 1200000u
#define SIDS      700000u

struct rules {
	struct out *out;
	uint8_t taken[SIDS / 8];
};

static unsigned sid_of(struct rules *r, const char *name)
{
	uint32_t at = 2166136261u; /* FNV-1a: the same in every run */
	for (; *name != '\0'; name++)
		at = (at ^ (uint8_t)*name) * 16777619u;
	at %= SIDS;
	while ((r->taken[at / 8] >> at % 8 & 1) != 0)
		at = (at + 1) % SIDS;
	r->taken[at / 8] = (uint8_t)(r->taken[at / 8] | 1u << at % 8);
	return SID_FIRST + at;
}

/* All but the number is in the rule's name for its number, so that it follows what it matches. */
static void end_rule(struct rules *r, struct out *rule, const struct indicator *item)
{
	const struct finding *f = item->finding;
	CHECK(f != NULL);
	unsigned sid = sid_of(r, out_string(rule));
	out_text(r->out, out_string(rule));
	out_printf(r->out,
		"threshold:type limit,track by_src,seconds 3600,count 1; "
		"classtype:command-and-control; reference:url,attack.mitre.org/techniques/T1008; "
		"metadata:mitre_technique_id T1008, mitre_technique_name Fallback_Channels, "
		"mitre_tactic_id TA0011, finding %s, kind %s, role %s; sid:%u; rev:1;)\n",
		f->id, finding_kind_name(f->kind), channel_role_name(item->channel->role), sid);
	r->out->failed |= rule->failed;
	out_fini(rule);
}

static void put_name(struct rules *r, const struct indicator *item)
{
	static const struct {
		const char *proto, *what, *buffer, *nocase;
	} looks[] = {{"dns", "look-up of", "dns.query", " nocase;"},
		{"tls", "TLS to", "tls.sni", " nocase;"}, {"http", "HTTP to", "http.host", ""}};
	bool below = item->kind == INDICATOR_DOMAIN;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		struct out rule = {0};
		out_printf(&rule,
			"alert %s $HOME_NET any -> any any (msg:\"POSTERN T1008 %s %s\"; %s; "
			"%scontent:\"%s%s\";%s %sendswith; ",
			looks[i].proto, looks[i].what, item->name, looks[i].buffer,
			below ? "dotprefix; " : "", below ? "." : "", item->name, looks[i].nocase,
			below ? "" : "startswith; ");
		end_rule(r, &rule, item);
	}
}

static void put_address(struct rules *r, const struct indicator *item)
{
	const struct finding_channel *ch = item->channel;
	const char *proto = ch->transport == TRANSPORT_OTHER ? "ip" : transport_name(ch->transport);
	char text[ADDR_TEXT_BYTES], port[8] = "any";
	bool ports = ch->transport == TRANSPORT_TCP || ch->transport == TRANSPORT_UDP;
	if (ports && ch->port != 0)
		(void)snprintf(port, sizeof port, "%u", ch->port);
	struct out rule = {0};
	(void)addr_text(&item->addr, text);
	out_printf(&rule,
		"alert %s $HOME_NET any -> %s %s (msg:\"POSTERN T1008 contact with %s port %s\"; ",
		proto, text, port, text, port);
	end_rule(r, &rule, item);
}

/* Whether a rule for a domain sees the name as well. */
static bool is_covered(const struct indicators *list, const struct indicator *item)
{
	size_t len = strlen(item->name);
	for (size_t i = 0; i < list->count && item->kind == INDICATOR_NAME; i++) {
		const char *domain = list->item[i].name;
		if (list->item[i].kind != INDICATOR_DOMAIN || domain == NULL ||
			strlen(domain) >= len)
			continue;
		const char *tail = item->name + len - strlen(domain);
		if (tail[-1] == '.' && strcmp(tail, domain) == 0)
			return true;
	}
	return false;
}

static void put_finding(struct out *o, const struct finding *f, const struct indicators *list)
{
	out_printf(o, "# finding %s: ", f->id);
	told_title(o, f);
	out_text(o, "\n");
	if (list->spared + list->odd > 0)
		out_printf(o,
			"# %zu of its endpoints have no rule: others use them too, or their "
			"names are no host names\n",
			list->spared + list->odd);
}

static void suricata_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct rules r = {.out = o};
	struct indicator_walk walk;
	const struct finding *last = NULL;
	out_text(o, "# Fallback channels that Postern found. Addresses change hands: review, and "
		    "let them expire.\n");
	indicators_begin(&walk, c, SAME_PROTOCOL);
	for (const struct indicator *item; (item = indicators_next(&walk)) != NULL;) {
		if (item->finding != last)
			put_finding(o, item->finding, &walk.list);
		last = item->finding;
		if (item->name == NULL)
			put_address(&r, item);
		else if (!is_covered(&walk.list, item))
			put_name(&r, item);
	}
	indicators_end(&walk, o);
}

const struct report_format report_suricata = {
	.name = "suricata",
	.explanation = "Suricata rules for the endpoints that were found",
	.write = suricata_write,
};
