# SPDX-License-Identifier: Apache-2.0
"""Zeek's logs, as rows of our own: a quiet host, and one whose list of servers is dead but for the last."""
import json


CONN = ("ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state history "
        "orig_pkts resp_pkts").split()
START = 1_700_000_000.0


def head(path="conn", fields=CONN):
    return ("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
            f"#path\t{path}\n#fields\t" + "\t".join(fields) + "\n")


def conn(ts, number, client, port, server, server_port, state, duration=None):
    """One row. States: SF answered, REJ refused, S0 silent."""
    out, back, history, packets = {"SF": (300, 4000, "ShADadFf", (6, 7)), "REJ": (0, 0, "Sr", (1, 1)),
                                   "S0": (0, 0, "S", (3, 0))}[state]
    values = [f"{ts:.6f}", f"C{number:017d}", client, port, server, server_port, "tcp", "-", f"{duration or 0.1:.6f}", out, back,
              state, history, *packets]
    return "\t".join(map(str, values)) + "\n"


def day(client="10.0.0.5", rounds=40, seconds=300):
    """What the host always does: two servers, all day."""
    return [conn(START + i * seconds, i, client, 40000 + i, f"198.51.100.{1 + i % 2}", 443, "SF", 2.0) for i in range(rounds)]


def ladder(at, client="10.0.0.5", first=1000):
    """Four dead servers and one that answers, each 4 ms after the refusal before."""
    rows, now = [], at
    for i, server in enumerate(("203.0.113.10", "192.0.2.20", "198.18.0.30", "203.0.114.40")):
        rows.append(conn(now, first + i, client, 50000 + i, server, 8080, "REJ", 0.2))
        now += 0.204
    rows.append(conn(now, first + 9, client, 50009, "192.0.100.50", 443, "SF", 1.0))
    return rows


LADDER_END = "192.0.100.50"


NUMBERS = {"ts", "id.orig_p", "id.resp_p", "duration", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"}


def record(row):
    """A row as what Zeek's JSON writer makes of it: unset fields are absent."""
    values = zip(CONN, row.rstrip("\n").split("\t"))
    return {name: json.loads(value) if name in NUMBERS else value for name, value in values if value != "-"}


def lines(records):
    return "".join(json.dumps(each) + "\n" for each in records)


def renamed(rec, scope):
    """The record with another scope separator; None: nested, as {"id": {"orig_h": ...}}."""
    if scope is not None:
        return {name.replace(".", scope): value for name, value in rec.items()}
    out = {name: value for name, value in rec.items() if not name.startswith("id.")}
    return {**out, "id": {name[3:]: value for name, value in rec.items() if name.startswith("id.")}}


def without(rows, *fields):
    """(header, rows) of a log that never had these fields."""
    kept = [name for name in CONN if name not in fields]
    cut = ["\t".join(value for name, value in zip(CONN, row.rstrip("\n").split("\t")) if name in kept) + "\n" for row in rows]
    return head(fields=kept), cut
