/* A hosts file that blocks: an address that means nowhere, and names. */
#include "intel/reader.h"

static bool word_next(struct span *rest, struct span *ret)
{
	while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
		*rest = (struct span){rest->ptr + 1, rest->len - 1};
	size_t end = 0;
	while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t')
		end++;
	*ret = (struct span){rest->ptr, end};
	*rest = (struct span){rest->ptr + end, rest->len - end};
	return end > 0 && ret->ptr[0] != '#';
}

/* 0.0.0.0, 127.0.0.1, ::, ::1: anything else is somebody's own hosts file. */
static bool is_nowhere(struct span word)
{
	struct addr a;
	if (scan_addr(word, &a) < 0)
		return false;
	static const struct addr loopback = {.byte[15] = 1};
	return addr_is_none(&a) || addr_eq(&a, &loopback) ||
	       (addr_is_v4(&a) && (a.byte[12] == 0 || a.byte[12] == 127));
}

static bool claims(struct span head)
{
	struct span line, word;
	return line_first(head, &line) && word_next(&line, &word) && is_nowhere(word) &&
	       word_next(&line, &word);
}

static bool is_own(struct span name)
{
	static const char *const own[] = {"localhost", "localhost.localdomain", "local",
		"broadcasthost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
		"ip6-allnodes", "ip6-allrouters", "ip6-allhosts", "0.0.0.0"};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (span_is_nocase(name, own[i]))
			return true;
	return false;
}

static int read_hosts(struct reading *r, struct fail *why)
{
	(void)why;
	struct span rest = r->text, line, word;
	uint32_t number = 0;
	while (r->err == 0 && line_next(&rest, &line, &number)) {
		if (line_is_comment(line))
			continue;
		if (line.len > LINE_BYTES_MAX || !word_next(&line, &word)) {
			reading_skip(r, number, "no line of a hosts file");
			continue;
		}
		bool nowhere = is_nowhere(word);
		while (word_next(&line, &word)) {
			struct draft d = {.kind = INTEL_NAME,
				.value = word,
				.confidence = -1,
				.line = number};
			if (is_own(word))
				continue;
			if (nowhere)
				reading_take(r, &d);
			else
				reading_skip(r, number, "name with an address of its own");
		}
	}
	return 0;
}

const struct reader reader_hosts = {.name = "hosts", .claims = claims, .read = read_hosts};
