# SPDX-License-Identifier: Apache-2.0
"""Scenarios told otherwise: the same behaviour with other lags, another jitter, alone or on a busy host. Works on the text of a
scenario (tests/scenario/README.md), line by line; what a variant does not speak of stays as it was."""
import re

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(?<!\w)(?<!\d\.)((?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)(?![\w%])")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
BUSY = "background office 1"


def seconds(text):
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))


def times(text, factor):
    """Each duration of the text, longer or shorter; at least a millisecond."""
    return DURATION.sub(lambda found: f"{max(1, round(1000 * factor * seconds(found[1])))}ms", text)


def lags(text, factor):
    """What is waited for between a failure and the next channel: `wait`, not the tries of one channel."""
    def scaled(line):
        words = re.split(r"(?<![\w-])(wait )", line.split("#")[0].rstrip())
        for at in range(2, len(words), 2):
            span, rest = re.match(r"(\S+(?: ±\S+)?)(.*)", words[at]).groups()
            words[at] = times(span, factor) + rest
        return "".join(words)
    return "\n".join(scaled(line) for line in text.splitlines()) + "\n"


def jitter(text, percent):
    """How much `every` wavers; a range becomes its middle."""
    def wavering(found):
        low, high = (seconds(end) for end in (found[2].split("..") * 2)[:2])
        return f"{found[1]}{round(500 * (low + high))}ms ±{percent}%"
    return re.sub(r"(?m)^( +every )(\S+)(?: ±\S+)?(?= *(?:#.*)?$)", wavering, text)


def background(text, line):
    return re.sub(r"(?m)^background .*\n", "", text.rstrip("\n") + "\n") + line + "\n"


VARIANTS = {
    "as told": lambda text: text,
    "alone": lambda text: background(text, ""),
    "busy office": lambda text: background(text, BUSY),
    "lags / 10": lambda text: lags(text, 0.1),
    "lags x 10": lambda text: lags(text, 10),
    "no jitter": lambda text: jitter(text, 0),
    "jitter 30 %": lambda text: jitter(text, 30),
}
