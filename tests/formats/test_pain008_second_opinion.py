"""sepaxml agrees with what we write, and every tampered element is found."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from inspect import signature

import pytest

from bridge.errors import BadInput
from bridge.formats import pain008, second_opinion
from bridge.formats.second_opinion import SAMPLE_SIZE, compare_with_sepaxml
from bridge.records.pain008 import Address, DebitBlock, DebitFile, DebitLine
from tests.formats.test_pain008 import FULL, LEGACY

DEBITS = tuple(
    DebitLine(
        end_to_end_id=f"INV-{number}-1",
        amount_cents=1_000 + number,
        mandate_id=f"MND-{number}",
        signed_on=date(2026, 6, number),
        debtor_name="Erika Mustermann",
        debtor_iban="DE89370400440532013000",
        remittance=f"Rechnung INV-{number}",
    )
    for number in range(1, 7)
)
SWISS = replace(
    DEBITS[5],
    debtor_iban="CH9300762011623852957",
    debtor_bic="POFICHBEXXX",
    debtor_address=Address("Rue du Lac", "1268", "2501", "Biel", "CH"),
    ultimate_debtor="Werk Nord",
)
BLOCK = DebitBlock(
    pmt_inf_id="MW-1-1",
    scheme="CORE",
    sequence="RCUR",
    due_on=date(2026, 12, 8),
    creditor_name="Musterwerk Maschinen GmbH",
    creditor_iban="DE02120300000000202051",
    creditor_bic=None,
    creditor_id="DE98ZZZ09999999999",
    debits=DEBITS[:4],
)
OTHER = replace(BLOCK, pmt_inf_id="MW-1-2", creditor_bic="BYLADEM1001", debits=(DEBITS[4], SWISS))
FILE = DebitFile("MW-1", datetime(2026, 11, 23, 8, 30, tzinfo=UTC), "Musterwerk Konzern AG", (BLOCK, OTHER))


def rendered(file: DebitFile) -> bytes:
    out = io.BytesIO()
    pain008.write(file, out)
    return out.getvalue()


def tampered(before: bytes, after: bytes) -> bytes:
    """The file with the first place of ``before`` changed."""
    data = rendered(FILE)
    assert before in data
    return data.replace(before, after, 1)


@pytest.mark.parametrize("booking", [True, False, None])
@pytest.mark.parametrize("scheme", ["CORE", "B2B"])
@pytest.mark.parametrize("sequence", ["RCUR", "FRST", "OOFF", "FNAL"])
def test_both_writers_agree(booking: bool | None, scheme: str, sequence: str) -> None:
    """In every scheme, sequence and kind of booking, with and without BIC and address, both write the same elements."""
    blocks = tuple(replace(block, batch_booking=booking, scheme=scheme, sequence=sequence) for block in FILE.blocks)
    file = replace(FILE, blocks=blocks)

    assert compare_with_sepaxml(file, rendered(file)) == []


def test_two_blocks_of_one_date_stay_two() -> None:
    """sepaxml alone would merge blocks of one sequence and date; ours stay apart and are compared apart."""
    assert {(block.sequence, block.due_on) for block in FILE.blocks} == {("RCUR", date(2026, 12, 8))}

    assert compare_with_sepaxml(FILE, rendered(FILE)) == []


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (b">10.02<", b">10.03<", "E2E INV-2-1: InstdAmt differs"),
        (b'Ccy="EUR">10.02<', b'Ccy="CHF">10.02<', "E2E INV-2-1: InstdAmt differs"),
        (b"DE89370400440532013000", b"DE02120300000000202051", "E2E INV-1-1: DbtrAcct/Id/IBAN differs"),
        (b">Erika Mustermann<", b">Erich Mustermann<", "E2E INV-1-1: Dbtr/Nm differs"),
        (b">MND-3<", b">MND-4<", "E2E INV-3-1: DrctDbtTx/MndtRltdInf/MndtId differs"),
        (b">2026-06-04<", b">2026-06-05<", "E2E INV-4-1: DrctDbtTx/MndtRltdInf/DtOfSgntr differs"),
        (b">Rechnung INV-5<", b">Rechnung INV-6<", "E2E INV-5-1: RmtInf/Ustrd differs"),
        (b"POFICHBEXXX", b"BYLADEM1001", "E2E INV-6-1: DbtrAgt/FinInstnId/BICFI differs"),
        (b">Biel<", b">Bern<", "E2E INV-6-1: Dbtr/PstlAdr/TwnNm differs"),
        (b">Werk Nord<", b">Werk West<", "E2E INV-6-1: UltmtDbtr/Nm differs"),
        (b"<UltmtDbtr><Nm>Werk Nord</Nm></UltmtDbtr>", b"", "E2E INV-6-1: UltmtDbtr/Nm is missing"),
        (b"<InstdAmt", b"<UETR>1</UETR><InstdAmt", "E2E INV-1-1: UETR should not be there"),
        (b"<RmtInf>", b"<UltmtDbtr><Nm>X</Nm></UltmtDbtr><RmtInf>", "E2E INV-1-1: UltmtDbtr/Nm should not be there"),
        (b">2026-12-08<", b">2026-12-09<", "block 1: ReqdColltnDt differs"),
        (b">DE98ZZZ09999999999<", b">DE98ABC09999999999<", "block 1: CdtrSchmeId/Id/PrvtId/Othr/Id differs"),
        (b">DE02120300000000202051<", b">DE89370400440532013000<", "block 1: CdtrAcct/Id/IBAN differs"),
        (b"Maschinen GmbH", b"Maschinen AG", "block 1: Cdtr/Nm differs"),
        (b">RCUR<", b">FRST<", "block 1: PmtTpInf/SeqTp differs"),
        (b">CORE<", b">B2B<", "block 1: PmtTpInf/LclInstrm/Cd differs"),
        (b">MW-1-1<", b">MW-1-9<", "block 1: PmtInfId differs"),
        (b"<BtchBookg>true<", b"<BtchBookg>false<", "block 1: BtchBookg differs"),
        (b">40.10<", b">40.11<", "block 1: CtrlSum differs"),
        (b"<NbOfTxs>4<", b"<NbOfTxs>5<", "block 1: NbOfTxs differs"),
        (b"<MsgId>MW-1<", b"<MsgId>MW-2<", "header: MsgId differs"),
        (b"08:30:00Z", b"08:30:01Z", "header: CreDtTm differs"),
        (b"<NbOfTxs>6<", b"<NbOfTxs>7<", "header: NbOfTxs differs"),
        (b">60.21<", b">60.22<", "header: CtrlSum differs"),
        (b"Konzern AG", b"Konzern SE", "header: InitgPty/Nm differs"),
    ],
)
def test_each_tampered_element_is_found(before: bytes, after: bytes, difference: str) -> None:
    """Whatever element is changed, added or taken away, exactly that element is named, without its value."""
    assert compare_with_sepaxml(FILE, tampered(before, after)) == [difference]


def test_missing_debit_is_found() -> None:
    """A debit cut out of the file is named by its EndToEndId."""
    lines = rendered(FILE).splitlines(keepends=True)
    without = b"".join(line for line in lines if b"INV-2-1" not in line)

    assert compare_with_sepaxml(FILE, without) == ["block 1: E2E INV-2-1: is not in the file"]


def test_extra_debit_is_found() -> None:
    """A debit too many is named by its place, because its id is a stranger's text."""
    lines = rendered(FILE).splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b"INV-2-1" in line)
    added = b"".join([*lines[:at], lines[at].replace(b"INV-2-1", b"Erika"), *lines[at:]])

    assert compare_with_sepaxml(FILE, added) == ["block 1: debit 2 of the file is not in the batch"]


def test_repeated_debit_is_found() -> None:
    """The same debit twice is one too many."""
    lines = rendered(FILE).splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b"INV-2-1" in line)

    assert compare_with_sepaxml(FILE, b"".join([*lines[:at], lines[at], *lines[at:]])) != []


def test_debits_in_another_order_are_found() -> None:
    """Two debits that changed places are a difference."""
    lines = rendered(FILE).splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b"INV-2-1" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]

    assert compare_with_sepaxml(FILE, b"".join(lines)) == ["block 1: the debits stand in another order"]


def test_missing_block_is_found() -> None:
    """A block cut out of the file is a difference."""
    data = rendered(replace(FILE, blocks=(BLOCK,)))

    assert "file: 1 blocks instead of 2" in compare_with_sepaxml(FILE, data)


def test_empty_batch_is_a_difference() -> None:
    """A batch without a debit agrees with nothing."""
    assert compare_with_sepaxml(replace(FILE, blocks=()), rendered(FILE)) == ["file: the batch is empty, or a block of it is"]


def test_broken_bytes_are_refused() -> None:
    """What cannot be read cannot be compared."""
    with pytest.raises(BadInput):
        compare_with_sepaxml(FILE, rendered(FILE)[:-40])


def many(count: int) -> DebitFile:
    debits = tuple(replace(DEBITS[0], end_to_end_id=f"INV-{number}-1") for number in range(count))
    return replace(FILE, blocks=(replace(BLOCK, debits=debits), OTHER))


def test_a_sample_still_checks_every_id_and_sum() -> None:
    """Beyond the limit heads, sums and all ids are compared; so a changed id outside the sample is found too."""
    file = many(SAMPLE_SIZE + 300)
    data = rendered(file)

    assert compare_with_sepaxml(file, data, sample_above=100) == []
    for place in range(0, 1_300, 100):
        changed = data.replace(b">INV-%d-1<" % place, b">INV-X-1<")
        assert f"block 1: E2E INV-{place}-1: is not in the file" in compare_with_sepaxml(file, changed, sample_above=100)


def test_a_sample_finds_what_is_wrong_in_every_debit() -> None:
    """A change that runs through the file is found in each of the thousand debits of the sample, the same on each run."""
    file = many(SAMPLE_SIZE + 300)
    data = rendered(file).replace(b">MND-1<", b">MND-7<")
    differences = compare_with_sepaxml(file, data, sample_above=100)

    # 1,302 debits, of which 1,000 are drawn; two of the 1,302 stand in the other block and are right.
    assert SAMPLE_SIZE - 2 <= len(differences) <= SAMPLE_SIZE
    assert compare_with_sepaxml(file, data, sample_above=100) == differences


def test_elements_that_changed_places_are_found() -> None:
    """The same elements in another order are no file of ours."""
    data = rendered(FILE)
    start, end = data.index(b"<DbtrAgt>"), data.index(b"<RmtInf>")
    moved = data[:start] + data[data.index(b"<Dbtr>", start) : end] + data[start : data.index(b"<Dbtr>", start)] + data[end:]

    assert compare_with_sepaxml(FILE, moved) == ["E2E INV-1-1: the elements stand in another order"]


def test_a_block_without_a_debit_is_a_difference() -> None:
    """One empty block is enough."""
    file = replace(FILE, blocks=(BLOCK, replace(OTHER, debits=())))
    assert compare_with_sepaxml(file, rendered(FILE)) == ["file: the batch is empty, or a block of it is"]


def test_one_block_alone() -> None:
    """A file of one block, with a name in letters that sepaxml would rewrite if it were asked to."""
    debit = replace(DEBITS[0], debtor_name="Jürgen Größe")
    file = replace(FILE, blocks=(replace(BLOCK, debits=(debit,)),))
    assert compare_with_sepaxml(file, rendered(file)) == []


def test_a_block_of_which_nothing_is_drawn_has_its_head_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """One debit of the file is drawn; of the other block the head is compared all the same."""
    monkeypatch.setattr(second_opinion, "SAMPLE_SIZE", 1)
    file = replace(FILE, blocks=(replace(BLOCK, debits=DEBITS[:1]), replace(OTHER, debits=DEBITS[4:5])))
    data = rendered(file)

    assert compare_with_sepaxml(file, data, sample_above=1) == []
    for number, name in ((1, b"MW-1-1"), (2, b"MW-1-2")):
        wrong = data.replace(b"<PmtInfId>%s<" % name, b"<PmtInfId>X<")
        assert compare_with_sepaxml(file, wrong, sample_above=1) == [f"block {number}: PmtInfId differs"]


def test_how_many_are_drawn() -> None:
    """Up to 10,000 debits every one is compared, of more exactly a thousand."""
    file = replace(FILE, blocks=(many(SAMPLE_SIZE + 300).blocks[0],))
    data = rendered(file).replace(b">MND-1<", b">MND-7<")

    assert SAMPLE_SIZE == 1_000
    assert signature(compare_with_sepaxml).parameters["sample_above"].default == 10_000
    assert len(compare_with_sepaxml(file, data, sample_above=file.count)) == file.count
    assert len(compare_with_sepaxml(file, data, sample_above=file.count - 1)) == SAMPLE_SIZE


def test_it_speaks_of_everything_a_debit_can_say() -> None:
    """Amendment, purpose, structured reference, ultimate creditor and the old version: what sepaxml lacks is put in its place."""
    for file in (FULL, LEGACY):
        assert compare_with_sepaxml(file, rendered(file)) == []


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (b">OLD-4<", b">OLD-5<", "E2E INV-4-1: DrctDbtTx/MndtRltdInf/AmdmntInfDtls/OrgnlMndtId differs"),
        (b">SMNDA<", b">SMNDB<", "E2E INV-4-1: DrctDbtTx/MndtRltdInf/AmdmntInfDtls/OrgnlDbtrAcct/Id/Othr/Id differs"),
        (b"<AmdmntInd>true</AmdmntInd>", b"", "E2E INV-4-1: DrctDbtTx/MndtRltdInf/AmdmntInd is missing"),
        (b"RF18539007547034", b"RF18539007547035", "E2E INV-4-1: RmtInf/Strd/CdtrRefInf/Ref differs"),
        (b">RENT<", b">GDDS<", "E2E INV-4-1: Purp/Cd differs"),
        (b"<Nm>Werk Sued</Nm>", b"<Nm>Werk West</Nm>", "block 3: UltmtCdtr/Nm differs"),
        (b"<Nm>Musterwerk alt</Nm>", b"", "E2E INV-4-1: DrctDbtTx/MndtRltdInf/AmdmntInfDtls/OrgnlCdtrSchmeId/Nm is missing"),
    ],
)
@pytest.mark.parametrize("file", [FULL, LEGACY], ids=["08", "02"])
def test_what_sepaxml_does_not_know_is_compared_too(file: DebitFile, before: bytes, after: bytes, difference: str) -> None:
    """A change in what only we write is found, in both versions."""
    data = rendered(file)
    assert before in data

    assert compare_with_sepaxml(file, data.replace(before, after, 1)) == [difference]
