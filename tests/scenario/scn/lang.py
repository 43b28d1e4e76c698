# SPDX-License-Identifier: Apache-2.0
"""The scenario language: lines, words, and the kinds of values. Every error knows its place and the remedy."""
import difflib
import ipaddress
import re
from dataclasses import dataclass

from .sim import SIZE_MAX, Range, Trouble

TOKEN = re.compile(r'"([^"\n]*)"|(#.*)|([^\s"#]+)')
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+")
PIECE = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")
SIZE = re.compile(r"(\d+(?:\.\d+)?)(B|kB|MB)?")
JITTER = re.compile(r"(?:±|\+-)(\d+(?:\.\d+)?)%")
DURATION_MAX = 366 * 86400.0
LINES_MAX = 5000
VOLUME_MAX = 10 ** 9


@dataclass
class Word:
    text: str
    line: int
    column: int
    quoted: bool = False

    def fail(self, text):
        raise Trouble(self.line, self.column, text)


class Line:
    """The words of one line, read from left to right."""

    def __init__(self, number, indent, words, end):
        self.number, self.indent, self.words, self.end = number, indent, words, end
        self.at = 0

    def peek(self):
        return self.words[self.at] if self.at < len(self.words) else None

    def take(self, what):
        word = self.peek()
        if word is None:
            raise Trouble(self.number, self.end, f"the line ends where {what} should be")
        self.at += 1
        return word

    def accept(self, text):
        word = self.peek()
        if word is not None and not word.quoted and word.text == text:
            self.at += 1
            return word
        return None

    def done(self):
        word = self.peek()
        if word is not None:
            word.fail(f"'{word.text}' is one word too many: remove it, or quote words that belong together")


def lines_of(text):
    if text.count("\n") > LINES_MAX:
        raise Trouble(LINES_MAX, 1, f"more than {LINES_MAX} lines: split the scenario")
    for number, raw in enumerate(text.splitlines(), 1):
        if raw[:len(raw) - len(raw.lstrip())].count("\t"):
            raise Trouble(number, 1, "a tab indents this line: use four spaces")
        words, at = [], 0
        while at < len(raw):
            if raw[at].isspace():
                at += 1
                continue
            match = TOKEN.match(raw, at)
            if not match:
                raise Trouble(number, at + 1, "this quote is never closed: add a \" at its end")
            if match[2] is not None:
                break
            quoted = match[1] is not None
            words.append(Word(match[1] if quoted else match[3], number, at + 1, quoted))
            at = match.end()
        if words:
            yield Line(number, words[0].column - 1, words, len(raw) + 1)


def near(text, known):
    """' (did you mean ...)' or the whole list when it is short."""
    close = difflib.get_close_matches(text, sorted(known), 1, 0.6)
    if close:
        return f": did you mean '{close[0]}'?"
    return ": one of " + ", ".join(sorted(known)) + " is expected"


# Kinds of values: each takes a Line and returns the value.

def seconds_of(word, what="a duration"):
    if not DURATION.fullmatch(word.text):
        word.fail(f"'{word.text}' is not {what}: write 250ms, 10s, 15m, 1h30m or 2d")
    total = sum(float(number) * UNITS[unit] for number, unit in PIECE.findall(word.text))
    if total > DURATION_MAX:
        word.fail(f"'{word.text}' is over a year: write a shorter duration")
    return total


def duration(line):
    return seconds_of(line.take("a duration such as 10s"))


def span(line):
    """10s, 10s..20s, 60s ±10% or 60s +-10%."""
    word = line.take("a duration such as 10s, 10s..20s or '60s ±10%'")
    text, joined, tail = word.text, None, None
    joined = re.search(r"(?:±|\+-).*$", text)
    if joined:
        tail, text = joined[0], text[:joined.start()]
    low, dots, high = text.partition("..")
    low = seconds_of(Word(low, word.line, word.column))
    high = seconds_of(Word(high, word.line, word.column + text.find("..") + 2)) if dots else low
    if high < low:
        word.fail(f"'{text}' runs backwards: write the smaller duration first")
    following = line.peek()
    if tail is None and following is not None and following.text.startswith(("±", "+-")):
        tail = line.take("a jitter").text
    if tail is not None:
        match = JITTER.fullmatch(tail)
        if not match or float(match[1]) > 100:
            word.fail(f"'{tail}' is not a jitter: write ±10% (at most 100)")
        part = float(match[1]) / 100
        low, high = low * (1 - part), high * (1 + part)
    return Range(low, high)


def bytes_of(word, most=SIZE_MAX):
    match = SIZE.fullmatch(word.text)
    if not match:
        word.fail(f"'{word.text}' is not a size: write 512, 4kB or 1MB")
    value = int(float(match[1]) * {"kB": 1000, "MB": 1000000}.get(match[2], 1))
    if value > most:
        word.fail(f"'{word.text}' is over {most} bytes: write less")
    return value


def size(line):
    word = line.take("a size such as 512 or 300..500")
    low, dots, high = word.text.partition("..")
    low = bytes_of(Word(low, word.line, word.column))
    high = bytes_of(Word(high, word.line, word.column + len(word.text) - len(high))) if dots else low
    if high < low:
        word.fail(f"'{word.text}' runs backwards: write the smaller size first")
    return Range(low, high)


def volume(line):
    """A size that is sent in many exchanges."""
    return bytes_of(line.take("a size such as 24MB"), VOLUME_MAX)


def number(low, high):
    def parse(line):
        word = line.take(f"a number from {low} to {high}")
        if not word.text.isascii() or not word.text.isdigit() or len(word.text) > 9 or not low <= int(word.text) <= high:
            word.fail(f"'{word.text}' is not a number from {low} to {high}")
        return int(word.text)
    return parse


def fraction(line):
    word = line.take("a number such as 0.5")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", word.text) or not 0 < float(word.text) <= 100:
        word.fail(f"'{word.text}' is not an intensity: write a number such as 0.5, over 0 and at most 100")
    return float(word.text)


def percent(line):
    word = line.take("a share such as 20%")
    if not re.fullmatch(r"\d{1,3}(\.\d+)?%", word.text) or float(word.text[:-1]) > 100:
        word.fail(f"'{word.text}' is not a share: write 20%")
    return float(word.text[:-1]) / 100


def one_of(*known):
    def parse(line):
        word = line.take(" or ".join(known))
        if word.text not in known:
            word.fail(f"'{word.text}' is not known here" + near(word.text, known))
        return word.text
    return parse


def text(line):
    return line.take("a word, or words in quotes").text


NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


def name(line):
    word = line.take("a host name")
    if not NAME.fullmatch(word.text):
        word.fail(f"'{word.text}' is not a host name: lower-case labels of letters, digits and -, joined by dots")
    return word.text


def address(line):
    word = line.take("an address")
    try:
        return ipaddress.ip_address(word.text)
    except ValueError:
        word.fail(f"'{word.text}' is not an address: write 198.51.100.7 or 2001:db8::7")


def family(version):
    def parse(line):
        word = line.peek()
        found = address(line)
        if found.version != version:
            word.fail(f"'{word.text}' is not an IPv{version} address")
        return found
    return parse


def mac(line):
    word = line.take("a MAC address")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", word.text):
        word.fail(f"'{word.text}' is not a MAC address: write 02:00:5e:10:00:01")
    return bytes.fromhex(word.text.replace(":", ""))


def flag(_line):
    return True


def many(kind):
    def parse(line):
        values = [kind(line)]
        while line.peek():
            values.append(kind(line))
        return values
    return parse


def reference(line):
    return line.take("a name")


class Option:
    def __init__(self, kind, repeat=False, required=False):
        self.kind, self.repeat, self.required = kind, repeat, required


def options_of(block, table, lines):
    """Reads the indented lines of a block by its table; returns {option: value} (lists for repeated ones)."""
    values = {}
    for line in lines:
        word = line.take("an option")
        option = table.get(word.text)
        if option is None:
            word.fail(f"'{word.text}' is not an option of {block.text}" + near(word.text, table))
        value = option.kind(line)
        line.done()
        if option.repeat:
            values.setdefault(word.text, []).extend(value if isinstance(value, list) else [value])
        elif word.text in values:
            word.fail(f"'{word.text}' is given twice: keep one")
        else:
            values[word.text] = value
    for name_, option in table.items():
        if option.required and name_ not in values:
            block.fail(f"this {block.text} lacks '{name_}': add an indented line that begins with it")
    return values


def blocks_of(source):
    """[(head line, [indented lines])]"""
    blocks = []
    for line in lines_of(source):
        if line.indent == 0:
            blocks.append((line, []))
        elif not blocks:
            line.words[0].fail("an indented line before any block: begin it at the left margin")
        else:
            blocks[-1][1].append(line)
    return blocks
