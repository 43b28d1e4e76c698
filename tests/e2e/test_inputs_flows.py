# SPDX-License-Identifier: Apache-2.0
"""Flow records and logs that broke other tools, numbered as in test_inputs.py: EVE, NetFlow, VPC flow logs, proxies, names."""
import json
import unittest

import evelogs
import netflows
import zeeklogs
from netflows import ABSOLUTE, ENDS, FIRST, LAST, UPTIMES
from support import DONE, PARTIAL, Run
from test_inputs import HEAD, RECORDS, ROWS, Input

DAY = 86400


class Same(Input):
    """What is read in another form gives the finding of the plain one."""
    plain = b""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.folder / "want"
        path.write_bytes(cls.plain)
        run = Run("hunt", "--json", path)
        *cls.want, cls.summary = run.lines()
        assert len(cls.want) == 1 and cls.want[0]["channels"][-1]["endpoint"] == zeeklogs.LADDER_END, run

    def same(self, data, code=DONE, records=len(ROWS), rejected=0, leave=(), connections=len(ROWS)):
        """(summary, what was said)"""
        findings, summary, said = self.told(self.log("in", data), code=code)
        one, other = ([{key: value for key, value in finding.items() if key not in leave} for finding in each] for each in (findings, self.want))
        self.assertEqual(one, other)
        self.assertEqual((summary["records"], summary["rejected"], summary["connections"]), (records, rejected, connections), said)
        if code == DONE:
            self.assertEqual(said, "")
        return summary, said


class Eve(Same):
    plain = evelogs.lines(evelogs.walk()).encode()

    def test_20_broken_lines(self):
        """A line broken in two, and two records in one line: counted, and reading goes on behind them (evebox#69, snort3#376)."""
        lines = evelogs.lines(evelogs.walk()).splitlines()
        more = json.dumps({**evelogs.walk()[0], "flow_id": 9999, "packet": "AAECAwQFBgcICQ=="})
        half = more.index("AwQ")
        broken = lines[:20] + [more[:half], more[half:]] + lines[20:]
        _, said = self.same("\n".join(broken) + "\n", PARTIAL, rejected=2)
        self.assertIn("2 rows left out, the first at line 21: ", said)
        fused = lines[:20] + [more + more] + lines[20:]
        _, said = self.same("\n".join(fused) + "\n", PARTIAL, rejected=1)
        self.assertIn("1 row left out, the first at line 21: ", said)

    def test_21_behind_a_syslog(self):
        """The prefix is taken off; a record cut at 8 kB is counted (pfelk#84)."""
        prefix = "<173>Nov 14 22:13:20 fw suricata[123]: "
        lines = evelogs.lines(evelogs.walk()).splitlines()
        self.same("".join(prefix + line + "\n" for line in lines))
        self.same("".join("2023-11-14T22:13:20.123456+00:00 fw suricata 123 - - " + line + "\n" for line in lines))
        long = json.dumps({**evelogs.walk()[0], "flow_id": 9999, "payload": "A" * 9000})[:8192 - len(prefix)]
        _, said = self.same("".join(prefix + line + "\n" for line in [*lines[:9], long, *lines[9:]]), PARTIAL, rejected=1)
        self.assertIn("1 row left out, the first at line 10: ", said)

    def test_22_icmp_has_no_ports(self):
        """A flow without src_port is none that is broken (Slips#628)."""
        ping = evelogs.flow(zeeklogs.START + 50, 900, "10.0.0.5", 0, "198.51.100.9", 0, "SF", 0.1)
        for name in ("src_port", "dest_port", "tcp"):
            del ping[name]
        ping.update(proto="ICMP", icmp_type=8, icmp_code=0)
        walk = evelogs.walk()
        findings, summary, said = self.told(self.log("in", evelogs.lines([walk[0], ping, *walk[1:]])))
        self.assertEqual((summary["records"], summary["rejected"], summary["connections"], said), (len(ROWS) + 1, 0, len(ROWS) + 1, ""))
        self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in self.want])

    def test_23_zones_without_a_colon(self):
        """+0200, +0500, mixed in one file: all the same moments (cuckoo-modified#504, evebox#69)."""
        for zone in ("+0200", "+0500", "-0930"):
            with self.subTest(zone):
                text = evelogs.lines(evelogs.walk(lambda number, zone=zone: zone))
                self.assertIn(zone, text)
                self.same(text)
        self.same(evelogs.lines(evelogs.walk(lambda number: ("+0200", "+0000", "-0700")[number % 3])))

    def test_24_why_suricata_stopped(self):
        """shutdown, forced, bypassed, emergency: no failure of the other side (suricata's output-json-flow.c)."""
        def walk(**changes):
            out = evelogs.walk()
            for rec in out[-5:-1]:  # the refused ones: nothing was heard yet when Suricata stopped to look
                rec["flow"].update(pkts_toserver=1, pkts_toclient=0, bytes_toclient=0, **changes)
                rec["tcp"].update(tcp_flags_tc="00", tcp_flags="02")
                rec["timestamp"] = rec["flow"]["end"]
            return out
        for changes in ({"state": "new", "reason": "shutdown"}, {"state": "new", "reason": "forced"},
                        {"state": "bypassed", "reason": "timeout"}, {"state": "new", "reason": "timeout", "emergency": True}):
            with self.subTest(changes):
                findings, summary, _ = self.told(self.log("in", evelogs.lines(walk(**changes))), options=["--max-e", "1000"])
                self.assertEqual((findings, summary["records"], summary["rejected"]), ([], len(ROWS), 0))
        findings, _, _ = self.told(self.log("in", evelogs.lines(walk(state="new", reason="timeout"))), options=["--max-e", "1000"])
        self.assertNotEqual(findings, [])  # silence to the end is one


class Merge(Same):
    plain = (HEAD + "".join(ROWS)).encode()

    def test_42_a_session_in_pieces(self):
        """Interim rows, the same row in conn_long, open_conn: one conversation, its largest numbers (zeek#1196, long-connections#15,
        #14, rita-legacy#641)."""
        def long(at, seconds, factor, path="conn", number=7777):
            row = zeeklogs.conn(zeeklogs.START + 60, number, "10.0.0.5", 45000, "198.51.100.1", 443, "SF", seconds)
            return row.replace("\t300\t4000\t", f"\t{300 * factor}\t{4000 * factor}\t").replace("ShADadFf", "ShADad" if factor < 3 else "ShADadFf")
        final = HEAD + "".join(sorted([*ROWS, long(0, 900, 3)]))
        want, want_summary, _ = self.told(self.log("final", final))
        interim = final + zeeklogs.head("conn_long") + long(300, 300, 1) + long(600, 600, 2) + long(900, 900, 3) + long(900, 900, 3)
        interim += zeeklogs.head("open_conn") + long(300, 300, 1)
        findings, summary, said = self.told(self.log("interim", interim))
        self.assertEqual((findings, summary["connections"], said), (want, want_summary["connections"], ""))
        self.assertEqual((summary["connections"], summary["records"]), (len(ROWS) + 1, len(ROWS) + 6))
        self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in self.want])

    def test_44_order_and_clocks(self):
        """Unsorted logs, a sensor whose clock is off, 1970 and the future: nothing wraps, nothing is lost (logtide PR#282, Slips#1186,
        elastiflow#3)."""
        self.same(HEAD + "".join(reversed(ROWS)))
        self.same(HEAD + "".join(ROWS[1::2] + ROWS[::2]))
        other = [zeeklogs.conn(zeeklogs.START + 4000 + 300 * number, 6000 + number, "10.0.9.9", 45000 + number, "198.51.100.1", 443, "SF", 2.0)
                 for number in range(12)]
        odd = [zeeklogs.conn(when, 8000 + number, "10.0.9.8", 46000 + number, "198.51.100.2", 443, "SF", 2.0)
               for number, when in enumerate((0.0, 1.5, 4102444800.0))]
        for label, rows in (("skew", other), ("1970 and 2100", odd)):
            with self.subTest(label):
                findings, summary, said = self.told(self.log("in", HEAD + "".join(ROWS + rows)))
                self.assertEqual((summary["records"], summary["connections"], said), (len(ROWS) + len(rows),) * 2 + ("",))
                self.assertEqual([(f["host"], f["switches"]) for f in findings], [(f["host"], f["switches"]) for f in self.want])
        beyond = zeeklogs.conn(99999999999.0, 8000, "10.0.9.8", 46000, "198.51.100.2", 443, "SF", 2.0)
        self.same(HEAD + "".join(ROWS) + beyond.replace("99999999999.000000", "-99999999999"), PARTIAL, rejected=1)

    def test_45_numbers_that_can_not_be(self):
        """Unset is not 0; negative and huge durations and sizes neither wrap nor judge (softflowd#8, zeek's note on orig_bytes)."""
        base = zeeklogs.conn(zeeklogs.START + 70, 7000, "10.0.0.5", 47000, "198.51.100.1", 443, "SF", 2.0)
        for old, new, rejected in (("\t2.000000\t", "\t-\t", 0), ("\t2.000000\t", "\t-3.5\t", 0), ("\t2.000000\t", "\t1e300\t", 0),
                                   ("\t2.000000\t", "\t4290000000.0\t", 0), ("\t300\t4000\t", "\t-\t-\t", 0),
                                   ("\t300\t4000\t", "\t18446744073709551615\t18446744073709551615\t", 0),
                                   ("\t300\t4000\t", "\t18446744073709551616\t1\t", 1), ("\t300\t4000\t", "\t-5\t1\t", 1),
                                   ("\t6\t7\n", "\t18446744073709551615\t99999999999999\n", 0)):
            with self.subTest(new):
                self.assertIn(old, base)
                row = base.replace(old, new)
                findings, summary, said = self.told(self.log("in", HEAD + "".join(sorted([*ROWS, row]))), code=PARTIAL if rejected else DONE)
                self.assertEqual((summary["records"], summary["rejected"]), (len(ROWS) + 1 - rejected, rejected), said)
                self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in self.want])
                self.assertLess(summary["host_days"], 1)
                self.assertGreater(summary["host_days"], 0)

    def test_52_mapped_and_zoned_addresses(self):
        """::ffff:10.0.0.5 is 10.0.0.5, fe80::1%eth0 is fe80::1 (falco#1835)."""
        def written(row, form):
            values = row.split("\t")
            return "\t".join([*values[:2], form(values[2]), values[3], form(values[4]), *values[5:]])
        for form in ("::ffff:{}", "::FFFF:{}", "0:0:0:0:0:ffff:{}"):
            with self.subTest(form):
                self.same(HEAD + "".join(written(row, form.format) for row in ROWS))
        told = []
        for host in ("fe80::5", "fe80::5%eth0", "FE80:0:0:0:0:0:0:5%2"):
            text = HEAD + "".join(row.replace("10.0.0.5", host) for row in zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100))
            findings, summary, said = self.told(self.log("in", text))
            self.assertEqual((len(findings), findings[0]["host"], summary["hosts"], said), (1, "fe80::5", 1, ""))
            told.append(findings)
        self.assertEqual(told, [told[0]] * 3)

    def test_53_ipv6_long_and_short(self):
        """One address however it is written; community ids by the specification's vectors (pycommunityid#8, vrl#891,
        elasticsearch#105247)."""
        def six(row, long):
            rec = row.split("\t")
            for at in (2, 4):
                parts = [int(part) for part in rec[at].split(".")]
                net = parts[0] * 256 + parts[1]
                rec[at] = (f"2A00:{net:04X}:{parts[2]:04X}:0000:0000:0000:0000:{parts[3]:04X}" if long
                           else f"2a00:{net:x}:{parts[2]:x}::{parts[3]:x}")
            return "\t".join(rec)
        told = []
        for log in ([six(row, False) for row in ROWS], [six(row, True) for row in ROWS], [six(row, n % 2) for n, row in enumerate(ROWS)]):
            findings, summary, said = self.told(self.log("in", HEAD + "".join(log)), options=["--local", "2a00:a00::/32"])
            self.assertEqual((summary["hosts"], summary["connections"], said), (1, len(ROWS), ""))
            told.append(findings)
        self.assertEqual(len(told[0]), 1)
        self.assertEqual(told, [told[0]] * 3)
        # community-id-spec's baseline: tcp 128.232.110.120:34855 > 66.35.250.204:80, seed 0
        rows = [row.replace("10.0.0.5", "128.232.110.120") for row in zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)]
        rows[-1] = rows[-1].replace("\t50009\t", "\t34855\t").replace("192.0.100.50\t443", "66.35.250.204\t80")
        findings, _, _ = self.told(self.log("in", HEAD + "".join(rows)), options=["--local", "128.232.0.0/16"])
        self.assertIn("1:LQU9qZlK+B5F3KDmev6m5PMibrg=", findings[0]["community_ids"])


class NetFlow(Same):
    @staticmethod
    def v9(fields, boot=netflows.BOOT, late=1, changed=lambda rec: rec, first=lambda: []):
        out = [netflows.v9([netflows.template(fields), *first()], int(zeeklogs.START), boot)]
        for _, last, records in netflows.conversations():
            seconds = netflows.export_second(last) if late else last // 1000
            out.append(netflows.v9([netflows.data([changed(rec) for rec in records], fields, boot)], seconds, boot))
        return b"".join(out)

    plain = b""

    @classmethod
    def setUpClass(cls):
        cls.plain = cls.v9(ABSOLUTE)
        super().setUpClass()

    def flows(self, data, datagrams=len(ROWS) + 1):
        return self.same(data, records=datagrams)

    def test_46_uptimes(self):
        """Uptimes that wrap, and a last packet later than the datagram's own uptime: by modular arithmetic (pmacct#640)."""
        self.flows(self.v9(UPTIMES))
        self.flows(self.v9(UPTIMES, boot=int(zeeklogs.START) + 6000 - 2 ** 32 // 1000))
        for boot in (netflows.BOOT, int(zeeklogs.START) + 6000 - 2 ** 32 // 1000):
            self.flows(self.v9(UPTIMES, boot=boot, late=0))

    def test_47_absolute_times_win(self):
        """Where both are told, uptimes in seconds or of nobody's clock do not matter (goflow2 PR#325, pmacct PR#940)."""
        both = ENDS + [FIRST, LAST, netflows.START_MS, netflows.END_MS]
        self.flows(self.v9(both, changed=lambda rec: {**rec, FIRST: 1000, LAST: 1002}))
        self.flows(self.v9(both[:8] + both[10:] + both[8:10], changed=lambda rec: {**rec, FIRST: 4_000_000_000, LAST: 5}))
        out = [netflows.ipfix([netflows.template(both, ipfix=True)], int(zeeklogs.START))]
        for _, last, records in netflows.conversations():
            out.append(netflows.ipfix([netflows.data([{**rec, FIRST: 7, LAST: 9} for rec in records], both)], netflows.export_second(last)))
        self.flows(b"".join(out))

    def test_48_templates(self):
        """Data before its template, a template that changes, option templates, several domains with one number (ipfixcol2#87,
        telegraf#18352, beats PR#13821)."""
        each = [(netflows.export_second(last), records) for _, last, records in netflows.conversations()]
        late = [netflows.v9([netflows.data(records, ABSOLUTE)], when) for when, records in each]
        self.flows(b"".join([*late[:2], netflows.v9([netflows.template(ABSOLUTE)], each[2][0]), *late[2:]]))
        other = list(reversed(ABSOLUTE))
        out = [netflows.v9([netflows.options_template(), netflows.template(ABSOLUTE)], int(zeeklogs.START))]
        out += [netflows.v9([netflows.data(records, ABSOLUTE), netflows.flowset(300, bytes(8))], when) for when, records in each[:20]]
        out.append(netflows.v9([netflows.template(other)], each[20][0]))
        out += [netflows.v9([netflows.data(records, other)], when) for when, records in each[20:]]
        self.flows(b"".join(out), len(ROWS) + 2)
        out = [netflows.v9([netflows.template(fields)], int(zeeklogs.START), source=source) for source, fields in ((1, ABSOLUTE), (2, other))]
        out += [netflows.v9([netflows.data(records, (ABSOLUTE, other)[number % 2])], when, source=1 + number % 2)
                for number, (when, records) in enumerate(each)]
        self.flows(b"".join(out), len(ROWS) + 2)
        # a template that never comes: said
        findings, summary, _ = self.told(self.log("in", b"".join(late)))
        self.assertEqual((findings, summary["connections"]), ([], 0))
        self.off(summary, f"{len(ROWS)} sets of flow records whose template did not come")


VPC = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
ACCOUNT = "123456789010"


def vpc(at, src, dst, ports, action="ACCEPT", packets=8, size=900, account=ACCOUNT):
    return f"2 {account} eni-1 {src} {dst} {ports[0]} {ports[1]} 6 {packets} {size} {at} {at + 1} {action} OK"


def vpc_walk(account=ACCOUNT):
    start, out = int(zeeklogs.START), []
    for number in range(40):
        server = f"198.51.100.{1 + number % 2}"
        out += [vpc(start + 300 * number, "10.0.0.5", server, (40000 + number, 443), account=account),
                vpc(start + 300 * number, server, "10.0.0.5", (443, 40000 + number), account=account)]
    for number, server in enumerate(("203.0.113.10", "192.0.2.20", "198.18.0.30", "203.0.114.40")):
        out.append(vpc(start + 12100 + 2 * number, "10.0.0.5", server, (50000 + number, 8080), "REJECT", 1, 60, account))
    out += [vpc(start + 12108, "10.0.0.5", zeeklogs.LADDER_END, (50009, 443), account=account),
            vpc(start + 12108, zeeklogs.LADDER_END, "10.0.0.5", (443, 50009), account=account)]
    return out


class Cloud(Same):
    plain = ("\n".join(vpc_walk()) + "\n").encode()
    ROWS = len(vpc_walk())

    def rows(self, lines, more=0):
        return self.same("\n".join(lines) + "\n", records=self.ROWS + more)

    def test_49_rows_without_data(self):
        """NODATA and SKIPDATA are no rows that are broken; lost periods are said; any order, with its header or without
        (integrations#8532, tailpipe PR#278)."""
        nothing = f"2 {ACCOUNT} eni-1 - - - - - - - {int(zeeklogs.START)} {int(zeeklogs.START) + 60} - "
        summary, _ = self.rows([nothing + "NODATA", *vpc_walk(), nothing + "SKIPDATA", nothing + "SKIPDATA"], 3)
        self.off(summary, "2 periods of which the source says that it lost records")
        self.rows([VPC, *vpc_walk()])
        order = [12, 3, 5, 4, 6, 7, 10, 11, 9, 8, 2]
        shuffled = [" ".join(line.split(" ")[at] for at in order) for line in [VPC, *vpc_walk()]]
        self.rows(shuffled)
        path = self.log("in", "\n".join(shuffled[1:]) + "\n")
        run = Run("hunt", path)  # an order of one's own, of which nothing tells: never guessed
        self.assertEqual((run.code, run.out), (3, b""), run)
        self.assertIn(f"{path}: neither a capture nor a known log", run.err)
        # a known start, then rows that fit nothing
        findings, summary, said = self.told(self.log("in", "\n".join([*vpc_walk(), "2 too short"]) + "\n"), code=PARTIAL)
        self.assertEqual((findings, summary["rejected"]), (self.want, 1))
        self.assertIn(f"1 row left out, the first at line {self.ROWS + 1}: ", said)

    def test_50_gateways_and_prefixes(self):
        """Transit Gateway rows among them, CloudWatch's time in front, an account that is unknown (flowlogs-reader#58,
        goaccess#1341)."""
        start = int(zeeklogs.START)
        gateway = (f"6 TransitGateway {ACCOUNT} tgw-1 tgw-attach-1 1 2 vpc-1 vpc-2 subnet-1 subnet-2 eni-1 eni-2 az1 az2 tgw-attach-2 "
                   f"10.9.0.5 10.8.0.9 40002 22 6 8 900 {start + 2} {start + 62} OK IPv4 0 0 0 0 3 us-east-1 ingress - -")
        lines = vpc_walk()
        findings, summary, said = self.told(self.log("in", "\n".join([*lines[:10], gateway, *lines[10:]]) + "\n"))
        self.assertEqual((findings, summary["records"], summary["rejected"], said), (self.want, self.ROWS + 1, 0, ""))
        self.rows([f"2023-11-14T22:13:20.000Z {line}" for line in lines])
        self.rows([f"2023-11-14T22:13:21+00:00 eni-1-all {line}" for line in lines])
        self.rows(vpc_walk("unknown"))

    def test_51_addresses_behind_nat(self):
        """srcaddr is the interface's, pkt-srcaddr whose packet it was: the latter counts (otel-contrib PR#38897)."""
        def both(line):
            fields = line.split(" ")
            if fields[0] == "version":
                return line + " pkt-srcaddr pkt-dstaddr"
            packet = fields[3:5]
            inner = ["10.0.5.200" if addr == "10.0.0.5" else addr for addr in packet]
            return " ".join(fields[:3] + inner + fields[5:] + packet)
        self.rows([both(line) for line in [VPC, *vpc_walk()]])


class Names(Input):
    def squid(self, client=lambda n: "10.0.0.5", names=("alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.info")):
        start, rows = zeeklogs.START, []
        for number in range(60):
            rows.append((start + 60 * number, f"{start + 60 * number:.3f} 100 {client(number)} TCP_TUNNEL/200 5000 CONNECT known.example:443 - X/- -"))
        for number, name in enumerate(names):
            seconds, result = (2, "NONE/503 0") if number < 3 else (0.1, "TCP_TUNNEL/200 5000")
            at = start + 3700 + 2.01 * number + seconds
            rows.append((at, f"{at:.3f} {seconds * 1000:.0f} {client(number)} {result} CONNECT {name}:443 - X/- -"))
        return "\n".join(text for _, text in rows) + "\n"

    def test_54_behind_a_proxy(self):
        """A proxy's connections are told by the name that was asked for, not by the proxy (rita-legacy#583, community-id-spec#9)."""
        findings, _, said = self.told(self.log("access.log", self.squid()))
        self.assertEqual(said, "")
        self.assertEqual([c["endpoint"] for f in findings for c in f["channels"]], ["alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.info"])
        # the same CONNECTs as Zeek sees them, all to one proxy
        conn, http = [], []
        for number in range(64):
            walk = number - 60
            at = zeeklogs.START + (60 * number if walk < 0 else 3700 + 2.01 * walk)
            name = "known.example" if walk < 0 else ("alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.info")[walk]
            status = 503 if 0 <= walk < 3 else 200
            conn.append(zeeklogs.conn(at, number, "10.0.0.5", 40000 + number, "10.0.0.2", 3128, "SF", 2.0))
            http.append("\t".join(map(str, (f"{at + 0.1:.6f}", f"C{number:017d}", "CONNECT", f"{name}:443", f"{name}:443", status))) + "\n")
        fields = ["ts", "uid", "method", "host", "uri", "status_code"]
        paths = [self.log("conn.log", HEAD + "".join(conn)), self.log("http.log", zeeklogs.head("http", fields) + "".join(http))]
        findings, summary, said = self.told(*paths, options=["--max-e", "1000"])
        self.assertEqual((said, summary["connections"]), ("", 64))
        self.assertEqual({c["endpoint"] for f in findings for c in f["channels"]},
                         {"alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.info"})

    def test_55_names_as_they_are_written(self):
        """Upper case, a final dot, IDN, _srv labels, new top-level domains: made one, never thrown away (maltrail's settings.py)."""
        plain = ("alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.dev")
        want, _, _ = self.told(self.log("access.log", self.squid(names=plain)))
        self.assertEqual([c["endpoint"] for f in want for c in f["channels"]], list(plain))
        for form in (str.upper, lambda name: name + ".", lambda name: name.title() + "."):
            findings, _, said = self.told(self.log("access.log", self.squid(names=[form(name) for name in plain])))
            self.assertEqual((findings, said), (want, ""))
        odd = ("_ldap._tcp.alpha-one.com", "xn--bcher-kva.com", "BÜCHER-zwei.net", "c2.drei.dev")
        findings, _, said = self.told(self.log("access.log", self.squid(names=odd)))
        self.assertEqual(said, "")
        self.assertEqual([c["endpoint"] for f in findings for c in f["channels"]],
                         ["alpha-one.com", "xn--bcher-kva.com", "xn--bcher-zwei-9db.net", "drei.dev"])
        self.assertEqual([c["names"] for f in findings for c in f["channels"]],
                         [["_ldap._tcp.alpha-one.com"], ["xn--bcher-kva.com"], ["xn--bcher-zwei-9db.net"], ["c2.drei.dev"]])
        self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in want])


if __name__ == "__main__":
    unittest.main()
