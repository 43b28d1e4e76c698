#include "ingest/rows_testing.h"
#include "ingest/source.h"

/* AWS Network Firewall: EVE in an envelope; the shapes are those of its documentation and of real
 * logs. */

#define T0    INT64_C(1600000000)
#define AT(s) "\"2020-09-13T12:26:" s "+0000\"" /* 40 is T0 */
#define EVENT(more)                                                                               \
	"{\"firewall_name\":\"egress\",\"availability_zone\":\"us-east-1a\",\"event_timestamp\":" \
	"\"1600000000\",\"event\":{" more "}}\n"
#define FLOW(src, sport, dst, dport, flags, pkts, bytes)                                       \
	EVENT("\"timestamp\":" AT(                                                             \
		"59") ",\"flow_id\":7,\"event_type\":\"netflow\",\"src_ip\":\"" src            \
		      "\",\"src_port\":" sport ",\"dest_ip\":\"" dst "\",\"dest_port\":" dport \
		      ",\"proto\":\"TCP\",\"netflow\":{\"pkts\":" pkts ",\"bytes\":" bytes     \
		      ",\"start\":" AT("41") ",\"end\":" AT(                                   \
			      "44") ",\"age\":3,\"min_ttl\":64,\"max_ttl\":64},\"tcp\":{"      \
				    "\"tcp_flags\":\"" flags "\",\"syn\":true}")
#define ALERT(port, more)                                                                     \
	EVENT("\"timestamp\":" AT("41") ",\"flow_id\":7,\"event_type\":\"alert\",\"src_ip\":" \
					"\"10.0.0.5\",\"src_port\":" port                     \
					",\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,"       \
					"\"proto\":\"TCP\"," more)

static void directions_are_joined(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("aws-nfw",
		FLOW("192.0.2.1", "443", "10.0.0.5", "1", "1b", "8", "4000") FLOW("10.0.0.5", "1",
			"192.0.2.1", "443", "1b", "9",
			"1500") FLOW("10.0.0.5", "2", "192.0.2.1", "443", "02", "3", "156")
			FLOW("10.0.0.5", "3", "192.0.2.1", "443", "02", "3", "156")
				FLOW("192.0.2.1", "443", "10.0.0.5", "3", "14", "3", "120"));
	EXPECT_CONNS(t, T0, "1+3 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 9/1024 8/3576 inferred",
		"1+3 tcp 10.0.0.5:2 > 192.0.2.1:443 silent@4 x3 3/0 0/0",
		"1+3 tcp 10.0.0.5:3 > 192.0.2.1:443 refused@4 x3 3/0 3/0");
	assert_string_equal(t->event[0].conn.uid, "7");
	told_free(t);
}

/* The verdict wins over the rule's action; names come from the alert's TLS and HTTP. */
static void alerts_name_and_deny(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("aws-nfw",
		ALERT("1", "\"app_proto\":\"tls\",\"alert\":{\"action\":\"allowed\",\"signature\":"
			   "\"aws:alert_established "
			   "action\"},\"tls\":{\"subject\":\"CN=a\",\"issuerdn\":"
			   "\"x\",\"subject\":\"CN=a\",\"sni\":\"Allowed.example\",\"ja3\":{}}")
			FLOW("10.0.0.5", "1", "192.0.2.1", "443", "1b", "9", "1500")
				FLOW("192.0.2.1", "443", "10.0.0.5", "1", "1b", "8", "4000") ALERT(
					"2", "\"app_proto\":\"http\",\"alert\":{\"action\":"
					     "\"blocked\"},\"http\":{"
					     "\"hostname\":\"blocked.example\",\"url\":\"/\"}")
					ALERT("3", "\"alert\":{\"action\":\"allowed\"},\"verdict\":"
						   "{\"action\":\"drop\"},"
						   "\"direction\":\"to_server\"")
						ALERT("4", "\"alert\":{\"action\":\"blocked\"},"
							   "\"verdict\":{\"action\":\"pass\"}"));
	EXPECT_CONNS(t, T0,
		"1+3 tcp 10.0.0.5:1 > 192.0.2.1:443 ok x1 9/1024 8/3576 allowed.example",
		"1+0 tcp 10.0.0.5:2 > 192.0.2.1:443 denied@1 x1 0/0 0/0 blocked.example",
		"1+0 tcp 10.0.0.5:3 > 192.0.2.1:443 denied@1 x1 0/0 0/0",
		"1+0 tcp 10.0.0.5:4 > 192.0.2.1:443 unknown x1 0/0 0/0 inferred");
	told_free(t);
}

/* The TLS inspection's records have no event_type; ports are strings there, the envelope's time is
 * a number. */
static void inspection_denies(void **state)
{
	(void)state;
	struct told_rows *t = tell_text("aws-nfw",
		"{\"firewall_name\":\"egress\",\"availability_zone\":\"us-east-1d\",\"event_"
		"timestamp\":"
		"1600000001,\"event\":{\"src_ip\":\"10.0.0.5\",\"src_port\":\"5\",\"revocation_"
		"check\":{"
		"\"leaf_cert_fpr\":\"1\",\"status\":\"REVOKED\",\"action\":\"DROP\"},\"dest_ip\":"
		"\"192.0.2.1\",\"dest_port\":\"443\",\"timestamp\":\"2020-09-13T12:26:41.5Z\","
		"\"sni\":"
		"\"revoked.example\"}}\n" EVENT("\"timestamp\":" AT("41") ",\"src_ip\":\"10.0.0."
									  "5\"")
			EVENT("") "{\"firewall_name\":\"egress\",\"event_timestamp\":1,\"event\":7}"
				  "\n");
	EXPECT_CONNS(t, T0,
		"1.5+0 tcp 10.0.0.5:5 > 192.0.2.1:443 denied@1.5 x1 0/0 0/0 revoked.example");
	assert_int_equal(ingest_input(t->ingest, 0)->rejected, 3);
	told_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(directions_are_joined),
		cmocka_unit_test(alerts_name_and_deny), cmocka_unit_test(inspection_denies)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
