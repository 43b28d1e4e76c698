# SPDX-License-Identifier: Apache-2.0
"""SMB as bytes of our own: messages of versions 1 ([MS-CIFS]) and 2 ([MS-SMB2]), for one file that passes."""
import struct

SERVER, RELATED = 1, 4
TREE_CONNECT, CREATE, CLOSE, READ, WRITE = 3, 5, 6, 8, 9
SAME = b"\xff" * 16
FILE_ID = bytes(range(16))
SHARE = "\\\\server\\share"


def frame(message):
    return struct.pack(">I", len(message)) + message


def head(command, key, flags=0, status=0, follows=0, tree=7):
    return b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 1, status, command, 1, flags, follows, key, 0, tree, 99)


def compound(*messages):
    """[(command, key, flags, body)]: each but the last names the next."""
    out = b""
    for i, (command, key, flags, body) in enumerate(messages):
        last = i == len(messages) - 1
        body += b"" if last else bytes(-len(body) % 8)
        out += head(command, key, flags, follows=0 if last else 64 + len(body)) + body
    return frame(out)


def ask_tree(path=SHARE):
    path = path.encode("utf-16-le")
    return struct.pack("<HHHH", 9, 0, 72, len(path)) + path


def got_tree(kind=1):
    return struct.pack("<HBBIII", 16, kind, 0, 0, 0, 0)


def ask_create(name):
    name = name.encode("utf-16-le")
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0, 7, 1, 0, 120, len(name), 0, 0) + (name or b"\0\0")


def got_create(size, attributes=0x20):
    return struct.pack("<HBBIQQQQQQII", 89, 0, 0, 1, 0, 0, 0, 0, size, size, attributes, 0) + FILE_ID + bytes(8)


def ask_read(at, length, file=FILE_ID):
    return struct.pack("<HBBIQ", 49, 0, 0, length, at) + file + struct.pack("<IIIHH", 0, 0, 0, 0, 0) + b"\0"


def got_read(data):
    return struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data


def ask_write(at, data, file=FILE_ID):
    return struct.pack("<HHIQ", 49, 112, len(data), at) + file + struct.pack("<IIHHI", 0, 0, 0, 0, 0) + data


def got_write(length):
    return struct.pack("<HHIIHH", 17, 0, length, 0, 0, 0)


def ask_close(file=FILE_ID):
    return struct.pack("<HHI", 24, 0, 0) + file


def got_close():
    return struct.pack("<HHI", 60, 0, 0) + bytes(52)


def parts(data, size):
    return [(at, data[at:at + size]) for at in range(0, len(data), size)]


def passing(data, name="dir\\b.exe", write=False, size=3000, order=None, late=False):
    """[(the client says it, bytes)]: a share is connected, a file read or written and closed. late: answers are announced first."""
    key = 1
    out = [(True, compound((TREE_CONNECT, key, 0, ask_tree()))), (False, compound((TREE_CONNECT, key, SERVER, got_tree()))),
           (True, compound((CREATE, 2, 0, ask_create(name)))), (False, compound((CREATE, 2, SERVER, got_create(0 if write else len(data)))))]
    pieces = parts(data, size)
    for i in order or range(len(pieces)):
        at, piece = pieces[i]
        key = 10 + i
        if write:
            out += [(True, compound((WRITE, key, 0, ask_write(at, piece)))), (False, compound((WRITE, key, SERVER, got_write(len(piece)))))]
            continue
        out.append((True, compound((READ, key, 0, ask_read(at, len(piece))))))
        if late:
            out.append((False, frame(head(READ, key, SERVER | 2, status=0x103) + struct.pack("<HBBIB", 9, 0, 0, 0, 0))))
        out.append((False, compound((READ, key, SERVER, got_read(piece)))))
    key = 10 + len(pieces)
    return out + [(True, compound((CLOSE, key, 0, ask_close()))), (False, compound((CLOSE, key, SERVER, got_close())))]


def at_once(data, name="b.exe"):
    """The same in one message each way: the file of the first is meant by the others."""
    return [(True, compound((CREATE, 2, 0, ask_create(name)), (READ, 3, RELATED, ask_read(0, len(data), SAME)), (CLOSE, 4, RELATED, ask_close(SAME)))),
            (False, compound((CREATE, 2, SERVER, got_create(len(data))), (READ, 3, SERVER | RELATED, got_read(data)),
                             (CLOSE, 4, SERVER | RELATED, got_close())))]


# ---- version 1 ----


def old(command, words, data=b"", reply=False, number=1):
    top = b"\xffSMB" + struct.pack("<BIBHH8xHHHHH", command, 0, 0x80 if reply else 0, 0xC001, 0, 0, 5, 1, 1, number)
    return frame(top + bytes([len(words) // 2]) + words + struct.pack("<H", len(data)) + data)


def old_passing(data, name="\\dir\\b.exe", write=False, size=3000):
    alone = b"\xff\0\0\0"
    path = b"\0" + SHARE.encode("utf-16-le") + b"\0\0" + b"?????\0"
    create = alone + struct.pack("<BHIIIQIIIIIB", 0, len(name) * 2, 0, 0, 0x12019F, 0, 0, 7, 1, 0, 2, 0)
    got = alone + struct.pack("<BHI32xIQQHHB", 0, 0x4001, 1, 0x20, len(data), 0 if write else len(data), 0, 0, 0)
    out = [(True, old(0x75, alone + struct.pack("<HH", 0, 1), b"\0" + path[0:0] + SHARE.encode("utf-16-le") + b"\0\0?????\0", number=1)),
           (False, old(0x75, alone + struct.pack("<H", 0), b"A:\0", True, 1)),
           (True, old(0xA2, create, b"\0" + name.encode("utf-16-le") + b"\0\0", number=2)), (False, old(0xA2, got, reply=True, number=2))]
    for number, (at, piece) in enumerate(parts(data, size), 3):
        if write:
            words = alone + struct.pack("<HIIHHHHHI", 0x4001, at, 0, 0, 0, 0, len(piece), 64, 0)
            out += [(True, old(0x2F, words, b"\0" + piece, number=number)),
                    (False, old(0x2F, alone + struct.pack("<HHI", len(piece), 0, 0), reply=True, number=number))]
        else:
            words = alone + struct.pack("<HIHHIHI", 0x4001, at, len(piece), 0, 0, 0, 0)
            answer = alone + struct.pack("<HHHHHH8x", 0, 0, 0, len(piece), 60, 0)
            out += [(True, old(0x2E, words, number=number)), (False, old(0x2E, answer, b"\0" + piece, True, number))]
    return out + [(True, old(4, struct.pack("<HI", 0x4001, 0), number=99)), (False, old(4, b"", reply=True, number=99))]
