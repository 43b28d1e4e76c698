#include "ingest/rows_testing.h"
#include "ingest/source.h"

/* Zeek's TSV logs, as they come: inputs that broke other readers are named with the tracker's
 * number. */

#define T0   INT64_C(1600000000)
#define HEAD "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
#define CONN                                                                                      \
	HEAD "#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t" \
	     "service\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\tresp_"   \
	     "pkts\n"                                                                             \
	     "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount" \
	     "\t"                                                                                 \
	     "string\tstring\tcount\tcount\n"
#define SSL                                                                               \
	HEAD "#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t" \
	     "server_name\tlast_alert\testablished\tssl_history\n"
#define HTTP                                                                                       \
	HEAD "#path\thttp\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tmethod\t" \
	     "host\turi\tuser_agent\tstatus_code\n"
#define DNS                                                                                      \
	HEAD "#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t" \
	     "trans_id\trtt\tquery\tqtype\trcode\tanswers\tTTLs\n"
#define FIVE "10.0.0.5\t50000\t192.0.2.1\t443"

static void states_are_outcomes(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek", CONN
		"1600000000.0\tC1\t10.0.0.5\t1\t192.0.2.1\t80\ttcp\t-\t3.5\t0\t0\tS0\tS\t2\t0\n"
		"1600000001.0\tC2\t10.0.0.5\t2\t192.0.2.1\t80\ttcp\t-\t0.1\t0\t0\tREJ\tSr\t1\t1\n"
		"1600000002.0\tC3\t10.0.0.5\t3\t192.0.2."
		"1\t80\ttcp\thttp\t2\t70\t900\tSF\tShADadFf\t6\t5\n"
		"1600000003.0\tC4\t10.0.0.5\t4\t192.0.2.1\t80\ttcp\t-"
		"\t2\t70\t0\tSF\tShADaFf\t5\t3\n"
		"1600000004.0\tC5\t10.0.0.5\t5\t192.0.2.1\t80\ttcp\t-"
		"\t2\t70\t0\tRSTR\tShADar\t4\t2\n"
		"1600000005.0\tC6\t10.0.0.5\t6\t192.0.2.1\t80\ttcp\t-\t2\t0\t0\tSF\tShAFf\t3\t2\n"
		"1600000006.0\tC7\t10.0.0.5\t7\t192.0.2.1\t80\ttcp\t-\t2\t9\t9\tOTH\tDd\t3\t2\n"
		"1600000007.0\tC8\t10.0.0.5\t8\t192.0.2.1\t80\ttcp\t-\t-\t-\t-\tRSTRH\t^r\t0\t1\n"
		"1600000008.0\tC9\t10.0.0.5\t9\t192.0.2.1\t9\tudp\t-\t2\t9\t0\tS0\tD\t3\t0\n"
		"1600000009.0\tCa\t10.0.0.5\t10\t192.0.2.1\t9\tudp\t-\t2\t9\t8\tSF\tDd\t1\t1\n");
	EXPECT_CONNS(t, T0, "0+3.5 tcp 10.0.0.5:1 > 192.0.2.1:80 silent@3.5 x2 2/0 0/0",
		"1+0.1 tcp 10.0.0.5:2 > 192.0.2.1:80 refused@1.1 x1 1/0 1/0",
		"2+2 tcp 10.0.0.5:3 > 192.0.2.1:80 ok x1 6/70 5/900",
		"3+2 tcp 10.0.0.5:4 > 192.0.2.1:80 stalled@5 x1 5/70 3/0",
		"4+2 tcp 10.0.0.5:5 > 192.0.2.1:80 reset@6 x1 4/70 2/0",
		"5+2 tcp 10.0.0.5:6 > 192.0.2.1:80 unknown x1 3/0 2/0",
		"6+2 tcp 10.0.0.5:7 > 192.0.2.1:80 ok x1 3/9 2/9 joined",
		/* a lone RST is backscatter (zeek#1164) */
		"7+0 tcp 10.0.0.5:8 > 192.0.2.1:80 unknown x0 0/0 1/0 joined inferred one-way",
		"8+2 udp 10.0.0.5:9 > 192.0.2.1:9 silent@10 x3 3/9 0/0",
		"9+2 udp 10.0.0.5:10 > 192.0.2.1:9 ok x1 1/9 1/8");
	assert_string_equal(t->event[2].conn.uid, "C3");
	assert_string_equal(t->event[2].conn.service, "http");
	told_free(t);
}

/* zeek#863, #862: the sensor forgets a SYN after 5 s and takes the next one for another connection.
 */
static void retries_are_one_attempt(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek", CONN
		"1600000000.0\tC1\t" FIVE "\ttcp\t-\t3\t0\t0\tS0\tS\t2\t0\n"
		"1600000009.0\tC2\t" FIVE "\ttcp\t-\t-\t-\t-\tS0\tS\t1\t0\n"
		"1600000040.0\tC3\t10.0.0.5\t50001\t192.0.2.1\t443\ttcp\t-\t3\t0\t0\tS0\tS\t2\t0\n"
		"1600000049.0\tC4\t10.0.0.5\t50001\t192.0.2.1\t443\ttcp\t-\t1\t5\t5\tSF\tSd\t4\t4\n"
		"1600000300.0\tC5\t10.0.0.5\t50001\t192.0.2.1\t443\ttcp\t-\t-\t-\t-\tS0\tS\t1\t0\n"
		"1600000302.0\tC6\t10.0.0.5\t50001\t192.0.2.1\t443\ttcp\t-\t-\t-\t-\tRSTRH\t^"
		"r\t0\t1\n");
	EXPECT_CONNS(t, T0, "0+9 tcp 10.0.0.5:50000 > 192.0.2.1:443 silent@9 x3 3/0 0/0",
		"40+10 tcp 10.0.0.5:50001 > 192.0.2.1:443 ok x3 6/5 4/5",
		"300+2 tcp 10.0.0.5:50001 > 192.0.2.1:443 refused@302 x1 1/0 1/0");
	assert_int_equal(t->event[0].conn.leave_ns, (T0 + 21) * SEC); /* 0, 3, 9, gone at 21 s */
	told_free(t);
}

/* rita-legacy#641, long-connections#15: interim rows, final rows and the same row again. */
static void rows_of_one_record_are_one(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek", CONN
		"1600000000.0\tC1\t" FIVE "\ttcp\tssl\t5\t10\t20\tS1\tShADad\t3\t3\n"
		"1600000000.0\tC1\t" FIVE "\ttcp\tssl\t9\t15\t30\tS1\tShADad\t4\t4\n"
		"1600000000.0\tC1\t" FIVE "\ttcp\tssl\t9\t15\t30\tS1\tShADad\t4\t4\n"
		"1600000100.0\tC2\t10.0.0.5\t7\t192.0.2.1\t443\ttcp\t-\t1\t1\t1\tSF\tShADad\t1\t1\n"
		"1600000000.0\tC1\t" FIVE "\ttcp\tssl\t200\t100\t80\tSF\tShADadFf\t9\t9\n"
		/* its FIN, repeated after the sensor had forgotten the connection */
		"1600000260.0\tC3\t" FIVE "\ttcp\t-\t-\t-\t-\tSH\tF\t1\t0\n");
	EXPECT_CONNS(t, T0, "0+200 tcp 10.0.0.5:50000 > 192.0.2.1:443 ok x1 9/100 9/80",
		"260+0 tcp 10.0.0.5:50000 > 192.0.2.1:443 unknown x1 1/0 0/0 joined rest",
		"100+1 tcp 10.0.0.5:7 > 192.0.2.1:443 ok x1 1/1 1/1");
	told_free(t);
}

static void logs_of_one_record_are_joined(void **state)
{
	(void)state;
	static const char conn[] =
		CONN "1600000000.0\tC1\t" FIVE "\ttcp\tssl\t1.5\t100\t7\tSF\tShADadFf\t5\t4\n"
		     "1600000002.0\tC2\t10.0.0.5\t50001\t192.0.2."
		     "2\t80\ttcp\thttp\t9\t80\t300\tSF\tShAD\t5\t4\n";
	static const char ssl[] =
		SSL "1600000000.5\tC1\t" FIVE "\tWWW.Example.COM.\thandshake_failure\tF\tCl\n";
	static const char http[] = HTTP "1600000002.5\tC2\t10.0.0.5\t50001\t192.0.2."
					"2\t80\tGET\tbad.example:80\t/x?id=a1b2c3\tcurl/8\t404\n";
	static const char *const paths[] = {"conn.log", "http.log", "ssl.log"};
	write_file("conn.log", conn, sizeof conn - 1);
	write_file("ssl.log", ssl, sizeof ssl - 1);
	write_file("http.log", http, sizeof http - 1);
	struct told_rows *t = tell_paths(paths, 3);
	EXPECT_CONNS(t, T0,
		"0+1.5 tcp 10.0.0.5:50000 > 192.0.2.1:443 tls-alert@1.5 x1 5/100 4/7 "
		"www.example.com",
		"2+9 tcp 10.0.0.5:50001 > 192.0.2.2:80 http-error@2.5 x1 5/80 4/300 bad.example");
	assert_int_equal(t->event[0].conn.request_bytes, 100);
	assert_int_equal(t->event[0].conn.name_source, NAME_SNI);
	assert_string_equal(t->event[1].conn.user_agent, "curl/8");
	assert_int_equal(t->event[1].conn.http_status, 404);
	assert_int_equal(t->event[1].conn.request_mark, MARK("a1b2c3"));
	told_free(t);
}

/* The logs' clocks differ: what failed is told no earlier than what began. */
static void an_answer_before_its_connection_fails_at_its_start(void **state)
{
	(void)state;
	static const char conn[] = CONN "1600000002.0\tC2\t10.0.0.5\t50001\t192.0.2."
					"2\t80\ttcp\thttp\t9\t80\t300\tSF\tShAD\t5\t4\n";
	static const char http[] = HTTP "1600000001.5\tC2\t10.0.0.5\t50001\t192.0.2."
					"2\t80\tGET\tbad.example:80\t/x?id=a1b2c3\tcurl/8\t404\n";
	static const char *const paths[] = {"conn.log", "http.log"};
	write_file("conn.log", conn, sizeof conn - 1);
	write_file("http.log", http, sizeof http - 1);
	struct told_rows *t = tell_paths(paths, 2);
	EXPECT_CONNS(t, T0,
		"2+9 tcp 10.0.0.5:50001 > 192.0.2.2:80 http-error@2 x1 5/80 4/300 bad.example");
	told_free(t);
}

static void questions_have_outcomes(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek", DNS
		"1600000000.0\tC1\t10.0.0.5\t5000\t10.0.0.1\t53\tudp\t7\t0.25\tA.Example.\t1\t0\t"
		"cdn.example,192.0.2.9,2001:db8:0:0::9\t60.0,30.0,5.0\n"
		"1600000001.0\tC2\t10.0.0.5\t5001\t10.0.0.1\t53\tudp\t8\t0.5\tno.example\t1\t3\t-"
		"\t-\n"
		"1600000002.0\tC3\t10.0.0.5\t5002\t10.0.0.1\t53\tudp\t9\t-\tsilent.example\t28\t-"
		"\t-\t-\n"
		"1600000004.0\tC3\t10.0.0.5\t5002\t10.0.0.1\t53\tudp\t9\t-\tsilent.example\t28\t-"
		"\t-\t-\n"
		"1600000005.0\tC4\t10.0.0.5\t5003\t10.0.0.1\t53\tudp\t1\t0.5\tblocked."
		"example\t1\t0\t"
		"0.0.0.0\t1.0\n"
		/* when the answer came is not said: as long as answers take */
		"1600000006.0\tC5\t10.0.0.5\t5004\t10.0.0.1\t53\tudp\t2\t-\tgone.example\t1\t3\t-"
		"\t-\n"
		/* multicast is no resolver's */
		"1600000007.0\tC6\t10.0.0.5\t5353\t224.0.0.251\t5353\tudp\t0\t-\tx.local\t1\t-\t-"
		"\t-\n");
	assert_int_equal(t->events, 5);
	const struct lookup *l = &t->event[0].lookup;
	char buf[ADDR_TEXT_BYTES];
	assert_string_equal(l->name, "a.example");
	assert_int_equal(l->answer_ns, T0 * SEC + SEC / 4);
	assert_true(l->outcome == OUTCOME_OK && l->answers == 2 && l->cnames == 1);
	assert_string_equal(l->cname[0], "cdn.example");
	assert_string_equal(addr_text(&l->answer[1].addr, buf), "2001:db8::9");
	assert_int_equal(l->answer[0].ttl_s, 30);
	static const struct {
		const char *name;
		enum outcome outcome;
		double fail_s;
	} rest[] = {{"no.example", OUTCOME_NXDOMAIN, 1.5},
		{"silent.example", OUTCOME_DNS_SILENT, 7},
		{"blocked.example", OUTCOME_SINKHOLED, 5.5},
		{"gone.example", OUTCOME_NXDOMAIN, 6.30859375}};
	for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
		l = &t->event[1 + i].lookup;
		assert_string_equal(l->name, rest[i].name);
		assert_int_equal(l->outcome, rest[i].outcome);
		assert_near((double)(l->fail_ns - T0 * SEC) / 1e9, rest[i].fail_s, 1e-9);
	}
	told_free(t);
}

/* One good row in each: what stands around it must not shift, stop or repeat it. */
static void odd_files_are_read(void **state)
{
	(void)state;
#define ROW "1600000000\tC1\t" FIVE "\ttcp\t-\t1\t1\t1\tSF\tShADad\t1\t1"
	static const char *const texts[] = {
		"\xef\xbb\xbf" CONN ROW "\r\n", /* BOM and CRLF: logstash-filter-csv#82 */
		CONN ROW,                       /* no final newline */
		"\t" CONN ROW "\n\n\n",         /* pasted with an indent, empty lines */
		CONN "#close\t2020-09-13-12-26-41\n" CONN ROW "\n", /* header again */
		/* zcat of rotated logs: other fields in the second half, any order */
		CONN HEAD
		"#path\tconn\n#fields\tproto\tid.resp_p\tid.resp_h\tid.orig_p\tid.orig_h\tuid\t"
		"ts\tresp_cc\tconn_state\torig_bytes\tresp_bytes\tresp_pkts\torig_pkts\tduration\n"
		"tcp\t443\t192.0.2.1\t50000\t10.0.0.5\tC1\t1600000000.0\tXX\tSF\t1\t1\t1\t1\t1\n",
		/* other separators and words */
		"#separator "
		",\n#set_separator,|\n#empty_field,EMPTY\n#unset_field,NONE\n#path,conn\n"
		"#fields,ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,service,duration,"
		"orig_bytes,resp_bytes,conn_state,orig_pkts,resp_pkts\n"
		"1600000000.0,C1,10.0.0.5,50000,192.0.2.1,443,tcp,NONE,1,1,1,SF,1,1\n",
		/* rita-legacy#628: the scope separator is an underscore */
		HEAD
		"#path\tconn\n#fields\tts\tuid\tid_orig_h\tid_orig_p\tid_resp_h\tid_resp_p\tproto\t"
		"duration\torig_bytes\tresp_bytes\tconn_state\torig_pkts\tresp_pkts\n"
		"1600000000.0\tC1\t10.0.0.5\t50000\t192.0.2.1\t443\ttcp\t1\t1\t1\tSF\t1\t1\n",
		/* falco#1835: a mapped address */
		CONN "1600000000\tC1\t::ffff:10.0.0.5\t50000\t192.0.2.1\t443\ttcp\t-"
		     "\t1\t1\t1\tSF\tS\t1\t1\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct told_rows *t = tell_text("zeek", texts[i]);
		EXPECT_CONNS(t, T0, "0+1 tcp 10.0.0.5:50000 > 192.0.2.1:443 ok x1 1/1 1/1");
		assert_int_equal(ingest_input(t->ingest, 0)->rejected, 0);
		told_free(t);
	}
	/* rita-legacy#802: a home-made log of times and conversations */
	struct told_rows *t =
		tell_text("zeek", "#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
				  "#path\tconn\n1600000000\t10.0.0.5\t1\t192.0.2.1\t443\ttcp\n");
	EXPECT_CONNS(t, T0, "0+0 tcp 10.0.0.5:1 > 192.0.2.1:443 unknown x1 0/0 0/0");
	assert_int_equal(remark_count(t, "how they ended"), 1);
	told_free(t);
}

static void bad_rows_are_counted_with_their_line(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek", CONN /* 7 lines */
		"1600000000\tC1\t10.0.0.\t50000\t192.0.2.1\t443\ttcp\t-\t1\t1\t1\tSF\tS\t1\t1\n"
		"1600000000\tC2\t" FIVE "\ttcp\t-\t1\t1\t1\tSF\tS\t1\n"           /* too few */
		"1600000000\tC3\t" FIVE "\ttcp\t-\t1\t1\t1\tSF\tS\t1\t1\textra\n" /* too many */
		"1600000000\tC4\t" FIVE "\ttcp\t-\t1\t-5\t1\tSF\tS\t1\t1\n"
		"yesterday\tC5\t" FIVE "\ttcp\t-\t1\t1\t1\tSF\tS\t1\t1\n"
		"1600000000\tC6\t10.0.0.5\t70000\t192.0.2.1\t443\ttcp\t-"
		"\t1\t1\t1\tSF\tS\t1\t1\n" ROW "\n");
	EXPECT_CONNS(t, T0, "0+1 tcp 10.0.0.5:50000 > 192.0.2.1:443 ok x1 1/1 1/1");
	const struct input *in = ingest_input(t->ingest, 0);
	assert_int_equal(in->rejected, 6);
	assert_int_equal(in->rows_rejected, 6);
	assert_string_equal(
		in->text, "in.log: 6 rows left out, the first at line 8: no address in id.orig_h");
	told_free(t);
}

/* softflowd#8, zeek's own note: unset is not 0, and what can't be is not believed. */
static void absurd_numbers_are_unknown(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("zeek",
		CONN "1600000000\tC1\t" FIVE "\ttcp\t-\t-3.5\t-\t-\tSF\tShAFf\t1\t1\n"
		     "1600000001\tC2\t10.0.0.5\t1\t192.0.2.1\t443\ttcp\t-"
		     "\t99999999999\t1\t1\tSF\tSd\t1\t1\n");
	EXPECT_CONNS(t, T0, "0+0 tcp 10.0.0.5:50000 > 192.0.2.1:443 unknown x1 1/0 1/0",
		"1+0 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 1/1 1/1");
	told_free(t);
}

/* zeek PR#482, super#232, zeek#1398: values are unescaped after the row was split, whatever they
 * hold. */
static void values_are_unescaped_after_splitting(void **state)
{
	(void)state;
	static const char conn[] = CONN ROW "\n";
	static const char http[] =
		HTTP "1600000000.5\tC1\t" FIVE
		     "\tGET\tnul\\x00.example\t/a\\x09b\\x0ac\ta\\\\x\\x2d\xc3\xa9\t200\n";
	static const char *const paths[] = {"conn.log", "http.log"};
	write_file("conn.log", conn, sizeof conn - 1);
	write_file("http.log", http, sizeof http - 1);
	struct told_rows *t = tell_paths(paths, 2);
	EXPECT_CONNS(t, T0, "0+1 tcp 10.0.0.5:50000 > 192.0.2.1:443 ok x1 1/1 1/1 nul?.example");
	assert_string_equal(t->event[0].conn.user_agent, "a\\x-\xc3\xa9");
	told_free(t);
}

/* rita-legacy#3: a log is what its #path says, not what its name begins with. */
static void other_logs_are_left_alone(void **state)
{
	(void)state;
	struct told_rows *t =
		tell_text("zeek", HEAD "#path\tconn-summary\n#fields\tts\tid.orig_h\tid.orig_p\tid."
				       "resp_h\tid.resp_p\tproto\n"
				       "1600000000\t10.0.0.5\t1\t192.0.2.1\t443\ttcp\n");
	assert_int_equal(t->events, 0);
	assert_int_equal(remark_count(t, "nothing about connections"), 1);
	told_free(t);
	t = tell_text("zeek", HEAD "#path\tconn\n#fields\tts\tuid\n1600000000\tC1\n");
	assert_int_equal(t->events, 0);
	assert_non_null(strstr(ingest_input(t->ingest, 0)->text, "id.orig_h"));
	told_free(t);
}

/* Tables are bounded: what waits longest is told early, nothing is lost. */
static void full_tables_tell_early(void **state)
{
	(void)state;
	struct told_rows *t = told_new(4);
	for (uint64_t i = 0; i < 20; i++) {
		struct conn c = {.start_ns = (T0 + (int64_t)i) * SEC,
			.end_ns = (T0 + (int64_t)i) * SEC,
			.client = addr_v4(0x0a000005),
			.server = addr_v4(0xc0000201),
			.client_port = (uint16_t)(1000 + i),
			.server_port = 443,
			.transport = TRANSPORT_TCP,
			.outcome = OUTCOME_OK};
		sink_conn(t->sink, i + 1, &c);
		struct detail d = {.at_ns = c.start_ns, .name = "late.example"};
		sink_detail(t->sink, 100 + i, &d); /* whose conversation never comes */
	}
	assert_int_equal(t->events, 16);
	rows_finish(t->sink);
	assert_int_equal(t->events, 20);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(t->event[i].conn.client_port, 1000 + i);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_outcomes),
		cmocka_unit_test(retries_are_one_attempt),
		cmocka_unit_test(rows_of_one_record_are_one),
		cmocka_unit_test(logs_of_one_record_are_joined),
		cmocka_unit_test(an_answer_before_its_connection_fails_at_its_start),
		cmocka_unit_test(questions_have_outcomes),
		cmocka_unit_test(odd_files_are_read),
		cmocka_unit_test(bad_rows_are_counted_with_their_line),
		cmocka_unit_test(absurd_numbers_are_unknown),
		cmocka_unit_test(values_are_unescaped_after_splitting),
		cmocka_unit_test(other_logs_are_left_alone),
		cmocka_unit_test(full_tables_tell_early),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
