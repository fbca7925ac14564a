"""Logs that a reorganisation took away, logs that say the same of an invoice again, the code of a contract, what is written back.

How old code survives this migration: the new tables are empty, the new column is empty, and nothing that it reads changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER primary key


def upgrade() -> None:
    op.create_table(
        "orphan",
        sa.Column("log_id", ID, autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["chain_log.id"], name=op.f("fk_orphan_log_id")),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_orphan")),
    )
    op.create_table(
        "observation",
        sa.Column("log_id", ID, autoincrement=False, nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["chain_log.id"], name=op.f("fk_observation_log_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_observation_invoice_id")),
        sa.PrimaryKeyConstraint("log_id", name=op.f("pk_observation")),
    )
    op.create_index(op.f("ix_observation_invoice_id"), "observation", ["invoice_id"], unique=False)
    op.create_table(
        "attestation",
        sa.Column("id", ID, nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("move_id", ID, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("evidence_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("fee_wei", sa.BigInteger(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('settled', 'returned', 'cancelled')", name=op.f("ck_attestation_outcome_known")),
        sa.CheckConstraint("state IN ('planned', 'sent', 'final', 'overtaken')", name=op.f("ck_attestation_state_known")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_attestation_invoice_id")),
        sa.ForeignKeyConstraint(["move_id"], ["move.id"], name=op.f("fk_attestation_move_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
        sa.UniqueConstraint("invoice_id", "move_id", name=op.f("uq_attestation_invoice_id_move_id")),
    )
    op.create_index("ix_attestation_state", "attestation", ["state"], unique=False)
    op.add_column("source", sa.Column("code_hash", sa.Text(), nullable=True))
