"""A customer's own event, described and not programmed: what it says is an invoice to the cent, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bridge.chain import decoders, mapping
from bridge.errors import BadInput, ConfigError
from bridge.records.invoice_log import AdminLog, InvoiceLog, RawLog

EVENT = "Billed(uint256 indexed id, address indexed customer, uint256 no, uint256 amount, bytes3 money, string note, uint64 due)"
TOPIC = keccak(b"Billed(uint256,address,uint256,uint256,bytes3,string,uint64)")
DUE = 1_796_126_400
WHOLE = {
    "event": EVENT, "invoice_id": "id", "number": "no", "debtor_ref": "customer", "amount": "amount", "decimals": 18,
    "currency": "money", "due_date": "due", "due_days": None,
}  # fmt: skip
CUSTOMER = "0x" + "ab" * 20


def described(**changed: Any) -> mapping.OwnEvent:
    found = mapping.of(json.dumps({**WHOLE, **changed}))
    assert found is not None
    return found


def log(
    *, no: int = 7, amount: int = 119 * 10**18, money: bytes = b"EUR", note: bytes = b"", due: int = DUE, **changed: Any
) -> RawLog:
    told = {
        "chain_id": 100,
        "address": "0x" + "c0" * 20,
        "block_number": 5,
        "block_hash": b"\5" * 32,
        "block_timestamp": DUE - 86_400,
        "tx_hash": b"\6" * 32,
        "tx_index": 0,
        "log_index": 0,
        "topics": (TOPIC, (4711).to_bytes(32, "big"), bytes(12) + bytes.fromhex(CUSTOMER[2:])),
        "data": encode(["uint256", "uint256", "bytes3", "bytes", "uint64"], [no, amount, money, note, due]),
    }
    return RawLog(**{**told, **changed})


def test_an_own_event_is_an_invoice() -> None:
    """Id and customer by their topics, the amount by its decimals, the due date by its argument."""
    found = decoders.decode(log(), described())

    assert isinstance(found, InvoiceLog)
    assert (found.invoice_id, found.debtor_ref) == ((4711).to_bytes(32, "big"), bytes(12) + b"\xab" * 20)
    assert (found.invoice_no, found.amount_minor, found.currency, found.due_date) == (7, 119_00, "EUR", DUE)


@pytest.mark.parametrize("note", [b"\xff\xfe\x80\xc3", b"\0" * 40, b"\xe2\x80\xaegnp.exe", b"x" * 1_000_000])
def test_a_string_may_hold_anything(note: bytes) -> None:
    """T38: what is no UTF-8, NUL, right-to-left marks and a megabyte cost nothing: nobody reads it."""
    assert decoders.decode(log(note=note), described()) == decoders.decode(log(), described())


def test_a_string_that_is_an_id_is_its_hash() -> None:
    """Text and longer bytes stand for themselves by keccak, as Solidity does in a topic."""
    found = described(debtor_ref="note").invoice(log(note=b"\xff customer 4"))
    assert found.debtor_ref == keccak(b"\xff customer 4")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": 119 * 10**18 + 1}, "not whole cents"),
        ({"amount": 0}, "amountMinor is 0"),
        ({"amount": 10**9 * 10**18}, "a direct debit carries 1 to"),
        ({"money": b"USD"}, "currency is 'USD' instead of 'EUR'"),
        ({"money": b"eur"}, "currency is 'eur'"),
        ({"money": b"\xe2\x82\xac"}, "instead of 'EUR'"),
        ({"no": 0}, "invoiceNo is 0"),
        ({"due": 0}, "dueDate is 0"),
        ({"data": b""}, "cannot be read"),
        ({"data": log().data[:-1]}, "cannot be read|not encoded"),
        ({"data": log().data + bytes(32)}, "not encoded as the ABI has it"),
        ({"topics": log().topics[:2]}, "has 2 topics instead of 3"),
        ({"topics": (TOPIC, log().topics[1], b"\1" + log().topics[2][1:])}, "cannot be read|not encoded"),
        ({"topics": ()}, "has no topic"),
        ({"topics": (decoders.INVOICE_FINALIZED_TOPIC, *log().topics[1:])}, "unknown topic"),
    ],
)
def test_what_is_no_invoice_is_refused(changed: dict[str, Any], words: str) -> None:
    """T34 to T37 for an event that nobody here wrote: refused in words, never rounded and never guessed."""
    with pytest.raises(BadInput, match=words):
        decoders.decode(log(**changed), described())


def test_a_negative_amount_is_no_invoice() -> None:
    """T36: a credit note as int256."""
    own = described(event=EVENT.replace("uint256 amount", "int256 amount"))
    data = encode(["uint256", "int256", "bytes3", "bytes", "uint64"], [7, -(10**18), b"EUR", b"", DUE])
    with pytest.raises(BadInput, match="a credit note is no invoice"):
        own.invoice(log(data=data))


def test_days_after_the_block() -> None:
    """A contract without due dates: so many days after its block."""
    assert described(due_date="", due_days=14).invoice(log()).due_date == DUE - 86_400 + 14 * 86_400


def test_what_changes_the_contract_is_heard_all_the_same() -> None:
    """The admin events of any contract are asked for beside its own; our other events are not."""
    own = described()
    upgraded = keccak(b"Upgraded(address)")
    assert decoders.decode(log(topics=(upgraded, bytes(32))), own) == AdminLog("Upgraded")
    assert {own.topic, upgraded} <= decoders.topics_of(own)
    assert decoders.INVOICE_PAID_TOPIC not in decoders.topics_of(own)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"event": "Billed"}, "is no event like"),
        ({"event": EVENT.replace(" note", "")}, "is no event like"),
        ({"event": EVENT.replace("uint64 due", "uint64 no")}, "a name of its own"),
        (
            {"event": "event B(uint256 indexed id, uint256 indexed no, uint256 indexed amount, uint256 indexed due)"},
            "at most three",
        ),
        ({"invoice_id": "nothing"}, "mapping.invoice_id: 'nothing' is none of the arguments"),
        ({"number": "note"}, "mapping.number: argument 'note' is string"),
        ({"amount": "money"}, "mapping.amount: argument 'money' is bytes3"),
        ({"currency": "USD"}, "mapping.currency: 'EUR'"),
        ({"currency": "customer"}, "mapping.currency: argument 'customer' is address"),
        ({"debtor_ref": "0x12"}, "mapping.debtor_ref: an argument, or 0x and 64 hex digits"),
        ({"due_date": ""}, "either due_date .* or due_days"),
        ({"due_days": 3}, "either due_date .* or due_days"),
        ({"period_start": "due"}, "come together"),
        ({"agreement": "7"}, "mapping.agreement: '7' is none of"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(changed: dict[str, Any], words: str) -> None:
    """Whoever wrote it reads which part is wrong, before anything is read."""
    with pytest.raises(ConfigError, match=words):
        described(**changed)


def test_a_constant_debtor() -> None:
    """A contract with one customer has no argument for him."""
    assert described(debtor_ref="0x" + "07" * 32, currency="EUR").invoice(log(money=b"USD")).debtor_ref == b"\7" * 32


@given(st.binary(max_size=400), st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_no_bytes_break_it(data: bytes, topics: list[bytes]) -> None:
    """Whatever a contract emits under its event's topic is an invoice or BadInput."""
    try:
        found = decoders.decode(log(data=data, topics=(TOPIC, *topics)), described())
    except BadInput:
        return
    assert isinstance(found, InvoiceLog)
