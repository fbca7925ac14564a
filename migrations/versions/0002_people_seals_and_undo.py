"""Users, tokens and consents; the chain of seals over the vouchers; what undoing a match needs; an index for lines sent twice.

How old code survives this migration: new columns are empty or have a default, and
nothing that it reads changes otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER primary key


def upgrade() -> None:
    op.create_table(
        "bridge_user",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "role IN ('viewer', 'clerk', 'approver', 'admin', 'auditor', 'service')", name=op.f("ck_bridge_user_role_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bridge_user")),
        sa.UniqueConstraint("name_key", name=op.f("uq_bridge_user_name_key")),
    )
    op.create_table(
        "token",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["bridge_user.id"], name=op.f("fk_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_index(op.f("ix_token_user_id"), "token", ["user_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("act", "object", "digest", "actor", name=op.f("uq_consent_act_object_digest_actor")),
    )
    op.create_table(
        "voucher_seal",
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("voucher_id", ID, nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_voucher_seal_number_counts")),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name=op.f("fk_voucher_seal_voucher_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_voucher_seal")),
        sa.UniqueConstraint("hash", name=op.f("uq_voucher_seal_hash")),
        sa.UniqueConstraint("voucher_id", name=op.f("uq_voucher_seal_voucher_id")),
    )
    op.create_index("ix_entry_bank_ref", "entry", ["bank_ref"], unique=False)
    op.add_column("entry", sa.Column("by_hand", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("match") as match:  # SQLite adds neither a foreign key nor a unique column to a table that exists
        match.add_column(sa.Column("undoes_id", ID, nullable=True))
        match.create_foreign_key(op.f("fk_match_undoes_id"), "match", ["undoes_id"], ["id"])
        match.create_unique_constraint(op.f("uq_match_undoes_id"), ["undoes_id"])
