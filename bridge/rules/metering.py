"""What a period's use costs. Pure. Source: contracts/README.md; the contract computes the same (UsageInvoices.sol)."""

from __future__ import annotations

PRICE_SCALE = 1_000_000  # a unit price is in millionths of a cent


def amount_cents(units: int, *, base_fee: int, unit_price: int, cap: int) -> int:
    """min(cap, base fee + units * price), rounded down to a whole cent; fee and cap in cents."""
    return min(cap, base_fee + units * unit_price // PRICE_SCALE)
