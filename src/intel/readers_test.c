/* Each form of list: what is taken, what is left out and why. */
#include "intel/testing.h"

static void is(const char *text, const char *format, const char *all, const char *skipped)
{
	struct intel *set = set_of(text);
	struct out o = {0};
	assert_string_equal(intel_file(set, 0)->format, format);
	assert_string_equal(all_of(set, &o), all);
	assert_string_equal(skipped_of(set, &o), skipped);
	out_fini(&o);
	intel_free(set);
}

static void lists(void **state)
{
	(void)state;
	is("# comment\n"
	   "198.51.100.7\r\n"
	   "198.51.100.0/24 ; SBL1 a note\n"
	   "2001:db8:1::/48\n"
	   "\n"
	   "Bad.Example.\n"
	   "*.below.example\n"
	   ".both.example\n"
	   "hxxp://bad[.]example:8080/a.php?x=1#part\n"
	   "d41d8cd98f00b204e9800998ecf8427e\n"
	   "10.0.0.1\n"
	   "10.0.0.0/8\n"
	   "0.0.0.0/0\n"
	   "*.com\n"
	   "what is this\n"
	   "198.51.100.7\n",
		"list",
		"address 198.51.100.7\n"
		"network 198.51.100.0/24\n"
		"network 2001:db8:1::/48\n"
		"name bad.example\n"
		"name *.below.example\n"
		"name .both.example\n"
		"url bad.example:8080/a.php?x=1\n"
		"file-md5 d41d8cd98f00b204e9800998ecf8427e\n",
		"1 address of private or special use: it means something in its own network only "
		"(11)\n"
		"1 network of private or special use: it means something in itself only (12)\n"
		"1 network wider than /8 (IPv6: /16): it says nothing of one host in it (13)\n"
		"2 neither address, network, name, URL nor hash (14 15)\n");
}

static void hosts(void **state)
{
	(void)state;
	is("# a blocker's\n127.0.0.1 localhost\n0.0.0.0\tbad.example worse.example # why\n"
	   "::1 ip6-localhost\n198.51.100.1 mine.example\n",
		"hosts", "name bad.example\nname worse.example\n",
		"1 name with an address of its own (5)\n");
}

static void reputation(void **state)
{
	(void)state;
	struct intel_builder *b = NULL;
	assert_int_equal(intel_builder_new(&b), 0);
	add_file(b, "list", "198.51.100.7,3,127\n198.51.100.0/24,3,64\n198.51.100.9,3,0\n1,x\n");
	add_file(b, "names", "1,BadHosts,Known bad\n3,CnC,Command, and control\n");
	struct intel *set = sealed(b);
	struct out o = {0};
	assert_string_equal(intel_file(set, 0)->format, "iprep");
	assert_string_equal(intel_file(set, 1)->format, "iprep");
	assert_string_equal(all_of(set, &o), "address 198.51.100.7\nnetwork 198.51.100.0/24\n");
	assert_string_equal(skipped_of(set, &o),
		"1 score 0: no reputation (3)\n1 not address,category,score (4)\n");
	assert_int_equal(intel_item(set, intel_next(set, 0)).confidence, 100);
	assert_int_equal(intel_item(set, intel_next(set, intel_next(set, 0))).confidence, 50);
	assert_string_equal(intel_item(set, intel_next(set, intel_next(set, 0))).note, "CnC");
	out_fini(&o);
	intel_free(set);
}

static void zeek(void **state)
{
	(void)state;
	is("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n"
	   "198.51.100.7\tIntel::ADDR\tfeed\t-\n"
	   "198.51.100.0/24\tIntel::SUBNET\tfeed\ta net\n"
	   "bad.example\tIntel::DOMAIN\tfeed\t\n"
	   "bad.example/a.php\tIntel::URL\tfeed\t-\n"
	   "evil/1.0\tIntel::SOFTWARE\tfeed\t-\n"
	   "me@bad.example\tIntel::EMAIL\tfeed\t-\n"
	   "da39a3ee5e6b4b0d3255bfef95601890afd80709\tIntel::CERT_HASH\tfeed\t-\n"
	   "da39a3ee5e6b4b0d3255bfef95601890afd80709\tIntel::FILE_HASH\tfeed\t-\n"
	   "zz\tIntel::FILE_HASH\tfeed\t-\n",
		"zeek",
		"address 198.51.100.7\nnetwork 198.51.100.0/24\nname bad.example\n"
		"url bad.example/a.php\nuser-agent evil/1.0\n"
		"certificate-sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
		"file-sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709\n",
		"1 type Intel::EMAIL (7)\n1 type Intel::FILE_HASH (10)\n");
}

static void separated_values(void **state)
{
	(void)state;
	is("# made by hand\n"
	   "# \"first_seen\", \"ioc_value\", \"ioc_type\", \"malware\", \"confidence_level\"\n"
	   "\"2026-01-01\", \"worse.example\", \"domain\", \"c\", \"100\"\n"
	   "\"2026-01-01\", \"198.51.100.7:8080\", \"ip:port\", \"a \"\"b\"\"\", \"75\"\n"
	   "\"2026-01-01\", \"bad.example\", \"domain\", \"c\", \"100\"\n"
	   "\"2026-01-01\", \"x\", \"mutex\", \"c\", \"100\"\n"
	   "\"2026-01-01\", \"bad.example\", \"domain\", \"c\", \"101\"\n",
		"csv", "name worse.example\naddress 198.51.100.7\nname bad.example\n",
		"1 type mutex (6)\n1 confidence that is none of 0 to 100 (7)\n");
	is("first_seen_utc;dst_ip;dst_port;ja3;valid_until;tlp\n"
	   "x;198.51.100.7;443;;2026-03-01;amber\n"
	   "x;;;d41d8cd98f00b204e9800998ecf8427e;2026-03-01T12:00:00Z;TLP:RED\n"
	   "x;;;;;\n"
	   "x;198.51.100.8;x;;;\n"
	   "x;198.51.100.8;;;someday;\n",
		"csv", "address 198.51.100.7\nja3 d41d8cd98f00b204e9800998ecf8427e\n",
		"1 row without an indicator (4)\n1 port that is none (5)\n"
		"1 date of expiry that is none (6)\n");
}

static void sides(void **state)
{
	(void)state;
	struct intel *set = set_of("domain,valid_until,tlp,confidence,malware,port\n"
				   "bad.example,2026-03-01,amber+strict,high,Some,8443\n");
	struct intel_item item = intel_item(set, intel_next(set, 0));
	assert_int_equal(item.until_ns, INT64_C(1772323200) * 1000000000);
	assert_int_equal(item.tlp, TLP_AMBER_STRICT);
	assert_int_equal(item.confidence, 85);
	assert_int_equal(item.port, 8443);
	assert_int_equal(item.line, 2);
	assert_string_equal(item.note, "Some");
	assert_string_equal(item.file->name, "file");
	intel_free(set);
}

#define INDICATOR(pattern, more)                                                                  \
	"{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"name\":\"n\",\"pattern\":\"" pattern \
	"\"" more "}"

static void stix(void **state)
{
	(void)state;
	is("{\"type\":\"bundle\",\"objects\":[\n" INDICATOR("[ipv4-addr:value = '198.51.100.7']",
		   "") ",\n" INDICATOR("[domain-name:value = 'bad.example' OR "
				       "url:value='http://bad.example/x']",
		   "") ",\n" INDICATOR("[file:hashes.'SHA-256' = "
				       "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
				       "7852b855' OR file:name = 'a.exe']",
		   "") ",\n" INDICATOR("[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
		   "") ",\n" INDICATOR("[domain-name:value LIKE '%.below.example']",
		   "") ",\n" INDICATOR("[ipv4-addr:value != '198.51.100.9']",
		   "") ",\n" INDICATOR("[ipv4-addr:value = '198.51.100.9'] FOLLOWEDBY "
				       "[ipv4-addr:value = '198.51.100.8']",
		   "") ",\n" INDICATOR("[ipv4-addr:value = '198.51.100.9' AND file:name = 'a']",
		   "") ",\n" INDICATOR("[ipv4-addr:value = '198.51.100.9'",
		   "") ",\n" INDICATOR("[ipv4-addr:value = '198.51.100.9']",
		   ",\"revoked\":true") ",\n{\"type\":\"malware\",\"name\":\"m\"}\n]}\n",
		"stix",
		"address 198.51.100.7\nname bad.example\nurl bad.example/x\n"
		"file-sha256 "
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
		"network 198.51.100.0/24\nname *.below.example\n",
		"2 pattern with file:name (4 9)\n1 pattern with the operator != (7)\n"
		"1 pattern of several observations together (8)\n"
		"1 pattern that can't be understood (10)\n1 revoked indicator (11)\n"
		"1 object of type malware (12)\n");
}

static void stix_lines(void **state)
{
	(void)state;
	is(INDICATOR("[ipv6-addr:value IN ('2001:db8::7','2001:db8::8')]",
		   ",\"spec_version\":\"2.1\",\"confidence\":85,\"valid_until\":\"2026-03-01T00:00:"
		   "00Z\","
		   "\"object_marking_refs\":[\"marking-definition--5e57c739-391a-4eb3-b6be-"
		   "7d15ca92d5ed\"]") "\n{broken\n",
		"stix", "address 2001:db8::7\naddress 2001:db8::8\n",
		"1 not JSON: it is no JSON, or cut, or two records in one line (2)\n");
}

static void misp(void **state)
{
	(void)state;
	is("{\"Event\":{\"info\":\"an event\",\"Tag\":[{\"name\":\"tlp:green\"}],\"Attribute\":[\n"
	   "{\"type\":\"ip-dst\",\"value\":\"198.51.100.7\",\"to_ids\":true},\n"
	   "{\"type\":\"ip-dst|port\",\"value\":\"198.51.100.8|443\",\"to_ids\":true},\n"
	   "{\"type\":\"domain\",\"value\":\"bad.example\",\"to_ids\":\"1\"},\n"
	   "{\"type\":\"hostname\",\"value\":\"www.worse.example\",\"to_ids\":true},\n"
	   "{\"type\":\"filename|md5\",\"value\":\"a|d41d8cd98f00b204e9800998ecf8427e\",\"to_ids\":"
	   "true},\n"
	   "{\"type\":\"mutex\",\"value\":\"x\",\"to_ids\":true},\n"
	   "{\"type\":\"ip-src\",\"value\":\"198.51.100.9\",\"to_ids\":false}],\n"
	   "\"Object\":[{\"name\":\"o\",\"Attribute\":[\n"
	   "{\"type\":\"ja3-fingerprint-md5\",\"value\":\"d41d8cd98f00b204e9800998ecf8427e\","
	   "\"to_ids\":true}]}]}}",
		"misp",
		"address 198.51.100.7\naddress 198.51.100.8\nname .bad.example\n"
		"name www.worse.example\nfile-md5 d41d8cd98f00b204e9800998ecf8427e\n"
		"ja3 d41d8cd98f00b204e9800998ecf8427e\n",
		"1 attribute of type mutex (7)\n"
		"1 attribute that is not meant for detection (to_ids) (8)\n");
	is("{\"response\":[{\"Event\":{\"info\":\"i\",\"Attribute\":[{\"type\":\"url\",\"value\":"
	   "\"http://bad.example/\",\"to_ids\":true}]}}]}",
		"misp", "url bad.example/\n", "");
}

static void unknown(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "\n\n", "# only\n", "{\"a\": 1}", "what is this\n",
		"\x7f\x45\x4c\x46", "{\"type\":\"bundle\",", "10.0.0\n"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct intel_builder *b = NULL;
		struct fail why = {0};
		assert_int_equal(intel_builder_new(&b), 0);
		int err = intel_read(b, "file", cur_of(texts[i], strlen(texts[i])), &why);
		assert_true(err < 0);
		assert_memory_equal(why.text, "file: ", 6);
		intel_builder_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(hosts),
		cmocka_unit_test(reputation), cmocka_unit_test(zeek),
		cmocka_unit_test(separated_values), cmocka_unit_test(sides), cmocka_unit_test(stix),
		cmocka_unit_test(stix_lines), cmocka_unit_test(misp), cmocka_unit_test(unknown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
