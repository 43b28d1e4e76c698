# SPDX-License-Identifier: Apache-2.0
"""postern scan: what a network and a capture do to packets. Whole: the file is found. A packet lost: it is found or said to be missing, never neither."""
import base64
import gzip
import quopri
import random
import unittest

import smbtalk
import test_scan
from support import DONE, PARTIAL
from test_scan import EICAR, MARK, RULE, Talk, chunked
from test_scan_smb import talk

RULES = RULE + b"rule eicar : test { strings: $a = \"" + EICAR.replace(b"\\", b"\\\\") + b"\" condition: $a }\n"
SMALL = random.Random(9).randbytes(300) + MARK + EICAR + b"\r\n.end"
LARGE = random.Random(7).randbytes(900_000) + MARK + EICAR


class Loss(test_scan.Scan):
    server_first, mail, ftp = test_scan.Lines.server_first, test_scan.Lines.mail, test_scan.Lines.ftp

    def rules(self, text=RULES):
        return super().rules(text)

    def conversations(self, body, mss):
        """What is carried in each way: {name: frames}."""
        web = {"length": (body, b"", True), "chunked": (chunked(body), b"Transfer-Encoding: chunked\r\n", False),
               "gzip": (gzip.compress(body), b"Content-Encoding: gzip\r\n", True), "to the end": (body, b"", False)}
        out = {name: Talk(mss=mss).ask().answer(data, fields, length=length).end() for name, (data, fields, length) in web.items()}
        out["upload"] = Talk(mss=mss).ask(method=b"POST", body=body).answer(b"ok").end()
        out["second"] = Talk(mss=mss).ask(b"/1").answer(b"first").ask(b"/2").answer(body).end()
        coded = base64.encodebytes(body).replace(b"\n", b"\r\n")
        quoted = quopri.encodestring(body).replace(b"\n", b"\r\n")
        out["base64"] = self.mail([(b"a", b"base64", coded)], mss=mss)
        out["base64, bdat"] = self.mail([(b"a", b"base64", coded)], mss=mss, bdat=True)
        if len(body) < 10_000:
            out["quoted"] = self.mail([(b"a", b"quoted-printable", quoted)], mss=mss)
        out["ftp"] = self.ftp(data=body, mss=mss)
        out["ftp, active"] = self.ftp(data=body, mss=mss, passive=False)
        out["smb"] = talk(smbtalk.passing(body, size=60_000), mss)
        out["smb, written"] = talk(smbtalk.passing(body, write=True, size=60_000), mss)
        out["smb, 1"] = talk(smbtalk.old_passing(body, size=30_000), mss)
        return out

    def look(self, frames, what):
        files, _ = self.scan(self.capture(frames), codes=(DONE, PARTIAL))
        names = {match["name"] for file in files for match in file["matches"]}
        return names == {"own_mark", "eicar"}, any(file["gap"] for file in files)

    def test_whole(self):
        for mss in (1, 2, 3, 5, 64, 333, 1460):
            for name, frames in self.conversations(SMALL, mss).items():
                self.assertEqual(self.look(frames, name), (True, False), (name, mss))

    def test_disorder_and_repeats(self):
        for seed in range(3):
            rng = random.Random(seed)
            for name, frames in self.conversations(SMALL, rng.choice((50, 90))).items():
                order = sorted((place + rng.uniform(0, 3) * (rng.random() < 0.2) + again * 4, frame) for place, (_, frame) in enumerate(frames)
                               for again in range(1 + (rng.random() < 0.1)))
                mixed = [(10 ** 18 + i * 10 ** 6, frame) for i, (_, frame) in enumerate(order)]
                found, said = self.look(mixed, name)
                self.assertTrue(found or said, (name, seed))

    def test_any_one_lost(self):
        for name, frames in self.conversations(SMALL, 150).items():
            for lost in range(len(frames)):
                found, said = self.look(frames[:lost] + frames[lost + 1:], name)
                self.assertTrue(found or said, f"{name}: packet {lost} of {len(frames)}")

    def test_one_in_ten_thousand(self):
        """Over all conversations as often as each has packets: seeded, so that it is the same each time."""
        rng = random.Random(10_000)
        lost_any = 0
        for name, frames in self.conversations(LARGE, 100).items():
            kept = [pair for pair in frames if rng.random() >= 1e-4]
            lost_any += len(kept) < len(frames)
            found, said = self.look(kept, name)
            self.assertTrue(found or said, name)
        self.assertGreater(lost_any, 3)



if __name__ == "__main__":
    unittest.main()
