#include "ingest/kinds.h"

struct kind {
	size_t offset, len;
	const char *magic, *text;
};

#define KIND(offset, magic, text)                      \
	{                                              \
		offset, sizeof(magic) - 1, magic, text \
	}

#define SFLOW                                                                                     \
	"looks like sFlow: samples of packets, which show no failures; give NetFlow, IPFIX or a " \
	"capture"

static const struct kind kinds[] = {
	KIND(0, "\x1f\x8b", "gzip within a packed file; unpack it once with gunzip"),
	KIND(0, "\x28\xb5\x2f\xfd", "zstd within a packed file; unpack it once with unzstd"),
	KIND(0,
		"\xfd"
		"7zXZ\0",
		"looks like an xz archive; unpack it with unxz"),
	KIND(0, "BZh", "looks like a bzip2 archive; unpack it with bunzip2"),
	KIND(0, "\x04\x22\x4d\x18", "looks like an lz4 archive; unpack it with unlz4"),
	KIND(0, "PK\3\4", "looks like a zip archive; unpack it with unzip"),
	KIND(0, "7z\xbc\xaf\x27\x1c", "looks like a 7z archive; unpack it with 7z x"),
	KIND(257, "ustar", "looks like a tar archive; unpack it with tar -x"),
	KIND(0, "snoop\0\0\0", "looks like a snoop capture; convert it with editcap -F pcapng"),
	KIND(0, "GMBU", "looks like a Network Monitor capture; convert it with editcap -F pcapng"),
	KIND(0, "RTSS", "looks like a Network Monitor capture; convert it with editcap -F pcapng"),
	KIND(0, "XCP\0", "looks like a NetXRay capture; convert it with editcap -F pcapng"),
	KIND(0, "\xac\1\0\x1c", "looks like an IXIA capture; convert it with editcap -F pcapng"),
	KIND(0, "\xab\1\0\x1c", "looks like an IXIA capture; convert it with editcap -F pcapng"),
	KIND(0, "#separator", "looks like a Zeek log"),
	KIND(0, "{\"", "looks like JSON Lines (a Zeek or Suricata log?)"),
	KIND(0,
		"\x7f"
		"ELF",
		"looks like a program (ELF)"),
	KIND(0, "MZ", "looks like a program (Windows)"),
	KIND(0, "%PDF", "looks like a PDF document"),
	KIND(0, "SQLite format 3\0", "looks like a SQLite database"),
	KIND(0, "\x0c\xa5",
		"looks like nfdump's own file; pipe it in: TZ=UTC nfdump -r FILE -o csv | postern "
		"hunt -"),
	KIND(0, "PAR1",
		"looks like Parquet; flow logs can be read as text: duckdb -csv -separator ' ' -c "
		"\"from 'FILE'\" | postern hunt -"),
	KIND(0, "\0\0\0\5\0\0\0\1", SFLOW),
	KIND(0, "\0\0\0\5\0\0\0\2", SFLOW),
	KIND(0, "<?xml", "looks like an XML document"),
	KIND(0, "<!DOCTYPE", "looks like a web page; was the download refused?"),
	KIND(0, "<html", "looks like a web page; was the download refused?"),
};

static bool has(struct cur c, const struct kind *kind)
{
	cur_skip(&c, kind->offset);
	struct span s = cur_bytes(&c, kind->len);
	return s.len == kind->len && memcmp(s.ptr, kind->magic, kind->len) == 0;
}

static bool all_zero(struct span s)
{
	size_t i = 0;
	while (i < s.len && s.ptr[i] == 0)
		i++;
	return i == s.len;
}

/* Any encoding that keeps ASCII: no control characters but white space. */
static bool is_text(struct span s)
{
	size_t i = 0;
	while (i < s.len && (s.ptr[i] >= ' ' || (s.ptr[i] >= '\t' && s.ptr[i] <= '\r')) &&
		s.ptr[i] != 0x7f)
		i++;
	return i == s.len;
}

const char *kind_text(struct cur start)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (has(start, &kinds[i]))
			return kinds[i].text;
	struct span s = cur_bytes(&start, start.len < KINDS_BYTES ? start.len : KINDS_BYTES);
	if (all_zero(s))
		return "begins with zeros; was it preallocated and never written?";
	if (is_text(s))
		return "looks like a text file";
	return "pcap and pcapng are known, this is neither";
}
