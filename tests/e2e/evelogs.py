# SPDX-License-Identifier: Apache-2.0
"""Suricata's flow records of what zeeklogs.py tells: the same quiet host, and its walk through a list of dead servers."""
import datetime
import json

import zeeklogs

ZONE = "+0000"


def stamp(at, zone=ZONE):
    """As Suricata writes it: no colon in the zone."""
    offset = datetime.datetime.strptime(zone, "%z").tzinfo
    return datetime.datetime.fromtimestamp(round(at * 1e6) / 1e6, offset).strftime("%Y-%m-%dT%H:%M:%S.%f%z")


def flow(at, number, client, port, server, server_port, state, duration, zone=ZONE):
    packets, octets, flags, how = {"SF": ((6, 7), (624, 4378), ("1b", "1b"), "closed"),
                                   "REJ": ((1, 1), (66, 60), ("02", "14"), "closed")}[state]
    return {"timestamp": stamp(at + duration + 60, zone), "flow_id": number, "event_type": "flow", "src_ip": client, "src_port": port,
            "dest_ip": server, "dest_port": server_port, "proto": "TCP",
            "flow": {"pkts_toserver": packets[0], "pkts_toclient": packets[1], "bytes_toserver": octets[0], "bytes_toclient": octets[1],
                     "start": stamp(at, zone), "end": stamp(at + duration, zone), "age": int(duration), "state": how, "reason": "timeout",
                     "alerted": False},
            "tcp": {"tcp_flags": "1f", "tcp_flags_ts": flags[0], "tcp_flags_tc": flags[1], "syn": True}}


def walk(zone=lambda number: ZONE):
    """One record for each row of zeeklogs.day() and zeeklogs.ladder()."""
    out = []
    for number, row in enumerate(zeeklogs.day() + zeeklogs.ladder(zeeklogs.START + 12100)):
        rec = zeeklogs.record(row)
        out.append(flow(rec["ts"], number + 1, rec["id.orig_h"], rec["id.orig_p"], rec["id.resp_h"], rec["id.resp_p"],
                        rec["conn_state"], rec["duration"], zone(number)))
    return out


def lines(records):
    return "".join(json.dumps(each) + "\n" for each in records)
