"""Which collections stand in which file and block, and what these are called."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.records.profile import BankProfile
from bridge.rules import batching
from bridge.rules.batching import Due

DAY, NEXT = date(2026, 11, 25), date(2026, 11, 26)


def due(number: int, **changed: object) -> Due:
    return replace(Due(number, f"INV-{number:03d}-1", 100 * number, DAY, 1, 1, "CORE", "RCUR"), **changed)  # type: ignore[arg-type]


def bank(**changed: object) -> BankProfile:
    return replace(BankProfile("a bank", "A bank"), **changed)  # type: ignore[arg-type]


def test_a_file_is_one_account_creditor_and_scheme() -> None:
    """Schemes, creditors and accounts are never mixed in a file."""
    items = [due(1), due(2, scheme="B2B"), due(3, account_id=2), due(4, creditor_id=2), due(5)]
    files = batching.plan(items, bank(transactions_max=100))
    assert [[one.id for one in file.members] for file in files] == [[2], [1, 5], [4], [3]]


def test_a_block_is_one_sequence_and_due_date() -> None:
    """Blocks stand by due date, then sequence."""
    [file] = batching.plan([due(1, due_on=NEXT), due(2), due(3, sequence="OOFF")], bank(transactions_max=100))
    assert [(block.due_on, block.sequence, len(block.members)) for block in file.blocks] == [
        (DAY, "OOFF", 1),
        (DAY, "RCUR", 1),
        (NEXT, "RCUR", 1),
    ]


@given(st.integers(1, 60), st.integers(1, 20))
def test_nobody_is_lost_or_sent_twice(count: int, most: int) -> None:
    """Every debit stands in exactly one file, no file is over the limit, and files are about equally full."""
    files = batching.plan([due(n) for n in range(1, count + 1)], bank(transactions_max=most))
    sizes = [len(file.members) for file in files]
    assert sorted(one.id for file in files for one in file.members) == list(range(1, count + 1))
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1


def test_halves_hold_all() -> None:
    """A file over the bank's size becomes two that together hold the same debits."""
    [file] = batching.plan([due(n) for n in range(1, 6)], bank(transactions_max=100))
    assert [[one.id for one in half.members] for half in batching.halves(file)] == [[1, 2], [3, 4, 5]]


def test_names_come_from_what_is_inside() -> None:
    """The same debits have the same MsgId; another amount, another one; at most 30 of A-Z, 0-9 and '-'."""
    [file] = batching.plan([due(1)], bank(transactions_max=9))
    [other] = batching.plan([due(1, amount_cents=101)], bank(transactions_max=9))
    name = batching.message_id("Müsterwerk-Maschinenbau GmbH", DAY, 1, file)
    assert name == batching.message_id("Müsterwerk-Maschinenbau GmbH", DAY, 1, file)
    assert name != batching.message_id("Müsterwerk-Maschinenbau GmbH", DAY, 1, other)
    assert len(name) <= 30
    assert len(batching.pmt_inf_id(name, 999)) <= 35
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


def test_half_of_one_is_one() -> None:
    """A file of a single debit has no empty half."""
    [file] = batching.plan([due(1)], bank(transactions_max=9))
    assert batching.halves(file) == [file]


def test_what_a_name_is_made_of() -> None:
    """Short name, day, number of the cut, and six digits of the SHA-256 over EndToEndId, cents and date of each debit.

    The recipe never changes: a file that is cut again after a restore must get the name that the bank may know already.
    """
    [file] = batching.plan([due(1), due(2, due_on=NEXT)], bank(transactions_max=9))
    digest = sha256(b"INV-001-1:100:2026-11-25;INV-002-1:200:2026-11-26").hexdigest()[:6].upper()
    name = batching.message_id("Müsterwerk Maschinen GmbH", DAY, 7, file)
    assert name == f"MUESTERWER-20261125-007-{digest}"
    assert batching.pmt_inf_id(name, 2) == f"{name}-002"


@pytest.mark.parametrize(
    ("name", "short"), [("中文", "SDD"), ("ab-Technik Süd", "AB"), ("& Söhne 4", "SOEHNE"), ("Müsterwerkzeuge", "MUESTERWER")]
)
def test_the_short_name_is_the_first_word(name: str, short: str) -> None:
    """The first word in A-Z and 0-9, ten letters at most; a creditor without one is called SDD."""
    assert batching.short_name(name) == short


def test_what_the_debtor_reads() -> None:
    """The invoice's number and the days of use, the first and the last."""
    words = batching.remittance("plant-1-000007", date(2026, 11, 9), date(2026, 11, 15))
    assert words == "Invoice plant-1-000007 usage 2026-11-09 to 2026-11-15"


def test_a_bank_that_takes_one_block_or_one_date_gets_files_of_that() -> None:
    """Mixed dates and sequences become files of their own where the bank wants that; everybody stands in one of them."""
    items = [due(1), due(2, due_on=NEXT), due(3, sequence="OOFF"), due(4)]
    whole, dates, blocks = (batching.plan(items, bank(**wish)) for wish in ({}, {"one_due_date": True}, {"one_block": True}))

    assert [[one.id for one in file.members] for file in whole] == [[3, 1, 4, 2]]
    assert [[one.id for one in file.members] for file in dates] == [[3, 1, 4], [2]]
    assert [[one.id for one in file.members] for file in blocks] == [[3], [1, 4], [2]]


def test_1204_at_a_bank_that_takes_999() -> None:
    """Two files of 602, each complete and balanced."""
    files = batching.plan([due(number) for number in range(1, 1_205)], bank(transactions_max=999))

    assert [len(file.members) for file in files] == [602, 602]
    assert sum(one.amount_cents for file in files for one in file.members) == sum(100 * n for n in range(1, 1_205))
