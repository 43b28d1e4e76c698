#include "ingest/kinds.h"

#include "base/testing.h"

#define START(text) text, sizeof(text) - 1

static void test_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *start;
		size_t len;
		const char *text;
	} rows[] = {
		{START("\x1f\x8b\x08"), "gzip within a packed file; unpack it once with gunzip"},
		{START("\xfd\x37zXZ\0\0"), "looks like an xz archive; unpack it with unxz"},
		{START("PK\3\4\x14"), "looks like a zip archive; unpack it with unzip"},
		{START("7z\xbc\xaf\x27\x1c\0\4"), "looks like a 7z archive; unpack it with 7z x"},
		{START("BZh91AY"), "looks like a bzip2 archive; unpack it with bunzip2"},
		{START("snoop\0\0\0\0\0\0\2"),
			"looks like a snoop capture; convert it with editcap -F pcapng"},
		{START("#separator \\x09\n"), "looks like a Zeek log"},
		{START("{\"timestamp\":"), "looks like JSON Lines (a Zeek or Suricata log?)"},
		{START("\x7f\x45LF\2\1"), "looks like a program (ELF)"},
		{START("%PDF-1.7"), "looks like a PDF document"},
		{START("\x0c\xa5\1\0"),
			"looks like nfdump's own file; pipe it in: TZ=UTC nfdump -r FILE -o csv | "
			"postern hunt -"},
		{START("PAR1\x15\4"),
			"looks like Parquet; flow logs can be read as text: duckdb -csv -separator "
			"' ' -c \"from 'FILE'\" | postern hunt -"},
		{START("\0\0\0\5\0\0\0\1\xac\x15"),
			"looks like sFlow: samples of packets, which show no failures; give "
			"NetFlow, IPFIX or a capture"},
		{START("k\xc3\xa4se\r\n\t"), "looks like a text file"},
		{START("\x7fwords"), "pcap and pcapng are known, this is neither"},
		{START("words\0"), "pcap and pcapng are known, this is neither"},
		{START("\0\0\0\0"), "begins with zeros; was it preallocated and never written?"},
		{START("P"), "looks like a text file"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(kind_text(cur_of(rows[i].start, rows[i].len)), rows[i].text);
}

/* A magic that stands further in, at its very end. */
static void test_tar(void **state)
{
	(void)state;
	char tar[263] = "name";
	(void)snprintf(tar + 257, 6, "ustar");
	assert_string_equal(
		kind_text(cur_of(tar, 262)), "looks like a tar archive; unpack it with tar -x");
	assert_string_equal(
		kind_text(cur_of(tar, 261)), "pcap and pcapng are known, this is neither");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_tar)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
