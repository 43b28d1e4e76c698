# SPDX-License-Identifier: Apache-2.0
"""hunt --scanned: a download with malicious code is linked to the channels that its host opened after it."""
import datetime
import io
import re
import unittest
import unittest.mock
import zipfile

from support import DONE, USAGE, Run, scenario_bytes
from test_scan import BODY, SERVER, Scan, Talk, sha


def zipped(body):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in.exe", body)
    return data.getvalue()


class Hunted(Scan):
    """hunt --scanned: what a finding's host had received before."""

    def test_a_finding_tells_what_its_host_received(self):
        host, body = "10.1.0.21", zipped(BODY)
        with unittest.mock.patch("test_scan.CLIENT", host):
            talk = Talk().ask(b"/a.zip").answer(body).end()
        start = 1772438980 * 10 ** 9  # the scenario's first contact is 20 s later or more
        web = self.capture([(start + i * 10 ** 6, frame) for i, (_, frame) in enumerate(talk)])
        traffic = self.path("k.pcap", scenario_bytes("attack/S0236-kwampirs"))
        files = self.folder / "files.jsonl"
        run = Run("scan", "--json", "--rules", self.rules(), "-o", files, web, traffic)
        self.assertEqual(run.code, DONE, run)
        plain, _ = self.hunt(traffic)
        page = self.folder / "page.html"
        findings, _ = self.hunt(traffic, options=["--scanned", files, "--report", page])
        [told] = [x for x in findings[0]["evidence"] if x["kind"] == "malware" and "in.exe" in x["text"]]
        first = min(channel["first"] for channel in findings[0]["channels"])
        after = datetime.datetime.fromisoformat(first.replace("Z", "+00:00")).timestamp() - start / 1e9
        self.assertEqual(told["bits"], 0)
        seconds, rest = re.fullmatch(r"([\d.]+) s before it first spoke to (.*)", told["text"]).groups()
        self.assertAlmostEqual(float(seconds), after, delta=0.2)
        self.assertRegex(rest, rf"^\S+, this host received files\.example/a\.zip > in\.exe \({len(BODY)} bytes, sha256 {sha(BODY)}, yara: own_mark\) from {SERVER} by http$")
        self.assertEqual(findings[0]["e_value"], plain[0]["e_value"])
        words = " ".join(Run("hunt", "--scanned", files, traffic).out.decode().split())
        self.assertIn("this host received files.example/a.zip", words)
        self.assertIn("this host received files.example/a.zip", page.read_text(encoding="utf-8"))
        # another host's, a file that came later, and one of the week before are not told
        lines = files.read_text()
        for change in ((host, "10.1.0.22"), ("2026-03-02T", "2026-03-03T"), ("2026-03-02T", "2026-02-25T")):
            other, _ = self.hunt(traffic, options=["--scanned", self.path("other", lines.replace(*change).encode())])
            self.assertEqual([x for x in other[0]["evidence"] if x["kind"] == "malware"], [], change)

    def test_what_scan_did_not_write(self):
        traffic = self.path("k.pcap", scenario_bytes("attack/S0236-kwampirs"))
        run = Run("hunt", "--scanned", self.path("x", b'{"type":"summary"}\nnonsense\n'), traffic)
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("x:2: not what scan --json writes", run.err)
        self.assertEqual(Run("hunt", "--scanned", "/no/such", traffic).code, USAGE)
        self.assertEqual(Run("hunt", "--follow", "--scanned", "x", traffic).code, USAGE)


if __name__ == "__main__":
    unittest.main()
