"""What the rows must say of each other, so that one changed past the triggers is noticed; ``reports.check`` lists all of it.

A check yields one sentence for each thing that is wrong. It asks in sets or reads in a stream, never row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import balances
from bridge.model import User
from bridge.reports import evidence, reconciliation
from bridge.reports.evidence import Logs
from bridge.reports.reconciliation import Reconciliation
from bridge.rules import proof
from bridge.rules.proof import Split
from bridge.runtime import Runtime

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Reading:
    """One reading of the books as they are now; what several checks ask for is worked out once."""

    session: Session
    runtime: Runtime

    @cached_property
    def logs(self) -> Logs:
        """The stored raw logs, decoded anew."""
        return evidence.billed(self.session, balances.NOW)

    @cached_property
    def splits(self) -> dict[int, Split]:
        """The proof of every invoice; below zero stands a log that has no invoice."""
        found = evidence.of_invoices(self.session, balances.NOW, self.logs)
        return {invoice_id: proof.split(one) for invoice_id, one in found.items()}

    @cached_property
    def users(self) -> dict[str, User]:
        """Everybody who was ever added, by the name as it counts."""
        return {user.name_key: user for user in self.session.scalars(select(User))}

    @cached_property
    def report(self) -> Reconciliation:
        return reconciliation.build(self.session, self.runtime, balances.NOW)
