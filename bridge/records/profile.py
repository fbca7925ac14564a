"""What one bank takes and how: the data of templates/banks/*.toml. It says what the bank does and can switch no check off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BankProfile:
    """A bank as a direct-debit file sees it.

    ``version`` is the message version ("pain.008.001.08"); ``lead_days`` are TARGET days between presentation and due date;
    ``cut_off`` is "HH:MM" in ``timezone``; ``earliest_days`` are calendar days before the due date at which a file may be
    presented at the earliest; limits are per file.

    ``address``: "structured", "hybrid" (structured, with lines) or "lines" (country and lines: pain.008.001.02 only).
    ``characters``: "sepa" or "german". ``created_in``: the time zone in which CreDtTm is written. ``first_sequence``: RCUR or
    FRST, the mark of a recurrent mandate's first collection.
    """

    name: str
    title: str
    version: str = "pain.008.001.08"
    address: str = "structured"
    characters: str = "sepa"
    created_in: str = "UTC"
    first_sequence: str = "RCUR"
    one_block: bool = False
    one_due_date: bool = False
    cut_off: str = "10:00"
    timezone: str = "Europe/Berlin"
    lead_days: int = 2
    earliest_days: int = 14
    batch_booking: bool | None = True
    transactions_max: int = 500
    bytes_max: int = 2_500_000
