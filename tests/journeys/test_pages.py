"""A bank sends the statement of the due date in pages that give only the balances of the day; one of them is late."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys.sent import DUE_ON, EVENING, bank_of, exported, receive, sound, states


def in_pages(body: bytes) -> list[bytes]:
    """The statement of a file, a page for each of its lines: head and balances stand on every page."""
    text = body.decode()
    lines = re.findall(r"<Ntry>.*?</Ntry>", text, re.DOTALL)
    head, tail = text[: text.index("<Ntry>")], text[text.rindex("</Ntry>") + len("</Ntry>") :]
    paging = "</Id><StmtPgntn><PgNb>{}</PgNb><LastPgInd>{}</LastPgInd></StmtPgntn>"
    before, statement = head.split("<Stmt>")
    return [
        (before + "<Stmt>" + statement.replace("</Id>", paging.format(n, str(n == len(lines)).lower()), 1) + line + tail).encode()
        for n, line in enumerate(lines, 1)
    ]


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_late_page(tmp_path: Path, late: int) -> None:
    """Until it comes nothing of that day is booked, and ``reconcile parked`` names it; then everything is."""
    plant, message_id = exported(tmp_path)
    pages = in_pages(bank_of(plant, message_id, style="single").statement(DUE_ON))
    missing = pages.pop(late)
    for number, page in enumerate(pages):
        receive(plant, f"{number}.xml", page)
    parked = plant.ok("reconcile", "parked", "--json", clock=EVENING).json
    assert states(plant) == ["submitted (collecting)"] * 3
    assert plant.here("check", clock=EVENING).code == 0
    receive(plant, "late.xml", missing)

    words = ("page 1 is missing", "page 2 is missing", "what follows page 2 is missing")[late]
    assert [(one["state"], one["why"]) for one in parked] == [("parked", words)] * 2
    assert states(plant) == ["settled (paid)"] * 3
    assert plant.ok("reconcile", "parked", "--json", clock=EVENING).json == []
    sound(plant)
