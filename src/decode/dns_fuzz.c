#include <stdlib.h>

#include "decode/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	size_t len = strlen(name);
	CHECK(len < DNS_NAME_BYTES);
	for (size_t i = 0; i < len; i++) {
		CHECK(name[i] > ' ' && name[i] < 0x7f && !(name[i] >= 'A' && name[i] <= 'Z'));
		if (name[i] != '\\')
			continue;
		for (int k = 0; k < 3; k++) {
			i++;
			CHECK(name[i] >= '0' && name[i] <= '9');
		}
	}
	CHECK(len == 0 || name[len - 1] != '.');
}

static void check(const struct dns *d, size_t size)
{
	check_name(d->qname);
	CHECK(d->answers <= DNS_ANSWERS_MAX && d->cnames <= DNS_CNAMES_MAX);
	CHECK(d->answers <= d->answer_records && d->cnames <= d->answer_records);
	for (size_t i = 0; i < d->answers; i++)
		CHECK(!addr_is_none(&d->answer[i].addr) || size >= 16);
	for (size_t i = 0; i < d->cnames; i++)
		check_name(d->cname[i]);
	CHECK(d->answer_bytes < size && d->rcode < 4096 && d->opcode < 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns fresh, used; /* the second one keeps what earlier messages left */
	memset(&fresh, 0xa5, sizeof fresh);
	struct cur c = cur_of(data, size), again = cur_of(data, size);
	dns_decode(&c, &fresh);
	again.fenced = true;
	dns_decode(&again, &used);
	CHECK(cur_ok(&c) == cur_ok(&again));
	if (!cur_ok(&c)) {
		const uint8_t *bytes = (const uint8_t *)&fresh;
		for (size_t i = 0; i < sizeof fresh; i += 97)
			CHECK(bytes[i] == 0xa5);
		return 0;
	}
	check(&fresh, size);
	CHECK(strcmp(fresh.qname, used.qname) == 0 && fresh.partial == used.partial);
	CHECK(fresh.answers == used.answers && fresh.cnames == used.cnames);
	for (size_t i = 0; i < fresh.cnames; i++)
		CHECK(strcmp(fresh.cname[i], used.cname[i]) == 0);
	CHECK(fresh.rcode == used.rcode && fresh.edns == used.edns);
	CHECK(c.ptr == again.ptr && c.len == again.len);
	return 0;
}
