/* Archives through libarchive: its own decoders only, no programs, nothing on disk. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "scan/scan_private.h"

#define FIRST_BYTES ((size_t)65536)
#define NAME_BYTES  512u

struct opening {
	const struct archive_options *options;
	uint64_t unpacked; /* of all members */
	uint32_t members;
};

static void open_one(struct opening *o, struct span bytes, const char *name, unsigned depth);

static struct archive *reader_of(struct span bytes)
{
	struct archive *a = archive_read_new();
	if (a == NULL)
		return NULL;
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_lzma(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_filter_compress(a);
	(void)archive_read_support_format_zip(a);
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_7zip(a);
	(void)archive_read_support_format_cab(a);
	(void)archive_read_support_format_rar(a);
	(void)archive_read_support_format_rar5(a);
	(void)archive_read_support_format_cpio(a);
	(void)archive_read_support_format_ar(a);
	(void)archive_read_support_format_raw(a); /* a packed file alone */
	if (archive_read_open_memory(a, bytes.ptr, bytes.len) == ARCHIVE_OK)
		return a;
	(void)archive_read_free(a);
	return NULL;
}

static void tell(const struct opening *o, const char *name, struct span bytes, const char *gap)
{
	o->options->take(
		o->options->context, &(struct archived){.bytes = bytes, .name = name, .gap = gap});
}

static bool grow(uint8_t **bytes, size_t *room, size_t max)
{
	size_t more = *room == 0 ? FIRST_BYTES : *room * 2;
	more = more < max ? more : max;
	uint8_t *bigger = more <= *room ? NULL : realloc(*bytes, more);
	if (bigger == NULL)
		return false;
	*bytes = bigger;
	*room = more;
	return true;
}

/* Returns NULL, or why it is not all there. */
static const char *read_member(struct opening *o, struct archive *a, uint8_t **ret, size_t *ret_len)
{
	uint64_t left = o->options->total_bytes - o->unpacked;
	size_t max = left < o->options->bytes_max ? (size_t)left : o->options->bytes_max, room = 0;
	for (;;) {
		uint8_t more = 0;
		bool full = *ret_len == room && !grow(ret, &room, max);
		la_ssize_t n = full ? archive_read_data(a, &more, 1)
		                    : archive_read_data(a, *ret + *ret_len, room - *ret_len);
		if (n == 0)
			return NULL;
		if (n < 0)
			return "its packed form is damaged, encrypted, or of a kind that is not "
			       "unpacked";
		if (full)
			return left <= o->options->bytes_max
			               ? "the archive unpacks to more than is looked at"
			               : "it unpacks to more than is looked at";
		*ret_len += (size_t)n;
		o->unpacked += (uint64_t)n;
	}
}

static void take_member(struct opening *o, struct archive *a, struct archive_entry *entry,
	const char *outer, unsigned depth)
{
	char name[NAME_BYTES];
	uint8_t *bytes = NULL;
	size_t len = 0;
	const char *own = archive_entry_pathname_utf8(entry);
	own = own == NULL ? archive_entry_pathname(entry) : own;
	if (archive_format(a) == ARCHIVE_FORMAT_RAW)
		own = "unpacked";
	(void)snprintf(name, sizeof name, "%s%s%s", outer, outer[0] == '\0' ? "" : " > ",
		own == NULL ? "" : own);
	const char *gap = archive_entry_is_encrypted(entry) ? "it is encrypted"
	                                                    : read_member(o, a, &bytes, &len);
	if (len > 0 || gap != NULL) {
		struct span whole = {len == 0 ? (const uint8_t *)"" : bytes, len};
		tell(o, name, whole, gap);
		open_one(o, whole, name, depth + 1);
	}
	free(bytes);
}

/* Whether its first member can be had: else it is a file as any other. */
static bool is_archive(struct archive *a, int code)
{
	bool packed = archive_filter_count(a) > 1;
	return code >= ARCHIVE_WARN && (archive_format(a) != ARCHIVE_FORMAT_RAW || packed);
}

static void open_one(struct opening *o, struct span bytes, const char *name, unsigned depth)
{
	struct archive_entry *entry = NULL;
	struct archive *a = bytes.len == 0 ? NULL : reader_of(bytes);
	int code = a == NULL ? ARCHIVE_FATAL : archive_read_next_header(a, &entry);
	if (a != NULL && archive_read_has_encrypted_entries(a) > 0 && code < ARCHIVE_WARN)
		tell(o, name, (struct span){(const uint8_t *)"", 0},
			"its list of files is encrypted");
	bool archive = a != NULL && is_archive(a, code);
	if (archive && depth >= o->options->depth) {
		tell(o, name, (struct span){(const uint8_t *)"", 0},
			"archives are nested too deeply in it (--limit-depth)");
		archive = false;
	}
	while (archive && code >= ARCHIVE_WARN && code != ARCHIVE_EOF) {
		if (o->members++ >= o->options->members || o->unpacked >= o->options->total_bytes) {
			tell(o, name, (struct span){(const uint8_t *)"", 0},
				"the archive holds more than is looked at");
			break;
		}
		if (archive_entry_filetype(entry) == AE_IFREG)
			take_member(o, a, entry, name, depth);
		code = archive_read_next_header(a, &entry);
	}
	if (archive && code < ARCHIVE_WARN)
		tell(o, name, (struct span){(const uint8_t *)"", 0}, "the archive is damaged");
	if (a != NULL)
		(void)archive_read_free(a);
}

void archive_open(struct span bytes, const struct archive_options *options)
{
	struct opening o = {.options = options};
	if (options->depth > 0)
		open_one(&o, bytes, "", 0);
}
