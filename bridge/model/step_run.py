"""How the last turn of each step ended: what an operator's alarm reads. No evidence, and nothing is decided by it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bridge.model.base import Base, one_of

#: how a turn ends; after these it did what it should: "more" gave way when its time was over, and goes on at the next ring
WELL = ("done", "more")
ENDINGS = (*WELL, "refused", "stopped", "bug")


class StepRun(Base):
    """One row for each step, written over at the end of every turn; ``succeeded_at``: the end of the last one that went well."""

    __tablename__ = "step_run"
    step: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    outcome: Mapped[str]  # ENDINGS
    succeeded_at: Mapped[datetime | None]
    __table_args__ = (one_of("outcome", ENDINGS),)
