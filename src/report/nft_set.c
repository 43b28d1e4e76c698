/* Named sets for nftables with the addresses that were found, for a rule that the administrator
 * has. Each address once, whatever number of findings it is of. */
#include "report/indicator.h"
#include "report/say.h"
#include "report/told.h"

static void put_elements(struct out *o, const struct report_case *c, bool v4)
{
	struct indicator_walk walk;
	size_t count = 0;
	indicators_begin(&walk, c, SAME_ADDRESS);
	for (const struct indicator *item; (item = indicators_next(&walk)) != NULL;) {
		if (item->name != NULL || addr_is_v4(&item->addr) != v4)
			continue;
		out_text(o, count++ == 0 ? "\t\telements = {\n\t\t\t" : ",\n\t\t\t");
		say_address(o, &item->addr);
		out_printf(o, " comment \"finding %s\"", item->finding->id);
	}
	out_text(o, count == 0 ? "" : "\n\t\t}\n");
	indicators_end(&walk, o);
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
