# SPDX-License-Identifier: Apache-2.0
"""What was found of what truly happened: a run's log of the truth beside findings."""
import datetime
import json
import pathlib
import struct

E_MAX = 0.1
# A run's seconds as minutes: what the lab has scaled down is put back, for a hunt of the capture.
NATURAL = 60
ORDER = ["found", "weak", "explained", "missed"]


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]


def stretch(source, target, factor=NATURAL):
    """The capture (pcap, microseconds, of this machine's byte order) with all its times drawn apart."""
    data = pathlib.Path(source).read_bytes()
    out, at, first = bytearray(data[:24]), 24, None
    while at + 16 <= len(data):
        sec, usec, kept, length = struct.unpack_from("=IIII", data, at)
        when = sec * 1_000_000 + usec
        first = when if first is None else first
        when = first + (when - first) * factor
        out += struct.pack("=IIII", when // 1_000_000, when % 1_000_000, kept, length) + data[at + 16:at + 16 + kept]
        at += 16 + kept
    pathlib.Path(target).write_bytes(out)


class Truth:
    def __init__(self, path):
        self.lines = lines(path)
        self.implant = [line for line in self.lines if line["actor"] == "implant"]
        self.host = self.implant[0]["host"]
        self.ways = {line["way"] for line in self.implant}

    def contacts(self, role, outcome="ok", what="contact"):
        return [line for line in self.implant if line["what"] == what and line["role"] == role
                and (outcome is None or line["outcome"] == outcome)]

    def fallback_began(self):
        """When the first packet of any way but the primary went out."""
        times = [line["t"] for line in self.implant if line["what"] == "try" and line["role"] == "fallback"]
        return times[0] if times else None

    def died(self):
        times = [line["t"] for line in self.lines if line["what"] == "dies"]
        return times[0] if times else None

    def honest(self):
        """Contacts of honest software, and those of them that did not go as they should."""
        told = [line for line in self.lines if "expect" in line]
        return told, [line for line in told if line["outcome"] != line["expect"]]

    def involves(self, finding):
        """Does it name a way of the implant on the implant's host?"""
        if finding["host"] != self.host:
            return False
        targets = {way.split("/")[1].rsplit(":", 1)[0] for way in self.ways}
        for channel in finding["channels"]:
            mine = {channel["endpoint"], *channel["addresses"], *channel["names"]}
            if mine & targets or any(target.endswith("." + channel["endpoint"]) for target in targets):
                return True
        return False


def reported(finding):
    return finding["explained"] is None and finding["e_value"] <= E_MAX


def judge(truth, findings):
    """(verdict, the finding that it rests on, what else was reported)."""
    best, others = ("missed", None), []
    for finding in findings:
        if not truth.involves(finding):
            others += [finding] if reported(finding) else []
            continue
        verdict = "found" if reported(finding) else "explained" if finding["explained"] else "weak"
        if ORDER.index(verdict) < ORDER.index(best[0]):
            best = verdict, finding
    return *best, others


def sightings(path):
    """(time at which it was printed, finding) of a live watch's lines."""
    told = []
    for line in lines(path):
        try:
            finding = json.loads(line["line"])
        except ValueError:
            continue
        if finding.get("type") == "finding":
            told.append((line["t"], finding))
    return told


def first_sight(truth, told):
    """Seconds from the first packet of the fallback to the first report of it, or None."""
    began = truth.fallback_began()
    for when, finding in told:
        if finding["status"] != "withdrawn" and began is not None and when >= began and reported(finding) and truth.involves(finding):
            return when - began
    return None


def standing(told):
    """The findings that a live watch left standing, by id."""
    last = {}
    for _, finding in told:
        last[finding["id"]] = finding
    return [finding for finding in last.values() if finding["status"] != "withdrawn"]


def when(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")
