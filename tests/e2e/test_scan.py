# SPDX-License-Identifier: Apache-2.0
"""postern scan: marks of our own and EICAR's, in files and in what HTTP carries, whatever the network did to it."""
import gzip
import hashlib
import os
import pathlib
import random
import socket
import stat
import struct
import threading
import unittest
import zlib

import captures
import packets
from support import DONE, FINDINGS, NOTHING, PARTIAL, USAGE, Case, Run

MARK = b"POSTERN-HARMLESS-MARK-7F3A"
RULE = b'rule own_mark : test { meta: description = "a mark of our tests" strings: $a = "POSTERN-HARMLESS-MARK-7F3A" condition: $a }\n'
# in two parts, so that no scanner takes this file for it
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
CLIENT, SERVER = "10.1.0.5", "198.51.100.7"
BODY = b"begin " + MARK + b" " + bytes(random.Random(5).randbytes(9000)) + b" end"


class Talk:
    """A conversation in HTTP, as packets: [(nanoseconds, frame)]."""

    def __init__(self, mss=1000, port=40000):
        self.at, self.mss, self.ports = 10 ** 18, mss, (port, 80)
        self.seq, self.list = {True: 1000, False: 9000}, []
        self.segment(True, b"", packets.SYN)
        self.segment(False, b"", packets.SYN | packets.ACK)

    def segment(self, up, data, flags=packets.ACK):
        pair = self.ports if up else self.ports[::-1]
        ends = (CLIENT, SERVER) if up else (SERVER, CLIENT)
        self.at += 1_000_000
        self.list.append((self.at, packets.framed(packets.tcp(*ends, pair, flags, (self.seq[up], self.seq[not up]), data))))
        self.seq[up] += len(data) + (flags & (packets.SYN | packets.FIN) != 0)

    def say(self, up, data):
        for at in range(0, len(data), self.mss):
            self.segment(up, data[at:at + self.mss])
        return self

    def ask(self, path=b"/a", method=b"GET", body=b"", fields=b""):
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        return self.say(True, method + b" " + path + b" HTTP/1.1\r\nHost: files.example\r\n" + fields + length + b"\r\n" + body)

    def answer(self, body, fields=b"", status=b"200 OK", length=True):
        head = b"HTTP/1.1 " + status + b"\r\n" + fields + (b"Content-Length: %d\r\n" % len(body) if length else b"")
        return self.say(False, head + b"\r\n" + body)

    def end(self):
        self.segment(False, b"", packets.FIN | packets.ACK)
        self.segment(True, b"", packets.FIN | packets.ACK)
        return self.list


def chunked(body, size=700):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;x=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Scan(Case):
    def rules(self, text=RULE):
        return self.path("rules.yar", text)

    def scan(self, *inputs, options=(), codes=(DONE,)):
        run = Run("scan", "--json", "--all", "--rules", self.rules(), *options, *inputs)
        self.assertIn(run.code, codes, run)
        *files, summary = run.lines()
        self.assertEqual(summary["type"], "summary")
        return files, summary

    def capture(self, frames, name="web.pcap"):
        return self.path(name, captures.pcap(frames))


class Files(Scan):
    def test_folders(self):
        folder = self.folder / "files"
        (folder / "below").mkdir(parents=True)
        (folder / "good").write_bytes(b"nothing here")
        (folder / "below/bad").write_bytes(BODY)
        files, summary = self.scan(folder)
        found = {pathlib.Path(file["path"]).name: file for file in files}
        self.assertEqual(found["good"]["matches"], [])
        self.assertEqual(found["good"]["mime"], "text/plain")
        self.assertEqual(found["bad"]["matches"], [{"by": "yara", "name": "own_mark", "text": "a mark of our tests"}])
        self.assertEqual(found["bad"]["sha256"], sha(BODY))
        self.assertEqual((summary["files"], summary["matching"], summary["rules"]), (2, 1, 1))
        run = Run("scan", "--exit-code", "--rules", self.rules(), folder)
        self.assertEqual(run.code, FINDINGS, run)
        self.assertIn("yara: own_mark: a mark of our tests", run.out.decode())
        self.assertNotIn("good", run.out.decode())

    def test_hashes_of_lists(self):
        listed = self.path("list.csv", f"sha256,malware\n{sha(BODY)},Thing\n".encode())
        files, _ = self.scan(self.path("x", BODY), options=["--intel", listed])
        self.assertEqual([match["by"] for match in files[0]["matches"]], ["intel", "yara"])
        self.assertIn("Thing", files[0]["matches"][0]["text"])

    def test_what_is_too_long_is_said(self):
        files, _ = self.scan(self.path("x", bytes(5000) + MARK), options=["--limit-file", "4K"], codes=(PARTIAL,))
        self.assertEqual((files[0]["bytes"], files[0]["matches"]), (4096, []))
        self.assertIn("--limit-file", files[0]["gap"])

    def test_rules_that_hang_are_stopped(self):
        slow = b"rule slow { condition: for all i in (1..2000000000) : (uint8(i % filesize) < 256) }\n"
        run = Run("scan", "--json", "--all", "--timeout", "1", "--rules", self.rules(slow), self.path("x", BODY), timeout=60)
        self.assertEqual(run.code, PARTIAL, run)
        self.assertIn("stopped after 1 s", run.lines()[0]["gap"])

    def test_bad_rules_are_named(self):
        for text, says in ((RULE + b"rule x { condition: nonsense }\n", "rules.yar:2: "), (b"YARA\x00\x01", "compiled rules")):
            run = Run("scan", "--rules", self.rules(text), self.path("x", b"x"))
            self.assertEqual(run.code, USAGE, run)
            self.assertIn(says, run.err)

    def test_usage(self):
        self.assertEqual(Run("scan", self.path("x", b"x")).code, USAGE)
        self.assertEqual(Run("scan", "--rules", self.rules()).code, USAGE)
        self.assertEqual(Run("scan", "--rules", self.rules(), "/no/such/file").code, NOTHING)
        run = Run("scan", "--clamd", "/no/such/socket", self.path("x", b"x"))
        self.assertEqual(run.code, USAGE, run)
        self.assertIn("no clamd answers", run.err)

    def test_quarantine(self):
        folder = self.folder / "kept"
        folder.mkdir()
        path, other = self.path("x", BODY), self.path("y", b"harmless")
        for _ in range(2):  # twice: what is there stays
            self.scan(path, other, options=["--quarantine", folder])
            [kept] = folder.iterdir()
            self.assertEqual(kept.name, sha(BODY))
            self.assertEqual(stat.S_IMODE(kept.lstat().st_mode), 0)
        self.assertEqual(path.read_bytes(), BODY)
        kept.chmod(0o600)
        self.assertEqual(kept.read_bytes(), BODY)
        kept.unlink()
        target = self.folder / "target"
        os.symlink(target, kept)
        self.scan(path, options=["--quarantine", folder], codes=(DONE, PARTIAL))
        self.assertFalse(target.exists())
        self.assertEqual(Run("scan", "--rules", self.rules(), "--quarantine", "/no/such", path).code, USAGE)


class Clamd(Scan):
    def serve(self, refuse=False):
        """A clamd that knows EICAR alone."""
        path = self.folder / "clamd"
        path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(4)
        self.addCleanup(server.close)

        def read(link, count):
            data = b""
            while len(data) < count:
                data += link.recv(count - len(data)) or self.fail("cut")
            return data

        def talk():
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with link:
                    command = b""
                    while not command.endswith(b"\0"):
                        command += read(link, 1)
                    if command == b"zPING\0":
                        link.sendall(b"PONG\0")
                        continue
                    if refuse:
                        link.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                        continue
                    data = b""
                    while size := struct.unpack(">I", read(link, 4))[0]:
                        data += read(link, size)
                    link.sendall(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in data else b"stream: OK\0")

        threading.Thread(target=talk, daemon=True).start()
        return path

    def test_it_is_asked(self):
        files, _ = self.scan(self.path("bad", EICAR), self.path("good", bytes(3 << 20)), options=["--clamd", self.serve()])
        self.assertEqual([match["name"] for file in files for match in file["matches"]], ["Eicar-Test-Signature"])

    def test_what_it_refuses_is_said(self):
        files, _ = self.scan(self.path("x", EICAR), options=["--clamd", self.serve(refuse=True)], codes=(PARTIAL,))
        self.assertIn("size limit exceeded", files[0]["gap"])


class Web(Scan):
    def carried(self, frames, codes=(DONE,), options=()):
        return self.scan(self.capture(frames), codes=codes, options=options)

    def whole(self, frames):
        files, _ = self.carried(frames)
        self.assertEqual([(file["sha256"], file["gap"]) for file in files], [(sha(BODY), None)])
        self.assertEqual(files[0]["matches"][0]["name"], "own_mark")
        return files[0]

    def test_who_sent_it_to_whom(self):
        file = self.whole(Talk().ask(b"/a/b.exe?x=1").answer(BODY).end())
        self.assertEqual((file["from"], file["to"]), ({"address": SERVER, "port": 80}, {"address": CLIENT, "port": 40000}))
        self.assertEqual((file["host"], file["uri"], file["direction"]), ("files.example", "/a/b.exe?x=1", "download"))

    def test_codings(self):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        raw = deflate.compress(BODY) + deflate.flush()
        self.whole(Talk().ask().answer(chunked(BODY), b"Transfer-Encoding: chunked\r\n", length=False).end())
        self.whole(Talk().ask().answer(gzip.compress(BODY), b"Content-Encoding: gzip\r\n").end())
        self.whole(Talk().ask().answer(zlib.compress(BODY), b"content-encoding: Deflate\r\n").end())
        self.whole(Talk().ask().answer(raw, b"Content-Encoding: deflate\r\n").end())
        self.whole(Talk().ask().answer(chunked(gzip.compress(BODY)), b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                                       length=False).end())
        self.whole(Talk().ask().answer(BODY, length=False).end())  # to the end

    def test_messages_without_a_body(self):
        talk = Talk().ask(method=b"HEAD").answer(b"", b"Content-Length: 9999\r\n", length=False)
        talk.ask().answer(b"", status=b"304 Not Modified", length=False)
        talk.ask().answer(b"", status=b"100 Continue", length=False).answer(BODY)
        self.whole(talk.end())

    def test_pipelining_and_uploads(self):
        talk = Talk().ask(b"/one").ask(b"/two").ask(b"/three", b"POST", BODY)
        talk.answer(b"first").answer(b"second").answer(b"third")
        files, _ = self.carried(talk.end())
        self.assertEqual({(file["uri"], file["direction"], file["sha256"]) for file in files},
                         {("/one", "download", sha(b"first")), ("/two", "download", sha(b"second")), ("/three", "download", sha(b"third")),
                          ("/three", "upload", sha(BODY))})

    def test_disorder_and_repeats_change_nothing(self):
        for seed in range(8):
            rng = random.Random(seed)
            frames = Talk(mss=rng.choice((100, 400, 1400))).ask().answer(BODY).end()
            order = [(i + rng.uniform(0, 6), frame) for i, (_, frame) in enumerate(frames[3:-2])]  # request and ends stay
            order += [(i + rng.uniform(0, 9), frame) for i, (_, frame) in enumerate(frames[3:-2]) if rng.random() < 0.2]
            middle = [frame for _, frame in sorted(order, key=lambda pair: pair[0])]
            mixed = [frame for _, frame in frames[:3]] + middle + [frame for _, frame in frames[-2:]]
            self.whole([(10 ** 18 + i * 10 ** 6, frame) for i, frame in enumerate(mixed)])

    def test_what_is_missing_is_said(self):
        frames = Talk().ask().answer(BODY).end()
        files, summary = self.carried(frames[:6] + frames[7:], codes=(PARTIAL,))
        self.assertEqual([file["gap"] for file in files], ["the capture lacks a part of it"])
        self.assertGreater(summary["http_missing_bytes"], 0)
        files, _ = self.carried(frames[:8], codes=(PARTIAL,))
        self.assertEqual([file["gap"] for file in files], ["the conversation ended before it did"])
        files, _ = self.carried(Talk().ask().answer(BODY, b"Content-Range: bytes 0-9/99\r\n", b"206 Partial Content").end(), codes=(PARTIAL,))
        self.assertIn("one part of a file", files[0]["gap"])
        files, _ = self.carried(Talk().ask().answer(BODY, b"Content-Encoding: br\r\n").end(), codes=(PARTIAL,))
        self.assertIn("not unpacked", files[0]["gap"])

    def test_bombs_are_cut(self):
        bomb = gzip.compress(bytes(200 << 20), 9)
        files, _ = self.carried(Talk(mss=1400).ask().answer(bomb, b"Content-Encoding: gzip\r\n").end(), codes=(PARTIAL,),
                                options=["--limit-file", "1M"])
        self.assertEqual((files[0]["bytes"], files[0]["gap"]), (1 << 20, "it unpacks to more than is looked at"))

    def test_what_is_no_http_is_left_alone(self):
        files, summary = self.carried(Talk().say(True, b"\x16\x03\x01" + BODY).say(False, BODY).end())
        self.assertEqual((files, summary["http_streams"]), ([], 0))

    def test_any_cut_of_a_capture_is_survived(self):
        whole = captures.pcap(Talk().ask().answer(chunked(gzip.compress(BODY)), b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                                                  length=False).end())
        rng = random.Random(3)
        for _ in range(15):
            data = bytearray(whole[:rng.randrange(100, len(whole))])
            for _ in range(rng.randrange(4)):
                data[rng.randrange(24, len(data))] ^= 1 << rng.randrange(8)
            run = Run("scan", "--json", "--rules", self.rules(), self.path("cut.pcap", bytes(data)))
            self.assertIn(run.code, (DONE, PARTIAL, NOTHING), run)


if __name__ == "__main__":
    unittest.main()
