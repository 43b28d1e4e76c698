# SPDX-License-Identifier: Apache-2.0
"""What can't be read: one clear line that names the file and what to do, and the right exit code."""
import gzip
import os
import shutil
import socket
import struct
import unittest

import captures
from support import DONE, NOTHING, PARTIAL, POSTERN, USAGE, Case, Run, scenario_bytes

NOBODY = 65534
GOOD = "demo-emotet-like"


class Errors(Case):
    def said(self, run, code, name, *words):
        """The one line of stderr that names the input; each of words is in it."""
        self.assertEqual(run.code, code, run)
        lines = [line for line in run.err.splitlines() if str(name) in line]
        self.assertEqual(len(lines), 1, run)
        self.assertTrue(lines[0].startswith("postern: "), run)
        self.assertLess(len(lines[0]), 300 + len(str(name)))
        for word in words:
            self.assertIn(word, lines[0])
        others = [line for line in run.err.splitlines() if str(name) not in line]
        self.assertIn(others, ([], ["postern: nothing was read"]), run)
        if code == NOTHING:
            self.assertEqual(run.out, b"")

    def unread(self, path, *words):
        self.said(Run("hunt", path), NOTHING, path, *words)
        # beside a good one, the good one is hunted, and the exit code tells
        good = self.path("good.pcap", scenario_bytes(GOOD))
        run = Run("hunt", "--json", path, good)
        self.said(run, PARTIAL, path, *words)
        self.assertEqual(run.lines()[-1]["records"], len(captures.frames(scenario_bytes(GOOD))))

    def test_missing(self):
        self.unread(self.folder / "missing.pcap", "No such file")

    def test_empty(self):
        self.unread(self.path("empty.pcap", b""), "empty")

    def test_empty_gzip(self):
        self.unread(self.path("zero.pcap.gz", b""), "empty")

    def test_gzip_of_nothing(self):
        self.unread(self.path("nothing.pcap.gz", gzip.compress(b"")), "empty")

    def test_text(self):
        self.unread(self.path("notes.txt", b"buy milk\n" * 100), "neither a capture", "text")

    def test_packed_twice(self):
        data = gzip.compress(gzip.compress(scenario_bytes(GOOD)[:100000]))
        self.unread(self.path("twice.gz.gz", data), "gunzip")

    def test_an_archive(self):
        self.unread(self.path("a.zip", b"PK\3\4" + bytes(200)), "zip", "unzip")

    def test_device(self):
        self.unread("/dev/null", "device", "file")

    def test_socket(self):
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            self.unread(path, "socket")

    def test_empty_folder(self):
        path = self.folder / "nothing-in-it"
        path.mkdir()
        self.unread(path, "folder")

    def test_folder_without_captures(self):
        path = self.folder / "no-captures"
        path.mkdir()
        (path / "notes.txt").write_text("buy milk\n")
        self.said(Run("hunt", path), NOTHING, path)

    def test_capture_without_packets(self):
        self.said(Run("hunt", path := self.path("head.pcap", scenario_bytes(GOOD)[:24])), NOTHING, path, "packet")

    def test_a_link_type_that_is_not_read(self):
        data = bytearray(captures.pcap(captures.frames(scenario_bytes(GOOD))[:100]))
        data[20:24] = struct.pack("<I", 147)  # LINKTYPE_USER0
        self.said(Run("hunt", path := self.path("user0.pcap", bytes(data))), NOTHING, path, "147")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, to become another user")
    def test_no_permission(self):
        path = self.path("secret.pcap", scenario_bytes(GOOD))
        path.chmod(0o600)
        self.folder.chmod(0o755)
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        program = self.folder / "postern"  # the binary itself may lie where others can't go
        shutil.copy(POSTERN, program)
        program.chmod(0o755)
        if any(not parent.stat().st_mode & 0o001 for parent in path.parents):
            self.skipTest("other users can't reach the folder for temporary files")
        self.said(Run("hunt", path, prefix=prefix, program=program), NOTHING, path, "ermission")

    def test_unreadable_as_anyone(self):
        """A folder's entry that can't be opened by root either: a link to nowhere."""
        path = self.folder / "dangling.pcap"
        path.symlink_to("nowhere")
        self.unread(path, "No such file")

    def test_no_input(self):
        for args in ([], ["hunt"], ["hunt", "--json"]):
            with self.subTest(args):
                run = Run(*args)
                self.assertEqual((run.code, run.out), (USAGE, b""), run)
                self.assertIn("capture", run.err)

    def test_unknown_words(self):
        for args, word in ((["hnt", "x"], "hunt"), (["hunt", "--jsom", "x"], "--json"), (["hunt", "--max-e", "much", "x"], "max-e"),
                           (["hunt", "--since", "yesterday", "x"], "since"), (["hunt", "--local", "10.0.0.0/99", "x"], "10.0.0.0/99")):
            with self.subTest(args):
                run = Run(*args)
                self.assertEqual((run.code, run.out), (USAGE, b""), run)
                self.assertIn(word, run.err)


class Cut(Case):
    """A capture whose end is missing: what came before is hunted, and the place is named."""

    def cut(self, name, data, keep, at, packets):
        path = self.path(name, data[:keep])
        run = Run("hunt", "--json", path)
        self.assertEqual(run.code, PARTIAL, run)
        lines = [line for line in run.err.splitlines() if str(path) in line]
        self.assertEqual(len(lines), 1, run)
        self.assertIn(f"byte {at}", lines[0].replace(",", ""))
        summary = run.lines()[-1]
        self.assertEqual((summary["records"], summary["partial"]), (packets, True))

    def test_pcap(self):
        data = scenario_bytes(GOOD)
        sizes = [len(frame) for _, frame in captures.frames(data)]
        at = 24 + sum(16 + size for size in sizes[:100])
        for into in (1, 15, 16, 17, 15 + sizes[100]):
            with self.subTest(into=into):
                self.cut(f"{into}.pcap", data, at + into, at, 100)

    def test_pcap_at_a_boundary_is_whole(self):
        data = scenario_bytes(GOOD)
        at = 24 + sum(16 + len(frame) for _, frame in captures.frames(data)[:100])
        run = Run("hunt", "--json", self.path("whole.pcap", data[:at]))
        self.assertEqual((run.code, run.lines()[-1]["records"]), (DONE, 100), run)

    def test_pcapng(self):
        data = captures.pcapng(captures.frames(scenario_bytes(GOOD)))
        at = 0
        for _ in range(102):  # section, interface and a hundred packets
            at += struct.unpack_from("<I", data, at + 4)[0]
        for into in (1, 7, 8, 30):
            with self.subTest(into=into):
                self.cut(f"{into}.pcapng", data, at + into, at, 100)

    def test_gzip(self):
        data = gzip.compress(scenario_bytes(GOOD), 1)
        path = self.path("cut.gz", data[:len(data) // 2])
        run = Run("hunt", "--json", path)
        self.assertEqual(run.code, PARTIAL, run)
        self.assertRegex(run.err, r"byte [0-9,]+")
        self.assertGreater(run.lines()[-1]["records"], 100)

    def test_absurd_length(self):
        """A record that claims more than any frame has: all before it is read."""
        data = bytearray(scenario_bytes(GOOD))
        at = 24 + sum(16 + len(frame) for _, frame in captures.frames(bytes(data))[:100])
        data[at + 8:at + 12] = struct.pack("<I", 0x7FFFFFFF)
        run = Run("hunt", "--json", path := self.path("absurd.pcap", bytes(data)))
        self.assertEqual(run.code, PARTIAL, run)
        self.assertIn(str(path), run.err)
        self.assertGreaterEqual(run.lines()[-1]["records"], 100)


if __name__ == "__main__":
    unittest.main()
