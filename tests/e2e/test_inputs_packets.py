# SPDX-License-Identifier: Apache-2.0
"""Captures that broke other tools, numbered as in test_inputs.py."""
import gzip
import struct
import unittest

import captures
import packets
import zeeklogs
from packets import ACK, RST, mapped
from support import DONE, PARTIAL, Run, endpoint
from test_inputs import Input

WALK = packets.walk()
FRAMES = mapped(WALK, packets.framed)


class Packets(Input):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.folder / "want.pcap"
        path.write_bytes(captures.pcap(FRAMES))
        run = Run("hunt", "--json", path)
        *cls.want, cls.summary = run.lines()
        assert len(cls.want) == 1 and cls.want[0]["channels"][-1]["endpoint"] == zeeklogs.LADDER_END, run

    def same(self, data, code=DONE, records=len(FRAMES), leave=(), silent=True):
        """The capture tells what the plain one tells, E and bytes included; (summary, what was said)."""
        findings, summary, said = self.told(self.path("in.pcap", data), code=code)
        one, other = ([{key: value for key, value in finding.items() if key not in leave} for finding in each] for each in (findings, self.want))
        self.assertEqual(one, other)
        self.assertEqual((summary["records"], summary["hosts"], summary["connections"]), (records, 1, len(packets.conversations())), said)
        if silent:
            self.assertEqual(said, "")
        return summary, said

    def test_25_interfaces_of_different_links(self):
        """Each packet by the link type of its own interface (libpcap#1259, #1252, TracePcap#23)."""
        forms = [(1, packets.framed), (101, lambda p: p), (113, cooked), (276, cooked_2)]
        ng = captures.Pcapng()
        ng.section()
        for linktype, _ in forms:
            ng.interface(linktype)
        for number, (when, packet) in enumerate(WALK):
            ng.packet(number % 4, when // 1000, forms[number % 4][1](packet))
        self.same(ng.data())

    def test_26_clocks_of_interfaces(self):
        """Each interface has its own resolution and offset (dpkt#681)."""
        ng = captures.Pcapng()
        ng.section()
        start = int(zeeklogs.START)
        ng.interface(1, resolution=6)
        ng.interface(1, resolution=9)
        ng.interface(1, resolution=9, offset=start)
        ng.interface(1, resolution=3, offset=-1000)
        ng.interface(1)  # none is said: microseconds
        for number, (when, frame) in enumerate(FRAMES):
            units = [when // 1000, when, when - start * 10 ** 9, when // 10 ** 6 + 10 ** 6, when // 1000]
            self.assertEqual(when % 10 ** 6, 0)
            ng.packet(number % 5, units[number % 5], frame)
        self.same(ng.data())

    def test_27_sections_that_overlap(self):
        """Files of several machines in one: interfaces begin anew with each section, and time puts all in order (zeek#864)."""
        ng = captures.Pcapng()
        for part in range(3):
            ng.section()
            ng.interface(*((1, 6), (1, 9), (101, 9))[part])
            for when, packet in WALK[part::3]:
                ng.packet(0, when // (1 if part else 1000), packets.framed(packet) if part < 2 else packet)
        self.same(ng.data())

    def test_28_damaged_pcapng(self):
        """Never 0 after reading nothing, and the place is named (zeek#977, maltrail's ROADMAP)."""
        data = captures.pcapng(FRAMES)
        at = 28 + 32  # after the section and its interface
        self.nothing(self.path("all.pcapng", data[:at] + b"\xff" * 5000), f"byte {at}")
        self.nothing(self.path("head.pcapng", data[:10]), "byte 10")
        # a damaged place in the middle: one packet is lost, and told
        size = struct.unpack_from("<I", data, at + 4)[0]
        victim = at + size
        damaged = bytearray(data)
        damaged[victim + 4:victim + 8] = b"\xff\xff\xff\xff"
        _, said = self.same(bytes(damaged), code=PARTIAL, records=len(FRAMES) - 1, silent=False)
        self.assertRegex(said, rf"1 record left out, the first at byte {victim}: ")

    def test_29_nanoseconds(self):
        """Both magics of nanoseconds, in both byte orders, to the last digit (PcapPlusPlus#664, ipsumdump#3)."""
        gap = 123_456
        near = [(when - max(number - 40, 0) * (4 * packets.MS - gap), packet)
                for number, each in enumerate(packets.conversations()) for when, packet in each]
        near = sorted(mapped(near, packets.framed), key=lambda pair: pair[0])
        told = []
        for order in "<>":
            self.same(captures.pcap(FRAMES, order, nanoseconds=True))
            findings, _, said = self.told(self.path("in.pcap", captures.pcap(near, order, nanoseconds=True)))
            self.assertEqual(said, "")
            told.append(findings)
        self.assertEqual(*told)
        self.assertEqual([switch["after_s"] for switch in told[0][0]["switches"]], [gap / 1e9] * 4)

    def test_30_empty_and_cut(self):
        """No packet is no quiet day; a cut record keeps those before it (suricata PR#3666, nDPI#1678)."""
        data = captures.pcap(FRAMES)
        self.nothing(self.path("head.pcap", data[:24]), "without a packet")
        self.nothing(self.path("half.pcap", data[:23]), "byte 23")
        at = len(data) - 16 - len(FRAMES[-1][1])
        for into in (1, 15, 16, 20):
            with self.subTest(into=into):
                _, said = self.same(data[:at + into], code=PARTIAL, records=len(FRAMES) - 1, silent=False)
                self.assertIn(f": cut at byte {at}: ", said)

    def test_31_lengths(self):
        """Over 65,535 bytes is a packet; an absurd length is left out with its place (arkime#3222, fgsniffer#3)."""
        big = packets.framed(packets.udp("10.0.0.5", "10.0.0.9", (1, 2), b"x" * 1000)) + bytes(69000)
        middle = 100
        data = captures.pcap(FRAMES[:middle] + [(FRAMES[middle][0], big)] + FRAMES[middle:])
        findings, summary, said = self.told(self.path("big.pcap", data))
        self.assertEqual((summary["records"], said), (len(FRAMES) + 1, ""))
        self.assertEqual([f["e_value"] for f in findings], [f["e_value"] for f in self.want])
        data = bytearray(captures.pcap(FRAMES))
        at = 24 + sum(16 + len(frame) for _, frame in FRAMES[:middle])
        data[at + 8:at + 12] = struct.pack("<I", 0x7FFFFFFF)
        _, said = self.same(bytes(data), code=PARTIAL, records=len(FRAMES) - 1, silent=False)
        self.assertIn(f"1 record left out, the first at byte {at}: ", said)

    def test_32_headers_only(self):
        """Cut by the snapshot length: sizes are those of the IP headers (arkime#2636, #1575)."""
        summary, _ = self.same(captures.pcap(FRAMES, snap=54))
        self.assertEqual(self.want[0]["channels"][-1]["bytes_in"], 4000)
        self.off(self.told(self.path("short.pcap", captures.pcap(FRAMES, snap=30)))[1], f"{len(FRAMES)} packets were cut by the capture")
        self.assertFalse(any("cut by the capture" in off for off in summary["off"]))

    def test_33_links(self):
        """SLL, SLL2, RAW, NULL, loopback, PPPoE, PPP; what is not read is named (zeek#2339)."""
        for name, linktype, form in (("sll", 113, cooked), ("sll2", 276, cooked_2), ("raw", 101, lambda p: p), ("raw of BSD", 12, lambda p: p),
                                     ("ipv4", 228, lambda p: p), ("null", 0, lambda p: struct.pack("<I", 2) + p),
                                     ("null, big-endian", 0, lambda p: struct.pack(">I", 2) + p),
                                     ("loop", 108, lambda p: struct.pack(">I", 2) + p), ("pppoe", 1, pppoe),
                                     ("ppp", 9, lambda p: b"\xff\x03\x00\x21" + p)):
            with self.subTest(name):
                self.same(captures.pcap(mapped(WALK, form), linktype=linktype))
        self.nothing(self.path("user0.pcap", captures.pcap(FRAMES, linktype=147)), "LINKTYPE 147")

    def test_34_tags(self):
        """802.1Q, QinQ, another VLAN for each direction, a tag on one only: one conversation (zeek#284, sngrep#275, arkime#3300)."""
        for name, tags in (("802.1Q", lambda up: packets.tag(5)), ("QinQ", lambda up: packets.tag(7, 0x88A8) + packets.tag(5)),
                           ("old QinQ", lambda up: packets.tag(7, 0x9100) + packets.tag(5)),
                           ("by direction", lambda up: packets.tag(5 if up else 6)), ("priority", lambda up: packets.tag(0xE000)),
                           ("stripped", lambda up: b"" if up else packets.tag(6))):
            with self.subTest(name):
                self.same(captures.pcap(mapped(WALK, lambda p, tags=tags: packets.framed(p, tags(packets.up(p))))))

    def test_35_gre(self):
        """GRE, ERSPAN I to III with inner tags, VN-tag; too deep or unknown is counted, never guessed (zeek#887, heplify#120)."""
        tagged = lambda p: packets.framed(p, packets.tag(5))  # noqa: E731
        forms = {"GRE": lambda p: packets.carried(47, struct.pack(">HH", 0, 0x0800))(p),
                 "GRE with a key": lambda p: packets.carried(47, struct.pack(">HHI", 0x2000, 0x0800, 9))(p),
                 "GRE of Ethernet": lambda p: packets.carried(47, struct.pack(">HH", 0, 0x6558))(tagged(p)),
                 "ERSPAN I": lambda p: packets.carried(47, struct.pack(">HH", 0, 0x88BE))(tagged(p)),
                 "ERSPAN II": lambda p: packets.carried(47, struct.pack(">HHIII", 0x1000, 0x88BE, 1, 0x10050000, 0))(tagged(p)),
                 "ERSPAN III": lambda p: packets.carried(47, struct.pack(">HHIIII", 0x1000, 0x22EB, 1, 0x20050000, 0, 0))(tagged(p)),
                 "VN-tag": lambda p: packets.framed(p, struct.pack(">HI", 0x8926, 0x00010002)),
                 "IP in IP": lambda p: packets.carried(4, b"")(p)}
        for name, form in forms.items():
            with self.subTest(name):
                self.same(captures.pcap(mapped(WALK, form)))

        def deep(packet):
            for _ in range(40):
                packet = packets.ip("172.16.0.1", "172.16.0.2", 47, struct.pack(">HH", 0, 0x0800) + packet)
            return packets.framed(packet)
        frames = sorted(FRAMES + mapped(WALK[:7], deep), key=lambda pair: pair[0])
        findings, summary, said = self.told(self.path("deep.pcap", captures.pcap(frames)))
        self.assertEqual([f["switches"] for f in findings], [f["switches"] for f in self.want])
        self.assertEqual(said, "")
        self.off(summary, "7 packets are nested too deeply")

    def test_36_vxlan_and_geneve(self):
        """Inner IPv4 without Ethernet, inner IGMP, one within another (zeek#1764, #2684)."""
        vxlan = packets.carried_udp(4789, struct.pack(">II", 0x08000000, 5 << 8))
        gpe = packets.carried_udp(4790, struct.pack(">II", 0x0C000001, 5 << 8))
        geneve = packets.carried_udp(6081, struct.pack(">HHI", 0, 0x0800, 5 << 8))
        geneve_ethernet = packets.carried_udp(6081, struct.pack(">HHII", 0x0100, 0x6558, 5 << 8, 0))
        forms = {"VXLAN": lambda p: vxlan(packets.framed(p)), "VXLAN, tagged": lambda p: vxlan(packets.framed(p, packets.tag(5))),
                 "VXLAN-GPE of IPv4": gpe, "Geneve of IPv4": geneve, "Geneve with options": lambda p: geneve_ethernet(packets.framed(p)),
                 "VXLAN in Geneve": lambda p: geneve(vxlan(packets.framed(p))[14:])}
        igmp = packets.ip("10.0.0.5", "224.0.0.22", 2, b"\x22\0\xf9\x02\0\0\0\1\4\0\0\0\xef\xff\xff\xfa")
        for name, form in forms.items():
            with self.subTest(name):
                self.same(captures.pcap(mapped(WALK, form)))
                self.same(captures.pcap(mapped(WALK + [(WALK[-1][0], igmp)], form)), records=len(FRAMES) + 1)

    def test_37_bare_and_carried(self):
        """The same packets, bare and in a tunnel, in one file: one conversation each, nothing twice (arkime#3146)."""
        carry = packets.carried_udp(4789, struct.pack(">II", 0x08000000, 5 << 8))
        for delay in (0, 30_000):
            with self.subTest(delay=delay):
                pairs = sorted(FRAMES + [(when + delay, carry(frame)) for when, frame in FRAMES], key=lambda pair: pair[0])
                self.same(captures.pcap(pairs), records=2 * len(FRAMES))

    def rows(self, rows):
        path = self.path("conn.log", (zeeklogs.head() + "".join(sorted(rows))).encode())
        return self.told(path)

    def test_38_retries(self):
        """The same SYN again, in packets or as rows of their own, is one attempt (zeek#863, #862)."""
        at = int(WALK[0][0]) + 100 * 10 ** 9
        lone = packets.conversation(at, "10.0.0.5", 61000, "203.0.115.9", 8443, "S0", 0)
        frames = sorted(FRAMES + mapped(lone, packets.framed), key=lambda pair: pair[0])
        findings, summary, _ = self.told(self.path("s0.pcap", captures.pcap(frames)))
        self.assertEqual(summary["connections"], len(packets.conversations()) + 1)
        self.assertEqual(len(findings), 1)
        start = zeeklogs.START
        retries = [zeeklogs.conn(start + 100 + gap, 5000 + gap, "10.0.0.5", 61000, "203.0.115.9", 8443, "S0", 0.0) for gap in (0, 1, 3, 7)]
        findings, summary, _ = self.rows(zeeklogs.day() + zeeklogs.ladder(start + 12100) + retries)
        self.assertEqual((summary["records"], summary["connections"], len(findings)), (49, 46, 1))

    def test_39_without_a_beginning(self):
        """From SYN-ACK or data on: who asked is told by ports and local networks (zeek#2191, #2426, #3235, ntopng#3934, #1978)."""
        for name, keep in (("SYN-ACK", 1), ("data", 3), ("answer", 4)):
            with self.subTest(name):
                out = []
                for number, each in enumerate(packets.conversations()):
                    out += each[keep:] if number < 40 else each
                findings, summary, _ = self.told(self.path("in.pcap", captures.pcap(sorted(mapped(out, packets.framed), key=lambda pair: pair[0]))))
                self.assertEqual((summary["hosts"], summary["connections"]), (1, 45))
                self.assertEqual([[endpoint(c) for c in f["channels"]] for f in findings], [[endpoint(c) for c in f["channels"]] for f in self.want])
                self.assertEqual(findings[0]["host"], "10.0.0.5")
        # Zeek's mark for a direction that it turned: no other one is made of it
        turned = [row.replace("ShADadFf", "^hADadFf") for row in zeeklogs.day()]
        findings, summary, _ = self.rows(turned + zeeklogs.ladder(zeeklogs.START + 12100))
        self.assertEqual((summary["hosts"], summary["connections"], len(findings)), (1, 45, 1))

    def test_40_lone_resets(self):
        """RSTs that nobody asked for are no refusals (zeek#1164)."""
        day = [each for each in packets.conversations()[:40]]
        at = day[-1][-1][0] + 100 * 10 ** 9
        lone = [(at + number * 204 * packets.MS, packets.tcp(f"203.0.113.{number + 1}", "10.0.0.5", (8080, 50000 + number), RST | ACK, (0, 77)))
                for number in range(8)]
        frames = mapped([p for each in day for p in each] + lone, packets.framed)
        findings, summary, _ = self.told(self.path("in.pcap", captures.pcap(sorted(frames, key=lambda pair: pair[0]))), options=["--max-e", "1000"])
        self.assertEqual((findings, summary["hosts"]), ([], 1))
        rows = [zeeklogs.conn(zeeklogs.START + 12100 + number / 5, 2000 + number, "10.0.0.5", 50000 + number, f"203.0.113.{number + 1}", 8080, "REJ", 0.0)
                .replace("\tREJ\tSr\t1\t1", "\tRSTRH\t^r\t0\t1") for number in range(8)]
        self.assertIn("RSTRH", rows[0])
        path = self.path("conn.log", (zeeklogs.head() + "".join(zeeklogs.day() + rows)).encode())
        self.assertEqual(self.told(path, options=["--max-e", "1000"])[0], [])

    def test_41_one_direction(self):
        """Nothing ever comes back: silence is no failure then, and that is said (zeek#1705, ntopng#710, #10286)."""
        out = [pair for pair in WALK if packets.up(pair[1])]
        findings, summary, _ = self.told(self.path("in.pcap", captures.pcap(mapped(out, packets.framed))), options=["--max-e", "1000"])
        self.assertEqual(findings, [])
        self.off(summary, "10.0.0.5: nothing ever came back to it: a capture of one direction")
        rows = [zeeklogs.conn(zeeklogs.START + number * 204, number, "10.0.0.5", 40000 + number, f"203.0.113.{number % 9 + 1}", 443, "S0", 3.0)
                for number in range(40)]
        path = self.path("conn.log", (zeeklogs.head() + "".join(rows)).encode())
        findings, summary, _ = self.told(path, options=["--max-e", "1000"])
        self.assertEqual(findings, [])
        self.off(summary, "10.0.0.5: nothing ever came back to it")

    def test_43_two_taps(self):
        """Late and repeated packets of two taps: each once, no gap below zero (zeek#2207, tcpdump#146)."""
        late = captures.disordered(FRAMES, 2 * 10 ** 9)
        self.assertNotEqual(late, FRAMES)
        self.same(captures.pcap(late))
        twice = captures.disordered(FRAMES + FRAMES, 5 * packets.MS)
        self.same(captures.pcap(twice), records=2 * len(FRAMES))
        # the second tap is 40 us behind, in a file of its own
        taps = [self.path("one.pcap", captures.pcap(FRAMES)), self.path("two.pcap.gz", gzip.compress(captures.pcap(captures.shifted(FRAMES, 40_000))))]
        findings, summary, said = self.told(*taps)
        self.assertEqual((findings, summary["connections"], said), (self.want, self.summary["connections"], ""))
        self.assertTrue(all(switch["after_s"] >= 0 for f in findings for switch in f["switches"]))


def cooked(packet):
    return struct.pack(">HHH8sH", 4 if packets.up(packet) else 0, 1, 6, packets.CLIENT_MAC, 0x0800) + packet


def cooked_2(packet):
    return struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 4 if packets.up(packet) else 0, 6, packets.CLIENT_MAC) + packet


def pppoe(packet):
    way = packets.SERVER_MAC + packets.CLIENT_MAC if packets.up(packet) else packets.CLIENT_MAC + packets.SERVER_MAC
    return way + struct.pack(">HBBHHH", 0x8864, 0x11, 0, 9, len(packet) + 2, 0x0021) + packet


if __name__ == "__main__":
    unittest.main()
