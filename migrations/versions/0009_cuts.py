"""The ends of cuts: a cut is made of several units of work, and one that was killed between two of them is gone on with.

How old code survives this migration: the new table is empty, and it reads nothing of it. On the day of the migration an account
that was cut already is cut once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER primary key


def upgrade() -> None:
    op.create_table(
        "cut",
        sa.Column("batch_id", ID, autoincrement=False, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_cut_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_cut")),
    )
