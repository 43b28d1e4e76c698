# SPDX-License-Identifier: Apache-2.0
"""Logs that name who connected, and records by id: both are in the finding, whatever prints it."""
import datetime
import json
import unittest

from support import FINDINGS, Case, Run

START = datetime.datetime(2026, 11, 25, 11, tzinfo=datetime.timezone.utc)


def line(at_s, verdict, server, port, uid=1000):
    when = START + datetime.timedelta(seconds=at_s)
    return (f"{when.isoformat(timespec='microseconds')} gw kernel: [UFW {verdict}] IN= OUT=eth0 SRC=10.0.0.5 DST={server} "
            f"LEN=60 TTL=64 ID=1 DF PROTO=TCP SPT={port} DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 UID={uid} GID={uid} \n")


def walk(uid=lambda i: 1000):
    """An hour of one server, then three that the firewall denies, each left for the next within 10 ms."""
    text = [line(60 * i, "ALLOW", "198.51.100.200", 1025 + i, 33) for i in range(60)]
    for i, server in enumerate(["192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"]):
        text.append(line(3700 + 1.01 * i, "BLOCK" if i < 3 else "ALLOW", server, 2000 + i, uid(i)))
        if i < 3:
            text.append(line(3701 + 1.01 * i, "BLOCK", server, 2000 + i, uid(i)))
    return "".join(text).encode()


def zeek():
    fields = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "orig_bytes", "resp_bytes",
              "conn_state", "history", "orig_pkts", "resp_pkts"]
    rows = ["#separator \\x09", "#path\tconn", "#fields\t" + "\t".join(fields)]
    start = START.timestamp()

    def row(at, uid, server, state, seconds):
        answered = state == "SF"
        rows.append("\t".join(map(str, [f"{start + at:.6f}", uid, "10.0.0.5", 1025 + len(rows), server, 443, "tcp", seconds, 100, 100 * answered,
                                       state, "ShADadFf" if answered else "Sr", 3, 3])))
    for i in range(60):
        row(60 * i, f"Cq{i}", "198.51.100.200", "SF", 1)
    for i, server in enumerate(["192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"]):
        row(3700 + 1.01 * i, f"Cwalk{i}", server, "REJ" if i < 3 else "SF", 1)
    return "\n".join(rows).encode() + b"\n"


SERVERS = ["192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"]
NAMES = ["alpha-one.com", "bravo-two.net", "charlie-three.org", "delta-four.info"]


def squid():
    """Three targets that the proxy can't reach, each left for the next 10 ms after its error page; the log has the end."""
    start = START.timestamp()
    rows = [f"{start + 60 * i:.3f} 100 10.0.0.5 TCP_TUNNEL/200 5000 CONNECT known.example:443 alice HIER_DIRECT/198.51.100.200 -" for i in range(60)]
    for i, name in enumerate(NAMES):
        seconds, result = (2, "NONE/503 0") if i < 3 else (0.1, "TCP_TUNNEL/200 5000")
        rows.append(f"{start + 3700 + 2.01 * i + seconds:.3f} {seconds * 1000:.0f} 10.0.0.5 {result} CONNECT {name}:443 alice HIER_NONE/- -")
    return "\n".join(rows).encode() + b"\n"


def conntrack():
    """The same walk, refused after two seconds each."""
    rows = []

    def row(at, change, state, server, port, unreplied=""):
        rows.append((at, f"[{START.timestamp() + at:.6f}]\t{change:>10} tcp      6 {state} src=10.0.0.5 dst={server} sport={port} dport=443 "
                         f"{unreplied}src={server} dst=10.0.0.5 sport=443 dport={port}"))

    def life(at, server, port, state, seconds):
        row(at, "[NEW]", "120 SYN_SENT", server, port, "[UNREPLIED] ")
        row(at + seconds, "[UPDATE]", state, server, port)
    for i in range(60):
        life(60 * i, "198.51.100.200", 1025 + i, "432000 ESTABLISHED", 0.02)
    for i, server in enumerate(SERVERS):
        life(3700 + 2.01 * i, server, 3000 + i, *(("10 CLOSE", 2) if i < 3 else ("432000 ESTABLISHED", 0.02)))
    return "\n".join(text for _, text in sorted(rows)).encode() + b"\n"


def sysmon(names=12):
    """A process that asks for names none of which exists, beside another that goes on as ever."""
    rows = []

    def event(number, at, process, **fields):
        when = (START + datetime.timedelta(seconds=at)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        rows.append((at, json.dumps({"SourceName": "Microsoft-Windows-Sysmon", "EventID": number, "Hostname": "PC", "RecordNumber": len(rows),
                                     "UtcTime": when, "Image": f"C:\\x\\{process}", **fields})))
    for i in range(60):
        event(3, 60 * i, "browser.exe", Protocol="tcp", Initiated="true", SourceIp="10.0.0.5", SourcePort=str(2000 + i),
              DestinationIp="198.51.100.200", DestinationPort="443")
    for i in range(names):
        event(22, 3500 + 7.3 * i + i % 5, "evil.exe", QueryName=f"q{i * 7919}xk{i}z.com", QueryStatus="9003", QueryResults="-")
    return "\n".join(text for _, text in sorted(rows)).encode() + b"\n"


class Processes(Case):
    def test_process_is_told(self):
        findings, summary = self.hunt(self.path("kern.log", walk()))
        self.assertEqual(len(findings), 1)
        finding = findings[0]
        self.assertEqual(finding["process"], {"name": "uid 1000"})
        self.assertEqual([c["endpoint"] for c in finding["channels"]], ["192.0.2.1", "198.51.100.7", "203.0.113.9", "203.0.114.77"])
        self.assertEqual([s["failure"] for s in finding["switches"]], ["denied"] * 3)
        self.assertEqual([round(s["after_s"], 6) for s in finding["switches"]], [0.01] * 3)
        self.assertTrue(any("does not say how they ended" in off for off in summary["off"]))

    def test_process_is_printed(self):
        path, page = self.path("kern.log", walk()), self.folder / "page.html"
        run = Run("hunt", "--exit-code", "--report", page, path)
        self.assertEqual(run.code, FINDINGS, run)
        self.assertIn("uid 1000", run.out.decode())
        self.assertIn("uid 1000", page.read_text())

    def test_processes_apart(self):
        """Each try by another user: nobody walked the list."""
        self.assertEqual(self.hunt(self.path("kern.log", walk(lambda i: 1000 + i)))[0], [])

    def test_record_ids(self):
        findings, _ = self.hunt(self.path("conn.log", zeek()))
        self.assertEqual(len(findings), 1)
        self.assertEqual(findings[0]["uids"], [f"Cwalk{i}" for i in range(4)])
        self.assertIsNone(findings[0]["process"])

    def test_proxy(self):
        findings, _ = self.hunt(self.path("access.log", squid()))
        self.assertEqual(len(findings), 1)
        self.assertEqual([c["endpoint"] for c in findings[0]["channels"]], NAMES)
        self.assertEqual({s["failure"] for s in findings[0]["switches"]}, {"http-error"})
        self.assertEqual([c["addresses"] for c in findings[0]["channels"]], [[]] * 4)
        self.assertEqual(findings[0]["community_ids"], [])
        self.assertEqual(findings[0]["process"], {"name": "user alice"})

    def test_conntrack(self):
        findings, _ = self.hunt(self.path("conntrack.txt", conntrack()))
        self.assertEqual(len(findings), 1)
        self.assertEqual([c["endpoint"] for c in findings[0]["channels"]], SERVERS)
        self.assertEqual({s["failure"] for s in findings[0]["switches"]}, {"refused"})
        self.assertEqual(len(findings[0]["community_ids"]), 4)

    def test_sysmon(self):
        findings, _ = self.hunt(self.path("sysmon.json", sysmon()))
        self.assertEqual([finding["kind"] for finding in findings], ["dga"])
        self.assertEqual(findings[0]["process"], {"name": "evil.exe"})
        self.assertEqual(findings[0]["host"], "10.0.0.5")
        self.assertEqual(len(findings[0]["uids"]), 12)


if __name__ == "__main__":
    unittest.main()
