"""Whatever valid batch there is, its file is sound in every way: random names, countries, amendments, sizes from 1 to 3,000."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.custody import soundness
from bridge.formats import pain008
from bridge.model.identifiers import creditor_reference
from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine
from bridge.records.profile import BankProfile
from bridge.rules import calendar, scheme
from bridge.rules.text import sepa_text
from tests.formats.test_pain008 import rendered

MOST = 3_000
OWN_IBAN = "DE02120300000000202051"
IBANS = {
    "DE89370400440532013000": None, "AT611904300234573201": None, "FR1420041010050500013M02606": None,
    "CH5604835012345678009": "CRESCHZZ80A", "GB29NWBK60161331926819": "NWBKGB2L",
}  # fmt: skip
NAMES = st.text("ÄÖÜäöüßéèŁńøÆñç'´&€@#ЖяΩ AZaz09-/.,", min_size=1, max_size=200).filter(lambda name: any(map(str.isalnum, name)))
DAYS = st.dates(date(2024, 1, 1), date(2031, 12, 1)).map(calendar.next_target_day)
CENTS = st.integers(1, 99_999_999_999)
KNOWN = {name: scheme.of_bank.CHARACTERS[name] for name in ("sepa", "german")}
ADDRESS = Address("Rue du Lac", "1268", "2501", "Biel", "CH")


def printed(name: str, characters: str) -> str:
    return sepa_text(name, limit=70, known=KNOWN[characters]) or "X"


@st.composite
def batches(draw: st.DrawFn) -> tuple[DebitFile, BankProfile]:
    """A file as a bank takes it: one scheme, blocks of different dates and sequences, every kind of debit."""
    lines = draw(st.booleans())
    characters = draw(st.sampled_from(sorted(KNOWN)))
    kind = draw(st.sampled_from(("CORE", "B2B")))
    few = draw(st.lists(_debits(characters, lines=lines), min_size=1, max_size=6))
    size = draw(st.sampled_from((len(few), len(few), len(few), 50, 300, MOST)))
    debits = [
        replace(few[n % len(few)], end_to_end_id=f"INV-{n}", mandate_id=f"{few[n % len(few)].mandate_id[:20]}-{n}")
        for n in range(size)
    ]
    cut = draw(st.integers(1, size))
    due = draw(st.lists(DAYS, min_size=2, max_size=2, unique=True))
    first, second = draw(st.lists(st.sampled_from(("RCUR", "OOFF", "FRST", "FNAL")), min_size=2, max_size=2))
    version = "pain.008.001.02" if lines else "pain.008.001.08"
    blocks = []
    for number, (part, day, sequence) in enumerate(((debits[:cut], due[0], first), (debits[cut:], due[1], second)), 1):
        if part:
            signed = [replace(one, signed_on=min(one.signed_on, day)) for one in part]
            name = printed(draw(NAMES), characters)
            block = DebitBlock(f"B-{number}", kind, sequence, day, name, OWN_IBAN, None, "DE98ZZZ09999999999", tuple(signed))
            booking, bic = draw(st.sampled_from((True, False, None))), draw(st.sampled_from((None, "BYLADEM1001")))
            ultimate = draw(st.none() | NAMES.map(lambda text: printed(text, characters)))
            blocks.append(replace(block, batch_booking=booking, creditor_bic=bic, ultimate_creditor=ultimate))
    created = datetime(2026, 11, 23, 8, 30, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 10**6)))
    file = DebitFile("MSG-1", created, printed(draw(NAMES), characters), tuple(blocks), version)
    address = "lines" if lines else draw(st.sampled_from(("structured", "hybrid")))
    bank = BankProfile("b", "B", version, address, characters, transactions_max=MOST, bytes_max=10_000_000)
    return file, bank


@st.composite
def _debits(draw: st.DrawFn, characters: str, *, lines: bool) -> DebitLine:
    iban = draw(st.sampled_from(sorted(IBANS)))
    abroad = IBANS[iban] is not None
    old = Address(country="CH", lines=("Rue du Lac 1268", "2501 Biel"))
    structured = draw(st.booleans())
    creditor = (st.none() | st.just("AT88ZZZ00000000001"), st.none() | st.just("Old name"))
    changed = st.builds(Amendment, st.just("OLD-1"), *creditor, st.booleans())
    return DebitLine(
        end_to_end_id="E",
        amount_cents=draw(CENTS),
        mandate_id=draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+?().,'", min_size=1, max_size=20)),
        signed_on=draw(st.dates(date(2009, 11, 2), date(2026, 11, 1))),
        debtor_name=printed(draw(NAMES), characters),
        debtor_iban=iban,
        remittance=None if structured else sepa_text(draw(NAMES), limit=140, known=KNOWN[characters]) or "X",
        debtor_bic=IBANS[iban],
        debtor_address=(old if lines else ADDRESS) if abroad else None,
        ultimate_debtor=draw(st.none() | NAMES.map(lambda name: printed(name, characters))),
        creditor_reference=creditor_reference(draw(st.text("ABC0123456789", min_size=1, max_size=21))) if structured else None,
        purpose=draw(st.none() | st.sampled_from(("RENT", "GDDS"))),
        amendment=draw(st.none() | changed),
    )


@settings(max_examples=12)
@given(batches())
def test_every_valid_batch_makes_a_sound_file(made: tuple[DebitFile, BankProfile]) -> None:
    """By its record, by its bytes alone, by a second reader's exact sums, and the same bytes a second time."""
    file, bank = made
    body = rendered(file)
    facts = pain008.count(BytesIO(body))

    assert soundness.of_record(file, BytesIO(body), bank) == []
    assert soundness.of_bytes(body, bank) == []
    assert facts.counted_sum_cents == sum(debit.amount_cents for block in file.blocks for debit in block.debits)
    assert facts.counted == file.count
    assert rendered(file) == body
