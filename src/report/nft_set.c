/* Named sets for nftables with the addresses that were found, for a rule that the administrator
 * has. Each address once, whatever number of findings it is of. */
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"

struct once {
	struct addr addr[4096]; /* more than 4,096 addresses are a feed, not a finding */
	size_t count;
};

static bool is_new(struct once *once, const struct addr *a)
{
	for (size_t i = 0; i < once->count; i++)
		if (addr_eq(&once->addr[i], a))
			return false;
	if (once->count == ARRAY_LEN(once->addr))
		return false;
	once->addr[once->count++] = *a;
	return true;
}

static void put_elements(struct out *o, const struct report_case *c, bool v4)
{
	struct once once = {0};
	struct indicators list;
	for (size_t i = 0; i < c->findings; i++) {
		if (!told_against(c, c->finding[i]))
			continue;
		indicators_of(c->finding[i], &list);
		for (size_t k = 0; k < list.count; k++) {
			const struct indicator *item = &list.item[k];
			if (item->name != NULL || addr_is_v4(&item->addr) != v4 ||
				!is_new(&once, &item->addr))
				continue;
			out_text(o, once.count == 1 ? "\t\telements = {\n\t\t\t" : ",\n\t\t\t");
			say_address(o, &item->addr);
			out_printf(o, " comment \"finding %s\"", c->finding[i]->id);
		}
	}
	out_text(o, once.count == 0 ? "" : "\n\t\t}\n");
}

static void nft_set_write(
	struct out *o, const struct report_case *c, const struct report_style *style)
{
	(void)style;
	out_text(o, "# Addresses of fallback channels that Postern found; nft -f THIS-FILE. They "
		    "block nothing until\n"
		    "# a rule of this table asks for them:\n"
		    "#   ip daddr @postern_found4 counter drop\n"
		    "#   ip6 daddr @postern_found6 counter drop\n"
		    "table inet postern_found {\n"
		    "\tset postern_found4 {\n\t\ttype ipv4_addr\n");
	put_elements(o, c, true);
	out_text(o, "\t}\n\tset postern_found6 {\n\t\ttype ipv6_addr\n");
	put_elements(o, c, false);
	out_text(o, "\t}\n}\n");
}

const struct report_format report_nft_set = {
	.name = "nft-set",
	.explanation = "nftables sets of the addresses that were found",
	.write = nft_set_write,
};
