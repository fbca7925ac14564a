"""What people do besides the main job: hold, pause, cut by hand, discard, close a break.

Each act is done twice; the second time it is refused or does nothing, and no row changes.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.sim.bank import SimBank
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, Said, config, dump, logs, mandates_csv, recorded_source

DUE_ON = date(2026, 10, 15)
MORNING, NEXT_DAY, EVENING = "2026-10-05T08:00", "2026-10-06T09:30", "2026-10-19T18:00"
A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
C = Debtor("MND-0003", "Hof Lindner", "DE02100500000054540402", b"\xc3" * 32)
BILLED = ((A, 12_345), (B, 20_000), (C, 7_001))


def started(folder: Path, *, collection: str = "", approval: str = "four-eyes", handover: str = "portal") -> Plant:
    """A plant with three mandates and three invoices that no run has seen yet."""
    plant = Plant(folder)
    plant.ok("init", str(folder))
    written = config(recorded_source(), collection=collection)
    written = written.replace('"four-eyes"', f'"{approval}"').replace('"portal"', f'"{handover}"')
    (folder / "bridge.toml").write_text(written, "utf-8")
    (folder / "logs.jsonl").write_text(logs(BILLED, due_on=DUE_ON), "utf-8")
    (folder / "mandates.csv").write_text(mandates_csv((A, B, C)), "utf-8")
    plant.ok("mandate", "import", str(folder / "mandates.csv"), "--actor", "clara", clock=MORNING)
    return plant


def twice(plant: Plant, *words: str, clock: str, codes: tuple[int, int] = (0, 0)) -> Said:
    """Act, and act again: the second time no row but of audit changes. Gives the first answer."""
    first = plant.here(*words, clock=clock)
    before = dump(plant)
    second = plant.here(*words, clock=clock)
    assert (first.code, second.code) == codes, f"{words}: {first.err}{second.err}"
    assert dump(plant) == before, f"a second '{' '.join(words)}' changed rows"
    return first


def states(plant: Plant) -> dict[str, tuple[str, str]]:
    """Number -> the invoice's state and that of its collection ("" without one)."""
    found = plant.ok("invoice", "list", "--json").json
    return {one["number"][-1]: (one["state"], one["collections"][-1]["state"] if one["collections"] else "") for one in found}


def message_id(plant: Plant, number: int) -> str:
    found: str = plant.ok("batch", "list", "--json").json[number]["message_id"]
    return found


def test_people_hold_and_let_go(tmp_path: Path) -> None:
    """A paused mandate and a held invoice stay out of the file until somebody says otherwise, and then go into the next one."""
    plant = started(tmp_path)
    twice(plant, "mandate", "pause", "MND-0001", "--reason", "dispute", "--actor", "anna", clock=MORNING, codes=(0, 1))
    twice(plant, "run", clock=MORNING)  # before batch_at: read and judged, but no file yet
    assert states(plant) == {"1": ("collecting", "held"), "2": ("collecting", "pending"), "3": ("collecting", "pending")}

    twice(plant, "invoice", "hold", "plant-1-000002", "--reason", "complains", "--actor", "anna", clock=MORNING, codes=(0, 1))
    twice(plant, "batch", "create", "--actor", "dora", clock=MORNING)
    assert states(plant) == {"1": ("collecting", "held"), "2": ("collecting", "held"), "3": ("collecting", "batched")}

    twice(plant, "mandate", "resume", "MND-0001", "--actor", "anna", clock=MORNING, codes=(0, 1))
    twice(plant, "invoice", "release", "plant-1-000002", "--actor", "anna", clock=MORNING, codes=(0, 1))
    twice(plant, "run", clock="2026-10-05T09:30")
    assert states(plant) == {"1": ("collecting", "batched"), "2": ("collecting", "batched"), "3": ("collecting", "batched")}
    sums = [batch["control_sum_cents"] for batch in plant.ok("batch", "list", "--json").json]
    assert sums == [7_001, 12_345 + 20_000]
    assert plant.here("check", clock=MORNING).code == 0


def test_a_discarded_file_frees_its_collections_once(tmp_path: Path) -> None:
    """A file that never left is given up with a reason; the next one holds the same EndToEndIds under another name."""
    plant = started(tmp_path)
    plant.ok("run", clock=MORNING)
    twice(plant, "batch", "create", "--actor", "dora", clock=MORNING)
    first = message_id(plant, 0)
    own = twice(plant, "batch", "approve", first, "--actor", "dora", clock=MORNING, codes=(1, 1))
    silent = twice(plant, "batch", "discard", first, "--actor", "anna", clock=MORNING, codes=(1, 1))
    twice(plant, "batch", "discard", first, "--reason", "wrong day", "--actor", "anna", clock=MORNING, codes=(0, 1))
    assert "cut" in own.err
    assert silent.err.startswith("bridge: ")

    twice(plant, "run", clock=NEXT_DAY)
    listed = plant.ok("batch", "list", "--json").json
    assert [batch["state"] for batch in listed] == ["discarded", "sealed"]
    assert listed[0]["message_id"] != listed[1]["message_id"]
    assert [batch["control_sum_cents"] for batch in listed] == [39_346, 39_346]
    gone = plant.here("batch", "export", first, "--actor", "anna", clock=NEXT_DAY)
    assert (gone.code, "discarded" in gone.err) == (1, True)
    assert not (tmp_path / "outbox" / f"{first}.xml").exists()
    assert plant.here("check", clock=NEXT_DAY).code == 0


@pytest.mark.parametrize("by", ["run", "import"])
def test_nobody_is_needed_where_the_config_says_so(tmp_path: Path, by: str) -> None:
    """With no approval and a folder as the hand-over, runs alone bring an invoice to the bank and its money into the books."""
    plant = started(tmp_path, approval="none", handover="folder")
    twice(plant, "run", clock="2026-10-05T09:05")
    (path,) = (tmp_path / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=100_000, style="single")
    bank.upload(path.read_bytes())
    bank.foreign_transfer(4_200, "Unbekannt GmbH", "Danke")
    answers = {"1.xml": bank.status_report(date(2026, 10, 5)), "2.xml": bank.statement(DUE_ON)}
    folder = tmp_path / ("inbox" if by == "run" else "")
    for name, body in answers.items():
        (folder / name).write_bytes(body)
    line = ["run"] if by == "run" else ["import", *(str(folder / name) for name in answers)]
    twice(plant, *line, clock=EVENING)

    report = plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json
    assert report["parts"]["paid_direct_debit"] == 39_346
    assert report["accounts"][0]["ledger_cents"] == 100_000 + 39_346 + 4_200
    assert report["difference_cents"] == 0
    (one,) = report["breaks"]
    early = twice(plant, "resolve", str(one["id"]), "--resolution", "nice", "--actor", "anna", clock=EVENING, codes=(1, 1))
    assert "UNKNOWN_CREDIT closes by itself" in early.err
    assert plant.here("check", clock=EVENING).code == 0


def test_a_break_is_closed_with_a_sentence(tmp_path: Path) -> None:
    """A status report about somebody else's file is a break that a person closes, saying how; then it needs nobody any more."""
    plant = started(tmp_path, approval="none", handover="folder")
    plant.ok("run", clock="2026-10-05T09:05")
    (path,) = (tmp_path / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN)
    bank.upload(path.read_bytes())
    strange = bank.status_report(date(2026, 10, 5)).replace(path.stem.encode(), b"SOMEBODY-ELSE")
    (tmp_path / "strange.xml").write_bytes(strange)
    twice(plant, "import", str(tmp_path / "strange.xml"), clock=NEXT_DAY)
    (one,) = plant.ok("status", "--json", clock=NEXT_DAY).json["breaks"]

    silent = twice(plant, "resolve", str(one["id"]), "--actor", "anna", clock=NEXT_DAY, codes=(1, 1))
    twice(plant, "resolve", str(one["id"]), "--resolution", "told them", "--actor", "anna", clock=NEXT_DAY, codes=(0, 1))

    assert (one["kind"], one["next"]) == ("NOT_OUR_FILE", "ask the bank, or close it")
    assert "say how it was resolved" in silent.err
    assert plant.ok("status", "--json", clock=NEXT_DAY).json["breaks"] == []
    assert states(plant)["1"] == ("collecting", "submitted")
