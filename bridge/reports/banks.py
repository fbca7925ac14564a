"""At which bank each debit was presented: country and bank code, or the BIC; never an account.

The account is the one that the debit's file named: a later change of the mandate's account changes no past rate. A bank code
stands in the IBAN, which is opened for that alone; once a debtor's key is erased only BIC or country are left of his bank.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.model import Amendment, BankAccount, DataKey, Mandate, identifiers
from bridge.model.parties import open_iban
from bridge.reports.presented import Debit
from bridge.runtime import Runtime


def of_debits(session: Session, runtime: Runtime, debits: Sequence[Debit]) -> dict[int, str]:
    """The bank of each of these debits, by its id: "DE 37040044"."""
    now = {mandate_id: account for mandate_id, account in session.execute(select(Mandate.id, Mandate.bank_account_id))}
    changes: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    changed = select(Amendment.mandate_id, Amendment.recorded_at, Amendment.was_account_id)
    for mandate_id, at, was in session.execute(changed.where(Amendment.was_account_id.is_not(None)).order_by(Amendment.id)):
        changes[mandate_id].append((at, was or 0))
    account_of = {one.id: _account(one, changes.get(one.mandate_id, ()), now[one.mandate_id]) for one in debits}
    names = _names(session, runtime, set(account_of.values()))
    return {debit_id: names[account] for debit_id, account in account_of.items()}


def _account(debit: Debit, changes: Sequence[tuple[datetime, int]], now: int) -> int:
    """The first change after the file names the account that the file debited; without one it is today's."""
    made = debit.file.created_at if debit.file else None
    return next((was for at, was in changes if made is not None and at > made), now)


def _names(session: Session, runtime: Runtime, account_ids: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in rows.among(session, BankAccount.id, account_ids):
        of_them = select(BankAccount, DataKey).outerjoin(DataKey, DataKey.uid == BankAccount.key_uid).where(some)
        for account, key in session.execute(of_them):
            found[account.id] = _name(runtime, account, key)
    return found


def _name(runtime: Runtime, account: BankAccount, key: DataKey | None) -> str:
    code = account.bic if key is None else identifiers.bank_code(open_iban(runtime.keys.unwrap(key), account))
    return f"{account.country} {code}" if code else account.country
