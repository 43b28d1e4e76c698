#include "ingest/rows_testing.h"
#include "ingest/source.h"

/* Suricata's EVE log. "anchors" are inputs that broke other readers, with their trackers' numbers.
 */

#define T0    INT64_C(1600000000)
#define AT(s) "\"2020-09-13T14:26:" s "+0200\"" /* 40 is T0; cuckoo-modified#504, evebox#69 */
#define ENDS(port, server)                           \
	"\"src_ip\":\"10.0.0.5\",\"src_port\":" port \
	",\"dest_ip\":\"192.0.2.1\",\"dest_port\":" server
/* A flow from T0 that was seen for three seconds and logged 20 s after T0, by timer. */
#define FLOW(id, port, proto, counts, state, more)                                          \
	"{\"timestamp\":" AT("59.999") ",\"flow_id\":" id ",\"event_type\":\"flow\"," ENDS( \
		port, "443") ",\"proto\":\"" proto "\",\"flow\":{" counts                   \
			     ",\"start\":" AT("40.000000") ",\"end\":" AT(                  \
				     "43.000000") ",\"age\":3,\"state\":\"" state "\"," more "}\n"
#define COUNTS(po, pi, bo, bi)                                                                 \
	"\"pkts_toserver\":" po ",\"pkts_toclient\":" pi ",\"bytes_toserver\":" bo ",\"bytes_" \
	"toclient\":" bi
#define FLAGS(ts, tc)                                                                        \
	"},\"tcp\":{\"tcp_flags\":\"ff\",\"tcp_flags_ts\":\"" ts "\",\"tcp_flags_tc\":\"" tc \
	"\",\"syn\":true}"
#define TIMEOUT "\"reason\":\"timeout\",\"alerted\":false"

/* All rows as one file: longer than a literal may be. */
static struct told_rows *tell_rows(const char *const *row, size_t rows)
{
	static char text[1 << 16];
	size_t len = 0;
	for (size_t i = 0; i < rows; i++) {
		size_t more = strlen(row[i]);
		assert_true(len + more < sizeof text);
		memcpy(text + len, row[i], more);
		len += more;
	}
	return tell_bytes("eve", text, len);
}

#define TELL(...)                                     \
	tell_rows((const char *const[]){__VA_ARGS__}, \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void flags_are_outcomes(void **state)
{
	(void)state;
	struct told_rows *t = TELL(FLOW("1", "1", "TCP", COUNTS("3", "0", "198", "0"), "new",
					   TIMEOUT FLAGS("02", "00")),
		FLOW("2", "2", "TCP", COUNTS("3", "3", "198", "162"), "closed",
			TIMEOUT FLAGS("02", "14")),
		FLOW("3", "3", "TCP", COUNTS("6", "5", "900", "2000"), "closed",
			TIMEOUT FLAGS("1b", "1b")),
		/* open, asked, and nothing came: closed, cut, or silence */
		FLOW("4", "4", "TCP", COUNTS("5", "3", "400", "174"), "closed",
			TIMEOUT FLAGS("1b", "13")),
		FLOW("5", "5", "TCP", COUNTS("4", "2", "350", "120"), "closed",
			TIMEOUT FLAGS("1a", "16")),
		FLOW("6", "6", "TCP", COUNTS("4", "2", "350", "120"), "established",
			TIMEOUT FLAGS("1a", "12")),
		/* open, and nothing was asked */
		FLOW("7", "7", "TCP", COUNTS("3", "2", "174", "120"), "closed",
			TIMEOUT FLAGS("13", "13")),
		/* a SYN to which no TCP came back, but something: an ICMP error */
		FLOW("8", "8", "TCP", COUNTS("1", "1", "66", "94"), "new",
			TIMEOUT FLAGS("02", "00")),
		/* taken back by the client; its answers went another way */
		FLOW("9", "9", "TCP", COUNTS("2", "0", "120", "0"), "new",
			TIMEOUT FLAGS("06", "00")),
		FLOW("10", "10", "TCP", COUNTS("5", "0", "900", "0"), "new",
			TIMEOUT FLAGS("1a", "00")),
		/* begun before */
		FLOW("11", "11", "TCP", COUNTS("5", "5", "900", "900"), "new",
			TIMEOUT FLAGS("00", "00")),
		/* a scanner that has seen enough; a SYN/ACK, then RST */
		FLOW("12", "12", "TCP", COUNTS("2", "1", "120", "58"), "closed",
			TIMEOUT FLAGS("06", "12")),
		FLOW("13", "13", "TCP", COUNTS("1", "2", "66", "112"), "closed",
			TIMEOUT FLAGS("02", "16")));
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 silent@3 x3 3/0 0/0",
		"0+3 tcp 10.0.0.5:2 > 192.0.2.1:443 refused@3 x3 3/0 3/0",
		"0+3 tcp 10.0.0.5:3 > 192.0.2.1:443 ok x1 6/564 5/1718",
		"0+3 tcp 10.0.0.5:4 > 192.0.2.1:443 stalled@3 x1 5/118 3/0",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 reset@3 x1 4/122 2/0",
		"0+3 tcp 10.0.0.5:6 > 192.0.2.1:443 stalled@3 x1 4/122 2/0",
		"0+3 tcp 10.0.0.5:7 > 192.0.2.1:443 unknown x1 3/0 2/0",
		"0+3 tcp 10.0.0.5:8 > 192.0.2.1:443 unreachable@3 x1 1/0 1/0",
		"0+3 tcp 10.0.0.5:9 > 192.0.2.1:443 unknown x1 2/0 0/0",
		"0+3 tcp 10.0.0.5:10 > 192.0.2.1:443 unknown x1 5/618 0/0 one-way",
		"0+3 tcp 10.0.0.5:11 > 192.0.2.1:443 ok x1 5/630 5/630 joined inferred",
		"0+3 tcp 10.0.0.5:12 > 192.0.2.1:443 ok x1 2/0 1/0",
		"0+3 tcp 10.0.0.5:13 > 192.0.2.1:443 reset@3 x1 1/0 2/0");
	/* three SYNs in three seconds: after 0, 1, 3 s; gone at 7 s */
	assert_int_equal(t->event[0].conn.leave_ns, (T0 + 7) * SEC);
	assert_string_equal(t->event[0].conn.uid, "1");
	told_free(t);
}

/* anchors 24 (suricata output-json-flow.c): shutdown, forced, bypassed and emergency are no
 * failures; what was silent long before the log ended was. */
static void why_it_stopped_is_no_failure(void **state)
{
	(void)state;
#define LATE(id, port, at, more)                                                                      \
	"{\"timestamp\":" AT(at) ",\"flow_id\":" id ",\"event_type\":\"flow\"," ENDS(                 \
		port, "443") ",\"proto\":\"TCP\",\"flow\":{" COUNTS("2", "0", "132",                  \
		"0") ",\"start\":" AT("40.000000") ",\"end\":" AT("41.000000") ",\"state\":"          \
									       "\"new\"," more FLAGS( \
										       "02",          \
										       "0"            \
										       "0") "}\n"
	struct told_rows *t = TELL(LATE("1", "1", "43.9", "\"reason\":\"shutdown\""),
		LATE("2", "2", "44.1", "\"reason\":\"shutdown\""),
		LATE("3", "3", "43.9", "\"reason\":\"forced\""),
		LATE("4", "4", "50", "\"reason\":\"timeout\",\"emergency\":true"),
		FLOW("5", "5", "TCP", COUNTS("2", "0", "132", "0"), "bypassed",
			"\"reason\":\"timeout\"" FLAGS("02", "00")),
		FLOW("6", "6", "UDP", COUNTS("2", "0", "132", "0"), "new",
			"\"reason\":\"shutdown\",\"emergency\":true}"),
		FLOW("7", "7", "TCP", COUNTS("4", "2", "350", "120"), "established",
			"\"reason\":\"timeout\",\"emergency\":true" FLAGS("1a", "12")));
	EXPECT_CONNS(t, T0, "0+1 tcp 10.0.0.5:1 > 192.0.2.1:443 unknown x1 2/0 0/0",
		"0+1 tcp 10.0.0.5:2 > 192.0.2.1:443 silent@1 x2 2/0 0/0",
		"0+1 tcp 10.0.0.5:3 > 192.0.2.1:443 unknown x1 2/0 0/0",
		"0+1 tcp 10.0.0.5:4 > 192.0.2.1:443 unknown x1 2/0 0/0",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 unknown x1 2/0 0/0",
		"0+3 udp 10.0.0.5:6 > 192.0.2.1:443 unknown x1 2/48 0/0",
		"0+3 tcp 10.0.0.5:7 > 192.0.2.1:443 unknown x1 4/122 2/0");
	told_free(t);
}

/* An open connection is given up when it has been silent for ten seconds. Without a SYN, who is at
 * home asked. */
static void open_ends(void **state)
{
	(void)state;
#define OPEN_UNTIL(id, at)                                                                         \
	"{\"timestamp\":" AT(at) ",\"flow_id\":" id ",\"event_type\":\"flow\"," ENDS(              \
		id, "443") ",\"proto\":\"TCP\",\"flow\":{" COUNTS("4", "2", "350",                 \
		"120") ",\"start\":" AT("40.000000") ",\"end\":" AT("41.000000") ",\"reason\":"    \
										 "\"shutdown"      \
										 "\"" FLAGS("1a",  \
											 "12") "}" \
											       "\n"
	struct told_rows *t = TELL(OPEN_UNTIL("1", "50.9"), OPEN_UNTIL("2", "51.1"),
		"{\"timestamp\":" AT(
			"59") ",\"flow_id\":3,\"event_type\":\"flow\",\"src_ip\":"
			      "\"192.0.2.1\",\"src_port\":443,\"dest_ip\":\"10.0.0.5\",\"dest_"
			      "port\":5000,"
			      "\"proto\":\"TCP\",\"flow\":{" COUNTS("9", "4", "5000",
				      "900") ",\"start\":" AT("41") ",\"end\":" AT("43") ",\"reason"
											 "\":"
											 "\"timeout"
											 "\"" FLAGS(
												 "1"
												 "8",
												 "1"
												 "8") "}\n");
	EXPECT_CONNS(t, T0, "0+1 tcp 10.0.0.5:1 > 192.0.2.1:443 unknown x1 4/122 2/0",
		"0+1 tcp 10.0.0.5:2 > 192.0.2.1:443 stalled@1 x1 4/122 2/0",
		"1+2 tcp 10.0.0.5:5000 > 192.0.2.1:443 ok x1 4/684 9/4514 joined inferred");
	told_free(t);
}

/* TLS servers: a fatal alert is all that is so short; a RST may have cut the hello. */
static void tls_answers(void **state)
{
	(void)state;
#define TLS "},\"app_proto\":\"tls\",\"tcp\":{\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\""
	struct told_rows *t = TELL(FLOW("1", "1", "TCP", COUNTS("5", "5", "386", "289"), "closed",
					   TIMEOUT TLS "1b\"}"),
		FLOW("2", "2", "TCP", COUNTS("9", "8", "1500", "4000"), "closed",
			TIMEOUT TLS "1b\"}"),
		/* time stamps may be a third of it */
		FLOW("3", "3", "TCP", COUNTS("5", "5", "500", "380"), "closed",
			TIMEOUT TLS "1b\"}"),
		/* an SSH server's greeting */
		FLOW("4", "4", "TCP", COUNTS("5", "5", "386", "300"), "closed",
			TIMEOUT
			"},\"app_proto_tc\":\"ssh\",\"app_proto\":\"tls\",\"tcp\":{\"tcp_flags_"
			"ts\":\"1b\",\"tcp_flags_tc\":\"1b\"}"),
		FLOW("5", "5", "TCP", COUNTS("5", "4", "600", "1500"), "closed",
			TIMEOUT
			"},\"app_proto\":\"tls\",\"tcp\":{\"tcp_flags_ts\":\"1a\",\"tcp_flags_"
			"tc\":\"1e\"}"));
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 tls-alert@3 x1 5/104 5/7",
		"0+3 tcp 10.0.0.5:2 > 192.0.2.1:443 ok x1 9/1002 8/3556",
		"0+3 tcp 10.0.0.5:3 > 192.0.2.1:443 unknown x1 5/218 5/98",
		"0+3 tcp 10.0.0.5:4 > 192.0.2.1:443 unknown x1 5/104 5/18",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 unknown x1 5/318 4/1272");
	assert_string_equal(t->event[0].conn.service, "tls");
	told_free(t);
}

/* Older Suricatas do not tell flags by direction. Slips#628: ICMP has no ports. */
static void other_flows(void **state)
{
	(void)state;
#define ICMP(id, proto, src, dst, type)                                                           \
	"{\"timestamp\":" AT(                                                                     \
		"59") ",\"flow_id\":" id ",\"event_type\":\"flow\",\"src_ip\":\"" src             \
		      "\",\"dest_ip\":\"" dst "\",\"proto\":\"" proto "\",\"icmp_type\":" type    \
		      ",\"icmp_code\":0,\"flow\":{" COUNTS("1", "0", "98", "0") ",\"start\":" AT( \
			      "41") ",\"end\":" AT("41") ",\"state\":\"new\",\"reason\":"         \
							 "\"timeout\"}}\n"
	struct told_rows *t = TELL(
		FLOW("1", "1", "UDP", COUNTS("2", "1", "200", "300"), "established", TIMEOUT "}"),
		FLOW("2", "2", "UDP", COUNTS("2", "0", "200", "0"), "new", TIMEOUT "}"),
		/* 28 bytes more than was sent: an ICMP error that quotes it, or an answer */
		FLOW("3", "3", "UDP", COUNTS("2", "2", "200", "256"), "established", TIMEOUT "}"),
		FLOW("4", "4", "TCP", COUNTS("2", "0", "132", "0"), "new",
			TIMEOUT "},\"tcp\":{\"tcp_flags\":\"02\",\"syn\":true}"),
		FLOW("5", "5", "TCP", COUNTS("5", "5", "900", "900"), "closed",
			TIMEOUT "},\"tcp\":{\"tcp_flags\":\"1b\",\"syn\":true}"),
		FLOW("6", "6", "TCP", COUNTS("2", "1", "132", "54"), "closed",
			TIMEOUT "},\"tcp\":{\"tcp_flags\":\"16\",\"syn\":true,\"rst\":true}"),
		FLOW("7", "7", "UDP", COUNTS("1", "1", "0", "0"), "new",
			TIMEOUT "},\"vlan\":[12,3]"),
		ICMP("8", "ICMP", "10.0.0.5", "192.0.2.1", "8"),
		ICMP("9", "ICMP", "10.0.0.5", "192.0.2.1", "3"),
		ICMP("10", "IPv6-ICMP", "2001:0db8:0000:0000:0000:0000:0000:0005", "2001:db8::1",
			"128"),
		"{\"timestamp\":" AT("59") ",\"flow_id\":11,\"event_type\":\"flow\","
					   "\"src_ip\":"
					   "\"10.0.0.5\",\"dest_ip\":\"192.0.2.1\","
					   "\"proto\":\"TCP\",\"flow\":{" COUNTS("1", "0", "98",
						   "0") ",\"start\":" AT("41") "}}"
									       "\n");
	EXPECT_CONNS(t, T0, "0+3 udp 10.0.0.5:1 > 192.0.2.1:443 ok x1 2/116 1/258",
		"0+3 udp 10.0.0.5:2 > 192.0.2.1:443 silent@3 x2 2/116 0/0",
		"0+3 udp 10.0.0.5:3 > 192.0.2.1:443 unknown x1 2/116 2/172",
		"0+3 tcp 10.0.0.5:4 > 192.0.2.1:443 silent@3 x2 2/0 0/0",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 ok x1 5/630 5/630",
		"0+3 tcp 10.0.0.5:6 > 192.0.2.1:443 unknown x1 2/0 1/0",
		"0+3 udp 10.0.0.5:7 > 192.0.2.1:443 ok x1 1/0 1/0",
		"1+0 icmp 10.0.0.5:8 > 192.0.2.1:0 silent@1 x1 1/56 0/0",
		"1+0 icmp 2001:db8::5:128 > 2001:db8::1:0 silent@1 x1 1/36 0/0");
	assert_int_equal(t->event[6].conn.vlan, 12);
	assert_int_equal(remark_count(t, "addresses and ports"), 1);
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 0);
	told_free(t);
}

#define APP(id, at, type, more)                                               \
	"{\"timestamp\":" AT(at) ",\"flow_id\":" id ",\"event_type\":\"" type \
				 "\"," ENDS(id, "443") ",\"proto\":\"TCP\"," more "}\n"
#define OPEN(id) \
	FLOW(id, id, "TCP", COUNTS("6", "5", "900", "2000"), "closed", TIMEOUT FLAGS("1b", "1b"))

static void records_of_a_flow_are_joined(void **state)
{
	(void)state;
	struct told_rows *t = TELL(
		APP("1", "41", "tls",
			"\"tls\":{\"sni\":\"WWW.Example.org\",\"subject\":\"C=US, O=X, "
			"CN=*.example.org\","
			"\"ja3\":{\"hash\":\"abc\",\"string\":\"771,1\"},\"ja3s\":{},\"ja4\":"
			"\"t13d\","
			"\"server_alpns\":[\"h2\"]}"),
		APP("2", "41", "http",
			"\"http\":{\"hostname\":\"a.example:8080\",\"url\":\"/a1b2c3"
			"\",\"http_user_agent\":"
			"\"curl\",\"http_method\":\"GET\",\"status\":404}"),
		APP("2", "42.5", "http",
			"\"http\":{\"hostname\":\"a.example:8080\",\"url\":\"/\",\"status\":500}"),
		APP("3", "41", "http",
			"\"http\":{\"hostname\":\"192.0.2.7\",\"url\":\"b.example:443\","
			"\"http_method\":\"CONNECT\",\"status\":200}"),
		APP("4", "41", "quic",
			"\"quic\":{\"version\":\"1\",\"sni\":\"q.example\",\"ja4\":"
			"\"q13d\"}"),
		APP("5", "41", "ssh", "\"ssh\":{\"client\":{},\"server\":{}}"),
		APP("5", "41", "anomaly", "\"anomaly\":{\"type\":\"applayer\"}"),
		APP("5", "41", "fileinfo", "\"fileinfo\":{}"), OPEN("1"), OPEN("2"), OPEN("3"),
		OPEN("4"), OPEN("5"));
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 6/564 5/1718 www.example.org",
		"0+3 tcp 10.0.0.5:2 > 192.0.2.1:443 http-error@2.5 x1 6/564 5/1718 a.example",
		"0+3 tcp 10.0.0.5:3 > 192.0.2.1:443 ok x1 6/564 5/1718 b.example",
		"0+3 tcp 10.0.0.5:4 > 192.0.2.1:443 ok x1 6/564 5/1718 q.example",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 ok x1 6/564 5/1718");
	const struct conn *c = &t->event[0].conn;
	assert_string_equal(c->certificate, "*.example.org");
	assert_string_equal(c->ja3, "abc");
	assert_string_equal(c->ja4, "t13d");
	assert_string_equal(c->alpn, "h2");
	assert_string_equal(c->service, "tls");
	assert_int_equal(t->event[1].conn.http_status, 500);
	assert_int_equal(t->event[1].conn.request_mark, MARK("a1b2c3"));
	assert_int_equal(t->event[2].conn.request_mark, 0); /* CONNECT asks for a host */
	assert_string_equal(t->event[1].conn.user_agent, "curl");
	assert_true(t->event[2].conn.to_proxy);
	assert_int_equal(t->event[2].conn.name_source, NAME_PROXY_TARGET);
	assert_string_equal(t->event[4].conn.service, "ssh");
	assert_int_equal(remark_count(t, "say nothing about connections"), 2);
	told_free(t);
}

/* What a rule dropped was denied; the verdict wins over the rule's action. */
static void drops_are_denials(void **state)
{
	(void)state;
#define ALERT(id, more)        \
	APP(id, "41", "alert", \
		"\"direction\":\"to_server\",\"flow\":{\"start\":" AT("40.5") "}," more)
	struct told_rows *t = TELL(
		ALERT("1", "\"alert\":{\"action\":\"blocked\",\"signature_id\":1}"),
		ALERT("2", "\"alert\":{\"action\":\"allowed\"}"),
		ALERT("3", "\"alert\":{\"action\":\"allowed\"},\"verdict\":{\"action\":\"drop\"}"),
		ALERT("4", "\"alert\":{\"action\":\"blocked\"},\"verdict\":{\"action\":"
			   "\"alert\"}"),
		APP("5", "41", "drop", "\"drop\":{\"len\":52,\"syn\":true}"),
		/* the server's packet */
		"{\"timestamp\":" AT(
			"41") ",\"flow_id\":6,\"event_type\":\"alert\",\"src_ip\":"
			      "\"192.0.2.1\",\"src_port\":443,\"dest_ip\":\"10.0.0.5\",\"dest_"
			      "port\":6,"
			      "\"proto\":\"TCP\",\"alert\":{\"action\":\"blocked\"},\"direction\":"
			      "\"to_client\"}\n",
		FLOW("1", "1", "TCP", COUNTS("3", "0", "198", "0"), "new",
			TIMEOUT FLAGS("02", "00")),
		OPEN("4"),
		FLOW("7", "7", "TCP", COUNTS("3", "0", "198", "0"), "new",
			TIMEOUT ",\"action\":\"drop\"" FLAGS("02", "00")));
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 denied@1 x3 3/0 0/0",
		"0+3 tcp 10.0.0.5:4 > 192.0.2.1:443 ok x1 6/564 5/1718",
		"0+3 tcp 10.0.0.5:7 > 192.0.2.1:443 denied@3 x3 3/0 0/0",
		"0.5+0.5 tcp 10.0.0.5:3 > 192.0.2.1:443 denied@1 x1 1/0 0/0",
		"1+0 tcp 10.0.0.5:5 > 192.0.2.1:443 denied@1 x1 1/0 0/0 inferred",
		"1+0 tcp 10.0.0.5:6 > 192.0.2.1:443 denied@1 x1 1/0 0/0");
	told_free(t);
}

#define DNS(at, src, dst, more)                                                       \
	"{\"timestamp\":" AT(at) ",\"flow_id\":9,\"event_type\":\"dns\"," src "," dst \
				 ",\"proto\":\"UDP\",\"dns\":{" more "}}\n"
#define CLIENT_SRC  "\"src_ip\":\"10.0.0.5\",\"src_port\":5000"
#define SERVER_DST  "\"dest_ip\":\"10.0.0.1\",\"dest_port\":53"
#define SERVER_SRC  "\"src_ip\":\"10.0.0.1\",\"src_port\":53"
#define CLIENT_DST  "\"dest_ip\":\"10.0.0.5\",\"dest_port\":5000"
#define Q(at, more) DNS(at, CLIENT_SRC, SERVER_DST, more)

static void expect_answered(const struct lookup *l)
{
	char a[ADDR_TEXT_BYTES], r[ADDR_TEXT_BYTES];
	assert_string_equal(l->name, "www.example.org");
	assert_int_equal(l->outcome, OUTCOME_OK);
	assert_int_equal(l->qtype, 1);
	assert_int_equal(l->query_ns, T0 * SEC);
	assert_int_equal(l->answer_ns, T0 * SEC + SEC / 4);
	assert_string_equal(addr_text(&l->client, a), "10.0.0.5");
	assert_string_equal(addr_text(&l->resolver, r), "10.0.0.1");
	assert_int_equal(l->client_port, 5000);
	assert_int_equal(l->cnames, 1);
	assert_string_equal(l->cname[0], "cdn.example");
	assert_int_equal(l->answers, 2);
	assert_string_equal(addr_text(&l->answer[0].addr, a), "192.0.2.1");
	assert_string_equal(addr_text(&l->answer[1].addr, a), "192.0.2.2");
}

static void dns_of_all_versions(void **state)
{
	(void)state;
#define NAME "\"id\":7,\"rrname\":\"www.Example.org\",\"rrtype\":\"A\""
#define RR(name, type, data) \
	"{\"rrname\":\"" name "\",\"rrtype\":\"" type "\",\"ttl\":60,\"rdata\":\"" data "\"}"
#define RRS                                                                   \
	"\"answers\":[" RR("www.example.org", "CNAME", "cdn.example") "," RR( \
		"cdn.example", "A", "192.0.2.1") "," RR("cdn.example", "A", "192.0.2.2") "]"
#define V1(name, type, data)                                                                      \
	Q("40.25", "\"type\":\"answer\",\"id\":7,\"flags\":\"8180\",\"rcode\":\"NOERROR\","       \
		   "\"rrname\":\"" name "\",\"rrtype\":\"" type "\",\"ttl\":60,\"rdata\":\"" data \
		   "\"")
	static const char *const same[] = {/* 1: a record for each resource record */
		Q("40", "\"type\":\"query\"," NAME ",\"tx_id\":0") V1(
			"www.example.org", "CNAME", "cdn.example")
			V1("cdn.example", "A", "192.0.2.1") V1("cdn.example", "A", "192.0.2.2"),
		/* 2; the version stands in the answer alone (Suricata 5 and 6) */
		Q("40", "\"type\":\"query\"," NAME ",\"tx_id\":0") Q("40.25",
			"\"version\":2,\"type\":\"answer\"," NAME ",\"rcode\":\"NOERROR\"," RRS),
		/* 2, grouped */
		Q("40", "\"version\":2,\"type\":\"query\"," NAME) Q("40.25",
			"\"version\":2,\"type\":\"answer\"," NAME
			",\"rcode\":\"NOERROR\",\"grouped\":{\"CNAME\":[\"cdn.example\"],"
			"\"A\":[\"192.0.2.1\",\"192.0.2.2\"]}"),
		/* 3, with the packet's ends */
		Q("40", "\"version\":3,\"type\":\"request\",\"id\":7,\"rcode\":\"NOERROR\","
			"\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]") DNS("40."
											       "25",
			SERVER_SRC, CLIENT_DST,
			"\"version\":3,\"type\":\"response\",\"id\":7,\"rcode\":\"NOERROR\","
			"\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]," RRS)};
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct told_rows *t = tell_text("eve", same[i]);
		assert_int_equal(t->events, 1);
		assert_int_equal(t->event[0].kind, EVENT_LOOKUP);
		expect_answered(&t->event[0].lookup);
		told_free(t);
	}
}

/* A question without an answer had none only where answers are logged. */
static void questions_have_outcomes(void **state)
{
	(void)state;
#define ASK(at, id, name) \
	Q(at, "\"type\":\"query\",\"id\":" id ",\"rrname\":\"" name "\",\"rrtype\":\"A\"")
	static const char questions[] = ASK("40", "1", "a.example") ASK("41", "2", "b.example");
	struct told_rows *t = tell_text("eve", questions);
	assert_int_equal(t->events, 2);
	assert_int_equal(t->event[0].lookup.outcome, OUTCOME_UNKNOWN);
	assert_int_equal(t->event[0].lookup.fail_ns, 0);
	told_free(t);
	t = tell_text("eve",
		ASK("40", "1", "a.example") Q("40.5",
			"\"version\":2,\"type\":\"answer\",\"id\":1,\"rrname\":\"a.example\","
			"\"rrtype\":\"A\",\"rcode\":\"NXDOMAIN\"") ASK("41", "2",
			"b.example") ASK("42", "2", "b.example") ASK("45", "3", "c.example") Q("46",
			"\"version\":2,\"type\":\"answer\",\"id\":3,\"rrname\":\"c.example\","
			"\"rrtype\":\"A\",\"rcode\":\"SERVFAIL\"") Q("47",
			"\"type\":\"answer\",\"id\":4,\"rrname\":\"d.example\",\"rrtype\":\"A\"")
			Q("48", "\"type\":\"query\",\"id\":70000,\"rrname\":\"x\",\"rrtype\":"
				"\"A\""));
	assert_int_equal(t->events, 4);
	static const enum outcome want[] = {
		OUTCOME_NXDOMAIN, OUTCOME_DNS_SILENT, OUTCOME_SERVFAIL, OUTCOME_UNKNOWN};
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(t->event[i].lookup.outcome, want[i]);
	assert_int_equal(t->event[0].lookup.fail_ns, T0 * SEC + SEC / 2);
	assert_int_equal(t->event[1].lookup.repeat_ns, (T0 + 2) * SEC);
	assert_int_equal(t->event[1].lookup.fail_ns, (T0 + 5) * SEC);
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 1);
	told_free(t);
}

/* pfelk#84: behind a syslog header, cut at 8 kB; evebox#69, snort3#376: broken within a record, two
 * records in one line. The line is counted, and the next one is read. */
static void odd_lines(void **state)
{
	(void)state;
	static const char text[] =
		"<134>Sep 13 12:27:00 fw suricata[123]: " OPEN("1") "{\"timestamp\":" AT(
			"50") ",\"flow_id\":2,\"event_type\":\"alert\",\"packet\":\"AAA\n"
			      "AAAA\",\"src_ip\":\"10.0.0.5\"}\n"
			      "{\"timestamp\":" AT("50") ",\"flow_id\":3,\"eve" OPEN(
				      "3") "\xef\xbb\xbf"
					   "{\"timestamp\":" AT(
						   "50") ",\"flow_id\":4,\"event_type\":"
							 "\"flow\",\"src_ip\":\"10.0.0.\"}"
							 "\n" OPEN("5") "{\"timestamp\""
									":" AT("59") ",\"fl"
										     "ow_"
										     "id\":"
										     "6,"
										     "\"eve"
										     "nt_"
										     "ty";
	struct told_rows *t = tell_text("eve", text);
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 6/564 5/1718",
		"0+3 tcp 10.0.0.5:5 > 192.0.2.1:443 ok x1 6/564 5/1718");
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 5);
	assert_non_null(strstr(ingest_input(t->ingest, 0)->text, "line 2"));
	told_free(t);
}

/* Netflow records tell a direction each; beside flow records they say nothing new. */
static void netflow_is_halves(void **state)
{
	(void)state;
#define NETFLOW(src, sport, dst, dport, flags, pkts, bytes)                                      \
	"{\"timestamp\":" AT("59") ",\"flow_id\":1,\"event_type\":\"netflow\",\"src_ip\":\"" src \
				   "\",\"src_port\":" sport ",\"dest_ip\":\"" dst                \
				   "\",\"dest_port\":" dport                                     \
				   ",\"proto\":\"TCP\",\"netflow\":{\"pkts\":" pkts              \
				   ",\"bytes\":" bytes ",\"start\":" AT("41") ",\"end\":" AT(    \
					   "44") "},\"tcp\":{\"tcp_flags\":\"" flags "\"}}\n"
#define BOTH                                                              \
	NETFLOW("10.0.0.5", "5000", "192.0.2.1", "443", "02", "2", "132") \
	NETFLOW("192.0.2.1", "443", "10.0.0.5", "5000", "14", "2", "108") \
	NETFLOW("10.0.0.5", "5001", "192.0.2.1", "443", "02", "2", "132")
	struct told_rows *t = tell_text("eve", BOTH);
	EXPECT_CONNS(t, T0, "1+3 tcp 10.0.0.5:5000 > 192.0.2.1:443 refused@4 x2 2/0 2/0",
		"1+3 tcp 10.0.0.5:5001 > 192.0.2.1:443 silent@4 x2 2/0 0/0");
	told_free(t);
	t = tell_text("eve", OPEN("1") BOTH);
	EXPECT_CONNS(t, T0, "0+3 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 6/564 5/1718");
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(flags_are_outcomes),
		cmocka_unit_test(why_it_stopped_is_no_failure), cmocka_unit_test(open_ends),
		cmocka_unit_test(tls_answers), cmocka_unit_test(other_flows),
		cmocka_unit_test(records_of_a_flow_are_joined), cmocka_unit_test(drops_are_denials),
		cmocka_unit_test(dns_of_all_versions), cmocka_unit_test(questions_have_outcomes),
		cmocka_unit_test(odd_lines), cmocka_unit_test(netflow_is_halves)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
