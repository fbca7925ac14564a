"""Pages of a statement that give only the balances of the day: the number of each, and whether it is the last.

How old code survives this migration: both columns are empty, as they stay for every statement and page that is booked by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("statement", sa.Column("page", sa.BigInteger(), nullable=True))
    op.add_column("statement", sa.Column("last_page", sa.Boolean(), nullable=True))
