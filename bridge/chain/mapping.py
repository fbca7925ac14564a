"""A customer's own contract: which argument of which event is what of an invoice, described in bridge.toml and not in Python.

The description is kept with the source, as text, so that a stored log says in ten years what it said when it was read. Nobody's
arguments are trusted: an encoding that is not the one canonical, a number that is negative, a part of a cent and a currency that
is not EUR are refused with BadInput, as those of the reference contract. A string is bytes here: what is no UTF-8 breaks nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from bridge.chain import decoders
from bridge.chain.hashing import keccak
from bridge.errors import ConfigError
from bridge.records.invoice_log import InvoiceLog, RawLog

_EVENT = re.compile(r"(?:event\s+)?([A-Za-z_]\w*)\s*\((.*)\)\s*;?", re.DOTALL)
_ARGUMENT = re.compile(r"(u?int\d*|bytes\d*|address|bool|string)((?:\[\d*\])*)(\s+indexed)?\s+([A-Za-z_]\w*)")
_WHOLE = re.compile(r"u?int")
_SECONDS_OF_A_DAY = 86_400
#: the parts of an invoice that an argument must say, and those that one may
NEEDED, OPTIONAL = ("invoice_id", "number", "amount"), ("due_date", "agreement", "period_start", "period_end", "document_hash")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the event: its ABI type, and whether it is a topic."""

    name: str
    type: str
    indexed: bool

    @property
    def hashed(self) -> bool:
        """Whether its topic is only a hash of it: of text, bytes and lists (Solidity ABI, "Events")."""
        return self.indexed and (self.type in ("string", "bytes") or self.type.endswith("]"))

    @property
    def read_as(self) -> str:
        """The type it is decoded as: text as bytes, a hashed topic as the hash."""
        return "bytes32" if self.hashed else self.type.replace("string", "bytes")


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """An event of a customer's contract. ``says`` is the part of an invoice -> argument or constant."""

    topic: bytes
    arguments: tuple[Argument, ...]
    says: Mapping[str, Any]

    def invoice(self, raw: RawLog) -> InvoiceLog:
        """The invoice that a log of this event finalizes. Raises BadInput."""
        told = _Told(raw, {one.name: one for one in self.arguments}, self._values(raw), self.says)
        due = (
            told.whole("due_date") if "due_date" in self.says else raw.block_timestamp + self.says["due_days"] * _SECONDS_OF_A_DAY
        )
        log = InvoiceLog(
            invoice_id=told.word("invoice_id"),
            debtor_ref=told.word("debtor_ref"),
            agreement_id=told.word("agreement"),
            invoice_no=told.whole("number"),
            amount_minor=told.cents(),
            currency=told.currency(),
            period_start=told.whole("period_start") if "period_start" in self.says else raw.block_timestamp,
            period_end=told.whole("period_end") if "period_end" in self.says else raw.block_timestamp,
            due_date=due,
            usage_root=bytes(32),
            document_hash=told.word("document_hash"),
        )
        decoders.check_bounds(raw, log, has_period="period_end" in self.says)
        return log

    def _values(self, raw: RawLog) -> dict[str, Any]:
        """The arguments by name, once their encoding is the canonical one."""
        from eth_abi.abi import decode, encode

        indexed = [one for one in self.arguments if one.indexed]
        rest = [one for one in self.arguments if not one.indexed]
        decoders.check_topics(raw, 1 + len(indexed))
        values: dict[str, Any] = {}
        for some, data in [*(([one], raw.topics[place]) for place, one in enumerate(indexed, 1)), (rest, raw.data)]:
            types = [one.read_as for one in some]
            try:
                found = decode(types, data)
                canonical = encode(types, found) == data
            except Exception as problem:  # noqa: BLE001 - eth_abi has a dozen kinds, and OverflowError beside them
                decoders.refuse(raw, f"its arguments cannot be read ({type(problem).__name__})", problem)
            if not canonical:
                decoders.refuse(raw, "its arguments are not encoded as the ABI has it: a byte too many, or dirty padding")
            values |= {one.name: value for one, value in zip(some, found, strict=True)}
        return values


@dataclass(frozen=True, slots=True)
class _Told:
    """The arguments of one log, asked for as parts of an invoice."""

    raw: RawLog
    arguments: Mapping[str, Argument]
    values: Mapping[str, Any]
    says: Mapping[str, Any]

    def word(self, part: str) -> bytes:
        """32 bytes: as they are; a number or address padded on the left; text and longer bytes by their hash; or zeros."""
        name = self.says.get(part, "")
        if name not in self.arguments:
            return bytes.fromhex(name.removeprefix("0x")).rjust(32, b"\0")
        value, kind = self.values[name], self.arguments[name].read_as
        if kind == "address":
            return bytes(12) + bytes.fromhex(value[2:])
        if _WHOLE.match(kind):
            return self.whole(part).to_bytes(32, "big")
        return bytes(value).ljust(32, b"\0") if re.fullmatch(r"bytes\d+", kind) else keccak(bytes(value))

    def whole(self, part: str) -> int:
        """A number that is not negative, and fits into 32 bytes."""
        value = int(self.values[self.says[part]])
        if value < 0:
            self._refuse(f"{part} is {value}: a credit note is no invoice")
        return value

    def cents(self) -> int:
        """The amount in whole cents; a part of one is refused and never rounded."""
        amount, decimals = self.whole("amount"), int(self.says["decimals"])
        cents, rest = divmod(amount * 100, int(10**decimals))
        if rest:
            self._refuse(f"amount is {amount} with {decimals} decimals: not whole cents")
        return cents

    def currency(self) -> str:
        """Exactly EUR, said by an argument or by bridge.toml."""
        name = self.says["currency"]
        if name in self.arguments:
            said = bytes(self.values[name]).rstrip(b"\0")
            if said != b"EUR":
                self._refuse(f"currency is {said[:8].decode('ascii', errors='backslashreplace')!r} instead of 'EUR'")
        return "EUR"

    def _refuse(self, why: str) -> NoReturn:
        decoders.refuse(self.raw, why)


@lru_cache(maxsize=64)
def of(text: str | None) -> OwnEvent | None:
    """The event that a source's stored description means; None for a source of the reference contract.

    Raises ConfigError for a description that does not fit: an unknown argument, one of the wrong type, a part that is missing.
    """
    if text is None:
        return None
    says = {"currency": "EUR", **{part: value for part, value in json.loads(text).items() if value not in ("", None)}}
    name, arguments = _signature(says.pop("event"))
    topic = keccak(f"{name}({','.join(one.type for one in arguments)})".encode())
    _check(says, {one.name: one for one in arguments})
    return OwnEvent(topic, arguments, says)


def _signature(text: str) -> tuple[str, tuple[Argument, ...]]:
    """Name and arguments of "event Name(type indexed name, ...)", every argument with a name."""
    found = _EVENT.fullmatch(text.strip())
    parts = [_ARGUMENT.fullmatch(part.strip()) for part in found[2].split(",")] if found else []
    if not found or not all(parts):
        raise ConfigError(
            f"mapping.event: {text!r} is no event like: event Billed(uint256 indexed id, address debtor, uint256 amount)"
        )
    arguments = tuple(Argument(one[4], _full(one[1]) + one[2], indexed=bool(one[3])) for one in parts if one)
    if len({one.name for one in arguments}) < len(arguments) or sum(one.indexed for one in arguments) > 3:
        raise ConfigError("mapping.event: each argument has a name of its own, and at most three are indexed")
    return found[1], arguments


def _full(kind: str) -> str:
    return f"{kind}256" if kind in ("int", "uint") else kind


def _check(says: Mapping[str, Any], arguments: Mapping[str, Argument]) -> None:
    """Every part names an argument that can say it, or is a constant that may be one."""
    kinds: dict[str, Callable[[Argument], bool]] = {
        "number": _is_number, "amount": _is_number, "due_date": _is_number, "period_start": _is_number, "period_end": _is_number,
        "invoice_id": _is_id, "debtor_ref": _is_id, "agreement": _is_id, "document_hash": _is_id,
        "currency": lambda one: one.type in ("bytes3", "bytes32", "string", "bytes") and not one.hashed,
    }  # fmt: skip
    for part, fits in kinds.items():
        name = str(says.get(part, ""))
        if name in arguments and not fits(arguments[name]):
            raise ConfigError(f"mapping.{part}: argument {name!r} is {arguments[name].type}, which cannot say it")
        if name not in arguments and (part in NEEDED or (part in OPTIONAL and name)):
            raise ConfigError(f"mapping.{part}: {name!r} is none of the arguments {', '.join(arguments)}")
    if says["currency"] not in arguments and says["currency"] != "EUR":
        raise ConfigError("mapping.currency: 'EUR', or the argument that says it")
    if says["debtor_ref"] not in arguments and not re.fullmatch(r"0x[0-9a-fA-F]{64}", says["debtor_ref"]):
        raise ConfigError("mapping.debtor_ref: an argument, or 0x and 64 hex digits for a contract with one debtor")
    if ("due_date" in says) == ("due_days" in says):
        raise ConfigError("mapping: either due_date (an argument) or due_days (after the block), and not both")
    if ("period_start" in says) != ("period_end" in says):
        raise ConfigError("mapping: period_start and period_end come together")


def _is_number(one: Argument) -> bool:
    return bool(re.fullmatch(r"u?int\d+", one.type))


def _is_id(one: Argument) -> bool:
    return one.hashed or one.type in ("address", "string", "bytes") or bool(re.fullmatch(r"u?int\d+|bytes\d+", one.type))
