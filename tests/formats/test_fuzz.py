"""A damaged bank file is refused whole with one of our own errors, or all that it still says is read. ``make fuzz``: 100,000."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from random import Random

import pytest
from lxml import etree

from bridge.errors import BadInput, UnknownName
from bridge.formats import camt, detect
from bridge.records.camt import StatementEntry, StatementHead
from tests.formats.fuzzing import mutant
from tests.intake.papers import Line, Paper, details, pain002, reason
from tests.intake.papers import camt as statement
from tests.testdata import TESTDATA

SEED = int(os.environ.get("FUZZ_SEED", "1"))
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "1200"))
SHARDS = 4  # so that two processes share them
SECONDS_MAX = 5
#: files of our own, which are always here
OWN = (
    statement(Paper((Line(100_00, "R-1", more=details(("INV-1-1", "60.00"), ("INV-2-1", "40.00"))), Line(-3_00, "R-2")))),
    statement(Paper((Line(-105_00, more=details(("INV-1-1", "105.00"), more="<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>")),))),
    pain002("F-1", f"<GrpSts>RJCT</GrpSts>{reason('FF01')}"),
)


def samples() -> list[bytes]:
    """Every file to begin with: our own, and real ones where they are."""
    found = [] if TESTDATA is None else sorted((TESTDATA / "samples").rglob("*.xml"))
    real = [file.read_bytes() for file in found if file.stat().st_size < 60_000]
    return [*OWN, *(body for body in real if detect.detect(io.BytesIO(body)) != "pain.008")]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_damaged_file_is_refused_or_read_whole(shard: int) -> None:
    """Another error than ours, an entry that is passed over, an amount that changed, a long wait: each names its mutant."""
    files = samples()
    read = refused = 0
    for number in range(shard, MUTANTS, SHARDS):
        random = Random(f"{SEED} {number}")
        body = mutant(random.choice(files), random)
        started = time.monotonic()
        try:
            records = list(detect.read(detect.detect(io.BytesIO(body)))(io.BytesIO(body)))
        except (BadInput, UnknownName):
            refused += 1
        else:
            read += 1
            _nothing_is_passed_over(records, body, f"FUZZ_SEED={SEED}, mutant {number}")
        assert time.monotonic() - started < SECONDS_MAX, f"FUZZ_SEED={SEED}, mutant {number} took too long"
    assert min(read, refused) > MUTANTS // SHARDS // 50, "the mutants are too tame, or too wild"


def _nothing_is_passed_over(records: list[object], body: bytes, which: str) -> None:
    """As many entries with as much money as another parser finds in the file, if it is a statement."""
    if not any(isinstance(one, StatementHead) for one in records):
        return
    entries = [one for one in records if isinstance(one, StatementEntry)]
    found = list(_entries(body))
    assert len(entries) == len(found), which
    assert [one.amount_cents for one in entries] == found, which


def _entries(body: bytes) -> Iterator[int]:
    """Each Ntry of a file, signed, read by lxml from the whole tree and without any rule of ours."""
    # lxml refuses the name of a namespace that is no URI; expat lets it pass, and it names nothing that is read
    known = re.sub(rb'(xmlns:xs[id])="[^"]*"', rb'\1="urn:x"', body.removeprefix(b"\xef\xbb\xbf"))
    root = etree.fromstring(known, etree.XMLParser(resolve_entities=False, remove_comments=True, remove_pis=True))
    for entry in root.iter(f"{{{root.tag[1:].partition('}')[0]}}}Ntry"):
        whole, _, part = (entry.findtext("{*}Amt") or "").strip().partition(".")
        cents = int(whole) * 100 + int(part.ljust(2, "0") or 0)
        yield cents if (entry.findtext("{*}CdtDbtInd") or "").strip() == "CRDT" else -cents


def test_the_readers_of_kinds_are_fuzzed() -> None:
    """The files to begin with are of every kind that is read, in real dialects where they are here."""
    kinds = {detect.detect(io.BytesIO(body)) for body in OWN}
    assert kinds == {"camt.053", "pain.002"}
    assert camt.READERS
