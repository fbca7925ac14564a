"""The acts of the audit trail become links of the voucher chain: a link covers a voucher or an act.

How old code survives this migration: every link that is there covers a voucher as before. The acts that were noted until now are
sealed by the next run.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("voucher_seal") as seal:  # SQLite writes the table anew
        seal.alter_column("voucher_id", existing_type=ID, nullable=True)
        seal.add_column(sa.Column("audit_id", ID, nullable=True))
        seal.create_foreign_key(op.f("fk_voucher_seal_audit_id"), "audit", ["audit_id"], ["id"])
        seal.create_unique_constraint(op.f("uq_voucher_seal_audit_id"), ["audit_id"])
        seal.create_check_constraint(op.f("ck_voucher_seal_covers_one"), "(voucher_id IS NULL) <> (audit_id IS NULL)")
