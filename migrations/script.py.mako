"""${message}

How old code survives this migration: (say it here).

Rules: numbered (0002, 0003 ...), additive (add tables, columns, indexes; never rename or drop what running code reads), short locks.
The triggers are recreated after every upgrade by env.py.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
