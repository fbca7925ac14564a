"""One stage of the benchmark's pipeline, in a process of its own: seconds and peak memory as one JSON line.

    python tools/bench_pipeline.py FOLDER STAGE

The plant in FOLDER is described by plant.json, which bench.py writes. What becomes of each invoice is planned by its number
alone, so that the last stage can add up by itself what the books must say.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CREDITOR_ID = "DE98ZZZ09999999999"  # the official test identifier
OWN_IBAN = "DE02120300000000202051"  # an example of the bank's own documentation
CONTRACT = "0x00000000000000000000000000000000000000c0"
TOPIC = "0xdd70e00b35e2d27bc3c0ed11327442befbf342cb9a4558756b3bffa699eb9b64"  # InvoiceFinalized of the reference contract
BANK_CODE = "10050000"  # a bank whose account numbers have no check digit that our registry would doubt
MORNING = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)  # a Tuesday, before the bank's cut-off
EVENING = datetime(2026, 12, 7, 18, 0, tzinfo=UTC)
DUE = (date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 3))
DUE_LATER = date(2026, 12, 8)  # no statement of this day has come yet: in flight
STATEMENTS = (*DUE, EVENING.date())
OPENING_CENTS, FEE_CENTS = 1_000_000, 300
INVOICES_PER_DEBTOR, LOGS_PER_BLOCK = 5, 20

CONFIG = f"""\
environment = "development"
timezone = "Europe/Berlin"
[database]
url = "{{url}}"
[[accounts]]
id = "main"
iban = "{OWN_IBAN}"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "{CREDITOR_ID}"
account = "main"
[[sources]]
name = "plant-1"
creditor = "{CREDITOR_ID}"
chain_id = 31337
contract = "{CONTRACT}"
recorded = "logs.jsonl"
hold_minutes = 0
verification = "none"
[collection]
batch_at = ""
approval = "four-eyes"
handover = "portal"
"""


@dataclass(frozen=True, slots=True)
class Plant:
    """Where the bridge runs; ``style`` is how the simulated bank credits debits."""

    folder: Path
    invoices: int
    url: str
    style: str


def main() -> None:
    folder, stage = Path(sys.argv[1]), sys.argv[2]
    plant = Plant(folder, **json.loads((folder / "plant.json").read_text("utf-8")))
    measure(STAGES[stage](plant))


def measure(act: Callable[[], Any]) -> None:
    """Do it, and print how long it took, the most memory that this process held, and what it says of itself."""
    started, worked = time.perf_counter(), time.process_time()
    said = act()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak_mib(), "said": said}))


def peak_mib() -> float:
    """The most memory this process ever held, Python and the imports included."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1024 * 1024 if sys.platform == "darwin" else 1024)


# ---- the plan ------------------------------------------------------------------------------------------------------------------


def fate(number: int) -> str:
    """What becomes of the invoice of this number: of 100, one is held, ten are in flight, two rejected, four returned."""
    if number % 100 == 0:
        return "held"
    if number % 10 == 9:
        return "in flight"
    if number % 50 == 7:
        return "rejected"
    if number % 25 == 3:
        return "returned"
    return "settled"


def cents(number: int) -> int:
    return 1_000 + number * 7_919 % 90_000


def due_on(number: int) -> date:
    return DUE_LATER if fate(number) == "in flight" else DUE[number % len(DUE)]


def debtor(number: int, invoices: int) -> int:
    """Debtors from 1 on; 0 is one without a mandate."""
    return 0 if fate(number) == "held" else 1 + number % debtors(invoices)


def debtors(invoices: int) -> int:
    return max(1, invoices // INVOICES_PER_DEBTOR)


# ---- what a chain, a person and a bank would have written ----------------------------------------------------------------------


def set_up(plant: Plant) -> Callable[[], Any]:
    """The folder, the empty database at its newest migration, the recorded logs, the file of mandates."""

    def act() -> None:
        from bridge.acts import declare
        from bridge.runtime import upgrade, write_keys

        for name in ("inbox", "outbox"):
            (plant.folder / name).mkdir()
        write_keys(plant.folder / "bridge.keys")
        (plant.folder / "bridge.toml").write_text(CONFIG.format(url=plant.url), "utf-8")
        (plant.folder / "logs.jsonl").write_text(
            "".join(log(number, plant.invoices) for number in range(1, plant.invoices + 1)), "utf-8"
        )
        rows = ["mandate_id;debtor_ref;signed_on;debtor_name;iban", *map(mandate, range(1, debtors(plant.invoices) + 1))]
        (plant.folder / "mandates.csv").write_text("\n".join(rows) + "\n", "utf-8")
        runtime = opened(plant.folder)
        upgrade(runtime.engine)
        declare.run(runtime)

    return act


def log(number: int, invoices: int) -> str:
    """One line as eth_getLogs returns it, with the time of its block."""
    block = 1_000 + number // LOGS_PER_BLOCK
    mined = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) + block
    due = int(datetime.combine(due_on(number), datetime.min.time(), UTC).timestamp()) + 12 * 3600
    words = (number, cents(number), int.from_bytes(b"EUR" + bytes(29), "big"), mined - 604_800, mined, due, 4, 0)
    line = {
        "address": CONTRACT,
        "topics": [TOPIC, f"0x{number:064x}", reference(debtor(number, invoices)), f"0x{1:064x}"],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
        "blockNumber": hex(block),
        "blockHash": f"0x{10**9 + block:064x}",
        "blockTimestamp": hex(mined),
        "transactionHash": f"0x{2 * 10**9 + number:064x}",
        "transactionIndex": "0x0",
        "logIndex": hex(number % LOGS_PER_BLOCK),
        "removed": False,
    }
    return json.dumps(line) + "\n"


def mandate(number: int) -> str:
    """One line of the file of mandates."""
    return f"MND-{number:06d};{reference(number)};2026-06-01;Debtor {number} GmbH;{iban_of(number)}"


def iban_of(number: int) -> str:
    """A debtor's IBAN; its check digits by ISO 7064 mod 97-10 (D = 13, E = 14)."""
    account = f"{BANK_CODE}{1_000_000 + number:010d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def reference(number: int) -> str:
    return f"0x{3 * 10**9 + number:064x}"


def bank(plant: Plant) -> Callable[[], Any]:
    """The simulated bank takes what was exported and lays its answers into the inbox."""

    def act() -> str:
        from bridge.sim.bank import SimBank

        simulated = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style=plant.style, fees="inside")
        wishes = {"rejected": "reject:AC04", "returned": f"return:AM04:{FEE_CENTS}"}
        planned = {number: wishes[fate(number)] for number in range(1, plant.invoices + 1) if fate(number) in wishes}
        simulated.plan({f"plant-1-{number:06d}-1": wish for number, wish in planned.items()})
        files = sorted((plant.folder / "outbox").glob("*.xml"))
        answers = []
        for path in files:
            simulated.upload(path.read_bytes())
            answers.append(simulated.status_report(MORNING.date()))
        answers += [simulated.statement(day) for day in STATEMENTS]
        for place, body in enumerate(answers, 1):
            (plant.folder / "inbox" / f"{place:04d}.xml").write_bytes(body)
        return f"{len(files)} files, {len(answers)} answers, {sum(map(len, answers)) // 1024:,} KiB"

    return act


# ---- the product's own stages --------------------------------------------------------------------------------------------------


def opened(folder: Path, now: datetime = MORNING) -> Any:
    from bridge.runtime import build

    return build(folder / "bridge.toml", clock=lambda: now)


def start(plant: Plant) -> Callable[[], Any]:
    """Everything imported, the database opened and nothing done: what every other stage needs before it begins."""

    def act() -> None:
        from bridge.reports import check, reconciliation  # noqa: F401 - the imports are what is measured
        from bridge.runtime import revision
        from bridge.steps import PIPELINE  # noqa: F401

        revision(opened(plant.folder).engine)

    return act


def import_mandates(plant: Plant) -> Callable[[], Any]:
    from bridge.acts import import_mandates

    runtime, body = opened(plant.folder), (plant.folder / "mandates.csv").read_bytes()

    def act() -> str:
        outcome = import_mandates.run(runtime, "clara", body, dry_run=False)
        return f"{outcome.new} new, {outcome.paused} paused, {len(outcome.bad)} bad"

    return act


def step(name: str, now: datetime, plant: Plant) -> Callable[[], Any]:
    from bridge.steps import PIPELINE

    runtime = opened(plant.folder, now)
    return lambda: told(PIPELINE[name][0](runtime))


def told(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.items() if count)


def approve(plant: Plant) -> Callable[[], Any]:
    """Two people sign every file."""
    from bridge.acts import approve

    runtime = opened(plant.folder)
    names = batches(runtime)

    def act() -> str:
        for name in names:
            for person in ("anna", "ben"):
                approve.run(runtime, person, name)
        return f"{2 * len(names)} signatures"

    return act


def export(plant: Plant) -> Callable[[], Any]:
    from bridge.steps import handover

    runtime = opened(plant.folder)
    names = batches(runtime)

    def act() -> str:
        for name in names:
            handover.export(runtime, actor="anna", message_id=name)
        return f"{len(names)} files"

    return act


def hand_over(plant: Plant) -> Callable[[], Any]:
    """A person says of every file that it was uploaded; only now the ledger moves."""
    from bridge.acts import confirm_upload

    runtime = opened(plant.folder)
    names = batches(runtime)

    def act() -> str:
        for name in names:
            confirm_upload.run(runtime, "anna", name, reference="portal order 4711")
        return f"{len(names)} files"

    return act


def batches(runtime: Any) -> list[str]:
    from bridge.reports import lists

    with runtime.reading() as session:
        return [batch.message_id for batch in lists.batches(session)]


def report(plant: Plant) -> Callable[[], Any]:
    from bridge.balances import NOW
    from bridge.reports import reconciliation

    runtime = opened(plant.folder, EVENING)

    def act() -> str:
        with runtime.reading() as session:
            return f"difference {reconciliation.build(session, runtime, NOW).difference_cents} cents"

    return act


def check(plant: Plant) -> Callable[[], Any]:
    from bridge.reports import check

    runtime = opened(plant.folder, EVENING)

    def act() -> str:
        with runtime.reading() as session:
            checks = check.run(session, runtime)
        return f"{sum(one.ok for one in checks)} of {len(checks)} invariants hold"

    return act


# ---- the books against the plan ------------------------------------------------------------------------------------------------


def verify(plant: Plant) -> Callable[[], Any]:
    """What differs from the plan, in words; none: every invoice is where it should be, to the cent."""

    def act() -> list[str]:
        runtime = opened(plant.folder, EVENING)
        found, wanted = in_the_books(runtime), by_the_plan(plant.invoices)
        return [f"{what} is {found[what]}, planned {value}" for what, value in wanted.items() if found[what] != value]

    return act


def in_the_books(runtime: Any) -> dict[str, Any]:
    from sqlalchemy import func, select

    from bridge.balances import NOW
    from bridge.model import Collection, Invoice
    from bridge.model.collection import IN_FLIGHT_STATES
    from bridge.reports import check, reconciliation

    with runtime.reading() as session:
        told = reconciliation.build(session, runtime, NOW)
        states: Counter[str] = Counter()
        for state, count in session.execute(select(Collection.state, func.count()).group_by(Collection.state)):
            states["in flight" if state in IN_FLIGHT_STATES else state] += count
        held = session.scalar(select(func.count()).where(Invoice.state == "held"))
        broken = [one.id for one in check.run(session, runtime) if not one.ok]
    return {
        "difference_cents": told.difference_cents,
        "parts": {name: part for name, part in told.parts.items() if part},
        "bank": [(line.ledger_cents, line.statement_cents) for line in told.accounts],
        "suspense_cents": told.suspense_cents,
        "charges_cents": told.charges_cents,
        "collections": dict(states),
        "held": held,
        "broken invariants": broken,
    }


def by_the_plan(invoices: int) -> dict[str, Any]:
    numbers = range(1, invoices + 1)
    counts = Counter(fate(number) for number in numbers)
    sums: Counter[str] = Counter()
    for number in numbers:
        sums[fate(number)] += cents(number)
    parts = {
        "paid_direct_debit": sums["settled"],
        "in_flight": sums["in flight"],
        "held": sums["held"],
        "returned_open": sums["rejected"] + sums["returned"],
    }
    bank = OPENING_CENTS + sums["settled"] - FEE_CENTS * counts["returned"]
    states = {state: counts[state] for state in ("settled", "in flight", "rejected", "returned")}
    return {
        "difference_cents": 0,
        "parts": {name: part for name, part in parts.items() if part},
        "bank": [(bank, bank)],
        "suspense_cents": 0,
        "charges_cents": FEE_CENTS * counts["returned"],
        "collections": {state: count for state, count in states.items() if count},
        "held": counts["held"],
        "broken invariants": [],
    }


#: stage -> a function that prepares it and gives what is timed
STAGES: dict[str, Callable[[Plant], Callable[[], Any]]] = {
    "set-up": set_up,
    "start": start,
    "mandates": import_mandates,
    "ingest": partial(step, "ingest", MORNING),
    "collect": partial(step, "collect", MORNING),
    "batch": partial(step, "batch", MORNING),
    "approve": approve,
    "export": export,
    "hand-over": hand_over,
    "bank": bank,
    "receive": partial(step, "receive", EVENING),
    "reconcile": partial(step, "reconcile", EVENING),
    "seal": partial(step, "seal", EVENING),
    "report": report,
    "check": check,
    "verify": verify,
}

if __name__ == "__main__":
    main()
