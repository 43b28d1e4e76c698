#include "report/emit.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void begin(struct emit *e, const char *key)
{
	out_text(e->out, e->comma ? "," : "");
	if (key != NULL)
		out_printf(e->out, "\"%s\":", key);
	e->comma = true;
}

void emit_open(struct emit *e, const char *key, char bracket)
{
	begin(e, key);
	out_bytes(e->out, &bracket, 1);
	e->comma = false;
}

void emit_close(struct emit *e, char bracket)
{
	out_bytes(e->out, &bracket, 1);
	e->comma = true;
}

void emit_text(struct emit *e, const char *key, const char *text, size_t max_bytes)
{
	if (text == NULL) {
		emit_null(e, key);
		return;
	}
	begin(e, key);
	struct out safe = {0};
	out_safe(&safe, text, max_bytes);
	out_text(e->out, "\"");
	for (const char *c = out_string(&safe); *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			out_printf(e->out, "\\%c", *c);
		else if (e->script && (*c == '<' || *c == '>' || *c == '&'))
			out_printf(e->out, "\\u%04x", (unsigned)*c);
		else
			out_bytes(e->out, c, 1);
	}
	out_text(e->out, "\"");
	e->out->failed |= safe.failed;
	out_fini(&safe);
}

void emit_lines(struct emit *e, const char *key, const char *text)
{
	begin(e, key);
	out_text(e->out, "\"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			out_printf(e->out, "\\%c", *c);
		else
			out_bytes(e->out, *c == '\n' ? "\\n" : c, *c == '\n' ? 2 : 1);
	}
	out_text(e->out, "\"");
}

void emit_texts(
	struct emit *e, const char *key, const char *const *text, size_t count, size_t max_bytes)
{
	emit_open(e, key, '[');
	for (size_t i = 0; i < count; i++)
		emit_text(e, NULL, text[i], max_bytes);
	emit_close(e, ']');
}

void emit_said(struct emit *e, const char *key, struct out *said)
{
	emit_text(e, key, out_string(said), SIZE_MAX);
	e->out->failed |= said->failed;
	out_fini(said);
}

void emit_address(struct emit *e, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	emit_text(e, key, addr_text(a, text), sizeof text);
}

void emit_time(struct emit *e, const char *key, int64_t time_ns)
{
	begin(e, key);
	out_text(e->out, "\"");
	out_time(e->out, time_ns);
	out_text(e->out, "\"");
}

void emit_count(struct emit *e, const char *key, uint64_t n)
{
	begin(e, key);
	out_printf(e->out, "%" PRIu64, n);
}

void emit_number(struct emit *e, const char *key, double value)
{
	begin(e, key);
	if (isnan(value) || value == 0) /* -0 would read as something else */
		value = 0;
	char text[32];
	(void)snprintf(text, sizeof text, "%.6g", fmax(-DBL_MAX, fmin(DBL_MAX, value)));
	char *comma = strchr(text, ','); /* the decimal point of some locales */
	if (comma != NULL)
		*comma = '.';
	out_text(e->out, text);
}

void emit_bool(struct emit *e, const char *key, bool value)
{
	begin(e, key);
	out_text(e->out, value ? "true" : "false");
}

void emit_null(struct emit *e, const char *key)
{
	begin(e, key);
	out_text(e->out, "null");
}
