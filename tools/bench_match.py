"""A statement of n collected debits stored, matched and booked on PostgreSQL, beside m open and closed debits.

    python tools/bench_match.py set-up | receive | reconcile FOLDER     (make bench calls the three, one process each)

The m are rows only, copied from one debit that went the whole path: what is measured is to find n among them, not how they came.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_camt053 import statement
from bench_copies import copy, unguarded
from bench_pipeline import EVENING, STAGES, Plant, measure, opened

FIRST = 1_001  # below are the debits that went the whole path; one of them is copied
BEFORE = ("set-up", "mandates", "ingest", "collect", "batch", "approve", "export", "hand-over")
#: columns that differ from copy to copy: {n} is its number, {name} that number as written, {open} whether it is at the bank
COPIES = {
    "invoice": {
        "id": "1000000 + {n}", "chain_log_id": "1000000 + {n}", "claim_id": "'0x' || lpad(to_hex({n}), 64, '0')",
        "number": "'plant-1-' || {name}", "number_key": "'PLANT-1-' || {name}",
        "invoice_no": "{n}", "amount_cents": "{cents}", "state": "CASE WHEN {open} THEN 'collecting' ELSE 'paid' END",
    },
    "collection": {
        "id": "1000000 + {n}", "invoice_id": "1000000 + {n}", "end_to_end_id": "'plant-1-' || {name} || '-1'",
        "end_to_end_key": "'PLANT-1-' || {name} || '-1'", "amount_cents": "{cents}",
        "state": "CASE WHEN {open} THEN 'submitted' ELSE 'settled' END",
    },
    "move": {"id": "100000000 + {n}", "noun_id": "1000000 + {n}"},
}  # fmt: skip


def main() -> None:
    stage, folder = sys.argv[1], Path(sys.argv[2])
    told = json.loads((folder / "match.json").read_text("utf-8"))
    act = {"set-up": set_up, "receive": receive, "reconcile": reconcile}[stage]
    measure(lambda: act(folder, told))


def set_up(folder: Path, told: dict[str, Any]) -> str:
    """A plant of a hundred debits at the bank, and of one of them so many copies; the last ``lines`` are on their way."""
    from sqlalchemy import select

    from bridge.model import Collection, Move

    plant = Plant(folder, invoices=100, url=told["database"], style="single")
    for stage in BEFORE:
        STAGES[stage](plant)()
    runtime = opened(folder)
    with runtime.session() as session:
        one = session.scalars(select(Collection).where(Collection.state == "submitted").limit(1)).one()
        last = select(Move.id).where(Move.noun == "collection", Move.noun_id == one.id, Move.version == one.version)
        chosen = {"invoice": one.invoice_id, "collection": one.id, "move": session.scalars(last).one()}
        number = f"({FIRST} + g)"
        shown = {
            "n": number,
            "name": f"lpad({number}::text, greatest(6, length({number}::text)), '0')",
            "cents": f"(1000 + {number}::bigint * 7919 % 90000)",
            "open": f"g >= {told['debits'] - told['lines']}",
        }
        with unguarded(session):
            for table, changed in COPIES.items():
                columns = {name: value.format(**shown) for name, value in changed.items()}
                copy(session, table, columns, told["debits"], where="t.id = :id", values={"id": chosen[table]})
    first = FIRST + told["debits"] - told["lines"]
    with (folder / "statement.xml").open("wb") as file:
        for piece in statement(told["lines"], first=first):
            file.write(piece.encode())
    return f"{told['debits']:,} debits"


def receive(folder: Path, told: dict[str, Any]) -> str:
    from bridge import intake

    taken = intake.take(opened(folder, EVENING), "statement.xml", (folder / "statement.xml").read_bytes(), actor="bench")
    if taken.new != told["lines"]:
        raise SystemExit(f"bench: {taken.new} lines were booked: {taken.message}")
    return f"{taken.new:,} lines"


def reconcile(folder: Path, told: dict[str, Any]) -> str:
    from bridge.steps import PIPELINE

    found = PIPELINE["reconcile"][0](opened(folder, EVENING))
    if found["settled"] != told["lines"]:
        raise SystemExit(f"bench: {found['settled']} debits were settled, not {told['lines']}")
    return f"{found['settled']:,} settled"


if __name__ == "__main__":
    main()
