# SPDX-License-Identifier: Apache-2.0
"""Inputs that broke other tools: number, what it is, and whose tracker or source tells of it. Each is read rightly, or what can't be
read is counted with its file and place, and nothing else is lost for it."""
import gzip
import json
import os
import shutil
import signal
import subprocess
import unittest

import evelogs
import zeeklogs
from support import DONE, NOTHING, PARTIAL, Case, Run
from test_watch import Watch, to_end

HEAD = zeeklogs.head()
ROWS = zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)
FIRST = HEAD.count("\n") + 1  # the line of the first row
RECORDS = [zeeklogs.record(row) for row in ROWS]
MIDDLE = 20


class Input(Case):
    """Hunts; the finding of the walk must be there whatever stands around it."""

    def told(self, *inputs, code=DONE, stdin=b"", options=()):
        """(findings, summary, what was said)"""
        run = Run("hunt", "--json", *options, *inputs, stdin=stdin)
        self.assertEqual(run.code, code, run)
        findings, summary = self.checked(run)
        self.assertEqual(summary["partial"], code == PARTIAL, run)
        return findings, summary, run.err

    def rows(self, path, records=len(ROWS), connections=None, silent=True):
        """All was read, nothing was said."""
        findings, summary, said = self.told(path)
        self.assertEqual((summary["records"], summary["rejected"]), (records, 0), said)
        if connections is not None:
            self.assertEqual(summary["connections"], connections)
        if silent:
            self.assertEqual(said, "")
        return findings

    def rejects(self, path, line, why, records=len(ROWS), rejected=1):
        """One row, or so many, are left out, and told with file and line."""
        findings, summary, said = self.told(path, code=PARTIAL)
        self.assertEqual((summary["records"], summary["rejected"]), (records, rejected), said)
        rows = "row" if rejected == 1 else "rows"
        self.assertEqual(said, f"postern: {path}: {rejected} {rows} left out, the first at line {line}: {why}\n")
        return findings

    def nothing(self, path, *words):
        """Exit 3, nothing on stdout, and the file is named with why."""
        run = Run("hunt", path)
        self.assertEqual((run.code, run.out), (NOTHING, b""), run)
        lines = run.err.splitlines()
        self.assertEqual(lines[-1], "postern: nothing was read", run)
        for word in (str(path), *words):
            self.assertIn(word, lines[0])

    def off(self, summary, words):
        self.assertTrue(any(words in off for off in summary["off"]), summary["off"])

    def log(self, name, text):
        return self.path(name, text if isinstance(text, bytes) else text.encode())


class Zeek(Input):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.folder / "want.log"
        path.write_text(HEAD + "".join(ROWS))
        run = Run("hunt", "--json", path)
        cls.want = run.lines()[:-1]
        assert len(cls.want) == 1 and cls.want[0]["channels"][-1]["endpoint"] == zeeklogs.LADDER_END, run

    def same(self, findings, leave=()):
        """The finding of the plain log, E included."""
        left = [{key: value for key, value in finding.items() if key not in leave} for finding in findings]
        self.assertEqual(left, [{key: value for key, value in finding.items() if key not in leave} for finding in self.want])

    def with_row(self, row, at=MIDDLE):
        """The log with another row in its middle: (text, its line)."""
        return HEAD + "".join(ROWS[:at]) + row + "".join(ROWS[at:]), FIRST + at

    def test_01_json_where_tsv_was_expected(self):
        """JSON under a name that TSV has: found out, and said (rita-legacy#249)."""
        path = self.log("conn.log", zeeklogs.lines(RECORDS))
        self.same(self.rows(path))
        self.assertIn(f"{path}: zeek-json, {len(ROWS)} records", Run("hunt", "-v", path).out.decode())
        path = self.log("conn.json", HEAD + "".join(ROWS))
        self.assertIn(f"{path}: zeek, {len(ROWS)} records", Run("hunt", "-v", path).out.decode())

    def test_02_scope_separators(self):
        """"id_orig_h", "id-orig_h", nested ids; a log without an address fails by name (rita-legacy#628)."""
        for name, scope in (("under", "_"), ("nested", None)):
            with self.subTest(scope=scope):
                self.same(self.rows(self.log(f"{name}.json", zeeklogs.lines(zeeklogs.renamed(rec, scope) for rec in RECORDS))))
        for scope in "_-":
            with self.subTest(scope=scope, form="TSV"):
                self.same(self.rows(self.log(f"{ord(scope)}.log", HEAD.replace("id.", f"id{scope}") + "".join(ROWS))))
        for field in ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"):
            with self.subTest(without=field):
                head, rows = zeeklogs.without(ROWS, field)
                self.nothing(self.log(f"no-{field}.log", head + "".join(rows)), f"{len(ROWS)} rows left out", f"line {FIRST}: ", field)
                records = [{name: value for name, value in rec.items() if name != field} for rec in RECORDS]
                self.nothing(self.log(f"no-{field}.json", zeeklogs.lines(records)), f"{len(ROWS)} rows left out", "line 1: ", field)

    def test_03_half_an_address(self):
        """"10.0.0." is no address: the row is rejected, with its line (rita-legacy#787)."""
        for half, field in (("10.0.0.", "id.orig_h"), ("10.0.0", "id.orig_h"), ("198.51.100.1.", "id.resp_h")):
            with self.subTest(half):
                rec = dict(RECORDS[0], **{field: half})
                text, line = self.with_row("\t".join(str(rec.get(name, "-")) for name in zeeklogs.CONN) + "\n")
                self.same(self.rejects(self.log("conn.log", text), line, f"no address in {field}"))
                text = zeeklogs.lines([*RECORDS[:MIDDLE], rec, *RECORDS[MIDDLE:]])
                self.same(self.rejects(self.log("conn.json", text), MIDDLE + 1, f"no address in {field}"))

    def test_04_rows_that_do_not_fit_their_header(self):
        """Fewer or more fields: no column is shifted (rita-legacy PR#695)."""
        for row in (ROWS[0].replace("\t443", "", 1), ROWS[0].replace("\t443", "\t443\t", 1), "C1\n", ROWS[0].rstrip("\n") + "\t\n"):
            with self.subTest(row):
                text, line = self.with_row(row)
                self.same(self.rejects(self.log("conn.log", text), line, "it has more or fewer fields than its header"))

    def test_05_unknown_columns(self):
        """Corelight's resp_cc and others: passed by without a word, wherever they stand (rita-legacy#544)."""
        more = ["resp_cc", "id.orig_h_name.src", "tunnel_parents", "nobody_knows"]
        fields = more[:2] + zeeklogs.CONN[:4] + more[2:3] + zeeklogs.CONN[4:] + more[3:]
        rows = [f"US\t-\t" + "\t".join(row.split("\t")[:4]) + "\t(empty)\t" + "\t".join(row.rstrip("\n").split("\t")[4:]) + "\tx\n" for row in ROWS]
        self.same(self.rows(self.log("conn.log", zeeklogs.head(fields=fields) + "".join(rows))))
        records = [{"resp_cc": "US", "tunnel_parents": ["a", {"b": [1]}], **rec, "nobody_knows": None} for rec in RECORDS]
        self.same(self.rows(self.log("conn.json", zeeklogs.lines(records))))

    def test_06_home_made_logs(self):
        """Only a time and a conversation's ends are needed; what can't be judged without the rest is said (rita-legacy#802)."""
        head, rows = zeeklogs.without(ROWS, "uid", "orig_pkts", "resp_pkts", "service", "history")
        self.same(self.rows(self.log("some.log", head + "".join(rows))), leave=("uids", "id"))
        head, rows = zeeklogs.without(ROWS, *[name for name in zeeklogs.CONN if not name.startswith("id.") and name not in ("ts", "proto")])
        findings, summary, said = self.told(self.log("least.log", head + "".join(rows)))
        self.assertEqual((findings, summary["records"], summary["connections"], said), ([], len(ROWS), len(ROWS), ""))
        self.off(summary, f"{len(ROWS)} conversations whose source does not say how they ended")

    def test_07_summaries_beside_logs(self):
        """conn-summary.log is no conn log, and a conn log may have any name: told by what is in it (rita-legacy#3)."""
        folder = self.folder / "07"
        folder.mkdir()
        (folder / "conn.00:00:00-01:00:00.log").write_text(HEAD + "".join(ROWS[:MIDDLE]))
        (folder / "conn-summary.01:00:00-02:00:00.log").write_text(HEAD + "".join(ROWS[MIDDLE:]))
        (folder / "conn-summary.00:00:00-01:00:00.log").write_text(">== Total === 2026-11-25-11-00-00\n   - Connections 1.0k - Payload 1.0m\n" * 5)
        (folder / "conn.other.log").write_text(HEAD.replace("\tconn\n", "\tweird\n") + "".join(ROWS[:3]))
        findings, summary, said = self.told(folder)
        self.same(findings)
        self.assertEqual((summary["inputs"], summary["connections"], summary["rejected"]), (3, len(ROWS), 0))
        self.off(summary, "3 rows of kinds that say nothing about connections")
        self.assertEqual(said, "postern: 1 file passed by: of no known format, empty, or the same as another; -v names them\n")

    def test_08_the_same_log_twice(self):
        """x.log beside x.log.gz is one log; the same name of another day is another (rita's cmd/import.go, rita#34)."""
        data = (HEAD + "".join(ROWS)).encode()
        alone = self.log("x.log", data)
        packed = self.log("x.log.gz", gzip.compress(data))
        want, want_summary, _ = self.told(alone)
        head, rows = zeeklogs.without(ROWS, "uid")
        plain = self.log("home-made.log", head + "".join(rows))
        for one, other, expected in ((alone, packed, (want, want_summary)), (plain, self.log("home-made.log.gz", gzip.compress(plain.read_bytes())), None)):
            expected = expected or self.told(one)[:2]
            findings, summary, _ = self.told(one, other)
            self.assertEqual(findings, expected[0])
            self.assertEqual({**summary, "seconds": 0}, {**expected[1], "seconds": 0})
        # one row more: no copy, but the rows that both have are one
        more = self.log("y.log", data + zeeklogs.conn(zeeklogs.START + 70, 9999, "10.0.0.5", 47000, "198.51.100.1", 443, "SF", 2.0).encode())
        findings, summary, _ = self.told(packed, more)
        self.same(findings)
        self.assertEqual((summary["inputs"], summary["connections"]), (2, len(ROWS) + 1))
        for day, rows in (("2023-11-14", ROWS[:MIDDLE]), ("2023-11-15", ROWS[MIDDLE:])):
            path = self.folder / "08" / day / "conn.log.gz"
            path.parent.mkdir(parents=True)
            path.write_bytes(gzip.compress((HEAD + "".join(rows)).encode()))
        findings, summary, _ = self.told(self.folder / "08")
        self.same(findings)
        self.assertEqual((summary["inputs"], summary["records"], summary["connections"]), (2, len(ROWS), len(ROWS)))

    def test_09_a_log_that_grows(self):
        """What is written after the first read is read, and again after a restart (rita-legacy#775, rita#13, Slips#2071)."""
        folder = self.folder / "09"
        folder.mkdir()
        state, log = folder / "state", folder / "conn.log"
        log.write_text(HEAD + "".join(ROWS[:MIDDLE]))
        watch = Watch("--state", state, folder)
        try:
            self.wait_for(state)
        finally:
            watch.end(signal.SIGTERM)
        with open(log, "a", encoding="utf-8") as file:
            file.write("".join(ROWS[MIDDLE:-2]))
        watch = Watch("--state", state, folder)
        try:
            with open(log, "a", encoding="utf-8") as file:
                file.write("".join(ROWS[-2:]))
            watch.wait(to_end)
        finally:
            lines = watch.end()
        final = [line for line in lines if line["status"] == "final"]
        self.assertEqual([(line["id"], line["switches"]) for line in final], [(f["id"], f["switches"]) for f in self.want])

    def test_10_nothing_in_it(self):
        """Only headers, or no byte: another exit code than a quiet day's, and each is told why (rita-legacy PR#555)."""
        self.nothing(self.log("head.log", HEAD), "without a row")
        self.nothing(self.log("head.log.gz", gzip.compress(HEAD.encode())), "without a row")
        self.nothing(self.log("zero.log", b""), "empty (0 bytes)")
        self.nothing(self.log("zero.log.gz", b""), "empty (0 bytes)")
        self.nothing(self.log("packed.log.gz", gzip.compress(b"")), "empty when unpacked")
        self.nothing(self.log("closed.log", HEAD + "#close\t2026-11-25-12-00-00\n"), "without a row")
        # beside rows they are no fault
        findings, summary, said = self.told(self.log("head.log", HEAD), self.log("conn.log", HEAD + "".join(ROWS)))
        self.same(findings)
        self.assertEqual(summary["records"], len(ROWS), said)

    def test_11_cut_in_the_middle(self):
        """A cut archive, a cut last line: the rows before are kept, the run is partial (rita's parser.go, errTruncated)."""
        whole = (HEAD + "".join(ROWS)).encode()
        packed = gzip.compress(whole + b"".join(row.encode() for row in ROWS[:10]) * 50, 1)
        path = self.log("cut.log.gz", packed[:len(packed) - 100])
        findings, summary, said = self.told(path, code=PARTIAL)
        self.same(findings)
        self.assertGreater(summary["records"], len(ROWS))
        self.assertRegex(said, rf"^postern: {path}: cut at byte \d+: .* All before it was read\n$")
        text = HEAD + "".join(ROWS) + ROWS[0][:40]
        self.same(self.rejects(self.log("cut.log", text), FIRST + len(ROWS), "it has more or fewer fields than its header"))
        text = zeeklogs.lines(RECORDS) + json.dumps(RECORDS[0])[:60]
        path = self.log("cut.json", text)
        findings, summary, said = self.told(path, code=PARTIAL)
        self.same(findings)
        self.assertEqual((summary["records"], summary["rejected"]), (len(ROWS), 1))
        self.assertIn(f"the first at line {len(ROWS) + 1}: ", said)

    def test_12_whole_seconds(self):
        """A time without a decimal point (rita's parser.go rejects it)."""
        rows = [row.replace(".000000\t", "\t", 1) for row in ROWS]
        self.assertEqual(sum("." not in row.split("\t")[0] for row in rows), len(zeeklogs.day()) + 1)
        self.same(self.rows(self.log("conn.log", HEAD + "".join(rows))))

    def test_13_times_of_all_kinds(self):
        """Epoch, milliseconds, ISO 8601 with and without a zone, in JSON and TSV (super#3987, zeek's JSON::TimestampFormat)."""
        forms = {"epoch": lambda ts: ts, "text": lambda ts: f"{ts:.6f}", "ms": lambda ts: round(ts * 1000),
                 "Z": lambda ts: evelogs.stamp(ts).replace("+0000", "Z"), "colon": lambda ts: evelogs.stamp(ts, "+05:30")[:-2] + ":30",
                 "zone": lambda ts: evelogs.stamp(ts, "-0700"), "none": lambda ts: evelogs.stamp(ts).replace("+0000", ""),
                 "space": lambda ts: evelogs.stamp(ts).replace("T", " ").replace("+0000", "Z")}
        for name, form in forms.items():
            with self.subTest(name):
                findings, summary, said = self.told(self.log(f"{name}.json", zeeklogs.lines({**rec, "ts": form(rec["ts"])} for rec in RECORDS)))
                self.same(findings)
                self.assertEqual((summary["records"], said), (len(ROWS), ""))
                rows = [f"{form(rec['ts'])}\t" + row.split("\t", 1)[1] for rec, row in zip(RECORDS, ROWS)]
                findings, log_summary, said = self.told(self.log(f"{name}.log", HEAD + "".join(rows)))
                self.same(findings)
                for each in (summary, log_summary):
                    stated = any("have no zone" in off for off in each["off"])
                    self.assertEqual(stated, name == "none", each["off"])

    def test_14_null_and_absent(self):
        """null, "-", an absent field: unset, all (zeek PR#1886)."""
        for label, value in (("null", None), ("empty", "")):
            with self.subTest(label):
                records = [{name: rec.get(name, value) for name in zeeklogs.CONN + ["vlan", "tunnel_parents", "local_orig"]} for rec in RECORDS]
                self.same(self.rows(self.log(f"{label}.json", zeeklogs.lines(records))))

    def http(self, agent, form="TSV"):
        """An http log of the last connection, and the one before the walk."""
        last = RECORDS[-1]
        values = {"ts": last["ts"] + 0.1, "uid": last["uid"], **{name: last[name] for name in zeeklogs.CONN[2:6]}, "method": "GET",
                  "host": "c2.example", "uri": "/", "user_agent": agent, "status_code": 200}
        if form == "TSV":
            return zeeklogs.head("http", list(values)).encode() + "\t".join(map(str, values.values())).encode().replace(b"%AGENT%", b"") + b"\n"
        return values

    def agent(self, data, name):
        """What the last channel's user agent is said to be."""
        conn = self.log("conn.log", HEAD + "".join(ROWS))
        path = self.log(name, data)
        findings, summary, said = self.told(conn, path)
        self.assertEqual((summary["records"], summary["rejected"], said), (len(ROWS) + 1, 0, ""))
        self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in self.want])
        channel = findings[0]["channels"][-1]
        self.assertEqual(channel["names"], ["c2.example"])
        return channel["user_agent"]

    def test_15_json_that_is_none(self):
        r"""Strings with \x1f, \u00XX, bytes that are no UTF-8: the row is kept (zeek#609, PR#5362, PR#5014)."""
        text = json.dumps(self.http("@@", "JSON")).encode()
        for written, meant in ((rb"a\x1fb", r"a\x1fb"), (rb"a\u001fb", r"a\x1fb"), (rb"a\x41b", "aAb"), (rb"a\u0041b", "aAb"), (rb"a\u00e9b", "aéb"), ("aéb".encode(), "aéb"),
                               (rb"a\xc3\xa9b", "aéb"), (b"a\x1fb", r"a\x1fb"), (rb"a\"b\\c\/d", 'a"b\\c/d')):
            with self.subTest(written):
                self.assertEqual(self.agent(text.replace(b"@@", written), "http.json"), meant)
        self.assertTrue(self.agent(text.replace(b"@@", b"a\xffb"), "http.json").startswith("a"))

    def test_16_escapes_of_tsv(self):
        r"""\x09, \x0a, \\x, UTF-8, and the words for unset and empty, escaped: undone after the fields are split (zeek PR#482, super#232)."""
        for written, meant in ((r"a\x09b", r"a\x09b"), (r"a\x0ab", r"a\x0ab"), (r"a\x41b", "aAb"), (r"a\\\\b", r"a\\b"), (r"a\\x09b", r"a\x09b"), ("aéb", "aéb"), (r"a\xc3\xa9b", "aéb"),
                               (r"\x2d", "-"), (r"\x28empty)", "(empty)"), ("-", None), ("(empty)", None)):
            with self.subTest(written):
                self.assertEqual(self.agent(self.http(written), "http.log"), meant)

    def test_17_nul_bytes(self):
        """NUL within strings ends nothing, and is never printed (zeek#1398, #1507)."""
        text = json.dumps(self.http("@@", "JSON")).encode()
        for data in (self.http("a\0b"), self.http(r"a\x00b"), text.replace(b"@@", rb"a\u0000b"), text.replace(b"@@", b"a\0b")):
            with self.subTest(data):
                self.assertEqual(self.agent(data, "http.log"), "a?b")
        conn, path = self.log("conn.log", HEAD + "".join(ROWS)), self.log("http.log", self.http("a\0b\x1b[31m"))
        page = self.folder / "17.html"
        run = Run("hunt", "-v", "--report", page, conn, path)
        self.assertEqual(run.code, DONE, run)
        for text in (run.out, page.read_bytes()):
            self.assertNotIn(b"\0", text)
            self.assertNotIn(b"\x1b", text)
        self.assertIn(b"a?b", run.out)

    def test_18_headers_in_the_middle(self):
        """Logs written behind one another, each with fields of its own (zcat of rotated logs)."""
        fields = sorted(zeeklogs.CONN)
        other = ["\t".join(dict(zip(zeeklogs.CONN, row.rstrip("\n").split("\t")))[name] for name in fields) + "\n" for row in ROWS]
        commas = HEAD.replace(r"\x09", ",").replace("\t", ",").replace("#set_separator,,", "#set_separator,;")
        text = HEAD + "".join(ROWS[:10]) + "#close\t2023-11-15\n" + zeeklogs.head(fields=fields) + "".join(other[10:42])
        text += commas.replace("#separator,", "#separator ") + "".join(row.replace("\t", ",") for row in ROWS[42:])
        self.same(self.rows(self.log("conn.log", text)))
        members = b"".join(gzip.compress((HEAD + "".join(rows)).encode()) for rows in (ROWS[:10], ROWS[10:42], ROWS[42:]))
        self.same(self.rows(self.log("conn.log.gz", members)))

    def test_19_marks_and_ends_of_lines(self):
        """A byte order mark, CRLF, no end of the last line (logstash-filter-csv#82, syslog-ng#1179)."""
        for form, text in (("log", HEAD + "".join(ROWS)), ("json", zeeklogs.lines(RECORDS))):
            for label, data in (("mark", b"\xef\xbb\xbf" + text.encode()), ("crlf", text.replace("\n", "\r\n").encode()),
                                ("end", text.rstrip("\n").encode()), ("all", b"\xef\xbb\xbf" + text.rstrip("\n").replace("\n", "\r\n").encode())):
                with self.subTest(form, label=label):
                    self.same(self.rows(self.log(f"{label}.{form}", data)))

    def test_rotated_for_days(self):
        """Days of rotated logs of four kinds, packed in three ways, are one log."""
        self.assertTrue(shutil.which("zstd"), "needs zstd")
        logs = {"conn": (zeeklogs.CONN, [(float(row.split("\t")[0]), row) for row in ROWS]), "dns": ([], []), "ssl": ([], []), "http": ([], [])}
        for number, rec in enumerate(RECORDS):
            ends = {name: rec[name] for name in zeeklogs.CONN[2:6]}
            rows = {} if number >= len(zeeklogs.day()) else {"dns": {"ts": rec["ts"] - 0.002, "uid": f"D{number}", "id.orig_h": "10.0.0.5", "id.orig_p": 30000 + number,
                            "id.resp_h": "10.0.0.2", "id.resp_p": 53, "proto": "udp", "trans_id": number, "query": f"s{rec['id.resp_h']}.example",
                            "qtype_name": "A", "rcode_name": "NOERROR", "rtt": 0.001, "answers": rec["id.resp_h"]}}
            if rec["conn_state"] == "SF":
                rows["ssl"] = {"ts": rec["ts"] + 0.1, "uid": rec["uid"], **ends, "server_name": f"s{rec['id.resp_h']}.example", "established": "T"}
                rows["http"] = {"ts": rec["ts"] + 0.2, "uid": rec["uid"], **ends, "method": "GET", "uri": "/", "status_code": 200}
            for kind, row in rows.items():
                logs[kind] = list(row), [*logs[kind][1], (row["ts"], "\t".join(map(str, row.values())) + "\n")]
        one, many = self.folder / "one", self.folder / "many"
        for kind, (fields, rows) in logs.items():
            one.mkdir(exist_ok=True)
            (one / f"{kind}.log").write_text(zeeklogs.head(kind, fields) + "".join(row for _, row in rows))
            for part in range(0, len(rows), 7):
                day = evelogs.stamp(rows[part][0])[:10]
                folder = many / day
                folder.mkdir(parents=True, exist_ok=True)
                data = (zeeklogs.head(kind, fields) + "".join(row for _, row in rows[part:part + 7]) + "#close\tnow\n").encode()
                path = folder / f"{kind}.{part:02}:00:00-{part + 7:02}:00:00.log"
                if part // 7 % 3 == 0:
                    path.write_bytes(data)
                elif part // 7 % 3 == 1:
                    path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
                else:
                    subprocess.run(["zstd", "-q", "-o", path.with_name(path.name + ".zst")], input=data, check=True)
        self.assertEqual(len(list(many.iterdir())), 2)
        want, want_summary, _ = self.told(one)
        findings, summary, said = self.told(many)
        self.assertEqual(said, "")
        self.assertEqual(len(want), 1)
        self.assertEqual(findings, want)
        for each in (summary, want_summary):
            each.pop("seconds")
            each.pop("inputs")
        self.assertEqual(summary, want_summary)

    def wait_for(self, path):
        import time
        until = time.monotonic() + 20
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertTrue(path.exists())


if __name__ == "__main__":
    unittest.main()
