/* What stands between a rule's parentheses: a row for each keyword that is understood. */
#include <string.h>

#include "suricata/read.h"

/* ---- values ---- */

bool parser_unquote(struct parser *p, struct span value, struct span *ret)
{
	if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
		*ret = (struct span){value.ptr + 1, value.len - 2};
		return true;
	}
	parser_fault(p, value.ptr, value,
		value.len > 0 && value.ptr[0] == '"'
			? "quotes that do not end; inside them write \\; for a semicolon"
			: "a value that has to stand in quotes");
	return false;
}

static struct span unquoted(struct span value)
{
	bool quotes = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
	return quotes ? (struct span){value.ptr + 1, value.len - 2} : value;
}

static void unknown(struct parser *p, struct span keyword)
{
	struct suricata_test *test = parser_test(p, TEST_UNKNOWN);
	if (test == NULL)
		return;
	if (keyword.len > SURICATA_NAMES_MAX)
		keyword.len = SURICATA_NAMES_MAX;
	test->name = parser_copy(p, keyword);
	if (p->rule->unsupported == NULL)
		p->rule->unsupported = test->name;
}

static void wrong_value(struct parser *p, struct span value, const char *words)
{
	parser_fault(p, value.ptr, value, words);
}

/* N, <N, >N, N<>M, N-M. */
static bool read_bounds(struct span value, uint32_t max, struct suricata_test *test)
{
	uint64_t low = 0, high = 0;
	value = span_trim(unquoted(value));
	size_t between = span_find(value, "<>"), wide = 2;
	if (between == value.len) {
		between = span_find(value, "-");
		wide = 1;
	}
	if (value.len > 0 && between < value.len && between > 0) {
		struct span from = span_trim((struct span){value.ptr, between});
		struct span to = span_trim(
			(struct span){value.ptr + between + wide, value.len - between - wide});
		if (scan_max(from, max, &low) < 0 || scan_max(to, max, &high) < 0 ||
			high < low + wide)
			return false;
		test->low = (uint32_t)low + (wide == 2);
		test->high = (uint32_t)high - (wide == 2);
		return true;
	}
	bool less = span_begins(value, "<"), more = span_begins(value, ">");
	if (less || more)
		value = span_trim((struct span){value.ptr + 1, value.len - 1});
	bool equal = (less || more) && span_begins(value, "=");
	if (equal)
		value = span_trim((struct span){value.ptr + 1, value.len - 1});
	if (scan_max(value, max, &low) < 0 || (less && !equal && low == 0))
		return false;
	test->low = less ? 0 : (uint32_t)low + (more && !equal);
	test->high = more ? UINT32_MAX : (uint32_t)low - (less && !equal);
	return true;
}

/* ---- keywords ---- */

struct option {
	const char *name;
	void (*read)(struct parser *p, struct span keyword, struct span value);
};

static void read_nothing(struct parser *p, struct span keyword, struct span value)
{
	(void)p, (void)keyword, (void)value;
}

static void read_sid(struct parser *p, struct span keyword, struct span value)
{
	(void)keyword;
	if (scan_u64(span_trim(value), &p->rule->sid) < 0)
		wrong_value(p, value, "no number: write sid:1000001;");
}

static void read_priority(struct parser *p, struct span keyword, struct span value)
{
	uint64_t number = 0;
	(void)keyword;
	if (scan_max(span_trim(value), 255, &number) < 0 || number == 0)
		wrong_value(p, value, "no priority: 1 to 255");
	else
		p->rule->priority = (unsigned)number;
}

static void read_msg(struct parser *p, struct span keyword, struct span value)
{
	struct span text;
	(void)keyword;
	if (parser_unquote(p, value, &text))
		p->rule->msg = parser_copy(p, text);
}

static void read_noalert(struct parser *p, struct span keyword, struct span value)
{
	(void)value;
	if (span_is(keyword, "alert"))
		p->rule->alerts = true;
	else
		p->rule->noalert = true;
}

static void read_content(struct parser *p, struct span keyword, struct span value)
{
	(void)keyword;
	parser_content(p, value);
}

static void read_pcre(struct parser *p, struct span keyword, struct span value)
{
	(void)keyword;
	parser_pcre(p, value);
}

static struct suricata_test *last_pattern(struct parser *p)
{
	struct suricata_test *found = NULL;
	for (struct suricata_test *t = p->rule->test; t != NULL; t = t->next)
		if (t->kind == TEST_CONTENT)
			found = t;
	return found;
}

/* A value that a rule computes (byte_extract) is not known. */
static bool read_signed(struct span value, int32_t *ret)
{
	uint64_t number = 0;
	bool minus = span_begins(value, "-");
	if (minus)
		value = (struct span){value.ptr + 1, value.len - 1};
	if (scan_max(value, 65535, &number) < 0)
		return false;
	*ret = minus ? -(int32_t)number : (int32_t)number;
	return true;
}

static void read_modifier(struct parser *p, struct span keyword, struct span value)
{
	struct suricata_test *t = last_pattern(p);
	static const struct {
		const char *name;
		unsigned has;
	} kinds[] = {{"offset", HAS_OFFSET}, {"depth", HAS_DEPTH}, {"distance", HAS_DISTANCE},
		{"within", HAS_WITHIN}};
	if (t == NULL) {
		parser_fault(p, keyword.ptr, keyword,
			"there is no content before it that it could change");
		return;
	}
	int32_t *fields[] = {&t->offset, &t->depth, &t->distance, &t->within};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!span_is(keyword, kinds[i].name))
			continue;
		t->has |= kinds[i].has;
		if (!read_signed(span_trim(value), fields[i]))
			unknown(p, keyword); /* a variable of byte_extract, or no number */
		else if (kinds[i].has == HAS_DEPTH && (size_t)*fields[i] < t->bytes.len)
			wrong_value(p, value,
				"a depth that is shorter than the content: it never matches");
	}
}

static void read_flag(struct parser *p, struct span keyword, struct span value)
{
	struct suricata_test *t = last_pattern(p);
	(void)value;
	if (t == NULL) {
		parser_fault(p, keyword.ptr, keyword,
			"there is no content before it that it could change");
	} else if (span_is(keyword, "nocase")) {
		if (t->buffer == BUFFER_HTTP_HOST) {
			parser_fault(p, keyword.ptr, keyword,
				"http.host is lower case: leave nocase out");
			return;
		}
		const char *lower = parser_lower(p, t->bytes);
		if (lower != NULL)
			t->bytes.ptr = (const uint8_t *)lower;
		t->has |= HAS_NOCASE;
	} else if (span_is(keyword, "endswith")) {
		t->has |= HAS_ENDSWITH;
	} else {
		t->has |= HAS_DEPTH;
		t->depth = (int32_t)t->bytes.len;
	}
}

static void use_buffer(struct parser *p, enum suricata_buffer buffer)
{
	int side = suricata_buffer_side(buffer);
	p->rule->buffers_client += side < 0;
	p->rule->buffers_server += side > 0;
	const char *app = suricata_buffer_app(buffer);
	if (app != NULL && p->rule->app == NULL)
		p->rule->app = app;
}

/* After a content: it is the buffer's. */
static void change_buffer(struct parser *p, struct span keyword, enum suricata_buffer buffer)
{
	struct suricata_test *t = last_pattern(p);
	if (t == NULL || t->buffer != BUFFER_PAYLOAD) {
		parser_fault(
			p, keyword.ptr, keyword, "there is no content of the payload before it");
		return;
	}
	if (buffer == BUFFER_HTTP_HOST && (t->has & HAS_NOCASE) != 0) {
		parser_fault(p, keyword.ptr, keyword, "http.host is lower case: leave nocase out");
		return;
	}
	t->buffer = buffer;
	use_buffer(p, buffer);
}

static bool read_buffer(struct parser *p, struct span keyword, struct span value)
{
	for (unsigned i = BUFFER_UNKNOWN + 1; i < BUFFER_COUNT; i++) {
		const char *old = buffer_legacy((enum suricata_buffer)i);
		bool legacy = old != NULL && span_is(keyword, old);
		if (!legacy && !span_is(keyword, suricata_buffer_name((enum suricata_buffer)i)))
			continue;
		/* the old names of http change a content; those of others are sticky */
		if (legacy && span_begins(keyword, "http_")) {
			change_buffer(p, keyword, (enum suricata_buffer)i);
			return true;
		}
		p->buffer = (enum suricata_buffer)i;
		p->dotprefix = false;
		use_buffer(p, p->buffer);
		if (value.len > 0)
			parser_fault(p, value.ptr, value, "a sticky buffer has no value");
		return true;
	}
	return false;
}

static void read_payload(struct parser *p, struct span keyword, struct span value)
{
	(void)keyword, (void)value;
	p->buffer = BUFFER_PAYLOAD;
	p->dotprefix = false;
}

static void read_dotprefix(struct parser *p, struct span keyword, struct span value)
{
	(void)value;
	/* a content that came before it is not changed */
	if (p->buffer == BUFFER_PAYLOAD)
		parser_fault(p, keyword.ptr, keyword,
			"it has to follow a sticky buffer: tls.sni; dotprefix; content:...");
	p->dotprefix = true;
}

static void read_transform(struct parser *p, struct span keyword, struct span value)
{
	(void)value;
	unknown(p, keyword);
	p->buffer = BUFFER_UNKNOWN;
}

static void read_size(struct parser *p, struct span keyword, struct span value)
{
	struct suricata_test *t =
		parser_test(p, span_is(keyword, "bsize") ? TEST_BSIZE : TEST_DSIZE);
	if (t != NULL && !read_bounds(value, 65535, t))
		wrong_value(p, value, "no size: write 10, <10, >10 or 10<>20");
}

static void read_more(struct parser *p, struct span keyword, struct span value)
{
	const struct suricata_test *last = last_pattern(p);
	struct suricata_test *t = parser_test(p, TEST_MORE);
	struct span part, rest = value;
	uint64_t number = 0;
	(void)keyword;
	if (t == NULL)
		return;
	if (span_next(&rest, ',', &part)) {
		part = span_trim(part);
		t->negated = span_begins(part, "!");
		if (t->negated)
			part = (struct span){part.ptr + 1, part.len - 1};
		if (scan_max(span_trim(part), 65535, &number) < 0) {
			t->kind = TEST_UNKNOWN;
			t->name = "isdataat";
		}
		t->low = (uint32_t)number;
	}
	while (span_next(&rest, ',', &part))
		t->has |= span_is(span_trim(part), "relative") ? HAS_RELATIVE : 0u;
	if (last != NULL && (t->has & HAS_RELATIVE) != 0) {
		t->buffer = last->buffer;
		t->dotprefix = last->dotprefix;
	}
}

static void read_flow(struct parser *p, struct span keyword, struct span value)
{
	static const struct {
		const char *name;
		unsigned flow;
	} words[] = {{"to_server", FLOW_TO_SERVER}, {"from_client", FLOW_TO_SERVER},
		{"to_client", FLOW_TO_CLIENT}, {"from_server", FLOW_TO_CLIENT},
		{"established", FLOW_ESTABLISHED}, {"not_established", FLOW_NOT_ESTABLISHED},
		{"stateless", FLOW_STATELESS}, {"only_stream", FLOW_PIECES},
		{"no_stream", FLOW_PIECES}, {"only_frag", FLOW_PIECES}, {"no_frag", FLOW_PIECES}};
	struct suricata_test *t = parser_test(p, TEST_FLOW);
	struct span rest = value, word;
	(void)keyword;
	while (t != NULL && span_next(&rest, ',', &word)) {
		size_t i = 0;
		word = parser_trim(word);
		while (i < ARRAY_LEN(words) && !span_is_nocase(word, words[i].name))
			i++;
		if (i == ARRAY_LEN(words)) {
			parser_fault(p, word.ptr, word,
				"no word of flow: to_server, to_client, established, "
				"not_established, stateless");
			return;
		}
		t->flow |= words[i].flow;
	}
	if (t != NULL && (t->flow & FLOW_TO_SERVER) != 0 && (t->flow & FLOW_TO_CLIENT) != 0)
		wrong_value(p, value, "one packet is not of both directions");
}

static void read_bits(struct parser *p, struct span keyword, struct span value)
{
	static const char *const words[] = {"set", "unset", "toggle", "isset", "isnotset"};
	struct span rest = value, command, name;
	if (!span_next(&rest, ',', &command))
		command = (struct span){0};
	command = parser_trim(command);
	if (span_is(command, "noalert")) {
		p->rule->noalert = true;
		return;
	}
	size_t i = 0;
	while (i < ARRAY_LEN(words) && !span_is(command, words[i]))
		i++;
	name = parser_trim(rest);
	if (i == ARRAY_LEN(words) || name.len == 0) {
		wrong_value(p, value, "no flowbit: write set,NAME; isset,NAME; isnotset,NAME");
		return;
	}
	bool others = !span_is(keyword, "flowbits");
	if (others) { /* kept for an address, not for a flow */
		if (i >= BITS_ISSET)
			unknown(p, keyword);
		return;
	}
	if (i < BITS_ISSET && span_has(name, '|')) {
		wrong_value(p, value, "several names are for isset and isnotset alone");
		return;
	}
	struct suricata_test *t = parser_test(p, TEST_BITS);
	if (t != NULL) {
		t->bits = (enum suricata_bits)i;
		t->name = parser_copy(p, name);
	}
}

static void read_app(struct parser *p, struct span keyword, struct span value)
{
	struct span rest = value, name;
	if (!span_next(&rest, ',', &name) || rest.len > 0 || span_has(value, '|')) {
		unknown(p, keyword); /* a direction of detection, or a list */
		return;
	}
	struct suricata_test *t = parser_test(p, TEST_APP);
	if (t == NULL)
		return;
	name = parser_trim(name);
	t->negated = span_begins(name, "!");
	if (t->negated)
		name = span_trim((struct span){name.ptr + 1, name.len - 1});
	t->name = parser_lower(p, name);
	if (name.len == 0)
		wrong_value(p, value, "no application protocol");
}

static void read_ip_proto(struct parser *p, struct span keyword, struct span value)
{
	static const struct {
		const char *name;
		uint32_t number;
	} names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"ipv6-icmp", 58}, {"gre", 47},
		{"esp", 50}, {"ah", 51}, {"igmp", 2}, {"sctp", 132}, {"ipip", 4}, {"ipv6", 41}};
	struct suricata_test *t = parser_test(p, TEST_IP_PROTO);
	if (t == NULL)
		return;
	struct span name = parser_trim(unquoted(value));
	t->negated = span_begins(name, "!");
	if (t->negated)
		name = span_trim((struct span){name.ptr + 1, name.len - 1});
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (span_is_nocase(name, names[i].name)) {
			t->low = t->high = names[i].number;
			return;
		}
	}
	if (!read_bounds(name, 255, t)) {
		t->kind = TEST_UNKNOWN;
		t->name = parser_copy(p, keyword);
		p->rule->unsupported =
			p->rule->unsupported == NULL ? t->name : p->rule->unsupported;
	}
}

static void read_icmp(struct parser *p, struct span keyword, struct span value)
{
	struct suricata_test *t =
		parser_test(p, span_is(keyword, "itype") ? TEST_ICMP_TYPE : TEST_ICMP_CODE);
	if (t != NULL && !read_bounds(value, 255, t))
		wrong_value(p, value, "no type or code of ICMP: write 8, <8, >8 or 3<>9");
}

static void read_tcp_flags(struct parser *p, struct span keyword, struct span value)
{
	static const char letters[] = "FSRPAUEC";
	struct span rest = value, part;
	uint8_t flags = 0;
	size_t i = 0;
	bool plain = span_next(&rest, ',', &part) && part.len > 0;
	part = plain ? parser_trim(part) : part;
	for (; plain && i < part.len; i++) {
		const char *at = memchr(letters, part.ptr[i], sizeof letters - 1);
		plain = at != NULL;
		flags = (uint8_t)(plain ? flags | 1u << (at - letters) : flags);
	}
	if (!plain || rest.len > 0) {
		unknown(p, keyword); /* with *, +, ! or flags that are passed over */
		return;
	}
	struct suricata_test *t = parser_test(p, TEST_FLAGS);
	if (t != NULL)
		t->flags = flags;
}

static void read_state(struct parser *p, struct span keyword, struct span value)
{
	if (!span_is(parser_trim(value), "client_hello"))
		unknown(p, keyword);
	else
		(void)parser_test(p, TEST_HELLO);
	if (p->rule->app == NULL)
		p->rule->app = "tls";
}

/* Of type limit it only says how often is told. */
static void read_threshold(struct parser *p, struct span keyword, struct span value)
{
	struct span rest = value, word;
	while (span_next(&rest, ',', &word)) {
		word = parser_trim(word);
		if (span_begins(word, "type") &&
			span_is(span_trim((struct span){word.ptr + 4, word.len - 4}), "limit")) {
			p->rule->limited = true;
			return;
		}
	}
	unknown(p, keyword);
}

static const struct option options[] = {
	{"msg", read_msg},
	{"sid", read_sid},
	{"priority", read_priority},
	{"rev", read_nothing},
	{"gid", read_nothing},
	{"classtype", read_nothing},
	{"reference", read_nothing},
	{"metadata", read_nothing},
	{"target", read_nothing},
	{"fast_pattern", read_nothing},
	{"prefilter", read_nothing},
	{"rawbytes", read_nothing},
	{"noalert", read_noalert},
	{"alert", read_noalert},
	{"content", read_content},
	{"pcre", read_pcre},
	{"offset", read_modifier},
	{"depth", read_modifier},
	{"distance", read_modifier},
	{"within", read_modifier},
	{"nocase", read_flag},
	{"startswith", read_flag},
	{"endswith", read_flag},
	{"pkt_data", read_payload},
	{"dotprefix", read_dotprefix},
	{"to_lowercase", read_transform},
	{"to_uppercase", read_transform},
	{"to_md5", read_transform},
	{"to_sha1", read_transform},
	{"to_sha256", read_transform},
	{"strip_whitespace", read_transform},
	{"compress_whitespace", read_transform},
	{"url_decode", read_transform},
	{"xor", read_transform},
	{"pcrexform", read_transform},
	{"domain", read_transform},
	{"tld", read_transform},
	{"bsize", read_size},
	{"dsize", read_size},
	{"isdataat", read_more},
	{"flow", read_flow},
	{"flowbits", read_bits},
	{"xbits", read_bits},
	{"hostbits", read_bits},
	{"app-layer-protocol", read_app},
	{"ip_proto", read_ip_proto},
	{"itype", read_icmp},
	{"icode", read_icmp},
	{"flags", read_tcp_flags},
	{"tcp.flags", read_tcp_flags},
	{"ssl_state", read_state},
	{"threshold", read_threshold},
	{"detection_filter", read_threshold},
};

/* ---- the body ---- */

static void read_option(struct parser *p, struct span text)
{
	size_t colon = span_find(text, ":");
	struct span keyword = parser_trim((struct span){text.ptr, colon});
	struct span value = {text.ptr + colon, text.len - colon};
	if (value.len > 0)
		value = parser_trim((struct span){value.ptr + 1, value.len - 1});
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (span_is(keyword, options[i].name)) {
			options[i].read(p, keyword, value);
			return;
		}
	}
	if (!read_buffer(p, keyword, value)) {
		unknown(p, keyword);
		/* what follows may be asked of what it names */
		if (value.len == 0 && colon == text.len)
			p->buffer = BUFFER_UNKNOWN;
	}
}

void parser_options(struct parser *p, struct span body)
{
	size_t begin = 0;
	for (size_t i = 0; i <= body.len && !p->wrong && !p->full; i++) {
		if (i < body.len && body.ptr[i] == '\\') {
			i++;
			continue;
		}
		if (i < body.len && body.ptr[i] != ';')
			continue;
		struct span text = parser_trim((struct span){body.ptr + begin, i - begin});
		if (text.len > 0 && i >= body.len)
			parser_fault(p, text.ptr, text,
				"an option that does not end: write ; behind it");
		else if (text.len > 0)
			read_option(p, text);
		begin = i + 1;
	}
	if (!p->wrong && !p->full && p->rule->sid == 0)
		parser_fault(p, body.ptr, (struct span){0},
			"no sid: give the rule a number (sid:1000001;)");
}
