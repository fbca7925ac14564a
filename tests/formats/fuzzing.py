"""Damages a bank file as a bad line, a bad editor or a bad person might: seeded, so that any mutant can be made again."""

from __future__ import annotations

import re
from random import Random

_TAG = re.compile(rb"</?[A-Za-z][^<>]*>")
_TEXT = re.compile(rb">([^<>]+)<")
#: what is written into a text or between two bytes
_WORDS = (
    b"", b"0", b"-1", b"999999999999.99", b"1e9", b"1.234", b"NaN", b"DBIT", b"CRDT", b"PDNG", b"RJCT", b"2026-02-30",
    b"24:00:00", b"&amp;", b"&x;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x?>", b"<!DOCTYPE a>", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"<a/>", b"</a>", b"<Ntry/>", b"<TxDtls/>", b"<Amt Ccy='EUR'>1</Amt>", b"\xd9\xa1", b"A" * 5_000,
)  # fmt: skip


def mutant(body: bytes, random: Random) -> bytes:
    """The file with one to four damages."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        body = random.choice(_DAMAGES)(body, random)
    return body


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _flip(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + bytes([random.randrange(256)]) + body[at + 1 :]


def _drop(body: bytes, random: Random) -> bytes:
    start = random.randrange(len(body) + 1)
    return body[:start] + body[start + random.choice((1, 7, 60, 600)) :]


def _double(body: bytes, random: Random) -> bytes:
    start = random.randrange(len(body) + 1)
    span = body[start : start + random.choice((1, 20, 300, 3_000))]
    return body[:start] + span * random.choice((2, 3)) + body[start + len(span) :]


def _write(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    return body[:at] + random.choice(_WORDS) + body[at:]


def _text(body: bytes, random: Random) -> bytes:
    """Another text in one element: what a schema would find, or not."""
    return _at_one(_TEXT, body, b">" + random.choice(_WORDS) + b"<", random)


def _untag(body: bytes, random: Random) -> bytes:
    return _at_one(_TAG, body, b"", random)


def _element(body: bytes, random: Random) -> bytes:
    """One element taken out, put in twice, or moved: well-formed still."""
    tags = list(_TAG.finditer(body))
    if not tags:
        return body
    opening = random.choice(tags)
    name = opening.group()[1:].split(b" ")[0].rstrip(b"/>")
    end = body.find(b"</" + name + b">", opening.end())
    if opening.group().startswith(b"</") or end < 0:
        return body
    end += len(name) + 3
    element, rest = body[opening.start() : end], body[: opening.start()] + body[end:]
    where = random.choice((None, opening.start(), random.choice(tags).start()))
    if where is None:
        return rest
    return body[:where] + element + body[where:]


def _at_one(pattern: re.Pattern[bytes], body: bytes, new: bytes, random: Random) -> bytes:
    found = list(pattern.finditer(body))
    if not found:
        return body
    one = random.choice(found)
    return body[: one.start()] + new + body[one.end() :]


_DAMAGES = (_cut, _flip, _drop, _double, _write, _text, _text, _untag, _element, _element)
