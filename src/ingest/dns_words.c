#include "ingest/dns_words.h"

#include "base/scan.h"

struct word {
	const char *name;
	uint16_t number;
};

/* IANA, "Domain Name System (DNS) Parameters" */
static const struct word types[] = {{"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"NULL", 10},
	{"PTR", 12}, {"HINFO", 13}, {"MX", 15}, {"TXT", 16}, {"RP", 17}, {"KEY", 25}, {"AAAA", 28},
	{"LOC", 29}, {"SRV", 33}, {"NAPTR", 35}, {"A6", 38}, {"DNAME", 39}, {"OPT", 41}, {"DS", 43},
	{"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48}, {"NSEC3", 50}, {"TLSA", 52},
	{"SVCB", 64}, {"HTTPS", 65}, {"SPF", 99}, {"TKEY", 249}, {"TSIG", 250}, {"IXFR", 251},
	{"AXFR", 252}, {"ANY", 255}, {"*", 255}, {"URI", 256}, {"CAA", 257}};

static const struct word rcodes[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2},
	{"NXDOMAIN", 3}, {"NOTIMP", 4}, {"REFUSED", 5}, {"YXDOMAIN", 6}, {"YXRRSET", 7},
	{"NXRRSET", 8}, {"NOTAUTH", 9}, {"NOTZONE", 10}, {"BADVERS", 16}, {"BADSIG", 16},
	{"BADKEY", 17}, {"BADTIME", 18}};

static bool find(struct span name, const struct word *word, size_t words, uint16_t *ret)
{
	uint64_t number;
	for (size_t i = 0; i < words; i++) {
		if (!span_is_nocase(name, word[i].name))
			continue;
		*ret = word[i].number;
		return true;
	}
	if (scan_max(name, UINT16_MAX - 1, &number) < 0)
		return false;
	*ret = (uint16_t)number;
	return true;
}

uint16_t dns_type(struct span name)
{
	uint16_t type = 0;
	if (name.len > 4 && span_begins(name, "TYPE"))
		name = (struct span){name.ptr + 4, name.len - 4};
	return find(name, types, ARRAY_LEN(types), &type) ? type : 0;
}

uint16_t dns_rcode(struct span name)
{
	uint16_t rcode = 0;
	return find(name, rcodes, ARRAY_LEN(rcodes), &rcode) ? rcode : UINT16_MAX;
}

void dns_settle(struct lookup *l, bool answered)
{
	l->outcome =
		answered ? lookup_outcome(l->rcode, l->answer, l->answers) : OUTCOME_DNS_SILENT;
	l->fail_ns = answered && outcome_is_failure(l->outcome) ? l->answer_ns : 0;
}
