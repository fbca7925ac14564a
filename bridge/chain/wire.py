"""Pure: hex on the wire to bytes and ints, for a node's answer and a recorded line alike.

Every function raises ValueError with a sentence that names the field; who called knows whether a node or a file is to blame.
Values that are already Python's (int, bytes), as an in-process chain gives them, pass under the same checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bridge.records.invoice_log import RawLog

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_LOG_FIELDS = ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "transactionIndex", "logIndex")
# Above any real block number, time or index; keeps a lying node from handing the database a number it cannot store.
_INT_MAX = 2**63 - 1


def quantity(value: object, what: str) -> int:
    """A number: "0x1f", or an int that is none of True and False; 0 to 2**63 - 1."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        number = int(value, 16)
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
        address=address(entry["address"], "address"),
        topics=tuple(blob(topic, "a topic", length=32) for topic in topics),
        data=blob(entry["data"], "data"),
        block_number=quantity(entry["blockNumber"], "blockNumber"),
        block_hash=blob(entry["blockHash"], "blockHash", length=32),
        block_timestamp=quantity(timestamp if stated is None else stated, "blockTimestamp"),
        tx_hash=blob(entry["transactionHash"], "transactionHash", length=32),
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
