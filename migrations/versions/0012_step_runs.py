"""How the last turn of each step ended, and how far the chain was final when a source was last read: for metrics and alarms.

How old code survives this migration: the new table is empty and the new column too, and it reads nothing of either.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ENDINGS = "outcome IN ('done', 'more', 'refused', 'stopped', 'bug')"


def upgrade() -> None:
    op.create_table(
        "step_run",
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(ENDINGS, name=op.f("ck_step_run_outcome_known")),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_step_run")),
    )
    op.add_column("cursor", sa.Column("final_number", sa.BigInteger(), nullable=True))
