/* A policy that shuts what was found and nothing else: for `policy compile`, or to be put before
 * the rules of one's own. Only what hurts nobody else (indicator.h). */
#include <string.h>

#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"

struct writing {
	struct out hosts, destinations, rules;
	const struct finding *finding; /* whose destination is open */
	struct strings *said;          /* hosts */
	struct out names, nets;
	size_t count;
};

static void say_in(struct out *o, const char *text)
{
	out_text(o, o->len == 0 ? "" : ", ");
	out_text(o, text);
}

static void end_finding(struct writing *w)
{
	const struct finding *f = w->finding;
	if (f == NULL)
		return;
	out_printf(&w->destinations, "  finding-%s: {", f->id);
	if (w->names.len > 0)
		out_printf(&w->destinations, "names: [%s]%s", out_string(&w->names),
			w->nets.len > 0 ? ", " : "");
	if (w->nets.len > 0)
		out_printf(&w->destinations, "networks: [%s]", out_string(&w->nets));
	out_text(&w->destinations, "}\n");
	out_printf(&w->rules,
		"  - {id: finding-%s, owner: nobody yet, why: \"T1008, %s\", from: any, to: "
		"finding-%s, service: any, action: deny}\n",
		f->id, finding_kind_name(f->kind), f->id);
	out_clear(&w->names);
	out_clear(&w->nets);
	w->finding = NULL;
}

static void add_host(struct writing *w, const struct addr *host)
{
	char text[ADDR_TEXT_BYTES + 2], plain[ADDR_TEXT_BYTES];
	(void)snprintf(text, sizeof text, "\"%s\"", addr_text(host, plain));
	if (strings_find(w->said, text) != 0)
		return;
	(void)strings_add(w->said, text);
	say_in(&w->hosts, text);
}

static void add_item(struct writing *w, const struct indicator *item)
{
	char text[300], plain[ADDR_TEXT_BYTES];
	if (w->finding != item->finding)
		end_finding(w);
	w->finding = item->finding;
	w->count++;
	add_host(w, &item->finding->host);
	if (item->name == NULL) {
		(void)snprintf(text, sizeof text, "\"%s\"", addr_text(&item->addr, plain));
		say_in(&w->nets, text);
		return;
	}
	(void)snprintf(text, sizeof text, "\"%s\"", item->name);
	say_in(&w->names, text);
	(void)snprintf(text, sizeof text, "\"*.%s\"", item->name);
	if (item->kind == INDICATOR_DOMAIN)
		say_in(&w->names, text);
}

static void assemble(struct out *o, const struct writing *w)
{
	out_text(o, "# What Postern found, to be shut. It allows all else: alone it contains, "
		    "before the\n"
		    "# rules of your own policy it stays. Review it; addresses may be shared. "
		    "Compile it\n"
		    "# for Amazon with --wider: a boundary that sees no name would else shut all.\n"
		    "version: 1\n");
	if (w->count == 0)
		return;
	out_printf(o, "zones:\n  hosts: {networks: [%s], default: allow}\n", out_string(&w->hosts));
	out_printf(o, "destinations:\n%s", out_string(&w->destinations));
	out_printf(o, "rules:\n%s", out_string(&w->rules));
}

static void policy_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	struct indicator_walk walk;
	struct writing w = {.count = 0};
	(void)style;
	if (strings_new(&w.said, (size_t)1 << 20, 16384) < 0) {
		o->failed = true;
		return;
	}
	indicators_begin(&walk, c, SAME_ADDRESS);
	for (const struct indicator *item; (item = indicators_next(&walk)) != NULL;)
		add_item(&w, item);
	end_finding(&w);
	indicators_end(&walk, o);
	assemble(o, &w);
	struct out *const all[] = {&w.hosts, &w.destinations, &w.rules, &w.names, &w.nets};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		o->failed |= all[i]->failed;
		out_fini(all[i]);
	}
	strings_free(w.said);
}

const struct report_format report_policy = {
	.name = "policy",
	.explanation = "a policy that shuts what was found, for policy compile",
	.write = policy_write,
};
