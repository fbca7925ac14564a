"""[[sources]] of bridge.toml: a contract that finalizes invoices, who is asked about it, and how it is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bridge.errors import ConfigError
from bridge.settings.part import Part, lower_address


class AttestSettings(Part):
    """Outcomes are written back on chain, with this key; without this part of bridge.toml nothing is."""

    key: Path = Field(description="the file with the signing key in hex, mode 0600; its account may attest and do nothing else")
    fee_gwei_max: int = Field(default=100, ge=0, le=1_000_000, description="the most that one gas may cost; above: it waits")
    patience_minutes: int = Field(default=10, ge=1, le=1_440, description="a call that is not mined is sent again for more")


class MappingSettings(Part):
    """A customer's own event: each part of an invoice is the name of an argument, or a constant (docs/chain.md)."""

    event: str = Field(
        description='as in Solidity: "event Billed(uint256 indexed id, address debtor, uint256 amount, uint64 due)"'
    )
    invoice_id: str
    number: str
    debtor_ref: str = Field(description="an argument, or 0x and 64 hex digits where the contract has one debtor")
    amount: str
    decimals: int = Field(ge=0, le=36, description="of the amount: 2 for cents, 18 for most tokens")
    currency: str = Field(default="EUR", description="an argument, or EUR")
    due_date: str = Field(default="", description="an argument, in unix seconds")
    due_days: int | None = Field(default=None, ge=0, le=366, description="instead: days after the block")
    agreement: str = ""
    period_start: str = ""
    period_end: str = ""
    document_hash: str = ""


class SourceSettings(Part):
    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,24}$")
    creditor: str
    chain_id: int = Field(ge=1, lt=2**53)
    contract: Annotated[str, AfterValidator(lower_address)]
    rpc: tuple[str, ...] = Field(default=(), repr=False)
    recorded: Path | None = None
    start_block: int = Field(default=0, ge=0, lt=2**53)
    finality: Literal["finalized", "safe"] | int = "finalized"
    hold_minutes: int = Field(default=60, ge=0, le=525_600)
    verification: Literal["", "full", "bloom", "quorum-only", "none"] = ""  # empty: full for a node, none for recorded logs
    quorum: int | None = Field(default=None, ge=1, le=16)  # how many of rpc must agree; empty: two, or the only one
    finality_alarm_minutes: int = Field(default=90, ge=0, le=525_600)  # of the last final block's age; 0: no alarm
    invoice_number: str = "{source}-{invoice_no:06d}"
    event: str = "InvoiceFinalized"
    usage: Path = Path("usage")  # the folder of signed readings, beside bridge.toml; only looked at when somebody asks
    tokens: dict[Annotated[str, AfterValidator(lower_address)], Annotated[int, Field(ge=2, le=36)]] = Field({})  # their decimals
    attest: AttestSettings | None = None
    mapping: MappingSettings | None = None

    @model_validator(mode="after")
    def _what_exists(self) -> SourceSettings:
        if bool(self.rpc) == (self.recorded is not None):
            raise ValueError(f"source {self.name!r} needs either rpc or recorded, and not both")
        if self.recorded is not None and self.verification not in ("", "none"):
            raise ValueError(f"source {self.name!r}: recorded logs prove nothing; verification = 'none' says so")
        if len(set(self.rpc)) < len(self.rpc):
            raise ValueError(f"source {self.name!r} lists an rpc endpoint twice; a node that agrees with itself is no second one")
        if len(self.rpc) > 1 and self.verification == "none":
            raise ValueError(f"source {self.name!r} has {len(self.rpc)} rpc endpoints and verifies nothing; keep one, or verify")
        if self.rpc and self.agreeing > len(self.rpc):
            raise ValueError(
                f"source {self.name!r}: a quorum of {self.quorum} cannot be reached by {len(self.rpc)} rpc endpoint(s)"
            )
        if self.event != "InvoiceFinalized":
            raise ValueError(f"source {self.name!r}: event is 'InvoiceFinalized'; an own event is described in [sources.mapping]")
        return self

    @model_validator(mode="after")
    def _can_attest(self) -> SourceSettings:
        if self.recorded is not None and self.attest is not None:
            raise ValueError(f"source {self.name!r}: recorded logs have no chain to write outcomes on; leave attest out")
        if self.mapping is not None and (self.attest is not None or self.tokens):
            raise ValueError(f"source {self.name!r}: attest and tokens are the reference contract's; with mapping leave them out")
        return self

    @model_validator(mode="after")
    def _numbers(self) -> SourceSettings:
        longest = self.number(2**64 - 1)
        if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", self.number(1)) or not re.fullmatch(r"[A-Za-z0-9-]{1,32}", longest[-32:]):
            raise ValueError(f"source {self.name!r}: invoice_number must give 1 to 32 of A-Z a-z 0-9 and '-'")
        if self.number(1) == self.number(2):
            raise ValueError(f"source {self.name!r}: invoice_number must hold {{invoice_no}}, or all invoices have one number")
        if len(self.number(99_999_999)) > 32:
            raise ValueError(f"source {self.name!r}: invoice_number is longer than 32 characters for invoice 99,999,999")
        return self

    @property
    def profile(self) -> str:
        """The verification profile that holds: the strongest one, where bridge.toml says nothing about a node."""
        return self.verification or ("none" if self.recorded is not None else "full")

    @property
    def described(self) -> str | None:
        """The mapping as it is stored with the source; None for the reference contract."""
        # only what was written: a part that a later version adds must not change what is stored
        return None if self.mapping is None else json.dumps(self.mapping.model_dump(exclude_defaults=True), sort_keys=True)

    @property
    def agreeing(self) -> int:
        """How many nodes must agree on a block."""
        return self.quorum or min(2, len(self.rpc))

    def number(self, invoice_no: int) -> str:
        """The invoice number the debtor reads. Raises ConfigError for a template with an unknown field."""
        try:
            return self.invoice_number.format(source=self.name, invoice_no=invoice_no)
        except (KeyError, ValueError, IndexError, AttributeError, TypeError) as problem:
            raise ConfigError(f"source {self.name!r}: invoice_number knows only {{source}} and {{invoice_no}}") from problem
