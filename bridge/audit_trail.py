"""Writes down what people did. ``detail`` holds ids, counts and hashes, never a name or an IBAN."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bridge.model import Audit


def note(session: Session, *, at: datetime, actor: str, act: str, object: str, detail: str = "") -> None:
    """One act of one person, in the commit of the act itself."""
    session.execute(insert(Audit).values(recorded_at=at, actor=actor, act=act, object=object, detail=detail))
