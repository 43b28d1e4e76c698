#include "cli/message.h"

#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "base/out.h"

#define WORD_BYTES_MAX 64 /* of a word or path that are compared or shown */

void message(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	(void)fputs("postern: ", stderr);
	(void)vfprintf(stderr, fmt, args);
	(void)fputc('\n', stderr);
	va_end(args);
}

static struct spoken safe_word(const char *word, const char *mark)
{
	struct spoken ret = {0};
	struct out o = {0};
	/* an escaped byte takes four: what is too long then is cut earlier */
	for (size_t bytes = WORD_BYTES_MAX; bytes >= WORD_BYTES_MAX / 4; bytes /= 4) {
		out_clear(&o);
		out_text(&o, mark);
		out_safe(&o, word, bytes);
		out_text(&o, mark);
		(void)snprintf(ret.text, sizeof ret.text, "%s", out_string(&o));
		if (o.len < sizeof ret.text)
			break;
	}
	out_fini(&o);
	return ret;
}

struct spoken quoted(const char *word)
{
	return safe_word(word, "'");
}

struct spoken shown(const char *path)
{
	return safe_word(path, "");
}

/* Edits (insert, drop, change, swap of neighbours) that make b of a; words over WORD_BYTES_MAX are
 * far from everything. */
static size_t edits(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[3][WORD_BYTES_MAX + 1]; /* the last two rows of the table and the next */
	if (la > WORD_BYTES_MAX || lb > WORD_BYTES_MAX)
		return WORD_BYTES_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *last = row[(i - 1) % 3];
		const size_t *before = row[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = last[j] + 1 < best ? last[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *nearest(const char *word, const char *const *candidate, size_t count)
{
	const char *best = NULL;
	size_t least = 3, len = strlen(word); /* more edits than two are another word */
	for (size_t i = 0; i < count; i++) {
		size_t distance = edits(word, candidate[i]);
		if (distance > 1 && len >= 2 && strncmp(word, candidate[i], len) == 0)
			distance = 1; /* a beginning */
		if (distance < least && distance < strlen(candidate[i])) {
			least = distance;
			best = candidate[i];
		}
	}
	return best;
}
