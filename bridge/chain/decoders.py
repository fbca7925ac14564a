"""Pure: a raw log becomes an InvoiceLog, and InvoiceLogs fold into the running hash that the contract keeps.

The event's words are static, so a field is a slice: no ABI is interpreted on the way of money. What a decoder does not know
exactly (a topic more, a byte more, a bit in the padding) it refuses with BadInput, because the emitter is our own contract.
"""

from __future__ import annotations

from collections.abc import Callable

from eth_hash.auto import keccak

from bridge.errors import BadInput
from bridge.records.invoice_log import CancelledLog, InvoiceLog, RawLog

INVOICE_FINALIZED = "InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)"
INVOICE_FINALIZED_TOPIC = keccak(INVOICE_FINALIZED.encode())
INVOICE_CANCELLED_TOPIC = keccak(b"InvoiceCancelled(bytes32,bytes32)")

AMOUNT_MAX_CENTS = 99_999_999_999  # pain.008 InstdAmt as the SEPA schemes bound it: 999,999,999.99 EUR
# 2015-01-01 and 2100-01-01 UTC in unix seconds: before the first EVM chain, or milliseconds taken for seconds.
DATE_MIN = 1_420_070_400
DATE_MAX = 4_102_444_800

WORD = 32
CHAIN_START = bytes(WORD)  # invoiceChain of a contract without an invoice


def decode(raw: RawLog) -> InvoiceLog | CancelledLog:
    """Decode one log by its first topic. Raises BadInput naming block, log index and what is wrong."""
    if not raw.topics:
        raise _refusal(raw, "has no topic: an anonymous event is never an invoice")
    decoder = DECODERS.get(raw.topics[0])
    if decoder is None:
        raise _refusal(raw, f"has the unknown topic 0x{raw.topics[0].hex()}")
    return decoder(raw)


def invoice_of(raw: RawLog) -> InvoiceLog | None:
    """The invoice that a log finalizes; None for what is refused, and for another event."""
    try:
        found = decode(raw)
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
    if len(raw.topics) != 4:
        raise _refusal(raw, f"has {len(raw.topics)} topics instead of 4")
    if len(raw.data) != 8 * WORD:
        raise _refusal(raw, f"has {len(raw.data)} bytes of data instead of {8 * WORD}")
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
    _check_bounds(raw, log)
    return log


def invoice_cancelled(raw: RawLog) -> CancelledLog:
    """``InvoiceCancelled``: one indexed id, one word of data."""
    if len(raw.topics) != 2:
        raise _refusal(raw, f"has {len(raw.topics)} topics instead of 2")
    if len(raw.data) != WORD:
        raise _refusal(raw, f"has {len(raw.data)} bytes of data instead of {WORD}")
    return CancelledLog(invoice_id=raw.topics[1], reason=raw.data)


DECODERS: dict[bytes, Callable[[RawLog], InvoiceLog | CancelledLog]] = {
    INVOICE_FINALIZED_TOPIC: invoice_finalized,
    INVOICE_CANCELLED_TOPIC: invoice_cancelled,
}


def _uint(raw: RawLog, word: int, size: int, what: str) -> int:
    """An unsigned integer of ``size`` bytes at the right end of its word; what stands left of it must be zero."""
    start, end = word * WORD, (word + 1) * WORD
    if any(raw.data[start : end - size]):
        raise _refusal(raw, f"{what} does not fit into uint{size * 8}: its padding is not zero")
    return int.from_bytes(raw.data[end - size : end], "big")


def _currency(raw: RawLog, word: int) -> str:
    """bytes3 at the left end of its word. Exactly EUR: a SEPA direct debit knows no other."""
    cell = raw.data[word * WORD : (word + 1) * WORD]
    if any(cell[3:]):
        raise _refusal(raw, "currency is longer than three bytes: its padding is not zero")
    if cell[:3] != b"EUR":
        raise _refusal(raw, f"currency is {cell[:3].decode('ascii', errors='backslashreplace')!r} instead of 'EUR'")
    return "EUR"


def _check_bounds(raw: RawLog, log: InvoiceLog) -> None:
    if log.invoice_no == 0:
        raise _refusal(raw, "invoiceNo is 0; numbers start at 1")
    if not 1 <= log.amount_minor <= AMOUNT_MAX_CENTS:
        raise _refusal(raw, f"amountMinor is {log.amount_minor}; a direct debit carries 1 to {AMOUNT_MAX_CENTS} cents")
    dates = (("periodStart", log.period_start), ("periodEnd", log.period_end), ("dueDate", log.due_date))
    for what, seconds in dates:
        if not DATE_MIN <= seconds <= DATE_MAX:
            raise _refusal(raw, f"{what} is {seconds}; unix seconds from 2015 to 2100 were expected")
    if log.period_end <= log.period_start:
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


def _refusal(raw: RawLog, why: str) -> BadInput:
    return BadInput(f"log {raw.log_index} of block {raw.block_number} on chain {raw.chain_id}, contract {raw.address}: {why}")
