# SPDX-License-Identifier: Apache-2.0
"""postern scan: marks of our own and EICAR's, in files and in what HTTP carries, whatever the network did to it."""
import base64
import gzip
import hashlib
import io
import lzma
import os
import pathlib
import quopri
import random
import socket
import stat
import struct
import tarfile
import threading
import unittest
import zipfile
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
        self.assertGreater(summary["missing_bytes"], 0)
        files, _ = self.carried(frames[:8], codes=(PARTIAL,))
        got = files[0]["bytes"]
        self.assertEqual([file["gap"] for file in files], [f"bytes {got} to {len(BODY) - 1} of it are not there, {got} of {len(BODY)} are"])
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
        self.assertEqual((files, summary["streams"]), ([], 0))

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


class Lines(Scan):
    """SMTP and FTP."""

    def server_first(self, port, number=41000, mss=1000):
        talk = Talk(mss=mss, port=number)
        talk.ports = (number, port)
        talk.list.clear()
        return talk

    def found(self, frames, codes=(DONE,), options=()):
        files, _ = self.scan(self.capture(frames), codes=codes, options=options)
        return {file["uri"]: file for file in files}

    def mail(self, parts, mss=1000, bdat=False, eol=b"\r\n"):
        lines = [b"From: a@example", b"MIME-Version: 1.0", b'Content-Type: multipart/mixed;', b' boundary="=_x"', b"", b"text before"]
        for name, encoding, data in parts:
            lines += [b"--=_x", b"Content-Type: application/octet-stream", b'Content-Disposition: attachment; filename="%s"' % name,
                      b"Content-Transfer-Encoding: " + encoding, b"", data]
        message = eol.join(lines + [b"--=_x--", b""])
        talk = self.server_first(25, mss=mss).say(False, b"220 mx.example ESMTP\r\n").say(True, b"EHLO c.example\r\n").say(False, b"250 OK\r\n")
        talk.say(True, b"MAIL FROM:<a@example>\r\n").say(False, b"250 OK\r\n").say(True, b"RCPT TO:<b@example>\r\n").say(False, b"250 OK\r\n")
        if bdat:
            half = len(message) // 2
            talk.say(True, b"BDAT %d\r\n" % half + message[:half] + b"BDAT %d LAST\r\n" % (len(message) - half) + message[half:])
        else:
            talk.say(True, b"DATA\r\n").say(False, b"354 go on\r\n")
            talk.say(True, (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        return talk.say(False, b"250 taken\r\n").say(True, b"QUIT\r\n").say(False, b"221 bye\r\n").end()

    def parts(self):
        quoted = quopri.encodestring(BODY[:300]).replace(b"\n", b"\r\n")
        return [(b"b.exe", b"base64", base64.encodebytes(BODY).replace(b"\n", b"\r\n")), (b"q.txt", b"quoted-printable", quoted),
                (b"p.com", b"7bit", b".\r\n..\r\n.a\r\n" + EICAR)]

    def whole(self, frames):
        files = self.found(frames)
        self.assertEqual(files["b.exe"]["sha256"], sha(BODY))
        self.assertEqual(files["p.com"]["sha256"], sha(b".\r\n..\r\n.a\r\n" + EICAR))
        self.assertEqual([file["gap"] for file in files.values()], [None] * 4)
        self.assertEqual([match["name"] for name in ("b.exe", "q.txt") for match in files[name]["matches"]], ["own_mark"] * 2)
        self.assertEqual((files["b.exe"]["protocol"], files["b.exe"]["host"], files["b.exe"]["direction"]), ("smtp", "a@example", "upload"))

    def test_mails(self):
        for mss in (1, 7, 1400):
            self.whole(self.mail(self.parts(), mss=mss))
        self.whole(self.mail(self.parts(), bdat=True))

    def test_mails_out_of_order(self):
        for seed in range(4):
            rng = random.Random(seed)
            frames = self.mail(self.parts(), mss=rng.choice((100, 600)))
            middle = sorted(enumerate(frames[10:-6]), key=lambda pair: pair[0] + rng.uniform(0, 6))
            frames = frames[:10] + [frame for _, frame in middle] + frames[-6:]
            self.whole([(10 ** 18 + i * 10 ** 6, frame) for i, (_, frame) in enumerate(frames)])

    def test_a_lost_part_of_a_mail_is_said(self):
        frames = self.mail(self.parts())
        files = self.found(frames[:12] + frames[13:], codes=(PARTIAL,))
        self.assertEqual(files[""]["gap"], "the capture lacks a part of it")

    def test_a_refused_mail_is_no_mail(self):
        talk = self.server_first(25).say(False, b"220 x\r\n").say(True, b"HELO c\r\n").say(False, b"250 x\r\n")
        talk.say(True, b"DATA\r\n").say(False, b"554 no\r\n").say(True, b"QUIT\r\n").say(False, b"221 x\r\n")
        self.assertEqual(Run("scan", "--all", "--rules", self.rules(), self.capture(talk.end())).code, DONE)

    def test_nests_are_bounded(self):
        nest = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(60)) + b"\r\n" + MARK
        talk = self.server_first(25).say(False, b"220 x\r\n").say(True, b"HELO c\r\n").say(False, b"250 x\r\n")
        talk.say(True, b"DATA\r\n").say(False, b"354 x\r\n").say(True, nest + b"\r\n.\r\n")
        files, _ = self.scan(self.capture(talk.end()), codes=(PARTIAL,))
        self.assertIn("parts are nested too deeply in it", [file["gap"] for file in files])

    def ftp(self, command=b"RETR b.exe", passive=True, data=BODY, mss=1000, extended=False, rest=b"", number=0):
        control = self.server_first(21, 41000 + number).say(False, b"220 ftp ready\r\n").say(True, b"USER x\r\n").say(False, b"331 x\r\n")
        if passive and extended:
            control.say(True, b"EPSV\r\n").say(False, b"229 Extended (|||50010|)\r\n")
        elif passive:
            control.say(True, b"PASV\r\n").say(False, b"227 Entering (192,168,9,9,195,90)\r\n")  # behind NAT: another address
        elif extended:
            control.say(True, b"EPRT |1|%s|50010|\r\n" % CLIENT.encode()).say(False, b"200 x\r\n")
        else:
            control.say(True, b"PORT 10,1,0,5,195,90\r\n").say(False, b"200 x\r\n")
        if rest:
            control.say(True, b"REST " + rest + b"\r\n").say(False, b"350 x\r\n")
        control.say(True, command + b"\r\n").say(False, b"150 x\r\n")
        port = 50010
        up = command.startswith((b"STOR", b"APPE"))
        link = Talk(mss=mss)
        link.list, link.at = [], control.at
        link.ports = (42000 + number, port) if passive else (port, 20)
        link.segment(passive, b"", packets.SYN)
        link.segment(not passive, b"", packets.SYN | packets.ACK)
        link.say(up, data)
        link.end()
        control.at = link.at
        before = list(control.list)
        control.list.clear()
        return before + link.list + control.say(False, b"226 x\r\n").say(True, b"QUIT\r\n").end()

    def test_ftp(self):
        for passive in (True, False):
            for extended in (True, False):
                for command, direction in ((b"RETR b.exe", "download"), (b"STOR b.exe", "upload")):
                    files = self.found(self.ftp(command, passive, extended=extended, mss=333))
                    self.assertEqual(list(files), ["b.exe"])
                    file = files["b.exe"]
                    self.assertEqual((file["sha256"], file["gap"], file["direction"], file["protocol"]), (sha(BODY), None, direction, "ftp"))
                    self.assertEqual(file["matches"][0]["name"], "own_mark")
                    self.assertEqual(file["from"]["address"], SERVER if direction == "download" else CLIENT)

    def test_ftp_in_part(self):
        frames = self.ftp(mss=1)[:-9]
        self.assertIn("the conversation ended before it did", self.found(frames[:400], codes=(PARTIAL,))["b.exe"]["gap"])
        self.assertEqual(self.found(self.ftp(rest=b"100"), codes=(PARTIAL,))["b.exe"]["gap"],
                         f"bytes 0 to 99 of it are not there, {len(BODY)} of {len(BODY) + 100} are")
        frames = self.ftp()
        self.assertEqual(self.found(frames[:14] + frames[15:], codes=(PARTIAL,))["b.exe"]["gap"], "the capture lacks a part of it")
        run = Run("scan", "--json", "--all", "--rules", self.rules(), self.capture(self.ftp(b"LIST")))
        self.assertEqual([line["type"] for line in run.lines()], ["summary"])


class Forms(Scan):
    def test_parts_of_forms(self):
        body = (b'--bb\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
                b'--bb\r\nContent-Disposition: form-data; name="f"; filename="up.bin"\r\n\r\n' + BODY + b"\r\n--bb--\r\n")
        for mss in (1, 50, 1400):
            talk = Talk(mss=mss).ask(b"/up", b"POST", body, b"Content-Type: multipart/form-data; boundary=bb\r\n").answer(b"")
            files, _ = self.scan(self.capture(talk.end()))
            self.assertEqual({file["uri"]: file["sha256"] for file in files},
                             {"/up": sha(body), "note": sha(b"hello"), "up.bin": sha(BODY)})


class Archives(Scan):
    def zip(self, *members, method=zipfile.ZIP_DEFLATED):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", method) as archive:
            for name, body in members:
                archive.writestr(name, body)
        return data.getvalue()

    def tar(self, name, body, mode="w:gz"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=mode) as archive:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        return data.getvalue()

    def members(self, data, codes=(DONE,), options=()):
        files, _ = self.scan(self.path("x", data), codes=codes, options=options)
        return {file["member"]: file for file in files}

    def test_kinds(self):
        for data, name in ((self.zip(("a", BODY)), "a"), (self.tar("a", BODY), "a"), (self.tar("a", BODY, "w:xz"), "a"), (self.tar("a", BODY, "w"), "a"),
                           (gzip.compress(BODY), "unpacked"), (lzma.compress(BODY), "unpacked"),
                           (self.zip(("n.zip", self.zip(("t.tgz", self.tar("a", BODY))))), "n.zip > t.tgz > a")):
            file = self.members(data)[name]
            self.assertEqual((file["sha256"], file["gap"], file["matches"][0]["name"]), (sha(BODY), None, "own_mark"))
        self.assertEqual(list(self.members(BODY)), [None])
        self.assertEqual(list(self.members(self.zip(("n.zip", self.zip(("a", BODY)))), codes=(PARTIAL,), options=["--limit-depth", "1"])), [None, "n.zip"])

    def test_of_what_is_carried(self):
        files, _ = self.scan(self.capture(Talk().ask(b"/a.zip").answer(self.zip(("in.exe", BODY))).end()))
        self.assertEqual([(file["uri"], file["member"]) for file in files], [("/a.zip", None), ("/a.zip", "in.exe")])

    def test_limits(self):
        nest = BODY
        for _ in range(6):
            nest = self.zip(("z", nest))
        gaps = [file["gap"] for file in self.scan(self.path("x", nest), codes=(PARTIAL,))[0]]
        self.assertIn("archives are nested too deeply in it (--limit-depth)", gaps)
        files, _ = self.scan(self.path("x", nest), options=["--limit-depth", "0"])
        self.assertEqual([file["member"] for file in files], [None])
        bomb = self.zip(*((f"{i}", bytes(1 << 20)) for i in range(8)))
        files, _ = self.scan(self.path("x", bomb), codes=(PARTIAL,), options=["--limit-unpacked", "3M"])
        self.assertLessEqual(sum(file["bytes"] for file in files if file["member"]), 3 << 20)
        files, _ = self.scan(self.path("x", bomb), codes=(PARTIAL,), options=["--limit-members", "3"])
        self.assertEqual(sum(file["bytes"] > 0 for file in files if file["member"]), 3)
        file = self.members(bomb, codes=(PARTIAL,), options=["--limit-file", "64K"])["0"]
        self.assertEqual((file["bytes"], file["gap"]), (1 << 16, "it unpacks to more than is looked at"))

    def test_encrypted_and_damaged(self):
        data = bytearray(self.zip(("a", BODY)))
        self.assertIsNotNone(self.members(bytes(data[:len(data) // 2]), codes=(PARTIAL,))["a"]["gap"])
        data[6] |= 1  # the flag for encryption, in both places
        data[data.index(b"PK\x01\x02") + 8] |= 1
        self.assertEqual(self.members(bytes(data), codes=(PARTIAL,))["a"]["gap"], "it is encrypted")


class Losses(Scan):
    def test_a_lost_packet_is_said_or_nothing_is_lost(self):
        """Whatever packet of the answer is lost: the file is whole, or said to be not."""
        frames = Talk(mss=400).ask().answer(BODY).end()
        for lost in range(3, len(frames) - 2):
            files, _ = self.scan(self.capture(frames[:lost] + frames[lost + 1:]), codes=(DONE, PARTIAL))
            for file in files:
                self.assertEqual(file["gap"] is None, file["sha256"] == sha(BODY), lost)

    def test_the_end_came_early(self):
        """An answer up to the end of the conversation, whose end overtook its last bytes."""
        frames = Talk().ask().answer(BODY, length=False).end()
        frames[-2], frames[-3] = (frames[-3][0], frames[-2][1]), (frames[-2][0], frames[-3][1])
        files, _ = self.scan(self.capture(frames))
        self.assertEqual((files[0]["sha256"], files[0]["gap"]), (sha(BODY), None))
        files, _ = self.scan(self.capture(frames[:-2] + frames[-1:]), codes=(PARTIAL,))
        self.assertIsNotNone(files[0]["gap"])


if __name__ == "__main__":
    unittest.main()
