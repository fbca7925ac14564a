"""Pure: a raw log becomes what it says, and InvoiceLogs fold into the running hash that the contract keeps.

The event's words are static, so a field is a slice: no ABI is interpreted on the way of money. What a decoder does not know
exactly (a topic more, a byte more, a bit in the padding) it refuses with BadInput, because the emitter is our own contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from bridge.chain.hashing import keccak
from bridge.errors import BadInput
from bridge.records.invoice_log import (
    AdminLog,
    AttestedLog,
    CancelledLog,
    Decoded,
    DeviceKeyLog,
    InvoiceLog,
    PaidLog,
    PeriodLog,
    RawLog,
)

INVOICE_FINALIZED = "InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)"
INVOICE_FINALIZED_TOPIC = keccak(INVOICE_FINALIZED.encode())
INVOICE_CANCELLED_TOPIC = keccak(b"InvoiceCancelled(bytes32,bytes32)")
INVOICE_PAID_TOPIC = keccak(b"InvoicePaid(bytes32,address,address,uint256)")
PERIOD_CLOSED_TOPIC = keccak(b"PeriodClosed(bytes32,bytes32,uint64,uint128,uint128,uint64,uint128,uint64,uint64,bytes32)")
DEVICE_REGISTERED_TOPIC = keccak(b"DeviceRegistered(bytes32,address,uint128)")
DEVICE_KEY_REPLACED_TOPIC = keccak(b"DeviceKeyReplaced(bytes32,address)")
SETTLEMENT_ATTESTED_TOPIC = keccak(b"SettlementAttested(bytes32,uint8,bytes32)")
#: what changes the contract itself: ours, OpenZeppelin's access control and pause, and the proxies of EIP-1967
ADMIN_EVENTS = (
    "Upgraded(address)",
    "AdminChanged(address,address)",
    "BeaconUpgraded(address)",
    "OwnershipTransferred(address,address)",
    "RoleGranted(bytes32,address,address)",
    "RoleRevoked(bytes32,address,address)",
    "RoleAdminChanged(bytes32,bytes32,bytes32)",
    "DefaultAdminTransferScheduled(address,uint48)",
    "DefaultAdminTransferCanceled()",
    "DefaultAdminDelayChangeScheduled(uint48,uint48)",
    "DefaultAdminDelayChangeCanceled()",
    "Paused(address)",
    "Unpaused(address)",
    "PayeeChanged(address)",
    "TokenAllowed(address,uint256)",
)

AMOUNT_MAX_CENTS = 99_999_999_999  # pain.008 InstdAmt as the SEPA schemes bound it: 999,999,999.99 EUR
# 2015-01-01 and 2100-01-01 UTC in unix seconds: before the first EVM chain, or milliseconds taken for seconds.
DATE_MIN = 1_420_070_400
DATE_MAX = 4_102_444_800

WORD = 32
CHAIN_START = bytes(WORD)  # invoiceChain of a contract without an invoice


class Own(Protocol):
    """An event of a customer's contract that is an invoice (chain.mapping)."""

    @property
    def topic(self) -> bytes: ...

    def invoice(self, raw: RawLog) -> InvoiceLog: ...


def decode(raw: RawLog, own: Own | None = None) -> Decoded:
    """Decode one log by its first topic; ``own``: of a contract that has an event of its own instead of ours.

    Raises BadInput naming block, log index and what is wrong.
    """
    if not raw.topics:
        raise _refusal(raw, "has no topic: an anonymous event is never an invoice")
    if own is not None and raw.topics[0] == own.topic:
        return own.invoice(raw)
    decoder = (DECODERS if own is None else ADMIN_DECODERS).get(raw.topics[0])
    if decoder is None:
        raise _refusal(raw, f"has the unknown topic 0x{raw.topics[0].hex()}")
    return decoder(raw)


def topics_of(own: Own | None) -> frozenset[bytes]:
    """The first topics of the logs that a source is asked for."""
    return frozenset(DECODERS) if own is None else frozenset([own.topic, *ADMIN_DECODERS])


def invoice_of(raw: RawLog, own: Own | None = None) -> InvoiceLog | None:
    """The invoice that a log finalizes; None for what is refused, and for another event."""
    try:
        found = decode(raw, own)
    except BadInput:
        return None
    return found if isinstance(found, InvoiceLog) else None


def fold(chain: bytes, log: InvoiceLog) -> bytes:
    """The running hash after one more invoice: keccak(chain, invoiceId, keccak(all eleven arguments)), each ABI-encoded.

    The rule of UsageInvoices.sol. Starts from 32 zero bytes (CHAIN_START).
    """
    return keccak(chain + log.invoice_id + keccak(_encoded(log)))


def invoice_finalized(raw: RawLog) -> InvoiceLog:
    """``InvoiceFinalized``: three indexed ids, eight words of data."""
    _check_shape(raw, topics=4, words=8)
    log = InvoiceLog(
        invoice_id=raw.topics[1],
        debtor_ref=raw.topics[2],
        agreement_id=raw.topics[3],
        invoice_no=_uint(raw, 0, 8, "invoiceNo"),
        amount_minor=_uint(raw, 1, 16, "amountMinor"),
        currency=_currency(raw, 2),
        period_start=_uint(raw, 3, 8, "periodStart"),
        period_end=_uint(raw, 4, 8, "periodEnd"),
        due_date=_uint(raw, 5, 8, "dueDate"),
        usage_root=raw.data[6 * WORD : 7 * WORD],
        document_hash=raw.data[7 * WORD : 8 * WORD],
    )
    check_bounds(raw, log)
    return log


def invoice_cancelled(raw: RawLog) -> CancelledLog:
    """``InvoiceCancelled``: one indexed id, one word of data."""
    _check_shape(raw, topics=2, words=1)
    return CancelledLog(invoice_id=raw.topics[1], reason=raw.data)


def invoice_paid(raw: RawLog) -> PaidLog:
    """``InvoicePaid``: an indexed id and two indexed addresses, one word of data."""
    _check_shape(raw, topics=4, words=1)
    return PaidLog(
        invoice_id=raw.topics[1],
        token=_address(raw, raw.topics[2], "token"),
        payer=_address(raw, raw.topics[3], "payer"),
        amount=_uint(raw, 0, 32, "amount"),
    )


def period_closed(raw: RawLog) -> PeriodLog:
    """``PeriodClosed``: two indexed ids, eight words of data."""
    _check_shape(raw, topics=3, words=8)
    return PeriodLog(
        agreement_id=raw.topics[1],
        device_id=raw.topics[2],
        period=_uint(raw, 0, 8, "period"),
        counter_start=_uint(raw, 1, 16, "counterStart"),
        counter_end=_uint(raw, 2, 16, "counterEnd"),
        base_fee=_uint(raw, 3, 8, "baseFee"),
        unit_price=_uint(raw, 4, 16, "unitPrice"),
        cap=_uint(raw, 5, 8, "cap"),
        readings=_uint(raw, 6, 8, "readings"),
        usage_root=raw.data[7 * WORD :],
    )


def device_key(raw: RawLog) -> DeviceKeyLog:
    """``DeviceRegistered`` (key, counter) and ``DeviceKeyReplaced`` (key): one indexed id."""
    _check_shape(raw, topics=2, words=2 if raw.topics[0] == DEVICE_REGISTERED_TOPIC else 1)
    return DeviceKeyLog(device_id=raw.topics[1], key=_address(raw, raw.data[:WORD], "key"))


def settlement_attested(raw: RawLog) -> AttestedLog:
    """``SettlementAttested``: one indexed id, two words of data."""
    _check_shape(raw, topics=2, words=2)
    return AttestedLog(invoice_id=raw.topics[1], outcome=_uint(raw, 0, 1, "outcome"), evidence_hash=raw.data[WORD:])


def admin(raw: RawLog) -> AdminLog:
    """Any of ADMIN_EVENTS, whatever its arguments: that it happened is what counts."""
    return AdminLog(event=_ADMIN[raw.topics[0]])


_ADMIN = {keccak(event.encode()): event.partition("(")[0] for event in ADMIN_EVENTS}
#: what every contract may say, a customer's own too
ADMIN_DECODERS: dict[bytes, Callable[[RawLog], Decoded]] = dict.fromkeys(_ADMIN, admin)
DECODERS: dict[bytes, Callable[[RawLog], Decoded]] = {
    INVOICE_FINALIZED_TOPIC: invoice_finalized,
    INVOICE_CANCELLED_TOPIC: invoice_cancelled,
    INVOICE_PAID_TOPIC: invoice_paid,
    PERIOD_CLOSED_TOPIC: period_closed,
    DEVICE_REGISTERED_TOPIC: device_key,
    DEVICE_KEY_REPLACED_TOPIC: device_key,
    SETTLEMENT_ATTESTED_TOPIC: settlement_attested,
    **ADMIN_DECODERS,
}


def _check_shape(raw: RawLog, *, topics: int, words: int) -> None:
    check_topics(raw, topics)
    if len(raw.data) != words * WORD:
        raise _refusal(raw, f"has {len(raw.data)} bytes of data instead of {words * WORD}")


def _address(raw: RawLog, word: bytes, what: str) -> str:
    if any(word[:12]):
        raise _refusal(raw, f"{what} is no address: its padding is not zero")
    return "0x" + word[12:].hex()


def _uint(raw: RawLog, word: int, size: int, what: str) -> int:
    """An unsigned integer of ``size`` bytes at the right end of its word; what stands left of it must be zero."""
    found = int.from_bytes(raw.data[word * WORD : (word + 1) * WORD], "big")
    if found >> (size * 8):
        raise _refusal(raw, f"{what} does not fit into uint{size * 8}: its padding is not zero")
    return found


def _currency(raw: RawLog, word: int) -> str:
    """bytes3 at the left end of its word. Exactly EUR: a SEPA direct debit knows no other."""
    cell = raw.data[word * WORD : (word + 1) * WORD]
    if any(cell[3:]):
        raise _refusal(raw, "currency is longer than three bytes: its padding is not zero")
    if cell[:3] != b"EUR":
        raise _refusal(raw, f"currency is {cell[:3].decode('ascii', errors='backslashreplace')!r} instead of 'EUR'")
    return "EUR"


def check_bounds(raw: RawLog, log: InvoiceLog, *, has_period: bool = True) -> None:
    """Raise BadInput where a number, amount or date is none that an invoice can have."""
    if log.invoice_no == 0:
        raise _refusal(raw, "invoiceNo is 0; numbers start at 1")
    if not 1 <= log.amount_minor <= AMOUNT_MAX_CENTS:
        raise _refusal(raw, f"amountMinor is {log.amount_minor}; a direct debit carries 1 to {AMOUNT_MAX_CENTS} cents")
    dates = (("periodStart", log.period_start), ("periodEnd", log.period_end), ("dueDate", log.due_date))
    for what, seconds in dates:
        if not DATE_MIN <= seconds <= DATE_MAX:
            raise _refusal(raw, f"{what} is {seconds}; unix seconds from 2015 to 2100 were expected")
    if has_period and log.period_end <= log.period_start:
        raise _refusal(raw, f"periodEnd {log.period_end} is not after periodStart {log.period_start}")
    if log.due_date < log.period_start:
        raise _refusal(raw, f"dueDate {log.due_date} is before periodStart {log.period_start}")


def _encoded(log: InvoiceLog) -> bytes:
    """The eleven arguments as Solidity's abi.encode writes them: static words, in the order of the event."""
    return b"".join(
        (
            log.invoice_id,
            log.debtor_ref,
            log.agreement_id,
            log.invoice_no.to_bytes(WORD, "big"),
            log.amount_minor.to_bytes(WORD, "big"),
            log.currency.encode("ascii").ljust(WORD, b"\0"),
            log.period_start.to_bytes(WORD, "big"),
            log.period_end.to_bytes(WORD, "big"),
            log.due_date.to_bytes(WORD, "big"),
            log.usage_root,
            log.document_hash,
        )
    )


def check_topics(raw: RawLog, topics: int) -> None:
    """Raise BadInput for a log with more or fewer topics."""
    if len(raw.topics) != topics:
        raise _refusal(raw, f"has {len(raw.topics)} topics instead of {topics}")


def refuse(raw: RawLog, why: str, cause: Exception | None = None) -> NoReturn:
    """Raise BadInput naming the log and what is wrong with it."""
    raise _refusal(raw, why) from cause


def _refusal(raw: RawLog, why: str) -> BadInput:
    return BadInput(f"log {raw.log_index} of block {raw.block_number} on chain {raw.chain_id}, contract {raw.address}: {why}")
