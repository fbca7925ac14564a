"""Pre-notifications: what a debtor was told about a debit, and when.

How old code survives this migration: the new table is empty, and nothing that it reads changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER primary key
OPEN = sa.text("state IN ('planned', 'printed', 'sent')")


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("collection_id", ID, nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_notice_amount_positive")),
        sa.CheckConstraint("channel IN ('email', 'letter')", name=op.f("ck_notice_channel_known")),
        sa.CheckConstraint("state IN ('planned', 'printed', 'sent', 'failed', 'overtaken')", name=op.f("ck_notice_state_known")),
        sa.ForeignKeyConstraint(["collection_id"], ["collection.id"], name=op.f("fk_notice_collection_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_notice_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_collection_id"), "notice", ["collection_id"], unique=False)
    op.create_index("ix_notice_state", "notice", ["state"], unique=False)
    op.create_index(
        "uq_notice_open",
        "notice",
        ["collection_id", "amount_cents", "due_on"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
