"""Pure: hex on the wire to bytes and ints, for a node's answer and a recorded line alike.

Every function raises ValueError with a sentence that names the field; who called knows whether a node or a file is to blame.
Values that are already Python's (int, bytes), as an in-process chain gives them, pass under the same checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from bridge.records.invoice_log import RawLog

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_QUANTITY_CHARACTERS = 66
_WORD_CHARACTERS, _ADDRESS_CHARACTERS = 66, 42  # of 32 and of 20 bytes in hex
_LOG_FIELDS = ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "transactionIndex", "logIndex")
# Above any real block number, time or index; keeps a lying node from handing the database a number it cannot store.
_INT_MAX = 2**63 - 1


def quantity(value: object, what: str) -> int:
    """A number: "0x1f", or an int that is none of True and False; 0 to 2**63 - 1."""
    if isinstance(value, str) and len(value) <= _QUANTITY_CHARACTERS and _QUANTITY.fullmatch(value):
        number = _number(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise ValueError(f"{what} is {shown(value)}, not a number")
    if not 0 <= number <= _INT_MAX:
        raise ValueError(f"{what} is {shown(value)}, outside 0 to 2**63 - 1")
    return number


def blob(value: object, what: str, *, length: int | None = None) -> bytes:
    """Bytes: "0x..." of whole bytes, or bytes; of exactly ``length`` bytes where that is given."""
    found = bytes(value) if isinstance(value, bytes) else _from_hex(value, what)
    if length is not None and len(found) != length:
        raise ValueError(f"{what} has {len(found)} bytes instead of {length}")
    return found


def address(value: object, what: str) -> str:
    """An address in lower case with 0x, whatever case it came in."""
    return "0x" + blob(value, what, length=20).hex()


def _known_address(value: object) -> str:
    """The address of a log: that of one contract, again and again."""
    return _address(value) if isinstance(value, str) and len(value) == _ADDRESS_CHARACTERS else address(value, "address")


@lru_cache(maxsize=256)
def _address(text: str) -> str:
    return address(text, "address")


def word(value: object, what: str) -> bytes:
    """32 bytes. A block's hash, a topic or a debtor comes again with every log, so the last few thousand are remembered."""
    if isinstance(value, str) and len(value) == _WORD_CHARACTERS and value.startswith("0x"):
        found = _word(value)
        if found is not None:
            return found
    return blob(value, what, length=32)


def raw_log(entry: object, chain_id: int, *, timestamp: int | None = None) -> RawLog:
    """One entry of ``eth_getLogs``. ``timestamp`` stands in where the entry has no ``blockTimestamp``; one of them is needed."""
    entry = entry if isinstance(entry, Mapping) else {}
    missing = [name for name in _LOG_FIELDS if entry.get(name) is None]
    if missing:  # no object at all, or a log of a pending block, which has null here
        raise ValueError(f"the log has no {', '.join(missing)}")
    if entry.get("removed") not in (None, False):
        raise ValueError("the log is marked as removed by a reorganisation")
    topics = entry["topics"]
    if not isinstance(topics, list | tuple) or len(topics) > 4:
        raise ValueError(f"topics is {shown(topics)}, not a list of at most four")
    stated = entry.get("blockTimestamp")
    if stated is None and timestamp is None:
        raise ValueError("the log has no blockTimestamp")
    return RawLog(
        chain_id=chain_id,
        address=_known_address(entry["address"]),
        topics=tuple([word(topic, "a topic") for topic in topics]),
        data=blob(entry["data"], "data"),
        block_number=quantity(entry["blockNumber"], "blockNumber"),
        block_hash=word(entry["blockHash"], "blockHash"),
        block_timestamp=quantity(timestamp if stated is None else stated, "blockTimestamp"),
        tx_hash=word(entry["transactionHash"], "transactionHash"),
        tx_index=quantity(entry["transactionIndex"], "transactionIndex"),
        log_index=quantity(entry["logIndex"], "logIndex"),
    )


def in_order(logs: Iterable[RawLog]) -> list[RawLog]:
    """Sort by block and log index and drop exact repeats.

    Two different logs at one place, or two hashes or times of one block, are a ValueError: two histories of the chain.
    """
    ordered: list[RawLog] = []
    for log in sorted(logs, key=lambda log: (log.block_number, log.log_index)):
        last = ordered[-1] if ordered else None
        if log == last:
            continue
        if last is not None and last.block_number == log.block_number:
            if (last.block_hash, last.block_timestamp) != (log.block_hash, log.block_timestamp):
                raise ValueError(f"block {log.block_number} has two hashes or two times")
            if last.log_index == log.log_index:
                raise ValueError(f"block {log.block_number} has two different logs of index {log.log_index}")
        ordered.append(log)
    return ordered


def shown(value: object) -> str:
    """A value from outside, short enough for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@lru_cache(maxsize=4_096)
def _word(text: str) -> bytes | None:
    """The bytes of 66 characters that begin with 0x; None where they are not hex."""
    try:
        found = bytes.fromhex(text[2:])
    except ValueError:
        return None
    return found if len(found) == 32 else None  # fromhex passes over blanks


@lru_cache(maxsize=4_096)
def _number(text: str) -> int:
    return int(text, 16)


def _from_hex(value: object, what: str) -> bytes:
    text = value if isinstance(value, str) else ""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = None
    # bytes.fromhex passes over blanks; the length tells.
    if found is None or not text.startswith("0x") or len(text) != 2 + 2 * len(found):
        raise ValueError(f"{what} is {shown(value)}, not bytes in hex")
    return found
