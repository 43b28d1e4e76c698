#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The formats over hand-made cases. Usage: report_test.py REPORT-SAMPLE (UPDATE_GOLDEN=1 writes the golden files anew;
read the difference before you commit it)."""
import base64
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent / "schema" / "finding.schema.json"
CASES = ("emotet", "ladder", "hostile", "nothing", "all", "empty")
SAMPLE = ""


def sample(*args):
    run = subprocess.run([SAMPLE, *map(str, args)], capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout.decode("utf-8")  # every format is UTF-8, whatever went in


def cells(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Any(unittest.TestCase):
    """Findings made by chance; a failure names its case: report-sample any-SEED text."""

    def test_text(self):
        for seed in range(60):
            width = 60 + seed * 7 % 141
            text = sample(f"any-{seed}", "text", width, "verbose")
            for line in text.split("\n"):
                self.assertTrue(cells(line) <= width or "wireshark: " in line, f"any-{seed} {width}: {line}")
                self.assertEqual(line, line.rstrip(" "), f"any-{seed}")
            self.assertTrue(all(c == "\n" or unicodedata.category(c) != "Cc" for c in text), f"any-{seed}")

    def test_page_and_json(self):
        for seed in range(30):
            page = Page(sample(f"any-{seed}", "html"))
            data = json.loads(page.raw["json"])["findings"][0]
            finding = json.loads(sample(f"any-{seed}", "json").splitlines()[0])
            self.assertEqual({key: data[key] for key in finding}, finding)
            self.assertTrue(all(0 <= t["x"] <= 1240 for t in data["ticks"]))


class Text(unittest.TestCase):
    maxDiff = None

    def golden(self, name, *args):
        path = HERE / "golden" / (name + ".txt")
        got = sample(*args)
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(got, encoding="utf-8")
        self.assertEqual(path.read_text(encoding="utf-8"), got)

    def test_widths(self):
        for width in (60, 100, 160):
            self.golden(f"emotet-{width}", "emotet", "text", width)

    def test_colour(self):
        self.golden("emotet-100-colour", "emotet", "text", 100, "colour")

    def test_ascii(self):
        self.golden("emotet-100-ascii", "emotet", "text", 100, "ascii")

    def test_cases(self):
        self.golden("ladder-100", "ladder", "text")
        self.golden("hostile-100-verbose", "hostile", "text", "verbose")
        self.golden("nothing-100", "nothing", "text")
        self.golden("all-100", "all", "text")
        self.golden("empty-100", "empty", "text")

    def test_default_width_is_100(self):
        self.assertEqual(sample("emotet", "text"), sample("emotet", "text", 100))

    def test_narrower_than_60_is_60(self):
        self.assertEqual(sample("emotet", "text", 20), sample("emotet", "text", 60))

    def test_colour_changes_nothing_else(self):
        for case in CASES:
            plain = sample(case, "text", 90)
            coloured = sample(case, "text", 90, "colour")
            self.assertEqual(re.sub("\x1b\\[[0-9]*m", "", coloured), plain)
        self.assertIn("\x1b[31m", coloured := sample("emotet", "text", "colour"))
        self.assertIn("\x1b[32m", coloured)
        self.assertIn("\x1b[33m", coloured)

    def test_fits_the_width(self):
        for case in CASES:
            for width in range(60, 201, 7):
                for line in sample(case, "text", width, "verbose").split("\n"):
                    if "wireshark: " in line:
                        continue  # to be copied in one piece
                    self.assertLessEqual(cells(line), width, f"{case} at {width}: {line}")
                    self.assertEqual(line, line.rstrip(" "))

    def test_inert(self):
        for case in CASES:
            for char in sample(case, "text", "verbose", "all"):
                self.assertTrue(char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp"), repr(char))

    def test_ascii_is_ascii(self):
        for case in CASES:
            self.assertTrue(sample(case, "text", "ascii", "verbose", "all").isascii())


class Json(unittest.TestCase):
    def lines(self, *args):
        text = sample(*args)
        self.assertTrue(text.endswith("\n"))
        return [json.loads(line, parse_constant=self.fail) for line in text.splitlines()]

    def test_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()),
                                                    format_checker=jsonschema.FormatChecker())
        seen = 0
        for case in CASES:
            for finding in self.lines(case, "json", "all")[:-1]:
                self.assertEqual([e.message for e in validator.iter_errors(finding)], [])
                seen += 1
        self.assertEqual(seen, 6)

    def test_who_is_printed(self):
        self.assertEqual([line["type"] for line in self.lines("nothing", "json")], ["summary"])
        self.assertEqual([line.get("explained") for line in self.lines("nothing", "json", "all")], ["ntp-pool", 1])
        # the weaker one is for people, not for programs
        self.assertEqual(len(self.lines("all", "json")), 3)

    def test_summary(self):
        summary = self.lines("nothing", "json")[-1]
        self.assertEqual(list(summary), ["type", "inputs", "records", "rejected", "hosts", "host_days", "connections",
                                         "findings", "explained", "seconds", "partial", "off", "max_e", "calibration"])
        self.assertEqual(summary["inputs"], 2)
        self.assertEqual(summary["records"], 1234567)
        self.assertEqual(summary["host_days"], 5.25)
        self.assertEqual(summary["findings"], 0)
        self.assertEqual(summary["explained"], 1)
        self.assertIs(summary["partial"], False)
        self.assertEqual(len(summary["off"]), 2)
        self.assertIs(self.lines("hostile", "json")[-1]["partial"], True)

    def test_values(self):
        finding = self.lines("emotet", "json")[0]
        self.assertEqual(finding["technique"], ["T1008"])
        self.assertEqual(finding["first"], "2021-01-06T16:42:34.457000Z")
        self.assertEqual(finding["e_value"], 0.00117)
        self.assertEqual(finding["episodes"], 6)
        self.assertIsNone(finding["process"])
        channel = finding["channels"][2]
        self.assertEqual((channel["role"], channel["port"], channel["service"], channel["failure"]),
                         ("fallback", 8080, "http", None))
        self.assertEqual(finding["switches"][0], {"from": 1, "to": 2, "at": "2021-01-06T16:42:48.292000Z",
                                                  "after_s": 2.329, "failure": "refused"})

    def test_hostile(self):
        finding = self.lines("hostile", "json")[0]
        self.assertGreater(finding["e_value"], 0)
        self.assertIsNone(finding["channels"][0]["port"])
        self.assertEqual(finding["channels"][0]["transport"], "other")
        self.assertEqual(finding["channels"][0]["names"][2], "\\xff\\xfe\\xc0\\xaf.example")
        self.assertEqual(finding["channels"][1]["endpoint"], "漢字😀.example")

    def test_same_input_same_bytes(self):
        self.assertEqual(sample("all", "json", "all"), sample("all", "json", "all"))


VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """Every tag closed in order; what a script or style held, and all attributes, kept."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.raw, self.text, self.ids = [], [], {}, [], set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        if dict(attrs).get("id"):
            assert dict(attrs)["id"] not in self.ids, attrs
            self.ids.add(dict(attrs)["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            key = self.open[-1] if not self.tags[-1][1].get("id") else "json"
            self.raw[key] = self.raw.get(key, "") + data
        else:
            self.text.append(data)


class Html(unittest.TestCase):
    def test_well_formed_and_self_contained(self):
        for case in CASES:
            page = Page(sample(case, "html", "all"))
            for tag, attrs in page.tags:
                self.assertNotIn(tag, ("img", "iframe", "object", "embed", "base", "form", "audio", "video"))
                for name, value in attrs.items():
                    self.assertFalse(name.startswith("on"), (tag, name))
                    self.assertNotEqual(name, "style")  # the policy would refuse it
                    if name in ("href", "src", "xlink:href", "action", "data"):
                        self.assertTrue(value == "data:," or value.startswith("#"), (tag, value))
                        self.assertTrue(value == "data:," or value[1:] in page.ids, value)
                    if name in ("aria-labelledby", "for"):
                        self.assertIn(value, page.ids)
            scripts = [attrs for tag, attrs in page.tags if tag == "script"]
            self.assertEqual(scripts, [{"type": "application/json", "id": "case"}, {}])

    def test_policy_admits_only_our_own(self):
        page = Page(sample("hostile", "html"))
        policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", policy)
        for key, directive in (("style", "style-src"), ("script", "script-src")):
            digest = base64.b64encode(hashlib.sha256(page.raw[key].encode()).digest()).decode()
            self.assertIn(f"{directive} 'sha256-{digest}'", policy)

    def test_data_is_the_findings(self):
        page = Page(sample("all", "html", "all"))
        data = json.loads(page.raw["json"])
        finding = json.loads(sample("all", "json").splitlines()[0])
        self.assertEqual(len(data["findings"]), 1)  # those drawn
        for key, value in finding.items():
            self.assertEqual(data["findings"][0][key], value)
        ticks = data["findings"][0]["ticks"]
        self.assertEqual(len(ticks), 23)
        self.assertEqual(sorted(t["x"] for t in ticks), [t["x"] for t in ticks])
        self.assertEqual(ticks[0]["x"], data["left"])
        self.assertEqual(ticks[-1]["x"], data["right"])
        marks = [a for t, a in page.tags if a.get("class", "").startswith("tick ") and "data-channel" in a]
        self.assertEqual([int(m["data-channel"]) for m in marks], [t["channel"] for t in ticks])

    def test_hostile_names_are_text(self):
        text = sample("hostile", "html", "all")
        page = Page(text)
        self.assertIn("</script><script>alert(1)</script>.example", page.text)
        self.assertEqual(text.count("<script"), 2)
        self.assertNotIn("<img", text)
        for char in text:
            self.assertTrue(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp"), repr(char))

    def test_says_the_same_as_the_text(self):
        page = " ".join(Page(sample("emotet", "html")).text)
        for words in ("203.0.113.194:443", "refused every time (8 of 8)", "every 15.9 min", "0.0012",
                      "ip.addr == 10.1.6.206 && ip.addr in {192.0.2.90, 203.0.113.194, 198.51.100.4}"):
            self.assertIn(words, page)
        nothing = " ".join(Page(sample("nothing", "html")).text)
        self.assertIn("No fallback channel found in monday.pcap and tuesday.pcap", nothing)
        self.assertIn("only one direction of its traffic was captured", nothing)


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
class Filter(unittest.TestCase):
    def test_wireshark_takes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = pathlib.Path(folder) / "empty.pcap"
            capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for case in ("emotet", "ladder", "hostile"):
                line = next(l for l in sample(case, "text").splitlines() if "wireshark: " in l)
                run = subprocess.run(["tshark", "-r", capture, "-Y", line.split("wireshark: ")[1]],
                                     capture_output=True, text=True, timeout=60)
                self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    SAMPLE = sys.argv.pop(1)
    unittest.main()
