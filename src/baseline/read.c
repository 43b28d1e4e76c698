#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/scan.h"
#include "baseline/baseline_private.h"

/* What of a wrong word is shown. */
#define SHOWN_BYTES 40u
#define DAY_S       INT64_C(86400)
#define YEAR_LAST   2261

struct reader {
	struct baseline *book;
	const char *name;       /* of the file */
	struct span rest;       /* of the text */
	struct span line, left; /* the line, and what is not read of it yet */
	uint32_t number;
	bool rules, columns; /* those lines came */
	struct out comment;  /* lines that wait for an entry */
	struct fail *why;
};

/* ---- complaints ---- */

static int complain(const struct reader *r, struct span at, const char *what)
{
	struct out word = {0};
	char *text = strndup((const char *)at.ptr, at.len < SHOWN_BYTES ? at.len : SHOWN_BYTES);
	out_safe(&word, text == NULL ? "" : text, SHOWN_BYTES);
	free(text);
	int err = fail_set(r->why, -EINVAL, "%s:%u:%zu: '%s' %s", r->name, r->number,
		(size_t)(at.ptr - r->line.ptr) + 1, out_string(&word), what);
	out_fini(&word);
	return err;
}

static int out_of_memory(const struct reader *r)
{
	return fail_set(r->why, -ENOMEM, "%s: out of memory", r->name);
}

/* ---- words of a line ---- */

static struct span peek_word(struct reader *r)
{
	while (r->left.len > 0 && (*r->left.ptr == ' ' || *r->left.ptr == '\t')) {
		r->left.ptr++;
		r->left.len--;
	}
	struct span word = {r->left.ptr, 0};
	while (word.len < r->left.len && word.ptr[word.len] != ' ' && word.ptr[word.len] != '\t')
		word.len++;
	return word;
}

static struct span next_word(struct reader *r)
{
	struct span word = peek_word(r);
	r->left.ptr += word.len;
	r->left.len -= word.len;
	return word;
}

/* Empty text where nothing may be missing says what ought to stand there. */
static const char *text_of(struct span word, char *buf, size_t size)
{
	size_t len = word.len < size ? word.len : size - 1;
	if (len > 0)
		memcpy(buf, word.ptr, len);
	buf[len] = '\0';
	return buf;
}

static int read_number(
	struct reader *r, uint64_t min, uint64_t max, const char *what, uint64_t *ret)
{
	struct span word = next_word(r);
	uint64_t value = 0;
	if (scan_max(word, max, &value) < 0 || value < min)
		return complain(r, word, what);
	*ret = value;
	return 0;
}

/* Two digits or four at the text's beginning. */
static bool take_digits(struct span *text, size_t digits, int *ret)
{
	uint64_t value = 0;
	if (text->len < digits || scan_u64((struct span){text->ptr, digits}, &value) < 0)
		return false;
	*ret = (int)value;
	text->ptr += digits;
	text->len -= digits;
	return true;
}

static bool take_dash(struct span *text)
{
	if (text->len == 0 || *text->ptr != '-')
		return false;
	text->ptr++;
	text->len--;
	return true;
}

static bool scan_day(struct span text, int32_t *ret)
{
	struct tm tm = {0};
	if (!take_digits(&text, 4, &tm.tm_year) || !take_dash(&text) ||
		!take_digits(&text, 2, &tm.tm_mon) || !take_dash(&text) ||
		!take_digits(&text, 2, &tm.tm_mday) || text.len > 0 || tm.tm_year < 1970 ||
		tm.tm_year > YEAR_LAST)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	struct tm normal = tm;
	int64_t at_s = timegm(&normal);
	if (normal.tm_mon != tm.tm_mon || normal.tm_mday != tm.tm_mday)
		return false; /* no 31st of April */
	*ret = (int32_t)(at_s / DAY_S);
	return true;
}

static int read_day(struct reader *r, int32_t *ret)
{
	struct span word = next_word(r);
	return scan_day(word, ret) ? 0
	                           : complain(r, word, "is not a day: give one such as 2026-03-08");
}

/* What the letter multiplies by; 0: it is no unit. */
static uint64_t unit_of(uint8_t letter)
{
	uint64_t times = 1000;
	for (const char *unit = "KMGTPE"; *unit != '\0'; unit++, times *= 1000)
		if (letter == (uint8_t)*unit)
			return times;
	return 0;
}

static int read_bytes(struct reader *r, uint64_t *ret)
{
	struct span word = next_word(r), digits = word;
	uint64_t value = 0, times = word.len == 0 ? 0 : unit_of(word.ptr[word.len - 1]);
	digits.len -= times != 0;
	times = times == 0 ? 1 : times;
	if (scan_max(digits, UINT64_MAX / times, &value) < 0)
		return complain(r, word, "is not a volume: give bytes such as 500, 20K or 1M");
	*ret = value * times;
	return 0;
}

static int no_more(struct reader *r)
{
	struct span word = next_word(r);
	return word.len == 0 ? 0 : complain(r, word, "is too much: the line ends before it");
}

/* ---- lines of the header ---- */

static int read_window(struct reader *r)
{
	struct baseline_days days = {0};
	struct span from = peek_word(r);
	if (read_day(r, &days.first) < 0 || read_day(r, &days.last) < 0)
		return -EINVAL;
	if (days.last < days.first)
		return complain(
			r, from, "is after the window's last day: give the first one first");
	if (baseline_cover(r->book, days) < 0)
		return complain(r, from, "is one window too many: join those that touch");
	return no_more(r);
}

static int read_input(struct reader *r)
{
	struct span hash = next_word(r), name = next_word(r);
	char sha256[SHA256_TEXT_BYTES], text[INPUT_NAME_MAX + 1];
	bool pipe = span_is(hash, "pipe"), good = pipe || hash.len == SHA256_TEXT_BYTES - 1;
	for (size_t i = 0; good && !pipe && i < hash.len; i++)
		good = scan_hex(hash.ptr[i]) < 16 && !(hash.ptr[i] >= 'A' && hash.ptr[i] <= 'F');
	if (!good)
		return complain(r, hash, "is no SHA-256: 64 hexadecimal digits, or 'pipe'");
	if (name.len == 0 || name.len > INPUT_NAME_MAX || memchr(name.ptr, '#', name.len) != NULL)
		return complain(r, name, "is not an input's name");
	struct baseline_input input = {.sha256 = pipe ? NULL : text_of(hash, sha256, sizeof sha256),
		.name = text_of(name, text, sizeof text)};
	struct fail why = {0};
	if (baseline_add_input(r->book, &input, &why) < 0)
		return complain(r, name, why.text);
	return no_more(r);
}

static int expect(struct reader *r, const char *word, const char *what)
{
	struct span got = next_word(r);
	return span_is(got, word) ? 0 : complain(r, got, what);
}

static int read_rules(struct reader *r)
{
	static const char form[] = "is wrong here: write 'rules min-days N min-hosts N shared N "
				   "max-e X'";
	static const char count[] = "is not a number from 1 to 1000000";
	static const char *const word[] = {"min-days", "min-hosts", "shared"};
	uint32_t *to[] = {
		&r->book->rules.min_days, &r->book->rules.min_hosts, &r->book->rules.shared};
	for (size_t i = 0; i < ARRAY_LEN(word); i++) {
		uint64_t value = 0;
		if (expect(r, word[i], form) < 0 || read_number(r, 1, 1000000, count, &value) < 0)
			return -EINVAL;
		*to[i] = (uint32_t)value;
	}
	if (expect(r, "max-e", form) < 0)
		return -EINVAL;
	struct span max_e = next_word(r);
	int64_t nano = 0;
	if (scan_seconds(max_e, &nano) < 0 || nano < 0 ||
		nano > BASELINE_E_MAX * INT64_C(1000000000))
		return complain(r, max_e, "is not a number from 0 to 1");
	r->book->rules.max_e_nano = nano;
	r->rules = true;
	return no_more(r);
}

static int read_dropped(struct reader *r)
{
	return read_number(r, 1, UINT64_MAX, "is not a count", &r->book->dropped) < 0 ? -EINVAL
	                                                                              : no_more(r);
}

static int read_networks(struct reader *r, struct span list, struct baseline_zone *zone)
{
	struct span one;
	while (span_next(&list, ',', &one)) {
		char text[ADDR_TEXT_BYTES + 4];
		if (span_is(one, "private") && !zone->is_private && zone->nets == 0) {
			zone->is_private = true;
			continue;
		}
		if (zone->nets == BASELINE_NETWORKS_MAX)
			return complain(r, one, "is one network too many");
		if (one.len >= sizeof text || memchr(one.ptr, '\0', one.len) != NULL ||
			cidr_parse(text_of(one, text, sizeof text), &zone->net[zone->nets]) < 0)
			return complain(r, one,
				"is not a network: give ADDRESS/BITS such as 10.0.0.0/8, or "
				"'private' first");
		zone->nets++;
	}
	return 0;
}

static int read_zone(struct reader *r)
{
	struct span name = next_word(r), list = next_word(r);
	char text[ZONE_NAME_MAX + 1];
	if (!baseline_is_word(name))
		return complain(r, name, "is not a zone's name");
	if (list.len == 0)
		return complain(r, list, "stands where the zone's networks are missing");
	struct baseline_zone zone = {.name = text_of(name, text, sizeof text)};
	struct fail why = {0};
	if (read_networks(r, list, &zone) < 0)
		return -EINVAL;
	if (baseline_add_zone(r->book, &zone, &why) < 0)
		return complain(r, name, why.text);
	return no_more(r);
}

static int read_columns(struct reader *r)
{
	static const char *const name[] = {"zone", "host", "endpoint", "service", "transport",
		"port", "first", "last", "days", "hosts", "sent", "got", "why"};
	for (size_t i = 0; i < ARRAY_LEN(name); i++)
		if (expect(r, name[i], "is another column than version 1 has here") < 0)
			return -EINVAL;
	r->columns = true;
	return no_more(r);
}

static int read_header_line(struct reader *r)
{
	static const struct {
		const char *word;
		int (*read)(struct reader *r);
	} lines[] = {{"window", read_window}, {"input", read_input}, {"rules", read_rules},
		{"dropped", read_dropped}, {"zone", read_zone}, {"columns", read_columns}};
	struct span word = next_word(r);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (span_is(word, lines[i].word))
			return lines[i].read(r);
	return complain(r, word,
		"is no line of a header: window, input, rules, dropped, zone, and columns last");
}

/* ---- entries ---- */

static int read_zone_name(struct reader *r, char *buf, size_t size, struct baseline_entry *e)
{
	struct span word = next_word(r);
	e->zone = text_of(word, buf, size);
	bool known = span_is(word, BASELINE_ZONE_OTHER);
	for (size_t i = 0; i < r->book->zones && !known; i++)
		known = span_is(word, r->book->zone[i].name);
	return known ? 0 : complain(r, word, "is no zone of the header");
}

static int read_host(struct reader *r, struct baseline_entry *e)
{
	struct span word = next_word(r);
	if (span_is(word, "*"))
		return 0;
	if (scan_addr(word, &e->host) < 0 || addr_is_none(&e->host))
		return complain(r, word, "is neither a host's address nor '*'");
	return 0;
}

/* A name in lower case, or an address as it is written canonically. */
static bool is_endpoint(const char *text)
{
	struct addr addr;
	char canonical[ADDR_TEXT_BYTES];
	if (addr_parse(text, &addr) == 0)
		return strcmp(addr_text(&addr, canonical), text) == 0;
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
	return len > 0 && len <= ENDPOINT_MAX && text[len] == '\0' && text[0] != '.';
}

static int read_endpoint(struct reader *r, char *buf, size_t size, struct baseline_entry *e)
{
	struct span word = next_word(r);
	e->endpoint = text_of(word, buf, size);
	bool whole = word.len > 0 && strlen(e->endpoint) == word.len;
	return whole && is_endpoint(e->endpoint) ? 0
	                                         : complain(r, word,
							   "is neither a name in lower case nor an "
							   "address in its short form");
}

static int read_service(struct reader *r, char *buf, size_t size, struct baseline_entry *e)
{
	struct span word = next_word(r);
	bool good = word.len > 0 && word.len <= SERVICE_MAX;
	for (size_t i = 0; i < word.len && good; i++)
		good = word.ptr[i] > ' ' && word.ptr[i] < 0x7f && word.ptr[i] != '#';
	if (!good)
		return complain(r, word, "is not a service: tls, http+tls, or - for unknown");
	e->service = span_is(word, "-") ? NULL : text_of(word, buf, size);
	return 0;
}

static int read_transport(struct reader *r, struct baseline_entry *e)
{
	struct span word = next_word(r);
	for (int t = TRANSPORT_OTHER; t <= TRANSPORT_ICMP; t++) {
		if (!span_is(word, transport_name((enum transport)t)))
			continue;
		e->transport = (enum transport)t;
		return 0;
	}
	return complain(r, word, "is not a transport: tcp, udp, icmp or other");
}

static int read_counts(struct reader *r, struct baseline_entry *e)
{
	uint64_t days = 0, hosts = 0;
	struct span first = peek_word(r);
	if (read_day(r, &e->first_day) < 0 || read_day(r, &e->last_day) < 0)
		return -EINVAL;
	if (e->last_day < e->first_day)
		return complain(r, first, "is after the last day: the first comes first");
	uint64_t most = (uint64_t)(e->last_day - e->first_day) + 1;
	if (read_number(r, 1, most, "is not a count of days from the first to the last", &days) < 0)
		return -EINVAL;
	bool one = !addr_is_none(&e->host);
	if (read_number(r, 1, one ? 1 : UINT32_MAX,
		    one ? "hosts: a host's own line has 1" : "is not a count of hosts", &hosts) < 0)
		return -EINVAL;
	e->days = (uint32_t)days;
	e->hosts = (uint32_t)hosts;
	return read_bytes(r, &e->sent) < 0 ? -EINVAL : read_bytes(r, &e->got);
}

static int read_why(struct reader *r, struct baseline_entry *e)
{
	struct span word = next_word(r);
	for (int w = 0; w < BASELINE_WHYS; w++) {
		const char *text = baseline_why_words[w];
		e->why = (enum baseline_why)w;
		if (w != BASELINE_ASKED && span_is(word, text))
			return 0;
		if (w != BASELINE_ASKED || !span_begins(word, text))
			continue;
		struct span day = {word.ptr + strlen(text), word.len - strlen(text)};
		if (scan_day(day, &e->asked_day))
			return 0;
	}
	return complain(r, word,
		"is not why: seen, asked:DAY, held:days, held:hosts, held:finding or held:failed");
}

static int keep_note(struct reader *r, struct baseline_entry *e, struct out *note)
{
	struct span word = peek_word(r);
	if (word.len == 0)
		return 0;
	if (*word.ptr != '#')
		return complain(r, word, "is too much: a note begins with #");
	out_bytes(note, (const char *)r->left.ptr + 1, r->left.len - 1);
	e->note = note->len == 0 ? NULL : out_string(note);
	return note->failed ? out_of_memory(r) : 0;
}

static int add_entry(struct reader *r, struct baseline_entry *e)
{
	e->comment = r->comment.len == 0 ? NULL : out_string(&r->comment);
	if (r->comment.failed)
		return out_of_memory(r);
	int err = baseline_add(r->book, e);
	out_clear(&r->comment);
	if (err == -E2BIG)
		return complain(r, r->line, "is one entry too many: this belongs into two files");
	return err < 0 ? out_of_memory(r) : 0;
}

static int read_entry(struct reader *r)
{
	char zone[ZONE_NAME_MAX + 1], endpoint[ENDPOINT_MAX + 2], service[SERVICE_MAX + 1];
	struct baseline_entry e = {0};
	struct out note = {0};
	int err = 0;
	if (read_zone_name(r, zone, sizeof zone, &e) < 0 || read_host(r, &e) < 0 ||
		read_endpoint(r, endpoint, sizeof endpoint, &e) < 0 ||
		read_service(r, service, sizeof service, &e) < 0 || read_transport(r, &e) < 0)
		return -EINVAL;
	uint64_t port = 0;
	if (read_number(r, 0, UINT16_MAX, "is not a port", &port) < 0 || read_counts(r, &e) < 0 ||
		read_why(r, &e) < 0)
		return -EINVAL;
	e.port = (uint16_t)port;
	err = keep_note(r, &e, &note);
	if (err == 0)
		err = add_entry(r, &e);
	out_fini(&note);
	return err;
}

/* ---- the file ---- */

/* A comment waits for what it stands before. */
static int keep_comment(struct reader *r)
{
	out_bytes(&r->comment, (const char *)r->line.ptr, r->line.len);
	out_text(&r->comment, "\n");
	return r->comment.failed ? out_of_memory(r) : 0;
}

/* The next line without its end, if it is text. False: no more. */
static bool next_line(struct reader *r, int *err)
{
	if (r->rest.len == 0)
		return false;
	r->number++;
	(void)span_next(&r->rest, '\n', &r->line);
	if (r->line.len > 0 && r->line.ptr[r->line.len - 1] == '\r')
		r->line.len--;
	while (r->line.len > 0 &&
		(r->line.ptr[r->line.len - 1] == ' ' || r->line.ptr[r->line.len - 1] == '\t'))
		r->line.len--;
	r->left = r->line;
	for (size_t i = 0; i < r->line.len; i++)
		if ((r->line.ptr[i] < ' ' && r->line.ptr[i] != '\t') || r->line.ptr[i] == 0x7f)
			*err = complain(r, (struct span){r->line.ptr + i, 1}, "is no text");
	return *err == 0;
}

static int read_line(struct reader *r)
{
	struct span word = peek_word(r);
	if (word.len == 0 || *word.ptr == '#')
		return keep_comment(r);
	if (r->columns)
		return read_entry(r);
	int err = read_header_line(r);
	if (err == 0 && r->columns) { /* what stood within the header stays there */
		r->book->comment = baseline_keep(r->book, out_string(&r->comment));
		out_clear(&r->comment);
	}
	return err;
}

static int read_title(struct reader *r)
{
	int err = 0;
	if (!next_line(r, &err))
		return err < 0 ? err
		               : fail_set(r->why, -EINVAL, "%s: empty: not a baseline", r->name);
	if (span_is(r->line, "postern baseline 1"))
		return 0;
	if (span_begins(r->line, "postern baseline "))
		return complain(r, r->line, "is of another version: this program knows version 1");
	return complain(r, r->line, "is not a baseline: its first line is 'postern baseline 1'");
}

/* Whether all is there, and nothing twice. */
static int check_whole(struct reader *r)
{
	struct baseline *b = r->book;
	if (!r->rules || !r->columns)
		return fail_set(r->why, -EINVAL, "%s: cut: its header has no %s line", r->name,
			r->rules ? "columns" : "rules");
	b->tail = baseline_keep(b, out_string(&r->comment));
	baseline_sort(b);
	for (size_t i = 1; i < b->entries; i++) {
		const struct baseline_entry *e = &b->entry[i];
		char host[ADDR_TEXT_BYTES];
		if (baseline_order(e - 1, e) == 0)
			return fail_set(r->why, -EINVAL,
				"%s: two entries for %s of %s in %s at port %u: join them", r->name,
				e->endpoint,
				addr_is_none(&e->host) ? "all hosts" : addr_text(&e->host, host),
				e->zone, e->port);
	}
	return 0;
}

int baseline_read(struct baseline **ret, const char *name, struct cur text, struct fail *why)
{
	struct reader r = {.name = name, .rest = {text.ptr, text.len}, .why = why};
	if (text.len > BASELINE_BYTES_MAX)
		return fail_set(
			why, -E2BIG, "%s: larger than %zu MB", name, BASELINE_BYTES_MAX >> 20);
	/* a text of one byte takes eight, and a line has five at most */
	if (baseline_make(&r.book, 8 * text.len + 4096, text.len / 2 + 64) < 0)
		return fail_set(why, -ENOMEM, "out of memory");
	int err = read_title(&r);
	while (err == 0 && next_line(&r, &err))
		err = read_line(&r);
	if (err == 0)
		err = check_whole(&r);
	out_fini(&r.comment);
	if (err < 0)
		baseline_free(r.book);
	else
		*ret = r.book;
	return err;
}
