#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of what bench/truth measures with: RITA's score against published values of its formula, the random walk, the transplant."""
import pathlib
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import truth_baselines as baselines  # noqa: E402
import truth_transplant as transplant  # noqa: E402
import truth_variants as variants  # noqa: E402

DAY_S = 86400
HOST, SERVER = "10.0.0.5", "198.51.100.7"


def flow(start, server=SERVER, answered=True, sent=500):
    made = baselines.Flow(start, HOST, server, "tcp")
    made.answered, made.sent = answered, sent
    return made


class Rita(unittest.TestCase):
    def test_a_perfect_beacon_that_began_lately(self):
        """A minute's beacon of equal size in a day's data: hours since it began, score."""
        for hours, score in ((1, 0.5), (3, 0.5), (5, 0.5), (6, 0.625), (8, 0.667), (10, 0.709), (11, 0.979), (12, 1.0), (24, 1.0)):
            with self.subTest(hours=hours):
                group = [flow(second) for second in range(DAY_S - hours * 3600, DAY_S, 60)]
                self.assertAlmostEqual(baselines.beacon_score(group, 0, DAY_S), score, delta=0.002)

    def test_too_few_have_no_score(self):
        self.assertEqual(baselines.beacon_score([flow(0), flow(60), flow(120)], 0, DAY_S), 0)


class Walk(unittest.TestCase):
    def test_four_dead_servers_in_a_row_alarm(self):
        dead = [flow(n, f"198.51.100.{n}", answered=False) for n in range(1, 5)]
        self.assertEqual(baselines.random_walk(dead[:3]), [])
        self.assertEqual(baselines.random_walk(dead), [(HOST, {made.server for made in dead})])

    def test_answers_and_repeats_do_not(self):
        made = [flow(n, f"198.51.100.{n}", answered=n % 2 == 0) for n in range(1, 40)]
        self.assertEqual(baselines.random_walk(made), [])
        self.assertEqual(baselines.random_walk([flow(n, answered=False) for n in range(40)]), [])


class Variants(unittest.TestCase):
    TEXT = ("length 2h\n\nlist walk\n    host desk\n    wait 2s..4s\n    every 25s..45s\n    retry-wait 20s\n"
            "    try one tls schannel wait 1m30s tries 2\n\nbackground office 0.2\n")

    def changed(self, title):
        """Lines of the text that the variant tells otherwise, as (before, after)."""
        made = variants.VARIANTS[title](self.TEXT).splitlines()
        self.assertEqual(len(made), len(self.TEXT.splitlines()))
        return [(a.strip(), b.strip()) for a, b in zip(self.TEXT.splitlines(), made) if a != b]

    def test_lags_are_the_waits_before_the_next_channel(self):
        self.assertEqual(self.changed("lags / 10"), [
            ("wait 2s..4s", "wait 200ms..400ms"), ("try one tls schannel wait 1m30s tries 2", "try one tls schannel wait 9000ms tries 2")])
        self.assertEqual(self.changed("lags x 10")[0], ("wait 2s..4s", "wait 20000ms..40000ms"))

    def test_jitter_is_around_the_middle(self):
        self.assertEqual(self.changed("jitter 30 %"), [("every 25s..45s", "every 35000ms ±30%")])
        self.assertEqual(variants.jitter("    every 5m ±5%\n", 0), "    every 300000ms ±0%\n")

    def test_company(self):
        self.assertEqual(self.changed("alone"), [("background office 0.2", "")])
        self.assertEqual(self.changed("busy office"), [("background office 0.2", variants.BUSY)])
        self.assertEqual(self.changed("as told"), [])


class Destinations(unittest.TestCase):
    def test_three_new_ones_in_an_hour(self):
        made = [flow(100 * n, f"198.51.100.{n}") for n in range(1, 4)]
        self.assertEqual(baselines.three_destinations(made), [(HOST, {"198.51.100.1", "198.51.100.2", "198.51.100.3"})])
        self.assertEqual(baselines.three_destinations(made[:2]), [])


def frame(src, dst, payload=b"hello"):
    udp = struct.pack("!HHHH", 40000, 9999, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(src), bytes(dst))
    return bytes(12) + b"\x08\0" + ip + udp


class Transplant(unittest.TestCase):
    HOST, OTHER, SERVER, NEW = (10, 0, 0, 5), (10, 0, 0, 6), (198, 51, 100, 7), (10, 0, 0, 77)

    def test_the_organ_is_what_the_finding_tells(self):
        made = [(1, frame(self.HOST, self.SERVER)), (2, frame(self.OTHER, self.SERVER)), (3, frame(self.HOST, (203, 0, 113, 1)))]
        finding = {"host": "10.0.0.5", "channels": [{"addresses": [SERVER], "names": [], "endpoint": SERVER}]}
        self.assertEqual(transplant.organ(made, finding), made[:1])

    def test_moved_frames_have_the_new_host_and_right_checksums(self):
        for pair in ((self.HOST, self.SERVER), (self.SERVER, self.HOST)):
            made = transplant.moved(frame(*pair), bytes(self.HOST), bytes(self.NEW), (b"\x02host!", b"\x02rout!"))
            _, length, _, src, dst = transplant.ip_of(made)
            self.assertEqual({src, dst}, {bytes(self.NEW), bytes(self.SERVER)})
            self.assertEqual(transplant.checksum(made[14:14 + length]), 0)
            pseudo = made[26:34] + struct.pack("!BBH", 0, 17, len(made) - 34)
            self.assertEqual(transplant.checksum(pseudo + made[34:]), 0)

    def test_times_move_together(self):
        body = [(10 ** 9, frame(self.NEW, self.SERVER))]
        part = [(5 * 10 ** 9, frame(self.HOST, self.SERVER)), (7 * 10 ** 9, frame(self.SERVER, self.HOST))]
        data, address = transplant.graft(body, part, bytes(self.HOST), (bytes(self.NEW), b"\x02host!", b"\x02rout!"), 3 * 10 ** 9)
        self.assertEqual(address, "10.0.0.77")
        seconds, at = [], 24
        while at < len(data):
            when, _, length, _ = struct.unpack_from("<IIII", data, at)
            seconds.append(when)
            at += 16 + length
        self.assertEqual(seconds, [1, 4, 6])


if __name__ == "__main__":
    unittest.main()
