# SPDX-License-Identifier: Apache-2.0
"""What the simple rules say of the same captures: three destinations in an hour, RITA's beacon score, a threshold random walk.

They see flows made by tshark from the same packets. Each returns, for a capture, its alarms as (host, server) pairs, one for
each alarm; server None: the alarm is of the host as a whole."""
import collections
import ipaddress
import statistics
import subprocess

FIELDS = ("frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.flags", "udp.srcport",
          "udp.dstport", "frame.len")
HOUR_S, UDP_IDLE_S = 3600, 60
DESTINATIONS = 3             # "at least three external destinations in an hour" is the usual published rule
RITA_ALARM = 0.7             # RITA's bucket "medium"
TRW_BENIGN, TRW_SCANNER = 0.8, 0.2   # chance that a first contact answers: Jung et al. 2004
TRW_ALARM = 99.0             # alpha 0.01, power 0.99


class Flow:
    def __init__(self, start, host, server, proto):
        self.start = self.last = start
        self.host, self.server, self.proto = host, server, proto
        self.sent, self.answered = 0, False


def local(address):
    return ipaddress.ip_address(address).is_private and not in_tests(address)


def in_tests(address):
    """Documentation and benchmark networks play the Internet in scenarios (RFC 5737, 2544, 3849)."""
    where = ipaddress.ip_address(address)
    nets = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15") if where.version == 4 else ("2001:db8::/32",)
    return any(where in ipaddress.ip_network(net) for net in nets)


def flows(path, seconds=120):
    """Conversations of local hosts with the outside, in the order of their start."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    table, found, known = {}, [], {}
    for line in done.stdout.splitlines():
        row = line.split("\t")
        if len(row) != len(FIELDS):
            continue
        when, src, dst = float(row[0]), row[1] or row[3], row[2] or row[4]
        proto = "tcp" if row[5] else "udp" if row[8] else None
        if not src or proto is None:
            continue
        ports = (row[5], row[6]) if proto == "tcp" else (row[8], row[9])
        for address in (src, dst):
            if address not in known:
                known[address] = local(address)
        if known[src] and not known[dst]:
            key, out = (src, dst, *ports, proto), True
        elif known[dst] and not known[src]:
            key, out = (dst, src, ports[1], ports[0], proto), False
        else:
            continue
        flow = table.get(key)
        opens = out and proto == "tcp" and int(row[7], 16) & 0x12 == 0x02
        if flow is None or (proto == "udp" and when - flow.last > UDP_IDLE_S) or (opens and flow.answered):
            if not out or key[3] in ("53", "5353", "123"):
                continue
            flow = table[key] = Flow(when, key[0], key[1], proto)
            found.append(flow)
        flow.last = when
        if out:
            flow.sent += int(row[10])
        else:
            flow.answered |= proto == "udp" or not int(row[7], 16) & 0x04
    return found


def three_destinations(made):
    """A host that reaches three new addresses within a clock hour; one alarm an hour."""
    reached, met = collections.defaultdict(set), collections.defaultdict(set)
    for flow in made:
        if flow.server not in met[flow.host]:
            met[flow.host].add(flow.server)
            reached[flow.host, int(flow.start // HOUR_S)].add(flow.server)
    return [(host, servers) for (host, _), servers in reached.items() if len(servers) >= DESTINATIONS]


def spread_score(values, default):
    """(1 - |Bowley skew|, (median - MAD) / median) as RITA v5 has them."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    skew = 0.0 if high - low < 10 or middle in (low, high) else (low + high - 2 * middle) / (high - low)
    mad = statistics.median(abs(value - middle) for value in values)
    return 1 - abs(skew), default if middle < 1 else max(0.0, (middle - mad) / middle)


def histogram_score(bars):
    mean = statistics.fmean(bars)
    spread = statistics.pstdev(bars) / mean if mean else 2
    score = 0.0 if spread > 1 else 1 - spread
    filled = [bar for bar in bars if bar]
    if len(filled) >= 11:
        width = max(1, -(-max(filled) // 20))
        classes = collections.Counter(bar // width for bar in filled)
        score = max(score, min(1.0, sum(count for _, count in classes.most_common(2)) / max(1, len(filled) - 1)))
    return score


def duration_score(bars, first, last, begin, end):
    if sum(bar > 0 for bar in bars) < 6:
        return 0.0
    run = best = 0
    for bar in bars + bars:
        run = run + 1 if bar else 0
        best = max(best, min(run, len(bars)))
    return min(1.0, max((last - first) / (end - begin), best / 12))


def beacon_score(group, begin, end):
    """RITA v5's score of one pair, 0 to 1 (analysis/beacons.go)."""
    seconds = sorted(int(flow.start) for flow in group)
    gaps = [b - a for a, b in zip(seconds, seconds[1:]) if b > a]
    if len(set(seconds)) < 4 or len(gaps) < 3 or end <= begin:
        return 0.0
    timing = statistics.fmean(spread_score(gaps, 1.0))
    size = statistics.fmean(spread_score([flow.sent for flow in group], 0.0))
    bars = [0] * 24
    for second in seconds:
        bars[min(23, int((second - begin) * 24 / (end - begin)))] += 1
    return round((timing + size + histogram_score(bars) + duration_score(bars, seconds[0], seconds[-1], begin, end)) / 4, 3)


def rita(made):
    if not made:
        return []
    begin, end = int(made[0].start), int(max(flow.last for flow in made)) + 1
    groups = collections.defaultdict(list)
    for flow in made:
        groups[flow.host, flow.server].append(flow)
    return [(host, {server}) for (host, server), group in groups.items() if beacon_score(group, begin, end) >= RITA_ALARM]


def random_walk(made):
    """First contacts of a host multiply its odds; an alarm starts it anew."""
    odds, failed, met, alarms = collections.defaultdict(lambda: 1.0), collections.defaultdict(set), collections.defaultdict(set), []
    for flow in made:
        if flow.server in met[flow.host] or flow.proto != "tcp":
            continue
        met[flow.host].add(flow.server)
        if flow.answered:
            odds[flow.host] *= TRW_SCANNER / TRW_BENIGN
        else:
            odds[flow.host] *= (1 - TRW_SCANNER) / (1 - TRW_BENIGN)
            failed[flow.host].add(flow.server)
        if odds[flow.host] <= 1:
            odds[flow.host] = 1.0
            failed[flow.host].clear()
        elif odds[flow.host] >= TRW_ALARM:
            alarms.append((flow.host, set(failed[flow.host])))
            odds[flow.host] = 1.0
            failed[flow.host].clear()
    return alarms


RULES = {"three destinations in an hour": three_destinations, f"RITA beacon score, {RITA_ALARM} or more": rita,
         "threshold random walk": random_walk}
