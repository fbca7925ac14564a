"""An index of the pages of statements that wait for one another, and of the booked ones of a day.

How old code survives this migration: an index changes no answer.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

PAGE = sa.text("page IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_statement_page", "statement", ["account_id", "posting", "closing_on"], postgresql_where=PAGE, sqlite_where=PAGE
    )
