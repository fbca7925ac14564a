"""Advices of a bank (camt.052, camt.054): kept beside the statements, and which line each of them tells about.

How old code survives this migration: the new column is empty, and no statement has the new state yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = "posting IN ('posted', 'parked', 'refused')"
AFTER = "posting IN ('posted', 'parked', 'refused', 'advice')"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("entry", sa.Column("told_by_id", ID, nullable=True))
        op.create_foreign_key(op.f("fk_entry_told_by_id"), "entry", "entry", ["told_by_id"], ["id"])
        op.drop_constraint(op.f("ck_statement_posting_known"), "statement", type_="check")
        op.create_check_constraint(op.f("ck_statement_posting_known"), "statement", AFTER)
    else:
        op.execute("ALTER TABLE entry ADD COLUMN told_by_id INTEGER CONSTRAINT fk_entry_told_by_id REFERENCES entry (id)")
        _allow_advices()
    op.create_index(op.f("ix_entry_told_by_id"), "entry", ["told_by_id"], unique=True)


def _allow_advices() -> None:
    """Change a word of the table's definition that changes no row, as SQLite documents it (lang_altertable, 7)."""
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'statement' AND instr(sql, ?) > 0",
        (BEFORE, AFTER, BEFORE),
    )
    if changed.rowcount != 1:
        raise RuntimeError("the table statement is not the one that was made by migration 0001")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
