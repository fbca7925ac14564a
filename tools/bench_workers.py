"""The same work done by 1, 2 and 4 workers: four machines' invoices to four creditors' files at the bank, and its answers booked.

    python tools/bench_workers.py FOLDER     (make bench calls it once for each number of workers)

workers.json in FOLDER says how many workers, how many invoices, which database and which broker. The workers are
``bridge worker`` with one process each, rung by one ``bridge beat``, as an operator starts them. Every invoice is settled; the
answer says how long it took until all files were handed over, and until every line of the bank was explained.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import bench_pipeline as pipeline
from bench_pipeline import EVENING, MORNING, ROOT, opened

PLANTS = 4
PATIENCE_SECONDS = 900
ANSWERED = EVENING + timedelta(days=1)  # all four days have a statement
LOOKS_SECONDS = 0.1
TROUBLE = re.compile(r"WARNING|ERROR|CRITICAL|Traceback")
HEAD = """\
environment = "development"
timezone = "Europe/Berlin"
[database]
url = "{database}"
[broker]
url = "{broker}"
processes = 1
ring_seconds = 1
[collection]
batch_at = ""
approval = "none"
handover = "folder"
"""
PLANT = """\
[[accounts]]
id = "account-{n}"
iban = "{iban}"
[[creditors]]
name = "Musterwerk {n} GmbH"
creditor_id = "{creditor}"
account = "account-{n}"
[[sources]]
name = "plant-{n}"
creditor = "{creditor}"
chain_id = 31337
contract = "{contract}"
recorded = "plant-{n}.jsonl"
hold_minutes = 0
verification = "none"
"""


def main() -> None:
    folder = Path(sys.argv[1])
    told = json.loads((folder / "workers.json").read_text("utf-8"))
    each = told["invoices"] // PLANTS
    set_up(folder, told, each)
    sent = timed(folder, told["workers"], MORNING, lambda: in_state(folder, "submitted") == each * PLANTS)
    answer(folder)
    heard = timed(folder, told["workers"], ANSWERED, lambda: in_state(folder, "settled") == each * PLANTS)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)  # the most memory of any one, the time of all
    used = {"cpu_seconds": round(spent.ru_utime + spent.ru_stime, 2), "peak_mib": round(spent.ru_maxrss / 1024)}
    print(json.dumps({"sent": sent, "heard": heard, **used, "said": verified(folder, each * PLANTS)}))


def set_up(folder: Path, told: dict[str, Any], each: int) -> None:
    """An empty database, the recorded logs of each machine, and the mandates of each creditor's debtors."""
    from bridge.acts import declare, import_mandates
    from bridge.runtime import upgrade, write_keys

    for name in ("inbox", "outbox"):
        (folder / name).mkdir()
    write_keys(folder / "bridge.keys")
    plants = "".join(
        PLANT.format(n=n, iban=own_iban(n), creditor=creditor_id(n), contract=contract(n)) for n in range(1, PLANTS + 1)
    )
    (folder / "bridge.toml").write_text(HEAD.format(**told) + plants, "utf-8")
    rows = ["creditor_id;mandate_id;debtor_ref;signed_on;debtor_name;iban"]
    for n in range(1, PLANTS + 1):
        logs = (pipeline.log(number, each).replace(pipeline.CONTRACT, contract(n)) for number in range(1, each + 1))
        (folder / f"plant-{n}.jsonl").write_text("".join(logs), "utf-8")
        # the one without a mandate gets one here: what is measured is work, not what waits for a person
        rows += [f"{creditor_id(n)};{mandate(number, n)}" for number in range(pipeline.debtors(each) + 1)]
    runtime = opened(folder)
    upgrade(runtime.engine)
    declare.run(runtime)
    outcome = import_mandates.run(runtime, "clara", ("\n".join(rows) + "\n").encode(), dry_run=False)
    if outcome.bad:
        raise SystemExit(f"bench: {outcome.bad[0]}")


def mandate(number: int, n: int) -> str:
    """One line of the file of mandates, of a debtor who has one with each creditor."""
    return f"M{n}-{pipeline.mandate(number).removeprefix('MND-')}"


def own_iban(n: int) -> str:
    return pipeline.iban_of(8_000_000 + n)


def creditor_id(n: int) -> str:
    """DE, check digits over what follows the business code (EPC262-08), ZZZ, and eleven digits."""
    national = f"0{n:010d}"
    return f"DE{98 - int(national + '131400') % 97:02d}ZZZ{national}"


def contract(n: int) -> str:
    return f"0x{0xC0 + n:040x}"


def timed(folder: Path, workers: int, now: datetime, done: Callable[[], bool]) -> float:
    """Seconds from the first ring to workers that listen until it is done; they and beat are stopped then."""
    with crew(folder, workers, now) as logs:
        wait_until(lambda: all(" ready." in log.read_text("utf-8") for log in logs), logs)
        started = time.perf_counter()
        with process(folder, "beat.log", "beat"):
            wait_until(done, logs)
        return time.perf_counter() - started


@contextmanager
def crew(folder: Path, workers: int, now: datetime) -> Iterator[list[Path]]:
    """So many workers at this moment; gives the files into which they talk, and refuses to go on where one complained."""
    names = [f"worker-{number}-{now:%d}.log" for number in range(workers)]
    running = [started(folder, name, "worker", "--clock", now.isoformat()) for name in names]
    logs = [folder / name for name in names]
    try:
        yield logs
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(60)
    for log in logs:
        if found := TROUBLE.search(log.read_text("utf-8")):
            raise SystemExit(f"bench: a worker said {found[0]}:\n{log.read_text('utf-8')}")


@contextmanager
def process(folder: Path, name: str, *words: str) -> Iterator[None]:
    running = started(folder, name, *words)
    try:
        yield
    finally:
        running.terminate()
        running.wait(60)


def started(folder: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    with (folder / name).open("wb") as file:
        command = [sys.executable, "-m", "bridge", *words, "--config", str(folder / "bridge.toml")]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)


def wait_until(holds: Callable[[], bool], logs: list[Path]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("bench: the workers did not end:\n" + "\n".join(log.read_text("utf-8") for log in logs))
        time.sleep(LOOKS_SECONDS)


def in_state(folder: Path, state: str) -> int:
    from sqlalchemy import func, select

    from bridge.model import Collection

    with _runtime(folder).reading() as session:
        return int(session.scalar(select(func.count()).where(Collection.state == state)) or 0)


_opened: dict[Path, Any] = {}


def _runtime(folder: Path) -> Any:
    if folder not in _opened:
        _opened[folder] = opened(folder)
    return _opened[folder]


def answer(folder: Path) -> None:
    """The bank of each creditor credits every debit by a line of its own."""
    from bridge.sim.bank import SimBank

    for n in range(1, PLANTS + 1):
        bank = SimBank(own_iban(n), opening_cents=pipeline.OPENING_CENTS, style="single")
        for path in sorted((folder / "outbox").glob("*.xml")):
            body = path.read_bytes()
            if own_iban(n).encode() in body:
                bank.upload(body)
        for place, day in enumerate((*pipeline.DUE, pipeline.DUE_LATER), 1):
            (folder / "inbox" / f"{n}-{place}.xml").write_bytes(bank.statement(day))


def verified(folder: Path, invoices: int) -> str:
    """What the books say; ends the bench where an invariant is broken or a debit stands in two files."""
    from sqlalchemy import func, select

    from bridge.model import Collection, Member
    from bridge.reports import check

    runtime = opened(folder, ANSWERED)
    with runtime.reading() as session:
        broken = [one.id for one in check.run(session, runtime) if not one.ok]
        debits = session.scalar(select(func.count(Collection.id)))
        placed = session.scalar(select(func.count(func.distinct(Member.collection_id))))
        places = session.scalar(select(func.count(Member.collection_id)))
    if broken or not debits == placed == places == invoices:
        raise SystemExit(f"bench: {debits} debits at {places} places of files, broken: {broken}")
    return f"{debits:,} debits, each in one file, settled; every invariant holds"


if __name__ == "__main__":
    main()
