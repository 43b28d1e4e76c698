/* A web hook: each alert is a POST of its JSON. What 2xx acknowledges is told; another answer says
 * nothing but that, whatever it holds. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "alert/sink.h"
#include "base/out.h"

struct webhook {
	CURL *curl;
	const struct alert_target *target; /* borrowed */
	char trouble[CURL_ERROR_SIZE];
};

static void webhook_free(void *self)
{
	struct webhook *w = self;
	if (w != NULL)
		curl_easy_cleanup(w->curl);
	free(w);
}

/* As libcurl declares it. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t ignore(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static int stop_when_hurried(
	void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	const atomic_bool *hurry = context;
	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return atomic_load(hurry);
}

/* A program that is started meanwhile does not get it. */
static int keep_to_us(void *context, curl_socket_t fd, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

/* False: out of memory, or a libcurl that can't do it. */
static bool set_up(struct webhook *w, const char *ca)
{
	CURL *c = w->curl;
	bool ok = curl_easy_setopt(c, CURLOPT_URL, w->target->place) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	          /* an alert goes where the operator said, and nowhere else */
	          curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)SINK_TRY_S / 3) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)SINK_TRY_S) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, keep_to_us) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_when_hurried) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_USERAGENT, "postern/" POSTERN_VERSION) == CURLE_OK &&
	          curl_easy_setopt(c, CURLOPT_ERRORBUFFER, w->trouble) == CURLE_OK;
	return ok && (ca == NULL || curl_easy_setopt(c, CURLOPT_CAINFO, ca) == CURLE_OK);
}

static int webhook_new(void **ret, const struct alert_target *target, const char *ca)
{
	struct webhook *w =
		curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? calloc(1, sizeof *w) : NULL;
	if (w == NULL)
		return -ENOMEM;
	w->target = target;
	w->curl = curl_easy_init();
	if (w->curl == NULL || !set_up(w, ca)) {
		webhook_free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

/* The receiver's answer. 4xx of these says that the very alert can't be taken; all others may
 * change. */
static int judge(const struct webhook *w, struct fail *why)
{
	long status = 0;
	(void)curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return 0;
	bool never = status == 400 || status == 413 || status == 415 || status == 422;
	return fail_set(why, never ? -EBADMSG : -EPROTO, "%s: it answered %ld%s", w->target->shown,
		status, status >= 300 && status < 400 ? ": redirects are not followed" : "");
}

static int webhook_send(void *self, const char *id, const char *text, size_t len,
	const atomic_bool *hurry, struct fail *why)
{
	struct webhook *w = self;
	char key[64];
	(void)snprintf(key, sizeof key, "Idempotency-Key: %s", id);
	struct curl_slist *head = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *more = head == NULL ? NULL : curl_slist_append(head, key);
	int code = 0;
	w->trouble[0] = '\0';
	union {
		const atomic_bool *in;
		void *out;
	} flag = {hurry}; /* libcurl knows no const */
	if (more == NULL || curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, more) != CURLE_OK ||
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, text) != CURLE_OK ||
		curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) !=
			CURLE_OK ||
		curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, flag.out) != CURLE_OK)
		code = fail_set(why, -ENOMEM, "out of memory");
	CURLcode wrong = code < 0 ? CURLE_OK : curl_easy_perform(w->curl);
	if (wrong != CURLE_OK) {
		struct out safe = {0};
		out_safe(
			&safe, w->trouble[0] != '\0' ? w->trouble : curl_easy_strerror(wrong), 120);
		code = fail_set(why, -EIO, "%s: %s", w->target->shown, out_string(&safe));
		out_fini(&safe);
	} else if (code == 0) {
		code = judge(w, why);
	}
	(void)curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(head);
	return code;
}

const struct sink_way sink_webhook = {.form = ALERT_JSON,
	.spooled = true,
	.new = webhook_new,
	.free = webhook_free,
	.send = webhook_send};
