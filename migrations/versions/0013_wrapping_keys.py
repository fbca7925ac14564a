"""The names of the keys that rows may be sealed under: a key that was forgotten is one that nobody can seal under any more.

How old code survives this migration: it seals under the names that stand in its rows already, and they are all known. A new
database knows its key as soon as the first command declares bridge.toml.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "wrapping_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wrapping_key")),
    )
    op.execute("INSERT INTO wrapping_key (name, recorded_at) SELECT DISTINCT wrapped_by, CURRENT_TIMESTAMP FROM data_key")
    with op.batch_alter_table("data_key") as batch:
        batch.create_foreign_key(op.f("fk_data_key_wrapped_by"), "wrapping_key", ["wrapped_by"], ["name"])
