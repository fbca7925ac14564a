"""Status reports as records: each status at its own level, in the order of the file, nothing inherited."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInput
from bridge.formats import pain002
from bridge.records.pain002 import StatusLine, StatusReason, StatusReportHead
from tests.testdata import TESTDATA

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
HEADER = "<GrpHdr><MsgId>PSR</MsgId><CreDtTm>2026-12-07T17:00:00+01:00</CreDtTm></GrpHdr>"
REASON = "<StsRsnInf><Rsn><Cd>{}</Cd></Rsn></StsRsnInf>"


def group(inside: str = "", name: str = "pain.008.001.08") -> str:
    return f"<OrgnlGrpInfAndSts><OrgnlMsgId>F-1</OrgnlMsgId><OrgnlMsgNmId>{name}</OrgnlMsgNmId>{inside}</OrgnlGrpInfAndSts>"


def block(number: int, inside: str) -> str:
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>F-1-R{number}</OrgnlPmtInfId>{inside}</OrgnlPmtInfAndSts>"


def debit(end_to_end_id: str, status: str = "RJCT", more: str = "") -> str:
    return f"<TxInfAndSts><OrgnlEndToEndId>{end_to_end_id}</OrgnlEndToEndId><TxSts>{status}</TxSts>{more}</TxInfAndSts>"


def file(*inside: str, header: str = HEADER, version: str = "10") -> bytes:
    namespace = f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"
    return f'<Document xmlns="{namespace}"><CstmrPmtStsRpt>{header}{"".join(inside)}</CstmrPmtStsRpt></Document>'.encode()


def records(xml: bytes) -> list[Any]:
    return list(pain002.read(io.BytesIO(xml)))


def told(xml: bytes) -> list[tuple[str, str | None, str | None, str | None, list[str | None]]]:
    """Return level, block, debit, status and reasons of each line."""
    return [
        (line.level, line.pmt_inf_id, line.end_to_end_id, line.status, [reason.code for reason in line.reasons])
        for line in records(xml)
        if isinstance(line, StatusLine)
    ]


def test_the_head_names_the_original_file() -> None:
    """The original's message name may lack a version (real banks); it is kept as written."""
    (head,) = records(file(group(name="pain.008")))

    assert head == StatusReportHead("PSR", datetime(2026, 12, 7, 16, tzinfo=UTC), NAMESPACE, "F-1", "pain.008", None, ())


@pytest.mark.parametrize("version", ["03", "10"])
def test_lines_come_in_the_order_of_the_file(version: str) -> None:
    """Group, first block, its debits, second block: as they stand, in both versions."""
    xml = file(
        group("<GrpSts>PART</GrpSts>"),
        block(1, "<PmtInfSts>PART</PmtInfSts>" + debit("E-2", more=REASON.format("AC04")) + debit("E-1", "ACCP")),
        block(2, "<PmtInfSts>RJCT</PmtInfSts>" + REASON.format("BE05")),
        block(3, debit("E-9", more=REASON.format("AM04"))),
        version=version,
    )

    assert told(xml) == [
        ("group", None, None, "PART", []),
        ("block", "F-1-R1", None, "PART", []),
        ("debit", "F-1-R1", "E-2", "RJCT", ["AC04"]),
        ("debit", "F-1-R1", "E-1", "ACCP", []),
        ("block", "F-1-R2", None, "RJCT", ["BE05"]),
        ("block", "F-1-R3", None, None, []),
        ("debit", "F-1-R3", "E-9", "RJCT", ["AM04"]),
    ]


def test_every_reject_of_many_is_read() -> None:
    """Four rejects among a hundred are these four, in one block (libeufin read the first only)."""
    rejected = {7, 21, 22, 100}
    xml = file(group(), block(1, "".join(debit(f"E-{n}", "RJCT" if n in rejected else "ACCP") for n in range(1, 101))))

    assert {line[2] for line in told(xml) if line[3] == "RJCT"} == {f"E-{n}" for n in rejected}
    assert len(told(xml)) == 101


def test_a_file_refused_as_a_whole_has_its_reason_at_group_level() -> None:
    """The group's line carries what the head carries."""
    head, line = records(file(group("<GrpSts>RJCT</GrpSts>" + REASON.format("DUPL") + REASON.format("FF01"))))

    assert (head.group_status, [reason.code for reason in head.reasons]) == ("RJCT", ["DUPL", "FF01"])
    assert (line.level, line.status, line.reasons) == ("group", "RJCT", head.reasons)


def test_without_a_group_status_there_is_no_group_line() -> None:
    """A missing GrpSts is not an acceptance; reasons stay with the head."""
    (head,) = records(file(group(REASON.format("NARR"))))
    assert (head.group_status, [reason.code for reason in head.reasons]) == (None, ["NARR"])


def test_reasons_keep_code_text_and_who_said_so() -> None:
    """ISO code or the bank's own; all AddtlInf; AnyBIC (.10) or BICOrBEI (.03) for a bank, a name for the debtor."""
    xml = file(group(), block(1, debit("E-1", more=(
        "<StsRsnInf><Orgtr><Id><OrgId><AnyBIC>ABNANL2AXXX</AnyBIC></OrgId></Id></Orgtr><Rsn><Cd>AC04</Cd></Rsn>"
        "<AddtlInf>Konto</AddtlInf><AddtlInf>aufgeloest</AddtlInf></StsRsnInf>"
        "<StsRsnInf><Orgtr><Nm>Erika</Nm></Orgtr><Rsn><Prtry>X9</Prtry></Rsn></StsRsnInf>"
        "<StsRsnInf><Orgtr><Id><OrgId><BICOrBEI>ABNANL2A</BICOrBEI></OrgId></Id></Orgtr></StsRsnInf>"
    ))))  # fmt: skip

    line = records(xml)[2]

    assert line.reasons == (
        StatusReason("AC04", "Konto aufgeloest", "ABNANL2AXXX"),
        StatusReason("X9", "", None, "Erika"),
        StatusReason(None, "", "ABNANL2A"),
    )  # fmt: skip
    assert "Erika" not in repr(line)
    assert "Konto" not in repr(line)


def test_fallbacks_for_matching_are_kept() -> None:
    """Every reference is optional: without an EndToEndId there may be instruction id, mandate and amount."""
    amount, mandate = '<Amt><InstdAmt Ccy="EUR">50.25</InstdAmt></Amt>', "<MndtRltdInf><MndtId>MND-1</MndtId></MndtRltdInf>"
    original = f"<OrgnlTxRef>{amount}{mandate}</OrgnlTxRef>"
    line = records(file(group(), block(1, f"<TxInfAndSts><OrgnlInstrId>I-1</OrgnlInstrId>{original}</TxInfAndSts>")))[2]

    assert (line.end_to_end_id, line.status) == (None, None)
    assert (line.instruction_id, line.mandate_id, line.amount_cents) == ("I-1", "MND-1", 5025)
    assert records(file(group(), block(1, debit("NOTPROVIDED"))))[2].end_to_end_id is None
    assert records(file(group(), block(1, debit("E", more=original.replace("EUR", "CHF")))))[2].amount_cents is None


@pytest.mark.parametrize("amount", ["50.255", "-1.00", "1,00", ""])
def test_an_amount_that_is_not_cents_is_refused(amount: str) -> None:
    """More than two decimals, a sign or a comma are no amount."""
    original = f'<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt></OrgnlTxRef>'
    with pytest.raises(BadInput, match="amount"):
        records(file(group(), block(1, debit("E", more=original))))


@pytest.mark.parametrize(
    "inside",
    [
        [],
        [block(1, debit("E"))],
        [block(1, "")],
        [group(), group()],
        [group(), debit("E")],
        [group(), "<OrgnlPmtInfAndSts><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>"],
        ["<OrgnlGrpInfAndSts><OrgnlMsgNmId>pain.008</OrgnlMsgNmId></OrgnlGrpInfAndSts>"],
    ],
)
def test_a_report_that_does_not_say_what_it_is_about_is_refused(inside: list[str]) -> None:
    """No original message, two of them, a status before it or outside a block, a block without a name."""
    with pytest.raises(BadInput):
        records(file(*inside))


def test_a_report_without_id_is_refused() -> None:
    """GrpHdr/MsgId is what tells a repeated report from a second one."""
    for header in ("", "<GrpHdr><CreDtTm>2026-12-07T17:00:00Z</CreDtTm></GrpHdr>"):
        with pytest.raises(BadInput, match="MsgId"):
            records(file(group(), header=header))


def test_an_unknown_version_names_the_known_ones() -> None:
    """pain.002.001.12 is used by no SEPA scheme."""
    with pytest.raises(BadInput, match=r"pain\.002\.001\.10"):
        records(file(group(), version="12"))


def test_truncation_is_refused() -> None:
    """At every 5 % of a report with many lines (a peer read 55 % of a file and was content)."""
    whole = file(group(), block(1, "".join(debit(f"E-{n}") for n in range(2000))))
    for percent in range(0, 100, 5):
        with pytest.raises(BadInput):
            records(whole[: len(whole) * percent // 100])


def sample(name: str) -> bytes:
    assert TESTDATA is not None
    return Path(TESTDATA, "samples", "own", name).read_bytes()


if TESTDATA is not None:

    def test_our_sample_of_a_refused_file() -> None:
        """DUPL at group level, and nothing below."""
        assert told(sample("pain.002.001.10_file_rejected.xml")) == [("group", None, None, "RJCT", ["DUPL"])]

    def test_our_sample_of_a_partial_rejection() -> None:
        """No GrpSts, a block PART, one debit RJCT with AC04 from the debtor's bank."""
        xml = sample("pain.002.001.10_partial.xml")

        assert told(xml) == [
            ("block", "BRIDGE-20261122-000001-R1", None, "PART", []),
            ("debit", "BRIDGE-20261122-000001-R1", "INV-0000002", "RJCT", ["AC04"]),
        ]
        assert (records(xml)[2].amount_cents, records(xml)[2].mandate_id) == (5025, "MND-00043")
        assert records(xml)[2].reasons[0].originator_bic == "ABNANL2AXXX"

    @pytest.mark.parametrize("name", ["pain.002.001.10_file_rejected.xml", "pain.002.001.10_partial.xml"])
    def test_our_samples_cut_short_are_refused(name: str) -> None:
        """At every 5 %."""
        whole = sample(name)
        for percent in range(0, 100, 5):
            with pytest.raises(BadInput):
                records(whole[: len(whole) * percent // 100])


def test_an_empty_name_of_the_original_message_is_read() -> None:
    """Some banks leave OrgnlMsgNmId empty; whether the report is ours is decided by the file it names."""
    (head,) = records(file(group(name="")))

    assert head.original_message_name == ""


class Dribble(io.BytesIO):
    """A stream that gives its beginning at once and the rest in small pieces, as a slow line does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(90 if self.tell() == 0 else 7)


def test_a_report_that_comes_in_small_pieces() -> None:
    """What is read does not depend on how much of it was there when an element began."""
    whole = file(group("<GrpSts>PART</GrpSts>"), block(1, debit("A") + debit("B", "ACCP")))
    assert list(pain002.read(Dribble(whole))) == records(whole)


@pytest.mark.parametrize("late", ["<PmtInfSts>RJCT</PmtInfSts>", REASON.format("AC04")])
def test_a_block_that_speaks_of_itself_after_its_debits(late: str) -> None:
    """Its line was handed out when its first debit began: what comes later is not passed over."""
    with pytest.raises(BadInput, match="after its debits"):
        records(file(group(), block(1, debit("A") + late)))


@pytest.mark.parametrize("inner", ["GrpHdr", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"])
def test_a_level_inside_another_is_refused(inner: str) -> None:
    """Each stands in the report alone; inside a debit it would take the debit's words for its own."""
    with pytest.raises(BadInput, match=f"{inner} at line 1 stands in TxInfAndSts"):
        records(file(group(), block(1, debit("A", more=f"<{inner}/>"))))


def test_the_day_of_the_original_is_read() -> None:
    """ReqdColltnDt tells apart two debits of a mandate and an amount; what is no day is refused."""
    original = "<OrgnlTxRef><ReqdColltnDt>{}</ReqdColltnDt></OrgnlTxRef>"
    [*_, line] = records(file(group(), block(1, debit("A", more=original.format("2026-12-01")))))
    assert line.due_on == date(2026, 12, 1)
    with pytest.raises(BadInput, match="not a date"):
        records(file(group(), block(1, debit("A", more=original.format("2026-13-01")))))


def test_a_status_outside_any_block_is_refused() -> None:
    """Nobody knows whose debit it is about."""
    with pytest.raises(BadInput, match=r"TxInfAndSts at line 1 stands in no OrgnlPmtInfAndSts"):
        records(file(group(), debit("A")))
