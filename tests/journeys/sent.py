"""A plant with a file in its outbox, and what the custody journeys ask of it: states, the printed journal, balances, Breaks."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from bridge.sim.bank import SimBank
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, dump, logs, mandates_csv, recorded_source

DUE_ON = date(2026, 10, 15)  # a Thursday; the bank takes its file until Tuesday the 13th, 10:00
CUT, NOON, TUESDAY, WEDNESDAY = "2026-10-05T09:05", "2026-10-05T12:00", "2026-10-06T09:30", "2026-10-07T09:30"
EVENING = "2026-10-19T18:00"
OPENING_CENTS = 100_000
A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
C = Debtor("MND-0003", "Hof Lindner", "DE02100500000054540402", b"\xc3" * 32)
BILLED = ((A, 12_345), (B, 20_000), (C, 7_001))
ONE, TWO, THREE, FOUR = (f"plant-1-00000{number}-1" for number in range(1, 5))


def sealed(folder: Path, *, approval: str = "four-eyes", handover: str = "portal") -> tuple[Plant, str]:
    """A plant with one sealed file of three debits, and its MsgId."""
    plant = unstarted(folder, approval=approval, handover=handover)
    plant.ok("run", clock=CUT)
    return plant, files(plant)[-1][0]


def unstarted(folder: Path, *, approval: str = "four-eyes", handover: str = "portal") -> Plant:
    """A plant with three mandates and three invoices that no run has seen yet."""
    plant = declared(folder, approval=approval, handover=handover)
    mandates(plant)
    return plant


def declared(folder: Path, *, approval: str = "four-eyes", handover: str = "portal") -> Plant:
    """A plant whose chain has three invoices; nothing of it is stored yet."""
    plant = Plant(folder)
    plant.ok("init", str(folder))
    written = config(recorded_source())
    written = written.replace('"four-eyes"', f'"{approval}"').replace('"portal"', f'"{handover}"')
    (folder / "bridge.toml").write_text(written, "utf-8")
    bill(plant, 3)
    return plant


def mandates(plant: Plant, *others: tuple[str, str]) -> None:
    """Import the three mandates; ``others`` are words of the file and what stands there instead."""
    written = mandates_csv((A, B, C))
    for old, new in others:
        written = written.replace(old, new)
    (plant.folder / "mandates.csv").write_text(written, "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "clara", clock="2026-10-05T07:00")


def exported(folder: Path) -> tuple[Plant, str]:
    """The same, signed by two people and exported; nobody marked it as uploaded."""
    plant, message_id = sealed(folder)
    export(plant, message_id)
    return plant, message_id


def export(plant: Plant, message_id: str, clock: str = CUT) -> None:
    for actor in ("anna", "ben"):
        plant.ok("batch", "approve", message_id, "--actor", actor, clock=clock)
    plant.ok("batch", "export", message_id, "--actor", "anna", clock=clock)


def bill(plant: Plant, count: int) -> None:
    """Let the recorded chain have so many invoices; the fourth is C's too."""
    billed = (*BILLED, (C, 900))[:count]
    (plant.folder / "logs.jsonl").write_text(logs(billed, due_on=DUE_ON), "utf-8")


def discard(plant: Plant, message_id: str, clock: str = NOON) -> None:
    """Two people state that an exported file was not uploaded."""
    for actor in ("anna", "ben"):
        plant.ok("batch", "discard", message_id, "--not-uploaded", "--reason", "no portal", "--actor", actor, clock=clock)


def rerun(plant: Plant, clock: str) -> str:
    """Cut again, sign and export; the MsgId of the newest file."""
    plant.ok("run", clock=clock)
    message_id = files(plant)[-1][0]
    export(plant, message_id, clock)
    return message_id


def bank_of(plant: Plant, message_id: str, *, style: str = "batch", plan: dict[str, str] | None = None) -> SimBank:
    """A bank that took this file as it stands in the outbox or in void/."""
    bank = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style=style)
    bank.plan(plan or {})
    upload(bank, plant, message_id)
    return bank


def upload(bank: SimBank, plant: Plant, message_id: str) -> None:
    places = (plant.folder / "outbox" / f"{message_id}.xml", plant.folder / "outbox" / "void" / f"{message_id}.xml")
    bank.upload(next(path for path in places if path.exists()).read_bytes())


def receive(plant: Plant, name: str, body: bytes, *, clock: str = EVENING) -> None:
    """Import one bank file, which reconciles too."""
    (plant.folder / name).write_bytes(body)
    plant.ok("import", str(plant.folder / name), clock=clock)


def nameless(body: bytes) -> bytes:
    """A statement of a bank that gives EndToEndIds, but neither our MsgId nor our PmtInfId."""
    return re.sub(rb"\s*<(MsgId|PmtInfId)>MUSTERWERK[^<]*</\1>", b"", body)


def files(plant: Plant) -> list[tuple[str, str]]:
    """(MsgId, state) of every file, oldest first."""
    return [(one["message_id"], one["state"]) for one in plant.ok("batch", "list", "--json").json]


def states(plant: Plant) -> list[str]:
    """The state of each invoice's last collection; the invoice's own in brackets."""
    found = plant.ok("invoice", "list", "--json").json
    return [f"{one['collections'][-1]['state']} ({one['state']})" for one in found]


def breaks(plant: Plant) -> list[tuple[str, str]]:
    """(kind, what) of every open Break."""
    return [(one["kind"], one["what"]) for one in plant.ok("status", "--json", clock=EVENING).json["breaks"]]


def kinds(plant: Plant) -> list[str]:
    return sorted(kind for kind, _ in breaks(plant))


def journal(plant: Plant, number: int) -> list[str]:
    """The printed journal of an invoice, a line a voucher: date, fact, and its postings in euros."""
    printed = plant.ok("ledger", "journal", "--invoice", f"plant-1-00000{number}", clock=EVENING).out
    found: list[str] = []
    for line in printed.splitlines():
        if line.startswith("20"):
            found.append(f"{line[:10]} {line.rsplit(') ', 1)[1]}:")
        elif found and line.strip() and not line.strip().startswith(";"):
            account, amount = line.split()[:2]
            found[-1] += f" {account.split(':')[1]} {amount}"
    return found


def balances(plant: Plant) -> dict[str, int]:
    """The trial balance: what of each account is not zero, in cents."""
    found = plant.ok("ledger", "balance", "--json", clock=EVENING).json
    return {one["account"]: one["balance_cents"] for one in found if one["balance_cents"]}


def sound(plant: Plant) -> None:
    """Every invariant holds, and the parts of the proof add up to what was billed."""
    checked = plant.here("check", "--json", clock=EVENING)
    assert {one["id"]: one["detail"] for one in checked.json["checks"] if not one["ok"]} == {}
    assert plant.ok("report", "reconciliation", "-f", "json", clock=EVENING).json["difference_cents"] == 0


def unchanged(plant: Plant, *words: str, clock: str = EVENING) -> None:
    """A command changes no row of any table but audit."""
    before = dump(plant)
    plant.here(*words, clock=clock)
    assert dump(plant) == before, f"'{' '.join(words)}' changed rows"
