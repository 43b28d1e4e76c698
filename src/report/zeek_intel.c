/* A file for Zeek's intelligence framework: names and addresses, tab-separated. */
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"

/* Zeek knows names as a whole only: a domain and the names below it are one line each. */
static void put_item(struct out *o, const struct indicator *item)
{
	const struct finding *f = item->finding;
	if (item->name != NULL)
		out_printf(o, "%s\tIntel::DOMAIN", item->name);
	else
		say_address(o, &item->addr);
	out_printf(o, "%s\tpostern\tT1008 %s, %s, finding %s\n",
		item->name != NULL ? "" : "\tIntel::ADDR", finding_kind_name(f->kind),
		channel_role_name(item->channel->role), f->id);
}

static void zeek_intel_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	struct indicator_walk walk;
	out_text(o, "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n");
	indicators_begin(&walk, c, SAME_ADDRESS);
	for (const struct indicator *item; (item = indicators_next(&walk)) != NULL;)
		put_item(o, item);
	indicators_end(&walk, o);
}

const struct report_format report_zeek_intel = {
	.name = "zeek-intel",
	.explanation = "a file for Zeek's intelligence framework",
	.write = zeek_intel_write,
};
