from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from bridge.chain import decoders
from bridge.errors import BadInput
from bridge.records.invoice_log import InvoiceLog
from bridge.sim.chain import artefact
from tests.chain.invoices import (
    AGREEMENT_ID,
    DEBTOR_REF,
    DOCUMENT_HASH,
    DUE,
    INVOICE_ID,
    OCTOBER,
    SEPTEMBER,
    TOPIC,
    USAGE_ROOT,
    number,
    raw_log,
    words,
)

MILLENNIUM = 946684800  # 2000-01-01


def test_every_event_of_the_contract_is_decoded_or_left_alone_by_name() -> None:
    """The hand-written topic is the computed one, and the compiled contract emits nothing that nobody has thought of."""
    emitted = {
        keccak(f"{entry['name']}({','.join(_type(one) for one in entry['inputs'])})".encode()): entry["name"]
        for entry in artefact()["abi"]
        if entry["type"] == "event"
    }
    beside = {emitted[topic] for topic in emitted.keys() - decoders.DECODERS.keys()}

    assert decoders.INVOICE_FINALIZED_TOPIC == TOPIC
    assert emitted[TOPIC] == "InvoiceFinalized"
    assert beside == {"UsageRead", "UsageBatchRead", "AgreementOpened", "AgreementEnded", "TariffScheduled"}


def _type(argument: dict[str, Any]) -> str:
    if argument["type"] != "tuple":
        return str(argument["type"])
    return f"({','.join(_type(one) for one in argument['components'])})"


def test_every_field_stands_in_its_place() -> None:
    """Three ids come from the topics, eight fields from the eight words of data, in the order of the event."""
    assert decoders.decode(raw_log()) == InvoiceLog(
        invoice_id=INVOICE_ID,
        debtor_ref=DEBTOR_REF,
        agreement_id=AGREEMENT_ID,
        invoice_no=7,
        amount_minor=12345,
        currency="EUR",
        period_start=SEPTEMBER,
        period_end=OCTOBER,
        due_date=DUE,
        usage_root=USAGE_ROOT,
        document_hash=DOCUMENT_HASH,
    )


@pytest.mark.parametrize("cents", [1, 99_999_999_999])
def test_the_smallest_and_the_largest_debit_pass(cents: int) -> None:
    """One cent and 999,999,999.99 EUR are amounts of a direct debit."""
    assert decoders.decode(raw_log(data=words(w1=number(cents)))).amount_minor == cents


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "0 bytes of data instead of 256"),
        (words()[:-32], "224 bytes of data instead of 256"),
        (words()[:-1], "255 bytes of data instead of 256"),
        (words() + bytes(1), "257 bytes of data instead of 256"),
        (words() + bytes(32), "288 bytes of data instead of 256"),
        (words() + bytes(4096), "4352 bytes of data instead of 256"),
        (words(w0=number(2**64 + 7)), "invoiceNo does not fit into uint64"),
        (words(w1=number(2**128 + 1)), "amountMinor does not fit into uint128"),
        (words(w1=number(2**256 - 1)), "amountMinor does not fit into uint128"),
        (words(w2=b"EUR" + bytes(28) + b"\x01"), "currency is longer than three bytes"),
        (words(w2=b"EURO" + bytes(28)), "currency is longer than three bytes"),
        (words(w3=number(2**64 + SEPTEMBER)), "periodStart does not fit into uint64"),
        (words(w4=number(2**255)), "periodEnd does not fit into uint64"),
        (words(w5=number(2**64)), "dueDate does not fit into uint64"),
        (words(w0=number(0)), "invoiceNo is 0"),
        (words(w1=number(0)), "amountMinor is 0"),
        (words(w1=number(100_000_000_000)), "amountMinor is 100000000000"),
        (words(w1=number(2**127)), "amountMinor is 1701411"),
        (words(w2=b"USD" + bytes(29)), "currency is 'USD'"),
        (words(w2=b"eur" + bytes(29)), "currency is 'eur'"),
        (words(w2=bytes(32)), "currency is "),
        (words(w2=b"\xff\xfe\x80" + bytes(29)), "currency is "),
        (words(w2=bytes(29) + b"EUR"), "currency is longer than three bytes"),
        (words(w3=number(0)), "periodStart is 0"),
        (words(w3=number(MILLENNIUM)), "periodStart is 946684800"),
        (words(w4=number(4_102_444_801)), "periodEnd is 4102444801"),
        (words(w5=number(0)), "dueDate is 0"),
        (words(w5=number(DUE * 1000)), "dueDate is 1792065600000"),
        (words(w4=number(SEPTEMBER)), "is not after periodStart"),
        (words(w5=number(SEPTEMBER - 1)), "is before periodStart"),
    ],
)
def test_malformed_data_is_refused_by_name(data: bytes, why: str) -> None:
    """T34 to T37, T39: short, long, dirty, foreign or senseless data is refused with the field, the block and the log named."""
    with pytest.raises(BadInput, match=why) as refusal:
        decoders.decode(raw_log(data=data))

    assert "log 5 of block 100 on chain 31337" in str(refusal.value)


@pytest.mark.parametrize(
    ("topics", "why"),
    [
        ((), "anonymous"),
        ((bytes(32), INVOICE_ID, DEBTOR_REF, AGREEMENT_ID), "unknown topic 0x0000"),
        ((TOPIC,), "1 topics instead of 4"),
        ((TOPIC, INVOICE_ID, DEBTOR_REF), "3 topics instead of 4"),
        ((TOPIC, INVOICE_ID, DEBTOR_REF, AGREEMENT_ID, bytes(32)), "5 topics instead of 4"),
        ((decoders.INVOICE_CANCELLED_TOPIC, INVOICE_ID), "256 bytes of data instead of 32"),
        ((decoders.INVOICE_CANCELLED_TOPIC, INVOICE_ID, DEBTOR_REF), "3 topics instead of 2"),
    ],
)
def test_other_topics_are_refused(topics: tuple[bytes, ...], why: str) -> None:
    """T34, T43: an event of the same name with other indexed arguments, another event, or none at all is no invoice."""
    with pytest.raises(BadInput, match=why):
        decoders.decode(raw_log(topics=topics))


def test_fold_is_the_contracts_rule() -> None:
    """The running hash is keccak(abi.encode(chain, invoiceId, keccak(abi.encode(all eleven)))), as eth_abi encodes it."""
    log = decoders.decode(raw_log())
    types = ["bytes32"] * 3 + ["uint64", "uint128", "bytes3", "uint64", "uint64", "uint64", "bytes32", "bytes32"]
    eleven = [INVOICE_ID, DEBTOR_REF, AGREEMENT_ID, 7, 12345, b"EUR", SEPTEMBER, OCTOBER, DUE, USAGE_ROOT, DOCUMENT_HASH]
    digest = keccak(encode(types, eleven))
    once = keccak(encode(["bytes32"] * 3, [bytes(32), INVOICE_ID, digest]))
    twice = keccak(encode(["bytes32"] * 3, [once, INVOICE_ID, digest]))

    assert decoders.fold(decoders.CHAIN_START, log) == once
    assert decoders.fold(once, log) == twice
