/* Content codings of HTTP (RFC 9110, 8.4.1): what unpacks to more than it may is cut there. */
#define ZLIB_CONST /* what is read is not written */
#include <string.h>
#include <zlib.h>

#include "scan/scan_private.h"

#define FIRST_BYTES ((size_t)65536)
#define ANY_HEADER  (15 + 32) /* zlib's window bits: gzip or zlib, told by its header */

static bool grow(uint8_t **bytes, size_t *room, size_t max)
{
	size_t more = *room == 0 ? FIRST_BYTES : *room * 2;
	more = more < max ? more : max;
	uint8_t *bigger = more == *room ? NULL : realloc(*bytes, more);
	if (bigger == NULL)
		return false;
	*bytes = bigger;
	*room = more;
	return true;
}

static const char *run(z_stream *z, size_t max, uint8_t **ret, size_t *ret_len)
{
	size_t room = 0;
	int err = Z_OK;
	while (err == Z_OK) {
		if (*ret_len == room && !grow(ret, &room, max))
			return "it unpacks to more than is looked at";
		size_t before = room - *ret_len;
		z->next_out = *ret + *ret_len;
		z->avail_out = (uInt)before;
		err = inflate(z, Z_NO_FLUSH);
		*ret_len += before - z->avail_out;
		if (err == Z_OK && z->avail_in == 0 && z->avail_out > 0)
			return "its packed form is cut";
	}
	return err == Z_STREAM_END ? NULL : "its packed form is damaged";
}

const char *inflate_bytes(struct span packed, size_t max, uint8_t **ret, size_t *ret_len)
{
	const int windows[] = {ANY_HEADER, -15}; /* "deflate" is sent with and without a header */
	const char *wrong = NULL;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		z_stream z = {0};
		*ret = NULL;
		*ret_len = 0;
		if (packed.len > UINT32_MAX || inflateInit2(&z, windows[i]) != Z_OK)
			return "it could not be unpacked";
		z.next_in = packed.ptr;
		z.avail_in = (uInt)packed.len;
		wrong = run(&z, max, ret, ret_len);
		(void)inflateEnd(&z);
		if (wrong == NULL || *ret_len > 0)
			return wrong;
		free(*ret);
		*ret = NULL;
	}
	return wrong;
}
