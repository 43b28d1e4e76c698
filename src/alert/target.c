#include <errno.h>
#include <string.h>

#include "alert/sink.h"
#include "base/addr.h"
#include "base/out.h"

/* Of the words of a target; each byte may be shown as four. */
#define SHOWN_BYTES_MAX 60

static const struct {
	const char *scheme;
	enum alert_kind kind;
	bool tcp;
} schemes[] = {
	{"syslog:", ALERT_TO_SYSLOG, false},
	{"syslog+tcp:", ALERT_TO_SYSLOG, true},
	{"journal:", ALERT_TO_JOURNAL, false},
	{"eve:", ALERT_TO_EVE, false},
	{"webhook:", ALERT_TO_WEBHOOK, false},
};

static int complain(struct fail *why, const char *text, const char *what)
{
	struct out safe = {0};
	out_safe(&safe, text, 80);
	int code = fail_set(why, -EINVAL, "--alert %s: %s", out_string(&safe), what);
	out_fini(&safe);
	return code;
}

static void show(struct alert_target *t, const char *scheme, const char *rest, size_t len)
{
	struct out safe = {0}, part = {0};
	out_bytes(&part, rest, len);
	out_text(&safe, scheme);
	out_safe(&safe, out_string(&part), SHOWN_BYTES_MAX);
	(void)snprintf(t->shown, sizeof t->shown, "%s", out_string(&safe));
	out_fini(&safe);
	out_fini(&part);
}

/* HOST:PORT, [ADDR]:PORT. */
static const char *read_server(struct alert_target *t, const char *rest)
{
	const char *colon = strrchr(rest, ':'), *host = rest;
	size_t len = colon == NULL ? 0 : (size_t)(colon - rest);
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(rest, ':', len) != NULL) {
		return "write an IPv6 address in brackets: [2001:db8::5]:514";
	}
	if (len == 0 || len >= sizeof t->host)
		return "name the server and its port: HOST:PORT";
	char *end = NULL;
	long port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535)
		return "the port is a number from 1 to 65535";
	memcpy(t->host, host, len);
	(void)snprintf(t->port, sizeof t->port, "%u", (unsigned)(uint16_t)port);
	return NULL;
}

static const char *read_url(struct alert_target *t, const char *rest)
{
	const char *at = NULL;
	if (strncmp(rest, "https://", 8) == 0)
		at = rest + 8;
	else if (strncmp(rest, "http://", 7) == 0)
		at = rest + 7;
	if (at == NULL)
		return "a web hook is an https:// or http:// URL";
	size_t host = strcspn(at, "/?#");
	const char *secret = memchr(at, '@', host);
	if (host == 0 || (secret != NULL && secret + 1 == at + host))
		return "the URL names no server";
	for (const char *c = rest; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return "a URL holds printable ASCII alone: encode the rest";
	/* paths and queries of web hooks are their passwords */
	const char *name = secret == NULL ? at : secret + 1;
	show(t, at - rest == 8 ? "webhook:https://" : "webhook:http://", name,
		(size_t)(at + host - name));
	return NULL;
}

int alert_target_parse(const char *text, struct alert_target *ret, struct fail *why)
{
	struct alert_target t = {0};
	const char *rest = NULL, *wrong = NULL;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i].scheme);
		if (strncmp(text, schemes[i].scheme, len) != 0)
			continue;
		rest = text + len;
		t.kind = schemes[i].kind;
		t.tcp = schemes[i].tcp;
		show(&t, schemes[i].scheme, rest, strlen(rest));
	}
	if (rest == NULL)
		return complain(why, text,
			"write syslog:HOST:PORT, syslog+tcp:HOST:PORT, syslog:, journal:, eve:FILE "
			"or webhook:URL");
	if (strlen(rest) >= sizeof t.place)
		return complain(why, text, "it is too long");
	memcpy(t.place, rest, strlen(rest));
	if (t.kind == ALERT_TO_WEBHOOK)
		wrong = read_url(&t, rest);
	else if (t.kind == ALERT_TO_EVE && *rest == '\0')
		wrong = "name the file: eve:FILE";
	else if (t.kind == ALERT_TO_SYSLOG && (t.tcp || (*rest != '\0' && *rest != '/')))
		wrong = read_server(&t, rest);
	if (wrong == NULL && *rest == '\0' && t.kind == ALERT_TO_SYSLOG)
		(void)snprintf(t.place, sizeof t.place, "/dev/log");
	if (wrong == NULL && *rest == '\0' && t.kind == ALERT_TO_JOURNAL)
		(void)snprintf(t.place, sizeof t.place, "/run/systemd/journal/socket");
	if (wrong != NULL)
		return complain(why,
			t.shown[0] != '\0' && t.kind != ALERT_TO_WEBHOOK ? t.shown : "webhook:",
			wrong);
	*ret = t;
	return 0;
}

const struct sink_way *sink_way_of(enum alert_kind kind)
{
	static const struct sink_way *const ways[] = {[ALERT_TO_SYSLOG] = &sink_syslog,
		[ALERT_TO_JOURNAL] = &sink_journal,
		[ALERT_TO_EVE] = &sink_eve,
		[ALERT_TO_WEBHOOK] = &sink_webhook};
	return ways[kind];
}
