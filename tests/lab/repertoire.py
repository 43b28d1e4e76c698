# SPDX-License-Identifier: Apache-2.0
"""Shapes of falling back, and which of them each of T1008's 53 procedure examples (ATT&CK v18.1) has.

Times are a lab's: a beacon of minutes is one of a second and a half, three days of silence are a few seconds. What is
written of a procedure is what SCIENCE 2.2 has of its traffic; a shape is the nearest that can be played."""
from implant import DEAD_DROPS, DGA_LIVE, by_address, by_name, way

USUAL = {
    "moves": "on_failure", "ways": [], "dies": "refused", "dies_at": 0.4, "dead": 0, "dead_how": "silent",
    "period": 1.5, "jitter": 0.1, "wait": 0.0, "patience": 1, "timeout": 1.5, "size": 64, "body": 0, "path": "/c",
    "page": None, "names": 0, "gap": 0.05, "turn": 1, "once": False, "piece": 0, "roll_call": False, "seed": 8,
}


def shape(**differs):
    unknown = differs.keys() - USUAL.keys()
    assert not unknown, unknown
    return {**USUAL, **differs}


# dead: how many of the ways after the primary are dead from the beginning; dies_at: share of the run
SHAPES = {
    "address-ladder": shape(ways=by_address("https", 6), dead=4, dead_how="refused", wait=0.2),
    "backup": shape(ways=by_name("https", 2), dies="silent"),
    "port-ladder": shape(ways=[way("tcp", "198.19.50.9", port) for port in (4444, 5222, 6000)]),
    "tcp-to-udp": shape(ways=[way("tcp", "198.19.51.9", 6000), way("udp", "198.19.51.9", 6000)]),
    "http-to-dns": shape(ways=[way("http", "harbour.example"), way("dns", "t.cover.example")], size=60),
    "https-to-http": shape(ways=[way("https", "harbour.example"), way("http", "harbour.example")]),
    "dga": shape(ways=[way("https", "harbour.example"), way("https", DGA_LIVE)], names=12),
    "dead-drop": shape(ways=[way("https", "harbour.example"), way("https", "198.19.60.9", 449)], page="pastebin.com", wait=0.3),
    "rotation": shape(ways=by_name("https", 4), moves="on_count", dies=None),
    "handover": shape(ways=by_name("https", 2), moves="on_count", dies=None, turn=10, once=True, jitter=0.02),
    "split": shape(ways=by_name("https", 4), moves="in_pieces", dies=None, piece=100_000, period=0.8),
    "icmp": shape(ways=[way("https", "harbour.example"), way("icmp", "198.19.61.9")], size=180),
}


# honest software that looks like a fallback once: its service has moved, and it goes nowhere else whatever becomes of that
HONEST = {"moved": shape(ways=by_name("https", 2), once=True)}


def like(name, **differs):
    return name, differs


def list_of(kind, count, port=None, named=True, **differs):
    """A list of servers; all but the primary and the last are dead."""
    ways = by_name(kind, count, port) if named else by_address(kind, count, port)
    return like("address-ladder", ways=ways, dead=max(count - 2, 0), **differs)


PROCEDURES = {
    "S0504 Anchor": like("handover", turn=4),
    "S0622 AppleSeed": like("rotation", ways=by_name("https", 2), turn=2),
    "G0096 APT41": like("dead-drop", page="steamcommunity.com"),
    "S0534 Bazar": like("dga", names=16),
    "S0017 BISCUIT": list_of("https", 2, named=False),
    "S0089 BlackEnergy": like("backup", ways=[way("https", "harbour.example"), way("https", "docs.google.com")]),
    "S1039 Bumblebee": list_of("https", 8, named=False, wait=0.5),
    "S0348 Cardinal RAT": like("port-ladder", ways=[way("tcp", "198.19.30.9", 4444), way("tcp", "198.19.31.9", 5222),
                                                    way("tcp", "198.19.32.9", 6000)]),
    "S0674 CharmPower": like("handover", turn=10, page="docs.google.com"),
    "S0023 CHOPSTICK": like("dga", names=10, gap=0.2),
    "S0538 Crutch": like("backup", ways=[way("https", "graph.microsoft.com"), way("https", "api.github.com")], dies="refused"),
    "S0021 Derusbi": like("tcp-to-udp", ways=[way("tcp", "198.19.51.9", 4444), way("http", "198.19.51.9")]),
    "S0062 DustySky": list_of("http", 2, dies="silent"),
    "S0377 Ebury": like("dga", names=14, wait=1.0, patience=3),
    "S0401 Exaramel": list_of("https", 3),
    "S0512 FatDuke": list_of("https", 4),
    "G0046 FIN7": like("http-to-dns"),
    "S0666 Gelsemium": like("tcp-to-udp", ways=[way("tcp", "198.19.52.9", 6000), way("udp", "198.19.52.9", 6000),
                                                way("https", "quill.example")]),
    "S0376 HOPLIGHT": list_of("https", 5, named=False),
    "S0260 InvisiMole": list_of("tcp", 3, 4444, named=False),
    "S0044 JHUHUGIT": like("https-to-http", ways=[way("https", "harbour.example"), way("http", "198.19.70.9", 8080)]),
    "S0265 Kazuar": list_of("http", 4),
    "S1020 Kevin": like("http-to-dns", ways=[way("dns", "t.cover.example"), way("dns", "t.relay.example")], dies=None,
                        moves="on_count", turn=8, once=True),
    "S0236 Kwampirs": list_of("http", 8, dead_how="silent", timeout=0.7),
    "G0032 Lazarus (SierraAlfa)": list_of("tcp", 4, 8443, named=False),
    "S0211 Linfo": like("handover"),
    "S0409 Machete": like("tcp-to-udp", ways=[way("tcp", "198.19.53.9", 21), way("http", "198.19.53.9")]),
    "S0051 MiniDuke": like("dead-drop", ways=[way("https", "twitter.com"), way("https", "198.19.60.9", 449)], page="docs.google.com"),
    "S0084 Mis-Type": like("tcp-to-udp", ways=[way("tcp", "198.19.54.9", 5222), way("http", "quill.example")]),
    "S0699 Mythic": list_of("https", 3, patience=3),
    "S0034 NETEAGLE": like("tcp-to-udp", ways=[way("http", "198.19.55.9"), way("udp", "198.19.55.9", 6000)]),
    "C0002 Night Dragon": list_of("https", 2, named=False),
    "S1172 OilBooster": like("backup", ways=[way("https", "graph.microsoft.com"), way("https", "quill.example")], patience=6,
                             period=0.8, dies="refused"),
    "G0049 OilRig (ISMAgent)": like("http-to-dns", wait=0.5),
    "S0501 PipeMon": like("handover", ways=by_name("tcp", 2, 5222)),
    "S0269 QUADAGENT": like("https-to-http", ways=[way("https", "harbour.example"), way("http", "harbour.example"),
                                                   way("dns", "t.cover.example")], patience=2),
    "S1084 QUIETEXIT": list_of("tcp", 2, 8443, named=False),
    "S0629 RainyDay": like("tcp-to-udp", ways=[way("tcp", "198.19.56.9", 4444), way("http", "198.19.56.9", 8080)]),
    "S0495 RDAT": like("http-to-dns", ways=[way("dns", "t.cover.example"), way("http", "harbour.example")], body=102_400, period=2.0),
    "S0085 S-Type": like("port-ladder", ways=[way("http", "198.19.57.9", port) for port in (80, 443, 8080)]),
    "S1019 Shark": like("handover", ways=[way("dns", "t.cover.example"), way("dns", "t.relay.example")], turn=8),
    "S0444 ShimRat": list_of("http", 2),
    "S0610 SideTwist": like("https-to-http"),
    "S0058 SslMM": list_of("tcp", 2, 8443, dies="silent"),
    "S0603 Stuxnet": like("handover", ways=by_name("http", 2)),
    "S0586 TAINTEDSCRIBE": list_of("https", 5, named=False, wait=2.0),
    "S0668 TinyTurla": list_of("https", 5, named=False, wait=0.1),
    "S0266 TrickBot": list_of("https", 5, 449, named=False, dies="silent"),
    "G1048 UNC3886": list_of("tcp", 2, 6000, named=False),
    "S0022 Uroburos": like("icmp", ways=[way("http", "harbour.example"), way("dns", "t.cover.example"), way("icmp", "198.19.61.9")]),
    "S0476 Valak": list_of("http", 5),
    "S0059 WinMM": list_of("http", 2, dies="silent"),
    "S0117 XTunnel": like("port-ladder", ways=[way("tcp", "198.19.58.9", port) for port in (8443, 5222, 6000)]),
}
assert len(PROCEDURES) == 53
assert {name for name, _ in PROCEDURES.values()} <= SHAPES.keys()


def find(name):
    """A shape by its name, or a procedure by its id or name."""
    if (found := {**SHAPES, **HONEST}.get(name)) is not None:
        return dict(found)
    for title, (base, differs) in PROCEDURES.items():
        if name in (title, title.split(" ")[0]):
            return shape(**{**SHAPES[base], **differs})
    raise SystemExit(f"lab: no shape or procedure {name!r}; shapes: {', '.join(SHAPES)}")
