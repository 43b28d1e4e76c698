/* What is never blocked whatever is said: this machine, its gateways, its resolvers. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/scan.h"
#include "guard/guard.h"

struct owned {
	struct cidr *net;
	size_t count, max;
};

static void add(struct owned *o, const struct addr *a)
{
	if (!addr_is_none(a) && !addr_is_group(a) && o->count < o->max)
		o->net[o->count++] = (struct cidr){.net = *a, .bits = 128};
}

static void add_interfaces(struct owned *o)
{
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct span bytes = {0};
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in in;
			memcpy(&in, i->ifa_addr, sizeof in);
			bytes = (struct span){(const uint8_t *)&in.sin_addr, 4};
			struct addr a = addr_of(bytes);
			add(o, &a);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 in;
			memcpy(&in, i->ifa_addr, sizeof in);
			bytes = (struct span){(const uint8_t *)&in.sin6_addr, 16};
			struct addr a = addr_of(bytes);
			add(o, &a);
		}
	}
	freeifaddrs(list);
}

/* Each line's word of this number, from 0, in lines that begin with `begin`. */
static void add_words(struct owned *o, const char *path, const char *begin, unsigned number,
	bool (*read)(struct span word, struct addr *ret))
{
	char line[512];
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		struct span rest = span_of(line), word = {0};
		struct addr a = {0};
		unsigned at = 0;
		if (!span_begins(rest, begin))
			continue;
		for (size_t i = 0; line[i] != '\0'; i++)
			if (line[i] == '\t' || line[i] == '\n')
				line[i] = ' ';
		while (span_next(&rest, ' ', &word))
			if (word.len > 0 && at++ == number && read(word, &a))
				add(o, &a);
	}
	if (file != NULL)
		(void)fclose(file);
}

static bool read_text(struct span word, struct addr *ret)
{
	return scan_addr(word, ret) == 0;
}

/* proc(5): hexadecimal, in the machine's byte order (IPv4: of the number; IPv6: as on the wire). */
static bool read_hex(struct span word, struct addr *ret)
{
	uint8_t bytes[16] = {0};
	if (word.len != 8 && word.len != 32)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		unsigned digit = scan_hex(word.ptr[i]);
		if (digit > 15)
			return false;
		bytes[i / 2] = (uint8_t)((unsigned)bytes[i / 2] << 4 | digit);
	}
	if (word.len == 8) {
		uint32_t v4 = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		              (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
		memcpy(bytes, &v4, 4);
	}
	struct addr a = addr_of((struct span){bytes, word.len / 2});
	struct addr none = addr_v4(0);
	*ret = a;
	return !addr_eq(&a, &none);
}

size_t guard_own(struct cidr *ret, size_t max)
{
	struct owned o = {.net = ret, .max = max};
	add_interfaces(&o);
	add_words(&o, "/etc/resolv.conf", "nameserver", 1, read_text);
	add_words(&o, "/proc/self/net/route", "", 2, read_hex);
	add_words(&o, "/proc/self/net/ipv6_route", "", 4, read_hex);
	return o.count;
}
