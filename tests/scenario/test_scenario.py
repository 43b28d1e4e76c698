#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the scenario language and its capture writer. Run: python3 tests/scenario/test_scenario.py

TSHARK_ALL=1 checks every shipped scenario with tshark (a minute or two), not only the demos and a few others."""
import io
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import scenario  # noqa: E402
from scn.sim import Trouble  # noqa: E402

SHIPPED = sorted(HERE.glob("*.scn")) + sorted(HERE.glob("attack/*.scn"))
TSHARK = shutil.which("tshark")
USUAL = ["demo-dga", "demo-emotet-like", "benign-happy-eyeballs", "benign-ntp-pool", "benign-p2p", "benign-quic-tcp", "S0022-uroburos",
         "S0666-gelsemium", "S0044-jhuhugit", "S0377-ebury", "rotation-by-count"]
DAY_SECONDS = 20

SMALL = """length 10m
resolver dns
    address 10.1.0.2
host desk
    address 10.1.0.21
    address6 2001:db8:1::21
    stack STACK
    resolver dns
server one
    name a.one.example
    address 198.51.100.1 2001:db8:9::1
    port 443 tls
    port 80 http
    BEHAVIOUR
beacon poll
    host desk
    server one:PORT
    from 10s
    every 60s
    count 2
"""


def capture(source, form="pcap", seed=None, start=None):
    file = io.BytesIO()
    scenario.write(source, file, form, seed, start)
    return file.getvalue()


def small(behaviour="always answers", stack="windows", port=443):
    return SMALL.replace("BEHAVIOUR", behaviour).replace("STACK", stack).replace("PORT", str(port))


def frames(data):
    """[(nanoseconds, frame)] of a pcap file."""
    unit = 1 if data[:4] == struct.pack("<I", 0xA1B23C4D) else 1000
    at, found = 24, []
    while at < len(data):
        seconds, rest, length, _ = struct.unpack_from("<IIII", data, at)
        found.append((seconds * 10 ** 9 + rest * unit, data[at + 16:at + 16 + length]))
        at += 16 + length
    return found


def syns_of(data):
    """Seconds since the first one of the IPv4 SYNs without ACK."""
    times = [when for when, frame in frames(data) if frame[12:14] == b"\x08\0" and frame[23] == 6 and frame[47] == 2]
    return [round((when - times[0]) / 1e9, 3) for when in times]


class Determinism(unittest.TestCase):
    def test_same_seed_same_bytes(self):
        source = (HERE / "demo-dga.scn").read_text()
        self.assertEqual(capture(source), capture(source))
        self.assertNotEqual(capture(source), capture(source, seed=99))

    def test_hash_randomisation_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            made = []
            for number in ("1", "2"):
                path = os.path.join(folder, number)
                subprocess.run([sys.executable, HERE / "scenario.py", HERE / "benign-happy-eyeballs.scn", path], check=True,
                               env={**os.environ, "PYTHONHASHSEED": number})
                made.append(pathlib.Path(path).read_bytes())
            self.assertEqual(*made)

    def test_adding_a_behaviour_leaves_the_others(self):
        more = small() + "beacon other\n    host desk\n    server one:80\n    from 4m\n    every 60s\n    count 1\n"
        early = [frame for when, frame in frames(capture(small())) if when < 1772438400 * 10 ** 9 + 100 * 10 ** 9]
        self.assertEqual(early, [frame for _, frame in frames(capture(more))][:len(early)])

    def test_formats_hold_the_same_frames(self):
        micro, nano = (frames(capture(small(), form)) for form in ("pcap", "pcap-ns"))
        self.assertEqual([frame for _, frame in micro], [frame for _, frame in nano])
        self.assertEqual([when // 1000 for when, _ in micro], [when // 1000 for when, _ in nano])
        self.assertIn(micro[5][1], capture(small(), "pcapng"))

    def test_times_never_run_backwards(self):
        for name in ("demo-list", "benign-probes"):
            times = [when for when, _ in frames(capture((HERE / f"{name}.scn").read_text()))]
            self.assertEqual(times, sorted(times))


class Stacks(unittest.TestCase):
    def once(self, behaviour, stack):
        source = small(behaviour, stack).replace("count 2", "count 1").replace("    address6 2001:db8:1::21\n", "")
        return syns_of(capture(source))

    def test_silent(self):
        self.assertEqual(self.once("always silent", "windows"), [0, 1, 3, 7, 15])
        self.assertEqual(self.once("always silent", "windows-classic"), [0, 3, 9])
        self.assertEqual(self.once("always silent", "linux"), [0, 1, 3, 7, 15, 31, 63])

    def test_refused(self):
        self.assertEqual(len(self.once("always refuses", "windows")), 5)
        self.assertEqual(len(self.once("always refuses", "windows-classic")), 3)
        self.assertEqual(len(self.once("always refuses", "linux")), 1)

    def test_unreachable_ends_linux_at_once(self):
        self.assertEqual(len(self.once("always unreachable host", "linux")), 1)
        self.assertEqual(len(self.once("always unreachable host", "windows")), 5)

    def test_emotet_like(self):
        data = capture((HERE / "demo-emotet-like.scn").read_text())
        a, b = bytes((203, 0, 113, 61)), bytes((198, 51, 100, 178))
        resets = [when for when, frame in frames(data) if frame[26:30] == a and frame[47] & 4]
        opens = [when for when, frame in frames(data) if frame[30:34] == b and frame[47] == 2]
        self.assertEqual((len(resets), len(opens)), (30, 6))
        for number, when in enumerate(opens):
            self.assertTrue(2e9 <= when - resets[5 * number + 4] <= 6e9)


class Errors(unittest.TestCase):
    CASES = [
        ("hosst a\n", 1, 1, "did you mean 'host'"),
        ("host a\n    addres 10.0.0.1\n", 2, 5, "did you mean 'address'"),
        ("host a\n    address 10.0.0.256\n", 2, 13, "not an address"),
        ("host a\n    address 2001:db8::1\n", 2, 13, "not an IPv4 address"),
        ("host a\n    address 10.0.0.1\n    stack beos\n", 3, 11, "windows"),
        ("host a\n\taddress 10.0.0.1\n", 2, 1, "four spaces"),
        ("host a\n", 1, 1, "lacks 'address'"),
        ("    host a\n", 1, 5, "left margin"),
        ("length 10\n", 1, 8, "15m"),
        ("length 41d\n", 1, 8, "40d"),
        ("length\n", 1, 7, "the line ends"),
        ("start yesterday\n", 1, 7, "2026-03-02T08:00:00Z"),
        ("host a\n    address 10.0.0.1 10.0.0.2\n", 2, 22, "too many"),
        ("host a\n    address 10.0.0.1\nhost a\n    address 10.0.0.2\n", 3, 6, "choose another"),
        ("host a\n    address 10.0.0.1\n    address 10.0.0.2\n", 3, 5, "given twice"),
        ("server s\n    address 198.51.100.1\n    port 70000 tls\n", 3, 10, "65535"),
        ("server s\n    address 198.51.100.1\n    port 1 tls\n    from 5m until 4m silent\n", 4, 13, "swap"),
        ("server s\n    address 198.51.100.1\n    port 1 tls\n    always sleepy\n", 4, 12, "not a behaviour"),
        ('server "open\n', 1, 8, "never closed"),
        ("background office 0\n", 1, 19, "intensity"),
        ("background disco 1\n", 1, 12, "office"),
        (small().replace("every 60s", "every 60s ±200%"), 19, 11, "at most 100"),
        (small().replace("every 60s", "every 9s..5s"), 19, 11, "backwards"),
        (small().replace("one:443", "one:99"), 17, 12, "has no port 99"),
        (small().replace("host desk\n    server", "host dusk\n    server"), 16, 10, "did you mean 'desk'"),
        (small().replace("    resolver dns\n", ""), 15, 10, "no resolver"),
        (small("always nxdomain").replace("    name a.one.example\n", ""), 9, 8, "add a 'name'"),
        (small().replace("80 http", "53 dns-tunnel"), 9, 8, "no 'domain'"),
        (small() + "list l\n    host desk\n    every 1m\n", 21, 1, "empty"),
    ]

    def test_each_names_its_place_and_the_remedy(self):
        for source, line, column, words in self.CASES:
            with self.subTest(source=source[-60:]):
                with self.assertRaises(Trouble) as caught:
                    capture(source)
                trouble = caught.exception
                self.assertEqual((trouble.line, trouble.column), (line, column), trouble.text)
                self.assertIn(words, trouble.text)

    def test_exit_code_and_message(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bad.scn")
            pathlib.Path(path).write_text("length 10\n")
            done = subprocess.run([sys.executable, HERE / "scenario.py", path, os.path.join(folder, "out.pcap")],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith(f"{path}:1:8: "), done.stderr)
            self.assertEqual(os.listdir(folder), ["bad.scn"])

    def test_waits_of_zero_end(self):
        bad = small("always answers v4", "linux").replace("count 2", "no-dns").replace("every 60s", "every 0s")
        bad = bad.replace("    address 198.51.100.1 2001:db8:9::1", "    address 2001:db8:9::1")
        bad = bad.replace("    address6 2001:db8:1::21\n", "")
        with self.assertRaises(Trouble) as caught:
            capture(bad)
        self.assertIn("nothing moves on", caught.exception.text)

    def test_mangled_scenarios_fail_cleanly(self):
        """Any text gives a capture or a Trouble, nothing else."""
        rng = random.Random(5)
        source = small("from 1m until 2m http 503 port 80")
        for _ in range(400):
            letters = list(source)
            for _ in range(rng.randint(1, 4)):
                letters[rng.randrange(len(letters))] = rng.choice("abz019 \n\t.:\"±%#-")
            try:
                capture("".join(letters))
            except Trouble:
                pass


class Shipped(unittest.TestCase):
    def test_the_day_is_fast(self):
        begun = time.process_time()
        capture((HERE / "benign-office-day.scn").read_text())
        self.assertLess(time.process_time() - begun, DAY_SECONDS)

    def test_all_are_read_and_speak(self):
        for path in SHIPPED:
            with self.subTest(path.stem):
                if path.stem != "benign-office-day":
                    self.assertGreater(len(frames(capture(path.read_text()))), 100)

    def test_the_example_of_the_readme_works(self):
        text = (HERE / "README.md").read_text()
        example = text.split("## An example\n```\n")[1].split("```")[0]
        data = capture(example)
        self.assertGreater(sum(1 for _, frame in frames(data) if frame[30:34] == bytes((203, 0, 113, 140))), 50)

    def test_a_failed_primary_is_followed_by_its_backup(self):
        """Each line: scenario, address and port of the backup, minutes between which it begins."""
        for name, backup, port, low, high in (("S0017-biscuit", "203.0.113.71", 443, 49, 50), ("S0085-s-type", "198.51.100.70", 8080, 32, 33),
                                              ("S1172-oilbooster", "203.0.113.71", 80, 69, 75), ("S0034-neteagle", "198.51.100.70", 6000, 52, 54)):
            with self.subTest(name):
                data = frames(capture((HERE / "attack" / f"{name}.scn").read_text()))
                key = bytes(int(part) for part in backup.split("."))
                first = next(when for when, frame in data if frame[12:14] == b"\x08\0" and frame[30:34] == key
                             and int.from_bytes(frame[36:38], "big") == port)
                self.assertTrue(low <= (first / 1e9 - 1772438400) / 60 <= high, (first / 1e9 - 1772438400) / 60)

    @unittest.skipUnless(TSHARK, "tshark is not installed: frames are not checked by a second reader")
    def test_tshark_finds_nothing_malformed(self):
        chosen = SHIPPED if os.environ.get("TSHARK_ALL") else [path for path in SHIPPED if path.stem in USUAL]
        fields = ("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || "
                  "icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || tcp.analysis.lost_segment || "
                  "tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order || tcp.analysis.zero_window || "
                  "_ws.expert.severity == error")
        with tempfile.TemporaryDirectory() as folder:
            for path in chosen:
                with self.subTest(path.stem):
                    out = os.path.join(folder, "out.pcap")
                    pathlib.Path(out).write_bytes(capture(path.read_text()))
                    checks = [word for proto in ("ip", "tcp", "udp") for word in ("-o", f"{proto}.check_checksum:TRUE")]
                    done = subprocess.run([TSHARK, "-n", "-r", out, *checks, "-Y", fields], capture_output=True, text=True, check=True)
                    self.assertEqual(done.stdout[:600], "")


if __name__ == "__main__":
    unittest.main()
