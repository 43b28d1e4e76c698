# SPDX-License-Identifier: Apache-2.0
"""The lab itself: it keeps to itself, leaves nothing, and its tables are whole."""
import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import implant  # noqa: E402
import lab  # noqa: E402
import outcome  # noqa: E402
import repertoire  # noqa: E402
import services  # noqa: E402
import world  # noqa: E402

WHY_NOT = world.why_not()


def namespaces(pids=None):
    """The network namespaces that these processes, or any, are in."""
    found = set()
    for pid in (path.name for path in pathlib.Path("/proc").glob("[0-9]*")) if pids is None else pids:
        with contextlib.suppress(OSError):  # it ended
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
    return found


def alive(mark):
    """Processes with this word in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def pcap(frames):
    return bytes(24) + b"".join(struct.pack("=IIII", sec, usec, len(data), len(data)) + data for sec, usec, data in frames)


def measure(*words):
    return subprocess.run([sys.executable, HERE / "measure.py", *words], capture_output=True, text=True, timeout=300, check=False)


class Tables(unittest.TestCase):
    def test_every_procedure_has_a_shape_that_can_be_played(self):
        self.assertEqual(len(repertoire.PROCEDURES), 53)
        for title in repertoire.PROCEDURES:
            with self.subTest(title):
                shape = repertoire.find(title.split(" ")[0])
                self.assertGreaterEqual(len(shape["ways"]), 2)
                self.assertLess(shape["dead"], len(shape["ways"]) - 1 or 1)
                self.assertTrue(callable(getattr(implant.Implant, shape["moves"])))
                for way in shape["ways"]:
                    self.assertTrue(self.known(way), way)

    def known(self, way):
        if way["kind"] == "dns":
            return way["to"] in services.TUNNEL_ZONES
        return way["to"] in lab.NAMES or way["to"].startswith(("198.18.", "198.19."))

    def test_no_address_is_anybodys(self):
        for address in lab.NAMES.values():
            self.assertTrue(address.startswith(("198.51.100.", "203.0.113.", "198.18.", "198.19.")), address)

    def test_drawn_apart_times_keep_their_order_and_bytes(self):
        with tempfile.TemporaryDirectory(prefix="postern-lab-") as folder:
            source, target = pathlib.Path(folder, "a"), pathlib.Path(folder, "b")
            frames = [(5, 900_000, b"one"), (6, 100_000, b"second")]
            source.write_bytes(pcap(frames))
            outcome.stretch(source, target, 60)
            self.assertEqual(target.read_bytes(), pcap([(5, 900_000, b"one"), (17, 900_000, b"second")]))


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Ground(unittest.TestCase):
    def begin(self, folder, mark):
        process = subprocess.Popen([sys.executable, HERE / "lab.py", "run", "--shape", "backup", "--seconds", "60", "--truth", f"{folder}/t"],
                                   env={**os.environ, "LAB_MARK": mark}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end and not (os.path.exists(f"{folder}/t") and os.path.getsize(f"{folder}/t") > 500):
            time.sleep(0.1)
        self.assertGreater(len(alive(mark)), 8)  # services, honest software, the stand-in
        return process

    def test_nothing_is_left_when_it_is_killed(self):
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        resolver = pathlib.Path("/etc/resolv.conf").read_text()
        with tempfile.TemporaryDirectory(prefix="postern-lab-") as folder:
            mark = f"LAB_MARK=killed-{os.getpid()}"
            process = self.begin(folder, mark.split("=")[1])
            self.assertEqual(pathlib.Path("/proc/self/mounts").read_text(), mounts)
            self.assertEqual(pathlib.Path("/etc/resolv.conf").read_text(), resolver)
            mine = namespaces(alive(mark)) - {os.readlink("/proc/self/ns/net")}
            self.assertGreaterEqual(len(mine), len(lab.CLIENTS))
            process.send_signal(signal.SIGKILL)
            process.wait()
            end = time.monotonic() + 10
            while alive(mark) and time.monotonic() < end:
                time.sleep(0.1)
            self.assertEqual(alive(mark), [])
            self.assertEqual(mine & namespaces(), set())


    def test_a_guard_is_measured(self):
        rules = "table inet shut {\n chain c { type filter hook forward priority -10; policy accept;\n ip daddr 198.19.50.9 drop\n }\n}\n"
        with tempfile.TemporaryDirectory(prefix="postern-lab-") as folder:
            path = pathlib.Path(folder, "rules")
            path.write_text(rules)
            told = {}
            for kind, words in (("none", ["--none"]), ("guard", ["--guard", f"nft -f {path}"])):
                done = measure("--seconds", "10", "--json", f"{folder}/rows", *words, "port-ladder")
                self.assertEqual(done.returncode, 0, done.stderr)
                told[kind], = json.loads(pathlib.Path(folder, "rows").read_text())
        self.assertEqual(told["none"]["open_at_end"], ["tcp/198.19.50.9:5222", "tcp/198.19.50.9:6000"])
        self.assertGreater(told["none"]["cut_after_s"], 2)
        self.assertEqual((told["guard"]["open_at_end"], told["guard"]["cut_after_s"]), ([], 0))
        self.assertEqual((told["none"]["honest_cut"], told["guard"]["honest_cut"]), (0, 0))


class NoGuard(unittest.TestCase):
    def test_without_a_guard_nothing_is_measured_and_that_is_said(self):
        for words in ([], ["--guard", "/nowhere/postern guard"]):
            done = measure(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\Askipped: .+\n\Z")


if __name__ == "__main__":
    unittest.main()
