# SPDX-License-Identifier: Apache-2.0
"""TLS bytes up to the first application data: hellos of several clients, a server's flight, alerts.

Keys and signatures are random numbers: nothing here can decrypt or authenticate anything."""
import hashlib
import struct

CONTENT_CCS, CONTENT_ALERT, CONTENT_HANDSHAKE, CONTENT_DATA = 20, 21, 22, 23
RECORD_MAX = 16384
OVERHEAD = {0x0303: 24, 0x0304: 17}  # explicit nonce and tag; content type and tag
GREASE = tuple(0x0A0A + 0x1010 * step for step in range(16))  # RFC 8701

# Cipher suites and extensions in wire order, from public fingerprints of these clients (2023 builds). "G" is GREASE.
_BROWSER = "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"
_OPENSSL = ("1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067 c00a c014 "
            "0039 c009 c013 0033 009d 009c 003d 003c 0035 002f 00ff")
_SIGS = "0403 0804 0401 0503 0805 0501 0806 0601"
_SIGS_OPENSSL = "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602"
_SIGS_SCHANNEL = "0804 0805 0806 0401 0501 0201 0403 0503 0203 0202 0601 0603"
PROFILES = {
    "chrome": dict(ciphers="G " + _BROWSER, groups="G 001d 0017 0018", sigs=_SIGS, alpn="h2 http/1.1", shuffle=True,
                   extensions="G 0 23 65281 10 11 35 16 5 13 18 51 45 43 27 17513 G 21"),
    "firefox": dict(ciphers="1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
                    groups="001d 0017 0018 0019 0100 0101", alpn="h2 http/1.1",
                    sigs="0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201",
                    extensions="0 23 65281 10 11 35 16 5 34 51 43 13 45 28 21"),
    "safari": dict(ciphers="G 1301 1302 1303 c02c c02b cca9 c030 c02f cca8 c00a c009 c014 c013 009d 009c 0035 002f "
                   "c008 c012 000a", groups="G 001d 0017 0018 0019", alpn="h2 http/1.1",
                   sigs="0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201",
                   extensions="G 0 23 65281 10 11 16 5 13 18 51 45 43 27 G 21"),
    "openssl": dict(ciphers=_OPENSSL, groups="001d 0017 001e 0019 0018", alpn="h2 http/1.1", sigs=_SIGS_OPENSSL,
                    formats="00 01 02", extensions="0 11 10 16 22 23 49 13 43 45 51 21"),
    "python": dict(ciphers="1302 1303 1301 c02c c030 c02b c02f cca9 cca8 c024 c028 c023 c027 009f 009e 006b 0067 00ff",
                   groups="001d 0017 001e 0019 0018", alpn="http/1.1", sigs=_SIGS_OPENSSL, formats="00 01 02",
                   extensions="0 11 10 35 16 22 23 13 43 45 51"),
    "go": dict(ciphers="c02b c02f c02c c030 cca9 cca8 c009 c013 c00a c014 009c 009d 002f 0035 c012 000a 1301 1302 1303",
               groups="001d 0017 0018 0019", alpn="h2 http/1.1", sigs="0804 0403 0807 0805 0806 0401 0501 0601 0503 0603 0201 0203",
               extensions="0 5 10 11 13 65281 16 18 43 51"),
    "schannel": dict(ciphers="c02c c02b c030 c02f 009f 009e c024 c023 c028 c027 c00a c009 c014 c013 009d 009c 003d 003c "
                     "0035 002f 000a", groups="001d 0017 0018", sigs=_SIGS_SCHANNEL,
                     extensions="0 5 10 11 13 35 23 65281", old=True),
}


def words(text, grease):
    return b"".join(struct.pack("!H", grease if word == "G" else int(word, 16)) for word in text.split())


def vector(data, size=2):
    return len(data).to_bytes(size, "big") + data


def record(kind, data, version=0x0303):
    return b"".join(struct.pack("!BHH", kind, version, len(data[at:at + RECORD_MAX])) + data[at:at + RECORD_MAX]
                    for at in range(0, len(data), RECORD_MAX))


def handshake(kind, body):
    return bytes([kind]) + vector(body, 3)


def alert(number):
    return record(CONTENT_ALERT, bytes([2, number]))


class Hello:
    """One client's hello and what both sides need of it later."""

    def __init__(self, profile, name, rng):
        self.spec, self.name, self.rng = PROFILES[profile], name, rng
        self.old = self.spec.get("old", False)
        self.session = b"" if self.old else rng.randbytes(32)
        # Cipher, group, version and the two extensions draw each their own value, as BoringSSL does.
        self.grease = {what: rng.choice(GREASE) for what in ("cipher", "group", "version")}
        self.grease["first"], self.grease["last"] = rng.sample(GREASE, 2)

    def _extension(self, number):
        spec, grease = self.spec, self.grease
        greased = "G" in spec["ciphers"]
        key = vector(words("001d", 0) + vector(self.rng.randbytes(32)))
        if number == 51 and greased:
            key = vector(words("G", grease["group"]) + b"\0\1\0" + words("001d", 0) + vector(self.rng.randbytes(32)))
        alpn = b"".join(vector(proto.encode(), 1) for proto in spec.get("alpn", "").split())
        versions = (words("G", grease["version"]) if greased else b"") + b"\x03\x04\x03\x03"
        table = {
            0: vector(b"\0" + vector((self.name or "").encode())), 5: b"\1\0\0\0\0",
            10: vector(words(spec["groups"], grease["group"])),
            11: vector(bytes.fromhex(spec.get("formats", "00")), 1), 13: vector(words(spec["sigs"], 0)),
            16: vector(alpn), 27: b"\2\0\2", 28: b"\x40\x01", 34: vector(words("0403 0503 0603 0203", 0)),
            43: vector(versions, 1), 45: b"\1\1", 51: key, 17513: vector(b"\2h2"), 65281: b"\0",
        }
        return table.get(number, b"")  # 18, 22, 23, 35, 49: empty in a first hello

    def _extensions(self):
        numbers = self.spec["extensions"].split()
        if self.spec.get("shuffle"):  # Chrome 110 and later: all but GREASE and padding in any order
            middle = [number for number in numbers if number not in ("G", "21")]
            self.rng.shuffle(middle)
            numbers = ["G", *middle, "G", "21"]
        greases = iter((("first", b""), ("last", b"\0")))
        parts, pad = [], False
        for number in numbers:
            if number == "G":
                which, body = next(greases)
                parts.append(struct.pack("!H", self.grease[which]) + vector(body))
            elif number == "21":
                pad = True
            elif number != "0" or self.name:
                parts.append(struct.pack("!H", int(number)) + vector(self._extension(int(number))))
        return b"".join(parts), pad

    def client(self):
        ciphers = words(self.spec["ciphers"], self.grease["cipher"])
        fixed = b"\x03\x03" + self.rng.randbytes(32) + vector(self.session, 1) + vector(ciphers) + b"\1\0"
        extensions, pad = self._extensions()
        length = 4 + len(fixed) + 2 + len(extensions)
        if pad and 255 < length < 512:  # RFC 7685
            room = max(512 - length - 4, 1)
            extensions += struct.pack("!HH", 21, room) + bytes(room)
        return record(CONTENT_HANDSHAKE, handshake(1, fixed + vector(extensions)), 0x0301)

    def flights(self, version, certificate):
        """The rest of the handshake: (side, bytes) in turn. version: the server's newest, 0x0303 or 0x0304."""
        rng = self.rng
        ccs = record(CONTENT_CCS, b"\1")
        if version == 0x0304:
            extensions = b"\0\x2b\0\2\3\4" + b"\0\x33" + vector(words("001d", 0) + vector(rng.randbytes(32)))
            body = b"\3\3" + rng.randbytes(32) + vector(self.session, 1) + b"\x13\x01\0" + vector(extensions)
            sealed = record(CONTENT_DATA, rng.randbytes(len(certificate) + 420))
            return [(1, record(CONTENT_HANDSHAKE, handshake(2, body)) + ccs + sealed),
                    (0, ccs + record(CONTENT_DATA, rng.randbytes(53)))]
        extensions = b"\xff\1\0\1\0" + b"\0\x17\0\0"
        body = b"\3\3" + rng.randbytes(32) + vector(rng.randbytes(32), 1) + b"\xc0\x30\0" + vector(extensions)
        exchange = b"\3\0\x1d" + vector(rng.randbytes(32), 1) + b"\4\1" + vector(rng.randbytes(256))
        server = handshake(2, body) + handshake(11, vector(vector(certificate, 3), 3)) + handshake(12, exchange)
        finished = record(CONTENT_HANDSHAKE, b"\0" * 8 + rng.randbytes(32))
        client = record(CONTENT_HANDSHAKE, handshake(16, vector(rng.randbytes(32), 1)))
        return [(1, record(CONTENT_HANDSHAKE, server + handshake(14, b""))), (0, client + ccs + finished),
                (1, ccs + finished)]


# A self-signed certificate (X.690 DER), RSA 2048 in form only.


def der(tag, *parts):
    data = b"".join(parts)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    size = (len(data).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(data).to_bytes(size, "big") + data


def certificate(name):
    """The same name always gives the same certificate, as a real server would."""
    blob = hashlib.shake_256(b"certificate " + name.encode()).digest(600)
    oid_cn, rsa = bytes.fromhex("0603550403"), bytes.fromhex("06092a864886f70d010101")
    sha256_rsa = der(0x30, bytes.fromhex("06092a864886f70d01010b"), b"\x05\0")
    who = der(0x30, der(0x31, der(0x30, oid_cn, der(0x0C, name[:64].encode()))))
    valid = der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"270101000000Z"))
    modulus = b"\0" + bytes([blob[0] | 0x80]) + blob[1:255] + bytes([blob[255] | 1])
    key = der(0x30, der(2, modulus), der(2, b"\1\0\1"))
    info = der(0x30, der(0x30, rsa, b"\x05\0"), der(3, b"\0" + key))
    alt = der(0x30, bytes.fromhex("0603551d11"), der(4, der(0x30, der(0x82, name.encode()))))
    serial = der(2, bytes([blob[256] & 0x7F | 0x40]) + blob[257:272])
    body = der(0x30, der(0xA0, der(2, b"\2")), serial, sha256_rsa, who, valid, who, info, der(0xA3, der(0x30, alt)))
    return der(0x30, body, sha256_rsa, der(3, b"\0" + blob[272:528]))
