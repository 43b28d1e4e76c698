# SPDX-License-Identifier: Apache-2.0
"""hunt --to and report --to: the same bytes; hunt --pcap-out: the findings' packets, each with its part in the story."""
import json
import re
import shutil
import subprocess
import unittest

from support import DONE, NOTHING, USAGE, Case, Run, scenario_bytes

SCENARIO = "demo-list"


def formats():
    run = Run("report", "--to", "help")
    return [line.split()[0] for line in run.out.decode().splitlines()]


class To(Case):
    def test_hunt_and_report_write_the_same(self):
        """The seconds that a hunt took are the only thing that differs."""
        capture = self.path("a.pcap", scenario_bytes(SCENARIO))
        case = self.folder / "same.db"
        self.assertEqual(Run("hunt", "-q", "--case", case, capture).code, DONE)
        seconds = re.compile(rb'"seconds":[0-9.e-]+|, [0-9.]+ m?s')
        for name in formats():
            hunt, report = Run("hunt", "-q", "--to", name, capture), Run("report", case, "--to", name)
            self.assertEqual((hunt.code, report.code), (DONE, DONE), f"{hunt}{report}")
            self.assertTrue(hunt.out, name)
            self.assertEqual(seconds.sub(b"", hunt.out), seconds.sub(b"", report.out), name)

    def test_what_was_found_is_in_each(self):
        capture = self.path("a.pcap", scenario_bytes(SCENARIO))
        for name in formats():
            text = Run("hunt", "-q", "--to", name, capture).out.decode()
            # of the list, the server that answered; Navigator and Mappings Explorer count techniques
            self.assertIn("T1008" if name == "mapex" else "203.0.113.66", text, name)

    def test_verdicts_reach_the_records(self):
        capture = self.path("a.pcap", scenario_bytes(SCENARIO))
        case = self.folder / "ruled.db"
        Run("hunt", "-q", "--case", case, capture)
        incident = Run("report", case, "--to", "veris").lines()[0]
        self.assertEqual(incident["security_incident"], "Suspected")
        ruled = Run("judge", case, "--accept", incident["plus"]["master_id"], "--why", "the host held it")
        self.assertEqual(ruled.code, DONE, ruled)
        incident = Run("report", case, "--to", "veris").lines()[0]
        self.assertEqual((incident["security_incident"], incident["notes"]), ("Confirmed", "the host held it"))
        self.assertNotEqual(incident["timeline"]["discovery"]["unit"], "Unknown")

    def test_wrong_words(self):
        capture = self.path("a.pcap", scenario_bytes(SCENARIO))
        for options, words in ((["--to", "pdf"], "--to: no such format"), (["--json", "--to", "stix"], "--json and --to name different formats"),
                               (["--pcap-out", "-"], "--pcap-out needs a file of its own"),
                               (["--pcap-out", capture], "would be overwritten")):
            run = Run("hunt", *options, capture)
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(words, run.err)
        run = Run("hunt", "--pcap-out", self.folder / "x.pcapng", "-", stdin=scenario_bytes(SCENARIO))
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("reads the inputs twice", run.err)


def fields(path, *names):
    words = [word for name in names for word in ("-e", name)]
    run = subprocess.run(["tshark", "-r", path, "-T", "fields", "-E", "separator=\t", *words], capture_output=True, text=True, timeout=120, check=True)
    return [line.split("\t") for line in run.stdout.splitlines()]


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed (tools/packages test)")
class Packets(Case):
    def found(self, scenario, *options, form="pcap"):
        capture = self.path(f"{scenario}.{form}", scenario_bytes(scenario, form))
        out = self.folder / f"{scenario}-{form}.pcapng"
        run = Run("hunt", "--json", "--pcap-out", out, *options, capture)
        self.assertEqual(run.code, DONE, run)
        self.assertIn("written", run.err)
        return capture, out, run.lines()[:-1]

    def test_every_packet_says_its_part(self):
        _, out, findings = self.found(SCENARIO)
        rows = fields(out, "frame.time_epoch", "ip.src", "ip.dst", "frame.comment")
        self.assertGreater(len(rows), 20)
        finding = findings[0]
        for _, src, dst, comment in rows:
            self.assertIn(finding["host"], (*src.split(","), *dst.split(",")))
            self.assertTrue(comment.startswith(f"finding 1 ({finding['id'][:8]}): "), comment)
        text = "\n".join(row[3] for row in rows)
        for words in ("from 198.51.100.11:443, attempt 1 of 1: silent", "tried 203.0.113.22:449, attempt 1 of 1: refused; opened 28.7 s after "
                      "198.51.100.11:443 failed (silent)", "mellowpocket.example, attempt 1 of 1: nxdomain", "198.51.100.55:8443, attempt 1 of 1: unreachable",
                      "to 203.0.113.66:443, attempt 8 of 8: answered"):
            self.assertIn(words, text)

    def test_packets_are_those_of_the_input(self):
        """Each is in the capture, at its time and whole; and all between the two are there."""
        capture, out, findings = self.found(SCENARIO)
        names = ("frame.time_epoch", "frame.len", "frame.cap_len", "ip.id", "ip.src", "ip.dst", "tcp.seq_raw", "udp.checksum")
        whole, part = fields(capture, *names), fields(out, *names)
        self.assertEqual([row for row in part if row not in whole], [])
        self.assertEqual(part, sorted(part, key=lambda row: float(row[0])))
        first, last = (next(float(row[0]) for row in part), float(part[-1][0]))
        wanted = [row for row in whole if "203.0.113.66" in (row[4], row[5]) and first <= float(row[0]) <= last]
        self.assertEqual([row for row in part if "203.0.113.66" in (row[4], row[5])], wanted)

    def test_what_is_kept_is_enough_to_find_it_again(self):
        _, out, findings = self.found("demo-emotet-like")
        again, _ = self.hunt(out, options=("--max-e", "10"))
        self.assertEqual([f["kind"] for f in again], [f["kind"] for f in findings])
        ends = [[(c["endpoint"], c["port"]) for c in f["channels"]] for f in (again[0], findings[0])]
        self.assertLessEqual(set(ends[0]), set(ends[1]))

    def test_generated_names_are_among_them(self):
        _, out, findings = self.found("demo-dga")
        asked = {name for row in fields(out, "dns.qry.name") for name in row[0].split(",") if name}
        tried = {name for c in findings[0]["channels"] if c["role"] == "tried" for name in c["names"]}
        self.assertGreater(len(tried), 5)
        self.assertLessEqual(tried, asked)

    def test_sections_and_interfaces(self):
        """From pcapng, and from two captures at once: an interface for each, by its file's name."""
        capture = self.path("one.pcapng", scenario_bytes(SCENARIO, "pcapng"))
        other = self.path("two.pcap", scenario_bytes("demo-dga"))
        out = self.folder / "two.pcapng"
        self.assertEqual(Run("hunt", "-q", "--pcap-out", out, capture, other).code, DONE)
        names = {row[0] for row in fields(out, "frame.interface_name")}
        self.assertEqual(names, {str(capture), str(other)})
        self.assertEqual(len({row[0].split(")")[0] for row in fields(out, "frame.comment")}), 2)

    def test_nothing_found_is_an_empty_capture(self):
        capture = self.path("b.pcap", scenario_bytes("benign-ntp-pool"))
        out = self.folder / "none.pcapng"
        run = Run("hunt", "--pcap-out", out, capture)
        self.assertEqual(run.code, DONE, run)
        self.assertEqual(fields(out, "frame.number"), [])

    def test_unwritable(self):
        capture = self.path("a.pcap", scenario_bytes(SCENARIO))
        run = Run("hunt", "-q", "--pcap-out", self.folder / "no/such/folder.pcapng", capture)
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("can't be written", run.err)
        run = Run("hunt", "-q", "--pcap-out", "/dev/full", capture)
        self.assertEqual(run.code, NOTHING, run)
        self.assertIn("can't be written", run.err)


if __name__ == "__main__":
    unittest.main()
