"""What of a bank's charges is inside the booked amount, and what of that is not our own bank's. Pure.

A returned debit may cost two prices: the interchange, which the debtor's bank takes for it, and our own bank's fee. The file
states them apart where each charge record names the bank that takes it (Chrgs/Rcrd/Agt; a file of 2022 is read in tests).
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.records.camt import Charge

BANK = slice(8)  # ISO 9362: the last three letters of a BIC are a branch of the same bank


def inside(charges: Sequence[Charge], amount_cents: int | None = None, original_cents: int | None = None) -> tuple[Charge, ...]:
    """The charges that are a part of the booked amount.

    ChrgInclInd says so; where no record has one, the amounts do: what was booked (signed) and what was collected (unsigned)
    differ by just these charges.
    """
    marked = tuple(charge for charge in charges if charge.included)
    if any(charge.included is not None for charge in charges) or amount_cents is None or original_cents is None:
        return marked
    kept = amount_cents + (original_cents if amount_cents < 0 else -original_cents)
    return tuple(charges) if stated(charges) == kept else ()


def stated(charges: Sequence[Charge]) -> int:
    """Their sum in cents, signed as a line is: below zero what the bank kept."""
    return sum(charge.amount_cents if charge.credit else -charge.amount_cents for charge in charges)


def interchange(charges: Sequence[Charge], own_bic: str | None, debtor_bic: str | None) -> int:
    """What of them another bank takes than the one that keeps our account, signed; 0 where no record says whose it is.

    ``own_bic`` is what the statement calls the account's servicer; where it is silent, the debtor's bank must be named.
    """
    return stated([charge for charge in charges if charge.bic is not None and _is_another(charge.bic, own_bic, debtor_bic)])


def _is_another(bic: str, own: str | None, debtor: str | None) -> bool:
    if own is not None:
        return bic[BANK].upper() != own[BANK].upper()
    return debtor is not None and bic[BANK].upper() == debtor[BANK].upper()
