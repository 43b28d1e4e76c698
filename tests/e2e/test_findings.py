# SPDX-License-Identifier: Apache-2.0
"""What must be found in the demo scenarios, and what must not in the benign ones."""
import datetime
import re
import struct
import unittest

from support import E_MAX, USAGE, Case, Run, endpoint, names, scenario_bytes


class Demo(Case):
    def only(self, name, kind, host):
        """The findings of a demo: one of that kind and host, and nothing else."""
        findings, summary = self.hunt("-", stdin=scenario_bytes(name))
        self.assertEqual([(finding["kind"], finding["host"]) for finding in findings], [(kind, host)])
        self.assertLessEqual(findings[0]["e_value"], E_MAX)
        self.assertIn("T1008", findings[0]["technique"])
        self.assertEqual(summary["rejected"], 0)
        self.assertFalse(summary["partial"])
        return findings[0]

    def test_emotet_like(self):
        found = self.only("demo-emotet-like", "ladder", "10.1.0.21")
        channels = {endpoint(channel): channel for channel in found["channels"]}
        self.assertEqual(set(channels), {"203.0.113.61:443", "198.51.100.178:8080"})
        dead, fallback = channels["203.0.113.61:443"], channels["198.51.100.178:8080"]
        self.assertEqual((dead["failure"], dead["connections"], dead["failures"]), ("refused", 6, 6))
        self.assertEqual((fallback["role"], fallback["failures"], fallback["service"]), ("fallback", 0, "http"))
        self.assertEqual((fallback["connections"], fallback["transport"]), (6, "tcp"))
        self.assertEqual((found["episodes"], len(found["switches"])), (6, 6))
        for switch in found["switches"]:
            self.assertEqual(endpoint(found["channels"][switch["from"]]), "203.0.113.61:443")
            self.assertEqual(endpoint(found["channels"][switch["to"]]), "198.51.100.178:8080")
            self.assertEqual(switch["failure"], "refused")
            self.assertTrue(2 <= switch["after_s"] <= 6, switch)  # the scenario's `wait`

    def test_dga(self):
        found = self.only("demo-dga", "dga", "10.1.0.34")
        self.assertIn("T1568.002", found["technique"])
        *_, last = found["channels"]
        self.assertEqual((last["role"], last["port"], last["addresses"]), ("fallback", 443, ["203.0.113.140"]))
        self.assertRegex(last["endpoint"], r"^[a-z]{20}\.com$")
        self.assertEqual(last["failures"], 0)
        tried = [channel for channel in found["channels"] if channel["failure"] == "nxdomain"]
        self.assertEqual(len(tried), 22)  # the 23rd name answers
        self.assertEqual({channel["failures"] for channel in tried}, {1})
        switches = [switch for switch in found["switches"] if found["channels"][switch["from"]] in tried]
        self.assertEqual(len(switches), 22)
        for switch in switches:
            self.assertAlmostEqual(switch["after_s"], 10, delta=0.2)  # the scenario's `spacing`

    def test_list(self):
        found = self.only("demo-list", "ladder", "10.1.0.55")
        channels = [(endpoint(channel), channel["failure"]) for channel in found["channels"]]
        self.assertEqual(channels[:-1], [("198.51.100.11:443", "silent"), ("203.0.113.22:449", "refused"),
                                         ("mellowpocket.example", "nxdomain"), ("203.0.113.44:443", "tls-alert"),
                                         ("198.51.100.55:8443", "unreachable")])
        self.assertEqual(channels[-1], ("203.0.113.66:443", None))
        self.assertEqual(found["channels"][-1]["role"], "fallback")

    def test_all_three_together(self):
        """Other hosts and days beside it take nothing from a finding."""
        paths = [self.path(f"{name}.pcap", scenario_bytes(name)) for name in names("demo-*.scn")]
        findings, summary = self.hunt(*paths)
        self.assertEqual({(finding["kind"], finding["host"]) for finding in findings},
                         {("ladder", "10.1.0.21"), ("dga", "10.1.0.34"), ("ladder", "10.1.0.55")})
        self.assertEqual(summary["inputs"], 3)


class Safelist(Case):
    """What a person vouches for is explained by their word, and counted."""

    def hidden(self, text):
        path = self.path("list", text.encode())
        findings, summary = self.hunt("-", options=["--safelist", str(path)], stdin=scenario_bytes("demo-emotet-like"))
        return findings, summary["safelist"]

    def test_an_entry_hides_what_it_covers_and_says_so(self):
        findings, told = self.hidden("# the backup is ours\nother.example\n198.51.100.0/24\n")
        self.assertEqual(findings, [])
        self.assertEqual(told["entries"], 2)
        self.assertEqual(told["hid"], [{"entry": "198.51.100.0/24", "line": 3, "findings": 1}])

    def test_the_dead_primary_alone_hides_nothing(self):
        findings, told = self.hidden("203.0.113.61\n")
        self.assertEqual(len(findings), 1)
        self.assertEqual(told["hid"], [])

    def test_all_shows_it_with_its_reason(self):
        path = self.path("list", b"198.51.100.178\n")
        findings, _ = self.hunt("-", options=["--all", "--safelist", str(path)], stdin=scenario_bytes("demo-emotet-like"))
        found = next(found for found in findings if found["explained"] == "safelist")
        self.assertRegex(found["explained_text"], "^line 1 of .* vouches for 198.51.100.178$")

    def test_wrong_lines_and_files_are_told_before_the_work(self):
        bad = self.path("bad", b"fine.example\nnot fine\n")
        for path, words in ((bad, ":2: 'not fine' is neither"), (self.folder / "none", "No such file")):
            run = Run("hunt", "--safelist", path, "-", stdin=scenario_bytes("demo-emotet-like"))
            self.assertEqual((run.code, run.out), (USAGE, b""))
            self.assertIn(words, run.err)


FRESH = """length 50m
resolver dns
    address 10.1.0.2
    rtt 1ms..20ms
host desk
    address 10.1.0.21
    stack windows
    resolver dns
server first
    name portal.harborledger.example
    address 198.51.100.90
    port 443 tls
    from 40m refuses
server second
    name mail.quietharvest.example
    address 203.0.113.140
    port 443 tls
pair home
    host desk
    primary first
    backup second
    from 2m
    every 60s ±5%
    wait 1s
    request 300..420
    response 180..260
background office 0.2
"""


class Fresh(Case):
    """A beacon's fallback is told apart from what else begins by the pace that it keeps: from its third contact on."""

    def of_second(self, data, *options):
        """(E, what it says of the new server) of the findings that name it."""
        found, _ = self.hunt("-", options=options, stdin=data)
        return [(f["e_value"], c) for f in found for c in f["channels"] if c["endpoint"] == "quietharvest.example"]

    def test_from_the_third_contact(self):
        for seed in (3, 6, 7):
            data = scenario_bytes("demo-list", seed=seed, told=lambda _: FRESH)
            _, channel = self.of_second(data)[0]
            begin = datetime.datetime.fromisoformat(channel["first"].replace("Z", "+00:00"))
            for contacts in (2, 3):
                until = begin + datetime.timedelta(seconds=60 * contacts - 40)
                told = self.of_second(data, "--until", until.isoformat().replace("+00:00", "Z"))
                self.assertEqual([c["connections"] for _, c in told], [3] if contacts == 3 else [], (seed, contacts))


class Power(Case):
    """What the traffic does not allow to judge is said."""

    def test_busy_hosts_and_short_captures(self):
        crowded = re.compile(r"^1 of 1 hosts meet so much that is new \(10\.1\.0\.21: \d+ endpoints an hour\)")
        busy = scenario_bytes("attack/S1039-bumblebee", told=lambda text: re.sub("office 0.2", "office 1", text))
        alone = scenario_bytes("attack/S1039-bumblebee", told=lambda text: re.sub("(?m)^background .*", "", text))
        for data, is_crowded in ((busy, True), (alone, False)):
            off = self.hunt("-", stdin=data)[1]["off"]
            self.assertEqual(any(crowded.match(line) for line in off), is_crowded, off)
            self.assertFalse(any("ten minutes" in line for line in off), off)
        off = self.hunt("-", options=["--until", "2026-03-02T08:09:00Z"], stdin=busy)[1]["off"]
        self.assertTrue(any("no host was seen for ten minutes" in line for line in off), off)

    def test_a_lossy_tap(self):
        """Every third packet of data from port 443 is taken out."""
        data = scenario_bytes("benign-office-day", told=lambda text: re.sub("(?m)^length .*", "length 20m", text))
        kept, at, number = [data[:24]], 24, 0
        while at < len(data):
            size = struct.unpack_from("<I", data, at + 8)[0]
            frame = data[at + 16:at + 16 + size]
            tcp = frame[12:14] == b"\x08\0" and frame[23] == 6
            served = tcp and frame[34:36] == b"\x01\xbb" and size > 120
            number += served
            if not served or number % 3:
                kept.append(data[at:at + 16 + size])
            at += 16 + size
        lossy = [line for line in self.hunt("-", stdin=b"".join(kept))[1]["off"] if "the tap loses packets" in line]
        whole = [line for line in self.hunt("-", stdin=data)[1]["off"] if "the tap loses packets" in line]
        self.assertEqual((len(lossy), len(whole)), (1, 0))


class Calibration(Case):
    def test_the_summary_tells_what_decoys_showed(self):
        _, summary = self.hunt("-", stdin=scenario_bytes("benign-office-day"))
        told = summary["calibration"]
        self.assertGreater(told["decoy_host_days"], 5)
        self.assertEqual([line["stated"] for line in told["at"]], [1, 0.1, 0.01])
        for line in told["at"]:
            self.assertAlmostEqual(line["observed"], line["findings"] / told["decoy_host_days"], places=4)
            self.assertTrue(line["low"] <= line["observed"] <= line["high"], line)
            self.assertLessEqual(line["low"], 2 * line["stated"])  # the release gate: within 2 of what is stated


# Scenario, the mechanism that its comment tells, and an endpoint that it must be told of (None: any).
EXPLAINED = [
    ("benign-happy-eyeballs", "happy-eyeballs", None),
    ("benign-quic-tcp", "quic-to-tcp", "video.example"),
    ("benign-resolver-retry", "resolver-retry", None),
    ("benign-search-suffix", "search-suffix", None),
    ("benign-mirrors", "mirror", "mirror-hill.example"),
    ("benign-p2p", "peer-to-peer", None),
    ("benign-probes", "probe", None),
    ("benign-ntp-pool", "ntp-pool", "ntp.example"),
    ("benign-mx-walk", "mx-walk", "backupmail.example"),
    ("benign-vpn-remotes", "vpn-remotes", "tunnel-hill.example"),
    ("benign-meeting-ports", "media-ports", "voiceline.example"),
    ("benign-resolver-pool", "resolver-pool", "mullvad.net"),
    ("benign-mirror-set", "mirror", "dotsrc.org"),
    ("benign-site-outage", "outage", "freshfind0.example"),
    ("benign-roaming", "outage", "hotelnet2.example"),
    ("benign-six-mirrors", "mirror", "ambervault.example"),
    ("benign-port-ladders", "same-name", "smallfirm.example"),
    ("benign-laptop-leaves", "moved", "homeheating.example"),
    ("benign-monitor-turns", "monitor", "teashop.example"),
]


# Procedures that limbs of their own see: scenario, kind, and endpoints in the order of their switches.
FOUND = [
    ("attack/G0049-oilrig", "tunnel", ["prosperplanet.example:80", "prosperplanet.example:53"]),
    ("attack/G0046-fin7", "tunnel", ["peppermeadow.example:80", "peppermeadow.example:53"]),
    ("attack/S0022-uroburos", "tunnel", None),
    ("attack/icmp-steady", "tunnel", ["tallowlane.example:443", "203.0.113.74"]),
    ("attack/G0096-apt41", "deaddrop", ["coppersky.example:443", "steamcommunity.com:443", "198.51.100.72:443"]),
    ("attack/S0044-jhuhugit", "ladder", ["applecircle.example:443", "applecircle.example:3128"]),
    ("attack/split-thresholds", "split", None),
]


class Limbs(Case):
    def test_each_kind_is_found(self):
        for name, kind, way in FOUND:
            with self.subTest(name):
                findings, _ = self.hunt("-", stdin=scenario_bytes(name))
                self.assertEqual({found["kind"] for found in findings}, {kind})
                channels = findings[0]["channels"]
                for channel in channels:  # what is to be shut is known
                    self.assertTrue(re.search("[a-z]", channel["endpoint"]) or channel["endpoint"] in channel["addresses"], channel)
                if way is not None:
                    switches = findings[0]["switches"]
                    walked = [switches[0]["from"]] + [switch["to"] for switch in switches]
                    self.assertEqual([endpoint(channels[index]) for index in walked], way)

    def test_a_page_is_a_carrier(self):
        findings, _ = self.hunt("-", stdin=scenario_bytes("attack/G0096-apt41"))
        self.assertEqual([(channel["endpoint"], channel["role"]) for channel in findings[0]["channels"]],
                         [("coppersky.example", "primary"), ("steamcommunity.com", "carrier"), ("198.51.100.72", "fallback")])


class Benign(Case):
    pass


def quiet(name):
    def test(self):
        findings, summary = self.hunt("-", stdin=scenario_bytes(name))
        self.assertEqual([(found["kind"], found["host"], found["e_value"]) for found in findings], [])
        self.assertGreater(summary["connections"], 0)
    return test


def explained(name, mechanism, where):
    def test(self):
        findings, _ = self.hunt("-", options=["--all", "--max-e", "1000"], stdin=scenario_bytes(name))
        told = {found["explained"] for found in findings}
        self.assertIn(mechanism, told)
        if where is not None:
            hosts = {channel["endpoint"] for found in findings if found["explained"] == mechanism for channel in found["channels"]}
            self.assertIn(where, hosts)
    return test


for scenario_name in names("benign-*.scn"):
    word = scenario_name.replace("-", "_")
    setattr(Benign, f"test_{word}_is_quiet", quiet(scenario_name))
for row in EXPLAINED:
    setattr(Benign, f"test_{row[0].replace('-', '_')}_is_explained", explained(*row))

if __name__ == "__main__":
    unittest.main()
