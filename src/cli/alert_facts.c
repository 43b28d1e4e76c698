#include "cli/alert_facts.h"

#include <ctype.h>
#include <string.h>

#include "report/emit.h"
#include "report/escape.h"

#define VALUE_BYTES_MAX 512
#define WORDS_BYTES_MAX 1500
#define FACILITY_AUTH   4u

void alert_facts_fini(struct alert_facts *f)
{
	for (size_t i = 0; i < f->facts; i++)
		out_fini(&f->fact[i].value);
	out_fini(&f->message);
	*f = (struct alert_facts){0};
}

struct out *alert_facts_add(struct alert_facts *f, const char *name)
{
	CHECK(f->facts < ALERT_FACTS_MAX);
	f->fact[f->facts].name = name;
	return &f->fact[f->facts++].value;
}

/* As report/syslog.c tells findings. */
static void say_syslog(const struct alert_facts *f, struct out *o)
{
	out_printf(o, "<%u>1 ", FACILITY_AUTH * 8 + f->severity);
	out_time(o, f->at_ns);
	out_printf(o, " - postern - %s [postern@32473", f->type);
	for (size_t i = 0; i < f->facts; i++) {
		if (f->fact[i].value.len == 0)
			continue;
		out_printf(o, " %s=\"", f->fact[i].name);
		escape_syslog(o, out_string(&f->fact[i].value), VALUE_BYTES_MAX);
		out_text(o, "\"");
	}
	out_text(o, "] \xef\xbb\xbf"); /* RFC 5424, 6.4: what follows is UTF-8 */
	out_safe(o, out_string(&f->message), WORDS_BYTES_MAX);
	out_text(o, "\n");
}

/* systemd's JOURNAL_NATIVE_PROTOCOL: values without line ends stand behind a '='. */
static void say_journal(const struct alert_facts *f, struct out *o)
{
	out_printf(o,
		"PRIORITY=%u\nSYSLOG_FACILITY=%u\nSYSLOG_IDENTIFIER=postern\nPOSTERN_TYPE=%s\n",
		f->severity, FACILITY_AUTH, f->type);
	for (size_t i = 0; i < f->facts; i++) {
		if (f->fact[i].value.len == 0)
			continue;
		out_text(o, "POSTERN_");
		for (const char *c = f->fact[i].name; *c != '\0'; c++)
			out_printf(o, "%c", toupper((unsigned char)*c));
		out_text(o, "=");
		out_safe(o, out_string(&f->fact[i].value), VALUE_BYTES_MAX);
		out_text(o, "\n");
	}
	out_text(o, "MESSAGE=");
	out_safe(o, out_string(&f->message), WORDS_BYTES_MAX);
	out_text(o, "\n");
}

static void say_rule(const struct alert_facts *f, struct emit *e)
{
	emit_open(e, "alert", '{');
	emit_text(e, "action", f->blocked ? "blocked" : "allowed", 16);
	emit_count(e, "gid", 1);
	emit_count(e, "signature_id", f->signature);
	emit_count(e, "rev", 1);
	struct out name = {0};
	out_printf(&name, "POSTERN T1008 %s", f->type);
	emit_said(e, "signature", &name);
	emit_text(e, "category", "Malware Command and Control Activity Detected", 64);
	emit_count(e, "severity", f->severity <= 3 ? 1 : f->severity - 2);
	emit_open(e, "metadata", '{');
	for (size_t i = 0; i < f->facts; i++) {
		const char *value = out_string(&f->fact[i].value);
		if (*value != '\0')
			emit_texts(e, f->fact[i].name, &value, 1, VALUE_BYTES_MAX);
	}
	emit_close(e, '}');
	emit_close(e, '}');
}

/* As report/eve.c tells findings. */
static void say_eve(const struct alert_facts *f, struct out *o)
{
	static const char *const protos[] = {[TRANSPORT_OTHER] = NULL,
		[TRANSPORT_TCP] = "TCP",
		[TRANSPORT_UDP] = "UDP",
		[TRANSPORT_ICMP] = "ICMP"};
	struct emit e = {.out = o};
	struct out time = {0};
	emit_open(&e, NULL, '{');
	out_time(&time, f->at_ns);
	if (!time.failed) {
		time.len--; /* Z */
		out_text(&time, "+0000");
	}
	emit_said(&e, "timestamp", &time);
	emit_text(&e, "event_type", "alert", 16);
	emit_address(&e, "src_ip", &f->host);
	if (!addr_is_none(&f->peer))
		emit_address(&e, "dest_ip", &f->peer);
	if (f->port != 0)
		emit_count(&e, "dest_port", f->port);
	if (protos[f->transport] != NULL && !addr_is_none(&f->peer))
		emit_text(&e, "proto", protos[f->transport], 8);
	say_rule(f, &e);
	emit_close(&e, '}');
	out_text(o, "\n");
}

void alert_facts_say(const struct alert_facts *f, enum alert_form form, struct out *o)
{
	if (form == ALERT_SYSLOG)
		say_syslog(f, o);
	else if (form == ALERT_JOURNAL)
		say_journal(f, o);
	else if (form == ALERT_EVE)
		say_eve(f, o);
	o->failed |= f->message.failed;
	for (size_t i = 0; i < f->facts; i++)
		o->failed |= f->fact[i].value.failed;
}
