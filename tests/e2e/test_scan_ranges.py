# SPDX-License-Identifier: Apache-2.0
"""postern scan: files that come in parts over several connections are one file: ranges of HTTP, resumed downloads, REST and APPE of FTP."""
import gzip
import random
import unittest

import packets
from support import DONE, PARTIAL
from test_scan import BODY, CLIENT, MARK, SERVER, Lines, Scan, Talk, sha

SEAM = BODY.index(MARK) + 5  # within the mark


class Parts(Scan):
    def setUp(self):
        super().setUp()
        self.at = 10 ** 18

    def part(self, first, last, body=None, size=len(BODY), number=None, etag=b'"v1"', path=b"/big", whole=BODY, fields=b"", mss=1000, cut=None):
        """One connection that fetches a range; cut: how many frames of it the network lets live."""
        self.at += 10 ** 9
        talk = Talk(mss=mss, port=number or 40000 + self.at // 10 ** 9 % 1000)
        talk.at = self.at
        body = whole[first:last + 1] if body is None else body
        total = b"*" if size is None else b"%d" % size
        talk.ask(path, fields=b"Range: bytes=%d-%d\r\n" % (first, last))
        frames = talk.answer(body, b"Content-Range: bytes %d-%d/%s\r\nETag: %s\r\n" % (first, last, total, etag) + fields, b"206 Partial Content").end()
        return [(self.at + i, frame) for i, (_, frame) in enumerate(frames[:cut])]

    def look(self, *conversations, codes=(DONE,), options=()):
        files, summary = self.scan(self.capture([frame for talk in conversations for frame in talk]), options=options, codes=codes)
        return files, summary

    def one(self, *conversations, gap=None, options=()):
        files, _ = self.look(*conversations, codes=(DONE,) if gap is None else (PARTIAL,), options=options)
        self.assertEqual(len(files), 1, files)
        if gap is None:
            self.assertEqual((files[0]["gap"], files[0]["sha256"], files[0]["bytes"]), (None, sha(BODY), len(BODY)))
            self.assertEqual([match["name"] for match in files[0]["matches"]], ["own_mark"])
        else:
            self.assertIn(gap, files[0]["gap"])
        return files[0]

    def halves(self, **more):
        return self.part(0, SEAM - 1, **more), self.part(SEAM, len(BODY) - 1, **more)

    def test_any_order(self):
        first, second = self.halves()
        file = self.one(first, second)
        self.assertEqual((file["uri"], file["host"], file["direction"]), ("/big", "files.example", "download"))
        self.one(second, first)
        self.one([frame for pair in zip(first, second) for frame in pair] + second[len(first):] + first[len(second):])
        for seed in range(3):
            rng = random.Random(seed)
            ends = sorted(rng.sample(range(1, len(BODY)), 12)) + [len(BODY)]
            parts = [self.part(at, end - 1) for at, end in zip([0] + ends, ends)]
            rng.shuffle(parts)
            self.one(*parts)

    def test_overlaps_and_repeats(self):
        last = len(BODY) - 1
        self.one(self.part(0, SEAM + 400), self.part(SEAM - 2, SEAM + 10), self.part(SEAM + 300, last))
        self.one(self.part(500, last), self.part(500, last), self.part(0, last))
        self.one(self.part(0, last))
        self.one(*self.halves(size=None), self.part(0, 0))  # nobody said how long, till the last did

    def test_sizes_that_are_not_told(self):
        self.one(*self.halves(size=None), gap="its end was not seen")

    def test_a_resumed_download(self):
        """The first connection dies within the mark; the second asks for the rest."""
        for got in (SEAM, SEAM + 3000):
            talk = Talk(mss=SEAM)
            talk.ask(b"/big").say(False, b"HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: %d\r\n\r\n" % len(BODY)).say(False, BODY[:got])
            talk.segment(False, b"", packets.RST)
            self.one(talk.list, self.part(got, len(BODY) - 1))
            self.one(talk.list, gap=f"bytes {got} to {len(BODY) - 1} of it are not there, {got} of {len(BODY)} are")

    def test_packed_as_a_whole(self):
        packed = gzip.compress(BODY)
        half = len(packed) // 2
        how = {"size": len(packed), "whole": packed, "fields": b"Content-Encoding: gzip\r\n"}
        self.one(self.part(half, len(packed) - 1, **how), self.part(0, half - 1, **how))

    def test_several_ranges_in_one_answer(self):
        parts = [(SEAM, len(BODY) - 1), (0, SEAM - 1)]
        body = b"".join(b"--bb\r\nContent-Type: x/y\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (first, last, len(BODY)) + BODY[first:last + 1] + b"\r\n"
                        for first, last in parts) + b"--bb--\r\n"
        files, _ = self.look(Talk().ask(b"/big").answer(body, b"Content-Type: multipart/byteranges; boundary=bb\r\n", b"206 Partial Content").end())
        self.assertEqual([(file["sha256"], bool(file["matches"])) for file in files], [(sha(BODY), True), (sha(body), False)][::1 if files[0]["bytes"] == len(BODY) else -1])

    def test_an_upload(self):
        talks = []
        for number, (first, last) in enumerate(((0, SEAM - 1), (SEAM, len(BODY) - 1))):
            talk = Talk(port=41000 + number)
            talks.append(talk.ask(b"/up", b"PUT", BODY[first:last + 1], b"Content-Range: bytes %d-%d/%d\r\n" % (first, last, len(BODY))).answer(b"").end())
        self.assertEqual(self.one(*talks)["direction"], "upload")

    def test_what_misses_is_said(self):
        last = len(BODY) - 1
        file = self.one(self.part(0, 99), self.part(200, last), gap=f"bytes 100 to 199 of it are not there, {len(BODY) - 100} of {len(BODY)} are")
        self.assertEqual(file["bytes"], len(BODY))
        first, second = self.halves()
        lost = self.look(first, second[:5] + second[6:], codes=(PARTIAL,))[0]
        self.assertEqual([file["gap"] for file in lost], ["the capture lacks a part of it"])

    def test_other_files_stay_apart(self):
        first, second = self.halves()[0], self.part(SEAM, len(BODY) - 1, etag=b'"v2"')
        files, _ = self.look(first, second, codes=(PARTIAL,))
        self.assertEqual(sorted(file["gap"][:8] for file in files), ["bytes 0 ", f"bytes {SEAM}"[:8]])
        long = b"/" + b"x" * 300
        files, _ = self.look(self.part(0, SEAM - 1, path=long + b"1"), self.part(SEAM, len(BODY) - 1, path=long + b"2"), codes=(PARTIAL,))
        self.assertEqual(len(files), 2)

    def test_hostile_ranges(self):
        lies = "lies about which"
        self.one(self.part(5, 4, body=b"x" * 9), gap=lies)
        self.one(self.part(0, 2 ** 64 - 1, body=b"x" * 9, size=None), gap="its end was not seen")
        self.one(self.part(0, 2 ** 64, body=b"x" * 9, size=None), gap=lies)
        self.one(self.part(90, 98, body=b"x" * 9, size=50), gap=lies)
        self.one(self.part(0, 3, body=b"x" * 9), gap=lies)
        self.one(self.part(2 ** 63, 2 ** 63 + 8, body=b"x" * 9, size=2 ** 63 + 9), gap="longer than is looked at")
        file = self.one(self.part(0, 8, body=BODY[:9], size=2 ** 40), gap=f"bytes 9 to {2 ** 40 - 1} of it are not there")
        self.assertEqual(file["bytes"], 9)
        self.one(*self.halves()[:1], self.part(SEAM, len(BODY) - 1, size=len(BODY) + 5), gap="do not agree on how long")

    def test_parts_that_contradict_each_other(self):
        """Whichever the client took: both are looked at, and it is said."""
        last = len(BODY) - 1
        other = bytes(SEAM)
        for parts in ((self.part(0, SEAM - 1), self.part(0, SEAM - 1, body=other)), (self.part(0, SEAM - 1, body=other), self.part(0, SEAM - 1))):
            for rest in ((SEAM, last), (SEAM, last - 1)):
                files, _ = self.look(*parts, self.part(*rest), codes=(PARTIAL,))
                self.assertEqual([file["gap"] for file in files], ["parts of it that overlap differ"] * 2)
                self.assertEqual(sum(bool(file["matches"]) for file in files), 1)

    def test_many_files_at_once(self):
        talks = [self.part(0, SEAM - 1, path=b"/%d" % number) for number in range(80)]
        files, summary = self.look(*talks, self.part(SEAM, len(BODY) - 1, path=b"/79"), codes=(PARTIAL,))
        self.assertEqual((len(files), summary["gaps"], sum(bool(file["matches"]) for file in files)), (80, 79, 1))

    def test_nothing_is_waited_for_too_long(self):
        first = self.part(0, SEAM - 1)
        self.at += 601 * 10 ** 9
        files, _ = self.look(first, self.part(SEAM, len(BODY) - 1), codes=(PARTIAL,))
        self.assertEqual(len(files), 2)

    def test_longer_than_is_looked_at(self):
        files, _ = self.look(*self.halves(), codes=(PARTIAL,), options=["--limit-file", "4K"])
        self.assertTrue(all(file["bytes"] <= 4096 and file["gap"] for file in files), files)


class Rest(Lines):
    """Of FTP."""

    def link(self, number, command, data, rest=b"", die=False):
        frames = self.ftp(command, data=data, rest=rest, number=number)
        frames = [(at + number * 10 ** 11, frame) for at, frame in frames]
        if not die:
            return frames
        last = max(i for i, (_, frame) in enumerate(frames) if data[-20:] in frame)
        talk = Talk()
        talk.ports = (42000 + number, 50010)
        talk.list, talk.at = [], frames[last][0]
        talk.segment(False, b"", packets.RST)
        return frames[:last + 1] + talk.list

    def one(self, *talks):
        files, _ = self.scan(self.capture([frame for talk in talks for frame in talk]))
        self.assertEqual([(file["uri"], file["gap"], file["sha256"], [match["name"] for match in file["matches"]]) for file in files],
                         [("b.exe", None, sha(BODY), ["own_mark"])])
        return files[0]

    def test_a_resumed_download(self):
        self.one(self.link(1, b"RETR b.exe", BODY[:SEAM], die=True), self.link(2, b"RETR b.exe", BODY[SEAM:], b"%d" % SEAM))

    def test_a_resumed_upload(self):
        first = self.link(1, b"STOR b.exe", BODY[:SEAM], die=True)
        self.assertEqual(self.one(first, self.link(2, b"STOR b.exe", BODY[SEAM:], b"%d" % SEAM))["direction"], "upload")
        self.one(first, self.link(2, b"APPE b.exe", BODY[SEAM:]))

    def test_what_is_appended_alone_is_a_file(self):
        self.one(self.link(1, b"APPE b.exe", BODY))

    def test_hostile_rests(self):
        for rest in (b"18446744073709551615", b"99999999999999999999", b"-1", b"x"):
            files, _ = self.scan(self.capture(self.link(1, b"RETR b.exe", BODY, rest)), codes=(DONE, PARTIAL))
            self.assertEqual([bool(file["matches"]) for file in files], [True])


if __name__ == "__main__":
    unittest.main()
