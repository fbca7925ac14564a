"""The simulated bank: what it books, what it writes, and that it never contradicts itself."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.errors import BadInput
from bridge.formats import camt, pain002
from bridge.records.camt import StatementEntry, StatementHead
from bridge.records.pain002 import StatusLine
from bridge.sim.bank import FEES, STYLES, SimBank, answer
from tests.testdata import TESTDATA

ACCOUNT = "DE02120300000000202051"
DUE = date(2026, 12, 8)
REPORT_ON = date(2026, 12, 1)
AMOUNTS = {"INV-1-1": "100.00", "INV-2-1": "50.25", "INV-3-1": "21.10"}


def debit(end_to_end_id: str, amount: str) -> str:
    return f"""<DrctDbtTxInf><PmtId><EndToEndId>{end_to_end_id}</EndToEndId></PmtId><InstdAmt Ccy="EUR">{amount}</InstdAmt>
      <DrctDbtTx><MndtRltdInf><MndtId>M-{end_to_end_id}</MndtId><DtOfSgntr>2026-06-01</DtOfSgntr></MndtRltdInf></DrctDbtTx>
      <DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt><Dbtr><Nm>Erika Mustermann</Nm></Dbtr>
      <DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>
      <RmtInf><Ustrd>Rechnung {end_to_end_id}</Ustrd></RmtInf></DrctDbtTxInf>"""


def block(number: int, amounts: dict[str, str], due: date = DUE, booking: str = "true") -> str:
    return f"""<PmtInf><PmtInfId>F-1-R{number}</PmtInfId><PmtMtd>DD</PmtMtd><BtchBookg>{booking}</BtchBookg>
      <PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>RCUR</SeqTp></PmtTpInf>
      <ReqdColltnDt>{due.isoformat()}</ReqdColltnDt><Cdtr><Nm>Musterwerk GmbH</Nm></Cdtr>
      <CdtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></CdtrAcct><CdtrAgt><FinInstnId><BICFI>BYLADEM1001</BICFI></FinInstnId></CdtrAgt>
      <CdtrSchmeId><Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id></Othr></PrvtId></Id></CdtrSchmeId>
      {"".join(debit(*pair) for pair in amounts.items())}</PmtInf>"""


def debit_file(*blocks: str, message_id: str = "F-1") -> bytes:
    inside = "".join(blocks) or block(1, AMOUNTS)
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"><CstmrDrctDbtInitn>
      <GrpHdr><MsgId>{message_id}</MsgId>
      <CreDtTm>2026-11-22T09:30:00Z</CreDtTm><NbOfTxs>3</NbOfTxs><InitgPty><Nm>Musterwerk GmbH</Nm></InitgPty></GrpHdr>
      {inside}</CstmrDrctDbtInitn></Document>""".encode()


def bank_with(plan: dict[str, str] | None = None, xml: bytes | None = None, **more: Any) -> SimBank:
    bank = SimBank(ACCOUNT, opening_cents=100000, **more)
    bank.plan(plan or {})
    bank.upload(xml or debit_file())
    return bank


def told(xml: bytes) -> list[tuple[str, str | None, str | None, list[str | None]]]:
    """Return level, name, status and reasons of each line of a status report."""
    return [
        (line.level, line.end_to_end_id or line.pmt_inf_id, line.status, [reason.code for reason in line.reasons])
        for line in pain002.read(io.BytesIO(xml))
        if isinstance(line, StatusLine)
    ]


def booked(xml: bytes) -> tuple[StatementHead, list[StatementEntry]]:
    head, *entries = camt.read(io.BytesIO(xml))
    assert isinstance(head, StatementHead)
    return head, [entry for entry in entries if isinstance(entry, StatementEntry)]


def lines_until(bank: SimBank, last: date = date(2026, 12, 10)) -> list[StatementEntry]:
    found: list[StatementEntry] = []
    for days in range((last - DUE).days + 1):
        found += booked(bank.statement(DUE + timedelta(days=days)))[1]
    return found


# --- status reports ---


def test_everything_accepted_is_one_word() -> None:
    """ACCP at group level, nothing below."""
    assert told(bank_with().status_report(REPORT_ON)) == [("group", None, "ACCP", [])]


def test_a_single_reject_stands_at_its_debit_only() -> None:
    """Group and block say PART without a reason; only the reject is listed."""
    assert told(bank_with({"INV-2-1": "reject:AC04"}).status_report(REPORT_ON)) == [
        ("group", None, "PART", []),
        ("block", "F-1-R1", "PART", []),
        ("debit", "INV-2-1", "RJCT", ["AC04"]),
    ]


def test_a_refused_block_says_so_once() -> None:
    """The other block is not mentioned."""
    xml = debit_file(block(1, {"A-1": "1.00"}), block(2, {"B-1": "2.00"}))
    assert told(bank_with({"F-1-R2": "reject:BE05"}, xml).status_report(REPORT_ON)) == [
        ("group", None, "PART", []),
        ("block", "F-1-R2", "RJCT", ["BE05"]),
    ]


def test_a_refused_file_says_so_once_and_books_nothing() -> None:
    """FF01 at group level; no credit ever comes."""
    bank = bank_with({"F-1": "reject:FF01"})

    assert told(bank.status_report(REPORT_ON)) == [("group", None, "RJCT", ["FF01"])]
    assert lines_until(bank) == []
    assert bank.truth()["balance_cents"] == 100000


def test_every_debit_refused_by_itself_is_listed_by_itself() -> None:
    """No upper level claims PART where nothing was accepted; and nothing is credited, gross neither."""
    bank = bank_with(dict.fromkeys(AMOUNTS, "reject:AM04"), net=False)

    assert [line[2:] for line in told(bank.status_report(REPORT_ON))] == [(None, []), *[("RJCT", ["AM04"])] * 3]
    assert lines_until(bank) == []


def test_a_second_upload_of_the_same_file_is_a_duplicate() -> None:
    """DUPL at group level; the money is collected once."""
    bank = bank_with()
    bank.upload(debit_file())

    assert told(bank.status_report(REPORT_ON)) == [("group", None, "RJCT", ["DUPL"])]
    assert [line.amount_cents for line in lines_until(bank)] == [17135]
    assert bank.truth()["debits"]["INV-1-1"]["times"] == 1


def test_the_same_debits_under_another_message_id_are_collected_twice() -> None:
    """A bank does not compare EndToEndIds across files; the truth shows what a second file would cost."""
    bank = bank_with()
    bank.upload(debit_file(message_id="F-2"))

    assert [line.amount_cents for line in lines_until(bank)] == [17135, 17135]
    assert bank.truth()["debits"]["INV-1-1"] == {
        "times": 2,
        "amount_cents": 10000,
        "credited_cents": 20000,
        "debited_cents": 0,
        "fee_cents": 0,
        "outcome": "credited",
        "reason": None,
    }


# --- credits ---


def test_a_batch_credit_names_the_block_and_nothing_else() -> None:
    """Net: 171.35 - 50.25 = 121.10 of two debits, without details."""
    (line,) = lines_until(bank_with({"INV-2-1": "reject:AC04"}))

    assert line.amount_cents == 12110
    assert line.batch is not None
    assert (line.batch.message_id, line.batch.pmt_inf_id, line.batch.count) == ("F-1", "F-1-R1", 2)
    assert line.details == ()
    assert (line.booked_on, line.value_on) == (DUE, DUE)


def test_a_gross_batch_credit_takes_the_reject_back_beside_it() -> None:
    """171.35 credited for three, 50.25 debited again with its EndToEndId and reason."""
    credit, back = lines_until(bank_with({"INV-2-1": "reject:AC04"}, net=False))

    assert (credit.amount_cents, back.amount_cents) == (17135, -5025)
    assert credit.batch is not None
    assert credit.batch.count == 3
    assert (back.details[0].end_to_end_id, back.details[0].return_reason) == ("INV-2-1", "AC04")


def test_a_detailed_credit_has_one_detail_for_each_debit() -> None:
    """The sum of the details is the entry."""
    (line,) = lines_until(bank_with(style="detailed"))

    assert [(detail.end_to_end_id, detail.amount_cents) for detail in line.details] == [
        ("INV-1-1", 10000), ("INV-2-1", 5025), ("INV-3-1", 2110)
    ]  # fmt: skip
    assert line.amount_cents == 17135


@pytest.mark.parametrize("booking", ["true", "false"])
def test_single_credits_come_one_by_one(booking: str) -> None:
    """By style, or because the block asked for it with BtchBookg=false."""
    bank = bank_with(xml=debit_file(block(1, AMOUNTS, booking=booking)), style="single" if booking == "true" else "batch")
    assert [(line.amount_cents, line.details[0].end_to_end_id) for line in lines_until(bank)] == [
        (10000, "INV-1-1"), (5025, "INV-2-1"), (2110, "INV-3-1")
    ]  # fmt: skip


def test_nothing_is_credited_before_its_due_date() -> None:
    """Two blocks, two days; a day without lines has a statement all the same."""
    bank = bank_with(xml=debit_file(block(1, {"A-1": "1.00"}), block(2, {"B-1": "2.00"}, due=DUE + timedelta(days=1))))

    sums = [[line.amount_cents for line in booked(bank.statement(DUE + timedelta(days=days)))[1]] for days in (-1, 0, 1, 2)]

    assert sums == [[], [100], [200], []]


# --- returns and fees ---


@pytest.mark.parametrize(
    ("shape", "amounts", "original", "charges"),
    [("inside", [-10300], 10000, [300]), ("beside", [-10000, -300], 10000, []), ("silent", [-10300], None, [])],
)
@pytest.mark.parametrize("by_plan", [True, False])
def test_a_return_shows_its_fee_in_three_shapes(
    shape: str, amounts: list[int], original: int | None, charges: list[int], *, by_plan: bool
) -> None:
    """100.00 and a fee of 3.00: inside with a charge record, beside as an entry, or silently inside."""
    bank = bank_with({"INV-1-1": "return:MD06:300" + (f":{shape}" if by_plan else "")}, fees="inside" if by_plan else shape)

    _, back, *rest = lines_until(bank)

    assert [line.amount_cents for line in (back, *rest)] == amounts
    assert back.booked_on == DUE + timedelta(days=2)
    assert (back.details[0].original_cents, [charge.amount_cents for charge in back.details[0].charges]) == (original, charges)
    assert (back.details[0].end_to_end_id, back.details[0].mandate_id, back.details[0].pmt_inf_id) == (
        "INV-1-1",
        "M-INV-1-1",
        "F-1-R1",
    )
    assert (back.reversal, back.details[0].is_return, back.details[0].return_reason) == (True, True, "MD06")
    assert bank.truth()["debits"]["INV-1-1"] == {
        "times": 1,
        "amount_cents": 10000,
        "credited_cents": 10000,
        "debited_cents": 10000,
        "fee_cents": 300,
        "outcome": "returned",
        "reason": "MD06",
    }
    assert bank.truth()["fees_cents"] == 300
    assert bank.truth()["balance_cents"] == 100000 + 17135 - 10000 - 300


def test_parties_keep_their_roles_and_the_originator_tells_who_wanted_it() -> None:
    """MD06 comes from the debtor by name, AM04 from a bank by BIC; the customer stays the debtor."""
    _, refund, returned = lines_until(bank_with({"INV-1-1": "return:MD06", "INV-3-1": "return:AM04"}))

    assert (refund.details[0].debtor_name, refund.details[0].creditor_name) == ("Erika Mustermann", "Musterwerk GmbH")
    assert (refund.details[0].originator_name, refund.details[0].originator_bic) == ("Erika Mustermann", None)
    assert (returned.details[0].originator_name, returned.details[0].originator_bic) == (None, "BEISDEFFXXX")


# --- other lines and the chain of statements ---


def test_strangers_and_the_bank_itself_book_too() -> None:
    """A transfer in, one out, and a fee: on the next statement, once."""
    bank = SimBank(ACCOUNT)
    bank.foreign_transfer(1234, "Franz Fremd", "Rechnung 5")
    bank.foreign_transfer(-200, "Franz Fremd", "zurueck")
    bank.bank_fee(150)

    _, lines = booked(bank.statement(DUE))

    assert [(line.amount_cents, line.is_return) for line in lines] == [(1234, False), (-200, False), (-150, False)]
    assert (lines[0].details[0].debtor_name, lines[0].details[0].remittance) == ("Franz Fremd", "Rechnung 5")
    assert lines[1].details[0].creditor_name == "Franz Fremd"
    assert booked(bank.statement(DUE + timedelta(days=1)))[1] == []
    assert (bank.truth()["transfers_cents"], bank.truth()["fees_cents"], bank.truth()["balance_cents"]) == (1034, 150, 884)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("net", [True, False])
@pytest.mark.parametrize("fees", FEES)
def test_balances_chain_and_the_truth_agrees_with_the_lines(style: str, fees: str, *, net: bool) -> None:
    """Opening + lines = closing = next opening, numbers without a gap; in every style 1000.00 + 21.10 - 3.00 - 1.00 = 1017.10."""
    bank = bank_with({"INV-2-1": "reject:AC04", "INV-1-1": "return:MD06:300"}, style=style, net=net, fees=fees)
    bank.bank_fee(100)
    closing, lines = 100000, []
    for number in range(1, 6):
        head, entries = booked(bank.statement(date(2026, 12, 6 + number)))
        assert (head.opening_cents, head.sequence, head.opening_kind) == (closing, number, "OPBD")
        assert head.closing_cents == closing + sum(entry.amount_cents for entry in entries)
        closing = head.closing_cents
        lines += entries

    truth = bank.truth()
    assert closing == truth["balance_cents"] == 101710
    assert [line["amount_cents"] for line in truth["lines"]] == [line.amount_cents for line in lines]
    assert truth["statements"] == 5
    told_of = truth["debits"].values()
    assert (
        sum(d["credited_cents"] - d["debited_cents"] for d in told_of) + truth["transfers_cents"] - truth["fees_cents"]
        == 101710 - 100000
    )
    assert [d["outcome"] for d in told_of] == ["returned", "rejected", "credited"]


def test_the_last_statement_can_be_repeated_byte_for_byte() -> None:
    """A repetition changes nothing; before the first there is none."""
    bank = SimBank(ACCOUNT)
    with pytest.raises(BadInput):
        bank.repeat_last_statement()
    with pytest.raises(BadInput):
        bank.status_report(DUE)
    first = bank.statement(DUE)

    assert bank.repeat_last_statement() == first
    assert bank.truth()["statements"] == 1


def test_a_day_has_one_statement() -> None:
    """A second statement for the same or an earlier day is refused."""
    bank = SimBank(ACCOUNT)
    bank.statement(DUE)
    for day in (DUE, DUE - timedelta(days=1)):
        with pytest.raises(BadInput, match="not after"):
            bank.statement(day)


# --- files it refuses, plans it does not know ---


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<a>",
        b"<Document/>",
        debit_file().replace(b"001.08", b"001.02"),
        b"<!DOCTYPE Document>" + debit_file(),
        debit_file().replace(b"EndToEndId", b"EndToEnd"),
        debit_file().replace(ACCOUNT.encode(), b"DE89370400440532013000"),
        debit_file().replace(b"PmtInf>", b"Other>"),
    ],
)
def test_a_file_it_cannot_read_is_refused(xml: bytes) -> None:
    """Another version, another account, a DOCTYPE, missing parts."""
    with pytest.raises(BadInput):
        SimBank(ACCOUNT).upload(xml)


@pytest.mark.parametrize(
    "wish", ["", "refuse", "reject", "reject:", "accept:AC04", "return", "return:MD06:x", "return:MD06:1:loud", "reject:AC04:1"]
)
def test_a_wish_it_does_not_know_is_refused(wish: str) -> None:
    """Nothing is accepted by default because of a misspelling."""
    with pytest.raises(BadInput, match="no wish"):
        SimBank(ACCOUNT).plan({"INV-1-1": wish})


@pytest.mark.parametrize("more", [{"style": "lump"}, {"fees": "loud"}])
def test_an_unknown_style_is_refused(more: dict[str, str]) -> None:
    """The refusal lists what there is."""
    with pytest.raises(BadInput, match="batch, single, detailed"):
        SimBank(ACCOUNT, opening_cents=0, **more)  # type: ignore[arg-type]


# --- the command ---


def test_answers_are_the_same_every_time_and_the_bank_lives_on_in_its_file(tmp_path: Path) -> None:
    """Two runs write the same bytes; a later call without a file continues the account."""
    runs = []
    for name in ("one.json", "two.json"):
        state = tmp_path / name
        first = answer(debit_file(), {"INV-1-1": "return:MD06:300"}, [DUE], state=state, opening_cents=100000)
        later = answer(None, {}, [DUE + timedelta(days=1), DUE + timedelta(days=2)], state=state)
        runs.append([*first, *later])

    assert runs[0] == runs[1]
    assert [name for name, _ in runs[0]] == [
        "pain.002_2026-12-08_0001.xml",
        "camt.053_2026-12-08_0001.xml",
        "camt.053_2026-12-09_0002.xml",
        "camt.053_2026-12-10_0003.xml",
    ]
    assert booked(runs[0][-1][1])[0].closing_cents == 100000 + 17135 - 10300
    assert SimBank.load(tmp_path / "one.json").truth() == SimBank.load(tmp_path / "two.json").truth()


def test_a_refused_call_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    """A broken file or a day that was already written changes nothing on disk."""
    state = tmp_path / "bank.json"
    answer(debit_file(), {}, [DUE], state=state)
    before = state.read_bytes()
    for broken, days in ((b"<a>", [DUE + timedelta(days=1)]), (None, [DUE])):
        with pytest.raises(BadInput):
            answer(broken, {}, days, state=state)

    assert state.read_bytes() == before
    assert json.loads(before)["iban"] == ACCOUNT


def test_a_new_bank_needs_a_file_and_a_broken_state_is_refused(tmp_path: Path) -> None:
    """The account is the one of the first file's creditor."""
    with pytest.raises(BadInput, match="new"):
        answer(None, {}, [DUE], state=tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("[]")
    with pytest.raises(BadInput, match="state"):
        answer(None, {}, [DUE], state=tmp_path / "broken.json")


if TESTDATA is not None:

    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("net", [True, False])
    @pytest.mark.parametrize("fees", FEES)
    @pytest.mark.parametrize(
        "plan",
        [{}, {"INV-2-1": "reject:AC04", "INV-1-1": "return:MD06:300"}, {"F-1": "reject:FF01"}, {"F-1-R1": "reject:BE05"},
         {"INV-3-1": "return:AM04", **dict.fromkeys(("INV-1-1", "INV-2-1"), "reject:MS03")}],
    )  # fmt: skip
    def test_everything_it_writes_is_valid(style: str, fees: str, plan: dict[str, str], *, net: bool) -> None:
        """Against the published schemas of pain.002.001.10 and camt.053.001.08."""
        assert TESTDATA is not None
        schemas = {
            name: etree.XMLSchema(etree.parse(Path(TESTDATA, "xsd", f"{name}.xsd")))
            for name in ("pain.002.001.10", "camt.053.001.08")
        }
        bank = bank_with(plan, style=style, net=net, fees=fees)
        schemas["pain.002.001.10"].assertValid(etree.fromstring(bank.status_report(REPORT_ON)))
        bank.upload(debit_file())
        schemas["pain.002.001.10"].assertValid(etree.fromstring(bank.status_report(REPORT_ON)))
        bank.foreign_transfer(100, "Franz Fremd", "Hallo")
        bank.foreign_transfer(-100, "Franz Fremd", "Hallo")
        bank.bank_fee(100)
        for days in range(4):
            schemas["camt.053.001.08"].assertValid(etree.fromstring(bank.statement(DUE + timedelta(days=days))))

    def test_it_takes_our_sample_file() -> None:
        """Three debits of 171.35 with an amendment."""
        assert TESTDATA is not None
        bank = SimBank(ACCOUNT)
        bank.upload(Path(TESTDATA, "samples/own/pain.008.001.08_core_and_amendment.xml").read_bytes())
        assert [line.amount_cents for line in booked(bank.statement(DUE))[1]] == [17135]
