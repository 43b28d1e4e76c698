#include "host/uids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct uids {
	char (*text)[UIDS_TEXT_BYTES];
	uint32_t max;
	uint32_t last; /* number given last; wraps around to 1 */
};

int uids_new(struct uids **ret, uint32_t max)
{
	CHECK(max > 0 && (max & (max - 1)) == 0); /* numbers wrap around */
	struct uids *u = calloc(1, sizeof *u);
	if (u == NULL)
		return -ENOMEM;
	u->max = max;
	u->text = calloc(max, sizeof *u->text);
	if (u->text == NULL) {
		free(u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void uids_free(struct uids *u)
{
	if (u == NULL)
		return;
	free(u->text);
	free(u);
}

uint32_t uids_add(struct uids *u, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);
	if (len == 0 || len >= UIDS_TEXT_BYTES)
		return 0;
	u->last = u->last == UINT32_MAX ? 1 : u->last + 1;
	memcpy(u->text[u->last % u->max], text, len + 1);
	return u->last;
}

void uids_take_back(struct uids *u, uint32_t number)
{
	if (number != 0 && number == u->last)
		u->last--;
}

const char *uids_get(const struct uids *u, uint32_t number)
{
	uint32_t since = u->last - number; /* modulo 2^32, as numbers are given */
	return number == 0 || since >= u->max ? NULL : u->text[number % u->max];
}
