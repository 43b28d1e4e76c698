# SPDX-License-Identifier: Apache-2.0
"""What may not change a finding: how the frames are stored, split, packed, ordered, or when they were taken."""
import datetime
import gzip
import json
import re
import shutil
import subprocess
import unittest

import captures
from support import TIME, Case, Run, scenario_bytes

SAMPLES = ["demo-emotet-like", "demo-dga", "benign-happy-eyeballs"]
YEAR_NS = 365 * 86400 * 10 ** 9


def moved(text, seconds):
    """The text with all its times moved."""
    def later(found):
        when = datetime.datetime.strptime(found[0], "%Y-%m-%dT%H:%M:%S.%fZ") + datetime.timedelta(seconds=seconds)
        return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return TIME.sub(later, text)


class Properties(Case):
    def told(self, *inputs, stdin=b"", options=("--all",), leave=("seconds",)):
        """All that a hunt prints, but for what may differ."""
        findings, summary = self.hunt(*inputs, stdin=stdin, options=options)
        return findings, {key: value for key, value in summary.items() if key not in leave}

    def each(self):
        for name in SAMPLES:
            with self.subTest(name):
                pairs = captures.distinct(captures.microseconds(captures.frames(scenario_bytes(name))))
                findings, summary = self.told("-", stdin=captures.pcap(pairs))
                self.assertTrue(findings, "nothing to compare")
                yield name, pairs, (findings, summary)

    def test_same_input_same_bytes(self):
        for name in SAMPLES:
            for options in (["--json", "--all"], ["--all", "--verbose"]):
                with self.subTest(name, options=options):
                    path = self.path(f"{name}.pcap", scenario_bytes(name))
                    outs = [Run("hunt", *options, path).out.decode() for _ in range(3)]
                    # the only fields that may differ: `seconds`, and the time taken in the first line of text
                    outs = [re.sub(r'"seconds":[0-9.e-]+|[0-9.]+ m?s$', "", out, count=1, flags=re.M) for out in outs]
                    self.assertEqual(len(set(outs)), 1)

    def test_same_page(self):
        path = self.path("in.pcap", scenario_bytes("demo-dga"))
        pages = []
        for number in range(2):
            page = self.folder / f"page{number}.html"
            Run("hunt", "--report", page, path)
            pages.append(page.read_text())
        self.assertEqual(*[re.sub(r"\b[0-9.]+ m?s\b", "", page) for page in pages])

    def test_less_is_told_otherwise(self):
        """The comparisons below would see a difference."""
        for _, pairs, want in self.each():
            findings, summary = self.told("-", stdin=captures.pcap(pairs[:len(pairs) // 2]))
            self.assertNotEqual(findings, want[0])
            self.assertNotEqual(summary, want[1])

    def test_stdin_is_a_file(self):
        for name, pairs, want in self.each():
            self.assertEqual(self.told(self.path(f"{name}.pcap", captures.pcap(pairs))), want)

    def test_formats(self):
        for name, pairs, want in self.each():
            for label, data in (("big-endian pcap", captures.pcap(pairs, ">")), ("pcap-ns", captures.pcap(pairs, nanoseconds=True)),
                                ("big-endian pcap-ns", captures.pcap(pairs, ">", True)), ("pcapng", captures.pcapng(pairs)),
                                ("big-endian pcapng", captures.pcapng(pairs, ">")), ("pcapng-ns", captures.pcapng(pairs, resolution=9)),
                                ("pcapng of three sections", captures.pcapng(pairs, sections=3))):
                with self.subTest(name, format=label):
                    self.assertEqual(self.told("-", stdin=data), want)

    def test_formats_of_the_scenario_writer(self):
        for name in SAMPLES:
            with self.subTest(name):
                self.assertEqual(self.told("-", stdin=scenario_bytes(name, "pcapng")), self.told("-", stdin=scenario_bytes(name, "pcap-ns")))

    def test_packing(self):
        for name, pairs, want in self.each():
            data = captures.pcap(pairs)
            packed = {"gz": gzip.compress(data, 1), "two members": gzip.compress(data[:1000]) + gzip.compress(data[1000:])}
            if shutil.which("zstd"):
                packed["zst"] = subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
            for label, packed_data in packed.items():
                with self.subTest(name, packing=label):
                    self.assertEqual(self.told("-", stdin=packed_data), want)
                    self.assertEqual(self.told(self.path(f"{name}.{label}.bin", packed_data)), want)

    def test_halves(self):
        """A ring of capture files is one capture."""
        for name, pairs, want in self.each():
            folder = self.folder / f"halves-{name}"
            (folder / "deeper").mkdir(parents=True)
            middle = len(pairs) // 2
            (folder / "b.pcap").write_bytes(captures.pcap(pairs[:middle]))
            (folder / "deeper" / "a.pcapng").write_bytes(captures.pcapng(pairs[middle:]))
            findings, summary = self.told(folder)
            self.assertEqual(summary["inputs"], 2)
            self.assertEqual((findings, {**summary, "inputs": 1}), want)

    def test_a_file_for_each_direction(self):
        """Files that overlap in time are merged by it."""
        for name, pairs, want in self.each():
            ways = {}
            for pair in pairs:
                ways.setdefault(pair[1][:6] > pair[1][6:12], []).append(pair)
            paths = [self.path(f"{name}-{way}.pcap", captures.pcap(way_pairs)) for way, way_pairs in ways.items()]
            self.assertEqual(len(paths), 2)
            findings, summary = self.told(*paths)
            self.assertEqual((findings, {**summary, "inputs": 1}), want)

    def test_disorder(self):
        for name, pairs, want in self.each():
            late = captures.disordered(pairs, 2 * 10 ** 9)
            self.assertNotEqual(late, pairs)
            with self.subTest(name):
                self.assertEqual(self.told("-", stdin=captures.pcap(late)), want)

    def test_time_shift(self):
        """Shifted by whole years, only times change (and ids, which may hold them)."""
        for name, pairs, (findings, summary) in self.each():
            for years in (-30, 9):
                with self.subTest(name, years=years):
                    later, later_summary = self.told("-", stdin=captures.pcap(captures.shifted(pairs, years * YEAR_NS)))
                    back = [json.loads(moved(json.dumps(finding), -years * 365 * 86400)) for finding in later]
                    for one, other in zip(findings, back):
                        self.assertEqual({**one, "id": ""}, {**other, "id": ""})
                    self.assertEqual(len(findings), len(back))
                    self.assertEqual(summary, later_summary)

    def test_scenario_start(self):
        for name in SAMPLES:
            with self.subTest(name):
                one, other = (self.told("-", stdin=scenario_bytes(name, start=start))
                              for start in ("2026-03-02T08:00:00Z", "2027-03-02T08:00:00Z"))
                back = [json.loads(moved(json.dumps(finding), -365 * 86400)) for finding in other[0]]
                self.assertEqual([{**finding, "id": ""} for finding in one[0]], [{**finding, "id": ""} for finding in back])
                self.assertEqual(one[1], other[1])

    def test_tags(self):
        """A mirror port that keeps VLAN tags shows the same conversations."""
        for name, pairs, want in self.each():
            with self.subTest(name):
                self.assertEqual(self.told("-", stdin=captures.pcap(captures.vlan(pairs))), want)

    def test_less_memory_is_enough(self):
        for name, pairs, want in self.each():
            with self.subTest(name):
                self.assertEqual(self.told("-", stdin=captures.pcap(pairs), options=("--all", "--limit-memory", "64M")), want)

    def test_own_networks_named(self):
        """Naming the networks that are taken by default changes nothing."""
        for name, pairs, want in self.each():
            if name == "benign-happy-eyeballs":
                continue  # its 2001:db8::/32 is no private space
            with self.subTest(name):
                self.assertEqual(self.told("-", stdin=captures.pcap(pairs), options=("--all", "--local", "10.0.0.0/8")), want)


if __name__ == "__main__":
    unittest.main()
