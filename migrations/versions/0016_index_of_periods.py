"""An index of the periods that a machine was paid for: an invoice that says the same as another is found however old that is.

How old code survives this migration: an index changes no answer.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_invoice_period", "invoice", ["agreement", "period_start"])
