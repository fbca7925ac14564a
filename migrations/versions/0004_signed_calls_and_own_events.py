"""The signed call of an outcome that is written back, so that the very same bytes are broadcast again; how an own event is read.

How old code survives this migration: the new columns are empty, and nothing that it reads changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("source", sa.Column("mapping", sa.Text(), nullable=True))
    op.add_column("attestation", sa.Column("raw_call", sa.LargeBinary(), nullable=True))
