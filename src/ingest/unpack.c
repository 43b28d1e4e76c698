#include "ingest/unpack.h"

#include <errno.h>

#include "base/cur.h"

#define IN_BYTES ((size_t)64 << 10)
/* Asked for at once at most: fits zlib's counters. */
#define OUT_BYTES_MAX ((size_t)1 << 30)
/* zstd's own default for streams; what needs more was made with --ultra --long=28 or over. */
#define ZSTD_WINDOW_LOG 27

const char *packing_name(enum packing packing)
{
	static const char *const names[] = {NULL, "gzip", "zstd"};
	return names[packing];
}

static enum packing packing_of(struct cur c)
{
	uint32_t magic = cur_le32(&c);
	if (!cur_ok(&c))
		return PACKING_NONE;
	if ((magic & 0xffff) == 0x8b1f)
		return PACKING_GZIP;
	/* RFC 8878 3.1.2: a stream may begin with a frame that holds no data */
	return magic == 0xfd2fb528 || (magic & 0xfffffff0) == 0x184d2a50 ? PACKING_ZSTD
	                                                                 : PACKING_NONE;
}

static int start(struct unpack *u)
{
	if (u->packing == PACKING_NONE)
		return 0;
	u->in = malloc(IN_BYTES);
	if (u->in == NULL)
		return -ENOMEM;
	if (u->packing == PACKING_GZIP) /* 16: gzip and nothing else */
		return inflateInit2(&u->gzip, 16 + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
	u->zstd = ZSTD_createDStream();
	if (u->zstd == NULL)
		return -ENOMEM;
	(void)ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	return 0;
}

int unpack_start(struct unpack *u, struct fail *why)
{
	int code = raw_peek(&u->raw, why);
	if (code < 0)
		return code;
	u->packing = packing_of(cur_of(u->raw.head, u->raw.head_bytes));
	code = start(u);
	return code < 0 ? fail_set(why, code, "%s", strerror(-code)) : 0;
}

void unpack_close(struct unpack *u)
{
	if (u->gzip.state != NULL)
		(void)inflateEnd(&u->gzip);
	(void)ZSTD_freeDStream(u->zstd);
	free(u->in);
	raw_close(&u->raw);
	*u = (struct unpack){.ended = true, .raw = {.fd = -1}};
}

size_t unpack_memory(const struct unpack *u)
{
	if (u->packing == PACKING_NONE)
		return 0;
	return IN_BYTES + (u->zstd != NULL ? ZSTD_sizeof_DStream(u->zstd) : (size_t)48 << 10);
}

static void stop(struct unpack *u, const char *damage)
{
	u->ended = true;
	u->damage = damage;
}

static void fill(struct unpack *u)
{
	ssize_t got = raw_read(&u->raw, u->in, IN_BYTES);
	u->in_used = 0;
	u->in_bytes = got > 0 ? (size_t)got : 0;
	if (got < 0)
		stop(u, strerror((int)-got));
	else if (got == 0)
		stop(u, u->inside ? "the packed data end too early" : NULL);
}

/* Between members: RFC 1952 2.2 lets one follow another; gzip(1) lets zeros follow the last. */
static void between(struct unpack *u)
{
	struct cur c = cur_of(u->in + u->in_used, u->in_bytes - u->in_used);
	uint8_t byte = 0;
	while (c.len > 0 && byte == 0)
		byte = cur_u8(&c);
	u->in_used = u->in_bytes - c.len - (byte != 0);
	u->inside = byte == 0x1f;
	if (byte != 0 && byte != 0x1f)
		stop(u, "what follows the gzip data is something else");
}

static size_t inflate_some(struct unpack *u, uint8_t *buf, size_t n)
{
	if (!u->inside) {
		between(u);
		if (!u->inside)
			return 0;
		(void)inflateReset(&u->gzip);
	}
	u->gzip.next_in = u->in + u->in_used;
	u->gzip.avail_in = (uInt)(u->in_bytes - u->in_used);
	u->gzip.next_out = buf;
	u->gzip.avail_out = (uInt)n;
	int code = inflate(&u->gzip, Z_NO_FLUSH);
	u->in_used = u->in_bytes - u->gzip.avail_in;
	u->pending = code == Z_OK && u->gzip.avail_out == 0;
	if (code == Z_STREAM_END)
		u->inside = false;
	else if (code != Z_OK && code != Z_BUF_ERROR) /* the latter: only new input helps */
		stop(u, code == Z_MEM_ERROR ? "out of memory" : "the gzip data are damaged");
	return n - u->gzip.avail_out;
}

static size_t zstd_some(struct unpack *u, void *buf, size_t n)
{
	ZSTD_inBuffer in = {u->in, u->in_bytes, u->in_used};
	ZSTD_outBuffer out = {buf, n, 0};
	size_t code = ZSTD_decompressStream(u->zstd, &out, &in);
	u->in_used = in.pos;
	u->pending = !ZSTD_isError(code) && code != 0 && out.pos == n;
	if (ZSTD_isError(code))
		stop(u, ZSTD_getErrorName(code));
	else
		u->inside = code != 0;
	return out.pos;
}

static size_t read_plain(struct unpack *u, uint8_t *buf, size_t n)
{
	ssize_t got = raw_read(&u->raw, buf, n);
	if (got <= 0)
		stop(u, got < 0 ? strerror((int)-got) : NULL);
	return got < 0 ? 0 : (size_t)got;
}

size_t unpack_read(struct unpack *u, uint8_t *buf, size_t n)
{
	size_t got = 0;
	n = n < OUT_BYTES_MAX ? n : OUT_BYTES_MAX;
	while (!u->ended && got == 0 && n > 0) {
		if (u->packing == PACKING_NONE)
			return read_plain(u, buf, n);
		if (u->in_used == u->in_bytes && !u->pending)
			fill(u);
		if (!u->ended)
			got = u->packing == PACKING_GZIP ? inflate_some(u, buf, n)
			                                 : zstd_some(u, buf, n);
	}
	return got;
}
