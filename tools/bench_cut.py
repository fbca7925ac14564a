"""Files cut for n debits that are due, on PostgreSQL: the memory must be that of the largest file, whatever n is.

    python tools/bench_cut.py set-up | cut FOLDER     (make bench calls the two, one process each)

Ten thousand invoices come as the pipeline's do; for more, their rows are copied with those of their mandates.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_copies import copy, unguarded
from bench_pipeline import STAGES, Plant, measure, opened

INVOICES = 10_000
BEFORE = ("set-up", "mandates", "ingest", "collect")
STEP = 1_000_000  # between the ids of one copy and the next
NEXT = f"{STEP} * (g + 1)"
NAME = "'c' || (g + 1) || '-' || t."
#: table -> what differs from copy to copy: the ids, and the names that must be unique
COPIES = {
    "mandate": {
        "id": f"t.id + {NEXT}", "mandate_id": f"{NAME}mandate_id", "mandate_key": "'C' || (g + 1) || '-' || t.mandate_key",
        "debtor_ref": f"{NAME}debtor_ref",
    },
    "invoice": {
        "id": f"t.id + {NEXT}", "chain_log_id": f"t.chain_log_id + {NEXT}", "claim_id": f"{NAME}claim_id",
        "number": f"{NAME}number", "number_key": "'C' || (g + 1) || '-' || t.number_key", "debtor_ref": f"{NAME}debtor_ref",
    },
    "collection": {
        "id": f"t.id + {NEXT}", "invoice_id": f"t.invoice_id + {NEXT}", "mandate_id": f"t.mandate_id + {NEXT}",
        "end_to_end_id": f"{NAME}end_to_end_id", "end_to_end_key": "'C' || (g + 1) || '-' || t.end_to_end_key",
    },
    "voucher": {"id": f"t.id + {NEXT}", "idem_key": f"{NAME}idem_key"},
    "posting": {
        "voucher_id": f"t.voucher_id + {NEXT}",
        "debit_subject": f"t.debit_subject + {NEXT}", "credit_subject": f"t.credit_subject + {NEXT}",
    },
    "move": {"id": f"t.id + {NEXT}", "noun_id": f"t.noun_id + {NEXT}", "voucher_id": f"t.voucher_id + {NEXT}"},
}  # fmt: skip


def main() -> None:
    stage, folder = sys.argv[1], Path(sys.argv[2])
    told = json.loads((folder / "cut.json").read_text("utf-8"))
    act = {"set-up": set_up, "cut": cut}[stage]
    measure(lambda: act(folder, told))


def set_up(folder: Path, told: dict[str, Any]) -> int:
    """As many times the debits of ten thousand invoices as make about so many; gives how many are due (of 100 one is held)."""
    from sqlalchemy import func, select

    from bridge.model import Collection

    plant = Plant(folder, invoices=min(INVOICES, told["debits"]), url=told["database"], style="single")
    for stage in BEFORE:
        STAGES[stage](plant)()
    due = select(func.count()).where(Collection.state == "pending")
    with opened(folder).session() as session:
        times = told["debits"] // plant.invoices - 1
        if times > 0:
            with unguarded(session):
                for table, changed in COPIES.items():
                    copy(session, table, changed, times)
        return session.scalar(due) or 0


def cut(folder: Path, told: dict[str, Any]) -> str:
    from sqlalchemy import func, select

    from bridge.model import Batch, Collection
    from bridge.steps import PIPELINE

    runtime = opened(folder)
    found = PIPELINE["batch"][0](runtime)
    with runtime.reading() as session:
        collections, files, largest = session.execute(
            select(func.sum(Batch.collections), func.count(), func.max(Batch.collections))
        ).one()
        left = session.scalar(select(func.count()).where(Collection.state == "pending"))
    if left or int(collections) != found["collections"]:
        raise SystemExit(f"bench: of {told['debits']} debits {left} were not cut: {found}")
    return f"{int(collections):,} debits in {files:,} files, the largest of {largest:,}"


if __name__ == "__main__":
    main()
