"""Is a file what a bank takes? Everything that can be said of it from its record and its bytes, before it is sealed and after.

Before the seal a record is there: schema, rules, a count by a second reader, and sepaxml's opinion must all agree. Of anybody's
file there are only bytes: schema, what must stand in a message, and then the same rules over what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END, BytesIO
from typing import BinaryIO

from bridge.errors import BadInput
from bridge.formats import detect, pain008, pain008_reader, schema, second_opinion
from bridge.records.pain008 import DebitFile, FileFacts
from bridge.records.profile import BankProfile
from bridge.rules import scheme
from bridge.rules.scheme import Finding

#: findings that no rule of the scheme makes: by which id, and what they mean
OTHER_CHECKS = {
    "ISO": "The file keeps the ISO schema of its version.",
    "SUM": "Count and sum that the file and its blocks state are those of their debits, counted by a second reader.",
    "PLAN": "The bytes hold the debits and the sum that were planned.",
    "SIZE": "The file is not larger than the bank takes.",
    "SECOND": "sepaxml, which shares no code with our writer, makes the same elements of the same collections.",
}


def of_record(file: DebitFile, body: BinaryIO, profile: BankProfile) -> list[Finding]:
    """Everything that is wrong with a file of ours, known by its record and its bytes; an empty list may be sealed.

    The bytes are read as a stream, from the beginning, several times.
    """
    found = [*scheme.check(file), *scheme.of_bank.check(file, profile), *_size(body.seek(0, SEEK_END), profile)]
    body.seek(0)
    found += _schema(body, f"{schema.ISO_NAMESPACE}{file.version}")
    body.seek(0)
    found += _counted(file, pain008.count(body))
    body.seek(0)
    return found + [Finding("SECOND", "file", said) for said in second_opinion.compare_with_sepaxml(file, body)]


def of_bytes(body: bytes, profile: BankProfile) -> list[Finding]:
    """Everything that is wrong with anybody's pain.008. What breaks the schema is not looked at further.

    Raises BadInput for what is no XML, has a DOCTYPE, or is no pain.008 of a known version.
    """
    kind = detect.detect(BytesIO(body))
    if kind != "pain.008":
        raise BadInput(f"the file is a {kind}; the rules of direct debits are for pain.008")
    namespace = detect.namespace(BytesIO(body))
    broken = _schema(body, namespace)
    if broken:
        return broken
    message = [finding for part, leaves, place in pain008_reader.parts(BytesIO(body)) for finding in _placed(part, leaves, place)]
    file = pain008_reader.read(BytesIO(body), strict=False)
    found = [*message, *scheme.check(file), *scheme.of_bank.check(file, profile), *_size(len(body), profile)]
    try:
        found += _stated(pain008.count(BytesIO(body)))
    except BadInput as problem:
        found.append(Finding("SUM", "file", str(problem)))
    return found


def _placed(part: str, leaves: list[tuple[str, str]], place: str) -> Iterator[Finding]:
    for finding in scheme.of_message.check(part, leaves):
        yield Finding(finding.id, f"{place}/{finding.path.partition('/')[2]}", finding.message)


def _schema(body: bytes | BinaryIO, namespace: str) -> list[Finding]:
    return [Finding("ISO", f"line {error.line}", error.message) for error in schema.validate(body, namespace)]


def _size(size: int, profile: BankProfile) -> Iterator[Finding]:
    if size > profile.bytes_max:
        yield Finding("SIZE", "file", f"{size:,} bytes; {profile.title} takes {profile.bytes_max:,}")


def _counted(file: DebitFile, facts: FileFacts) -> Iterator[Finding]:
    if (facts.counted, facts.counted_sum_cents) != (file.count, file.control_sum_cents):
        found, planned = f"{facts.counted} debits of {facts.counted_sum_cents} cents", f"{file.count} of {file.control_sum_cents}"
        yield Finding("PLAN", "file", f"the bytes hold {found}, the plan {planned}")
    yield from _stated(facts)


def _stated(facts: FileFacts) -> Iterator[Finding]:
    if (facts.stated_count, facts.stated_sum_cents) != (facts.counted, facts.counted_sum_cents):
        yield Finding("SUM", "file", "the head of the file states another count or sum than its debits add up to")
    for number, block in enumerate(facts.blocks, start=1):
        if (block.stated_count, block.stated_sum_cents) != (block.counted, block.counted_sum_cents):
            yield Finding("SUM", f"block[{number}]", "the block states another count or sum than its debits add up to")
