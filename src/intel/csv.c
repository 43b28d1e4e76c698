/* Comma, semicolon or tab separated values whose first line, or last comment, names the columns. A
 * column names a kind ("dst_ip", "sha256", "ja3"), or one holds the thing and another its kind
 * ("ioc_value", "ioc_type"). Rows end with their line. */
#include <ctype.h>
#include <string.h>

#include "intel/reader.h"

#define COLUMNS_MAX 64u

enum role { NOTHING, A_THING, A_KIND, THE_THING, A_PORT, AN_END, A_CONFIDENCE, A_TLP, A_NOTE };

static const struct role_word {
	const char *word; /* as word_dashed() makes it */
	enum role role;
	const char *kind; /* of A_THING, as draft_word() knows it; NULL: the word itself */
} roles[] = {{"indicator", THE_THING, NULL}, {"ioc", THE_THING, NULL},
	{"ioc-value", THE_THING, NULL}, {"value", THE_THING, NULL},
	{"indicator-value", THE_THING, NULL}, {"observable", THE_THING, NULL},
	{"type", A_KIND, NULL}, {"ioc-type", A_KIND, NULL}, {"indicator-type", A_KIND, NULL},
	{"dst-ip", A_THING, "ip"}, {"ip", A_THING, NULL}, {"ipv4", A_THING, NULL},
	{"ipv6", A_THING, NULL}, {"ip-address", A_THING, NULL}, {"address", A_THING, NULL},
	{"dstip", A_THING, "ip"}, {"cidr", A_THING, NULL}, {"network", A_THING, NULL},
	{"netblock", A_THING, NULL}, {"domain", A_THING, NULL}, {"domain-name", A_THING, NULL},
	{"hostname", A_THING, NULL}, {"host", A_THING, NULL}, {"fqdn", A_THING, NULL},
	{"url", A_THING, NULL}, {"md5", A_THING, NULL}, {"sha1", A_THING, NULL},
	{"sha256", A_THING, NULL}, {"md5-hash", A_THING, NULL}, {"sha1-hash", A_THING, NULL},
	{"sha256-hash", A_THING, NULL}, {"file-hash", A_THING, NULL}, {"hash", A_THING, NULL},
	{"ja3", A_THING, NULL}, {"ja3-md5", A_THING, NULL}, {"ja3-hash", A_THING, NULL},
	{"ja4", A_THING, NULL}, {"user-agent", A_THING, NULL}, {"cert-md5", A_THING, NULL},
	{"cert-sha1", A_THING, NULL}, {"cert-sha256", A_THING, NULL}, {"port", A_PORT, NULL},
	{"dst-port", A_PORT, NULL}, {"dstport", A_PORT, NULL}, {"valid-until", AN_END, NULL},
	{"expires", AN_END, NULL}, {"expiration", AN_END, NULL}, {"expiry", AN_END, NULL},
	{"until", AN_END, NULL}, {"confidence", A_CONFIDENCE, NULL},
	{"confidence-level", A_CONFIDENCE, NULL}, {"tlp", A_TLP, NULL}, {"malware", A_NOTE, NULL},
	{"malware-printable", A_NOTE, NULL}, {"threat", A_NOTE, NULL},
	{"listingreason", A_NOTE, NULL}, {"description", A_NOTE, NULL}, {"comment", A_NOTE, NULL},
	{"note", A_NOTE, NULL}, {"tags", A_NOTE, NULL}};

struct header {
	const struct role_word *column[COLUMNS_MAX]; /* NULL: of no use here */
	size_t columns;
	uint8_t separator;
	bool pairs; /* one column holds things, another their kinds */
};

static const struct role_word *role_of(struct span word)
{
	char text[WORD_BYTES];
	word_dashed(span_trim(word), text);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strcmp(roles[i].word, text) == 0)
			return &roles[i];
	return NULL;
}

/* A row has dots, slashes and colons in it where a header has words. */
static bool is_heading(struct span field)
{
	static const char signs[] = "./:@";
	bool letter = field.len == 0;
	for (size_t i = 0; i < field.len; i++) {
		letter |= isalpha(field.ptr[i]) != 0;
		if (field.ptr[i] == 0 || strchr(signs, field.ptr[i]) != NULL)
			return false;
	}
	return letter;
}

static bool names_columns(struct span line, uint8_t separator, struct header *ret)
{
	struct span field;
	size_t things = 0, kinds = 0, values = 0;
	*ret = (struct header){.separator = separator};
	if (line.len > LINE_BYTES_MAX)
		return false;
	while (ret->columns < COLUMNS_MAX && field_next(&line, separator, &field)) {
		const struct role_word *role = role_of(field);
		if (!is_heading(span_trim(field)))
			return false;
		things += role != NULL && role->role == A_THING;
		kinds += role != NULL && role->role == A_KIND;
		values += role != NULL && role->role == THE_THING;
		ret->column[ret->columns++] = role;
		while (line.len > 0 && line.ptr[0] == ' ') /* "a, b" */
			line = (struct span){line.ptr + 1, line.len - 1};
	}
	ret->pairs = kinds == 1 && values == 1;
	return ret->columns > 1 && (ret->pairs || things > 0 || values == 1);
}

static bool header_of(struct span line, struct header *ret)
{
	static const uint8_t separators[] = {',', ';', '\t'};
	while (line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == ' '))
		line = (struct span){line.ptr + 1, line.len - 1};
	for (size_t i = 0; i < ARRAY_LEN(separators); i++)
		if (names_columns(line, separators[i], ret))
			return true;
	return false;
}

static bool claims(struct span head)
{
	struct span line;
	struct header header;
	uint32_t number = 0;
	bool named = false;
	while (line_next(&head, &line, &number)) {
		named |= header_of(line, &header);
		if (named || !line_is_comment(line))
			return named;
	}
	return named;
}

/* What the row says beside its things. */
static bool read_sides(struct reading *r, const struct header *h, const struct span *field,
	size_t fields, struct draft *d)
{
	uint64_t port = 0;
	for (size_t i = 0; i < fields; i++) {
		if (h->column[i] == NULL || field[i].len == 0)
			continue;
		enum role role = h->column[i]->role;
		if (role == A_PORT && scan_max(field[i], UINT16_MAX, &port) < 0) {
			reading_skip(r, d->line, "port that is none");
			return false;
		}
		if (role == AN_END && !draft_until(d, field[i])) {
			reading_skip(r, d->line, "date of expiry that is none");
			return false;
		}
		if (role == A_CONFIDENCE && !draft_confidence(d, field[i])) {
			reading_skip(r, d->line, "confidence that is none of 0 to 100");
			return false;
		}
		if (role == A_TLP)
			d->tlp = tlp_of(field[i]);
		if (role == A_NOTE && d->note.len == 0)
			d->note = field[i];
	}
	d->port = (uint16_t)port;
	return true;
}

static void take_pair(struct reading *r, const struct header *h, const struct span *field,
	size_t fields, const struct draft *sides)
{
	struct draft d[2] = {*sides, *sides};
	struct span word = {0};
	char buf[WORD_BYTES];
	for (size_t i = 0; i < fields; i++) {
		if (h->column[i] != NULL && h->column[i]->role == THE_THING)
			d[0].value = field[i];
		if (h->column[i] != NULL && h->column[i]->role == A_KIND)
			word = field[i];
	}
	if (!draft_word(&d[0], word, &d[1]))
		reading_skip(r, sides->line, "type %s", reading_word(word, buf));
	else
		reading_take_group(r, d, d[1].value.len > 0 ? 2 : 1);
}

static void take(struct reading *r, const struct header *h, struct span line, uint32_t number)
{
	struct span field[COLUMNS_MAX];
	size_t fields = 0, things = 0;
	while (fields < h->columns && field_next(&line, h->separator, &field[fields])) {
		field[fields] = span_trim(field[fields]);
		fields++;
		while (line.len > 0 && line.ptr[0] == ' ')
			line = (struct span){line.ptr + 1, line.len - 1};
	}
	struct draft sides = {.confidence = -1, .line = number};
	if (!read_sides(r, h, field, fields, &sides))
		return;
	if (h->pairs) {
		take_pair(r, h, field, fields, &sides);
		return;
	}
	for (size_t i = 0; i < fields; i++) {
		const struct role_word *role = h->column[i];
		struct draft more, d = sides;
		if (role == NULL || field[i].len == 0 ||
			(role->role != A_THING && role->role != THE_THING))
			continue;
		things++;
		d.value = field[i];
		if (role->role == THE_THING
				? draft_guess(&d)
				: draft_word(&d,
					  span_of(role->kind == NULL ? role->word : role->kind),
					  &more))
			reading_take(r, &d);
		else
			reading_skip(r, number, "value that is none of its column %s", role->word);
	}
	if (things == 0)
		reading_skip(r, number, "row without an indicator");
}

static int read_csv(struct reading *r, struct fail *why)
{
	(void)why;
	struct span rest = r->text, line;
	struct header header = {0}, other;
	uint32_t number = 0;
	bool begun = false;
	while (r->err == 0 && line_next(&rest, &line, &number)) {
		if (!begun && header_of(line, &other)) {
			header = other; /* the last one before the rows */
			begun = !line_is_comment(line);
		} else if (line_is_comment(line)) {
			continue;
		} else if (line.len > LINE_BYTES_MAX) {
			reading_skip(r, number, "line longer than 16 KiB");
		} else {
			begun = true;
			take(r, &header, line, number);
		}
	}
	return 0;
}

const struct reader reader_csv = {.name = "csv", .claims = claims, .read = read_csv};
