"""Logs from a file instead of a node: one JSON object a line, as eth_getLogs returns it, plus ``blockTimestamp``.

What stands in the file is taken as final: the last block in it is the final head. Appending lines later is fine; the file is
read again when it changed.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.chain import wire
from bridge.chain.decoders import DECODERS
from bridge.errors import BadInput, ConfigError
from bridge.records.invoice_log import Completeness, Head, RawLog

if TYPE_CHECKING:
    from bridge.chain.source import RpcSource

# A log has two. Where py-evm is loaded it has raised Python's recursion limit so far that deep JSON ends the process.
BRACKETS_MAX = 64


class RecordedSource:
    """A ``ChainSource`` over one file. A line that is no log of the contract is a BadInput with its number."""

    def __init__(
        self, name: str, path: Path, chain_id: int, contract: str, *, topics: Collection[bytes] = tuple(DECODERS)
    ) -> None:
        self.name = name
        self.chain_id = chain_id
        self.nodes: tuple[RpcSource, ...] = ()
        self._path = path
        self._contract = contract.lower()
        self._topics = frozenset(topics)
        self._seen: tuple[int, int, int] | None = None
        self._logs: list[RawLog] = []
        self._heads: dict[int, Head] = {}
        self._numbers: list[int] = []

    def final_head(self) -> Head | None:
        """The last block in the file; None for an empty file."""
        self._reread()
        return self._heads[self._numbers[-1]] if self._numbers else None

    def head_at(self, number: int) -> Head | None:
        """A block up to the final head; None beyond it.

        The file knows only blocks with a log. Another one is stood for by the hash and time of the last such block before it
        (zero before the first), so that a cursor may rest anywhere and still notices that the lines below it were changed.
        """
        self._reread()
        if not self._numbers or not 0 <= number <= self._numbers[-1]:
            return None
        at = bisect_right(self._numbers, number) - 1
        below = self._heads[self._numbers[at]] if at >= 0 else Head(0, bytes(32), 0)
        return Head(number, below.hash, below.timestamp)

    def logs(self, first: int, last: int, *, parent: bytes | None = None) -> list[RawLog]:  # noqa: ARG002 - the protocol's
        self._reread()
        return [log for log in self._logs if first <= log.block_number <= last]

    def self_test(self, head: Head) -> None:
        """Nothing is proven, so nothing can fail."""

    def code_hash(self, at: Head) -> str | None:  # noqa: ARG002 - the protocol's
        """None: there is no contract to ask."""
        return None

    def completeness(self, at: Head) -> Completeness | None:  # noqa: ARG002 - the protocol's
        """None: there is no contract to ask, so the file is only as complete as whoever wrote it."""
        return None

    def _reread(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp == self._seen:
                return
            content = self._path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"source {self.name!r}: the recorded logs {self._path} cannot be read ({error.strerror});"
                " correct the path in bridge.toml"
            ) from error
        everything = self._ordered(list(self._lines(content)))
        self._heads = {log.block_number: Head(log.block_number, log.block_hash, log.block_timestamp) for log in everything}
        self._numbers = sorted(self._heads)
        self._logs = [log for log in everything if log.topics and log.topics[0] in self._topics]
        self._seen = stamp

    def _lines(self, content: bytes) -> Iterator[RawLog]:
        for number, line in enumerate(content.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                if line.count(b"[") + line.count(b"{") > BRACKETS_MAX:
                    raise ValueError("the JSON is nested too deeply for a log")
                log = wire.raw_log(json.loads(line.decode("utf-8")), self.chain_id)
                if log.address != self._contract:
                    raise ValueError(f"the log is of contract {log.address}, not of {self._contract}")
            except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
                raise BadInput(f"{self._path.name}, line {number}: {_sentence(error)}; correct or remove the line") from error
            yield log

    def _ordered(self, logs: list[RawLog]) -> list[RawLog]:
        try:
            return wire.in_order(logs)
        except ValueError as error:
            raise BadInput(f"{self._path.name}: {error}; the file mixes two histories of the chain") from error


def _sentence(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"this is no JSON ({error.msg} at column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "this is no UTF-8 text"
    return str(error)
