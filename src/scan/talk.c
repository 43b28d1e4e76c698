#include "scan/talk.h"

#include <string.h>

#include "base/scan.h"
#include "scan/mime.h"

static void copy_text(char ret[static CARRY_NAME_BYTES], struct span s)
{
	(void)snprintf(ret, CARRY_NAME_BYTES, "%.*s",
		(int)(s.len < CARRY_NAME_BYTES ? s.len : CARRY_NAME_BYTES - 1),
		(const char *)s.ptr);
}

/* ---- mails ---- */

struct telling {
	struct carry_shared *x;
	const struct talk *talk;
	const char *gap;
};

static void tell_part(void *context, const struct mime_part *part)
{
	const struct telling *t = context;
	const struct ends *ends = t->talk->ends;
	carry_tell(t->x, &(struct carried){.bytes = part->bytes,
				 .at_ns = t->talk->mail.at_ns,
				 .from = ends->addr[CLIENT],
				 .to = ends->addr[SERVER],
				 .from_port = ends->port[CLIENT],
				 .to_port = ends->port[SERVER],
				 .upload = true,
				 .protocol = "smtp",
				 .host = t->talk->from,
				 .uri = part->name,
				 .gap = t->gap != NULL ? t->gap : part->gap});
}

static void finish_mail(struct carry_shared *x, struct talk *t, const char *gap)
{
	struct body *b = &t->mail;
	struct telling telling = {x, t, b->lacks || gap == NULL ? body_gap(b) : gap};
	if (b->len > 0) {
		tell_part(&telling, &(struct mime_part){.bytes = {b->bytes, b->len}, .name = ""});
		mime_message((struct span){b->bytes, b->len}, tell_part, &telling);
	}
	body_drop(x, b);
	t->state = TALK_COMMANDS;
	t->last = false;
}

static struct span take(struct span *bytes, size_t len)
{
	struct span some = {bytes->ptr, len};
	*bytes = (struct span){bytes->ptr + len, bytes->len - len};
	return some;
}

/* One byte further towards the end; *keep: what of the mail it shows to be of it. */
static bool dot_step(enum talk_dot *dot, uint8_t c, const char **keep)
{
	enum talk_dot was = *dot;
	*keep = was == DOT_DOT_CR && c != '\n' ? "\r" : "";
	*dot = c == '\r' ? (was == DOT_DOT ? DOT_DOT_CR : DOT_CR)
	       : c == '\n' && (was == DOT_CR || was == DOT_DOT_CR) ? DOT_LINE
	       : c == '.' && was == DOT_LINE                       ? DOT_DOT
	                                                           : DOT_NONE;
	return was == DOT_DOT_CR && c == '\n';
}

static void mail_bytes(struct carry_shared *x, struct talk *t, struct span *bytes)
{
	struct span run = *bytes;
	while (bytes->len > 0) {
		const char *keep = "";
		size_t done = run.len - bytes->len;
		uint8_t c = take(bytes, 1).ptr[0];
		bool end = dot_step(&t->dot, c, &keep);
		bool hidden = end || t->dot == DOT_DOT || t->dot == DOT_DOT_CR;
		if (!hidden && keep[0] == '\0')
			continue;
		body_keep(x, &t->mail, (struct span){run.ptr, done});
		body_keep(x, &t->mail, span_of(keep));
		run = hidden ? *bytes : (struct span){run.ptr + done, run.len - done};
		if (end) {
			finish_mail(x, t, NULL);
			return;
		}
	}
	body_keep(x, &t->mail, run);
}

static void chunk_bytes(struct carry_shared *x, struct talk *t, struct span *bytes)
{
	size_t len = bytes->len < t->left ? bytes->len : (size_t)t->left;
	body_keep(x, &t->mail, take(bytes, len));
	t->left -= len;
	if (t->left == 0 && t->last)
		finish_mail(x, t, NULL);
	else if (t->left == 0)
		t->state = TALK_COMMANDS;
}

/* ---- what the client says ---- */

typedef void says(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns);

static void say_data(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	(void)words;
	body_drop(x, &t->mail);
	t->mail.at_ns = at_ns;
	t->state = TALK_ASKED;
	t->dot = DOT_LINE;
	t->refused = false;
}

static void say_bdat(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	struct span size = {0};
	t->mail.at_ns = t->mail.len == 0 ? at_ns : t->mail.at_ns;
	if (!span_next(&words, ' ', &size) || scan_u64(size, &t->left) < 0)
		return;
	t->last = span_is_nocase(span_trim(words), "last");
	t->state = TALK_CHUNK;
	if (t->left == 0)
		chunk_bytes(x, t, &(struct span){0});
}

static void say_mail(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	struct span left = {0}, address = {0};
	(void)x;
	(void)at_ns;
	if (span_next(&words, '<', &left) && span_next(&words, '>', &address))
		copy_text(t->from, address);
}

static struct expected *expect(
	struct carry_shared *x, struct talk *t, struct addr said, struct addr seen, uint64_t port)
{
	struct expected *e = &x->expected[x->expectations++ % EXPECTED_MAX];
	*e = (struct expected){.number = x->expectations,
		.listener = {said, seen},
		.port = (uint16_t)port,
		.client = t->ends->addr[CLIENT]};
	t->expected = e->number;
	t->ftp = true;
	return e;
}

/* h1,h2,h3,h4,p1,p2 (RFC 959), from the first digit on. */
static void take_six(struct carry_shared *x, struct talk *t, struct span s, enum side listener)
{
	uint32_t number[6] = {0};
	size_t i = 0;
	while (s.len > 0 && scan_hex(s.ptr[0]) > 9)
		take(&s, 1);
	for (; s.len > 0 && i < ARRAY_LEN(number); take(&s, 1)) {
		if (s.ptr[0] == ',')
			i++;
		else if (scan_hex(s.ptr[0]) <= 9 && i < ARRAY_LEN(number))
			number[i] = (number[i] * 10 + scan_hex(s.ptr[0])) & 0xffff;
		else
			break;
	}
	if (i != ARRAY_LEN(number) - 1)
		return;
	uint32_t addr = 0;
	for (size_t k = 0; k < 4; k++)
		addr = addr << 8 | (number[k] & 0xff);
	expect(x, t, addr_v4(addr), t->ends->addr[listener],
		(number[4] & 0xff) << 8 | (number[5] & 0xff));
}

/* |family|address|port| (RFC 2428), from the first separator on; an answer has the port alone. */
static void take_extended(struct carry_shared *x, struct talk *t, struct span s, enum side listener)
{
	struct span family = {0}, address = {0}, port = {0};
	struct addr said = t->ends->addr[listener];
	uint64_t number = 0;
	if (s.len == 0)
		return;
	uint8_t separator = take(&s, 1).ptr[0];
	if (!span_next(&s, separator, &family) || !span_next(&s, separator, &address) ||
		!span_next(&s, separator, &port) || scan_max(port, UINT16_MAX, &number) < 0)
		return;
	if (address.len > 0 && scan_addr(address, &said) < 0)
		return;
	expect(x, t, said, t->ends->addr[listener], number);
}

static void say_port(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	(void)at_ns;
	take_six(x, t, words, CLIENT);
}

static void say_eprt(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	(void)at_ns;
	take_extended(x, t, words, CLIENT);
}

/* NULL: none, it was forgotten, or it has its name. */
static struct expected *unnamed(struct carry_shared *x, const struct talk *t)
{
	struct expected *e = &x->expected[(t->expected - 1) % EXPECTED_MAX];
	return t->expected == 0 || e->number != t->expected || e->named ? NULL : e;
}

static void say_name(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	struct expected *e = unnamed(x, t);
	if (e == NULL && !t->pop) {
		carry_tell_lost(x, t->ends, SERVER, "ftp", at_ns);
		return;
	}
	if (e == NULL)
		return;
	copy_text(e->name, words);
	e->rest = t->rest;
	e->named = true;
	t->rest = 0;
}

static void say_append(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	struct expected *e = unnamed(x, t);
	say_name(x, t, words, at_ns);
	if (e != NULL)
		e->append = true;
}

static void say_list(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	struct expected *e = unnamed(x, t);
	(void)words;
	(void)at_ns;
	t->rest = 0;
	if (e != NULL)
		e->listing = e->named = true;
}

static void say_rest(struct carry_shared *x, struct talk *t, struct span words, int64_t at_ns)
{
	(void)x;
	(void)at_ns;
	if (scan_u64(words, &t->rest) < 0)
		t->rest = 0;
}

static const struct {
	const char *verb;
	says *says;
} verbs[] = {{"data", say_data}, {"bdat", say_bdat}, {"mail", say_mail}, {"port", say_port},
	{"eprt", say_eprt}, {"retr", say_name}, {"stor", say_name}, {"appe", say_append},
	{"stou", say_name}, {"list", say_list}, {"nlst", say_list}, {"mlsd", say_list},
	{"rest", say_rest}};

static void client_line(struct carry_shared *x, struct talk *t, struct span line, int64_t at_ns)
{
	struct span verb = {0};
	line = span_trim(line);
	if (!span_next(&line, ' ', &verb))
		return;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_is_nocase(verb, verbs[i].verb)) {
			verbs[i].says(x, t, span_trim(line), at_ns);
			return;
		}
}

/* ---- what the server says ---- */

static void server_line(struct carry_shared *x, struct talk *t, struct span line)
{
	size_t bracket = span_find(line, "(");
	t->pop |= span_begins(line, "+OK");
	if (line.len > 4 && span_begins(line, "227"))
		take_six(x, t, (struct span){line.ptr + 4, line.len - 4}, SERVER);
	else if (span_begins(line, "229") && bracket + 1 < line.len)
		take_extended(x, t, (struct span){line.ptr + bracket + 1, line.len - bracket - 1},
			SERVER);
	else if (t->state == TALK_ASKED && line.len > 0)
		t->refused = line.ptr[0] == '4' || line.ptr[0] == '5';
}

/* ---- bytes ---- */

/* True: a line is complete, without its end. */
static bool take_line(struct talk_line *l, struct span *bytes, struct span *ret)
{
	while (bytes->len > 0) {
		uint8_t c = take(bytes, 1).ptr[0];
		if (c == '\n') {
			*ret = (struct span){l->bytes, l->len};
			l->len = 0;
			return true;
		}
		if (l->len < sizeof l->bytes)
			l->bytes[l->len++] = c;
	}
	return false;
}

static void talk_data(
	struct carry_shared *x, void *state, enum side side, struct span bytes, int64_t at_ns)
{
	struct talk *t = state;
	struct span line = {0};
	while (bytes.len > 0 && !t->deaf[side]) {
		if (side == CLIENT && t->state == TALK_ASKED)
			t->state = t->refused ? TALK_COMMANDS : TALK_MAIL;
		if (side == CLIENT && t->state == TALK_MAIL)
			mail_bytes(x, t, &bytes);
		else if (side == CLIENT && t->state == TALK_CHUNK)
			chunk_bytes(x, t, &bytes);
		else if (!take_line(&t->line[side], &bytes, &line))
			return;
		else if (side == CLIENT)
			client_line(x, t, line, at_ns);
		else
			server_line(x, t, line);
	}
}

static void talk_hole(struct carry_shared *x, void *state, enum side side, uint64_t bytes)
{
	struct talk *t = state;
	t->line[side].len = 0; /* a line later it is understood again */
	if (side == SERVER)
		return;
	if (t->state == TALK_ASKED)
		t->state = t->refused ? TALK_COMMANDS : TALK_MAIL;
	if (t->state == TALK_MAIL) { /* up to its end, which may be in the hole: then to the next */
		t->dot = DOT_NONE;
		body_lacks(x, &t->mail, bytes);
	} else if (t->state == TALK_CHUNK && bytes < t->left) {
		body_lacks(x, &t->mail, bytes);
		t->left -= bytes;
	} else {
		body_lacks(x, &t->mail, 0);
		if (t->mail.len == 0)
			carry_tell_lost(x, t->ends, side, t->ftp ? "ftp" : "smtp", 0);
		finish_mail(x, t, NULL);
	}
}

static void talk_end(struct carry_shared *x, void *state, enum side side, bool whole)
{
	struct talk *t = state;
	(void)whole;
	if (side == CLIENT)
		finish_mail(x, t, "the conversation ended before it did");
	t->deaf[side] = true;
}

static void talk_fini(struct carry_shared *x, void *state)
{
	struct talk *t = state;
	body_drop(x, &t->mail);
}

const struct carrier carrier_talk = {talk_data, talk_hole, talk_end, talk_fini};
