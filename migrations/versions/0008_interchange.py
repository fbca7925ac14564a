"""The debtor bank's charge for a returned debit (interchange) as an account of its own, and what of a line's charges it is.

How old code survives this migration: the new columns are zero, and no posting has the new account yet. What was booked before
stays on Charges: rows of money are never changed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

BEFORE = (
    "{0} IN ('Bank', 'Billed', 'Charges', 'Clearing', 'Loss', 'NotOurs', 'Opening', 'Receivable', 'Suspense', 'Token')"
)  # fmt: skip
AFTER = BEFORE.replace("'Clearing', ", "'Clearing', 'Interchange', ")
SIDES = ("credit_account", "debit_account")


def upgrade() -> None:
    for table in ("entry", "detail"):
        op.add_column(table, sa.Column("interchange_cents", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    if op.get_bind().dialect.name == "postgresql":
        for side in SIDES:
            op.drop_constraint(op.f(f"ck_posting_{side}_known"), "posting", type_="check")
            op.create_check_constraint(op.f(f"ck_posting_{side}_known"), "posting", AFTER.format(side))
    else:
        _allow_interchange()


def _allow_interchange() -> None:
    """Change words of the table's definition that change no row, as SQLite documents it (lang_altertable, 7)."""
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for side in SIDES:
        before, after = BEFORE.format(side), AFTER.format(side)
        changed = connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'posting' AND instr(sql, ?) > 0",
            (before, after, before),
        )
        if changed.rowcount != 1:
            raise RuntimeError("the table posting is not the one that was made by migration 0001")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
