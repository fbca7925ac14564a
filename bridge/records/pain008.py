"""A direct-debit file as we send it (ISO 20022 pain.008): one file, its blocks, their debits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

VERSION = "pain.008.001.08"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. Town and country (ISO 3166 alpha-2) make it a structured one; with ``lines`` (AdrLine) it is hybrid.

    An address of country and lines alone is the old, unstructured form, which only pain.008.001.02 may have.
    """

    street: str | None = field(default=None, repr=False)
    building: str | None = field(default=None, repr=False)
    postcode: str | None = field(default=None, repr=False)
    town: str | None = field(default=None, repr=False)
    country: str | None = None
    lines: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What changed about a mandate since its last debit (AmdmntInfDtls): the values before; what did not change is None or False.

    ``new_account``: the debtor's account is another one, at whatever bank. The message says SMNDA then, never the old IBAN.
    """

    mandate_id: str | None = None
    creditor_id: str | None = None
    creditor_name: str | None = field(default=None, repr=False)
    new_account: bool = False


@dataclass(frozen=True, slots=True)
class DebitLine:
    """One debit (DrctDbtTxInf). ``amount_cents`` is EUR cents, 1 .. 99,999,999,999; text fields are already SEPA text.

    The debtor reads either ``remittance`` (Ustrd) or ``creditor_reference`` (Strd, ISO 11649), never both.
    """

    end_to_end_id: str
    amount_cents: int
    mandate_id: str
    signed_on: date
    debtor_name: str = field(repr=False)
    debtor_iban: str = field(repr=False)
    remittance: str | None = field(default=None, repr=False)
    debtor_bic: str | None = None
    debtor_address: Address | None = None
    ultimate_debtor: str | None = field(default=None, repr=False)
    creditor_reference: str | None = None
    purpose: str | None = None
    amendment: Amendment | None = None


@dataclass(frozen=True, slots=True)
class DebitBlock:
    """One PmtInf: same creditor account, scheme (CORE or B2B), sequence (RCUR, OOFF ...) and due date."""

    pmt_inf_id: str
    scheme: str
    sequence: str
    due_on: date
    creditor_name: str
    creditor_iban: str = field(repr=False)
    creditor_bic: str | None
    creditor_id: str
    debits: Sequence[DebitLine] = field(repr=False)
    batch_booking: bool | None = True
    ultimate_creditor: str | None = None

    @property
    def control_sum_cents(self) -> int:
        return sum(debit.amount_cents for debit in self.debits)


@dataclass(frozen=True, slots=True)
class DebitFile:
    """One pain.008 message. ``created_at`` is aware, and chosen once when the batch is cut, so that rendering is repeatable.

    It is written in its own time zone.
    """

    message_id: str
    created_at: datetime
    initiator_name: str
    blocks: tuple[DebitBlock, ...]
    version: str = VERSION

    @property
    def count(self) -> int:
        return sum(len(block.debits) for block in self.blocks)

    @property
    def control_sum_cents(self) -> int:
        return sum(block.control_sum_cents for block in self.blocks)


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What a block says of itself and what was counted in it."""

    pmt_inf_id: str
    stated_count: int
    stated_sum_cents: int
    counted: int
    counted_sum_cents: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the second reader found in the bytes of a pain.008, by counting, independent of the writer."""

    message_id: str
    namespace: str
    stated_count: int
    stated_sum_cents: int
    counted: int
    counted_sum_cents: int
    blocks: tuple[BlockFacts, ...]
    end_to_end_ids: tuple[str, ...]
