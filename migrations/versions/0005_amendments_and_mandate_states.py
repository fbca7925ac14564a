"""What changed about a mandate, kept for ever; drafts, mandates that lapsed or were replaced, and a last debit (FNAL).

How old code survives this migration: the new table is empty, the new columns have defaults, and no mandate has a new state yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER primary key
BEFORE = "state IN ('active', 'paused', 'revoked')"
AFTER = "state IN ('draft', 'signature_pending', 'active', 'paused', 'revoked', 'expired', 'replaced')"


def upgrade() -> None:
    op.create_table(
        "amendment",
        sa.Column("id", ID, nullable=False),
        sa.Column("mandate_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("was_account_id", ID, nullable=True),
        sa.Column("was_person_id", ID, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('mandate_id', 'creditor_id', 'creditor_name', 'account', 'debtor', 'contact', 'terms')",
            name=op.f("ck_amendment_kind_known"),
        ),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandate.id"], name=op.f("fk_amendment_mandate_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["was_account_id"], ["bank_account.id"], name=op.f("fk_amendment_was_account_id")),
        sa.ForeignKeyConstraint(["was_person_id"], ["person.id"], name=op.f("fk_amendment_was_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendment")),
    )
    op.create_index(op.f("ix_amendment_mandate_id"), "amendment", ["mandate_id"], unique=False)
    op.create_index(op.f("ix_collection_mandate_id"), "collection", ["mandate_id"], unique=False)
    op.add_column("mandate", sa.Column("final_wanted", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("mandate", sa.Column("replaces_id", ID, nullable=True))
        op.create_foreign_key(op.f("fk_mandate_replaces_id"), "mandate", "mandate", ["replaces_id"], ["id"])
        op.drop_constraint(op.f("ck_mandate_state_known"), "mandate", type_="check")
        op.create_check_constraint(op.f("ck_mandate_state_known"), "mandate", AFTER)
        op.alter_column("mandate", "signed_on", nullable=True)
    else:
        op.execute("ALTER TABLE mandate ADD COLUMN replaces_id INTEGER CONSTRAINT fk_mandate_replaces_id REFERENCES mandate (id)")
        _say_anew({BEFORE: AFTER, "signed_on DATE NOT NULL": "signed_on DATE"})


def _say_anew(words: dict[str, str]) -> None:
    """Change words of the table's definition that change nothing about its rows, as SQLite documents it (lang_altertable, 7).

    The usual way, a new table in place of the old one, deletes its rows, which what points at them forbids.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for before, after in words.items():
        changed = connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'mandate' AND instr(sql, ?) > 0",
            (before, after, before),
        )
        if changed.rowcount != 1:
            raise RuntimeError("the table mandate is not the one that was made by migration 0001")
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
