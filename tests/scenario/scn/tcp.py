# SPDX-License-Identifier: Apache-2.0
"""One TCP connection as both sides would write it: numbers, options, acknowledgements, timers, teardown.

Half duplex: one side speaks at a time, which is what requests and answers do. Times are seconds of the
scenario as seen beside the client; every method returns the time at which it is over."""
import struct

from .stack import SERVER
from .wire import ACK, FIN, PSH, RST, SYN, TCP, checksum

SEGMENT_S = 0.00012   # 1500 bytes at 100 Mbit/s
REACT_S = 0.00006     # a kernel's answer
DELAYED_ACK_S = 0.04
FIRST_WINDOW = 10     # RFC 6928
WINDOW_MAX = 40


class Tcp:
    def __init__(self, path, sport, dport, rng):
        self.path, self.ports = path, (sport, dport)
        self.stacks = (path.host.stack, SERVER)
        self.stamps = all(stack.stamps for stack in self.stacks)
        self.seq = [rng.getrandbits(32), rng.getrandbits(32)]
        self.got = [0, 0]            # next byte expected from the other side
        self.clock = (rng.getrandbits(30), rng.getrandbits(30))
        self.recent = [0, 0]         # RFC 7323: time stamp to echo
        self.owed = [None, None]     # when a delayed acknowledgement falls due
        self.window = [FIRST_WINDOW, FIRST_WINDOW]
        self.mss = (1440 if path.v6 else 1460) - (12 if self.stamps else 0)
        self.open_now = False
        self.last = 0.0

    def packet(self, side, t, flags, payload=b"", seq=None, ack=None):
        stack = self.stacks[side]
        seq = self.seq[side] if seq is None else seq
        ack = self.got[side] if ack is None else ack
        if not flags & ACK:
            ack = 0
        value = (self.clock[side] + int(t * 1000)) & 0xFFFFFFFF
        options = b""
        if flags & SYN:
            layout = stack
            options = layout.options(self.path.v6, (value, self.recent[side]))
            if side == 1 and not self.stamps:  # answer only what was offered
                options = options[:4] + b"\1\1\4\2" + b"\1" + options[-3:]
        elif self.stamps and not flags & RST:
            options = b"\1\1\x08\x0a" + struct.pack("!II", value, self.recent[side])
        window = stack.window if flags & SYN else 0 if flags & RST else stack.window_after
        source, target = self.ports if side == 0 else self.ports[::-1]
        offset = (20 + len(options)) << 2
        head = struct.pack("!HHIIBBH", source, target, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, window)
        length = 20 + len(options) + len(payload)
        total = checksum(self.path.pseudo(TCP, length) + head + b"\0\0\0\0" + options + payload)
        segment = head + total.to_bytes(2, "big") + b"\0\0" + options + payload
        self.path.send(side, t, TCP, segment)
        if self.stamps and not flags & RST:
            self.recent[1 - side] = value
        self.last = max(self.last, t)
        return segment

    # Opening -----------------------------------------------------------------------------------------

    def open(self, t, answer, patience):
        """Returns (outcome, time). answer: what the server does (sim.Answer)."""
        if answer.kind == "refuses":
            return self._refused(t)
        if answer.kind == "silent":
            return self._unanswered(t, patience)
        if answer.kind == "unreachable":
            return self._unreachable(t, answer, patience)
        rtt = self.path.rtt
        self.packet(0, t, SYN)
        self.seq[0] += 1
        self.got[1] = self.seq[0]
        self.packet(1, t + rtt, SYN | ACK)
        self.seq[1] += 1
        self.got[0] = self.seq[1]
        self.packet(0, t + rtt + REACT_S, ACK)
        self.open_now = True
        return "ok", t + rtt + 2 * REACT_S

    def _refused(self, t):
        for attempt in range(1 + self.stacks[0].resyn):
            if attempt:
                t += 0.5
            self.packet(0, t, SYN)
            t += self.path.rtt
            self.packet(1, t, RST | ACK, seq=0, ack=self.seq[0] + 1)
        return "refused", t

    def _tries(self, t, patience):
        stop = min(self.stacks[0].gives_up, patience)
        return [t] + [t + later for later in self.stacks[0].retries if later < stop], t + stop

    def _unanswered(self, t, patience):
        times, end = self._tries(t, patience)
        for when in times:
            self.packet(0, when, SYN)
        return "silent", end

    def _unreachable(self, t, answer, patience):
        times, end = self._tries(t, patience)
        router = self.path.sim.router(self.path.v6)
        for when in times:
            segment = self.packet(0, when, SYN)
            told = when + self.path.rtt
            self.path.unreachable(told, TCP, segment, answer.word or "host", router)
            if self.stacks[0].icmp_fatal:
                return "unreachable", told
        return "unreachable", end

    # Speaking ----------------------------------------------------------------------------------------

    def settle(self, side, t):
        """Writes the delayed acknowledgement of this side if it falls due before t; drops it otherwise."""
        due, self.owed[side] = self.owed[side], None
        if due is not None and due <= t:
            self.packet(side, due, ACK)

    def data(self, side, t, payload):
        """Sends payload from one side, with the other's acknowledgements; returns when its last byte was seen."""
        self.settle(side, t)
        delay = self.path.rtt if side == 0 else REACT_S  # until the answer of the other side is seen here
        room, burst, count = self.window[side], t, 0
        last = t
        for start in range(0, len(payload), self.mss):
            piece = payload[start:start + self.mss]
            if count == room:  # the window is full: the next burst waits for its acknowledgement
                room, count = min(room * 2, WINDOW_MAX), 0
                burst = max(burst + self.path.rtt, last + delay) + SEGMENT_S
            last = burst + count * SEGMENT_S
            final = start + self.mss >= len(payload)
            self.packet(side, last, PSH | ACK if final else ACK, piece)
            self.seq[side] += len(piece)
            self.got[1 - side] = self.seq[side]
            count += 1
            if count % 2 == 0 and not final:
                self.packet(1 - side, last + delay, ACK)
        self.window[side] = room
        self.owed[1 - side] = last + (self.path.rtt if side == 0 else 0) + DELAYED_ACK_S
        return last

    def unheard(self, t, payload, patience):
        """The client speaks and the path is dead: retransmissions (RFC 6298), then a reset. Returns the end."""
        self.settle(0, t)
        piece = payload[:self.mss]
        wait, when = max(0.3, 0.2 + self.path.rtt), t
        for attempt in range(1 + self.stacks[0].data_tries):
            if when - t >= patience:
                break
            self.packet(0, when, PSH | ACK, piece)
            when += wait
            wait *= 2
        end = min(when, t + patience)
        self.seq[0] += len(piece)
        self.packet(0, end, RST | ACK)
        self.open_now = False
        return end

    # Ending ------------------------------------------------------------------------------------------

    def close(self, t, first=0):
        """FIN from one side, FIN back, last acknowledgement. first: who closes."""
        if not self.open_now:
            return t
        self.open_now = False
        self.settle(0, t)
        self.settle(1, t)
        rtt = self.path.rtt
        other = 1 - first
        self.packet(first, t, FIN | ACK)
        self.seq[first] += 1
        self.got[other] = self.seq[first]
        back = t + (rtt if first == 0 else REACT_S)
        self.packet(other, back, FIN | ACK)
        self.seq[other] += 1
        self.got[first] = self.seq[other]
        end = back + (REACT_S if first == 0 else rtt)
        self.packet(first, end, ACK)
        return end

    def reset(self, t, side):
        if self.open_now:
            self.open_now = False
            self.settle(1 - side, t)
            self.packet(side, t, RST | ACK)
        return t
