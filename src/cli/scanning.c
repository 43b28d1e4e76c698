#include "cli/scanning.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/file.h"
#include "cli/message.h"
#include "cli/signals.h"

/* ---- quarantine ---- */

/* A file of that name is the same bytes: nothing is to be done. */
static void keep_copy(struct scanning *s, const char *name, struct span bytes)
{
	int fd = s->quarantine < 0
	                 ? -1
	                 : openat(s->quarantine, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0) {
		if (s->quarantine >= 0 && errno != EEXIST) {
			message("--quarantine: %s: %s", name, strerror(errno));
			s->gaps++;
		}
		return;
	}
	struct cur c = cur_of(bytes.ptr, bytes.len);
	while (c.len > 0) {
		ssize_t n = write(fd, c.ptr, c.len);
		if (n <= 0)
			break;
		cur_skip(&c, (size_t)n);
	}
	if (close(fd) != 0 || c.len > 0) {
		message("--quarantine: %s: %s", name, strerror(errno));
		(void)unlinkat(s->quarantine, name, 0);
		s->gaps++;
		return;
	}
	s->kept++;
}

/* ---- looking ---- */

static void look_at_one(struct scanning *s, struct origin from, struct span bytes)
{
	struct scan_result r;
	scan_bytes(s->sought.scanner, bytes, &r);
	if (from.gap == NULL && r.gap[0] != '\0')
		from.gap = r.gap;
	s->files++;
	s->bytes += bytes.len;
	s->matching += r.matches > 0;
	s->gaps += from.gap != NULL;
	if (r.matches > 0) {
		keep_copy(s, r.sha256, bytes);
		s->matched_ns = from.carried != NULL ? from.carried->at_ns : clock_day_ns();
		memcpy(s->match, r.match[0].name, sizeof s->match);
		memcpy(s->sha256, r.sha256, sizeof s->sha256);
	}
	if (r.matches == 0 && from.gap == NULL && !s->c->all)
		return;
	scanning_tell(s, &from, &r);
}

struct members {
	struct scanning *scanning;
	const struct origin *from;
};

static void take_member(void *context, const struct archived *file)
{
	const struct members *m = context;
	struct origin from = *m->from;
	from.member = file->name;
	from.gap = file->gap;
	look_at_one(m->scanning, from, file->bytes);
}

void scanning_look_at(struct scanning *s, struct origin from, struct span bytes)
{
	struct members m = {s, &from};
	look_at_one(s, from, bytes);
	if (s->c->depth >= 1)
		archive_open(bytes, &(struct archive_options){.bytes_max = s->c->file_bytes,
					    .total_bytes = s->c->unpacked_bytes,
					    .members = (uint32_t)s->c->members,
					    .depth = (unsigned)s->c->depth,
					    .take = take_member,
					    .context = &m});
}

/* ---- captures ---- */

static void take_carried(void *context, const struct carried *file)
{
	struct scanning *s = context;
	if (!endpoints_within(&s->endpoints.options, file->at_ns))
		return;
	scanning_look_at(s, (struct origin){.path = s->capture, .carried = file, .gap = file->gap},
		file->bytes);
}

static int scan_capture(struct scanning *s, const char *path, struct fail *why)
{
	struct ingest *ingest = NULL;
	struct decoder *decoder = NULL;
	struct carry *carry = NULL;
	struct frame frame;
	struct packet packet;
	struct carry_options o = {
		.bytes_max = s->c->file_bytes, .take = take_carried, .context = s};
	s->capture = path;
	int err = ingest_open(&ingest, &path, 1, why);
	if (err == 0 &&
		(decoder_new(&decoder, FRAGMENT_BYTES_MAX) < 0 || carry_new(&carry, &o) < 0))
		err = fail_set(why, -ENOMEM, "out of memory");
	while (err == 0 && !signals_stop && ingest_next(ingest, &frame) == 1)
		if (frame.format == NULL && decode_frame(decoder, &frame, &packet) == DECODED_OK)
			carry_add(carry, &packet);
	if (err == 0) {
		carry_finish(carry);
		struct carry_stats now = carry_stats(carry);
		s->carried.streams += now.streams;
		s->carried.holes += now.holes;
		s->carried.refused += now.refused;
		const struct input *in = ingest_input(ingest, 0);
		if (in->error != 0)
			err = fail_set(why, in->error, "%s", in->text);
		else if (in->cut)
			s->gaps++;
		s->captures++;
	}
	carry_free(carry);
	decoder_free(decoder);
	ingest_close(ingest);
	return err;
}

/* ---- files ---- */

static int scan_file(struct scanning *s, const char *path, struct fail *why)
{
	struct cur text = {0};
	char *owned = NULL;
	size_t max = s->c->file_bytes;
	int err = file_read(path, max, &owned, &text, why);
	if (err < 0)
		return err;
	struct span bytes = {text.ptr, text.len < max ? text.len : max};
	scanning_look_at(s,
		(struct origin){.path = path,
			.gap = text.len > max ? "it is longer than is looked at (--limit-file)"
	                                      : NULL},
		bytes);
	free(owned);
	return 0;
}

enum what { A_FILE, A_LOG, A_CAPTURE };

/* By content, packed or not. Standard input can be read once only: it is a file. */
static enum what what_is(const char *path)
{
	struct ingest *ingest = NULL;
	struct fail why = {0};
	enum what what = A_FILE;
	if (strcmp(path, "-") == 0 || ingest_open(&ingest, &path, 1, &why) < 0)
		return A_FILE;
	if (ingest_inputs(ingest) == 1) {
		const struct input *in = ingest_input(ingest, 0);
		if (in->error == 0 && in->format != NULL)
			what = in->log ? A_LOG : A_CAPTURE;
	}
	ingest_close(ingest);
	return what;
}

static int scan_path(struct scanning *s, const char *path, struct fail *why)
{
	bool kept = false, code = s->c->rules.count > 0 || s->c->clamd != NULL;
	int err = s->seen == NULL ? 0 : endpoints_kept(&s->endpoints, path, &kept, why);
	if (err < 0 || kept)
		return err;
	enum what what = what_is(path);
	if (what != A_FILE && s->seen != NULL)
		endpoints_traffic(&s->endpoints, path);
	if (what == A_CAPTURE)
		return scan_capture(s, path, why);
	/* who writes what begins like a log does not get past the rules */
	return what == A_LOG && s->seen != NULL && !code ? 0 : scan_file(s, path, why);
}

void scanning_words(struct scanning *s, const struct walk *walk)
{
	for (size_t i = 0; i < walk->files && !signals_stop; i++) {
		struct fail why = walk->file[i].why;
		int err = why.code != 0 ? why.code : scan_path(s, walk->file[i].path, &why);
		if (err < 0)
			message("%s", why.text);
		s->unread += err < 0;
	}
	if (s->seen != NULL)
		endpoints_finish(&s->endpoints);
}

bool scanning_is_partial(const struct scanning *s)
{
	bool cut = s->c->iface == NULL && signals_stop; /* an interface has no other end */
	return s->unread + s->gaps + s->files_lost + s->packets_lost > 0 || s->endpoints.partial ||
	       s->stale || cut;
}
