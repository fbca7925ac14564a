"""Vouchers to a journal in hledger's text syntax. Pure: takes plain values, writes to the text stream it is given.

Syntax: hledger.org/hledger.html, "Journal": ``DATE * (CODE) DESCRIPTION``, then indented postings, account and amount parted by
two or more blanks; a tag is ``name: value`` in a comment, ended by a comma or the line. Amounts are written in full on every
line, so that hledger itself checks that each voucher is balanced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TextIO

from bridge.errors import BadInput

_ACCOUNT = re.compile(r"[^\W\d_][\w-]*( [\w-]+)*(:[\w-]+( [\w-]+)*)*")
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class JournalVoucher:
    """One voucher as an accountant reads it. ``code`` is its idempotency key; ``lines`` are (account, cents): debits positive.

    The cents of a voucher sum to zero; ``Assets:Receivable`` is an account inside an account.
    """

    booked_on: date
    code: str
    description: str
    lines: Sequence[tuple[str, int]]
    tags: Mapping[str, str] = field(default_factory=dict)


def journal(vouchers: Iterable[JournalVoucher], out: TextIO) -> None:
    """Write the vouchers in the order given; the same vouchers give the same text. BadInput for one that is not balanced."""
    out.write("decimal-mark .\ncommodity 1000.00 EUR\n")
    for voucher in vouchers:
        _check(voucher)
        out.write(
            f"\n{voucher.booked_on.isoformat()} * ({_plain(voucher.code, '()')}) {_plain(voucher.description)}".rstrip() + "\n"
        )
        out.writelines(f"    ; {name}: {_plain(voucher.tags[name], ',')}".rstrip() + "\n" for name in sorted(voucher.tags))
        width = max(len(account) for account, _ in voucher.lines)
        out.writelines(f"    {account:<{width}}  {_euros(amount_cents):>16} EUR\n" for account, amount_cents in voucher.lines)


def _check(voucher: JournalVoucher) -> None:
    if len(voucher.lines) < 2 or sum(amount_cents for _, amount_cents in voucher.lines) != 0:
        raise BadInput(f"Voucher {voucher.code} is not balanced")
    for account, _ in voucher.lines:
        if not _ACCOUNT.fullmatch(account):
            raise BadInput(f"Voucher {voucher.code}: {account!r} cannot be an account of a journal")
    for name in voucher.tags:
        if not _TAG.fullmatch(name):
            raise BadInput(f"Voucher {voucher.code}: {name!r} cannot be the name of a tag")


def _euros(amount_cents: int) -> str:
    whole, rest = divmod(abs(amount_cents), 100)
    return f"{'-' if amount_cents < 0 else ''}{whole}.{rest:02d}"


def _plain(words: str, unwanted: str = "") -> str:
    """Return the words on one line, without what would end a description, a code or a tag early."""
    # ; begins a comment; | parts payee from note; a first * or ! is a status.
    return " ".join("".join(" " if c in ";|" + unwanted or not c.isprintable() else c for c in words).split()).lstrip("*! (")
